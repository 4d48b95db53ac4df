"""Bounds of the gradient and of the Hessian of a formula of several numbers, operation by operation.

Of every number in a formula that is written out (see `unrolled`) these are kept: between which numbers each partial
derivative lies; how much the positive parts of the gradient add up to at most, and the negative ones; a bound of its
Euclidean length; and a bound of the Hessian's spectral norm.  All hold for all predictions and data in their domains.
A convex combination (a maximum, a logsumexp) of things with given bounds has the same bounds, which is how the gradient
of the cross-entropy, softmax(z) - e_k, is seen to have length sqrt(2) at most: it is 1 up and 1 down.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.analysis.bounds import (
    Bound,
    Range,
    apart,
    better,
    either,
    gathered,
    largest,
    least_of,
    nothing,
    nowhere,
    of_norm,
    range_of,
    scaled,
    times,
    total,
)
from lossdsl.analysis.numbers import Clock, Undecided, x
from lossdsl.analysis.piecewise import Builder
from lossdsl.analysis.profile import Profile
from lossdsl.analysis.view import View
from lossdsl.boosting.intervals import Intervals, of_arguments
from lossdsl.functions.lazy import sympy
from lossdsl.ir.graph import Node, reachable


class Bounds:
    """Bounds of the nodes of a formula that is written out."""

    def __init__(self, view: View, entries: Sequence[Node], clock: Clock) -> None:
        self.view, self.clock = view, clock
        self.intervals = Intervals(view.lowered.table, of_arguments(view.program))
        one = sympy().Integer(1)
        zero = sympy().Integer(0)
        self.known: dict[int, Bound] = {e.id: Bound({e.id: (one, one)}, one, zero, one, zero) for e in entries}

    def of(self, root: Node) -> Bound:
        """The bounds of a node; infinite where no rule gives any."""
        for node in reachable([root], stop=lambda n: n.id in self.known):
            if node.id not in self.known:
                self.clock.check()
                self.known[node.id] = self._value(node, [self.known[a.id] for a in node.args])
        return self.known[root.id]

    def _value(self, node: Node, args: Sequence[Bound]) -> Bound:
        if all(a.constant for a in args):
            return nothing()
        if node.kind == "bool":
            return nowhere(args)
        found = self._rule(node, args)
        if found is None or sympy().oo in (found.length, found.hessian):
            exact = self._of_affine(node)
            if exact is not None:
                return exact if found is None else better(found, exact)
        return nowhere(args) if found is None else found

    def _rule(self, node: Node, args: Sequence[Bound]) -> Bound | None:
        match node.op:
            case "add":
                return total(*args)
            case "sub":
                return total(args[0], scaled(args[1], (-sympy().Integer(1),) * 2))
            case "mul" | "guarded_mul":
                return self._product(node, args)
            case "div" | "guarded_div" if args[1].constant:
                one = node.graph.const(1)
                return scaled(args[0], self._range(node.graph.apply("div", one, node.args[1])))
            case "max" | "min":
                return gathered(args, None)
            case "where" if args[0].constant:
                return either(args[1:])
            case "logsumexp" | "logaddexp":
                return gathered(args, apart(args))
            case "norm":
                return of_norm(args)
            case "softmax_weight":
                return self._weight(node.args[0], node.args[1])
            case "exp" if node.args[0].op == "sub":
                return self._weight(*node.args[0].args)
            case "log" if node.args[0].op == "softmax_weight":
                first, second = (self.of(a) for a in node.args[0].args)
                return total(first, scaled(second, (-sympy().Integer(1),) * 2))
        return self._of_one(node, args)

    # ------------------------------------------------------------ products and functions of one number

    def _range(self, node: Node) -> Range:
        """Where the values of a node lie, ends that are not taken included."""
        return range_of(self.intervals.of(node))

    def _product(self, node: Node, args: Sequence[Bound]) -> Bound:
        first, second = args
        f, g = (self._range(a) for a in node.args)
        if first.constant or second.constant:
            return scaled(second, f) if first.constant else scaled(first, g)
        linear = total(scaled(second, f), scaled(first, g))
        bent = times(largest(f), second.hessian) + times(largest(g), first.hessian)
        return Bound(
            linear.partial, linear.up, linear.down, linear.length, bent + 2 * times(first.length, second.length)
        )

    def _of_one(self, node: Node, args: Sequence[Bound]) -> Bound | None:
        """A function of one number, whose other arguments are numbers: its derivatives where that number lies."""
        moving = [k for k, a in enumerate(args) if not a.constant]
        if len(moving) != 1 or node.args[moving[0]].kind == "bool":
            return None
        return self._chained(node, node.args[moving[0]])

    def _of_affine(self, node: Node) -> Bound | None:
        """A function of one affine number, all else being constants."""
        found: dict[int, Node] = {}
        for below in reachable([node], stop=lambda n: n is not node and self._is_affine(n)):
            if below is not node and self._is_affine(below):
                found[below.id] = below
        return self._chained(node, next(iter(found.values()))) if len(found) == 1 else None

    def _is_affine(self, node: Node) -> bool:
        bound = self.known.get(node.id)
        return bound is not None and not bound.constant and bound.affine

    def _chained(self, node: Node, inner: Node) -> Bound | None:
        low, high = self._range(inner)
        if low == high:
            return None
        try:
            profile = Profile(Builder(low, high, {inner.id: x()}, self.clock).of(node), self.clock)
            if profile.jump is not None:
                return None
            slopes = tuple(e.value for e in profile.extremes(1))
            bent = sympy().oo if profile.kink is not None else largest(tuple(e.value for e in profile.extremes(2)))
        except Undecided:
            return None
        around = self.known[inner.id]
        first = scaled(around, (slopes[0], slopes[1]))
        curved = times(bent, around.length**2) + times(largest((slopes[0], slopes[1])), around.hessian)
        return Bound(first.partial, first.up, first.down, first.length, curved)

    # ------------------------------------------------------------ softmax

    def _weight(self, own: Node, whole: Node) -> Bound | None:
        """t = exp(own - whole) for one of the terms of a logsumexp: a share in (0, 1).

        With d the difference of the gradients of own and of the mean of the others, the gradient is t*(1 - t)*d.  The
        Hessian is t*(1 - t)*(1 - 2*t)*d*d' less t*(1 - t) times the covariance of the others' gradients, and what the
        terms are bent.
        """
        if whole.op != "logsumexp" or own not in whole.args:
            return None
        sp = sympy()
        terms = [self.of(a) for a in whole.args if a is not own]
        mine, others = self.of(own), gathered(terms, sp.Integer(0))
        difference = total(mine, scaled(others, (-sp.Integer(1),) * 2))
        most = apart([mine, *terms])
        quarter = scaled(difference, (sp.Integer(0), sp.Rational(1, 4)))
        length = least_of(quarter.length, times(sp.Rational(1, 4), most))
        bent = times(sp.sqrt(3) / 18 + sp.Rational(1, 16), most**2)
        inner = times(sp.Rational(1, 4), mine.hessian + others.hessian)
        return Bound(quarter.partial, quarter.up, quarter.down, length, bent + inner)
