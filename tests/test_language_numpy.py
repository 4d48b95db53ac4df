"""Constructs of the language through the NumPy back end, against the interpreter: value and all derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossdsl.backends.numpy import emit
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.syntax import parse

RNG = np.random.default_rng(7)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


def positive(*shape: int) -> Any:
    return RNG.uniform(0.2, 2.0, size=shape)


PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "offsets": (
        "loss f(x[t]):\n    return mean[t]((x[t+1] - 2*x[t] + x[t-1])^2)",
        {"x": normal(6)},
    ),
    "offsets in a binding": (
        "loss f(x[t]):\n    d[i] = x[i+1] - x[i]\n    return sum[i](d[i]^2*i) + sum[i](d[i]^3)",
        {"x": normal(5)},
    ),
    "window": (
        "loss f(x[n], w[a]):\n    y[i] = sum[a](w[a]*x[i+a])\n    return sum[i](y[i]^2)",
        {"x": normal(7), "w": normal(3)},
    ),
    "zero padding": (
        "loss f(x[n], w[a]):\n    return sum[i](x[i]*sum[a where 0 <= i+a-1 < size(i)](w[a]*x[i+a-1])^2)",
        {"x": normal(6), "w": normal(3)},
    ),
    "stride": (
        "loss f(x[n], w[a]):\n    y[i] = sum[a](w[a]*x[2*i+a])\n    return mean[i](y[i]^2)",
        {"x": normal(9), "w": normal(2)},
    ),
    "stride by hand": ("loss f(x[n]):\n    return sum[i](x[2*i]*x[2*i+1]^2)", {"x": normal(7)}),
    "window in two dimensions": (
        "loss f(x[h, w] | k[a]):\n    y[h, w] = sum[a, b](k[a]*k[b]*x[h+a, w+b])\n    return mean[h, w](y[h, w]^3)",
        {"x": normal(5, 4), "k": positive(2)},
    ),
    "literal and negative indices": (
        "loss f(b[n, 4]):\n    return mean[n](b[n, 0]*b[n, -1] + b[n, 2]^2*b[n, 1])",
        {"b": normal(3, 4)},
    ),
    "last of a named axis": ("loss f(x[n]):\n    return x[-1]^2*x[0]", {"x": normal(4)}),
    "unpacking": (
        "loss f(b[n, 4]):\n    p, q, r, s = b[n, :]\n    return mean[n](p*q - r*s + max(p, r)^2)",
        {"b": normal(3, 4)},
    ),
    "gather of a gather": (
        "loss f(x[v] | i[n] in v, j[m] in n):\n    return mean[m](x[i[j[m]]]^3)",
        {"x": normal(4), "i": np.array([2, 0, 2]), "j": np.array([0, 1, 1, 2, 2])},
    ),
    "gather with arithmetic": (
        "loss f(x[n, c] | y[n] in c):\n    return mean[n](x[n, max(y[n] - 1, 0)]^2*x[n, y[n]])",
        {"x": normal(4, 3), "y": np.array([0, 2, 1, 2])},
    ),
    "masked reduction inside a gather": (
        "loss f(x[n, c] | y[n] in c):\n    s[n, c] = sum[k where k != c](exp(x[n, k]))\n"
        "    return mean[n](log(s[n, y[n]]) - x[n, y[n]])",
        {"x": normal(4, 3), "y": np.array([0, 2, 1, 2])},
    ),
    "two axes in one index": (
        "loss f(a[i, d], b[j, d]):\n    s[i, j] = sum[d](a[i, d]*b[j, d])\n    return mean[i](logsumexp[j](s[i, j]) - s[i, i])",
        {"a": normal(3, 2), "b": normal(3, 2)},
    ),
    "ignored labels": (
        "loss f(x[n, c] | y[n] in c or {-100}):\n"
        "    return mean[n where y[n] != -100](logsumexp[c](x[n, c]) - x[n, y[n]])",
        {"x": normal(4, 3), "y": np.array([0, -100, 1, 2])},
    ),
    "everything ignored": (
        "loss f(x[n, c] | y[n] in c or {-100}):\n"
        "    return mean[n where y[n] != -100](logsumexp[c](x[n, c]) - x[n, y[n]])",
        {"x": normal(2, 3), "y": np.array([-100, -100])},
    ),
    "product": ("loss f(x[n]):\n    return prod[n](x[n])", {"x": np.array([1.5, 0.0, -2.0, 3.0])}),
    "product with two zeros": ("loss f(x[n]):\n    return prod[n](x[n])", {"x": np.array([1.5, 0.0, 0.0, 3.0])}),
    "masked product": (
        "loss f(x[n, c] | w[n, c] >= 0):\n    return sum[n](prod[c where w[n, c] > 1](x[n, c]^2))",
        {"x": normal(3, 3), "w": positive(3, 3)},
    ),
    "norm": ("loss f(x[n, d]):\n    return sum[n](norm[d](x)^3)", {"x": normal(3, 2)}),
    "extrema with ties": (
        "loss f(x[n, c]):\n    return sum[n](max[c](x)*2 - min[c](x))",
        {"x": np.array([[1.0, 1.0, 0.0], [2.0, -1.0, -1.0]])},
    ),
    "nothing to take the maximum of": (
        "loss f(x[n] | g[n]):\n    far[i] = max[j where g[j] != g[i]](x[j])\n    return sum[i](relu(far[i] - x[i]))",
        {"x": normal(3), "g": np.ones(3)},
    ),
    "argmax as a position": (
        "loss f(x[n, c], z[n, c]):\n    k[n] = argmax[c](z[n, c])\n    return mean[n](x[n, k[n]]^2)",
        {"x": normal(3, 4), "z": normal(3, 4)},
    ),
    "running sum": ("loss f(x[n, t]):\n    return mean[n, t](cumsum[t](x)^2)", {"x": normal(2, 5)}),
    "masked running sum": (
        "loss f(x[t] | m[t] in {0, 1}):\n    return sum[t](cumsum[t where m[t] == 1](x[t])^2)",
        {"x": normal(5), "m": np.array([1, 0, 1, 1, 0])},
    ),
    "softmax with a mask": (
        "loss f(x[n, c] | m[n, c] in {0, 1}):\n"
        "    p[n, c] = softmax[c where m[n, c] == 1](x[n, c])\n    return sum[n, c](p[n, c]*c^2)",
        {"x": normal(3, 4), "m": np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])},
    ),
    "softmax read elsewhere": (
        "loss f(x[n, c] | y[n] in c):\n    p = softmax[c](x)\n    return mean[n](-log(p[n, y[n]]) + p[n, 0]^2)",
        {"x": normal(3, 4), "y": np.array([1, 3, 0])},
    ),
    "a branch that is not taken": (
        "loss f(x[n]):\n    return sum[n](log(x) + sqrt(x) if x > 0 else x^2)",
        {"x": np.array([-1.0, 0.0, 2.0])},
    ),
    "a binding under a mask": (
        "loss f(x[n, d] | k[n] in {0, 1}):\n    r[n] = sqrt(sum[d](x[n, d]))\n    return sum[n where k[n] == 1](r[n])",
        {"x": np.array([[0.0, 0.0], [1.0, 2.0]]), "k": np.array([0, 1])},
    ),
    "nested conditionals": (
        "loss f(x[n]; d > 0 = 1.0):\n    return mean[n](x^2 if |x| < d else (2*x if x > 2*d else exp(x)))",
        {"x": np.array([-3.0, 0.3, 1.5, 4.0])},
    ),
    "number of an index": (
        "loss f(x[i, j]):\n    return sum[i, j where i < j]((i - j)^2*x[i, j]^2) + sum[i, j]([i == j]*x[i, j])",
        {"x": normal(3, 3)},
    ),
    "histogram over bins": (
        "loss f(x[n]; bins = 4, lo = -1, hi = 1):\n"
        "    edge[b in bins] = lo + b*(hi - lo)/(bins - 1)\n    return sum[b in bins](mean[n](exp(-(x[n] - edge[b])^2))^2)",
        {"x": normal(5)},
    ),
    "fixed number of terms": ("loss f(x[n]):\n    return mean[n](sum[k in 3](x[n]^(k + 1)))", {"x": normal(4)}),
    "any shape": (
        "loss f(p[..] | t[..]; d > 0 = 1.0):\n    r = p - t\n    return mean[..](r^2/2 if |r| <= d else d*(|r| - d/2))",
        {"p": normal(2, 3), "t": normal(2, 3)},
    ),
    "any shape before classes": (
        "loss f(x[.., c] | y[..] in c):\n    return logsumexp[c](x) - x[.., y[..]]",
        {"x": normal(2, 2, 3), "y": np.array([[0, 1], [2, 2]])},
    ),
    "def with tensors": (
        "def sqdist(x[n, d], y[m, d])[n, m] = sum[d]((x[n, d] - y[m, d])^2)\n"
        "loss f(a[i, d], b[j, d]):\n    return mean[i](min[j](sqdist(a, b)[i, j])) + mean[j](min[i](sqdist(a, b)[i, j]))",
        {"a": normal(3, 2), "b": normal(4, 2)},
    ),
    "def mapped over an axis": (
        "def unit(x[d])[d] = x[d]/norm[d](x[d])\n"
        "loss f(w[c, k, d]):\n    u[c, k, d] = unit(w[c, k, :])[d]\n    return sum[c, k, d](u[c, k, d]*(d + 1)*(c + k))",
        {"w": normal(2, 2, 3)},
    ),
    "called losses": (
        "loss mse(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n"
        "loss mae(p[n] | t[n]; scale > 0 = 2.0):\n    return mean[n](scale*|p - t|)\n"
        "loss f(a[m] | b[m]; w in [0, 1] = 0.3):\n    return w*mse(a | b) + (1 - w)*mae(a | b; scale = 3*w)",
        {"a": normal(4), "b": normal(4)},
    ),
    "stop gradient": ("loss f(x[n]):\n    return sum[n](stop_gradient(x)*x^2)", {"x": normal(3)}),
    "learned scalars and arrays": (
        "loss f(x[n, k] | y[n, k]; learn s[k] = 0, learn a = 1):\n    return mean[n](sum[k](exp(-s[k])*a*(x - y)^2 + s[k]))",
        {"x": normal(3, 2), "y": normal(3, 2), "s": normal(2), "a": 0.7},
    ),
    "membership and chains": (
        "loss f(x[n]):\n    return sum[n](x^2 if -1 <= x < 1 else [x in [1, 2)]*x^3)",
        {"x": np.array([-2.0, -1.0, 0.5, 1.0, 1.7])},
    ),
    "any and all": (
        "loss f(x[n, c] | m[n, c] in {0, 1}):\n"
        "    return sum[n where any[c](m[n, c] == 1)](sum[c](x^2)) + sum[n where all[c](m[n, c] == 1)](x[n, 0])",
        {"x": normal(3, 2), "m": np.array([[0, 1], [0, 0], [1, 1]])},
    ),
    "counting": (
        "loss f(x[n] | g[n]):\n    m[i] = count[j where g[j] == g[i]]\n    return sum[i](x[i]^2/m[i])",
        {"x": normal(4), "g": np.array([1.0, 2.0, 1.0, 1.0])},
    ),
    "special functions": (
        "loss f(x[n] > 0):\n    return sum[n](lgamma(x) + digamma(x) + erf(x)*normal_cdf(x) + logaddexp(x, 1) + atan2(x, 2))",
        {"x": positive(3)},
    ),
    "powers": (
        "loss f(x[n] > 0, p[n]):\n    return sum[n](x^p + x^-2 + 2^p + x^0.5)",
        {"x": positive(3), "p": normal(3)},
    ),
    "repeated index of one array": ("loss f(s[i, j]):\n    return sum[i](s[i, i]^2) + sum[i, j](s[i, j])", {"s": normal(3, 3)}),
    "transposed": ("loss f(s[i, j]):\n    return sum[i, j](s[i, j]*s[j, i]^2)", {"s": normal(3, 3)}),
    "scalar prediction": ("loss f(a, x[n] | y[n]):\n    return mean[n]((a*x - y)^2)", {"a": 0.5, "x": normal(3), "y": normal(3)}),
    "weights by default": (
        "loss f(x[n] | y[n], w[n] >= 0 = 1):\n    return sum[n](w*(x - y)^2)/sum[n](w)",
        {"x": normal(3), "y": normal(3), "w": positive(3)},
    ),
    "modulus, rounding and sign": (
        "loss f(x[n]):\n    return sum[n](mod(x, 2)*x + floor(x)*x + round(x) + sign(x)*x^2)",
        {"x": np.array([-2.3, 0.4, 1.6])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_the_interpreter(name: str) -> None:
    text, inputs = PROGRAMS[name]
    program = resolve(parse(text)).losses["f"]
    module = import_generated(emit(program), "f")
    judge = Interpreter(program).bind(inputs)
    wrt = tuple(a.name for a in program.args if a.role in ("prediction", "learn"))
    reductions = [None] if program.reduction is None else ["mean", "sum", "none"]
    for reduction in reductions:
        keywords = {} if reduction is None else {"reduction": reduction}
        value, grads = module.f_value_and_grad(**inputs, wrt=wrt, **keywords)
        close(value, judge.value(reduction))
        close(module.f(**inputs, **keywords), judge.value(reduction))
        for key, grad in zip(wrt, grads, strict=True):
            close(grad, judge.gradient(key, reduction))
    for key in wrt:
        close(module.f_hess_diag(**inputs, wrt=key), judge.hessian_diagonal(key))
        vector = RNG.normal(size=np.shape(inputs[key]))
        close(module.f_hvp(**inputs, vector=vector, wrt=key), judge.hvp(key, vector))


def close(found: Any, expected: Any) -> None:
    wanted = np.asarray(expected, dtype=object)
    wanted = np.array([float(v) for v in wanted.ravel()]).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
