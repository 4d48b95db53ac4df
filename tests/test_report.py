"""Pages about losses: what is on them, that it is what the code gives, and that nothing a user wrote becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

import lossdsl
from lossdsl.accuracy.measurement import OURS
from lossdsl.report import ReportError, Request, description, report
from lossdsl.report.code import LOSS_TOKEN, code, loss_spans, python_spans
from lossdsl.report.description import prose
from lossdsl.report.evidence import right_bits
from lossdsl.report.markup import element, escaped, markup

EVIL = "</script><img src=x onerror=alert(1)></style><!-- ]]> &lt; \" ' \u202e"
TEXT = '''
loss plain(pred[n] | target[n]; delta > 0 = 1, scale in {1, 2} = 1):
    """A paper: https://example.org/a?b=1&c=2.

    A second paragraph."""
    r = pred - target
    return mean[n](scale*delta^2*(sqrt(1 + (r/delta)^2) - 1))
'''
HOSTILE = f'''
"{EVIL.replace('"', "")}"

# {EVIL}
loss plain(pred[n] | target[n]; delta > 0 = 1, scale in {{1, 2}} = 1):
    """{EVIL} https://example.org/"><script>alert(1)</script>"""
    r = pred - target  # {EVIL}
    return mean[n](scale*delta^2*(sqrt(1 + (r/delta)^2) - 1))

loss other(pred[n]):
    return mean[n](pred^2)
'''
QUICK = Request(check=False, accuracy=False)


class Elements(HTMLParser):
    """Every element with its attributes, and the text in each kind of element."""

    VOID = ("meta", "input", "link")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.texts[tag][-1] += data

    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.found)


@pytest.fixture(scope="module")
def plain() -> lossdsl.Loss:
    return lossdsl.loss(TEXT)


@pytest.fixture(scope="module")
def page(plain: lossdsl.Loss) -> str:
    return report([("mine.loss", plain)], QUICK).text


@pytest.fixture(scope="module")
def elements(page: str) -> Elements:
    return Elements(page)


# ---------------------------------------------------------------- one file, which is allowed nothing else


def test_nothing_is_loaded(page: str, elements: Elements) -> None:
    for tag, attributes in elements.found:
        if tag == "a":
            continue
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "style", "action", "data", "background")
            assert not name.startswith("on")
            assert name == "xmlns" or "//" not in (value or ""), (tag, name)
    assert {attributes["href"] for tag, attributes in elements.found if tag == "link"} == {"data:,"}
    style = "".join(elements.texts["style"])
    assert "url(" not in style and "@import" not in style
    assert {tag for tag, _ in elements.found}.isdisjoint({"iframe", "object", "embed", "form", "img", "base"})


def test_the_policy_names_the_script_and_the_style_sheet(elements: Elements) -> None:
    (policy,) = [a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    allowed = dict(part.strip().split(" ", 1) for part in str(policy).split(";"))
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    for name, text in (("style-src", elements.texts["style"][0]), ("script-src", elements.texts["script"][-1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[name] == f"'sha256-{digest}'"


def test_the_same_loss_gives_the_same_bytes(page: str) -> None:
    assert report([("mine.loss", lossdsl.loss(TEXT))], QUICK).text == page


def test_a_page_is_small(page: str) -> None:
    assert len(page.encode()) < 500_000


# ---------------------------------------------------------------- what is on it


def test_parts(elements: Elements) -> None:
    assert elements.texts["h1"] == ["plain"]
    assert elements.texts["h2"] == ["Formulas", "Inputs", "Pictures", "Facts", "Conventions", "Code"]
    targets = {str(a["href"])[1:] for tag, a in elements.found if tag == "a" and str(a["href"]).startswith("#")}
    assert len(targets) == 6
    ids = [a["id"] for _, a in elements.found if "id" in a]
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))


def test_formulas_are_those_of_the_printer(page: str, plain: lossdsl.Loss) -> None:
    from lossdsl.display import gradient_mathml, loss_mathml

    assert loss_mathml(plain.program) in page
    assert gradient_mathml(plain.program, "pred") in page


def test_the_code_is_the_emitted_code(elements: Elements, plain: lossdsl.Loss) -> None:
    shown = elements.texts["pre"]
    assert shown[0] == plain.text.rstrip()
    assert shown[1:3] == [plain.latex(), plain.gradient("pred").latex()]
    assert shown[3:] == [plain.source("numpy"), plain.source("torch")]


def test_every_fact_has_its_answer_and_its_reason(elements: Elements, plain: lossdsl.Loss) -> None:
    analysis = plain.analyze()
    shown = " ".join(elements.texts["dl"])
    for fact in analysis.facts:
        for part in fact.to_json().values():
            assert not isinstance(part, str) or part in shown
    assert [text for text in elements.texts["dt"] if text.startswith("homogeneous")] == ["homogeneous no"]
    assert "witness: " in shown


def test_inputs_have_axes_domains_and_defaults(elements: Elements) -> None:
    cells = elements.texts["td"]
    assert cells[:5] == ["pred", "prediction", "[n]", "any number", ""]
    assert cells[10:15] == ["delta", "hyperparameter", "scalar", "> 0", "1"]
    assert cells[15:20] == ["scale", "hyperparameter", "scalar", "in {1, 2}", "1"]


def test_conventions_at_kinks_and_over_nothing() -> None:
    shown = description.conventions(lossdsl.loss("loss f(x[n] | k[n]):\n    return mean[n where k > 0](|x|)\n").program)
    assert "<code>|x[n]|</code></td><td>derivative 0 where it is 0" in markup(shown)
    assert description.conventions(lossdsl.loss("loss f(x[n]):\n    return sum[n](x^2)\n").program) is None


def test_settings_are_shown_and_are_where_sliders_start(plain: lossdsl.Loss) -> None:
    found = Elements(report([("", plain)], Request({"delta": 3.0}, False, False)).text)
    assert "1, here 3" in found.texts["td"]
    assert found.texts["output"] == ["3", "1"]
    assert "delta = 3" in " ".join(found.texts["p"])


def test_sliders_have_labels_and_say_their_number(elements: Elements) -> None:
    inputs = [a for tag, a in elements.found if tag == "input"]
    labels = {a["for"] for tag, a in elements.found if tag == "label"}
    assert [a["type"] for a in inputs] == ["range", "range"]
    assert {a["id"] for a in inputs} == labels
    assert [a["aria-valuetext"] for a in inputs] == elements.texts["output"] == ["1", "1"]


def test_pictures_say_what_they_are(elements: Elements) -> None:
    described = [a["aria-label"] for tag, a in elements.found if a.get("role") == "img"]
    assert described == [f"{what} of plain over pred − target" for what in ("value", "gradient", "curvature")]
    assert elements.texts["figcaption"] == ["value ℓ", "gradient ∂ℓ/∂pred", "curvature ∂²ℓ/∂pred²"]


def test_docstrings_have_paragraphs_and_links() -> None:
    shown = markup(
        prose("See http://example.org/x?a=1&b=2, then (https://doi.org/10.1/y).\n\njavascript:alert(1) ftp://z")
    )
    assert shown == (
        '<p>See <a href="http://example.org/x?a=1&amp;b=2" rel="noopener noreferrer">http://example.org/x?a=1&amp;b=2</a>'
        ', then (<a href="https://doi.org/10.1/y" rel="noopener noreferrer">https://doi.org/10.1/y</a>).</p>'
        "<p>javascript:alert(1) ftp://z</p>"
    )


@pytest.fixture(scope="module")
def hinge() -> lossdsl.Loss:
    return lossdsl.catalogue["margin"]["hinge"]


def test_checks_and_accuracy(hinge: lossdsl.Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    steps: list[tuple[str, int, int]] = []
    comparisons = hinge.check()
    monkeypatch.setattr(lossdsl.Loss, "check", lambda self: comparisons)
    found = Elements(report([("", hinge)], step=lambda *told: steps.append(told)).text)
    shown = " ".join(found.texts["table"])
    assert f"{len(comparisons.rows)} comparisons, none failed." in found.texts["p"]
    for row in comparisons.rows:
        assert row.what in shown and row.where in shown
    for quantity in ("value", "gradient", "Hessian diagonal", "sum"):
        assert found.texts["td"].count(quantity) == 2 * len(OURS)
    assert "All of it meets the goal." in found.texts["p"]
    assert [number for _, number, _ in steps] == list(range(5)) and {total for *_, total in steps} == {5}


def test_a_failed_comparison_is_not_hidden() -> None:
    from lossdsl.check.report import Report, Row
    from lossdsl.report.evidence import checks

    bad = Row("NumPy value", "interpreter", "float64", 3, 1e9, 4.0, "drawn", "failed", "off by <b>a lot</b>")
    shown = markup(checks(Report("x", (bad,))))
    assert "1 of 1 comparisons failed." in shown
    assert 'class="answer failed"' in shown and "1e9" in shown.replace("1e09", "1e9")
    assert "off by &lt;b&gt;a lot&lt;/b&gt;" in shown


@pytest.mark.parametrize(
    ("ulps", "dtype", "bits"),
    [
        (0.0, "float64", "53.0"),
        (0.5, "float32", "24.0"),
        (1.0, "float64", "52.0"),
        (4.0, "float32", "21.0"),
        (2.0**70, "float64", "0.0"),
    ],
)
def test_right_bits(ulps: float, dtype: str, bits: str) -> None:
    """An error of 2^k ulps makes the last k + 1 bits wrong (docs/accuracy.md)."""
    assert right_bits(ulps, dtype) == bits


# ---------------------------------------------------------------- what users write


def test_nothing_a_user_wrote_becomes_markup(page: str) -> None:
    module = lossdsl.loads(HOSTILE, EVIL)
    shown = Elements(report([(EVIL, module["plain"])], QUICK, doc=module.doc).text)
    usual = Elements(page)
    assert set(shown.tags()) == set(usual.tags())
    assert shown.tags()["script"] == usual.tags()["script"]
    assert not [attributes for _, attributes in shown.found if "onerror" in attributes]
    paragraphs = " ".join(shown.texts["p"])
    assert "</script><img src=x onerror=alert(1)></style><!-- ]]> &lt; \" ' \\u202e" in paragraphs
    assert "\u202e" not in report([(EVIL, module["plain"])], QUICK).text


def test_titles_and_docstrings_of_files_are_text() -> None:
    module = lossdsl.loads(HOSTILE)
    losses = [("", loss) for loss in module.values()]
    shown = Elements(report(losses, QUICK, title=EVIL, doc=module.doc).text)
    assert shown.texts["h1"] == [EVIL.replace("\u202e", "\\u202e")]
    assert shown.texts["title"] == shown.texts["h1"]
    assert shown.texts["h2"] == ["plain", "other"]
    assert shown.tags()["img"] == 0
    ids = [attributes["id"] for _, attributes in shown.found if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_colours_leave_the_text_as_it_is(plain: lossdsl.Loss, backend: str) -> None:
    text = plain.source(backend)
    shown = markup(code(text, python_spans(text)))
    assert html.unescape(re.sub(r"<[^<>]*>", "", shown)) == text
    assert '<span class="keyword">def</span> <span class="name">plain</span>' in shown
    assert '<span class="string">&quot;&quot;&quot;' in shown


def test_colours_of_the_language() -> None:
    text = 'loss f(x[n]):\n    "a # b"\n    return sum[n](log(x)^2.5)  # "c"\n'
    pieces = {text[start:end]: class_ for start, end, class_ in loss_spans(text)}
    assert pieces == {
        "loss": "keyword", "f": "name", '"a # b"': "string", "return": "keyword", "sum": "keyword", "log": "function",
        "2.5": "number", '# "c"': "comment",
    }  # fmt: skip
    assert LOSS_TOKEN.match("2x") is None or LOSS_TOKEN.match("2x")[0] == "2"


def test_markup() -> None:
    assert str(
        element("p", "a < b", ["&", element("b", None)], class_="x", hidden=True, title=None, aria_label='"')
    ) == ('<p class="x" hidden aria-label="&quot;">a &lt; b&amp;<b></b></p>')
    assert str(element("input", min=0)) == '<input min="0">'
    assert escaped("\x07\u2066é\n\t") == "\\u0007\\u2066é\n\t"
    with pytest.raises(ValueError, match="input has no content"):
        element("input", "x")


# ---------------------------------------------------------------- what can't be made


def test_unknown_settings_and_values_outside_of_the_domain(plain: lossdsl.Loss) -> None:
    with pytest.raises(ReportError, match="no hyperparameter 'dleta'; did you mean delta"):
        plain.report(dleta=2, check=False, accuracy=False)
    with pytest.raises(ReportError, match="delta must be > 0"):
        plain.report(delta=-1, check=False, accuracy=False)
    with pytest.raises(ReportError, match="no hyperparameter 'pred'"):
        plain.report(settings={"pred": 1.0}, check=False, accuracy=False)


def test_arrays_of_hyperparameters_can_not_be_set() -> None:
    loss = lossdsl.loss("loss f(x[n, k]; w[k] > 0 = 1, b = 0):\n    return mean[n, k](w*x^2 + b)\n")
    with pytest.raises(ReportError, match="w is an array: only numbers can be set"):
        loss.report(w=2, check=False, accuracy=False)
    assert Elements(loss.report(check=False, accuracy=False)).texts["output"] == ["0"]


def test_a_loss_writes_its_page(plain: lossdsl.Loss, tmp_path: Path) -> None:
    text = plain.report(tmp_path / "page.html", check=False, accuracy=False)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    assert Elements(text).texts["h1"] == ["plain"]


def test_where_nothing_can_be_drawn_the_page_says_so() -> None:
    never = lossdsl.loss("loss f(x[n] > 1):\n    return mean[n](log(-x))\n")
    assert any(text.startswith("No picture: ") for text in Elements(report([("", never)], QUICK).text).texts["p"])
