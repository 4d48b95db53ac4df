"""What the page on the public surface promises, sentence by sentence: names, signatures, values worked out by hand."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.cli import main

torch = pytest.importorskip("torch")

FILE = Path(__file__).parent.parent / "examples" / "huber_mse.loss"
PRED, TARGET = [0.0, 3.0], [0.5, 0.0]
ELEMENTS = [0.7 * 0.125 + 0.3 * 0.25, 0.7 * 2.5 + 0.3 * 9]
SLOPES = [0.7 * -0.5 + 0.6 * -0.5, 0.7 + 0.6 * 3]
CURVES = [0.7 + 0.6, 0.6]

PRODUCT = "loss bilinear(a[n], b[n]):\n    return sum[n](a^2*b)\n"
PARTS = """
loss parts(score[n] | y[n]; learn s = 2):
    predict p = sigmoid(score)
    fit = mean[n]((score - y)^2)
    size_ = mean[n](|score|)
    return fit + s*size_
"""


@pytest.fixture(scope="module")
def loss() -> lossdsl.Loss:
    return lossdsl.load(FILE)["huber_mse"]


def test_where_losses_come_from(loss: lossdsl.Loss) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert list(lossdsl.load(str(FILE))) == ["huber_mse"]
    assert repr(lossdsl.loads(text, path="x.loss")["huber_mse"]) == repr(lossdsl.loss(text)) == repr(loss)
    assert lossdsl.catalogue["regression"]["huber"].name == "huber"


def test_numpy_methods(loss: lossdsl.Loss) -> None:
    f = loss.numpy()
    assert f(PRED, TARGET) == pytest.approx(np.mean(ELEMENTS))
    assert f(PRED, TARGET, delta=2.0, alpha=1) == pytest.approx((0.125 + 4) / 2)
    value, gradient = f.value_and_grad(PRED, TARGET)
    assert value == pytest.approx(np.mean(ELEMENTS)) and gradient == pytest.approx(np.array(SLOPES) / 2)
    value, gradient = f.value_and_grad(PRED, TARGET, reduction="sum")
    assert value == pytest.approx(sum(ELEMENTS)) and gradient == pytest.approx(SLOPES)
    value, gradient = f.value_and_grad(PRED, TARGET, reduction="none")
    assert value == pytest.approx(ELEMENTS) and gradient == pytest.approx(SLOPES)
    assert f.hess_diag(PRED, TARGET) == pytest.approx(np.array(CURVES) / 2)
    assert f.hvp(PRED, TARGET, vector=[1.0, 10.0]) == pytest.approx(np.array(CURVES) / 2 * [1, 10])
    assert loss.numpy(dtype=np.float32).value_and_grad(PRED, TARGET)[1].dtype == np.float32


def test_several_arguments_at_once() -> None:
    f = lossdsl.loss(PRODUCT).numpy()
    a, b = [1.0, 2.0], [3.0, 5.0]
    value, (by_a, by_b) = f.value_and_grad(a, b, wrt=("a", "b"))
    assert value == 23 and by_a.tolist() == [6, 20] and by_b.tolist() == [1, 4]
    along_a, along_b = f.hvp(a, b, wrt=("a", "b"), vector=([1.0, 1.0], [10.0, 0.0]))
    assert along_a.tolist() == [2 * 3 + 2 * 10, 2 * 5] and along_b.tolist() == [2, 4]


@pytest.mark.parametrize("backward", ["closed", "autograd"])
def test_torch_module(loss: lossdsl.Loss, backward: Any) -> None:
    m = loss.torch(delta=2.0, reduction="sum", backward=backward)
    assert isinstance(m, torch.nn.Module)
    pred = torch.tensor(PRED, dtype=torch.float64, requires_grad=True)
    value = m(pred, torch.tensor(TARGET, dtype=torch.float64))
    value.backward()
    assert value.item() == pytest.approx(0.7 * (0.125 + 4) + 0.3 * 9.25)
    assert pred.grad.tolist() == pytest.approx([-0.35 - 0.3, 1.4 + 1.8])


def test_terms_predictions_and_parameters() -> None:
    m: Any = lossdsl.loss(PARTS).torch(s=3.0)
    score, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0])
    assert {key: term.item() for key, term in m.terms(score, y).items()} == {"fit": 1, "size_": 1}
    assert m.predict(score).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-2.0))])
    assert [(key, value.item()) for key, value in m.named_parameters()] == [("s", 3)]
    m(score, y).backward()
    assert m.s.grad.item() == 1


VALUE = ["delta=1.0", "alpha=0.7", "reduction='mean'", "validate=False"]
KEYWORDS = {
    "huber_mse": VALUE,
    "huber_mse_value_and_grad": [*VALUE, "wrt='pred'"],
    "huber_mse_hess_diag": [*VALUE, "wrt='pred'"],
    "huber_mse_hvp": [*VALUE, "vector", "wrt='pred'"],
}


def check_signature(function: Any, keywords: list[str]) -> None:
    """Predictions and data by position, everything else by keyword; typed."""
    found = inspect.signature(function).parameters.values()
    assert all(p.annotation is not p.empty for p in found)
    bare = {p: str(p.replace(annotation=p.empty)) for p in found}
    assert [bare[p] for p in found if p.kind is p.POSITIONAL_OR_KEYWORD] == ["pred", "target"]
    assert sorted(bare[p] for p in found if p.kind is p.KEYWORD_ONLY) == sorted(keywords)


def test_functions_of_a_numpy_module(loss: lossdsl.Loss) -> None:
    module = loss.compile("numpy")
    for name, keywords in KEYWORDS.items():
        check_signature(getattr(module, name), keywords)
    assert not hasattr(module, "huber_mse_terms") and not hasattr(module, "huber_mse_predict")
    parts = lossdsl.loss(PARTS).compile("numpy")
    assert parts.parts_terms([0.0, 2.0], [1.0, 1.0], s=1.0) == {"fit": 1, "size_": 1}
    assert parts.parts_predict([0.0]).tolist() == [0.5]


def test_what_a_torch_module_has(loss: lossdsl.Loss) -> None:
    module = loss.compile("torch")
    check_signature(module.huber_mse, VALUE)
    assert issubclass(module.HuberMse, torch.nn.Module)
    x = torch.tensor(PRED, dtype=torch.float64, requires_grad=True)
    value = module.huber_mse(x, torch.tensor(TARGET, dtype=torch.float64))
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (curve,) = torch.autograd.grad(slope.sum(), x)
    assert curve.tolist() == pytest.approx([c / 2 for c in CURVES])


@pytest.mark.parametrize(
    ("name", "function", "cls"),
    [
        ("huber_mse", "huber_mse", "HuberMse"),
        ("Huber", "Huber", "Huber_"),
        ("class", "class_", "Class"),
        ("none", "none", "None_"),
        ("Any", "Any_", "Any__"),
        ("ε_loss", "ε_loss", "ΕLoss"),
    ],
)
def test_names_of_functions_and_classes(name: str, function: str, cls: str) -> None:
    source = lossdsl.loss(f"loss {name}(x[n]):\n    return mean[n](x)\n").source("torch")
    tree = ast.parse(source).body
    assert function in [node.name for node in tree if isinstance(node, ast.FunctionDef)]
    public = [node.name for node in tree if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    assert public == [cls]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_module_stands_alone_and_says_what_it_is(loss: lossdsl.Loss, backend: str) -> None:
    source = loss.source(backend)
    assert source == lossdsl.load(FILE)["huber_mse"].source(backend)
    imported = set(re.findall(r"^ *(?:import|from) (\S+)", source, flags=re.MULTILINE))
    assert {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names} == {backend}
    header = ast.get_docstring(ast.parse(source)) or ""
    assert f"Generated by lossdsl {lossdsl.__version__}" in header and re.search("digest [0-9a-f]{16}", header)
    function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "huber_mse")
    doc = ast.get_docstring(function) or ""
    assert "shape (n,)" in doc and "> 0" in doc and "in [0, 1]" in doc
    assert all(a.annotation is not None for a in [*function.args.args, *function.args.kwonlyargs])
    assert "return mean[n](alpha*huber_rho(r; delta) + (1 - alpha)*r^2)" in source


def test_formulas(loss: lossdsl.Loss) -> None:
    gradient = loss.gradient("pred")
    again = list(lossdsl.loads(str(gradient)).values())[-1]
    assert again.numpy()(PRED, TARGET, reduction="none") == pytest.approx(np.array(SLOPES) / 2)
    assert gradient.latex() and gradient.unicode()
    assert loss.latex() in loss._repr_latex_() and loss._repr_latex_() in loss._repr_html_()


def test_check(loss: lossdsl.Loss) -> None:
    assert loss.check().ok


BROKEN = "loss f(x[n]):\n    return mean[n](y)\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["compile", str(FILE)], 0),
        (["compile", str(FILE), "--backend", "torch"], 0),
        (["grad", str(FILE), "--wrt", "pred", "--latex"], 0),
        (["fmt", str(FILE), "--check"], 0),
        (["list"], 0),
        (["list", "huber"], 0),
        (["compile", "broken.loss"], 2),
        (["check", "broken.loss"], 2),
        (["grad", "broken.loss"], 2),
        (["fmt", "nothing.loss"], 2),
    ],
    ids=lambda value: " ".join(Path(v).name for v in value) if isinstance(value, list) else str(value),
)
def test_exit_status(arguments: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.loss").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    assert run(arguments, monkeypatch) == status


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["lossdsl", *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    return int(done.value.code or 0)


@pytest.mark.parametrize("arguments", [["list", "--json"], ["grad", str(FILE), "--json"]], ids=["list", "grad"])
def test_answers_for_programs(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(arguments, monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)
