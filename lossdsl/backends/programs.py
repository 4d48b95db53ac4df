"""The programs behind the functions of an emitted module: value, gradient, Hessian diagonal, Hessian-vector product.

Each is built from the lowered loss by the calculus, then expanded into what a back end prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lossdsl.backends.expand import Expansion
from lossdsl.calculus.forward import Tangents
from lossdsl.calculus.gradient import gradient
from lossdsl.calculus.hessian import hessian_diagonal
from lossdsl.ir.demand import ReadCheck, read_checks
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import Program


@dataclass
class Output:
    """A node and the indices of the array that it fills."""

    node: Node
    indices: tuple[Index, ...]


Checked = tuple[ReadCheck, Node, Node]
"""A check, its position and its demand, expanded."""


@dataclass
class Derived:
    """Everything an emitted module computes, over one expanded table of stages.

    Derivatives are those of sum(seed * element) over the elements that the mask keeps; `hvp` is along the inputs
    `vector_NAME`, and `tangent` is the derivative of each element along them.
    """

    lowered: Lowered
    table: StageTable
    element: Output
    kept: Node | None
    terms: dict[str, Node]
    predictions: dict[str, Output]
    gradient: dict[str, Output]
    hessian: dict[str, Output]
    hvp: dict[str, Output]
    tangent: Node | None
    checks: list[Checked]
    term_checks: list[Checked]
    prediction_checks: list[Checked]
    names: dict[int, str]


def derive(program: Program, hessian: bool = True) -> Derived:
    """All programs of a loss.  Order matters only for names: value first, then what is derived from it."""
    lowered = lower(program)
    table = lowered.table
    wrt = lowered.differentiable()

    def made_of(exports: Iterable[str]) -> frozenset[int]:
        return frozenset().union(*(lowered.parts[name] for name in exports))

    checks = read_checks(table, [(lowered.element, lowered.mask, lowered.free)], lowered.parts[""])
    term_checks = read_checks(table, [(node, None, ()) for node in lowered.terms.values()], made_of(lowered.terms))
    predicted = [(node, None, indices) for indices, node in lowered.predictions.values()]
    prediction_checks = read_checks(table, predicted, made_of(lowered.predictions))
    grads = gradient(lowered, wrt).by_name
    diagonals: dict[str, Output] = {}
    products: dict[str, Output] = {}
    tangent: Node | None = None
    if hessian:
        tangents = Tangents(table, wrt, [lowered.element, *(node for _, node in grads.values())])
        for name in wrt:
            products[name] = Output(tangents.of(grads[name][1]), grads[name][0])
        tangent = tangents.of(lowered.element)
        for name in wrt:
            indices, node = grads[name]
            diagonals[name] = Output(hessian_diagonal(table, name, indices, node), indices)
    expansion = Expansion(table)

    def final(node: Node) -> Node:
        return expansion.rewrite([node])[0]

    def checked(found: list[ReadCheck]) -> list[Checked]:
        return [(c, final(c.position), final(c.demanded)) for c in found]

    def outputs(found: dict[str, Output]) -> dict[str, Output]:
        return {name: Output(final(o.node), o.indices) for name, o in found.items()}

    element = Output(final(lowered.element), lowered.free)
    kept = None if lowered.mask is None else final(lowered.mask)
    terms = {name: final(node) for name, node in lowered.terms.items()}
    predictions = {name: Output(final(node), indices) for name, (indices, node) in lowered.predictions.items()}
    names: dict[int, str] = {}
    for label, node in [*terms.items(), *((n, o.node) for n, o in predictions.items())]:
        names.setdefault(node.id, label)
    for label, node in lowered.names.items():
        names.setdefault(final(node).id, label)
    return Derived(
        lowered,
        expansion.table,
        element,
        kept,
        terms,
        predictions,
        outputs({name: Output(node, indices) for name, (indices, node) in grads.items()}),
        outputs(diagonals),
        outputs(products),
        None if tangent is None else final(tangent),
        checked(checks),
        checked(term_checks),
        checked(prediction_checks),
        names,
    )


def shared(table: StageTable, groups: Sequence[Sequence[Node]]) -> list[Node]:
    """Nodes that more than one group of outputs needs."""
    from lossdsl.backends.expand import stage_nodes

    seen: dict[int, int] = {}
    nodes: dict[int, Node] = {}
    for group in groups:
        for node in stage_nodes(table, group):
            seen[node.id] = seen.get(node.id, 0) + 1
            nodes[node.id] = node
    return [nodes[i] for i in sorted(seen) if seen[i] > 1]
