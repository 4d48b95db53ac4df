"""The value, terms and predictions of a loss as plain differentiable operations: what autograd is to go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossdsl.backends.programs import Output
from lossdsl.backends.torch.safe import DifferentiableExpansion, Sanitiser
from lossdsl.ir.demand import ReadCheck, read_checks
from lossdsl.ir.graph import Node
from lossdsl.ir.lower import lower
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import Program

Check = tuple[ReadCheck, Node, Node]
"""A read, its position and the condition under which it is made."""


@dataclass
class Plain:
    """Everything that is emitted without a derivative, over one table of stages."""

    table: StageTable
    element: Output
    kept: Node | None
    terms: dict[str, Node]
    predictions: dict[str, Output]
    checks: list[Check]
    names: dict[int, str]


def plain(program: Program) -> Plain:
    """The programs of a loss that autograd may differentiate."""
    lowered = lower(program)
    reads = read_checks(lowered.table, [(lowered.element, lowered.mask)])
    expansion = DifferentiableExpansion(lowered.table)

    def expanded(nodes: Sequence[Node]) -> list[Node]:
        return [expansion.rewrite([node])[0] for node in nodes]

    (element,) = expanded([lowered.element])
    mask = None if lowered.mask is None else expanded([lowered.mask])[0]
    terms = dict(zip(lowered.terms, expanded(list(lowered.terms.values())), strict=True))
    predictions = {name: (indices, expanded([node])[0]) for name, (indices, node) in lowered.predictions.items()}
    named = {name: expanded([node])[0] for name, node in lowered.names.items()}
    checks = [(read, expanded([read.position])[0], expanded([read.demanded])[0]) for read in reads]
    sanitiser = Sanitiser(expansion.table)
    result = Plain(
        sanitiser.table,
        Output(sanitiser.safe(element, mask), lowered.free),
        None if mask is None else sanitiser.renamed(mask),
        {name: sanitiser.safe(node, None) for name, node in terms.items()},
        {name: Output(sanitiser.safe(node, None), indices) for name, (indices, node) in predictions.items()},
        [(read, sanitiser.renamed(position), sanitiser.renamed(demanded)) for read, position, demanded in checks],
        {},
    )
    for label, node in [*result.terms.items(), *((n, o.node) for n, o in result.predictions.items())]:
        result.names.setdefault(node.id, label)
    for label, node in named.items():
        result.names.setdefault(sanitiser.safe(node, None).id, label)
    return result
