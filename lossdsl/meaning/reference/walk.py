"""Facts about the nodes of a checked program that the reference interpreter needs before it evaluates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lossdsl.meaning.core import Along, Apply, Expr, If, Index, Let, Num, Program, Read, Reduce, Size, Var

LOGARITHMS = frozenset(
    {"log", "log2", "log10", "log1p", "logit", "log_sigmoid", "normal_logcdf", "logaddexp", "xlogy", "lgamma"}
    | {"logsumexp", "log_softmax"}
)


def children(node: Expr) -> tuple[Expr, ...]:
    match node:
        case Num() | Index() | Size():
            return ()
        case Read():
            return node.indices
        case Apply():
            return node.args
        case If():
            return node.condition, node.then, node.otherwise
        case Reduce():
            return (node.body,) if node.where is None else (node.where, node.body)
        case Along():
            return (node.body, node.at) if node.where is None else (node.where, node.body, node.at)


def bottom_up(roots: Sequence[Expr]) -> list[Expr]:
    """Every node once, after its children; a loop, so that deep trees cost no stack."""
    order: dict[int, Expr] = {}
    entered: set[int] = set()
    stack = list(reversed(roots))
    while stack:
        node = stack[-1]
        if id(node) in entered:
            order.setdefault(id(node), stack.pop())
            continue
        entered.add(id(node))
        stack.extend(child for child in reversed(children(node)) if id(child) not in entered)
    return list(order.values())


def roots(program: Program) -> list[Expr]:
    """The bindings in order, then the element and the mask."""
    mask = [] if program.mask is None else [program.mask]
    return [let.expr for let in program.lets] + [program.element] + mask


def bound_by(node: Expr) -> tuple[Var, ...]:
    match node:
        case Reduce():
            return node.vars
        case Along():
            return (node.var,)
    return ()


class Facts:
    """By `id` of a node: how often it is used, its free variables (by `id`), whether it contains a logarithm."""

    def __init__(self, program: Program) -> None:
        self.order = bottom_up(roots(program))
        self.uses = Counter(id(child) for node in self.order for child in children(node))
        self.uses.update(id(root) for root in roots(program))
        self.free: dict[int, frozenset[int]] = {}
        self.logarithmic: set[int] = set()
        for node in self.order:
            self._note(node)

    def _note(self, node: Expr) -> None:
        below = children(node)
        free = frozenset[int]().union(*[self.free[id(child)] for child in below])
        logarithmic = any(id(child) in self.logarithmic for child in below)
        match node:
            case Index():
                free = frozenset({id(node.var)})
            case Reduce():
                free -= {id(var) for var in node.vars}
                logarithmic |= node.op in LOGARITHMS
            case Along():
                free = self.along(node) | self.free[id(node.at)]
                logarithmic |= node.op in LOGARITHMS
            case Apply():
                logarithmic |= node.function in LOGARITHMS
            case Read(array=Let() as let):
                logarithmic = id(let.expr) in self.logarithmic
        self.free[id(node)] = free
        if logarithmic:
            self.logarithmic.add(id(node))

    def along(self, node: Along) -> frozenset[int]:
        """The free variables of what runs along an axis, without the position at which it is read."""
        below = [node.body] if node.where is None else [node.where, node.body]
        return frozenset[int]().union(*[self.free[id(child)] for child in below]) - {id(node.var)}
