"""The check of a loss: what it reports, what it accepts, what it must not accept.  Planted errors: next door."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from lossdsl.check import Report, check
from lossdsl.check.compare import Comparison, Fault, compare
from lossdsl.check.draw import Drawer, Impossible
from lossdsl.check.jets import DIAGONAL, GRADIENT, VALUE, Jets, Question
from lossdsl.check.points import Point, Points
from lossdsl.check.precision import DOUBLE, SINGLE
from lossdsl.check.promises import promised
from lossdsl.check.reference import ROUNDINGS, Expected, Reference, Refused, is_elementwise
from lossdsl.check.report import Row
from lossdsl.check.rounding import at_random
from lossdsl.check.sizes import agreeing, choose
from lossdsl.check.subjects import NumpyCode
from lossdsl.check.taylor import remainder_rate
from lossdsl.check.witness import judge
from lossdsl.meaning import resolve
from lossdsl.meaning.core import Alternative, Apply, Arg, Program
from lossdsl.meaning.interpret import Interpreter
from lossdsl.meaning.reference.walk import bottom_up, roots
from lossdsl.syntax import parse

HUBER = """
loss huber(pred[n] | target[n]; delta > 0 = 1.0):
    r = |pred - target|
    return mean[n](r^2/2 if r <= delta else delta*(r - delta/2))
"""
CROSS_ENTROPY = """
loss ce(logits[n, c] | label[n] in c or {-100}):
    return mean[n where label[n] != -100](logsumexp[c](logits[n, c]) - logits[n, label[n]])
"""


def program(text: str) -> Program:
    return list(resolve(parse(text)).losses.values())[-1]


def one(expression: str, signature: str = "x[n]") -> Program:
    return program(f"loss f({signature}):\n    return {expression}")


def numpy_only(text: str) -> Report:
    return check(program(text), backends=("numpy",))


@pytest.fixture(scope="module")
def report() -> Report:
    return numpy_only(HUBER)


# ---------------------------------------------------------------- the report


def test_what_is_compared_with_what(report: Report) -> None:
    assert report.ok, str(report)
    compared = {(row.what, row.against, row.dtype) for row in report.rows}
    assert {
        ("NumPy value", "interpreter", "float64"),
        ("NumPy value", "interpreter", "float32"),
        ("NumPy gradient", "interpreter", "float64"),
        ("NumPy gradient", "interpreter", "float32"),
        ("NumPy gradient", "finite differences", "float64"),
        ("NumPy Hessian diagonal", "interpreter", "float64"),
        ("NumPy Hessian-vector product", "interpreter", "float64"),
    } <= compared
    assert all(row.points for row in report.rows)


def test_with_pytorch_there_is_autograd() -> None:
    pytest.importorskip("torch")
    compared = {(row.what, row.against) for row in check(program(HUBER)).rows}
    assert {
        ("PyTorch value", "interpreter"),
        ("autograd value", "interpreter"),
        ("PyTorch gradient", "interpreter"),
        ("PyTorch gradient", "autograd"),
        ("PyTorch Hessian diagonal", "double autograd"),
        ("NumPy Hessian diagonal", "double autograd"),
    } <= compared


def test_the_table_is_aligned(report: Report) -> None:
    title, heading, *lines = str(report).splitlines()
    assert title == f"huber: {len(report.rows)} comparisons (errors in ulps)"
    where = heading.index("with")
    assert all(line[where - 2 : where] == "  " for line in lines)
    assert not any(line.endswith(" ") for line in lines)


def test_terms_and_predictions_have_rows() -> None:
    text = (
        "loss f(x[n] | y[n]):\n    predict p = sigmoid(x)\n    fit = mean[n]((p - y)^2)\n    return fit + sum[n](x^2)"
    )
    rows = {row.what: row for row in numpy_only(text).rows}
    assert rows["NumPy terms"].status == rows["NumPy predictions"].status == "ok"


def test_json_is_plain(report: Report) -> None:
    again = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert again["ok"] is True
    assert again["loss"] == "huber"
    assert {row["status"] for row in again["rows"]} == {"ok"}
    infinite = Row("a", "b", "float64", 1, float("inf"), 0.0, "", "failed")
    assert Report("f", (infinite,)).to_json()["rows"][0]["error"] == "inf"


def test_the_same_seed_gives_the_same_report(report: Report) -> None:
    assert numpy_only(HUBER) == report


def test_a_failure_shows_a_call_that_reproduces_it() -> None:
    failed = Row(
        "NumPy value", "interpreter", "float64", 3, 9.0, 1.0, "ties", "failed", "is 1 instead of 2", "f([1.0])"
    )
    text = str(Report("f", (failed,)))
    assert "1 of 1 comparisons FAILED" in text
    assert "! NumPy value, interpreter: is 1 instead of 2" in text
    assert "f([1.0])" in text
    assert not Report("f", (failed,)).ok


def test_progress_names_groups_of_points() -> None:
    labels: list[str] = []
    check(one("x^2"), backends=("numpy",), progress=labels.append)
    assert {"drawn", "ties", "one element", "no element", "huge"} <= set(labels)


def test_without_pytorch_its_rows_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    rows = check(one("x^2")).rows
    assert [row.note for row in rows if row.status == "skipped"] == ["torch is not installed"]
    assert {row.status for row in rows} == {"ok", "skipped"}


def test_code_that_can_not_be_emitted_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def emit(backend: str, programs: object, **options: object) -> str:
        raise KeyError("no such stage")

    monkeypatch.setattr("lossdsl.backends.registry.emit", emit)
    report = check(one("x^2"), backends=("numpy",))
    assert not report.ok
    assert "can not be emitted: KeyError: 'no such stage'" in str(report)


# ---------------------------------------------------------------- losses that are unusual


def test_a_loss_without_a_value_anywhere_fails() -> None:
    report = check(one("mean[n](log(-1 - x^2))"), backends=("numpy",))
    assert not report.ok
    assert "no numbers were found for which the formula has a value" in str(report)


def test_calls_that_the_language_forbids_must_be_refused() -> None:
    text = "loss f(x[n] | y[n]):\n    return (x[argmax[n](y[n])] - 1)^2"
    report = numpy_only(text)
    assert report.ok, str(report)
    refused = [p for p in all_points(program(text)) if isinstance(Reference(program(text)).has_value(p), Refused)]
    assert {p.label for p in refused} >= {"no element"}


def test_stopped_gradients_have_no_finite_differences() -> None:
    report = check(one("mean[n]((x - stop_gradient(x^2))^2)"), backends=("numpy",))
    assert report.ok, str(report)
    (row,) = [row for row in report.rows if row.against == "finite differences"]
    assert row.status == "skipped"


@pytest.mark.parametrize(
    "text",
    [
        CROSS_ENTROPY,
        "loss f(x[..] | y[..] in {0, 1}, w[..] >= 0 = 1):\n    return w*(x - y)^2",
        "loss f(score | y in (0, 1); learn s = 0.5):\n    return (sigmoid(score*s) - y)^2",
        "loss f(x[t], w[a]):\n    return sum[t](sum[a](w[a]*x[t+a-1])^2)",
        "loss f(p[n, 3] in [0, 1]; q in (0, 1] = 0.5, r in [0, q] = 0.2):\n    return mean[n](q*p[n, 0] + r*p[n, -1])",
        "loss f(x[n]; bins in {3, 5} = 3):\n    return mean[n](sum[b in bins](exp(-(x[n] - b)^2)))",
    ],
)
def test_every_kind_of_signature_can_be_checked(text: str) -> None:
    report = numpy_only(text)
    assert report.ok, str(report)


# ---------------------------------------------------------------- points


def all_points(checked: Program) -> list[Point]:
    return [point for candidates in Points(checked).all() for point in candidates]


def test_points_cover_what_is_awkward() -> None:
    points = all_points(program(CROSS_ENTROPY))
    assert {point.kind for point in points} == {"general", "kink", "mask", "size", "extreme"}
    labels = [set(point.arguments["label"].tolist()) for point in points]
    assert {-100} in labels, "everything is ignored"
    shapes = {point.arguments["logits"].shape for point in points}
    assert {(0, 0), (1, 1)} <= shapes
    assert any(n == 1 < c for n, c in shapes)
    drawn = next(point for point in points if point.label == "drawn")
    assert len(set(drawn.arguments["logits"].shape)) == 2, "axes that are mixed up must show"


def test_points_lie_in_their_domains() -> None:
    text = (
        "loss f(p[n] in (0, 1) | y[n] > 0, k[n] in n, s[n] in {-1, 1}, z[n] != 0; a > 0 = 1, b in [a, inf) = 2):\n"
        "    return mean[n](p^2 + y + k[n] + s + z + a + b)"
    )
    for point in all_points(program(text)):
        given = point.arguments
        assert ((given["p"] > 0) & (given["p"] < 1)).all()
        assert (given["y"] > 0).all()
        assert set(given["k"].tolist()) <= set(range(len(given["p"])))
        assert set(given["s"].tolist()) <= {-1, 1}
        assert (given["z"] != 0).all()
        assert 0 < given.get("a", 1) <= given.get("b", 2)


def test_points_are_exact_in_their_precision() -> None:
    for point in all_points(program(HUBER)):
        assert point.arguments["pred"].dtype == point.precision.dtype
        delta = point.arguments.get("delta", 1.0)
        assert float(point.precision.dtype.type(delta)) == delta


def test_residuals_meet_hyperparameters() -> None:
    points = [point for point in all_points(program(HUBER)) if point.label == "residuals at hyperparameters"]
    met = [np.abs(point.arguments["pred"] - point.arguments["target"]) == point.arguments["delta"] for point in points]
    assert any(each.any() for each in met)


def test_a_domain_without_a_number_is_impossible() -> None:
    label = next(arg for arg in program(CROSS_ENTROPY).args if arg.name == "label")
    only_axis = dataclasses.replace(label, domain=(Alternative("axis", axis="c"),))
    with pytest.raises(Impossible):
        Drawer(np.random.default_rng(0), DOUBLE, {"n": 2, "c": 0}).any_of(only_axis)


def test_ends_of_domains() -> None:
    def ends(domain: Alternative) -> list[float]:
        arg = Arg("x", "data", (), (domain,), None, False, program(HUBER).span)
        return Drawer(np.random.default_rng(0), DOUBLE, {}).ends(arg)

    assert ends(Alternative("interval", Fraction(0), Fraction(1))) == [0, 1]
    assert ends(Alternative("interval", Fraction(0), "inf", low_open=True)) == [2.0**-10]
    low, high = ends(Alternative("interval", Fraction(0), Fraction(1), True, True))
    assert 0 < low < high < 1


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (
            "loss f(a[i, d], b[j, d]):\n    return sum[i, d](a[i, d]*b[i, d])",
            lambda s: s["i"] == s["j"] != s["d"],
        ),
        ("loss f(x[t]):\n    return sum[t](x[t+3] - x[t])", lambda s: s["t"] >= 5),
        ("loss f(x[t], w[a]):\n    return sum[t](sum[a](w[a]*x[t+a]))", lambda s: s["t"] > s["a"] >= 2),
        ("loss f(x[n, c, d]):\n    return mean(x)", lambda s: len(set(s.values())) == 3),
    ],
)
def test_sizes_fit_the_formula(text: str, holds: Callable[[dict[str, int]], bool]) -> None:
    checked = program(text)
    wanted = dict.fromkeys("abcdijnt", 2)
    sizes = choose(checked, {}, {name: wanted.get(name, 2) for name in "abcdijnt"})
    assert sizes is not None
    assert agreeing(checked, sizes, {})
    assert holds(sizes), sizes


# ---------------------------------------------------------------- tolerances


PROMISED = {
    "log(1 + exp(x))": "softplus",
    "log(exp(x) + 1)": "softplus",
    "log(sigmoid(x))": "log_sigmoid",
    "log(1 - sigmoid(x))": "log_sigmoid",
    "log(1/(1 + exp(-x)))": "log_sigmoid",
    "1 - sigmoid(x)": "sigmoid",
    "exp(x) - 1": "expm1",
    "1 - exp(x)": "expm1",
    "log(1 + x^2)": "log1p",
    "log(1 - sigmoid(x)/2)": "log1p",
    "log(cosh(x))": "logcosh",
}


@pytest.mark.parametrize("formula", PROMISED)
def test_promised_forms_are_the_same_function(formula: str) -> None:
    before = one(formula)
    after = promised(before)
    functions = {node.function for node in bottom_up(roots(after)) if isinstance(node, Apply)}
    assert PROMISED[formula] in functions
    values = {"x": np.linspace(-3, 3, 7)}
    with mpmath.workdps(30):
        for result in (lambda i: i.value("none"), lambda i: i.gradient("x"), lambda i: i.hessian_diagonal("x")):
            pair = [result(Interpreter(each, 50).bind(values)) for each in (before, after)]
            assert all(abs(a - b) <= mpf("1e-45") for a, b in zip(*pair, strict=True))


def test_promised_forms_are_found_behind_bindings() -> None:
    after = promised(
        program("loss f(x[n]):\n    p = 1/(1 + exp(-x))\n    q[n] = 1 - p[n]\n    return mean[n](-log(q))")
    )
    assert "log_sigmoid" in {node.function for node in bottom_up(roots(after)) if isinstance(node, Apply)}


@pytest.mark.parametrize("formula", ["log(2 + exp(x))", "2 - sigmoid(x)", "exp(x) + 1", "log(x)"])
def test_near_misses_stay(formula: str) -> None:
    before = one(formula)
    assert promised(before) is before


def expected(checked: Program, values: Any) -> dict[tuple[str, str], Expected]:
    point = Point("here", "general", DOUBLE, {"x": np.asarray(values, dtype=float)}, 100)
    found = Reference(checked).expect(point, Question({"x": np.ones(np.shape(values))}, second=True))
    assert isinstance(found, dict)
    return found


def relative(each: Expected) -> float:
    return float(max(each.allowed.reshape(-1)) / max(abs(x) for x in each.reference.reshape(-1)))


def test_a_few_hundred_ulps_where_nothing_cancels() -> None:
    found = expected(one("mean[n](exp(x) + x^2)"), [0.3, 0.7, 1.1])
    assert all(2.0**-53 < relative(each) < 500 * 2.0**-53 for each in found.values())


def test_more_where_the_formula_cancels() -> None:
    """(1 + x^2) - 1 loses half of the digits at x = 1e-4."""
    found = expected(one("sum[n]((1 + x^2) - 1)"), [1e-4])
    assert 1e-9 < relative(found[VALUE, ""]) < 1e-4
    assert relative(found[GRADIENT, "x"]) < 1e-12


def test_no_more_where_the_language_promises_that_nothing_is_lost() -> None:
    for formula in ("sum[n](1 - sigmoid(x))", "sum[n](log(1 + exp(-x)))"):
        assert relative(expected(one(formula), [35.0])[VALUE, ""]) < 1e-11


def test_terms_that_cancel_in_a_gradient_count() -> None:
    """softmax - one-hot: the derivative of one class is 0, and each of its two terms is 1."""
    found = expected(one("mean[n](logsumexp[c](x[n, c]) - x[n, 0])", "x[n, c]"), [[1.0]])
    gradient = found[GRADIENT, "x"]
    assert gradient.reference[0, 0] == 0
    assert 1e-16 < gradient.allowed[0, 0] < 1e-13


def test_elementwise_losses_are_judged_by_entry() -> None:
    assert is_elementwise(one("mean[n](exp(x))"))
    assert not is_elementwise(one("mean[n](exp(x - max[m](x[m])))"))
    gradient = expected(one("mean[n](x^2)"), [1e-30, 1.0])[GRADIENT, "x"]
    assert gradient.scale[0] < 1e-29 < gradient.scale[1]


def test_shares_of_the_points_are_the_whole() -> None:
    checked = one("sum[n](x^2)")
    every = [next(iter(candidates)).label for candidates in Points(checked).all()]
    shares = [[next(iter(c)).label for c in Points(checked, share=(k, 3)).all()] for k in range(3)]
    assert all(share[:2] == every[:2] for share in shares)
    assert sorted(every[2:]) == sorted(label for share in shares for label in share[2:])


def test_derivatives_of_an_infinite_loss_are_not_compared() -> None:
    found = expected(one("sum[n](log(x))"), [0.0, 1.0])
    assert found[VALUE, ""].reference == -mpmath.inf
    assert all(mpmath.isnan(entry) for entry in found[GRADIENT, "x"].reference)


def test_second_derivatives_of_a_norm_at_zero_are_not_compared() -> None:
    for formula in ("norm[n](x)", "norm[n](x)^2", "sqrt(sum[n](x^2))"):
        found = expected(one(formula), [0.0, 0.0])
        assert all(mpmath.isnan(entry) for entry in found[DIAGONAL, "x"].reference), formula
        assert all(entry == 0 for entry in found[GRADIENT, "x"].reference), formula


def test_a_second_derivative_that_is_cut_off_is_compared() -> None:
    """h^1.5 has none at 0, but where the hinge is not active it plays no part."""
    diagonal = expected(one("sum[n](relu(x - 1)^1.5)"), [0.0, 2.0])[DIAGONAL, "x"].reference
    assert diagonal[0] == 0
    assert diagonal[1] == 0.75


def test_points_that_mpmath_can_not_evaluate_are_left_out() -> None:
    point = Point("here", "extreme", DOUBLE, {"x": np.array([710.0])}, 400)
    reference = Reference(one("sum[n](2^exp(exp(exp(x))))"))
    assert reference.has_value(point) in (True, False)


def test_the_reference_has_the_digits_that_it_needs() -> None:
    """At 100 digits log(1 + exp(-300)) is 0."""
    value = expected(one("sum[n](log(1 + exp(x)))"), [-300.0])[VALUE, ""].reference
    with mpmath.workdps(30):
        assert abs(value - mpmath.exp(-300)) < 1e-20 * value


# ---------------------------------------------------------------- random rounding


def test_inexact_results_are_rounded_either_way() -> None:
    with at_random(0), mpmath.workdps(15):
        thirds = {mpf(1) / 3 for _ in range(50)}
        assert len(thirds) == 2
        assert {mpf(3) / 4 for _ in range(50)} == {mpf("0.75")}
        assert {mpf(1) + mpf("1e-40") for _ in range(50)} == {mpf(1), mpf(1) + mpf(2) ** -52}


def test_rounding_is_left_as_it_was() -> None:
    before = mpf(1) / 3, mpmath.mp.prec
    with pytest.raises(ZeroDivisionError), at_random(0):
        mpf(1) / 0
    assert (mpf(1) / 3, mpmath.mp.prec) == before
    assert len({mpf(1) / 3 for _ in range(50)}) == 1


# ---------------------------------------------------------------- comparisons


def as_expected(values: Any, allowed: float = 1e-12) -> Expected:
    array = np.empty(np.shape(values), dtype=object)
    array[...] = np.vectorize(mpf, otypes=[object])(np.asarray(values, dtype=object)) if np.size(values) else None
    ones = np.full(array.shape, mpf(1), dtype=object)
    return Expected(array, ones, np.asarray(ones * mpf(allowed), dtype=object), ROUNDINGS)


@pytest.mark.parametrize(
    ("found", "reference", "complaint"),
    [
        (np.array([1.0, 2.0]), [1.0, 2.0], ""),
        (np.array([1.0, 2.0 + 1e-13]), [1.0, 2.0], ""),
        (np.array([1.0, 2.0 + 1e-11]), [1.0, 2.0], "instead of 2.0"),
        (np.array([1.0]), [1.0, 2.0], "shape"),
        (np.array([1.0, 2.0], dtype=np.float32), [1.0, 2.0], "dtype"),
        (np.array(np.nan), 1.0, "is nan instead of 1.0"),
        (np.array(np.inf), 1.0, "is inf instead of 1.0"),
        (np.array(1e300), "inf", "instead of +inf"),
        (np.array(-np.inf), "inf", "instead of +inf"),
        (np.array(np.inf), "inf", ""),
        (np.array(np.inf), "1e400", ""),
        (np.array(np.nan), "1e400", ""),
        (np.array(1.0), "1e400", "instead of"),
        (np.array(17.0), "nan", ""),
        (np.zeros(0), np.zeros(0), ""),
        (Fault(ValueError("no")), 1.0, "raises ValueError: no"),
    ],
)
def test_comparisons(found: Any, reference: Any, complaint: str) -> None:
    wrong = compare(found, as_expected(reference), DOUBLE).wrong
    assert bool(wrong) == bool(complaint)
    assert complaint in wrong


def test_what_is_refused_must_be_refused() -> None:
    assert compare(Fault(IndexError("out")), Refused("argmax over nothing"), DOUBLE) == Comparison(1)
    assert "should be refused: argmax" in compare(np.array(1.0), Refused("argmax over nothing"), DOUBLE).wrong


def test_errors_are_in_ulps() -> None:
    for precision in (DOUBLE, SINGLE):
        found = np.nextafter(precision.dtype.type(1.5), precision.dtype.type(2))
        assert compare(found, as_expected(1.5, 1e-3), precision).error == 1


# ---------------------------------------------------------------- witnesses


def here(kind: Any) -> Point:
    return Point("here", kind, DOUBLE, {}, 100)


def verdict(found: Any, witness: Any, reference: Expected, kind: Any) -> tuple[Comparison, str]:
    judged = judge(found, witness, reference, here(kind))
    assert judged is not None
    return judged


def test_autograd_is_excused_where_the_interpreter_sides_with_the_closed_form() -> None:
    right, wrong, reference = np.array([0.0]), np.array([np.nan]), as_expected([0.0])
    assert "kink" in verdict(right, wrong, reference, "kink")[1]
    comparison, excuse = verdict(wrong, right, reference, "kink")
    assert comparison.wrong
    assert not excuse


def test_autograd_is_no_witness_where_both_are_wrong() -> None:
    wrong = np.array([np.nan])
    assert judge(wrong, wrong, as_expected([0.0]), here("kink")) is None


def test_autograd_has_no_excuse_in_general_position() -> None:
    for witness, reason in ((1.1, ""), (1 + 1e-10, "digits")):
        comparison, excuse = verdict(np.array([1.0]), np.array([witness]), as_expected([1.0]), "general")
        assert comparison.wrong
        assert reason in excuse
        assert bool(excuse) == bool(reason)


def test_autograd_may_lose_half_of_the_digits_that_cancellation_leaves_and_no_more() -> None:
    """Terms a million times as large as their sum: of 53 bits, 33 are left, and half of those on the way."""
    reference = as_expected([1.0], allowed=ROUNDINGS * 1e6 * 2.0**-53)
    half = 1e6 * 2.0**-25.5
    for error, excused in ((0.4 * half, True), (3 * half, False)):
        comparison, excuse = verdict(np.array([1.0]), np.array([1.0 + error]), reference, "general")
        assert comparison.wrong
        assert bool(excuse) == excused


def rate(formula: str, error: float) -> Any:
    checked = one(formula)
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, 0.5, -0.25])
    reference = expected(checked, x)[GRADIENT, "x"]
    (gradient,) = NumpyCode(checked).gradient({"x": x}, ("x",))
    return remainder_rate(checked, {"x": x}, {"x": v}, [gradient + error], [reference])


def test_the_taylor_remainder_of_a_right_gradient_is_of_order_two() -> None:
    found = rate("mean[n](exp(x))", 0.0)
    assert found.ok
    assert found.order == pytest.approx(2, abs=1e-3)


def test_a_linear_loss_leaves_no_remainder() -> None:
    found = rate("sum[n](3*x)", 0.0)
    assert found.ok
    assert found.order is None


@pytest.mark.parametrize("formula", ["mean[n](exp(x))", "sum[n](3*x)"])
def test_the_taylor_remainder_of_a_wrong_gradient_is_of_order_one(formula: str) -> None:
    found = rate(formula, 1e-3)
    assert not found.ok
    assert found.order == pytest.approx(1, abs=0.1)


def test_jets_are_what_the_interpreter_says() -> None:
    checked = program(HUBER)
    rng = random.Random(0)
    arguments = {name: np.array([rng.gauss(0, 1) for _ in range(3)]) for name in ("pred", "target")}
    vector = {"pred": np.array([1.0, -0.5, 0.25])}
    answers = Jets(checked, 50, arguments).answer(Question(vector, (None, "sum", "none"), second=True))
    judge_ = Interpreter(checked, 50).bind(arguments)
    assert answers["value", ""] == judge_.value()
    assert answers["value, sum", ""] == judge_.value("sum")
    assert list(answers["value, none", ""]) == list(judge_.value("none"))
    assert list(answers["gradient, sum", "pred"]) == list(judge_.gradient("pred", "sum"))
    assert list(answers["Hessian diagonal", "pred"]) == list(judge_.hessian_diagonal("pred"))
    assert list(answers["Hessian-vector product", "pred"]) == list(judge_.hvp("pred", vector["pred"]))
