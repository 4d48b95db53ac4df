"""The program of the compiler as text: its stages, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.calculus.gradient import gradient, needed_stages
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.lower import lower
from lossdsl.ir.show import show
from lossdsl.meaning import core


def stages_text(program: core.Program, wrt: Sequence[str]) -> str:
    """The value, or the gradients of sum(seed * value) with respect to `wrt`; each stage on a line, in order."""
    lowered = lower(program)
    outputs: dict[str, tuple[tuple[Index, ...], Node]] = {program.name: (lowered.free, lowered.element)}
    mask = [] if lowered.mask is None else [lowered.mask]
    if wrt:
        outputs = {f"grad_{name}": found for name, found in gradient(lowered, wrt).by_name.items()}
        mask = []
    roots = [node for _, node in outputs.values()]
    lines = [str(stage) for stage in needed_stages(lowered.table, [*roots, *mask])]
    for name, (indices, node) in outputs.items():
        axes = f"[{', '.join(i.name for i in indices)}]" if indices else ""
        lines.append(f"{name}{axes} = {show(node)}" + "".join(f" where {show(m)}" for m in mask))
    return "\n".join(lines)
