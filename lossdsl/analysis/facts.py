"""What an analysis says: facts, each *yes* with its reason, *no* with a witness, or *unknown* with what was tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from lossdsl.analysis.witness import Witness

GROUPS: dict[str, tuple[str, ...]] = {
    "structure": ("additive", "translation invariant", "margin", "symmetric", "homogeneous"),
    "shape": (
        "continuous", "differentiable", "twice differentiable", "convex", "strictly convex", "strongly convex",
        "quasi-convex", "Lipschitz", "smooth",
    ),
    "behaviour": (
        "minimiser", "growth", "saturation", "bounded influence", "redescending", "estimates",
        "classification-calibrated", "proper", "positive curvature", "stable step", "condition number",
    ),
}  # fmt: skip
"""The names of all facts, in the order in which they are shown; docs/theory.md has a section for each."""
NAMES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)


@dataclass(frozen=True)
class Yes:
    """It holds, for all predictions and data in their domains, and `reason` says why."""

    reason: str
    value: str = ""
    """What goes with it: a constant, a degree, a point."""
    number: float | None = None
    """The same where it is one number."""

    word = "yes"


@dataclass(frozen=True)
class No:
    """It does not hold; `witness` is a concrete point, or several, which the interpreter has confirmed."""

    witness: Witness
    reason: str = ""

    word = "no"


@dataclass(frozen=True)
class Unknown:
    """Neither was found."""

    tried: tuple[str, ...]

    word = "unknown"


Answer = Yes | No | Unknown


@dataclass(frozen=True)
class Fact:
    """One answer."""

    name: str
    answer: Answer

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no fact is called {self.name!r}")

    def __str__(self) -> str:
        match self.answer:
            case Yes(reason, value):
                return f"{self.name}: yes{', ' * bool(value)}{value}\n    {reason}"
            case No(witness, reason):
                because = f"{reason}\n    " if reason else ""
                return f"{self.name}: no\n    {because}witness: {witness}"
            case Unknown(tried):
                return f"{self.name}: unknown\n    tried: {'; '.join(tried)}"
        assert_never(self.answer)

    def to_json(self) -> dict[str, Any]:
        """The answer as `yes`, `no` or `unknown`, with what belongs to it."""
        match self.answer:
            case Yes(reason, value, number):
                more: dict[str, Any] = {"reason": reason, "value": value, "number": number}
            case No(witness, reason):
                more = {"reason": reason, "witness": witness.to_json()}
            case Unknown(tried):
                more = {"tried": list(tried)}
            case _:
                assert_never(self.answer)
        return {"answer": self.answer.word, **{key: value for key, value in more.items() if value not in ("", None)}}


@dataclass(frozen=True)
class Analysis(Mapping[str, Fact]):
    """The facts of one loss, by name; a fact that does not apply to it is not there.

    `subject` says what the facts are about: one element of the loss as a function of its prediction, at which values
    of hyperparameters and of optional data.
    """

    name: str
    subject: str
    facts: tuple[Fact, ...]
    settings: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Fact:
        for fact in self.facts:
            if fact.name == name:
                return fact
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (fact.name for fact in self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.subject}"]
        for group, names in GROUPS.items():
            found = [self[name] for name in names if name in self]
            if found:
                lines += ["", group, *(f"  {line}" for fact in found for line in str(fact).splitlines())]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same for programs: `facts` maps names to answers."""
        return {
            "loss": self.name,
            "subject": self.subject,
            "settings": dict(self.settings),
            "facts": {fact.name: fact.to_json() for fact in self.facts},
        }
