"""References for the family `preferences`."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import cpu_torchvision  # noqa: F401  (before the libraries)
import jax.numpy as jnp
import numpy as np
import rlax
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from tensordict import TensorDict
from torchrl.objectives import DiscreteCQLLoss
from torchrl.objectives.utils import _clip_value_loss, distance_loss
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.reward_trainer import RewardTrainer

draw = np.random.default_rng(12)


class Accelerator:
    """One process: nothing to gather."""

    device, num_processes, sync_gradients = torch.device("cpu"), 1, True

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction):
        return x


class Trainer(SimpleNamespace):
    """What the loss methods of trl's trainers read from `self`; settings that a test does not give are off."""

    def __init__(self, **settings):
        super().__init__(
            accelerator=Accelerator(),
            model=SimpleNamespace(training=False),
            _metrics={"eval": defaultdict(list)},
            _total_train_tokens=0,
            **settings,
        )


def answers(logps):
    """The output of a model that gives the whole log-probability of an answer to its one token."""
    zero = torch.zeros(len(logps), 1)
    return SimpleNamespace(log_probs=logps[:, None], entropy=zero, mean_logits=zero, is_top1=zero.bool())


def dpo(loss_type, smoothing=0.0):
    def function(chosen, rejected, ref_chosen, ref_rejected, beta=0.1, label_smoothing=smoothing, tau=0.05):
        trainer = Trainer(
            aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl",
            loss_types=[loss_type], loss_weights=[1.0], beta=beta, label_smoothing=label_smoothing,
            use_weighting=False, args=SimpleNamespace(discopop_tau=tau),
        )  # fmt: skip
        tokens = torch.ones(2 * len(chosen), 2, dtype=torch.long)
        inputs = {
            "input_ids": tokens,
            "completion_mask": tokens * torch.tensor([0, 1]),
            "ref_chosen_logps": ref_chosen,
            "ref_rejected_logps": ref_rejected,
        }
        return DPOTrainer._compute_loss(
            trainer, lambda **_: answers(torch.cat([chosen, rejected])), inputs, return_outputs=False
        )

    return function


def kto(logp, ref_logp, good, kl_logp, kl_ref, beta=0.1, desirable=1.0, undesirable=1.0):
    trainer = Trainer(
        aux_loss_enabled=False, precompute_ref_logps=True, calculate_KL=True, loss_type="kto", beta=beta,
        desirable_weight=desirable, undesirable_weight=undesirable, _compute_kl_logps=lambda model, batch: kl_logp,
    )  # fmt: skip
    tokens = torch.ones(len(logp), 2, dtype=torch.long)
    inputs = {
        "label": good,
        "input_ids": tokens,
        "completion_mask": tokens * torch.tensor([0, 1]),
        "ref_logps": ref_logp,
        "ref_KL_logps": kl_ref,
    }
    return KTOTrainer._compute_loss(trainer, lambda **_: answers(logp), inputs, return_outputs=False)


def reward(winner, loser, margin=None, coefficient=None):
    trainer = Trainer(args=SimpleNamespace(center_rewards_coefficient=coefficient))
    inputs = {} if margin is None else {"margin": margin}
    outputs = SimpleNamespace(logits=torch.cat([winner, loser])[:, None])
    return RewardTrainer.compute_loss(trainer, lambda **_: outputs, inputs)


def centered(winner, loser, coefficient=0.01):
    return reward(winner, loser, coefficient=coefficient)


def simpo(chosen, rejected, beta=2.0, gamma=1.0):
    trainer = Trainer(alpha=0.0, loss_type="simpo", simpo_gamma=gamma, beta=beta, label_smoothing=0.0)
    return CPOTrainer.cpo_loss(trainer, chosen, rejected)[0].mean()


def cpo(chosen, rejected, nll, beta=0.1, alpha=1.0, label_smoothing=0.0):
    trainer = Trainer(alpha=0.0, loss_type="sigmoid", beta=beta, label_smoothing=label_smoothing)
    return CPOTrainer.cpo_loss(trainer, chosen, rejected)[0].mean() + alpha * nll.mean()


def orpo(chosen, rejected, beta=0.1):
    """trl returns beta times the logarithm of the sigmoid, which its trainer subtracts from the likelihood."""
    return -chosen.mean() - ORPOTrainer.odds_ratio_loss(Trainer(beta=beta), chosen, rejected)[0].mean()


def grpo(loss_type, level="token"):
    def function(logp, old_logp, *data, epsilon=0.2, epsilon_high=None, beta=None, max_length=256):
        ref_logp, advantage, mask = data if len(data) == 3 else (None, *data)
        trainer = Trainer(
            _get_per_token_logps_and_entropies=lambda *_, **__: (logp, torch.zeros_like(logp), None),
            aux_loss_enabled=False, top_entropy_quantile=1.0, off_policy_mask_threshold=None,
            importance_sampling_level=level, beta=0.04 if beta is None and ref_logp is not None else beta or 0.0,
            loss_type=loss_type, epsilon_low=epsilon, epsilon_high=epsilon if epsilon_high is None else epsilon_high,
            use_vllm=False, max_completion_length=max_length, _entropy_bonus_enabled=False,
            args=SimpleNamespace(use_bias_correction_kl=False, delta=None),
        )  # fmt: skip
        inputs = {
            "prompt_ids": mask, "prompt_mask": mask, "completion_ids": mask, "completion_mask": mask,
            "advantages": advantage, "old_per_token_logps": old_logp, "ref_per_token_logps": ref_logp,
        }  # fmt: skip
        return GRPOTrainer._compute_loss(trainer, None, inputs)

    return function


def plackett_luce(reward):
    return -sum(torch.log_softmax(reward[:, k:], 1)[:, 0] for k in range(reward.shape[1])).mean()


def slic(chosen, rejected, target, margin=1.0, reg=0.1):
    return (F.relu(margin - (chosen - rejected)) - reg * target).mean()


def bco(logp, ref_logp, good, shift, beta=0.1):
    return F.binary_cross_entropy_with_logits(beta * (logp - ref_logp) - shift, good.double())


def diffusion_dpo(chosen, rejected, noise_chosen, noise_rejected, ref_chosen, ref_rejected, beta=2000.0):
    def error(model, noise):
        return F.mse_loss(model, noise, reduction="none").mean(1)

    model = error(chosen, noise_chosen) - error(rejected, noise_rejected)
    reference = error(ref_chosen, noise_chosen) - error(ref_rejected, noise_rejected)
    return -F.logsigmoid(-0.5 * beta * (model - reference)).mean()


def ones(x):
    return jnp.ones(len(x))


def policy_gradient(logits, action, advantage):
    return rlax.policy_gradient_loss(logits, action, advantage, ones(action))


def entropy(logits):
    return rlax.entropy_loss(logits, ones(logits))


def actor_critic(logits, value, action, advantage, returns, value_weight=0.5, entropy_weight=0.01):
    critic = 2 * rlax.l2_loss(value, returns).mean()
    return policy_gradient(logits, action, advantage) + value_weight * critic + entropy_weight * entropy(logits)


def ppo_clip(logp, old_logp, advantage, epsilon=0.2):
    return rlax.clipped_surrogate_pg_loss(jnp.exp(logp - old_logp), advantage, epsilon)


def ppo_value(value, old_value, returns, epsilon=0.2):
    """torchrl has no half in its squared error."""
    plain = distance_loss(returns, value, loss_function="l2")
    clipped, _ = _clip_value_loss(old_value, value, torch.tensor(epsilon), returns, plain, "l2")
    return 0.5 * clipped.mean()


def ppo(logits, value, action, old_logp, advantage, old_value, returns, **hyper):
    """With torch.distributions, as reference implementations do."""
    epsilon = hyper.get("epsilon", 0.2)
    policy = torch.distributions.Categorical(logits=logits)
    ratio = torch.exp(policy.log_prob(action) - old_logp)
    surrogate = torch.min(ratio * advantage, ratio.clamp(1 - epsilon, 1 + epsilon) * advantage).mean()
    critic = ppo_value(value, old_value, returns, hyper.get("value_epsilon", 0.2))
    bonus = policy.entropy().mean()
    return hyper.get("value_weight", 0.5) * critic - surrogate - hyper.get("entropy_weight", 0.01) * bonus


def advantage_weighted(logp, advantage, beta=1.0, max_weight=20.0):
    return -(torch.exp(advantage / beta).clamp(max=max_weight) * logp).mean()


def q_learning(q, action, reward, discount, q_next):
    import jax

    return rlax.l2_loss(jax.vmap(rlax.q_learning)(q, action, reward, discount, q_next)).mean()


def qr_dqn(theta, tau, target, kappa=1.0):
    import jax

    return jax.vmap(lambda a, b, c: rlax.quantile_regression_loss(a, b, c, kappa))(theta, tau, target).mean() / kappa


def conservative_q(q, action):
    """Its penalty alone, from what the loss methods read from `self`."""
    module = SimpleNamespace(
        tensor_keys=SimpleNamespace(pred_val="q", action="action"),
        action_space="categorical",
        deterministic_sampling_mode=None,
        _reduce_loss=lambda loss, tensordict: loss.mean(),
    )
    return DiscreteCQLLoss.cql_loss(module, TensorDict({"q": q, "action": action}, batch_size=len(q)))[0]


PAIR = {name: -10 * draw.uniform(size=6) for name in ("chosen", "rejected", "ref_chosen", "ref_rejected")}
ONE_PAIR = {"chosen": [-3.0], "rejected": [-3.0], "ref_chosen": [-4.0], "ref_rejected": [-4.0]}
FAR = {"chosen": [-500.0, -1.0], "rejected": [-1.0, -500.0], "ref_chosen": [-1.0, -1.0], "ref_rejected": [-1.0, -1.0]}
PAIRS = [Call(PAIR), Call(ONE_PAIR), Call(PAIR, {"beta": 0.5}), Call(FAR)]
BOTH = ["chosen", "rejected"]
SCORES = {"winner": draw.normal(size=5), "loser": draw.normal(size=5)}
JUDGED = {
    "logp": -10 * draw.uniform(size=5),
    "ref_logp": -10 * draw.uniform(size=5),
    "good": [1, 0, 0, 1, 1],
    "kl_logp": [-3.0, -5.0],
    "kl_ref": [-4.0, -7.0],
}
ALL_GOOD = {**JUDGED, "good": [1] * 5, "kl_logp": [-9.0, -5.0]}
SHIFTED = {name: JUDGED[name] for name in ("logp", "ref_logp", "good")} | {"shift": 0.3}
PER_TOKEN = {"chosen": -3 * draw.uniform(size=4), "rejected": -3 * draw.uniform(size=4)}
TOKENS = {
    "logp": -draw.uniform(size=(3, 4)),
    "old_logp": -draw.uniform(size=(3, 4)),
    "ref_logp": -draw.uniform(size=(3, 4)),
    "advantage": [1.0, -0.7, 0.4],
    "mask": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
}
WITHOUT_REF = {name: value for name, value in TOKENS.items() if name != "ref_logp"}
LOGITS, VALUE, ACTION = draw.normal(size=(4, 3)), draw.normal(size=4), np.array([0, 2, 1, 1])
ADVANTAGE, RETURNS = draw.normal(size=4), draw.normal(size=4)
STEP = {"logits": LOGITS, "action": ACTION, "advantage": ADVANTAGE}
ACTOR = {"logits": LOGITS, "value": VALUE, "action": ACTION, "advantage": ADVANTAGE, "returns": RETURNS}
OLD_VALUE = VALUE + 0.3 * draw.normal(size=4)
CRITIC = {"value": VALUE, "old_value": OLD_VALUE, "returns": RETURNS}
RATIOS = {"logp": 0.3 * draw.normal(size=6), "old_logp": 0.3 * draw.normal(size=6), "advantage": draw.normal(size=6)}
PPO = {
    "logits": LOGITS, "value": VALUE, "action": ACTION, "old_logp": -draw.uniform(size=4) - 0.5,
    "advantage": ADVANTAGE, "old_value": OLD_VALUE, "returns": RETURNS,
}  # fmt: skip
TRANSITION = {
    "q": LOGITS, "action": ACTION, "reward": RETURNS, "discount": [0.9, 0.0, 0.99, 1.0],
    "q_next": draw.normal(size=(4, 3)),
}  # fmt: skip
QUANTILES = {
    "theta": draw.normal(size=(2, 3)),
    "tau": [[0.1, 0.5, 0.9], [0.2, 0.4, 0.8]],
    "target": draw.normal(size=(2, 4)),
}
IMAGES = {
    name: draw.normal(size=(3, 4))
    for name in ("chosen", "rejected", "noise_chosen", "noise_rejected", "ref_chosen", "ref_rejected")
}


def direct(loss, loss_type, calls=None, **options):
    function = dpo(loss_type, options.pop("smoothing", 0.0))
    return Reference(loss, "trl", f"DPOTrainer(loss_type={loss_type!r})", function, calls or PAIRS, BOTH, **options)


record("preferences", [
    Reference("bradley_terry", "trl", "RewardTrainer", reward,
              [Call(SCORES), Call({**SCORES, "margin": draw.uniform(size=5)}),
               Call({"winner": [50.0, -50.0], "loser": [-50.0, 50.0]})], ["winner", "loser"]),
    Reference("reward_centered", "trl", "RewardTrainer(center_rewards_coefficient)", centered,
              [Call(SCORES), Call(SCORES, {"coefficient": 0.5}), Call(SCORES, {"coefficient": 0.0})], ["winner", "loser"]),
    Reference("plackett_luce", "torch", "formula of Plackett 1975 by torch.log_softmax", plackett_luce,
              [Call({"reward": draw.normal(size=(3, 4))}), Call({"reward": [[0.3]]}),
               Call({"reward": [[50.0, -50.0, 0.0]]})], ["reward"]),
    direct("dpo", "sigmoid"),
    Reference("dpo", "trl", "CPOTrainer(label_smoothing) on log-ratios",
              lambda c, r, rc, rr, beta=0.1, label_smoothing=0.0: cpo(
                  c - rc, r - rr, torch.zeros(1, dtype=c.dtype), beta, 1.0, label_smoothing),
              [Call(PAIR, {"label_smoothing": 0.2})], BOTH),
    direct("robust_dpo", "robust", [*PAIRS, Call(PAIR, {"label_smoothing": 0.3})], smoothing=0.1),
    direct("ipo", "ipo"),
    direct("dpo_hinge", "hinge"),
    Reference("slic", "torch", "formula of Zhao et al. 2023", slic,
              [Call({**PER_TOKEN, "target": [-1.0, -2.0, -0.5, -3.0]}),
               Call({**PER_TOKEN, "target": [-1.0, -2.0, -0.5, -3.0]}, {"margin": 0.2, "reg": 2.0})], [*BOTH, "target"]),
    direct("exo_pair", "exo_pair", [*PAIRS, Call(PAIR, {"label_smoothing": 0.25})], smoothing=0.001),
    direct("nca_pair", "nca_pair"),
    direct("sppo_hard", "sppo_hard"),
    direct("apo_zero", "apo_zero"),
    direct("apo_down", "apo_down"),
    direct("discopop", "discopop", [Call(PAIR), Call(ONE_PAIR), Call(PAIR, {"beta": 0.5, "tau": 0.3})]),
    direct("aot_pair", "aot", [*PAIRS, Call(PAIR, {"label_smoothing": 0.2})]),
    Reference("kto", "trl", "KTOTrainer", kto,
              [Call(JUDGED), Call(ALL_GOOD), Call(JUDGED, {"beta": 0.5, "desirable": 2.0, "undesirable": 1.5})], ["logp"]),
    Reference("bco", "torch", "formula of Jung et al. 2024 by binary_cross_entropy_with_logits", bco,
              [Call(SHIFTED), Call({**SHIFTED, "shift": 0.0}, {"beta": 0.5})], ["logp"]),
    Reference("orpo", "trl", "ORPOTrainer.odds_ratio_loss", orpo,
              [Call(PER_TOKEN), Call(PER_TOKEN, {"beta": 1.0})], BOTH),
    Reference("simpo", "trl", "CPOTrainer(loss_type='simpo').cpo_loss", simpo,
              [Call(PER_TOKEN), Call(PER_TOKEN, {"beta": 10.0, "gamma": 0.3}),
               Call({"chosen": [-50.0], "rejected": [-0.5]})], BOTH),
    Reference("cpo", "trl", "CPOTrainer.cpo_loss", cpo,
              [Call({**PER_TOKEN, "nll": [1.0, 2.0, 0.5, 3.0]}),
               Call({**PER_TOKEN, "nll": [1.0, 2.0, 0.5, 3.0]}, {"beta": 0.4, "alpha": 0.5, "label_smoothing": 0.1})],
              [*BOTH, "nll"]),
    Reference("diffusion_dpo", "torch", "formula of Wallace et al. 2024", diffusion_dpo,
              [Call(IMAGES), Call(IMAGES, {"beta": 1.0})], BOTH),
    Reference("policy_gradient", "rlax", "rlax.policy_gradient_loss", policy_gradient,
              [Call(STEP), Call({**STEP, "logits": 50 * np.eye(4, 3)})], ["logits"], "jax"),
    Reference("entropy_bonus", "rlax", "rlax.entropy_loss", entropy,
              [Call({"logits": LOGITS}), Call({"logits": 50 * np.eye(4, 3)}), Call({"logits": [[0.3]]})],
              ["logits"], "jax"),
    Reference("actor_critic", "rlax", "rlax.policy_gradient_loss, l2_loss and entropy_loss", actor_critic,
              [Call(ACTOR), Call(ACTOR, {"value_weight": 1.0, "entropy_weight": 0.2})], ["logits", "value"], "jax"),
    Reference("ppo_clip", "rlax", "rlax.clipped_surrogate_pg_loss", ppo_clip,
              [Call(RATIOS), Call(RATIOS, {"epsilon": 0.05}), Call({"logp": [0.0], "old_logp": [0.5], "advantage": [-1.0]})],
              ["logp"], "jax"),
    Reference("ppo_value", "torchrl", "clipped value loss of ClipPPOLoss / 2", ppo_value,
              [Call(CRITIC), Call(CRITIC, {"epsilon": 0.05})], ["value"]),
    Reference("ppo", "torch", "torch.distributions.Categorical and the three terms of Schulman et al. 2017", ppo,
              [Call(PPO), Call(PPO, {"epsilon": 0.1, "value_epsilon": 0.05, "value_weight": 1.0, "entropy_weight": 0.1})],
              ["logits", "value"]),
    Reference("grpo", "trl", "GRPOTrainer(loss_type='grpo')", grpo("grpo"),
              [Call(TOKENS), Call(TOKENS, {"epsilon": 0.1, "epsilon_high": 0.3, "beta": 0.5})], ["logp"]),
    Reference("dapo", "trl", "GRPOTrainer(loss_type='bnpo')", grpo("bnpo"),
              [Call(WITHOUT_REF, {"epsilon_high": 0.28}), Call(WITHOUT_REF, {"epsilon": 0.1, "epsilon_high": 0.3})],
              ["logp"]),
    Reference("dr_grpo", "trl", "GRPOTrainer(loss_type='dr_grpo')", grpo("dr_grpo"),
              [Call(WITHOUT_REF), Call(WITHOUT_REF, {"epsilon": 0.1, "max_length": 4})], ["logp"]),
    Reference("gspo", "trl", "GRPOTrainer(importance_sampling_level='sequence')", grpo("grpo", "sequence"),
              [Call(WITHOUT_REF, {"epsilon": 0.0003, "epsilon_high": 0.0004}),
               Call(WITHOUT_REF, {"epsilon": 0.3, "epsilon_high": 0.5})], ["logp"]),
    Reference("advantage_weighted", "torch", "formula of Peng et al. 2019", advantage_weighted,
              [Call({"logp": RATIOS["logp"], "advantage": RATIOS["advantage"]}),
               Call({"logp": RATIOS["logp"], "advantage": RATIOS["advantage"]}, {"beta": 0.1, "max_weight": 5.0})],
              ["logp"]),
    Reference("q_learning", "rlax", "rlax.l2_loss of rlax.q_learning", q_learning, [Call(TRANSITION)], ["q"], "jax"),
    Reference("qr_dqn", "rlax", "rlax.quantile_regression_loss / kappa", qr_dqn,
              [Call(QUANTILES), Call(QUANTILES, {"kappa": 0.1})], ["theta"], "jax"),
    Reference("conservative_q", "torchrl", "DiscreteCQLLoss.cql_loss", conservative_q,
              [Call({"q": LOGITS, "action": ACTION}), Call({"q": 50 * np.eye(4, 3), "action": ACTION})], ["q"]),
])  # fmt: skip
