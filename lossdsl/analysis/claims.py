"""What witnesses claim, and how the interpreter checks each claim: the text with its numbers, or None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from lossdsl.analysis.judge import Judge, Point, flat
from lossdsl.analysis.tangents import SHARES, mean, weights_to_zero
from lossdsl.functions.lazy import mpmath

STEEP = 1_000_000
"""A slope, or a change of slope, that counts as one without bound where a proof says that there is none."""


# ---------------------------------------------------------------- how points are shown


def shown(point: Point) -> str:
    """`pred = 1.5, target = 0`; arrays of one element without brackets."""
    return ", ".join(f"{name} = {_shown(value)}" for name, value in point.items())


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return _shown(value[0]) if len(value) == 1 else "[" + ", ".join(map(_shown, value)) + "]"
    return number(value)


def number(value: Any) -> str:
    """Six digits, and what is left where that is next to nothing: `1 - 8.67e-19`."""
    text = f"{float(value):.6g}"
    if not isinstance(value, Fraction):
        return text
    rest = value - Fraction(text)
    if not rest or abs(rest) > abs(value) / 10**12 or not Fraction(text):
        return text
    return f"{text} {'-+'[rest > 0]} {float(abs(rest)):.3g}"


# ---------------------------------------------------------------- claims


def _noise(*values: Any) -> Any:
    """What rounding at 60 digits may do, with much to spare."""
    return mpmath().mpf(10) ** -40 * max([mpmath().mpf(1), *(abs(v) for v in values)])


def _finite(*values: Any) -> bool:
    return all(mpmath().isfinite(v) for v in values)


def _chord(judge: Judge, a: Point, middle: Point, b: Point) -> tuple[Any, Any, Any] | None:
    """The values at two different points and at the one halfway; None where they are not finite or not halfway."""
    if all(a[name] == b[name] for name in judge.predictions):
        return None
    for name in judge.predictions:
        ends = zip(flat(a[name]), flat(middle[name]), flat(b[name]), strict=True)
        if any(Fraction(u) + Fraction(w) != 2 * Fraction(v) for u, v, w in ends):
            return None
    if any(a[name] != b[name] for name in a if name not in judge.predictions):
        return None
    found = judge.value(a), judge.value(middle), judge.value(b)
    return found if _finite(*found) else None


def _above_chord(judge: Judge, a: Point, middle: Point, b: Point) -> str | None:
    found = _chord(judge, a, middle, b)
    if found is None or found[1] - (found[0] + found[2]) / 2 <= _noise(*found):
        return None
    mean = (found[0] + found[2]) / 2
    return (
        f"halfway between ({shown(a)}) and ({shown(b)}) the value is {number(found[1])}, above the mean "
        f"{number(mean)} of the values there"
    )


def _on_chord(judge: Judge, a: Point, middle: Point, b: Point) -> str | None:
    found = _chord(judge, a, middle, b)
    if found is None or found[1] - (found[0] + found[2]) / 2 < -_noise(*found):
        return None
    return (
        f"halfway between ({shown(a)}) and ({shown(b)}) the value is {number(found[1])}, not below the "
        "mean of the values there"
    )


def _peak(judge: Judge, a: Point, middle: Point, b: Point) -> str | None:
    found = _chord(judge, a, middle, b)
    if found is None or found[1] - max(found[0], found[2]) <= _noise(*found):
        return None
    return (
        f"halfway between ({shown(a)}) and ({shown(b)}) the value is {number(found[1])}, above both, "
        f"{number(found[0])} and {number(found[2])}"
    )


def _steep(judge: Judge, a: Point, b: Point) -> str | None:
    values = judge.value(a), judge.value(b)
    apart = judge.distance(a, b)
    if not apart or any(v != v for v in values) or abs(values[0] - values[1]) < STEEP * apart:
        return None
    return (
        f"from ({shown(a)}) to ({shown(b)}), {number(apart)} apart, the value goes from "
        f"{number(values[0])} to {number(values[1])}"
    )


def _gradient_steep(judge: Judge, a: Point, b: Point) -> str | None:
    first, second = judge.gradient(a), judge.gradient(b)
    apart = judge.distance(a, b)
    jump = max(abs(u - v) for u, v in zip(first, second, strict=True))
    if not apart or jump != jump or jump < STEEP * apart:
        return None
    k = max(range(len(first)), key=lambda k: abs(first[k] - second[k]))
    return (
        f"from ({shown(a)}) to ({shown(b)}), {number(apart)} apart, the derivative goes from "
        f"{number(first[k])} to {number(second[k])}"
    )


def _curvature_steep(judge: Judge, a: Point, b: Point) -> str | None:
    first, second = judge.curvature(a), judge.curvature(b)
    apart = judge.distance(a, b)
    jump = max(abs(u - v) for u, v in zip(first, second, strict=True))
    if not apart or jump != jump or jump < STEEP * apart:
        return None
    return (
        f"from ({shown(a)}) to ({shown(b)}), {number(apart)} apart, the second derivative goes from "
        f"{number(first[0])} to {number(second[0])}"
    )


def _differ(judge: Judge, a: Point, b: Point) -> str | None:
    values = judge.value(a), judge.value(b)
    if not _finite(*values) or abs(values[0] - values[1]) <= _noise(*values):
        return None
    return f"at ({shown(a)}) it is {number(values[0])}, at ({shown(b)}) {number(values[1])}"


def _no_degree(judge: Judge, a: Point, b: Point, c: Point) -> str | None:
    """A homogeneous function at x, 2x and 4x makes a geometric sequence."""
    for name in a:
        multiples = zip(flat(a[name]), flat(b[name]), flat(c[name]), strict=True)
        if name not in judge.predictions and a[name] == b[name] == c[name]:
            continue
        if any(2 * Fraction(u) != Fraction(v) or 4 * Fraction(u) != Fraction(w) for u, v, w in multiples):
            return None
    values = judge.value(a), judge.value(b), judge.value(c)
    if not _finite(*values) or abs(values[1] ** 2 - values[0] * values[2]) <= _noise(*(v**2 for v in values)):
        return None
    return (
        f"at ({shown(a)}), its double and its fourfold the values are {', '.join(map(number, values))}, "
        "no geometric sequence"
    )


def _coupled(judge: Judge, a: Point, b: Point, c: Point, d: Point) -> str | None:
    """A sum over rows has f(a) + f(d) = f(b) + f(c) where b and c each change one of the rows that d changes."""
    values = [judge.value(p) for p in (a, b, c, d)]
    if not _finite(*values) or abs(values[0] + values[3] - values[1] - values[2]) <= _noise(*values):
        return None
    return (
        f"from ({shown(a)}), changing one row to ({shown(b)}) changes the value by "
        f"{number(values[1] - values[0])}, but by {number(values[3] - values[2])} once another row is "
        f"that of ({shown(c)})"
    )


def _lower(judge: Judge, a: Point, b: Point) -> str | None:
    values = judge.value(a), judge.value(b)
    if any(v != v for v in values) or values[0] - values[1] <= 0:
        return None
    return f"at ({shown(a)}) the value is {number(values[0])}, at ({shown(b)}) {number(values[1])}"


def _flat_at(judge: Judge, a: Point) -> str | None:
    """The second derivative is at most a thousandth."""
    found = judge.curvature(a)[0]
    return f"at ({shown(a)}) the second derivative is {number(found)}" if found <= mpmath().mpf("0.001") else None


def _bent_at(judge: Judge, a: Point) -> str | None:
    found = judge.curvature(a)[0]
    return f"at ({shown(a)}) the second derivative is {number(found)}" if found <= 0 else None


def _sloped_at(judge: Judge, a: Point) -> str | None:
    found = judge.gradient(a)[0]
    return f"at ({shown(a)}) the derivative is {number(found)}" if found != 0 and _finite(found) else None


def _improper(judge: Judge, own: Point, own_other: Point, better: Point, better_other: Point) -> str | None:
    """Where the probability is the one that the first score stands for, the second score costs less on average."""
    if any(own[n] != own_other[n] or better[n] != better_other[n] for n in judge.predictions):
        return None
    p = judge.probability(own)
    costs = [judge.value(point) for point in (own, own_other, better, better_other)]
    if not _finite(*costs) or not 0 <= p <= 1:
        return None
    honest, other = p * costs[0] + (1 - p) * costs[1], p * costs[2] + (1 - p) * costs[3]
    if honest - other <= _noise(honest, other):
        return None
    at, instead = (shown({n: point[n] for n in judge.predictions}) for point in (own, better))
    return (
        f"where the probability is {number(p)}, what {at} stands for, the mean loss is {number(honest)} "
        f"there and {number(other)} at {instead}"
    )


def _wrong_side(judge: Judge, right: Point, right_other: Point, wrong: Point, wrong_other: Point) -> str | None:
    """With probability 3/4 of the first label, a score of the wrong sign, or 0, costs no more than the right one."""
    costs = [judge.value(point) for point in (right, right_other, wrong, wrong_other)]
    if not _finite(*costs):
        return None
    best, found = (3 * costs[0] + costs[1]) / 4, (3 * costs[2] + costs[3]) / 4
    if found - best > _noise(found, best):
        return None
    at, instead = (shown({n: point[n] for n in judge.predictions}) for point in (right, wrong))
    return f"where y = 1 has probability 0.75, {instead} has the mean loss {number(found)}, and {at} has {number(best)}"


def _improper_row(judge: Judge, *points: Point) -> str | None:
    """Where classes have the probabilities that the first row of logits stands for, another costs less on average.

    The first half of the points are the one row with each label, the second half the other.
    """
    own, better = points[: len(points) // 2], points[len(points) // 2 :]
    shares = judge.probabilities(own[0])
    if len(shares) != len(own) or not _of_one_row(judge, own) or not _of_one_row(judge, better):
        return None
    costs = [judge.value(point) for point in points]
    if not _finite(*costs, *shares):
        return None
    honest, other = (_mean(shares, costs[: len(own)]), _mean(shares, costs[len(own) :]))
    if honest - other <= _noise(honest, other):
        return None
    at, instead = (shown({n: point[n] for n in judge.predictions}) for point in (own[0], better[0]))
    return (
        f"where the probabilities are {', '.join(map(number, shares))}, what {at} stands for, the mean loss is "
        f"{number(honest)} there and {number(other)} at {instead}"
    )


def _tied_minimum(judge: Judge, *points: Point) -> str | None:
    """A minimiser of the mean of a convex loss at which the most probable class is not ahead.

    The first points are one row of scores with each label, the others rows around it; the loss has to be convex, which
    is proved elsewhere.
    """
    count = len(SHARES[0])
    rows = [points[k : k + count] for k in range(0, len(points), count)]
    if len(points) % count or not all(_of_one_row(judge, row) for row in rows):
        return None
    scores = [flat(row[0][judge.predictions[0]]) for row in rows]
    if scores[0][0] > max(scores[0][1:]):
        return None
    for shares in SHARES:
        least = _below(judge, shares, rows[1:], scores[1:])
        value = mean(shares, [judge.value(p) for p in rows[0]])
        if least is not None and _finite(value) and abs(value - least) <= _noise(value):
            at = shown({n: rows[0][0][n] for n in judge.predictions})
            return (
                f"where the classes have the probabilities {', '.join(map(number, shares))}, {at} has the mean loss "
                f"{number(value)}, and no scores have less: tangents around add up to this bound"
            )
    return None


def _below(judge: Judge, shares: Sequence[Fraction], rows: Sequence[Sequence[Point]], at: Sequence[Any]) -> Any | None:
    """A number that the mean loss never goes below, by tangents at some rows; None where these do not give any."""
    slopes = [[mean(shares, column) for column in zip(*map(judge.gradient, row), strict=True)] for row in rows]
    found = weights_to_zero(slopes)
    if found is None:
        return None
    total = mpmath().mpf(0)
    for k, weight in found:
        own = sum(g * v.numerator / v.denominator for g, v in zip(slopes[k], at[k], strict=True))
        total += weight * (mean(shares, [judge.value(p) for p in rows[k]]) - own)
    return total


def _of_one_row(judge: Judge, points: Sequence[Point]) -> bool:
    """Whether only the label differs, and is each class once."""
    first = points[0]
    labels = [n for n in first if any(p[n] != first[n] for p in points)]
    if len(labels) != 1 or labels[0] in judge.predictions:
        return False
    return [flat(p[labels[0]]) for p in points] == [[k] for k in range(len(points))]


def _mean(shares: Sequence[Any], values: Sequence[Any]) -> Any:
    return sum(p * v for p, v in zip(shares, values, strict=True))


CLAIMS: dict[str, Callable[..., str | None]] = {
    "above chord": _above_chord,
    "on chord": _on_chord,
    "peak": _peak,
    "steep": _steep,
    "gradient steep": _gradient_steep,
    "curvature steep": _curvature_steep,
    "differ": _differ,
    "no degree": _no_degree,
    "coupled": _coupled,
    "lower": _lower,
    "nearly flat": _flat_at,
    "not bent up": _bent_at,
    "sloped": _sloped_at,
    "improper": _improper,
    "improper row": _improper_row,
    "tied minimum": _tied_minimum,
    "wrong side": _wrong_side,
}
"""By name: given the judge and the points, the claim with its numbers, or None where it does not hold."""
