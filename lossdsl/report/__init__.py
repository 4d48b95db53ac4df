"""`lossdsl report`: everything about a loss on one page for a browser, which loads nothing from anywhere.

markup                 elements, text escaped where it enters
description, code      what is said in words; code in colours
sliders, frames        the curves at every position of the sliders, by emitted code only
scale, picture         in the units of a picture, packed for the browser
drawing                SVG, which a script then redraws
evidence               the comparisons of `check`, and the accuracy in bits
page                   the document around all this, and what it is allowed to do
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossdsl.api import Loss
    from lossdsl.report.markup import Content
    from lossdsl.report.page import Chapter, Part

__all__ = ["Page", "ReportError", "Request", "report"]

Step = Callable[[str, int, int], None]
"""Told what is done next, the how many-th of how many it is, from 0."""


Tell = Callable[[str], None]


class ReportError(ValueError):
    """A page that was asked for can't be made: an unknown hyperparameter, or a value outside of its domain."""


@dataclass(frozen=True)
class Request:
    """What a page shall have: `settings` are values of hyperparameters, where its sliders start."""

    settings: Mapping[str, float] = field(default_factory=dict)
    check: bool = True
    accuracy: bool = True


@dataclass(frozen=True)
class Page:
    """The text of an HTML file; `ok` unless a comparison on it failed."""

    text: str
    ok: bool


def report(
    losses: Sequence[tuple[str, Loss]],
    request: Request | None = None,
    *,
    title: str = "",
    doc: str = "",
    step: Step | None = None,
) -> Page:
    """The page for some losses, each with the name of where it is from.

    title, doc: what stands above several losses; of one loss, its name does.
    The same losses and versions give the same text: there is no date in it.  ReportError for a setting that no loss
    has, or that is outside of its domain.
    """
    from lossdsl import __version__
    from lossdsl.report.page import page, part_level

    asked = request or Request()
    _check_names(losses, asked.settings)
    one = len(losses) == 1
    tell = _numbered(step, len(losses) * (3 + asked.check + asked.accuracy))
    level = part_level(not one) + 1
    chapters = [_chapter(f"l{k}", origin, loss, asked, level, tell) for k, (origin, loss) in enumerate(losses)]
    name = str(losses[0][1].name) if one else title or "losses"
    text = page(name, "" if one else doc, chapters, f"lossdsl {__version__}")
    return Page(text, all(part.ok for chapter in chapters for part in chapter.parts))


def _numbered(step: Step | None, total: int) -> Tell:
    """Counts what is told."""
    number = itertools.count()
    return lambda what: None if step is None else step(what, next(number), total)


def _check_names(losses: Sequence[tuple[str, Loss]], settings: Mapping[str, float]) -> None:
    hyper = [arg for _, loss in losses for arg in loss.program.args if arg.role in ("hyper", "learn")]
    known = list(dict.fromkeys(str(arg.name) for arg in hyper if not arg.axes))
    for name in settings:
        if name in known:
            continue
        if name in [arg.name for arg in hyper]:
            raise ReportError(f"{name} is an array: only numbers can be set")
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f", only {', '.join(known)}" if known else ""
        raise ReportError(f"there is no hyperparameter {name!r}{hint}")


def _chapter(key: str, origin: str, loss: Loss, asked: Request, level: int, tell: Tell) -> Chapter:
    from lossdsl.report.description import prose, written
    from lossdsl.report.page import Chapter

    intro = [*prose(loss.doc), written(loss)]
    return Chapter(key, str(loss.name), loss.signature, origin, intro, tuple(_parts(key, loss, asked, level, tell)))


def _parts(key: str, loss: Loss, asked: Request, level: int, tell: Tell) -> Iterator[Part]:
    """In the order of the page."""
    from lossdsl.report import description, evidence
    from lossdsl.report.page import Part

    own = {arg.name: asked.settings[arg.name] for arg in loss.program.args if arg.name in asked.settings}
    tell(f"{loss.name}: drawing")
    pictures = _pictures(key, loss, own)  # first, since it finds settings that are not of their domain
    tell(f"{loss.name}: differentiating")
    yield Part("Formulas", description.formulas(loss, level))
    yield Part("Inputs", description.arguments(loss, own))
    yield Part("Pictures", pictures)
    tell(f"{loss.name}: analysing")
    yield Part("Facts", description.facts(loss.analyze(**own), level))
    if (conventions := description.conventions(loss.program)) is not None:
        yield Part("Conventions", conventions)
    if asked.check:
        tell(f"{loss.name}: checking")
        found = loss.check()
        yield Part("Checks", evidence.checks(found), found.ok)
    if asked.accuracy:
        tell(f"{loss.name}: measuring")
        yield Part("Accuracy", evidence.accuracy(loss))
    yield Part("Code", _code(loss))


def _pictures(key: str, loss: Loss, settings: Mapping[str, float]) -> Content:
    """ReportError where the emitted code refuses the settings; a line that says so where there is nothing to draw."""
    from lossdsl.plot.errors import PlotError
    from lossdsl.plot.subject import subject
    from lossdsl.report.drawing import plots
    from lossdsl.report.frames import frames
    from lossdsl.report.markup import element

    try:
        base = subject(loss)
    except PlotError as reason:
        return element("p", f"No picture: {reason}.", class_="note")
    try:
        drawn = frames(base, settings)
    except PlotError as reason:
        raise ReportError(str(reason)) from None
    if drawn is None:
        return element("p", "No picture: the loss is not finite at its example.", class_="note")
    return plots(key, str(loss.name), drawn)


def _code(loss: Loss) -> Content:
    from lossdsl.report.code import code, folded, python_spans

    titles = {"numpy": "NumPy", "torch": "PyTorch"}
    sources = {title: loss.source(backend) for backend, title in titles.items()}
    return [folded(title, code(text, python_spans(text))) for title, text in sources.items()]
