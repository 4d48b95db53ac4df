"""Where probabilities of classes come from: an output of the loss, a link that is proved, or a convention.

1. A `predict` binding that is a probability wherever it is asked, or a prediction in [0, 1], *tells* them.
2. Where the analysis proves that the mean loss is least at the true probabilities if these are the sigmoid (of a
   multiple) of the score, or the softmax of the scores, that link is *proved*.
3. Scores that are called `logits` or `logit` are log-odds by the *convention* of the field: probabilities are their
   softmax where only differences of the scores of a row count, else the sigmoid of each, of several classes divided by
   the sum of these.

Others, such as the margins of a support vector machine, tell none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lossdsl.analysis import Link, link
from lossdsl.analysis.actions import behaves
from lossdsl.analysis.view import view
from lossdsl.fitting.probabilities import probabilities_of
from lossdsl.fitting.targets import Classes
from lossdsl.meaning import core

Array = np.ndarray[Any, Any]
Source = Literal["told", "proved", "convention"]
LOGITS = frozenset({"logits", "logit"})
"""Names of predictions that are log-odds by convention."""


@dataclass(frozen=True)
class Told:
    """Where probabilities come from; `output` is what tells them, else `link` makes them of the scores."""

    source: Source
    scores: str
    output: str = ""
    link: Link | None = None

    def of(self, scores: Array) -> Array:
        """Of scores, shape (rows,) or (rows, classes), of the same shape; by the link."""
        assert self.link is not None, "only of probabilities that no output tells"
        if self.link.kind == "softmax":
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            return np.asarray(weights / weights.sum(axis=1, keepdims=True))
        bounded = np.clip(self.link.factor * scores, -700.0, 700.0)  # beyond, exp overflows and nothing changes
        return np.asarray(1 / (1 + np.exp(-bounded)))

    def __str__(self) -> str:
        if self.link is None:
            return f"the output {self.output}"
        factor = "" if self.link.factor == 1 else f"{self.link.factor:g}*"
        why = "at which it is proved to be proper" if self.source == "proved" else "by convention"
        return f"{self.link.kind}({factor}{self.scores}), {why}"


def told_by(program: core.Program, classes: Classes, settings: Mapping[str, Any]) -> Told | None:
    """Where the probabilities of a loss for classes come from; None where it tells none."""
    scores = classes.scores
    told = probabilities_of(program, settings, None)
    if told is not None:
        return Told("told", scores.name, output=told.name)
    if sum(arg.role == "prediction" for arg in program.args) > 1 or scores.domain:
        return None
    plain = {name: float(value) for name, value in settings.items() if isinstance(value, int | float)}
    known = [arg.name for arg in program.args if not arg.axes and arg.role in ("hyper", "learn")]
    if len(plain) == len(settings) and set(plain) <= set(known):  # given data may weigh classes
        proved = link(program, plain)
        if proved is not None:
            return Told("proved", scores.name, link=proved)
    if scores.name not in LOGITS:
        return None
    differences = classes.kind != "binary" and behaves(view(program, {}), "shift") == 0
    return Told("convention", scores.name, link=Link("softmax" if differences else "sigmoid"))
