"""Templates: loss files with holes.

A hole is a `def` on one line, `def hole(r; delta > 0) = r^2`: proposals take the place of its body.  So a template
parses, checks and trains as any other file does.  What stands before the `;` of the hole varies from row to row, what
stands behind it are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lossdsl.api import Loss, load, loads
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.searching import HoleForm, NoHole
from lossdsl.search.errors import SearchError
from lossdsl.syntax import parse, tree
from lossdsl.syntax.printer import format_expr

HOLE = "hole"
SHIPPED = {
    "residual": (
        "def hole(r; delta > 0) = r^2\n\n"
        "loss found(pred[n] | target[n]; delta > 0 = 1):\n"
        "    return mean[n](hole(pred - target; delta))\n"
    ),
    "margin": (
        "def hole(m) = (1 - m)^2\n\n"
        "loss found(score[..] | label[..] in {-1, 1}):\n"
        "    return mean[..](hole(label*score))\n"
    ),
}
"""Templates by name."""


@dataclass(frozen=True)
class Hole:
    """A `def` to be filled in: its name, its variables and parameters, and where its body stands."""

    name: str
    variables: tuple[str, ...]
    parameters: tuple[tree.Argument, ...]
    body: tree.Expr


@dataclass(frozen=True)
class Template:
    """A text with holes; `name` is the loss that is searched."""

    text: str
    path: str
    name: str
    holes: tuple[Hole, ...]

    def filled(self, bodies: Mapping[str, str]) -> str:
        """The text with these formulas in the holes."""
        text = self.text
        for hole in sorted(self.holes, key=lambda each: each.body.span.start, reverse=True):
            if hole.name in bodies:
                text = text[: hole.body.span.start] + bodies[hole.name] + text[hole.body.span.end :]
        return text

    def loss(self, bodies: Mapping[str, str]) -> Loss:
        """The same as a loss."""
        return loads(self.filled(bodies), self.path)[self.name]

    @cached_property
    def start(self) -> dict[str, str]:
        """What stands in the holes."""
        return {hole.name: format_expr(hole.body) for hole in self.holes}


def template(source: str, holes: Sequence[str] = ()) -> Template:
    """A template of `SHIPPED` by its name, or of a file (`mine.loss`: its last loss; `mine.loss:name`).

    holes: the names of the `def`s to fill in; left out, the one called `hole`.  SearchError for what is not there,
    LossError for what is wrong in the file, and for holes that can not be filled in (E1111, E1112).
    """
    if source in SHIPPED:
        return _template(SHIPPED[source], f"<{source}>", None, holes)
    file, colon, name = source.partition(".loss:")
    path = Path(f"{file}.loss" if colon else source)
    if path.suffix != ".loss":
        raise SearchError(f"there is no template {source!r}: give a .loss file, or {', '.join(SHIPPED)}")
    try:
        load(path)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SearchError(f"can't read {path}: {error.strerror}") from None
    return _template(text, str(path), name.strip() or None, holes)


def _template(text: str, path: str, name: str | None, holes: Sequence[str]) -> Template:
    losses = loads(text, path)
    if not losses:
        raise SearchError(f"{path} has no loss")
    wanted = name or list(losses)[-1]
    if wanted not in losses:
        raise SearchError(f"{path} has no loss {wanted!r}, only {', '.join(losses)}")
    module = parse(text, path)
    defs = {item.name.id: item for item in module.items if isinstance(item, tree.Def)}
    item = next(each for each in module.items if isinstance(each, tree.Loss) and each.name.id == wanted)
    for each in holes or [HOLE]:
        if each not in defs:
            have = f", only {', '.join(defs)}" if defs else ""
            raise LossError(NoHole(item.name.span, f"{path} has no def {each!r}{have}", f"def {each}(r) = r^2"))
    return Template(text, path, wanted, tuple(_hole(defs[each]) for each in holes or [HOLE]))


def _hole(item: tree.Def) -> Hole:
    span = item.name.span
    if not item.one_line or item.indices is not None:
        raise LossError(HoleForm(span, f"{item.name.id} is more than one formula", "def hole(r) = r^2, on one line"))
    axed = [each.name.id for each in (*item.arguments, *item.hyper) if each.axes]
    if axed:
        raise LossError(HoleForm(span, f"{axed[0]} has axes", "a hole takes numbers, and is called with an array"))
    if not item.arguments:
        raise LossError(HoleForm(span, f"{item.name.id} takes nothing that varies", "an argument before the `;`"))
    return Hole(item.name.id, tuple(each.name.id for each in item.arguments), item.hyper, item.body.result)
