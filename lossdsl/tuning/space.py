"""What is tuned of a loss, and where it is looked for: read off the domains that the loss declares.

| domain | looked for |
|---|---|
| `in (a, b)` | evenly between the ends, a hundredth of the way from those that are open |
| `> a`, `< b` | by the logarithm of the distance from the bound, a factor 100 around that of the start |
| `>= a`, `<= b` | evenly, from the bound to five times the distance of the start |
| none, `!= 0` | evenly, five times its size (at least 5) around the start |
| `in {1, 2}` | all of them |

On the way out: every hyperparameter of the space has no axes, is not fixed, and lies in its domain wherever in the
space it is taken from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from lossdsl.api import Loss
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.tuning import NothingToTune, RangeOutside, RangeUnknown
from lossdsl.meaning import core
from lossdsl.tuning.errors import TuningError
from lossdsl.tuning.ranges import Bound, Choices, Dimension, Range

FACTOR = 100.0
"""How far from its start a number above a bound is looked for, up and down."""
WIDE = 5.0
INSIDE = 0.01
"""How far from an open end, as a share of the interval."""


@dataclass(frozen=True)
class Space:
    """Dimensions in the order of the signature, and where the search begins: the defaults of the loss."""

    dimensions: tuple[Dimension, ...]
    start: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.dimensions)

    def settings(self, point: Mapping[str, float], fixed: Mapping[str, float]) -> dict[str, float]:
        """Values at coordinates, those of `start` exactly; `fixed` are hyperparameters that are no part of the space,
        for bounds that name them."""
        first = self.coordinates(fixed)
        found: dict[str, float] = {}
        for each in self.dimensions:
            x = point[each.name]
            begins = first.get(each.name) == x and self._same_bounds(each, found)
            found[each.name] = self.start[each.name] if begins else each.value(x, {**fixed, **found})
        return found

    def _same_bounds(self, each: Dimension, found: Mapping[str, float]) -> bool:
        """Whether the bounds of a range are where they are at the start."""
        named = [b for b in (each.origin, each.other) if isinstance(b, str)] if isinstance(each, Range) else []
        return all(found.get(name, self.start.get(name)) == self.start.get(name) for name in named)

    def coordinates(self, fixed: Mapping[str, float]) -> dict[str, float]:
        """Where the start is; without what lies outside of its range."""
        settings = {**fixed, **self.start}
        found = {each.name: each.coordinate(self.start[each.name], settings) for each in self.dimensions}
        return {name: x for name, x in found.items() if x is not None}


def space_of(loss: Loss, asked: Iterable[Dimension] = (), fixed: Mapping[str, float] | None = None) -> Space:
    """The space of a loss: all its hyperparameters without axes that are not `fixed`; where ranges are asked for, only
    those.

    TuningError for names that the loss does not have.  LossError: E1101 where nothing is left, E1102 for a range that
    leaves a domain, E1103 for a domain that says no range.
    """
    given = {each.name: each for each in asked}
    found = {arg.name: arg for arg in tunable(loss.program)}
    held = dict(fixed or {})
    _check_names(loss, found, given, held)
    wanted = [arg for name, arg in found.items() if (name in given if given else name not in held)]
    if not wanted:
        raise LossError(_nothing(loss.program, held))
    start = {arg.name: _start(arg, given.get(arg.name), found, held) for arg in wanted}
    around = {**held, **start}
    return Space(tuple(_dimension(arg, given.get(arg.name), around) for arg in wanted), start)


def tunable(program: core.Program) -> tuple[core.Arg, ...]:
    """Hyperparameters that are one number; learned ones are not, which training finds."""
    return tuple(arg for arg in program.args if arg.role == "hyper" and not arg.axes)


def _check_names(
    loss: Loss, found: Mapping[str, core.Arg], given: Mapping[str, Dimension], held: Mapping[str, float]
) -> None:
    for name in given:
        if name not in found:
            have = ", ".join(found) or "none"
            raise TuningError(f"{loss.name} has no hyperparameter {name!r} to tune, only {have}")
        if name in held:
            raise TuningError(f"{name} is fixed at {held[name]:g} and has a range, too")


def _nothing(program: core.Program, held: Mapping[str, float]) -> NothingToTune:
    fixed = [name for name in held if any(arg.name == name for arg in tunable(program))]
    message = f"{program.name} has no hyperparameter that could be tuned"
    if fixed:
        message = f"all hyperparameters of {program.name} are fixed: {', '.join(fixed)}"
    return NothingToTune(program.span, message, "write one after `;`, or tune the weights of its terms: --weights")


# ---------------------------------------------------------------- start


def _start(arg: core.Arg, asked: Dimension | None, found: Mapping[str, core.Arg], held: Mapping[str, float]) -> float:
    """The default; without one the middle of what was asked for, or a number of the domain."""
    if isinstance(arg.default, Fraction):
        return float(arg.default)
    match asked:
        case Choices(values=values):
            return values[0]
        case Range(low=low, high=high, scale="log"):
            return float(f"{(low * high) ** 0.5:.4g}")
        case Range(low=low, high=high):
            return float(f"{(low + high) / 2:.4g}")
    return _of_domain(arg, found, held)


def _of_domain(arg: core.Arg, found: Mapping[str, core.Arg], held: Mapping[str, float]) -> float:
    if not arg.domain:
        return 0.0
    part = arg.domain[0]
    if part.kind == "set":
        return float(part.values[0])
    if part.kind != "interval":
        return 1.0
    low, high = (_end(bound, found, held) for bound in (part.low, part.high))
    if low is None:
        return 0.0 if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def _end(bound: Bound, found: Mapping[str, core.Arg], held: Mapping[str, float]) -> float | None:
    """An end of a domain as a number; None for an infinite one."""
    if isinstance(bound, Fraction):
        return float(bound)
    if bound in ("inf", "-inf"):
        return None
    return held[bound] if bound in held else _start(found[bound], None, found, held)


# ---------------------------------------------------------------- ranges


def _dimension(arg: core.Arg, asked: Dimension | None, around: Mapping[str, float]) -> Dimension:
    if asked is not None:
        _check_inside(arg, asked)
        return asked
    if not arg.domain:
        return _around(arg.name, around[arg.name])
    if len(arg.domain) > 1 or arg.domain[0].kind == "axis":
        message = f"{arg.name} {arg.domain_text} says no range in which to look"
        raise LossError(RangeUnknown(arg.span, message, f"--space {arg.name}=LOW:HIGH"))
    part = arg.domain[0]
    match part.kind:
        case "set":
            return Choices(arg.name, tuple(map(float, part.values)))
        case "nonzero":
            return _around(arg.name, around[arg.name])
    return _interval(arg.name, part, around)


def _around(name: str, start: float) -> Range:
    reach = WIDE * max(abs(start), 1.0)
    return Range(name, start - reach, start + reach)


def _interval(name: str, part: core.Alternative, around: Mapping[str, float]) -> Range:
    low = None if part.low == "-inf" else part.low
    high = None if part.high == "inf" else part.high
    if low is None and high is None:
        return _around(name, around[name])
    if low is not None and high is not None:
        return _between(name, part, low, high)
    bound, is_open, sign = (low, part.low_open, 1) if low is not None else (high, part.high_open, -1)
    assert bound is not None, "one of two ends is there"
    origin = None if bound == 0 and sign > 0 else bound
    distance = abs(around[name] - _value(bound, around)) or 1.0
    if is_open:
        return Range(name, _short(distance / FACTOR), _short(distance * FACTOR), "log", origin, sign)
    return Range(name, 0.0, _short(WIDE * distance), "linear", origin, sign)


def _between(name: str, part: core.Alternative, low: Bound, high: Bound) -> Range:
    first, last = (INSIDE if part.low_open else 0.0), (1 - INSIDE if part.high_open else 1.0)
    if isinstance(low, str) or isinstance(high, str):
        return Range(name, first, last, origin=low, other=high)
    width = float(high - low)
    return Range(name, _short(float(low) + first * width), _short(float(low) + last * width))


def _short(value: float) -> float:
    """Without digits that come from rounding alone."""
    return float(f"{value:.12g}")


def _value(bound: Bound, around: Mapping[str, float]) -> float:
    return around[bound] if isinstance(bound, str) else float(bound)


# ---------------------------------------------------------------- ranges of users


def _check_inside(arg: core.Arg, asked: Dimension) -> None:
    """LossError (E1102) where some of a range lies outside of the domain."""
    if not arg.domain:
        return
    ends = asked.values if isinstance(asked, Choices) else (asked.low, asked.high)
    known = [part for part in arg.domain if not (isinstance(part.low, str) and part.low not in ("inf", "-inf"))]
    parts = [part for part in known if not (isinstance(part.high, str) and part.high not in ("inf", "-inf"))]
    if len(parts) < len(arg.domain):
        message = f"the domain of {arg.name} ends at another hyperparameter, which decides where it is looked for"
        raise LossError(RangeOutside(arg.span, message, f"leave --space {arg.name}=... out"))
    if isinstance(asked, Range):
        connected = [
            part for part in parts if part.kind == "interval" or (part.kind == "nonzero" and ends[0] * ends[1] > 0)
        ]
        inside = any(all(_holds(part, end) for end in ends) for part in connected)
    else:
        inside = all(any(_holds(part, end) for part in parts) for end in ends)
    if not inside:
        message = f"{arg.name} must be {arg.domain_text}, but the range {asked} leaves that"
        raise LossError(RangeOutside(arg.span, message, "a range inside of the domain"))


def _holds(part: core.Alternative, value: float) -> bool:
    match part.kind:
        case "set":
            return value in map(float, part.values)
        case "nonzero":
            return value != 0
        case "axis":
            return value >= 0 and value == int(value)
    low, high = float(part.low), float(part.high)
    above = value > low if part.low_open else value >= low
    return above and (value < high if part.high_open else value <= high)
