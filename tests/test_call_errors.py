"""What a wrong call says, in the code of both back ends and in the terms of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import lossdsl
from lossdsl.meaning.interpret import Interpreter
from lossdsl.meaning.reference.arguments import EvaluationError

BACKENDS = ("numpy", "torch")


def compiled(text: str, backend: str) -> Callable[..., Any]:
    """A loss as a function of lists and numbers."""
    loss = lossdsl.loss(text)
    array: Callable[..., Any] = np.asarray if backend == "numpy" else torch.tensor
    module = loss.compile(backend)
    function = getattr(module, loss.name)

    def call(*args: Any, **keywords: Any) -> Any:
        return function(*(array(a) if isinstance(a, list) else a for a in args), **keywords)

    return call


# ---------------------------------------------------------------- whole numbers

WHOLE = "loss f(x[n] | y[n] in {0, 1}, s in {-1, 1} = 1):\n    return sum[n](x*y*s)\n"
NOT_WHOLE = [
    ([0.0, 0.5, 1.0], r"y must hold whole numbers, got 0\.5 at position \[1\]"),
    ([0.0, 1.0, float("nan")], r"y must hold whole numbers, got nan at position \[2\]"),
    ([float("inf"), 1.0, 1.0], r"y must hold whole numbers, got inf at position \[0\]"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("y", "message"), NOT_WHOLE)
def test_values_of_a_whole_number_domain_are_whole(backend: str, y: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compiled(WHOLE, backend)([1.0, 2.0, 3.0], y)


@pytest.mark.parametrize("y", [y for y, _ in NOT_WHOLE])
def test_the_interpreter_refuses_them_too(y: list[float]) -> None:
    with pytest.raises(EvaluationError, match="y takes whole numbers"):
        Interpreter(lossdsl.loss(WHOLE).program).bind({"x": [1.0, 2.0, 3.0], "y": y})


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scalar_of_a_whole_number_domain(backend: str) -> None:
    f = compiled(WHOLE, backend)
    assert float(f([1.0, 2.0], [1, 1], -1)) == -3
    with pytest.raises(ValueError, match=r"s must hold whole numbers, got 0\.5$"):
        f([1.0, 2.0], [1, 1], 0.5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("y", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True]])
def test_whole_numbers_of_any_dtype(backend: str, y: list[Any]) -> None:
    assert float(compiled(WHOLE, backend)([1.0, 2.0, 3.0], y)) == 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_member_of_the_set_is_asked_for_by_validate(backend: str) -> None:
    f = compiled(WHOLE, backend)
    assert float(f([1.0, 2.0, 3.0], [0, 1, 2])) == 8
    with pytest.raises(ValueError, match=r"y must be in {0, 1}, got 2.* at position \[2\]"):
        f([1.0, 2.0, 3.0], [0, 1, 2], validate=True)


def test_a_value_that_is_not_whole_is_found_behind_the_first_block() -> None:
    f = lossdsl.loss(WHOLE).numpy()
    y = np.zeros((400, 300), order="F").T.reshape(-1)
    f(np.ones(y.size), y)
    y[70_000] = 0.25
    with pytest.raises(ValueError, match=r"got 0\.25 at position \[70000\]"):
        f(np.ones(y.size), y)


def test_a_prediction_of_a_whole_number_domain_keeps_its_gradient() -> None:
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    lossdsl.loss("loss f(x[n] in {-1, 1} | y[n]):\n    return sum[n](x*y)\n").torch()(
        x, torch.tensor([2.0, 3.0])
    ).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 3]


def test_values_are_not_looked_at_under_vmap_and_compile() -> None:
    module = lossdsl.loss(WHOLE).compile("torch")
    x, y = torch.ones(3, 4), torch.tensor([[0.0, 1.0, 1.0, 0.0]] * 3)
    assert torch.func.vmap(module.f)(x, y).tolist() == [2, 2, 2]
    torch.compiler.reset()
    assert torch.compile(module.f, fullgraph=True, backend="aot_eager")(x[0], y[0]).item() == 2


# ---------------------------------------------------------------- shapes and numbers

SHAPES = "loss f(x[n, c], a = 0.5 | w[n, 4] = 1; d > 0 = 1):\n    return mean[n, c](a*x*w[n, 0]/d)\n"
X = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("args", "keywords", "message"),
    [
        ((X, [1.0, 2.0, 3.0]), {}, r"a is a scalar \(declared without axes\), but got shape \(3,\)"),
        (([1.0],), {}, r"x is declared x\[n, c\], so it has 2 axes, but got shape \(1,\)"),
        ((1.5,), {}, r"x is declared x\[n, c\], so it has 2 axes, but got shape \(\)"),
        ((X, 0.5, [[1.0] * 3] * 2), {}, r"w is declared w\[n, 4\], but got shape \(2, 3\)"),
        ((X, 0.5, [[1.0] * 4]), {}, "axis n has size 2 in x but 1 in w"),
        ((X,), {"d": np.ones(3)}, r"d is a scalar \(declared without axes\), but got shape \(3,\)"),
        ((X,), {"d": 0}, "d must be > 0, got 0"),
        ((X,), {"d": "1"}, "d must be a number, got '1'"),
        ((X,), {"d": None}, "d must be a number, got None"),
        ((X,), {"d": 1j}, "d must be a number, got 1j"),
        ((X,), {"reduction": "max"}, 'reduction must be "mean", "sum" or "none", got \'max\''),
    ],
)
def test_what_is_wrong_is_said_in_the_terms_of_the_loss(
    backend: str, args: tuple[Any, ...], keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        compiled(SHAPES, backend)(*args, **keywords)


def test_a_tensor_for_a_hyperparameter() -> None:
    f = lossdsl.loss(SHAPES).torch
    assert f(d=torch.tensor(2.0))(torch.tensor(X)).item() == 0.625
    with pytest.raises(ValueError, match=r"d is a scalar \(declared without axes\), but got shape \(2,\)"):
        f(d=torch.ones(2))(torch.tensor(X))


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_axes_that_meet_in_a_call(backend: str) -> None:
    text = "def dot(a[d], b[d]) = sum[d](a*b)\nloss f(x[n, p], y[m, q]):\n    return mean[n](dot(x[n, :], y[0, :]))\n"
    f = compiled(text, backend)
    assert float(f(X, [[1.0, 1.0]])) == 5
    with pytest.raises(ValueError, match="two axes are passed for axis d of `dot`, of sizes 2 and 3"):
        f(X, [[1.0, 1.0, 1.0]])


def test_the_best_of_nothing() -> None:
    f = compiled(
        "loss f(x[n, c] | m[n, c] in {0, 1}):\n"
        "    k[n] = argmax[c where m[n, c] == 1](x[n, c])\n    return sum[n](x[n, k[n]])\n",
        "numpy",
    )
    with pytest.raises(ValueError, match="argmax has nothing to take the position of the best of"):
        f([[1.0, 2.0]], [[0, 0]])


# ---------------------------------------------------------------- predictions, for which no data are given


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("data", ["dt", "out", "names", "value", "k", "group"])
def test_names_of_data_do_not_disturb_predict(backend: str, data: str) -> None:
    text = f"loss f(x[n, c] | {data}[n]; s = 2):\n    predict p[n] = logsumexp[c](s*x)\n    return mean[n](p*{data})\n"
    module = lossdsl.loss(text).compile(backend)
    make = np.asarray if backend == "numpy" else torch.tensor
    assert float(module.f_predict(make([[1.0, 1.0]]))[0]) == pytest.approx(2 + np.log(2), rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_predict_checks_sizes_as_the_loss_does(backend: str) -> None:
    text = "loss f(x[n], y[m] | t[k]):\n    predict p[i] = x[i]*y[i]\n    return mean(p)*mean(t)\n"
    module = lossdsl.loss(text).compile(backend)
    make = np.ones if backend == "numpy" else torch.ones
    assert module.f_predict(make(3), make(3)).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match=r"the index `i` runs over both .*, of sizes 3 and 1"):
        module.f_predict(make(3), make(1))
