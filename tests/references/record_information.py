"""References for the family `divergences` from tensorflow_probability, dit and POT."""

from __future__ import annotations

import dit
import jax.numpy as jnp
import numpy as np
import ot
import torch
from dit.divergences import renyi_divergence, tsallis_divergence
from dit.divergences.generalized_divergences import hellinger_sum
from dlordinal.losses import EMDLoss
from recorder import Call, Reference, record
from tensorflow_probability.substrates.jax import vi

draw = np.random.default_rng(47)
P, Q = draw.dirichlet(np.ones(5), size=4), draw.dirichlet(np.ones(5), size=4)
PAIR = {"p": P, "q": Q}
DEVIATIONS = {name: draw.normal(size=(3, 2)) for name in ("mu_a", "mu_b")}
DEVIATIONS |= {name: draw.gamma(2.0, size=(3, 2)) for name in ("sigma_a", "sigma_b")}
DEVIATIONS = {name: DEVIATIONS[name] for name in ("mu_a", "sigma_a", "mu_b", "sigma_b")}


def csiszar(f, after=lambda row: row):
    """The mean over rows of q*f(log(p/q)), summed."""
    return lambda p, q, **hyper: jnp.mean(after(jnp.sum(q * f(jnp.log(p) - jnp.log(q), **hyper), axis=1)))


def distributions(divergence):
    """A divergence of dit, which takes normalised distributions only, so that there are no differences."""

    def value(p, q, **hyper):
        made = [[dit.Distribution([str(k) for k in range(len(row))], row) for row in rows] for rows in (p, q)]
        return np.mean([divergence(a, b, **hyper) for a, b in zip(*made, strict=True)]), {}

    return value


def squared_emd(p, q):
    """The library takes logits, and sums over classes."""
    return EMDLoss(p.shape[1])(p.log(), q) / p.shape[1]


def wasserstein_gaussian(mu_a, sigma_a, mu_b, sigma_b):
    """The library returns the distance."""
    squares = [ot.gaussian.bures_wasserstein_distance(a, b, (s**2).diag(), (t**2).diag()) ** 2
               for a, s, b, t in zip(mu_a, sigma_a, mu_b, sigma_b, strict=True)]  # fmt: skip
    return torch.stack(squares).mean()


def by_tfp(loss, name, function, *hyper):
    calls = [Call(PAIR, h) for h in hyper or ({},)]
    return Reference(loss, "tfp-nightly", f"tensorflow_probability.vi.{name}", function, calls, ["p"], "jax")


def by_dit(loss, name, divergence, *hyper):
    calls = [Call(PAIR, h) for h in hyper or ({},)]
    return Reference(loss, "dit", f"dit.divergences.{name}", distributions(divergence), calls, through="numpy")


def balanced(logu, alpha=0.5):
    """With the linear term that makes the function never negative, for what need not sum to 1."""
    return vi.amari_alpha(logu, alpha, self_normalized=True)


ORDERS = [{"alpha": alpha} for alpha in (0.5, 2.0, 0.1)]
record("information", {"divergences": [
    by_tfp("kl_probabilities", "kl_forward", csiszar(vi.kl_forward)),
    by_tfp("total_variation_distance", "total_variation", csiszar(vi.total_variation)),
    by_tfp("squared_hellinger", "squared_hellinger / 2", csiszar(lambda logu: vi.squared_hellinger(logu) / 2)),
    by_tfp("hellinger", "squared_hellinger, the root of half of it",
           csiszar(lambda logu: vi.squared_hellinger(logu) / 2, jnp.sqrt)),
    by_tfp("chi_square", "pearson", csiszar(vi.pearson)),
    by_tfp("triangular_discrimination", "triangular", csiszar(vi.triangular)),
    by_tfp("alpha_divergence", "amari_alpha(self_normalized=True)", csiszar(balanced), *ORDERS, {"alpha": -1.0}),
    by_dit("renyi", "renyi_divergence, in nats", lambda a, b, alpha=0.5: np.log(2) * renyi_divergence(a, b, alpha), *ORDERS),
    by_dit("tsallis", "tsallis_divergence", lambda a, b, alpha=0.5: tsallis_divergence(a, b, alpha), *ORDERS),
    by_dit("bhattacharyya", "hellinger_sum(alpha=1/2)", lambda a, b: -np.log(hellinger_sum(a, b, 0.5))),
    Reference("squared_emd", "dlordinal", "dlordinal.losses.EMDLoss over the number of classes", squared_emd, [Call(PAIR)],
              note="the library normalises p, so that only values agree"),
    Reference("wasserstein_gaussian", "POT", "ot.gaussian.bures_wasserstein_distance, squared", wasserstein_gaussian,
              [Call(DEVIATIONS)], ["mu_a", "sigma_a"]),
]})  # fmt: skip
