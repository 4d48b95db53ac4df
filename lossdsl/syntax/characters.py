"""Characters that are no part of the language, and what was probably meant by them."""

from __future__ import annotations

import re
import unicodedata

from lossdsl.diagnostics import Problem, Span
from lossdsl.diagnostics.syntax import ForbiddenCharacter, TabCharacter

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")

_LOOK_ALIKES = {
    "\u00a0": "a no-break space; write a plain space",
    "\u3000": "an ideographic space; write a plain space",
    "\ufeff": "a byte order mark; take it away",
    "\u200b": "a zero-width space; take it away",
    "“": 'a typographic quote; write `"`',
    "”": 'a typographic quote; write `"`',
    "‘": 'a typographic quote; texts are written between `"`',
    "’": 'a typographic quote; texts are written between `"`',
    "–": "a dash; write `-`",
    "—": "a dash; write `-`",
    "‖": "a double bar; write `norm[...](...)` for a norm",
    "∥": "a double bar; write `norm[...](...)` for a norm",
    "÷": "write `/`",
    "∧": "write `and`",
    "∨": "write `or`",
    "¬": "write `not`",
    "∏": "write `prod[...](...)`",
    "∉": "write `not x in ...`",
    "→": "write `=`",
    "←": "write `=`",
    "≔": "write `=`",
    "∗": "write `*`",
    "∙": "write `*`",
    "⋅": "write `*`",
    "…": "write `..`",
}


def tab_problem(span: Span) -> Problem:
    return TabCharacter(span, "this is a tab", "write spaces")


def stray_problem(span: Span) -> Problem:
    character = span.text
    shown = character if character.isprintable() else f"U+{ord(character[0]):04X}"
    hint = _LOOK_ALIKES.get(character)
    if hint is None and character.isdigit():
        hint = _digit_hint(character)
    return ForbiddenCharacter(span, f"`{shown}` has no meaning here", hint)


def _digit_hint(character: str) -> str:
    digit = unicodedata.digit(character)
    style = unicodedata.decomposition(character)
    if style.startswith("<super>"):
        return f"write `^{digit}`"
    return f"write `{digit}`; a name may hold it, as in `x{digit}`" if style.startswith("<sub>") else f"write `{digit}`"
