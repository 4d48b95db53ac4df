"""What is wrong with a request to search, and not with a loss: the user's fault, said in one sentence."""

from __future__ import annotations

from lossdsl.comparison.errors import ComparisonError


class SearchError(ComparisonError):
    """A template, a word or a setting that can not be used; the message says which and what would do instead."""
