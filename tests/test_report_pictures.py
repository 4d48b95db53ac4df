"""The plots of a page: every curve at every position of a slider is what the emitted code gives there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import numpy as np
import pytest

import lossdsl
from lossdsl.plot.jumps import Sampled
from lossdsl.plot.subject import subject
from lossdsl.report.drawing import look, plots
from lossdsl.report.frames import CALLS, Frame, Frames, frames
from lossdsl.report.markup import markup
from lossdsl.report.picture import NOT_DRAWN, Line, base64, coded, decoded, grid_units, picture
from lossdsl.report.scale import HEIGHT, MARGIN, WIDTH, Scale, vertical_scale
from lossdsl.report.sliders import slider

TOLERANCE = 0.51 / HEIGHT
"""Of the height of a picture: rounding to a unit."""


def drawn(text: str, settings: Mapping[str, float] | None = None) -> Frames:
    found = frames(subject(lossdsl.loss(text)), settings or {})
    assert found is not None
    return found


# ---------------------------------------------------------------- positions


@pytest.mark.parametrize(
    ("domain", "value", "count", "positions"),
    [
        ("> 0", 1, 5, [0.1, 0.32, 1, 3.2, 10]),
        (">= 0", 2, 6, [0, 0.2, 0.63, 2, 6.3, 20]),
        (">= 0", 0, 5, [0, 1, 2, 3, 4]),
        ("", 1, 5, [-3, -1, 1, 3, 5]),
        ("in [0, 1]", 0.5, 5, [0, 0.25, 0.5, 0.75, 1]),
        ("in (0, 1)", 0.3, 3, [0.3, 0.5, 0.75]),
        ("< 1", 0, 3, [-9, 0, 0.9]),
        ("!= 0", -2, 3, [-20, -2, -0.2]),
        ("in {1, 2, 4}", 2, 9, [1, 2, 4]),
        ("in (0, 1) or (1, inf)", 2, 3, [1.1, 2, 11]),
        ("in [2, 5]", 3, 9, [2, 2.4, 2.8, 3, 3.5, 3.9, 4.2, 4.6, 5]),
    ],
)
def test_positions_lie_in_the_domain_around_the_value(
    domain: str, value: float, count: int, positions: list[float]
) -> None:
    """Those of an interval with two ends are even, the nearest one replaced by the value."""
    program = lossdsl.loss(f"loss f(x[n]; h {domain} = {value}):\n    return h*x\n").program
    made = slider(program.args[-1], value, count, {})
    assert list(made.positions) == pytest.approx(positions)
    assert made.positions[made.start] == value
    assert len(made.positions) <= count


def test_positions_of_whole_numbers_are_whole() -> None:
    program = lossdsl.loss("loss f(x[n]; h in {10, 20, 30} = 20, k in [1, 9] = 3):\n    return h*k*x\n").program
    assert slider(program.args[1], 20, 9, {}).positions == (10, 20, 30)


def test_bounds_may_be_other_hyperparameters() -> None:
    program = lossdsl.loss("loss f(x[n]; low = 1, high > low = 3):\n    return (high - low)*x\n").program
    made = slider(program.args[-1], 3, 3, {"low": 1.0, "high": 3.0})
    assert made.positions == (1.2, 3, 21)


# ---------------------------------------------------------------- scales and lines


def test_units() -> None:
    scale = Scale(-1.0, 3.0)
    assert scale.vertical(np.array([3.0, -1.0, 1.0, 7.0, 99.0, np.nan])).tolist()[:5] == [
        MARGIN, MARGIN + HEIGHT, MARGIN + HEIGHT // 2, 0, 0,
    ]  # fmt: skip
    assert np.isnan(scale.vertical(np.array([np.nan]))).all()
    assert scale.horizontal(np.array([-1.0, 3.0])).tolist() == [0, WIDTH]
    other = Scale(-3.0, 5.0)
    a, b = scale.onto(other)
    numbers = np.array([-1.0, 0.0, 3.0])
    assert a * scale.vertical(numbers) + b == pytest.approx(other.vertical(numbers))


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (-4.0, 4.0, ["−4", "−2", "0", "2", "4"]),
        (0.0, 1.05, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0.0, 3.1e7, ["0", "5e6", "1e7", "1.5e7", "2e7", "2.5e7", "3e7"]),
        (-2.1e-5, 0.0, ["−2e−5", "−1.5e−5", "−1e−5", "−5e−6", "0"]),
    ],
)
def test_ticks_are_round(low: float, high: float, texts: list[str]) -> None:
    ticks = Scale(low, high).ticks()
    assert [text for _, text in ticks] == texts
    assert [at for at, _ in ticks] == pytest.approx([float(text.replace("−", "-")) for text in texts])


def test_a_pole_at_the_end_leaves_the_rest_visible() -> None:
    at = np.linspace(0.001, 1, 118)
    scale = vertical_scale([1 / at**2])
    assert scale.high < 2000 < 1 / 0.001**2
    bump = np.where(np.abs(at - 0.5) < 0.01, 100.0, 0.0)
    assert vertical_scale([bump]).high >= 100


def test_a_constant_has_a_scale() -> None:
    assert vertical_scale([np.full(9, 2.0)]) == Scale(1.8, 2.2)
    assert vertical_scale([np.zeros(9)]) == Scale(-1.0, 1.0)
    assert vertical_scale([np.full(9, np.nan)]) == Scale(-1.0, 1.0)


def test_lines_break_at_jumps_and_where_nothing_is_drawn() -> None:
    line = Line((0, 1, 2, 2, 2, 3, 4, 5), (5, 5, 5, 7, 9, 9, NOT_DRAWN, 9), (3, 4))
    assert line.path == "M0 5L1 5L2 5M2 7M2 9L3 9M5 9"
    assert line.dots == "M2 7h0"


def test_two_characters_hold_any_unit() -> None:
    units = (0, 1, 63, 64, 4094, 4095)
    assert base64(units) == "AAABA/BA/+//"
    assert decoded(base64(units)) == units


# ---------------------------------------------------------------- frames are what the code gives

HUBER = "loss huber(pred[n] | target[n]; delta > 0 = 1):\n    r = pred - target\n    return mean[n](r^2/2 if |r| <= delta else delta*(|r| - delta/2))\n"


@pytest.fixture(scope="module")
def huber() -> Frames:
    return drawn(HUBER)


def heights(line: Line, scale: Scale) -> np.ndarray:
    """The numbers that units stand for."""
    units = np.array([np.nan if y == NOT_DRAWN else y for y in line.y])
    return scale.high - (units - MARGIN) / HEIGHT * (scale.high - scale.low)


def test_every_curve_is_what_numpy_code_gives(huber: Frames) -> None:
    """Read back from what the browser gets, at the ends and in the middle of the slider."""
    f = lossdsl.loss(HUBER).numpy()
    kept = coded(huber)
    for position in (0, 20, 25, 40):
        delta = float(kept["sliders"][0][position])
        frame = kept["frames"][str(position)]
        x = np.array(decoded(frame["at"][0]) if frame["at"][0] else grid_units(kept["cells"])) / WIDTH * 8 - 4
        value, slope = f.value_and_grad(x, np.zeros_like(x), delta=delta, reduction="none")
        for row, true in ((0, value), (1, slope)):
            scale = _scale(huber, position, row)
            ((text, _),) = frame["panels"][row][2]
            found = heights(Line((), decoded(text), ()), scale)
            near = 4 / WIDTH * max(1.0, delta)  # x is rounded to a unit, too
            assert np.abs(found - true).max() <= TOLERANCE * (scale.high - scale.low) + near


def _scale(drawn: Frames, position: int, row: int) -> Scale:
    """That of the curve there together with the one of the start."""
    curves = [drawn.frames[place].curves[0].rows[row] for place in ((position,), drawn.start)]
    ends = [vertical_scale([curve]) for curve in curves]
    return Scale(min(each.low for each in ends), max(each.high for each in ends))


def test_jumps_move_with_the_slider(huber: Frames) -> None:
    for place, frame in huber.frames.items():
        delta = huber.sliders[0].positions[place[0]]
        (curve,) = frame.curves
        jumps = sorted({round(float(curve.at[k]), 9) for k in curve.breaks[2]})
        assert jumps == (pytest.approx([-delta, delta]) if delta < 4 else [])


def test_the_start_has_no_line_of_its_own_and_others_say_where_it_goes(huber: Frames) -> None:
    assert [panel.onto for panel in picture(huber, huber.start).panels] == [(1.0, 0.0)] * 3
    a, b = picture(huber, (40,)).panels[0].onto or (0.0, 0.0)
    assert 0 < a < 1
    start = picture(huber, huber.start).panels[0].lines[0].y
    grown = _scale(huber, 40, 0).vertical(huber.frames[huber.start].curves[0].rows[0])
    assert np.abs(a * np.array(start) + b - grown).max() <= 1.01


def test_labels_share_an_axis_only_if_they_do_so_at_every_position() -> None:
    """At a = 1 the curves of the two labels are mirror images: at other positions they are not."""
    found = drawn(
        "loss f(z[n] | y[n] in {0, 1}; a >= 0 = 1):\n    return mean[n](a*y*softplus(-z) + (1 - y)*softplus(z))\n"
    )
    assert found.labels == ("y = 0", "y = 1")
    frame = found.frames[found.start]
    assert len(frame.curves) == 2
    assert frame.curves[1].rows[0] == pytest.approx(np.log1p(np.exp(-frame.curves[1].at)))
    shown = markup(plots("l0", "f", found))
    assert shown.count('class="legend"') == 1 and "y = 1" in shown
    assert found.fixed == ""
    mirrored = drawn("loss f(z[n] | y[n] in {0, 1}; a > 0 = 1):\n    return mean[n](softplus(a*z) - a*y*z)\n")
    assert mirrored.label == "(2·y − 1)·z"
    assert len(mirrored.frames[mirrored.start].curves) == 1


def test_several_sliders_have_all_combinations_or_move_alone() -> None:
    two = drawn("loss f(x[n]; a > 0 = 1, b in {1, 2} = 1):\n    return mean[n](a*b*x^2)\n")
    assert len(two.frames) == len(two.sliders[0].positions) * 2 and not two.apart
    curve = two.frames[(12, 1)].curves[0]
    assert curve.rows[1] == pytest.approx(2 * 10 * 2 * curve.at)
    four = drawn("loss f(x[n]; a > 0 = 1, b = 0, c = 1, d in {0, 1} = 1):\n    return mean[n](a*d*(x - b)^2 + c)\n")
    assert four.apart
    assert len(four.frames) == 1 + sum(len(each.positions) - 1 for each in four.sliders)
    assert "one at a time" in markup(plots("l0", "f", four))


def test_curves_that_take_many_calls_have_fewer_positions(monkeypatch: pytest.MonkeyPatch, huber: Frames) -> None:
    calls = huber.frames[huber.start].calls
    assert calls > 50  # the jumps of the curvature are found by bisection
    monkeypatch.setitem(CALLS, "elements", 7 * calls)
    few = drawn(HUBER)
    assert few.sliders[0].positions == (0.1, 0.22, 0.46, 1, 2.2, 4.6, 10)
    assert few.sliders[0].start == 3
    monkeypatch.setitem(CALLS, "elements", 1)
    assert drawn(HUBER).sliders[0].positions == (0.1, 1, 10)


def test_places_that_the_code_refuses_have_no_frame() -> None:
    found = drawn("loss f(x[n]; low >= 0 = 1, high > low = 2):\n    return mean[n]((high - low)*x^2)\n")
    lows, highs = (each.positions for each in found.sliders)
    assert set(found.frames) == {(j, k) for j, a in enumerate(lows) for k, b in enumerate(highs) if b > a}
    assert any(a >= b for a in lows for b in highs)


def test_trained_hyperparameters_start_at_their_defaults() -> None:
    found = drawn("loss f(x[n]; learn s in [0, 1] = 0.7):\n    return mean[n](s*x^2)\n")
    assert found.sliders[0].positions[found.start[0]] == 0.7
    assert found.frames[found.start].curves[0].rows[2] == pytest.approx(1.4)


def test_infinite_hyperparameters_have_no_slider_and_arrays_neither() -> None:
    found = drawn("loss f(x[n]; cap > 0 = inf, w[k] = 1):\n    return mean[n](min(x^2, cap))*mean[k](w)\n")
    assert found.sliders == ()
    shown = markup(plots("l0", "f", found))
    assert "<input" not in shown and "<script" not in shown


def test_coupled_elements_are_drawn_from_an_example() -> None:
    found = drawn("loss f(z[n, c] | y[n] in c):\n    return mean[n](logsumexp[c](z[n, c]) - z[n, y[n]])\n")
    assert found.label == "z[0, 0]" and found.fixed == "all else as in an example"
    curve = found.frames[()].curves[0]
    assert np.gradient(curve.rows[0], curve.at)[1:-1] == pytest.approx(curve.rows[1][1:-1], abs=1e-3)


# ---------------------------------------------------------------- what stands in the page


def test_the_first_picture_needs_no_script(huber: Frames) -> None:
    shown = markup(plots("l0", "huber", huber))
    first = picture(huber, huber.start)
    paths = re.findall(r'<path d="([^"]*)" class="curve c0 d0">', shown)
    assert paths == [panel.lines[0].path for panel in first.panels]
    for panel in first.panels:
        for _, text in panel.ticks:
            assert f">{text}</text>" in shown


def test_the_data_of_the_script_can_not_end_it(huber: Frames) -> None:
    shown = markup(plots("l0", "huber", huber))
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', shown)
    assert json.loads(data) == json.loads(json.dumps(coded(huber)))
    assert "<" not in data


def test_curves_differ_in_colour_and_dashes() -> None:
    assert len({look(k) for k in range(28)}) == 28


def test_a_curve_off_the_scale_goes_to_the_margin() -> None:
    at = np.linspace(0.0, 1.0, 118)
    rows = np.stack([np.where(at < 0.01, 1e9, at)] * 3)
    curve = Sampled(at, rows, ((), (), ()))
    frame = Frame((0.0, 1.0), (curve,))
    line = picture(Frames("x", "x", "", ("f",), (), {(): frame}, 117, False), ()).panels[0].lines[0]
    assert line.y[0] == 0 and MARGIN < line.y[60] < MARGIN + HEIGHT
    assert line.path.startswith("M0 0L35 0L70 ")
