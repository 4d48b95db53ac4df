"""Code on a page: coloured by the tokenizers of Python and of regular expressions, folded, with a button to copy it."""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Iterator

from lossdsl.report.markup import Html, element, escaped, trusted
from lossdsl.syntax.words import FUNCTIONS, KEYWORDS

BUILTINS = frozenset(dir(builtins))
LOSS_TOKEN = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<string>"""[\s\S]*?"""|"[^"\n]*")|(?P<number>\b\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)'
    r"|(?P<word>[^\W\d]\w*)"
)
Span = tuple[int, int, str]
"""Where a coloured piece starts and ends in the text, and its class."""


def code(text: str, spans: Iterator[Span]) -> Html:
    """The text in a `pre`, its pieces in classes."""
    parts, at = [], 0
    for start, end, class_ in spans:
        parts.append(f'{escaped(text[at:start])}<span class="{class_}">{escaped(text[start:end])}</span>')
        at = end
    return element("pre", element("code", trusted("".join(parts) + escaped(text[at:]))), tabindex=0)


def folded(title: str, shown: Html, opened: bool = False) -> Html:
    """Code behind its title; the button is of use with a script only, and hidden without."""
    button = element("button", "copy", type="button", class_="copy")
    return element("details", element("summary", title), element("div", button, shown, class_="code"), open=opened)


def python_spans(text: str) -> Iterator[Span]:
    """Keywords, names where they are defined, built-in functions, strings, comments, numbers."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        class_ = _python_class(token, before)
        if class_:
            (row, column), (last_row, last_column) = token.start, token.end
            yield lines[row - 1] + column, lines[last_row - 1] + last_column, class_
        before = token.string


def _python_class(token: tokenize.TokenInfo, before: str) -> str:
    match token.type:
        case tokenize.COMMENT:
            return "comment"
        case tokenize.STRING:
            return "string"
        case tokenize.NUMBER:
            return "number"
        case tokenize.NAME if keyword.iskeyword(token.string):
            return "keyword"
        case tokenize.NAME if before in ("def", "class"):
            return "name"
        case tokenize.NAME if token.string in BUILTINS and before != ".":
            return "function"
    return "string" if tokenize.tok_name[token.type].startswith("FSTRING") else ""


def loss_spans(text: str) -> Iterator[Span]:
    """The same for the loss language."""
    before = ""
    for found in LOSS_TOKEN.finditer(text):
        kind = found.lastgroup or ""
        class_ = kind if kind != "word" else _word_class(found[0], before)
        if class_:
            yield found.start(), found.end(), class_
        before = found[0]


def _word_class(word: str, before: str) -> str:
    if before in ("loss", "def"):
        return "name"
    return "keyword" if word in KEYWORDS else "function" if word in FUNCTIONS else ""
