"""A checked program as text, to be compared in tests: every range, every guard."""

from __future__ import annotations

from lossdsl.meaning import core
from lossdsl.meaning.resolution import extents


def show(program: core.Program) -> str:
    lines = [f"{let.role} {let.name}{_vars(let.vars)}: {let.kind} = {text(let.expr)}" for let in program.lets]
    mask = "" if program.mask is None else f" where {text(program.mask)}"
    lines.append(f"{program.reduction or 'value'}{_vars(program.free)}{mask}: {text(program.element)}")
    lines += [f"check {extents.show(one.left)} == {extents.show(one.right)}" for one in program.checks]
    return "\n".join(lines)


def _vars(variables: tuple[core.Var, ...]) -> str:
    return "[" + ", ".join(bounds(var) for var in variables) + "]" if variables else ""


def bounds(var: core.Var) -> str:
    return f"{var.name} in {extents.show(var.low)}..{extents.show(var.high)}"


INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "eq": "==", "ne": "!=", "and": "and", "or": "or",
}  # fmt: skip


def text(node: core.Expr) -> str:
    match node:
        case core.Num(value=value):
            return str(value)
        case core.Index(var=var):
            return var.name
        case core.Size(extent=extent):
            return f"<{extents.show(extent)}>"
        case core.Read():
            at = "[" + ", ".join(text(index) for index in node.indices) + "]" if node.indices else ""
            return node.array.name + at + _guards(node)
        case core.Apply(function=function, args=(left, right)) if function in INFIX:
            return f"({text(left)} {INFIX[function]} {text(right)})"
        case core.Apply(function=function, args=args):
            return f"{function}({', '.join(text(arg) for arg in args)})"
        case core.If():
            return f"({text(node.then)} if {text(node.condition)} else {text(node.otherwise)})"
        case core.Reduce():
            where = "" if node.where is None else f" where {text(node.where)}"
            return f"{node.op}{_vars(node.vars)[:-1]}{where}]({text(node.body)})"
        case core.Along():
            where = "" if node.where is None else f" where {text(node.where)}"
            return f"{node.op}[{bounds(node.var)}{where}]({text(node.body)})@{text(node.at)}"


def _guards(read: core.Read) -> str:
    if read.safe:
        return ""
    return "?" + "".join(f"<{'' if truth else 'not '}{text(condition)}>" for condition, truth in read.guards)
