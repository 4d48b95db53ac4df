"""References for the family `self_supervision`."""

from __future__ import annotations

from types import SimpleNamespace

import cpu_torchvision  # noqa: F401  (before the libraries that import torchvision)
import monai.losses
import numpy as np
import open_clip.loss
import optax
import scipy.spatial
import scipy.stats
import torch
import torch.nn.functional as F
from info_nce import InfoNCE
from lightly import loss as lightly
from lightly.loss.hypersphere_loss import HypersphereLoss
from pytorch_metric_learning import losses
from recorder import Call, Reference, record
from sentence_transformers.sentence_transformer import losses as st
from transformers.models.clip.modeling_clip import image_text_contrastive_loss
from transformers.models.vit_mae.modeling_vit_mae import ViTMAEForPreTraining

draw = np.random.default_rng(6)
X, Y, P, Q = (draw.normal(size=(6, 4)) for _ in range(4))
QUEUE, PROTOTYPES, SQUARE = draw.normal(size=(5, 4)), draw.normal(size=(3, 4)), draw.normal(size=(5, 5))
EMBEDDED, LABELS = draw.normal(size=(9, 4)), np.array([0, 1, 2, 0, 1, 2, 0, 1, 1])
LONELY = np.array([0, 0, 1, 2, 2, 3, 0, 2, 2])  # labels 1 and 3 have one example each
S1, S2 = (np.tanh(draw.normal(size=(6, 3))) for _ in range(2))

VIEWS = {"z1": X, "z2": Y}
NEAR = {"z1": X, "z2": X + 0.01 * Y}
ONE = {"z1": X[:1], "z2": Y[:1]}
TWO = {"z1": X[:2], "z2": 50 * Y[:2]}
Z_LABEL, Z_LONELY = {"z": EMBEDDED, "label": LABELS}, {"z": EMBEDDED, "label": LONELY}

PML = "pytorch-metric-learning"


def views(cls, **names):
    """A library's loss of two views; `names` maps hyperparameters to those of the library."""
    return lambda z1, z2, **hyper: cls(**{names.get(key, key): value for key, value in hyper.items()})(z1, z2)


def ranking(query, key, temperature=0.1):
    loss = st.MultipleNegativesRankingLoss(model=None, scale=1 / temperature)
    return loss.compute_loss_from_embeddings([query, key], None)


def moco(query, key, queue, temperature=0.07):
    return InfoNCE(temperature, negative_mode="unpaired")(query, key.detach(), queue)


def moco_bank(query, key, queue, temperature=0.07):
    loss = lightly.NTXentLoss(temperature, memory_bank_size=(len(queue), queue.shape[1]))
    loss.memory_bank.bank = F.normalize(queue, dim=1)
    return loss(query, key.detach())


def nnclr(prediction, z, queue, temperature=0.1):
    bank = F.normalize(queue, dim=1)
    friend = bank[(F.normalize(z, dim=1) @ bank.t()).argmax(1)]
    return InfoNCE(temperature)(friend, prediction)


def clip(image, text, log_scale):
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    return open_clip.loss.ClipLoss()(image, text, log_scale.exp())


def clip_transformers(image, text, log_scale):
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    return image_text_contrastive_loss(text @ image.t() * log_scale.exp())


def siglip(image, text, log_scale, bias):
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    return open_clip.loss.SigLipLoss()(image, text, log_scale.exp(), bias)


def simsiam(p1, p2, z1, z2):
    loss = lightly.NegativeCosineSimilarity()
    return (loss(p1, z2.detach()) + loss(p2, z1.detach())) / 2


def byol(online, target):
    return 2 + 2 * lightly.NegativeCosineSimilarity()(online, target)


def tico(z1, z2, past, beta=0.9, rho=8.0):
    loss = lightly.TiCoLoss(beta, rho)
    loss.C = past
    return loss(z1, z2)


def barlow_lightly(z1, z2, lambda_=5e-3):
    return lightly.BarlowTwinsLoss(lambda_param=lambda_)(z1, z2)


def vicreg(z1, z2, lambda_=25.0, mu=25.0, nu=1.0, eps=1e-4):
    return lightly.VICRegLoss(lambda_, mu, nu, eps=eps)(z1, z2)


def vicreg_pml(z1, z2, lambda_=25.0, mu=25.0, nu=1.0, eps=1e-4):
    return losses.VICRegLoss(lambda_, mu, nu, eps)(z1, ref_emb=z2)


def frossl(z1, z2, weight=1.0):
    return lightly.FroSSLLoss(weight)([z1, z2])


def dino(student, teacher, centre=None, student_temp=0.1, teacher_temp=0.04):
    loss = lightly.DINOLoss(student.shape[1], teacher_temp=teacher_temp, student_temp=student_temp)
    if centre is not None:
        loss.center = centre[None, None]
    unused = torch.zeros_like(student)
    return loss([teacher], [unused, student])


def swav(score1, score2, temperature=0.1, eps=0.05):
    return lightly.SwaVLoss(temperature, sinkhorn_epsilon=eps)([score1, score2], []).squeeze()


def msn(anchor, w, target, temperature=0.1, sharpen=0.25, weight=1.0):
    loss = lightly.MSNLoss(temperature, sinkhorn_iterations=0, regularization_weight=weight)
    return loss(anchor, target, w, target_sharpen_temperature=sharpen)


def ressl(student, teacher, queue, student_temp=0.1, teacher_temp=0.04):
    """Zheng et al. 2021, with torch.nn.functional."""
    student, teacher, queue = (F.normalize(x, dim=1) for x in (student, teacher, queue))
    target = F.softmax(teacher @ queue.t() / teacher_temp, dim=1)
    return F.cross_entropy(student @ queue.t() / student_temp, target)


def masked_autoencoder(pred, patch, masked):
    """Patches of 2 x 2 in images of one channel, put together as the model takes them apart."""
    side = int(patch.shape[1] ** 0.5)
    image = patch.reshape(-1, side, side, 2, 2).permute(0, 1, 3, 2, 4).reshape(-1, 1, 2 * side, 2 * side)
    encoded = SimpleNamespace(
        last_hidden_state=None, ids_restore=None, mask=masked, hidden_states=None, attentions=None
    )
    model = SimpleNamespace(
        config=SimpleNamespace(norm_pix_loss=True, patch_size=2, num_channels=1, return_dict=True),
        vit=lambda *args, **options: encoded,
        decoder=lambda *args, **options: SimpleNamespace(logits=pred),
    )
    model.patchify = lambda *args, **options: ViTMAEForPreTraining.patchify(model, *args, **options)
    return ViTMAEForPreTraining.forward(model, image).loss


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax_pairs(z1, z2):
    """Cosines of the 2N views, and the place of each view's partner."""
    z = unit(np.concatenate([z1, z2]))
    return z @ z.T, np.roll(np.arange(len(z)), len(z1))


def sup_con_in(z, label, temperature=0.1):
    """Khosla et al. 2020."""
    similarity = np.exp(unit(z) @ unit(z).T / temperature)
    np.fill_diagonal(similarity, 0.0)
    same = (label[:, None] == label) & ~np.eye(len(z), dtype=bool)
    kept = same.any(1)
    share = (similarity * same).sum(1)[kept] / same.sum(1)[kept]
    return np.mean(-np.log(share / similarity.sum(1)[kept])), {}


def debiased(z1, z2, temperature=0.5, tau=0.1):
    """Chuang et al. 2020, with one positive."""
    cosine, partner = softmax_pairs(z1, z2)
    negatives = len(cosine) - 2
    terms = []
    for row, own in enumerate(partner):
        others = [np.exp(cosine[row, k] / temperature) for k in range(len(cosine)) if k not in (row, own)]
        positive = np.exp(cosine[row, own] / temperature)
        estimate = (np.mean(others) - tau * positive) / (1 - tau)
        estimate = max(estimate, np.exp(-1 / temperature))
        terms.append(-np.log(positive / (positive + negatives * estimate)))
    return np.mean(terms), {}


def rince(z1, z2, temperature=0.5, q=0.5, share=0.01):
    """Chuang et al. 2022."""
    score = np.exp(unit(z1) @ unit(z2).T / temperature)
    return np.mean(-(np.diag(score) ** q) / q + (share * score.sum(1)) ** q / q), {}


def spectral(z1, z2):
    """HaoChen et al. 2021, over the pairs of a batch."""
    products = z1 @ z2.T
    off = products[~np.eye(len(z1), dtype=bool)]
    return np.mean(off**2) - 2 * np.trace(products) / len(z1), {}


def uniformity(z, t=2.0):
    """Wang and Isola 2020, with the distances of scipy."""
    return np.log(np.mean(np.exp(-t * scipy.spatial.distance.pdist(unit(z), "sqeuclidean")))), {}


def alignment(z1, z2, alpha=2.0):
    return np.mean(np.linalg.norm(unit(z1) - unit(z2), axis=1) ** alpha), {}


def off_diagonal(score):
    return score[~np.eye(len(score), dtype=bool)]


def donsker_varadhan(score):
    """Belghazi et al. 2018, on one batch."""
    return -(np.trace(score) / len(score) - np.log(np.mean(np.exp(off_diagonal(score))))), {}


def nguyen(score):
    """Nowozin et al. 2016 (KL): E[T] - E[exp(T - 1)]."""
    return -(np.trace(score) / len(score) - np.mean(np.exp(off_diagonal(score) - 1))), {}


def infomax(score):
    """Hjelm et al. 2019, by the logistic distribution."""
    joint = -scipy.stats.logistic.logcdf(np.diag(score))
    return np.mean(joint) - np.mean(scipy.stats.logistic.logsf(off_diagonal(score))), {}


record("self_supervision", [
    Reference("info_nce", "info-nce-pytorch", "info_nce.InfoNCE",
              lambda query, key, **hyper: InfoNCE(**hyper)(query, key), [
        Call({"query": X, "key": Y}), Call({"query": X, "key": 50 * X + Y}, {"temperature": 1.0}),
        Call({"query": X[:1], "key": Y[:1]}),
    ], ["query", "key"]),
    Reference("info_nce", "info-nce-pytorch", "info_nce.InfoNCE, reduction none",
              lambda query, key: InfoNCE(reduction="none")(query, key),
              [Call({"query": X, "key": Y}, reduction="none")], ["query", "key"]),
    Reference("info_nce", "sentence-transformers", "sentence_transformers MultipleNegativesRankingLoss", ranking, [
        Call({"query": X, "key": Y}, {"temperature": 0.05}),
    ], ["query", "key"]),
    Reference("moco", "info-nce-pytorch", "info_nce.InfoNCE, negative keys", moco, [
        Call({"query": X, "key": Y, "queue": QUEUE}), Call({"query": X[:1], "key": X[:1], "queue": QUEUE}),
    ], ["query", "key"]),
    Reference("moco", "lightly", "lightly.loss.NTXentLoss, memory bank", moco_bank, [
        Call({"query": X, "key": Y, "queue": QUEUE}, {"temperature": 0.2}),
    ]),
    Reference("nnclr", "info-nce-pytorch", "info_nce.InfoNCE from the nearest neighbours", nnclr, [
        Call({"prediction": X, "z": Y, "queue": QUEUE}),
        Call({"prediction": X, "z": Y, "queue": QUEUE[:1]}, {"temperature": 0.5}),
    ], ["prediction"]),
    Reference("nt_xent", "lightly", "lightly.loss.NTXentLoss", views(lightly.NTXentLoss), [
        Call(VIEWS), Call(NEAR, {"temperature": 0.05}), Call(ONE), Call(TWO),
    ], ["z1", "z2"]),
    Reference("nt_xent", "monai", "monai.losses.ContrastiveLoss", views(monai.losses.ContrastiveLoss), [
        Call(VIEWS, {"temperature": 0.25}),
    ], ["z1", "z2"]),
    Reference("nt_xent_labels", PML, "pytorch_metric_learning.losses.NTXentLoss",
              lambda z, label, **hyper: losses.NTXentLoss(**hyper)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"temperature": 1.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("nt_xent_labels", "optax", "optax.losses.ntxent",
              lambda z, label, temperature: optax.losses.ntxent(z, label, temperature), [
        Call(Z_LABEL, {"temperature": 0.5}),
    ], ["z"], through="jax"),
    Reference("sup_con", PML, "pytorch_metric_learning.losses.SupConLoss",
              lambda z, label, **hyper: losses.SupConLoss(**hyper)(z, label), [
        Call(Z_LABEL), Call(Z_LABEL, {"temperature": 1.0}), Call(Z_LONELY),
    ], ["z"]),
    Reference("sup_con_in", "numpy", "formula of Khosla et al. 2020", sup_con_in, [
        Call(Z_LABEL), Call(Z_LONELY, {"temperature": 1.0}),
    ], ["z"], through="numpy"),
    Reference("clip_loss", "open-clip-torch", "open_clip.loss.ClipLoss", clip, [
        Call({"image": X, "text": Y, "log_scale": 2.6592600369}), Call({"image": X, "text": X, "log_scale": 4.5}),
        Call({"image": X[:1], "text": Y[:1], "log_scale": 0.0}),
    ], ["image", "text", "log_scale"]),
    Reference("clip_loss", "transformers", "transformers.models.clip.modeling_clip.image_text_contrastive_loss", clip_transformers, [
        Call({"image": X, "text": Y, "log_scale": 1.0}),
    ], ["image", "text", "log_scale"]),
    Reference("siglip", "open-clip-torch", "open_clip.loss.SigLipLoss", siglip, [
        Call({"image": X, "text": Y, "log_scale": 2.302585093, "bias": -10.0}),
        Call({"image": X, "text": X, "log_scale": 4.0, "bias": 0.0}),
        Call({"image": X[:1], "text": Y[:1], "log_scale": 0.0, "bias": -1.0}),
    ], ["image", "text", "log_scale", "bias"]),
    Reference("dcl", "lightly", "lightly.loss.DCLLoss", views(lightly.DCLLoss), [
        Call(VIEWS), Call(NEAR, {"temperature": 0.5}), Call(TWO),
    ], ["z1", "z2"]),
    Reference("dclw", "lightly", "lightly.loss.DCLWLoss", views(lightly.DCLWLoss), [
        Call(VIEWS), Call(NEAR, {"temperature": 0.5, "sigma": 0.25}), Call(TWO),
    ], ["z1", "z2"]),
    Reference("macl", "lightly", "lightly.loss.MACLLoss", views(lightly.MACLLoss, start="A_0"), [
        Call(VIEWS), Call(VIEWS, {"temperature": 0.5, "alpha": 0.25, "start": 0.5}),
    ], ["z1", "z2"], tolerance=1e-6, note="the library adds 1e-8 to 1 - p, here as small as 0.05"),
    Reference("debiased_contrastive", "numpy", "formula of Chuang et al. 2020", debiased, [
        Call(VIEWS), Call(NEAR, {"tau": 0.5}), Call(VIEWS, {"tau": 0.0, "temperature": 1.0}),
    ], through="numpy"),
    Reference("debiased_contrastive", "lightly", "lightly.loss.NTXentLoss, tau 0",
              lambda z1, z2, tau, temperature: lightly.NTXentLoss(temperature)(z1, z2), [
        Call(VIEWS, {"tau": 0.0, "temperature": 1.0}),
    ], ["z1", "z2"]),
    Reference("rince", "numpy", "formula of Chuang et al. 2022", rince, [
        Call(VIEWS), Call(NEAR, {"q": 1.0, "share": 0.5}), Call(ONE, {"temperature": 0.1}),
    ], ["z1", "z2"], through="numpy"),
    Reference("spectral_contrastive", "numpy", "formula of HaoChen et al. 2021", spectral, [
        Call(VIEWS), Call(TWO),
    ], ["z1", "z2"], through="numpy"),
    Reference("alignment", "numpy", "formula of Wang and Isola 2020", alignment, [
        Call(VIEWS), Call(VIEWS, {"alpha": 1.0}), Call(ONE),
    ], through="numpy"),
    Reference("alignment", "lightly", "lightly.loss.HypersphereLoss, lam 0",
              lambda z1, z2, **hyper: HypersphereLoss(lam=0.0, **hyper)(z1, z2), [
        Call(VIEWS), Call(NEAR, {"alpha": 3.0}),
    ], ["z1", "z2"]),
    Reference("uniformity", "numpy", "formula of Wang and Isola 2020, by scipy.spatial.distance.pdist", uniformity, [
        Call({"z": X}), Call({"z": X[:2]}, {"t": 0.5}),
    ], ["z"], through="numpy"),
    Reference("hypersphere", "lightly", "lightly.loss.HypersphereLoss", views(HypersphereLoss), [
        Call(VIEWS), Call(NEAR, {"t": 2.0, "lam": 0.5, "alpha": 3.0}), Call(TWO),
    ], ["z1", "z2"]),
    Reference("koleo", "lightly", "lightly.loss.KoLeoLoss", lambda z, **hyper: lightly.KoLeoLoss(**hyper)(z), [
        Call({"z": X}), Call({"z": EMBEDDED}, {"eps": 1e-3}), Call({"z": [[1.0, 0.0], [50.0, 1.0]]}),
    ], ["z"]),
    Reference("byol", "lightly", "2 + 2*lightly.loss.NegativeCosineSimilarity", byol, [
        Call({"online": X, "target": Y}), Call({"online": X[:1], "target": 50 * X[:1] + Y[:1]}),
    ], ["online"]),
    Reference("simsiam", "lightly", "lightly.loss.NegativeCosineSimilarity, both ways", simsiam, [
        Call({"p1": P, "p2": Q, "z1": X, "z2": Y}), Call({"p1": P[:1], "p2": Q[:1], "z1": X[:1], "z2": Y[:1]}),
    ], ["p1", "p2", "z1", "z2"]),
    Reference("tico", "lightly", "lightly.loss.TiCoLoss", tico, [
        Call(VIEWS | {"past": np.zeros((4, 4))}),
        Call(VIEWS | {"past": QUEUE.T @ QUEUE / 5}, {"beta": 0.5, "rho": 20.0}),
    ], ["z1", "z2"]),
    Reference("barlow_twins", "lightly", "lightly.loss.BarlowTwinsLoss", barlow_lightly, [
        Call(VIEWS), Call(NEAR, {"lambda_": 0.5}), Call(TWO),
    ], ["z1", "z2"]),
    Reference("vicreg", "lightly", "lightly.loss.VICRegLoss", vicreg, [
        Call(VIEWS), Call(NEAR, {"lambda_": 1.0, "mu": 10.0, "nu": 2.0, "eps": 0.01}), Call(TWO),
    ], ["z1", "z2"]),
    Reference("vicreg", PML, "pytorch_metric_learning.losses.VICRegLoss", vicreg_pml, [Call(VIEWS)], ["z1", "z2"]),
    Reference("frossl", "lightly", "lightly.loss.FroSSLLoss", frossl, [
        Call(VIEWS), Call(NEAR, {"weight": 2.0}), Call(ONE),
    ], ["z1", "z2"]),
    Reference("dino", "lightly", "lightly.loss.DINOLoss, one pair of views", dino, [
        Call({"student": X, "teacher": Y}, {"teacher_temp": 0.0625}),
        Call({"student": X, "teacher": Y, "centre": PROTOTYPES[0]}, {"teacher_temp": 0.5, "student_temp": 1.0}),
    ], ["student"]),
    Reference("swav", "lightly", "lightly.loss.SwaVLoss, two views", swav, [
        Call({"score1": S1, "score2": S2}), Call({"score1": S1, "score2": S2}, {"temperature": 1.0, "eps": 0.5}),
        Call({"score1": S1[:1], "score2": S2[:1]}),
    ], ["score1", "score2"]),
    Reference("msn", "lightly", "lightly.loss.MSNLoss, no Sinkhorn iterations", msn, [
        Call({"anchor": X, "w": PROTOTYPES, "target": Y}),
        Call({"anchor": X, "w": PROTOTYPES, "target": Y}, {"temperature": 1.0, "sharpen": 0.5, "weight": 3.0}),
    ], ["anchor", "w"]),
    Reference("ressl", "torch", "formula of Zheng et al. 2021, by torch.nn.functional.cross_entropy", ressl, [
        Call({"student": X, "teacher": Y, "queue": QUEUE}),
        Call({"student": X[:1], "teacher": Y[:1], "queue": QUEUE}, {"student_temp": 1.0, "teacher_temp": 0.5}),
    ], ["student"]),
    Reference("masked_autoencoder", "transformers", "transformers.ViTMAEForPreTraining, norm_pix_loss", masked_autoencoder, [
        Call({"pred": draw.normal(size=(2, 4, 4)), "patch": draw.normal(size=(2, 4, 4)),
              "masked": [[1, 0, 1, 1], [0, 0, 1, 0]]}),
    ], ["pred"]),
    Reference("mine", "numpy", "formula of Belghazi et al. 2018", donsker_varadhan, [
        Call({"score": SQUARE}), Call({"score": 50 * SQUARE}, smooth=False),
    ], ["score"], through="numpy"),
    Reference("nwj", "numpy", "formula of Nguyen et al. 2010 in Nowozin et al. 2016", nguyen, [
        Call({"score": SQUARE}), Call({"score": SQUARE[:2, :2]}),
    ], ["score"], through="numpy"),
    Reference("deep_infomax", "numpy", "formula of Hjelm et al. 2019", infomax, [
        Call({"score": SQUARE}), Call({"score": 50 * SQUARE}, smooth=False),
    ], ["score"], through="numpy"),
])  # fmt: skip
