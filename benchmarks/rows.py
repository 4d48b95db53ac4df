"""R1 to R3: losses whose rows are reduced: softmax cross-entropy, Dice, Tversky."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Array, Arrays, Case, Written, normal, shipped

SMOOTH = 1e-5


def labelled(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"logits": normal(rng, shape), "label": rng.integers(0, shape[1], size=shape[0])}


def masked(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"logits": normal(rng, shape), "mask": (normal(rng, shape) > 0).astype(np.float32)}


def compiled(loop: Callable[..., tuple[Any, ...]]) -> Callable[[], Callable[..., tuple[Any, ...]]]:
    def make() -> Callable[..., tuple[Any, ...]]:
        import numba

        return numba.njit(loop)  # type: ignore[no-any-return]

    return make


# ---------------------------------------------------------------- R1


def cross_entropy(xp: Any, logits: Any, label: Any) -> Any:
    return xp.mean(xp.logsumexp(logits, 1) - logits[xp.arange(logits.shape[0]), label])


def cross_entropy_built_in(logits: Any, label: Any) -> Any:
    import torch.nn.functional as F

    return F.cross_entropy(logits, label)


def cross_entropy_numpy(logits: Array, label: Array) -> tuple[Any, Array]:
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1)
    gradient = e / total[:, None]
    gradient[rows, label] -= 1
    return (np.log(total) - shifted[rows, label]).mean(), gradient / len(logits)


def cross_entropy_loop(logits: Array, label: Array) -> tuple[Any, Array]:
    gradient = np.empty_like(logits)
    n, c = logits.shape
    value = 0.0
    for i in range(n):
        peak = logits[i, 0]
        for j in range(c):
            peak = max(peak, logits[i, j])
        total = np.float32(0)
        for j in range(c):
            gradient[i, j] = np.exp(logits[i, j] - peak)
            total += gradient[i, j]
        value += np.log(total) + peak - logits[i, label[i]]
        share = np.float32(1) / (total * np.float32(n))
        for j in range(c):
            gradient[i, j] *= share
        gradient[i, label[i]] -= np.float32(1) / np.float32(n)
    return value / n, gradient


R1 = Written(cross_entropy, cross_entropy_numpy, cross_entropy_built_in, compiled(cross_entropy_loop))

# ---------------------------------------------------------------- R2, R3


def dice(xp: Any, logits: Any, mask: Any) -> Any:
    p = 1 / (1 + xp.exp(-logits))
    overlap, total = xp.sum(p * mask, 1), xp.sum(p + mask, 1)
    return xp.mean(1 - (2 * overlap + SMOOTH) / (total + SMOOTH))


def dice_numpy(logits: Array, mask: Array) -> tuple[Any, Array]:
    p = 1 / (1 + np.exp(-logits))
    top = 2 * (p * mask).sum(axis=1, keepdims=True) + SMOOTH
    bottom = (p + mask).sum(axis=1, keepdims=True) + SMOOTH
    by_p = (top - 2 * mask * bottom) / bottom**2
    return (1 - top / bottom).mean(), by_p * p * (1 - p) / len(logits)


def dice_loop(logits: Array, mask: Array) -> tuple[Any, Array]:
    gradient = np.empty_like(logits)
    n, m = logits.shape
    one = np.float32(1)
    value = 0.0
    for i in range(n):
        overlap, total = 0.0, 0.0
        for j in range(m):
            p = one / (one + np.exp(-logits[i, j]))
            gradient[i, j] = p
            overlap += p * mask[i, j]
            total += p + mask[i, j]
        top, bottom = 2 * overlap + SMOOTH, total + SMOOTH
        value += 1 - top / bottom
        first, second = np.float32(top / (bottom**2 * n)), np.float32(2 / (bottom * n))
        for j in range(m):
            p = gradient[i, j]
            gradient[i, j] = (first - second * mask[i, j]) * p * (one - p)
    return value / n, gradient


def tversky(xp: Any, logits: Any, mask: Any) -> Any:
    p = 1 / (1 + xp.exp(-logits))
    hit = xp.sum(p * mask, 1)
    alarm, missed = xp.sum(p * (1 - mask), 1), xp.sum((1 - p) * mask, 1)
    return xp.mean(1 - (hit + SMOOTH) / (hit + 0.3 * alarm + 0.7 * missed + SMOOTH))


def tversky_numpy(logits: Array, mask: Array) -> tuple[Any, Array]:
    p = 1 / (1 + np.exp(-logits))
    hit = (p * mask).sum(axis=1, keepdims=True)
    alarm, missed = (p * (1 - mask)).sum(axis=1, keepdims=True), ((1 - p) * mask).sum(axis=1, keepdims=True)
    top, bottom = hit + SMOOTH, hit + 0.3 * alarm + 0.7 * missed + SMOOTH
    slope = mask + 0.3 * (1 - mask) - 0.7 * mask
    by_p = -(mask * bottom - top * slope) / bottom**2
    return (1 - top / bottom).mean(), by_p * p * (1 - p) / len(logits)


def tversky_loop(logits: Array, mask: Array) -> tuple[Any, Array]:
    gradient = np.empty_like(logits)
    n, m = logits.shape
    one = np.float32(1)
    value = 0.0
    for i in range(n):
        hit, positive, true = 0.0, 0.0, 0.0
        for j in range(m):
            p = one / (one + np.exp(-logits[i, j]))
            gradient[i, j] = p
            hit += p * mask[i, j]
            positive += p
            true += mask[i, j]
        top, bottom = hit + SMOOTH, hit + 0.3 * (positive - hit) + 0.7 * (true - hit) + SMOOTH
        value += 1 - top / bottom
        # the denominator has the slope 0.3 everywhere: 1 - 0.7 on the mask, 0.3 off it
        first, second = np.float32(0.3 * top / (bottom**2 * n)), np.float32(1 / (bottom * n))
        for j in range(m):
            p = gradient[i, j]
            gradient[i, j] = (first - second * mask[i, j]) * p * (one - p)
    return value / n, gradient


R2 = Written(dice, dice_numpy, None, compiled(dice_loop))
R3 = Written(tversky, tversky_numpy, None, compiled(tversky_loop))

SOFTMAX = shipped("classification", "cross_entropy")
CASES = [
    Case("R1a", "softmax cross-entropy", SOFTMAX, R1, labelled, (65_536, 10), (512, 10)),
    Case("R1b", "softmax cross-entropy", SOFTMAX, R1, labelled, (8_192, 1_000), (64, 1_000)),
    Case("R1c", "softmax cross-entropy", SOFTMAX, R1, labelled, (1_024, 32_000), (8, 2_000)),
    Case("R2", "soft Dice", shipped("segmentation", "dice"), R2, masked, (16, 262_144), (4, 4_096)),
    Case("R3", "Tversky 0.3/0.7", shipped("segmentation", "tversky"), R3, masked, (16, 262_144), (4, 4_096)),
]
