"""Nodes and stages as text, so that failed assertions read themselves."""

from __future__ import annotations

from fractions import Fraction

from lossdsl.ir.graph import Index, Node, reachable
from lossdsl.ir.stage import Stage
from lossdsl.meaning.core import Extent

_INFIX = {
    "add": ("+", 50), "sub": ("-", 50), "mul": ("*", 60), "div": ("/", 60), "pow": ("^", 70),
    "lt": ("<", 40), "le": ("<=", 40), "gt": (">", 40), "ge": (">=", 40), "eq": ("==", 40), "ne": ("!=", 40),
    "and": ("and", 30), "or": ("or", 20),
}  # fmt: skip


def show_extent(extent: Extent) -> str:
    match extent.op:
        case "const":
            return str(extent.value)
        case "size":
            return f"size({extent.name})"
        case "hyper":
            return extent.name
    inner = [show_extent(e) for e in extent.operands]
    symbol = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//"}.get(extent.op)
    return f"({inner[0]} {symbol} {inner[1]})" if symbol else f"{extent.op}({', '.join(inner)})"


def _leaf(node: Node) -> str:
    value = node.value
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 else f"({value})"
    if isinstance(value, Index):
        return value.name
    if isinstance(value, Extent):
        return show_extent(value)
    return str(value)


def show(root: Node, limit: int = 4000) -> str:
    """The node as a formula, close to the loss language; cut at `limit` characters."""
    text: dict[int, tuple[str, int]] = {}
    for node in reachable([root]):
        args = [text[a.id] for a in node.args]
        if node.op == "read":
            shown = f"{node.value}[{', '.join(t for t, _ in args)}]" if args else str(node.value)
            text[node.id] = shown, 100
        elif not node.args:
            text[node.id] = _leaf(node), 100
        elif node.op in _INFIX and len(args) == 2:
            symbol, level = _INFIX[node.op]
            left = args[0][0] if args[0][1] >= level + (node.op == "pow") else f"({args[0][0]})"
            right = args[1][0] if args[1][1] > level else f"({args[1][0]})"
            text[node.id] = f"{left} {symbol} {right}", level
        elif node.op == "neg":
            text[node.id] = f"-{args[0][0] if args[0][1] >= 60 else '(' + args[0][0] + ')'}", 55
        elif node.op == "where":
            text[node.id] = f"({args[1][0]} if {args[0][0]} else {args[2][0]})", 100
        else:
            text[node.id] = f"{node.op}({', '.join(t for t, _ in args)})", 100
        if len(text[node.id][0]) > limit:
            text[node.id] = text[node.id][0][:limit] + "...", 0
    return text[root.id][0]


def show_stage(stage: Stage) -> str:
    out = f"[{', '.join(i.name for i in stage.out)}]" if stage.out else ""
    conditions = [show(stage.where)] if stage.where is not None else []
    conditions += [f"{k.name} == {show(p)}" for k, p in stage.positions]
    where = f" where {' and '.join(conditions)}" if conditions else ""
    over = ", ".join(i.name for i in stage.reduced)
    return f"{stage.name}{out} = {stage.op}[{over}{where}]({show(stage.body)})"
