"""What users call from Python."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import lossdsl

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

MIX = """
loss mix(pred[n] | target[n], weight[n] >= 0 = 1; delta > 0 = 1.0):
    predict mean_ = exp(pred)
    squared = mean[n](weight*(pred - target)^2)
    linear = mean[n](|pred - target|)
    return squared + delta*linear
"""
SIGNATURE = "mix(pred[n] | target[n], weight[n] >= 0 = 1; delta > 0 = 1)"


@pytest.fixture(scope="module")
def mix() -> lossdsl.Loss:
    return lossdsl.loss(MIX)


def python(code: str, *modules: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.mark.parametrize("heavy", ["torch", "sympy", "lark", "numpy", "mpmath", "rich"])
def test_import_is_light(heavy: str) -> None:
    done = python(f"import sys, lossdsl, lossdsl.cli; sys.exit({heavy!r} in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_numpy_code_needs_no_torch() -> None:
    code = (
        "import sys, lossdsl; loss = lossdsl.catalogue['regression']['huber'];"
        "loss.numpy()([1.0], [2.0]); loss.source('torch'); sys.exit('torch' in sys.modules)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_load_is_a_mapping() -> None:
    module = lossdsl.load(EXAMPLES / "mse_mae.loss")
    assert list(module) == ["mse", "mae", "mse_mae"]
    assert repr(module).endswith("mse_mae.loss: mse, mae, mse_mae>")
    assert module["mse_mae"].name == "mse_mae"
    with pytest.raises(KeyError):
        module["nothing"]


def test_load_of_a_missing_file_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        lossdsl.load("no_such.loss")


def test_loss_of_a_text_with_several_is_the_last() -> None:
    assert lossdsl.loss((EXAMPLES / "mse_mae.loss").read_text()).name == "mse_mae"
    with pytest.raises(ValueError, match="no loss"):
        lossdsl.loss("def f(x) = x")


def test_what_is_wrong_is_located() -> None:
    with pytest.raises(lossdsl.LossError) as caught:
        lossdsl.loads("loss f(pred[n] | target[n]):\n    return mean[n](pred - tarjet)", path="mine.loss")
    assert "mine.loss" in str(caught.value)
    assert "target" in str(caught.value)


def test_repr_and_doc(mix: lossdsl.Loss) -> None:
    assert mix.signature == SIGNATURE
    assert repr(mix) == f"<loss {SIGNATURE}>"
    assert mix.text.startswith("loss mix(")


def test_catalogue() -> None:
    assert "regression" in lossdsl.catalogue
    assert {"mse", "mae", "huber"} <= set(lossdsl.catalogue["regression"])
    with pytest.raises(KeyError, match="regression"):
        lossdsl.catalogue["regresion"]
    value = lossdsl.catalogue["regression"]["huber"].numpy()([[0.0], [3.0]], [[0.5], [0.0]], delta=2.0)
    assert float(value) == pytest.approx((0.125 + 4) / 2)


# ---------------------------------------------------------------- NumPy


def test_numpy_methods(mix: lossdsl.Loss) -> None:
    f = mix.numpy()
    pred, target = [0.0, 3.0], [1.0, 1.0]
    assert float(f(pred, target)) == pytest.approx(2.5 + 1.5)
    value, gradient = f.value_and_grad(pred, target, delta=2.0)
    assert float(value) == pytest.approx(2.5 + 3.0)
    np.testing.assert_allclose(gradient, [-2.0, 3.0])
    np.testing.assert_allclose(f.hess_diag(pred, target), [1.0, 1.0])
    np.testing.assert_allclose(f.hvp(pred, target, vector=[1.0, 2.0]), [1.0, 2.0])
    assert {name: float(term) for name, term in f.terms(pred, target).items()} == {"squared": 2.5, "linear": 1.5}
    np.testing.assert_allclose(f.predict(pred), np.exp(pred))


def test_several_wrt() -> None:
    f = lossdsl.loss("loss dot(a[i], b[i]):\n    return sum[i](a*b)").numpy()
    value, gradients = f.value_and_grad([1.0, 2.0], [3.0, 4.0], wrt=("a", "b"))
    assert float(value) == 11.0
    assert [list(g) for g in gradients] == [[3.0, 4.0], [1.0, 2.0]]


def test_methods_a_loss_does_not_have() -> None:
    f = lossdsl.loss("loss mse(pred[n] | target[n]):\n    return mean[n]((pred - target)^2)").numpy()
    with pytest.raises(AttributeError, match="mse has no `predict` binding"):
        f.predict([1.0])
    with pytest.raises(AttributeError, match="mse has no scalar binding"):
        f.terms([1.0], [2.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_converts_arrays_but_not_labels(dtype: type[np.floating]) -> None:
    f = lossdsl.load(EXAMPLES / "cross_entropy.loss")["cross_entropy"].numpy(dtype=dtype)
    value, gradient = f.value_and_grad([[1.0, 2.0]], label=[1])
    assert gradient.dtype == dtype
    assert np.asarray(value).dtype == dtype


def test_numpy_object_shows_the_signature_of_the_function(mix: lossdsl.Loss) -> None:
    f = mix.numpy()
    assert list(inspect.signature(f).parameters)[:2] == ["pred", "target"]
    assert "delta" in repr(f)
    assert f.__doc__


def test_numpy_object_can_be_copied_and_pickled(mix: lossdsl.Loss) -> None:
    f = mix.numpy(dtype=np.float32)
    for other in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert other([0.0, 3.0], [1.0, 1.0]) == f([0.0, 3.0], [1.0, 1.0])


# ---------------------------------------------------------------- generated modules


def test_compile_gives_one_module_per_text(mix: lossdsl.Loss) -> None:
    module = mix.compile("numpy")
    assert mix.compile("numpy") is module
    assert callable(module.mix)
    assert sys.modules[module.__name__] is module
    assert mix.compile("torch") is not module


def test_source_is_deterministic_and_standalone(mix: lossdsl.Loss) -> None:
    again = lossdsl.loss(MIX)
    for backend in ("numpy", "torch"):
        assert mix.source(backend) == again.source(backend)
        assert "import lossdsl" not in mix.source(backend)
        assert MIX.strip().splitlines()[0] in mix.source(backend)


SOURCES = """
import lossdsl
for family, name in (("segmentation", "dice_ce"), ("segmentation", "nacl")):
    for backend in ("numpy", "torch", "native"):
        print(lossdsl.catalogue[family][name].source(backend))
"""


def test_source_does_not_depend_on_the_order_of_sets() -> None:
    """Processes that hash texts otherwise write the same bytes."""
    written = [
        subprocess.run(
            [sys.executable, "-c", SOURCES],
            env={**os.environ, "PYTHONHASHSEED": seed, "LOSSDSL_CACHE": "0"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert written[0] == written[1]
    assert len(written[0]) > 10_000


def test_an_unknown_backend_is_named(mix: lossdsl.Loss) -> None:
    with pytest.raises(ValueError, match="no backend 'fortran', only numpy, torch"):
        mix.source("fortran")


def test_tracebacks_show_generated_lines(mix: lossdsl.Loss) -> None:
    try:
        mix.numpy()([1.0, 2.0], [1.0])
    except ValueError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        assert frame.filename.startswith("<lossdsl mix ")
        assert frame.line
    else:
        pytest.fail("two predictions for one target were accepted")


def test_a_loss_can_be_pickled_and_copied(mix: lossdsl.Loss) -> None:
    for other in (copy.deepcopy(mix), pickle.loads(pickle.dumps(mix))):
        assert other.signature == mix.signature
        assert other.source("numpy") == mix.source("numpy")


# ---------------------------------------------------------------- PyTorch


def test_torch_module(mix: lossdsl.Loss) -> None:
    torch = pytest.importorskip("torch")
    module = mix.torch(delta=2.0)
    pred = torch.tensor([0.0, 3.0], requires_grad=True)
    target = torch.tensor([1.0, 1.0])
    value = module(pred, target)
    value.backward()
    assert value.item() == pytest.approx(5.5)
    assert pred.grad.tolist() == pytest.approx([-2.0, 3.0])
    assert set(module.terms(pred, target)) == {"squared", "linear"}
    assert module.predict(pred).tolist() == pytest.approx(np.exp([0.0, 3.0]).tolist())


def test_backward_by_autograd_is_the_same(mix: lossdsl.Loss) -> None:
    torch = pytest.importorskip("torch")
    target = torch.tensor([1.0, 1.0])
    gradients = []
    for backward in ("closed", "autograd"):
        pred = torch.tensor([0.0, 3.0], requires_grad=True)
        mix.torch(backward=backward)(pred, target).backward()
        gradients.append(pred.grad.tolist())
    assert gradients[0] == pytest.approx(gradients[1])


def test_torch_module_can_be_copied_and_pickled_into_another_process(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    loss = lossdsl.loss(
        "loss f(pred[n] | target[n]; learn s = 0.5):\n    return mean[n]((pred - target)^2*exp(-s) + s)"
    )
    module = loss.torch(s=0.25)
    copied = copy.deepcopy(module)
    with torch.no_grad():
        module.s.fill_(0.75)
    assert copied.s.item() == 0.25
    torch.save(module, tmp_path / "module.pt")
    code = (
        f"import torch; m = torch.load({str(tmp_path / 'module.pt')!r}, weights_only=False);"
        "print(type(m).__name__, m.s.item(), m(torch.ones(2), torch.zeros(2)).item())"
    )
    done = python(code)
    name, s, value = done.stdout.split()
    assert (name, float(s)) == ("F", 0.75), done.stderr
    assert float(value) == pytest.approx(module(torch.ones(2), torch.zeros(2)).item())


# ---------------------------------------------------------------- formulas


def test_the_gradient_is_a_text_that_compiles_and_means_the_gradient(mix: lossdsl.Loss) -> None:
    gradient = mix.gradient("pred")
    formula = lossdsl.loss(str(gradient))
    pred, target = [0.0, 3.0], [1.0, 1.0]
    expected = mix.numpy().value_and_grad(pred, target)[1]
    np.testing.assert_allclose(formula.numpy()(pred, target, reduction="none"), expected)


def test_gradient_with_respect_to_what_is_no_prediction(mix: lossdsl.Loss) -> None:
    with pytest.raises(ValueError, match="'target', only to pred"):
        mix.gradient("target")


def test_notebooks(mix: lossdsl.Loss) -> None:
    assert mix._repr_latex_().startswith("$")
    assert mix.latex() in mix._repr_html_()
    assert "&gt; 0" in mix._repr_html_()
    assert mix.gradient().latex()
    assert mix.gradient().unicode()


def test_check(mix: lossdsl.Loss) -> None:
    report = mix.check()
    assert report.ok
    assert str(report)
