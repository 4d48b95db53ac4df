"""A check that cannot fail is worth nothing: each planted error has to make it fail.

Errors are planted where the compiler holds what it knows: in a row of the table of functions (the derivative that it
states, its text for a back end), in the derivative of a reduction, in a stability rule, in the printer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lossdsl.rewrite
from lossdsl.backends import expand
from lossdsl.backends.numpy.dialect import NumpyDialect
from lossdsl.calculus import gradient as reverse
from lossdsl.calculus import partials
from lossdsl.check import Report, check
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import Node
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning import resolve
from lossdsl.rewrite.pattern import PatternVocabulary
from lossdsl.syntax import parse

PROGRAMS = {
    "exp": "loss f(x[n] | y[n]):\n    return mean[n](exp(x) - y*x)",
    "log": "loss f(p[n] > 0 | y[n]):\n    return mean[n]((log(p) - y)^2)",
    "sqrt": "loss f(x[n] | y[n]):\n    return sum[n](sqrt(2 + softplus(x - y)))",
    "sigmoid": "loss f(x[n] | y[n]):\n    return mean[n]((sigmoid(x) - y)^2)",
    "tanh": "loss f(x[n] | y[n]):\n    return mean[n]((tanh(x) - y)^2)",
    "softplus": "loss f(x[n] | y[n] in {-1, 1}):\n    return mean[n](log(1 + exp(-y*x)))",
    "log1p": "loss f(x[n] > -1):\n    return log(1 + x)",
    "logcosh": "loss f(x[n]):\n    return log(cosh(x))",
    "complement": "loss f(x[n]):\n    return 1 - sigmoid(x)",
    "abs": "loss f(x[n] | y[n]):\n    return mean[n](|x - y|)",
    "relu": "loss f(x[n] | y[n] in {-1, 1}):\n    return mean[n](relu(1 - y*x))",
    "clip": "loss f(x[n]; h > 0 = 2):\n    return mean[n](clip(x, -h, h))",
    "max": "loss f(x[n] | y[n]):\n    return mean[n](max(x, y))",
    "atan2": "loss f(x[n], y[n]):\n    return mean[n](atan2(y, x))",
    "xlogy": "loss f(p[n] >= 0 | q[n] > 0):\n    return sum[n](p*log(p/q))",
    "lgamma": "loss f(x[n] > 0):\n    return sum[n](lgamma(x))",
    "normal_logcdf": "loss f(x[n]):\n    return -mean[n](log(normal_cdf(x)))",
    "logsumexp": "loss f(x[n, c] | label[n] in c):\n    return mean[n](logsumexp[c](x[n, c]) - x[n, label[n]])",
    "norm": "loss f(x[n, d] | y[n, d]):\n    return mean[n](norm[d](x[n, d] - y[n, d]))",
    "largest": "loss f(x[n, c]):\n    return mean[n](max[c](x[n, c]))",
    "prod": "loss f(x[n, c]):\n    return mean[n](prod[c](x[n, c]))",
    "masked": "loss f(x[n] | y[n], kept[n] in {0, 1}):\n    return mean[n where kept[n] == 1]((x[n] - y[n])^2)",
    "product": "loss f(a[i, d], b[j, d]):\n    s[i, j] = sum[d](a[i, d]*b[j, d])\n    return mean[i, j](s[i, j]^2)",
    "shift": "loss f(x[t]):\n    return sum[t]((x[t+1] - 2*x[t])^2)",
}


def checked(name: str, *backends: str) -> Report:
    (program,) = resolve(parse(PROGRAMS[name])).losses.values()
    return check(program, backends=backends or ("numpy",))


def failing(report: Report) -> set[str]:
    return {row.what for row in report.rows if row.status == "failed"}


@pytest.fixture
def fresh_rules() -> Iterator[None]:
    """The compiler remembers the rows that it has read."""
    partials._rule.cache_clear()
    yield
    partials._rule.cache_clear()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_right_passes(name: str) -> None:
    report = checked(name)
    assert report.ok, str(report)


# ---------------------------------------------------------------- derivatives of functions


WRONG_DERIVATIVES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "exp": lambda o, x: (-o.exp(x),),
    "log": lambda o, x: (1 / (1 + x),),
    "sqrt": lambda o, x: (1 / o.sqrt(x),),
    "sigmoid": lambda o, x: (o.sigmoid(x) * o.sigmoid(x),),
    "tanh": lambda o, x: ((1 - o.tanh(x)) ** 2,),
    "softplus": lambda o, x: (o.sigmoid(-x),),
    "atan2": lambda o, y, x: (y / (x * x + y * y), -x / (x * x + y * y)),
    "normal_logcdf": lambda o, x: (o.normal_cdf(-x),),
}
WRONG_AT_KINKS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "abs": lambda o, x: (o.where(o.ge(x, 0), 1, -1),),
    "relu": lambda o, x: (o.where(o.ge(x, 0), 1, 0),),
    "clip": lambda o, x, low, high: (o.where(o.both(o.lt(low, x), o.lt(x, high)), 1, 0), 0, 0),
    "max": lambda o, x, y: (o.where(o.ge(x, y), 1, 0), o.where(o.ge(x, y), 0, 1)),
}
"""Right but where the derivative is a convention."""


@pytest.mark.usefixtures("fresh_rules")
@pytest.mark.parametrize("name", [*WRONG_DERIVATIVES, *WRONG_AT_KINKS])
def test_a_wrong_derivative_of_a_function(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = (WRONG_DERIVATIVES | WRONG_AT_KINKS)[name]
    monkeypatch.setitem(TABLE, name, dataclasses.replace(TABLE[name], derivative=wrong))
    assert "NumPy gradient" in failing(checked(name))


@pytest.mark.usefixtures("fresh_rules")
def test_finite_differences_alone_see_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = WRONG_DERIVATIVES["tanh"]
    monkeypatch.setitem(TABLE, "tanh", dataclasses.replace(TABLE["tanh"], derivative=wrong))
    rows = [row for row in checked("tanh").rows if row.against == "finite differences"]
    assert [row.status for row in rows] == ["failed"]
    assert "order 1.00 instead of 2" in rows[0].note


@pytest.mark.usefixtures("fresh_rules")
def test_an_unstable_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal in exact arithmetic, but s*(1 - s) has no digits left where s is close to 1."""
    wrong = dataclasses.replace(TABLE["sigmoid"], derivative=lambda o, x: (o.exp(-x) / (1 + o.exp(-x)) ** 2,))
    monkeypatch.setitem(TABLE, "sigmoid", wrong)
    assert "NumPy gradient" in failing(checked("sigmoid"))


# ---------------------------------------------------------------- derivatives of reductions


def doubled(table: StageTable, stage: Stage, factor: Node, right: Callable[..., Node]) -> Node:
    return right(table, stage, factor) * 2


def first_of_ties(table: StageTable, stage: Stage, factor: Node, right: Callable[..., Node]) -> Node:
    """Every tied element gets all of the derivative."""
    own = table.graph.read(stage.name, [table.graph.index(i) for i in stage.out])
    return table.graph.where(table.graph.apply("eq", stage.body, own), factor, table.graph.const(0))


def without_guard(table: StageTable, stage: Stage, factor: Node, right: Callable[..., Node]) -> Node:
    """A norm of zero is divided by."""
    own = table.graph.read(stage.name, [table.graph.index(i) for i in stage.out])
    return factor * (stage.body / own)


@pytest.mark.parametrize(
    ("name", "op", "wrong"),
    [
        ("logsumexp", "logsumexp", doubled),
        ("prod", "prod", doubled),
        ("product", "sum", doubled),
        ("largest", "max", first_of_ties),
        ("norm", "norm", without_guard),
    ],
)
def test_a_wrong_derivative_of_a_reduction(
    name: str, op: str, wrong: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = reverse.weighted

    def weighted(table: StageTable, stage: Stage, factor: Node) -> Node:
        return wrong(table, stage, factor, right) if stage.op == op else right(table, stage, factor)

    monkeypatch.setattr(reverse, "weighted", weighted)
    assert "NumPy gradient" in failing(checked(name))


# ---------------------------------------------------------------- stability


def plant_rule(monkeypatch: pytest.MonkeyPatch, name: str, right: Callable[..., Any] | None) -> None:
    """Another right side for a rule; none: the rule is gone."""
    by_op = lossdsl.rewrite._BY_OP
    (op,) = [op for op, rules in by_op.items() if any(rule.name == name for rule in rules)]
    changed = [
        dataclasses.replace(rule, right=right) if rule.name == name else rule
        for rule in by_op[op]
        if rule.name != name or right is not None
    ]
    assert by_op[op][0].left(PatternVocabulary()).op == op
    monkeypatch.setitem(by_op, op, changed)


@pytest.mark.parametrize(
    ("program", "rule", "right"),
    [
        ("log1p", "log1p", lambda o: o.log1p(-o.x)),
        ("log1p", "log1p", None),
        ("logcosh", "logcosh", None),
        ("complement", "sigmoid complement", lambda o: o.sigmoid(o.x)),
        ("normal_logcdf", "log of the normal distribution", lambda o: o.normal_logcdf(o.x) + o.x),
        ("normal_logcdf", "log of the normal distribution", None),
        ("xlogy", "xlogy", lambda o: o.xlogy(o.y, o.w)),
    ],
)
def test_a_wrong_or_missing_rewrite(
    program: str, rule: str, right: Callable[..., Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_rule(monkeypatch, rule, right)
    assert failing(checked(program)) & {"NumPy value", "NumPy value, other reductions"}


def test_a_complement_that_neither_the_rule_nor_the_back_ends_find(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_rule(monkeypatch, "sigmoid complement", None)
    assert checked("complement").ok
    monkeypatch.setattr(expand, "complemented", lambda table, node: None)
    assert failing(checked("complement")) & {"NumPy value", "NumPy value, other reductions"}


# ---------------------------------------------------------------- printers


WRONG_TEXTS = {
    "exp": "np.exp2({0})",
    "log": "np.log1p({0})",
    "tanh": "np.sinh({0})",
    "sqrt": "np.cbrt({0})",
    "abs": "{0}",
    "max": "np.minimum({0}, {1})",
}


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_a_wrong_template(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, name, dataclasses.replace(TABLE[name], numpy=WRONG_TEXTS[name]))
    assert "NumPy value" in failing(checked(name))


def test_a_template_that_is_off_by_a_relative_error_of_1e_10(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "exp", dataclasses.replace(TABLE["exp"], numpy="(np.exp({0})*(1 + 1e-10))"))
    assert "NumPy value" in failing(checked("exp"))


@pytest.mark.parametrize(
    ("program", "method", "wrong"),
    [
        ("product", "contract", lambda self, spec, factors: f"({factors[1]} @ {factors[0]}.T)"),
        ("product", "permute", lambda self, text, axes: text),
        ("masked", "select", lambda self, condition, then, otherwise: f"np.where({condition}, {otherwise}, {then})"),
        ("shift", "scatter_slices", lambda self, target, shape, slices, value: [f"{target} = {self.zeros(shape)}"]),
    ],
)
def test_a_wrong_printer(program: str, method: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before = checked(program)
    assert before.ok, str(before)
    monkeypatch.setattr(NumpyDialect, method, wrong)
    assert not checked(program).ok


def test_a_wrong_template_of_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    assert checked("tanh", "torch").ok
    monkeypatch.setitem(TABLE, "tanh", dataclasses.replace(TABLE["tanh"], torch="torch.sin({0})"))
    assert "PyTorch value" in failing(checked("tanh", "torch"))
