"""Where statements of C stand: the body of a function, or of a loop in it, with what is known there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from lossdsl.backends.native.functions import definitions
from lossdsl.ir.graph import Index

Type = Literal["real", "double", "int64_t", "bool"]
"""`real` is the precision of the arrays; numbers that depend on hyperparameters only are `double`."""

_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false
    asm typeof linux unix real f part begin end main run add take spread start cleanup frame arena task power reduction
    threads arrays sizes numbers outputs seed parts all failed room NULL INFINITY NAN SINGLE BLOCK PARTS
"""
KEYWORDS = frozenset(_WORDS.split())
"""What a name of a user must not hide: keywords, macros, and what every function has."""


@dataclass
class CNames:
    """Identifiers of C, unique and close to what the user wrote; letters beyond ASCII by their number."""

    taken: set[str] = field(default_factory=lambda: set(KEYWORDS) | set(definitions()))
    counts: Counter[str] = field(default_factory=Counter)

    def fresh(self, hint: str) -> str:
        name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"u{ord(c):x}" for c in self._plain(hint))
        name = name if re.match(r"[a-zA-Z]", name) else f"v{name}"
        candidate = name
        while candidate in self.taken or candidate.endswith(("_f", "_d", "_r", "_i")):
            self.counts[name] += 1
            candidate = f"{name}_{self.counts[name] + 1}"
        self.taken.add(candidate)
        return candidate

    @staticmethod
    def _plain(hint: str) -> str:
        return "rest" if hint == ".." else hint.replace("..", "rest").replace(" ", "_")


@dataclass(frozen=True)
class Code:
    """An expression of C; an atom can be an operand as it stands."""

    text: str
    type: Type
    is_atom: bool = True

    @property
    def operand(self) -> str:
        return self.text if self.is_atom else f"({self.text})"


@dataclass(eq=False)
class Scope:
    """A body: its statements, and the text of nodes, stages and indices that are known in it."""

    parent: Scope | None = None
    depth: int = 0
    lines: list[str] = field(default_factory=list)
    nodes: dict[int, Code] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    """Stages that a variable of this body holds."""
    indices: dict[Index, str] = field(default_factory=dict)
    shared: dict[tuple[str, int], str] = field(default_factory=dict)
    """Variables for parts that several functions of a node have in common: by name of the part and id of the node."""
    fields: set[str] = field(default_factory=set)
    """What a body of depth 0 has taken from the frame."""
    depths: dict[int, int] = field(default_factory=dict)
    """By id of a node: the depth of the outermost body where it can be computed."""

    def child(self) -> Scope:
        return Scope(self, self.depth + 1)

    def at(self, depth: int) -> Scope:
        scope = self
        while scope.depth > depth:
            assert scope.parent is not None
            scope = scope.parent
        return scope

    def find(self, number: int) -> Code | None:
        scope: Scope | None = self
        while scope is not None:
            if number in scope.nodes:
                return scope.nodes[number]
            scope = scope.parent
        return None

    def find_stage(self, name: str) -> tuple[str, int] | None:
        """The variable that holds a stage, and the depth of its body."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.stages:
                return scope.stages[name], scope.depth
            scope = scope.parent
        return None

    def find_index(self, index: Index) -> tuple[str, int] | None:
        scope: Scope | None = self
        while scope is not None:
            if index in scope.indices:
                return scope.indices[index], scope.depth
            scope = scope.parent
        return None

    def require(self, name: str, declaration: str) -> str:
        """A variable of the frame, as a variable of the function."""
        root = self.at(0)
        if name not in root.fields:
            root.fields.add(name)
            root.lines.append(f"{declaration} = f->{name};")
        return name
