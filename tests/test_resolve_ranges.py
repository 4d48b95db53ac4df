"""Over which positions index variables run, which sizes must be equal, and which reads have to be checked."""

from __future__ import annotations

from fractions import Fraction

import pytest
from resolved import checked, codes, loss

from lossdsl.meaning import core
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.extents import add, const, floordiv, hyper, maximum, minimum, scale, size, sub

# ---------------------------------------------------------------- plain reads


def test_axes_that_meet_must_be_equal() -> None:
    assert loss("x[n] | y[m]", "mean[i](x[i] - y[i])") == "mean[i in 0..n]: (x[i] - y[i])\ncheck n == m"


def test_the_same_axis_needs_no_check() -> None:
    assert loss("x[n] | y[n]", "mean[i](x[i] - y[i])") == "mean[i in 0..n]: (x[i] - y[i])"


def test_a_size_that_is_known_is_the_range() -> None:
    assert loss("x[n] | y[4]", "mean[i](x[i] - y[i])") == "mean[i in 0..4]: (x[i] - y[i])\ncheck 4 == n"


def test_reads_in_branches_give_a_range_where_nothing_else_does() -> None:
    assert loss("c[i, j]", "sum[a, b](c[a, b]^2 if a == b else c[a, b])") == (
        "sum[a in 0..i, b in 0..j]: ((c[a, b] ^ 2) if (a == b) else c[a, b])"
    )


def test_reads_in_branches_do_not_restrict() -> None:
    assert loss("x[t] | y[u]", "mean[i](x[i] - (y[i] if i < size(u) else 0))") == (
        "mean[i in 0..t]: (x[i] - (y[i]?<(i < <u>)> if (i < <u>) else 0))"
    )


# ---------------------------------------------------------------- numbers only


def test_a_number_has_the_range_of_the_axis_of_its_name() -> None:
    assert loss("z[n, c] | label[n] in c", "y[n, c] = [label[n] == c]", "mean(y*z)").startswith(
        "local y[n in 0..n, c in 0..c]: int = (1 if (label[n] == c) else 0)"
    )


def test_ranges_that_are_given() -> None:
    assert loss("x[n]", "sum[b in 10](b*x[0])") == "sum[b in 0..10]: (b * x[0]?)"
    assert loss("x[n]; bins > 0 = 5", "edge[b in bins] = b/bins", "sum[b](edge[b]*x[0])").startswith(
        "local edge[b in 0..bins]: real = (b / bins)\nsum[b in 0..bins]: (edge[b] * x[0]?)"
    )
    assert loss("x[n]", "d[i in n] = i*x[0]", "mean(d)").startswith("local d[i in 0..n]")


def test_a_given_range_has_the_size_of_the_axis() -> None:
    assert loss("x[n]; k > 0 = 3", "sum[i in k](x[i])") == "sum[i in 0..k]: x[i]\ncheck k == n"


# ---------------------------------------------------------------- offsets


def test_an_offset_restricts_to_positions_where_all_reads_are_in_range() -> None:
    assert loss("x[t]", "sum[i](x[i+1] - x[i])") == "sum[i in 0..max(t - 1, 0)]: (x[(i + 1)] - x[i])"
    assert loss("x[t]", "sum[i](x[i+1] - 2*x[i] + x[i-1])").startswith("sum[i in 1..max(t - 1, 1)]")
    assert loss("x[t] | y[u]", "sum[i](x[i+2]*y[i])").startswith("sum[i in 0..max(min(u, t - 2), 0)]")


def test_an_offset_alone_moves_the_range() -> None:
    assert loss("x[t]", "sum[i](x[i+1])") == "sum[i in -1..t - 1]: x[(i + 1)]"


def test_multiples() -> None:
    assert (
        loss("x[t]", "sum[i](max[a in 2](x[2*i + a]))")
        == "sum[i in 0..max((t - 2)//2 + 1, 0)]: max[a in 0..2](x[((2 * i) + a)])"
    )
    assert loss("x[t]", "sum[i](x[2*i])").startswith("sum[i in 0..(t - 1)//2 + 1]")


def test_reversal() -> None:
    assert loss("x[t]", "mean[t](x[t]*x[size(t)-1-t])") == "mean[t in 0..t]: (x[t] * x[((<t> - 1) - t)])"


def test_an_offset_may_be_a_whole_hyperparameter() -> None:
    text = loss("x[t]; lag in {1, 2} = 1", "d[i] = x[i+lag] - x[i]", "mean(d)")
    assert text.startswith("local d[i in max(0 - lag, 0)..max(max(0 - lag, 0), min(t, t - lag))]")


def test_a_hyperparameter_in_a_position_is_whole_from_there_on() -> None:
    program = checked("loss l(x[t]; lag >= 1 = 1):\n    return mean[i](x[i+lag] - x[i])")
    assert {arg.name: arg.whole for arg in program.args} == {"x": False, "lag": True}
    assert codes("x[t]; lag = 1/2", "mean[i](x[i+lag] - x[i])") == ["E0309"]


def test_bindings_over_inner_positions_keep_them() -> None:
    text = loss("x[t]", "d[i] = x[i] - x[i-1]", "mean[j](d[j])")
    assert text == "local d[i in 1..max(t, 1)]: real = (x[i] - x[(i - 1)])\nmean[j in 1..max(t, 1)]: d[j]"


def test_bindings_over_inner_positions_meet_where_both_are() -> None:
    text = loss("x[h, w]", "a = x[h+1, w] - x[h, w]", "b = x[h, w+1] - x[h, w]", "mean(a^2 + b^2)")
    assert "mean[h in 0..max(h - 1, 0), w in 0..max(w - 1, 0)]: ((a[h, w] ^ 2) + (b[h, w] ^ 2))" in text


# ---------------------------------------------------------------- several variables


def test_windows_that_fit() -> None:
    assert loss("x[t] | w[k]", "mean[i](sum[a](w[a]*x[i+a]))") == (
        "mean[i in 0..max(t + 1 - k, 0)]: sum[a in 0..k]((w[a] * x[(i + a)]))"
    )


def test_the_outer_variable_is_restricted_where_both_have_ranges() -> None:
    assert loss("x[t] | w[k], y[t]", "mean[i]((y[i] - sum[a](w[a]*x[i-a]))^2)").startswith("mean[i in max(k - 1, 0)..")


def test_the_variable_along_the_axis_is_restricted_and_not_the_lag() -> None:
    """An outer variable is not restricted by reads of an inner one that has a range of its own."""
    assert loss("x[t] | w[k]", "sum[i](w[i]*sum[t](x[t]*x[t+i]))") == (
        "sum[i in 0..k]: (w[i] * sum[t in 0..max(min(t, t + 1 - k), 0)]((x[t] * x[(t + i)])))"
    )


def test_the_inner_variable_is_restricted_where_only_the_outer_has_a_range() -> None:
    assert loss("x[t] | y[u]", "sum[i](y[i]*sum[a](x[i+a]))").startswith(
        "sum[i in 0..u]: (y[i] * sum[a in 0..max(t + 1 - u, 0)](x[(i + a)]))"
    )


def test_all_reads_of_such_an_inner_variable_restrict_it() -> None:
    assert "sum[a in 0..max(min(t + 1 - u, v + 1 - u), 0)]" in loss(
        "x[t], z[v] | y[u]", "sum[i](y[i]*sum[a](x[i+a]*z[i+a]))"
    )


def test_zero_padding() -> None:
    text = loss("w[a], x[i] | y[i]", "mean[i]((y[i] - sum[a where 0 <= i+a-1 < size(i)](w[a]*x[i+a-1]))^2)")
    guard = "((0 <= ((i + a) - 1)) and (((i + a) - 1) < <i>))"
    assert text == (
        f"mean[i in 0..i]: ((y[i] - sum[a in 0..a where {guard}]((w[a] * x[((i + a) - 1)]?<{guard}>))) ^ 2)"
    )


def test_a_condition_that_relates_the_variables_decides() -> None:
    assert loss("x[t]", "mean[t, s where s <= t](x[t]*x[s]*x[t-s])") == (
        "mean[t in 0..t, s in 0..t] where (s <= t): ((x[t] * x[s]) * x[(t - s)]?<(s <= t)>)"
    )


def test_other_conditions_of_the_same_reduction_leave_windows_that_fit() -> None:
    text = loss("x[t] | w[k], y[t]", "sum[i where y[i] > 0](sum[a](w[a]*x[i+a]))")
    assert text.startswith("sum[i in 0..max(min(t, t + 1 - k), 0)]")


def test_a_single_variable_under_its_own_condition_is_restricted() -> None:
    assert loss("x[t]", "mean[t where t >= 1](x[t] - x[t-1])") == (
        "mean[t in 1..max(t, 1)] where (t >= 1): (x[t] - x[(t - 1)])"
    )


# ---------------------------------------------------------------- gathers and guards


def test_gathers_are_checked_where_they_are_evaluated() -> None:
    assert loss("z[n, c] | y[n] in c or {-100}", "mean[n where y != -100](z[n, y[n]])") == (
        "mean[n in 0..n] where (y[n] != -100): z[n, y[n]]?<(y[n] != -100)>"
    )


def test_guards_of_both_branches() -> None:
    assert loss("z[c] | y[n] in c, s[n]", "mean[n](z[y[n]] if s > 0 else z[y[n] - 1] if s < 0 else 0)") == (
        "mean[n in 0..n]: (z[y[n]]?<(s[n] > 0)> if (s[n] > 0) else "
        "(z[(y[n] - 1)]?<not (s[n] > 0)><(s[n] < 0)> if (s[n] < 0) else 0))"
    )


def test_a_shared_gather_has_the_weakest_guards() -> None:
    text = loss("z[c] | y[n] in c", "mean[n](relu_(z[y[n]]))", before="def relu_(x) = x if x > 0 else 0")
    assert text == "mean[n in 0..n]: (z[y[n]]? if (z[y[n]]? > 0) else 0)"


def test_an_argument_that_is_used_under_a_branch_is_guarded_by_it() -> None:
    text = loss("z[c] | y[n] in {0, 1, 2}", "mean[n](pick(z[y[n]], y))", before="def pick(x, k) = x if k > 0 else 0")
    assert text == "mean[n in 0..n]: (z[y[n]]?<(y[n] > 0)> if (y[n] > 0) else 0)"


def test_a_shared_gather_under_different_branches_is_two() -> None:
    program = checked(
        """
        def pick(x, k) = x if k > 0 else 2*x
        loss l(z[c] | y[n] in {0, 1, 2}, k[n]):
            return mean[n](pick(z[y[n]], k))
        """
    )
    assert isinstance(program.element, core.If)
    then, otherwise = program.element.then, program.element.otherwise
    assert isinstance(then, core.Read)
    assert isinstance(otherwise, core.Apply)
    assert otherwise.args[1] is not then
    assert then.guards == ((program.element.condition, True),)


def test_literals() -> None:
    assert loss("x[n, 4]", "mean[n](x[n, 0] - x[n, -1])") == "mean[n in 0..n]: (x[n, 0] - x[n, 3])"
    assert loss("x[n, t]", "mean[n](x[n, 0] - x[n, -1])") == "mean[n in 0..n]: (x[n, 0]? - x[n, <t - 1>]?)"
    assert loss("x[n, 4]", "mean[n](x[n, 2*2 - 1])") == "mean[n in 0..n]: x[n, 3]"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("sum[b](b*x[0, 0])",), "E0304"),
        (("d[i] = x[i-1, 0] if i > 0 else 0", "mean(d)"), "E0304"),
        (("sum[a](sum[b](x[a+b, 0]))",), "E0304"),
        (("sum[k in 5](box[k])",), "E0305"),
        (("sum[k in 4](box[k+1])",), "E0306"),
        (("box[4]",), "E0306"),
        (("box[-5]",), "E0306"),
        (("d[i] = x[i+1, 0] - x[i, 0]", "e[i] = x[i, 0]*d[i]", "e[-1]*d[0] + box[1/2]"), "E0309"),
    ],
)
def test_errors(lines: tuple[str, ...], code: str) -> None:
    assert codes("x[t, u], box[4]", *lines) == [code]


# ---------------------------------------------------------------- extents

N, M = size("n"), size("m")
SIZES = [{"n": n, "m": m} for n in range(4) for m in range(4)]


def at(extent: core.Extent, sizes: dict[str, int]) -> int:
    values = [at(operand, sizes) for operand in extent.operands]
    match extent.op:
        case "const":
            return extent.value
        case "size" | "hyper":
            return sizes[extent.name]
        case "add":
            return values[0] + values[1]
        case "sub":
            return values[0] - values[1]
        case "mul":
            return values[0] * values[1]
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "floordiv":
            return values[0] // values[1]


EXTENTS = [
    const(0), const(-2), const(3), N, M, add(N, const(1)), sub(N, const(2)), sub(M, N), scale(N, 2), scale(N, -1),
    maximum(N, M), minimum(N, sub(M, const(1))), floordiv(add(N, const(1)), 2), maximum(const(0), sub(N, const(1))),
    floordiv(scale(N, 2), 2), sub(maximum(N, const(2)), N), sub(const(3), floordiv(M, 3)),
]  # fmt: skip


@pytest.mark.parametrize("left", EXTENTS, ids=extents.show)
def test_extents_are_what_they_say(left: core.Extent) -> None:
    for right in EXTENTS:
        for sizes in SIZES:
            x, y = at(left, sizes), at(right, sizes)
            assert at(add(left, right), sizes) == x + y
            assert at(sub(left, right), sizes) == x - y
            assert at(maximum(left, right), sizes) == max(x, y)
            assert at(minimum(left, right), sizes) == min(x, y)
            assert at(floordiv(left, 3), sizes) == x // 3
            assert not extents.at_least(left, right) or x >= y


def test_what_is_proved() -> None:
    assert extents.at_least(N, const(0))
    assert not extents.at_least(hyper("k"), const(0))
    assert extents.at_least(maximum(N, M), M)
    assert extents.at_least(N, minimum(N, M))
    assert extents.at_least(N, floordiv(N, 2))
    assert not extents.at_least(N, M)


def test_equal_extents_are_one() -> None:
    assert add(sub(N, const(1)), const(1)) == N
    assert sub(add(N, M), N) == M
    assert maximum(N, M) == maximum(M, N)
    assert floordiv(scale(N, 4), 2) == scale(N, 2)
    assert Fraction(extents.constant(sub(add(N, const(3)), N)) or 0) == 3


def test_the_condition_of_a_reduction_guards_reads_of_its_own_variables() -> None:
    window = "sum[u in d, i in 3 where 0 <= u + i - 1 < size(d)](x[u + i - 1])"
    assert loss("x[d]", window)
    assert loss("x[d]", "sum[u in d where u > 0](x[u - 1])")
    assert codes("x[d]", "sum[u in d](x[u - 1])") == ["E0306"]
