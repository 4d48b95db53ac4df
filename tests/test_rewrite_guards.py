"""Guards of the stability table: where a formula has the shape of a rule and the rule would be wrong or useless."""

from __future__ import annotations

import dataclasses

import pytest

import lossdsl.rewrite
from lossdsl.cli.stages import stages
from lossdsl.meaning import resolve
from lossdsl.rewrite.pattern import Rule
from lossdsl.rewrite.rules import RULES
from lossdsl.syntax import parse

SIGNATURE = (
    "loss f(x[n], y[n] | w[n] >= 0, p[n] > 0, t[n] in [0, 1], k; c > 0 = 2.0, s = 0.5, m >= 0 = 3.0):\n    return "
)

# rule -> a formula of its shape, where it must not fire, and why
SHAPES: dict[str, tuple[str, str]] = {
    "complement of a mixture": ("1 - (sigmoid(x)*t + sigmoid(y)*(1 - t))", "two sigmoids that do not add to one"),
    "softmax minus a label": ("sum[n](y*(softmax[n](x) - w))", "a weight is no label"),
    "label minus a softmax": ("sum[n](y*(w - softmax[n](x)))", "a weight is no label"),
    "sigmoid minus a label": ("sigmoid(x) - w", "a weight is no label"),
    "label minus a sigmoid": ("w - sigmoid(x)", "a weight is no label"),
    "product of exponentials": ("sum[i in n](exp(x[n])*exp(y[i]))", "a matrix product"),
    "exponential times a sigmoid": ("sum[i in n](exp(x[n])*sigmoid(y[i]))", "a matrix product"),
    "power of a constant, minus one": ("s^x - 1", "no logarithm of a number that may be negative"),
    "complement of a power of a constant": ("1 - s^x", "no logarithm of a number that may be negative"),
    "hypot of a constant": ("sqrt(x^2 + s)", "no root of a number that may be negative"),
    "hypot, minus a leg": ("sqrt(x^2 + y^2) - y", "y - (-y) does not cancel, and the other form divides by 0"),
    "scaled share": ("3*w/(w + y)", "the sum may cancel"),
    "complement of a power of a complement": ("1 - (1 - x)^20", "a sum of twenty terms"),
    "power of one plus, minus one": ("(1 + x)^m - 1", "a base that may be negative, with powers that are whole"),
    "complement of a power of one plus": ("1 - (1 + x)^m", "a base that may be negative, with powers that are whole"),
    "power, minus one": ("p^3 - 1", "no exponent that comes close to 0"),
    "complement of a power": ("1 - p^3", "no exponent that comes close to 0"),
    "logarithm of one plus a scaled square": ("log1p(x^2/s)", "no root of a number that may be negative"),
    "cross-entropy of a logit": ("softplus(x) - w*x", "a weight is no label"),
    "cross-entropy of a logit that can be infinite": (
        "softplus(log(p) - log(w)) - w*(log(p) - log(w))", "a weight is no label",
    ),
    "certainty mixed with an exponential": ("logaddexp(log_sigmoid(y), log_sigmoid(-y) - x)", "no size"),
    "xlogy": ("3*log(p)", "a number is not 0"),
    "xlog1py": ("3*log1p(w)", "a number is not 0"),
    "Poisson deviance": ("x*log(x/y) - x + y", "where both are negative the formula has a value"),
    "Poisson deviance, y first": ("x*log(x/y) + y - x", "where both are negative the formula has a value"),
    "Poisson deviance, minus a difference": ("x*log(x/y) - (x - y)", "where both are negative the formula has a value"),
    "Poisson deviance, plus a difference": ("x*log(x/y) + (y - x)", "where both are negative the formula has a value"),
    "integral of log1p": ("w/y*(y*x + 1)*log1p(y*x) - w*x", "y is 0 for some elements"),
    "nothing times an exponential": ("p*exp(x)", "a factor that is never 0"),
    "exprel of a product": ("expm1(c*x)/c", "a number is not differentiated"),
    "exprel of a product, with a factor": ("w*expm1(c*x)/c", "a number is not differentiated"),
    "weight of a sum of logarithms": ("w*(exp(x) - exp(y))", "no logarithm"),
}  # fmt: skip


def form(text: str, rule: Rule, other: Rule | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the formula becomes where another rule, or none, stands for the rule."""
    table = {
        op: [r if r is not rule else other for r in rules if r is not rule or other is not None]
        for op, rules in lossdsl.rewrite._BY_OP.items()
    }
    with monkeypatch.context() as patch:
        patch.setattr(lossdsl.rewrite, "_BY_OP", table)
        return stages(resolve(parse(SIGNATURE + text + "\n")).losses["f"])


def test_every_guard_has_a_case() -> None:
    assert {rule.name for rule in RULES if rule.guard is not None} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_guard_keeps_a_rule_from_firing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (rule,) = (r for r in RULES if r.name == name)
    text, _ = SHAPES[name]
    without = form(text, rule, None, monkeypatch)
    assert form(text, rule, rule, monkeypatch) == without
    assert form(text, rule, dataclasses.replace(rule, guard=None), monkeypatch) != without, "not the shape of the rule"
