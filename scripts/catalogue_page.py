"""Writes the gallery: docs/catalogue.md, a page for each family below docs/catalogue, and a plot for each loss.

python scripts/catalogue_page.py            # needs the extra `plot`
python scripts/catalogue_page.py --text     # the pages only
python scripts/catalogue_page.py regression # one family
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import lossdsl
from lossdsl import Loss
from lossdsl.check.reference import is_elementwise
from lossdsl.display.edges import edge_cases

DOCS = Path(__file__).parent.parent / "docs"
PAGES = DOCS / "catalogue"

OPENING = """# The catalogue

{count} losses in {families} families, each a formula of the language: `use regression: huber` in a `.loss` file,
`lossdsl.catalogue["regression"]["huber"]` in Python, `lossdsl show huber` in a terminal. Each passes `lossdsl check`;
{recorded} of them agree, in value and gradient, with what libraries gave that others wrote (`tests/references`). The
pages of the families show formula, gradient, plot, properties and source. `python scripts/catalogue_page.py` writes all
of this.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", help="only these")
    parser.add_argument("--text", action="store_true", help="leave the plots as they are")
    arguments = parser.parse_args()
    PAGES.mkdir(exist_ok=True)
    for family in arguments.families or lossdsl.catalogue:
        if not arguments.text:
            for loss in lossdsl.catalogue[family].values():
                write_plot(loss)
        (PAGES / f"{family}.md").write_text(family_page(family), encoding="utf-8")
    (DOCS / "catalogue.md").write_text(index(), encoding="utf-8")


def index() -> str:
    """The text of docs/catalogue.md: every loss with the first sentence of its description."""
    catalogue = lossdsl.catalogue
    lines = []
    for family, module in catalogue.items():
        lines += [f"\n## [{family}](catalogue/{family}.md)\n", f"{flowing(module.doc)}\n"]
        lines += [
            f"- [{loss.name}](catalogue/{family}.md#{loss.name}): {first_sentence(loss.doc)}"
            for loss in module.values()
        ]
    count = sum(map(len, catalogue.values()))
    opening = OPENING.format(count=count, families=len(catalogue), recorded=len(with_references()))
    return "\n".join([opening, *lines]) + "\n"


def with_references() -> set[str]:
    """The losses that libraries were asked about."""
    import json

    files = (DOCS.parent / "tests" / "references").glob("*.json")
    return {entry["loss"] for path in files for entry in json.loads(path.read_text(encoding="utf-8"))}


def first_sentence(doc: str) -> str:
    found = re.match(r"(?:[^.]|\.(?=\S)|(?<=al)\.|(?<=e\.g)\.)+\.", flowing(doc))
    return found[0] if found else flowing(doc)


def family_page(family: str) -> str:
    """The text of the page of a family."""
    module = lossdsl.catalogue[family]
    names = ", ".join(f"[{name}](#{name})" for name in module)
    head = [f"# {family}\n", f"{flowing(module.doc)}\n", f"[All families](../catalogue.md). Here: {names}.\n"]
    return "\n".join([*head, *(entry(loss) for loss in module.values())])


def entry(loss: Loss) -> str:
    """Formula, gradient, plot, properties and text of one loss."""
    gradients = [formula(loss.gradient(name).latex()) for name in loss.differentiable]
    plot = f"![value and slope of {loss.name}](plots/{loss.name}.svg)\n" if plot_of(loss).exists() else ""
    parts = [f"## {loss.name}\n", f"{flowing(loss.doc)}\n", formula(loss.latex()), *gradients, plot, properties(loss)]
    return "\n".join(part for part in [*parts, f"```\n{without_doc(loss)}\n```\n"] if part)


def flowing(doc: str) -> str:
    """As one line; what Markdown would take for emphasis or HTML is escaped."""
    return re.sub(r"([*_<>])", r"\\\1", " ".join(doc.split()))


def formula(latex: str) -> str:
    return f"```math\n{latex}\n```\n"


def properties(loss: Loss) -> str:
    """What follows from the formula: coupling, domains, conventions at kinks."""
    coupled = "additive over its elements" if is_elementwise(loss.program) else "couples elements"
    domains = [f"`{arg.name} {arg.domain_text}`" for arg in loss.program.args if arg.domain_text]
    kinks = [f"`{part}`: {rule}" for part, rule in edge_cases(loss.program)]
    lines = [
        f"- {coupled}",
        *([f"- domains: {', '.join(domains)}"] if domains else []),
        *(f"- {kink}" for kink in kinks),
    ]
    return "\n".join(lines) + "\n"


def without_doc(loss: Loss) -> str:
    """The text of the loss without its docstring, which stands above it."""
    return re.sub(r'\n[ \t]*("""(?:.|\n)*?"""|"(?:[^"\\\n]|\\.)*")[ \t]*(?=\n)', "", loss.text.rstrip(), count=1)


def plot_of(loss: Loss) -> Path:
    return PAGES / "plots" / f"{loss.name}.svg"


def write_plot(loss: Loss) -> None:
    from lossdsl.plot.figure import section_svg
    from lossdsl.plot.section import section

    found = section(loss)
    if found is not None:
        plot_of(loss).parent.mkdir(exist_ok=True)
        plot_of(loss).write_text(section_svg(found), encoding="utf-8")


if __name__ == "__main__":
    main()
