"""Programs that do not follow the grammar: each is reported, in full, as its golden file says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from lossdsl.diagnostics import LossError, Problem, Source, Span
from lossdsl.diagnostics.explain import codes, explain, registry
from lossdsl.diagnostics.limits import MAX_CHARACTERS, MAX_PROBLEMS, MAX_SYMBOLS
from lossdsl.diagnostics.render import WIDTH, render, visible
from lossdsl.diagnostics.syntax import Unexpected
from lossdsl.syntax import parse

FOLDER = Path(__file__).parent / "bad" / "syntax"
PROGRAMS = sorted(FOLDER.glob("*.loss"))

TOO_LARGE_TO_STORE = {"E0901": "#" * (MAX_CHARACTERS + 1), "E0905": "def f(x) = x" + "+x" * MAX_SYMBOLS}
"""Examples of codes that no file of a sensible size has."""


def problems_of(text: str | bytes, path: str = "<text>") -> tuple[Problem, ...]:
    with pytest.raises(LossError) as caught:
        parse(text, path)
    return caught.value.problems


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_report(program: Path, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(LossError) as caught:
        parse(program.read_bytes(), program.name)
    golden(program.with_suffix(".txt"), str(caught.value) + "\n")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_report_is_readable(program: Path) -> None:
    """No control characters, no names from the parser's tables, lines that fit, and a place inside the text."""
    problems = problems_of(program.read_bytes(), program.name)
    assert len(problems) <= MAX_PROBLEMS
    for problem in problems:
        shown = render(problem)
        assert not [c for c in shown if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")]
        assert not re.search(r"__ANON|_NEWLINE|_INDENT|_DEDENT|\$END|\b(NAME|NUMBER|LPAR|RSQB|VBAR)\b", shown)
        assert max(map(len, shown.splitlines())) <= WIDTH + 20
        assert 0 <= problem.span.start <= problem.span.end <= len(problem.span.source.text)


def test_every_golden_file_has_its_program() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in PROGRAMS}


def test_there_are_many_programs() -> None:
    assert len(PROGRAMS) >= 80


def test_every_code_has_an_example() -> None:
    found = {problem.code for program in PROGRAMS for problem in problems_of(program.read_bytes())}
    wanted = {code for code in registry() if code.startswith(("E01", "E09"))}
    assert wanted - found == set(TOO_LARGE_TO_STORE)


@pytest.mark.parametrize("code", TOO_LARGE_TO_STORE)
def test_large_examples(code: str) -> None:
    assert [problem.code for problem in problems_of(TOO_LARGE_TO_STORE[code])] == [code]


# ---------------------------------------------------------------- the long explanations

SYNTAX_CODES = [code for code in registry() if code.startswith("E01")]


def blocks(code: str, title: str) -> list[str]:
    """The indented texts under `Wrong:` or `Right:` in an explanation."""
    found: list[str] = []
    for part in explain(code).split(f"{title}:\n\n")[1:]:
        lines: list[str] = []
        for line in part.split("\n"):
            if line and not line.startswith("    "):
                break
            lines.append(line[4:])
        found.append("\n".join(lines).strip("\n") + "\n")
    return found


@pytest.mark.parametrize("code", [code for code in SYNTAX_CODES if code != "E0101"])
def test_the_wrong_example_has_the_code(code: str) -> None:
    wrong = blocks(code, "Wrong")
    assert wrong
    for text in wrong:
        assert [problem.code for problem in problems_of(text.replace("→   ", "\t"))] == [code]


@pytest.mark.parametrize("code", [code for code in SYNTAX_CODES if code != "E0101"])
def test_the_right_example_parses(code: str) -> None:
    right = blocks(code, "Right")
    assert right
    for text in right:
        assert parse(text.replace("'''", '"""')).items


@pytest.mark.parametrize("code", registry())
def test_every_code_is_explained(code: str) -> None:
    story = explain(code.lower())
    assert story.startswith(f"{code}: {codes()[code]}\n\n")
    assert len(story.split()) > 12, "an explanation says what is wrong and why, and gives an example"


def test_an_unknown_code() -> None:
    with pytest.raises(KeyError):
        explain("E0000")


# ---------------------------------------------------------------- rendering


def report(text: str, part: str, **more: object) -> str:
    source = Source("file.loss", text)
    start = text.index(part)
    return render(Unexpected(Span(source, start, start + len(part)), "message", **more))  # type: ignore[arg-type]


def test_report_layout() -> None:
    source = Source("file.loss", "\n" * 8 + "a = (b]\n")
    note = (Span(source, 12, 13), "opened here")
    shown = render(Unexpected(Span(source, 14, 15), "message", "do this", (note,)))
    assert shown == (
        "error[E0108]: message\n"
        " --> file.loss:9:7\n"
        "  |\n"
        "9 | a = (b]\n"
        "  |       ^\n"
        "note: opened here\n"
        " --> file.loss:9:5\n"
        "  |\n"
        "9 | a = (b]\n"
        "  |     -\n"
        "help: do this"
    )


def test_wide_characters_take_two_cells() -> None:
    excerpt, underline = report("漢字 + 損失", "損失").splitlines()[-2:]
    assert (excerpt, underline) == ("1 | 漢字 + 損失", "  | " + " " * 7 + "^^^^")


def test_combining_characters_take_none() -> None:
    excerpt, underline = report("y\u0302 + z", "z").splitlines()[-2:]
    assert (excerpt, underline) == ("1 | y\u0302 + z", "  | " + " " * 4 + "^")


def test_tabs_are_shown_as_spaces() -> None:
    excerpt, underline = report("a\tbc", "bc").splitlines()[-2:]
    assert (excerpt, underline) == ("1 | a   bc", "  | " + " " * 4 + "^^")


def test_invisible_characters_are_shown_escaped() -> None:
    excerpt, underline = report("a\u202eb\x00c", "\x00c").splitlines()[-2:]
    assert excerpt == "1 | a\\u{202e}b\\u{0000}c"
    assert underline == "  | " + " " * 10 + "^" * 9


def test_long_lines_are_clipped_around_the_span() -> None:
    text = "a + " * 1000 + "HERE" + " + b" * 1000
    excerpt, underline = report(text, "HERE").splitlines()[-2:]
    assert excerpt[4] == excerpt[-1] == "…"
    assert len(excerpt) <= WIDTH + 6
    column = excerpt.index("HERE")
    assert underline[column:] == "^^^^" and not underline[4:column].strip()


def test_a_span_longer_than_the_screen() -> None:
    excerpt, underline = report("x" * 5000, "x" * 5000).splitlines()[-2:]
    assert len(excerpt) <= WIDTH + 6 and len(underline) <= WIDTH + 6


def test_a_span_over_several_lines_is_shown_by_its_first() -> None:
    excerpt, underline = report("a = f(b,\n  c)\n", "f(b,\n  c)").splitlines()[-2:]
    assert (excerpt, underline) == ("1 | a = f(b,", "  |     ^^^^")


def test_an_empty_span_is_one_mark() -> None:
    source = Source("file.loss", "a = \n")
    assert render(Unexpected(Span(source, 4, 4), "message")).splitlines()[-1] == "  |     ^"
    assert render(Unexpected(Span(Source("file.loss", ""), 0, 0), "message")).splitlines()[-1] == "  | ^"


def test_paths_and_messages_are_made_visible() -> None:
    shown = render(Unexpected(Span(Source("a\x1b[31m.loss", "x"), 0, 1), "bad \u202e text"))
    assert "\x1b" not in shown and "\u202e" not in shown
    assert visible("a\nb\rc") == "a\nb\\u{000d}c"


def test_a_message_is_bounded() -> None:
    assert len(visible("x" * 100_000)) < 3000


# ---------------------------------------------------------------- several problems in one run


def test_problems_come_in_the_order_of_the_text() -> None:
    text = (FOLDER / "several_problems.loss").read_text(encoding="utf-8")
    starts = [problem.span.start for problem in problems_of(text)]
    assert starts == sorted(starts) and len(starts) == 6


def test_no_more_than_a_screenful() -> None:
    text = "def f(x):\n" + "    y = 2x\n" * 500 + "    return y\n"
    assert len(problems_of(text)) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("def f(x):\n    y = (x\n    return 2y\n", ["E0105", "E0124"], id="an unclosed bracket"),
        pytest.param("def f(x = :\n    y = 2x\n    return y\n", ["E0105", "E0124"], id="a bad head"),
        pytest.param("def f(x):\n    return (x\n\ndef g(x) = 2x\n", ["E0105", "E0124"], id="a bad return"),
        pytest.param("def f(x):\n    retrun x\n\ndef g(x) = 2x\n", ["E0120", "E0124"], id="no return, but nearly"),
        pytest.param("class A:\n    y = 2x\n    z\n\ndef g(x) = 2x\n", ["E0120", "E0124"], id="a block of nobody"),
        pytest.param("def f(x):\n    for i in n:\n        y = 2\n    return 2x\n", ["E0115", "E0124"], id="a loop"),
        pytest.param("def f(x):\n    sum = x\n    return sum*sum\n", ["E0109"], id="one word, misused often"),
        pytest.param("def f(x):\n    y = exp(x\n    z = y)\n    return z\n", ["E0105"], id="closed by luck"),
        pytest.param("def f(x):\n    y = exp(x +\n    z = y)\n    return z\n", ["E0105"], id="closed by luck, later"),
        pytest.param("def f(x):\n    y = x\nuse a: b c\n", ["E0111", "E0126"], id="no return, then a bad item"),
        pytest.param("def f(x):\n    return x\n    y\n    z\n", ["E0112"], id="much behind the return"),
    ],
)
def test_what_one_run_reports(text: str, expected: list[str]) -> None:
    """Independent problems are all reported, and what only follows from another is not."""
    assert [problem.code for problem in problems_of(text)] == expected
