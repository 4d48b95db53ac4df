"""No text makes the parser hang, exhaust memory or the stack, or fail in any way but with a located error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from effort import SECOND, calls
from hypothesis import given, settings
from hypothesis import strategies as st

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.limits import MAX_CHARACTERS, MAX_DEPTH, MAX_DIGITS, MAX_SYMBOLS
from lossdsl.syntax import parse
from lossdsl.syntax.format import format_text

MEGABYTES = 500
MANY = 12_000

HOSTILE: dict[str, str | bytes] = {
    "a million parentheses": "def f(x) = " + "(" * 1_000_000 + "x" + ")" * 1_000_000,
    "parentheses below the limit on the text": "def f(x) = " + "(" * 400_000 + "x" + ")" * 400_000,
    "parentheses below the limit on symbols": "def f(x) = " + "(" * MANY + "x" + ")" * MANY,
    "brackets never closed": "def f(x) = " + "[" * MANY,
    "bars": "def f(x) = " + "|" * MANY,
    "bars and operands": "def f(x) = x" + "|x" * MANY,
    "bars around bars": "def f(x) = " + "|" * 150 + "x" + "|" * 150,
    "many megabytes": "# a comment\n" * 1_000_000,
    "many megabytes of bytes": b"\xff" * 10_000_000,
    "a text at the limit": "#" + "x" * (MAX_CHARACTERS - 1),
    "ten thousand terms": "def f(a, b) = " + " + ".join(["a*b"] * 10_000),
    "as many symbols as are read": "def f(a) = a" + "+a" * (MAX_SYMBOLS // 2 - 10),
    "9^9^9^9": "def f() = 9^9^9^9",
    "a tower of powers": "def f() = 9" + "^9" * MANY,
    "signs": "def f(x) = " + "-" * 45_000 + "x",
    "nots": "def f(x) = " + "not " * 45_000 + "x",
    "roots": "def f(x) = " + "√" * 45_000 + "x",
    "branches": "def f(x) = " + "x if x else " * 12_000 + "x",
    "ifs": "def f(x) = " + "if " * 45_000,
    "comparisons": "def f(x) = x" + " < x" * MANY,
    "calls in calls": "def f(x) = " + "f(" * MANY + "x" + ")" * MANY,
    "calls in calls below the limit": "def f(x) = " + "f(" * 150 + "x" + ")" * 150,
    "reads in reads": "def f(x) = " + "x[" * 150 + "x" + "]" * 150,
    "reductions in reductions": "def f(x) = " + "sum[i](" * 150 + "x" + ")" * 150,
    "arguments": "def f(x) = f(" + "x," * MANY + ")",
    "a long name": "def " + "a" * 900_000 + "(x) = x",
    "a long name where none can be": "def f(x) = x " + "y" * 900_000,
    "a long wide name": "def " + "漢" * 300_000 + "(x) = x",
    "many digits": "def f() = " + "1" * 900_000,
    "many underscores": "def f() = " + "1_" * 400_000 + "1",
    "a huge exponent": "def f() = 1e999999999",
    "a huge negative exponent": "def f() = 1e-999999999",
    "zero with a huge exponent": "def f() = 0e999999999",
    "a long exponent": "def f() = 1e" + "9" * 900_000,
    "many points": "def f() = " + "1." * MANY,
    "NUL": "\0" * 900_000,
    "NUL in a line": "def f(x) = \0x",
    "NUL in a docstring": '"doc\0string"\ndef f(x) = x',
    "NUL in a comment": "def f(x) = x # \0",
    "invalid UTF-8": b"def f(x) = x\xc3(",
    "UTF-16": "def f(x) = x".encode("utf-16"),
    "a gzip header": b"\x1f\x8b\x08\x00" * 1000,
    "tabs": "\t" * 900_000 + "x",
    "tabs behind lines": "def f(x) = x\t\n" * 6_000,
    "byte order marks": "\ufeff" * 100_000,
    "carriage returns": "def f(x) = x\r" * 6_000,
    "a lone surrogate": "def f(x) = \ud800",
    "lone surrogates": "\udfff" * 900_000,
    "bidirectional overrides": "def f(x) = \u202e" + "x" * 1000,
    "combining marks": "def f(x" + "\u0302" * 300_000 + ") = 1",
    "spaces": " " * 900_000 + "x",
    "blank lines": "\n" * 900_000 + "x",
    "comments": "#\n" * 200_000 + "x",
    "quotes": '"' * 900_001,
    "long texts": '"""' + '"\n' * 400_000,
    "texts": '"""a\n' * 12_000,
    "statements": "def f(x):\n" + "    y = x\n" * 8_000 + "    return y\n",
    "bad statements": "def f(x):\n" + "    y x\n" * 12_000 + "    return y\n",
    "losses": "loss f(x):\n    return x\n" * 4_000,
    "heads": "loss f(x:\n" * 8_000,
    "lines that open brackets": "def f(x):\n" + "    x = (\n" * 12_000,
    "lines that open brackets outside blocks": "x = (\n" * 12_000,
    "lines that open brackets in a block of nobody": "class A:\n" + "    x = (\n" * 12_000,
    "an early bracket never closed": "def f(x):\n    return (" + "\n    y = 1" * 12_000,
    "an early bracket in a long line": "def f(x) = (" + "+".join("x" * MANY),
    "a late error in a long line": "def f(x) = " + "+".join("x" * MANY) + " y",
    "indentation": "".join(" " * (n % 100) + "x = 1\n" for n in range(10_000)),
    "every character": "".join(map(chr, range(0xD800))),
}


def outcome(text: str | bytes) -> str:
    try:
        return f"{len(parse(text).items)} items"
    except LossError as error:
        assert len(str(error)) < 100_000
        return error.problems[0].code


parse("")  # builds the tables, which is not to be measured


@pytest.mark.parametrize("name", HOSTILE)
def test_effort(name: str) -> None:
    assert calls(lambda: outcome(HOSTILE[name])) < 2 * SECOND


def test_memory() -> None:
    """All of them in one process, which never holds much.

    VmHWM, since ru_maxrss of a new process starts at the size of the one that started it.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc")
    script = (
        "import test_syntax_hostile as t\n"
        "for text in t.HOSTILE.values(): t.outcome(text)\n"
        "line = next(l for l in open('/proc/self/status') if l.startswith('VmHWM'))\n"
        "print(int(line.split()[1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < MEGABYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(x) = " + "(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH, "1 items"),
        ("def f(x) = " + "(" * (MAX_DEPTH + 1) + "x" + ")" * (MAX_DEPTH + 1), "E0902"),
        ("def f(x) = " + "-" * (MAX_DEPTH - 3) + "x", "1 items"),
        ("def f(x) = " + "-" * (MAX_DEPTH + 1) + "x", "E0902"),
        ("def f(x) = " + "f(1 + " * 60 + "x" + ")" * 60, "1 items"),
        ("def f(x) = x" + " + x" * 10_000, "1 items"),
        ("def f(x) = x" + "*x - x/x" * 5_000, "1 items"),
        ("def f(x) = [x > 0" + " and x > 0" * 5_000 + "]", "1 items"),
        ("def f(x) = " + "1" * MAX_DIGITS, "E0904"),
        ("def f(x) = 0." + "1" * (MAX_DIGITS - 2), "1 items"),
        ("def f(x) = 0." + "1" * (MAX_DIGITS - 1), "E0903"),
        ("def f(x) = 1.7976931348623157e308", "1 items"),
        ("def f(x) = 1.8e308", "E0904"),
        ("def f(x) = 1e-323", "1 items"),
        ("def f(x) = 1e-324", "E0904"),
        ("#" * MAX_CHARACTERS, "0 items"),
        ("#" * (MAX_CHARACTERS + 1), "E0901"),
        (b"#" * (4 * MAX_CHARACTERS + 1), "E0901"),
        ("x" * 10_000_000, "E0901"),
        ("def f(x) = [" + "x < x " * 0 + "x" + " < x" * 5_000 + "]", "1 items"),
    ],
    ids=lambda value: str(value)[:30] if not str(value).startswith("#") else "comment",
)
def test_limits(text: str | bytes, expected: str) -> None:
    assert outcome(text) == expected


@pytest.mark.parametrize("depth", [50, 100, 190])
def test_building_the_tree_does_not_recurse(depth: int) -> None:
    """The parser needs no more of the stack for a deep tree than for a flat one."""
    limit, frame = sys.getrecursionlimit(), sys._getframe()
    used = 0
    while frame is not None:
        used, frame = used + 1, frame.f_back  # type: ignore[assignment]
    texts = [
        "def f(x) = x",
        "def f(x) = " + "-(" * (depth // 2) + "x" + ")" * (depth // 2),
        "def f(x) = x" + "+x" * 9_000,
    ]
    try:
        sys.setrecursionlimit(used + 45)
        for text in texts:
            parse(text)
    finally:
        sys.setrecursionlimit(limit)


# ---------------------------------------------------------------- texts drawn at random

TEXTS = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "acceptance").glob("*.loss"))]
SHORT = [text for text in TEXTS if len(text) < 700]
PIECES = [
    *"()[]{}|,;:=<>+-*/^.²√\"'#\n\t \\&!%@$~?`_0aσ漢⁴∈Σ∞\u0302\0", "if ", "else ", "where ", " in ", "return ", "loss ",
    "def ", "use ", "sum", "mean[", "||", "&&", "not ", "for ", "lambda ", "learn ", "predict ", "..", "==", "=", "->",
    "\n    ", "\n", "1e", "2x", '"""', "ｓｕｍ", " as ", ":=", "1.5", "inf", "size(",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """An acceptance loss with something taken away, put in, or copied to another place."""
    text = draw(st.sampled_from(SHORT))
    for _ in range(draw(st.integers(1, 3))):
        place, other = draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))
        length = draw(st.integers(1, 8))
        match draw(st.sampled_from(("insert", "delete", "replace", "copy"))):
            case "insert":
                text = text[:place] + draw(st.sampled_from(PIECES)) + text[place:]
            case "delete":
                text = text[:place] + text[place + length :]
            case "replace":
                text = text[:place] + draw(st.sampled_from(PIECES)) + text[place + 1 :]
            case _:
                text = text[:other] + text[place : place + length] + text[other:]
    return text


@given(damaged())
@settings(max_examples=300, deadline=None)
def test_damaged_losses(text: str) -> None:
    """They parse, and then format, or there is a located error with a report."""
    try:
        parse(text)
    except LossError as error:
        assert str(error)
        for problem in error.problems:
            assert 0 <= problem.span.start <= problem.span.end <= len(problem.span.source.text)
    else:
        format_text(text)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_pieces_in_any_order(text: str) -> None:
    outcome(text)
    outcome("def f(x) = " + text)
    outcome("loss f(" + text + "):\n    return x\n")
    outcome("loss f(x):\n    y = " + text + "\n    return y\n")


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
@settings(max_examples=200, deadline=None)
def test_anything(text: str | bytes) -> None:
    outcome(text)
