"""Convexity by composition: what is convex in all predictions together, by the rules of disciplined convex programming.

Every node of a formula is constant, affine, convex, concave or none of these that can be proved; the answer of a node
follows from those of its arguments, from signs that intervals prove, and from what the table of functions says (Grant,
Boyd and Ye 2006).  A node that no rule covers, but that is a function of one affine expression, is decided exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction

from lossdsl.analysis.numbers import Clock, Undecided, x
from lossdsl.analysis.piecewise import Builder
from lossdsl.analysis.profile import Profile
from lossdsl.analysis.view import View
from lossdsl.boosting.intervals import Interval, Intervals, of_arguments, point
from lossdsl.calculus.gradient import needed_stages
from lossdsl.functions.lazy import sympy
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.lower import Lowered, lower
from lossdsl.ir.stage import Stage


class Shape(Enum):
    """How a number bends as a function of all predictions."""

    CONSTANT = "constant"
    AFFINE = "affine"
    CONVEX = "convex"
    CONCAVE = "concave"
    OTHER = "other"

    @property
    def convex(self) -> bool:
        return self in (Shape.CONSTANT, Shape.AFFINE, Shape.CONVEX)

    @property
    def concave(self) -> bool:
        return self in (Shape.CONSTANT, Shape.AFFINE, Shape.CONCAVE)

    @property
    def affine(self) -> bool:
        return self in (Shape.CONSTANT, Shape.AFFINE)

    def __neg__(self) -> Shape:
        return {Shape.CONVEX: Shape.CONCAVE, Shape.CONCAVE: Shape.CONVEX}.get(self, self)


EVEN = frozenset({"abs", "logcosh", "cosh"})
"""Convex functions that rise with the magnitude of their argument."""


def of_both(a: Shape, b: Shape) -> Shape:
    """The shape of a sum."""
    if a is Shape.CONSTANT or b is Shape.CONSTANT:
        return b if a is Shape.CONSTANT else a
    if a.affine and b.affine:
        return Shape.AFFINE
    if a.convex and b.convex:
        return Shape.CONVEX
    return Shape.CONCAVE if a.concave and b.concave else Shape.OTHER


def shape_of(view: View, clock: Clock) -> tuple[Shape, list[str]]:
    """The shape of an element, of the formula as written or, failing that, in its stable form; and the rules used."""
    best: tuple[Shape, list[str]] = Shape.OTHER, []
    for lowered in (view.lowered, lower(view.program)):
        rules = Rules(view, lowered, clock)
        found = rules.of(lowered.element)
        if lowered.mask is not None and rules.of(lowered.mask) is not Shape.CONSTANT:
            found = Shape.OTHER
        if found is not Shape.OTHER:
            return found, rules.used
        best = found, rules.used
    return best


class Rules:
    """The shapes of the nodes of one program."""

    def __init__(self, view: View, lowered: Lowered, clock: Clock) -> None:
        self.view, self.lowered, self.clock = view, lowered, clock
        self.table = lowered.table
        around = of_arguments(view.program)
        self.intervals = Intervals(self.table, {**around, **{n: point(v) for n, v in view.numbers.items()}})
        self.names = frozenset(a.name for a in view.predictions)
        self.nodes: dict[int, Shape] = {}
        self.stages: dict[str, Shape] = {}
        self.used: list[str] = []

    def of(self, root: Node) -> Shape:
        """The shape of a node."""
        for stage in needed_stages(self.table, [root]):
            if stage.name not in self.stages:
                self.stages[stage.name] = self._stage(stage)
        return self._node(root)

    def _node(self, root: Node) -> Shape:
        for node in reachable([root], stop=lambda n: n.id in self.nodes):
            if node.id not in self.nodes:
                self.clock.check()
                self.nodes[node.id] = self._value(node, [self.nodes[a.id] for a in node.args])
        return self.nodes[root.id]

    def _value(self, node: Node, args: Sequence[Shape]) -> Shape:
        if node.op == "read":
            if any(a is not Shape.CONSTANT for a in args):
                return Shape.OTHER
            return self.stages.get(str(node.value), Shape.AFFINE if node.value in self.names else Shape.CONSTANT)
        if all(a is Shape.CONSTANT for a in args):
            return Shape.CONSTANT
        if node.kind == "bool":
            return Shape.OTHER
        found = self._rule(node, args)
        return self._atom(node) if found is Shape.OTHER else found

    def _around(self, node: Node) -> Interval:
        return self.intervals.of(node)

    def _note(self, rule: str) -> None:
        if rule not in self.used:
            self.used.append(rule)

    # ------------------------------------------------------------ rules

    def _rule(self, node: Node, args: Sequence[Shape]) -> Shape:
        match node.op:
            case "neg":
                return -args[0]
            case "stop_gradient":
                return args[0]
            case "add" | "sub":
                return of_both(args[0], args[1] if node.op == "add" else -args[1])
            case "mul" | "guarded_mul":
                return self._product(node, args)
            case "div" | "guarded_div":
                return self._quotient(node, args)
            case "pow":
                return self._power(node, args)
            case "where" if args[0] is Shape.CONSTANT:
                return self._either(args[1:])
            case "max" | "min":
                return self._extremum(node.op, args)
            case "logaddexp" if all(a.convex for a in args):
                self._note("logaddexp of convex terms is convex")
                return Shape.CONVEX
            case "hypot":
                return self._norm(node.args, args)
            case "hypot_excess" if args[1] is Shape.CONSTANT:
                return self._norm(node.args[:1], args[:1])
            case "kl_div" if all(a.affine for a in args):
                self._note("x*log(x/y) - x + y is convex in both together")
                return Shape.CONVEX
            case "xlogy" if args[0] is Shape.CONSTANT and args[1].concave:
                self._note("the logarithm of what is concave is concave")
                return self._scaled(Shape.CONCAVE, self._around(node.args[0]))
        return self._of_table(node, args)

    def _scaled(self, shape: Shape, factor: Interval) -> Shape:
        """The shape of a constant times a number."""
        if factor.nonnegative:
            return shape
        if (-factor).nonnegative:
            return -shape
        return shape if shape.affine else Shape.OTHER

    def _product(self, node: Node, args: Sequence[Shape]) -> Shape:
        for k in (0, 1):
            if args[k] is Shape.CONSTANT:
                return self._scaled(args[1 - k], self._around(node.args[k]))
        if node.args[0] is node.args[1]:
            return self._square(node.args[0], args[0])
        return Shape.OTHER

    def _square(self, base: Node, shape: Shape) -> Shape:
        if shape.affine or (shape.convex and self._around(base).nonnegative):
            self._note("the square of what is affine, or convex and not negative, is convex")
            return Shape.CONVEX
        return Shape.OTHER

    def _quotient(self, node: Node, args: Sequence[Shape]) -> Shape:
        around = self._around(node.args[1])
        if args[1] is Shape.CONSTANT:
            return self._scaled(args[0], around)
        if args[0] is Shape.CONSTANT and args[1].concave and around.positive:
            self._note("the reciprocal of what is concave and positive is convex")
            return self._scaled(Shape.CONVEX, self._around(node.args[0]))
        return Shape.OTHER

    def _power(self, node: Node, args: Sequence[Shape]) -> Shape:
        base, shape = node.args[0], args[0]
        exponent = self._around(node.args[1])
        if args[1] is not Shape.CONSTANT or not exponent.is_point:
            return Shape.OTHER
        power, around = exponent.low, self._around(base)
        if power == 1:
            return shape
        if isinstance(power, Fraction) and power.denominator == 1 and power % 2 == 0 and power > 0 and shape.affine:
            self._note("an even power of what is affine is convex")
            return Shape.CONVEX
        if power > 1 and shape.convex and around.nonnegative:
            self._note("a power above 1 of what is convex and not negative is convex")
            return Shape.CONVEX
        if 0 < power < 1 and shape.concave and around.nonnegative:
            self._note("a power below 1 of what is concave and not negative is concave")
            return Shape.CONCAVE
        if power < 0 and shape.concave and around.positive:
            self._note("a negative power of what is concave and positive is convex")
            return Shape.CONVEX
        return Shape.OTHER

    def _either(self, shapes: Sequence[Shape]) -> Shape:
        """One or the other, as data decide."""
        a, b = shapes
        if a.affine and b.affine:
            return Shape.AFFINE
        if a.convex and b.convex:
            return Shape.CONVEX
        return Shape.CONCAVE if a.concave and b.concave else Shape.OTHER

    def _extremum(self, op: str, args: Sequence[Shape]) -> Shape:
        if op == "max" and all(a.convex for a in args):
            self._note("the maximum of convex terms is convex")
            return Shape.CONVEX
        if op == "min" and all(a.concave for a in args):
            self._note("the minimum of concave terms is concave")
            return Shape.CONCAVE
        return Shape.OTHER

    def _norm(self, nodes: Sequence[Node], shapes: Sequence[Shape]) -> Shape:
        pairs = zip(nodes, shapes, strict=True)
        if all(s.affine or (s.convex and self._around(n).nonnegative) for n, s in pairs):
            self._note("a norm of what is affine, or convex and not negative, is convex")
            return Shape.CONVEX
        return Shape.OTHER

    def _of_table(self, node: Node, args: Sequence[Shape]) -> Shape:
        """A function of one number, by its curvature and where it rises."""
        row = TABLE.get(node.op)
        if row is None or len(args) != 1 or row.curvature == "none":
            return Shape.OTHER
        bent = Shape(row.curvature)
        inner = args[0]
        if inner.affine and bent in (Shape.CONVEX, Shape.CONCAVE):
            self._note(f"{node.op} of what is affine is {bent.value}")
            return bent
        rises = row.monotone or (1 if node.op in EVEN and self._around(node.args[0]).nonnegative else 0)
        same = inner if rises > 0 else -inner if rises < 0 else Shape.OTHER
        if same is bent:
            self._note(
                f"{node.op}, which {'rises' if rises > 0 else 'falls'}, of what is {inner.value} is {bent.value}"
            )
            return bent
        return Shape.OTHER

    def _stage(self, stage: Stage) -> Shape:
        where = [self._node(r) for r in stage.roots[1:]]
        body = self._node(stage.body)
        if any(w is not Shape.CONSTANT for w in where):
            return Shape.OTHER
        if body is Shape.CONSTANT:
            return body
        match stage.op:
            case "sum":
                return body
            case "max" | "logsumexp" if body.convex:
                self._note(f"{stage.op} of convex terms is convex")
                return Shape.CONVEX
            case "min" if body.concave:
                self._note("the minimum of concave terms is concave")
                return Shape.CONCAVE
            case "norm":
                return self._norm([stage.body], [body])
        return Shape.OTHER

    # ------------------------------------------------------------ functions of one affine expression

    def _atom(self, node: Node) -> Shape:
        """A function of one affine expression, decided exactly on its pieces."""
        inner = self._affine_part(node)
        if inner is None:
            return Shape.OTHER
        sp = sympy()
        leaves = {inner.id: x()}
        for below in reachable([node], stop=lambda n: n is inner):
            if below.op == "read" and str(below.value) in self.view.numbers:
                value = self.view.numbers[str(below.value)]
                leaves[below.id] = sp.Rational(value.numerator, value.denominator)
        try:
            profile = Profile(Builder(-sp.oo, sp.oo, leaves, self.clock).of(node), self.clock)
            if profile.convex:
                self._note(f"{node.op} is here a function of one affine expression, convex on each piece")
                return Shape.CONVEX
        except Undecided:
            pass
        return Shape.OTHER

    def _affine_part(self, node: Node) -> Node | None:
        """The one affine expression through which a node depends on predictions, all else being numbers."""
        found: dict[int, Node] = {}
        nodes = reachable([node], stop=lambda n: self.nodes.get(n.id) is Shape.AFFINE)
        for below in nodes:
            if below is not node and self.nodes.get(below.id) is Shape.AFFINE:
                found[below.id] = below
            elif (below.op == "read" and str(below.value) not in self.view.numbers) or below.op in ("index", "extent"):
                return None
        return next(iter(found.values())) if len(found) == 1 else None
