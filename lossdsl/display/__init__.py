"""How programs are shown to people: losses and gradients in the loss language, in LaTeX and in Unicode."""

from __future__ import annotations

from lossdsl.display.alike import Alike, Inlining
from lossdsl.display.draft import Names, drafted
from lossdsl.display.formula import NotExpressible, Sheet
from lossdsl.display.from_program import sheet
from lossdsl.display.items import item_text
from lossdsl.display.ranges import declare_ranges
from lossdsl.display.sharing import Sharing
from lossdsl.meaning import core

__all__ = ["NotExpressible", "gradient_text"]


def gradient_text(program: core.Program, wrt: str, simplify: bool = True) -> str:
    """The gradient of the loss, reduced as it is by default, as a loss whose elements are the entries of the gradient."""
    shown = _gradient_sheet(program, wrt, exact=True, simplify=simplify)
    declare_ranges(shown, program)
    doc = f"The gradient of {program.name} with respect to {wrt}."
    return item_text(f"{program.name}_grad_{wrt}", program, doc, shown)


def _gradient_sheet(program: core.Program, wrt: str, exact: bool, simplify: bool) -> Sheet:
    names = Names(program)
    draft = drafted(program, wrt, exact, names)
    draft = draft.by(Alike(draft))
    draft = draft.by(Inlining(draft))
    if simplify:
        from lossdsl.display.simplify import Simplifying

        draft = draft.by(Simplifying(draft))
    draft = draft.by(Sharing(draft, names))
    return sheet(draft, names)
