"""NumPy's spelling of array operations."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.dialect import Slice
from lossdsl.functions.row import Function
from lossdsl.functions.table import TABLE

REDUCERS = {"sum": "np.sum", "prod": "np.prod", "any": "np.any", "all": "np.all"}


PRODUCTS = {
    "ab,bc->ac": ((0, False), (1, False)), "ab,bc->ca": ((1, True), (0, True)),
    "ab,cb->ac": ((0, False), (1, True)), "ab,cb->ca": ((1, False), (0, True)),
    "ab,ac->bc": ((0, True), (1, False)), "ab,ac->cb": ((1, True), (0, False)),
    "ab,ca->bc": ((0, True), (1, True)), "ab,ca->cb": ((1, False), (0, False)),
    "ab,b->a": ((0, False), (1, False)), "ab,a->b": ((0, True), (1, False)),
    "a,ab->b": ((1, True), (0, False)), "a,ba->b": ((1, False), (0, False)),
}  # fmt: skip
"""Sums of products that are products of matrices: which factor comes first, and which are transposed."""


class NumpyDialect:
    """`dt` is the name of the dtype of the computation in the emitted code."""

    name = "numpy"

    def __init__(self, dt: str) -> None:
        self.dt = dt

    def call(self, row: Function, args: Sequence[str]) -> str:
        return row.text("numpy", list(args))

    def helpers(self, row: Function) -> Sequence[str]:
        return row.numpy_helpers

    def host(self, op: str, args: Sequence[str]) -> str:
        # float(): a NumPy scalar of double precision would turn arrays of single precision into double
        if op == "div":
            return f"float(np.divide({', '.join(args)}))"
        if op == "pow":
            return f"float(np.float_power({', '.join(args)}))"
        return f"float({TABLE[op].text('numpy', args)})"

    def where(self, condition: str, then: str, otherwise: str) -> str:
        return f"np.where({condition}, {then}, {otherwise})"

    select_helpers: Sequence[str] = ("_where",)

    def select(self, condition: str, then: str, otherwise: str) -> str:
        return f"_where({condition}, {then}, {otherwise})"

    def placed(self, otherwise: str, then: str, position: str, axis: int, fresh: bool) -> str | None:
        own = otherwise if fresh else f"{_atom(otherwise)}.copy()"
        return f"_placed({own}, {then}, {position}, {axis})"

    def others(self, parts: str, total: str, axes: int) -> str | None:
        return f"_others({parts}, {total}, {axes})"

    def number(self, text: str) -> str:
        return f"{self.dt}.type({text})"

    def whole_number(self, text: str) -> str:
        return text

    def helper_argument(self, text: str) -> str:
        return self.number(text)

    def nonempty(self, text: str, axes: Sequence[int]) -> str:
        return f"_nonempty({text}, {', '.join(map(str, axes))})"

    def cast(self, text: str) -> str:
        return f"{_atom(text)}.astype({self.dt})"

    def whole(self, text: str) -> str:
        return f"{_atom(text)}.astype(np.intp)"

    def arange(self, low: str, high: str) -> str:
        return f"np.arange({high})" if low == "0" else f"np.arange({low}, {high})"

    def permute(self, text: str, axes: Sequence[int]) -> str:
        if list(axes) == [1, 0]:
            return f"{_atom(text)}.T"
        return f"{_atom(text)}.transpose({', '.join(map(str, axes))})"

    def clip(self, text: str, low: str, high: str) -> str:
        return f"np.clip({text}, {low}, {high})"

    def position(self, text: str, size: str) -> str:
        return text

    def reduce(self, op: str, text: str, axes: Sequence[int], rank: int) -> str:
        where = "" if len(axes) == rank else f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"
        if op in ("max", "min"):
            return f"np.{op}({text}{where}, initial={'-' if op == 'max' else ''}np.inf)"
        return f"{REDUCERS[op]}({text}{where})"

    def argument(self, op: str, text: str, axis: int) -> str:
        return f"_first(np.{op}, {text}, {axis})"

    def cumulative(self, text: str, axis: int, reverse: bool, exclusive: bool) -> str:
        flip = f"np.flip({text}, {axis})" if reverse else text
        code = f"np.cumsum({flip}, axis={axis})"
        if exclusive:
            code = f"_shifted({code}, {axis})"
        return f"np.flip({code}, {axis})" if reverse else code

    def contract(self, spec: str, factors: Sequence[str]) -> str:
        if spec in PRODUCTS:
            left, right = (_turned(factors[k], turned) for k, turned in PRODUCTS[spec])
            return f"{left} @ {right}"
        return f'np.einsum("{spec}", {", ".join(factors)}, optimize=True)'

    def zeros(self, shape: Sequence[str]) -> str:
        return f"np.zeros({_tuple(shape)}, {self.dt})"

    def broadcast(self, text: str, shape: Sequence[str]) -> str:
        return f"np.broadcast_to({text}, {_tuple(shape)})"

    def scatter(
        self, target: str, shape: Sequence[str], keys: Sequence[str], value: str, unique: bool
    ) -> Sequence[str]:
        key = ", ".join(keys)
        if unique:
            return [f"{target} = {self.zeros(shape)}", f"{target}[{key}] = {value}"]
        return [f"{target} = {self.zeros(shape)}", f"np.add.at({target}, ({key},), {value})"]

    def scatter_slices(self, target: str, shape: Sequence[str], slices: Sequence[Slice], value: str) -> Sequence[str]:
        key = ", ".join(s.text for s in slices)
        return [f"{target} = {self.zeros(shape)}", f"{target}[{key}] = {value}"]


def _tuple(shape: Sequence[str]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def _atom(text: str) -> str:
    """The text, in brackets unless an attribute can follow it."""
    plain = all(c.isalnum() or c in "_." for c in text)
    return text if plain or _is_call(text) else f"({text})"


def _operand(text: str) -> str:
    return text if all(c.isalnum() or c in "_.[]:, " for c in text) or _is_call(text) else f"({text})"


def _turned(text: str, turned: bool) -> str:
    return f"{_atom(text)}.T" if turned else _operand(text)


def _is_call(text: str) -> bool:
    """Whether the text is one call or one subscription: its last bracket closes the first one that follows a name."""
    head = len(text) - len(text.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789."))
    if head == 0 or head == len(text) or text[-1] not in ")]":
        return False
    depth = 0
    for position, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and position >= head and position < len(text) - 1 and text[position + 1] not in "([":
            return False
    return text[head] in "(["
