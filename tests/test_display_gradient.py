"""A printed gradient parses again and means the same, in the derived form and in the one that SymPy shortened."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from lossdsl.diagnostics import LossError
from lossdsl.display import NotExpressible, gradient_text
from lossdsl.meaning import resolve
from lossdsl.meaning.interpret import EvaluationError, Interpreter
from lossdsl.syntax import parse
from tests.acceptance_cases import Case, Point, load, names
from tests.display_texts import DIGITS, assert_same, differentiable, error, printed, program, values
from tests.random_items import draw_program
from tests.test_language_numpy import PROGRAMS

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.loss"))
MODERATE = 40
"""Numbers that go in; above, only the smallest point of a loss is evaluated."""


def sampled(case: Case) -> list[Point]:
    """Points of moderate size: ties, kinks, empty masks, N = 1."""
    points = [point for point in case.points if point.with_gradient]
    smallest = min(points, key=lambda point: point.size, default=None)
    return [point for point in points if point is smallest or point.size <= MODERATE]


@pytest.mark.parametrize(
    ("name", "simplify"), [*((name, False) for name in names()), *((name, True) for name in names()[::2])]
)
def test_acceptance(name: str, simplify: bool) -> None:
    case = load(name)
    original = resolve(parse(case.text)).losses[case.entry]
    for wrt in case.wrt:
        for point in sampled(case)[: 1 if simplify else 3]:
            assert_same(original, wrt, point.arguments, simplify)


@pytest.mark.parametrize("simplify", [False, True])
@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - {"special functions"}))
def test_constructs(name: str, simplify: bool) -> None:
    text, inputs = PROGRAMS[name]
    original = program(text)
    for wrt in differentiable(original):
        assert_same(original, wrt, inputs, simplify)


def random_losses() -> list[int]:
    return list(range(0, 400, 8))


@pytest.mark.parametrize("seed", random_losses())
def test_random_programs(seed: int) -> None:
    drawn = draw_program(random.Random(seed))
    try:
        original = program(drawn.text)
    except LossError:
        return
    for wrt in differentiable(original):
        try:
            bound = Interpreter(original, DIGITS).bind(drawn.inputs)
            value, reference = bound.value(), bound.gradient(wrt)
        except EvaluationError:
            return
        finite = all(abs(x) < float("inf") for x in (value, *reference.reshape(-1)))
        if finite:
            found = values(printed(original, wrt, simplify=False), drawn.inputs)
            assert error(found, reference) <= 1e-25, gradient_text(original, wrt, simplify=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_printed_as_losses(path: Path) -> None:
    for original in resolve(parse(path.read_text(encoding="utf-8"))).losses.values():
        for wrt in differentiable(original):
            gradient = printed(original, wrt)
            assert gradient.name == f"{original.name}_grad_{wrt}"
            assert [(a.name, a.role, a.axes) for a in gradient.args] == [
                (a.name, a.role, a.axes) for a in original.args
            ]


def test_a_wrong_text_is_found() -> None:
    original = program("loss f(x[n] | y[n]):\n    return mean[n]((x - y)^2*y)\n")
    inputs = {"x": np.array([1.0, 2.0]), "y": np.array([0.5, -1.0])}
    text = gradient_text(original, "x")
    reference = Interpreter(original, DIGITS).bind(inputs).gradient("x")
    assert error(values(program(text), inputs), reference) < 1e-60
    assert error(values(program(text.replace("x - y", "x + y")), inputs), reference) > 0.1


SLOPES = {
    "the slope of a square": "sum[n](sqrt(w*x^2))",
    "the slope of a cosine": "sum[n](sqrt(w*(1 - cos(x))))",
    "the step of relu": "sum[n](w*sqrt(relu(x)))",
    "a weight": "sum[n](x*sqrt(w*x^4))",
}


@pytest.mark.parametrize("simplify", [False, True])
@pytest.mark.parametrize("name", SLOPES)
def test_zero_stops_an_infinite_slope(name: str, simplify: bool) -> None:
    """On either side of the product, as in the code."""
    original = program(f"loss f(x[n] | w[n]):\n    return {SLOPES[name]}\n")
    assert_same(original, "x", {"x": np.array([0.0, 2.0]), "w": np.array([0.5, 2.0])}, simplify)


def lines(text: str, wrt: str) -> list[str]:
    """The definitions of the printed gradient."""
    return [line.strip() for line in gradient_text(program(text), wrt).splitlines()[2:-1]]


def test_binary_cross_entropy_is_p_minus_y() -> None:
    text = "loss f(z[n] | y[n]):\n    p = sigmoid(z)\n    return mean[n](-y*log(p) - (1 - y)*log(1 - p))\n"
    assert lines(text, "z") == ["p = sigmoid(z)", "g[n] = (p - y)/size(n)"]


def test_cross_entropy_is_softmax_minus_the_label() -> None:
    text = "loss f(z[n, c] | y[n] in c):\n    return mean[n](logsumexp[c](z) - z[n, y[n]])\n"
    assert lines(text, "z") == ["g[n, c] = (softmax[c](z[n, c]) - [c == y[n]])/size(n)"]


def test_bindings_of_the_author_are_kept() -> None:
    text = "loss f(x[n] | y[n]; delta > 0 = 1):\n    r = x - y\n    return r^2/2 if |r| <= delta else delta*|r|\n"
    assert lines(text, "x") == ["r = x - y", "g[n] = (r if |r| <= delta else delta*sign(r))/size(n)"]


def test_the_weight_of_a_mean_is_a_mean_where_it_can_be() -> None:
    text = "loss f(w[d] | x[n, d], y[n]):\n    return mean[n]((sum[d](x*w) - y)^2)\n"
    assert lines(text, "w") == ["g[d] = 2*mean[n]((sum[e](x[n, e]*w[e]) - y[n])*x[n, d])"]


def test_a_masked_mean_is_divided_by_what_is_counted() -> None:
    text = "loss f(x[n] | m[n]):\n    return mean[n where m > 0](x^2)\n"
    assert lines(text, "x") == ["g[n] = (2*x[n] if m[n] > 0 else 0)/max(count[p where m[p] > 0], 1)"]


def test_a_gather_becomes_a_sum_over_those_that_read() -> None:
    text = "loss f(u[k] | who[n] in k):\n    return sum[n](u[who[n]]^2)\n"
    assert lines(text, "u") == ["g[k] = 2*sum[n where k == who[n]](u[who[n]])"]


def test_offsets_become_conditions() -> None:
    text = "loss f(x[t]):\n    return sum[t]((x[t+1] - x[t])^2)\n"
    (line,) = lines(text, "x")
    assert "if t >= 1 else 0" in line
    assert "if t < size(t) - 1 else 0" in line


def test_an_index_without_a_read_says_its_range() -> None:
    text = "loss f(x[n] | y[n]):\n    return sum[n](x)\n"
    assert lines(text, "x") == ["g[n] = 1"]
    inputs = {"x": np.ones(3), "y": np.ones(3)}
    assert values(printed(program(text), "x"), inputs).tolist() == [1, 1, 1]


def test_of_an_argument_that_does_not_matter_it_is_zero() -> None:
    original = program("loss f(x[n], z[n, 2]):\n    return sum[n](x)\n")
    inputs = {"x": np.ones(3), "z": np.ones((3, 2))}
    assert values(printed(original, "z"), inputs).tolist() == [[0, 0]] * 3


def test_names_do_not_clash() -> None:
    """With reserved words, with arguments called like the result, with indices called like arguments."""
    lines = ["loss f(g[i], j[i, k] | n[k]):", "    s = softmax[k](j)"]
    text = "\n".join([*lines, "    return sum[i](s[i, 0]*g) + logsumexp[i](g)*sum[k](n)\n"])
    original = program(text)
    inputs = {"g": np.array([1.0, -1.0]), "j": np.arange(6.0).reshape(2, 3), "n": np.ones(3)}
    for wrt in ("g", "j"):
        assert_same(original, wrt, inputs, simplify=True)


def test_what_the_language_can_not_say_is_said_so() -> None:
    original = program("loss f(x[n] > 0):\n    return mean[n](digamma(x))\n")
    with pytest.raises(NotExpressible, match="polygamma"):
        gradient_text(original, "x")


def test_two_indices_over_any_axes_are_one_too_many() -> None:
    original = program("loss f(x[..]):\n    return prod[..](x)\n")
    with pytest.raises(NotExpressible, match=r"`\.\.`"):
        gradient_text(original, "x")


def test_the_same_loss_gives_the_same_text() -> None:
    text = EXAMPLES[0].read_text(encoding="utf-8")
    first, second = (gradient_text(next(iter(resolve(parse(text)).losses.values())), "score") for _ in range(2))
    assert first == second


def test_lines_are_short() -> None:
    text = (Path(__file__).parent.parent / "examples" / "box_iou.loss").read_text(encoding="utf-8")
    assert max(map(len, gradient_text(program(text), "box").splitlines())) <= 110


def test_a_thousand_terms() -> None:
    """Deeper than Python's stack; every term is there."""
    terms = " + ".join(f"mean[n]((x*{k} - y)^2)" for k in range(1, 1001))
    original = program(f"loss f(x[n] | y[n]):\n    return {terms}\n")
    text = gradient_text(original, "x")
    assert all(f"({k}*x - y)" in text for k in range(2, 1001))
    found = values(program(text), {"x": np.array([1.0]), "y": np.array([0.0])})
    assert found.tolist() == [sum(2 * k**2 for k in range(1, 1001))]
