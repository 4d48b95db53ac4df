"""Located, explained errors: sources and spans, problems with codes, and how they are shown."""

from lossdsl.diagnostics.problem import CompilerBug, LossError, Problem
from lossdsl.diagnostics.source import Source, Span

__all__ = ["CompilerBug", "LossError", "Problem", "Source", "Span"]
