"""The checked tree of a loss, rewritten for a linear model: links inside, and a weight for each example.

On the way out: every prediction and learned hyperparameter that has a link is an argument without a domain, of the same
name, read through the link; with weights, the element of the outermost sum or mean is multiplied by `weight` of its
example.  What is not touched is shared with the program it comes from.  The compiler differentiates the result as it
does any program, so that links are simplified with the loss (`log(exp(z))` is z) and second derivatives are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lossdsl.fitting.links import Link, Made
from lossdsl.fitting.rows import row_variable
from lossdsl.meaning import core
from lossdsl.meaning.reference.walk import bottom_up, roots

if TYPE_CHECKING:
    from lossdsl.compiled import NumpyLoss

WEIGHT = "sample_weight"


@dataclass(frozen=True)
class Variant:
    """What is asked for: links by the name of the argument, and weights along the axis `weights`, if any.

    With `count` the element is 1, so that the sum of the elements is the total weight that the mask keeps.
    """

    links: tuple[tuple[str, Link], ...] = ()
    weights: str | None = None
    count: bool = False


@dataclass(frozen=True)
class Code:
    """Generated functions, and the names that their parameters have for the names of the loss."""

    functions: NumpyLoss
    names: Mapping[str, str]

    def keywords(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by the names of parameters."""
        return {self.names[name]: value for name, value in values.items()}


@lru_cache(maxsize=64)
def compiled(program: core.Program, variant: Variant) -> Code:
    """The NumPy code of the rewritten program.  Its `predict` takes linear predictors, as everything else does."""
    from lossdsl.backends import registry
    from lossdsl.backends.interface import Interface
    from lossdsl.compiled import NumpyLoss

    made = rewritten(program, variant)
    interface = Interface(made)
    functions = NumpyLoss(registry.emit("numpy", [made]), interface.name)
    return Code(functions, {arg.name: interface.arg_names[arg.name] for arg in made.args})


def weight_name(program: core.Program) -> str:
    """The name of the argument for weights: one that the loss does not use."""
    name = WEIGHT
    while any(arg.name == name for arg in program.args):
        name += "_"
    return name


def rewritten(program: core.Program, variant: Variant) -> core.Program:
    """The program with links and weights."""
    links = {name: link for name, link in variant.links if link.kind != "identity"}
    args = tuple(_free(arg) if arg.name in links else arg for arg in program.args)
    rewriting = _Rewriting(program, args, links)
    lets = tuple(rewriting.let(let) for let in program.lets)
    one = core.Num(program.element.span, Fraction(1))
    element = rewriting.made.keep(one, "int") if variant.count else rewriting.expression(program.element)
    mask = None if program.mask is None else rewriting.expression(program.mask)
    if variant.weights is not None:
        weight, element = _weighted(program, variant.weights, element, rewriting.made)
        args = _inserted(args, weight)
    result = replace(program, args=args, lets=lets, element=element, mask=mask, kinds={})
    kinds = program.kinds | rewriting.made.kinds
    every = [*roots(result), *rewriting.guards]
    return replace(result, kinds={id(node): kinds[id(node)] for node in bottom_up(every)})


def _free(arg: core.Arg) -> core.Arg:
    """The linear predictor of an argument: any number.  Where the argument may be left out, so may the predictor."""
    return replace(arg, domain=(), domain_text="", whole=False, default=None, default_text="")


def _inserted(args: tuple[core.Arg, ...], weight: core.Arg) -> tuple[core.Arg, ...]:
    """The arguments with the weights before all data that may be left out, as the order of parameters wants it."""
    optional = [k for k, arg in enumerate(args) if arg.role == "data" and arg.default is not None]
    at = optional[0] if optional else len(args)
    return (*args[:at], weight, *args[at:])


def _weighted(program: core.Program, axis: str, element: core.Expr, made: Made) -> tuple[core.Arg, core.Expr]:
    row = row_variable(program, axis)
    assert row is not None, "weights are given to losses whose examples are not coupled"
    span = element.span
    nonnegative = (core.Alternative("interval", low=Fraction(0)),)
    axes = (core.Extent("size", name=axis),)
    weight = core.Arg(weight_name(program), "data", axes, nonnegative, None, False, span, ">= 0")
    at = made.keep(core.Index(span, row), "int")
    read = made.keep(core.Read(span, weight, (at,), True))
    return weight, made.apply("mul", read, element)


class _Rewriting:
    """Nodes, bindings and arguments of a program by what they become."""

    def __init__(self, program: core.Program, args: tuple[core.Arg, ...], links: Mapping[str, Link]) -> None:
        self.program, self.links = program, links
        self.args = {arg.name: arg for arg in args}
        self.lets: dict[int, core.Let] = {}
        self.done: dict[int, core.Expr] = {}
        self.made = Made()
        self.guards: list[core.Expr] = []

    def let(self, let: core.Let) -> core.Let:
        expr = self.expression(let.expr)
        self.lets[id(let)] = let if expr is let.expr else replace(let, expr=expr)
        return self.lets[id(let)]

    def expression(self, root: core.Expr) -> core.Expr:
        for node in bottom_up([root]):
            if id(node) not in self.done:
                self.done[id(node)] = self._node(node)
        return self.done[id(root)]

    def _node(self, node: core.Expr) -> core.Expr:
        match node:
            case core.Read():
                return self._read(node)
            case core.Apply(args=args):
                new = tuple(self.done[id(a)] for a in args)
                return node if _same(new, args) else self._kept(node, replace(node, args=new))
            case core.If(condition=condition, then=then, otherwise=otherwise):
                parts = self.done[id(condition)], self.done[id(then)], self.done[id(otherwise)]
                if _same(parts, (condition, then, otherwise)):
                    return node
                return self._kept(node, core.If(node.span, *parts))
            case core.Reduce(body=body, where=where):
                new_body, new_where = self.done[id(body)], None if where is None else self.done[id(where)]
                if new_body is body and new_where is where:
                    return node
                return self._kept(node, replace(node, body=new_body, where=new_where))
            case core.Along(body=body, where=where, at=at):
                new_body, new_where = self.done[id(body)], None if where is None else self.done[id(where)]
                if new_body is body and new_where is where and self.done[id(at)] is at:
                    return node
                return self._kept(node, replace(node, body=new_body, where=new_where, at=self.done[id(at)]))
        return node

    def _read(self, node: core.Read) -> core.Expr:
        indices = tuple(self.done[id(i)] for i in node.indices)
        guards = tuple((self.expression(condition), truth) for condition, truth in node.guards)
        self.guards += [condition for condition, _ in guards]
        array = node.array
        if isinstance(array, core.Let):
            array = self.lets[id(array)]
        else:
            array = self.args[array.name]
        unchanged = array is node.array and _same(indices, node.indices)
        if unchanged and _same([g for g, _ in guards], [g for g, _ in node.guards]):
            return node
        read = self._kept(node, core.Read(node.span, array, indices, node.safe, guards))
        link = self.links.get(array.name) if isinstance(array, core.Arg) else None
        return read if link is None else link.formula(read, self.args, self.made)

    def _kept(self, old: core.Expr, new: core.Expr) -> core.Expr:
        return self.made.keep(new, self.program.kinds[id(old)])


def _same(new: list[core.Expr] | tuple[core.Expr, ...], old: list[core.Expr] | tuple[core.Expr, ...]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))
