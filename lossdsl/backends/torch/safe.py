"""Programs for autograd: formulas whose derivative by autograd is finite wherever the true one is.

Autograd sends 0 into the branch that is not taken, and multiplies it by a derivative that may be infinite there.  So
what a branch does not take is replaced by a harmless number before it reaches a function that could be singular; the
same for elements that a `where` leaves out.  Where a function is flat (relu below 0, exp at -inf) what it is flat in
becomes a constant.  Logarithms of sums and norms get guards of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from lossdsl.backends.expand import Expansion
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import Stage, StageTable

HARMLESS = frozenset({
    "const", "index", "extent", "read", "whole", "add", "sub", "neg", "where", "abs", "sign", "floor", "round", "relu",
    "max", "min", "clip", "stop_gradient", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not",
})  # fmt: skip
"""Operations whose local derivatives are finite whatever their arguments are, infinities included."""

POLES: dict[tuple[str, int], tuple[int, ...]] = {
    ("sqrt", 0): (0,), ("log", 0): (0,), ("log2", 0): (0,), ("log10", 0): (0,), ("log1p", 0): (-1,), ("pow", 0): (0,),
    ("div", 1): (0,), ("guarded_div", 1): (0,), ("xlogy", 1): (0,), ("xlog1py", 1): (-1,), ("sqrt1pm1", 0): (-1,),
    ("asin", 0): (-1, 1), ("acos", 0): (-1, 1), ("logit", 0): (0, 1), ("log1mexp", 0): (0,),
}  # fmt: skip
"""(function, argument) -> where the derivative with respect to it is infinite."""

BOUNDED = frozenset(
    {"sigmoid", "tanh", "sin", "cos", "atan", "atan2", "erf", "erfc", "normal_cdf", "softmax_weight", "asin", "acos"}
)
"""Functions whose value does not overflow; neither does that of a sum of finite numbers, short of the last binade."""

ENTIRE = frozenset({"exp", "expm1", "sinh", "cosh", "exprel", "exp_moment"})
"""Functions whose derivative is finite wherever their argument is, short of overflow."""

SATURATING = frozenset(
    {"exp", "expm1", "sigmoid", "tanh", "atan", "erf", "erfc", "normal_cdf", "softplus", "log_sigmoid"}
)
"""Functions whose derivative vanishes at an infinite argument."""


class DifferentiableExpansion(Expansion):
    """logsumexp and norms by stages that autograd can go through: peaks are constants, roots and logs of 0 apart."""

    def _log(self, total: Node) -> Node:
        g = self.graph
        empty = g.apply("eq", total, g.const(0))
        return g.where(empty, g.const("-inf"), g.apply("log", g.where(empty, g.const(1), total)))

    def _logsumexp(self, stage: Stage, where: Node | None, body: Node) -> tuple[Node, Node]:
        g = self.graph
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, body)
        finite = g.apply("lt", g.apply("abs", peak), g.const("inf"))
        shift = g.apply("stop_gradient", g.where(finite, peak, g.const(0)))
        below = g.apply("exp", body - shift)
        return shift, self.table.value(f"total_{stage.name}", stage.out, "sum", stage.reduced, where, below)

    def _norm(self, stage: Stage, where: Node | None, body: Node) -> Node:
        g = self.graph
        size = g.apply("abs", body)
        peak = self.table.value(f"peak_{stage.name}", stage.out, "max", stage.reduced, where, size)
        usable = g.both(g.apply("gt", peak, g.const(0)), g.apply("lt", peak, g.const("inf")))
        scale = g.apply("stop_gradient", g.where(usable, peak, g.const(1)))
        ratio = body / scale
        total = self.table.value(f"squares_{stage.name}", stage.out, "sum", stage.reduced, where, ratio * ratio)
        nothing = g.apply("eq", total, g.const(0))
        return g.where(nothing, g.const(0), scale * g.apply("sqrt", g.where(nothing, g.const(1), total)))


class Sanitiser:
    """Rewrites the nodes and stages of a table for some roots; `table` is the new one.

    Conditions stay as they are: no gradient goes through them.
    """

    def __init__(self, table: StageTable, roots: Sequence[tuple[Node, Node | None]]) -> None:
        self.old, self.graph = table, table.graph
        self.table = StageTable(self.graph)
        for array in table.arrays.values():
            self.table.add_array(array)
        self._names: dict[str, str] = {}
        self._renamed: dict[int, Node] = {}
        self._risks = Risks(table)
        demanded = self._demanded(roots)
        for stage in table.stages.values():
            self._stage(stage, demanded.get(stage.name, self.graph.const(True)))

    def _demanded(self, roots: Sequence[tuple[Node, Node | None]]) -> dict[str, Node]:
        """For each stage the condition, over its out indices, under which a gradient can reach it."""
        g = self.graph
        result: dict[str, Node] = {}
        pending = [(node, g.const(True) if where is None else where) for node, where in roots]
        for stage in reversed(list(self.old.stages.values())):
            for root, where in pending:
                self._add_reads(result, root, where)
            inner = g.both(result.get(stage.name, g.const(True)), *([stage.where] if stage.where is not None else []))
            pending = [(stage.body, inner)]
        return result

    def _add_reads(self, result: dict[str, Node], root: Node, where: Node) -> None:
        """Of a stage that is read at its own indices, under a condition that earlier stages decide."""
        g = self.graph
        order = list(self.old.stages)
        for id, (condition, _) in self._needed(root, where).items():
            node = g.nodes[id]
            stage = self.old.stages.get(str(node.value)) if node.op == "read" else None
            if stage is not None:
                own = [g.index(k) for k in stage.out]
                later = {*order[order.index(stage.name) :]}
                known_before = not any(n.op == "read" and n.value in later for n in reachable([condition]))
                simple = list(node.args) == own and condition.free <= set(stage.out) and known_before
                wanted = condition if simple else g.const(True)
                known = result.get(stage.name)
                result[stage.name] = wanted if known is None else g.apply("or", known, wanted)

    def _stage(self, stage: Stage, demanded: Node) -> None:
        g = self.graph
        where = None if stage.where is None else self.renamed(stage.where)
        inner = g.both(demanded, *([stage.where] if stage.where is not None else []))
        body = self.safe(stage.body, inner)
        if stage.op == "prod" and body.kind == "real" and not always(g, demanded):
            body = g.where(self.renamed(demanded), body, g.const(1))  # the product of the others may be infinite
        self._names[stage.name] = self.table.add(stage.name, stage.out, stage.op, stage.reduced, where, body)

    def renamed(self, root: Node) -> Node:
        """The node as it is, over the new stages."""
        for node in reachable([root], stop=lambda n: n.id in self._renamed):
            if node.id not in self._renamed:
                self._renamed[node.id] = self._rebuilt(node, [self._renamed[a.id] for a in node.args])
        return self._renamed[root.id]

    def safe(self, root: Node, where: Node | None) -> Node:
        """The node, harmless where no gradient reaches it."""
        if root.kind != "real":
            return self.renamed(root)
        needed = self._needed(root, where if where is not None else self.graph.const(True))
        done: dict[int, Node] = {}
        for node in reachable([root]):
            if node.id not in needed or node.kind != "real":
                done[node.id] = self.renamed(node)
                continue
            args = [self._gated(node, k, done[a.id]) for k, a in enumerate(node.args)]
            taken, weighed = needed[node.id]
            if not always(self.graph, weighed):
                args = [self._away_from_poles(node, k, arg, weighed) for k, arg in enumerate(args)]
            if not always(self.graph, taken):
                args = [self._replaced(node, k, arg, taken) for k, arg in enumerate(args)]
            done[node.id] = self._rebuilt(node, args)
        return done[root.id]

    def _replaced(self, node: Node, position: int, arg: Node, taken: Node) -> Node:
        """An argument, as a harmless number where the node is not taken."""
        if not self._risks.of_argument(node, position):
            return arg
        return self.graph.where(self.renamed(taken), arg, self.graph.const(inside(node.op, position)))

    def _away_from_poles(self, node: Node, position: int, arg: Node, weighed: Node) -> Node:
        """An argument, as a constant where the node has the weight 0 and its derivative is infinite."""
        g = self.graph
        plain = node.args[position]
        poles = POLES.get((node.op, position), ())
        if not poles or plain.kind != "real" or not _has_poles(node):
            return arg
        regular = g.both(*(g.apply("ne", plain, g.const(pole)) for pole in poles))
        return g.where(
            self.renamed(g.apply("or", weighed, regular)), arg, g.apply("stop_gradient", self.renamed(plain))
        )

    def _gated(self, node: Node, position: int, arg: Node) -> Node:
        """An argument that could be singular, as a constant where the function is flat in it."""
        gate = self._gate(node, position)
        if gate is None:
            return arg
        plain = self.renamed(node.args[position])
        return self.graph.where(self.renamed(gate), arg, self.graph.apply("stop_gradient", plain))

    def _gate(self, node: Node, position: int) -> Node | None:
        """The condition under which a gradient may pass to an argument; None where it always does no harm."""
        gate = flat_outside(self.graph, node, position)
        if gate is None or not self._risks.is_singular(node.args[position]):
            return None
        return gate if node.op not in SATURATING or self._risks.may_be_infinite(node.args[position]) else None

    def _needed(self, root: Node, where: Node) -> dict[int, tuple[Node, Node]]:
        """For each node below the root that a gradient reaches: where it is taken, and where its weight is not 0."""
        g = self.graph
        needed: dict[int, tuple[Node, Node]] = {root.id: (where, g.const(True))}
        for node in reversed(reachable([root])):
            if node.id not in needed or node.kind == "bool" or node.op == "stop_gradient":
                continue
            for arg, taken, weighed in self._passed(node, *needed[node.id]):
                if arg.id in needed:
                    one, other = needed[arg.id]
                    taken, weighed = g.apply("or", one, taken), g.apply("or", other, weighed)
                needed[arg.id] = taken, weighed
        return needed

    def _passed(self, node: Node, taken: Node, weighed: Node) -> Iterator[tuple[Node, Node, Node]]:
        """The arguments that a gradient goes on to, with the two conditions of each."""
        g = self.graph
        if node.op == "where":
            test, then, otherwise = node.args
            yield then, g.both(taken, test), weighed
            yield otherwise, g.both(taken, g.apply("not", test)), weighed
            return
        for k, arg in enumerate(node.args):
            gate, weight = self._gate(node, k), weight_of(node, k)
            heavy = weighed
            if weight is not None and self._risks.is_singular(arg):
                heavy = g.both(weighed, g.apply("ne", weight, g.const(0)))
            yield arg, taken if gate is None else g.both(taken, gate), heavy

    def _rebuilt(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op == "read":
            return self.graph.read(self._names.get(str(node.value), str(node.value)), args)
        return self.graph.rebuild(node, args)


def flat_outside(graph: Graph, node: Node, position: int) -> Node | None:
    """The condition outside of which the node is flat in an argument; None where it always may vary."""
    arg = node.args[position] if node.args else node
    if arg.kind != "real" or arg.is_const:
        return None
    match node.op, node.args:
        case "relu", (x,):
            return graph.apply("gt", x, graph.const(0))
        case "clip", (x, low, high) if position == 0:
            return graph.both(graph.apply("le", low, x), graph.apply("le", x, high))
        case (("max" | "min"), _):
            return graph.apply("eq", arg, node)
        case op, (x,) if op in SATURATING:
            return graph.apply("lt", graph.apply("abs", x), graph.const("inf"))
    return None


def weight_of(node: Node, position: int) -> Node | None:
    """What the derivative with respect to an argument is proportional to, where that is another argument."""
    if node.op == "mul" or (node.op in ("guarded_mul", "xlogy", "xlog1py") and position == 1):
        return node.args[1 - position]
    return None


def always(graph: Graph, condition: Node) -> bool:
    """Whether a condition holds by its shape: True, or c or not c."""
    if condition.op == "or":
        first, second = condition.args
        return first is graph.apply("not", second) or second is graph.apply("not", first)
    return condition.is_const and condition.value is True


class Risks:
    """What can go wrong where a gradient of 0 meets a function, from the shape of formulas alone."""

    def __init__(self, table: StageTable) -> None:
        self.table = table
        self._infinite: dict[int, bool] = {}
        self._singular: dict[int, bool] = {}
        self._stages: dict[str, bool] = {}
        for stage in table.stages.values():
            self._stages[stage.name] = stage.op == "prod" or self.is_singular(stage.body)

    def of_argument(self, node: Node, position: int) -> bool:
        """Whether an argument can make a local derivative of the node infinite or NaN."""
        arg = node.args[position]
        if node.op in HARMLESS or arg.is_const or arg.kind != "real":
            return False
        if node.op == "mul":
            return self.may_be_infinite(arg)
        if node.op == "div" and node.args[1].is_const:
            return False
        if TABLE[node.op].finite_derivative or (node.op == "pow" and node.args[1].is_value(2)):
            return self.may_be_infinite(arg)
        return True

    def is_singular(self, root: Node) -> bool:
        """Whether the derivative of an expression can be infinite at finite arguments."""
        for node in reachable([root], stop=lambda n: n.id in self._singular):
            if node.id not in self._singular:
                own = _has_poles(node) or (node.op == "read" and self._stages.get(str(node.value), False))
                self._singular[node.id] = own or any(self._singular[a.id] for a in node.args)
        return self._singular[root.id]

    def may_be_infinite(self, root: Node) -> bool:
        """Whether the value of an expression can be infinite at finite arguments, by overflow too."""
        for node in reachable([root], stop=lambda n: n.id in self._infinite):
            if node.id not in self._infinite:
                self._infinite[node.id] = self._is_infinite(node)
        return self._infinite[root.id]

    def _is_infinite(self, node: Node) -> bool:
        if node.op == "read":
            return str(node.value) in self.table.stages
        if node.is_const:
            return isinstance(node.value, str) and node.value != "pi"
        if node.op in BOUNDED or node.kind != "real":
            return False
        inner = any(self._infinite[a.id] for a in node.args)
        constant = [a.is_const for a in node.args]
        if (node.op == "mul" and any(constant)) or (node.op == "div" and constant[1]):
            return inner
        finite = node.op != "mul" and (node.op in HARMLESS or node.op == "sqrt" or TABLE[node.op].finite_derivative)
        return inner or not finite


def _has_poles(node: Node) -> bool:
    """Whether a local derivative of the node can be infinite at finite arguments."""
    if node.op in HARMLESS or node.op in ENTIRE or node.kind != "real" or TABLE[node.op].finite_derivative:
        return False
    power = node.args[1].value if node.op == "pow" else None
    if isinstance(power, Fraction) and power >= 1:
        return False
    return not (node.op in ("div", "xlogy", "xlog1py") and node.args[1].is_const)


def inside(op: str, position: int) -> Fraction:
    """A number within the domain of an argument of a function, where value and derivatives are finite."""
    low, high = TABLE[op].domain_of(position)
    if low < 1 < high:
        return Fraction(1)
    infinite = float("inf")
    if high == infinite:
        return Fraction(low) + 1
    return Fraction(high) - 1 if low == -infinite else (Fraction(low) + Fraction(high)) / 2
