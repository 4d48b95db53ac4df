"""References for the family `margin`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import jax
import jaxopt.loss
import keras
import numpy as np
import optax
import pytorch_ood.loss
import sklearn._loss.loss
import sklearn.linear_model._sgd_fast as sgd
import sklearn.metrics
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record

FLOAT32 = "the library computes in float32"

draw = np.random.default_rng(11)
SCORE, Y = 2 * draw.normal(size=(4, 3)), 2 * draw.integers(0, 2, size=(4, 3)) - 1
AWKWARD = {"score": [50.0, -50.0, 30.0, 0.25, -0.5, 0.75], "y": [-1, -1, 1, 1, -1, 1]}
BINARY = [
    Call({"score": SCORE, "y": Y}),
    Call(AWKWARD),
    Call({"score": [0.7], "y": [1]}),
]
MULTI, LABEL = 2 * draw.normal(size=(6, 4)), draw.integers(0, 4, size=6)
CLASSES = [
    Call({"score": MULTI, "label": LABEL}),
    Call({"score": [[50.0, -50.0, 0.0], [-5.0, -4.0, -3.5]], "label": [1, 2]}),
    Call({"score": [[0.3, -1.2]], "label": [1]}),
]
TAGS = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]])
TAGGED = [Call({"score": MULTI, "y": TAGS}), Call({"score": [[0.3, -1.2]], "y": [[0, 1]]})]
COST = draw.uniform(0.5, 3, size=(4, 4)) * (1 - np.eye(4))


def with_hyper(calls, **hyper):
    return [Call(call.inputs, hyper, call.reduction) for call in calls]


def with_data(calls, **data):
    return [Call({**call.inputs, **data}, call.hyper, call.reduction) for call in calls]


def of_margin(function):
    """A function of the margin, averaged."""
    return lambda score, y, **hyper: function(y * score, **hyper).mean()


def by_sklearn(loss):
    """One of the losses of sklearn's SGDClassifier, example by example."""

    def function(score, y):
        pairs = list(zip(score.ravel(), y.ravel().astype(float), strict=True))
        value = np.mean([loss.py_loss(a, b) for a, b in pairs])
        slope = np.array([loss.py_dloss(a, b) for a, b in pairs]) / len(pairs)
        return value, {"score": slope.reshape(score.shape)}

    return function


def sklearn_exponential(score, y):
    loss = sklearn._loss.loss.ExponentialLoss()
    value, gradient = loss.loss_gradient(y_true=(y + 1) / 2.0, raw_prediction=score)
    return value.mean(), {"score": gradient / len(y)}


def distance_weighted(m, q):
    return torch.where(m <= q / (q + 1), 1 - m, q**q / (q + 1) ** (q + 1) / m.clamp(min=1e-3) ** q)


def unified(m, a, c):
    far = (m > c / (1 + c)).double()
    return (1 - far) * (1 - m) + far / (1 + c) * (a / ((1 + c) * torch.maximum(m, m * 0 + c / (1 + c)) - c + a)) ** a


def smoothed(m, gamma):
    """The infimal convolution of the hinge with a parabola, by torch.nn.functional.huber_loss of what is left over."""
    slack = torch.relu(1 - m)
    return F.huber_loss(slack, torch.zeros_like(slack), reduction="none", delta=gamma) / gamma


def correntropy(m, sigma):
    return (1 - torch.exp(-((1 - m) ** 2) / (2 * sigma**2))) / (1 - np.exp(-1 / (2 * sigma**2)))


def weighted_hinge(score, y, positive, negative):
    return (torch.where(y == 1, positive, negative) * torch.relu(1 - y * score)).mean()


TWO_CLASSES = [
    Reference(
        "perceptron",
        "optax",
        "optax.losses.perceptron_loss",
        lambda score, y: optax.losses.perceptron_loss(score, y).mean(),
        BINARY,
        ["score"],
        "jax",
    ),
    Reference(
        "perceptron",
        "scikit-learn",
        "sklearn.linear_model SGDClassifier(loss='perceptron')",
        by_sklearn(sgd.Hinge(0.0)),
        BINARY,
        through="numpy",
    ),
    Reference(
        "hinge",
        "optax",
        "optax.losses.hinge_loss",
        lambda score, y: optax.losses.hinge_loss(score, y).mean(),
        BINARY,
        ["score"],
        "jax",
    ),
    Reference(
        "hinge",
        "keras",
        "keras.losses.Hinge",
        lambda score, y: keras.losses.Hinge()(y, score),
        BINARY,
        ["score"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "hinge",
        "optax",
        "optax.losses.hinge_loss",
        optax.losses.hinge_loss,
        [Call({"score": SCORE, "y": Y}, reduction="none")],
        ["score"],
        "jax",
    ),
    Reference(
        "hinge",
        "scikit-learn",
        "sklearn.linear_model SGDClassifier(loss='hinge')",
        by_sklearn(sgd.Hinge(1.0)),
        BINARY,
        through="numpy",
    ),
    Reference(
        "squared_hinge",
        "keras",
        "keras.losses.SquaredHinge",
        lambda score, y: keras.losses.SquaredHinge()(y, score),
        BINARY,
        ["score"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "squared_hinge",
        "scikit-learn",
        "sklearn.linear_model SGDClassifier(loss='squared_hinge')",
        by_sklearn(sgd.SquaredHinge(1.0)),
        BINARY,
        through="numpy",
    ),
    Reference(
        "smoothed_hinge",
        "torch",
        "torch.nn.functional.huber_loss of the slack",
        of_margin(smoothed),
        [*with_hyper(BINARY, gamma=1.0), *with_hyper(BINARY, gamma=0.3)],
        ["score"],
    ),
    Reference(
        "modified_huber",
        "scikit-learn",
        "sklearn.linear_model SGDClassifier(loss='modified_huber')",
        by_sklearn(sgd.ModifiedHuber()),
        BINARY,
        through="numpy",
    ),
    Reference(
        "pinball_hinge",
        "torch",
        "torch.maximum in the formula of Huang et al. 2014",
        of_margin(lambda m, tau: torch.maximum(1 - m, -tau * (1 - m))),
        [*with_hyper(BINARY, tau=0.5), *with_hyper(BINARY, tau=0.1)],
        ["score"],
    ),
    Reference(
        "squared_margin",
        "torch",
        "torch.nn.functional.mse_loss with labels -1 and 1",
        lambda score, y: F.mse_loss(score, y.double()),
        BINARY,
        ["score"],
    ),
    Reference("logistic", "torch", "torch.nn.functional.soft_margin_loss", F.soft_margin_loss, BINARY, ["score"]),
    Reference(
        "logistic",
        "jaxopt",
        "jaxopt.loss.binary_logistic_loss",
        lambda score, y: jaxopt.loss.binary_logistic_loss((y + 1) // 2, score).mean(),
        BINARY,
        ["score"],
        "jax",
    ),
    Reference(
        "exponential",
        "scikit-learn",
        "sklearn._loss.loss.ExponentialLoss",
        sklearn_exponential,
        [Call({"score": SCORE.ravel(), "y": Y.ravel()}), *BINARY[1:]],
        through="numpy",
    ),
    Reference(
        "savage",
        "torch",
        "torch.sigmoid in the formula of Masnadi-Shirazi and Vasconcelos 2008",
        of_margin(lambda m: torch.sigmoid(-2 * m) ** 2),
        BINARY,
        ["score"],
    ),
    Reference(
        "tangent",
        "torch",
        "torch.atan in the formula of Masnadi-Shirazi et al. 2010",
        of_margin(lambda m: (2 * torch.atan(m) - 1) ** 2),
        BINARY,
        ["score"],
    ),
    Reference(
        "sigmoid_margin",
        "torch",
        "torch.tanh in the formula of Mason et al. 1999",
        of_margin(lambda m, scale: (1 - torch.tanh(scale * m / 2)) / 2),
        [*with_hyper(BINARY[::2], scale=2.0), *with_hyper(BINARY[::2], scale=1.0)],
        ["score"],
    ),
    Reference(
        "ramp",
        "torch",
        "torch.relu: a hinge less the hinge at the stop (Collobert et al. 2006)",
        of_margin(lambda m, stop: torch.relu(1 - m) - torch.relu(stop - m)),
        [*with_hyper(BINARY, stop=-1.0), *with_hyper(BINARY, stop=0.3)],
        ["score"],
    ),
    Reference(
        "psi_learning",
        "torch",
        "torch.where in the formula of Shen et al. 2003",
        of_margin(lambda m: torch.where(m < 0, 2.0, 2 * torch.relu(1 - m))),
        BINARY,
        ["score"],
    ),
    Reference(
        "unhinged", "torch", "1 - margin (van Rooyen et al. 2015)", of_margin(lambda m: 1 - m), BINARY, ["score"]
    ),
    Reference(
        "distance_weighted_discrimination",
        "torch",
        "torch.where in the formula of Wang and Zou 2018",
        of_margin(distance_weighted),
        [*with_hyper(BINARY, q=1.0), *with_hyper(BINARY, q=3.0)],
        ["score"],
    ),
    Reference(
        "large_margin_unified",
        "torch",
        "the formula of Liu, Zhang and Wu 2011 in PyTorch",
        of_margin(unified),
        [*with_hyper(BINARY, a=1.0, c=1.0), *with_hyper(BINARY, a=2.0, c=0.0)],
        ["score"],
    ),
    Reference(
        "correntropy_margin",
        "torch",
        "torch.exp in the formula of Singh et al. 2014",
        of_margin(correntropy),
        [*with_hyper(BINARY, sigma=0.5), *with_hyper(BINARY, sigma=2.0)],
        ["score"],
    ),
    Reference(
        "weighted_hinge",
        "torch",
        "torch.relu in the formula of Veropoulos et al. 1999",
        weighted_hinge,
        with_hyper(BINARY, positive=3.0, negative=0.5),
        ["score"],
    ),
    Reference(
        "sparsemax_margin",
        "optax",
        "optax.losses.sparsemax_loss",
        lambda score, y: optax.losses.sparsemax_loss(score, (y + 1) // 2).mean(),
        BINARY,
        ["score"],
        "jax",
    ),
    Reference(
        "sparsemax_margin",
        "jaxopt",
        "jaxopt.loss.binary_sparsemax_loss",
        lambda score, y: jaxopt.loss.binary_sparsemax_loss((y + 1) // 2, score).mean(),
        BINARY,
        ["score"],
        "jax",
    ),
    Reference(
        "hinge_embedding",
        "torch",
        "torch.nn.functional.hinge_embedding_loss",
        F.hinge_embedding_loss,
        [
            Call({"distance": SCORE**2, "y": Y}),
            Call({"distance": SCORE**2, "y": Y}, {"margin": 2.0}),
            Call({"distance": [0.25], "y": [-1]}),
        ],
        ["distance"],
    ),
    Reference(
        "hinge_embedding",
        "torch",
        "torch.nn.functional.hinge_embedding_loss",
        lambda distance, y: F.hinge_embedding_loss(distance, y, reduction="none"),
        [Call({"distance": SCORE**2, "y": Y}, reduction="none")],
        ["distance"],
    ),
]

# One class.


def one_class(score, rho, nu):
    return torch.relu(rho - score).mean() / nu - rho


def svdd(z, center):
    return pytorch_ood.loss.DeepSVDDLoss(z.shape[1], center=center).double().distance(z).relu().mean()


def soft_svdd(z, center, radius, nu):
    excess = pytorch_ood.loss.DeepSVDDLoss(z.shape[1], center=center).double().distance(z) - radius**2
    return radius**2 + excess.relu().mean() / nu


POINTS = {"z": draw.normal(size=(7, 3)), "center": draw.normal(size=3)}
ONE_CLASS = [
    Reference(
        "one_class_svm",
        "torch",
        "torch.relu in the formula of Schoelkopf et al. 2001",
        one_class,
        [Call({"score": SCORE.ravel(), "rho": 0.4}, {"nu": 0.3})],
        ["score", "rho"],
    ),
    Reference("deep_svdd", "pytorch-ood", "pytorch_ood.loss.DeepSVDDLoss", svdd, [Call(POINTS)], ["z"]),
    Reference(
        "soft_boundary_svdd",
        "pytorch-ood",
        "pytorch_ood.loss.DeepSVDDLoss.distance, soft boundary",
        soft_svdd,
        [Call({**POINTS, "radius": 1.5}, {"nu": 0.1})],
        ["z", "radius"],
    ),
]

# Several classes.


def others(score, label):
    """Violations 1 + other - right, one row per example."""
    wrong = ~F.one_hot(label, score.shape[1]).bool()
    return 1 + score[wrong].reshape(len(score), -1) - score.gather(1, label[:, None])


def lee_lin_wahba(score, label):
    centred = score - score.mean(1, keepdim=True)
    wrong = 1 - F.one_hot(label, score.shape[1])
    return (wrong * torch.relu(centred + 1 / (score.shape[1] - 1))).sum(1).mean()


def top_k(score, label, k):
    violation = torch.cat([others(score, label), torch.zeros(len(score), 1)], 1)
    return torch.relu(violation.topk(int(k), 1).values.mean(1)).mean()


def samme(score, label):
    """exp(-y.f/C) with the codes 1 and -1/(C-1) of Zhu et al. 2009."""
    classes = score.shape[1]
    centred = score - score.mean(1, keepdim=True)
    code = torch.full_like(score, -1 / (classes - 1)).scatter(1, label[:, None], 1.0)
    return torch.exp(-(code * centred).sum(1) / classes).mean()


def one_vs_rest(score, label):
    sign = 2 * F.one_hot(label, score.shape[1]) - 1
    return torch.relu(1 - sign * score).sum(1).mean()


def margin_rescaling(score, label, cost):
    return ((score + cost[label]).amax(1) - score.gather(1, label[:, None])[:, 0]).mean()


def slack_rescaling(score, label, cost):
    return (cost[label] * (1 + score - score.gather(1, label[:, None]))).amax(1).mean()


def as_list(y):
    """Torch's targets: the right labels, then -1 to the end."""
    rows = [[*np.flatnonzero(row), *[-1] * int(len(row) - row.sum())] for row in y.numpy()]
    return torch.tensor(np.array(rows))


def ranking_hinge(score, y):
    rows = [
        torch.relu(1 - row[tags][:, None] + row[~tags]).mean() if 0 < tags.sum() < len(tags) else row.sum() * 0
        for row, tags in zip(score, y == 1, strict=True)
    ]
    return torch.stack(rows).mean()


SEVERAL = [
    Reference(
        "multiclass_perceptron",
        "optax",
        "optax.losses.multiclass_perceptron_loss",
        lambda score, label: optax.losses.multiclass_perceptron_loss(score, label).mean(),
        CLASSES,
        ["score"],
        "jax",
    ),
    Reference(
        "crammer_singer",
        "optax",
        "optax.losses.multiclass_hinge_loss",
        lambda score, label: optax.losses.multiclass_hinge_loss(score, label).mean(),
        CLASSES,
        ["score"],
        "jax",
    ),
    Reference(
        "crammer_singer",
        "jaxopt",
        "jaxopt.loss.multiclass_hinge_loss",
        lambda score, label: jax.vmap(jaxopt.loss.multiclass_hinge_loss)(label, score).mean(),
        CLASSES,
        ["score"],
        "jax",
    ),
    Reference(
        "crammer_singer",
        "scikit-learn",
        "sklearn.metrics.hinge_loss",
        lambda score, label: (sklearn.metrics.hinge_loss(label, score, labels=range(score.shape[1])), {}),
        CLASSES[:2],
        through="numpy",
    ),
    Reference(
        "weston_watkins",
        "torch",
        "torch.nn.functional.multi_margin_loss times the number of classes",
        lambda score, label, margin=1.0: F.multi_margin_loss(score, label, margin=margin) * score.shape[1],
        [*CLASSES, *with_hyper(CLASSES[:1], margin=2.0)],
        ["score"],
    ),
    Reference(
        "lee_lin_wahba",
        "torch",
        "torch.relu in the formula of Lee, Lin and Wahba 2004",
        lee_lin_wahba,
        CLASSES,
        ["score"],
    ),
    Reference(
        "multi_margin",
        "torch",
        "torch.nn.functional.multi_margin_loss",
        F.multi_margin_loss,
        [*CLASSES, *with_hyper(CLASSES[:1], p=2, margin=0.5)],
        ["score"],
    ),
    Reference(
        "multi_margin",
        "torch",
        "torch.nn.functional.multi_margin_loss(weight=)",
        lambda score, label, weight: F.multi_margin_loss(score, label, weight=weight),
        with_data(CLASSES[:1], weight=[0.5, 1.0, 2.0, 0.0]),
        ["score"],
    ),
    Reference(
        "categorical_hinge",
        "keras",
        "keras.losses.CategoricalHinge",
        lambda score, target: keras.losses.CategoricalHinge()(target, score),
        [
            Call({"score": MULTI, "target": np.eye(4)[LABEL]}),
            Call({"score": [[-5.0, -4.0, -3.5]], "target": [[0.0, 1.0, 0.0]]}),
        ],
        ["score"],
        tolerance=1e-6,
        note=FLOAT32,
    ),
    Reference(
        "multiclass_squared_hinge",
        "torch",
        "torch.relu of the best violation, squared",
        lambda score, label: torch.relu(others(score, label).amax(1)).square().mean(),
        CLASSES,
        ["score"],
    ),
    Reference(
        "one_vs_rest_hinge",
        "torch",
        "torch.relu in the formula of Rifkin and Klautau 2004",
        one_vs_rest,
        CLASSES,
        ["score"],
    ),
    Reference(
        "margin_rescaling",
        "torch",
        "torch.amax in the formula of Tsochantaridis et al. 2005",
        margin_rescaling,
        with_data(CLASSES[:1], cost=COST),
        ["score"],
    ),
    Reference(
        "slack_rescaling",
        "torch",
        "torch.amax in the formula of Tsochantaridis et al. 2005",
        slack_rescaling,
        with_data(CLASSES[:1], cost=COST),
        ["score"],
    ),
    Reference(
        "top_k_hinge",
        "torch",
        "torch.topk in the formula of Lapin et al. 2015",
        top_k,
        [*with_hyper(CLASSES[:1], k=1), *with_hyper(CLASSES[:1], k=3), *with_hyper(CLASSES[1:2], k=2)],
        ["score"],
    ),
    Reference(
        "multiclass_exponential", "torch", "torch.exp in the formula of Zhu et al. 2009", samme, CLASSES, ["score"]
    ),
    Reference(
        "multilabel_margin",
        "torch",
        "torch.nn.functional.multilabel_margin_loss",
        lambda score, y: F.multilabel_margin_loss(score, as_list(y)),
        TAGGED,
        ["score"],
    ),
    Reference(
        "multilabel_ranking_hinge",
        "torch",
        "torch.relu over pairs, as in Elisseeff and Weston 2001",
        ranking_hinge,
        TAGGED,
        ["score"],
    ),
]

record("margin", [*TWO_CLASSES, *ONE_CLASS, *SEVERAL])
