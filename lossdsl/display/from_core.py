"""A checked loss as formulas, as its author wrote it but for `def`s, which are written out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lossdsl.display.conjunction import conjunction
from lossdsl.display.formula import (
    Apply,
    Binder,
    Choice,
    Definition,
    Element,
    Formula,
    Number,
    Reduction,
    Sheet,
    Symbol,
    extent_formula,
)
from lossdsl.display.names import Names, letters_after
from lossdsl.meaning import core
from lossdsl.meaning.core import Var


def loss_sheet(program: core.Program) -> Sheet:
    """The bindings and the value; if the outermost mean or sum was written, the last definition has no indices."""
    return _Reader(program).sheet()


def formulas(program: core.Program) -> dict[int, Formula]:
    """The formula of every expression of the loss, by the identity of the expression."""
    reader = _Reader(program)
    reader.sheet()
    return reader.done


class _Reader:
    def __init__(self, program: core.Program) -> None:
        self.program = program
        self.names = Names(program)
        self.lets = {id(let): self.names.fresh(str(let.name)) for let in program.lets}
        self.vars: dict[Var, str] = {}
        self.done: dict[int, Formula] = {}

    def sheet(self) -> Sheet:
        program = self.program
        definitions = []
        for let in program.lets:
            self._name_all(let.vars, let.expr)
            definitions.append(Definition(self.lets[id(let)], self._binders(let.vars), self._formula(let.expr)))
        self._name_all(program.free, program.element, *([program.mask] if program.mask is not None else []))
        value = self._formula(program.element)
        mask = None if program.mask is None else self._formula(program.mask)
        if program.free and program.reduction is not None and is_reduction_written(program):
            value, mask = Reduction(program.reduction, self._binders(program.free), mask, value), None
            definitions.append(Definition(program.name, (), value))
        else:
            definitions.append(Definition(program.name, self._binders(program.free), value, mask))
        names = [*(str(arg.name) for arg in program.args), *self.lets.values()]
        return Sheet(definitions, dict.fromkeys(names, ()))

    # ------------------------------------------------------------ names of indices

    def _binders(self, variables: Sequence[Var]) -> tuple[Binder, ...]:
        return tuple(Binder(self.vars[v], v.low, v.high) for v in variables)

    def _name_all(self, variables: Sequence[Var], *roots: core.Expr) -> None:
        """A name for every variable bound in the expressions, unlike those in whose scope it is."""
        scope: tuple[str, ...] = ()
        for var in variables:
            scope = (*scope, self._name(var, scope))
        stack = [(root, scope) for root in reversed(roots)]
        seen: set[int] = set()
        while stack:
            node, scope = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            inner = scope
            match node:
                case core.Reduce(vars=bound):
                    for var in bound:
                        inner = (*inner, self._name(var, inner))
                case core.Along(var=var, at=core.Index(var=place)) if place in self.vars:
                    self.vars[var] = self.vars[place]
                case core.Along(var=var):
                    inner = (*inner, self._name(var, inner))
            stack.extend((child, inner) for child in reversed(_children(node)))

    def _name(self, var: Var, scope: Sequence[str]) -> str:
        if var not in self.vars:
            used = {*scope, *self.names.bound}
            self.vars[var] = next(n for n in (str(var.name), *letters_after(str(var.name))) if n not in used)
        return self.vars[var]

    # ------------------------------------------------------------ expressions

    def _formula(self, root: core.Expr) -> Formula:
        """By a loop, since sums may be thousands of terms deep."""
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [child for child in _children(node) if id(child) not in self.done]
            if missing and id(node) not in self.done:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if id(node) not in self.done:
                self.done[id(node)] = self._node(node)
        return self.done[id(root)]

    def _node(self, node: core.Expr) -> Formula:
        parts = tuple(self.done[id(child)] for child in _children(node))
        match node:
            case core.Num(value=value):
                return Number(value)
            case core.Index(var=var):
                return Symbol(self.vars[var])
            case core.Size(extent=extent):
                return extent_formula(extent)
            case core.Read(array=core.Let() as let):
                return Element(self.lets[id(let)], parts)
            case core.Read(array=core.Arg() as arg):
                return Element(str(arg.name), parts)
            case core.Apply(function="and"):
                return conjunction(parts[0], parts[1])
            case core.Apply(function=function):
                return Apply(function, parts)
            case core.If():
                return Choice(*parts)
            case core.Reduce(op=op, vars=bound, where=where):
                return Reduction(op, self._binders(bound), None if where is None else parts[0], parts[-1])
        assert isinstance(node, core.Along)
        along = Reduction(node.op, self._binders((node.var,)), None if node.where is None else parts[0], parts[-2])
        if isinstance(node.at, core.Index) and self.vars[node.at.var] == self.vars[node.var]:
            return along
        return Apply("at", (along, Apply("eq", (Symbol(self.vars[node.var]), parts[-1]))))


def _children(node: core.Expr) -> tuple[core.Expr, ...]:
    match node:
        case core.Read(indices=indices):
            return indices
        case core.Apply(args=args):
            return args
        case core.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case core.Reduce(where=where, body=body):
            return (body,) if where is None else (where, body)
        case core.Along(where=where, body=body, at=at):
            return (body, at) if where is None else (where, body, at)
    return ()


def is_reduction_written(program: core.Program) -> bool:
    """Whether the text has the outermost mean or sum, or leaves it to `reduction`."""
    before = program.span.source.text[program.span.start : program.element.span.start]
    result = before.rpartition("return")[2]
    return re.search(r"\b(mean|sum)\b|[Σ∑]", result) is not None
