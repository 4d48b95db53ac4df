"""Stages that reduce: sums, extrema, products, positions of the best; neutral where the condition fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lossdsl.backends.contraction import contraction
from lossdsl.backends.ordered import ordered
from lossdsl.backends.scans import cumulative
from lossdsl.backends.text import View, strip
from lossdsl.ir.graph import Index
from lossdsl.ir.stage import Stage

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

NEUTRAL = {"sum": "0", "prod": "1", "max": "-inf", "min": "inf", "argmax": "-inf", "argmin": "inf"}


def reduction(emitter: Emitter, stage: Stage) -> str:
    """The text of a stage that reduces."""
    code = cumulative(emitter, stage) if stage.op == "sum" else None
    code = code or ordered(emitter, stage)
    if code is None and stage.op == "sum":
        code = contraction(emitter, stage)
    code = code or _others(emitter, stage)
    if code is not None:
        return code
    text, onto = masked(emitter, stage)
    text, onto = widened(emitter, text, onto, [i for i in stage.out if i not in onto])
    missing = [i for i in stage.reduced if i not in onto]
    if stage.op != "sum":
        text, onto = widened(emitter, text, onto, missing)
        missing = []
    axes = [k for k, i in enumerate(onto) if i in stage.reduced]
    if stage.op in ("argmax", "argmin"):
        return _argument(emitter, stage, text, onto, axes[0])
    code = emitter.dialect.reduce(stage.op, text, axes, len(onto)) if axes else text
    if missing and stage.op == "sum":
        factors = [f"({t})" if " " in t else t for t in emitter.shape(missing)]
        code = f"({code}) * {' * '.join(factors)}"
    return code


def _others(emitter: Emitter, stage: Stage) -> str | None:
    """The sum of exponentials without the greatest, by the sum of all: it is needed only where that is below 2."""
    if stage.op != "sum" or stage.body.op != "fraction" or stage.positions:
        return None
    total = emitter.table.stages.get(stage.name.replace("others_", "total_", 1))
    in_parts = any(i.high in emitter.extents for i in stage.reduced)  # that of a block says nothing of the whole
    if total is None or in_parts or not _is_total(total, stage):
        return None
    whole = emitter.stage(total)
    text, onto = masked(emitter, total)
    last = onto[len(onto) - len(stage.reduced) :]
    if set(last) != set(stage.reduced) or onto[: len(onto) - len(last)] != emitter.axes(stage.out):
        return None
    parts = text if text.isidentifier() else emitter.held(text, "t")
    return emitter.dialect.others(parts, whole, len(last))


def _is_total(total: Stage, others: Stage) -> bool:
    same = (total.out, total.reduced, total.where) == (others.out, others.reduced, others.where)
    return same and total.op == "sum" and not total.positions and total.body is others.body.args[0]


def widened(emitter: Emitter, text: str, onto: list[Index], missing: Sequence[Index]) -> tuple[str, list[Index]]:
    """The array repeated along axes that it lacks."""
    if not missing:
        return text, onto
    wide = emitter.axes((*onto, *missing))
    if onto:
        pattern = [":" if i in onto else "None" for i in wide[min(wide.index(i) for i in onto) :]]
        text = f"({text})[{', '.join(pattern)}]" if "None" in pattern else text
    return emitter.dialect.broadcast(text, emitter.shape(wide)), wide


def _argument(emitter: Emitter, stage: Stage, text: str, onto: list[Index], axis: int) -> str:
    """The position of the best; one below the range where the condition leaves nothing."""
    low = emitter.extent(stage.reduced[0].low)
    plus = "" if low == "0" else f" + {low}"
    dialect = emitter.dialect
    if stage.where is None:
        return dialect.argument(stage.op, text, axis) + plus
    condition = emitter.lifted(stage.where, onto, "bool", 47)
    lift = ", ".join("None" if k == axis else ":" for k in range(len(onto)))
    best = f"{dialect.reduce(stage.op.removeprefix('arg'), text, [axis], len(onto))}[{lift}]"
    # what is left out must not win a tie with an infinite element that is not, nor where the best is NaN
    worse = "<" if stage.op == "argmax" else ">"
    first = dialect.argument("argmax", dialect.cast(f"{condition} & ~({text} {worse} {best})"), axis)
    shape = emitter.shape(onto)
    present = dialect.reduce("any", dialect.broadcast(strip(condition), shape), [axis], len(onto))
    return dialect.where(present, f"{first}{plus}", "-1" if low == "0" else f"{low} - 1")


def masked(emitter: Emitter, stage: Stage) -> tuple[str, list[Index]]:
    """The body, neutral where the condition fails, and its axes."""
    view: View = "bool" if stage.op in ("any", "all") else "real"
    if stage.op == "sum" and stage.body.kind == "int":
        view = "int"
    if stage.where is None or emitter.is_host(stage.where):
        return _plain(emitter, stage, view)
    onto = emitter.axes(stage.body.free | stage.where.free)
    condition = emitter.lifted(stage.where, onto, "bool")
    if view == "bool":
        inner = emitter.lifted(stage.body, onto, "bool", 47)
        condition = emitter.lifted(stage.where, onto, "bool", 47)
        return (f"{condition} & {inner}" if stage.op == "any" else f"~{condition} | {inner}"), onto
    if stage.op == "sum" and stage.body.is_value(1) and view == "int":
        return condition, onto
    neutral = NEUTRAL[stage.op]
    neutral = f'float("{neutral}")' if "inf" in neutral else neutral
    chosen = emitter.lifted(stage.body, onto, view)
    if emitter.value(stage.body, view).host and view == "real":
        chosen = emitter.dialect.number(chosen)
    if view == "real":
        return emitter.select(condition, chosen, neutral), onto
    return emitter.dialect.where(condition, chosen, neutral), onto


def _plain(emitter: Emitter, stage: Stage, view: View) -> tuple[str, list[Index]]:
    """The body where no condition differs from element to element."""
    onto = emitter.axes(stage.body.free)
    text = emitter.value(stage.body, view)
    code = text.code
    if text.host:
        onto = emitter.axes(stage.looped)
        code = _full(emitter, stage, code, view)
    if stage.where is None:
        return code, onto
    neutral = {"any": "False", "all": "True", **NEUTRAL}[stage.op]
    neutral = f'float("{neutral}")' if "inf" in neutral else neutral
    return emitter.dialect.where(emitter.lifted(stage.where, (), "bool"), code, neutral), onto


def _full(emitter: Emitter, stage: Stage, code: str, view: View) -> str:
    indices = emitter.axes(stage.looped)
    number = emitter.dialect.number(code) if view == "real" else emitter.dialect.whole_number(code)
    return emitter.dialect.broadcast(number, emitter.shape(indices))
