"""Figures of losses: what is drawn is what the emitted code says, over the right axis, with gaps at jumps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossdsl
from lossdsl.plot import PlotError, plot
from lossdsl.plot.axis import axes_of
from lossdsl.plot.contour import contour_figure
from lossdsl.plot.field import field
from lossdsl.plot.figure import lines_figure, svg
from lossdsl.plot.jumps import Sampled, sampled
from lossdsl.plot.lines import MOST, Line, Lines, lines
from lossdsl.plot.subject import subject
from lossdsl.plot.text import lines_text

pytest.importorskip("matplotlib")

REGRESSION = lossdsl.catalogue["regression"]
HUBER, MAE = REGRESSION["huber"], REGRESSION["mae"]
HINGE = lossdsl.catalogue["margin"]["hinge"]
LOGISTIC = lossdsl.loss("""loss logistic(score[n] | y[n] in {0, 1}):
    return mean[n](softplus(score) - y*score)
""")
CROSS_ENTROPY = lossdsl.loss("""loss nll(logit[n, c] | y[n] in c):
    return mean[n](logsumexp[c](logit) - logit[n, y])
""")
MIXED = lossdsl.loss("""loss mixed(pred[n] | target[n]; share in [0, 1] = 0.25):
    r = pred - target
    return share*mean[n](|r|) + (1 - share)*mean[n](r^2)
""")


def points(line: Any) -> tuple[Any, Any]:
    """The coordinates of a line that are drawn."""
    at, values = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    return at[np.isfinite(values)], values[np.isfinite(values)]


def test_value_gradient_and_curvature_are_those_of_the_emitted_code() -> None:
    figure = HUBER.plot(delta=[0.5, 2])
    f = HUBER.numpy()
    assert [panel.get_ylabel() for panel in figure.axes] == ["value", "gradient", "curvature"]
    for number, delta in enumerate((0.5, 2.0)):
        for row, panel in enumerate(figure.axes):
            assert len(panel.lines) == 2
            assert panel.lines[number].get_label() == f"delta = {delta:g}"
            r, drawn = points(panel.lines[number])
            given: Any = {"pred": r, "target": np.zeros_like(r), "delta": delta, "reduction": "none"}
            value, slope = f.value_and_grad(**given)
            np.testing.assert_array_equal(drawn, (value, slope, f.hess_diag(**given))[row])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["delta = 0.5", "delta = 2"]
    assert [panel.get_xlabel() for panel in figure.axes] == ["pred − target"] * 3
    assert "huber(pred[..] | target[..]; delta > 0 = 1)" in figure.get_suptitle()


def test_lines_differ_in_colour_and_in_style() -> None:
    panel = HUBER.plot(delta=list(range(1, MOST + 1)), quantities=["value"]).axes[0]
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in panel.lines}
    assert len(looks) == len(panel.lines) == MOST


def test_the_residual_moves_with_the_target() -> None:
    shifted = lossdsl.loss("loss f(p[n] | t[n] >= 2):\n    return mean[n]((p - t)^2)\n")
    picture = lines([shifted], {})
    assert picture.label == "p − t"
    curves = picture.lines[0].curves
    np.testing.assert_allclose(curves.rows[0], curves.at**2, atol=1e-12)


def test_a_sum_of_means_is_shown_for_one_row() -> None:
    picture = lines([MIXED], {})
    r, value = picture.lines[0].curves.line(0)
    np.testing.assert_allclose(value, 0.25 * np.abs(r) + 0.75 * r**2)
    assert (picture.label, picture.fixed) == ("pred − target", "share = 0.25")


def test_labels_make_a_margin_if_the_curves_are_mirror_images() -> None:
    assert axes_of(subject(HINGE))["margin"].label == "y·score"
    assert axes_of(subject(LOGISTIC))["margin"].label == "(2·y − 1)·score"
    weighted = lossdsl.loss(
        "loss f(s[n] | y[n] in {0, 1}):\n    return mean[n](softplus(s)*(1 - y) + 2*y*softplus(-s))\n"
    )
    assert set(axes_of(subject(weighted))) == {"prediction"}
    both = plot(HINGE, LOGISTIC)
    assert [line.get_label() for line in both.axes[0].lines] == ["hinge", "logistic"]
    assert both.axes[0].get_xlabel() == "margin"
    margin, drawn = points(both.axes[0].lines[1])
    np.testing.assert_allclose(drawn, np.logaddexp(0, -margin), rtol=1e-12)


def test_against_the_prediction_labels_give_a_line_each() -> None:
    panel = LOGISTIC.plot(against="prediction").axes[0]
    assert [line.get_label() for line in panel.lines] == ["y = 0", "y = 1"]
    assert panel.get_xlabel() == "score"


def test_data_that_are_set_leave_the_prediction_as_the_axis() -> None:
    panel = HUBER.plot(target=[0, 1.5]).axes[0]
    assert panel.get_xlabel() == "pred"
    at, drawn = points(panel.lines[1])
    assert at[np.argmin(drawn)] == pytest.approx(1.5, abs=0.02)


def test_jumps_are_gaps_at_the_exact_place_and_kinks_have_a_dot() -> None:
    third = lossdsl.loss("loss f(p[n] | t[n]):\n    r = p - t\n    return mean[n](|r - 1/3| + (1 if r > 2 else 0))\n")
    curves = lines([third], {}).lines[0].curves
    at, slope = curves.line(1)
    before, behind = np.flatnonzero(np.isnan(at))
    assert at[before + 1] == 1 / 3 and at[behind + 1] - at[before - 1] < 1e-15
    assert slope[[before - 1, before + 1, behind + 1]].tolist() == [-1, 0, 1]
    (step,) = np.flatnonzero(np.isnan(curves.line(0)[0]))
    assert curves.line(0)[0][step - 1] == 2
    value, gradient = MAE.plot().axes[:2]
    assert np.isfinite(np.asarray(value.lines[0].get_ydata(), float)).all()
    assert [points(line)[1].tolist() for line in gradient.lines[1:]] == [[0]]


@pytest.mark.parametrize("function", [np.exp, np.sin, lambda x: np.exp(-8 * x), lambda x: np.tanh(300 * x), np.cbrt])
def test_what_is_only_steep_is_not_cut(function: Any) -> None:
    assert sampled(lambda at: function(at)[None], np.linspace(-4, 4, 100)).breaks == ((),)


def test_a_pole_is_a_gap_that_does_not_set_the_height_of_the_picture() -> None:
    at = np.linspace(-4, 4, 100)
    found = sampled(lambda x: 1 / x[None], at)
    assert found.breaks == ((50,),)
    assert found.at.tolist() == at.tolist()


@pytest.mark.parametrize("size", [201, 401, 2001])
def test_a_small_jump_that_a_point_of_the_grid_splits(size: int) -> None:
    """The slope of x^2 + 0.3*|x|, which is 0 at 0."""
    found = sampled(lambda x: (2 * x + 0.3 * np.sign(x))[None], np.linspace(-4, 4, size))
    (breaks,) = found.breaks
    assert len(breaks) == 2
    np.testing.assert_allclose(found.at[list(breaks)], [0, 0], atol=1e-15)


def test_a_jump_beside_numbers_that_are_none_is_cut() -> None:
    def rows(at: Any) -> Any:
        step = np.where(at > 1 / 3, 1.0, 0.0)
        return np.stack([step, np.where(np.abs(at - 1 / 3) < 1e-9, np.nan, step), np.full_like(at, np.nan)])

    found = sampled(rows, np.linspace(-4, 4, 100))
    assert [len(places) for places in found.breaks] == [1, 0, 0]
    assert np.isnan(found.line(1)[1]).sum() == 2


def test_rounding_is_neither_a_jump_nor_what_fills_a_panel() -> None:
    rng = np.random.default_rng(0)
    assert sampled(lambda at: 3 + 1e-15 * rng.normal(size=(1, len(at))), np.linspace(-4, 4, 100)).breaks == ((),)
    at = np.linspace(-1, 1, 50)
    noisy = Line("noise", Sampled(at, 3 + 1e-12 * rng.normal(size=(3, 50)), ((), (), ())))
    low, high = lines_figure(Lines("f", "p", "p", ("value",), (noisy,), "")).axes[0].get_ylim()
    assert (low, high) == pytest.approx((2.7, 3.3))


def test_a_coupled_loss_is_shown_from_an_example() -> None:
    picture = lines([CROSS_ENTROPY], {})
    assert (picture.label, picture.fixed) == ("logit[0, 0]", "all else as in an example")
    at, (value, slope, curve) = picture.lines[0].curves.at, picture.lines[0].curves.rows
    np.testing.assert_allclose(np.gradient(value, at)[1:-1], slope[1:-1], atol=1e-3)
    np.testing.assert_allclose(np.gradient(slope, at)[1:-1], curve[1:-1], atol=1e-3)


def test_the_axis_stays_where_all_losses_are_defined() -> None:
    inside = lossdsl.loss("loss f(p[n] in (0, 1)):\n    return mean[n](-log(p))\n")
    outside = lossdsl.loss("loss g(p[n] >= 0.5):\n    return mean[n](p^2)\n")
    at = lines([inside, outside], {}).lines[0].curves.at
    assert at[0] == 0.5 and 0.99 < at[-1] < 1
    apart = lossdsl.loss("loss h(p[n] > 3):\n    return mean[n](p^2)\n")
    with pytest.raises(PlotError, match="no number in common"):
        lines([inside, apart], {})


def test_contours_hold_the_values_over_two_inputs() -> None:
    loss = lossdsl.loss("loss nll(mu[n], var[n] > 0 | y[n]):\n    return mean[n](log(var)/2 + (y - mu)^2/(2*var))\n")
    found = field(loss, {"y": 1})
    np.testing.assert_allclose(found.values, np.log(found.y)[:, None] / 2 + (1 - found.x) ** 2 / (2 * found.y[:, None]))
    panel = contour_figure(found).axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("mu", "var")
    assert panel.collections[1].levels[-1] < np.nanmax(found.values) / 3  # levels leave the pole out
    surface = loss.plot(kind="surface", y=1).axes[0]
    assert surface.name == "3d" and surface.get_zlabel() == "value"
    over = field(HUBER, {}, inputs=("pred", "delta"), interval=(-2, 2))
    np.testing.assert_allclose(over.values[-1], np.where(np.abs(over.x) <= over.y[-1], over.x**2 / 2, np.nan))
    assert field(CROSS_ENTROPY, {}).labels == ("logit[0, 0]", "logit[0, 1]")


def test_other_numbers_stay_in_their_domains() -> None:
    below = lossdsl.loss("loss f(a[n] < 0, b[n] < -2; c != 0 = 1):\n    return mean[n](c*log(-a)*log(-b))\n")
    assert lines([below], {}).fixed == "b = -3, c = 1"
    holed = field(below, {}, inputs=("a", "c"), interval=(-3, -1))
    assert np.isnan(holed.values[holed.y == 0]).all() and np.isfinite(holed.values[holed.y != 0]).all()


@pytest.mark.parametrize(("options", "message"), [
    ({"detla": 1}, "did you mean delta?"),
    ({"delta": -1}, "delta must be > 0, got -1"),
    ({"delta": []}, "delta is a number, or a list"),
    ({"delta": "1"}, "delta is a number, or a list"),
    ({"pred": 1}, "what the picture is drawn over"),
    ({"delta": list(range(1, 40))}, "39 curves are too many"),
    ({"against": "margin"}, "not known to depend on its margin only"),
    ({"against": "angle"}, "residual, margin or prediction"),
    ({"against": "residual", "target": 1}, "can't be set as well"),
    ({"quantities": ["slope"]}, "not 'slope'"),
    ({"interval": (1, 1)}, "from a number to a larger one"),
    ({"inputs": ("pred", "delta")}, "contour or surface"),
    ({"kind": "pie"}, "not 'pie'"),
    ({"kind": "contour", "inputs": ("pred", "tgt")}, "no argument 'tgt'"),
    ({"kind": "contour", "inputs": ("pred", "pred")}, "name another input"),
    ({"kind": "contour", "inputs": ("pred",)}, "two inputs, not 1"),
    ({"kind": "contour", "delta": [1, 2]}, "delta is one number"),
    ({"kind": "contour", "inputs": ("pred", "delta"), "delta": 1}, "it can't be set"),
])  # fmt: skip
def test_what_can_not_be_drawn_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(PlotError) as found:
        HUBER.plot(**options)
    assert message in str(found.value)


def test_settings_take_names_that_are_keywords_of_plot() -> None:
    loss = lossdsl.loss("loss f(p[n] | t[n]; kind > 0 = 1):\n    return mean[n](kind*(p - t)^2)\n")
    assert len(loss.plot(settings={"kind": [1, 2]}).axes[0].lines) == 2


def test_nothing_is_left_in_pyplot() -> None:
    HUBER.plot()
    pyplot = __import__("sys").modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert svg(HUBER.plot(delta=2)) == svg(HUBER.plot(delta=2))


def test_a_terminal_shows_each_quantity_with_a_character_for_each_line() -> None:
    text = lines_text(lines([HUBER, MAE], {"delta": [1, 21]}))
    assert [line.strip() for line in text.splitlines() if " over " in line] == [
        f"{quantity} over pred − target" for quantity in ("value", "gradient", "curvature")
    ]
    legend = next(line for line in text.splitlines() if "delta" in line)
    assert "aa huber, delta = 1" in legend and "bb huber, delta = 21" in legend and "cc mae" in legend
