"""Sums that cancel where a softmax is certain, by the complements of its weights.

The gradient of logsumexp[c](z) - z[k] is the weight p[c], minus 1 at c = k; the diagonal of its Hessian is p - p^2.
Where p[k] is close to 1 these have no digits left, while 1 - p[k], the weight of the others, has them all.  So terms
x and b of a sum with b = -x*p are joined: x + b = x*(1 - p).  The two meet

- at every position, as in w*p - w*p*p;
- where x is scattered to a position, as the gradient of z[n, label[n]] is;
- at one element of a sum, as risk[i] meets the terms i of all sets at risk that contain it;
- where b is summed over the classes, as the targets y in y*sum[c](y) are: x = -y, b = p*sum[c](y).

What remains of b elsewhere stays as it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lossdsl.ir.graph import Index, Node, conjuncts, reachable
from lossdsl.ir.opened import opened
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.rewrite.facts import remembered

LONGEST = 1000
"""Of longer sums no terms are joined, so that the time for a sum stays short."""


def by_complements(table: StageTable, node: Node) -> Node | None:
    """The whole sum that ends in `node`, with its terms joined in pairs; None where nothing cancels so."""
    terms = _terms(table, node)
    if terms is None:
        return None
    weighted = [(k, forms) for k, term in enumerate(terms) if (forms := _weighted_forms(table, term))]
    if not weighted:
        return None
    plain = [_form(_product(table, _inner(table, term))) for term in terms]
    kept: dict[int, Node] = dict(enumerate(terms))
    for k, forms in weighted:
        for at in [i for i in kept if i != k and k in kept and (plain[i] in forms or None in forms)]:
            joined = _joined(table, kept[at], kept[k])
            if joined is not None:
                kept[at] = joined
                plain[at] = ("joined",)
                del kept[k]
                break
    return table.graph.total(kept.values()) if len(kept) < len(terms) else None


Form = tuple[object, ...]
"""What the factors of a product have in common wherever it is read: quick to compare."""


def _form(product: Product) -> Form:
    factors = [*((f, 1) for f in product.above.elements()), *((f, -1) for f in product.below.elements())]
    return tuple(sorted((_kind(factor), power) for factor, power in factors))


def _kind(factor: Factor) -> str:
    if isinstance(factor, tuple):
        return f"sum of {len(factor)}"
    return factor.op if factor.free else str(factor.id)


def _weighted_forms(table: StageTable, term: Node) -> list[Form | None]:
    """The forms of what may meet a term that contains weights; None stands for any."""
    product = _product(table, _inner(table, term))
    if not product.weights:
        return []
    any_form = any(isinstance(f, Node) and _sum_stage(table, f) is not None for f in product.above)
    return [_form(product.without(weight)) for weight in product.weights] + [None] * any_form


def _inner(table: StageTable, term: Node) -> Node:
    """The elements of a sum over an index, or what is scattered; of other terms the term itself."""
    stage = _sum_stage(table, term.args[0] if term.op == "neg" else term)
    return term if stage is None else stage.body


@remembered
def _terms(table: StageTable, root: Node) -> list[Node] | None:
    """The terms of a sum, with their signs; None for a sum that is too long."""
    g = root.graph
    result: list[Node] = []
    pending = [(1, root)]
    while pending:
        if len(result) + len(pending) > LONGEST:
            return None
        sign, term = pending.pop()
        match term.op, term.args:
            case "neg", (a,):
                pending.append((-sign, a))
            case (("add" | "sub"), (a, b)):
                pending += [(sign if term.op == "add" else -sign, b), (sign, a)]
            case (("mul" | "guarded_mul"), (a, b)) if _adds_weights(table, a):
                pending.append((sign, g.apply(a.op, *(g.apply(term.op, part, b) for part in a.args))))
            case (("mul" | "guarded_mul"), (b, a)) if _adds_weights(table, a):
                pending.append((sign, g.apply(a.op, *(g.apply(term.op, b, part) for part in a.args))))
            case _:
                result.append(term if sign > 0 else -term)
    return result


def _adds_weights(table: StageTable, node: Node) -> bool:
    """Whether a sum has a term with the weight of a softmax, so that its terms are looked at one by one."""
    return node.op in ("add", "sub") and any(_product(table, a).weights for a in node.args)


# ---------------------------------------------------------------- products


Factor = Node | tuple[Node, ...]
"""A node, or the terms of a sum in any order, the oldest of them positive."""


@dataclass
class Product:
    """A product by its factors, in any order; it is 0 where one of the conditions fails."""

    negative: bool = False
    above: Counter[Factor] = field(default_factory=Counter)
    below: Counter[Factor] = field(default_factory=Counter)
    conditions: set[Node] = field(default_factory=set)

    def opposes(self, other: Product) -> bool:
        """Whether the two add to 0, where the conditions of both hold."""
        return (self.negative, self.above, self.below) == (not other.negative, other.above, other.below)

    def without(self, factor: Node) -> Product:
        return Product(self.negative, self.above - Counter([factor]), self.below, self.conditions)

    def times(self, other: Product) -> Product:
        negative = self.negative != other.negative
        conditions = self.conditions | other.conditions
        return Product(negative, self.above + other.above, self.below + other.below, conditions)

    @property
    def weights(self) -> list[Node]:
        return [n for n in self.above if isinstance(n, Node) and n.op == "softmax_weight"]


@remembered
def _product(table: StageTable, node: Node) -> Product:
    """The factors of a product; of one that is longer than any in a formula some factors are products themselves."""
    result = Product()

    def parts(item: tuple[Node, bool]) -> list[tuple[Node, bool]] | None:
        factor, above = item
        match factor.op, factor.args:
            case "neg", (a,):
                return [(factor.graph.const(-1), above), (a, above)]
            case (("mul" | "guarded_mul"), args):
                return [(a, above) for a in args]
            case (("div" | "guarded_div"), (a, b)):
                return [(a, above), (b, not above)]
            case "where", (condition, a, b) if above and b.is_value(0):
                result.conditions.update(conjuncts(condition))
                return [(a, above)]
        return None

    for factor, above in opened((node, True), parts):
        if factor.is_value(-1):
            result.negative = not result.negative
        elif factor.op in ("add", "sub"):
            negative, terms = _as_sum(table, factor)
            result.negative ^= negative
            (result.above if above else result.below)[terms] += 1
        elif not factor.is_value(1):
            (result.above if above else result.below)[factor] += 1
    return result


def _as_sum(table: StageTable, node: Node) -> tuple[bool, Factor]:
    """Whether the sum is the negative of what follows, so that a - b and b - a are told to be opposite."""
    terms = _terms(table, node)
    if terms is None:
        return False, node
    plain = {term: term.args[0] if term.op == "neg" else term for term in terms}
    terms = sorted(terms, key=lambda term: plain[term].id)  # a new list: that of `_terms` is remembered
    negative = terms[0].op == "neg"
    return negative, tuple(-term if negative else term for term in terms)


# ---------------------------------------------------------------- the ways in which two terms meet


def _joined(table: StageTable, x: Node, b: Node) -> Node | None:
    """x + b without cancellation, where b contains the weight of a softmax."""
    inner = b.args[0] if b.op == "neg" else b
    stage = _sum_stage(table, inner)
    if stage is not None:
        return _two_sums(table, x, b) or _within_a_sum(table, x, b)
    product = _product(table, b)
    if not product.weights:
        return None
    return _everywhere(table, x, product) or _at_a_position(table, x, b) or _beside_a_sum(table, x, b, product)


def _sum_stage(table: StageTable, node: Node) -> Stage | None:
    stage = table.stages.get(str(node.value)) if node.op == "read" else None
    return stage if stage is not None and stage.op == "sum" else None


def _everywhere(table: StageTable, x: Node, product: Product) -> Node | None:
    """x plus the product, at the same positions."""
    own = _product(table, x)
    if not own.conditions <= product.conditions:
        return None
    for weight in product.weights:
        if own.opposes(product.without(weight)):
            joined = _complemented(table, x, weight)
            for condition in sorted(product.conditions - own.conditions, key=lambda n: n.id):
                joined = x.graph.where(condition, joined, x)
            return joined
    return None


def _complemented(table: StageTable, x: Node, weight: Node) -> Node:
    """Outside of the mask of the softmax a weight can overflow: there a factor of 0 wins."""
    g = x.graph
    complement = g.apply("softmax_complement", *weight.args)
    logsumexp = weight.args[1]
    stage = table.stages.get(str(logsumexp.value)) if logsumexp.op == "read" else None
    masked = stage is None or stage.where is not None
    return g.apply("guarded_mul", x, complement) if masked else x * complement


def _at_a_position(table: StageTable, x: Node, b: Node) -> Node | None:
    """x is scattered to positions: x + b there, b at all others."""
    g = x.graph
    scattered = x.args[0] if x.op == "neg" else x
    stage = _sum_stage(table, scattered)
    if stage is None or stage.reduced or not stage.positions:
        return None
    mapping = dict(zip(stage.out, scattered.args, strict=True))
    places = [(mapping[k], g.substitute(place, mapping)) for k, place in stage.positions]
    onto = {k.value: place for k, place in places if isinstance(k.value, Index)}
    if len(onto) < len(places):
        return None
    where = g.const(True) if stage.where is None else g.substitute(stage.where, mapping)
    body = g.substitute(stage.body, mapping)
    there = g.where(where, body if scattered is x else -body, g.const(0))
    joined = _everywhere(table, there, _product(table, g.substitute(b, onto)))
    if joined is None:
        return None
    return g.where(g.both(where, *(g.apply("eq", k, place) for k, place in places)), joined, b)


@dataclass(frozen=True)
class _Sum:
    """A term that is a sum over one index, at the position where it is read."""

    name: str
    index: Index
    where: Node
    body: Node


def _as_reduction(table: StageTable, node: Node) -> _Sum | None:
    g = node.graph
    read = node.args[0] if node.op == "neg" else node
    stage = _sum_stage(table, read)
    if stage is None or stage.positions or len(stage.reduced) != 1:
        return None
    mapping = dict(zip(stage.out, read.args, strict=True))
    where = g.const(True) if stage.where is None else g.substitute(stage.where, mapping)
    body = g.substitute(stage.body, mapping)
    return _Sum(stage.name, stage.reduced[0], where, body if read is node else -body)


def _two_sums(table: StageTable, x: Node, b: Node) -> Node | None:
    """Sums over the same elements, that meet in each of them."""
    first, second = _as_reduction(table, x), _as_reduction(table, b)
    if first is None or second is None:
        return None
    g = x.graph
    index = second.index
    if (first.index.low, first.index.high) != (index.low, index.high) or index in x.free:
        return None
    onto = {first.index: g.index(index)}
    if g.substitute(first.where, onto) is not second.where:
        return None
    joined = _everywhere(table, g.substitute(first.body, onto), _product(table, second.body))
    return None if joined is None else _summed(table, second, joined)


def _within_a_sum(table: StageTable, x: Node, b: Node) -> Node | None:
    """b is a sum over an index, whose element where the index has the value of one of x meets x."""
    total = _as_reduction(table, b)
    if total is None or not _product(table, total.body).weights:
        return None
    g, index = x.graph, total.index
    for own in sorted(x.free - {index}):
        onto = {index: g.index(own)}
        if (own.low, own.high) != (index.low, index.high) or not _holds(g.substitute(total.where, onto)):
            continue
        joined = _everywhere(table, x, _product(table, g.substitute(total.body, onto)))
        if joined is not None:
            here = g.apply("eq", g.index(index), g.index(own))
            return _summed(table, total, g.where(here, joined, total.body))
    return None


def _summed(table: StageTable, total: _Sum, body: Node) -> Node:
    out = sorted((body.free | total.where.free) - {total.index})
    return table.value(total.name, out, "sum", [total.index], total.where, body)


def _holds(condition: Node) -> bool:
    """Whether a condition on numbers (not NaN) is true by its shape."""
    return all(
        part.value is True or (part.op in ("eq", "le", "ge") and part.args[0] is part.args[1])
        for part in conjuncts(condition)
    )


def _beside_a_sum(table: StageTable, x: Node, b: Node, product: Product) -> Node | None:
    """b = p*sum[c](y), x = -y: their sum is p times the sum of the other y, minus y*(1 - p)."""
    g = x.graph
    own = _product(table, x)
    for weight in product.weights:
        for factor in (f for f in product.above if isinstance(f, Node)):
            stage = _sum_stage(table, factor)
            if stage is None or stage.positions or len(stage.reduced) != 1:
                continue
            (index,) = stage.reduced
            mapping = dict(zip(stage.out, factor.args, strict=True))
            for class_ in sorted(weight.args[0].free - factor.free):
                term = g.where(stage.where or g.const(True), stage.body, g.const(0))
                term = g.substitute(term, {**mapping, index: g.index(class_)})
                whole = product.without(weight).without(factor).times(_product(table, term))
                if own.opposes(whole) and own.conditions == whole.conditions:
                    return _replaced(b, factor, factor - term) + _complemented(table, x, weight)
    return None


def _replaced(product: Node, factor: Node, by: Node) -> Node:
    def stays(node: Node) -> bool:
        return node is factor or node.op not in ("neg", "mul", "guarded_mul", "div", "where")

    new: dict[int, Node] = {}
    for node in reachable([product], stop=stays):
        there = by if node is factor else node
        new[node.id] = there if stays(node) else node.graph.rebuild(node, [new[a.id] for a in node.args])
    return new[product.id]
