"""What the texts of the language page mean: parsed, resolved, and evaluated by the reference interpreter.

Expected values are written out in NumPy, from the formula, for each text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossdsl.meaning import resolve
from lossdsl.meaning.core import Program
from lossdsl.meaning.interpret import EvaluationError, Interpreter
from lossdsl.syntax import parse


def program(text: str) -> Program:
    """The last loss of a text; for short ones, a block of one line may stand behind the colon here."""
    block = text.replace("): return ", "):\n    return ")
    return list(resolve(parse(block)).losses.values())[-1]


def bind(text: str, **inputs: Any) -> Interpreter:
    return Interpreter(program(text)).bind(inputs)


def value(text: str, **inputs: Any) -> float:
    return float(bind(text, **inputs).value())


def elements(text: str, **inputs: Any) -> list:
    return bind(text, **inputs).value("none").astype(float).tolist()


def gradient(text: str, wrt: str, **inputs: Any) -> list:
    return bind(text, **inputs).gradient(wrt).astype(float).tolist()


RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
V = np.array([0.5, -2.0, 3.0, 0.25])


def close(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-12, abs=1e-14)


# ---------------------------------------------------------------- the first page

HUBER = """
def huber_rho(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)

loss huber_mse(pred[n] | target[n]; delta > 0 = 1.0, alpha in [0, 1] = 0.7):
    "Huber/MSE weighted mix."
    r = pred - target
    return mean[n](alpha*huber_rho(r; delta) + (1 - alpha)*r^2)
"""


def test_huber() -> None:
    target = np.zeros(4)
    rho = np.where(abs(V) <= 1, V**2 / 2, abs(V) - 0.5)
    assert value(HUBER, pred=V, target=target) == close(np.mean(0.7 * rho + 0.3 * V**2))
    slope = 0.5 * np.clip(V, -2, 2) + 0.5 * 2 * V
    assert gradient(HUBER, "pred", pred=V, target=target, alpha=0.5, delta=2) == close((slope / 4).tolist())


CROSS_ENTROPY = """
loss cross_entropy(logits[n, c] | label[n] in c):
    return mean[n](logsumexp[c](logits[n, c]) - logits[n, label[n]])
"""


def test_cross_entropy() -> None:
    label = np.array([0, 2, 1, 1])
    p = np.exp(A) / np.exp(A).sum(1, keepdims=True)
    assert value(CROSS_ENTROPY, logits=A, label=label) == close(-np.log(p[range(4), label]).mean())
    slope = p - np.eye(3)[label]
    found = bind(CROSS_ENTROPY, logits=A, label=label)
    assert found.gradient("logits").astype(float) == close(slope / 4)
    assert found.hessian_diagonal("logits").astype(float) == close(p * (1 - p) / 4)
    with pytest.raises(EvaluationError, match="out of range"):
        value(CROSS_ENTROPY, logits=A, label=[0, 1, 2, 3])


INFO_NCE = """
loss info_nce(a[i, d], b[j, d]; tau > 0 = 0.07):
    s[i, j] = sum[d](a[i, d]*b[j, d]) / tau
    return mean[i](logsumexp[j](s[i, j]) - s[i, i])
"""


def test_info_nce() -> None:
    s = A @ B.T / 0.07
    expected = np.mean(np.log(np.exp(s).sum(1)) - np.diag(s))
    assert value(INFO_NCE, a=A, b=B) == close(expected)
    with pytest.raises(EvaluationError):
        value(INFO_NCE, a=A, b=B[:3])


COX = """
loss cox(risk[i] | time[i] >= 0, event[i] in {0, 1}):
    return mean[i where event[i] == 1](logsumexp[j where time[j] >= time[i]](risk[j]) - risk[i])
"""


def test_cox() -> None:
    time, event = np.array([3.0, 1.0, 2.0, 2.0]), np.array([1, 1, 0, 1])
    terms = [np.log(np.exp(V[time >= time[i]]).sum()) - V[i] for i in range(4)]
    assert value(COX, risk=V, time=time, event=event) == close(
        np.mean([t for t, e in zip(terms, event, strict=True) if e])
    )
    kept = [t if e else 0 for t, e in zip(terms, event, strict=True)]
    assert elements(COX, risk=V, time=time, event=event) == close(kept)
    assert value(COX, risk=V, time=time, event=np.zeros(4)) == 0
    assert gradient(COX, "risk", risk=V, time=time, event=np.zeros(4)) == [0, 0, 0, 0]


# ---------------------------------------------------------------- items, blocks, indices


CASES: list[tuple[str, str, dict[str, Any], Any]] = [
    (
        "a def with axes, called with its own indices",
        """
def sqdist(x[n, d], y[m, d])[n, m] = sum[d]((x[n, d] - y[m, d])^2)
loss pairs(a[i, d], b[j, d]): return sum[i, j](sqdist(a, b)[i, j])
""",
        {"a": A, "b": B},
        ((A[:, None] - B[None]) ** 2).sum(),
    ),
    (
        "a call without indices has the caller's names, a colon hands over an axis",
        """
def unit(x[d])[d] = x[d]/norm[d](x[d])
loss spread(w[c, d]):
    u[c, d] = unit(w[c, :])[d]
    return sum[c, d](u[c, d])
""",
        {"w": A},
        (A / np.linalg.norm(A, axis=1, keepdims=True)).sum(),
    ),
    (
        "a loss called inside another has its value as written",
        """
loss mse(pred[n] | target[n]): return mean[n]((pred - target)^2)
loss mae(pred[n] | target[n]; scale > 0 = 2): return mean[n](|pred - target|/scale)
loss mix(pred[n] | target[n]; alpha = 0.25): return alpha*mse(pred | target) + mae(pred | target; scale = 4)
""",
        {"pred": V, "target": np.zeros(4)},
        0.25 * np.mean(V**2) + np.mean(abs(V)) / 4,
    ),
    (
        "a default that is broadcast",
        "loss weighted(pred[n] | w[n] >= 0 = 3): return sum[n](w*pred)",
        {"pred": V},
        3 * V.sum(),
    ),
    (
        "a gather through a binding",
        """
loss picked(x[n] | place[n] in n):
    moved[n] = x[place[n]]
    return sum[n](moved[n]*size(n))
""",
        {"x": V, "place": [1, 1, 0, 3]},
        4 * V[[1, 1, 0, 3]].sum(),
    ),
    (
        "differences run over the positions in range",
        "loss tv(x[t]): return sum[t](|x[t+1] - x[t]|)",
        {"x": V},
        abs(np.diff(V)).sum(),
    ),
    (
        "bindings over inner positions keep absolute positions",
        """
loss bend(x[t]):
    d[t] = x[t+1] - x[t]
    return sum[t]((d[t] - d[t-1])^2)
""",
        {"x": V},
        (np.diff(V, 2) ** 2).sum(),
    ),
    (
        "a window",
        "loss window(x[i] | w[a]): return sum[i](sum[a](w[a]*x[i+a])^2)",
        {"x": V, "w": [1.0, -2.0]},
        (np.correlate(V, [1.0, -2.0], "valid") ** 2).sum(),
    ),
    (
        "zero padding behind a guard",
        "loss padded(x[i] | w[a]): return sum[i](sum[a where 0 <= i+a-1 < size(i)](w[a]*x[i+a-1])^2)",
        {"x": V, "w": [1.0, -2.0, 0.5]},
        (np.correlate(V, [1.0, -2.0, 0.5], "same") ** 2).sum(),
    ),
    (
        "strides",
        "loss pool(x[i]): return sum[j in 2](max[a in 2](x[2*j+a]))",
        {"x": V},
        V.reshape(2, 2).max(1).sum(),
    ),
    (
        "a range from a hyperparameter",
        """
loss histogram(x[n]; bins in {2, 4, 8} = 4):
    edge[b in bins] = -2 + b*5/(bins - 1)
    return sum[b](count[n where x[n] >= edge[b]])
""",
        {"x": V, "bins": 8},
        sum((e <= V).sum() for e in -2 + np.arange(8) * 5 / 7),
    ),
    (
        "an index used as a number has the range of its axis",
        "loss one_hot(z[n, c] | label[n] in c): return sum[n, c](z[n, c]*[label[n] == c]*(c + 1))",
        {"z": A, "label": [0, 2, 1, 2]},
        sum(A[i, k] * (k + 1) for i, k in enumerate([0, 2, 1, 2])),
    ),
    (
        "an axis unpacked",
        """
loss area(box[n, 4]):
    x1, y1, x2, y2 = box[n, :]
    return sum[n]((x2 - x1)*(y2 - y1) + box[n, -1])
""",
        {"box": np.arange(8.0).reshape(2, 4) ** 2},
        sum((b[2] - b[0]) * (b[3] - b[1]) + b[3] for b in np.arange(8.0).reshape(2, 4) ** 2),
    ),
    (
        "sibling reductions may share a name",
        "loss siblings(x[n], z[m]): return sum[i](x[i]) * sum[i](z[i]^2)",
        {"x": V, "z": [2.0, 3.0]},
        V.sum() * 13,
    ),
    (
        "a condition in a binding",
        """
loss kept(x[n]):
    positive[n] = x[n] > 0
    return sum[n where positive[n] and not x[n] > 1](x[n]) + [any[n](positive[n])] + 10*[all[n](positive[n])]
""",
        {"x": V},
        0.75 + 1,
    ),
    (
        "chains, sets and precedence",
        "loss chain(x[n]): return sum[n]([0 < x[n] <= 0.5] + 10*[x[n] in {3, 4}] + 100*[x[n] in [-2, 0)] - -x[n]^2^1)",
        {"x": V},
        2 + 10 + 100 + (V**2).sum(),
    ),
    (
        "spelled with symbols",
        "loss symbols(α[n], β[n]): return Σ[n](√(α²·α²) × 2 − |β|³)",
        {"α": V, "β": V},
        (2 * V**2 - abs(V) ** 3).sum(),
    ),
    (
        "nested bars",
        "loss bars(a, b): return ||a| - |b||*2",
        {"a": -3.0, "b": 5.0},
        4,
    ),
    (
        "normalisers with a mask, and a running sum",
        """
loss masked(x[t] | keep[t] in {0, 1}):
    p[t] = softmax[t where keep[t] == 1](x[t])
    c[t] = cumsum[t where keep[t] == 1](x[t])
    return sum[t](t*p[t]) + sum[t](c[t])
""",
        {"x": V, "keep": [1, 0, 1, 1]},
        (np.exp(V) * [1, 0, 1, 1] / (np.exp(V) * [1, 0, 1, 1]).sum()) @ np.arange(4)
        + np.cumsum(V * [1, 0, 1, 1]).sum(),
    ),
    (
        "positions of extremes",
        "loss places(x[n]): return 10*argmax[n](x) + argmin[n where x[n] > 0](x) + count[n where x[n] > 0]",
        {"x": V},
        20 + 3 + 3,
    ),
    (
        "a reduction without brackets takes what is free",
        "loss all_of_it(x[n, c]): return mean[n](norm(x[n, c]))",
        {"x": A},
        np.linalg.norm(A, axis=1).mean(),
    ),
    (
        "scalar functions of two and three arguments",
        "loss scalars(x[n]): return sum[n](clip(x, -1, 2) + mod(x, 2) + atan2(x, 3) + max(x, 0, 1) + xlogy(x^2, x^2))",
        {"x": V},
        (np.clip(V, -1, 2) + V % 2 + np.arctan2(V, 3) + np.maximum(V, 1) + V**2 * np.log(V**2)).sum(),
    ),
    (
        "a union in a domain, and an ignored label",
        """
loss ignoring(z[n, c] | label[n] in c or {-100}):
    q[n, c] = log_softmax[c](z[n, c])
    return mean[n where label[n] != -100](-q[n, label[n]])
""",
        {"z": A, "label": [-100, 2, 0, -100]},
        -np.mean([(A[i] - np.log(np.exp(A[i]).sum()))[k] for i, k in ((1, 2), (2, 0))]),
    ),
]


@pytest.mark.parametrize(("text", "inputs", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_texts(text: str, inputs: dict[str, Any], expected: float) -> None:
    assert value(text, **inputs) == close(float(expected))


def test_reductions_of_a_return() -> None:
    per_element = "loss squares(x[n]): return x^2"
    for text, default in ((per_element, "mean"), (per_element.replace("x^2", "sum[n](x^2)"), "sum")):
        bound = bind(text, x=V)
        assert bound.value() == bound.value(default)
        assert float(bound.value("mean")) == close(np.mean(V**2))
        assert float(bound.value("sum")) == close(np.sum(V**2))
        assert bound.value("none").astype(float).tolist() == close((V**2).tolist())
    with pytest.raises(ValueError, match="no reduction"):
        bind(per_element.replace("x^2", "1 + sum[n](x^2)"), x=V).value("mean")


def test_the_group_of_axes() -> None:
    text = "loss ce(logits[.., c] | label[..] in c): return logsumexp[c](logits) - logits[.., label[..]]"
    for shape in ((), (4,), (2, 2), (2, 1, 2)):
        logits = np.resize(A, (*shape, 3))
        label = np.resize([2, 0, 1, 1], shape)
        picked = np.take_along_axis(logits, label[..., None], -1)[..., 0]
        expected = np.log(np.exp(logits).sum(-1)) - picked
        found = bind(text, logits=logits, label=label)
        assert found.value("none").astype(float) == close(expected)
        assert found.gradient("logits").shape == logits.shape


def test_terms_predict_and_learn() -> None:
    text = """
loss two_part(score[n] | y[n]; learn log_scale = 0.5, learn s[k] = 1):
    fit = mean[n]((score - y)^2)*exp(-log_scale)
    penalty = sum[k](s[k]^2)
    predict mu = exp(score)
    predict p[n] = sigmoid(score)
    return fit + penalty/2
"""
    bound = Interpreter(program(text)).bind({"score": V, "y": np.ones(4)}, sizes={"k": 3})
    fit = np.mean((V - 1) ** 2) * np.exp(-0.5)
    assert {name: float(term) for name, term in bound.terms().items()} == close({"fit": fit, "penalty": 3})
    assert float(bound.value()) == close(fit + 1.5)
    assert float(bound.gradient("log_scale")) == close(-fit)
    assert bound.gradient("s").astype(float).tolist() == [1, 1, 1]
    assert bound.predict()["mu"].astype(float) == close(np.exp(V))
    assert bound.predict()["p"].astype(float) == close(1 / (1 + np.exp(-V)))


def test_stop_gradient_is_a_constant_one_step_back() -> None:
    text = "loss distill(x[n]): return sum[n](stop_gradient(x)*x^2)"
    assert gradient(text, "x", x=V) == close((2 * V**2).tolist())


@pytest.mark.parametrize(
    ("body", "x", "expected"),
    [
        ("|x|", 0, 0),
        ("relu(x)", 0, 0),
        ("clip(x, 0, 1)", 0, 1),
        ("clip(x, 0, 1)", 1, 1),
        ("max(x, 0)", 0, 0.5),
        ("min(x, -x, 0)", 0, 0),
        ("x^2 if x <= 1 else 5*x", 1, 2),
        ("sqrt(x) if x > 0 else 0", 0, 0),
        ("x^0", 0, 0),
        ("x^1.5", 0, 0),
        ("sqrt(x^2)", 0, 0),
        ("floor(x)*x", 2, 2),
        ("[x > 0]*x", 0, 0),
        ("x*log(x^2)", 1, 2),
        ("x^2*log(x^2)", 0, 0),
        ("(|x|)^3", 0, 0),
    ],
)
def test_derivatives_at_the_edges(body: str, x: float, expected: float) -> None:
    assert gradient(f"loss edge(x): return {body}", "x", x=float(x)) == expected
