"""A loss as the analysis looks at it: lowered as written, with numbers for hyperparameters and optional data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from lossdsl.boosting.intervals import Interval, of_arguments
from lossdsl.boosting.substitution import Substitution, reads
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.lower import Lowered, lower
from lossdsl.meaning.core import Alternative, Arg, Program


@dataclass(frozen=True)
class View:
    """`numbers` are the values of hyperparameters, of `learn` ones and of data that have a default."""

    program: Program
    numbers: Mapping[str, Fraction]

    @cached_property
    def lowered(self) -> Lowered:
        """The formula as written, no stability rule applied."""
        return lower(self.program, rewrite=False)

    @property
    def element(self) -> Node:
        return self.lowered.element

    @cached_property
    def predictions(self) -> tuple[Arg, ...]:
        return tuple(a for a in self.program.args if a.role == "prediction")

    @cached_property
    def data(self) -> tuple[Arg, ...]:
        """Data that have to be given."""
        return tuple(a for a in self.program.args if a.role == "data" and a.name not in self.numbers)

    @cached_property
    def settings(self) -> dict[str, Fraction]:
        """The numbers of arguments without axes; those with axes have their defaults."""
        return {a.name: self.numbers[a.name] for a in self.program.args if a.name in self.numbers and not a.axes}

    def argument(self, name: str) -> Arg:
        return next(a for a in self.program.args if a.name == name)

    @cached_property
    def single(self) -> Node:
        """The element of one row; of a loss that is linear in sums over rows, the share of one row."""
        if self.lowered.free or self.lowered.mask is not None or not self.predictions:
            return self.element
        share = OneRow(self.lowered, frozenset(a.name for a in self.predictions)).of(self.element)
        return self.element if share is None else share

    @cached_property
    def elementwise(self) -> tuple[Arg, tuple[Arg, ...]] | None:
        """The prediction and the data of an element, if it reads one element of each; None otherwise."""
        if len(self.predictions) != 1 or self.lowered.mask is not None:
            return None
        nodes = reachable([self.single])
        table = self.lowered.table
        if any(n.op == "read" and n.value in table.stages for n in nodes):
            return None
        places: dict[str, set[tuple[Node, ...]]] = {}
        for node in nodes:
            if node.op == "read":
                places.setdefault(str(node.value), set()).add(node.args)
        if any(len(found) > 1 for found in places.values()) or self.predictions[0].name not in places:
            return None
        own = next(iter(places[self.predictions[0].name]))
        if not self._is_row(own):
            return None
        data = tuple(a for a in self.data if a.name in places)
        if len(data) < len(self.data) or any(self._differs(a, own, places) for a in data):
            return None
        return self.predictions[0], data

    def _is_row(self, place: tuple[Node, ...]) -> bool:
        """Whether a position is that of the row: the free indices, or the one row of a sum over rows."""
        if self.lowered.free:
            return all(a.op == "index" for a in place) and tuple(a.value for a in place) == self.lowered.free
        return all(a.is_value(0) for a in place)

    def _differs(self, arg: Arg, own: tuple[Node, ...], places: Mapping[str, set[tuple[Node, ...]]]) -> bool:
        return next(iter(places[arg.name])) != own

    @property
    def subject(self) -> str:
        """What the facts are about."""
        if self.elementwise is not None:
            arg = self.elementwise[0]
            inside = f" inside its domain ({arg.domain_text})" if arg.domain else ""
            return f"the loss of one element, as a function of {arg.name}{inside}"
        names = " and ".join(a.name for a in self.predictions)
        return f"the loss as a function of {names}"


class OneRow:
    """The share of one row in a number that is linear in sums over rows, all with the same divisor.

    A sum over rows stands for its body at row 0, and the number of rows for 1: up to a positive factor, the number of
    rows or 1, the loss is the sum of these shares.
    """

    def __init__(self, lowered: Lowered, names: frozenset[str]) -> None:
        self.table, self.graph, self.names = lowered.table, lowered.graph, names
        self.divisors: set[frozenset[str]] = set()

    def of(self, node: Node) -> Node | None:
        """The share; None where there is none."""
        share = self._share(node, frozenset())
        return share if len(self.divisors) == 1 else None

    def _share(self, node: Node, sizes: frozenset[str]) -> Node | None:
        if not reads(self.table, node, self.names):
            return node if not _sizes(node) and not self._has_stages(node) else None
        match node.op:
            case "add" | "sub" | "neg":
                parts = [self._share(a, sizes) for a in node.args]
                return None if None in parts else self.graph.apply(node.op, *(p for p in parts if p is not None))
            case "mul" | "div" if sum(reads(self.table, a, self.names) for a in node.args) == 1:
                return self._scaled(node, sizes)
            case "read":
                return self._body(node, sizes)
        return None

    def _has_stages(self, node: Node) -> bool:
        return any(n.op == "read" and n.value in self.table.stages for n in reachable([node]))

    def _scaled(self, node: Node, sizes: frozenset[str]) -> Node | None:
        args: list[Node] = []
        for arg in node.args:
            if reads(self.table, arg, self.names):
                share = None if arg is node.args[1] and node.op == "div" else self._share(arg, sizes | self._own(node))
                if share is None:
                    return None
                args.append(share)
            elif self._has_stages(arg):
                return None
            else:
                args.append(Substitution(self.table, self._one).of(arg))
        return self.graph.apply(node.op, *args)

    def _own(self, node: Node) -> frozenset[str]:
        """The sizes that a factor is made of."""
        return frozenset(s for a in node.args if not reads(self.table, a, self.names) for s in _sizes(a))

    def _one(self, node: Node, args: Sequence[Node]) -> Node | None:
        return self.graph.const(1) if node.op == "extent" else None

    def _body(self, node: Node, sizes: frozenset[str]) -> Node | None:
        stage = self.table.stages.get(str(node.value))
        if stage is None or stage.op != "sum" or stage.out or stage.positions or _sizes(stage.body):
            return None
        if any(n.op != "read" and any(a.op == "index" for a in n.args) for n in reachable([stage.body])):
            return None  # a row is not only where things are read, but a number
        self.divisors.add(sizes)
        first = {index: self.graph.const(0) for index in stage.reduced}
        body = self.graph.substitute(stage.body, first)
        if stage.where is None:
            return body
        return self.graph.where(self.graph.substitute(stage.where, first), body, self.graph.const(0))


def _sizes(node: Node) -> frozenset[str]:
    """The lengths of axes that a number is made of."""
    return frozenset(str(n.value) for n in reachable([node]) if n.op == "extent")


def view(program: Program, given: Mapping[str, float]) -> View:
    """The loss at these hyperparameters and data; those that are left out take their defaults, or a number of their
    domain.  Raises ValueError for a name that is no hyperparameter."""
    settable = {a.name for a in program.args if not a.axes and (a.role in ("hyper", "learn") or a.default is not None)}
    unknown = sorted(set(given) - settable)
    if unknown:
        raise ValueError(f"{program.name} has no hyperparameter {unknown[0]!r}, only {', '.join(sorted(settable))}")
    numbers: dict[str, Fraction] = {}
    around = of_arguments(program)
    for arg in program.args:
        if arg.name in given:
            numbers[arg.name] = _given(arg, Fraction(str(given[arg.name])), around)
        elif isinstance(arg.default, Fraction):
            numbers[arg.name] = arg.default
        elif arg.role in ("hyper", "learn"):
            numbers[arg.name] = _chosen(arg, around[arg.name].low, around[arg.name].high)
    return View(program, numbers)


def _given(arg: Arg, value: Fraction, around: Mapping[str, Interval]) -> Fraction:
    """A number that is in the domain of its hyperparameter; ends that are hyperparameters are taken far out."""
    if arg.domain and not any(_is_in(part, value, around) for part in arg.domain):
        raise ValueError(f"{arg.name} must be {arg.domain_text}, not {float(value):.6g}")
    return value


def _is_in(part: Alternative, value: Fraction, around: Mapping[str, Interval]) -> bool:
    match part.kind:
        case "set":
            return value in part.values
        case "nonzero":
            return value != 0
        case "axis":
            return value >= 0 and value.denominator == 1

    def end(at: Fraction | str, low: bool) -> Fraction | float:
        if isinstance(at, Fraction) or at in ("inf", "-inf"):
            return at if isinstance(at, Fraction) else float(at)
        return around[at].low if low else around[at].high

    low, high = end(part.low, True), end(part.high, False)
    above = value > low or (value == low and not part.low_open)
    return above and (value < high or (value == high and not part.high_open))


def _chosen(arg: Arg, low: Fraction | float, high: Fraction | float) -> Fraction:
    """A number of the domain of a hyperparameter that has no default, or an infinite one."""
    if arg.domain and arg.domain[0].kind == "set":
        return arg.domain[0].values[0]
    if isinstance(low, Fraction) and isinstance(high, Fraction):
        return (low + high) / 2
    if isinstance(low, Fraction):
        return low + 1
    return high - 1 if isinstance(high, Fraction) else Fraction(1)
