"""Every loss of the catalogue compiles, is well written, agrees with libraries, and passes `check`."""

from __future__ import annotations

import functools
import json
import os
import re
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.syntax.format import format_text
from tests.catalogue_references import Recorded, recorded

pytestmark = pytest.mark.usefixtures("emitted_once")

FOLDER = Path(lossdsl.__file__).parent / "catalogue"
FAMILIES = sorted(path.stem for path in FOLDER.glob("*.loss"))
LOSSES = [(family, name) for family in FAMILIES for name in lossdsl.catalogue[family]]
REFERENCES = recorded()
SECONDS = json.loads((Path(__file__).parent / "check_seconds.json").read_text(encoding="utf-8"))
"""The processor time of `check` at all points, as measured once (LOSSDSL_CHECK_ALL=1 pytest --durations=0)."""


@functools.cache
def compiled(family: str, name: str, backend: str) -> ModuleType:
    return lossdsl.catalogue[family][name].compile(backend)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_formatted(family: str) -> None:
    text = (FOLDER / f"{family}.loss").read_text(encoding="utf-8")
    assert format_text(text, f"{family}.loss") == text


def test_a_name_means_one_loss() -> None:
    names = [name for _, name in LOSSES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("family", "name"), LOSSES)
def test_a_loss_says_where_it_is_from_and_when_to_use_it(family: str, name: str) -> None:
    doc = lossdsl.catalogue[family][name].doc
    assert re.search(r"\b(1[6-9]|20)\d\d\b", doc), "the docstring names no year"
    assert re.search(r"\bUse\b|\bFor\b", doc), "the docstring does not say when to use it"


PARTS = ((0.3, 4), (1.0, 10), (3.0, 16))
"""For losses of which the whole check takes at most so many seconds: into how many parts its points are divided."""
CHECK_ALL = bool(os.environ.get("LOSSDSL_CHECK_ALL"))
LONG, LONGEST = 3.0, 20.0
"""Of losses of which it takes longer than the first, half are left to LOSSDSL_CHECK_ALL=1; above the second, all."""


def share(family: str, name: str) -> tuple[int, int]:
    """Which points to check, of about 35: those that are in every part, and those of one.

    Each loss has another part, so that every kind is met by some of a family.
    """
    if CHECK_ALL:
        return 0, 1
    parts = next((parts for most, parts in PARTS if seconds(family, name) <= most), 36)
    return zlib.crc32(name.encode()), parts


def seconds(family: str, name: str) -> float:
    """Two for a loss that was not measured."""
    return float(SECONDS.get(family, {}).get(name, 2.0))


@pytest.mark.parametrize(("family", "name"), LOSSES)
def test_check_passes(family: str, name: str) -> None:
    taken = seconds(family, name)
    if not CHECK_ALL and (taken > LONGEST or (taken > LONG and zlib.crc32(name.encode()) % 2)):
        pytest.skip("takes long: LOSSDSL_CHECK_ALL=1")
    report = lossdsl.catalogue[family][name].check(share=share(family, name))
    assert report.ok, str(report)


def test_references_are_of_losses_that_exist() -> None:
    assert {(r.family, r.loss) for r in REFERENCES} <= set(LOSSES)


def test_each_gradient_has_a_reference() -> None:
    """With respect to every prediction and every learnt hyperparameter of every loss."""
    recorded = {(r.family, r.loss, name) for r in REFERENCES for name in r.gradient}
    expected = {(f, n, name) for f, n in LOSSES for name in lossdsl.catalogue[f][n].differentiable}
    assert not expected - recorded, sorted(expected - recorded)


@pytest.mark.parametrize("reference", REFERENCES, ids=str)
def test_numpy_agrees_with_the_library(reference: Recorded) -> None:
    module = compiled(reference.family, reference.loss, "numpy")
    value = getattr(module, reference.loss)(**reference.arguments)
    assert reference.error(value, reference.value) <= reference.tolerance
    if reference.gradient:
        wrt = tuple(reference.gradient)
        both = getattr(module, f"{reference.loss}_value_and_grad")
        _, grads = both(**reference.arguments, wrt=wrt)
        for name, grad in zip(wrt, grads, strict=True):
            assert reference.error(grad, reference.gradient[name]) <= 10 * reference.tolerance, name


@pytest.mark.parametrize("reference", REFERENCES, ids=str)
def test_torch_agrees_with_the_library(reference: Recorded) -> None:
    torch = pytest.importorskip("torch")
    module = compiled(reference.family, reference.loss, "torch")

    def tensor(value: np.ndarray, name: str) -> Any:
        return torch.tensor(value, requires_grad=name in reference.gradient)

    inputs = {name: tensor(value, name) for name, value in reference.inputs.items()}
    value = getattr(module, reference.loss)(**{**reference.arguments, **inputs})
    assert reference.error(value.detach().numpy(), reference.value) <= reference.tolerance
    if reference.gradient:
        grads = torch.autograd.grad(value.sum(), [inputs[name] for name in reference.gradient])
        for (name, expected), grad in zip(reference.gradient.items(), grads, strict=True):
            assert reference.error(grad.numpy(), expected) <= 10 * reference.tolerance, name
