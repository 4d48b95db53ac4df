"""The stability table: every rule fires where it should, not where it should not, and gains digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import lossdsl.rewrite
from lossdsl.backends.numpy import emit
from lossdsl.cli.stages import stages
from lossdsl.generated import import_generated
from lossdsl.ir.graph import Node, reachable
from lossdsl.ir.lower import lower
from lossdsl.meaning import core, resolve
from lossdsl.meaning.interpret import Interpreter
from lossdsl.rewrite.rules import RULES
from lossdsl.rewrite.unit import in_unit_interval
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
    "complement of a softmax": ("sum[n](1 - softmax[n](x))", "softmax_complement", "sum[n](2 - softmax[n](x))", []),
    "softmax, minus one": ("sum[n](softmax[n](x) - 1)", "softmax_complement", "sum[n](softmax[n](x) - 2)", []),
    "softmax minus an indicator": ("sum[n](y*(softmax[n](x) - [t == 1]))", "softmax_complement", "sum[n](y*(softmax[n](x) - w*[t == 1]))", []),
    "indicator minus a softmax": ("sum[n](y*([t == 1] - softmax[n](x)))", "softmax_complement", "sum[n](y*(2*[t == 1] - softmax[n](x)))", []),
    "softmax minus a label": ("sum[n](y*(softmax[n](x) - t))", "softmax_complement", "sum[n](y*(softmax[n](x) - w))", []),
    "label minus a softmax": ("sum[n](y*(t - softmax[n](x)))", "softmax_complement", "sum[n](y*(w - softmax[n](x)))", []),
    "sigmoid minus an indicator": ("sigmoid(x) - [t == 1]", "neg", "sigmoid(x) - 2*[t == 1]", [40.0, 700.0, -40.0]),
    "indicator minus a sigmoid": ("[t == 1] - sigmoid(x)", "neg", "2*[t == 1] - sigmoid(x)", [40.0, 700.0, -40.0]),
    "sigmoid minus a label": ("sigmoid(x) - t", "mul", "sigmoid(x) - w", [40.0, 700.0, -40.0]),
    "label minus a sigmoid": ("t - sigmoid(x)", "mul", "w - sigmoid(x)", [40.0, 700.0, -40.0]),
    "softplus, minus its argument": ("log(1 + exp(x)) - x", "softplus", "log(1 + exp(x)) - 2*x", [40.0, 700.0]),
    "logaddexp, minus a part": ("logaddexp(x, 1/4) - x", "softplus", "logaddexp(x, 1/4) - t", [40.0, 700.0]),
    "a part, minus logaddexp": ("x - logaddexp(1/4, x)", "log_sigmoid", "t - logaddexp(1/4, x)", [40.0, 700.0]),
    "cross-entropy of a logit": ("softplus(x) - t*x", "log_sigmoid", "softplus(x) - w*x", [40.0, 700.0, -700.0]),
    "cross-entropy of a logit, of an indicator": (
        "softplus(x) - [t == 1]*x", "log_sigmoid", "softplus(x) - 2*[t == 1]*x", [40.0, 700.0, -700.0],
    ),
    "product of exponentials": ("exp(x)*exp(2 - x)", "add", "exp(x)*sin(2 - x)", [1000.0, -900.0, 3.0]),
    "exponential times a sigmoid": ("exp(x)*sigmoid(-2*x)", "where", "exp(x)*tanh(-2*x)", [1000.0, 30.0, 19.0, -50.0]),
    "cross-entropy of a logit that can be infinite": (
        "softplus(log(x) - log(1 - x)) - t*(log(x) - log(1 - x))", "log_sigmoid",
        "softplus(log(x) - log(1 - x)) - w*(log(x) - log(1 - x))", [0.999, 1 - 2**-30, 1e-9],
    ),
    "nothing times an exponential": ("w*exp(x)", "guarded_mul", "y*exp(x)", [1000.0, 3.0, -900.0]),
    "exprel of a product": ("expm1(x*y)/x", "exprel", "expm1(g*y)/g", [1e-20, -1e-9, 0.5]),
    "exprel of a product, with a factor": ("w*expm1(x*y)/x", "exprel", "w*expm1(g*y)/g", [1e-20, -1e-9, 0.5]),
    "certainty mixed with an exponential": (
        "logaddexp(log_sigmoid(y), log_sigmoid(-y) - exp(x))", "log1p",
        "logaddexp(log_sigmoid(y), log_sigmoid(-y) - x)", [-40.0, -9.0, -0.1, 0.1, 2.0],
    ),
    "logistic likelihood": ("x + 2*softplus(-x)", "logcosh", "x + 3*softplus(-x)", [1e-9, -1e-20, 40.0, -800.0]),
    "logistic likelihood, of the opposite": (
        "2*softplus(x) - x", "logcosh", "2*softplus(x) - y", [1e-9, -1e-20, 40.0, -800.0],
    ),
    "expm1": ("exp(x) - 1", "expm1", "exp(x) - 2", [1e-20, -1e-17]),
    "power of a constant, minus one": ("2^x - 1", "expm1", "2^x - 2", [1e-20, 1e-6]),
    "expm1, reversed": ("1 - exp(x)", "expm1", "2 - exp(x)", [1e-20, -1e-17]),
    "complement of a power of a constant": ("1 - 0.5^x", "expm1", "2 - 0.5^x", [1e-9, 1e-3, 3.0]),
    "exprel": ("(exp(x) - 1)/x", "exprel", "(exp(x) - 1)/y", [1e-20, 0.5]),
    "exponential minus its tangent, added to something": (
        "y^2 + exp(x) - x - 1", "expm1_excess", "y^2 + exp(x) - x - 2", [1e-9, -1e-5, 3.0],
    ),
    "exponential minus its tangent, added to something, 1 first": (
        "exp(x) + y^2 - 1 - x", "expm1_excess", "exp(x) + y^2 - 1 - y", [1e-9, -1e-5, 3.0],
    ),
    "tangent minus something and an exponential": (
        "1 + x - y^2 - exp(x)", "expm1_excess", "1 + x - y^2 - exp(y)", [1e-9, -1e-5, 3.0],
    ),
    "exprel, reversed": ("(1 - exp(-x))/x", "exprel", "(1 - exp(-x))/y", [1e-20, 0.5, 40.0]),
    "hypot": ("sqrt(x^2 + y^2)", "hypot", "sqrt(x^3 + y^2)", [1e200, 1e-200]),
    "hypot of a constant": ("sqrt(x^2 + g)", "hypot", "sqrt(x^2 + y)", [1e200, -1e200]),
    "hypot, minus a leg": ("sqrt(x^2 + 4) - 2", "hypot_excess", "sqrt(x^2 + 4) - 3", [1e-9, 1e-5, 1e200]),
    "root of one plus, minus one": ("sqrt(1 + |x|) - 1", "sqrt1pm1", "sqrt(1 + |x|) - 2", [1e-20, 1e-16]),
    "logarithm of one plus a square": ("log(1 + x^2)", "log1p_square", "log(1 + x^3)", [1e-9, 1e200]),
    "logarithm of one plus a scaled square": ("log(1 + x^2/4)", "log1p_square", "log(1 + x^2/y)", [1e-9, 1e200]),
    "scaled share": ("3*x^2/(x^2 + 4)", "share", "3*x^2/(y^2 + 4)", [1e5, -1e7, 1e200]),
    "complement of a power of a complement": ("1 - (1 - x^2)^3", "power_deficit", "1 - (2 - x^2)^3", [1e-9, 1e-5]),
    "exponential minus its tangent": ("exp(x) - 1 - x", "expm1_excess", "exp(x) - 1 - y", [1e-9, -1e-5]),
    "exponential minus its tangent, x first": ("exp(x) - x - 1", "expm1_excess", "exp(x) - x - 2", [1e-9, -1e-5]),
    "Poisson deviance": ("w*log(w/(x + 1)) - w + (x + 1)", "kl_div", "w*log(w/(x + 1)) - w + x", []),
    "Poisson deviance, y first": ("w*log(w/(x + 1)) + (x + 1) - w", "kl_div", "w*log(w/(x + 1)) + x - w", []),
    "Poisson deviance, minus a difference": ("w*log(w/(x + 1)) - (w - (x + 1))", "kl_div", "w*log(w/(x + 1)) - (w - x)", []),
    "Poisson deviance, plus a difference": ("w*log(w/(x + 1)) + ((x + 1) - w)", "kl_div", "w*log(w/(x + 1)) + (x - w)", []),
    "gamma deviance": ("log((x + 1)/2) + 2/(x + 1) - 1", "kl_div", "log((x + 1)/2) + 2/(x + 1) - 2", [1 + 2.0**-20, 1 - 2.0**-20]),
    "gamma deviance, quotient first": ("2/(x + 1) - log(2/(x + 1)) - 1", "kl_div", "2/(x + 1) - log(3/(x + 1)) - 1", [1 + 2.0**-20, 1 - 2.0**-20]),
    "logcosh": ("log(cosh(x))", "logcosh", "log(sinh(x))", [1e-9, 800.0]),
    "log1p": ("log(1 + |x|)", "log1p", "log(2 + |x|)", [1e-20]),
    "log1p of minus": ("log(1 - x)", "log1p", "log(2 - x)", [1e-20]),
    "softplus": ("log1p(exp(x))", "softplus", "log1p(exp(x) + 1)", [800.0]),
    "log1mexp": ("log(1 - exp(x))", "log1mexp", "log(2 - exp(x))", [-1e-20, -50.0]),
    "log of the complementary log-log link": (
        "log(1 - exp(-exp(x)))", "gumbel_logcdf", "log(1 - exp(-sinh(x)))", [-800.0, -30.0, -1e-3, 2.0],
    ),
    "tangent of log1p, minus log1p": ("x - log(1 + x)", "log1p_deficit", "x - log(1 + y)", [1e-12, -1e-5, 0.3, 40.0]),
    "log1p minus its tangent": ("log(1 + x) - x", "log1p_deficit", "log(1 + x) - y", [1e-12, -1e-5, 0.3, 40.0]),
    "distribution of two exponential times": (
        "1 - exp(-x)*(1 + x)", "erlang_cdf", "1 - exp(-x)*(2 + x)", [1e-12, -1e-5, 0.3, 40.0],
    ),
    "distribution of two exponential times, in two terms": (
        "1 - exp(-x) - x*exp(-x)", "erlang_cdf", "1 - exp(-x) - x*exp(-y)", [1e-12, -1e-5, 0.3, 40.0],
    ),
    "complement of a cosine": ("1 - cos(x)", "versine", "2 - cos(x)", [1e-12, -1e-5, 0.3]),
    "cosine, minus one": ("cos(x) - 1", "versine", "cos(x) - 2", [1e-12, -1e-5, 0.3]),
    "integral of log1p": (
        "3/g*(g*x + 1)*log1p(g*x) - 3*x", "log1p_integral", "3/g*(g*x + 1)*log1p(g*x) - 2*x", [1e-12, -1e-5, 0.3],
    ),
    "integral of log1p, as it stands": (
        "(x + 1)*log(1 + x) - x", "log1p_integral", "(x + 1)*log(1 + x) - y", [1e-12, -1e-5, 0.3],
    ),
    "difference over the sum of sizes": ("|x - y|/(|x| + |y|)", "canberra", "|x - y|/(|x| + y)", [-1e-3, -2.0, 0.3]),
    "scaled difference over the sum of sizes": (
        "200*|x - y|/(|x| + |y|)", "canberra", "200*|x + y|/(|x| + |y|)", [-1e-3, -2.0, 0.3],
    ),
    "difference over the mean of sizes": (
        "|x - y|/((|x| + |y|)/2)", "canberra", "|x - y|/((|x| - |y|)/2)", [-1e-3, -2.0, 0.3],
    ),
    "log of the normal distribution": ("log(normal_cdf(x))", "normal_logcdf", "log(erfc(x))", [-40.0]),
    "xlogy": ("w*log(x)", "xlogy", "3*log(x)", [0.5]),
    "xlog1py": ("w*log(1 - x)", "xlog1py", "3*log(1 - x)", [1e-20]),
    "weight of a sum of logarithms": ("w*(log(x) - log(y))", "guarded_mul", "w*(exp(x) - exp(y))", [0.5]),
    "power of one plus, minus one": ("(1 + x^2)^g - 1", "pow1pm1", "(2 + x^2)^g - 1", [1e-9, 1e-5, 3.0]),
    "complement of a power of one plus": ("1 - (1 + x^2)^g", "pow1pm1", "1 - (2 + x^2)^g", [1e-9, 1e-5, 3.0]),
    "power, minus one": ("|x|^(g/10^9) - 1", "powm1", "|x|^(g/10^9) - 2", [1e-9, -3.0, 0.5]),
    "complement of a power": ("1 - |x|^(g/10^9)", "powm1", "2 - |x|^(g/10^9)", [1e-9, -3.0, 0.5]),
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


def test_a_weight_of_zero_stops_the_logarithm_of_a_certain_answer() -> None:
    """At infinite logits, where the formula is 1*log(1) + 0*log(0)."""
    bce = "-(t*log(sigmoid(x)) + (1 - t)*log(1 - sigmoid(x)))"
    f = import_generated(emit(program(bce)), "f")
    value, gradient = f.f_value_and_grad([np.inf, -np.inf], [0, 0], [0, 0], [1, 0], reduction="none")
    assert value.tolist() == [0, 0]
    assert gradient.tolist() == [0, 0]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("t", True),
        ("(1 - g)*t + g/2", True),
        ("(1 - g)*t + g", True),
        ("1 - t", True),
        ("(t if x > 0 else 1 - t)", True),
        ("t*p*(1 - q)", True),
        ("2*t", False),
        ("t + g", False),
        ("t/g", False),
        ("t*(1 - t)", False),
        ("w", False),
        ("t - 1/2", False),
        ("exp(-t)", False),
    ],
)
def test_labels_are_known_by_their_domains(text: str, expected: bool) -> None:
    source = (
        "loss f(x[n] | w[n] >= 0, t[n] in {0, 1}, p[n] in (0, 1], q[n] in [0, 0.5]; g in [0, 1) = 0.5):\n    return "
    )
    lowered = lower(resolve(parse(source + f"mean[n](x*({text}))\n")).losses["f"], rewrite=False)
    (product,) = [n for s in lowered.table.stages.values() for n in s.roots] or [lowered.element]
    assert in_unit_interval(lowered.table, product.args[1]) is expected


def test_an_exponential_over_a_sum_of_them_is_a_weight_of_a_softmax() -> None:
    assert "softmax_weight" in operations("exp(x)/sum[i in n](exp(x[i]))")
    assert "softmax_weight" in operations("y*exp(x)/sum[i in n](exp(x[i]))")
    assert "softmax_weight" not in operations("y*exp(x)/sum[i in n](cosh(x[i]))")


def test_a_squared_norm_is_a_sum_of_squares() -> None:
    for text in ("norm[n](x)^2", "norm[n](x)*norm[n](x)"):
        operations_of_stages = {stage.op for stage in lower(program(text)).table.stages.values()}
        assert ("sum" in operations_of_stages) is text.endswith("^2")
    module = import_generated(emit(program("norm[n](x)^2")), "f")
    zero = np.zeros(3)
    np.testing.assert_array_equal(module.f_hess_diag(zero, zero, zero, zero), 2)


def test_every_rule_has_a_case() -> None:
    assert {rule.name for rule in RULES} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_fires(name: str) -> None:
    text, op, _, _ = CASES[name]
    assert op in operations(text)


@pytest.mark.parametrize("name", CASES)
def test_no_other_rule_does_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule the formula becomes something else."""
    text = CASES[name][0]
    with_it = stages(program(text))
    others = {op: [r for r in rules if r.name != name] for op, rules in lossdsl.rewrite._BY_OP.items()}
    monkeypatch.setattr(lossdsl.rewrite, "_BY_OP", others)
    assert stages(program(text)) != with_it


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if not case[3]])
def test_value_and_gradient_of_sums(name: str) -> None:
    """Cases that are sums over all elements, at ordinary inputs."""
    checked = program(CASES[name][0])
    module = import_generated(emit(checked), "f")
    inputs = {"x": np.array([0.3, -1.25, 2.0]), "y": np.array([1.5, -0.5, 0.75]), "w": np.array([0.0, 0.5, 2.0])}
    inputs["t"] = np.array([1.0, 0.0, 0.0])
    value, grad = module.f_value_and_grad(**inputs, reduction="none")
    judge = Interpreter(checked, digits=50).bind(inputs)
    np.testing.assert_allclose(np.asarray(value), np.asarray(judge.value("none"), dtype=float), rtol=1e-13)
    np.testing.assert_allclose(grad, np.asarray(judge.gradient("x", "none"), dtype=float), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_near_miss_stays(name: str) -> None:
    rule = next(r for r in RULES if r.name == name)
    _, _, text, _ = CASES[name]
    before = lower(program(text), rewrite=False)
    pending = [before.element]
    while pending:
        node = pending.pop()
        assert rule.apply(before.table, node) is None
        pending += node.args


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[3]])
def test_value_and_gradient_keep_their_digits(name: str) -> None:
    text, _, _, points = CASES[name]
    assert_digits(text, points)


def assert_digits(text: str, points: list[float]) -> None:
    """Within a few ulps of the formula at 700 digits, where the formula as typed has none left."""
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


@pytest.mark.parametrize(
    "condition, expected",
    [
        ("sigmoid(x) < 0.5", True),
        ("1/3 >= sigmoid(x)", True),
        ("(sigmoid(x) if t == 1 else 1 - sigmoid(x)) <= h", True),
        ("sigmoid(x) < 2", False),
        ("sigmoid(x) < y", False),
        ("sigmoid(x) < g", False),
        ("(sigmoid(x) if t == 1 else y) < h", False),
        ("tanh(x) < 0.5", False),
    ],
)
def test_probabilities_are_compared_by_their_logits(condition: str, expected: bool) -> None:
    """Where the other side is a number in [0, 1]."""
    signature = SIGNATURE.replace("g >= 0 = 0.5", "g >= 0 = 0.5, h in (0, 1) = 0.5")
    lowered = lower(resolve(parse(f"{signature}(x if {condition} else y)\n")).losses["f"])
    (compared,) = (n for n in reachable([lowered.element]) if n.op in ("lt", "le", "gt", "ge"))
    assert ("sigmoid" not in {n.op for n in reachable([compared])}) is (expected or "tanh" in condition)


def test_a_probability_next_to_a_threshold_is_on_the_right_side() -> None:
    """sigmoid(x) rounds to 1/2 for |x| < 1e-16: value and gradient are those of the branch that the formula takes."""
    module = import_generated(emit(program("(2*x if sigmoid(x) < 0.5 else -3*x)")), "f")
    x = np.array([-1e-20, -1e-300, 0.0, 1e-300, 1e-20])
    zero = np.zeros(5)
    value, slope = module.f_value_and_grad(x, zero, zero, zero, reduction="none")
    np.testing.assert_array_equal(slope, [2, 2, -3, -3, -3])
    np.testing.assert_array_equal(value, slope * x)


EXTREMES = {
    "the greater of a probability and a number": (
        "log(max(sigmoid(x), 1e-7))", {"max", "log_sigmoid"}, "log(max(sigmoid(x), y))", [40.0, 700.0, 2.0],
    ),
    "the smaller of two probabilities": (
        "log(min(sigmoid(x), sigmoid(-x)))", {"min", "log_sigmoid"}, "log(min(sigmoid(x), y))", [-800.0, 760.0, 2.0],
    ),
    "a probability between numbers": (
        "log(clip(sigmoid(x), 0, 1))", {"clip", "log_sigmoid"}, "log(clip(sigmoid(x), 0, y))", [-800.0, 40.0, 700.0],
    ),
    "an exponential between numbers": (
        "log(clip(exp(x), 0, g + 1))", {"clip"}, "log(clip(exp(x), y, 2))", [-900.0, -1e-20, 0.25],
    ),
}  # fmt: skip
"""Logarithms of extremes of probabilities: text, the operations it gives, a near miss, inputs where digits are lost."""


@pytest.mark.parametrize("name", EXTREMES)
def test_logarithm_of_an_extreme(name: str) -> None:
    """The extreme of the logarithms; one that has no logarithm (a y of any sign) leaves the formula as it is."""
    text, expected, near_miss, _ = EXTREMES[name]
    assert expected <= operations(text)
    assert not operations(text) & {"sigmoid", "exp"}
    assert operations(near_miss) & {"sigmoid", "exp"}


@pytest.mark.parametrize("name", EXTREMES)
def test_logarithms_of_extremes_keep_their_digits(name: str) -> None:
    text, _, _, points = EXTREMES[name]
    assert_digits(text, points)


POWERS = {
    "a relative error": ("(x - y)^2/x^2", "(x - y)^2/x", [1e200, 1e-100, -3.0]),
    "weighed below": ("(x - y)^2/(t*x^2)", "(x - y)^2/(t*x)", [1e200, 1e-100, 2.0]),
    "weighed above": ("(1 + w)*(x - y)^2/x^2", "(1 + w)*(x - y)^3/x^2", [1e200, 1e-100, 2.0]),
}
"""Quotients of equal powers: what fires, what stays, and inputs at which the powers overflow or underflow."""


@pytest.mark.parametrize("name", POWERS)
def test_quotient_of_powers(name: str) -> None:
    text, near_miss, points = POWERS[name]

    def is_power_of_a_ratio(text: str) -> bool:
        return any(n.op == "pow" and n.args[0].op == "div" for n in reachable([lower(program(text)).element]))

    assert is_power_of_a_ratio(text)
    assert not is_power_of_a_ratio(near_miss)
    assert_digits(text, points)


SHARES = {
    "an overlap": ("(w + g)/(w + x^2 + g)", "(y + g)/(y + x^2 + g)", [1e-30, 1e200, -3.0]),
    "what an overlap lacks": ("1 - (t + g)/(t + x^2 + g)", "2 - (t + g)/(t + x^2 + g)", [1e-30, 1e200, -3.0]),
    "weighed terms": ("1 - (t + 1)/(t + x^2*w + 1 + w)", "1 - (2*t + 1)/(t + x^2*w + 1 + w)", [1e-30, 1e150, -3.0]),
}
"""Quotients by a sum that contains the numerator: what fires, what stays, and inputs at which digits are lost."""


@pytest.mark.parametrize("name", SHARES)
def test_share_of_several_terms(name: str) -> None:
    text, near_miss, points = SHARES[name]
    assert "share" in operations(text)
    assert ("share" in operations(near_miss)) is near_miss.startswith("2")
    assert "sub" not in operations(text)
    assert_digits(text, points)


def test_exponentials_of_several_signs_do_not_clash() -> None:
    """exp(1000) is infinite, exp(-1000^2) is 0."""
    module = import_generated(emit(program("exp(x)*exp(-x^2)")), "f")
    value, slope = module.f_value_and_grad(np.array([1000.0, -1000.0]), *np.zeros((3, 2)), reduction="none")
    np.testing.assert_array_equal([value, slope], 0)


def test_products_of_exponentials_that_make_a_matrix_product_stay() -> None:
    def exponents(text: str) -> list[str]:
        (stage,) = lower(program(text)).table.stages.values()
        return [n.args[0].op for n in reachable([stage.body]) if n.op == "exp"]

    assert exponents("sum[i in n](exp(x[n])*exp(y[i]))") == ["read", "read"]
    assert exponents("sum[i in n](exp(x[n] - y[i])*exp(y[i]))") == ["add"]


EXPONENTIALS = {
    "a number below": ("w/(2 + exp(x))", "sigmoid", "w/(y + exp(x))"),
    "one below": ("w/(1 + exp(x))", "sigmoid", "w/(exp(x) - 1)"),
    "the same above": ("exp(x)/(g + 0.5 + exp(x))", "sigmoid", "exp(x)/(y + exp(x))"),
    "weighed above": ("w*exp(x)/(1 + exp(x))", "sigmoid", "w*exp(x)/(exp(x) - 2)"),
    "a power of a sigmoid below": ("x/(sigmoid(x)^x + 0.3)", "sigmoid", "x/(x^x + 0.3)"),
    "a sum below": ("exp(x)/(sum[i in n](exp(x[i]/2)) + exp(x))", "logsumexp", "exp(x)/(sum[i in n](x[i]) + exp(x))"),
}
"""Quotients by sums with an exponential: what fires, what it gives, and what stays a quotient."""


@pytest.mark.parametrize("name", EXPONENTIALS)
def test_quotient_by_a_sum_with_an_exponential(name: str) -> None:
    text, op, near_miss = EXPONENTIALS[name]
    assert op in operations(text)
    assert op not in operations(near_miss)


@pytest.mark.parametrize("name", EXPONENTIALS)
def test_quotients_do_not_overflow(name: str) -> None:
    text, _, _ = EXPONENTIALS[name]
    checked = program(text)
    module = import_generated(emit(checked), "f")
    x = np.array([-900.0, -3.0, 0.25, 40.0, 900.0])
    inputs = {"x": x, "y": np.full(len(x), 0.3), "w": np.linspace(0.0, 1.0, len(x)), "t": np.ones(len(x))}
    value, grad = module.f_value_and_grad(**inputs, reduction="none")
    judge = Interpreter(checked, digits=DIGITS).bind(inputs)
    with mpmath.workdps(DIGITS):
        expected = np.array([float(v) for v in np.ravel(np.asarray(judge.value("none"), dtype=object))])
        slope = np.array([float(v) for v in np.ravel(judge.gradient("x", "none"))])
    condition = max(abs(x))  # of an exponential: its argument
    np.testing.assert_allclose(value, expected, rtol=4 * condition * np.finfo(float).eps, atol=1e-300)
    # of a sum below, it is a difference of weights of at most 1
    np.testing.assert_allclose(grad, slope, rtol=16 * condition * np.finfo(float).eps, atol=16 * np.finfo(float).eps)


def test_softened_quotients_can_be_differentiated_twice() -> None:
    checked = program("w/(2 + exp(x))")
    module = import_generated(emit(checked), "f")
    assert np.isfinite(module.f_hess_diag(np.array([800.0, -800.0]), np.zeros(2), np.ones(2), np.ones(2))).all()


def test_masked_logarithms_vanish_with_their_weight() -> None:
    """Bounded logarithms need no guard; those of an empty sum do."""
    assert "guarded_mul" in operations("w*(logsumexp[i in n where i > n](x[i]) - x)")
    assert "guarded_mul" not in operations("w*(logsumexp[i in n](x[i]) - x)")
    assert "guarded_mul" not in operations("w*(log(2 + x^2) - y)")
