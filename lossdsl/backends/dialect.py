"""How a back end spells the few operations that differ between array libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lossdsl.functions.row import Function


class Dialect(Protocol):
    """Text of array operations; `axes` are positions of axes, texts are expressions.  All results are out of place."""

    name: str

    def call(self, row: Function, args: Sequence[str]) -> str:
        """The text of a scalar function of its arguments."""

    def helpers(self, row: Function) -> Sequence[str]:
        """Names of the helper functions that the template calls."""

    def host(self, op: str, args: Sequence[str]) -> str:
        """A function of Python numbers, with IEEE results where Python would raise."""

    def where(self, condition: str, then: str, otherwise: str) -> str: ...

    def select(self, condition: str, then: str, otherwise: str) -> str:
        """`where` for numbers, not positions; it may call the helpers named in `select_helpers`."""

    select_helpers: Sequence[str]

    def placed(self, otherwise: str, then: str, position: str, axis: int, fresh: bool) -> str | None:
        """An array but for one position of an axis; None where `where` is as good.  `fresh`: nobody else has it."""

    def others(self, parts: str, total: str, axes: int) -> str | None:
        """The sums of parts of at most 1 without those that are 1, as far as totals are below 2; None if not known."""

    def number(self, text: str) -> str:
        """A Python number as a scalar of the dtype of the computation."""

    def whole_number(self, text: str) -> str:
        """A whole Python number, or a truth value, as something that can be broadcast."""

    def helper_argument(self, text: str) -> str:
        """A Python number as an argument of a helper function, where it must not change the dtype of the result."""

    def nonempty(self, text: str, axes: Sequence[int]) -> str:
        """An array with at least one position on some axes: clipped positions are read where nothing uses them."""

    def cast(self, text: str) -> str:
        """A whole-number or boolean array in the dtype of the computation."""

    def whole(self, text: str) -> str:
        """An array of whole values as positions."""

    def arange(self, low: str, high: str) -> str: ...

    def permute(self, text: str, axes: Sequence[int]) -> str: ...

    def clip(self, text: str, low: str, high: str) -> str: ...

    def position(self, text: str, size: str) -> str:
        """An array of positions that is read wherever it is evaluated: one outside of the axis is an error."""

    def reduce(self, op: str, text: str, axes: Sequence[int], rank: int) -> str:
        """sum, prod, max, min, any or all over `axes` of an array with `rank` axes; the value of nothing is the neutral
        element."""

    def argument(self, op: str, text: str, axis: int) -> str:
        """argmax or argmin: the first position of the best."""

    def cumulative(self, text: str, axis: int, reverse: bool, exclusive: bool) -> str: ...

    def contract(self, spec: str, factors: Sequence[str]) -> str: ...

    def zeros(self, shape: Sequence[str]) -> str: ...

    def broadcast(self, text: str, shape: Sequence[str]) -> str: ...

    def scatter(
        self, target: str, shape: Sequence[str], keys: Sequence[str], value: str, unique: bool
    ) -> Sequence[str]:
        """Statements that set `target` to zeros of `shape` with `value` added at index arrays `keys`."""

    def scatter_slices(self, target: str, shape: Sequence[str], slices: Sequence[Slice], value: str) -> Sequence[str]:
        """Statements that set `target` to zeros of `shape` with `value` in a block of it."""


class Slice:
    """Part of an axis: all of it, one position, or start, stop and step; `size` is the length of the axis."""

    def __init__(self, kind: str, size: str, start: str = "", stop: str = "", step: int = 1) -> None:
        self.kind, self.size, self.start, self.stop, self.step = kind, size, start, stop, step

    @property
    def text(self) -> str:
        if self.kind == "all":
            return ":"
        if self.kind == "one":
            return self.start
        return f"{'' if self.start == '0' else self.start}:{self.stop}" + (f":{self.step}" if self.step != 1 else "")
