"""HTML made of elements: text is escaped where it enters, so that nothing a user wrote can become markup.

`Html` is text that is markup already; only `element` and `trusted` make it.  Characters that can't be seen, or that
change the direction of what follows, are shown by their code: a page is read by people who decide by it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

VOID = frozenset({"meta", "input", "br", "wbr", "hr"})
SEEN = "\n\t "


@dataclass(frozen=True)
class Html:
    """Markup."""

    text: str

    def __str__(self) -> str:
        return self.text


Content = Html | str | Iterable["Content"] | None


def trusted(markup: str) -> Html:
    """Markup from a printer of ours, which has escaped what it was given."""
    return Html(markup)


def escaped(text: str) -> str:
    """Text for an element or a quoted attribute."""
    return html.escape("".join(c if c.isprintable() or c in SEEN else _code(c) for c in text))


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def markup(content: Content) -> str:
    """Strings escaped, markup as it is, nothing for None."""
    match content:
        case None:
            return ""
        case Html(text):
            return text
        case str():
            return escaped(content)
    return "".join(map(markup, content))


def element(tag: str, *content: Content, **attributes: str | int | bool | None) -> Html:
    """`element("p", "a < b", class_="note")`.  A final `_` is dropped, others are `-`; None and False leave one out."""
    if tag in VOID and content:
        raise ValueError(f"{tag} has no content")
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    return Html(opening if tag in VOID else f"{opening}{markup(content)}</{tag}>")


def _attribute(name: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    written = name.removesuffix("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escaped(str(value))}"'
