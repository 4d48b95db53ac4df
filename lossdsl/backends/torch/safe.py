"""Programs for autograd: formulas whose derivative by autograd is finite wherever the true one is.

Autograd sends 0 into the branch that is not taken, and multiplies it by a derivative that may be infinite there.  So
what a branch does not take is replaced by a harmless number before it reaches a function that could be singular; the
same for elements that a `where` leaves out.  Where a function is flat (relu below 0, exp at -inf), or has the weight 0,
what it is a function of becomes a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lossdsl.backends.torch.risks import SATURATING, Risks, always, flat_outside, inside, weight_of
from lossdsl.calculus.gradient import active_arrays
from lossdsl.calculus.partials import Differentiator
from lossdsl.ir.graph import Graph, Node, reachable
from lossdsl.ir.stage import Stage, StageTable


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
        wrt = [array.name for array in table.arrays.values() if array.role in ("prediction", "learn")]
        self._depends = Differentiator(table, active_arrays(table, wrt)).depends
        self._risks = Risks(table, self._depends)
        self._order = {name: place for place, name in enumerate(table.stages)}
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
        for id, (condition, _) in self._needed(root, where).items():
            node = g.nodes[id]
            stage = self.old.stages.get(str(node.value)) if node.op == "read" else None
            if stage is not None:
                own = [g.index(k) for k in stage.out]
                reads = (self._order.get(str(n.value), -1) for n in reachable([condition]) if n.op == "read")
                decided = all(place < self._order[stage.name] for place in reads)
                simple = list(node.args) == own and condition.free <= set(stage.out) and decided
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
            if not always(self.graph, taken):
                args = [self._replaced(node, k, arg, taken) for k, arg in enumerate(args)]
            done[node.id] = self._off_its_poles(node, args, weighed)
        return done[root.id]

    def _replaced(self, node: Node, position: int, arg: Node, taken: Node) -> Node:
        """An argument, as a harmless number where the node is not taken."""
        if not self._risks.of_argument(node, position):
            return arg
        return self.graph.where(self.renamed(taken), arg, self.graph.const(inside(node.op, position)))

    def _off_its_poles(self, node: Node, args: Sequence[Node], weighed: Node) -> Node:
        """The node of these arguments; a constant where it has the weight 0 and its derivative is infinite.

        What autograd goes through is then a function of a harmless number, so that second derivatives are finite too.
        """
        g = self.graph
        args = list(args)
        poles = {} if always(g, weighed) else self._risks.poles(node)
        if not poles:
            return self._rebuilt(node, args)
        regular = (g.apply("ne", node.args[k], g.const(pole)) for k, places in poles.items() for pole in places)
        passes = self.renamed(g.apply("or", weighed, g.both(*regular)))
        for position in poles:
            args[position] = g.where(passes, args[position], g.const(inside(node.op, position)))
        return g.where(passes, self._rebuilt(node, args), g.apply("stop_gradient", self.renamed(node)))

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
        """For each node below the root that a gradient reaches: where it is taken, and where it then has a weight."""
        g = self.graph
        needed: dict[int, tuple[Node, Node]] = {root.id: (where, g.const(True))}
        for node in reversed(reachable([root])):
            if node.id not in needed or node.kind == "bool" or node.op == "stop_gradient":
                continue
            for arg, taken, weighed in self._passed(node, *needed[node.id]):
                known = needed.get(arg.id)
                needed[arg.id] = (taken, weighed) if known is None else either(g, known, (taken, weighed))
        return needed

    def _passed(self, node: Node, taken: Node, weighed: Node) -> Iterator[tuple[Node, Node, Node]]:
        """The arguments that a gradient goes on to, with the two conditions of each."""
        g = self.graph
        if node.op == "where":
            test, then, otherwise = node.args
            for arg, selected in ((then, test), (otherwise, g.apply("not", test))):
                if self._depends(arg):
                    yield arg, g.both(taken, selected), weighed
            return
        for k, arg in enumerate(node.args):
            if not self._depends(arg):
                continue
            gate, weight = self._gate(node, k), weight_of(node, k)
            heavy = weighed
            if weight is not None and self._risks.is_singular(arg):
                heavy = g.both(weighed, g.apply("ne", weight, g.const(0)))
            yield arg, taken if gate is None else g.both(taken, gate), heavy

    def _rebuilt(self, node: Node, args: Sequence[Node]) -> Node:
        if node.op == "read":
            return self.graph.read(self._names.get(str(node.value), str(node.value)), args)
        return self.graph.rebuild(node, args)


def either(g: Graph, one: tuple[Node, Node], other: tuple[Node, Node]) -> tuple[Node, Node]:
    """Where one of two paths is taken, and where one that is has a weight."""
    taken = g.apply("or", one[0], other[0])
    if one[0] is other[0] or one[1] is other[1]:
        return taken, g.apply("or", one[1], other[1])
    return taken, g.apply("or", g.both(*one), g.both(*other))
