"""PyTorch's spelling of array operations: all out of place, and none that depends on values."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.backends.dialect import Slice
from lossdsl.backends.torch import host
from lossdsl.functions.row import Function

REDUCERS = {"sum": "torch.sum", "any": "torch.any", "all": "torch.all"}
OWN_REDUCERS = {"prod": "_prod", "max": "_amax", "min": "_amin"}
"""Reductions of the prelude: torch's own raise over an axis of length 0, or take one axis only."""


class TorchDialect:
    """`dt` and `device` are names of the dtype and the device of the computation in the emitted code."""

    name = "torch"

    def __init__(self, dt: str, device: str) -> None:
        self.dt, self.device = dt, device

    def call(self, row: Function, args: Sequence[str]) -> str:
        return row.text("torch", list(args))

    def helpers(self, row: Function) -> Sequence[str]:
        return row.torch_helpers

    def host(self, op: str, args: Sequence[str]) -> str:
        return host.text(op, args)

    def host_helpers(self, op: str) -> Sequence[str]:
        return ()

    def where(self, condition: str, then: str, otherwise: str) -> str:
        return f"torch.where({condition}, {then}, {otherwise})"

    select_helpers: Sequence[str] = ()

    def select(self, condition: str, then: str, otherwise: str) -> str:
        return self.where(condition, then, otherwise)

    def placed(self, otherwise: str, then: str, position: str, axis: int, fresh: bool) -> str | None:
        return None

    def others(self, parts: str, total: str, axes: int) -> str | None:
        return None

    def number(self, text: str) -> str:
        return self.filled((), text)

    def filled(self, shape: Sequence[str], text: str) -> str:
        """A tensor with one number in every place."""
        return f"torch.full({shape_text(shape)}, {text}, dtype={self.dt}, device={self.device})"

    def whole_number(self, text: str) -> str:
        return f"torch.full((), {text}, device={self.device})"

    def helper_argument(self, text: str) -> str:
        return text

    def nonempty(self, text: str, axes: Sequence[int]) -> str:
        return f"_nonempty({text}, {', '.join(map(str, axes))})"

    def cast(self, text: str) -> str:
        return f"{atom(text)}.to({self.dt})"

    def whole(self, text: str) -> str:
        return f"{atom(text)}.long()"

    def arange(self, low: str, high: str) -> str:
        ends = high if low == "0" else f"{low}, {high}"
        return f"torch.arange({ends}, device={self.device})"

    def permute(self, text: str, axes: Sequence[int]) -> str:
        return transposed(text) if list(axes) == [1, 0] else f"{atom(text)}.permute({', '.join(map(str, axes))})"

    def clip(self, text: str, low: str, high: str) -> str:
        return f"torch.clamp({text}, {low}, {high})"

    def position(self, text: str, size: str) -> str:
        return f"_position({text}, {size})"

    def reduce(self, op: str, text: str, axes: Sequence[int], rank: int) -> str:
        dims = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
        if op in OWN_REDUCERS:
            return f"{OWN_REDUCERS[op]}({text}, {dims})"
        return f"{REDUCERS[op]}({text})" if len(axes) == rank else f"{REDUCERS[op]}({text}, dim={dims})"

    def argument(self, op: str, text: str, axis: int) -> str:
        return f"_{op}({text}, {axis})"

    def cumulative(self, text: str, axis: int, reverse: bool, exclusive: bool) -> str:
        flip = f"torch.flip({text}, ({axis},))" if reverse else text
        code = f"torch.cumsum({flip}, dim={axis})"
        if exclusive:
            code = f"_shifted({code}, {axis})"
        return f"torch.flip({code}, ({axis},))" if reverse else code

    def contract(self, spec: str, factors: Sequence[str]) -> str:
        return _product(spec, factors) or f'torch.einsum("{spec}", {", ".join(factors)})'

    def zeros(self, shape: Sequence[str]) -> str:
        return f"torch.zeros({shape_text(shape)}, dtype={self.dt}, device={self.device})"

    def broadcast(self, text: str, shape: Sequence[str]) -> str:
        return f"{atom(text)}.expand({', '.join(shape)})"

    def scatter(
        self, target: str, shape: Sequence[str], keys: Sequence[str], value: str, unique: bool
    ) -> Sequence[str]:
        return [f"{target} = _scattered({value}, ({', '.join(keys)},), {shape_text(shape)}, {not unique})"]

    def scatter_slices(self, target: str, shape: Sequence[str], slices: Sequence[Slice], value: str) -> Sequence[str]:
        return [f"{target} = _placed({value}, ({', '.join(map(_block, slices))},), {shape_text(shape)})"]


class EagerDialect(TorchDialect):
    """For statements that are run, never traced nor differentiated: what they call may look at values."""

    def call(self, row: Function, args: Sequence[str]) -> str:
        if row.name in EAGER:
            return f"{EAGER[row.name]}({', '.join(args)})"
        return super().call(row, args)

    def select(self, condition: str, then: str, otherwise: str) -> str:
        return f"_select({condition}, {then}, {otherwise})"


EAGER = {"guarded_mul": "_product", "guarded_div": "_quotient", "clip": "_bounded"}
"""Functions that are faster where no derivative of theirs is asked for."""


def _product(spec: str, factors: Sequence[str]) -> str | None:
    """The contraction of two factors of at most two axes over one of them, as a product of matrices or vectors."""
    inputs, out = spec.split("->")
    parts = list(zip(inputs.split(","), factors, strict=True))
    if len(parts) != 2 or max(len(axes) for axes, _ in parts) > 2:
        return None
    (first, _), (second, _) = parts
    summed = set(first) & set(second)
    if len(summed) != 1 or set(first) ^ set(second) != set(out) or any(len(set(axes)) < len(axes) for axes, _ in parts):
        return None
    if out and out[0] not in first:
        parts.reverse()
    (left, a), (right, b) = parts
    (k,) = summed
    turned_left = transposed(a) if len(left) == 2 and left[0] == k else atom(a)
    turned_right = transposed(b) if len(right) == 2 and right[1] == k else atom(b)
    return f"{turned_left} @ {turned_right}"


def _block(part: Slice) -> str:
    """(start, stop, step), a position, or None for all of an axis."""
    match part.kind:
        case "all":
            return "None"
        case "one":
            return part.start
    return f"({part.start or 0}, {part.stop}, {part.step})"


def shape_text(shape: Sequence[str]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def transposed(text: str) -> str:
    """A matrix with its axes exchanged."""
    return text.removesuffix(".T") if text.endswith(".T") and atom(text) == text else f"{atom(text)}.T"


def atom(text: str) -> str:
    """The text, in brackets unless an attribute can follow it."""
    return text if _is_chain(text) else f"({text})"


def _is_chain(text: str) -> bool:
    """Whether the text is a name with attributes, calls and subscripts behind it."""
    depth, closed = 0, False
    for char in text:
        if not depth and (char not in ".([" if closed else not (char.isalnum() or char in "_.([")):
            return False
        depth += (char in "([") - (char in ")]")
        closed = not depth and char in ")]"
    return depth == 0 and (text[0].isalpha() or text[0] == "_")
