"""The plots of a page: SVG that is complete without a script, sliders, and the frames that a script shows instead.

Colours, dashes and sizes stand in the style sheet.  Lines are in units of `scale`, stretched to the panel; the script
replaces the `d` of paths and the ticks, and nothing else.
"""

from __future__ import annotations

import json
from typing import Any

from lossdsl.report.frames import Frames
from lossdsl.report.markup import Html, element, trusted
from lossdsl.report.picture import Panel, Picture, coded, picture
from lossdsl.report.scale import HEIGHT, MARGIN, WIDTH
from lossdsl.report.sliders import Slider

LEFT, TOP, ACROSS, DOWN = 46, 8, 266, 160
"""The place of the curves in a panel, in pixels."""
RIGHT, BELOW = 8, 34
COLORS, DASHES = 7, 4
"""As many as the style sheet has; the pairs repeat after 28 curves."""
TITLES = ("value", "gradient", "curvature")


def plots(key: str, name: str, drawn: Frames) -> Html:
    """The pictures of one loss; `key` makes the ids of its sliders unique on the page."""
    first = picture(drawn, drawn.start)
    signs = ("ℓ", f"∂ℓ/∂{drawn.prediction}", f"∂²ℓ/∂{drawn.prediction}²")
    panels = [
        _figure(f"{title} {sign}", f"{title} of {name} over {drawn.label}", panel, first, drawn.label)
        for title, sign, panel in zip(TITLES, signs, first.panels, strict=True)
    ]
    return element(
        "div",
        element("div", [_slider(key, each) for each in drawn.sliders], class_="sliders") if drawn.sliders else None,
        element("div", panels, class_="panels"),
        _legend(drawn),
        _remarks(drawn),
        element("script", _json(coded(drawn)), type="application/json") if drawn.sliders else None,
        class_="plots",
    )


def _json(data: Any) -> Html:
    """`<` can't end the element, whatever a text holds."""
    return trusted(json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c"))


# ---------------------------------------------------------------- panels


def _figure(title: str, described: str, panel: Panel, drawn: Picture, label: str) -> Html:
    width, height = LEFT + ACROSS + RIGHT, TOP + DOWN + BELOW
    return element(
        "figure",
        element("figcaption", title),
        element(
            "svg",
            element("g", ticks_below(drawn), class_="below"),
            element("g", ticks_beside(panel), class_="beside"),
            _inner(panel, drawn),
            element("text", label, x=LEFT + ACROSS // 2, y=height - 4, class_="label"),
            viewBox=f"0 0 {width} {height}", role="img", aria_label=described,
        ),
    )  # fmt: skip


def _inner(panel: Panel, drawn: Picture) -> Html:
    """The curves, above the grid, cut off where the picture ends."""
    lines = panel.lines
    return element(
        "svg",
        element("path", d=grid(drawn, panel), class_="grid"),
        [element("path", d="", class_="begun") for _ in lines],
        [element("path", d=line.path, class_=f"curve {look(k)}") for k, line in enumerate(lines)],
        [element("path", d=line.dots, class_=f"dot {look(k)}") for k, line in enumerate(lines)],
        x=LEFT, y=TOP, width=ACROSS, height=DOWN, viewBox=f"0 {MARGIN} {WIDTH} {HEIGHT}", preserveAspectRatio="none",
    )  # fmt: skip


def look(number: int) -> str:
    """The classes of a curve: its colour, and its dashes."""
    return f"c{number % COLORS} d{number % DASHES}"


def grid(drawn: Picture, panel: Panel) -> str:
    """The lines at the ticks."""
    below = "".join(f"M{at} {MARGIN}v{HEIGHT}" for at, _ in drawn.ticks)
    return below + "".join(f"M0 {at}h{WIDTH}" for at, _ in panel.ticks)


def ticks_below(drawn: Picture) -> list[Html]:
    return [element("text", text, x=_pixel(LEFT, at * ACROSS / WIDTH), y=TOP + DOWN + 14) for at, text in drawn.ticks]


def ticks_beside(panel: Panel) -> list[Html]:
    places = [(_pixel(TOP, (at - MARGIN) * DOWN / HEIGHT + 4), text) for at, text in panel.ticks]
    return [element("text", text, x=LEFT - 5, y=y) for y, text in places]


def _pixel(start: int, further: float) -> str:
    return f"{start + further:.1f}"


# ---------------------------------------------------------------- around them


def _slider(key: str, slider: Slider) -> Html:
    """A range of positions, not of numbers: what it says is the number itself."""
    label, value = f"{key}-{slider.name}", f"{slider.positions[slider.start]:g}"
    return element(
        "div",
        element("label", element("code", slider.name), for_=label),
        element(
            "input", type="range", id=label, min=0, max=len(slider.positions) - 1, step=1, value=slider.start,
            aria_valuetext=value, autocomplete="off",
        ),
        element("output", value, for_=label),
        class_="slider",
    )  # fmt: skip


def _legend(drawn: Frames) -> Html | None:
    """What each line is, where there are several."""
    if len(drawn.labels) == 1:
        return None
    return element("p", [_key(look(k), label) for k, label in enumerate(drawn.labels)], class_="legend")


def _key(classes: str, label: str) -> Html:
    sample = element("svg", element("path", d="M2 6h24", class_=classes), viewBox="0 0 28 12", aria_hidden="true")
    return element("span", sample, " ", label, class_="key")


def _remarks(drawn: Frames) -> list[Html]:
    """What the pictures do not say themselves; what is hidden is for the script to show."""
    lines = [element("p", drawn.fixed, class_="note")] if drawn.fixed else []
    if drawn.apart:
        apart = "The sliders move one at a time: the others go back to their start."
        lines.append(element("p", apart, class_="note"))
    if drawn.sliders:
        reset = element("button", "reset", type="button")
        lines.append(element("p", _key("begun", "at the start"), reset, class_="moved", hidden=True))
        undefined = "The loss is not defined for these numbers: the pictures show the ones before."
        lines.append(element("p", undefined, class_="undefined", role="status", hidden=True))
    return lines
