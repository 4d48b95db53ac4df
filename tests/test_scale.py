"""Large programs: work grows linearly with size.  Counts, not times."""

from __future__ import annotations

import numpy as np
import pytest

from lossdsl.backends.numpy import emit
from lossdsl.backends.programs import derive
from lossdsl.generated import import_generated
from lossdsl.meaning import core, resolve
from lossdsl.syntax import parse


def composite(terms: int) -> str:
    """A weighted sum of cross-entropies at different temperatures."""
    lines = [f"    t{k} = mean[n](logsumexp[c](logits[n, c]*{k + 1}/10) - logits[n, label[n]])\n" for k in range(terms)]
    total = " + ".join(f"{k + 1}*t{k}" for k in range(terms))
    return "loss big(logits[n, c] | label[n] in c):\n" + "".join(lines) + f"    return {total}\n"


def chain(links: int) -> str:
    """Scalar stages, each of which depends on the one before."""
    lines = [f"    a{k + 1} = mean[n](tanh(x*a{k}))\n" for k in range(links)]
    return "loss f(x[n]):\n    a0 = mean[n](x)\n" + "".join(lines) + f"    return a{links}\n"


def elementwise(links: int) -> str:
    lines = [f"    a{k + 1} = a{k}*x + sin(a{k})\n" for k in range(links)]
    return "loss f(x[n]):\n    a0 = x\n" + "".join(lines) + f"    return sum[n](a{links})\n"


def program(text: str) -> core.Program:
    return list(resolve(parse(text)).losses.values())[-1]


@pytest.mark.parametrize("text", [composite, chain, elementwise])
def test_work_is_linear_in_the_number_of_terms(text: object) -> None:
    assert callable(text)
    sizes = {n: len(derive(program(text(n))).table.graph.nodes) for n in (10, 20, 40)}
    first, second = sizes[20] - sizes[10], sizes[40] - sizes[20]
    assert second <= 2.3 * first, sizes


@pytest.mark.parametrize("text", [composite, chain])
def test_emitted_text_is_linear_in_the_number_of_terms(text: object) -> None:
    assert callable(text)
    sizes = {n: len(emit(program(text(n))).splitlines()) for n in (10, 20, 40)}
    first, second = sizes[20] - sizes[10], sizes[40] - sizes[20]
    assert second <= 2.3 * first, sizes


def test_a_sum_of_thousands_of_terms() -> None:
    text = "loss f(x[n]):\n    return sum[n](" + " + ".join(f"{k}*x" for k in range(3000)) + ")"
    checked = program(text)
    module = import_generated(emit(checked), "f")
    value, grad = module.f_value_and_grad(np.ones(2))
    assert value == 2 * sum(range(3000))
    assert grad.tolist() == [sum(range(3000))] * 2


def test_nested_conditionals() -> None:
    text = "loss f(x[n]):\n    return sum[n](" + "".join(f"x*{k} if x > {k} else " for k in range(100)) + "x)"
    module = import_generated(emit(program(text)), "f")
    value, grad = module.f_value_and_grad(np.array([0.5, 1.5, -3.0]))
    assert value == 0.5 * 0 + 1.5 * 0 - 3.0
    assert grad.tolist() == [0.0, 0.0, 1.0]
