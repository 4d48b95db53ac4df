"""Passes over blocks of rows: how programs are cut, and that blocks, however small, and threads change nothing."""

from __future__ import annotations

import ast
import os
import random
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.backends.numpy import emit
from lossdsl.backends.numpy.block_runtime import _by_columns
from lossdsl.backends.numpy.support import runtime_functions
from lossdsl.backends.programs import Derived, derive
from lossdsl.functions.numpy_helpers import _guarded_mul, _larger, _smaller, _where
from lossdsl.ir.graph import Graph
from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.schedule.items import Wanted
from lossdsl.schedule.program import Schedule, schedule
from lossdsl.syntax import parse
from tests.random_items import draw_program
from tests.random_judge import Judge
from tests.test_language_numpy import test_agrees_with_the_interpreter as judge_program
from tests.test_random_programs import resolved

HUBER = (
    "loss f(x[n] | y[n]; d > 0 = 1.0):\n    r = x - y\n"
    "    return mean[n](r^2/2 if |r| <= d else d*(|r| - d/2))"
)  # fmt: skip
MASKED = "loss f(x[n, c] | y[n] in c or {-100}):\n" + (
    "    return mean[n where y[n] != -100](logsumexp[c](x[n, c]) - x[n, y[n]])"
)
DICE = "loss f(x[n, c] | y[n, c] in [0, 1]):\n" + (
    "    p = sigmoid(x)\n    return mean[c](1 - (2*sum[n](p*y) + 1)/(sum[n](p + y) + 1))"
)
LINEAR = "loss f(h[n, d], w[c, d] | y[n] in c):\n" + (
    "    z[n, c] = sum[d](h[n, d]*w[c, d])\n    return mean[n](logsumexp[c](z[n, c]) - z[n, y[n]])"
)
ORDERED = "loss f(x[n] | t[n]):\n    return mean[n](logsumexp[j where t[j] >= t[n]](x[j]) - x[n])"
RUNNING = "loss f(x[n]):\n    return mean[n](cumsum[n](x)^2)"


def derived(text: str) -> Derived:
    return derive(resolve(parse(text)).losses["f"])


def scheduled(text: str) -> Schedule | None:
    """The schedule of value and gradient."""
    d = derived(text)
    node = d.element.node
    count = None
    if d.kept is not None:
        node = d.table.graph.where(d.kept, node, d.table.graph.const(0))
        count = d.table.add("kept", (), "sum", d.element.indices, d.kept, d.table.graph.const(1))
    wanted = [Wanted("", d.element.indices, node), *(Wanted(n, o.indices, o.node) for n, o in d.gradient.items())]
    return schedule(d.table, wanted, count)


def passes(text: str) -> list[tuple[list[str], list[str], list[str]]]:
    """For each pass: totals, arrays that are kept, outputs."""
    found = scheduled(text)
    assert found is not None
    return [
        ([p.total for p in q.parts], [s.array for s in q.stores], [o.array for o in q.outputs]) for q in found.passes
    ]


# ---------------------------------------------------------------- how programs are cut


def test_value_and_gradient_of_elements_are_one_pass() -> None:
    assert passes(HUBER) == [([], [], ["", "x"])]


def test_softmax_rows_are_one_pass_that_keeps_nothing() -> None:
    assert passes("loss f(x[n, c] | y[n] in c):\n    return mean[n](logsumexp[c](x[n, c]) - x[n, y[n]])") == [
        ([], [], ["", "x"])
    ]


def test_the_number_of_kept_elements_is_known_before_the_gradient_needs_it() -> None:
    assert passes(MASKED) == [(["kept"], [], []), ([], [], ["", "x"])]


def test_sums_over_rows_end_a_pass() -> None:
    first, second = passes("loss f(x[n] | y[n]):\n    return sum[n](x*y)/sum[n](x)")
    assert (len(first[0]), first[1:]) == (2, ([], []))
    assert second == ([], [], ["x"])


def test_what_is_kept_is_as_small_as_what_a_row_gives() -> None:
    """The normaliser of a softmax, not its weights, is kept for the pass that follows."""
    text = "loss f(x[n, c]):\n    p = softmax[c](x)\n    return log(sum[n](max[c](p[n, c])^2))"
    found = scheduled(text)
    assert found is not None
    assert any(p.stores for p in found.passes)
    assert all(len(s.indices) == 1 for p in found.passes for s in p.stores)


def test_logits_that_only_rows_need_are_products_of_a_block() -> None:
    found = scheduled(LINEAR)
    assert found is not None
    (only,) = found.passes
    assert only.has_products
    assert not found.wholes and not only.stores
    assert [p.total for p in only.parts] == ["grad_w"]


def test_a_product_that_columns_need_too_is_one_product() -> None:
    text = "loss f(a[i, d], b[j, d]):\n    s[i, j] = sum[d](a[i, d]*b[j, d])\n" + (
        "    return mean[i](logsumexp[j](s[i, j])) + mean[j](logsumexp[i](s[i, j]))"
    )
    found = scheduled(text)
    assert found is not None
    assert any("sum_s" in names for names in found.wholes.values())


@pytest.mark.parametrize("text", [ORDERED, RUNNING, "loss f(x[n]):\n    return mean[i]((x[i+1] - x[i])^2)"])
def test_what_looks_at_other_rows_is_not_cut(text: str) -> None:
    assert scheduled(text) is None
    assert "_in_blocks" not in emit(resolve(parse(text)).losses["f"])


def test_running_sums_along_another_axis_are_cut() -> None:
    assert passes("loss f(x[n, t]):\n    return mean[n, t](cumsum[t](x)^2)") == [([], [], ["", "x"])]


def test_matrices_whose_rows_are_reduced_are_read_by_columns() -> None:
    text = emit(lossdsl.catalogue["classification"]["cross_entropy"].program)
    assert "= _by_columns(logits[start:stop])" in text
    assert "_by_columns" not in emit(resolve(parse("loss f(x[n, c]):\n    return mean[n, c](x^2)")).losses["f"])
    short, long = np.zeros((300, 10)), np.zeros((300, 100))
    assert _by_columns(short).flags.f_contiguous
    assert _by_columns(long) is long


def test_short_rows_lose_no_digits() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(3000, 16)).astype(np.float32), rng.integers(0, 16, 3000)
    f = lossdsl.catalogue["classification"]["cross_entropy"].numpy()
    value, gradient = f.value_and_grad(x, y)
    exact, slope = f.value_and_grad(x.astype(np.float64), y)
    np.testing.assert_allclose(value, exact, rtol=8 * 2.0**-24)
    np.testing.assert_allclose(gradient, slope, rtol=24 * 2.0**-24)


# ---------------------------------------------------------------- sharing


def test_functions_of_one_logit_share_an_exponential_and_a_logarithm() -> None:
    text = emit(lossdsl.catalogue["classification"]["binary_cross_entropy"].program)
    body = text[text.index("_value_and_grad(") : text.index("_hess_diag(")]
    assert body.count("np.exp(") == body.count("np.log1p(") == 1
    assert "_sigmoid(" not in body


def test_the_element_of_a_label_is_written_not_chosen() -> None:
    text = emit(lossdsl.catalogue["classification"]["cross_entropy"].program)
    body = text[text.index("_value_and_grad(") : text.index("_hess_diag(")]
    assert body.count("_placed(") == 1
    assert "np.arange(c)" not in body


def test_the_slope_of_huber_is_a_clip() -> None:
    body = emit(resolve(parse(HUBER)).losses["f"])
    assert "_clip(r, " in body
    assert "np.sign(" not in body


@pytest.mark.parametrize(
    "near, far, value, slope",
    [
        ("r^2/2", "d*(|r| - d/2)", "t * (r - t / 2)", "seed * t"),
        ("0.5*r*r", "d*|r| - 0.5*d^2", "t * (r - t / 2)", "seed * t"),
        ("r^2/(2*d)", "|r| - d/2", "t * (r - t / 2) / d", "seed * (t / d)"),
        ("r^2", "2*d*|r| - d^2", "2 * (t * (r - t / 2))", "seed * (2 * t)"),
        ("d*r^2/2", "d^2*|r| - d^3/2", "t * (r - t / 2) * d", "seed * (t * d)"),
    ],
)
@pytest.mark.parametrize("comparison", ["<", "<="])
def test_the_value_of_huber_is_a_clip_whatever_its_scale(
    near: str, far: str, value: str, slope: str, comparison: str
) -> None:
    text = emit(derived_program(f"{near} if |r| {comparison} d else {far}"))
    body = text[text.index("_value_and_grad(") : text.index("_hess_diag(")]
    assert f"_part({value}," in body
    assert f"= {slope}\n" in body
    assert "_where(" not in body


@pytest.mark.parametrize(
    "near, far",
    [
        ("r^2/2", "d*(|r| - d)"), ("r^2/2", "2*(|r| - 1)"), ("r^2", "d*|r| - d^2/2"), ("|r|*r/2", "d*(|r| - d/2)"),
        ("r^2/2 + r", "d*(|r| - d/2)"), ("r^2/2", "d*(r - d/2)"), ("r^2/(2*|r|)", "d*(|r| - d/2)"), ("0*r", "0*d"),
    ],
)  # fmt: skip
def test_what_only_looks_like_huber_is_chosen(near: str, far: str) -> None:
    text = emit(derived_program(f"{near} if |r| <= d else {far}"))
    assert "(r - t" not in text


def test_a_huber_loss_whose_delta_may_be_negative_is_chosen() -> None:
    text = emit(resolve(parse(HUBER.replace("d > 0 = 1.0", "d = 1.0"))).losses["f"])
    assert "_clip(" not in text


def test_polynomials_that_are_doubled_are_left_alone() -> None:
    lines = "".join(f"    a{k} = a{k - 1}*(2*a{k - 1})\n" for k in range(1, 40))
    text = f"loss f(x[n]; d > 0 = 1.0):\n    a0 = x\n{lines}    return mean[n](x^2/2 if |x| <= d else a39)"
    assert "_clip(" not in emit(resolve(parse(text)).losses["f"])


def derived_program(element: str) -> Program:
    text = f"loss f(x[n] | y[n]; d > 0 = 1.0):\n    r = x - y\n    return mean[n]({element})"
    return resolve(parse(text)).losses["f"]


# ---------------------------------------------------------------- blocks


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of two numbers: a row or two at a time, in as many parts as there can be."""
    monkeypatch.setitem(runtime_functions(), "_BLOCK", "_BLOCK = 2")
    yield


NAMES = [
    "ignored labels", "everything ignored", "softmax with a mask", "norm", "product with two zeros", "argmax as a position",
    "two axes in one index", "number of an index", "extrema with ties", "any and all", "histogram over bins",
    "learned scalars and arrays", "weights by default", "repeated index of one array", "def with tensors",
    "masked running sum",
]  # fmt: skip


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", NAMES)
def test_tiny_blocks_agree_with_the_interpreter(name: str) -> None:
    judge_program(name)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("seed", [2, 21, 59, 83, 88, 199, 212, 248, 1001])
def test_tiny_blocks_of_random_programs_agree_with_the_interpreter(seed: int) -> None:
    drawn = draw_program(random.Random(seed))
    program = resolved(drawn)
    if program is not None:
        assert "_in_blocks" in emit(program) or seed in (21, 1001)
        assert Judge(drawn, program).run() == []


def arrays(text: str, rows: int, classes: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    if text == HUBER:
        return {"x": rng.normal(size=rows).astype(np.float32), "y": rng.normal(size=rows).astype(np.float32)}
    if text == LINEAR:
        h, w = rng.normal(size=(rows, 8)), rng.normal(size=(classes, 8))
        return {"h": h.astype(np.float32), "w": w.astype(np.float32), "y": rng.integers(0, classes, rows)}
    x = rng.normal(size=(rows, classes)).astype(np.float32)
    if text == DICE:
        return {"x": x, "y": (x > 0.5).astype(np.float32)}
    y = rng.integers(0, classes, rows)
    y[::7] = -100
    return {"x": x, "y": y}


SHAPES = {HUBER: (300_000, 1), MASKED: (30_000, 11), DICE: (40_000, 9), LINEAR: (3_000, 200)}


@pytest.fixture(scope="module", params=list(SHAPES), ids=["huber", "masked", "dice", "linear"])
def case(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    text = request.param
    return lossdsl.loss(text).numpy(), arrays(text, *SHAPES[text])


def test_results_are_the_same_bits_for_any_number_of_threads(case: tuple[Any, dict[str, Any]]) -> None:
    f, given = case
    wrt = ("h", "w") if "h" in given else ("x",)
    found = []
    for threads in (1, 2, 5):
        token = f.module._threads.set(threads)
        value, grads = f.value_and_grad(**given, wrt=wrt)
        f.module._threads.reset(token)
        found.append([value.tobytes(), *(g.tobytes() for g in grads)])
    assert found[0] == found[1] == found[2]


def test_blocks_agree_with_one_block(case: tuple[Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums in another order: a few roundings of float32 for each of a tree of additions."""
    f, given = case
    value, gradient = f.value_and_grad(**given)
    monkeypatch.setattr(f.module, "_BLOCK", 1 << 40)
    whole, other = f.value_and_grad(**given)
    np.testing.assert_allclose(value, whole, rtol=40 * 2.0**-24)
    np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=40 * 2.0**-24 * float(np.abs(other).max()))


def test_temporary_arrays_are_as_large_as_blocks(case: tuple[Any, dict[str, Any]]) -> None:
    """Beside the results, and 4 MB that are given back at once: 24 arrays of a block for each of two threads."""
    f, given = case
    wrt = ("h", "w") if "h" in given else ("x",)
    f.value_and_grad(**given, wrt=wrt)
    f.module._threads.set(2)
    tracemalloc.start()
    f.value_and_grad(**given, wrt=wrt)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    results = sum(given[name].nbytes for name in wrt)
    labels = 8 * len(next(iter(given.values()))) * 3
    assert peak < results + labels + 2 * 24 * f.module._BLOCK * 4


def test_logits_of_a_large_class_axis_never_exist_at_once() -> None:
    f = lossdsl.loss(LINEAR).numpy()
    given = arrays(LINEAR, 4_000, 1_000)
    f.value_and_grad(**{**given, "h": given["h"][:9], "y": given["y"][:9]}, wrt=("h", "w"))
    tracemalloc.start()
    f.value_and_grad(**given, wrt=("h", "w"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    logits = 4_000 * 1_000 * 4
    assert peak < logits / 2


def test_threads_end_with_the_call_and_survive_a_fork() -> None:
    f = lossdsl.loss(HUBER).numpy()
    given = arrays(HUBER, 300_000, 1)
    before = threading.active_count()
    token = f.module._threads.set(4)
    expected = f(**given)
    assert threading.active_count() == before
    child = os.fork()
    if child == 0:  # no assertion may leave the child by an exception
        os._exit(0 if f(**given) == expected else 1)
    f.module._threads.reset(token)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_first_failure_of_a_block_is_the_one_that_is_raised() -> None:
    module = lossdsl.loss(HUBER).numpy().module

    def work(k: int) -> int:
        if k in (3, 7):
            raise ValueError(str(k))
        return k

    assert module._in_threads(work, 3, 2) == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        module._in_threads(work, 4, 2)


def test_where_no_thread_can_be_started_one_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    module = lossdsl.loss(HUBER).numpy().module

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert module._in_threads(lambda k: k, 5, 3) == [0, 1, 2, 3, 4]


def test_small_inputs_are_one_call() -> None:
    module = lossdsl.loss(HUBER).numpy().module
    calls: list[tuple[int, int]] = []

    def rows(start: int, stop: int) -> tuple[Any, ...]:
        calls.append((start, stop))
        return (np.float32(1),)

    assert module._in_blocks(rows, 1000, 1, ("sum",)) == (1,)
    assert module._in_blocks(rows, 0, 1, ("sum",)) == (1,)
    assert calls == [(0, 1000), (0, 0)]


def test_blocks_cover_each_row_once_and_are_of_nearly_one_size() -> None:
    module = lossdsl.loss(HUBER).numpy().module
    for n in (65_537, 99_999, 1_234_567):
        calls: list[tuple[int, int]] = []

        def rows(start: int, stop: int, calls: list[tuple[int, int]] = calls) -> tuple[Any, ...]:
            calls.append((start, stop))
            return (np.int64(stop - start),)

        assert module._in_blocks(rows, n, 1, ("sum",)) == (n,)
        calls.sort()
        assert [a for a, _ in calls] == [0, *(b for _, b in calls[:-1])]
        sizes = [b - a for a, b in calls]
        assert min(sizes) > 0 and max(sizes) <= module._BLOCK


def test_sums_over_blocks_keep_their_bits() -> None:
    """0.1 in float32, two million times: a running sum in float32 is off by a percent."""
    f = lossdsl.loss("loss f(x[n]):\n    return sum[n](x)").numpy()
    x = np.full(2_000_000, 0.1, np.float32)
    assert abs(float(f(x)) / (2_000_000 * float(x[0])) - 1) < 2.0**-22


def test_nothing_is_defined_twice_in_a_native_module() -> None:
    """It carries the runtime of the NumPy code beside its own."""
    tree = ast.parse(lossdsl.loss(HUBER).source("native"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names))


# ---------------------------------------------------------------- what runs in a block


@pytest.mark.parametrize("dt", [np.float32, np.float64])
def test_selection_by_bits_is_where(dt: Any) -> None:
    rng = np.random.default_rng(0)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.5], dt)
    x, y = rng.choice(special, 5000), rng.choice(special, 5000)
    c = rng.random(5000) < 0.5
    sides: list[tuple[Any, Any]] = [(x, y), (x, 0), (0, x), (1, 0.5), (x, dt(-0.0)), (dt(3), y), (x[None, :1], y)]
    for a, b in sides:
        found, expected = _where(c, a, b), np.where(c, a, b)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        assert found.tobytes() == expected.tobytes() or np.isnan(expected).any()
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("dt", [np.float32, np.float64])
def test_extrema_of_long_arrays_and_numbers_are_numpys(dt: Any) -> None:
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.5, -1.5], dt)
    x = np.random.default_rng(0).choice(special, 5000)
    sides: list[tuple[Any, Any]] = [(x, y) for y in (0, 1.0, dt(-1.5), np.inf, -np.inf, np.nan)]
    sides += [(x, x[::-1]), (x[None, :], x[:3, None]), (np.arange(5000), 7), (np.float64(2), dt(1))]
    for a, b in [*sides, *((b, a) for a, b in sides)]:
        for ours, numpys in ((_larger, np.maximum), (_smaller, np.minimum)):
            found, expected = ours(a, b), numpys(a, b)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype and found.shape == expected.shape


def test_signs_and_constants_of_guarded_products_are_outside() -> None:
    graph = Graph()
    graph.array_kinds |= {"x": "real", "y": "real"}
    x, y = graph.read("x", []), graph.read("y", [])
    product = graph.apply("guarded_mul", x, y)
    assert graph.apply("guarded_mul", -x, y) is graph.apply("guarded_mul", x, -y) is -product
    assert graph.apply("guarded_mul", -x, -y) is product
    assert graph.apply("guarded_mul", graph.const(2), y) is 2 * y
    assert graph.apply("guarded_mul", x, graph.const(0)).is_value(0)
    assert graph.apply("guarded_mul", x, graph.const("inf")).op == "guarded_mul"


def test_a_guarded_product_is_0_where_one_factor_is() -> None:
    g = np.array([0.0, 2.0, np.inf, np.nan, 0.0, 3.0])
    d = np.array([np.inf, 0.0, 0.0, 0.0, np.nan, np.nan])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(_guarded_mul(g, d), [0, 0, 0, 0, 0, np.nan])
    np.testing.assert_array_equal(_guarded_mul(g[1:2], d[1:2]), [0])


def test_certain_rows_keep_the_digits_of_what_is_left() -> None:
    """Of a softmax that is all but certain, beside one that is not: log1p of the rest, not log of 1."""
    f = lossdsl.loss("loss f(x[n, c]):\n    return logsumexp[c](x) - x[n, 0]").numpy()
    x = np.array([[0.0, -40.0, -41.0], [0.0, 0.0, 0.0]])
    rest = np.exp(-40.0) + np.exp(-41.0)
    np.testing.assert_allclose(f(x, reduction="none"), [rest, np.log(3)], rtol=1e-15)
