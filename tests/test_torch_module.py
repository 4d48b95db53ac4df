"""The generated nn.Module: parameters, buffers, copies, state, terms, predictions, training."""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.torch_losses import LOSSES, close, compiled, from_text, gradients  # noqa: E402

FORMS = ["closed", "autograd"]


def test_hyperparameters_are_attributes_and_shown() -> None:
    module = compiled("huber_mse").HuberMse(delta=2.0, reduction="sum")
    assert repr(module) == "HuberMse(delta=2.0, alpha=0.7, reduction='sum')"
    assert not list(module.parameters())
    pred, target = torch.randn(4), torch.randn(4)
    close(module(pred, target), compiled("huber_mse").huber_mse(pred, target, delta=2.0, reduction="sum"))
    module.delta = 0.5
    close(module(pred, target), compiled("huber_mse").huber_mse(pred, target, delta=0.5, reduction="sum"))


def test_hyperparameters_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        compiled("huber_mse").HuberMse(2.0)
    with pytest.raises(TypeError):
        compiled("huber_mse").HuberMse(gamma=2.0)


def test_modules_validate_when_asked() -> None:
    p, y = LOSSES["dice"].wrt["p"], LOSSES["dice"].data["y"]
    compiled("dice").Dice()(p + 2, y)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\]"):
        compiled("dice").Dice(validate=True)(p + 2, y)


def test_learned_values_are_parameters() -> None:
    module = compiled("learned").Learned(k=2, power=3)
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == {"s": (2,), "scale": ()}
    close(module.s, torch.zeros(2))
    close(module.scale, torch.tensor(1.5))
    start = torch.tensor([1.0, 2.0])
    given = compiled("learned").Learned(s=start, scale=torch.tensor(2, dtype=torch.int64))
    close(given.s, start)
    assert given.scale.dtype == torch.float32
    with torch.no_grad():
        given.s.add_(1)
    close(start, torch.tensor([1.0, 2.0]))


def test_a_parameter_needs_a_start_or_a_size() -> None:
    with pytest.raises(ValueError, match="s needs a start value, or the size of k"):
        compiled("learned").Learned()
    module = from_text(
        "loss f(x[n, 2] | y[n]; learn w[2] = 1, learn b):\n    return mean[n]((sum[k](w[k]*x[n, k]) + b - y)^2)"
    )
    with pytest.raises(TypeError, match="b"):
        module.F()
    assert tuple(module.F(b=0.5).w.shape) == (2,)


@pytest.mark.parametrize("backward", FORMS)
def test_gradients_reach_the_parameters(backward: str) -> None:
    sample = LOSSES["learned"]
    module = compiled("learned", backward).Learned(s=sample.wrt["s"], scale=sample.wrt["scale"])
    x = sample.wrt["x"].clone().requires_grad_()
    module(x, sample.data["y"]).backward()
    leaves = [value.clone().requires_grad_() for value in sample.wrt.values()]
    expected = gradients(compiled("learned").learned(leaves[0], sample.data["y"], s=leaves[1], scale=leaves[2]), leaves)
    for found, wanted in zip((x.grad, module.s.grad, module.scale.grad), expected, strict=True):
        close(found, wanted)


def test_a_function_takes_the_defaults_of_learned_values() -> None:
    x, y = LOSSES["learned"].wrt["x"], LOSSES["learned"].data["y"]
    loss = compiled("learned").learned
    close(loss(x, y), loss(x, y, s=torch.zeros(2), scale=1.5))


@pytest.mark.parametrize("backward", FORMS)
def test_copies_pickles_and_state(backward: str) -> None:
    module = compiled("learned", backward).Learned(k=2)
    with torch.no_grad():
        module.s.copy_(torch.tensor([0.5, -0.5]))
    x, y = torch.randn(3, 2), torch.randn(3, 2)
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    fresh = compiled("learned", backward).Learned(k=2)
    fresh.load_state_dict(module.state_dict())
    for twin in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(buffer, weights_only=False),
        fresh,
    ):
        close(twin(x, y), module(x, y))
        with torch.no_grad():
            twin.s.add_(1)
    close(module.s, torch.tensor([0.5, -0.5]))
    assert set(module.state_dict()) == {"s", "scale"}


def test_arrays_of_hyperparameters_are_buffers() -> None:
    module = from_text("loss f(x[n, c] | y[n, c]; w[c] >= 0 = 1):\n    return mean[n](sum[c](w*(x - y)^2))")
    x, y = torch.randn(2, 3), torch.randn(2, 3)
    weighted = module.F(w=[1.0, 2.0, 0.0])
    assert set(weighted.state_dict()) == {"w"}
    assert weighted.double().w.dtype == torch.float64
    close(weighted(x, y), (torch.tensor([1.0, 2.0, 0.0]) * (x - y) ** 2).sum(1).mean())
    close(module.F()(x, y), ((x - y) ** 2).sum(1).mean())


def test_moves_to_another_dtype_and_device() -> None:
    module = compiled("learned").Learned(k=2).double()
    assert module(torch.randn(3, 2), torch.randn(3, 2)).dtype == torch.float64
    meta = compiled("learned").Learned(k=2).to("meta")
    assert meta(torch.randn(3, 2, device="meta"), torch.randn(3, 2, device="meta")).device.type == "meta"


@pytest.mark.parametrize("backward", FORMS)
def test_terms_add_up_and_can_be_differentiated(backward: str) -> None:
    sample = LOSSES["learned"]
    module = compiled("learned", backward).Learned(s=sample.wrt["s"], scale=sample.wrt["scale"])
    x, y = sample.wrt["x"].clone().requires_grad_(), sample.data["y"]
    terms = module.terms(x, y)
    assert list(terms) == ["fit", "prior"]
    close(sum(terms.values()), module(x, y))
    close(gradients(sum(terms.values()), [x])[0], gradients(module(x, y), [x])[0])
    assert not hasattr(compiled("huber_mse").HuberMse(), "terms")


@pytest.mark.parametrize("backward", FORMS)
def test_predictions(backward: str) -> None:
    score = torch.randn(2, 3, requires_grad=True)
    module = compiled("poisson", backward).Poisson(scale=2.0)
    mu = module.predict(score)
    close(mu, 2 * torch.exp(score))
    close(gradients(mu, [score])[0], mu.detach())
    logits, logvar = torch.randn(3, 4), torch.randn(3)
    several = compiled("two_heads", backward).two_heads_predict(logits, logvar)
    assert list(several) == ["p", "variance"]
    close(several["p"], torch.softmax(logits, 1))
    close(several["variance"], torch.exp(logvar))
    close(compiled("two_heads", backward).TwoHeads(q=torch.full((3,), 0.2)).predict(logits, logvar)["p"], several["p"])


def test_half_precision_predictions_come_in_float32() -> None:
    assert compiled("poisson").poisson_predict(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS])
def test_training(optimiser: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    target = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1
    target[::8] += 20
    loss = compiled("huber_mse").HuberMse(alpha=1.0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0))
    steps = optimiser(model.parameters(), lr=0.1)

    def closure() -> Any:
        steps.zero_grad()
        value = loss(model(x), target)
        value.backward()
        return value

    before = closure().item()
    for _ in range(60):
        steps.step(closure)
    assert closure().item() < 0.7 * before
    close(model[0].weight.detach()[0], torch.tensor([1.0, -2.0, 0.5]), rtol=0, atol=0.5)


def test_training_with_learned_parameters_and_a_scaler() -> None:
    torch.manual_seed(0)
    loss = from_text(
        "loss nll(mu[n] | y[n]; learn log_s = 0):\n    return mean[n]((y - mu)^2*exp(-2*log_s)/2 + log_s)"
    ).Nll()
    y = 3 * torch.randn(500)
    steps = torch.optim.Adam(loss.parameters(), lr=0.05)
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(200):
        steps.zero_grad()
        with torch.autocast("cpu"):
            value = loss(torch.zeros(500, dtype=torch.bfloat16), y)
        scaler.scale(value).backward()
        scaler.step(steps)
        scaler.update()
    assert loss.log_s.item() == pytest.approx(math.log(y.square().mean().sqrt().item()), abs=1e-2)


def test_names_that_modules_have_already() -> None:
    module = from_text(
        "loss f(x[n]; half > 0 = 0.5, training = 1, learn forward = 2):\n    return mean[n](half*forward*x + training)"
    )
    made = module.F(half=2.0, forward=3.0)
    assert made(torch.ones(2)).item() == 7
    assert made.half().training is True


def test_names_of_python_and_of_the_module_itself() -> None:
    module = from_text(
        "loss value(torch[n], ctx[n] | math[n], upstream[n]; lambda > 0 = 2, self = 1, t = 3):\n"
        "    tensors = sum[n](torch^2*lambda)\n"
        "    return tensors + sum[n](ctx*math*upstream)*self + t"
    )
    x, y = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
    value = module.Value(lambda_=3.0)(x, y, torch.ones(2), torch.ones(2))
    assert value.item() == 15 + 7 + 3
    for found, expected in zip(gradients(value, (x, y)), ([6.0, 12.0], [1.0, 1.0]), strict=True):
        assert found.tolist() == expected
    close(torch.func.hessian(lambda x: module.value(x, y, torch.ones(2), torch.ones(2)))(x), 4 * torch.eye(2))


def test_a_loss_that_is_called_as_its_class() -> None:
    module = from_text("loss Huber(x[n]):\n    return mean[n](x^2)")
    assert module.Huber(torch.ones(2)).item() == 1
    assert module.Huber_()(torch.ones(2)).item() == 1
