"""Loss programs drawn at random over the whole language, as text, with inputs that fit them.

A `Writer` draws expressions and conditions that fit the arrays and index variables it knows;
`random_items.draw_program` makes whole programs of them.  Most texts resolve; a few do not (an index that inlining
leaves unused), and whoever uses them skips these.

An *exact* program uses operations that are exact on small dyadic numbers only, so that ties and kinks at its inputs
are ties and kinks in floating point, too.  Inputs are multiples of 1/64, which float32 holds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["real", "positive", "mask", "label", "condition", "position"]
IGNORED = -100


@dataclass(frozen=True)
class Drawn:
    """A program with a loss `f`, the inputs of one call, and whether it is exact."""

    text: str
    inputs: dict[str, Any]
    exact: bool

    def record(self) -> dict[str, Any]:
        """As JSON: arrays by shape and entries in order, since nested lists of nothing have no shape."""
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in self.inputs.items()}
        inputs = {name: {"shape": list(a.shape), "entries": a.ravel().tolist()} for name, a in arrays.items()}
        return {"text": self.text, "exact": self.exact, "inputs": inputs}

    @staticmethod
    def of(record: dict[str, Any]) -> Drawn:
        inputs = {name: np.array(a["entries"]).reshape(a["shape"])[()] for name, a in record["inputs"].items()}
        return Drawn(record["text"], inputs, record["exact"])


@dataclass(frozen=True)
class Array:
    """Something that can be read: an argument or a binding; `target` is the axis that its labels or positions are on.

    `plain` means made of predictions and hyperparameters only, as `predict` asks for.
    """

    name: str
    axes: tuple[str, ...]
    kind: Kind = "real"
    target: str = ""
    ignores: bool = False
    plain: bool = False
    role: str = "local"


@dataclass(frozen=True)
class Scope:
    """The index variables that are bound, each with its axis, and the label reads known not to be ignored."""

    variables: tuple[tuple[str, str], ...] = ()
    granted: frozenset[str] = frozenset()

    def bind(self, pairs: Sequence[tuple[str, str]], granted: frozenset[str] = frozenset()) -> Scope:
        return Scope((*self.variables, *pairs), self.granted | granted)

    def grant(self, reads: frozenset[str]) -> Scope:
        return Scope(self.variables, self.granted | reads)


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = words(
    """
    x y z w a_b pred target q r2 margin np dt out value seed grads group names t sum_x at_n given like_x vector_x
    total_x peak_x hess_x grad_x shape element ties_x others_x log_x array reduced arguments d_x number_n x_2 t_2 f_hvp
    kept like direction class lambda from match type self float math torch print int_ Any ŷ α δ β_1 _u seed_ out_ np_
    X1 I
    """
)
"""Ordinary names, names that occur in emitted code, keywords, and names beyond ASCII."""

AXES = words("n c d k i j m rest reduction value_n vector size_x b at np_axis")
VARIABLES = words("i j k p u v l h s i_2 n_2 at_i")
SMOOTH = words("sigmoid tanh sin cos atan softplus log_sigmoid erf erfc normal_cdf normal_logcdf logcosh relu abs")
ON_POSITIVE = words("sqrt log log2 log10 lgamma digamma log1p")
ON_UNIT = words("logit asin acos atan sinh cosh tan expm1 exp log1p")
STEPS = words("floor round sign")
SUMS = words("sum mean max min prod logsumexp norm")
NUMBERS = words("0 1 2 3 0.5 -1 1.5 0.25 -2 1_0 1e0")
INEXACT = words("0.1 pi 1/3 0.7 1e-3")


@dataclass
class Writer:
    """Writes one program; every choice comes from `rng`."""

    rng: random.Random
    exact: bool = False
    arrays: list[Array] = field(default_factory=list)
    axes: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    calls: list[Callable[[Scope, int], str | None]] = field(default_factory=list)
    free_names: list[str] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)
    """Axes without a position."""

    # ------------------------------------------------------------ choices

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def one_of(self, *options: Callable[[], str]) -> str:
        return self.rng.choice(options)()

    def name(self) -> str:
        return self.free_names.pop() if self.free_names else f"v{self.rng.randrange(10**6)}"

    def number(self) -> str:
        return self.rng.choice(NUMBERS if self.exact else (*NUMBERS, *INEXACT))

    def mentions(self, text: str, variable: str) -> bool:
        """Whether the text reads at the variable, by its name or by the bare name of an array that has its axis."""
        if re.search(rf"(?<!\w){re.escape(variable)}(?!\w)", text):
            return True
        bare = [a.name for a in self.arrays if variable in a.axes]
        return any(re.search(rf"(?<!\w){re.escape(name)}(?![\w\[])", text) for name in bare)

    # ------------------------------------------------------------ reads

    def position(self, axis: str, scope: Scope, depth: int = 1) -> str | None:
        """Something that is a position of the axis."""
        variables = [v for v, a in scope.variables if a == axis]
        if variables and self.chance(75):
            return self.rng.choice(variables)
        options: list[str] = []
        if not axis.endswith("'"):
            options += ["0", "-1"] if axis not in ("..", *self.empty) else []
            if variables and axis != "..":
                options += [f"{self.size(axis)}-1-{variables[0]}", f"mod({variables[0]}+1, {self.size(axis)})"]
        for array in self.arrays:
            if array.kind in ("label", "position") and array.target == axis and depth:
                read = self.read(array, scope, depth - 1)
                if read is not None and (not array.ignores or read in scope.granted):
                    options += [read] * 3
        if not options:
            return self.rng.choice(variables) if variables else None
        return self.rng.choice(options)

    def size(self, axis: str) -> str:
        return axis if axis.isdigit() else f"size({axis})"

    def read(self, array: Array, scope: Scope, depth: int = 1) -> str | None:
        """An element of the array, with indices or by its bare name; None where the scope has no position for it."""
        if not array.axes:
            return array.name
        bound = dict(scope.variables)
        if all(bound.get(a) == a for a in array.axes) and len(set(array.axes)) == len(array.axes) and self.chance(40):
            return array.name
        positions = [self.position(a, scope, depth) for a in array.axes]
        if any(p is None for p in positions):
            return None
        return f"{array.name}[{', '.join(p for p in positions if p is not None)}]"

    def some_read(self, scope: Scope, kinds: tuple[Kind, ...] = ("real", "positive", "mask", "label")) -> str:
        """A read of some array as a number; a number where nothing can be read."""
        for _ in range(6):
            candidates = [a for a in self.arrays if a.kind in kinds]
            if not candidates:
                break
            heavy = [a for a in candidates if a.kind in ("real", "positive")]
            array = self.rng.choice(heavy if heavy and self.chance(80) else candidates)
            text = self.read(array, scope)
            if text is not None:
                return text
        return self.number()

    # ------------------------------------------------------------ expressions

    def leaf(self, scope: Scope) -> str:
        roll = self.rng.randrange(100)
        if roll < 70:
            return self.some_read(scope)
        if roll < 80 and scope.variables:
            return self.rng.choice([v for v, _ in scope.variables if v != ".."] or ["2"])
        if roll < 85:
            return self.size(self.rng.choice(self.axes or ["2"]))
        return self.number()

    def expr(self, scope: Scope, depth: int) -> str:
        """A number."""
        if depth <= 0 or self.chance(12):
            return self.leaf(scope)
        d = depth - 1
        options: list[Callable[[], str]] = [
            lambda: self.binary(scope, d),
            lambda: self.binary(scope, d),
            lambda: self.binary(scope, d),
            lambda: self.power(scope, d),
            lambda: self.unary(scope, d),
            lambda: self.unary(scope, d),
            lambda: self.reduction(scope, d),
            lambda: self.reduction(scope, d),
            lambda: self.conditional(scope, d),
            lambda: f"[{self.condition(scope, d)}]",
            lambda: self.elementwise(scope, d),
            lambda: self.guarded_read(scope, d),
            lambda: self.along(scope, d),
        ]
        if not self.exact:
            options += [lambda: self.idiom(scope, d), lambda: self.idiom(scope, d), lambda: self.quotient(scope, d)]
        if self.calls:
            options += [lambda: self.call(scope, d)] * 2
        return self.one_of(*options)

    def brackets(self, text: str) -> str:
        return f"({text})" if self.chance(70) else text

    def binary(self, scope: Scope, d: int) -> str:
        left, right = self.expr(scope, d), self.expr(scope, d)
        return f"({self.brackets(left)} {self.rng.choice('+-*+-*·')} {self.brackets(right)})"

    def quotient(self, scope: Scope, d: int) -> str:
        return f"({self.expr(scope, d)})/{self.positive(scope, d)}"

    def power(self, scope: Scope, d: int) -> str:
        base = f"({self.expr(scope, d)})"
        if self.exact:
            return base + self.rng.choice(["^2", "²", "**2", "^3", "^1", "^0"])
        return self.one_of(
            lambda: base + self.rng.choice(["^2", "²", "³", "**2", "^3", "^0"]),
            lambda: f"{self.positive(scope, d)}^{self.rng.choice(['0.5', '-1', '-2', '(1/3)', '2.5', '-0.5'])}",
            lambda: f"{self.positive(scope, d)}^({self.leaf(scope)})",
            lambda: f"|{self.expr(scope, d)}|^{self.rng.choice(['2.5', '2', '3'])}",
            lambda: f"{self.rng.choice(['2', '0.5', 'pi'])}^tanh({self.expr(scope, d)})",
        )

    def positive(self, scope: Scope, d: int) -> str:
        """A number above 0, in brackets."""
        inner = self.expr(scope, d)
        options = [f"({inner})^2 + 0.25", f"|{inner}| + 0.5"]
        if not self.exact:
            options += [f"exp(tanh({inner}))", f"softplus({inner}) + 0.1", f"sigmoid({inner})"]
        return f"({self.rng.choice(options)})"

    def unary(self, scope: Scope, d: int) -> str:
        inner = self.expr(scope, d)
        if self.exact:
            wrapped = [
                f"-{inner}",
                f"-({inner})",
                f"|{inner}|",
                f"relu({inner})",
                f"stop_gradient({inner})",
                f"+{inner}",
            ]
            return self.rng.choice([*wrapped, f"{self.rng.choice(STEPS)}({inner})", f"clip({inner}, -1, 1)"])
        return self.one_of(
            lambda: f"-({inner})",
            lambda: f"|{inner}|",
            lambda: f"{self.rng.choice(SMOOTH)}({inner})",
            lambda: f"{self.rng.choice(SMOOTH)}({inner})",
            lambda: f"{self.rng.choice(ON_POSITIVE)}{self.positive(scope, d)}",
            lambda: f"{self.rng.choice(ON_UNIT)}({self.rng.choice(['0.5 + 0.4', '0.9'])}*tanh({inner}))",
            lambda: f"{self.rng.choice(STEPS)}({inner})",
            lambda: f"stop_gradient({inner})",
            lambda: f"√{self.positive(scope, d)}",
        )

    def elementwise(self, scope: Scope, d: int) -> str:
        a, b = self.expr(scope, d), self.expr(scope, d)
        shared = [f"max({a}, {b})", f"min({a}, {b})", f"max({a}, {b}, 0)", f"clip({a}, {self.number()}, {b})",
                  f"min({a}, {b}, {self.leaf(scope)})", f"mod({a}, 2)"]  # fmt: skip
        if self.exact:
            return self.rng.choice(shared)
        inexact = [f"logaddexp({a}, {b})", f"atan2({a}, {b} + 0.1)", f"xlogy({a}, {self.positive(scope, 0)})"]
        return self.rng.choice(shared + inexact)

    def conditional(self, scope: Scope, d: int) -> str:
        """A choice; sometimes its condition guards a function that is undefined in the other branch."""
        if not self.exact and self.chance(40):
            x = self.expr(scope, d)
            unsafe = self.rng.choice(
                [f"log({x})", f"sqrt({x})", f"1/({x})", f"({x})^0.3", f"({x})^-1.5", f"lgamma({x})"]
            )
            return f"({unsafe} if {x} > 0 else {self.expr(scope, d)})"
        condition, granted = self.guard(scope, d)
        return f"({self.expr(scope.grant(granted), d)} if {condition} else {self.expr(scope, d)})"

    def guarded_read(self, scope: Scope, d: int) -> str:
        """x[i+1] where it is in range: zero padding, by a branch or by `where`."""
        pairs = [(v, a) for v, a in scope.variables if a in self.axes and not a.isdigit() and a != ".."]
        pairs = [(v, a) for v, a in pairs if any(x.axes == (a,) for x in self.arrays)]
        if not pairs:
            return self.expr(scope, d)
        v, axis = self.rng.choice(pairs)
        x = self.rng.choice([x.name for x in self.arrays if x.axes == (axis,) and x.kind != "condition"] or ["0*" + v])
        if x.startswith("0*"):
            return x
        if self.chance(50):
            return self.one_of(
                lambda: f"({x}[{v}+1] if {v}+1 < size({axis}) else {self.leaf(scope)})",
                lambda: f"({x}[{v}-1] if {v} > 0 else 0)",
                lambda: f"(0 if {v} < 2 or {v} >= size({axis}) else {x}[{v}-2])",
            )
        k = self.fresh_variable(scope)
        body = f"{self.leaf(scope.bind([(k, '3')]))}*{x}[{v}+{k}-1]"
        return f"{self.rng.choice(['sum', 'mean', 'max'])}[{k} in 3 where 0 <= {v}+{k}-1 < size({axis})]({body})"

    def idiom(self, scope: Scope, d: int) -> str:
        """Formulas that the stability rules look for."""
        a, b = self.expr(scope, d), self.leaf(scope)
        small = f"tanh({a})"
        options = [
            f"log(1 + exp({small}))", f"(1 - sigmoid({a}))", f"1/(1 + exp(-{small}))", f"log(sigmoid({a}))",
            f"exp({small})/(1 + exp({small}))", f"exp({small})/(exp({small}) + exp({b}))", f"log(cosh({small}))",
            f"(exp({small}) - 1)", f"sigmoid({a})^{self.rng.choice(['2', '0.5', '1.5', '(1 + 1)'])}",
            f"(sqrt(1 + ({small})^2) - 1)", f"log(1 - {self.rng.choice(['0.5*', ''])}sigmoid({a}))",
            f"sigmoid({a})*log(sigmoid({a}))", f"log((exp({small})*{b})^2 + 0.5)", f"log(normal_cdf({a}))",
            f"({b}*log(sigmoid({a})) + (1 - {b})*log(1 - sigmoid({a})))", f"log(exp({a})/(1 + exp({b})))",
        ]  # fmt: skip
        if not self.axes or self.chance(50):
            return self.rng.choice(options)
        pairs, binders = self.new_variables(scope, 1)
        inner = scope.bind(pairs)
        v = pairs[0][0]
        e, weight = self.using(v, inner, d), self.leaf(inner)
        outer = self.leaf(scope)
        reductions = [
            f"log(sum[{binders}](exp({e})))", f"exp({outer})/(sum[{binders}](exp({e})) + exp({outer}))",
            f"sqrt(sum[{binders}](({e})^2) + 0.1)", f"sum[{binders}]({weight}*exp({e})/(1 + exp({e})))",
            f"log(sum[{binders}](exp({e})*sigmoid({weight})) + 1)", f"log(mean[{binders}](exp({e})) + 0.1)",
        ]  # fmt: skip
        return self.rng.choice(reductions)

    # ------------------------------------------------------------ reductions

    def fresh_variable(self, scope: Scope) -> str:
        taken = {v for v, _ in scope.variables} | {a.name for a in self.arrays} | set(self.axes)
        free = [v for v in VARIABLES if v not in taken]
        return self.rng.choice(free) if free else f"i{self.rng.randrange(10**6)}"

    def new_variables(self, scope: Scope, most: int = 2) -> tuple[list[tuple[str, str]], str]:
        """Fresh variables with their axes, and how they are bound."""
        pairs: list[tuple[str, str]] = []
        texts = []
        for _ in range(1 + (most > 1 and self.chance(25))):
            inner = scope.bind(pairs)
            axis = self.rng.choice(self.axes)
            bound = {v for v, _ in inner.variables}
            if axis == ".." and ".." in bound:
                continue
            if not axis.isdigit() and axis not in bound and (axis == ".." or self.chance(60)):
                pairs.append((axis, axis))
                texts.append(axis)
            else:
                v = self.fresh_variable(inner)
                axis = axis if axis != ".." else "2"
                pairs.append((v, axis))
                texts.append(f"{v} in {axis}")
        if not pairs:
            v = self.fresh_variable(scope)
            pairs, texts = [(v, "2")], [f"{v} in 2"]
        return pairs, ", ".join(texts)

    def using(self, variable: str, scope: Scope, depth: int) -> str:
        """An expression that mentions the variable."""
        text = self.expr(scope, depth)
        if self.mentions(text, variable):
            return text
        axis = dict(scope.variables)[variable]
        readable = [a for a in self.arrays if axis in a.axes and a.kind not in ("condition", "position")]
        for array in self.rng.sample(readable, len(readable)):
            only = Scope(tuple((v, a) for v, a in scope.variables if a != axis or v == variable), scope.granted)
            read = self.read(array, only)
            if read is not None and self.mentions(read, variable):
                return f"({text})*{read}"
        return f"({text}) + 0.5*{variable}" if variable != ".." else f"({text})"

    def where(self, scope: Scope, depth: int, percent: int = 40) -> tuple[str, frozenset[str]]:
        if not self.chance(percent):
            return "", frozenset()
        condition, granted = self.guard(scope, depth)
        return f" where {condition}", granted

    def reduction(self, scope: Scope, d: int) -> str:
        if not self.axes:
            return self.expr(scope, d)
        pairs, binders = self.new_variables(scope)
        inner = scope.bind(pairs)
        op = self.rng.choice(["sum", "max", "min", "prod"] if self.exact else SUMS)
        where, granted = self.where(inner, min(d, 1))
        body = self.expr(inner.grant(granted), d)
        for v, _ in pairs:
            if not self.mentions(body + where, v):
                body = f"({body})*({self.using(v, inner.grant(granted), 0)})"
        if where and len(pairs) == 1 and self.chance(12):
            return f"count[{binders}{where} and {self.using(pairs[0][0], inner, 0)} > 0]"
        if op == "norm":
            body = f"{body} + 0.3"  # a norm of 0 has no second derivative
        return f"{op}[{binders}{where}]({body})"

    def along(self, scope: Scope, d: int) -> str:
        """softmax, log_softmax or cumsum along a variable of the scope."""
        candidates = [v for v, a in scope.variables if a in self.axes and v != ".."]
        if not candidates:
            return self.expr(scope, d)
        v = self.rng.choice(candidates)
        where, granted = self.where(scope, 0, 30)
        op = "cumsum" if self.exact else self.rng.choice(["softmax", "log_softmax", "cumsum"])
        return f"{op}[{v}{where}]({self.using(v, scope.grant(granted), d)})"

    # ------------------------------------------------------------ conditions

    def guard(self, scope: Scope, depth: int) -> tuple[str, frozenset[str]]:
        """A condition, and the label reads that it shows not to be ignored."""
        ignoring = [a for a in self.arrays if a.ignores]
        if ignoring and self.chance(50):
            read = self.read(self.rng.choice(ignoring), scope, 0)
            if read is not None:
                rest = f" and {self.condition(scope, 0)}" if self.chance(30) else ""
                return f"{read} != {IGNORED}{rest}", frozenset({read})
        return self.condition(scope, depth), frozenset()

    def condition(self, scope: Scope, depth: int) -> str:
        named = [a for a in self.arrays if a.kind == "condition"]
        if named and self.chance(25):
            read = self.read(self.rng.choice(named), scope)
            if read is not None:
                return read
        d = min(depth - 1, 1)
        options: list[Callable[[], str]] = [
            lambda: (
                f"{self.expr(scope, d)} {self.rng.choice(['<', '<=', '>', '>=', '==', '!=', '≤', '≥', '≠'])} "
                f"{self.leaf(scope)}"
            ),
            lambda: f"{self.leaf(scope)} > 0",
            lambda: f"-1 < {self.leaf(scope)} <= {self.leaf(scope)}",
            lambda: f"{self.leaf(scope)} in {self.rng.choice(['[0, 1)', '{0, 1}', '(-1, inf)'])}",
        ]
        masks = [a for a in self.arrays if a.kind == "mask"]
        if masks:
            options += [lambda: f"{self.some_read(scope, ('mask',))} == 1"] * 3
        if len(scope.variables) > 1 and all(v != ".." for v, _ in scope.variables):
            options += [lambda: " != ".join(v for v, _ in self.rng.sample(scope.variables, 2))] * 2
            options += [lambda: " < ".join(v for v, _ in self.rng.sample(scope.variables, 2))] * 2
        if depth > 0:
            options += [
                lambda: f"({self.condition(scope, d)} {self.rng.choice(['and', 'or'])} {self.condition(scope, d)})",
                lambda: f"not ({self.condition(scope, d)})",
            ]
            if self.axes:
                options.append(lambda: self.quantified(scope, d))
        return self.one_of(*options)

    def quantified(self, scope: Scope, d: int) -> str:
        pairs, binders = self.new_variables(scope, 1)
        inner = scope.bind(pairs)
        where, _ = self.where(inner, 0, 30)
        body = f"{self.using(pairs[0][0], inner, 0)} > {self.leaf(inner)}"
        return f"{self.rng.choice(['any', 'all'])}[{binders}{where}]({body})"

    # ------------------------------------------------------------ calls

    def call(self, scope: Scope, d: int) -> str:
        text = self.rng.choice(self.calls)(scope, d)
        return text if text is not None else self.expr(scope, d)
