"""Conditions joined by `and`, with two comparisons of one thing written as a chain: `0 <= i < n`."""

from __future__ import annotations

from lossdsl.display.formula import Apply, Chain, Formula
from lossdsl.display.text import expression_text


def conjunction(left: Formula, right: Formula) -> Formula:
    """`left and right`."""
    parts = _joined(left)
    for condition in _joined(right):
        for number, earlier in enumerate(parts):
            chain = _chain(earlier, condition)
            if chain is not None:
                parts[number] = chain
                break
        else:
            parts.append(condition)
    result = parts[0]
    for part in parts[1:]:
        result = Apply("and", (result, part))
    return result


def _joined(formula: Formula) -> list[Formula]:
    parts: list[Formula] = []
    while isinstance(formula, Apply) and formula.function == "and":
        formula, last = formula.args
        parts.append(last)
    return [formula, *reversed(parts)]


def _chain(left: Formula, right: Formula) -> Chain | None:
    """The two comparisons as one, turned as needed, if what is larger in one is smaller in the other."""
    first, second = _sides(left), _sides(right)
    if first is None or second is None:
        return None
    for low, high in ((first, second), (second, first)):
        if expression_text(low[2]) == expression_text(high[0]):
            return Chain(*low, high[1], high[2])
    return None


def _sides(formula: Formula) -> tuple[Formula, str, Formula] | None:
    """The smaller side, the comparison and the larger side."""
    if not isinstance(formula, Apply) or formula.function not in ("lt", "le", "gt", "ge"):
        return None
    left, right = formula.args
    if formula.function in ("lt", "le"):
        return left, formula.function, right
    return right, "lt" if formula.function == "gt" else "le", left
