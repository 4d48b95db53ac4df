"""Which axis of a loss is that of the examples, and whether each example has a term of its own.

The axis of the examples is the first axis of the first prediction; `..` stands for it and for whatever follows it.  An
example has a term of its own where the loss is a sum or mean over that axis of an element that reads every array of
examples at the one position.  What couples examples is found in the checked tree: a reduction, a softmax or a running
sum along the axis, its size used as a number, a read of another position.
"""

from __future__ import annotations

from lossdsl.diagnostics import LossError, Span
from lossdsl.diagnostics.fitting import NoExampleAxis
from lossdsl.meaning import core
from lossdsl.meaning.reference.walk import bottom_up, bound_by, children

GROUP = ".."


def predictions(program: core.Program) -> tuple[core.Arg, ...]:
    return tuple(arg for arg in program.args if arg.role == "prediction")


def example_axis(program: core.Program) -> str:
    """The name of the axis of the examples.  Raises LossError (E0801) where not every prediction begins with it."""
    wanted = ""
    problems = []
    for arg in predictions(program):
        first = arg.axes[0].name if arg.axes and arg.axes[0].op == "size" else ""
        wanted = wanted or first
        if not first or first != wanted:
            problems.append(_no_axis(arg, wanted))
    if problems:
        raise LossError(*problems)
    return wanted


def _no_axis(arg: core.Arg, wanted: str) -> NoExampleAxis:
    if wanted:
        return NoExampleAxis(arg.span, f"{arg.name} does not begin with {wanted}, the axis of the other predictions")
    what = "is a number" if not arg.axes else "begins with an axis of fixed size"
    return NoExampleAxis(arg.span, f"{arg.name} {what}", f"a first axis for the examples: {arg.name}[n]")


def has_examples(arg: core.Arg, axis: str) -> bool:
    """Whether an argument has the axis of the examples."""
    return any(extent.op == "size" and extent.name == axis for extent in arg.axes)


def row_variable(program: core.Program, axis: str) -> core.Var | None:
    """The index over examples of the outermost mean or sum; None where the loss is no mean or sum over all of them."""
    found = [v for v in program.free if v.low == core.ZERO and v.high == core.Extent("size", name=axis)]
    return found[0] if len(found) == 1 else None


def coupling(program: core.Program, axis: str) -> Span | None:
    """Where examples meet in one term; None where each has a term of its own."""
    row = row_variable(program, axis)
    if row is None:
        return _reduction_over(program, axis) or program.span
    rows = _Rows(axis)
    for let in program.lets:
        rows.visit(let.expr)
    for root in (program.element, *([program.mask] if program.mask is not None else [])):
        found = rows.visit(root)
        if isinstance(found, Span):
            return found
        if found - {row}:
            return root.span
    return _counted(program)


def _counted(program: core.Program) -> Span | None:
    """The mask of a mean, where it depends on what is fitted: how many examples count is a matter of all of them."""
    if program.mask is None or program.reduction != "mean":
        return None
    seen: set[int] = set()
    stack = [program.mask]
    while stack:
        for node in bottom_up([stack.pop()]):
            if isinstance(node, core.Read):
                if isinstance(node.array, core.Arg) and node.array.role in ("prediction", "learn"):
                    return program.mask.span
                if isinstance(node.array, core.Let) and id(node.array) not in seen:
                    seen.add(id(node.array))
                    stack.append(node.array.expr)
    return None


def _reduction_over(program: core.Program, axis: str) -> Span | None:
    roots = [*(let.expr for let in program.lets), program.element]
    reductions = [node for node in bottom_up(roots) if isinstance(node, core.Reduce)]
    return next((r.span for r in reductions if any(_mentions(v.high, axis) for v in r.vars)), None)


Found = frozenset[core.Var] | Span
"""The indices at which a value reads arrays of examples, or the place where it reads several examples at once."""


class _Rows:
    """The positions along the axis of the examples that each node reads, from the leaves up."""

    def __init__(self, axis: str) -> None:
        self.axis = axis
        self.found: dict[int, Found] = {}

    def visit(self, root: core.Expr) -> Found:
        for node in bottom_up([root]):
            if id(node) not in self.found:
                self.found[id(node)] = self._node(node)
        return self.found[id(root)]

    def _node(self, node: core.Expr) -> Found:
        bound = bound_by(node)
        if any(_mentions(var.high, self.axis) or _mentions(var.low, self.axis) for var in bound):
            return node.span
        match node:
            case core.Size(extent=extent) if _mentions(extent, self.axis):
                return node.span
            case core.Read(array=core.Arg() as arg):
                own = [i for i, extent in zip(node.indices, arg.axes, strict=True) if _mentions(extent, self.axis)]
                return self._joined(node, own)
            case core.Read(array=core.Let() as let):
                inside = self.found[id(let.expr)]
                if isinstance(inside, Span):
                    return inside
                own = [i for i, var in zip(node.indices, let.vars, strict=True) if var in inside]
                return self._joined(node, own)
        return self._joined(node, [])

    def _joined(self, node: core.Expr, positions: list[core.Expr]) -> Found:
        """What the parts read, and the rows at the given positions of this read."""
        rows: frozenset[core.Var] = frozenset()
        for child in children(node):
            below = self.found[id(child)]
            if isinstance(below, Span):
                return below
            rows |= below
        for position in positions:
            if not isinstance(position, core.Index):
                return node.span
            rows |= {position.var}
        return rows


def _mentions(extent: core.Extent, axis: str) -> bool:
    named = extent.op == "size" and extent.name == axis
    return named or any(_mentions(operand, axis) for operand in extent.operands)
