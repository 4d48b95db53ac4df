"""References for the family `ranking`."""

from __future__ import annotations

import functools

import cpu_torchvision  # noqa: F401  (before the libraries)
import jax
import jax.numpy as jnp
import numpy as np
import rax
import torch
import torch.nn.functional as F
from allrank.models.losses import approxNDCGLoss, lambdaLoss, listNet, rankNet
from libauc.losses import PairwiseAUCLoss
from recbole.model.loss import BPRLoss
from recorder import Call, Reference, record
from sentence_transformers.cross_encoder.losses import PListMLELoss
from sentence_transformers.sentence_transformer.losses import CoSENTLoss

draw = np.random.default_rng(11)
SCORE, REL = draw.normal(size=(3, 6)), draw.integers(0, 4, size=(3, 6)).astype(float)
DISTINCT = np.array([[3.0, 0.0, 5.0, 1.0], [2.0, 4.0, 1.0, 0.0]])
PADDED = np.array([[2.0, 0.0, 1.0, -1.0], [0.0, -1.0, 3.0, -1.0]])
SMALL = draw.normal(size=(2, 4))
GENERAL = Call({"score": SCORE, "rel": REL})
LEVEL = Call({"score": [[0.5, -1.0, 2.0]], "rel": [[1.0, 1.0, 1.0]]})
ONE = Call({"score": [[0.3]], "rel": [[2.0]]})
EXTREME = Call({"score": [[50.0, -50.0, 0.0]], "rel": [[0.0, 2.0, 1.0]]})
WITH_PADDING = Call({"score": SMALL, "rel": PADDED})
LISTS = [GENERAL, WITH_PADDING, LEVEL, EXTREME]


def lists(function, **options):
    """A loss of rax, where a negative relevance marks padding."""
    return lambda score, rel: function(score, rel, where=rel >= 0, **options)


def per_query(weights):
    """RankNet with lambda weights: rax scales them by the length of the list; summed over pairs, averaged over queries."""

    def function(score, rel):
        total = rax.pairwise_logistic_loss(score, rel, where=rel >= 0, lambdaweight_fn=weights, reduce_fn=jnp.sum)
        return total / score.size

    return function


def lambda_weights(scheme):
    def function(score, rel, sigma=1.0):
        total = lambdaLoss(score, rel, weighing_scheme=scheme, sigma=sigma, reduction="sum", reduction_log="natural")
        return total / len(score)

    return function


def approximate(metric):
    """What rax.approx_t12n makes of a metric; the function itself needs an older jax."""

    def function(score, rel, temperature=1.0):
        ranks = functools.partial(rax.utils.approx_ranks, step_fn=lambda gap: jax.nn.sigmoid(gap / temperature))
        return -metric(score, rel, where=rel >= 0, rank_fn=ranks)

    return function


class Scorer(torch.nn.Module):
    """In place of a cross-encoder: the "documents" are positions in a list of scores."""

    num_labels, device = 1, torch.device("cpu")

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def preprocess(self, pairs, prompt=None, task=None):
        return {"position": torch.tensor([position for _, position in pairs])}

    def forward(self, tokens):
        return {"scores": self.scores[tokens["position"]]}


def position_aware_listmle(score, rel):
    """With the weights as in the paper: sentence_transformers divides them by their sum, 2^n - 1 - n."""
    queries, n = score.shape
    documents = [list(range(q * n, q * n + n)) for q in range(queries)]
    loss = PListMLELoss(Scorer(score.reshape(-1)), mini_batch_size=-1, respect_input_order=False)
    return loss(["q"] * queries and [list(range(queries)), documents], list(rel)) * (2**n - 1 - n)


def cosent(cosine, similarity, scale=20.0):
    return CoSENTLoss(torch.nn.Identity(), scale=scale, similarity_fct=lambda a, b: a).compute_loss_from_embeddings(
        [cosine, cosine], similarity
    )


def auc(score, label, margin=1.0):
    return PairwiseAUCLoss("squared_hinge", margin)(score, label)


def exponential(score, rel):
    gap = score[:, None, :] - score[:, :, None]
    return torch.exp(gap)[(rel[:, :, None] > rel[:, None, :]) & (rel[:, None, :] >= 0)].mean()


def bpr_factors(user, item, who, liked, other, reg=0.01):
    u, i, j = F.embedding(who, user), F.embedding(liked, item), F.embedding(other, item)
    fit = F.logsigmoid(torch.einsum("nd,nd->n", u, i - j))
    return (-fit + reg * torch.cat([u, i, j], 1).square().sum(1)).mean()


def bpr_max(positive, negative, reg=1.0):
    weight = torch.softmax(negative, 1)
    fit = -torch.log((weight * torch.sigmoid(positive[:, None] - negative)).sum(1))
    return (fit + reg * (weight * negative**2).sum(1)).mean()


def top1(positive, negative):
    return (torch.sigmoid(negative - positive[:, None]) + torch.sigmoid(negative**2)).mean()


def warp(score, label, margin=1.0):
    total = 0.0
    for row, right in zip(score, label.tolist(), strict=True):
        slack = margin - row[right] + torch.cat([row[:right], row[right + 1 :]])
        violating = slack[slack > 0]
        if len(violating):
            total = total + sum(1 / k for k in range(1, len(violating) + 1)) * violating.mean()
    return torch.as_tensor(total + 0 * score.sum()) / len(score)


def wmrb(positive, negative, items, margin=1.0):
    return torch.log1p(items * F.relu(margin - positive[:, None] + negative).mean(1)).mean()


def cosine_contrastive(positive, negative, margin=0.8, weight=1.0):
    return (1 - positive + weight * F.relu(negative - margin).mean(1)).mean()


A, B, SIGN = draw.normal(size=(2, 5)), draw.normal(size=(2, 5)), draw.choice([-1, 1], size=(2, 5))
POSITIVE, NEGATIVE = draw.normal(size=4), draw.normal(size=(4, 3))
PAIRS = {"score_a": A, "score_b": B, "y": SIGN}
SAMPLED = Call({"positive": POSITIVE, "negative": NEGATIVE})
FAR = Call({"positive": [-50.0, 50.0], "negative": [[50.0, 0.0], [-50.0, 50.0]]})
USERS = {
    "user": draw.normal(size=(3, 2)),
    "item": draw.normal(size=(4, 2)),
    "who": [0, 2, 2, 1],
    "liked": [1, 3, 3, 0],
    "other": [0, 0, 1, 2],
}
BINARY = {"score": draw.normal(size=7), "label": [1, 0, 0, 1, 0, 1, 0]}
COSINES = {"cosine": [0.9, 0.1, -0.3, 0.5], "similarity": [1.0, 0.2, 0.2, 0.0]}
SHARES = {"positive": [0.9, -0.2, 0.4], "negative": [[0.85, -0.1], [0.95, 0.9], [0.0, 0.5]]}
PLACES = {"score": draw.normal(size=(4, 5)), "label": [0, 3, 3, 1]}
BY_HAND = {"library": "torch", "wrt": ["positive", "negative"]}
RAX = {"library": "rax", "wrt": ["score"], "through": "jax"}

record("ranking", [
    Reference("margin_ranking", "torch", "torch.nn.functional.margin_ranking_loss",
              lambda a, b, y, margin=0.0: F.margin_ranking_loss(a, b, y, margin=margin),
              [Call(PAIRS), Call(PAIRS, {"margin": 0.5}), Call({"score_a": [1.0], "score_b": [0.25], "y": [-1]})],
              ["score_a", "score_b"]),
    Reference("margin_ranking", "torch", "torch.nn.functional.margin_ranking_loss (none)",
              lambda a, b, y: F.margin_ranking_loss(a, b, y, reduction="none"), [Call(PAIRS, reduction="none")],
              ["score_a", "score_b"]),
    Reference("ranknet", name="rax.pairwise_logistic_loss", function=lists(rax.pairwise_logistic_loss), calls=LISTS, **RAX),
    Reference("ranknet", "allRank", "allrank.models.losses.rankNet", lambda s, y: rankNet(s, y), [GENERAL, WITH_PADDING],
              ["score"], tolerance=1e-6, note="the targets are float32"),
    Reference("pairwise_hinge", name="rax.pairwise_hinge_loss", function=lists(rax.pairwise_hinge_loss), calls=LISTS, **RAX),
    Reference("pairwise_exponential", "torch", "formula of Freund et al. 2003", exponential, [GENERAL, WITH_PADDING],
              ["score"]),
    Reference("pairwise_soft_zero_one", name="rax.pairwise_soft_zero_one_loss",
              function=lists(rax.pairwise_soft_zero_one_loss), calls=LISTS, **RAX),
    Reference("pairwise_mse", name="rax.pairwise_mse_loss", function=lists(rax.pairwise_mse_loss), calls=LISTS, **RAX),
    Reference("lambdarank", name="rax.pairwise_logistic_loss (dcg_lambdaweight, normalize=True) / list size",
              function=per_query(lambda *a, **k: rax.dcg_lambdaweight(*a, **k, normalize=True)), calls=LISTS, **RAX),
    Reference("lambdarank", "allRank", "allrank.models.losses.lambdaLoss (lambdaRank_scheme, natural)",
              lambda_weights("lambdaRank_scheme"), [GENERAL, Call(GENERAL.inputs, {"sigma": 2.5})], ["score"]),
    Reference("ndcg_loss2", name="rax.pairwise_logistic_loss (dcg2_lambdaweight, normalize=True) / list size",
              function=per_query(lambda *a, **k: rax.dcg2_lambdaweight(*a, **k, normalize=True)), calls=LISTS, **RAX),
    Reference("ndcg_loss2", "allRank", "allrank.models.losses.lambdaLoss (ndcgLoss2_scheme, natural)",
              lambda_weights("ndcgLoss2_scheme"), [GENERAL, Call(GENERAL.inputs, {"sigma": 2.5})], ["score"]),
    Reference("listnet", "allRank", "allrank.models.losses.listNet (eps=0)", lambda s, y: listNet(s, y, eps=0.0),
              [GENERAL, LEVEL, ONE], ["score"]),
    Reference("listnet", "rax", "rax.softmax_loss (labels through a softmax)",
              lambda s, y: rax.softmax_loss(s, y, where=y >= 0, label_fn=lambda a, where: jax.nn.softmax(a, where=where)),
              [WITH_PADDING, EXTREME], ["score"], through="jax"),
    Reference("softmax_ranking", name="rax.softmax_loss", function=lists(rax.softmax_loss), calls=[*LISTS, ONE], **RAX),
    Reference("unique_softmax", name="rax.unique_softmax_loss", function=lists(rax.unique_softmax_loss), calls=LISTS,
              **RAX),
    Reference("listmle", name="rax.listmle_loss", function=lists(rax.listmle_loss),
              calls=[Call({"score": SMALL, "rel": DISTINCT}), WITH_PADDING, EXTREME, ONE], **RAX),
    Reference("position_aware_listmle", "sentence-transformers", "PListMLELoss times the sum of the weights",
              position_aware_listmle, [Call({"score": SMALL, "rel": DISTINCT}), EXTREME], ["score"]),
    Reference("approx_ndcg", name="rax.ndcg_metric (approx_ranks)", function=approximate(rax.ndcg_metric),
              calls=[*LISTS, Call(GENERAL.inputs, {"temperature": 0.2}), Call({"score": SMALL, "rel": 0 * DISTINCT})], **RAX),
    Reference("approx_ndcg", "allRank", "allrank.models.losses.approxNDCGLoss (eps=1e-300)",
              lambda s, y, temperature=1.0: approxNDCGLoss(s, y, eps=1e-300, alpha=1 / temperature),
              [GENERAL, Call(GENERAL.inputs, {"temperature": 0.2})], ["score"]),
    Reference("approx_mrr", name="rax.mrr_metric (approx_ranks)", function=approximate(rax.mrr_metric),
              calls=[GENERAL, WITH_PADDING, Call(GENERAL.inputs, {"temperature": 0.2})], **RAX),
    Reference("bpr", "recbole", "recbole.model.loss.BPRLoss (gamma=0)", lambda p, n: BPRLoss(gamma=0.0)(p, n),
              [Call({"positive": POSITIVE, "negative": NEGATIVE[:, 0]}), Call({"positive": [1.0], "negative": [1.0]})],
              ["positive", "negative"]),
    Reference("bpr_factors", "torch", "formula of Rendle et al. 2009", bpr_factors,
              [Call(USERS), Call(USERS, {"reg": 0.0}), Call(USERS, {"reg": 0.5})], ["user", "item"]),
    Reference("bpr_max", name="formula of Hidasi and Karatzoglou 2018", function=bpr_max,
              calls=[SAMPLED, Call(SAMPLED.inputs, {"reg": 0.0})], **BY_HAND),
    Reference("top1", name="formula of Hidasi et al. 2016", function=top1, calls=[SAMPLED, FAR], **BY_HAND),
    Reference("warp", "torch", "formula of Weston et al. 2011", warp,
              [Call(PLACES), Call(PLACES, {"margin": 0.2}), Call({"score": [[50.0, -50.0]], "label": [0]})], ["score"]),
    Reference("wmrb", name="formula of Liu and Natarajan 2017", function=wmrb,
              calls=[Call({**SAMPLED.inputs, "items": 100.0}), Call({**FAR.inputs, "items": 100.0}, {"margin": 0.5})],
              **BY_HAND),
    Reference("cosine_contrastive", name="formula of Mao et al. 2021", function=cosine_contrastive,
              calls=[Call(SHARES), Call(SHARES, {"margin": 0.2, "weight": 3.0})], **BY_HAND),
    Reference("auc_squared_hinge", "libauc", "libauc.losses.PairwiseAUCLoss('squared_hinge')", auc,
              [Call(BINARY), Call(BINARY, {"margin": 0.3})], ["score"]),
    Reference("cosent", "sentence-transformers", "CoSENTLoss", cosent,
              [Call(COSINES), Call(COSINES, {"scale": 3.0}), Call({"cosine": [1.0, -1.0], "similarity": [0.0, 1.0]})],
              ["cosine"]),
])  # fmt: skip
