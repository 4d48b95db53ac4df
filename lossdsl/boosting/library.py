"""What has to be said of one way in which a library calls an objective and a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Facts:
    """What the text of the class depends on, beside the library."""

    loss: str
    """The name of the metric."""
    cls: str
    """The name of the class."""
    module: str
    """The name under which the usage example imports the module."""
    coupled: bool
    scores: str
    """How many scores a row has, as an expression of the target and the data."""
    columns: bool
    """Whether there are several scores a row."""
    attached: tuple[str, ...]
    """Data beside the label that have to be attached."""
    example: str
    """Arguments of the constructor in the usage example."""
    full: bool
    """Whether second derivatives come as blocks."""
    small: bool
    steep: bool
    lowest: bool
    """What is known of the sizes of second derivatives: see `Choice`."""


@dataclass(frozen=True)
class Library:
    """One way in which one library calls."""

    title: str
    package: str
    since: str
    """The first version whose calls are these."""
    reason: str
    """What changed in it."""
    carries: Literal["data sets", "labels", "nothing"]
    """What brings other data than labels to the objective: attributes of data sets, more columns of labels."""
    label_columns: bool
    """Whether a label may have several columns."""
    whole: bool
    """Whether a call sees all rows."""
    blocks: bool
    """Whether it calls row by row, and asks for second derivatives of several scores as blocks."""
    methods: Callable[[Facts], str]
    """The methods of the class that the library calls, indented."""
    usage: Callable[[Facts], str]
    """A usage example, for the docstring of the module."""
    notes: str
    """What to know of the library, for the docstring of the module."""
    imports: str = ""
    """What the module imports beside NumPy."""
    base: str = ""
    """What the class is derived from, in parentheses."""
    columns_since: tuple[str, str] | None = None
    """The first version, and what changed in it, where it is another for several scores a row."""

    def version(self, columns: bool) -> tuple[str, str]:
        """The first version that the objective works with, and why."""
        if columns and self.columns_since is not None:
            return self.columns_since
        return self.since, self.reason


def limits(facts: Facts, least: str | None, penalty: str | None) -> str:
    """Settings that the sizes of the second derivatives ask for: see `Choice`."""
    lines = []
    if facts.small and least is not None:
        lines.append(f'settings["{least}"] = 0.0')
    if facts.small and penalty is not None:
        usual = 3.0 if penalty == "l2_leaf_reg" else 1.0
        lines.append(f'settings["{penalty}"] = {usual} * self._curvature(start, target, weight, **data)')
    if facts.steep and least is not None:
        lines.append(f'settings["max_delta_step"] = {LONGEST_STEP}')
    return "".join(f"        {line}\n" for line in lines)


LONGEST_STEP = 0.7
"""Of a leaf, where the second derivative has no bound: XGBoost's and LightGBM's own number for counts."""


def width(name: str) -> str:
    """The number of scores a row, where there are several."""
    return f'        return settings | ({{"{name}": len(start)}} if np.ndim(start) else {{}})\n'
