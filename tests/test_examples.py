"""Every example compiles to both back ends, has the value computed by hand, and is as `fmt` would have it."""

from __future__ import annotations

import importlib
import math
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import lossdsl
from lossdsl.syntax.format import format_text

pytestmark = pytest.mark.usefixtures("emitted_once")

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*.loss"))

A, B = [1.0, 2.0, 5.0], [1.0, 4.0, 1.0]
LOGITS = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
MASK = [[1.0, 1.0, 0.0, 0.0]]
PROB = [[1.0, 0.5, 0.5, 0.0]]
LOGIT_OF_PROB = [[40.0, 0.0, 0.0, -40.0]]
SIGMOID_1 = 1 / (1 + math.exp(-1))

BY_HAND: dict[str, tuple[tuple[object, ...], float]] = {
    "mse": ((A, B), 20 / 3),
    "mae": ((A, B), 2.0),
    "mse_mae": ((A, B), (20 / 3 + 2) / 2),
    "huber": ((A, B), (1.5 + 3.5) / 3),
    "huber_mse": ((A, B), (0.7 * 5 + 0.3 * 20) / 3),
    "cross_entropy": ((LOGITS, [0, 2]), -(math.log(0.5) + math.log(0.7)) / 2),
    "binary_cross_entropy": (([0.0, 1.0], [1, 0]), (math.log(2) - math.log(1 - SIGMOID_1)) / 2),
    "hinge": (([0.5, 2.0, -1.0], [1, 1, 1]), (0.5 + 0 + 2) / 3),
    "focal": (([0.0], [1]), 0.25 * 0.25 * math.log(2)),
    "iou": ((PROB, MASK), 1 - (1.5 + 1e-6) / (2.5 + 1e-6)),
    "box_iou": (([[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 3.0]]), 1 - 1 / (7 + 1e-7)),
    "dice": ((LOGIT_OF_PROB, MASK), 1 - (2 * 1.5 + 1) / (4 + 1)),
    "tversky": ((LOGIT_OF_PROB, MASK), 1 - (1.5 + 1) / (1.5 + 0.3 * 0.5 + 0.7 * 0.5 + 1)),
    "kl_divergence": ((LOGITS, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), -(math.log(0.5) + math.log(0.7)) / 2),
    "jensen_shannon": (([[0.0, -800.0]], [[-800.0, 0.0]]), math.log(2)),
    "ridge": (([1.0, 2.0], [[1.0, 1.0]], [1.0]), 2.0 + 5 / 200),
    "lasso": (([1.0, -2.0], [[1.0, 1.0]], [1.0]), 2.0 + 0.3),
    "learned_scale": ((A, B), 10 / 3 + math.log(2 * math.pi) / 2),
    "info_nce": (([[1.0], [0.0]], [[0.07], [0.07]]), math.log(2)),
    "cox": (([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [1, 0, 1]), math.log(3) / 2),
}


def example(path: Path) -> lossdsl.Loss:
    """The loss that a file is named after."""
    return lossdsl.load(path)[path.stem]


def test_every_example_is_computed_by_hand_here() -> None:
    assert {path.stem for path in FILES} == set(BY_HAND)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_value_in_numpy(path: Path) -> None:
    args, expected = BY_HAND[path.stem]
    assert float(example(path).numpy()(*args)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_value_and_gradient_in_torch(path: Path) -> None:
    torch = pytest.importorskip("torch")
    args, expected = BY_HAND[path.stem]
    loss = example(path)
    first, *rest = (torch.tensor(np.asarray(arg)) for arg in args)
    first.requires_grad_()
    value = loss.torch()(first, *rest)
    assert value.item() == pytest.approx(expected, rel=1e-12)
    value.backward()
    gradient = loss.numpy().value_and_grad(*args)[1]
    np.testing.assert_allclose(first.grad.numpy(), gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_checks(path: Path) -> None:
    """At a third of the points; the command of the README checks its example at all."""
    report = example(path).check(share=(zlib.crc32(path.stem.encode()), 3))
    assert report.ok, str(report)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_is_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text, str(path)) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_has_a_comment_or_docstring_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "#" in text
    assert len(text.splitlines()) <= 20
    assert example(path).doc


def test_the_learned_parameter_learns() -> None:
    """The best log sigma is the logarithm of the root mean square of the residuals."""
    torch = pytest.importorskip("torch")
    module = example(EXAMPLES / "learned_scale.loss").torch()
    optimizer = torch.optim.LBFGS(module.parameters(), max_iter=50)

    def closure() -> object:
        optimizer.zero_grad()
        value = module(torch.tensor(A), torch.tensor(B))
        value.backward()
        return value

    optimizer.step(closure)
    assert next(iter(module.parameters())).item() == pytest.approx(math.log(math.sqrt(20 / 3)), abs=1e-3)


def test_training_with_the_generated_loss_beats_mse_on_contaminated_targets(tmp_path, monkeypatch) -> None:
    """One seed of the main job, with the linear model: robust where plain MSE is not."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    train = importlib.import_module("train_huber_mse")
    loss = example(EXAMPLES / "huber_mse.loss")
    for backend in ("numpy", "torch"):
        (tmp_path / f"huber_mse_{backend}.py").write_text(loss.source(backend), encoding="utf-8")
    try:
        trainers = train.trainers(str(tmp_path))
        data = train.contaminated_split(0)
        error = {key: np.abs(fit(data, 0)(data.x_test) - data.y_test).mean() for key, fit in trainers.items()}
    finally:
        for name in ("train_huber_mse", "huber_mse_numpy", "huber_mse_torch"):
            sys.modules.pop(name, None)
        sys.path.remove(str(tmp_path))
    for model in ("network", "linear"):
        plain = error[model, "MSE"]
        robust = [value for (kind, loss_name), value in error.items() if kind == model and loss_name != "MSE"]
        assert len(robust) == 2
        assert max(robust) < plain
