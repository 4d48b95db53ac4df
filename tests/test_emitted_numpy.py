"""Properties of the NumPy text itself: what it imports, how it reads, that linters and type checkers have no complaint."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lossdsl
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import FOLDER, load, names
from tests.emission import numpy as emit


def source(text: str, entry: str) -> str:
    return emit(resolve(parse(text)).losses[entry])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All acceptance losses as files."""
    target = tmp_path_factory.mktemp("emitted")
    for name in names():
        case = load(name)
        (target / f"{name}.py").write_text(source(case.text, case.entry), encoding="utf-8")
    return target


def test_lint_clean(folder: Path) -> None:
    rules = ["--isolated", "--select", "E,F,W,I,B", "--ignore", "E501"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_type_clean(folder: Path) -> None:
    files = [str(folder / f"{n}.py") for n in ("torch_huber", "paper_clip", "kornia_ssim", "torch_dist_student_t")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_imports_only_numpy_and_the_standard_library(folder: Path) -> None:
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        modules |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        threads = {"collections.abc", "contextvars", "functools", "itertools", "math", "os", "sys", "threading"}
        assert modules <= {"numpy", "typing", "__future__"} | threads, path.name


def test_code_lines_are_short(folder: Path) -> None:
    """A line of arithmetic fits into a review; only docstrings and contractions of many factors may be longer."""
    long = [
        (path.name, line)
        for path in folder.glob("*.py")
        for line in path.read_text(encoding="utf-8").split("Standalone: ")[1].splitlines()
        if len(line) > 120 and "einsum" not in line and '"""' not in line
    ]
    assert len(long) == 0, long[:5]


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "import sys; from lossdsl.backends.numpy import emit; from lossdsl.meaning import resolve;"
        "from lossdsl.syntax import parse; text = open(sys.argv[1]).read();"
        "print(emit(list(resolve(parse(text)).losses.values())[0]))"
    )
    outputs = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program, str(FOLDER / "pml_arcface.loss")],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_pairwise_products_are_matrix_products() -> None:
    text = source(load("paper_clip").text, "clip_loss")
    value = text[text.index("def clip_loss(") : text.index("def clip_loss_value_and_grad")]
    assert value.count(" @ ") == 1
    assert "einsum" not in value


def test_products_of_quotients_are_matrix_products() -> None:
    """Columns are divided by their deviations before they are multiplied: nothing has three axes."""
    text = lossdsl.catalogue["self_supervision"]["barlow_twins"].source("numpy")
    gradient = text[text.index("def barlow_twins_value_and_grad") : text.index("def barlow_twins_hess_diag")]
    assert gradient.count(" @ ") == 1 + 2
    assert "[:, None, :]" not in gradient
    assert "[:, :, None]" not in gradient


def test_a_product_of_matrices_is_indexed_as_a_whole() -> None:
    """`a @ b[:, :, None]` would index b."""
    text = "loss f(x[n, c] | y[c, d], z[k]):\n    s[n, k, d] = sum[c](x*y*z)\n    return sum[n, k, d](s^2)"
    x, y, z = (np.linspace(-1, 1, a * b).reshape(a, b) for a, b in ((4, 3), (3, 2), (1, 5)))
    value = lossdsl.loss(text).numpy()(x, y, z[0])
    np.testing.assert_allclose(value, (((x @ y)[:, None, :] * z[0][:, None]) ** 2).sum())


def test_rows_are_scaled_before_they_are_multiplied() -> None:
    """The products of entries of 1e-30 are 0 in float32; those of unit vectors are not."""
    text = (
        "loss f(x[n, d], w[c, d]):\n    a[n, d] = x/norm[d](x)\n    b[c, d] = w/norm[d](w)\n"
        "    return mean[n, c](sum[d](a*b)^2)"
    )
    x = np.array([[3, 4], [-4, 3]], np.float32) * np.float32(1e-30)
    w = np.array([[1, 0], [3, 4]], np.float32) * np.float32(1e-30)
    expected = (np.array([[0.6, 1], [-0.8, 0]]) ** 2).mean()
    np.testing.assert_allclose(lossdsl.loss(text).numpy()(x, w), expected, rtol=1e-6)


def test_running_sums_are_running_sums() -> None:
    text = source("loss f(x[n, t]):\n    return mean[n, t](cumsum[t](x)^2)", "f")
    assert text.count("np.cumsum(") == 1 + 2 + 2  # value, there and back in the gradient and its product
    assert "<=" not in text[: text.index("def _arguments")]


def test_softmax_and_its_gradient_share_one_exponential() -> None:
    text = source(load("torch_cross_entropy").text, "cross_entropy")
    gradient = text[text.index("def cross_entropy_value_and_grad") : text.index("def cross_entropy_hess_diag")]
    assert gradient.count("np.exp(logits_rows - ") == 1
    assert gradient.count("np.exp(") == 2  # and that of the labels


def test_names_give_way_to_the_user() -> None:
    text = (
        "loss f(dt[n], like_dt[n], seed[n] | out[n], value[n]; np = 2.0, names = 1.0, class = 1.0):\n"
        "    t = sum[n](dt)\n    return mean[n](dt*like_dt*seed*out*value*np*names*class) + t"
    )
    module = import_generated(source(text, "f"), "f")
    ones = np.ones(3)
    value, grads = module.f_value_and_grad(ones, 2 * ones, ones, ones, ones, np_=3.0, class_=2.0, wrt=("dt", "seed"))
    assert value == 2 * 3 * 2 + 3
    np.testing.assert_allclose(grads[0], 4 + 1)
    np.testing.assert_allclose(grads[1], 4)


def test_docstrings_that_try_to_break_out() -> None:
    text = 'loss f(x[n]):\n    """a \\""" + 1/0 # \\ \u202e"""\n    return sum[n](x)'
    try:
        program = resolve(parse(text))
    except Exception as error:  # the front end may refuse such a text, but only with a located error
        assert type(error).__name__ == "LossError"
        return
    emitted = emit(program.losses["f"])
    assert import_generated(emitted, "f").f(np.ones(2)) == 2
    assert "\u202e" not in emitted


def test_shapes_are_checked_by_name() -> None:
    module = import_generated(source(load("torch_huber").text, "huber"), "huber")
    with pytest.raises(ValueError, match=r"pred is declared pred\[n\].*\(2, 1\)"):
        module.huber(np.ones((2, 1)), np.ones(2))
    with pytest.raises(ValueError, match="axis n has size 2 in pred but 3 in target"):
        module.huber(np.ones(2), np.ones(3))


def test_hyperparameters_and_domains_are_checked() -> None:
    module = import_generated(source(load("torch_bce").text, "bce"), "bce")
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], got 1.5 at position \[1\]"):
        module.bce(np.array([0.5, 1.5]), np.ones(2), validate=True)
    huber = import_generated(source(load("torch_huber").text, "huber"), "huber")
    with pytest.raises(ValueError, match="delta must be > 0, got -1"):
        huber.huber(np.ones(2), np.ones(2), delta=-1)


def test_labels_out_of_range_and_not_whole() -> None:
    module = import_generated(source(load("torch_cross_entropy").text, "cross_entropy"), "cross_entropy")
    logits = np.zeros((2, 3))
    for labels in ([0, 3], [0, -1]):
        with pytest.raises(IndexError, match=f"logits is read at {labels[1]}, outside of axis 1 with size 3"):
            module.cross_entropy(logits, np.array(labels))
    with pytest.raises(ValueError, match=r"label must hold whole numbers, got 0.5 at position \[1\]"):
        module.cross_entropy(logits, np.array([0.0, 0.5]))
    assert module.cross_entropy(logits, np.array([0.0, 2.0])) == pytest.approx(np.log(3))


def test_the_best_of_nothing_is_an_error_only_where_it_is_used() -> None:
    text = (
        "loss f(x[n] | g[n]):\n    k[i] = argmax[j where g[j] != g[i]](x[j])\n    return sum[i where g[i] > 0](x[k[i]])"
    )
    module = import_generated(source(text, "f"), "f")
    x = np.array([1.0, 2.0, 3.0])
    assert module.f(x, np.array([1.0, 1.0, 2.0])) == 3 + 3 + 2
    assert module.f(x, np.array([-1.0, -1.0, -1.0])) == 0
    with pytest.raises(ValueError, match="nothing to take the position of the best of"):
        module.f(x, np.ones(3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_half_precision_is_computed_in_single(dtype: type) -> None:
    module = import_generated(source(load("torch_mse").text, "mse"), "mse")
    pred = np.full(70000, 2.0, dtype)
    value, grad = module.mse_value_and_grad(pred, np.zeros(70000, dtype), reduction="sum")
    assert value.dtype == (np.float32 if dtype == np.float16 else dtype)
    assert value == 280000  # would overflow in half precision
    assert grad.dtype == dtype


def test_the_header_shows_what_the_loss_uses_and_the_digest_covers_it() -> None:
    text = "def rho(r) = r^{}\ndef unused(r) = r\nloss f(x[n]):\n    return mean[n](rho(x))\n"
    square, cube = source(text.format(2), "f"), source(text.format(3), "f")
    assert "def rho(r) = r^2" in square
    assert "def unused" not in square

    def digest(module: str) -> str:
        return module.split("(digest ")[1][:16]

    assert digest(square) != digest(cube)
    assert digest(square) == digest(source(text.format(2).replace("unused", "other"), "f"))
