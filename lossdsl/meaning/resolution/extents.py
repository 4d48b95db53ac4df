"""Arithmetic on extents: sizes that are known only at the call, compared before it.

Sums are kept in one normal form, so that two extents which are equal for every size are equal objects by structure
wherever linear arithmetic can show it.  Sizes of axes are never negative; that is all that is assumed of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lossdsl.meaning.core import ZERO, Extent

Bounds = tuple[Extent, Extent]
"""low <= v < high."""


def const(value: int) -> Extent:
    return Extent("const", value=value)


def size(name: str) -> Extent:
    return Extent("size", name=name)


def hyper(name: str) -> Extent:
    return Extent("hyper", name=name)


@dataclass(slots=True)
class Linear:
    """A whole-number combination of extents that are not sums themselves."""

    terms: dict[Extent, int] = field(default_factory=dict)
    constant: int = 0

    def plus(self, other: Linear, factor: int = 1) -> Linear:
        terms = dict(self.terms)
        for atom, count in other.terms.items():
            terms[atom] = terms.get(atom, 0) + factor * count
        kept = {atom: count for atom, count in terms.items() if count}
        return Linear(kept, self.constant + factor * other.constant)

    def times(self, factor: int) -> Linear:
        return Linear({}, 0).plus(self, factor)


def linear(extent: Extent) -> Linear:
    match extent.op:
        case "const":
            return Linear({}, extent.value)
        case "add":
            return linear(extent.operands[0]).plus(linear(extent.operands[1]))
        case "sub":
            return linear(extent.operands[0]).plus(linear(extent.operands[1]), -1)
        case "mul":
            left, right = extent.operands
            if left.op == "const":
                return linear(right).times(left.value)
            if right.op == "const":
                return linear(left).times(right.value)
    return Linear({extent: 1}, 0)


def from_linear(form: Linear) -> Extent:
    """The one extent that is written for a combination: positive terms, then the constant, then negative terms."""
    result: Extent | None = None
    negative: list[Extent] = []
    for atom, count in sorted(form.terms.items(), key=lambda item: _key(item[0])):
        term = atom if abs(count) == 1 else Extent("mul", (const(abs(count)), atom))
        if count < 0:
            negative.append(term)
        else:
            result = term if result is None else Extent("add", (result, term))
    if result is None:
        result = const(form.constant)
    elif form.constant:
        result = Extent("add" if form.constant > 0 else "sub", (result, const(abs(form.constant))))
    for term in negative:
        result = Extent("sub", (result, term))
    return result


def add(left: Extent, right: Extent) -> Extent:
    return from_linear(linear(left).plus(linear(right)))


def sub(left: Extent, right: Extent) -> Extent:
    return from_linear(linear(left).plus(linear(right), -1))


def scale(extent: Extent, factor: int) -> Extent:
    return from_linear(linear(extent).times(factor))


def floordiv(extent: Extent, divisor: int) -> Extent:
    """floor(extent / divisor), divisor > 0."""
    form = linear(extent)
    if all(count % divisor == 0 for count in form.terms.values()):
        quotients = {atom: count // divisor for atom, count in form.terms.items()}
        return from_linear(Linear(quotients, form.constant // divisor))
    return Extent("floordiv", (extent, const(divisor)))


def maximum(left: Extent, right: Extent) -> Extent:
    if at_least(left, right):
        return left
    if at_least(right, left):
        return right
    return Extent("max", tuple(sorted((left, right), key=_key)))


def minimum(left: Extent, right: Extent) -> Extent:
    if at_least(left, right):
        return right
    if at_least(right, left):
        return left
    return Extent("min", tuple(sorted((left, right), key=_key)))


def length(bounds: Bounds) -> Extent:
    return sub(bounds[1], bounds[0])


def at_least(left: Extent, right: Extent) -> bool:
    """True only if left >= right for all sizes; False says nothing."""
    return _nonnegative(linear(left).plus(linear(right), -1), 24)


def constant(extent: Extent) -> int | None:
    """The value, if it does not depend on the call."""
    form = linear(extent)
    return None if form.terms else form.constant


def clash(left: Extent, right: Extent) -> bool:
    """Whether two sizes differ, whatever the call; intervals count as if they were not empty."""
    difference = constant(sub(_nonempty(left), _nonempty(right)))
    return difference is not None and difference != 0


def _nonempty(size_: Extent) -> Extent:
    if size_.op == "max" and ZERO in size_.operands:
        return next(operand for operand in size_.operands if operand != ZERO)
    return size_


def show(extent: Extent) -> str:
    """As a reader would write it: `n - 1`, `max(n, 2)`, `4`."""
    match extent.op:
        case "const":
            return str(extent.value)
        case "size" | "hyper":
            return f"size({extent.name})" if extent.op == "size" and extent.name == ".." else extent.name
        case "max" | "min":
            return f"{extent.op}({', '.join(show(operand) for operand in extent.operands)})"
        case "add" | "sub":
            left, right = extent.operands
            shown = show(right)
            if extent.op == "sub" and right.op in ("add", "sub"):
                shown = f"({shown})"
            return f"{show(left)} {'+' if extent.op == 'add' else '-'} {shown}"
        case "mul" | "floordiv":
            parts = (f"({show(x)})" if x.op in ("add", "sub") else show(x) for x in extent.operands)
            return ("*" if extent.op == "mul" else "//").join(parts)


def show_positions(bounds: Bounds) -> str:
    """The first and the last: `0 to n - 1`."""
    low, high = bounds
    if high.op == "max" and low in high.operands:  # an interval that may be empty
        high = next((operand for operand in high.operands if operand != low), high)
    return f"{show(low)} to {show(sub(high, const(1)))}"


def _key(extent: Extent) -> tuple[int, str]:
    order = {"size": 0, "hyper": 1, "mul": 2, "max": 3, "min": 4, "floordiv": 5, "const": 7}
    return order.get(extent.op, 6), repr(extent)


def _nonnegative(form: Linear, fuel: int) -> bool:
    """Sizes are >= 0; a maximum is at least each of its operands, a floor lies within one below its quotient."""
    if fuel == 0:
        return False
    for atom, count in form.terms.items():
        rest = form.plus(linear(atom), -count)
        if atom.op in ("max", "min"):
            choices = [_nonnegative(rest.plus(linear(operand), count), fuel // 2) for operand in atom.operands]
            return any(choices) if (atom.op == "max") == (count > 0) else all(choices)
        if atom.op == "floordiv":
            numerator, divisor = linear(atom.operands[0]), atom.operands[1].value
            least = numerator.plus(Linear({}, divisor - 1), -1) if count > 0 else numerator
            return _nonnegative(rest.times(divisor).plus(least, count), fuel // 2)
    return form.constant >= 0 and all(atom.op == "size" and count > 0 for atom, count in form.terms.items())


__all__ = [
    "ZERO", "Bounds", "Linear", "add", "at_least", "clash", "const", "constant", "floordiv", "from_linear", "hyper",
    "length", "linear", "maximum", "minimum", "scale", "show", "show_positions", "size", "sub",
]  # fmt: skip
