"""Names, indices, blocks and kinds: what a text becomes."""

from __future__ import annotations

import pytest
from acceptance_cases import load, names
from resolved import checked, codes, loss

from lossdsl.meaning import core, resolve
from lossdsl.syntax import parse


@pytest.mark.parametrize("name", names())
def test_acceptance_losses_have_the_signatures_of_their_cases(name: str) -> None:
    case = load(name)
    program = resolve(parse(case.text)).losses[case.entry]
    arguments = {arg.name for arg in program.args}
    for point in case.points:
        assert point.arguments.keys() <= arguments
        assert point.gradient.keys() <= {arg.name for arg in program.args if arg.role in ("prediction", "learn")}


# ---------------------------------------------------------------- bare names, free indices


def test_a_bare_name_is_read_at_its_own_indices() -> None:
    assert loss("pred[n] | target[n]", "r = pred - target", "mean[n](r^2)") == (
        "local r[n in 0..n]: real = (pred[n] - target[n])\n"
        "mean[n in 0..n]: (r[n] ^ 2)"
    )  # fmt: skip


def test_free_indices_take_the_order_that_the_reads_agree_on() -> None:
    assert loss("w[c] | x[n, c]", "y = w[c]*x[n, c]", "mean[i, j](y[i, j])").startswith("local y[n in 0..n, c in 0..c]")


def test_gathers_count_for_the_order() -> None:
    text = loss("table[v, d] | who[n] in v", "row = table[who[n], d]", "mean(row)")
    assert text.startswith("local row[n in 0..n, d in 0..d]: real = table[who[n], d]?")


def test_an_open_order_is_an_error_only_where_it_matters() -> None:
    assert "mean[n in 0..n, m in 0..m]" in loss("x[n], y[m]", "d = x - y", "mean(d^2)")
    assert codes("x[n], y[m]", "d = x - y", "mean[n, m](d[n, m])") == ["E0303"]


def test_an_open_order_stays_open_in_what_is_made_of_it() -> None:
    assert codes("x[n], y[m]", "d = x - y", "e = d^2", "e[0, 0]") == ["E0303"]


def test_softmax_keeps_its_index_free() -> None:
    assert loss("x[n, c]", "p = softmax[c](x)", "mean(p)").startswith(
        "local p[n in 0..n, c in 0..c]: real = softmax[c in 0..c](x[n, c])@c"
    )


def test_a_sum_may_reuse_the_name_of_a_free_index() -> None:
    expected = "local p[n in 0..n, c in 0..c]: real = (exp(x[n, c]) / sum[c in 0..c](exp(x[n, c])))"
    assert loss("x[n, c]", "p = exp(x)/sum[c](exp(x))", "mean(p)").startswith(expected)
    assert loss("x[n, c]", "p[n, c] = exp(x[n, c])/sum[c](exp(x[n, c]))", "mean(p)").startswith(expected)


def test_without_brackets_a_reduction_takes_what_no_reduction_binds() -> None:
    assert loss("x[n, c]", "mean[n](max(x))") == "mean[n in 0..n]: max[c in 0..c](x[n, c])"
    assert loss("x[n, c]", "m = x - mean(x)", "mean(m)").startswith(
        "local m[n in 0..n, c in 0..c]: real = (x[n, c] - mean[n in 0..n, c in 0..c](x[n, c]))"
    )


def test_inner_reductions_without_brackets_take_their_indices_first() -> None:
    assert loss("x[n]", "2*sum(x - mean(x))") == "value: (2 * sum[n in 0..n]((x[n] - mean[n in 0..n](x[n]))))"
    assert codes("x[n]", "sum(mean(x))") == ["E0311"]


def test_an_index_is_also_a_number() -> None:
    text = loss("x[n]", "sum[i, j where i < j]((x[i] - x[j])/(j - i))")
    assert text == "sum[i in 0..n, j in 0..n] where (i < j): ((x[i] - x[j]) / (j - i))"


def test_diagonals() -> None:
    assert loss("s[i, i2]", "mean[i](s[i, i])") == "mean[i in 0..i]: s[i, i]\ncheck i == i2"


# ---------------------------------------------------------------- what is returned


def test_a_mean_or_sum_that_is_returned_is_the_reduction() -> None:
    assert loss("x[n] | w[n]", "sum[n where w[n] > 0](x)") == "sum[n in 0..n] where (w[n] > 0): x[n]"
    assert loss("x[n, c]", "mean(x)") == "mean[n in 0..n, c in 0..c]: x[n, c]"


def test_parentheses_around_what_is_returned_change_nothing() -> None:
    assert loss("x[n]", "(mean[n](x))") == loss("x[n]", "mean[n](x)")


def test_free_indices_make_a_loss_per_element() -> None:
    assert loss("x[n, c]", "sum[c](x)") == "mean[n in 0..n]: sum[c in 0..c](x[n, c])"


def test_other_scalars_take_no_reduction() -> None:
    assert loss("x[n]", "2*mean[n](x)") == "value: (2 * mean[n in 0..n](x[n]))"
    assert loss("x[n]", "max[n](x)") == "value: max[n in 0..n](x[n])"


def test_terms_are_scalar_numbers_of_the_block() -> None:
    text = loss("x[n]", "a = mean(x)", "some = any(x > 0)", "b[n] = x*a", "mean[n where some](b)")
    assert [line.split()[0] for line in text.splitlines()[:-1]] == ["term", "local", "local"]


def test_unused_bindings_are_left_out_but_for_terms() -> None:
    assert (
        loss("x[n]", "a = mean(x)", "b = x^2", "mean(x)")
        == "term a: real = mean[n in 0..n](x[n])\nmean[n in 0..n]: x[n]"
    )


def test_predict() -> None:
    text = loss(
        "score[n] | y[n]; learn s = 1", "predict mu = exp(s*score)", "predict top = max(mu)", "mean(mu - y*top)"
    )
    assert text.startswith(
        "predict mu[n in 0..n]: real = exp((s * score[n]))\npredict top: real = max[n in 0..n](mu[n])"
    )


# ---------------------------------------------------------------- conditions and kinds


def test_conditions_are_expanded() -> None:
    assert loss("x[n]", "count[n where 0 < x <= 1]") == "value: count[n in 0..n where ((0 < x[n]) and (x[n] <= 1))](1)"
    assert loss("x[n]", "mean[n where x in {1, 2}](x)").startswith("mean[n in 0..n] where ((x[n] == 1) or (x[n] == 2))")
    assert loss("x[n]", "mean[n where x in (0, 1]](x)").startswith("mean[n in 0..n] where ((x[n] > 0) and (x[n] <= 1))")
    assert loss("x[n, c] | y[n] in c", "mean[n where y in c](x[n, 0])").startswith(
        "mean[n in 0..n] where ((y[n] >= <0>) and (y[n] < <c>))"
    )
    assert "(x[n] == floor(x[n]))" in loss("x[n]", "mean[n where x in 3](x)")


def test_a_count_of_conditions() -> None:
    expected = "value: count[n in 0..n where (x[n] > 0)](1)"
    assert loss("x[n]", "count(x > 0)") == expected
    assert loss("x[n]", "count[n](x > 0)") == expected
    assert loss("x[n]", "count[n where x > 0]") == expected


def test_a_binding_may_hold_a_condition() -> None:
    text = loss("p[n]", "kept[n] = p > 0.5", "mean[n where kept and not p < 0]([kept]*p)")
    assert text == (
        "local kept[n in 0..n]: bool = (p[n] > 1/2)\n"
        "mean[n in 0..n] where (kept[n] and not((p[n] < 0))): ((1 if kept[n] else 0) * p[n])"
    )


def test_conditionals_of_conditions() -> None:
    assert "(x[n] > 0) if any[n in 0..n]((x[n] > 1)) else (x[n] < 0)" in loss(
        "x[n]", "c[n] = x > 0 if any(x > 1) else x < 0", "mean[n where c](x)"
    )


def test_every_expression_has_its_kind() -> None:
    program = checked(
        """
        loss l(x[n, c] | label[n] in c; bins > 0 = 4):
            k = argmax[c](x)
            w[b in bins] = b/bins
            kept = label == k
            return mean[n where kept](x[n, mod(label + 1, size(c))]*w[0])
        """
    )
    kinds = {let.name: let.kind for let in program.lets}
    assert kinds == {"k": "int", "w": "real", "kept": "bool"}
    assert program.kinds[id(program.element)] == "real"
    assert program.mask is not None
    assert program.kinds[id(program.mask)] == "bool"
    assert isinstance(program.element, core.Apply)
    read = program.element.args[0]
    assert isinstance(read, core.Read)
    assert [program.kinds[id(index)] for index in read.indices] == ["int", "int"]


def test_a_size_makes_a_hyperparameter_whole() -> None:
    program = checked("loss l(x[n]; bins > 0 = 4, scale > 0 = 1):\n    return mean(x)*sum[b in bins](b)*scale")
    assert {arg.name: arg.whole for arg in program.args} == {"x": False, "bins": True, "scale": False}


# ---------------------------------------------------------------- signatures


def test_domains_and_defaults() -> None:
    program = checked(
        """
        loss l(p[n, c] in (0, 1] | label[n] in c or {-100}, k[n] in 3, z[n] != 0, w[c] >= 0 = 1;
               low = -inf, high > low = inf, a in [0, 1) = 3/4 - 2^-2, learn s[c] = pi):
            return mean[n](p[n, 0]*w[0]*k*z*a*s[0] + clip(0, low, high))
        """
    )
    args = {arg.name: arg for arg in program.args}
    assert args["p"].domain == (core.Alternative("interval", 0, 1, low_open=True),)
    assert args["p"].domain_text == "in (0, 1]"
    assert [one.kind for one in args["label"].domain] == ["axis", "set"]
    assert args["label"].whole
    assert args["k"].domain == (core.Alternative("set", values=(0, 1, 2)),)
    assert args["z"].domain == (core.Alternative("nonzero"),)
    assert args["high"].domain == (core.Alternative("interval", "low", "inf", low_open=True),)
    assert (args["low"].default, args["high"].default, args["w"].default) == ("-inf", "inf", 1)
    assert args["a"].default * 2 == 1
    assert (args["s"].role, args["s"].axes) == ("learn", (core.Extent("size", name="c"),))
    assert abs(float(args["s"].default) - 3.141592653589793) < 1e-15


def test_sizes() -> None:
    assert loss("x[n, c]", "mean[n](x[n, 0]/(size(n) - 1) + size(c))").endswith("((x[n, 0]? / (<n> - 1)) + <c>)")
    assert "<max(n - 1, 0)>" in loss("x[n]", "d[i] = x[i+1] - x[i]", "mean[i](d[i]/size(i))")
    assert "<n>" in loss("x[n]", "mean[n]((x[n+1] - x[n])/size(n))"), "size(n) is the axis, where there is one"


def test_the_group_of_axes_is_one_axis() -> None:
    assert loss("x[..] | y[..]", "mean[..](x - y)/size(..)") == (
        "value: (mean[.. in 0..size(..)]((x[..] - y[..])) / <size(..)>)"
    )
    assert loss("z[.., c] | label[..] in c", "logsumexp[c](z) - z[.., label[..]]") == (
        "mean[.. in 0..size(..)]: (logsumexp[c in 0..c](z[.., c]) - z[.., label[..]]?)"
    )


def test_unpacking() -> None:
    assert loss("box[n, 2]", "a, b = box[n, :]", "mean(a*b)").splitlines()[:2] == [
        "local a[n in 0..n]: real = box[n, 0]",
        "local b[n in 0..n]: real = box[n, 1]",
    ]
    assert loss("p[2]", "a, b = p[:]", "a*b").startswith("term a: real = p[0]\nterm b: real = p[1]\n")


def test_python_keywords_are_names() -> None:
    assert loss("class[n]", "lambda = class^2", "mean(lambda)").startswith("local lambda[n in 0..n]")


def test_several_problems_are_reported_together() -> None:
    found = codes("x[n] | y[n]", "a = x + q", "b = w*y[n, 0]", "mean[k](x) + a + r")
    assert found == ["E0201", "E0201", "E0301", "E0308", "E0201"]


def test_what_follows_from_a_problem_is_no_problem() -> None:
    assert codes("x[n]", "a = x + q", "b = a^2", "mean(b)") == ["E0201"]
