"""The sentences of the language reference, one small program each.

Every value and gradient here was computed by hand from the sentence; the interpreter, NumPy code and both forms of
PyTorch code have to give it.
"""

from __future__ import annotations

from math import e, inf, log, log1p, pi
from typing import Any, NamedTuple

import numpy as np
import pytest

import lossdsl
from lossdsl.meaning.interpret import Interpreter

torch = pytest.importorskip("torch")


class Case(NamedTuple):
    """A loss, its inputs, its value, and the gradient with respect to its first prediction."""

    text: str
    inputs: dict[str, Any]
    value: Any
    gradient: Any = None


def of(signature: str, *lines: str, before: str = "") -> str:
    """A loss `f` whose last line is returned."""
    *statements, result = lines
    return f"{before}\nloss f({signature}):\n" + "".join(f"    {line}\n" for line in (*statements, f"return {result}"))


def called(signature: str, *lines: str) -> str:
    """A loss `g`, for `f` to call."""
    return of(signature, *lines).replace("loss f(", "loss g(")


X = [1.0, -2.0, 3.0]
XS = {"x": X}
Z = [[1.0, 2.0], [3.0, 5.0]]
ZS = {"z": Z}
UNIT = "def unit(x[d])[d] = x[d]/norm[d](x[d])\n"
DIST = "def dist(p[n, d])[n, m] = sum[d]((p[n, d] - p[m, d])^2)\n"

FILES = {
    "lines break in brackets and bars": Case(of("x[n],", "sum[n](\n|x\n-\n1|,\n)"), XS, 5, [0, -1, 1]),
    "trailing commas, unary plus, underscores in numbers": Case(of("x[n,]; k = 1,", "sum[n,](+x*1_000 + k)"), XS, 2003),
    "names of letters of any script": Case(of("ŷ[n]; α = 2, δ_1 = 1", "sum[n](α*ŷ + δ_1)"), {"ŷ": X}, 7, [2, 2, 2]),
    "names are normalised": Case(of("x[n]; ﬁt = 2", "sum[n](fit*x)"), XS, 4, [2, 2, 2]),
    "superscripts are powers": Case(of("x[n]", "sum[n](x²·x³ − √x²)"), {"x": [1.0, 2.0]}, 30, [4, 79]),
    "comments": Case(of("x[n]", "y = x  # two", "# three", "sum[n](y)  # four", before="# one"), XS, 2),
    "docstrings": Case('"""of\nthe file\\"""\n' + of("x[n]", '"of the \\n block"', "y = 2*x", "sum[n](y)"), XS, 4),
    "keywords of Python are names": Case(of("x[n]; lambda = 2", "class = lambda*x", "sum[n](class)"), XS, 4),
    "an item of a catalogue under another name": Case(
        of("x[n] | y[n]", "squared(x | y)", before="use regression: huber, mse as squared"),
        {**XS, "y": [0, 0, 0]},
        14 / 3,
    ),
}
ITEMS = {
    "equal names are equal sizes, sized axes": Case(of("z[n, 2], x[n]", "sum[n](x*z[n, 0])"), {**ZS, "x": [2, 3]}, 11),
    "any number of axes": Case(of("x[..] | y[..]", "mean[..]((x - y)^2)"), {"x": Z, "y": [[0, 0], [0, 0]]}, 39 / 4),
    "no axes for any number": Case(of("x[..] | y[..]", "(x - y)^2"), {"x": 3.0, "y": 1}, 4, 4),
    "axes before a named one": Case(of("z[.., c] | k[..] in c", "sum[..](z[.., k[..]])"), {"z": [Z, Z], "k": [[0, 1], [1, 1]]}, 13),
    "a default is broadcast": Case(of("x[n] | w[n] = 2", "sum[n](w*x)"), XS, 4, [2, 2, 2]),
    "labels of any dtype": Case(of("z[n, c] | k[n] in c", "sum[n](z[n, k[n]])"), {**ZS, "k": np.array([1.0, 0.0])}, 5),
    "labels that are booleans": Case(of("z[n, c] | k[n] in c", "sum[n](z[n, k[n]])"), {**ZS, "k": [True, False]}, 5),
    "a union": Case(
        of("z[n, c] | k[n] in c or {-100}", "sum[n where k[n] != -100](z[n, k[n]])"), {**ZS, "k": [-100, 1]}, 5, [[0, 0], [0, 1]]
    ),
    "bounds are earlier hyperparameters": Case(of("x[n]; a = 1, b > a = 2", "sum[n](b*x)"), {**XS, "a": 2, "b": 3}, 6),
    "a scalar argument is mapped": Case(
        of("x[n]", "sum[n](h(x; 2))", before="def h(r; d > 0) = r^2/2 if |r| <= d else d*(|r| - d/2)"), XS, 6.5, [1, -2, 2]
    ),
    "arguments with axes": Case(
        of("a[i, d], b[j, d]", "sum[i, j](sqdist(a, b)[i, j])", before="def sqdist(x[n,d], y[m,d])[n,m] = sum[d]((x[n,d] - y[m,d])^2)"),
        {"a": Z, "b": [[0.0, 0.0]]}, 39, [[2, 4], [6, 10]],
    ),
    "hyperparameters stand in any order": Case(of("x[n]; a = 1, b > a", "sum[n](a*b*x)"), {**XS, "b": 2}, 4),
    "required data behind an optional prediction": Case(of("x[n] = 2 | y[n]", "sum[n](x*y)"), {"x": [3.0], "y": [4]}, 12, [4]),
    "a loss is called with its bars": Case(
        of("p[n] | t[n]; a = 0.5", "a*g(p | t; d = 2*a) + (1 - a)*g(p | t)", before=called("x[n] | y[n]; d = 3", "mean[n](d*(x - y))")),
        {"p": [4.0, 6.0], "t": [0, 0]}, 10,
    ),
    "hyperparameters by position": Case(
        of("p[n]; a = 2", "g(p; a)", before=called("x[n]; d = 3", "sum[n](d*x)")), {"p": X}, 4
    ),
    "called losses have their value as written": Case(
        of("p[n]", "sum[n](n*g(p))", before=called("x[n]", "x^2")), {"p": X}, 22, [0, -4, 12]
    ),
    "a block in a def": Case(of("x[n]", "sum[n](d(x))", before="def d(a):\n    b = 2*a\n    return b*a\n"), XS, 28, [4, -8, 12]),
    "indices inside are hygienic": Case(
        of("z[n, m]", "sum[n, m](total(z[n, :])*m)", before="def total(m[n]) = sum[n](m[n]^2)\n"), ZS, 39
    ),
    "names of the caller": Case(of("a[i, d]", "u = unit(a)", "sum[i](u[i, 0])", before="def unit(x[n, d])[n, d] = x[n, d]/norm[d](x[n, d])\n"), {"a": [[3.0, 4.0]]}, 0.6),
    "an output that is no axis is named": Case(of("z[i, d]", "sum[i, j](dist(z)[i, j])", before=DIST), ZS, 26, [[-8, -12], [8, 12]]),
    "a colon hands over an axis": Case(of("w[c, k, d]", "sum[c, k](unit(w[c, k, :])[1])", before=UNIT), {"w": [[[3.0, 4.0]], [[4.0, 3.0]]]}, 1.4),
}  # fmt: skip

BLOCKS = {
    "the order that all reads agree on": Case(of("x[n, c] | w[c]", "y = w[c]*x[n, c]", "sum[n](y[n, 0] - y[n, 1])"), {"x": Z, "w": [1, 10]}, -66),
    "explicit indices give the order": Case(of("z[n, c]", "t[c, n] = z[n, c]", "t[0, 1] - t[1, 0]"), ZS, 1, [[0, -1], [1, 0]]),
    "a range known from elsewhere": Case(of("x[n] | y[m]", "d[n, m] = x[n]", "sum[n, m](d*y)"), {**XS, "y": [1, 10]}, 22, [11, 11, 11]),
    "a binding of a condition": Case(of("x[n]", "k[n] = x[n] > 0", "sum[n where k[n]](x) + sum[n]([not k[n]]) + (1 if all[n](k[n]) else 5)"), XS, 10, [1, 0, 1]),
    "inner positions are absolute": Case(of("x[n]", "d[i] = x[i+1] - x[i]", "sum[i](i*d[i])"), XS, 5, [0, -1, 1]),
    "positions that begin at one": Case(of("x[n]", "d[i] = x[i] - x[i-1]", "sum[i](i*d[i])"), XS, 7, [-1, -1, 2]),
    "unpacking": Case(of("b[n, 4]", "x1, y1, x2, y2 = b[n, :]", "sum[n]((x2 - x1)*(y2 - y1))"), {"b": [[0.0, 1.0, 3.0, 5.0]]}, 12, [[-4, -3, 4, 3]]),
}  # fmt: skip

INDICES = {
    "a bare name": Case(of("z[n, m] | w[n]", "sum[n, m](z*w)"), {**ZS, "w": [1, 2]}, 19, [[1, 1], [2, 2]]),
    "a range from its use": Case(of("z[a, b]", "sum[i, j](z[j, i]*i)"), ZS, 7, [[0, 1], [0, 1]]),
    "whole numbers": Case(of("z[n, m]", "sum[n](z[n, 0]*z[n, -1])"), ZS, 17, [[2, 1], [5, 3]]),
    "a call that is indexed": Case(of("z[n, d]", "sum[n](unit(z[n, :])[0]^2)", before=UNIT), {"z": [[3.0, 4.0]]}, 0.36),
    "gathers": Case(of("x[n] | k[m] in n", "sum[m](x[k[m]]^2)"), {**XS, "k": [2, 2, 0]}, 19, [2, 0, 12]),
    "gathers by expressions": Case(of("x[n] | k[m] in n", "sum[m](x[max(k[m] - 1, 0)])"), {**XS, "k": [2, 0]}, -1, [1, 1, 0]),
    "offsets": Case(of("x[t]", "sum[t](x[t+1]*x[t-1])"), XS, 3, [3, 0, 1]),
    "windows": Case(of("x[n], w[a]", "sum[i](sum[a](w[a]*x[i+a]))"), {**XS, "w": [1.0, 10.0]}, 9, [1, 11, 10]),
    "multiples": Case(of("x[n]", "sum[i](x[2*i] - x[2*i+1])"), {"x": [1.0, 2.0, 5.0, 7.0, 9.0]}, -3, [1, -1, 1, -1, 0]),
    "axes with an offset need not be equal": Case(of("x[n], y[m]", "sum[i](x[i+1]*y[i])"), {**XS, "y": [1.0, 2.0, 3.0, 4.0]}, 4),
    "an outer variable is not restricted by reads of an inner one": Case(
        of("x[n] | w[a]", "sum[k](w[k]*sum[t](x[t]*x[t+k]))"), {"x": [1.0, -2.0, 3.0, 5.0], "w": [1, 10]}, 14 + 10 * 7, [-18, -2 * 2 + 40, 6 + 30, 30]
    ),
    "zero padding": Case(of("x[n] | w[a]", "sum[i](x[i]*sum[a where 0 <= i+a-1 < size(i)](w[a]*x[i+a-1]))"), {**XS, "w": [1, 10, 100]}, (10 - 200) - 2 * (1 - 20 + 300) + 3 * (-2 + 30)),
    "a number with the range of its axis": Case(of("z[n, c] | k[n] in c", "sum[n, c](z*[k[n] == c])"), {**ZS, "k": [1, 0]}, 5, [[0, 1], [1, 0]]),
    "a range where it is bound": Case(of("x[n]; bins = 4", "sum[b in 3](b) + sum[b in bins](b*x[0])"), {**XS, "bins": 3}, 6, [3, 0, 0]),
    "a range of a binding": Case(of("x[n]; lo = 1, hi = 3, bins = 3", "edge[b in bins] = lo + b*(hi - lo)/(bins - 1)", "sum[b](edge[b]*x[b])"), XS, 6, [1, 2, 3]),
    "siblings": Case(of("x[n], y[m]", "sum[i](x[i]) + sum[i](y[i])"), {**XS, "y": [5.0]}, 7),
    "an index is a number": Case(of("x[n]", "sum[i, j where i < j]((i - j)^2*x[i]*x[j]) + sum[i](i*x[i])"), XS, -2 + 12 - 6 + 4, [10, 5, 4]),
    "size": Case(of("z[n, c]", "sum[n, c](z)/(size(n)*size(c))"), ZS, 2.75),
    "the union of the free indices": Case(of("x[n], y[m]", "sum[n, m](x - y)"), {**XS, "y": [1.0, 10.0]}, 2 * 2 - 33),
}  # fmt: skip

EXPRESSIONS = {
    "powers bind to the right and before minus": Case(of("x", "-x^2^3 + 2**-x"), {"x": 1.0}, -0.5),
    "precedence": Case(of("x", "[not x > 1 and x > 0 or x == 5]*(1 + 2*x - 6/x/2) - -x*2"), {"x": 1.0}, 2),
    "chains": Case(of("x[n]", "sum[n](x*[0 < x <= 3 != 2])"), XS, 4, [1, 0, 1]),
    "sets": Case(of("x[n]", "sum[n](x*[x in {1, 3}] + [x in [-2, 1)] + [x in (-2, 1)])"), XS, 5),
    "a whole number of an axis": Case(of("z[n, c] | k[n]", "sum[n where k[n] in c](k[n])"), {**ZS, "k": [1, 2]}, 1),
    "conditionals nest to the right": Case(of("x[n]", "sum[n](1 if x < 0 else 2 if x < 2 else 4)"), XS, 7),
    "bars": Case(of("a[n], b[n]", "sum[n](||a| - |b||)"), {"a": [1.0, -2.0], "b": [-4.0, 1.0]}, 4, [-1, -1]),
    "bars in a call": Case(of("a[n] | b[n]", "g(|a| | |b|)", before=called("x[n] | y[n]", "sum[n](x*y)")), {"a": [-2.0], "b": [-3]}, 6, [-3]),
    "symbols": Case(of("x[n]; k ≤ 3 = 2", "Σ[n where x ≥ 1 and x ≠ 3](k·x × 2 − x²) + [1 ∈ [0, ∞)]"), XS, 4, [2, 0, 0]),
    "a root takes the next atom": Case(of("x", "√x² + 2*√(x + 5)*√|x|"), {"x": 4.0}, 16, 1 + 1 / 3 * 2 + 3 / 2),
    "a branch that is not taken does not leak": Case(of("x[n]", "sum[n](log(x) if x > 0 else x*0)"), {"x": [e, 0.0, -1.0]}, 1, [1 / e, 0, 0]),
    "constants": Case(of("x", "x*pi/(1/inf + 1)"), {"x": 2.0}, 2 * pi, pi),
    "stop_gradient": Case(of("x", "x*stop_gradient(x)"), {"x": 3.0}, 9, 3),
    "clip and its bounds": Case(of("x[n]", "sum[n](clip(x, -2, 2))"), {"x": [-3.0, -2.0, 1.0, 2.0, 5.0]}, 1, [0, 1, 1, 1, 0]),
    "floor, round and mod": Case(of("x[n]", "sum[n](floor(x) + round(x) + mod(x, 2) + mod(x, -2))"), {"x": [2.5, -0.5]}, (2 + 2 + 0.5 - 1.5) + (-1 + 0 + 1.5 - 0.5), [2, 2]),
    "max and min of several": Case(of("x[n]", "sum[n](max(x, 0, 2) - min(x, 1))"), {"x": [0.5, -2.0, 3.0]}, 2 + 2 + 3 - (0.5 - 2 + 1), [-1, -1, 1]),
}  # fmt: skip

REDUCTIONS = {
    "sum": Case(of("x[n]", "sum[n](x) + 0"), XS, 2, [1, 1, 1]),
    "mean": Case(of("x[n]", "mean[n](x) + 0"), XS, 2 / 3, [1 / 3] * 3),
    "prod": Case(of("x[n]", "prod[n](x)"), XS, -6, [-6, 3, -2]),
    "max and min": Case(of("x[n]", "max[n](x) - min[n](x)"), XS, 5, [0, -1, 1]),
    "logsumexp": Case(of("x[n]", "logsumexp[n](x)"), {"x": [log(1), log(3)]}, log(4), [0.25, 0.75]),
    "norm": Case(of("x[n]", "norm[n](x)"), {"x": [3.0, -4.0]}, 5, [0.6, -0.8]),
    "any, all and count": Case(of("x[n]", "[any[n](x > 2)] + [all[n](x > 2)] + count[n](x > 0) + count[n where x > 0]"), XS, 5, [0, 0, 0]),
    "argmax and argmin": Case(of("x[n]", "10*argmax[n](x) + argmin[n](x) + x[argmax[n](x)]"), XS, 24, [0, 0, 1]),
    "softmax": Case(of("x[n]", "p = softmax[n](x)", "p[1]"), {"x": [log(1), log(3)]}, 0.75, [-0.1875, 0.1875]),
    "log_softmax": Case(of("x[n]", "p = log_softmax[n](x)", "p[1]"), {"x": [log(1), log(3)]}, log(0.75), [-0.25, 0.25]),
    "cumsum": Case(of("x[n]", "c = cumsum[n](x)", "sum[n](n*c[n])"), XS, 3, [3, 3, 2]),
    "softmax where": Case(of("x[n]", "p[n] = softmax[n where x > 0](x)", "p[0] + 10*p[1]"), {"x": [1.0, -2.0, 1.0]}, 0.5, [0.25, 0, -0.25]),
    "log_softmax where": Case(of("x[n]", "p[n] = log_softmax[n where x > 0](x)", "1/p[1] + p[0]"), {"x": [1.0, -2.0, 1.0]}, -log(2), [0.5, 0, -0.5]),
    "cumsum where": Case(of("x[n]", "c[n] = cumsum[n where x > 0](x)", "c[0] + 10*c[1] + 100*c[2]"), XS, 411, [111, 0, 100]),
    "brackets left out": Case(of("z[n, c]", "mean(z^2)"), ZS, 39 / 4, [[0.5, 1], [1.5, 2.5]]),
    "what no enclosing reduction binds": Case(of("z[n, c]", "sum[n](n*max(z))"), ZS, 5, [[0, 0], [0, 1]]),
    "several indices": Case(of("z[n, c]", "max[n, c where n != c](z)"), ZS, 3, [[0, 0], [1, 0]]),
    "left out elements are not evaluated": Case(of("x[n]", "mean[n where x > 0](log(x))"), {"x": [1.0, 0.0, -1.0]}, 0, [1, 0, 0]),
    "nothing to sum": Case(of("x[n]", "sum[n where x > 9](x) + 3*prod[n where x > 9](x) + norm[n where x > 9](x)"), XS, 3, [0, 0, 0]),
    "nothing to take the mean of": Case(of("x[n]", "sum[n](x) + mean[n where x > 9](x)"), XS, 2, [1, 1, 1]),
    "the largest of nothing": Case(of("x[n]", "max[n where x > 9](x)"), XS, -inf, [0, 0, 0]),
    "the smallest of nothing": Case(of("x[n]", "min[n where x > 9](x)"), XS, inf, [0, 0, 0]),
    "logsumexp of nothing": Case(of("x[n]", "logsumexp[n where x > 9](x)"), XS, -inf, [0, 0, 0]),
    "any and all of nothing": Case(of("x[n]", "[any[n where x > 9](x > 0)] + 2*[all[n where x > 9](x > 0)]"), XS, 2, [0, 0, 0]),
    "an empty array": Case(of("x[n]", "mean[n](x^2)"), {"x": np.zeros(0)}, 0, np.zeros(0)),
}  # fmt: skip

EDGES = {
    "|x|, relu and norm at 0": Case(of("x[n]", "sum[n](|x| + relu(x)) + norm[n](x)"), {"x": [0.0, 0.0]}, 0, [0, 0]),
    "ties share": Case(of("x[n]", "max[n](x) + min(x[0], x[1], 5)"), {"x": [2.0, 2.0, 1.0]}, 4, [1, 1, 0]),
    "the first of ties": Case(of("x[n]", "argmax[n](x) + argmin[n](-x) + x[argmax[n](x)]"), {"x": [1.0, 2.0, 2.0]}, 4, [0, 1, 0]),
    "the branch that the condition selects": Case(of("x", "2*x if x <= 0 else 3*x"), {"x": 0.0}, 0, 2),
    "x^0": Case(of("x[n]; p = 0", "sum[n](x^p + x^0)"), {"x": [0.0, 5.0]}, 4, [0, 0]),
    "positions and steps": Case(of("x[n]", "sum[n](floor(x) + round(x) + sign(x) + [x > 0]) + count[n where x > 0]"), {"x": [0.0, 1.5]}, 6, [0, 0]),
    "half to even": Case(of("x[n]", "sum[n](10^n*round(x))"), {"x": [0.5, 1.5, -2.5]}, -180, [0, 0, 0]),
    "mod has the sign of the divisor": Case(of("x", "mod(x, -3) + mod(-x, 3)"), {"x": 4.0}, 0, 0),
    "p*log(p) at 0": Case(of("p[n]", "sum[n](p*log(p) + (1 - p)*log(1 - p))"), {"p": [0.0, 1.0]}, 0),
    "a root of squares at 0": Case(of("x[n] | y[n]", "sqrt(mean[n]((x - y)^2))"), {"x": [1.0, 2.0], "y": [1.0, 2.0]}, 0, [0, 0]),
}  # fmt: skip

BIG = [-1e4, -50.0, 0.0, 50.0, 1e4]
NUMERICS = {
    "log(1 + exp(x))": Case(of("x[n]", "sum[n](n^3*log(1 + exp(x)))"), {"x": BIG}, log1p(e**-50) + 8 * log(2) + 27 * 50 + 64e4, [0, 1 / (1 + e**50), 4, 27, 64]),
    "log(sum(exp(x)))": Case(of("x[n]", "log(sum[n](exp(x)))"), {"x": [1e4, 1e4]}, 1e4 + log(2), [0.5, 0.5]),
    "log(sigmoid(x))": Case(of("x[n]", "sum[n](log(sigmoid(x)))"), {"x": [-1e4, 0.0, 1e4]}, -1e4 - log(2), [1, 0.5, 0]),
    "1 - sigmoid(x)": Case(of("x", "1 - sigmoid(x)"), {"x": 50.0}, e**-50 / (1 + e**-50), -(e**-50) / (1 + e**-50) ** 2),
    "exp(x)/sum(exp(x))": Case(of("x[n]", "sum[n](n*exp(x)/sum[m](exp(x[m])))"), {"x": [1e4, 1e4]}, 0.5, [-0.25, 0.25]),
    "sqrt(sum(x^2))": Case(of("x[n]", "sqrt(sum[n](x^2))"), {"x": [3e200, 4e200]}, 5e200, [0.6, 0.8]),
    "log(cosh(x))": Case(of("x[n]", "sum[n](log(cosh(x)))"), {"x": [1e4, 0.0]}, 1e4 - log(2), [1, 0]),
    "(exp(x) - 1)/x": Case(of("x", "(exp(x) - 1)/x"), {"x": 1e-12}, 1 + 5e-13, 0.5 + 1e-12 / 3),
    "constants are exact": Case(of("x", "x*(10^400/10^399) + (0.1 + 0.2 - 0.3)*1e300"), {"x": 2.0}, 20, 10),
}  # fmt: skip

PAGE = {**FILES, **ITEMS, **BLOCKS, **INDICES, **EXPRESSIONS, **REDUCTIONS, **EDGES, **NUMERICS}


def close(found: Any, wanted: Any) -> None:
    """Equal but for the rounding of a few operations, in what was found and in what is wanted."""
    np.testing.assert_allclose(np.asarray(found, dtype=float), wanted, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("name", PAGE)
def test_the_interpreter(name: str) -> None:
    text, inputs, value, gradient = PAGE[name]
    program = lossdsl.loss(text).program
    judge = Interpreter(program).bind(inputs)
    close(judge.value(), value)
    if gradient is not None:
        close(judge.gradient(program.args[0].name), gradient)


@pytest.mark.parametrize("name", PAGE)
def test_numpy_code(name: str) -> None:
    text, inputs, value, gradient = PAGE[name]
    f = lossdsl.loss(text).numpy()
    found, slope = f.value_and_grad(**inputs)
    close(f(**inputs), value)
    close(found, value)
    if gradient is not None:
        close(slope, gradient)


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("name", PAGE)
def test_torch_code(name: str, backward: str) -> None:
    text, inputs, value, gradient = PAGE[name]
    loss = lossdsl.loss(text)
    function = loss.compile("torch", backward=backward).f
    tensors = {key: torch.as_tensor(np.asarray(data)) for key, data in inputs.items()}
    first = tensors[loss.program.args[0].name].double().requires_grad_()
    result = function(**tensors | {loss.program.args[0].name: first})
    close(result.detach(), value)
    if gradient is not None:
        (slope,) = torch.autograd.grad(result, first) if result.requires_grad else (torch.zeros_like(first),)
        close(slope, gradient)


ILLEGAL = {
    "a tab": ("loss f(x[n]):\n\treturn mean[n](x)\n", "E0103"),
    "an open bracket": (of("x[n]", "sum[n](x"), "E0105"),
    "an open bar": (of("x[n]", "sum[n](|x)"), "E0105"),
    "a def over two lines": ("def f(x) =\n    x^2\n", "E0108"),
    "a superscript in a name": (of("x⁴[n]", "sum[n](x)"), "E0102"),
    "two underscores": (of("__x[n]", "sum[n](1)"), "E0110"),
    "a reserved name": (of("sum[n]", "mean[n](1)"), "E0109"),
    "a reserved name in other letters": (of("ｓｕｍ[n]", "mean[n](1)"), "E0109"),
    "the name of a function": (of("exp[n]", "mean[n](1)"), "E0109"),
    "rebinding": (of("x[n]", "y = x", "y = 2*x", "sum[n](y)"), "E0202"),
    "rebinding an argument": (of("x[n]", "x = 2", "sum[n](x)"), "E0202"),
    "names that are equal after NFKC": (of("ﬁt[n]", "fit = 2", "sum[n](fit)"), "E0202"),
    "an argument named reduction": (of("x[n]; reduction = 1", "sum[n](x)"), "E0109"),
    "an argument named validate": (of("x[n] | validate[n]", "sum[n](x)"), "E0109"),
    "an argument named wrt": (of("wrt[n]", "sum[n](1)"), "E0109"),
    "an argument named vector": (of("x[n]; learn vector = 1", "sum[n](x)"), "E0109"),
    "an argument named dtype": ("def f(dtype) = 1\n", "E0109"),
    "a group of axes twice": (of("x[.., ..]", "sum(x)"), "E0121"),
    "optional predictions come last": (of("x[n] = 1, y[n]", "sum[n](x*y)"), "E0121"),
    "optional data come last": (of("x[n] | y[n] = 1, z[n]", "sum[n](x*y*z)"), "E0121"),
    "optional arguments of a def come last": ("def f(a = 1, b) = a*b\n", "E0121"),
    "a union in an expression": (of("x[n]", "sum[n]([x in {1} or {2}])"), "E0125"),
    "a bound that comes later": (of("x[n]; a > b = 2, b = 1", "sum[n](a*b*x)"), "E0403"),
    "recursion": ("def g(x) = g(x)\n", "E0503"),
    "a learned argument of a called loss": (of("x[n]", "g(x)", before=called("x[n]; learn s = 1", "sum[n](s*x)")), "E0508"),
    "a scalar argument has no indices": ("def g(x) = x[0]\n", "E0312"),
    "an output that is no axis": (of("z[i, d]", "sum(dist(z))", before=DIST), "E0511"),
    "an open order, indexed": (of("x[n], y[m]", "s = x*y", "sum[i, j](s[i, j])"), "E0303"),
    "an open order, handed over": (of("x[n], y[m]", "s = x*y", "g(s)", before="def g(a[n, m]) = sum[n, m](a)\n"), "E0303"),
    "an index only on the left": (of("x[n]", "s[n, q] = x[n]", "sum[n, q](s)"), "E0315"),
    "an index only on the right": (of("x[n, m]", "s[n] = x[n, m]", "sum[n](s)"), "E0302"),
    "a condition as a number": (of("x[n]", "k[n] = x[n] > 0", "sum[n](k*x)"), "E0401"),
    "outside the inner positions": (of("x[n]", "d[i] = x[i] - x[i-1]", "d[0]"), "E0306"),
    "unpacking an axis of unknown size": (of("x[n]", "a, b = x[:]", "a + b"), "E0313"),
    "a prediction made of data": (of("x[n] | y[n]", "predict p[n] = x[n] + y[n]", "sum[n](p)"), "E0407"),
    "no return": ("loss f(x[n]):\n    y = x\n", "E0111"),
    "a second return": (of("x[n]", "return sum[n](x)", "sum[n](x)"), "E0112"),
    "indexed twice": (of("x[n]", "sum[n](x[n][n])"), "E0118"),
    "axes that clash": (of("x[n, 3], y[n, 4]", "sum[n, c](x[n, c]*y[n, c])"), "E0305"),
    "reuse in its own scope": (of("x[n]", "sum[n](x[n]*sum[n](x[n]))"), "E0307"),
    "a number without a range": (of("x[n]", "sum[q](q)"), "E0304"),
    "an index in neither": (of("x[n], y[m]", "sum[n, m](x)"), "E0308"),
    "nothing free to reduce": (of("x[n]", "mean(sum[n](x))"), "E0311"),
    "a number as a condition": (of("x[n]", "sum[n where x](x)"), "E0402"),
    "a file outside the folder": ('use "../x.loss": f\n', "E0603"),
    "a constant without end": (of("x", "x*9^9^9^9"), "E0406"),
    "a constant beyond floats": (of("x", "x*10^400/10^399"), "E0406"),
}  # fmt: skip


@pytest.mark.parametrize("name", ILLEGAL)
def test_what_the_page_rules_out(name: str) -> None:
    text, code = ILLEGAL[name]
    with pytest.raises(lossdsl.LossError) as caught:
        lossdsl.loads(text, "nowhere/main.loss")
    assert [problem.code for problem in caught.value.problems] == [code]
