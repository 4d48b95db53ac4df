"""What a page says in words: the docstring, the formulas, the arguments, the conventions, and what was proved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lossdsl.analysis import Analysis, Fact, No, Unknown, Yes
from lossdsl.analysis.facts import GROUPS
from lossdsl.meaning.core import Arg, Program
from lossdsl.report.code import code, folded, loss_spans
from lossdsl.report.markup import Content, Html, element, trusted

if TYPE_CHECKING:
    from lossdsl.api import Loss

LINK = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?]")
ROLES = {"prediction": "prediction", "data": "data", "hyper": "hyperparameter", "learn": "trainable"}


def prose(text: str) -> list[Html]:
    """A docstring: paragraphs, and links to what it cites."""
    return [element("p", _linked(" ".join(part.split()))) for part in text.split("\n\n") if part.strip()]


def _linked(text: str) -> Iterable[Content]:
    at = 0
    for found in LINK.finditer(text):
        yield text[at : found.start()]
        yield element("a", found[0], href=found[0], rel="noopener noreferrer")
        at = found.end()
    yield text[at:]


def written(loss: Loss) -> Html:
    return folded("as written", code(loss.text.rstrip(), loss_spans(loss.text.rstrip())))


# ---------------------------------------------------------------- formulas


def formulas(loss: Loss, level: int) -> list[Html]:
    """The loss, and its gradient by everything that it can be differentiated by, under headings of that level."""
    from lossdsl.display import gradient_mathml, loss_mathml

    shown = [_formula(heading(level, "The loss"), loss_mathml(loss.program), loss.latex())]
    for name in loss.differentiable:
        title = heading(level, "The gradient by ", element("code", name))
        shown.append(_formula(title, gradient_mathml(loss.program, name), loss.gradient(name).latex()))
    return shown


def heading(level: int, *content: Content) -> Html:
    return element(f"h{level}", *content)


def _formula(title: Html, mathml: str, latex: str) -> Html:
    """One that is wider than the page scrolls in its own box."""
    return element(
        "div",
        title,
        element("div", trusted(mathml), class_="formula", tabindex=0, role="group", aria_label="formula"),
        folded("LaTeX", code(latex, iter(()))),
    )


# ---------------------------------------------------------------- arguments


def arguments(loss: Loss, settings: Mapping[str, float]) -> Html:
    """A row for each argument; `settings` are values of the page other than the defaults."""
    heads = ("name", "role", "axes", "domain", "default")
    rows = [_argument(arg, settings) for arg in loss.program.args]
    return table("inputs", heads, rows)


def _argument(arg: Arg, settings: Mapping[str, float]) -> list[Content]:
    from lossdsl.front import axes_text, default_text

    default = default_text(arg)
    if arg.name in settings:
        default = f"{default}, here {settings[arg.name]:g}".removeprefix(", ")
    axes = f"[{axes_text(arg)}]" if arg.axes else "scalar"
    return [element("code", arg.name), ROLES[arg.role], axes, arg.domain_text or "any number", default]


def conventions(program: Program) -> Html | None:
    """What holds at kinks, ties, and over nothing."""
    from lossdsl.display.edges import edge_cases

    rows: list[list[Content]] = [[element("code", part), rule] for part, rule in edge_cases(program)]
    return table("conventions", ("where", "what holds"), rows) if rows else None


def table(label: str, heads: Iterable[Content], rows: Iterable[Iterable[Content]], numeric: Iterable[int] = ()) -> Html:
    """In a box of its own that scrolls where the table is wider than the page; `numeric` columns end at the right."""
    right = frozenset(numeric)
    head = element("tr", [element("th", each, scope="col", class_=_side(k, right)) for k, each in enumerate(heads)])
    body = [element("tr", [element("td", e, class_=_side(k, right)) for k, e in enumerate(row)]) for row in rows]
    whole = element("table", element("thead", head), element("tbody", body))
    return element("div", whole, class_="wide", tabindex=0, role="group", aria_label=label)


def _side(column: int, right: frozenset[int]) -> str | None:
    return "number" if column in right else None


# ---------------------------------------------------------------- facts


def facts(analysis: Analysis, level: int) -> list[Html]:
    """Each answer with its reason, its witness, or what was tried; groups have headings of that level."""
    shown = [element("p", f"About {analysis.subject}.", class_="note")]
    for group, names in GROUPS.items():
        found = [_fact(analysis[name]) for name in names if name in analysis]
        if found:
            shown += [heading(level, group), element("dl", found, class_="facts")]
    return shown


def _fact(fact: Fact) -> list[Html]:
    match fact.answer:
        case Yes(reason, value):
            extra, because = value, [reason]
        case No(witness, reason):
            extra, because = "", [reason, f"witness: {witness}"]
        case Unknown(tried):
            extra, because = "", [f"tried: {'; '.join(tried)}"]
    word = fact.answer.word
    answer = element("span", word, class_=f"answer {word}")
    return [
        element("dt", fact.name, " ", answer, [" ", element("span", extra, class_="value")] if extra else None),
        *(element("dd", text) for text in because if text),
    ]
