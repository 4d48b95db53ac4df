"""Sections through losses, drawn as text and as figures."""

from __future__ import annotations

import numpy as np
import pytest

import lossdsl
from lossdsl.plot.figure import section_figure, section_svg
from lossdsl.plot.section import section
from lossdsl.plot.text import section_text

HUBER = lossdsl.catalogue["regression"]["huber"]
BINARY = lossdsl.loss("""loss logistic(score[n] | y[n] in {0, 1}):
    return mean[n](softplus(score) - y*score)
""")
CROSS_ENTROPY = lossdsl.loss("""loss nll(logit[n, c] | y[n] in c):
    return mean[n](logsumexp[c](logit) - logit[n, y])
""")


def test_an_elementwise_loss_is_shown_for_one_element() -> None:
    found = section(HUBER, delta=2.0)
    assert found is not None
    (curve,) = found.curves
    r = np.abs(found.at)
    np.testing.assert_allclose(curve.value, np.where(r <= 2, r**2 / 2, 2 * (r - 1)))
    np.testing.assert_allclose(curve.slope, np.clip(found.at, -2, 2), atol=1e-12)
    assert found.fixed == "target = 0"


def test_data_of_few_values_give_a_curve_each() -> None:
    found = section(BINARY)
    assert found is not None
    assert [curve.label for curve in found.curves] == ["y = 0", "y = 1"]
    for y, curve in enumerate(found.curves):
        np.testing.assert_allclose(curve.value, np.logaddexp(0, found.at) - y * found.at, rtol=1e-12)


def test_a_loss_over_classes_is_shown_from_an_example() -> None:
    found = section(CROSS_ENTROPY)
    assert found is not None
    (curve,) = found.curves
    assert found.entry == "logit[0, 0]"
    slopes = np.diff(curve.value) / np.diff(found.at)
    middle = (curve.slope[1:] + curve.slope[:-1]) / 2
    np.testing.assert_allclose(slopes, middle, atol=1e-3)


@pytest.mark.parametrize("text", [
    "loss f(p[n] in (0, 1)):\n    return mean[n](-log(p))",
    "loss f(x[..] > 0 | t[..]):\n    return mean[..](x - t*log(x))",
    "loss f(box[n, 4] | other[n, 4]):\n    return mean[n](|box[n, 0] - other[n, 0]|)",
    "loss f(a | b):\n    return (a - b)^2",
    "loss f(x[n] | t[n, k]):\n    return mean[n, k]((x[n] - t[n, k])^2)",
    "loss f(x[n]; lambda > 0 = 2):\n    return mean[n](lambda*x^2)",
    "loss f(x[n]; lambda > 0 = 2):\n    return sum[n](lambda*x^2)^2",
    "loss f(x[n], z[n] | w[n] >= 0; k > 1):\n    return mean[n](w*(x - z)^2*k)",
])  # fmt: skip
def test_a_section_stays_in_the_domain(text: str) -> None:
    found = section(lossdsl.loss(text))
    assert found is not None
    assert all(np.isfinite(curve.value).all() for curve in found.curves)


def test_text_has_no_colours_unless_asked() -> None:
    found = section(BINARY)
    assert found is not None
    text = section_text(found)
    assert "\x1b" not in text
    assert "y = 0" in text
    assert "y = 1" in text
    assert "score" in text
    assert "\x1b" in section_text(found, color=True)


def test_a_figure_has_a_curve_for_each_label_and_breaks_where_the_slope_jumps() -> None:
    found = section(lossdsl.catalogue["regression"]["mae"])
    assert found is not None
    value, slope = section_figure(found).axes
    assert len(value.lines) == 1
    assert np.isnan(np.asarray(slope.lines[0].get_ydata())).any()
    assert value.get_xlabel() == "pred"


def test_the_same_section_gives_the_same_bytes() -> None:
    found = section(HUBER)
    assert found is not None
    assert section_svg(found) == section_svg(found)
