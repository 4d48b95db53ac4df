"""The reference interpreter on programs built by hand: every construct, with values computed by hand."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from core_builder import (
    SPAN,
    along,
    apply,
    arg,
    cond,
    const,
    iverson,
    let,
    node,
    program,
    read,
    reduce,
    size,
    var,
)
from mpmath import mpf

import lossdsl.meaning
from lossdsl.meaning.core import Extent, Num, Program, Size, SizeCheck
from lossdsl.meaning.interpret import EvaluationError, Interpreter, accurate, gradient, value

INF = mpf("inf")


def floats(array: np.ndarray) -> list:
    return array.astype(float).tolist()


# ---------------------------------------------------------------- reductions

X = [3.0, -1.0, 2.0, 2.0]


def reduction_over(op: str, threshold: float | None) -> Program:
    """`op[i where x[i] > threshold](x[i])`."""
    x, i = arg("x", "n"), var("i", "n")
    where = None if threshold is None else apply("gt", read(x, i), threshold)
    return program((x,), reduce(op, i, read(x, i), where))


REDUCTIONS = [
    # op, value over all four, gradient, value over nothing
    ("sum", 6, [1, 1, 1, 1], 0),
    ("mean", 1.5, [0.25, 0.25, 0.25, 0.25], 0),
    ("prod", -12, [-4, 12, -6, -6], 1),
    ("max", 3, [1, 0, 0, 0], -INF),
    ("min", -1, [0, 1, 0, 0], INF),
    ("norm", mpmath.sqrt(18), [v / 18**0.5 for v in X], 0),
    ("logsumexp", np.log(np.exp(X).sum()), (np.exp(X) / np.exp(X).sum()).tolist(), -INF),
    ("argmax", 0, [0, 0, 0, 0], None),
    ("argmin", 1, [0, 0, 0, 0], None),
    ("count", 4, [0, 0, 0, 0], 0),
]


@pytest.mark.parametrize(("op", "expected", "slopes", "nothing"), REDUCTIONS)
def test_reductions(op: str, expected: float, slopes: list[float], nothing: float | None) -> None:
    whole = Interpreter(reduction_over(op, None)).bind({"x": X})
    assert float(whole.value()) == pytest.approx(float(expected), rel=1e-14)
    assert floats(whole.gradient("x")) == pytest.approx(slopes, rel=1e-14)
    empty = Interpreter(reduction_over(op, 100)).bind({"x": X})
    if nothing is None:
        with pytest.raises(EvaluationError, match="over nothing"):
            empty.value()
    else:
        assert empty.value() == nothing
        assert floats(empty.gradient("x")) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("op", "expected", "slopes"),
    [
        ("sum", 7, [1, 0, 1, 1]),
        ("mean", 7 / 3, [1 / 3, 0, 1 / 3, 1 / 3]),
        ("prod", 12, [4, 0, 6, 6]),
        ("min", 2, [0, 0, 0.5, 0.5]),
        ("argmin", 2, [0, 0, 0, 0]),
        ("count", 3, [0, 0, 0, 0]),
    ],
)
def test_masked_reductions(op: str, expected: float, slopes: list[float]) -> None:
    bound = Interpreter(reduction_over(op, 0)).bind({"x": X})
    assert float(bound.value()) == pytest.approx(expected)
    assert floats(bound.gradient("x")) == pytest.approx(slopes)


@pytest.mark.parametrize("op", ["any", "all"])
@pytest.mark.parametrize("threshold", [-5, 0, 5])
@pytest.mark.parametrize("points", [X, []])
def test_quantifiers(op: str, threshold: float, points: list[float]) -> None:
    x, i = arg("x", "n"), var("i", "n")
    condition = reduce(op, i, apply("gt", read(x, i), threshold))
    expected = {"any": any, "all": all}[op](v > threshold for v in points)
    assert value(program((x,), iverson(condition)), {"x": points}) == expected


def test_left_out_elements_are_not_evaluated() -> None:
    """sum[i where x > 0](log(x)) at x = 0: no -inf, and no infinite slope either."""
    x, i = arg("x", "n"), var("i", "n")
    body = apply("log", read(x, i))
    masked = program((x,), reduce("sum", i, body, apply("gt", read(x, i), 0)))
    bound = Interpreter(masked).bind({"x": [0.0, 1.0, -3.0]})
    assert bound.value() == 0
    assert floats(bound.gradient("x")) == [0, 1, 0]


def test_norm_has_no_slope_at_zero() -> None:
    x, i = arg("x", "n"), var("i", "n")
    bound = Interpreter(program((x,), reduce("norm", i, read(x, i)))).bind({"x": [0.0, 0.0]})
    assert bound.value() == 0
    assert floats(bound.gradient("x")) == [0, 0]
    assert floats(bound.hessian_diagonal("x")) == [0, 0]


def test_spelled_out_norm_has_no_slope_at_zero() -> None:
    x, i = arg("x", "n"), var("i", "n")
    square = reduce("sum", i, apply("pow", read(x, i), 2))
    assert floats(gradient(program((x,), apply("sqrt", square)), {"x": [0.0, 0.0]}, "x")) == [0, 0]


def test_logsumexp_is_exact_far_out() -> None:
    x, i = arg("x", "n"), var("i", "n")
    built = program((x,), reduce("logsumexp", i, read(x, i)))
    for points, expected in (([1e4, 1e4], 1e4 + float(mpmath.log(2))), ([-1e4, -2e4], -1e4), ([-INF, 1.0], 1)):
        assert float(value(built, {"x": points})) == expected
    assert floats(gradient(built, {"x": [-INF, 1.0]}, "x")) == [0, 1]
    assert value(built, {"x": [-INF, -INF]}) == -INF
    assert floats(gradient(built, {"x": [-INF, -INF]}, "x")) == [0, 0]


@pytest.mark.parametrize(("op", "shared"), [("max", [0.5, 0.5, 0]), ("min", [0, 0, 1])])
def test_ties_share(op: str, shared: list[float]) -> None:
    x, i = arg("x", "n"), var("i", "n")
    assert floats(gradient(program((x,), reduce(op, i, read(x, i))), {"x": [2.0, 2.0, 1.0]}, "x")) == shared


def test_argmax_of_ties_is_the_first_and_absolute() -> None:
    """Over the interval 1 <= i < n the position counts from the start of the axis."""
    x, i = arg("x", "n"), var("i", "n", low=1)
    assert value(program((x,), reduce("argmax", i, read(x, i))), {"x": [9.0, 5.0, 5.0, 1.0]}) == 1


def test_several_indices_at_once() -> None:
    x, i, j = arg("x", "n", "m"), var("i", "n"), var("j", "m")
    off_diagonal = reduce("sum", (i, j), read(x, i, j), apply("ne", i, j))
    assert value(program((x,), off_diagonal), {"x": [[1, 2, 3], [4, 5, 6]]}) == 2 + 3 + 4 + 6


# ---------------------------------------------------------------- along an axis


def along_program(op: str, mask: bool) -> Program:
    """`op[t where m[t] == 1](x[t])` at each t."""
    x, m = arg("x", "n"), arg("m", "n", role="data")
    t, at = var("t", "n"), var("t", "n")
    where = apply("eq", read(m, t), 1) if mask else None
    return program((x, m), along(op, t, read(x, t), at, where), free=(at,), reduction="mean")


E = [float(mpmath.exp(v)) for v in (1, 2, 4)]


@pytest.mark.parametrize(
    ("op", "whole", "masked"),
    [
        ("softmax", [e / sum(E) for e in E], [E[0] / (E[0] + E[2]), 0, E[2] / (E[0] + E[2])]),
        ("cumsum", [1, 3, 7], [1, 1, 5]),
        (
            "log_softmax",
            [v - np.log(sum(E)) for v in (1, 2, 4)],
            [-np.log1p(np.exp(3)), -np.inf, -np.log1p(np.exp(-3))],
        ),
    ],
)
def test_along(op: str, whole: list[float], masked: list[float]) -> None:
    for mask, expected in ((False, whole), (True, masked)):
        found = value(along_program(op, mask), {"x": [1.0, 2.0, 4.0], "m": [1, 0, 1]}, "none")
        assert floats(found) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("op", "expected"), [("softmax", 0), ("log_softmax", -INF), ("cumsum", 0)])
def test_along_nothing(op: str, expected: float) -> None:
    bound = Interpreter(along_program(op, True)).bind({"x": [1.0, 2.0], "m": [0, 0]})
    assert bound.value("none").tolist() == [expected, expected]
    assert floats(bound.gradient("x")) == [0, 0]


def test_gradient_along() -> None:
    """d/dx of sum_t cumsum_t = [3, 2, 1]; of sum_t softmax_t = 0; of sum_t log_softmax_t = 1 - 3 p."""
    points = {"x": [1.0, 2.0, 4.0], "m": [1, 1, 1]}
    assert floats(gradient(along_program("cumsum", False), points, "x", "sum")) == [3, 2, 1]
    assert floats(gradient(along_program("softmax", False), points, "x", "sum")) == pytest.approx([0, 0, 0], abs=1e-45)
    expected = [1 - 3 * e / sum(E) for e in E]
    assert floats(gradient(along_program("log_softmax", False), points, "x", "sum")) == pytest.approx(expected)


# ---------------------------------------------------------------- reduction of the loss


def squares(mask: bool = False, reduction: str = "mean", axis: str = "n") -> Program:
    x = arg("x", axis)
    i = var("i", axis)
    where = apply("gt", read(x, i), 0) if mask else None
    return program((x,), apply("mul", read(x, i), read(x, i)), free=(i,), mask=where, reduction=reduction)


def test_reductions_of_a_loss() -> None:
    bound = Interpreter(squares()).bind({"x": [1.0, 2.0, -3.0]})
    assert (float(bound.value("mean")), bound.value("sum")) == (14 / 3, 14)
    assert bound.value("none").tolist() == [1, 4, 9]
    assert bound.value() == bound.value("mean")
    assert floats(bound.gradient("x", "none")) == floats(bound.gradient("x", "sum")) == [2, 4, -6]
    assert Interpreter(squares(reduction="sum")).bind({"x": [1.0, 2.0, -3.0]}).value() == 14


def test_masked_reductions_of_a_loss() -> None:
    bound = Interpreter(squares(mask=True)).bind({"x": [1.0, 2.0, -3.0]})
    assert (bound.value("mean"), bound.value("sum")) == (2.5, 5)
    assert bound.value("none").tolist() == [1, 4, 0]
    assert floats(bound.gradient("x")) == [1, 2, 0]
    empty = Interpreter(squares(mask=True)).bind({"x": [-3.0]})
    assert (empty.value("mean"), empty.value("sum")) == (0, 0)
    assert floats(empty.gradient("x")) == [0]


def test_empty_arrays() -> None:
    assert value(squares(), {"x": []}) == 0
    assert gradient(squares(), {"x": []}, "x").shape == (0,)


def test_a_scalar_loss_takes_no_reduction() -> None:
    a = arg("a")
    with pytest.raises(ValueError, match="no reduction"):
        value(program((a,), a), {"a": 1.0}, "sum")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0, 3)])
def test_the_group_of_axes_is_flattened_and_restored(shape: tuple[int, ...]) -> None:
    points = np.arange(float(np.prod(shape, dtype=int))).reshape(shape)
    bound = Interpreter(squares(axis="..")).bind({"x": points})
    assert bound.value("none").shape == shape
    assert bound.value("none").astype(float).tolist() == (points**2).tolist()
    assert bound.gradient("x", "sum").astype(float).tolist() == (2 * points).tolist()


def test_the_group_before_a_named_axis() -> None:
    x, w = arg("x", "..", "c"), arg("w", "c", role="data")
    g, c = var("..", ".."), var("c", "c")
    built = program((x, w), reduce("sum", c, apply("mul", read(w, c), read(x, g, c))), free=(g,), reduction="sum")
    points = np.arange(12.0).reshape(2, 3, 2)
    assert floats(value(built, {"x": points, "w": [1, 10]}, "none")) == (points @ [1, 10]).tolist()
    with pytest.raises(EvaluationError, match="too few axes"):
        value(built, {"x": np.zeros(()), "w": [1.0]})


# ---------------------------------------------------------------- indices


def test_gathers_and_their_gradient() -> None:
    """z[i, label[i]]."""
    z, label, i = arg("z", "n", "c"), arg("label", "n", role="data", whole=True), var("i", "n")
    built = program((z, label), read(z, i, read(label, i), safe=False), free=(i,), reduction="sum")
    points = {"z": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "label": [2, 0]}
    assert value(built, points) == 7
    assert floats(gradient(built, points, "z")) == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("label", [3, -1])
def test_reads_out_of_range_are_errors(label: int) -> None:
    z, k = arg("z", "c"), arg("k", role="data", whole=True)
    with pytest.raises(EvaluationError, match="out of range"):
        value(program((z, k), read(z, k, safe=False)), {"z": [1.0, 2.0, 3.0], "k": label})


def test_a_read_that_a_branch_skips_is_no_error() -> None:
    """Zero padding: sum[a where 0 <= i + a - 1 < n](x[i + a - 1])."""
    x, i, a = arg("x", "n"), var("i", "n"), var("a", 3)
    place = apply("sub", apply("add", i, a), 1)
    inside = apply("and", apply("le", 0, place), apply("lt", place, Size(SPAN, size("n"))))
    built = program((x,), reduce("sum", a, read(x, place, safe=False), inside), free=(i,), reduction="sum")
    points = [1.0, 10.0, 100.0]
    assert value(built, {"x": points}, "none").tolist() == [11, 111, 110]
    assert floats(gradient(built, {"x": points}, "x")) == [2, 3, 2]


def test_and_is_evaluated_from_the_left() -> None:
    x, k = arg("x", "n"), arg("k", role="data")
    inside = apply("and", apply("lt", k, Size(SPAN, size("n"))), apply("gt", read(x, k, safe=False), 0))
    outside = apply("or", apply("ge", k, Size(SPAN, size("n"))), apply("gt", read(x, k, safe=False), 0))
    assert value(program((x, k), iverson(inside)), {"x": [1.0], "k": 5}) == 0
    assert value(program((x, k), iverson(outside)), {"x": [1.0], "k": 5}) == 1
    assert value(program((x, k), iverson(apply("not", inside))), {"x": [1.0], "k": 0}) == 0


def test_a_fractional_position_is_an_error() -> None:
    z, k = arg("z", "c"), arg("k", role="data")
    built = program((z, k), read(z, apply("div", k, 2), safe=False))
    assert value(built, {"z": [1.0, 2.0, 3.0], "k": 4}) == 3
    with pytest.raises(EvaluationError, match="not a position"):
        value(built, {"z": [1.0, 2.0, 3.0], "k": 3})


def test_bindings_over_inner_positions_keep_absolute_positions() -> None:
    """d[i] = x[i+1] - x[i], then sum of d[i]^2 over i < n - 1; a read at n - 1 is an error."""
    x = arg("x", "n")
    below_last = Extent("sub", (size("n"), const(1)))
    i, j = var("i", below_last), var("j", below_last)
    d = let("d", (i,), apply("sub", read(x, apply("add", i, 1)), read(x, i)), role="predict")
    built = program((x,), reduce("sum", j, apply("pow", read(d, j), 2)), lets=(d,))
    bound = Interpreter(built).bind({"x": [1.0, 4.0, 2.0]})
    assert bound.value() == 13
    assert floats(bound.gradient("x")) == [-6, 10, -4]
    assert bound.predict()["d"].tolist() == [3, -2]
    outside = program((x,), read(d, 2), lets=(d,))
    with pytest.raises(EvaluationError, match="out of range"):
        value(outside, {"x": [1.0, 4.0, 2.0]})


def test_an_exported_interval_starts_at_its_first_position() -> None:
    x, i = arg("x", "n"), var("i", "n", low=1)
    d = let("d", (i,), apply("sub", read(x, i), read(x, apply("sub", i, 1))), role="predict")
    built = program((x,), read(d, 1), lets=(d,))
    bound = Interpreter(built).bind({"x": [1.0, 4.0, 2.0]})
    assert bound.predict()["d"].tolist() == [3, -2]
    assert bound.value() == 3


def test_indices_and_sizes_are_numbers() -> None:
    x, i, j = arg("x", "n"), var("i", "n"), var("j", "n")
    distance = apply("div", apply("pow", apply("sub", i, j), 2), Size(SPAN, size("n")))
    built = program((x,), reduce("sum", (i, j), apply("mul", distance, read(x, i))))
    assert float(value(built, {"x": [1.0, 1.0, 1.0]})) == 4
    assert floats(gradient(built, {"x": [1.0, 1.0, 1.0]}, "x")) == [
        float(mpf(5) / 3),
        float(mpf(2) / 3),
        float(mpf(5) / 3),
    ]


def test_extents_from_hyperparameters() -> None:
    x, bins = arg("x"), arg("bins", role="hyper", default=Fraction(4), whole=True)
    b = var("b", Extent("hyper", name="bins"))
    built = program((x, bins), reduce("sum", b, apply("mul", x, b)))
    assert value(built, {"x": 2.0}) == 12
    assert value(built, {"x": 2.0, "bins": 3}) == 6


@pytest.mark.parametrize(
    ("op", "expected"), [("add", 7), ("sub", 3), ("mul", 10), ("max", 5), ("min", 2), ("floordiv", 2)]
)
def test_extents(op: str, expected: int) -> None:
    x = arg("x", "n", "m")
    extent = Extent(op, (size("n"), size("m")))
    assert value(program((x,), Size(SPAN, extent)), {"x": np.zeros((5, 2))}) == expected
    k = var("k", extent)
    assert value(program((x,), reduce("count", k, 1)), {"x": np.zeros((5, 2))}) == expected


# ---------------------------------------------------------------- expressions


def test_constants_are_exact() -> None:
    a = arg("a")
    tenth = Num(SPAN, Fraction(1, 10))
    assert value(program((a,), apply("sub", tenth, a)), {"a": mpf(1) / 10}) != 0
    with mpmath.workdps(50):
        third = mpf(1) / 3
    assert value(program((a,), apply("sub", Num(SPAN, Fraction(1, 3)), a)), {"a": third}) == 0
    assert value(program((a,), "inf"), {"a": 0}) == INF
    assert value(program((a,), "-inf"), {"a": 0}) == -INF
    with mpmath.workdps(50):
        assert value(program((a,), "pi"), {"a": 0}) == +mpmath.pi


def test_inputs_are_converted_exactly() -> None:
    a = arg("a")
    for given in (0.1, np.float32(0.1), np.float16(0.1), True, 3, np.int32(7), np.bool_(True)):
        assert value(program((a,), a), {"a": given}) == float(given)
    assert value(program((a,), apply("mul", a, 3)), {"a": Fraction(1, 3)}) == 1


@pytest.mark.parametrize(
    ("op", "holds"),
    [
        ("lt", (1, 0, 0)),
        ("le", (1, 1, 0)),
        ("gt", (0, 0, 1)),
        ("ge", (0, 1, 1)),
        ("eq", (0, 1, 0)),
        ("ne", (1, 0, 1)),
    ],
)
def test_comparisons(op: str, holds: tuple[int, ...]) -> None:
    """Of numbers and of positions; every one but != is false for nan."""
    a = arg("a")
    for x, expected in zip((1.0, 2.0, 3.0), holds, strict=True):
        assert value(program((a,), iverson(apply(op, a, 2))), {"a": x}) == expected
        assert value(program((a,), iverson(apply(op, int(x), 2))), {"a": x}) == expected
    assert value(program((a,), iverson(apply(op, a, a))), {"a": float("nan")}) == (op == "ne")


def test_conditionals_follow_the_branch() -> None:
    """sqrt(x) if x > 0 else 2*x at 0: the other branch does not leak, in value or gradient."""
    a = arg("a")
    built = program((a,), cond(apply("gt", a, 0), apply("sqrt", a), apply("mul", 2, a)))
    for x, expected, slope in ((0.0, 0, 2), (4.0, 2, 0.25), (-1.0, -2, 2)):
        bound = Interpreter(built).bind({"a": x})
        assert (bound.value(), bound.gradient("a")[()]) == (expected, slope)


def test_second_derivative_at_a_joint_follows_the_branch() -> None:
    """Huber at |r| == delta."""
    r = arg("r")
    rho = cond(apply("le", apply("abs", r), 1), apply("div", apply("pow", r, 2), 2), apply("sub", apply("abs", r), 0.5))
    for x, slope, bend in ((1.0, 1, 1), (1.5, 1, 0), (-1.0, -1, 1), (0.0, 0, 1)):
        bound = Interpreter(program((r,), rho)).bind({"r": x})
        assert (bound.gradient("r")[()], bound.hessian_diagonal("r")[()]) == (slope, bend)


def test_stop_gradient() -> None:
    a = arg("a")
    built = program((a,), apply("mul", a, apply("stop_gradient", a)))
    assert gradient(built, {"a": 3.0}, "a")[()] == 3
    bound = Interpreter(built).bind({"a": 3.0})
    assert (bound.value(), bound.hessian_diagonal("a")[()]) == (9, 0)


def test_conditions_have_no_derivative() -> None:
    a = arg("a")
    built = program((a,), apply("add", iverson(apply("gt", a, 0)), apply("floor", a)))
    assert gradient(built, {"a": 1.0}, "a")[()] == 0


def test_zero_times_log_zero() -> None:
    """p*log(p), y*log(p), also where the logarithm is in a binding; any other 0*inf is nan."""
    y, p = arg("y"), arg("p")
    surprise = let("surprise", (), apply("log", p))
    for product in (apply("mul", p, apply("log", p)), apply("mul", apply("neg", apply("log", p)), p)):
        bound = Interpreter(program((p,), product)).bind({"p": 0.0})
        assert bound.value() == 0
        assert abs(bound.gradient("p")[()]) == INF
    built = Interpreter(program((y, p), apply("mul", y, surprise), lets=(surprise,))).bind({"y": 0.0, "p": 0.0})
    assert (built.value(), built.gradient("p")[()], built.gradient("y")[()]) == (0, 0, -INF)
    quotient = value(program((y, p), apply("mul", y, apply("div", 1, p))), {"y": 0.0, "p": 0.0})
    assert quotient != quotient


def test_infinities_and_nan_propagate() -> None:
    a = arg("a")
    assert value(program((a,), apply("div", 1, a)), {"a": 0.0}) == INF
    assert value(program((a,), apply("log", a)), {"a": 0.0}) == -INF
    root = value(program((a,), apply("sqrt", a)), {"a": -1.0})
    assert root != root


# ---------------------------------------------------------------- bindings


def test_terms_and_predictions() -> None:
    x, i, j = arg("x", "n"), var("i", "n"), var("j", "n")
    total = let("total", (), reduce("sum", i, read(x, i)), role="term")
    hidden = let("hidden", (), apply("mul", total, 2))
    mu = let("mu", (j,), apply("exp", read(x, j)), role="predict")
    rate = let("rate", (), apply("exp", 0), role="predict")
    bound = Interpreter(program((x,), apply("add", hidden, 1), lets=(total, hidden, mu, rate))).bind({"x": [0.0, 1.0]})
    assert bound.value() == 3
    assert bound.terms() == {"total": 1}
    assert floats(bound.predict()["mu"]) == [1.0, float(mpmath.e)]
    assert bound.predict()["rate"] == 1


def test_bindings_may_hold_conditions() -> None:
    x, i, j = arg("x", "n"), var("i", "n"), var("j", "n")
    kept = let("kept", (i,), apply("gt", read(x, i), 0.5), kind="bool")
    built = program((x,), reduce("count", j, 1, read(kept, j)), lets=(kept,))
    assert value(built, {"x": [0.25, 0.75, 1.0]}) == 2


def test_bindings_are_evaluated_where_they_are_read() -> None:
    """An element that nothing reads may be out of range or infinite."""
    x, i = arg("x", "n"), var("i", "n")
    step = let("step", (i,), apply("log", read(x, apply("add", i, 1), safe=False)))
    built = program((x,), read(step, 0), lets=(step,))
    assert value(built, {"x": [5.0, 1.0]}) == 0
    assert floats(gradient(built, {"x": [5.0, 1.0]}, "x")) == [0, 1]


# ---------------------------------------------------------------- calls that are errors


def call_errors() -> list[tuple[Program, dict, str]]:
    x, y, box, label = arg("x", "n"), arg("y", "n"), arg("box", "n", 4), arg("label", whole=True)
    g, h = arg("g", ".."), arg("h", "..")
    m = SizeCheck(size("n"), size("m"), SPAN, "i runs over two axes")
    return [
        (program((x, y), 0), {"x": [1.0], "y": [1.0, 2.0]}, "axis n of y is 2 instead of 1"),
        (program((x,), 0), {"x": [[1.0]]}, "x has 2 axes instead of 1"),
        (program((x,), 0), {}, "x is missing"),
        (program((x,), 0), {"x": [1.0], "z": 1}, "no argument z"),
        (program((box,), 0), {"box": [[1.0, 2.0]]}, "axis 4 of box is 2"),
        (program((label,), 0), {"label": 0.5}, "label takes whole numbers"),
        (program((g, h), 0), {"g": np.zeros((2, 3)), "h": np.zeros((3, 2))}, "`..` is"),
        (program((arg("a", "n", "m"),), 0, checks=(m,)), {"a": np.zeros((2, 3))}, r"two axes \(2 and 3\)"),
    ]


@pytest.mark.parametrize(("built", "inputs", "message"), call_errors())
def test_calls_that_are_errors(built: Program, inputs: dict, message: str) -> None:
    with pytest.raises(EvaluationError, match=message) as caught:
        value(built, inputs)
    assert str(caught.value).startswith("<built by hand>:1:1: ")


def test_checked_sizes_may_be_equal() -> None:
    check = SizeCheck(size("n"), size("m"), SPAN, "")
    assert value(program((arg("a", "n", "m"),), 7, checks=(check,)), {"a": np.zeros((3, 3))}) == 7


def test_defaults_are_broadcast() -> None:
    x, w, i = arg("x", "n"), arg("w", "n", role="data", default=Fraction(1, 2)), var("i", "n")
    built = program((x, w), reduce("sum", i, apply("mul", read(w, i), read(x, i))))
    assert value(built, {"x": [1.0, 3.0]}) == 2
    assert value(built, {"x": [1.0, 3.0], "w": [1, 0]}) == 1


def test_a_learned_array_takes_its_size_from_the_caller() -> None:
    s, k = arg("s", "k", role="learn", default=Fraction(3)), var("k", "k")
    built = program((s,), reduce("sum", k, apply("pow", read(s, k), 2)))
    bound = Interpreter(built).bind({}, sizes={"k": 4})
    assert bound.value() == 36
    assert floats(bound.gradient("s")) == [6, 6, 6, 6]


# ---------------------------------------------------------------- size of programs


def test_long_sums_do_not_overflow_the_stack() -> None:
    a = arg("a")
    total = node(a)
    for _ in range(10_000):
        total = apply("add", total, a)
    bound = Interpreter(program((a,), total)).bind({"a": 0.5})
    assert bound.value() == 10_001 / 2
    assert bound.gradient("a")[()] == 10_001


def test_long_chains_of_bindings_do_not_overflow_the_stack() -> None:
    a = arg("a")
    lets = [let("start", (), a)]
    for _ in range(3000):
        lets.append(let("next", (), reduce("sum", var("k", 1), apply("add", lets[-1], 1))))
    assert value(program((a,), lets[-1], lets=tuple(lets)), {"a": 0.0}) == 3000


def test_shared_nodes_are_evaluated_once() -> None:
    """2^200 paths through 200 nodes; and in a loop, once for each position."""
    x, i = arg("x", "n"), var("i", "n")
    doubled = node(read(x, i))
    for _ in range(200):
        doubled = apply("add", doubled, doubled)
    built = program((x,), doubled, free=(i,), reduction="sum")
    assert value(built, {"x": [1.0, 3.0]}, "none").tolist() == [2**200, 3 * 2**200]
    assert gradient(built, {"x": [1.0, 3.0]}, "x").tolist() == [2**200, 2**200]


def test_a_shared_node_differs_between_environments() -> None:
    """One node under two reductions of the same variable's range, and outside of the inner one."""
    x, i, j = arg("x", "n"), var("i", "n"), var("j", "n")
    outer = apply("exp", read(x, i))
    inner = reduce("sum", j, apply("mul", outer, apply("exp", read(x, j))))
    built = program((x,), apply("add", inner, outer), free=(i,), reduction="sum")
    e = np.exp([0.0, 1.0])
    assert floats(value(built, {"x": [0.0, 1.0]}, "none")) == pytest.approx((e * e.sum() + e).tolist(), rel=1e-15)


# ---------------------------------------------------------------- derivatives against differences


def composite() -> tuple[Program, dict]:
    """Every kind of node on the way: softmax, logsumexp, norm, max, prod, gather, branch, binding, power."""
    z, w = arg("z", "n", "c"), arg("w", "c")
    label = arg("label", "n", role="data", whole=True)
    n, c, k, q, t = var("n", "n"), var("c", "c"), var("k", "c"), var("q", "c"), var("t", "c")
    i, a = var("i", "n"), var("a", "c")
    p = let("p", (i, a), along("softmax", k, apply("mul", read(w, k), read(z, i, k)), a))
    entropy = reduce("sum", c, apply("mul", read(p, n, c), apply("log", read(p, n, c))))
    picked = apply("sub", reduce("logsumexp", q, read(z, n, q)), read(z, n, read(label, n)))
    length = reduce("norm", t, apply("add", read(z, n, t), read(w, t)))
    running = along("cumsum", (v := var("v", "c")), apply("tanh", read(z, n, v)), 1)
    bend = cond(apply("gt", picked, 1), apply("pow", picked, 1.5), apply("softplus", apply("mul", picked, running)))
    top = reduce("max", (m := var("m", "c")), apply("mul", read(z, n, m), read(w, m)))
    volume = reduce("prod", (u := var("u", "c")), apply("add", read(p, n, u), 1))
    ratio = apply("div", apply("mul", entropy, volume), apply("add", apply("mul", length, length), apply("abs", top)))
    element = apply("add", apply("sub", bend, ratio), apply("max", length, top))
    built = program((z, w, label), element, lets=(p,), free=(n,), reduction="mean")
    rng = np.random.default_rng(7)
    return built, {"z": rng.normal(size=(3, 4)), "w": rng.normal(size=4) + 0.5, "label": np.array([0, 3, 1])}


def moved(inputs: dict, name: str, place: tuple[int, ...], step: mpmath.mpf) -> dict:
    array = np.array([mpf(x) for x in inputs[name].reshape(-1)], dtype=object).reshape(inputs[name].shape)
    array[place] += step
    return inputs | {name: array}


def difference(of: Callable[[dict], np.ndarray], inputs: dict, name: str, place: tuple[int, ...]) -> np.ndarray:
    """Central difference; at 90 digits with step 1e-25 both errors are below 1e-45."""
    step = mpf(10) ** -25
    return (of(moved(inputs, name, place, step)) - of(moved(inputs, name, place, -step))) / (2 * step)


@pytest.mark.parametrize("name", ["z", "w"])
def test_gradient_agrees_with_differences(name: str) -> None:
    built, inputs = composite()
    with mpmath.workdps(90):
        found = gradient(built, inputs, name, digits=90)
        for place in np.ndindex(found.shape):
            expected = difference(lambda at: value(built, at, digits=90), inputs, name, place)
            assert abs(found[place] - expected) < mpf(10) ** -40


@pytest.mark.parametrize("name", ["z", "w"])
def test_second_derivatives_agree_with_differences(name: str) -> None:
    built, inputs = composite()
    rng = np.random.default_rng(1)
    vector = rng.normal(size=inputs[name].shape)
    with mpmath.workdps(90):
        bound = Interpreter(built, 90).bind(inputs)
        diagonal, product = bound.hessian_diagonal(name), bound.hvp(name, vector)
        expected_product = np.zeros(vector.shape, dtype=object)
        for place in np.ndindex(vector.shape):
            column = difference(lambda at: gradient(built, at, name, digits=90), inputs, name, place)
            assert abs(diagonal[place] - column[place]) < mpf(10) ** -38
            expected_product = expected_product + column * mpf(vector[place])
        assert max(abs(entry) for entry in (product - expected_product).reshape(-1)) < mpf(10) ** -38


def test_hvp_of_several_arguments_has_the_cross_terms() -> None:
    """f = a*b^2: H = [[0, 2b], [2b, 2a]]."""
    a, b = arg("a"), arg("b")
    bound = Interpreter(program((a, b), apply("mul", a, apply("pow", b, 2)))).bind({"a": 3.0, "b": 5.0})
    product = bound.hvp(("a", "b"), (1.0, 10.0))
    assert [entry[()] for entry in product] == [100, 70]
    assert bound.hvp("b", 10.0)[()] == 60


# ---------------------------------------------------------------- accuracy


def test_precision_grows_until_the_result_settles() -> None:
    """log(1 + exp(x)) at -200, and (exp(x) - 1)/x at 1e-200."""
    a = arg("a")
    softplus = program((a,), apply("log", apply("add", 1, apply("exp", a))))
    slope = program((a,), apply("div", apply("sub", apply("exp", a), 1), a))
    assert value(softplus, {"a": -200.0}) == 0
    for built, x, expected in ((softplus, -200.0, mpmath.exp(-200)), (slope, 1e-200, 1)):
        found = accurate(built, {"a": x}, lambda bound: bound.value())
        assert abs(found / expected - 1) < 1e-15
    assert float(accurate(slope, {"a": 1e-200}, lambda bound: bound.gradient("a"))) == 0.5


def test_a_vanishing_result_settles_as_zero() -> None:
    """sqrt(3)^2 - 3 is 0, which few precisions find."""
    a = arg("a")
    built = program((a,), apply("sub", apply("pow", apply("sqrt", a), 2), a))
    assert abs(value(built, {"a": 3.0}, digits=100)) < mpf(10) ** -99
    assert abs(accurate(built, {"a": 3.0}, lambda bound: bound.value())) < mpf(10) ** -330
    undefined = accurate(program((a,), apply("sqrt", a)), {"a": -1.0}, lambda bound: bound.value())
    assert undefined != undefined


def test_an_infinity_of_rounding_is_not_believed() -> None:
    """log(1 - 1/(1 + exp(-x))) at 5000 is -5000; log(x) at 0 is -inf all the same."""
    a = arg("a")
    sigmoid = apply("div", 1, apply("add", 1, apply("exp", apply("neg", a))))
    built = program((a,), apply("log", apply("sub", 1, sigmoid)))
    assert value(built, {"a": 5000.0}) == -INF
    assert float(accurate(built, {"a": 5000.0}, lambda bound: bound.value())) == -5000
    assert accurate(program((a,), apply("log", a)), {"a": 0.0}, lambda bound: bound.value()) == -INF


def test_a_result_that_does_not_settle_is_an_error() -> None:
    a = arg("a")
    built = program((a,), apply("sub", apply("pow", apply("sqrt", a), 2), a))
    with pytest.raises(ArithmeticError, match="do not settle"):
        accurate(built, {"a": 3.0}, lambda bound: bound.value(), digits=(50, 100))


# ---------------------------------------------------------------- independence


FOLDER = Path(lossdsl.meaning.__file__).parent
JUDGE = [FOLDER / "interpret.py", *sorted((FOLDER / "reference").glob("*.py"))]
"""The modules of the interpreter."""


@pytest.mark.parametrize("path", JUDGE, ids=lambda path: path.stem)
def test_the_judge_shares_nothing_with_the_compiler(path: Path) -> None:
    """Of lossdsl it imports the checked tree, the diagnostics and itself; so a defect can not hide in both."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imported = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
    imported |= {name.name for n in nodes if isinstance(n, ast.Import) for name in n.names}
    ours = {name for name in imported if name.split(".")[0] == "lossdsl"}
    allowed = {"lossdsl.diagnostics", "lossdsl.meaning.core"}
    assert {name for name in ours - allowed if not name.startswith("lossdsl.meaning.reference.")} == set()
