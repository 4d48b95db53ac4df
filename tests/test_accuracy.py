"""The error of emitted code in ulps: the goals that hold, and that the measurement sees what it should."""

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner
from mpmath import mpf
from resolved import checked as program

from lossdsl.accuracy import cache, measure, measure_program, subjects
from lossdsl.accuracy.arrays import Arrays
from lossdsl.accuracy.codes import NumpyCode
from lossdsl.accuracy.command import command
from lossdsl.accuracy.condition import condition_numbers
from lossdsl.accuracy.functional import functional_code
from lossdsl.accuracy.losses import differentiable, measured_by_element
from lossdsl.accuracy.measurement import OURS, TYPED
from lossdsl.accuracy.naive import naive_code, text
from lossdsl.accuracy.report import markdown
from lossdsl.accuracy.samples import elements, ordinary
from lossdsl.accuracy.selection import QUICK
from lossdsl.accuracy.summation import Bounds, Summations
from lossdsl.accuracy.truth import QUANTITIES, Judge, objects
from lossdsl.accuracy.ulps import errors
from lossdsl.check.compare import Fault
from lossdsl.check.precision import DOUBLE, SINGLE

HUBER = """loss huber(pred[n] | target[n]; delta > 0 = 1.0):
    r = pred - target
    return mean[n](r^2/2 if |r| <= delta else delta*(|r| - delta/2))
"""
LOGISTIC = """loss logistic(score[n]):
    return mean[n](log(1 + exp(score)))
"""
CAUTIOUS = """loss cautious(score[n]):
    return mean[n](-log(1 - sigmoid(score)))
"""


def judge(checked, by_element=True):
    return Judge.of(checked, differentiable(checked, by_element), by_element)


# ---------------------------------------------------------------- the goals


@pytest.mark.parametrize("title", QUICK)
def test_goals(title):
    (subject,) = subjects(wanted=[title])
    found = measure(subject, quick=True, others=False)
    for column, summary in found.summaries.items():
        if column[0] in OURS and (found.by_element or column[2] != "sum"):
            assert summary.count >= (1 if column[2] == "sum" else 20 if found.by_element else 3), column
            assert summary.good, (column, summary)


def test_the_selection_names_losses_that_exist():
    assert [subject.title for subject in subjects(wanted=QUICK)] == [
        subject.title for subject in subjects() if subject.title in QUICK
    ]
    assert len(subjects(wanted=QUICK)) == len(QUICK)


# ---------------------------------------------------------------- the measurement sees errors


class Spoiled:
    """Emitted NumPy code whose results pass through a function."""

    name = "NumPy"

    def __init__(self, spoil):
        self.spoil = spoil

    def __call__(self, checked):
        self.code = NumpyCode(checked)
        return self

    def results(self, arguments, wrt, by_element):
        return {key: self.spoil(key, array) for key, array in self.code.results(arguments, wrt, by_element).items()}

    def total(self, arguments):
        return self.code.total(arguments)


def off_by_ulps(array, count):
    return array * (1 + count * np.finfo(array.dtype).eps)


@pytest.mark.parametrize("what", ["value", "gradient", "Hessian diagonal"])
def test_an_error_of_twenty_ulps_is_seen(what, monkeypatch):
    def spoil(key, array):
        return off_by_ulps(array, 20) if key[0] == what else array

    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", Spoiled(spoil))
    found = measure_program(program(LOGISTIC), quick=True)
    for dtype in ("float64", "float32"):
        assert not found.summaries["NumPy", dtype, what].good
        assert 20 <= found.summaries["NumPy", dtype, what].worst < 45
    assert not found.good


def test_a_sum_that_is_not_pairwise_is_seen(monkeypatch):
    class OneByOne(NumpyCode):
        def total(self, arguments):
            return np.cumsum(self.results(arguments, (), True)["value", ""])[-1]

    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", OneByOne)
    found = measure_program(program(LOGISTIC), quick=True)
    assert not found.summaries["NumPy", "float32", "sum"].good
    assert found.summaries["PyTorch", "float32", "sum"].good


DISTILLATION = """loss distillation(student[n, c] | teacher[n, c]):
    p[n, c] = softmax[c](teacher[n, c])
    return mean[n](sum[c](p*(log_softmax[c](teacher[n, c]) - log_softmax[c](student[n, c]))))
"""


@pytest.mark.parametrize(("ulps", "good"), [(0, True), (4000, False)])
def test_a_small_sum_of_larger_terms_has_the_bound_of_pairwise_summation(ulps, good, monkeypatch):
    def spoil(key, array):
        return off_by_ulps(array, ulps) if key[0] == "value" else array

    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", Spoiled(spoil))
    found = measure_program(program(DISTILLATION), quick=True, others=False).summaries["NumPy", "float64", "value"]
    assert found.good == good
    if good:
        assert found.worst > 4 >= found.summed


def bounds(text, **arguments):
    return Bounds(
        program(text), 40, {name: np.array(value) for name, value in arguments.items()}, Summations
    ).of_elements()


def test_sums_inside_a_value_are_off_by_the_magnitudes_of_their_terms():
    squared = "loss l(x[n] | y[n]):\n    return 3*(sum[n](x) - mean[n](y))^2\n"
    assert bounds(squared, x=[1.0, -2.0], y=[4.0, 2.0]) == 6 * abs(-1 - 3) * (3 + 3)
    running = "loss l(x[n, c]):\n    s[n, c] = cumsum[c](x)\n    return mean[n](sum[c](s)*x[n, 0])\n"
    assert bounds(running, x=[[1.0, -2.0], [3.0, 1.0]]).tolist() == [(3 + 1 + 1) * 1, (4 + 3 + 4) * 3]


def test_one_term_and_terms_of_one_sign_are_allowed_nothing():
    alone = "loss l(x[n, c]):\n    return mean[n](sum[c](x) + logsumexp[c](x) + norm[c](x))\n"
    assert bounds(alone, x=[[2.0]]).tolist() == [0]
    assert bounds(alone, x=[[2.0, -2.0]]).tolist() == [4]


def test_nan_is_counted_apart(monkeypatch):
    def spoil(key, array):
        return np.where(array > 40, np.nan, array).astype(array.dtype)

    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", Spoiled(spoil))
    value = measure_program(program(LOGISTIC), quick=True).summaries["NumPy", "float64", "value"]
    assert value.lost >= value.nan > 0
    assert not value.good
    assert value.worst < 4


def test_an_overflow_is_lost_and_no_nan(monkeypatch):
    def spoil(key, array):
        return np.where(array > 40, np.inf, array).astype(array.dtype)

    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", Spoiled(spoil))
    value = measure_program(program(LOGISTIC), quick=True).summaries["NumPy", "float64", "value"]
    assert value.lost > 0
    assert value.nan == 0


def test_the_page_has_no_nan_at_inputs_of_usual_size():
    """Of the whole catalogue, in emitted code; what is typed in PyTorch has some."""
    page = (Path(__file__).parent.parent / "docs" / "accuracy.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| emitted ")]
    assert [int(row[-2]) for row in rows] == [0, 0]
    (typed,) = (line.split("|") for line in page.splitlines() if line.startswith("| the formula typed"))
    assert int(typed[-2]) > 0


def test_a_wrong_shape_is_a_fault(monkeypatch):
    monkeypatch.setattr("lossdsl.accuracy.measurement.NumpyCode", Spoiled(lambda key, array: array[:-1]))
    found = measure_program(program(LOGISTIC), quick=True)
    assert "has shape" in found.summaries["NumPy", "float64", "value"].fault
    assert not found.good


def test_what_is_typed_loses_what_emitted_code_keeps():
    found = measure_program(program(CAUTIOUS), quick=True)
    assert found.summaries["NumPy", "float64", "value"].worst < 4
    assert found.summaries[TYPED, "float64", "value"].lost > 0
    assert found.summaries[TYPED, "float64", "value"].worst > 1e6


# ---------------------------------------------------------------- ulps


def test_errors_in_ulps():
    with mpmath.workdps(30):
        truth = objects([mpf(1), mpf(1), mpf(2) ** -1074, mpf(0), 1 + mpf(2) ** -53], (5,))
    found = np.array([1.0, np.nextafter(1.0, 2.0), 3 * 5e-324, 5e-324, 1.0])
    assert errors(found, truth, DOUBLE).ulps.tolist() == [0.0, 1.0, 2.0, 1.0, 0.5]


def test_results_that_are_not_finite():
    truth = objects([mpf(1), mpf("1e400"), mpf("1e400"), mpf("-1e400"), mpf("nan"), mpf("1e39")], (6,))
    found = np.array([np.nan, np.inf, np.nan, np.inf, np.nan, np.inf])
    seen = errors(found, truth, DOUBLE)
    assert seen.lost.tolist() == [True, False, False, False, False, True]
    assert seen.nan.tolist() == [True, False, False, False, False, False]
    assert seen.vast.tolist() == [False, False, True, True, False, False]
    assert np.isnan(seen.ulps).all()
    assert not errors(found[5:], truth[5:], SINGLE).lost.any()


def test_no_error_is_larger_than_the_number_of_floats():
    assert errors(np.array([1.0]), objects([mpf(0)], (1,)), DOUBLE).ulps.tolist() == [2.0**64]


# ---------------------------------------------------------------- the truth


def test_truth_of_saturated_logits():
    scores = np.array([-1e4, -40.0, 710.0, 1e4, 1e30])
    truth = judge(program(CAUTIOUS)).truth({"score": scores})
    with mpmath.workdps(30):
        assert truth["value", ""][1] == pytest.approx(mpmath.log1p(mpmath.exp(-40)), rel=1e-18)
        assert [float(entry) for entry in truth["value", ""][2:]] == [710.0, 1e4, 1e30]
        assert abs(truth["value", ""][0] / mpmath.exp(-10000) - 1) < 1e-18


def test_truth_of_a_slow_function_by_a_subnormal_scale():
    """g(z) - z*g'(z) at z = 1e323: what is left of terms that large is in the 324th digit."""
    (crps,) = [subject for subject in subjects() if subject.title == "regression: crps_gaussian"]
    given = {"mu": np.array([2.0]), "sigma": np.array([5e-324]), "target": np.array([0.6])}
    truth = Judge.of(crps.program(), ("mu", "sigma"), True).truth(given)
    assert truth["gradient", "sigma"][0] == pytest.approx(-1 / mpmath.sqrt(mpmath.pi), rel=1e-15)


def test_limits_at_infinity_are_confirmed_by_vast_arguments():
    truth = judge(program(LOGISTIC)).truth({"score": np.array([-np.inf, np.inf])})
    assert truth["value", ""].tolist() == [0, mpf("inf")]
    assert truth["gradient", "score"][0] == 0
    assert truth["gradient", "score"][1] != truth["gradient", "score"][1]


# ---------------------------------------------------------------- condition numbers


def condition(source, what, **arguments):
    checked = program(source)
    wrt = differentiable(checked, True)
    given = {name: np.array(values) for name, values in arguments.items()}
    numbers = condition_numbers(judge(checked), given, DOUBLE)
    return numbers[what, "" if what == "value" else wrt[0]].tolist()


def test_condition_number_of_a_difference():
    source = "loss d(x[n] | y[n]):\n    return mean[n](x - y)\n"
    assert condition(source, "value", x=[1.001, 1.0], y=[1.0, -1.0]) == pytest.approx([2001, 1], rel=1e-9)


def test_condition_numbers_of_arrays_are_estimated_from_below():
    """Of a sum of n terms of equal size and any sign, moved by random signs: at most n, and not much less."""
    checked = program("loss s(x[n]):\n    return sum[n](x)^1 + 0*norm[n](x)\n")
    given = {"x": np.array([1.0, 2.0, 3.0, 4.0, -9.0])}
    numbers = condition_numbers(judge(checked, by_element=False), given, DOUBLE)
    assert 19 / 5 <= numbers["value", ""][0] <= 19 * (1 + 1e-9)


def test_trials_end_when_they_explain_the_errors(monkeypatch):
    """Each asks for larger numbers than the one before; none is made where nothing is left to explain."""
    checked = program("loss s(x[n]):\n    return sum[n](x)^1 + 0*norm[n](x)\n")
    given = {"x": np.array([1.0, 2.0, 3.0, 4.0, -9.0])}
    asked = []
    answer = Judge.answer
    monkeypatch.setattr(Judge, "answer", lambda self, *args: asked.append(args[1]) or answer(self, *args))
    seen = []

    def explained(numbers):
        seen.append(numbers["value", ""][0])
        return len(seen) == 4

    found = condition_numbers(judge(checked, by_element=False), given, DOUBLE, explained)
    assert found["value", ""][0] == seen[3]
    assert seen == sorted(seen) and seen[0] == 1 < seen[3]
    assert len(asked) == 2 + 2 + 2 + 2  # shapes, start; near and far of one trial; near of the next
    asked.clear()
    assert condition_numbers(judge(checked, by_element=False), given, DOUBLE, lambda numbers: True)["value", ""] == 1
    assert len(asked) == 1


def test_at_a_kink_the_smaller_side_counts():
    source = "loss k(x[n]):\n    return mean[n](x if x <= 1 else 1000*x - 999)\n"
    assert condition(source, "value", x=[1.0]) == [1.0]


def test_next_to_a_jump_the_result_may_be_that_of_the_other_side():
    pred, target = [1.0, 5e-324, 5e-324, 3.0], [0.0, -1.0, -2.0, 0.0]
    at, beside, beyond, far = condition(HUBER + "", "Hessian diagonal", pred=pred, target=target, delta=1.0)
    assert (at, beyond, far) == (1.0, 1.0, 1.0)
    assert beside > 1e15


# ---------------------------------------------------------------- inputs


def test_inputs_cover_the_domain():
    given = elements(program("loss f(p[n] in [0, 1] | y[n] in {0, 1}, z[n]):\n    return mean[n](y*p*z)\n"), SINGLE)
    p, y, z = given["p"], given["y"], given["z"]
    tiny = np.finfo(np.float32).smallest_subnormal
    assert {0.0, 1.0, float(tiny), float(np.nextafter(np.float32(1), np.float32(0)))} <= set(p.tolist())
    assert ((p >= 0) & (p <= 1)).all()
    assert set(y.tolist()) == {0.0, 1.0}
    assert {np.inf, -np.inf, 17.0, 40.0, 90.0, 710.0, 1e4} <= set(z.tolist())
    assert np.abs(z[np.isfinite(z)]).max() == np.float32(1e30)
    assert p.dtype == z.dtype == np.float32


def test_inputs_are_at_kinks_and_beside_them():
    given = elements(program(HUBER), DOUBLE)
    residuals = np.abs(given["pred"] - given["target"])
    assert {1.0, np.nextafter(1.0, 0), np.nextafter(1.0, 2)} <= set(residuals.tolist())


@pytest.mark.parametrize(
    "signature, body, expected",
    [
        ("x[n] | y[n]", "x*y", True),
        ("x[n, d] | y[n, d]", "x*y", True),
        ("x[..]", "x^2", True),
        ("x[n, d] | y[n]", "x*y", False),
        ("x[n]", "n*x", False),
        ("x[n]", "x/size(n)", False),
        ("x[n]", "x*sum[n](x)", False),
        ("x[n, c] | label[n] in c", "x[n, label[n]]", False),
    ],
)
def test_what_is_measured_by_element(signature, body, expected):
    axes = signature.partition("[")[2].partition("]")[0] if "label" not in signature else "n"
    source = f"loss f({signature}):\n    return mean[{axes}]({body})\n"
    if "sum" in body:
        source = f"loss f({signature}):\n    s = sum[n](x)\n    return mean[n](x*s)\n"
    assert measured_by_element(program(source)) is expected


# ---------------------------------------------------------------- what people use today


def test_naive_text():
    assert text(program(HUBER)).endswith(
        "def elements(a_pred, a_target, a_delta):\n"
        "    b0_r = (a_pred - a_target)\n"
        "    value = number(torch.where(torch.as_tensor((torch.abs(number(b0_r, a_pred)) <= a_delta)), "
        "number(((b0_r ** 2.0) / 2.0), a_pred), "
        "number((a_delta * (torch.abs(number(b0_r, a_pred)) - (a_delta / 2.0))), a_pred)), a_pred)\n"
        "    return value.expand(a_pred.shape)\n"
    )


def relative(found, true):
    wanted = np.array([float(entry) for entry in true.reshape(-1)])
    return np.abs(np.asarray(found).reshape(-1) - wanted) / np.maximum(np.abs(wanted), 1e-3)


@pytest.mark.parametrize("subject", subjects(), ids=lambda subject: subject.title)
def test_naive_text_means_the_formula(subject):
    """At ordinary numbers it is as good as any."""
    checked = subject.program()
    if not measured_by_element(checked):
        return
    given = ordinary(checked, DOUBLE, 6)
    wrt = differentiable(checked, True)
    true = judge(checked).answer(given, 40)
    found = naive_code(checked).results(given, wrt, True)
    finite = [mpmath.isfinite(entry) for entry in true["value", ""].reshape(-1)]
    assert relative(found["value", ""], true["value", ""])[finite].max(initial=0) < 1e-9


WITH_FUNCTION = [subject for subject in subjects() if functional_code(subject.program()) is not None]


@pytest.mark.parametrize("subject", WITH_FUNCTION, ids=lambda subject: subject.title)
def test_functions_of_torch_mean_the_same(subject):
    """At numbers of ordinary size; where a loss is elementwise by element, else on an array."""
    checked = subject.program()
    by_element = measured_by_element(checked)
    given = ordinary(checked, DOUBLE, 6) if by_element else next(drawn(checked)).arguments
    true = judge(checked, by_element).answer(given, 40)["value", ""]
    found = functional_code(checked).results(given, (), by_element)["value", ""]
    assert not isinstance(found, Fault), found
    assert found.shape == true.shape
    assert relative(found, true).max() < 1e-6


def drawn(checked):
    """Points of the scenario in which everything is drawn."""
    return (point for candidates in Arrays(checked).all() for point in candidates if point.label == "drawn")


# ---------------------------------------------------------------- the command


def test_the_page(tmp_path):
    page = tmp_path / "accuracy.md"
    result = CliRunner().invoke(
        command, ["--loss", "regression: mae", "-o", str(page), "--cache", str(tmp_path / "kept")]
    )
    assert result.exit_code == 0, result.output
    lines = page.read_text().splitlines()
    assert lines[0] == "# Accuracy"
    assert "## regression" in lines
    (row,) = [line for line in lines if line.startswith("| mae | value |")]
    assert row.count("|") == 12


def test_numbers_as_json():
    result = CliRunner().invoke(command, ["--loss", "regression: mae", "--json", "--no-cache"])
    rows = json.loads(result.output)
    codes = {row["code"] for row in rows}
    assert codes == {"NumPy", "PyTorch", "l1_loss", "as typed"}
    assert {row["dtype"] for row in rows} == {"float64", "float32"}
    assert all(row["count"] > 0 for row in rows)
    assert {row["quantity"] for row in rows} == set(QUANTITIES)


def test_unknown_losses_are_refused():
    result = CliRunner().invoke(command, ["--loss", "nonsense"])
    assert result.exit_code == 2
    assert "there is no loss nonsense" in result.output


# ---------------------------------------------------------------- what was measured before


@pytest.fixture
def counted(monkeypatch):
    """How often a loss is measured."""
    taken = []

    def counting(subject, quick):
        taken.append(subject.title)
        return measure(subject, quick)

    monkeypatch.setattr("lossdsl.accuracy.cache.measure", counting)
    return taken


def test_what_has_not_changed_is_not_measured_again(tmp_path, counted, monkeypatch):
    (subject,) = subjects(wanted=["regression: mae"])
    first, second = (cache.measured(subject, quick=True, folder=tmp_path) for _ in range(2))
    assert first == second
    assert counted == ["regression: mae"]
    (kept,) = tmp_path.glob("*.json")
    kept.write_text(kept.read_text()[:-9])
    assert cache.measured(subject, quick=True, folder=tmp_path) == first
    assert len(counted) == 2
    monkeypatch.setattr("lossdsl.accuracy.cache.judges", lambda: "another judge")
    cache.measured(subject, quick=True, folder=tmp_path)
    assert len(counted) == 3
    assert (tmp_path / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "body, same", [("pred - target", True), ("pred + target", False), ("(pred - target)*1", False)]
)
def test_measurements_are_known_by_what_they_depend_on(body, same):
    source = "loss l(pred[n] | target[n]):\n    return mean[n](({})^2)\n"
    one, other = program(source.format("pred - target")), program(source.format(body))
    assert (cache.digest(one, True) == cache.digest(other, True)) is same
    assert cache.digest(one, True) != cache.digest(one, False)


def test_the_judges_are_those_who_take_part(monkeypatch):
    """Of the packages that measure and judge, and nobody else: the compiler shows in what it emits."""
    read = []
    path = cache._path
    monkeypatch.setattr("lossdsl.accuracy.cache._path", lambda module: read.append(module) or path(module))
    cache.judges.__wrapped__()
    assert {"lossdsl.accuracy.truth", "lossdsl.check.promises", "lossdsl.meaning.reference.slopes"} <= set(read)
    assert not [module for module in read if "backends" in module or "rewrite" in module]


def test_a_page_of_some_losses_says_so() -> None:
    """An interrupted run leaves what it has, which is not all that was asked for."""
    found = [measure(each, quick=True) for each in subjects(wanted=("regression: mse",))]
    assert "1 of 7 losses are measured so far" in markdown(found, wanted=7)
    assert "measured so far" not in markdown(found, wanted=1)
    assert "measured so far" not in markdown(found)
