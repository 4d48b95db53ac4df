"""References for the family `regression`."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import cpu_torchvision  # noqa: F401
import keras
import numpy as np
import optax
import rlax
import scipy.special
import scipy.stats
import scoringrules
import statsmodels.api
import torch
import torch.distributions as D
import torch.nn.functional as F
import torchmetrics.functional as M
from kornia.losses import charbonnier_loss
from recorder import Call, Reference, record
from sklearn import metrics
from sklearn._loss.loss import HalfBinomialLoss, HalfPoissonLoss, HalfTweedieLoss, HuberLoss, PinballLoss
from sklearn.linear_model._sgd_fast import EpsilonInsensitive, SquaredEpsilonInsensitive

keras.config.set_floatx("float64")
KERAS = "Keras rounds constants and some intermediate values to float32"
warnings.simplefilter("ignore")


def neuralforecast_losses():
    """neuralforecast.losses.pytorch, without the rest of the package, which needs ray."""
    package = types.ModuleType("neuralforecast")
    package.__path__ = importlib.util.find_spec("neuralforecast").submodule_search_locations
    sys.modules["neuralforecast"] = package
    return importlib.import_module("neuralforecast.losses.pytorch")


NF = neuralforecast_losses()

draw = np.random.default_rng(1)
PRED, TARGET = draw.normal(size=(3, 4)), draw.normal(size=(3, 4))
POSITIVE, AMOUNT = draw.gamma(2.0, size=(3, 4)), draw.gamma(2.0, size=(3, 4))
SCALE, SHAPE = draw.uniform(0.3, 3.0, size=(3, 4)), draw.uniform(0.5, 4.0, size=(3, 4))
COUNT = draw.poisson(2.0, size=(3, 4))
PROPORTION = draw.uniform(0.1, 0.9, size=(3, 4))
FRACTION = draw.uniform(0.02, 0.98, size=(3, 4))
FAR = {"pred": [50.0, -1e3, 1e-9], "target": [-50.0, 1e3, 0.0]}
ONE = {"pred": [2.0], "target": [-1.0]}
PAIR = {"pred": PRED, "target": TARGET}
PAIRS = [Call(PAIR), Call(ONE), Call(FAR, reduction="sum"), Call(PAIR, reduction="none")]


def reduced(function):
    """The calls PAIRS, each with the reduction of the library itself."""
    return {r: lambda pred, target, r=r, **hyper: function(pred, target, reduction=r, **hyper)
            for r in ("mean", "sum", "none")}  # fmt: skip


def torch_pairs(loss, name, function, hyper=()):
    """A loss of torch with a `reduction`: one reference for each."""
    by = reduced(function)
    cases = {"mean": [Call(PAIR), Call(ONE), *(Call(PAIR, dict(h)) for h in hyper)],
             "sum": [Call(FAR, reduction="sum")],
             "none": [Call(PAIR, reduction="none")]}  # fmt: skip
    return [Reference(loss, "torch", name, by[r], calls, ["pred"]) for r, calls in cases.items()]


def mean(function):
    return lambda *arguments, **hyper: function(*arguments, **hyper).mean()


def swapped(function):
    """Libraries that take the target first."""
    return lambda pred, target, **hyper: function(target, pred, **hyper)


def by_element(loss, **options):
    """A loss of scikit-learn's boosting: value and gradient for each element of 1-D arrays."""

    def function(raw, y, **hyper):
        made = loss(sample_weight=None, **{options.get(k, k): v for k, v in hyper.items()})
        value = made.loss(y_true=np.asarray(y, float), raw_prediction=raw)
        return value, made.gradient(y_true=np.asarray(y, float), raw_prediction=raw)

    return function


def half(loss, name, factor=1.0, **options):
    """That loss with reduction "none", the gradient under the name of the prediction."""

    def function(raw, y, **hyper):
        value, gradient = by_element(loss, **options)(raw, y, **hyper)
        return factor * value, {name: factor * gradient}

    return function


def sgd(loss):
    def function(pred, target, epsilon=0.1):
        made = loss(epsilon)
        value = [made.py_loss(p, y) for p, y in zip(pred, target, strict=True)]
        return np.array(value), {"pred": np.array([made.py_dloss(p, y) for p, y in zip(pred, target, strict=True)])}

    return function


def nll(distribution):
    """Minus the mean logarithm of a density of torch; the target comes last."""
    return lambda *arguments: -distribution(*arguments[:-1]).log_prob(arguments[-1]).mean()


def bare(function):
    """A function of NumPy without gradients."""
    return lambda *arguments, **hyper: (function(*arguments, **hyper), {})


def scored(function, **options):
    """A score of scoringrules on torch tensors; the observation comes last here and first there."""
    return lambda *arguments, **hyper: function(
        arguments[-1], *arguments[:-1], backend="torch", **options, **hyper
    ).mean()


def flat(*names_and_arrays, **hyper):
    return Call({n: np.ravel(a) for n, a in names_and_arrays}, hyper, reduction="none")


def r1(values):
    return np.ravel(values)


FLAT = {name: r1(array) for name, array in PAIR.items()}

DISTANCES = [
    *torch_pairs("mse", "torch.nn.functional.mse_loss", F.mse_loss),
    Reference("mse", "optax", "optax.losses.squared_error", mean(optax.losses.squared_error), PAIRS[:2], ["pred"], "jax"),
    Reference("rmse", "scikit-learn", "sklearn.metrics.root_mean_squared_error",
              bare(swapped(metrics.root_mean_squared_error)),
              [Call(FLAT), Call(ONE)], through="numpy"),
    Reference("rmse", "torchmetrics", "torchmetrics.functional.mean_squared_error(squared=False)",
              lambda pred, target: M.mean_squared_error(pred, target, squared=False),
              [Call(FLAT), Call(ONE), Call(FAR)], ["pred"]),
    *torch_pairs("mae", "torch.nn.functional.l1_loss", F.l1_loss),
    Reference("lp_error", "torchmetrics", "torchmetrics.functional.minkowski_distance, to the power p, over n",
              lambda pred, target, p=1.5: M.minkowski_distance(pred, target, p)**p / pred.numel(),
              [Call(FLAT), Call(ONE, {"p": 3.0}), Call(FAR, {"p": 2.5})], ["pred"]),
    *torch_pairs("huber", "torch.nn.functional.huber_loss", F.huber_loss, [{"delta": 0.3}, {"delta": 5.0}]),
    Reference("huber", "optax", "optax.losses.huber_loss", mean(optax.losses.huber_loss),
              [Call(PAIR, {"delta": 0.7}), Call(FAR)], ["pred"], "jax"),
    Reference("huber", "scikit-learn", "sklearn._loss.HuberLoss", half(HuberLoss, "pred", delta="delta"),
              [flat(("pred", PRED), ("target", TARGET), delta=0.6)], through="numpy"),
    *torch_pairs("smooth_l1", "torch.nn.functional.smooth_l1_loss", F.smooth_l1_loss, [{"beta": 0.3}, {"beta": 5.0}]),
    Reference("pseudo_huber", "scipy", "scipy.special.pseudo_huber",
              bare(lambda pred, target, delta=1.0: scipy.special.pseudo_huber(delta, pred - target)),
              [Call(PAIR, {"delta": 0.5}, "none"), Call(FAR, {"delta": 2.0}, "none")], through="numpy"),
    Reference("pseudo_huber", "kornia", "kornia.losses.charbonnier_loss",
              lambda pred, target: charbonnier_loss(pred, target, reduction="mean"), [Call(PAIR), Call(ONE)], ["pred"]),
    Reference("log_cosh", "optax", "optax.losses.log_cosh", mean(optax.losses.log_cosh),
              [Call(PAIR), Call(ONE), Call(FAR)], ["pred"], "jax"),
    Reference("log_cosh", "keras", "keras.losses.log_cosh", mean(swapped(keras.losses.log_cosh)), [Call(PAIR)], ["pred"],
              tolerance=1e-6, note=KERAS),
]  # fmt: skip


def wing(pred, target, omega=10.0, epsilon=2.0):
    """Equation 5 of the paper."""
    x = np.abs(pred - target)
    value = np.select([x < omega], [omega * np.log(1 + x / epsilon)], x - (omega - omega * np.log(1 + omega / epsilon)))
    slope = np.select([x < omega], [omega / (epsilon + x)], 1.0)
    return value, {"pred": slope * np.sign(pred - target)}


def adaptive_wing(pred, target, omega=14.0, theta=0.5, epsilon=1.0, alpha=2.1):
    """Equations 3 and 4 of the paper."""
    x, p = np.abs(target - pred), alpha - target
    a = omega * (1 / (1 + (theta / epsilon) ** p)) * p * ((theta / epsilon) ** (p - 1)) * (1 / epsilon)
    c = theta * a - omega * np.log(1 + (theta / epsilon) ** p)
    return np.where(x < theta, omega * np.log(1 + np.abs((target - pred) / epsilon) ** p), a * x - c), {}


def berhu(pred, target, c=1.0):
    """Equation 2 of Owen 2007, with the derivative of each piece."""
    x = np.abs(pred - target)
    return np.where(x <= c, x, (x**2 + c**2) / (2 * c)), {"pred": np.sign(pred - target) * np.maximum(1, x / c)}


def balanced_mse(pred, target, noise=1.0):
    """The published code of batch-based Monte Carlo: cross-entropy over the batch."""
    logits = -((pred[:, None] - target[None, :]) ** 2) / (2 * noise**2)
    return F.cross_entropy(logits, torch.arange(len(pred))) * (2 * noise**2)


PAPERS = [
    Reference("berhu", "numpy", "formula of Owen 2007", berhu,
              [Call(PAIR, reduction="none"), Call(FAR, {"c": 3.0}, "none")], through="numpy"),
    Reference("wing", "numpy", "formula of Feng et al. 2018", wing,
              [Call(PAIR, reduction="none"), Call(FAR, {"omega": 5.0, "epsilon": 0.5}, "none")], through="numpy"),
    Reference("adaptive_wing", "numpy", "formula of Wang et al. 2019", adaptive_wing,
              [Call({"pred": PRED, "target": FRACTION}, reduction="none"),
               Call({"pred": [0.2, 0.9], "target": [0.0, 1.0]}, {"theta": 0.3, "omega": 10.0}, "none")],
              ["pred"], through="numpy"),
    Reference("balanced_mse", "torch", "torch.nn.functional.cross_entropy, as in the code of Ren et al. 2022", balanced_mse,
              [Call({"pred": PRED[0], "target": TARGET[0]}), Call(ONE), Call(FAR, {"noise": 3.0})], ["pred"]),
]  # fmt: skip

PLUS = {"pred": POSITIVE, "target": AMOUNT}
FLAT_PLUS = {name: r1(array) for name, array in PLUS.items()}
RELATIVE = [
    Reference("msle", "torchmetrics", "torchmetrics.functional.mean_squared_log_error", M.mean_squared_log_error,
              [Call(PLUS), Call({"pred": [0.0, 1e9], "target": [3.0, 1e-9]})], ["pred"]),
    Reference("msle", "scikit-learn", "sklearn.metrics.mean_squared_log_error", bare(swapped(metrics.mean_squared_log_error)),
              [Call(PLUS)], through="numpy"),
    Reference("mape", "keras", "keras.losses.mean_absolute_percentage_error",
              mean(swapped(keras.losses.mean_absolute_percentage_error)),
              [Call(PAIR), Call({"pred": [0.5, 1.0], "target": [0.0, -2.0]})], ["pred"], tolerance=1e-6, note=KERAS),
    Reference("mape", "torchmetrics", "100*torchmetrics.functional.mean_absolute_percentage_error",
              lambda pred, target: 100 * M.mean_absolute_percentage_error(pred, target), [Call(PAIR), Call(ONE)], ["pred"]),
    Reference("wmape", "torchmetrics", "torchmetrics.functional.weighted_mean_absolute_percentage_error",
              M.weighted_mean_absolute_percentage_error,
              [Call(PAIR), Call({"pred": [0.5, 1.0], "target": [0.0, -2.0]})], ["pred"]),
    Reference("smape", "torchmetrics", "100*torchmetrics.functional.symmetric_mean_absolute_percentage_error",
              lambda pred, target: 100 * M.symmetric_mean_absolute_percentage_error(pred, target),
              [Call(PAIR), Call(ONE), Call({"pred": [0.0, 1.0], "target": [0.0, 0.0]})], ["pred"]),
    Reference("mase", "neuralforecast", "neuralforecast.losses.pytorch.MASE",
              lambda pred, target, history, season=1: NF.MASE(season)(target[None, :, None], pred[None, :, None], history[None]),
              [Call({"pred": PRED[0], "target": TARGET[0], "history": r1(TARGET)}),
               Call({"pred": [2.0], "target": [1.0], "history": r1(PRED)}, {"season": 4})], ["pred"]),
    Reference("relative_squared_error", "torchmetrics", "torchmetrics.functional.relative_squared_error",
              M.relative_squared_error,
              [Call(FLAT), Call({"pred": [1.0, 2.0], "target": [3.0, 5.0]})], ["pred"]),
    Reference("relative_l2", "torch", "torch.linalg.vector_norm",
              lambda pred, target: (torch.linalg.vector_norm(pred - target, dim=1)
                                    / torch.linalg.vector_norm(target, dim=1)).mean(),
              [Call(PAIR), Call({"pred": [[1.0, -50.0]], "target": [[3.0, 4.0]]})], ["pred"]),
]  # fmt: skip


def scale_invariant_log(pred, depth, lam=0.5):
    """Equation 4 of the paper: for one image, with pixels of depth 0 masked."""
    value = []
    for p, y in zip(pred, depth, strict=True):
        d = np.log(p[y > 0]) - np.log(y[y > 0])
        value.append(np.sum(d**2) / d.size - lam * np.sum(d) ** 2 / d.size**2)
    return np.mean(value), {}


def expectile_at_the_minimum(pred, target, level):
    """The expectile of SciPy makes the gradient vanish; there the loss is the asymmetric variance."""
    scipy_value = scipy.stats.expectile(target, level)
    assert np.allclose(pred, scipy_value)
    weight = np.where(target >= scipy_value, level, 1 - level)
    return np.mean(weight * (target - scipy_value) ** 2), {}


def expectile(pred, target, level=0.5):
    """Equation 2.1 of Newey and Powell 1987: |level - 1(r < 0)| r^2."""
    r = target - pred
    weight = np.abs(level - (r < 0))
    return weight * r**2, {"pred": -2 * weight * r}


def asymmetric_squared(pred, target, over=1.0, under=2.0):
    high, low = np.maximum(pred - target, 0), np.maximum(target - pred, 0)
    return over * high**2 + under * low**2, {"pred": 2 * over * high - 2 * under * low}


def linex(pred, target, a=1.0, b=1.0):
    """Equation 2.2 of Zellner 1986."""
    d = pred - target
    return b * (np.exp(a * d) - a * d - 1), {"pred": a * b * (np.exp(a * d) - 1)}


def multi_quantile(pred, target, level):
    """The library means to divide by the number of levels, but divides by the length of a leading axis, which is 1."""
    return NF.MQLoss(quantiles=level.tolist())(target[None, :, None], pred[None, :, None, :]) / len(level)


LEVELS = np.array([0.125, 0.5, 0.75])
FAN = {"pred": draw.normal(size=(4, 3)), "target": TARGET[0], "level": LEVELS}
MIDDLE = np.array([scipy.stats.expectile(TARGET[0], 0.8)] * 4)
QR = {"theta": draw.normal(size=(1, 5)), "target": draw.normal(size=(1, 4)), "tau": (np.arange(5)[None] + 0.5) / 5}
BETWEEN = {"lower": PRED - SCALE, "upper": PRED + SCALE, "target": TARGET}
ASYMMETRIC = [
    Reference("quantile", "scikit-learn", "sklearn._loss.PinballLoss", half(PinballLoss, "pred", level="quantile"),
              [flat(("pred", PRED), ("target", TARGET), level=0.9), flat(("pred", [50.0]), ("target", [-50.0]), level=0.1)],
              through="numpy"),
    Reference("quantile", "scoringrules", "scoringrules.quantile_score",
              lambda pred, target, level=0.5: scoringrules.quantile_score(target, pred, torch.tensor(level, dtype=torch.float64), backend="torch").mean(),
              [Call(PAIR), Call(PAIR, {"level": 0.05})], ["pred"]),
    Reference("multi_quantile", "neuralforecast", "neuralforecast.losses.pytorch.MQLoss, over the number of levels",
              multi_quantile,
              [Call(FAN), Call({"pred": [[50.0]], "target": [-50.0], "level": [0.25]})], ["pred"]),
    Reference("quantile_huber", "rlax", "rlax.quantile_regression_loss",
              lambda theta, target, tau, kappa=1.0: rlax.quantile_regression_loss(theta[0], tau[0], target[0], kappa),
              [Call(QR), Call(QR, {"kappa": 0.3})], ["theta"], "jax"),
    Reference("expectile", "numpy", "formula of Newey and Powell 1987", expectile,
              [Call(PAIR, {"level": 0.8}, "none"), Call(FAR, {"level": 0.1}, "none")], through="numpy"),
    Reference("expectile", "scipy", "scipy.stats.expectile", expectile_at_the_minimum,
              [Call({"pred": MIDDLE, "target": TARGET[0]}, {"level": 0.8})], through="numpy"),
    Reference("asymmetric_squared", "numpy", "quad-quad cost", asymmetric_squared,
              [Call(PAIR, reduction="none"), Call(FAR, {"over": 3.0, "under": 0.5}, "none")], through="numpy"),
    Reference("linex", "numpy", "formula of Zellner 1986", linex,
              [Call(PAIR, {"a": 0.7, "b": 2.0}, "none"), Call(ONE, {"a": -3.0}, "none")], through="numpy"),
    Reference("epsilon_insensitive", "scikit-learn", "sklearn.linear_model._sgd_fast.EpsilonInsensitive",
              sgd(EpsilonInsensitive), [flat(("pred", PRED), ("target", TARGET), epsilon=0.5), Call(FAR, {}, "none")],
              through="numpy"),
    Reference("squared_epsilon_insensitive", "scikit-learn", "sklearn.linear_model._sgd_fast.SquaredEpsilonInsensitive",
              sgd(SquaredEpsilonInsensitive), [flat(("pred", PRED), ("target", TARGET), epsilon=0.5), Call(FAR, {}, "none")],
              through="numpy"),
    Reference("interval_score", "scoringrules", "scoringrules.interval_score",
              lambda lower, upper, target, alpha=0.1:
              scoringrules.interval_score(target, lower, upper, alpha, backend="torch").mean(),
              [Call(BETWEEN), Call(BETWEEN, {"alpha": 0.5})], ["lower", "upper"]),
    Reference("scale_invariant_log", "numpy", "formula of Eigen et al. 2014", scale_invariant_log,
              [Call({"pred": POSITIVE, "depth": AMOUNT*(AMOUNT > 1.2)}), Call({"pred": POSITIVE, "depth": AMOUNT}, {"lam": 1.0})],
              ["pred"], through="numpy"),
]  # fmt: skip


def negative_binomial(mu, shape, target):
    """The count as float64: from whole numbers torch computes a part in float32."""
    return D.NegativeBinomial(shape, logits=(mu / shape).log()).log_prob(target.double()).neg().mean()


def zero_inflated_poisson(log_rate, gate_logit, target):
    """A model without regressors: the parameters are the logit of inflation and the log rate."""
    value = []
    for rate, gate, count in zip(log_rate, gate_logit, target, strict=True):
        model = statsmodels.api.ZeroInflatedPoisson(np.array([count]), np.ones((1, 1)), exog_infl=np.ones((1, 1)))
        value.append(-model.loglikeobs(np.array([gate, rate]))[0])
    return np.array(value), {}


def deviance(function, **options):
    return bare(lambda pred, target, **hyper: function(target, pred, **options, **hyper))


RAW = {"log_rate": PRED, "target": COUNT}
AMOUNTS = [
    Reference("poisson_nll", "torch", "torch.nn.functional.poisson_nll_loss", F.poisson_nll_loss,
              [Call(RAW), Call({"log_rate": [-50.0, 5.0], "target": [0, 3]})], ["log_rate"]),
    Reference("poisson_nll", "scikit-learn", "sklearn._loss.HalfPoissonLoss", half(HalfPoissonLoss, "log_rate"),
              [flat(("log_rate", PRED), ("target", COUNT))], through="numpy"),
    Reference("poisson_deviance", "torchmetrics", "torchmetrics.functional.tweedie_deviance_score(power=1)",
              lambda rate, target: M.tweedie_deviance_score(rate, target.double(), power=1),
              [Call({"rate": r1(POSITIVE), "target": r1(COUNT)})], ["rate"]),
    Reference("poisson_deviance", "scikit-learn", "sklearn.metrics.mean_poisson_deviance",
              bare(lambda rate, target: metrics.mean_poisson_deviance(target, rate)),
              [Call({"rate": r1(POSITIVE), "target": r1(COUNT)}), Call({"rate": [1e-3], "target": [0]})], through="numpy"),
    Reference("negative_binomial_nll", "torch", "torch.distributions.NegativeBinomial", negative_binomial,
              [Call({"mu": POSITIVE, "shape": SHAPE, "target": COUNT}),
               Call({"mu": [20.0, 0.02], "shape": [0.1, 8.0], "target": [0, 40]})], ["mu", "shape"]),
    Reference("zero_inflated_poisson", "statsmodels", "statsmodels.api.ZeroInflatedPoisson.loglikeobs", zero_inflated_poisson,
              [Call({"log_rate": r1(PRED), "gate_logit": r1(TARGET), "target": r1(COUNT)}, reduction="none"),
               Call({"log_rate": [2.0, -1.0], "gate_logit": [-20.0, 3.0], "target": [0, 0]}, reduction="none")],
              ["log_rate", "gate_logit"], through="numpy"),
    Reference("gamma_nll", "torch", "torch.distributions.Gamma",
              nll(lambda mu, shape: D.Gamma(shape, shape / mu)),
              [Call({"mu": POSITIVE, "shape": SHAPE, "target": AMOUNT}),
               Call({"mu": [1e-3], "shape": [50.0], "target": [1.0]})], ["mu", "shape"]),
    Reference("gamma_deviance", "torchmetrics", "torchmetrics.functional.tweedie_deviance_score(power=2)",
              lambda pred, target: M.tweedie_deviance_score(pred, target, power=2),
              [Call(FLAT_PLUS), Call({"pred": [1e-3], "target": [1e3]})], ["pred"]),
    Reference("gamma_deviance", "scikit-learn", "sklearn.metrics.mean_gamma_deviance", deviance(metrics.mean_gamma_deviance),
              [Call(FLAT_PLUS)], through="numpy"),
    Reference("inverse_gaussian_deviance", "torchmetrics", "torchmetrics.functional.tweedie_deviance_score(power=3)",
              lambda pred, target: M.tweedie_deviance_score(pred, target, power=3),
              [Call(FLAT_PLUS), Call({"pred": [0.1], "target": [2.0]})], ["pred"]),
    Reference("tweedie", "scikit-learn", "sklearn._loss.HalfTweedieLoss",
              half(HalfTweedieLoss, "log_mean"),
              [flat(("log_mean", PRED), ("target", AMOUNT * (AMOUNT > 1)), power=1.3), flat(("log_mean", [20.0, -20.0]),
               ("target", [0.0, 2.0]), power=1.5)], through="numpy"),
    Reference("tweedie_deviance", "torchmetrics", "torchmetrics.functional.tweedie_deviance_score",
              lambda pred, target, power=1.5: M.tweedie_deviance_score(pred, target, power=power),
              [Call({"pred": r1(POSITIVE), "target": r1(AMOUNT * (AMOUNT > 1))}), Call({"pred": [0.1], "target": [2.0]}, {"power": 1.2})],
              ["pred"]),
    Reference("tweedie_deviance", "scikit-learn", "sklearn.metrics.mean_tweedie_deviance",
              deviance(lambda target, pred, power=1.5: metrics.mean_tweedie_deviance(target, pred, power=power)),
              [Call({"pred": r1(POSITIVE), "target": r1(AMOUNT * (AMOUNT > 1))}, {"power": 1.9})], through="numpy"),
]  # fmt: skip


def beta_nll(mu, var, target, beta=0.5):
    """The published code: the likelihood of torch, weighted by the variance, detached."""
    return (F.gaussian_nll_loss(mu, target, var, reduction="none") * var.detach() ** beta).mean()


def beta_density(mu, precision, target):
    return -D.Beta(mu * precision, (1 - mu) * precision).log_prob(target).mean()


def mixture(logit, mu, sigma, target):
    made = D.MixtureSameFamily(D.Categorical(logits=logit), D.Normal(mu, sigma))
    return -made.log_prob(target).mean()


def evidential(gamma, nu, alpha, beta, target, lam=0.01):
    """The likelihood is a Student-t of torch; the regulariser is added by hand."""
    student = D.StudentT(2 * alpha, gamma, (beta * (1 + nu) / (nu * alpha)).sqrt())
    return (-student.log_prob(target) + lam * (target - gamma).abs() * (2 * nu + alpha)).mean()


def densities(loss, names, distribution, calls, function=None):
    shown = f"torch.distributions.{distribution.__name__}"
    return Reference(loss, "torch", shown, function or nll(distribution), calls, names)


def scipy_density(loss, name, distribution, calls):
    return Reference(loss, "scipy", name, bare(lambda *a: -distribution(*a[:-1]).logpdf(a[-1])), calls, through="numpy")


MU_SCALE = {"mu": PRED, "scale": SCALE, "target": TARGET}
AWAY = {"mu": [0.0, 50.0], "scale": [0.1, 3.0], "target": [40.0, -50.0]}
COMPONENTS = {"logit": draw.normal(size=(4, 3)), "mu": draw.normal(size=(4, 3)), "sigma": draw.uniform(0.2, 3.0, size=(4, 3)),
              "target": TARGET[0]}  # fmt: skip
EVIDENCE = {"gamma": PRED, "nu": SCALE, "alpha": 1 + SHAPE, "beta": POSITIVE, "target": TARGET}
DENSITIES = [
    Reference("gaussian_nll", "torch", "torch.nn.functional.gaussian_nll_loss(full=True)",
              lambda mu, var, target: F.gaussian_nll_loss(mu, target, var, full=True),
              [Call({"mu": PRED, "var": SCALE, "target": TARGET}), Call({"mu": [0.0], "var": [1e-4], "target": [3.0]})],
              ["mu", "var"]),
    Reference("beta_nll", "torch", "torch.nn.functional.gaussian_nll_loss, weighted as in the code of Seitzer et al. 2022",
              beta_nll, [Call({"mu": PRED, "var": SCALE, "target": TARGET}),
                         Call({"mu": PRED, "var": SCALE, "target": TARGET}, {"beta": 1.0})], ["mu", "var"]),
    densities("laplace_nll", ["mu", "scale"], D.Laplace, [Call(MU_SCALE), Call(AWAY)]),
    scipy_density("logistic_nll", "scipy.stats.logistic", scipy.stats.logistic,
                  [Call(MU_SCALE, reduction="none"), Call(AWAY, reduction="none")]),
    Reference("logistic_nll", "scoringrules", "scoringrules.logs_logistic", scored(scoringrules.logs_logistic),
              [Call(MU_SCALE)], ["mu", "scale"]),
    densities("student_t_nll", ["mu", "scale", "df"], D.StudentT,
              [Call({"mu": PRED, "scale": SCALE, "df": SHAPE, "target": TARGET}),
               Call({"mu": [0.0, 1.0], "scale": [0.1, 2.0], "df": [1.0, 30.0], "target": [40.0, 1.0]})],
              lambda mu, scale, df, target: -D.StudentT(df, mu, scale).log_prob(target).mean()),
    Reference("generalized_gaussian_nll", "scipy", "scipy.stats.gennorm",
              bare(lambda mu, scale, shape, target: -scipy.stats.gennorm(shape, mu, scale).logpdf(target)),
              [Call({"mu": PRED, "scale": SCALE, "shape": SHAPE, "target": TARGET}, reduction="none"),
               Call({"mu": [0.0], "scale": [2.0], "shape": [1.0], "target": [-9.0]}, reduction="none")],
              ["mu", "scale", "shape"], through="numpy"),
    densities("log_normal_nll", ["mu", "sigma"], D.LogNormal,
              [Call({"mu": PRED, "sigma": SCALE, "target": AMOUNT}), Call({"mu": [0.0], "sigma": [0.1], "target": [1e-6]})]),
    densities("weibull_nll", ["scale", "shape"], D.Weibull,
              [Call({"scale": SCALE, "shape": SHAPE, "target": AMOUNT}), Call({"scale": [2.0], "shape": [0.1], "target": [1e-6]})]),
    densities("exponential_nll", ["log_rate"], D.Exponential,
              [Call({"log_rate": PRED, "target": AMOUNT}), Call({"log_rate": [-50.0, 5.0], "target": [3.0, 0.0]})],
              lambda log_rate, target: -D.Exponential(log_rate.exp()).log_prob(target).mean()),
    densities("beta_density_nll", ["mu", "precision"], D.Beta,
              [Call({"mu": PROPORTION, "precision": POSITIVE, "target": FRACTION}),
               Call({"mu": [0.99, 0.1], "precision": [50.0, 0.05], "target": [0.001, 0.5]})], beta_density),
    densities("mixture_density", ["logit", "mu", "sigma"], D.MixtureSameFamily,
              [Call(COMPONENTS), Call({"logit": [[3.0]], "mu": [[0.0]], "sigma": [[0.1]], "target": [9.0]})], mixture),
    densities("evidential_regression", ["gamma", "nu", "alpha", "beta"], D.StudentT,
              [Call(EVIDENCE), Call(EVIDENCE, {"lam": 0.0})], evidential),
]  # fmt: skip

ENSEMBLE = {"ensemble": draw.normal(size=(3, 5)), "target": TARGET[:, 0]}
VECTORS = {"ensemble": draw.normal(size=(3, 5, 2)), "target": TARGET[:, :2]}
NORMAL = {"mu": PRED, "sigma": SCALE, "target": TARGET}
SCORES = [
    Reference("crps_gaussian", "scoringrules", "scoringrules.crps_normal",
              bare(lambda mu, sigma, target: scoringrules.crps_normal(target, mu, sigma, backend="numpy")),
              [Call(NORMAL, reduction="none"),
               Call({"mu": [0.0, 50.0], "sigma": [0.1, 3.0], "target": [40.0, -50.0]}, reduction="none")], through="numpy"),
    Reference("crps_gaussian", "scoringrules", "scoringrules.crps_normal, by torch", scored(scoringrules.crps_normal),
              [Call(NORMAL)], ["mu", "sigma"]),
    Reference("crps_laplace", "scoringrules", "scoringrules.crps_laplace", scored(scoringrules.crps_laplace),
              [Call(MU_SCALE), Call(AWAY)], ["mu", "scale"]),
    Reference("crps_logistic", "scoringrules", "scoringrules.crps_logistic", scored(scoringrules.crps_logistic),
              [Call(MU_SCALE)], ["mu", "scale"]),
    Reference("crps_ensemble", "scoringrules", 'scoringrules.crps_ensemble(estimator="nrg")',
              scored(scoringrules.crps_ensemble, estimator="nrg"),
              [Call(ENSEMBLE), Call({"ensemble": [[1.0]], "target": [3.0]}), Call({"ensemble": [[1.0, 4.0]], "target": [3.0]})],
              ["ensemble"]),
    Reference("crps_fair", "scoringrules", 'scoringrules.crps_ensemble(estimator="fair")',
              scored(scoringrules.crps_ensemble, estimator="fair"),
              [Call(ENSEMBLE), Call({"ensemble": [[1.0, 4.0]], "target": [3.0]})], ["ensemble"]),
    Reference("energy_score", "scoringrules", 'scoringrules.es_ensemble(estimator="nrg")',
              bare(lambda ensemble, target: scoringrules.es_ensemble(target, ensemble, backend="numpy")),
              [Call(VECTORS, reduction="none"), Call({"ensemble": [[[1.0, 2.0]]], "target": [[3.0, -1.0]]}, reduction="none")],
              ["ensemble"], through="numpy"),
    Reference("variogram_score", "scoringrules", 'scoringrules.vs_ensemble(estimator="nrg")',
              bare(lambda ensemble, target, p=1.0: scoringrules.vs_ensemble(target, ensemble, p=p, backend="numpy")),
              [Call(VECTORS, reduction="none"), Call(VECTORS, {"p": 0.5}, "none")], ["ensemble"],
              through="numpy"),
    Reference("dawid_sebastiani", "scipy", "2*scipy.stats.norm less log(2*pi)",
              bare(lambda mu, sigma, target: -2 * scipy.stats.norm(mu, sigma).logpdf(target) - np.log(2 * np.pi)),
              [Call(NORMAL, reduction="none"), Call({"mu": [0.0], "sigma": [0.1], "target": [40.0]}, reduction="none")],
              ["mu", "sigma"], through="numpy"),
]  # fmt: skip


def circle(pred, target, period=2 * np.pi):
    """Half the squared chord between two points of the unit circle."""
    a, b = 2 * np.pi * pred / period, 2 * np.pi * target / period
    return ((np.cos(a) - np.cos(b)) ** 2 + (np.sin(a) - np.sin(b)) ** 2) / 2, {
        "pred": np.sin(a - b) * 2 * np.pi / period
    }


def around(pred, target, period=2 * np.pi):
    """The angle between two unit complex numbers."""
    return np.abs(np.angle(np.exp(2j * np.pi * (pred - target) / period))) * period / (2 * np.pi), {}


HOURS = {"pred": [23.0, 3.0, 11.0], "target": [1.0, 4.5, 0.0]}
POINTS = {"mu": PRED, "kappa": SCALE, "target": TARGET}
BOUNDED = [
    Reference("fractional_logit", "torch", "torch.nn.functional.binary_cross_entropy_with_logits",
              F.binary_cross_entropy_with_logits,
              [Call({"logit": PRED, "target": FRACTION}), Call({"logit": [50.0, -50.0], "target": [0.0, 1.0]})], ["logit"]),
    Reference("fractional_logit", "scikit-learn", "sklearn._loss.HalfBinomialLoss", half(HalfBinomialLoss, "logit"),
              [flat(("logit", PRED), ("target", FRACTION))], through="numpy"),
    Reference("continuous_bernoulli", "torch", "torch.distributions.ContinuousBernoulli",
              lambda logit, target: -D.ContinuousBernoulli(logits=logit).log_prob(target).mean(),
              [Call({"logit": PRED, "target": FRACTION}), Call({"logit": [8.0, -8.0], "target": [0.0, 1.0]})], ["logit"]),
    Reference("periodic", "numpy", "half the squared chord of the unit circle", circle,
              [Call(PAIR, reduction="none"), Call(HOURS, {"period": 24.0}, "none")], through="numpy"),
    Reference("wrapped_mae", "numpy", "angle of a complex number", around,
              [Call(PAIR, reduction="none"), Call(HOURS, {"period": 24.0}, "none")], ["pred"], through="numpy"),
    Reference("von_mises_nll", "scipy", "scipy.stats.vonmises",
              bare(lambda mu, kappa, target: -scipy.stats.vonmises(kappa, mu).logpdf(target)),
              [Call(POINTS, reduction="none"),
               Call({"mu": [0.0, 3.0], "kappa": [500.0, 1e-3], "target": [0.1, -3.0]}, reduction="none")], through="numpy"),
    Reference("von_mises_nll", "torch", "torch.distributions.VonMises", nll(D.VonMises), [Call(POINTS)], ["mu", "kappa"],
              tolerance=2e-7, note="torch computes the Bessel function by a polynomial that is exact to 2e-7"),
]  # fmt: skip

record("regression", [*DISTANCES, *PAPERS, *RELATIVE, *ASYMMETRIC, *AMOUNTS, *DENSITIES, *SCORES, *BOUNDED])
