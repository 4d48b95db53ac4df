"""References for the family `distillation`."""

from __future__ import annotations

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import numpy as np
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from sentence_transformers.sentence_transformer.losses import MarginMSELoss
from torchdistill.losses import mid_level
from trl.experimental.gkd import GKDTrainer

draw = np.random.default_rng(14)


def outputs(**arrays):
    """What torchdistill hands to its losses: the outputs of modules, by name."""
    return {name: {"output": array} for name, array in arrays.items()}


def between(loss):
    """A loss of torchdistill on one output of each model."""
    return lambda student, teacher: loss(outputs(m=student), outputs(m=teacher))


PLACE = {"io": "output", "path": "m"}
SIDES = {"student": PLACE, "teacher": PLACE}


def distillation(student, teacher, label, temperature=4.0, alpha=0.9):
    """torchdistill's alpha is the weight of the cross-entropy."""
    loss = mid_level.KDLoss("m", "output", "m", "output", temperature=temperature, alpha=1 - alpha)
    return loss(outputs(m=student), outputs(m=teacher), label)


def soft_targets(student, teacher, temperature=4.0):
    loss = mid_level.KDLoss("m", "output", "m", "output", temperature=temperature, beta=1.0)
    return between(loss)(student, teacher) * temperature**2


def standardized(student, teacher, temperature=2.0):
    loss = mid_level.LogitStdKDLoss("m", "output", "m", "output", temperature=temperature, beta=1.0)
    return between(loss)(student, teacher)


def reverse(student, teacher, temperature=1.0):
    return GKDTrainer.generalized_jsd_loss(student, teacher, beta=1, temperature=temperature)


def decoupled(student, teacher, label, temperature=4.0, alpha=1.0, beta=8.0):
    """The two divergences on explicit probabilities, over the right class and over the others."""
    total = 0.0
    for s, t, right in zip(student / temperature, teacher / temperature, label.tolist(), strict=True):
        others = [c for c in range(len(s)) if c != right]
        p, q = torch.softmax(s, 0), torch.softmax(t, 0)
        binary = torch.distributions.Bernoulli
        target = torch.distributions.kl_divergence(binary(q[right]), binary(p[right]))
        other = F.kl_div(torch.log_softmax(s[others], 0), torch.softmax(t[others], 0), reduction="sum")
        total = total + alpha * target + beta * other
    return temperature**2 * total / len(student)


def dist(student, teacher, tau=1.0, beta=1.0, gamma=1.0):
    return between(mid_level.DISTLoss("m", "output", "m", "output", beta=beta, gamma=gamma, tau=tau))(student, teacher)


def relational(distance, angle):
    return between(mid_level.RKDLoss("m", "m", dist_factor=distance, angle_factor=angle, reduction="mean"))


def variational(mu, variance, teacher):
    return F.gaussian_nll_loss(mu, teacher, variance, eps=0.0)


def activation_boundary(student, teacher, margin=1.0):
    loss = mid_level.AltActTransferLoss({"p": SIDES}, margin=margin, reduction="mean")
    return between(loss)(student, teacher)


def flow(student_first, student_second, teacher_first, teacher_second):
    def matrix(a, b):
        return mid_level.FSPLoss.compute_fsp_matrix(a[..., None], b[..., None])

    return F.mse_loss(matrix(student_first, student_second), matrix(teacher_first, teacher_second))


def neuron_selectivity(student, teacher):
    s, t = F.normalize(student, dim=2), F.normalize(teacher, dim=2)

    def kernel(a, b):
        return torch.matmul(a, b.transpose(1, 2)).square().mean((1, 2))

    return (kernel(s, s) + kernel(t, t) - 2 * kernel(s, t)).mean()


def similarity_preserving(student, teacher):
    def rows(z):
        return F.normalize(z @ z.T, dim=1)

    return F.mse_loss(rows(student), rows(teacher))


def margin_mse(positive, negative, teacher_positive, teacher_negative):
    """Scores are inner products with a query of one component, 1."""
    loss = MarginMSELoss(torch.nn.Identity())
    query = torch.ones(len(positive), 1, dtype=positive.dtype)
    return loss.compute_loss_from_embeddings(
        [query, positive[:, None], negative[:, None]], teacher_positive - teacher_negative
    )


S, T, LABEL = draw.normal(size=(4, 5)), 2 * draw.normal(size=(4, 5)), [0, 3, 4, 4]
LOGITS = {"student": S, "teacher": T}
LABELLED = {**LOGITS, "label": LABEL}
FAR = {"student": 50 * np.eye(2, 3), "teacher": -50 * np.eye(2, 3)}
SAME = {"student": S, "teacher": S}
FEATURES = {"student": draw.normal(size=(4, 3)), "teacher": draw.normal(size=(4, 5))}
EQUAL = {"student": draw.normal(size=(4, 3)), "teacher": draw.normal(size=(4, 3))}
MAPS = {"student": draw.normal(size=(2, 3, 6)), "teacher": draw.normal(size=(2, 4, 6))}
TWO = {"student": [[1.0, 2.0], [3.0, -1.0]], "teacher": [[0.5, 0.0], [0.0, 2.0]]}
FLOW = {
    "student_first": draw.normal(size=(2, 3, 4)), "student_second": draw.normal(size=(2, 2, 4)),
    "teacher_first": draw.normal(size=(2, 3, 4)), "teacher_second": draw.normal(size=(2, 2, 4)),
}  # fmt: skip
MARGINS = {name: draw.normal(size=4) for name in ("positive", "negative", "teacher_positive", "teacher_negative")}
VARIANCE = {"mu": EQUAL["student"], "variance": draw.gamma(2.0, size=(4, 3)), "teacher": EQUAL["teacher"]}


def torchdistill(loss, name, function, calls, **options):
    return Reference(loss, "torchdistill", name, function, calls, ["student"], **options)


record("distillation", [
    torchdistill("distillation", "KDLoss", distillation,
                 [Call(LABELLED), Call(LABELLED, {"temperature": 1.0, "alpha": 0.5}),
                  Call({**FAR, "label": [0, 2]}, {"temperature": 2.0})]),
    torchdistill("soft_targets", "KDLoss (alpha=None, beta=1) times temperature^2", soft_targets,
                 [Call(LOGITS), Call(LOGITS, {"temperature": 1.0}), Call(SAME), Call(FAR)]),
    Reference("reverse_distillation", "trl", "GKDTrainer.generalized_jsd_loss(beta=1)", reverse,
              [Call(LOGITS), Call(LOGITS, {"temperature": 3.0}), Call(FAR)], ["student"]),
    Reference("logit_matching", "torch", "torch.nn.functional.mse_loss", F.mse_loss, [Call(LOGITS), Call(SAME)],
              ["student"]),
    Reference("decoupled_kd", "torch", "formula of Zhao et al. 2022 by torch.distributions", decoupled,
              [Call(LABELLED), Call(LABELLED, {"temperature": 1.0, "alpha": 2.0, "beta": 0.5})], ["student"]),
    torchdistill("standardized_kd", "LogitStdKDLoss", standardized, [Call(LOGITS), Call(LOGITS, {"temperature": 1.0})]),
    torchdistill("dist", "DISTLoss", dist,
                 [Call(LOGITS), Call(LOGITS, {"tau": 4.0, "beta": 2.0, "gamma": 0.5}), Call(SAME)]),
    Reference("hint", "torch", "torch.nn.functional.mse_loss", F.mse_loss,
              [Call(EQUAL), Call({"student": MAPS["student"], "teacher": MAPS["student"] + 1})], ["student"]),
    torchdistill("attention_transfer", "ATLoss(mode='code')",
                 lambda s, t: between(mid_level.ATLoss({"p": SIDES}, "code"))(s[..., None], t[..., None]), [Call(MAPS)]),
    torchdistill("relational_distance", "RKDLoss(dist_factor=1)", relational(1.0, 0.0), [Call(FEATURES), Call(TWO)]),
    torchdistill("relational_angle", "RKDLoss(angle_factor=1)", relational(0.0, 1.0), [Call(FEATURES), Call(TWO)]),
    Reference("similarity_preserving", "torch", "formula of Tung and Mori 2019 by torch.nn.functional.normalize",
              similarity_preserving, [Call(FEATURES), Call(TWO)], ["student"]),
    torchdistill("correlation_congruence", "CCKDLoss(bilinear)",
                 between(mid_level.CCKDLoss("m", "m", {"type": "bilinear"}, "batchmean")), [Call(FEATURES), Call(TWO)]),
    torchdistill("probabilistic_transfer", "PKTLoss",
                 lambda s, t, eps=1e-7: mid_level.PKTLoss("m", "output", "m", "output", eps).cosine_similarity_loss(s, t),
                 [Call(FEATURES, {"eps": 0.0}), Call(TWO, {"eps": 0.0}), ]),
    Reference("variational_information", "torch", "torch.nn.functional.gaussian_nll_loss (eps=0)", variational,
              [Call(VARIANCE)], ["mu", "variance"]),
    torchdistill("activation_boundary", "AltActTransferLoss", activation_boundary,
                 [Call(EQUAL), Call(EQUAL, {"margin": 0.2})]),
    Reference("flow_of_solution", "torchdistill", "mean square of FSPLoss.compute_fsp_matrix", flow, [Call(FLOW)],
              ["student_first", "student_second"]),
    torchdistill("factor_transfer", "FTLoss(p=1)",
                 lambda s, t: mid_level.FTLoss(1)(outputs(translator=s), outputs(paraphraser=t)), [Call(EQUAL)]),
    Reference("neuron_selectivity", "torch", "formula of Huang and Wang 2017", neuron_selectivity, [Call(MAPS)],
              ["student"]),
    Reference("cosine_distillation", "torch", "torch.nn.functional.cosine_embedding_loss (y = 1)",
              lambda s, t: F.cosine_embedding_loss(s, t, torch.ones(len(s))), [Call(EQUAL), Call(TWO)], ["student"]),
    Reference("margin_mse", "sentence-transformers", "MarginMSELoss", margin_mse,
              [Call(MARGINS), Call({name: array[:1] for name, array in MARGINS.items()})], ["positive", "negative"]),
])  # fmt: skip
