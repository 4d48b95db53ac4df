"""docs/catalogue.md and the pages below it are what scripts/catalogue_page.py writes."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

import lossdsl
from scripts import catalogue_page

DOCS = Path(__file__).parent.parent / "docs"


def test_the_index_is_current() -> None:
    assert (DOCS / "catalogue.md").read_text(encoding="utf-8") == catalogue_page.index()


@pytest.mark.parametrize("family", list(lossdsl.catalogue))
def test_the_page_of_a_family_is_current(family: str) -> None:
    """A tenth of the formulas are derived again; the rest of each entry is compared for all."""
    text = (DOCS / "catalogue" / f"{family}.md").read_text(encoding="utf-8")
    for name, loss in lossdsl.catalogue[family].items():
        if zlib.crc32(name.encode()) % 10 == 0:
            assert catalogue_page.entry(loss) in text, name
        assert f"## {name}\n\n{catalogue_page.flowing(loss.doc)}\n" in text, name
        assert f"```\n{catalogue_page.without_doc(loss)}\n```" in text, name
        assert catalogue_page.properties(loss) in text, name
    assert text.count("\n## ") == len(lossdsl.catalogue[family])


def test_every_plot_is_of_a_loss() -> None:
    losses = {name for module in lossdsl.catalogue.values() for name in module}
    plots = {path.stem for path in (DOCS / "catalogue" / "plots").glob("*.svg")}
    assert plots <= losses
    assert len(plots) > 0.9 * len(losses)


def test_text_of_people_is_not_taken_for_markup() -> None:
    assert catalogue_page.flowing("a_b *c*\n  <d>") == "a\\_b \\*c\\* \\<d\\>"
    assert catalogue_page.first_sentence("Huber et al. 1964. Use it.") == "Huber et al. 1964."
