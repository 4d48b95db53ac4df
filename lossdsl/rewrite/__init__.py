"""Stability: formulas become the forms that are accurate over their whole domain, before they are differentiated."""

from __future__ import annotations

from collections.abc import Callable

from lossdsl.ir.graph import Graph, Node
from lossdsl.ir.stage import StageTable
from lossdsl.rewrite import comparisons, exponential_quotients, far_out, greatest_exponent, scales, shares, stages
from lossdsl.rewrite.pattern import PatternVocabulary, Rule
from lossdsl.rewrite.rules import RULES

_BY_OP: dict[str, list[Rule]] = {}
for _rule in RULES:
    _BY_OP.setdefault(_rule.left(PatternVocabulary()).op, []).append(_rule)


def stabiliser(table: StageTable) -> Callable[[Graph, str, tuple[Node, ...]], Node | None]:
    """The hook that a graph calls when it makes a node: the stable form, or None."""

    def rewrite(graph: Graph, op: str, args: tuple[Node, ...]) -> Node | None:
        match op, args:
            case "log", (x,):
                found = stages.logarithm(table, x)
            case (("log2" | "log10"), (x,)):
                inner = stages.logarithm(table, x)
                found = None if inner is None else inner / graph.apply("log", graph.const(2 if op == "log2" else 10))
            case "div", (a, b):
                found = (
                    stages.quotient(table, a, b)
                    or stages.over_exponential(table, a, b)
                    or stages.over_power(table, a, b)
                    or stages.over_product(table, a, b)
                )
            case "sub", (a, b):
                found = shares.complement(table, a, b)
            case "pow", (a, b):
                found = stages.power(table, a, b)
            case "sqrt", (x,):
                found = stages.root(table, x)
            case (("lt" | "le" | "gt" | "ge"), (a, b)):
                found = comparisons.of_logits(table, op, a, b)
            case _:
                found = None
        if found is not None:
            return found
        if op in _BY_OP:
            node = graph.raw(op, *args)
            for rule in _BY_OP[op]:
                found = rule.apply(table, node)
                if found is not None:
                    return found
        match op, args:
            case "mul", (a, b):
                return (
                    scales.distributed(table, a, b)
                    or exponential_quotients.product(table, a, b)
                    or greatest_exponent.product(table, a, b)
                    or far_out.fading_product(table, a, b)
                )
            case (("add" | "sub"), (a, b)):
                return exponential_quotients.total(table, op, a, b)
            case "div", (a, b):
                return (
                    exponential_quotients.quotient(table, a, b)
                    or greatest_exponent.quotient(table, a, b)
                    or stages.over_exponentials(table, a, b)
                    or shares.share(table, a, b)
                    or far_out.rational(table, a, b)
                )
        return None

    return rewrite
