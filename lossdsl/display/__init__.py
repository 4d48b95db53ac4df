"""How programs are shown to people: losses and gradients in the loss language, in LaTeX, MathML and Unicode.

draft      the gradient, and the bindings of the loss in it     draft, plain, instances, rewriter
alike      what occurs at several positions                     alike, shifted
simplify   shorter forms of scalar expressions, by SymPy        simplify, algebra, regions, tidy, numeric
share      names for what occurs twice and for long parts       sharing, names
formulas   a small tree that all printers share                 formula, conjunction, from_program, from_core
print      in the loss language, with ranges where needed       text, items, ranges
           in LaTeX, as a picture of characters, in MathML      latex, unicode, boxes, mathml, notation
"""

from __future__ import annotations

from lossdsl.display.formula import NotExpressible, Sheet
from lossdsl.meaning import core

__all__ = [
    "NotExpressible", "gradient_latex", "gradient_mathml", "gradient_text", "gradient_unicode", "loss_latex",
    "loss_mathml", "loss_unicode", "program_text",
]  # fmt: skip


def gradient_text(program: core.Program, wrt: str, simplify: bool = True) -> str:
    """The gradient of the loss, reduced as it is by default, as a loss whose elements are the entries of the gradient.

    Raises NotExpressible where the loss language has no word for something that is needed.
    """
    from lossdsl.display.items import item_text
    from lossdsl.display.ranges import declare_ranges

    shown = _gradient_sheet(program, wrt, exact=True, simplify=simplify)
    declare_ranges(shown, program)
    doc = f"The gradient of {program.name} with respect to {wrt}."
    return item_text(f"{program.name}_grad_{wrt}", program, doc, shown)


def gradient_latex(program: core.Program, wrt: str, simplify: bool = True) -> str:
    """The gradient in LaTeX, one line for each binding that it needs."""
    from lossdsl.display.latex import LOSS, derivative_left, sheet_latex

    shown = _gradient_sheet(program, wrt, exact=False, simplify=simplify)
    return sheet_latex(shown, derivative_left(LOSS, wrt, [b.name for b in shown.result.binders]))


def gradient_unicode(program: core.Program, wrt: str, simplify: bool = True) -> str:
    """The gradient as a picture made of characters."""
    from lossdsl.display.unicode import derivative_left, sheet_unicode

    shown = _gradient_sheet(program, wrt, exact=False, simplify=simplify)
    return sheet_unicode(shown, derivative_left(wrt, shown.result.binders))


def gradient_mathml(program: core.Program, wrt: str, simplify: bool = True) -> str:
    """The gradient in MathML: one `math` element, a line for each binding that it needs."""
    from lossdsl.display.mathml import derivative_left, sheet_mathml

    shown = _gradient_sheet(program, wrt, exact=False, simplify=simplify)
    return sheet_mathml(shown, derivative_left(wrt, shown.result.binders))


def loss_latex(program: core.Program) -> str:
    """The loss in LaTeX as its author wrote it; functions that it calls are written out."""
    from lossdsl.display.from_core import loss_sheet
    from lossdsl.display.latex import ELEMENT, LOSS, sheet_latex, subscripted_by

    shown = loss_sheet(program)
    return sheet_latex(shown, subscripted_by(ELEMENT, shown.result.binders) if shown.result.binders else LOSS)


def loss_unicode(program: core.Program) -> str:
    """The loss as a picture made of characters."""
    from lossdsl.display.from_core import loss_sheet
    from lossdsl.display.unicode import loss_left, sheet_unicode

    shown = loss_sheet(program)
    return sheet_unicode(shown, loss_left(shown.result.binders))


def loss_mathml(program: core.Program) -> str:
    """The loss in MathML: one `math` element."""
    from lossdsl.display.from_core import loss_sheet
    from lossdsl.display.mathml import element_left, sheet_mathml

    shown = loss_sheet(program)
    return sheet_mathml(shown, element_left(shown.result.binders))


def program_text(program: core.Program, wrt: tuple[str, ...] = ()) -> str:
    """The stages of the compiler for the value of the loss; with `wrt`, for the gradients with respect to these."""
    from lossdsl.display.stages import stages_text

    return stages_text(program, wrt)


def _gradient_sheet(program: core.Program, wrt: str, exact: bool, simplify: bool) -> Sheet:
    from lossdsl.display.alike import Alike, Inlining
    from lossdsl.display.draft import drafted
    from lossdsl.display.from_program import sheet
    from lossdsl.display.names import Names
    from lossdsl.display.sharing import Sharing

    names = Names(program)
    draft = drafted(program, wrt, exact, names)
    draft = draft.by(Alike(draft))
    draft = draft.by(Inlining(draft))
    if simplify:
        from lossdsl.display.simplify import Simplifying

        draft = draft.by(Simplifying(draft))
    draft = draft.by(Sharing(draft, names))
    return sheet(draft, names, exact)
