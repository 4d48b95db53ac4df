"""The conventions that apply to a loss, read off its formula."""

from __future__ import annotations

import pytest

from lossdsl.display.edges import edge_cases
from lossdsl.meaning import resolve
from lossdsl.syntax import parse

MEAN = ("the mean over all elements", "0 where there are none")


@pytest.mark.parametrize(("text", "expected"), [
    ("loss f(x[n]):\n    return sum[n](x^2)", []),
    ("loss f(x[n]):\n    return mean[n](x^2)", [MEAN]),
    ("loss f(x[n]):\n    return sum[n](|x|)", [("|x[n]|", "derivative 0 where it is 0")]),
    ("loss f(x[n]):\n    return sum[n](relu(1 - x))", [("relu(1 - x[n])", "derivative 0 where its argument is 0")]),
    ("loss f(x[n]):\n    return norm[n](x)", [("norm[n](x[n])", "derivative 0 where all are 0")]),
    ("loss f(x[n] | y[n] in {0, 1}):\n    return sum[n](x if y == 1 else x^2)",
     [("y[n] == 1", "at the joint, the branch that the condition selects gives the derivative")]),
    ("loss f(x[n] | y[n] in {0, 1}):\n    return sum[n](x*[y == 1])", []),
    ("loss f(x[n]):\n    return sum[n](log(sigmoid(x)))", []),
    ("loss f(x[n]):\n    p = sigmoid(x)\n    return sum[n](log(p))", []),
    ("loss f(x[n] > 0):\n    return sum[n](log(x))", [("log(x[n])", "-inf where its argument is 0")]),
])  # fmt: skip
def test_edge_cases(text: str, expected: list[tuple[str, str]]) -> None:
    assert edge_cases(next(iter(resolve(parse(text)).losses.values()))) == expected
