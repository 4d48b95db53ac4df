"""The formulas for which section 7 of the language page promises forms that lose nothing.

What rounding may do to a loss is found out by evaluating it, operation by operation, in a precision close to that of
the emitted code.  That would excuse code that computes log(1 + exp(x)) as it is written; so a program is first brought
into the promised forms, each of which counts as one operation.  This table shares nothing with the compiler's rewrite
rules, and decides nothing but tolerances: what is right, the formula as written says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from lossdsl.diagnostics import Span
from lossdsl.meaning.core import Along, Apply, Expr, If, Index, Let, Num, Program, Read, Reduce, Size
from lossdsl.meaning.reference.walk import bottom_up, children, roots


def promised(program: Program) -> Program:
    """The same function, with every promised formula as one function of the language; `program` where it has none."""
    rewriting = _Rewriting(program)
    found = rewriting.program()
    return found if rewriting.changed else program


class _Rewriting:
    """Nodes and bindings of the new program, by `id` of those of the old one."""

    def __init__(self, old: Program) -> None:
        self.old = old
        self.nodes: dict[int, Expr] = {}
        self.lets: dict[int, Let] = {}
        self.changed = False

    def program(self) -> Program:
        for node in bottom_up(roots(self.old)):
            self.nodes[id(node)] = self._rebuilt(node)
        mask = None if self.old.mask is None else self.nodes[id(self.old.mask)]
        lets = tuple(self._binding(let) for let in self.old.lets)
        return replace(self.old, lets=lets, element=self.nodes[id(self.old.element)], mask=mask)

    def _binding(self, let: Let) -> Let:
        """Bindings come before what reads them, so that the nodes of this one are there."""
        if id(let) not in self.lets:
            self.lets[id(let)] = replace(let, expr=self.nodes[id(let.expr)])
        return self.lets[id(let)]

    def _rebuilt(self, node: Expr) -> Expr:
        new = tuple(self.nodes[id(child)] for child in children(node))
        match node:
            case Apply():
                found = _simplest(node.span, node.function, new)
                self.changed |= found.function != node.function or found.args is not new
                return found
            case If():
                return If(node.span, *new)
            case Read(array=Let() as let):
                return replace(node, array=self._binding(let), indices=new)
            case Read():
                return replace(node, indices=new)
            case Reduce():
                where = None if node.where is None else new[0]
                return replace(node, where=where, body=new[-1])
            case Along():
                where = None if node.where is None else new[0]
                return replace(node, where=where, body=new[-2], at=new[-1])
        return node


def _simplest(span: Span, function: str, args: tuple[Expr, ...]) -> Apply:
    """The function applied to the arguments, in its promised form."""

    def made(name: str, *operands: Expr) -> Apply:
        return _simplest(span, name, operands)

    parts = tuple(_formula(arg) for arg in args)
    match function, parts:
        case "log", (("log1p_argument", x),):
            return made("log1p", x)
        case "log", (("sigmoid", x),):
            return made("log_sigmoid", x)
        case "log", (("cosh", x),):
            return made("logcosh", x)
        case "log1p", (("exp", x),):
            return made("softplus", x)
        case "log1p", (("neg", x),) if _formula(x)[0] == "sigmoid":
            return made("log_sigmoid", made("neg", _operand(x)))
        case "sub", (("one", _), ("sigmoid", x)):
            return made("sigmoid", made("neg", x))
        case "sub", (("one", _), ("exp", x)):
            return made("neg", made("expm1", x))
        case "sub", (("exp", x), ("one", _)):
            return made("expm1", x)
        case "div", (("one", _), ("log1p_argument", x)) if _formula(x)[0] == "exp":
            return made("sigmoid", made("neg", _operand(x)))
    return Apply(span, function, args)


def _formula(node: Expr) -> tuple[str, Expr]:
    """(name, operand) of what a node is, looking through bindings: of 1 + x and 1 - x the part beside the 1."""
    seen = _seen(node)
    match seen:
        case Num(value=Fraction(numerator=1, denominator=1)):
            return "one", seen
        case Apply(function="add", args=(a, b)):
            if _formula(a)[0] == "one":
                return "log1p_argument", b
            if _formula(b)[0] == "one":
                return "log1p_argument", a
        case Apply(function="sub", args=(a, b)) if _formula(a)[0] == "one":
            return "log1p_argument", Apply(seen.span, "neg", (b,))
        case Apply(args=(x,)):
            return seen.function, x
    return "other", node


def _operand(node: Expr) -> Expr:
    return _formula(node)[1]


def _seen(node: Expr) -> Expr:
    """What a read of a scalar or elementwise binding stands for, at the positions where it is read."""
    while isinstance(node, Read) and isinstance(node.array, Let):
        inside = _substituted(node.array, node.indices)
        if inside is None:
            return node
        node = inside
    return node


def _substituted(let: Let, indices: tuple[Expr, ...]) -> Expr | None:
    """The formula of a binding at `indices`; None where it binds variables, which can not be bound twice."""
    if not let.vars:
        return let.expr
    nodes = bottom_up([let.expr])
    if any(isinstance(node, Reduce | Along) for node in nodes):
        return None
    positions: Mapping[int, Expr] = {id(var): index for var, index in zip(let.vars, indices, strict=True)}
    new: dict[int, Expr] = {}
    for node in nodes:
        below = tuple(new[id(child)] for child in children(node))
        match node:
            case Index():
                new[id(node)] = positions.get(id(node.var), node)
            case Apply():
                new[id(node)] = replace(node, args=below)
            case If():
                new[id(node)] = If(node.span, *below)
            case Read():
                new[id(node)] = replace(node, indices=below)
            case Num() | Size() | Reduce() | Along():
                new[id(node)] = node
    return new[id(let.expr)]
