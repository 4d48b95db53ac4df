"""What is wrong with a request, and not with a loss: the user's fault, said in one sentence."""

from __future__ import annotations


class ComparisonError(ValueError):
    """Data, models or settings that can not be used; the message says which and what would do instead."""
