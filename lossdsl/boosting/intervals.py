"""Interval reasoning over the stages of a program: between which numbers a node lies, whatever the arguments are.

An interval holds every value that a node takes where arguments lie in their domains, in exact arithmetic.  Ends that
are open are not taken.  Only rules that are true are used: an end may be too far out, never too far in.  Ends that are
no exact fractions are moved out by far more than a rounding error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from lossdsl.boosting.interval import (
    INF,
    NONNEGATIVE,
    REAL,
    RULES,
    End,
    Interval,
    add,
    compared,
    extremum,
    mul,
    point,
    power,
    whole_power,
)  # fmt: skip
from lossdsl.calculus.gradient import needed_stages
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning import core

__all__ = ["Interval", "Intervals", "near_defaults", "of_arguments", "of_domain", "point"]


def of_domain(arg: core.Arg, known: Mapping[str, Interval]) -> Interval:
    """What a domain promises; ends that are hyperparameters are taken at their own far ends."""

    def end(value: Fraction | str, low: bool) -> End:
        if isinstance(value, Fraction):
            return value
        if value in ("inf", "-inf"):
            return float(value)
        bound = known.get(value, REAL)
        return bound.low if low else bound.high

    found: list[Interval] = []
    for part in arg.domain:
        match part.kind:
            case "interval":
                found.append(Interval(end(part.low, True), end(part.high, False), part.low_open, part.high_open))
            case "set":
                found.append(Interval(min(part.values), max(part.values)))
            case "axis":
                found.append(NONNEGATIVE)
            case "nonzero":
                found.append(REAL)
    result = found[0] if found else REAL
    for other in found[1:]:
        result = result | other
    return result


def of_arguments(program: core.Program) -> dict[str, Interval]:
    """By name: between which numbers the elements of each argument lie."""
    result: dict[str, Interval] = {}
    for arg in program.args:
        result[arg.name] = of_domain(arg, result)
    return result


def near_defaults(program: core.Program) -> dict[str, Interval]:
    """The same, but for hyperparameters: those lie near their defaults, or in the middle of their domains."""
    result = of_arguments(program)
    for arg in program.args:
        if arg.role in ("hyper", "learn"):
            around = result[arg.name]
            middle = arg.default if isinstance(arg.default, Fraction) else around.middle
            width = abs(middle) / 4 or Fraction(1, 4)
            result[arg.name] = Interval(middle - width, middle + width) & around
    return result


class Intervals:
    """Intervals of the nodes of one table, for given intervals of its arrays."""

    def __init__(self, table: StageTable, arrays: Mapping[str, Interval]) -> None:
        self.table, self.arrays = table, arrays
        self._nodes: dict[int, Interval] = {}
        self._stages: dict[str, Interval] = {}

    def of(self, root: Node) -> Interval:
        """Where the values of a number lie."""
        for stage in needed_stages(self.table, [root]):
            if stage.name not in self._stages:
                self._stages[stage.name] = self._stage(stage)
        return self._node(root)

    def _node(self, root: Node) -> Interval:
        for node in reachable([root], stop=lambda n: n.id in self._nodes):
            if node.id not in self._nodes and node.kind != "bool":
                self._nodes[node.id] = self._value(node)
        return self._nodes[root.id]

    def holds(self, condition: Node) -> bool | None:
        """Whether a condition is true everywhere, false everywhere, or not known."""
        if condition.is_const:
            return bool(condition.value)
        known = [self.holds(a) if a.kind == "bool" else None for a in condition.args]
        match condition.op:
            case "not":
                return None if known[0] is None else not known[0]
            case "and":
                return False if False in known else None if None in known else True
            case "or":
                return True if True in known else None if None in known else False
            case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
                return compared(condition.op, *(self._node(a) for a in condition.args))
        return None

    def _stage(self, stage: Stage) -> Interval:
        match stage.op:
            case "sum" if not stage.positions:
                return _sum(self._node(stage.body))
            case "sum":
                return _sum(self._node(stage.body) | point(Fraction(0)))
            case "norm":
                return NONNEGATIVE
            case "max" | "min" if stage.where is None:
                return self._node(stage.body)
            case "prod":
                body = self._node(stage.body)
                inside = body.nonnegative and body.high <= 1
                return Interval(Fraction(0), Fraction(1)) if inside else NONNEGATIVE if body.nonnegative else REAL
        return REAL

    def _value(self, node: Node) -> Interval:
        args = [self._nodes[a.id] if a.kind != "bool" else REAL for a in node.args]
        rule = RULES.get(node.op)
        if rule is not None:
            return rule(*args) & self._special(node)
        match node.op:
            case "const":
                return _constant(node.value)
            case "extent":
                return NONNEGATIVE
            case "index":
                return NONNEGATIVE
            case "read":
                return self.arrays.get(str(node.value), self._stages.get(str(node.value), REAL))
            case "where":
                return self._where(node, args)
            case "add" | "sub":
                return add(args[0], args[1] if node.op == "add" else -args[1]) & self._special(node)
            case "pow":
                return power(node, args)
            case "max" | "min":
                return extremum(node.op, args)
        return self._of_row(node, args)

    def _where(self, node: Node, args: Sequence[Interval]) -> Interval:
        match self.holds(node.args[0]):
            case True:
                return args[1]
            case False:
                return args[2]
        return args[1] | args[2]

    def _special(self, node: Node) -> Interval:
        """What is known from arguments that are the same, or made of the same."""
        if node.op in PRODUCTS:
            return self._squares(node)
        if node.op == "sub":
            return self._remainder(*node.args)
        return REAL

    def _squares(self, node: Node) -> Interval:
        """A product with equal factors brought together, so that their signs cancel."""
        counts = Counter(_factors(node))
        if all(count == 1 for count in counts.values()):
            return REAL
        result = point(Fraction(1))
        for factor, count in counts.items():
            result = mul(result, whole_power(self._nodes[factor.id], count))
        return result

    def _remainder(self, a: Node, b: Node) -> Interval:
        """a - a*b is a*(1 - b)."""
        if b.op in ("mul", "guarded_mul"):
            for same, factor in (b.args, b.args[::-1]):
                if same is a:
                    return mul(self._nodes[a.id], add(point(Fraction(1)), -self._nodes[factor.id]))
        return REAL

    def _of_row(self, node: Node, args: Sequence[Interval]) -> Interval:
        """By the range of the function, and by its values at the ends where it is monotone."""
        row = TABLE.get(node.op)
        if row is None:
            return REAL
        low, high = map(_exact, row.range)
        around = Interval(low, high, node.op in OPEN_LOW, node.op in OPEN_HIGH)
        if row.monotone and len(args) == 1:
            ends = [_at_end(node.op, args[0].low), _at_end(node.op, args[0].high)]
            opens = [args[0].low_open, args[0].high_open]
            if row.monotone < 0:
                ends, opens = ends[::-1], opens[::-1]
            inside = Interval(_outward(ends[0], -1), _outward(ends[1], 1), opens[0], opens[1])
            return around & inside
        return around


PRODUCTS = frozenset({"mul", "guarded_mul"})


def _factors(node: Node) -> list[Node]:
    """The factors of a product of products."""
    return opened(node, lambda factor: factor.args if factor.op in PRODUCTS else None)


OPEN_LOW = frozenset({
    "exp", "sigmoid", "softplus", "tanh", "normal_cdf", "erf", "erfc", "exprel", "normal_hazard", "normal_residual",
    "softmax_weight", "exp_moment", "expm1",
})  # fmt: skip
"""Functions that never take the lower end of their range at finite arguments."""
OPEN_HIGH = frozenset({"sigmoid", "log_sigmoid", "tanh", "normal_cdf", "erf", "erfc", "normal_logcdf"})
"""... the upper end."""


def _exact(value: float) -> End:
    return value if math.isinf(value) else Fraction(value)


def _outward(value: End, direction: int) -> End:
    """An end that was rounded, moved out by far more than the rounding; whole numbers are exact."""
    if isinstance(value, float) and math.isinf(value):
        return value
    exact = Fraction(value)
    if exact.denominator == 1:
        return exact
    return exact + direction * abs(exact) / 2**40


def _at_end(op: str, end: End) -> End:
    """A monotone function at an end, in mpmath; infinite where it is not defined."""
    from lossdsl.functions.lazy import mpmath

    mp = mpmath()
    argument = mp.mpf(end.numerator) / end.denominator if isinstance(end, Fraction) else mp.mpf(end)
    value = TABLE[op].oracle(argument)
    if mp.isnan(value):
        return -INF
    return float(value) if mp.isinf(value) else Fraction(*float(value).as_integer_ratio())


def _constant(value: object) -> Interval:
    if isinstance(value, Fraction):
        return point(value)
    return {"inf": point(INF), "-inf": point(-INF), "pi": Interval(Fraction(3), Fraction(4))}.get(str(value), REAL)


def _sum(body: Interval) -> Interval:
    """Of any number of elements."""
    if body.low >= 0:
        return NONNEGATIVE if body.high > 0 else point(Fraction(0))
    return Interval(-INF, Fraction(0)) if body.high <= 0 else REAL
