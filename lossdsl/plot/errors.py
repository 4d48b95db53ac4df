"""What can't be drawn, and why."""

from __future__ import annotations


class PlotError(ValueError):
    """A picture that was asked for does not exist: an unknown name, a value outside of its domain, no such axis."""
