"""Calls of `def`s and losses: written out, handed over, mapped, shared."""

from __future__ import annotations

import pytest
from resolved import checked, codes, loss, shown

UNIT = "def unit(x[d])[d] = x/norm(x)"
ROWS = "def unit(x[n, d])[n, d] = x[n, d]/norm[d](x[n, d])"

# ---------------------------------------------------------------- scalar defs


def test_scalar_arguments_are_mapped() -> None:
    before = "def huber(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)"
    r = "(x[n] - y[n])"
    assert loss("x[n] | y[n]", "mean[n](huber(x - y; 2))", before=before) == (
        f"mean[n in 0..n]: ((({r} ^ 2) / 2) if (abs({r}) <= 2) else (2 * (abs({r}) - 1)))"
    )


def test_what_is_passed_is_one_object() -> None:
    program = checked("def square(x) = x*x\n\nloss l(x[n]):\n    return mean[n](square(exp(x)))")
    left, right = program.element.args  # type: ignore[union-attr]
    assert left is right


def test_indices_inside_are_hygienic() -> None:
    before = """
    def moment(x) = sum[n in 3](x^n)
    """
    assert loss("x[n]", "mean[n](moment(x))", before=before) == "mean[n in 0..n]: sum[n in 0..3]((x[n] ^ n))"


def test_bindings_of_a_scalar_def_that_depend_on_the_caller() -> None:
    before = """
    def poly(x):
        power[b in 3] = x^b
        half = x/2
        return sum[b](power[b]) + half
    """
    assert loss("x[n], z", "mean[n](poly(x)) + poly(z)", before=before) == (
        "local power[n in 0..n, b in 0..3]: real = (x[n] ^ b)\n"
        "local power[b in 0..3]: real = (z ^ b)\n"
        "local half: real = (z / 2)\n"
        "value: (mean[n in 0..n]((sum[b in 0..3](power[n, b]) + (x[n] / 2))) + (sum[b in 0..3](power[b]) + half))"
    )


def test_arguments_by_name_and_defaults() -> None:
    before = "def f(x, y = 2; a = 3, b = 4) = x + y + a + b"
    assert loss("x", "f(x)", before=before) == "value: (((x + 2) + 3) + 4)"
    assert loss("x", "f(y = x, x = 1; b = 5)", before=before) == "value: (((1 + x) + 3) + 5)"
    assert loss("x", "f(x, 1; 5)", before=before) == "value: (((x + 1) + 5) + 4)"


# ---------------------------------------------------------------- defs with axes


def test_a_call_is_one_binding_however_often_it_is_written() -> None:
    text = loss(
        "a[i, d], b[j, d]", "s[i, j] = sum[d](unit(a)[i, d]*unit(b)[j, d])", "mean(s) + sum(unit(a))", before=ROWS
    )
    assert text.count("norm") == 2


def test_equal_expressions_are_one_binding() -> None:
    text = loss("x[n, d], y[d]", "mean(unit(x^2)) + sum(unit(x^2))", before=ROWS)
    assert text.count("norm") == 1


def test_a_binding_of_a_call_is_the_call() -> None:
    assert loss("a[i, d]", "u = unit(a)", "mean(u)", before=ROWS) == (
        "local u[n in 0..i, d in 0..d]: real = (a[n, d] / norm[d in 0..d](a[n, d]))\n"
        "mean[i in 0..i, d in 0..d]: u[i, d]"
    )


def test_without_indices_the_result_has_the_names_of_the_caller() -> None:
    assert "mean[i in 0..i]: sum[d in 0..d](unit[i, d])" in loss("a[i, d]", "mean[i](sum[d](unit(a)))", before=ROWS)


def test_names_of_an_expression_that_is_handed_over() -> None:
    text = loss("a[i, d], w[d]", "u = unit(a*w)", "mean(u)", before=ROWS)
    assert text.startswith("local x[i in 0..i, d in 0..d]: real = (a[i, d] * w[d])\nlocal u[n in 0..i, d in 0..d]")
    assert text.endswith("mean[i in 0..i, d in 0..d]: u[i, d]")


def test_a_transposed_read_is_handed_over_as_it_is() -> None:
    text = loss("a[d, i]", "u[i, d] = unit(a[d, i]*1)[d, i]", "mean(u)", before=ROWS)
    assert "local unit[n in 0..d, d in 0..i]" in text
    assert "local x" not in loss("a[d, i]", "mean(unit(a[k, m]))", before=ROWS)


def test_a_colon_hands_over_an_axis_and_maps_over_the_rest() -> None:
    assert loss("w[c, k, d]", "u = unit(w[c, k, :])", "mean(u)", before=UNIT) == (
        "local u[c in 0..c, k in 0..k, d in 0..d]: real = (w[c, k, d] / norm[d in 0..d](w[c, k, d]))\n"
        "mean[c in 0..c, k in 0..k, d in 0..d]: u[c, k, d]"
    )


def test_a_colon_at_a_fixed_position() -> None:
    text = loss("w[3, d]", "mean(unit(w[1, :]))", before=UNIT)
    assert text.startswith("local unit[d in 0..d]: real = (w[1, d] / norm[d in 0..d](w[1, d]))")


def test_expressions_hand_over_what_no_reduction_binds() -> None:
    text = loss("x[n, d] | w[d]", "mean[n](total(x*w))", before="def total(v[d]) = sum(v)")
    assert text == (
        "local v[n in 0..n, d in 0..d]: real = (x[n, d] * w[d])\n"
        "local total[n in 0..n]: real = sum[d in 0..d](v[n, d])\n"
        "mean[n in 0..n]: total[n]"
    )


def test_expressions_hand_over_what_the_left_side_does_not_bind() -> None:
    before = "def total(v[d]) = sum(v)"
    text = loss("x[n, d] | w[d]", "r[n] = total(x[n, d]*w[d])", "mean(r)", before=before)
    assert "local r[n in 0..n]: real = sum[d in 0..d](v[n, d])" in text
    assert codes("x[n, d] | w[d]", "r = total(x*w)", "mean(r)", before=before) == ["E0510"]


def test_whole_tensors_are_handed_over_inside_reductions() -> None:
    before = "def dist(x[n, d], y[n, d])[n] = norm[d](x - y)"
    text = loss("a[n, d], b[n, d]", "mean[n](dist(a, b) + dist(2*a, b))", before=before)
    assert text.endswith("mean[n in 0..n]: (dist[n] + dist[n])")
    assert "local x[n in 0..n, d in 0..d]: real = (2 * a[n, d])" in text


def test_scalar_arguments_of_a_def_with_axes_are_mapped_too() -> None:
    text = loss("a[d], q[i]", "sum[i](q[i]*sum[d](scaled(a; i)[d]))", before="def scaled(x[d]; s)[d] = s*x")
    assert text == (
        "local scaled[i in 0..i, d in 0..d]: real = (i * a[d])\nsum[i in 0..i]: (q[i] * sum[d in 0..d](scaled[i, d]))"
    )


def test_equal_axes_of_a_signature_are_checked() -> None:
    text = loss("a[n], b[m]", "dot(a, b)", before="def dot(x[d], y[d]) = sum(x*y)")
    assert text.endswith("check n == m")


def test_sizes_of_a_signature_are_checked() -> None:
    assert loss("a[n, k]", "mean(ratio(a))", before="def ratio(p[n, 4])[n] = p[n, 0]/p[n, 3]").endswith("check 4 == k")


def test_outputs_that_are_no_axis_have_to_be_named() -> None:
    before = "def dist(x[n, d])[n, m] = norm[d](x[n, d] - x[m, d])"
    assert codes("z[i, d]", "mean(dist(z))", before=before) == ["E0511"]
    assert "mean[i in 0..i, j in 0..i]: dist[i, j]" in loss("z[i, d]", "mean[i, j](dist(z)[i, j])", before=before)


def test_sizes_inside_are_those_of_what_is_passed() -> None:
    text = loss("a[k, m]", "mean(centred(a))", before="def centred(x[n, d])[n, d] = x[n, d] - sum[s](x[s, d])/size(n)")
    assert "(sum[s in 0..k](a[s, d]) / <k>)" in text


def test_defaults_of_arguments_with_axes() -> None:
    before = "def wsum(x[n], w[n] = 1) = sum(w*x)"
    assert "sum[n in 0..n]((1 * x[n]))" in loss("x[n]", "2*wsum(x)", before=before)


# ---------------------------------------------------------------- called losses


MSE = """
loss mse(pred[..] | target[..], weight[..] >= 0 = 1):
    return mean[..](weight*(pred - target)^2)
"""


@pytest.mark.parametrize(
    ("signature", "call", "inside"),
    [
        ("p[n] | t[n]", "mse(p | t)", "mean[n in 0..n]((1 * ((p[n] - t[n]) ^ 2)))"),
        ("p[n, c] | t[n, c]", "mse(p | t)", "mean[n in 0..n, c in 0..c]((1 * ((p[n, c] - t[n, c]) ^ 2)))"),
        ("p[..] | t[..]", "mse(p | t)", "mean[.. in 0..size(..)]((1 * ((p[..] - t[..]) ^ 2)))"),
        ("p | t", "mse(p | t)", "(1 * ((p - t) ^ 2))"),
        ("p[n] | t[n], w[n]", "mse(p | t, weight = w)", "mean[n in 0..n]((w[n] * ((p[n] - t[n]) ^ 2)))"),
    ],
)
def test_a_group_is_as_many_axes_as_are_passed(signature: str, call: str, inside: str) -> None:
    assert inside in loss(signature, f"2*{call}", before=MSE)


def test_a_called_loss_has_its_value_as_written() -> None:
    per_element = "loss se(p[n] | t[n]):\n    return (p - t)^2\n"
    assert loss("x[i] | y[i]", "sum[i](se(x | y))", before=per_element).endswith("sum[i in 0..i]: se[i]")
    reduced = "loss se(p[n] | t[n]):\n    return sum[n]((p - t)^2)\n"
    assert loss("x[i] | y[i]", "2*se(x | y)", before=reduced).endswith("value: (2 * se)")


def test_hyperparameters_of_a_called_loss() -> None:
    text = shown(
        """
        loss huber(p[n] | t[n]; delta > 0 = 1.0, learn s = 0):
            r = p - t
            return mean[n](r^2*delta*s)

        loss l(x[n] | y[n]; d > 0 = 0.5, learn v = 1):
            return huber(x | y; delta = 2*d, s = v) + huber(x | y; s = 3)
        """
    )
    assert "((r[n] ^ 2) * (2 * d)) * v)" in text
    assert "((r[n] ^ 2) * 1) * 3)" in text


def test_labels_of_a_called_loss_are_whole() -> None:
    before = "loss ce(z[n, c] | y[n] in c):\n    return logsumexp[c](z) - z[n, y[n]]\n"
    assert loss("a[n, k] | b[n] in k", "mean(ce(a | b))", before=before).startswith("local ce[n in 0..n]")
    assert codes("a[n, k] | b[n]", "mean(ce(a | b))", before=before) == ["E0513"]


def test_problems_of_a_def_are_reported_once() -> None:
    assert codes("x[n]", "mean(bad(x) + bad(2*x))", before="def bad(x) = x + q") == ["E0201"]
    assert codes("x[n]", "mean(worse(x))", before="def bad(x) = x + q\ndef worse(x) = bad(x)^2") == ["E0201"]


def test_defs_are_checked_even_if_nothing_calls_them() -> None:
    assert codes("x[n]", "mean(x)", before="def bad(x[n]) = x[n, 0]") == ["E0301"]
