"""The native back end: the same numbers as the NumPy code and as well-known libraries, from compiled C."""

from __future__ import annotations

import ast
import importlib.util
import pickle
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.backends.native import emit
from lossdsl.cli import main
from lossdsl.cli.draw import draw_arguments
from lossdsl.generated import import_generated
from lossdsl.meaning import resolve
from lossdsl.syntax import parse
from tests.acceptance_cases import load
from tests.native_build import COMPILER, needs_compiler, quick

HUBER = """def rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss huber_mse(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):
    r = pred - target
    return mean[n](alpha*rho(r; delta) + (1 - alpha)*r^2)
"""

CROSS_ENTROPY = """loss ce(logits[n, c] | label[n] in c):
    return mean[n](logsumexp[c](logits[n, c]) - logits[n, label[n]])
"""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compiled code goes to a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv("LOSSDSL_NATIVE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def huber() -> lossdsl.Loss:
    return lossdsl.loss(HUBER)


@pytest.fixture(scope="module")
def compiled(huber: lossdsl.Loss) -> Any:
    native = huber.native(threads=1)
    quick(huber.program)
    return native


def pair(n: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return 2 * rng.normal(size=n).astype(dtype), rng.normal(size=n).astype(dtype)


# ---------------------------------------------------------------- the same numbers


ACCEPTANCE = ["torch_huber", "torch_cross_entropy", "paper_mmd", "kornia_ssim", "auraloss_si_sdr", "paper_center_loss"]
"""Elementwise, rows with a gather, pairs of one axis, windows, several totals, scatters."""


@needs_compiler
@pytest.mark.parametrize("name", ACCEPTANCE)
def test_libraries_agree(name: str) -> None:
    case = load(name)
    calls: list[bool] = []
    module = quick(resolve(parse(case.text)).losses[case.entry], calls)
    compared = 0
    for point in case.points:
        if point.gradient:
            given = point.arguments | ({"reduction": point.reduction} if point.reduction else {})
            wrt = tuple(point.gradient)
            value, grads = getattr(module, f"{case.entry}_value_and_grad")(**given, wrt=wrt)
            if point.value is not None:
                assert case.error(value, point.value) <= case.value_tolerance, point.label
            for key, grad in zip(wrt, grads, strict=True):
                assert case.error(grad, point.gradient[key]) <= case.gradient_tolerance, (point.label, key)
                compared += 1
    assert compared
    assert any(calls)


CATALOGUE = [
    ("classification", "focal"), ("segmentation", "dice_multiclass"), ("ranking", "lambda_rank"),
    ("survival", "cox"), ("boxes", "giou"), ("structure", "total_variation"), ("regression", "tweedie"),
    ("classification", "sparsemax"), ("ordinal", "corn"),
]  # fmt: skip
"""Rows with masks, scatters into classes, pairs in an order, positions, offsets."""


@needs_compiler
@pytest.mark.parametrize(("file", "name"), [(f, n) for f, n in CATALOGUE if n in lossdsl.catalogue[f]])
def test_numpy_agrees(file: str, name: str) -> None:
    """All functions, with several `wrt`; in double precision up to a different order of sums."""
    loss = lossdsl.catalogue[file][name]
    calls: list[bool] = []
    module, plain = quick(loss.program, calls), loss.numpy()
    arrays, hyper = draw_arguments(loss.program, 60, np.random.default_rng(1))
    given = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in arrays.items()} | hyper
    first = loss.differentiable[0]
    vector = np.cos(np.arange(np.size(given[first]))).reshape(np.shape(given[first]))
    pairs = [
        (getattr(module, f"{loss.name}_value_and_grad")(**given, wrt=loss.differentiable),
         plain.value_and_grad(**given, wrt=loss.differentiable)),
        (getattr(module, f"{loss.name}_hess_diag")(**given), plain.hess_diag(**given)),
        (getattr(module, f"{loss.name}_hvp")(**given, vector=vector), plain.hvp(**given, vector=vector)),
    ]  # fmt: skip
    for found, expected in pairs:
        for a, b in zip(leaves(found), leaves(expected), strict=True):
            assert a.shape == b.shape
            scale = np.abs(b[np.isfinite(b)]).max(initial=0)
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * scale + 1e-15)
    assert any(calls)


def leaves(result: Any) -> list[np.ndarray]:
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [np.asarray(result)]


@needs_compiler
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions(compiled: Any, huber: lossdsl.Loss, reduction: str, dtype: Any) -> None:
    args = pair(1000, dtype)
    for found, expected in zip(
        compiled.value_and_grad(*args, delta=0.5, reduction=reduction),
        huber.numpy().value_and_grad(*args, delta=0.5, reduction=reduction),
        strict=True,
    ):
        assert found.dtype == expected.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)


@needs_compiler
def test_any_strides_and_dtypes(compiled: Any, huber: lossdsl.Loss) -> None:
    pred, target = pair(40)
    plain = huber.numpy()
    for p, t in [(pred[::-2], target[:20]), (pred.astype(np.float16), target.astype(np.float16)),
                 (pred.astype(np.int32), target), (pred.astype(">f8"), target)]:  # fmt: skip
        for found, expected in zip(compiled.value_and_grad(p, t), plain.value_and_grad(p, t), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@needs_compiler
def test_nothing_leaks_and_nothing_is_lost(compiled: Any, huber: lossdsl.Loss) -> None:
    """NaN, infinities and empty batches as in NumPy."""
    for pred in ([np.nan, 1.0], [np.inf, 0.0], [-np.inf, 1e300], []):
        args = np.array(pred), np.zeros(len(pred))
        for found, expected in zip(compiled.value_and_grad(*args), huber.numpy().value_and_grad(*args), strict=True):
            np.testing.assert_array_equal(found, expected)


@needs_compiler
def test_sums_keep_their_digits(compiled: Any) -> None:
    """A mean of a million equal terms in single precision; sequential sums would lose five digits."""
    pred = np.full(1_000_001, 0.1, np.float32)
    value = compiled(pred, np.zeros_like(pred))
    exact = float(pred[0]) ** 2 * (0.7 / 2 + 0.3)
    assert abs(float(value) - exact) <= 2 * np.spacing(np.float32(exact))


@needs_compiler
def test_extrema_of_nothing_are_infinite_also_of_whole_numbers() -> None:
    loss = lossdsl.loss("loss least(x[n] | k[m] in n):\n    return sum[n](x^2) + min[m where k[m] < 0](k[m])\n")
    module = quick(loss.program)
    assert module.least(np.ones(3), np.array([0, 2])) == np.inf == loss.numpy()(np.ones(3), np.array([0, 2]))


@needs_compiler
def test_rows_share_their_exponentials() -> None:
    """One exponential for the sum of a softmax and for the gradient, and none where threads would share a buffer."""
    source = lossdsl.loss(CROSS_ENTROPY).source("native")
    section = source.split("#ifdef PROGRAM_value_and_grad\n")[1].split("#endif /*")[0]
    inner = [line for line in section.splitlines() if "exp_r(" in line and line.startswith(" " * 12)]
    assert len(inner) == 1
    assert "f->row + part * c" in section


@needs_compiler
@pytest.mark.parametrize("gamma", [2.0, 1.5, 0.0])
def test_powers_at_their_defaults_and_elsewhere(gamma: float) -> None:
    loss = lossdsl.loss("loss f(p[n] | y[n]; gamma = 2):\n    return mean[n](|p - y|^gamma + y*p^(gamma - 1))\n")
    module = quick(loss.program)
    assert "nest_1_default" in module._C_SOURCE
    for dtype in (np.float64, np.float32):
        p, y = (np.abs(a) for a in pair(50, dtype))
        found = module.f_value_and_grad(p, y, gamma=gamma)
        for a, b in zip(found, loss.numpy().value_and_grad(p, y, gamma=gamma), strict=True):
            np.testing.assert_allclose(a, b, rtol=20 * np.finfo(dtype).eps)


# ---------------------------------------------------------------- errors


@needs_compiler
def test_errors_are_those_of_the_numpy_code() -> None:
    loss = lossdsl.loss(CROSS_ENTROPY)
    module = quick(loss.program)
    logits = np.zeros((3, 4))
    for label in ([0, 1, 4], [0, -1, 2]):
        with pytest.raises(IndexError, match="logits is read at"):
            module.ce_value_and_grad(logits, np.array(label))
    with pytest.raises(ValueError, match="axis n has size 3 in logits but 2 in label"):
        module.ce(logits, np.array([0, 1]))
    with pytest.raises(ValueError, match="reduction must be"):
        module.ce(logits, np.array([0, 1, 2]), reduction="max")


@needs_compiler
def test_large_products_are_left_to_numpy() -> None:
    loss = lossdsl.loss("loss gram(a[i, d], b[j, d]):\n    return mean[i, j](sum[d](a[i, d]*b[j, d])^2)\n")
    calls: list[bool] = []
    module = quick(loss.program, calls)
    rng = np.random.default_rng(0)
    for n, computed in ((4, True), (100, False)):
        calls.clear()
        a, b = rng.normal(size=(2, n, n))
        np.testing.assert_allclose(module.gram(a, b), loss.numpy()(a, b), rtol=1e-12)
        assert calls == [computed]


# ---------------------------------------------------------------- compiler and cache


def test_without_a_compiler_the_numpy_code_runs_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = lossdsl.loss("loss hidden(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    native = loss.native()
    p, t = pair(10)
    with pytest.warns(RuntimeWarning, match="no C compiler was found") as noted:
        values = [native(p, t), native.value_and_grad(p, t)[0]]
    assert len(noted) == 1
    assert values == [loss.numpy()(p, t)] * 2


@needs_compiler
def test_the_numpy_code_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSDSL_NATIVE", "0")
    loss = lossdsl.loss("loss asked(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.native()(*pair(10)) == loss.numpy()(*pair(10))
    assert loss.native().module._compiler() is None


@needs_compiler
def test_a_compiler_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo broken && exit 0\necho no such option >&2\nexit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    loss = lossdsl.loss("loss broken(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n")
    with pytest.warns(RuntimeWarning, match="no such option"):
        assert loss.native()(*pair(10)) == loss.numpy()(*pair(10))


@needs_compiler
def test_a_compiler_that_does_not_know_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picky = tmp_path / "cc"
    picky.write_text(f'#!/bin/sh\ncase "$*" in *-march=native*) exit 1;; esac\nexec {COMPILER} "$@"\n')
    picky.chmod(0o755)
    monkeypatch.setenv("CC", str(picky))
    loss = lossdsl.loss("loss picky(p[n] | t[n]):\n    return mean[n]((p - t)^2)\n")
    native = loss.native()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native(*pair(10)) == pytest.approx(loss.numpy()(*pair(10)), rel=1e-15)
    assert native.module._loaded(native.module._C_SOURCE, "value", False) is not None


@needs_compiler
def test_compiled_code_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private files under the digest of what they depend on; found again without the compiler being run."""
    source = emit(lossdsl.loss("loss kept_(p[n] | t[n]):\n    return mean[n](|p - t|)\n").program)
    module = import_generated(source, "kept_")
    path = module._compiled(module._C_SOURCE, "value", False)
    assert Path(path).parent == cache / "lossdsl" / "native"
    assert not Path(path).stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    monkeypatch.setattr(module.subprocess, "run", None)
    assert module._compiled(module._C_SOURCE, "value", False) == path
    assert not list(Path(path).parent.glob("tmp*"))


@needs_compiler
def test_folders_that_others_can_write_to_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lossdsl" / "native").mkdir(parents=True)
    (tmp_path / "lossdsl" / "native").chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loss = lossdsl.loss("loss elsewhere(p[n] | t[n]):\n    return mean[n](|p - t|)\n")
    module = loss.native().module
    assert module._folder() != str(tmp_path / "lossdsl" / "native")
    assert stat.S_IMODE(Path(module._folder()).stat().st_mode) == 0o700


# ---------------------------------------------------------------- threads and memory


@needs_compiler
def test_threads(huber: lossdsl.Loss) -> None:
    args = pair(250_001)
    one, three = huber.native(threads=1), huber.native(threads=3)
    first, again = three.value_and_grad(*args), three.value_and_grad(*args)
    assert first[0] == again[0]
    np.testing.assert_array_equal(first[1], one.value_and_grad(*args)[1])
    np.testing.assert_allclose(first[0], one(*args), rtol=4e-16)
    with pytest.raises(ValueError, match="threads must be at least 1"):
        huber.native(threads=0)


@needs_compiler
def test_results_that_are_in_use_keep_their_memory(huber: lossdsl.Loss) -> None:
    native = huber.native()
    pred, target = pair(200_000)
    _, first = native.value_and_grad(pred, target)
    part, copy = first[:10], first.copy()
    address = first.ctypes.data
    _, second = native.value_and_grad(-pred, target)
    np.testing.assert_array_equal(first, copy)
    assert second.ctypes.data != address
    del first, second
    for _ in range(3):
        _, other = native.value_and_grad(-pred, target)
        assert other.ctypes.data != address
        del other
    np.testing.assert_array_equal(part, copy[:10])
    del part
    again = [native.value_and_grad(pred, target)[1] for _ in range(2)]
    assert address in [array.ctypes.data for array in again]


# ---------------------------------------------------------------- as a module


@needs_compiler
def test_pickle(huber: lossdsl.Loss) -> None:
    native = huber.native(dtype=np.float32, threads=2)
    copy = pickle.loads(pickle.dumps(native))
    assert copy.threads == 2
    assert copy(*pair(10)) == native(*pair(10))
    assert repr(native).startswith("<native code of huber_mse(pred, target")


@needs_compiler
def test_one_file_for_several_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lossdsl compile --backend native`: one file that imports NumPy and the standard library only."""
    source = tmp_path / "two.loss"
    source.write_text(HUBER + "\n" + CROSS_ENTROPY)
    path = tmp_path / "two.py"
    monkeypatch.setattr(sys, "argv", ["lossdsl", "compile", str(source), "--backend", "native", "-o", str(path)])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not any(name.startswith(("lossdsl", "torch", "sympy")) for name in names)
    spec = importlib.util.spec_from_file_location("two_losses", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    args = pair(50)
    assert module.huber_mse(*args) == pytest.approx(lossdsl.loss(HUBER).numpy()(*args), rel=1e-15)
    logits, label = np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    assert module.ce(logits, label) == pytest.approx(lossdsl.loss(CROSS_ENTROPY).numpy()(logits, label), rel=1e-15)


def test_names_of_the_user_are_no_names_of_c() -> None:
    loss = lossdsl.loss(
        "loss main(int[n], α[n] | exp_r[n], run[n]; restrict = 2, add > 0 = 1):\n"
        "    float = int - exp_r + restrict*α\n"
        "    part = float^2*add + run\n"
        "    return mean[n](part)\n"
    )
    module = quick(loss.program)
    args = np.arange(12.0).reshape(4, 3)
    name = loss.numpy().name
    np.testing.assert_allclose(getattr(module, name)(*args), loss.numpy()(*args), rtol=1e-14)


def test_the_same_source_gives_the_same_bytes(huber: lossdsl.Loss) -> None:
    assert huber.source("native") == lossdsl.loss(HUBER).source("native")
