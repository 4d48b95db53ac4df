"""Quotients by sums of several exponentials: both sides are scaled by the greatest exponent.

cosh(x)/(1 + exp(x^2)) is inf/inf at 800.  An expression is written as rest*exp(exponent), where the rest of a sum is
the sum of exp(own exponent - greatest exponent) and so neither overflows nor vanishes: what logsumexp does, for any
sum.  The exponents of both sides meet in one difference.  The scale is the same number above and below, so that
derivatives need not know of it: it stands behind `stop_gradient`, and no derivative has a power of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite.facts import Property
from lossdsl.rewrite.finite import SCALED_SUMS, is_away_from_zero, is_one_number
from lossdsl.rewrite.overflow import DEGREE, LIMIT, clash_by_overflow
from lossdsl.rewrite.signs import sign

HALF = Fraction(1, 2)
MOST_TERMS = 16
"""Of one sum; the greatest exponent of more is not looked for."""
OPEN = frozenset({"exp", "expm1", "cosh", "sinh"})
"""Functions that are written as exponentials."""
HYPERBOLIC = OPEN - {"exp"}
PASSING = frozenset({"add", "sub", "neg", "mul", "guarded_mul", "div", "pow", "sqrt", "abs", "hypot"})
"""Operations that pass an exponent on."""


TYPED = ("as typed", "nodes")
"""Where the table keeps what people typed for what is written here, for rules that know more of it."""
Term = tuple[Node, Node]
"""A coefficient, and what the exponential is taken of that it is multiplied with: 0 for what is no exponential."""
Terms = tuple[Term, ...]


@dataclass(frozen=True)
class _Ratio:
    """A sum of exponentials over another one."""

    above: Terms
    below: Terms


def quotient(table: StageTable, a: Node, b: Node) -> Node | None:
    """a/b, where b is made of sums of exponentials."""
    if not has_exponential(table, b):
        return None
    g = table.graph
    above, below = _opened(table, a), _opened(table, b)
    if above is None or below is None or not _is_composed(below):
        return None
    return _written(table, _over(table, above, below), g.raw("div", a, b))


def product(table: StageTable, a: Node, b: Node) -> Node | None:
    """a*b, where one overflows and the other is rounded to 0, and one of them is made of sums of exponentials."""
    if not (has_exponential(table, a) and has_exponential(table, b) and clash_by_overflow(table, a, b)):
        return None
    g = table.graph
    first, second = _opened(table, a), _opened(table, b)
    if first is None or second is None or not (_is_composed(first) or _is_composed(second)):
        return None
    return _written(table, _times(table, first, second), g.raw("mul", a, b))


def has_exponential(table: StageTable, node: Node) -> bool:
    """Whether the expression is made of exponentials that can overflow, by operations that let them through."""
    return _HAS_EXPONENTIAL.of(table, node)


def _has_exponential(table: StageTable, node: Node, args: list[bool]) -> bool:
    if node.id in table.facts.get(TYPED, {}):
        return True
    if node.op in OPEN:
        return not is_one_number(table, node)
    return node.op in PASSING and any(args)


_HAS_EXPONENTIAL: Property[bool] = Property("has an exponential", _has_exponential, lambda table, stage: False)


def _is_composed(ratio: _Ratio) -> bool:
    """Whether it is more than exponentials that are multiplied with each other."""
    if max(len(ratio.above), len(ratio.below)) > 1:
        return True
    coefficients = [c for c, _ in (*ratio.above, *ratio.below)]
    return any(n.op == "softmax_weight" for n in reachable(coefficients, stop=lambda n: n.op not in PASSING))


# ---------------------------------------------------------------- reading


def _opened(table: StageTable, root: Node) -> _Ratio | None:
    """The expression as a ratio of sums of exponentials; None where it grows as fast as one, and is not made of them.

    Remembered for every node, so that a sum that grows term by term costs no more than its terms.
    """
    found = _known(table)
    for node in reachable([root], stop=lambda n: n.id in found or n.op in OPEN or not has_exponential(table, n)):
        if node.id in found:
            continue
        if not has_exponential(table, node):
            found[node.id] = _ratio(node) if abs(DEGREE.of(table, node)) < LIMIT else None
        elif (typed := table.facts.get(TYPED, {}).get(node.id)) is not None:
            found[node.id] = _opened(table, typed)
        elif node.op in OPEN:
            found[node.id] = _function(node)
        else:
            args = [part for a in node.args if (part := found.get(a.id)) is not None]
            opened = _combined(table, node, args) if len(args) == len(node.args) else None
            short = opened is not None and max(len(opened.above), len(opened.below)) <= MOST_TERMS
            found[node.id] = opened if short else None
    return found[root.id]


def _known(table: StageTable) -> dict[int, _Ratio | None]:
    known: dict[int, _Ratio | None] = table.facts.setdefault(("ratios of sums of exponentials", "nodes"), {})
    return known


def _ratio(coefficient: Node, exponent: Node | None = None) -> _Ratio:
    g = coefficient.graph
    return _Ratio(((coefficient, exponent or g.const(0)),), ((g.const(1), g.const(0)),))


def _function(node: Node) -> _Ratio:
    """expm1(x) as tanh(x/2)*(exp(x) + 1), sinh(x) as tanh(x)*cosh(x): a difference would lose digits near 0."""
    g, (x,) = node.graph, node.args
    match node.op:
        case "exp":
            return _ratio(g.const(1), x)
        case "expm1":
            part = g.apply("tanh", x / 2)
            above = (part, x), (part, g.const(0))
        case "cosh" | "sinh":
            part = g.const(HALF) if node.op == "cosh" else HALF * g.apply("tanh", x)
            above = (part, x), (part, -x)
    return _Ratio(above, ((g.const(1), g.const(0)),))


def _combined(table: StageTable, node: Node, args: list[_Ratio]) -> _Ratio | None:
    g = table.graph
    match node.op, args:
        case (("add" | "sub"), [a, b]):
            terms = [*_as_sum(table, a), *_as_sum(table, b if node.op == "add" else _negative(b))]
            same: dict[Node, list[Node]] = {}
            for c, x in terms:
                same.setdefault(x, []).append(c)
            kept = [(total, x) for x, cs in same.items() if not (total := g.total(cs)).is_value(0)]
            return _Ratio(tuple(kept), ((g.const(1), g.const(0)),)) if kept else None
        case "neg", [a]:
            return _negative(a)
        case (("mul" | "guarded_mul"), [a, b]):
            return _times(table, a, b)
        case "div", [a, b]:
            return _over(table, a, b)
        case "pow", [a, _] if is_one_number(table, p := node.args[1]):
            (x, j), (y, k) = _scaled(table, a.above), _scaled(table, a.below)
            return _Ratio(((x**p, p * j),), ((y**p, p * k),))
        case "abs", [a]:
            (x, j), (y, k) = _scaled(table, a.above), _scaled(table, a.below)
            return _Ratio(((g.apply("abs", x), j),), ((g.apply("abs", y), k),))
        case "hypot", [a, b]:
            rest, exponent = _scaled(table, (*_term(table, a), *_term(table, b)), "hypot")
            return _ratio(rest, exponent)
        case "sqrt", [a]:
            (x, j), (y, k) = _scaled(table, a.above), _scaled(table, a.below)
            return _Ratio(((g.apply("sqrt", x), j / 2),), ((g.apply("sqrt", y), k / 2),))
    return None


def _negative(a: _Ratio) -> _Ratio:
    return _Ratio(tuple((-c, x) for c, x in a.above), a.below)


def _as_sum(table: StageTable, a: _Ratio) -> Terms:
    """The ratio as a sum: of one term, if something is to be divided by."""
    (c, x), *others = a.below
    if not others and x.is_value(0) and c.is_value(1):
        return a.above
    return _term(table, a)


def _term(table: StageTable, a: _Ratio) -> Terms:
    """The ratio as one term."""
    return (_divided(table, a),)


def _times(table: StageTable, a: _Ratio, b: _Ratio) -> _Ratio:
    return _Ratio(_product(table, a.above, b.above), _product(table, a.below, b.below))


def _over(table: StageTable, a: _Ratio, b: _Ratio) -> _Ratio:
    return _times(table, a, _Ratio(b.below, b.above))


def _product(table: StageTable, a: Terms, b: Terms) -> Terms:
    """A sum is multiplied out with one term, so that its exponents keep what they have in common."""
    for one, other in ((a, b), (b, a)):
        if len(one) == 1:
            ((c, x),) = one
            return tuple((c * d, x + y) for d, y in other)
    (c, x), (d, y) = _scaled(table, a), _scaled(table, b)
    return ((c * d, x + y),)


# ---------------------------------------------------------------- writing


def _written(table: StageTable, ratio: _Ratio, typed: Node) -> Node:
    """The ratio, without any rule: none is needed, and none may join its parts again.

    Hyperbolic functions stay near 0: their derivatives are differences of exponentials.
    """
    g = table.graph
    rest, exponent = _divided(table, ratio)
    scale = g.apply("exp", exponent)
    if rest.op == "div" and rest.args[0].is_value(1):
        result = g.raw("div", scale, rest.args[1])
    else:
        result = scale if rest.is_value(1) else g.raw("mul", rest, scale)
    functions = [n for n in reachable([typed], stop=lambda n: n.op not in PASSING) if n.op in OPEN]
    if any(n.op in HYPERBOLIC for n in functions):
        largest = g.apply("max", *dict.fromkeys(g.apply("abs", n.args[0]) for n in functions))
        result = g.where(g.apply("le", largest, g.const(1)), typed, result)
    _known(table)[result.id] = ratio
    table.facts.setdefault(TYPED, {})[result.id] = typed
    return result


def _divided(table: StageTable, ratio: _Ratio) -> Term:
    """One coefficient and one exponent.

    What is one exponential above is taken from the exponents below, where one may be the same: its derivative is 0
    then, and not a difference.
    """
    g = table.graph
    above, below = ratio.above, ratio.below
    if len(above) == 1:
        ((c, x),) = above
        above, below = ((c, g.const(0)),), tuple((d, y - x) for d, y in below)
    (a, j), (b, k) = _scaled(table, above), _scaled(table, below)
    return (a if b.is_value(1) else g.raw("div", a, b)), j - k


def _scaled(table: StageTable, terms: Terms, op: str = "add") -> Term:
    """One coefficient and one exponent, the greatest of a sum, or of a root of a sum of squares."""
    if len(terms) == 1:
        return terms[0]
    g = table.graph
    greatest = g.apply("max", *(_height(table, c, x) for c, x in terms))
    if not any(is_away_from_zero(table, c) for c, _ in terms):  # all of them may be 0
        none = g.apply("eq", greatest, g.const("-inf"))
        greatest = g.where(none, g.apply("max", *(x for _, x in terms)), greatest)
    greatest = g.apply("stop_gradient", greatest)
    parts = [_weighted(table, c, g.apply("softmax_weight", x, greatest)) for c, x in terms]
    total = parts[0]
    for part in parts[1:]:
        total = g.raw(op, total, part)
    if all(is_away_from_zero(table, c) and sign(table, c) == "positive" for c, _ in terms):
        table.facts.setdefault(SCALED_SUMS, {})[total.id] = True
    return total, greatest


def _height(table: StageTable, c: Node, x: Node) -> Node:
    """The exponent of a term; none where its coefficient is 0."""
    g = table.graph
    return x if is_away_from_zero(table, c) else g.where(g.apply("eq", c, g.const(0)), g.const("-inf"), x)


def _weighted(table: StageTable, c: Node, weight: Node) -> Node:
    return c * weight if is_away_from_zero(table, c) else table.graph.apply("guarded_mul", c, weight)
