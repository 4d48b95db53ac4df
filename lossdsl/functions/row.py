"""What one row of the table of scalar functions says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Notation = Literal["numpy", "torch", "latex"]

INF = float("inf")
REAL = (-INF, INF)
CONDITION = (0.0, 1.0)
"""The domain of an argument that is a condition."""


@dataclass(frozen=True)
class Function:
    """One scalar function: everything that lossdsl knows about it.

    `derivative`, where given, takes (o, x, y, ...) and returns one partial derivative per argument, built with the
    operators + - * / ** and unary minus, whole numbers and `Fraction`s, the constant `o.pi`, and with `o.NAME(...)`
    for any function of the table, `o.where(c, a, b)`, and the conditions `o.eq o.lt o.le o.gt o.ge` (of two),
    `o.both o.either` (of two conditions).  A partial derivative may itself be a plain number (0 or 1).  The same text
    builds nodes of the compiler and SymPy expressions, so that a test can prove it equal to what SymPy derives.  It
    says what the derivative is at kinks, and is stable in floating point wherever the function is.  Where it is None,
    SymPy derives (`lossdsl.functions.derived`).
    """

    name: str
    arity: int | None
    """None: two or more arguments (max, min)."""
    sympy: Callable[..., Any]
    """The definition, from SymPy expressions (real symbols) to a SymPy expression; imports SymPy when called."""
    oracle: Callable[..., Any]
    """The value by mpmath at the working precision, edge cases included; raises nothing, gives nan or +-inf instead."""
    numpy: str
    """Template over the arguments: `np.exp({0})`, `_sigmoid({0})`.  Infix rows: `{0} + {1}`.

    Of a variadic row, a template over two arguments is folded from the left; `{args}` stands for all of them.  Text
    of arguments in a call template stands between brackets or commas, so that only infix rows need parentheses.
    """
    torch: str
    """As `numpy`; needs nothing but `import torch`.  One argument or more are tensors, others may be numbers."""
    domain: tuple[tuple[float, float], ...]
    """Closed interval per argument outside which the value is NaN; one for all arguments of a variadic row."""
    range: tuple[float, float]
    derivative: Callable[..., tuple[Any, ...]] | None = None
    kinks: tuple[float, ...] = ()
    """Arguments at which the derivative is a convention."""
    monotone: Literal[-1, 0, 1] = 0
    """+1 nondecreasing, -1 nonincreasing in its argument over the whole domain, 0 neither (or not unary)."""
    curvature: Literal["convex", "concave", "affine", "none"] = "none"
    precedence: int = 100
    """As Python binds the template: 100 call, 70 power, 65 unary minus, 60 product, 50 sum, 46 `&`, 42 `|`,
    40 comparison, 35 not, 30 and, 20 or."""
    numpy_helpers: tuple[str, ...] = ()
    """Names of functions of the NumPy prelude that the template calls; the emitted file carries their text."""
    torch_helpers: tuple[str, ...] = ()
    torch_autograd_safe: bool = True
    """Autograd through the torch text gives the derivative that this row states, at kinks and saturated arguments too:
    finite where it is finite, right to the precision of the dtype absolutely (autograd's own formulas, such as y*(1-y)
    for sigmoid, may lose relative digits)."""
    latex: str = ""
    """Template over the LaTeX of the arguments; empty: \\operatorname{name}(...)."""
    finite_derivative: bool = False
    """True if every partial derivative is finite wherever the arguments are finite (within the domain)."""
    result: Literal["real", "bool", "int", "same"] = "real"
    """`int`: whole numbers, held as floats; `same`: whole where all arguments are."""
    source: str = ""
    """Where the value and its conventions are defined."""
    surface: bool = True
    """True where a `.loss` file calls the function by its name.  False for operators, and for functions that only the
    compiler writes (derivatives, guarded products)."""
    display: Callable[..., Any] | None = None
    """Of an internal row: the function it stands for, in exact arithmetic, written with surface functions as
    `derivative` is; for people to read and for `lossdsl grad` to print."""
    ulps: float = 4.0
    """Bound on the error of either back end, in ulps of the exact value at the given floats, over the whole domain."""
    conditioned: bool = False
    """True if the bound is that many ulps times max(1, the condition number |x f'(x) / f(x)|) instead."""

    def text(self, notation: Notation, args: Sequence[str]) -> str:
        """The template filled in; the caller has put the parentheses that `precedence` asks for around arguments."""
        match notation:
            case "numpy":
                template = self.numpy
            case "torch":
                template = self.torch
            case "latex":
                named = "\\operatorname{{" + self.name.replace("_", "\\_") + "}}"
                template = self.latex or named + "\\left({args}\\right)"
        if "{args}" in template:
            return template.format(args=", ".join(args))
        if self.arity is not None:
            return template.format(*args)
        folded = args[0]
        for arg in args[1:]:
            folded = template.format(folded, arg)
        return folded

    def domain_of(self, position: int) -> tuple[float, float]:
        """The domain of one argument."""
        return self.domain[0] if self.arity is None else self.domain[position]
