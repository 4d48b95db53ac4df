"""A whole page: one file that needs nothing else, and is allowed nothing else.

The policy in its head lets a browser run the one script and the one style sheet of the page, named by their digests,
and load nothing: whatever a text that a user wrote might smuggle in would not run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from lossdsl.report.description import heading, prose
from lossdsl.report.markup import Content, Html, element, trusted

NOTHING = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
"""An icon of no bytes keeps browsers from asking a server for one."""


@dataclass(frozen=True)
class Part:
    """A titled part of what is said about a loss; `ok` unless it says that a comparison failed."""

    title: str
    content: Content
    ok: bool = True


@dataclass(frozen=True)
class Chapter:
    """What is said about one loss; `key` is unique on the page, and the start of the ids in it."""

    key: str
    name: str
    signature: str
    origin: str
    intro: Content
    parts: tuple[Part, ...]


def page(title: str, doc: str, chapters: Sequence[Chapter], footer: str) -> str:
    """The text of the file."""
    style, script = _resource("page.css"), _resource("page.js")
    policy = f"{NOTHING}; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        trusted('<link rel="icon" href="data:,">'),
        element("title", title),
        element("style", trusted(style)),
    )
    several = len(chapters) > 1
    body = element(
        "body",
        element("header", element("h1", title), prose(doc), _contents(chapters) if several else None),
        element("main", [_chapter(each, several) for each in chapters]),
        element("footer", element("p", footer)),
        element("script", trusted(script)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _resource(name: str) -> str:
    return files("lossdsl.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _contents(chapters: Sequence[Chapter]) -> Html:
    return _links("losses", [(each.key, each.name) for each in chapters])


def _links(label: str, targets: Sequence[tuple[str, str]]) -> Html:
    items = [element("li", element("a", text, href=f"#{key}")) for key, text in targets]
    return element("nav", element("ul", items), aria_label=label)


def part_level(several: bool) -> int:
    """The level of the headings of parts: the name of the one loss is the title, those of several stand below it."""
    return 3 if several else 2


def _chapter(chapter: Chapter, several: bool) -> Html:
    keys = [f"{chapter.key}-{part.title.lower()}" for part in chapter.parts]
    sections = [
        element("section", heading(part_level(several), part.title), part.content, id=key)
        for key, part in zip(keys, chapter.parts, strict=True)
    ]
    return element(
        "section",
        element("h2", chapter.name) if several else None,
        element("p", element("code", chapter.signature), class_="signature"),
        element("p", chapter.origin, class_="note"),
        chapter.intro,
        _links(f"parts of {chapter.name}", list(zip(keys, (part.title for part in chapter.parts), strict=True))),
        sections,
        id=chapter.key,
    )
