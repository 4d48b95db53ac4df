"""The second derivative, averaged over targets that the score predicts: Fisher scoring.

A score predicts those distributions of the target for which the gradient has mean 0.  What the mean of the second
derivative h is under all of them is known in three cases, which go together:

* h + lambda*g is free of the target for some lambda that is: then that is the mean.  So it is in every exponential
  family, and for the location and the scale of a normal distribution.
* The target has two values: the mean of g being 0 says how probable each is.
* Conditions, and anything else that does not read the target, are the same for all targets: case by case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from lossdsl.boosting import symbolic
from lossdsl.boosting.derivation import Derivation, NotDerivable, Output
from lossdsl.boosting.intervals import of_arguments
from lossdsl.boosting.rows import children, shown
from lossdsl.boosting.substitution import Substitution, arrays_as
from lossdsl.diagnostics import Span
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Node, reachable
from lossdsl.meaning import core
from lossdsl.meaning.core import Arg

CASES = 4
"""Conditions that are still told apart: each doubles the number of formulas."""
Pair = tuple[Node, Node]
"""The gradient and the second derivative."""


def expected(derivation: Derivation) -> dict[str, Output]:
    """The mean of the second derivative over targets for which the gradient has mean 0."""
    target = derivation.roles.target
    if target is None:
        raise NotDerivable("there is no target to average over")
    result = {}
    for name, output in derivation.diagonal.items():
        if not derivation.depends(output.node, target.name):
            result[name] = output
            continue
        found = _mean(derivation, (derivation.gradient[name].node, output.node), target)
        if found is None:
            raise NotDerivable(*_why(derivation, target))
        result[name] = Output(found, output.indices)
    return result


def _mean(derivation: Derivation, pair: Pair, target: Arg) -> Node | None:
    values = two_values(derivation, target)
    if values is not None:
        return _between(derivation, pair, target, values, True)
    return by_cases(derivation, pair, target, lambda nodes: _of_formula(derivation, nodes, target), CASES)


# ---------------------------------------------------------------- two values


def two_values(derivation: Derivation, target: Arg) -> tuple[Node, Node] | None:
    """The two values of a target that has no more, the lower one first."""
    values = target.domain[0].values if len(target.domain) == 1 and target.domain[0].kind == "set" else ()
    if len(values) != 2 or derivation.table.arrays[target.name].kind != "real":
        return None
    low, high = sorted(values)
    return derivation.graph.const(low), derivation.graph.const(high)


def _at(derivation: Derivation, node: Node, target: Arg, value: Node) -> Node:
    """The node at one value of the target."""
    return arrays_as(derivation.table, {target.name: lambda _: value}).of(node)


def _between(derivation: Derivation, pair: Pair, target: Arg, values: Pair, apart: bool) -> Node:
    """The mean of functions that are known at two targets: of two values, or affine between them."""
    first, second = ([_at(derivation, node, target, value) for node in pair] for value in values)
    return _of_two(first[0], first[1], second[0], second[1], apart)


def _of_two(g0: Node, h0: Node, g1: Node, h1: Node, within: bool) -> Node:
    """The mean of h, where the mean of g is 0: the shares of the two values are as g1 to -g0.

    `within`: whether shares lie between 0 and 1.  Where none of these make the mean 0, both slopes point the same way,
    and the value with the flatter slope has the whole.
    """
    g = g0.graph
    one, zero = g.const(1), g.const(0)
    flat = g.apply("eq", g0, g1)
    gap = g.where(flat, one, g1 - g0)
    shares = [share if not within else g.apply("clip", share, zero, one) for share in (g1 / gap, -g0 / gap)]
    first, second = (g.where(flat, one / g.const(2), share) for share in shares)
    return first * h0 + second * h1


# ---------------------------------------------------------------- case by case


def by_cases(
    derivation: Derivation, pair: Pair, target: Arg, solve: Callable[[Pair], Node | None], limit: int
) -> Node | None:
    """What `solve` finds where there are no choices, for each outcome of the conditions that do not read the target."""
    condition = next(_choices(derivation, pair, target), None)
    if condition is None:
        return solve(pair)
    if limit == 0:
        return None
    sides = []
    for outcome in (True, False):
        known = _decided(derivation, pair, condition, outcome)
        sides.append(by_cases(derivation, known, target, solve, limit - 1))
    first, second = sides
    return None if first is None or second is None else derivation.graph.where(condition, first, second)


def _choices(derivation: Derivation, pair: Pair, target: Arg) -> Iterator[Node]:
    for node in reachable(pair):
        if node.op == "where" and derivation.depends(node, target.name):
            condition = node.args[0]
            if not condition.is_const and not derivation.depends(condition, target.name):
                yield condition


def _decided(derivation: Derivation, pair: Pair, condition: Node, outcome: bool) -> Pair:
    known = derivation.graph.const(outcome)
    opposite = derivation.graph.const(not outcome)

    def replace(node: Node, args: Sequence[Node]) -> Node | None:
        if node is condition:
            return known
        return opposite if node.op == "not" and node.args[0] is condition else None

    substitution = Substitution(derivation.table, replace)
    return substitution.of(pair[0]), substitution.of(pair[1])


# ---------------------------------------------------------------- one formula


def _of_formula(derivation: Derivation, pair: Pair, target: Arg) -> Node | None:
    """By SymPy, which finds the shorter form; or between two targets, if both derivatives are affine in it."""
    found = _averaged(derivation, pair, target.name)
    if found is not None or not all(_is_affine(derivation, node, target.name) for node in pair):
        return found
    domain = of_arguments(derivation.program)[target.name]
    ends = [e for e in (domain.low, domain.high) if isinstance(e, Fraction)]
    low, high = (derivation.graph.const(value) for value in (ends if len(ends) == 2 else (0, 1)))
    return _between(derivation, pair, target, (low, high), len(ends) == 2)


def _is_affine(derivation: Derivation, node: Node, target: str) -> bool:
    slope = derivation.derivative(node, target)
    return slope is not None and not derivation.depends(slope, target)


def _averaged(derivation: Derivation, pair: Pair, target: str) -> Node | None:
    if not derivation.depends(pair[1], target):
        return pair[1]
    domains = of_arguments(derivation.program)
    symbols = symbolic.Symbols(derivation.table, domains, opaque=lambda node: not derivation.depends(node, target))
    first, second = symbols.of(pair[0]), symbols.of(pair[1])
    if first is None or second is None:
        return None
    sp = sympy()
    y = symbolic.symbol(target, domains)
    slope = sp.diff(first, y)
    ratio = -sp.diff(second, y) / slope if slope != 0 else sp.nan
    if not symbolic.seems_free(ratio, y) or not symbolic.seems_free(second + ratio * first, y):
        return None
    factor = symbolic.simplified(ratio)
    mean = symbolic.simplified(second + factor * first)
    if y in factor.free_symbols or y in mean.free_symbols:
        return None
    return symbolic.from_sympy(derivation.graph, symbolic.in_probability(mean), symbols.reads)


# ---------------------------------------------------------------- why not


def _why(derivation: Derivation, target: Arg) -> tuple[str, Span | None]:
    found = _breaking(derivation.program.element, target)
    if found is None:
        return "its mean over the target is not determined by that of the gradient, which is 0", None
    where = shown(found)
    return (
        f"at {where} the target decides between formulas, so that the mean of the second derivative depends on more of "
        "the distribution of targets than that the gradient has mean 0"
    ), found


def _breaking(root: core.Expr, target: Arg) -> Span | None:
    """The first place where the target decides between formulas."""
    reading = _reading(root, target)
    stack, seen = [root], {id(root)}
    while stack:
        expr = stack.pop()
        match expr:
            case core.If(condition=condition) if id(condition) in reading:
                return condition.span
            case core.Apply(function=function) if function in symbolic.SKIPPED and id(expr) in reading:
                return expr.span
        for child in reversed(children(expr)):
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    return None


def _reading(root: core.Expr, target: Arg) -> set[int]:
    """The expressions that read the target."""
    order, stack, seen = [], [root], {id(root)}
    while stack:
        expr = stack.pop()
        order.append(expr)
        for child in children(expr):
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    reading: set[int] = set()
    changed = True
    while changed:
        before = len(reading)
        for expr in reversed(order):
            own = isinstance(expr, core.Read) and expr.array is target
            if own or any(id(child) in reading for child in children(expr)):
                reading.add(id(expr))
        changed = len(reading) > before
    return reading
