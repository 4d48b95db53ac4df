"""Interval reasoning over the stages of a program: between which numbers a node lies, whatever the arguments are.

An interval holds every value that a node takes where arguments lie in their domains, in exact arithmetic.  Ends that
are open are not taken.  Only rules that are true are used: an end may be too far out, never too far in.  Ends that are
no exact fractions are moved out by far more than a rounding error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from lossdsl.calculus.gradient import needed_stages
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning import core

End = Fraction | float
"""A fraction, or an infinity."""
INF = math.inf


@dataclass(frozen=True)
class Interval:
    low: End = -INF
    high: End = INF
    low_open: bool = False
    high_open: bool = False

    @property
    def positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def nonnegative(self) -> bool:
        return self.low >= 0

    @property
    def negative(self) -> bool:
        return (-self).positive

    @property
    def is_point(self) -> bool:
        return self.low == self.high

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.high_open, self.low_open)

    def __or__(self, other: Interval) -> Interval:
        """The smallest interval around both."""
        low = min(self.low, other.low)
        high = max(self.high, other.high)
        low_open = all(i.low_open for i in (self, other) if i.low == low)
        return Interval(low, high, low_open, all(i.high_open for i in (self, other) if i.high == high))

    def __and__(self, other: Interval) -> Interval:
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low > high:
            return self
        low_open = any(i.low_open for i in (self, other) if i.low == low)
        return Interval(low, high, low_open, any(i.high_open for i in (self, other) if i.high == high))


REAL = Interval()
POSITIVE = Interval(Fraction(0), INF, True)
NONNEGATIVE = Interval(Fraction(0))


def point(value: End) -> Interval:
    return Interval(value, value)


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
            middle = arg.default if isinstance(arg.default, Fraction) else _inner(around)
            width = abs(middle) / 4 or Fraction(1, 4)
            result[arg.name] = Interval(middle - width, middle + width) & around
    return result


def _inner(around: Interval) -> Fraction:
    """A number inside an interval."""
    low, high = around.low, around.high
    if isinstance(low, Fraction) and isinstance(high, Fraction):
        return (low + high) / 2
    if isinstance(low, Fraction):
        return low + 1
    return high - 1 if isinstance(high, Fraction) else Fraction(1)


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
                return _compared(condition.op, *(self._node(a) for a in condition.args))
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
                return _add(args[0], args[1] if node.op == "add" else -args[1]) & self._special(node)
            case "pow":
                return _pow(node, args)
            case "max" | "min":
                return _extremum(node.op, args)
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
            result = _mul(result, _whole_power(self._nodes[factor.id], count))
        return result

    def _remainder(self, a: Node, b: Node) -> Interval:
        """a - a*b is a*(1 - b)."""
        if b.op in ("mul", "guarded_mul"):
            for same, factor in (b.args, b.args[::-1]):
                if same is a:
                    return _mul(self._nodes[a.id], _add(point(Fraction(1)), -self._nodes[factor.id]))
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
    found, stack = [], list(node.args)
    while stack:
        factor = stack.pop()
        if factor.op in PRODUCTS and len(stack) < 100:
            stack.extend(factor.args)
        else:
            found.append(factor)
    return found


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


def _plus(a: End, b: End, missing: float) -> End:
    if isinstance(a, float) or isinstance(b, float):
        total = float(a) + float(b)
        return missing if math.isnan(total) else total
    return a + b


def _add(a: Interval, b: Interval) -> Interval:
    low, high = _plus(a.low, b.low, -INF), _plus(a.high, b.high, INF)
    return Interval(low, high, a.low_open or b.low_open, a.high_open or b.high_open)


def _times(a: tuple[End, bool], b: tuple[End, bool]) -> tuple[End, bool]:
    """The product of two ends, and whether it is not taken; 0 wins over an infinity that is not taken."""
    (x, x_open), (y, y_open) = a, b
    if x == 0 or y == 0:
        taken = (x == 0 and not x_open) or (y == 0 and not y_open)
        return Fraction(0), not taken
    if isinstance(x, float) or isinstance(y, float):
        return (INF if (x > 0) == (y > 0) else -INF), x_open or y_open
    return x * y, x_open or y_open


def _mul(a: Interval, b: Interval) -> Interval:
    ends = [
        _times(x, y)
        for x in ((a.low, a.low_open), (a.high, a.high_open))
        for y in ((b.low, b.low_open), (b.high, b.high_open))
    ]
    low, high = min(e for e, _ in ends), max(e for e, _ in ends)
    low_open, high_open = (all(o for e, o in ends if e == end) for end in (low, high))
    if low == 0 == high:
        low_open = high_open = False
    return Interval(low, high, low_open, high_open)


def _reciprocal(a: Interval) -> Interval:
    if a.positive:
        high: End = INF if a.low == 0 else _over(a.low)
        return Interval(_over(a.high), high, a.high_open or a.high == INF, a.low_open)
    if a.negative:
        return -_reciprocal(-a)
    return NONNEGATIVE if a.nonnegative else -NONNEGATIVE if (-a).nonnegative else REAL


def _over(end: End) -> End:
    return Fraction(0) if isinstance(end, float) else 1 / end


def _pow(node: Node, args: Sequence[Interval]) -> Interval:
    base, exponent = args
    constant = node.args[1].value
    if isinstance(constant, Fraction) and constant.denominator == 1:
        return _whole_power(base, constant.numerator)
    if base.positive:
        result = POSITIVE
        if base.high <= 1 and exponent.nonnegative:
            result = replace(result, high=Fraction(1))
        return result
    return NONNEGATIVE if base.nonnegative else REAL


def _whole_power(base: Interval, exponent: int) -> Interval:
    if exponent < 0:
        return _reciprocal(_whole_power(base, -exponent))
    if exponent == 0:
        return point(Fraction(1))
    result = base
    for _ in range(min(exponent, 64) - 1):
        result = _mul(result, base)
    if exponent % 2 == 0:
        return result & (POSITIVE if base.positive or base.negative else NONNEGATIVE)
    return result


def _extremum(op: str, args: Sequence[Interval]) -> Interval:
    if op == "min":
        return -_extremum("max", [-a for a in args])
    low = max(a.low for a in args)
    high = max(a.high for a in args)
    low_open = all(a.low_open for a in args if a.low == low)
    return Interval(low, high, low_open, all(a.high_open for a in args if a.high == high))


def _abs(a: Interval) -> Interval:
    if a.nonnegative:
        return a
    if a.high <= 0:
        return -a
    return Interval(Fraction(0), max(a.high, -a.low))


def _compared(op: str, a: Interval, b: Interval) -> bool | None:
    if op in ("gt", "ge"):
        return _compared({"gt": "lt", "ge": "le"}[op], b, a)
    below = a.high < b.low or (a.high == b.low and (a.high_open or b.low_open))
    above = a.low > b.high or (a.low == b.high and (a.low_open or b.high_open))
    match op:
        case "lt":
            return True if below else False if above or a.low >= b.high else None
        case "le":
            return True if below or a.high <= b.low else False if above else None
    apart = below or above
    same = a.is_point and b.is_point and a.low == b.low
    if op == "eq":
        return False if apart else True if same else None
    return True if apart else False if same else None


def _hypot_slope(a: Interval, b: Interval) -> Interval:
    """a/hypot(a, b)."""
    del b
    unit = Interval(Fraction(-1), Fraction(1))
    if a.positive:
        return Interval(Fraction(0), Fraction(1), True)
    return Interval(Fraction(0), Fraction(1)) if a.nonnegative else -_hypot_slope(-a, REAL) if a.high <= 0 else unit


def _hypot(a: Interval, b: Interval) -> Interval:
    low = max(_abs(a).low, _abs(b).low)
    return Interval(low, INF, any(i.positive for i in (_abs(a), _abs(b))) and low == 0)


def _sign(a: Interval) -> Interval:
    one = point(Fraction(1))
    return one if a.positive else -one if a.negative else Interval(Fraction(-1), Fraction(1))


def _same(a: Interval) -> Interval:
    return a


RULES: dict[str, Callable[..., Interval]] = {
    "neg": lambda a: -a,
    "mul": _mul,
    "guarded_mul": _mul,
    "div": lambda a, b: _mul(a, _reciprocal(b)),
    "guarded_div": lambda a, b: _mul(a, _reciprocal(b)),
    "abs": _abs,
    "sign": _sign,
    "hypot": _hypot,
    "hypot_slope": _hypot_slope,
    "stop_gradient": _same,
    "whole": _same,
    "relu": lambda a: _extremum("max", [a, point(Fraction(0))]),
    "log1p_square_slope": lambda a: _mul(_sign(a), Interval(Fraction(0), Fraction(1), a.positive or a.negative)),
    "softmax_weight": lambda a, b: Interval(Fraction(0), Fraction(1), True),
}
"""By function: the interval of its value, from those of its arguments."""
