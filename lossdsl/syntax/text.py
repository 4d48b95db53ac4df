"""From what was handed in, bytes or text, to a `Source`: UTF-8, plain line ends, no byte order mark."""

from __future__ import annotations

import re

from lossdsl.diagnostics import LossError, Source, Span
from lossdsl.diagnostics.limits import MAX_CHARACTERS, TextTooLong
from lossdsl.diagnostics.syntax import InvalidText

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_source(text: str | bytes, path: str) -> Source:
    """The text as every later pass sees it; line ends are `\\n`, and every character can be encoded."""
    if len(text) > MAX_CHARACTERS * (4 if isinstance(text, bytes) else 1):
        raise _too_long(text, path)
    decoded = _decode(text, path) if isinstance(text, bytes) else text
    plain = decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(plain) > MAX_CHARACTERS:
        raise _too_long(plain, path)
    source = Source(path, plain)
    if surrogate := _SURROGATE.search(plain):
        raise LossError(
            InvalidText(Span(source, surrogate.start(), surrogate.end()), "half of a character: a lone surrogate")
        )
    return source


def _decode(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        source = Source(path, shown.replace("\r\n", "\n").replace("\r", "\n"))
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        span = Span(source, len(before), len(before) + 1)
        message = f"the byte 0x{data[error.start]:02X} does not begin or continue a character in UTF-8"
        raise LossError(InvalidText(span, message, "save the file as UTF-8")) from None


def _too_long(text: str | bytes, path: str) -> LossError:
    head = text[:200].decode("utf-8", errors="replace") if isinstance(text, bytes) else text[:200]
    source = Source(path, _SURROGATE.sub("\ufffd", head.partition("\n")[0]))
    unit = "bytes" if isinstance(text, bytes) else "characters"
    message = f"the text has {len(text):,} {unit}; at most {MAX_CHARACTERS:,} characters are read"
    return LossError(TextTooLong(Span(source, 0, len(source.text)), message))
