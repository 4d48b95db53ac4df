"""Derivatives at the edges (section 6 of the language) by both forms of the PyTorch code; the interpreter judges.

Each case is one on which plain autograd gives NaN, or another convention.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lossdsl.backends.torch.risks import inside  # noqa: E402
from lossdsl.backends.torch.safe import Sanitiser  # noqa: E402
from lossdsl.functions.table import TABLE  # noqa: E402
from lossdsl.ir.graph import Graph  # noqa: E402
from lossdsl.ir.stage import Array, StageTable  # noqa: E402
from lossdsl.meaning import resolve  # noqa: E402
from lossdsl.meaning.interpret import Interpreter  # noqa: E402
from lossdsl.syntax import parse  # noqa: E402
from tests.torch_losses import from_text  # noqa: E402

BIG = 1e200

EDGES: dict[str, tuple[str, dict[str, Any]]] = {
    "absolute value and relu at 0": ("sum[n](|x| + relu(x) + max(x, 0)*3)", {"x": [0.0, 1.0, -1.0]}),
    "clip at its bounds": ("sum[n](clip(x, -1, 1)^2)", {"x": [-1.0, 1.0, 2.0, 0.5]}),
    "ties share": ("max[n](x)^2 + min[n](x)", {"x": [2.0, 2.0, -1.0, -1.0, 2.0]}),
    "three equal arguments": ("sum[n](max(x, x^2, 2*x - 1)*2)", {"x": [1.0]}),
    "the joint of a conditional": ("sum[n](x^2 if x < 1 else 2*x - 1)", {"x": [1.0, 1.0]}),
    "a power of 0": ("sum[n](x^p + x^0 + x^1)", {"x": [0.0, 0.0, 2.0], "p": [2.0, 1.0, 0.0]}),
    "norm at 0": ("sum[n](norm[k](z))", {"z": [[0.0, 0.0], [3.0, 4.0]], "x": [1.0, 1.0]}),
    "norm of huge and tiny numbers": ("sum[n](norm[k](z))", {"z": [[3e200, 4e200], [3e-200, 4e-200]], "x": [1.0, 1.0]}),
    "entropy at 0": ("-sum[n](x*log(x))", {"x": [1.0, 0.5]}),
    "a vanishing weight of a logarithm": ("sum[n](w*log(x))", {"x": [1.0, 2.0], "w": [0.0, 1.0]}),
    "a branch that is not taken": ("sum[n](sqrt(x) + log(x) + 1/x + x^0.3 if x > 0 else x^2)", {"x": [-1.0, 0.0, 2.0]}),
    "a branch that overflows": ("sum[n](exp(x)*exp(x) if x < 1 else x)", {"x": [800.0, 0.5]}),
    "a product that overflows": ("sum[n](x*x*x*w if |x| < 2 else x)", {"x": [BIG, 1.0], "w": [BIG, 2.0]}),
    "nested branches": (
        "sum[n]((log(x) if x < 1 else acos(x - 1)) if 0 < x < 2 else 1/(1 + x^2))", {"x": [-1.0, 0.5, 1.5, 3.0]}
    ),
    "masked elements": ("sum[n where x > 0](log(x) + 1/x)", {"x": [0.0, -1.0, 2.0]}),
    "a masked mean of singular elements": ("mean[n where w > 0](sqrt(x)/w)", {"x": [0.0, 4.0], "w": [0.0, 1.0]}),
    "masked everywhere": ("mean[n where w > 0](sqrt(x)/w)", {"x": [0.0, 4.0], "w": [0.0, 0.0]}),
    "logsumexp of nothing": (
        "sum[n](exp(logsumexp[k where m > 0](z)))",
        {"z": [[1.0, 2.0], [3.0, BIG]], "m": [[1.0, 1.0], [0.0, 0.0]], "x": [1.0, 1.0]},
    ),
    "softmax of nothing": (
        "sum[n, k](softmax[k where m > 0](z)^2)",
        {"z": [[1.0, 2.0], [3.0, 4.0]], "m": [[1.0, 0.0], [0.0, 0.0]], "x": [1.0, 1.0]},
    ),
    "logits far apart": ("sum[n](logsumexp[k](z) - z[n, 0])", {"z": [[1e4, -1e4], [-1e4, 1e4]], "x": [1.0, 1.0]}),
    "saturated sigmoids": ("sum[n](log(1 + exp(x)) - log(sigmoid(x)) + 1 - sigmoid(x))", {"x": [800.0, -800.0, 0.0]}),
    "a singular binding under a mask": ("sum[n where x > 0](r[n]*w)", {"x": [1.0, -1.0], "w": [4.0, 0.0]}),
    "products with zeros": ("prod[n](x) + prod[n](w)", {"x": [0.0, 2.0, 3.0], "w": [0.0, 0.0, 3.0]}),
    "the angle at the origin": ("sum[n](x*w if w < 0 else atan2(x, w + 1))", {"x": [0.0, 1.0], "w": [-1.0, 0.0]}),
    "steps": ("sum[n](floor(x)*x + round(x)*x + sign(x)*x + [x > 0]*x)", {"x": [1.0, 0.5, 0.0, -1.5]}),
    "positions of ties": ("x[argmax[n](w)]^2 + x[argmin[n](w)]", {"x": [3.0, 5.0, 7.0], "w": [1.0, 1.0, 1.0]}),
}  # fmt: skip


def text_of(formula: str, inputs: dict[str, Any]) -> str:
    binding = "    r[n] = sqrt(w[n]) + log(w[n])\n" if "r[n]" in formula else ""
    data = [f"{key}[n, k]" if key == "m" else f"{key}[n]" for key in ("m", "p") if key in inputs]
    arguments = ", ".join(f"{key}[n, k]" if key == "z" else f"{key}[n]" for key in ("x", "w", "z") if key in inputs)
    return f"loss f({arguments}{' | ' + ', '.join(data) if data else ''}):\n{binding}    return 1*({formula})"


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("name", EDGES)
def test_first_derivatives_at_the_edges(name: str, backward: str) -> None:
    formula, inputs = EDGES[name]
    text = text_of(formula, inputs)
    program = resolve(parse(text)).losses["f"]
    judge = Interpreter(program).bind({key: np.array(value) for key, value in inputs.items()})
    given = {key: torch.tensor(value, dtype=torch.float64) for key, value in inputs.items()}
    wrt = [arg.name for arg in program.args if arg.role == "prediction"]
    for key in wrt:
        given[key].requires_grad_()
    value = from_text(text, backward).f(**given)
    assert value.item() == pytest.approx(float(judge.value(None)), rel=1e-12)
    for key in wrt:
        (found,) = torch.autograd.grad(value, given[key], retain_graph=True, allow_unused=True)
        expected = np.vectorize(float, otypes=[float])(np.asarray(judge.gradient(key, None), dtype=object))
        assert np.isfinite(expected).all(), "the case should have a finite derivative"
        np.testing.assert_allclose(
            0 * given[key].detach() if found is None else found, expected, rtol=1e-12, atol=1e-13
        )


NO_SECOND = {"a power of 0", "norm at 0", "entropy at 0", "norm of huge and tiny numbers"}
"""These have no finite second derivative, or one that overflows."""


@pytest.mark.parametrize("backward", ["closed", "autograd"])
@pytest.mark.parametrize("name", sorted(EDGES.keys() - NO_SECOND))
def test_second_derivatives_at_the_edges_are_finite(name: str, backward: str) -> None:
    formula, inputs = EDGES[name]
    text = text_of(formula, inputs)
    given = {key: torch.tensor(value, dtype=torch.float64) for key, value in inputs.items()}
    wrt = [key for key in inputs if key in ("x", "w", "z")]
    for key in wrt:
        given[key].requires_grad_()
    value = from_text(text, backward).f(**given)
    grads = torch.autograd.grad(value, [given[key] for key in wrt], create_graph=True, allow_unused=True)
    total = sum((g.sum() for g in grads if g is not None and g.requires_grad), torch.zeros((), requires_grad=True))
    for found in torch.autograd.grad(total, [given[key] for key in wrt], allow_unused=True):
        assert found is None or found.isfinite().all()


def test_mixed_derivative_of_a_power() -> None:
    """x^p at p = 0 has the slope 0 in x, and that slope grows with p like 1/x."""
    x, p = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.5, 2.0], [0.0, 0.0]))
    value = from_text("loss f(x[n], p[n]):\n    return sum[n](x^p)", "autograd").f(x, p)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (mixed,) = torch.autograd.grad(slope.sum(), p)
    assert slope.tolist() == [0.0, 0.0]
    assert mixed.tolist() == [2.0, 0.5]


# ---------------------------------------------------------------- the pass itself


def sanitised(build: Any) -> Any:
    graph = Graph()
    table = StageTable(graph)
    table.add_array(Array("x", (), "prediction", "real"))
    table.add_array(Array("y", (), "prediction", "real"))
    node = build(graph, graph.read("x", ()), graph.read("y", ()))
    return Sanitiser(table, [(node, None)]).safe(node, None)


def test_what_is_used_everywhere_is_left_alone() -> None:
    node = sanitised(lambda g, x, y: g.apply("log", x) / y + g.where(g.apply("lt", x, y), x * 2, y - x))
    assert str(node) == "log(x) / y + (2 * x if x < y else y - x)"


def test_risky_arguments_are_replaced_and_others_are_not() -> None:
    node = sanitised(lambda g, x, y: g.where(g.apply("lt", x, y), g.apply("log", x) + g.apply("sigmoid", y), y))
    assert str(node) == "(log((x if x < y else 1)) + sigmoid(y) if x < y else y)"


def test_a_vanishing_weight_away_from_poles_is_left_alone() -> None:
    node = sanitised(lambda g, x, y: x * g.apply("sqrt", g.where(g.apply("eq", y, g.const(0)), g.const(1), y)))
    assert str(node) == "x * sqrt((1 if y == 0 else y))"


def test_a_vanishing_weight_at_a_pole_is_multiplied_by_a_constant() -> None:
    node = sanitised(lambda g, x, y: x * g.apply("sqrt", y))
    assert str(node) == ("x * (sqrt((y if x != 0 or y != 0 else 1)) if x != 0 or y != 0 else stop_gradient(sqrt(y)))")


def test_what_no_gradient_reaches_is_left_alone() -> None:
    node = sanitised(lambda g, x, y: x * g.apply("sqrt", g.apply("stop_gradient", y)))
    assert str(node) == "x * sqrt(stop_gradient(y))"


def test_a_pole_that_one_path_stops_and_another_weighs() -> None:
    """Neither the flat function nor the weight 0 lets the infinite slope through."""
    node = sanitised(lambda g, x, y: g.apply("relu", g.apply("sqrt", y) - 1) + x * g.apply("sqrt", y))
    assert "sqrt((y if " in str(node)


def test_a_node_of_both_branches_is_left_alone() -> None:
    node = sanitised(lambda g, x, y: g.where(g.apply("lt", x, y), g.apply("log", x), g.apply("log", x) + y))
    assert "1)" not in str(node)


def test_factors_that_overflow_are_replaced() -> None:
    node = sanitised(lambda g, x, y: g.where(g.apply("lt", x, y), (x * x) * y, y))
    assert str(node) == "((x * x if x < y else 1) * y if x < y else y)"


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if row.result != "bool"))
def test_replacements_lie_inside_of_every_domain(name: str) -> None:
    """Value and partial derivatives are finite there."""
    import mpmath

    from lossdsl.functions.derived import partials
    from lossdsl.functions.vocabulary import OracleVocabulary

    row = TABLE[name]
    if name == "where":
        return
    arity = row.arity or 2
    point = [mpmath.mpf(inside(name, k).numerator) / inside(name, k).denominator for k in range(arity)]
    assert all(row.domain_of(k)[0] < float(inside(name, k)) < row.domain_of(k)[1] for k in range(arity))
    assert mpmath.isfinite(row.oracle(*point))
    rule = row.derivative or partials(name, arity)
    for partial in rule(OracleVocabulary(), *point):
        exact = getattr(partial, "value", partial)
        assert mpmath.isfinite(mpmath.mpf(exact.numerator) if isinstance(exact, Fraction) else exact)
