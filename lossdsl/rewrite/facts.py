"""What is known of nodes and stages by their shape: one walk, remembered, for every such property."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.stage import Stage, StageTable

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Property(Generic[T]):
    """A property of nodes that follows from those of their arguments, and of the stages that they read.

    What was found is kept in the table, under the name of the property: nodes and stages never change.
    """

    name: str
    node: Callable[[StageTable, Node, list[T]], T]
    """The property of a node from those of its arguments."""
    stage: Callable[[StageTable, Stage], T]
    """The property of the elements of a stage."""

    def of(self, table: StageTable, root: Node) -> T:
        known = self._known(table)
        for node in reachable([root], stop=lambda n: n.id in known):
            if node.id not in known:
                if node.op == "read" and str(node.value) in table.stages:
                    known[node.id] = self.of_stage(table, str(node.value))
                else:
                    known[node.id] = self.node(table, node, [known[a.id] for a in node.args])
        return known[root.id]

    def of_stage(self, table: StageTable, name: str) -> T:
        """Each stage comes after those that it reads, so that long chains of stages cost no recursion."""
        known: dict[str, T] = table.facts.setdefault((self.name, "stages"), {})
        if name not in known:
            for stage in list(islice(table.stages.values(), len(known), None)):
                known[stage.name] = self.stage(table, stage)
        return known[name]

    def _known(self, table: StageTable) -> dict[int, T]:
        nodes: dict[int, T] = table.facts.setdefault((self.name, "nodes"), {})
        return nodes


def remembered(function: Callable[Concatenate[StageTable, P], T]) -> Callable[Concatenate[StageTable, P], T]:
    """A function of a table and of nodes that is computed once for the same nodes, as a `Property` is.

    For what recurs into both sides of an operation: an expression has more paths than nodes.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def looked_up(table: StageTable, /, *args: P.args, **kwargs: P.kwargs) -> T:
        known: dict[Any, T] = table.facts.setdefault((name, "calls"), {})
        key = (*args, *kwargs.items())
        if key not in known:
            known[key] = function(table, *args, **kwargs)
        return known[key]

    return looked_up
