"""What one row of the table of scalar functions says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Function:
    """One scalar function: everything that lossdsl knows about it.

    `derivative`, where given, takes (o, x, y, ...) and returns one partial derivative per argument, built with the
    operators + - * / ** and unary minus, and with `o.NAME(...)` for any function of the table, `o.where(c, a, b)`, and
    the conditions `o.eq o.lt o.le o.gt o.ge` (of two), `o.both o.either` (of two conditions).  The same text builds
    nodes of the compiler and SymPy expressions, so that a test can prove it equal to what SymPy derives.  It says what
    the derivative is at kinks, and is stable in floating point wherever the function is.  Where it is None, SymPy derives.
    """

    name: str
    arity: int | None
    """None: two or more arguments (max, min)."""
    sympy: Callable[..., Any]
    """The definition, from SymPy expressions (real symbols) to a SymPy expression; imports SymPy when called."""
    oracle: Callable[..., Any]
    """The value by mpmath at the working precision, edge cases included; raises nothing, gives nan or +-inf instead."""
    numpy: str
    """Template over the arguments: `np.exp({0})`, `_sigmoid({0})`.  Infix rows: `{0} + {1}`."""
    torch: str
    domain: tuple[tuple[float, float], ...]
    """Closed interval per argument outside which the value is NaN."""
    range: tuple[float, float]
    derivative: Callable[..., tuple[Any, ...]] | None = None
    kinks: tuple[float, ...] = ()
    """Arguments at which the derivative is a convention."""
    monotone: Literal[-1, 0, 1] = 0
    """+1 nondecreasing, -1 nonincreasing in its argument over the whole domain, 0 neither (or not unary)."""
    curvature: Literal["convex", "concave", "affine", "none"] = "none"
    precedence: int = 100
    """As Python binds the template: 100 call, 70 power, 65 unary minus, 60 product, 50 sum, 40 comparison, 35 not, 30 and, 20 or."""
    numpy_helpers: tuple[str, ...] = ()
    """Names of functions of the NumPy prelude that the template calls; the emitted file carries their text."""
    torch_helpers: tuple[str, ...] = ()
    latex: str = ""
    """Template over the LaTeX of the arguments; empty: \\operatorname{name}(...)."""
    finite_derivative: bool = False
    """True if every partial derivative is finite wherever the arguments are finite (within the domain)."""
    result: Literal["real", "bool", "int", "same"] = "real"
    source: str = ""
    """Where the value and its conventions are defined."""
    surface: bool = True
    """False for functions that only the compiler writes (derivatives, guarded products)."""
