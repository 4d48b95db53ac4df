"""Pages in a real browser: sliders move curves, nothing is asked for, nothing complains, nothing is too wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lossdsl
from lossdsl.plot.subject import subject
from lossdsl.report import Request, report
from lossdsl.report.frames import Frames, frames
from lossdsl.report.picture import Line, Panel, picture
from tests.report_browser import Page, browser, chromium

PROGRAM = chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")

TEXT = '''
"</script><img src=x onerror='window.hacked = 1'>"

loss huber(pred[n] | target[n]; delta > 0 = 1):
    """<script>window.hacked = 1</script> https://example.org/ and a word of many letters: {long}"""
    r = pred - target
    return mean[n](r^2/2 if |r| <= delta else delta*(|r| - delta/2))

loss between(z[n] | y[n] in {0, 1}; low >= 0 = 1, high > low = 2):
    return mean[n]((high - low)*y*softplus(-z) + low*(1 - y)*softplus(z))

loss many(x[n]; a > 0 = 1, b = 0, c = 1, d in {0, 1} = 1):
    return mean[n](a*d*(x - b)^2 + c)

loss fixed(z[n, c] | y[n] in c):
    return mean[n](logsumexp[c](z[n, c]) - z[n, y[n]])
'''.replace("{long}", "x" * 300)


@pytest.fixture(scope="module")
def module() -> lossdsl.Module:
    return lossdsl.loads(TEXT)


@pytest.fixture(scope="module")
def file(module: lossdsl.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "page.html"
    losses = [("mine.loss", loss) for loss in module.values()]
    made = report(losses, Request(check=False, accuracy=False), title="all", doc=module.doc)
    path.write_text(made.text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    assert PROGRAM is not None
    with browser(PROGRAM, tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(chrome: Page, file: Path) -> Iterator[Page]:
    """The page, freshly loaded; a test that leaves an error in the console, or asks for anything else, fails."""
    chrome.open(file)
    yield chrome
    assert chrome.complaints() == []
    assert set(chrome.requests()) <= {file.as_uri(), "data:,"}


@pytest.fixture(scope="module")
def huber(module: lossdsl.Module) -> Frames:
    return drawn(module["huber"])


def drawn(loss: lossdsl.Loss) -> Frames:
    found = frames(subject(loss), {})
    assert found is not None
    return found


def paths(page: Page, number: int, class_: str) -> Any:
    return page.evaluate(
        f"[...document.querySelectorAll('.plots')[{number}].querySelectorAll('{class_}')].map(p => p.getAttribute('d'))"
    )


def move(page: Page, slider: int, position: int) -> None:
    """As a hand does: the value, then the event."""
    page.evaluate(
        f"(() => {{ const s = document.querySelectorAll('input')[{slider}]; s.value = {position};"
        " s.dispatchEvent(new Event('input')); })()"
    )


def lines(panels: tuple[Panel, ...]) -> list[Line]:
    return [line for panel in panels for line in panel.lines]


def outputs(page: Page) -> Any:
    return page.evaluate("[...document.querySelectorAll('output')].map(o => o.textContent)")


def test_a_slider_shows_the_curves_of_its_position(page: Page, huber: Frames) -> None:
    for position in (0, 33, 40, 20):
        move(page, 0, position)
        panels = picture(huber, (position,)).panels
        assert paths(page, 0, ".curve") == [line.path for line in lines(panels)]
        assert paths(page, 0, ".dot") == [line.dots for line in lines(panels)]
        assert outputs(page)[0] == f"{huber.sliders[0].positions[position]:g}"
        shown = page.evaluate("[...document.querySelector('.beside').children].map(t => t.textContent)")
        assert shown == [text for _, text in panels[0].ticks]
    assert outputs(page)[0] == "1"


def test_the_script_draws_what_stands_in_the_page(page: Page, file: Path) -> None:
    """Python and the script agree on every coordinate of the first pictures."""
    everything = (
        "[...document.querySelectorAll('.plots')].map(p => [...p.querySelectorAll('path, text')].map(e => e.outerHTML))"
    )
    scripted = page.evaluate(everything)
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.open(file)
    plain = page.evaluate(everything)
    hidden = page.evaluate("getComputedStyle(document.querySelector('.slider')).display")
    page.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert [sorted(part) for part in scripted] == [sorted(part) for part in plain]
    assert hidden == "none"


def test_keys_move_a_slider_and_it_says_its_number(page: Page) -> None:
    page.evaluate("document.querySelector('input').focus()")
    before = paths(page, 0, ".curve")
    page.press("ArrowLeft")
    assert outputs(page)[0] == "0.89"
    assert page.evaluate("document.querySelector('input').getAttribute('aria-valuetext')") == "0.89"
    assert paths(page, 0, ".curve") != before
    page.press("End")
    assert outputs(page)[0] == "10"


def test_the_start_stays_visible_until_reset(page: Page, huber: Frames) -> None:
    moved = "getComputedStyle(document.querySelector('.moved')).visibility"
    assert paths(page, 0, "figure .begun") == ["", "", ""]
    assert page.evaluate(moved) == "hidden"
    start = paths(page, 0, ".curve")
    move(page, 0, 40)
    assert page.evaluate(moved) == "visible"
    a, b = picture(huber, (40,)).panels[0].onto or (0.0, 0.0)
    first = picture(huber, huber.start).panels[0].lines[0]
    (shown, *_) = paths(page, 0, "figure .begun")
    heights = [int(part.rpartition(" ")[2]) for part in shown.replace("M", "L").split("L")[1:]]
    assert heights == pytest.approx([a * y + b for y in first.y], abs=0.51)
    page.evaluate("document.querySelector('.moved button').click()")
    assert paths(page, 0, ".curve") == start
    assert page.evaluate(moved) == "hidden"
    assert outputs(page)[0] == "1"


def test_two_sliders_move_together_and_say_where_the_loss_is_not_defined(page: Page, module: lossdsl.Module) -> None:
    found = drawn(module["between"])
    place = max(found.frames)
    for number, position in enumerate(place):
        move(page, 1 + number, position)
    assert paths(page, 1, ".curve") == [line.path for line in lines(picture(found, place).panels)]
    undefined = "document.querySelectorAll('.undefined')[1].hidden"
    assert page.evaluate(undefined)
    move(page, 2, 0)
    assert not page.evaluate(undefined)
    assert paths(page, 1, ".curve") == [line.path for line in lines(picture(found, place).panels)]


def test_many_sliders_move_one_at_a_time(page: Page, module: lossdsl.Module) -> None:
    found = drawn(module["many"])
    move(page, 3, 0)
    move(page, 4, 0)
    assert outputs(page)[3:] == ["1", f"{found.sliders[1].positions[0]:g}", "1", "1"]
    place = (found.start[0], 0, *found.start[2:])
    assert paths(page, 2, ".curve") == [line.path for line in lines(picture(found, place).panels)]


def test_what_a_user_wrote_does_not_run(page: Page) -> None:
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert "<script>window.hacked = 1</script>" in page.evaluate("document.body.innerText")
    assert page.evaluate("document.images.length") == 0


def test_a_script_that_got_in_would_not_run(chrome: Page, file: Path, tmp_path: Path) -> None:
    """The policy of the page: neither scripts, nor handlers, nor pictures from elsewhere."""
    evil = "<script>window.hacked = 1</script><img src='http://127.0.0.1:9/x.png' onerror='window.hacked = 2'>"
    path = tmp_path / "evil.html"
    path.write_text(file.read_text(encoding="utf-8").replace("<main>", f"<main>{evil}"), encoding="utf-8")
    chrome.open(path)
    assert chrome.evaluate("typeof window.hacked") == "undefined"
    assert any("Content Security Policy" in text for text in chrome.complaints())
    assert set(chrome.requests()) - {path.as_uri(), "data:,"} <= chrome.blocked()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_its_window(page: Page, file: Path, dark: bool) -> None:
    page.open(file, width=400, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 400


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_curves_stand_out_from_the_background(page: Page, file: Path, dark: bool) -> None:
    """Contrast as WCAG 2.1 asks for: 4.5 for text, 3 for lines."""
    page.open(file, dark=dark)
    colors = page.evaluate(
        "(() => { const s = getComputedStyle(document.documentElement);"
        " return Object.fromEntries([...document.styleSheets[0].cssRules[0].style].filter(n => n.startsWith('--'))"
        ".map(n => [n.slice(2), s.getPropertyValue(n).trim()])); })()"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == rgb(colors["back"])
    text = {name for name in colors if not (name[0] == "c" and name[1:].isdigit())} - {"back", "line", "panel"}
    for name in text:
        assert contrast(colors[name], colors["back"]) >= 4.5, name
    for name in ("keyword", "string", "comment", "number", "function", "name", "text"):
        assert contrast(colors[name], colors["panel"]) >= 4.5, name
    for name in (f"c{k}" for k in range(7)):
        assert contrast(colors[name], colors["back"]) >= 3, name


def rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[k : k + 2], 16)) for k in (1, 3, 5))})"


def contrast(one: str, other: str) -> float:
    """Of two colours, by the formula of WCAG 2.1."""

    def luminance(color: str) -> float:
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_paper_shows_the_numbers_of_the_sliders(page: Page) -> None:
    move(page, 0, 40)
    page.ask("Emulation.setEmulatedMedia", media="print", features=[])
    shown = (
        "[...document.querySelectorAll('.slider')[0].children].filter(e => e.offsetWidth > 0).map(e => e.textContent)"
    )
    assert page.evaluate(shown) == ["delta", "10"]
    assert page.evaluate("[...document.querySelectorAll('nav, button')].every(e => e.offsetWidth === 0)")
    page.ask("Emulation.setEmulatedMedia", media="", features=[])


def test_formulas_are_drawn_as_mathematics(page: Page) -> None:
    """A fraction has its parts one above the other, and a browser that reads MathML knows so."""
    above, below = page.evaluate(
        "(() => { const f = document.querySelector('mfrac'); return [...f.children].map(c => c.getBoundingClientRect().top); })()"
    )
    assert above < below
    assert page.evaluate("document.querySelectorAll('math').length") == 8


def test_a_button_copies_the_code(page: Page, module: lossdsl.Module) -> None:
    page.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.ask("Page.bringToFront")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(
        "(() => { const b = [...document.querySelectorAll('details')].find(d => d.textContent.startsWith('NumPy')).querySelector('.copy');"
        " window.copied = b; b.click(); })()"
    )
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert page.evaluate("window.copied.textContent") in ("copied", "selected")
    assert page.evaluate("navigator.clipboard.readText()") == module["huber"].source("numpy")
