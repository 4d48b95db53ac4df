"""One evaluation of a checked program: every node becomes a closure without arguments that yields its value.

Index variables live in one list that the loops write.  One list is enough: a variable is bound once in a program, and
no binding or reduction is evaluated inside itself.  Bindings are evaluated element by element when they are read;
conditionals evaluate the branch taken; left-out elements of reductions are not evaluated.

Evaluation recurses only from Python function to Python function, which costs no C stack, so that the recursion limit
can be raised to what the program needs (no generators, no `map`, no calls with `*` on the way down).

A value is a number (`mpf` or `Dual`), a condition (`bool`), or, for index expressions, a position (`int`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
from mpmath import mpf

from lossdsl.meaning.core import Along, Apply, Arg, Expr, If, Index, Let, Num, Program, Read, Reduce, Size, Var
from lossdsl.meaning.reference.arguments import Arguments, EvaluationError, exact
from lossdsl.meaning.reference.duals import Number, Second, real
from lossdsl.meaning.reference.operations import (
    COMPARISONS,
    CONDITIONS,
    INTEGRAL,
    Code,
    Position,
    applied,
    compared,
    product_of,
)
from lossdsl.meaning.reference.reductions import ALONG, COMBINE, first_extreme
from lossdsl.meaning.reference.scalars import VALUES, Real, is_whole
from lossdsl.meaning.reference.walk import Facts, bound_by, children


class Evaluation:
    """The closures of a program for one binding of its arguments; results are remembered between calls.

    `seeds` replaces the entries of arguments by dual numbers; `keep` says which second derivatives these carry.
    """

    def __init__(
        self,
        program: Program,
        arguments: Arguments,
        seeds: Mapping[str, Sequence[Number]] | None = None,
        keep: Second = "none",
    ) -> None:
        self.program = program
        self.arguments = arguments
        self.seeds = seeds or {}
        self.keep: Second = keep
        self.env: list[int] = []
        self.slots: dict[int, int] = {}
        self.ranges: dict[int, range] = {}
        self.facts = Facts(program)
        self.code: dict[int, Code] = {}
        self.positions: dict[int, Position] = {}
        self.elements: dict[int, Code] = {}
        self._compile_all()

    # ------------------------------------------------------------ what callers ask for

    def number(self, expr: Expr) -> Any:
        with self._deep():
            return self.code[id(expr)]()

    def over(self, variables: Sequence[Var], mask: Expr | None, expr: Expr) -> list[Any]:
        """`expr` at each position of `variables`, in row-major order; None where the mask is false."""
        results = []
        slots = [self.slots[id(var)] for var in variables]
        with self._deep():
            for position in product(*[self.ranges[id(var)] for var in variables]):
                for slot, index in zip(slots, position, strict=True):
                    self.env[slot] = index
                kept = mask is None or self.code[id(mask)]()
                results.append(self.code[id(expr)]() if kept else None)
        return results

    @contextmanager
    def _deep(self) -> Iterator[None]:
        """A node costs at most three frames: its closure, the one that remembers, a comprehension."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + 3 * len(self.code) + 3 * len(self.elements) + 100)
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)

    # ------------------------------------------------------------ compilation

    def _compile_all(self) -> None:
        for var in self.program.free:
            self._bind(var)
        for let in self.program.lets:
            for var in let.vars:
                self._bind(var)
        for node in self.facts.order:
            for var in bound_by(node):
                self._bind(var)
        for node in self.facts.order:
            self._compile(node)

    def _bind(self, var: Var) -> None:
        assert id(var) not in self.slots, f"{var.name} is bound twice"
        self.slots[id(var)] = len(self.env)
        self.env.append(0)
        self.ranges[id(var)] = range(self.arguments.extent(var.low), self.arguments.extent(var.high))

    def _compile(self, node: Expr) -> None:
        code = self._node(node)
        loops = isinstance(node, Reduce | Along)
        if loops or (self.facts.uses[id(node)] > 1 and isinstance(node, Apply | If)):
            code = self._remembered(code, self.facts.free[id(node)])
        self.code[id(node)] = code

    def _remembered(self, code: Code, variables: frozenset[int]) -> Code:
        """`code`, evaluated once for each assignment of the variables (by `id`) that it depends on."""
        env, known, keys = self.env, dict[Any, Any](), [self.slots[var] for var in variables]

        def lookup() -> Any:
            key = tuple([env[slot] for slot in keys])
            if key not in known:
                known[key] = code()
            return known[key]

        return lookup

    def _node(self, node: Expr) -> Code:
        position = self._integral(node)
        if position is not None:
            self.positions[id(node)] = position
            if isinstance(node, Num | Size):
                fixed = mpf(position())
                return lambda: fixed
            return lambda: mpf(position())
        match node:
            case Num():
                return self._constant(node)
            case Read(array=Arg() as arg):
                return self._read_argument(node, arg)
            case Read(array=Let() as let):
                return self._read_binding(node, let)
            case Apply():
                return self._apply(node)
            case If():
                condition, then, otherwise = (self.code[id(child)] for child in children(node))
                return lambda: then() if condition() else otherwise()
            case Reduce():
                return self._reduce(node)
            case Along():
                return self._along(node)
        raise AssertionError(f"{node} is a position")

    # ------------------------------------------------------------ leaves

    def _constant(self, node: Num) -> Code:
        match node.value:
            case "pi":
                value = +mpmath.pi
            case "inf" | "-inf":
                value = mpf(node.value)
            case fraction:
                value = exact(fraction)
        return lambda: value

    def _integral(self, node: Expr) -> Position | None:
        """A node that is a whole number by its form, as a closure that yields an `int`."""
        match node:
            case Num(value=Fraction(denominator=1) as number):
                whole = int(number)
                return lambda: whole
            case Index():
                env, slot = self.env, self.slots[id(node.var)]
                return lambda: env[slot]
            case Size():
                size = self.arguments.extent(node.extent)
                return lambda: size
            case Apply() if node.function in INTEGRAL and all(id(arg) in self.positions for arg in node.args):
                function, parts = INTEGRAL[node.function], [self.positions[id(arg)] for arg in node.args]
                if len(parts) == 1:
                    only = parts[0]
                    return lambda: function(only())
                left, right = parts
                return lambda: function(left(), right())
        return None

    def _position(self, expr: Expr) -> Position:
        """An index expression: a position by its form, or a number that must be whole when it is evaluated."""
        if id(expr) in self.positions:
            return self.positions[id(expr)]
        code, span = self.code[id(expr)], expr.span

        def position() -> int:
            number = real(code())
            if number != number or not is_whole(number):
                raise EvaluationError(span, f"{number} is not a position")
            return int(number)

        return position

    def _place(self, node: Read, axes: Sequence[range]) -> Callable[[], tuple[int, ...]]:
        """The checked absolute positions that a read asks for."""
        if len(axes) != len(node.indices):
            raise EvaluationError(node.span, f"{node.array.name} is read with {len(node.indices)} indices")
        parts = list(zip([self._position(index) for index in node.indices], axes, strict=True))
        name, span = node.array.name, node.span

        def place() -> tuple[int, ...]:
            found = tuple([position() for position, _ in parts])
            for index, (_, axis) in zip(found, parts, strict=True):
                if index not in axis:
                    raise EvaluationError(span, f"{name}{list(found)} is out of range: {index} is not in {axis}")
            return found

        return place

    def _read_argument(self, node: Read, arg: Arg) -> Code:
        tensor = self.arguments.tensors[arg.name]
        entries = self.seeds.get(arg.name, tensor.entries)
        if not node.indices:
            entry = entries[0]
            return lambda: entry
        place, shape = self._place(node, [range(size) for size in tensor.shape]), tensor.shape

        def read() -> Number:
            flat = 0
            for index, size in zip(place(), shape, strict=True):
                flat = flat * size + index
            return entries[flat]

        return read

    def _element(self, let: Let) -> Code:
        """The code of a binding's element, at the position that the list of variables holds."""
        if id(let) not in self.elements:
            variables = frozenset(id(var) for var in let.vars)
            self.elements[id(let)] = self._remembered(self.code[id(let.expr)], variables)
        return self.elements[id(let)]

    def _read_binding(self, node: Read, let: Let) -> Code:
        element = self._element(let)
        if not node.indices:
            return element
        env, slots = self.env, [self.slots[id(var)] for var in let.vars]
        place = self._place(node, [self.ranges[id(var)] for var in let.vars])

        def read() -> Any:
            found = place()
            for slot, index in zip(slots, found, strict=True):
                env[slot] = index
            return element()

        return read

    # ------------------------------------------------------------ scalar functions and conditions

    def _apply(self, node: Apply) -> Code:
        name, args = node.function, [self.code[id(arg)] for arg in node.args]
        if name in COMPARISONS:
            if all(id(arg) in self.positions for arg in node.args):
                return compared(name, *(self.positions[id(arg)] for arg in node.args))
            return compared(name, *args)
        if name in CONDITIONS:
            return CONDITIONS[name](*args)
        if name == "mul":
            left, right = (id(arg) in self.facts.logarithmic for arg in node.args)
            return applied(name, product_of(left, right), args, self.keep)
        return applied(name, VALUES[name], args, self.keep)

    # ------------------------------------------------------------ loops

    def _gathered(self, node: Reduce | Along, variables: Sequence[Var]) -> Callable[[], list[Any]]:
        """The body at each position, None where the condition is false."""
        env, slots = self.env, [self.slots[id(var)] for var in variables]
        ranges = [self.ranges[id(var)] for var in variables]
        body = self.code[id(node.body)]
        where = None if node.where is None else self.code[id(node.where)]

        def gather() -> list[Any]:
            elements = []
            for position in product(*ranges):
                for slot, index in zip(slots, position, strict=True):
                    env[slot] = index
                elements.append(body() if where is None or where() else None)
            return elements

        return gather

    def _reduce(self, node: Reduce) -> Code:
        gather, op, keep = self._gathered(node, node.vars), node.op, self.keep
        if op in ("argmax", "argmin"):
            return self._first_extreme(node, gather)

        def reduce() -> Any:
            elements = [element for element in gather() if element is not None]
            if op == "any":
                return True in elements
            if op == "all":
                return False not in elements
            return COMBINE[op](elements, keep)

        return reduce

    def _first_extreme(self, node: Reduce, gather: Callable[[], list[Any]]) -> Code:
        """argmax and argmin: the position of one variable."""
        (var,) = node.vars
        positions, op, span = self.ranges[id(var)], node.op, node.span

        def find() -> Real:
            kept = [(index, e) for index, e in zip(positions, gather(), strict=True) if e is not None]
            if not kept:
                raise EvaluationError(span, f"{op} over nothing")
            return mpf(kept[first_extreme(op, [element for _, element in kept])][0])

        return find

    def _along(self, node: Along) -> Code:
        gather, combine, keep = self._gathered(node, (node.var,)), ALONG[node.op], self.keep
        whole = self._remembered(lambda: combine(gather(), keep), self.facts.along(node))
        axis, at, span = self.ranges[id(node.var)], self._position(node.at), node.at.span

        def element() -> Number:
            index = at()
            if index not in axis:
                raise EvaluationError(span, f"{index} is not in {axis}")
            return whole()[index - axis.start]

        return element
