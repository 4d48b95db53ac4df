"""How much work a call does, counted: the same number in every run and on every machine, which no time is.

Functions called are counted, those written in C among them.  What one call of such a function does with a long text is not
seen: that nothing of the kind goes on for ever is what the run itself shows, by ending.
"""

from __future__ import annotations

import cProfile
from collections.abc import Callable

SECOND = 3_500_000
"""Calls that a core makes in about a second: 2.7 to 4 million in the parser, on a core that is slow as they go."""


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls, itself among them."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())
