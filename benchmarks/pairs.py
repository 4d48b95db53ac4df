"""P1 to P4: losses over pairs: InfoNCE both ways, triplets of the hardest, Cox, Barlow Twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Array, Arrays, Case, Written, normal, shipped, typed
from benchmarks.rows import compiled

TAU = 0.07
MARGIN = 0.2
CLIP = """
loss clip_both_ways(image[i, d], text[i, d]; tau > 0 = 0.07):
    s[i, j] = sum[d](image[i, d]*text[j, d])/tau
    return mean[i]((logsumexp[j](s[i, j]) + logsumexp[j](s[j, i]))/2 - s[i, i])
"""


# ---------------------------------------------------------------- P1


def unit_pairs(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Vectors of length 1, as encoders give them."""
    drawn = {name: normal(rng, shape) for name in ("image", "text")}
    return {name: x / np.linalg.norm(x, axis=1, keepdims=True) for name, x in drawn.items()}


def clip(xp: Any, image: Any, text: Any) -> Any:
    s = image @ text.T / TAU
    return xp.mean((xp.logsumexp(s, 1) + xp.logsumexp(s, 0)) / 2 - xp.diagonal(s))


def clip_built_in(image: Any, text: Any) -> Any:
    import torch
    import torch.nn.functional as F

    s = image @ text.T / TAU
    right = torch.arange(len(s))
    return (F.cross_entropy(s, right) + F.cross_entropy(s.T, right)) / 2


def clip_numpy(image: Array, text: Array) -> tuple[Any, Array, Array]:
    s = image @ text.T / TAU
    n = len(s)
    rows = np.exp(s - s.max(axis=1, keepdims=True))
    columns = np.exp(s - s.max(axis=0, keepdims=True))
    by_row, by_column = rows.sum(axis=1, keepdims=True), columns.sum(axis=0, keepdims=True)
    peaks = (s.max(axis=1) + s.max(axis=0)) / 2
    value = (peaks + (np.log(by_row[:, 0]) + np.log(by_column[0])) / 2 - np.diagonal(s)).mean()
    g = (rows / by_row + columns / by_column) / (2 * n)
    g[np.arange(n), np.arange(n)] -= 1 / n
    return value, g @ text / TAU, g.T @ image / TAU


def clip_products(image: Array, text: Array) -> Callable[[], object]:
    s = image @ text.T

    def call() -> object:
        return np.matmul(image, text.T), np.matmul(s, text), np.matmul(s.T, image)

    return call


# ---------------------------------------------------------------- P2


def classes(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {"z": normal(rng, shape), "label": np.arange(shape[0]) // 4}


def triplet(xp: Any, z: Any, label: Any) -> Any:
    """Squares of differences: distances of the same point get a 1, and are left out below."""
    n = z.shape[0]
    same = label[:, None] == label[None, :]
    itself = xp.eye(n) > 0
    squares = xp.sum((z[:, None, :] - z[None, :, :]) ** 2, 2)
    dist = xp.sqrt(xp.where(itself, xp.ones_like(squares), squares))
    far = xp.amax(xp.where(same & ~itself, dist, xp.zeros_like(dist)), 1)
    near = xp.amin(xp.where(same, xp.zeros_like(dist) + float("inf"), dist), 1)
    gap = far - near + MARGIN
    return xp.mean(xp.where(gap > 0, gap, xp.zeros_like(gap)))


def triplet_built_in(z: Any, label: Any) -> Any:
    import torch

    dist = torch.cdist(z, z)
    same = label[:, None] == label[None, :]
    far = dist.masked_fill(~same | torch.eye(len(z), dtype=torch.bool), 0).amax(1)
    near = dist.masked_fill(same, float("inf")).amin(1)
    return torch.relu(far - near + MARGIN).mean()


def triplet_numpy(z: Array, label: Array) -> tuple[Any, Array]:
    n = len(z)
    rows = np.arange(n)
    squares = (z**2).sum(axis=1)
    dist = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * z @ z.T, 0))
    same = label[:, None] == label[None, :]
    far = np.where(same & ~np.eye(n, dtype=bool), dist, -np.inf).argmax(axis=1)
    near = np.where(same, np.inf, dist).argmin(axis=1)
    gap = dist[rows, far] - dist[rows, near] + MARGIN
    active = (gap > 0)[:, None] * z.dtype.type(1 / n)
    pull = active * (z - z[far]) / dist[rows, far][:, None]
    push = active * (z - z[near]) / dist[rows, near][:, None]
    gradient = pull - push
    np.add.at(gradient, far, -pull)
    np.add.at(gradient, near, push)
    return np.maximum(gap, 0).mean(), gradient


def triplet_products(z: Array) -> Callable[[], object]:
    """The distances; the gradient has three rows for each anchor, and needs none."""
    return lambda: np.matmul(z, z.T)


# ---------------------------------------------------------------- P3


def survival(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Times without ties, so that sorting them is all there is to it."""
    time = (rng.permutation(shape[0]) + 1).astype(np.float32)
    return {"risk": normal(rng, shape), "time": time, "event": (rng.random(shape) < 0.7).astype(np.float32)}


def cox(xp: Any, risk: Any, time: Any, event: Any) -> Any:
    at_risk = time[None, :] >= time[:, None]
    everyone = xp.zeros_like(risk)[:, None] + risk[None, :]
    scores = xp.where(at_risk, everyone, xp.zeros_like(everyone) - float("inf"))
    return xp.sum(event * (xp.logsumexp(scores, 1) - risk), 0) / xp.sum(event, 0)


def cox_built_in(risk: Any, time: Any, event: Any) -> Any:
    """Sorted by hand, and PyTorch's running logsumexp."""
    import torch

    order = torch.argsort(time, descending=True)
    sorted_risk, sorted_event = risk[order], event[order]
    return (sorted_event * (torch.logcumsumexp(sorted_risk, 0) - sorted_risk)).sum() / event.sum()


def cox_numpy(risk: Array, time: Array, event: Array) -> tuple[Any, Array]:
    at_risk = time[None, :] >= time[:, None]
    e = np.where(at_risk, np.exp(risk - risk.max())[None, :], 0)
    total = e.sum(axis=1)
    count = event.sum()
    value = (event * (np.log(total) + risk.max() - risk)).sum() / count
    return value, ((event / total) @ e - event) / count


def cox_loop(risk: Array, time: Array, event: Array) -> tuple[Any, Array]:
    """Sorted: two running sums."""
    n = len(risk)
    order = np.argsort(-time)
    gradient = np.empty_like(risk)
    peak = risk.max()
    total, value, count = 0.0, 0.0, 0.0
    totals = np.empty(n)
    for k in range(n):
        i = order[k]
        total += np.exp(risk[i] - peak)
        totals[k] = total
        value += event[i] * (np.log(total) + peak - risk[i])
        count += event[i]
    weight = 0.0
    for k in range(n - 1, -1, -1):
        i = order[k]
        weight += event[i] / totals[k]
        gradient[i] = (np.exp(risk[i] - peak) * weight - event[i]) / count
    return value / count, gradient


# ---------------------------------------------------------------- P4

LAMBDA = 0.005
EPS = 1e-5


def views(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    first = normal(rng, shape)
    return {"z1": first, "z2": (first + normal(rng, shape)) / np.float32(2)}


def barlow(xp: Any, z1: Any, z2: Any) -> Any:
    n = z1.shape[0]
    u, v = (
        (z - xp.mean_of_columns(z)) / xp.sqrt(xp.mean_of_columns((z - xp.mean_of_columns(z)) ** 2) + EPS)
        for z in (z1, z2)
    )
    c = u.T @ v / n
    on = xp.diagonal(c)
    return xp.sum((1 - on) ** 2, 0) + LAMBDA * (xp.sum(xp.sum(c**2, 1), 0) - xp.sum(on**2, 0))


def barlow_built_in(z1: Any, z2: Any) -> Any:
    """With PyTorch's batch normalisation."""
    import torch
    import torch.nn.functional as F

    n, _ = z1.shape
    u, v = (F.batch_norm(z, None, None, training=True, eps=EPS) for z in (z1, z2))
    c = u.T @ v / n
    on = torch.diagonal(c)
    return ((1 - on) ** 2).sum() + LAMBDA * ((c**2).sum() - (on**2).sum())


def barlow_numpy(z1: Array, z2: Array) -> tuple[Any, Array, Array]:
    n, d = z1.shape
    scales = [np.sqrt(z.var(axis=0) + EPS) for z in (z1, z2)]
    u, v = ((z - z.mean(axis=0)) / s for z, s in zip((z1, z2), scales, strict=True))
    c = u.T @ v / n
    on = np.diagonal(c).copy()
    by_c = 2 * LAMBDA * c
    by_c[np.arange(d), np.arange(d)] = -2 * (1 - on)
    gradients = []
    for w, s, g in ((u, scales[0], v @ by_c.T / n), (v, scales[1], u @ by_c / n)):
        gradients.append((g - g.mean(axis=0) - w * (g * w).mean(axis=0)) / s)
    return ((1 - on) ** 2).sum() + LAMBDA * ((c**2).sum() - (on**2).sum()), *gradients


def barlow_products(z1: Array, z2: Array) -> Callable[[], object]:
    c = z1.T @ z2

    def call() -> object:
        return np.matmul(z1.T, z2), np.matmul(z2, c.T), np.matmul(z1, c)

    return call


CASES = [
    Case(
        "P1", "CLIP, both ways", typed(CLIP), Written(clip, clip_numpy, clip_built_in), unit_pairs, (1_024, 128),
        (64, 16), predictions=2, products=clip_products,
    ),
    Case(
        "P2", "triplets, batch-hard", shipped("metric", "triplet_batch_hard"),
        Written(triplet, triplet_numpy, triplet_built_in), classes, (512, 64), (64, 16), products=triplet_products,
    ),
    Case(
        "P3", "Cox", shipped("survival", "cox_breslow"), Written(cox, cox_numpy, cox_built_in, compiled(cox_loop)),
        survival, (4_096,), (256,),
    ),
    Case(
        "P4", "Barlow Twins", shipped("self_supervision", "barlow_twins"),
        Written(barlow, barlow_numpy, barlow_built_in), views, (256, 512), (64, 32), predictions=2,
        products=barlow_products,
    ),
]  # fmt: skip
