"""What a text means: names, ranges and domains checked (`resolve`), and the value by definition (`interpret`)."""

from lossdsl.meaning.resolve import resolve

__all__ = ["resolve"]
