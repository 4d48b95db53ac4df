"""References for the family `regularisers`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from statsmodels.base._penalties import SCAD

keras.config.set_floatx("float64")

draw = np.random.default_rng(17)
W = draw.normal(size=(4, 3)) * [1.0, 0.2, 0.05]
W[2] = 0
WEIGHTS = [Call({"w": W}), Call({"w": [0.0, -2.5, 1e-3]}), Call({"w": W}, {"strength": 0.5})]
ROWS = [Call({"w": W}), Call({"w": W}, {"strength": 0.5}), Call({"w": draw.normal(size=(3, 5))})]
LOGITS, LABEL = 3 * draw.normal(size=(6, 5)), draw.integers(0, 5, size=6)
PREDICTED = [
    Call({"logits": LOGITS}),
    Call({"logits": [[50.0, -50.0, 0.0], [0.0, 0.0, 0.0]]}),
    Call({"logits": [[2.0]]}),
]
LABELLED = [
    Call({"logits": LOGITS, "label": LABEL}),
    Call({"logits": [[50.0, -50.0, 0.0], [-50.0, 50.0, 40.0]], "label": [1, 2]}),
    Call({"logits": [[0.3, -1.2]], "label": [1]}),
]
Z = draw.normal(size=(7, 4))


def with_hyper(calls, **hyper):
    return [Call(call.inputs, hyper, call.reduction) for call in calls]


# Weights.


def group_lasso(w, strength=0.01):
    return strength * w.shape[1] ** 0.5 * sum(torch.linalg.vector_norm(row) for row in w)


def sparse_group_lasso(w, strength=0.01, l1_ratio=0.5):
    return (1 - l1_ratio) * group_lasso(w, strength) + l1_ratio * strength * w.abs().sum()


def fused_lasso(w, sparse=0.01, smooth=0.01):
    return sparse * w.abs().sum() + smooth * w.diff().abs().sum()


def bridge(w, q, strength):
    """The q-th power of the vector's q-norm."""
    return strength * torch.linalg.vector_norm(w, ord=q) ** q


def scad(w, strength, a):
    """statsmodels sums over its first axis, and has the slope of each weight."""
    penalty = SCAD(strength, c=a)
    return penalty.func(w.ravel()), {"w": penalty.deriv(w.ravel()).reshape(w.shape)}


def minimax_concave(w, strength, gamma):
    """As the integral of the slope (strength - t/gamma)+ from 0 to |w| (Zhang 2010)."""
    u = w.abs().clamp(max=gamma * strength)
    return (strength * u - u**2 / (2 * gamma)).sum()


def log_sum(w, strength=0.01, eps=0.1):
    return strength * (torch.log(eps + w.abs()) - np.log(eps)).sum()


def hoyer_square(w, strength=0.01):
    return strength * torch.linalg.vector_norm(w, 1) ** 2 / torch.linalg.vector_norm(w) ** 2


def orthogonality(w, strength=1e-4):
    return strength * torch.linalg.matrix_norm(w @ w.T - torch.eye(len(w)), "fro") ** 2


def off_diagonal(w, strength=1e-4):
    gram = w @ w.T
    return strength * (gram - torch.diag(torch.diag(gram))).square().sum()


def cosine_orthogonality(w, factor):
    return keras.regularizers.OrthogonalRegularizer(factor, mode="rows")(w)


def l2_sp(w, head, start, alpha=0.1, beta=0.01):
    return (alpha * F.mse_loss(w, start, reduction="sum") + beta * head.square().sum()) / 2


def consolidation(w, start, fisher, strength=1.0):
    return strength / 2 * (fisher * F.mse_loss(w, start, reduction="none")).sum()


START, FISHER = draw.normal(size=(4, 3)), draw.uniform(size=(4, 3))
PENALTIES = [
    Reference(
        "l1_penalty",
        "keras",
        "keras.regularizers.L1",
        lambda w, strength=0.01: keras.regularizers.L1(strength)(w),
        WEIGHTS,
        ["w"],
    ),
    Reference(
        "l2_penalty",
        "keras",
        "keras.regularizers.L2",
        lambda w, strength=0.01: keras.regularizers.L2(strength)(w),
        WEIGHTS,
        ["w"],
    ),
    Reference(
        "elastic_net",
        "keras",
        "keras.regularizers.L1L2",
        lambda w, alpha=1.0, l1_ratio=0.5: keras.regularizers.L1L2(alpha * l1_ratio, alpha * (1 - l1_ratio) / 2)(w),
        [*WEIGHTS[:2], *with_hyper(WEIGHTS[:1], alpha=0.3, l1_ratio=0.9)],
        ["w"],
    ),
    Reference("group_lasso", "torch", "torch.linalg.vector_norm of the rows", group_lasso, ROWS, ["w"]),
    Reference(
        "sparse_group_lasso",
        "torch",
        "torch.linalg.vector_norm of the rows",
        sparse_group_lasso,
        [*ROWS, *with_hyper(ROWS[:1], strength=1.0, l1_ratio=0.95)],
        ["w"],
    ),
    Reference(
        "fused_lasso",
        "torch",
        "torch.diff in the formula of Tibshirani et al. 2005",
        fused_lasso,
        [Call({"w": W[:, 0]}), Call({"w": [1.0, 1.0, -2.0]}, {"sparse": 0.5, "smooth": 2.0}), Call({"w": [3.0]})],
        ["w"],
    ),
    Reference(
        "bridge",
        "torch",
        "torch.linalg.vector_norm to its power",
        bridge,
        [Call({"w": START}, {"q": 0.5, "strength": 0.01}), Call({"w": START}, {"q": 3.0, "strength": 2.0})],
        ["w"],
    ),
    Reference(
        "scad",
        "statsmodels",
        "statsmodels.base._penalties.SCAD",
        scad,
        [Call({"w": START}, {"strength": 0.4, "a": 3.7}), Call({"w": W}, {"strength": 0.1, "a": 2.5})],
        through="numpy",
    ),
    Reference(
        "minimax_concave",
        "torch",
        "torch.clamp in the formula of Zhang 2010",
        minimax_concave,
        [Call({"w": START}, {"strength": 0.4, "gamma": 3.0}), Call({"w": START}, {"strength": 0.1, "gamma": 1.5})],
        ["w"],
    ),
    Reference(
        "log_sum",
        "torch",
        "torch.log in the formula of Candes et al. 2008",
        log_sum,
        [*WEIGHTS, *with_hyper(WEIGHTS[:1], eps=2.0)],
        ["w"],
    ),
    Reference("hoyer_square", "torch", "torch.linalg.vector_norm, 1 over 2, squared", hoyer_square, WEIGHTS, ["w"]),
    Reference("orthogonality", "torch", "torch.linalg.matrix_norm of W W^T - I", orthogonality, ROWS, ["w"]),
    Reference(
        "off_diagonal_orthogonality", "torch", "torch matrix product without its diagonal", off_diagonal, ROWS, ["w"]
    ),
    Reference(
        "cosine_orthogonality",
        "keras",
        "keras.regularizers.OrthogonalRegularizer(mode='rows')",
        cosine_orthogonality,
        [Call({"w": START}, {"factor": 0.01}), Call({"w": Z.T}, {"factor": 1.0})],
        ["w"],
        tolerance=1e-6,
        note="the library computes in float32",
    ),
    Reference(
        "l2_sp",
        "torch",
        "torch.nn.functional.mse_loss(reduction='sum')",
        l2_sp,
        [Call({"w": W, "head": [1.0, -2.0], "start": START})],
        ["w", "head"],
    ),
    Reference(
        "elastic_weight_consolidation",
        "torch",
        "torch.nn.functional.mse_loss, weighted",
        consolidation,
        [
            Call({"w": W, "start": START, "fisher": FISHER}),
            Call({"w": W, "start": START, "fisher": FISHER}, {"strength": 9.0}),
        ],
        ["w"],
    ),
]

# Predictions.


def entropy(logits):
    return torch.distributions.Categorical(logits=logits).entropy().mean()


def information(logits):
    return entropy(logits) - torch.distributions.Categorical(probs=logits.softmax(-1).mean(0)).entropy()


def margin_smoothing(logits, label, margin, alpha):
    behind = torch.relu(logits.amax(1, keepdim=True) - logits - margin)
    return F.cross_entropy(logits, label) + alpha * behind.mean()


def mmce(logits, label, width):
    sure, guess = logits.softmax(1).max(1)
    gap = (guess == label).double() - sure
    kernel = torch.exp(-torch.cdist(sure[:, None], sure[:, None], 1) / width)
    return torch.sqrt(gap @ kernel @ gap) / len(label)


def mdca(logits, label):
    frequency = torch.bincount(label, minlength=logits.shape[1]).double() / len(label)
    return F.l1_loss(logits.softmax(1).mean(0), frequency)


def r_drop(a, b, label, alpha):
    p, q = (F.log_softmax(x, 1) for x in (a, b))
    apart = F.kl_div(p, q, log_target=True, reduction="batchmean") + F.kl_div(
        q, p, log_target=True, reduction="batchmean"
    )
    return F.cross_entropy(a, label) + F.cross_entropy(b, label) + alpha * apart / 2


TWICE = {"a": LOGITS, "b": LOGITS[::-1], "label": LABEL}
PREDICTIONS = [
    Reference(
        "negative_entropy",
        "torch",
        "torch.distributions.Categorical.entropy",
        lambda logits: -entropy(logits),
        PREDICTED,
        ["logits"],
    ),
    Reference(
        "entropy_minimisation", "torch", "torch.distributions.Categorical.entropy", entropy, PREDICTED, ["logits"]
    ),
    Reference(
        "confidence_penalty",
        "torch",
        "torch.nn.functional.cross_entropy - Categorical.entropy",
        lambda logits, label, beta=0.1: F.cross_entropy(logits, label) - beta * entropy(logits),
        [*LABELLED, *with_hyper(LABELLED[:1], beta=2.0)],
        ["logits"],
    ),
    Reference(
        "information_maximisation",
        "torch",
        "torch.distributions.Categorical.entropy, of each and of the mean",
        information,
        PREDICTED[:2],
        ["logits"],
        tolerance=1e-9,
    ),
    Reference(
        "margin_label_smoothing",
        "torch",
        "torch.nn.functional.cross_entropy + torch.relu",
        margin_smoothing,
        [*with_hyper(LABELLED, margin=10.0, alpha=0.1), *with_hyper(LABELLED[:1], margin=2.0, alpha=1.0)],
        ["logits"],
    ),
    Reference(
        "mmce",
        "torch",
        "torch.cdist in the formula of Kumar et al. 2018",
        mmce,
        [*with_hyper(LABELLED[:1], width=0.4), *with_hyper(LABELLED[:1], width=0.1)],
        ["logits"],
    ),
    Reference("mdca", "torch", "torch.bincount in the formula of Hebbalaguppe et al. 2022", mdca, LABELLED, ["logits"]),
    Reference(
        "r_drop",
        "torch",
        "torch.nn.functional.cross_entropy and kl_div",
        r_drop,
        [Call(TWICE, {"alpha": 1.0}), Call(TWICE, {"alpha": 5.0})],
        ["a", "b"],
    ),
]

# Features.


def kl_sparsity(z, rho):
    target = torch.distributions.Bernoulli(probs=torch.full((z.shape[1],), rho, dtype=z.dtype))
    return torch.distributions.kl_divergence(target, torch.distributions.Bernoulli(probs=z.mean(0))).sum()


def decov(z):
    cov = torch.cov(z.T, correction=0)
    return (cov.square().sum() - cov.diagonal().square().sum()) / 2


def ring(z, radius, strength):
    return strength / 2 * F.mse_loss(z.norm(dim=1), radius.expand(len(z)))


def manifold(f, similarity):
    """2 tr(f^T L f) over N^2, halved, with the graph's Laplacian L = D - S of the symmetric part."""
    symmetric = (similarity + similarity.T) / 2
    laplacian = torch.diag(symmetric.sum(1)) - symmetric
    return torch.trace(f.T @ laplacian @ f) / len(f) ** 2


def switch(logits):
    p = logits.softmax(1)
    load = F.one_hot(logits.argmax(1), logits.shape[1]).double().mean(0)
    return logits.shape[1] * (load * p.mean(0)).sum()


def importance(gate):
    total = gate.sum(0)
    return total.var(correction=0) / total.mean() ** 2


SIMILARITY = draw.uniform(size=(7, 7))
FEATURES = [
    Reference(
        "kl_sparsity",
        "torch",
        "torch.distributions.kl_divergence of Bernoullis",
        kl_sparsity,
        [Call({"z": draw.uniform(size=(6, 3))}, {"rho": 0.05}), Call({"z": [[0.2, 0.9]]}, {"rho": 0.2})],
        ["z"],
    ),
    Reference("decov", "torch", "torch.cov(correction=0)", decov, [Call({"z": Z}), Call({"z": Z[:1]})], ["z"]),
    Reference(
        "ring",
        "torch",
        "torch.nn.functional.mse_loss of the lengths",
        ring,
        [Call({"z": Z, "radius": 1.5}, {"strength": 0.01}), Call({"z": Z, "radius": 0.5}, {"strength": 1.0})],
        ["z", "radius"],
    ),
    Reference(
        "manifold", "torch", "torch.trace of f^T L f", manifold, [Call({"f": Z, "similarity": SIMILARITY})], ["f"]
    ),
    Reference(
        "switch_load_balancing",
        "torch",
        "torch.softmax in the formula of Fedus et al. 2022",
        switch,
        [Call({"logits": LOGITS}), Call({"logits": [[0.3, -1.2]]})],
        ["logits"],
    ),
    Reference(
        "expert_importance",
        "torch",
        "torch.var(correction=0) over the squared mean",
        importance,
        [Call({"gate": draw.uniform(size=(6, 4))}), Call({"gate": [[0.0, 1.0]]})],
        ["gate"],
    ),
    Reference(
        "router_z",
        "torch",
        "torch.logsumexp squared",
        lambda logits: torch.logsumexp(logits, 1).square().mean(),
        PREDICTED,
        ["logits"],
    ),
]

record("regularisers", [*PENALTIES, *PREDICTIONS, *FEATURES])
