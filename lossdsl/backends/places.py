"""Choices that differ at one position of an axis: where(c == label[n], a[n], b[n, c]) writes a[n] into b."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lossdsl.ir.graph import Index, Node
from lossdsl.meaning.core import ZERO

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

SHARING = frozenset({"read", "stop_gradient", "where", "whole"})
"""Operations whose result may be an array that somebody else has."""


def placed_text(emitter: Emitter, node: Node, onto: Sequence[Index]) -> str | None:
    """The text of such a choice, where there is one."""
    condition, then, otherwise = node.args
    found = _position(condition)
    if found is None:
        return None
    index, position = found
    if index in then.free or otherwise.free != node.free or index.low != ZERO or emitter.is_host(otherwise):
        return None
    text = emitter.lifted(otherwise, onto, "real")
    fresh = not text.isidentifier() and otherwise.op not in SHARING
    chosen, place = emitter.lifted(then, onto, "real"), emitter.lifted(position, onto, "int")
    return emitter.dialect.placed(text, chosen, place, onto.index(index) - len(onto), fresh)


def _position(condition: Node) -> tuple[Index, Node] | None:
    if condition.op != "eq":
        return None
    for index, position in (condition.args, condition.args[::-1]):
        if index.op == "index" and isinstance(index.value, Index) and position.kind == "int":
            if index.value not in position.free and position.free:
                return index.value, position
    return None
