"""The stability table: every rule fires where it should, not where it should not, and gains digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from lossdsl.backends.numpy import emit
from lossdsl.generated import import_generated
from lossdsl.ir.graph import Node
from lossdsl.ir.lower import lower
from lossdsl.meaning import core, resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.rewrite.rules import RULES
from lossdsl.syntax import parse

SIGNATURE = "loss f(x[n], y[n] | w[n] >= 0, t[n] in {0, 1}; g >= 0 = 0.5):\n    return "

DIGITS = 700
"""The formula as typed cancels in exact arithmetic too: 1 - sigmoid(700) needs 305 digits to be anything but 0."""

# rule -> (fires, op that it gives, near miss, inputs x at which the text as it stands loses its digits)
CASES: dict[str, tuple[str, str, str, list[float]]] = {
    "sigmoid": ("1/(1 + exp(-x))", "sigmoid", "1/(2 + exp(-x))", [-800.0, -40.0, 40.0]),
    "sigmoid from a quotient": ("exp(x)/(1 + exp(x))", "sigmoid", "exp(x)/(1 + exp(y))", [800.0, -40.0]),
    "sigmoid of a difference": ("exp(x)/(exp(x) + exp(y))", "sigmoid", "exp(x)/(exp(x) + y)", [800.0, -800.0]),
    "quotient by an exponential": ("w/exp(x)", "exp", "w/(2 + exp(x))", [-3.0, 2.0]),
    "sigmoid complement": ("1 - sigmoid(x)", "sigmoid", "2 - sigmoid(x)", [40.0, 700.0]),
    "complement of a selection": (
        "(1 - (sigmoid(x) if t == 1 else 1 - sigmoid(x)))^g", "log_sigmoid", "2 - (sigmoid(x) if t == 1 else y)", [40.0],
    ),
    "complement of a mixture": (
        "1 - (sigmoid(x)*t + (1 - sigmoid(x))*(1 - t))", "sigmoid", "1 - (sigmoid(x)*t + y*(1 - t))", [40.0, -40.0],
    ),
    "complement of a softmax": ("sum[n](1 - softmax[n](x))", "expm1", "sum[n](2 - softmax[n](x))", []),
    "expm1": ("exp(x) - 1", "expm1", "exp(x) - 2", [1e-20, -1e-17]),
    "expm1, reversed": ("1 - exp(x)", "expm1", "2 - exp(x)", [1e-20, -1e-17]),
    "exprel": ("(exp(x) - 1)/x", "exprel", "(exp(x) - 1)/y", [1e-20, 0.5]),
    "root of one plus, minus one": ("sqrt(1 + x^2) - 1", "sqrt1pm1", "sqrt(1 + x^2) - 2", [1e-9, 1e-5]),
    "logcosh": ("log(cosh(x))", "logcosh", "log(sinh(x))", [1e-9, 800.0]),
    "log1p": ("log(1 + x^2)", "log1p", "log(2 + x^2)", [1e-9]),
    "log1p of minus": ("log(1 - x)", "log1p", "log(2 - x)", [1e-20]),
    "softplus": ("log1p(exp(x))", "softplus", "log1p(exp(x) + 1)", [800.0]),
    "log1mexp": ("log(1 - exp(x))", "log1mexp", "log(2 - exp(x))", [-1e-20, -50.0]),
    "log of the normal distribution": ("log(normal_cdf(x))", "normal_logcdf", "log(erfc(x))", [-40.0]),
    "xlogy": ("w*log(x)", "xlogy", "3*log(x)", [0.5]),
    "xlog1py": ("w*log(1 - x)", "xlog1py", "3*log(1 - x)", [1e-20]),
    "weight of a sum of logarithms": ("w*(log(x) - log(y))", "guarded_mul", "w*(exp(x) - exp(y))", [0.5]),
    "root of a square": ("sqrt(x^2)", "abs", "sqrt(x^3)", [1e-200, 1e200]),
    "root of a product with itself": ("sqrt(x*x)", "abs", "sqrt(x*y)", [1e-200, 1e200]),
}  # fmt: skip


def program(text: str) -> core.Program:
    return resolve(parse(SIGNATURE + text + "\n")).losses["f"]


def operations(text: str) -> set[str]:
    lowered = lower(program(text))
    nodes: list[Node] = []
    pending = [lowered.element]
    while pending:
        node = pending.pop()
        nodes.append(node)
        pending += node.args
    return {n.op for n in nodes} | {s.op for s in lowered.table.stages.values()}


def test_every_rule_has_a_case() -> None:
    assert {rule.name for rule in RULES} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_fires(name: str) -> None:
    text, op, _, _ = CASES[name]
    assert op in operations(text)


@pytest.mark.parametrize("name", CASES)
def test_near_miss_stays(name: str) -> None:
    rule = next(r for r in RULES if r.name == name)
    _, _, text, _ = CASES[name]
    before = lower(program(text), rewrite=False)
    pending = [before.element]
    while pending:
        node = pending.pop()
        assert rule.apply(before.graph, node) is None
        pending += node.args


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[3]])
def test_value_and_gradient_keep_their_digits(name: str) -> None:
    """Within a few ulps of the formula at 700 digits, where the formula as typed has none left."""
    text, _, _, points = CASES[name]
    checked = program(text)
    module = import_generated(emit(checked), "f")
    x = np.array(points)
    inputs = {"x": x, "y": np.full(len(x), 0.3), "w": np.linspace(0.0, 1.0, len(x)), "t": np.ones(len(x))}
    value, grad = module.f_value_and_grad(**inputs, reduction="none")
    judge = Interpreter(checked, digits=DIGITS).bind(inputs)
    with mpmath.workdps(DIGITS):
        expected = np.array([float(v) for v in np.ravel(np.asarray(judge.value("none"), dtype=object))])
        slope = np.array([float(v) for v in np.ravel(judge.gradient("x", "none"))])
    np.testing.assert_allclose(value, expected, rtol=16 * np.finfo(float).eps)
    np.testing.assert_allclose(grad, slope, rtol=64 * np.finfo(float).eps)
