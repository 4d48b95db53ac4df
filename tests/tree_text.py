"""Trees as short texts, one pair of parentheses per node, so that a test says which tree it expects."""

from __future__ import annotations

from lossdsl.syntax import parse
from lossdsl.syntax.tree import (
    Argument,
    AxisSet,
    Binary,
    Binder,
    Block,
    Bound,
    Call,
    Comparison,
    Conditional,
    Constant,
    Def,
    DomainSet,
    Expr,
    FiniteSet,
    Indexed,
    Interval,
    Iverson,
    Loss,
    Membership,
    Module,
    Name,
    NamedArgument,
    Number,
    Reduction,
    Slice,
    Unary,
)


def expression(text: str) -> Expr:
    """The tree of one expression."""
    item = parse(f"def f() = {text}\n").items[0]
    assert isinstance(item, Def)
    return item.body.result


def shown(text: str) -> str:
    """The tree of one expression, as a text."""
    return show(expression(text))


def loss(text: str) -> Loss:
    item = parse(text).items[0]
    assert isinstance(item, Loss)
    return item


def signature(text: str) -> Loss:
    """The loss with the arguments `text` and an empty block."""
    return loss(f"loss f({text}):\n    return 0\n")


def block(*lines: str) -> Block:
    return loss("loss f(x):\n" + "".join(f"    {line}\n" for line in lines)).body


def names(module: Module) -> list[str]:
    return [item.name.id for item in module.items if isinstance(item, (Def, Loss))]


def show(node: Expr | Slice | NamedArgument) -> str:
    match node:
        case Number():
            return str(node.value)
        case Constant():
            return node.name
        case Name():
            return node.id
        case Slice():
            return ":"
        case Indexed():
            return f"{show(node.base)}[{_list(node.indices)}]"
        case Unary():
            return f"({node.op} {show(node.operand)})"
        case Binary():
            return f"({node.op} {show(node.left)} {show(node.right)})"
        case Comparison():
            first, *rest = map(show, node.operands)
            return f"({first}{''.join(f' {op} {each}' for op, each in zip(node.ops, rest, strict=True))})"
        case Membership():
            return f"({show(node.operand)} in {show_set(node.set)})"
        case Conditional():
            return f"(if {show(node.condition)} {show(node.then)} {show(node.otherwise)})"
        case Iverson():
            return f"[{show(node.condition)}]"
        case NamedArgument():
            return f"{node.name.id}={show(node.value)}"
        case Call():
            groups = [
                f"{mark}{_list(group)}"
                for mark, group in zip("|;", (node.data, node.hyper), strict=True)
                if group is not None
            ]
            return f"{node.function.id}({_list(node.arguments)}{''.join(groups)})"
        case Reduction():
            binders = "" if node.binders is None else ",".join(map(_binder, node.binders))
            where = "" if node.where is None else f" where {show(node.where)}"
            body = "" if node.body is None else show(node.body)
            return f"{node.op}<{binders}{where}>({body})"


def show_set(values: DomainSet) -> str:
    match values:
        case Bound():
            return f"{values.op}{show(values.value)}"
        case Interval():
            low, high = "(" if values.low_open else "[", ")" if values.high_open else "]"
            return f"{low}{show(values.low)},{show(values.high)}{high}"
        case FiniteSet():
            return "{" + _list(values.values) + "}"
        case AxisSet():
            return show(values.name)


def show_argument(argument: Argument) -> str:
    axes = ",".join(axis.name or str(axis.size) for axis in argument.axes)
    domain = "" if argument.domain is None else " " + " or ".join(map(show_set, argument.domain.alternatives))
    default = "" if argument.default is None else f" = {show(argument.default)}"
    return f"{'learn ' if argument.learn else ''}{argument.name.id}[{axes}]{domain}{default}"


def _binder(binder: Binder) -> str:
    return binder.name.id if binder.range is None else f"{binder.name.id} in {show(binder.range)}"


def _list(nodes: tuple[Expr | Slice | NamedArgument, ...]) -> str:
    return ",".join(map(show, nodes))
