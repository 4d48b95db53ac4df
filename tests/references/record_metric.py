"""References for the family `metric`."""

from __future__ import annotations

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import numpy as np
import optax
import scipy.stats
import torch
import torch.nn.functional as F
from geomloss import SamplesLoss
from pytorch_adapt.layers import CORALLoss, MMDLoss
from pytorch_metric_learning import distances, losses, miners
from pytorch_ood.loss import CenterLoss
from recorder import Call, Reference, record
from sentence_transformers.sentence_transformer import losses as st

draw = np.random.default_rng(5)
X, Y, Z, V = (draw.normal(size=(6, 4)) for _ in range(4))
U = X / np.linalg.norm(X, axis=1, keepdims=True)
EMBEDDED, LABELS = draw.normal(size=(9, 4)), np.array([0, 1, 2, 0, 1, 2, 0, 1, 1])
UNIT = EMBEDDED / np.linalg.norm(EMBEDDED, axis=1, keepdims=True)
LONELY = np.array([0, 0, 1, 2, 2, 3, 0, 2, 2])  # labels 1 and 3 have one example each
TIES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
TIED = np.array([0, 0, 0, 1, 1, 1])
CLASSES = draw.normal(size=(3, 4))
CENTRES = draw.normal(size=(3, 2, 4))
FEW = np.array([0, 2, 2, 0, 0, 2, 0, 2, 0])  # no example of class 1

Z_LABEL = {"z": EMBEDDED, "label": LABELS}
Z_LONELY = {"z": EMBEDDED, "label": LONELY}
Z_W = {"z": EMBEDDED, "w": CLASSES, "label": LABELS}
Z_W_FEW = {"z": EMBEDDED, "w": CLASSES, "label": FEW}
Z_W_ONE = {"z": EMBEDDED[:1], "w": CLASSES, "label": LABELS[:1]}
Z_CENTRES = {"z": EMBEDDED, "w": CENTRES, "label": LABELS}
STRETCHED = {"z": 50 * EMBEDDED, "w": CLASSES, "label": LABELS}

PML = "pytorch-metric-learning"
EUCLID = distances.LpDistance(normalize_embeddings=False)
SQUARED = distances.LpDistance(normalize_embeddings=False, power=2)


def pml(cls, **fixed):
    """A loss on (z, label); `fixed` are constructor arguments."""
    return lambda z, label, **hyper: cls(**fixed, **hyper)(z, label)


def with_classes(cls, parameter="W", rename=None, **fixed):
    """A loss with a weight per class on (z, w, label).

    `parameter` names the library's matrix: "W" and "fc" hold [dimension, classes], "proxies" [classes, dimension];
    `rename` maps hyperparameters to those of the library.
    """

    def call(z, w, label, **hyper):
        options = {key: convert(hyper[name]) for name, (key, convert) in (rename or {}).items() if name in hyper}
        options |= {name: value for name, value in hyper.items() if name not in (rename or {})}
        loss = cls(num_classes=len(w), embedding_size=w.shape[-1], **fixed, **options)
        delattr(loss, parameter)
        rows = w.reshape(-1, w.shape[-1])
        setattr(loss, parameter, (rows if parameter == "proxies" else rows.t()).as_subclass(Kept))
        return loss(z, label)

    return call


class Kept(torch.Tensor):
    """Stands for an nn.Parameter whose `.data` the library assigns to: the tensor stays, with its graph."""

    @property
    def data(self):
        return self

    @data.setter
    def data(self, value):
        pass


def sentence(cls, **fixed):
    return lambda z, label, **hyper: cls(model=None, **fixed, **hyper).compute_loss_from_embeddings([z], label)


def pairs(cls, **fixed):
    return lambda x1, x2, y, **hyper: cls(model=None, **fixed, **hyper).compute_loss_from_embeddings([x1, x2], y)


def euclid(x, y):
    return F.pairwise_distance(x, y, eps=0.0)


def contrastive(x1, x2, same, margin=1.0):
    loss = st.ContrastiveLoss(model=None, distance_metric=euclid, margin=margin)
    return loss.compute_loss_from_embeddings([x1, x2], same)


def triplet_margin(anchor, positive, negative, margin=1.0, eps=1e-6, swap=0, reduction="mean"):
    options = {"margin": margin, "eps": eps, "swap": bool(swap), "reduction": reduction}
    return F.triplet_margin_loss(anchor, positive, negative, **options)


def triplet_squared(anchor, positive, negative, margin=0.2, reduction="mean"):
    return F.triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x, y: ((x - y) ** 2).sum(1),
        margin=margin,
        reduction=reduction,
    )


def mined(miner, **fixed):
    """Triplets of a miner, each with its own hinge; a mean over all of them."""

    def call(z, label, margin=0.2):
        triplets = miner(margin)(z, label)
        return losses.TripletMarginLoss(margin=margin, distance=EUCLID, **fixed)(z, label, triplets)

    return call


def n_pairs(anchor, positive):
    loss = losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))
    number = torch.arange(len(anchor))
    return loss(torch.cat([anchor, positive]), torch.cat([number, number]), (number, number + len(anchor), [], []))


def margin_based(z, label, beta, margin=0.2, nu=0.0):
    loss = losses.MarginLoss(margin=margin, nu=nu, distance=EUCLID)
    loss.beta, loss.learn_beta = beta[None], True
    return loss(z, label).squeeze()


def angular(z, label, alpha=45):
    return losses.AngularLoss(alpha=alpha)(F.normalize(z, dim=1), label)


def tuplet(z, label, slack=0.1, scale=64):
    return losses.TupletMarginLoss(margin=np.degrees(slack), scale=scale)(z, label)


def histogram(z, label, nodes=11):
    return losses.HistogramLoss(n_bins=nodes - 1)(z, label)


def fast_ap(z, label, nodes=11):
    return losses.FastAPLoss(num_bins=nodes - 1)(z, label)


def threshold(z, label, pos_margin=0.9, neg_margin=0.5, pos_weight=1.0, neg_weight=1.0):
    options = {"margin_plus": pos_margin, "margin_minus": neg_margin}
    weights = {"lambda_plus": pos_weight, "lambda_minus": neg_weight}
    return losses.ThresholdConsistentMarginLoss(**options, **weights)(z, label)


def center(z, centre, label):
    loss = CenterLoss(n_classes=len(centre), n_dim=centre.shape[1])
    distance = torch.cdist(z, centre, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    return loss(distance, label) * len(centre) / 2


def multi_kernel(source, target, scale):
    loss = MMDLoss(kernel_scales=scale * 2.0, mmd_type="quadratic", bandwidth=2.0)
    return loss(source, target)


def p2s_grad(z, w, label):
    loss = losses.P2SGradLoss(descriptors_dim=z.shape[1], num_classes=len(w))
    del loss.weight
    loss.weight = (w / w.norm(dim=1, keepdim=True)).t().as_subclass(Kept)
    return loss(z, label)


def optax_triplet(anchor, positive, negative, margin=1.0, eps=0.0, swap=0):
    return optax.losses.triplet_margin_loss(anchor, positive, negative, margin=margin, eps=eps).mean()


def softmin_ratio(anchor, positive, negative):
    """Hoffer and Ailon 2015: the squared norm of (d+, d- - 1)."""
    near = np.exp(np.linalg.norm(anchor - positive, axis=1))
    far = np.exp(np.linalg.norm(anchor - negative, axis=1))
    error = np.stack([near / (near + far), far / (near + far) - 1])
    return np.mean(np.sum(error**2, axis=0)), {}


def quadruplet(anchor, positive, negative, other, margin=1.0, weak=0.5):
    """Chen et al. 2017, with squared Euclidean distances."""
    total = 0.0
    for a, p, n, o in zip(anchor, positive, negative, other, strict=True):
        near, far, apart = np.dot(a - p, a - p), np.dot(a - n, a - n), np.dot(n - o, n - o)
        total += max(0.0, near - far + margin) + max(0.0, near - apart + weak)
    return total / len(anchor), {}


def proxy_nca(z, w, label):
    """Movshovitz-Attias et al. 2017: the proxies of the other classes alone."""
    z, w = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (z, w))
    terms = []
    for vector, own in zip(z, label, strict=True):
        similarity = np.exp([-np.dot(vector - proxy, vector - proxy) for proxy in w])
        terms.append(-np.log(similarity[own] / np.delete(similarity, own).sum()))
    return np.mean(terms), {}


def central_moments(source, target, span=1.0):
    """Zellinger et al. 2017, with five moments."""
    total = np.linalg.norm(source.mean(0) - target.mean(0)) / span
    for order in range(2, 6):
        moments = [scipy.stats.moment(x, order, axis=0) for x in (source, target)]
        total += np.linalg.norm(moments[0] - moments[1]) / span**order
    return total, {}


def szekely(source, target):
    return scipy.stats.energy_distance(source[:, 0], target[:, 0]) ** 2, {}


def gretton(source, target, sigma=1.0):
    return 2 * SamplesLoss("gaussian", blur=sigma, backend="tensorized")(source, target)


ARC = {"margin": ("margin", np.degrees)}
TRIPLET = {"anchor": X, "positive": Y, "negative": Z}

record("metric", [
    Reference("contrastive", "sentence-transformers", "sentence_transformers ContrastiveLoss, Euclidean", contrastive, [
        Call({"x1": X, "x2": Y, "same": [1, 0, 1, 0, 0, 1]}),
        Call({"x1": X, "x2": X + 0.2 * Y, "same": [1, 0, 1, 0, 0, 0]}, {"margin": 0.5}),
        Call({"x1": X[:1], "x2": Y[:1], "same": [0]}, {"margin": 20.0}),
    ], ["x1", "x2"]),
    Reference("cosine_embedding", "torch", "torch.nn.functional.cosine_embedding_loss", F.cosine_embedding_loss, [
        Call({"x1": X, "x2": Y, "y": [1, -1, 1, -1, -1, 1]}),
        Call({"x1": X, "x2": Y, "y": [1, -1, 1, -1, -1, 1]}, {"margin": -0.5}),
        Call({"x1": X[:1], "x2": 50 * X[:1] + Y[:1], "y": [-1]}, {"margin": 0.25}),
    ], ["x1", "x2"]),
    Reference("cosine_embedding", "torch", "torch.nn.functional.cosine_embedding_loss, reduction none",
              lambda x1, x2, y: F.cosine_embedding_loss(x1, x2, y, reduction="none"),
              [Call({"x1": X, "x2": Y, "y": [1, -1, 1, -1, -1, 1]}, reduction="none")], ["x1", "x2"]),
    Reference("cosine_regression", "sentence-transformers", "sentence_transformers CosineSimilarityLoss",
              pairs(st.CosineSimilarityLoss), [
        Call({"x1": X, "x2": Y, "score": [0.5, 0.0, 1.0, -1.0, 0.25, 0.75]}),
        Call({"x1": X[:1], "x2": Y[:1], "score": [0.5]}),
    ], ["x1", "x2"]),
    Reference("triplet_margin", "torch", "torch.nn.functional.triplet_margin_loss", triplet_margin, [
        Call(TRIPLET),
        Call(TRIPLET, {"margin": 3.0, "swap": 1}),
        Call(TRIPLET, {"eps": 0.0, "margin": 0.2}),
        Call({"anchor": X[:1], "positive": X[:1], "negative": X[:1]}),
    ], ["anchor", "positive", "negative"]),
    Reference("triplet_margin", "torch", "torch.nn.functional.triplet_margin_loss, reduction none",
              lambda *triplet: triplet_margin(*triplet, reduction="none"), [Call(TRIPLET, reduction="none")], ["anchor"]),
    Reference("triplet_margin", "optax", "optax.losses.triplet_margin_loss", optax_triplet, [
        Call(TRIPLET, {"eps": 0.0}), Call(TRIPLET, {"eps": 0.0, "margin": 3.0}),
    ], ["anchor", "positive", "negative"], through="jax"),
    Reference("triplet_squared", "torch", "torch.nn.functional.triplet_margin_with_distance_loss", triplet_squared, [
        Call(TRIPLET), Call(TRIPLET, {"margin": 3.0}),
    ], ["anchor", "positive", "negative"]),
    Reference("triplet_ratio", "numpy", "formula of Hoffer and Ailon 2015", softmin_ratio, [
        Call(TRIPLET), Call({"anchor": X[:1], "positive": Y[:1], "negative": Y[:1]}),
    ], ["anchor", "positive", "negative"], through="numpy"),
    Reference("quadruplet", "numpy", "formula of Chen et al. 2017", quadruplet, [
        Call(TRIPLET | {"other": V}), Call(TRIPLET | {"other": V}, {"margin": 3.0, "weak": 1.0}),
    ], ["anchor", "positive", "negative", "other"], through="numpy"),
    Reference("n_pairs", PML, "pytorch_metric_learning.losses.NPairsLoss, not normalised", n_pairs, [
        Call({"anchor": X, "positive": Y}),
        Call({"anchor": 8 * X, "positive": 8 * Y}),
        Call({"anchor": X[:2], "positive": Y[:2]}),
    ], ["anchor", "positive"]),
    Reference("contrastive_batch", PML, "pytorch_metric_learning.losses.ContrastiveLoss, not normalised",
              pml(losses.ContrastiveLoss, distance=EUCLID), [
        Call(Z_LABEL),
        Call(Z_LABEL, {"pos_margin": 0.5, "neg_margin": 2.5}),
        Call(Z_LONELY, {"neg_margin": 3.0}),
    ], ["z"]),
    Reference("contrastive_batch", PML, "pytorch_metric_learning.losses.ContrastiveLoss",
              pml(losses.ContrastiveLoss), [Call({"z": UNIT, "label": LABELS})]),
    Reference("triplet_all", PML, "pytorch_metric_learning.losses.TripletMarginLoss, not normalised",
              lambda z, label, margin=0.2: losses.TripletMarginLoss(margin=margin, distance=EUCLID)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"margin": 3.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("triplet_all", "sentence-transformers", "sentence_transformers BatchAllTripletLoss",
              lambda z, label, margin: sentence(st.BatchAllTripletLoss, margin=margin)(z, label),
              [Call(Z_LABEL, {"margin": 1.0})], ["z"]),
    Reference("triplet_semi_hard", "sentence-transformers", "sentence_transformers BatchSemiHardTripletLoss",
              lambda z, label, margin: sentence(st.BatchSemiHardTripletLoss, margin=margin)(z, label), [
        Call(Z_LABEL, {"margin": 0.2}), Call(Z_LABEL, {"margin": 5.0}), Call(Z_LONELY, {"margin": 1.0}),
    ], ["z"]),
    Reference("triplet_band", PML, "pytorch_metric_learning.miners.TripletMarginMiner and TripletMarginLoss",
              mined(lambda margin: miners.TripletMarginMiner(margin, type_of_triplets="semihard", distance=EUCLID)), [
        Call(Z_LABEL, {"margin": 0.5}), Call(Z_LONELY, {"margin": 2.0}), Call(Z_LABEL, {"margin": 0.0}),
    ], ["z"]),
    Reference("triplet_batch_hard", "sentence-transformers", "sentence_transformers BatchHardTripletLoss",
              lambda z, label, margin: sentence(st.BatchHardTripletLoss, margin=margin)(z, label), [
        Call(Z_LABEL, {"margin": 0.2}), Call(Z_LABEL, {"margin": 5.0}),
    ], ["z"]),
    Reference("triplet_batch_hard", PML, "pytorch_metric_learning.miners.BatchHardMiner and TripletMarginLoss",
              mined(lambda margin: miners.BatchHardMiner(distance=EUCLID)), [Call(Z_LONELY, {"margin": 10.0})], ["z"]),
    Reference("triplet_soft_margin", "sentence-transformers", "sentence_transformers BatchHardSoftMarginTripletLoss",
              sentence(st.BatchHardSoftMarginTripletLoss), [
        Call(Z_LABEL), Call({"z": 20 * EMBEDDED, "label": LABELS}),
    ], ["z"]),
    Reference("triplet_soft_margin", PML, "pytorch_metric_learning BatchHardMiner and TripletMarginLoss(smooth_loss)",
              lambda z, label: losses.TripletMarginLoss(margin=0, smooth_loss=True, distance=EUCLID)(
                  z, label, miners.BatchHardMiner(distance=EUCLID)(z, label)), [Call(Z_LONELY)], ["z"]),
    Reference("lifted_structure", PML, "pytorch_metric_learning.losses.LiftedStructureLoss, not normalised",
              lambda z, label, margin=1.0: losses.LiftedStructureLoss(neg_margin=margin, distance=EUCLID)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"margin": 3.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("generalized_lifted_structure", PML, "GeneralizedLiftedStructureLoss, not normalised",
              lambda z, label, margin=1.0: losses.GeneralizedLiftedStructureLoss(
                  neg_margin=margin, distance=EUCLID)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"margin": 3.0}), Call({"z": TIES, "label": TIED}),
    ], ["z"]),
    Reference("multi_similarity", PML, "pytorch_metric_learning.losses.MultiSimilarityLoss",
              pml(losses.MultiSimilarityLoss), [
        Call(Z_LABEL), Call(Z_LABEL, {"alpha": 0.5, "beta": 5.0, "base": 0.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("circle", PML, "pytorch_metric_learning.losses.CircleLoss", pml(losses.CircleLoss), [
        Call(Z_LABEL), Call(Z_LABEL, {"m": 0.25, "gamma": 256.0}), Call(Z_LONELY, {"gamma": 2.0}),
    ], ["z"]),
    Reference("margin_based", PML, "pytorch_metric_learning.losses.MarginLoss, not normalised", margin_based, [
        Call({"z": UNIT, "label": LABELS, "beta": 1.2}),
        Call({"z": UNIT, "label": LABELS, "beta": 0.9}, {"nu": 0.01, "margin": 0.5}),
        Call(Z_LONELY | {"beta": 1.5}),
    ], ["z", "beta"]),
    Reference("nca", PML, "pytorch_metric_learning.losses.NCALoss, not normalised",
              lambda z, label, scale=1.0: losses.NCALoss(softmax_scale=scale, distance=SQUARED)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"scale": 0.1}), Call(Z_LONELY),
    ], ["z"]),
    Reference("soft_nearest_neighbour", PML, "pytorch_metric_learning.losses.NCALoss, softmax_scale 1/temperature",
              lambda z, label, temperature: losses.NCALoss(
                  softmax_scale=1 / temperature, distance=SQUARED)(z, label), [
        Call(Z_LABEL | {"temperature": 1.0}), Call(Z_LONELY | {"temperature": 10.0}),
    ], ["z", "temperature"]),
    Reference("angular", PML, "pytorch_metric_learning.losses.AngularLoss, of z/|z|", angular, [
        Call(Z_LABEL), Call(Z_LONELY, {"alpha": 40}),
    ], ["z"], note="the library does not normalise the negatives by itself"),
    Reference("tuplet_margin", PML, "pytorch_metric_learning.losses.TupletMarginLoss", tuplet, [
        Call(Z_LABEL), Call(Z_LABEL, {"slack": 0.5, "scale": 4.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("intra_pair_variance", PML, "pytorch_metric_learning.losses.IntraPairVarianceLoss",
              pml(losses.IntraPairVarianceLoss), [
        Call(Z_LABEL), Call(Z_LONELY, {"pos_eps": 0.1, "neg_eps": 0.5}),
    ], ["z"]),
    Reference("snr_contrastive", PML, "SignalToNoiseRatioContrastiveLoss, not normalised",
              pml(losses.SignalToNoiseRatioContrastiveLoss, distance=distances.SNRDistance(normalize_embeddings=False)), [
        Call(Z_LABEL), Call(Z_LABEL, {"pos_margin": 0.5, "neg_margin": 2.5}),
    ], ["z"]),
    Reference("threshold_consistent_margin", PML, "ThresholdConsistentMarginLoss", threshold, [
        Call(Z_LABEL), Call(Z_LONELY, {"pos_margin": 0.2, "neg_margin": 0.0, "pos_weight": 2.0, "neg_weight": 0.5}),
    ], ["z"]),
    Reference("histogram", PML, "pytorch_metric_learning.losses.HistogramLoss", histogram, [
        Call(Z_LABEL), Call(Z_LABEL, {"nodes": 101}),
    ], ["z"]),
    Reference("fast_ap", PML, "pytorch_metric_learning.losses.FastAPLoss", fast_ap, [
        Call(Z_LABEL), Call(Z_LABEL, {"nodes": 5}), Call(Z_LONELY),
    ], ["z"]),
    Reference("smooth_ap", PML, "pytorch_metric_learning.losses.SmoothAPLoss",
              lambda z, label, temperature=0.01: losses.SmoothAPLoss(temperature=temperature)(z, label), [
        Call({"z": EMBEDDED, "label": [0, 0, 0, 1, 1, 1, 2, 2, 2]}),
        Call({"z": EMBEDDED, "label": [0, 0, 0, 1, 1, 1, 2, 2, 2]}, {"temperature": 0.2}),
    ], ["z"]),
    Reference("proxy_nca", "numpy", "formula of Movshovitz-Attias et al. 2017", proxy_nca, [
        Call(Z_W), Call(Z_W_FEW), Call(Z_W_ONE),
    ], ["z", "w"], through="numpy"),
    Reference("proxy_nca_pp", PML, "pytorch_metric_learning.losses.ProxyNCALoss",
              with_classes(losses.ProxyNCALoss, "proxies", {"scale": ("softmax_scale", float)}), [
        Call(Z_W, {"scale": 9.0}), Call(Z_W_FEW, {"scale": 1.0}),
    ], ["z", "w"]),
    Reference("proxy_anchor", PML, "pytorch_metric_learning.losses.ProxyAnchorLoss",
              with_classes(losses.ProxyAnchorLoss, "proxies"), [
        Call(Z_W), Call(Z_W_FEW, {"margin": 0.3, "alpha": 4.0}), Call(Z_W_ONE),
    ], ["z", "w"]),
    Reference("soft_triple", PML, "pytorch_metric_learning.losses.SoftTripleLoss",
              with_classes(losses.SoftTripleLoss, "fc", {"scale": ("la", float)}, centers_per_class=2), [
        Call(Z_CENTRES), Call(Z_CENTRES, {"scale": 2.0, "gamma": 1.0, "margin": 0.2}),
    ], ["z", "w"]),
    Reference("normalized_softmax", PML, "pytorch_metric_learning.losses.NormalizedSoftmaxLoss",
              with_classes(losses.NormalizedSoftmaxLoss), [
        Call(Z_W), Call(Z_W_FEW, {"temperature": 1.0}), Call(Z_W_ONE),
    ], ["z", "w"]),
    Reference("large_margin_softmax", PML, "pytorch_metric_learning.losses.LargeMarginSoftmaxLoss",
              with_classes(losses.LargeMarginSoftmaxLoss, rename={"m": ("margin", int)}), [
        Call(Z_W), Call(Z_W_FEW, {"m": 3}), Call(Z_W, {"m": 1}), Call(STRETCHED),
    ], ["z", "w"]),
    Reference("sphereface", PML, "pytorch_metric_learning.losses.SphereFaceLoss",
              with_classes(losses.SphereFaceLoss, rename={"m": ("margin", int)}), [
        Call(Z_W), Call(Z_W_FEW, {"m": 2}), Call(STRETCHED),
    ], ["z", "w"]),
    Reference("cosface", PML, "pytorch_metric_learning.losses.CosFaceLoss", with_classes(losses.CosFaceLoss), [
        Call(Z_W), Call(Z_W_FEW, {"margin": 0.1, "scale": 4.0}), Call(Z_W_ONE),
    ], ["z", "w"]),
    Reference("am_softmax", PML, "pytorch_metric_learning.losses.CosFaceLoss", with_classes(losses.CosFaceLoss), [
        Call(Z_W, {"margin": 0.35, "scale": 30.0}),
    ], ["z", "w"]),
    Reference("arcface", PML, "pytorch_metric_learning.losses.ArcFaceLoss",
              with_classes(losses.ArcFaceLoss, rename=ARC), [
        Call(Z_W, {"margin": 0.5}), Call(Z_W_FEW, {"margin": 1.5, "scale": 4.0}), Call(Z_W_ONE, {"margin": 0.0}),
    ], ["z", "w"]),
    Reference("subcenter_arcface", PML, "pytorch_metric_learning.losses.SubCenterArcFaceLoss",
              with_classes(losses.SubCenterArcFaceLoss, rename=ARC, sub_centers=2), [
        Call(Z_CENTRES, {"margin": 0.5}), Call(Z_CENTRES, {"margin": 1.5, "scale": 4.0}),
    ], ["z", "w"]),
    Reference("p2s_grad", PML, "pytorch_metric_learning.losses.P2SGradLoss", p2s_grad, [
        Call(Z_W), Call(Z_W_ONE),
    ], ["z", "w"]),
    Reference("center_loss", "pytorch-ood", "pytorch_ood.loss.CenterLoss, times classes/2", center, [
        Call({"z": EMBEDDED, "centre": CLASSES, "label": LABELS}),
        Call({"z": EMBEDDED[:1], "centre": CLASSES, "label": [1]}),
    ], ["z", "centre"]),
    Reference("mmd", "geomloss", "2*geomloss.SamplesLoss('gaussian', blur=sigma)", gretton, [
        Call({"source": X, "target": EMBEDDED}), Call({"source": X, "target": EMBEDDED}, {"sigma": 3.0}),
        Call({"source": X[:1], "target": Y[:1]}),
    ], ["source", "target"]),
    Reference("multi_kernel_mmd", "pytorch-adapt", "pytorch_adapt.layers.MMDLoss, quadratic", multi_kernel, [
        Call({"source": X, "target": EMBEDDED, "scale": [0.25, 0.5, 1.0]}),
        Call({"source": X[:2], "target": Y[:2], "scale": [0.5, 2.0]}),
    ], ["source", "target"]),
    Reference("energy_distance", "scipy", "scipy.stats.energy_distance, squared, in one dimension", szekely, [
        Call({"source": X[:, :1], "target": EMBEDDED[:, :1]}), Call({"source": [[1.0]], "target": [[3.0]]}),
    ], ["source", "target"], through="numpy"),
    Reference("deep_coral", "pytorch-adapt", "pytorch_adapt.layers.CORALLoss", CORALLoss(), [
        Call({"source": X, "target": EMBEDDED}), Call({"source": X[:2], "target": 50 * Y[:2]}),
    ], ["source", "target"]),
    Reference("central_moment_discrepancy", "numpy", "formula of Zellinger et al. 2017, by scipy.stats.moment",
              central_moments, [
        Call({"source": X, "target": EMBEDDED}), Call({"source": X, "target": EMBEDDED}, {"span": 2.0}),
    ], ["source", "target"], through="numpy"),
])  # fmt: skip
