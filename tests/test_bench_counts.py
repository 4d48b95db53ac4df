"""How much the generated code does, as upper bounds: counts, never times (`python -m benchmarks.counts` prints them).

A bound may only be raised with a reason; whoever makes the code do less lowers it.  All but operations are multiples of
the number of the predictions.
"""

from __future__ import annotations

import pytest

from benchmarks.case import Case
from benchmarks.counts import Counts, counted, counted_cases

# The least that is possible: a peak of 1, the gradient; moved 3 where there are data of the same shape (read both, write
# the gradient), 2 where there are labels; large tensors 1, the gradient.  PyTorch
# code has 3: the gradient is multiplied by what arrives from above, and 4 MB that are never written to make the allocator
# keep freed memory.  NumPy and PyTorch code of today makes an array
# of each operation, but over blocks of rows, which stay in the cache: what is moved there costs little.
BOUNDS = {
    # residual, its size, the square, two branches, their choice, the mix; half of them again in the gradient
    "E1c": Counts(55, 1.7, 180, 56, 3.1),
    # PyTorch has no sigmoid and no softplus that are right to the last bits everywhere: both are made of exponentials
    "E2": Counts(64, 1.8, 480, 92, 3.1),
    # the same, and a power whose base is the complement of a probability
    "E3": Counts(100, 2.3, 1_050, 172, 3.1),
    # residual, two products, their maximum, and which of them it was
    "E4": Counts(50, 1.6, 125, 35, 3.1),
    # two exponentials, each of which value and gradient share; a target of 0 stops one that overflows
    "E5": Counts(57, 1.6, 210, 46, 3.1),
    # logcosh and tanh of one residual
    "E6": Counts(36, 1.6, 180, 51, 3.1),
    # rows of ten: the labels count for a fifth of the logits, the sums of rows for a tenth
    "R1a": Counts(81, 1.9, 320, 48, 3.7),
    # peak, shifted logits, exponentials (shared), their quotient by the sum, the label taken off
    "R1b": Counts(81, 1.4, 400, 39, 3.2),
    # the probability, three sums, and the gradient by the quotient of two of them: whole images
    "R2": Counts(69, 1.8, 300, 63, 3.1),
    "R3": Counts(93, 1.9, 440, 87, 3.1),
    # N x N scores are 4 times the predictions here: both softmaxes, and their difference from the identity
    "P1": Counts(155, 21, 95, 160, 70),
    # a sort and two scans over the time; PyTorch's scan doubles its step, 14 times for 16,384 rows
    "P3": Counts(80, 34, 1_850, 650, 245),
    # the gradient of the correlations is not a matrix product yet: N x D x D numbers, 64 times the predictions
    "P4": Counts(155, 400, 125, 2_850, 1_330),
}


@pytest.mark.parametrize("case", counted_cases(), ids=lambda case: case.name)
def test_the_code_does_no_more_than(case: Case) -> None:
    found, bound = counted(case), BOUNDS[case.name]
    assert found.numpy_operations <= bound.numpy_operations
    assert found.numpy_peak <= bound.numpy_peak
    assert found.torch_operations <= bound.torch_operations
    assert found.torch_moved <= bound.torch_moved
    assert found.torch_large <= bound.torch_large
    # what can not be less: the gradient is made, and everything is read
    assert found.numpy_peak >= 1
    assert found.torch_large >= 1
    assert found.torch_moved >= 2


def test_every_bound_is_of_a_case() -> None:
    assert {case.name for case in counted_cases()} == BOUNDS.keys()


def test_counting_counts() -> None:
    """Of plain PyTorch: the difference, its square, their mean; views and what is only spread out are no work."""
    import torch

    from benchmarks.counts import torch_work

    x, y = torch.zeros(10_000), torch.zeros(10_000)
    found = torch_work(lambda: ((x - y).reshape(100, 100) ** 2).mean())
    assert found == (3, (3 + 2 + 1) * 40_000 + 4, [40_000, 40_000, 4])
    assert torch_work(lambda: x.view(100, 100).T) == (0, 0, [])
    assert torch_work(lambda: x.add_(1)) == (0, 40_000, [])
    assert torch_work(lambda: torch.zeros(1).expand(10_000).neg()) == (2, 4 + 4 + 40_000, [4, 40_000])
