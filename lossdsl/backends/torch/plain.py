"""The value, terms and predictions of a loss as plain differentiable operations: what autograd is to go through."""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.backends.programs import Output
from lossdsl.backends.torch.expansion import DifferentiableExpansion
from lossdsl.backends.torch.safe import Sanitiser
from lossdsl.ir.demand import ReadCheck, read_checks
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import Program

Check = tuple[ReadCheck, Node, Node]
"""A read, its position and the condition under which it is made."""


@dataclass
class Plain:
    """Everything that is emitted without a derivative: the value over `table`, what is exported over `exports`.

    `names` are those that users gave to nodes of either.
    """

    table: StageTable
    element: Output
    kept: Node | None
    checks: list[Check]
    exports: StageTable
    terms: dict[str, Node]
    predictions: dict[str, Output]
    export_checks: list[Check]
    names: dict[int, str]


def plain(program: Program) -> Plain:
    """The programs of a loss that autograd may differentiate."""
    lowered = lower(program)
    reads = read_checks(lowered.table, [(lowered.element, lowered.mask, lowered.free)], lowered.parts[""])
    expansion = DifferentiableExpansion(lowered.table)

    def expanded(node: Node) -> Node:
        return expansion.rewrite([node])[0]

    element = expanded(lowered.element)
    mask = None if lowered.mask is None else expanded(lowered.mask)
    terms = {name: expanded(node) for name, node in lowered.terms.items()}
    predictions = {name: (indices, expanded(node)) for name, (indices, node) in lowered.predictions.items()}
    named = {name: expanded(node) for name, node in lowered.names.items()}
    parts = frozenset[int]().union(*(lowered.parts[name] for name in (*lowered.terms, *lowered.predictions)))
    exported_outputs = [(node, None, indices) for indices, node in exported_nodes(lowered)]
    exported_reads = read_checks(lowered.table, exported_outputs, parts)
    checks, export_checks = (
        [(read, expanded(read.position), expanded(read.demanded)) for read in found]
        for found in (reads, exported_reads)
    )
    value = Sanitiser(expansion.table, [(element, mask)])
    exported = [*terms.values(), *(node for _, node in predictions.values())]
    exports = Sanitiser(expansion.table, [(node, None) for node in exported])
    result = Plain(
        value.table,
        Output(value.safe(element, mask), lowered.free),
        None if mask is None else value.renamed(mask),
        renamed(checks, value),
        exports.table,
        {name: exports.safe(node, None) for name, node in terms.items()},
        {name: Output(exports.safe(node, None), indices) for name, (indices, node) in predictions.items()},
        renamed(export_checks, exports),
        {},
    )
    for label, node in [*result.terms.items(), *((n, o.node) for n, o in result.predictions.items())]:
        result.names.setdefault(node.id, label)
    for label, node in named.items():
        for sanitiser in (value, exports):
            result.names.setdefault(sanitiser.safe(node, None).id, label)
    return result


def renamed(checks: list[Check], sanitiser: Sanitiser) -> list[Check]:
    return [(read, sanitiser.renamed(position), sanitiser.renamed(demanded)) for read, position, demanded in checks]


def exported_nodes(lowered: Lowered) -> list[tuple[tuple[Index, ...], Node]]:
    """Terms and predictions, with their indices."""
    return [*(((), node) for node in lowered.terms.values()), *lowered.predictions.values()]
