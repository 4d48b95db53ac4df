"""Problems a user can have: the base class of every error code, and the exceptions that carry them."""

from __future__ import annotations

from typing import ClassVar

from lossdsl.diagnostics.source import Span


class Problem:
    """One located error.  A subclass is one code: its docstring is what `lossdsl explain CODE` prints.

    `message` says what is wrong here, in the reader's terms; `hint` what to write instead; `notes` point at other
    places (a span and what is to be seen there).
    """

    code: ClassVar[str]
    title: ClassVar[str]
    registry: ClassVar[dict[str, type[Problem]]] = {}

    def __init_subclass__(cls) -> None:
        if cls.code in Problem.registry:
            raise TypeError(f"{cls.code} is taken by {Problem.registry[cls.code].__name__}")
        Problem.registry[cls.code] = cls

    def __init__(
        self, span: Span, message: str, hint: str | None = None, notes: tuple[tuple[Span, str], ...] = ()
    ) -> None:
        self.span = span
        self.message = message
        self.hint = hint
        self.notes = notes


class LossError(Exception):
    """What the user wrote is wrong: one or more problems, rendered by `str()`."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems

    def __str__(self) -> str:
        from lossdsl.diagnostics.render import render

        return "\n\n".join(render(problem) for problem in self.problems)


class CompilerBug(Exception):
    """A defect of lossdsl, never of the user's text; says so and asks for a report with the program."""
