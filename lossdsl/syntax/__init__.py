"""From text to the syntax tree, and back: `parse` and the formatter."""

from lossdsl.syntax.parser import parse

__all__ = ["parse"]
