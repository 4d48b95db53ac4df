"""Texts to checked programs, for tests of the resolver."""

from __future__ import annotations

from textwrap import dedent

from checked_text import show

from lossdsl.diagnostics import LossError
from lossdsl.meaning import core, resolve
from lossdsl.syntax import parse


def checked(text: str) -> core.Program:
    """The last loss of a text."""
    return list(resolve(parse(dedent(text).strip() + "\n")).losses.values())[-1]


def shown(text: str) -> str:
    return show(checked(text))


def loss(signature: str, *lines: str, before: str = "") -> str:
    """The program of `loss l(signature)` with the given lines, the last of which is returned."""
    *statements, result = lines
    block = "".join(f"    {line}\n" for line in (*statements, f"return {result}"))
    return shown(f"{dedent(before)}\nloss l({signature}):\n{block}")


def codes(signature: str, *lines: str, before: str = "") -> list[str]:
    """The codes of what is wrong with such a loss."""
    try:
        found = loss(signature, *lines, before=before)
    except LossError as error:
        return [problem.code for problem in error.problems]
    raise AssertionError(f"nothing is wrong:\n{found}")
