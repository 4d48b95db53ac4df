"""Writes docs/catalogue.md and a plot for each loss below docs/plots.

python scripts/catalogue_page.py            # needs the extra `plot`
python scripts/catalogue_page.py --text     # the page only
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import lossdsl
from lossdsl import Loss, Module
from lossdsl.check.reference import is_elementwise
from lossdsl.display.edges import edge_cases

DOCS = Path(__file__).parent.parent / "docs"

OPENING = """# The catalogue

{count} losses in {families} families, each a formula of the language: `use regression: huber` in a `.loss` file,
`lossdsl.catalogue["regression"]["huber"]` in Python, `lossdsl show huber` in a terminal. Every one passes `lossdsl
check`, and agrees with the libraries recorded under `tests/references`. Written by `python scripts/catalogue_page.py`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", action="store_true", help="leave the plots as they are")
    arguments = parser.parse_args()
    if not arguments.text:
        for module in lossdsl.catalogue.values():
            for loss in module.values():
                write_plot(loss)
    (DOCS / "catalogue.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """The text of docs/catalogue.md."""
    catalogue = lossdsl.catalogue
    count = sum(map(len, catalogue.values()))
    contents = [
        f"- [{family}](#{family}): {', '.join(f'[{name}](#{name})' for name in module)}"
        for family, module in catalogue.items()
    ]
    chapters = [chapter(family, module) for family, module in catalogue.items()]
    return "\n".join([OPENING.format(count=count, families=len(catalogue)), *contents, "", *chapters])


def chapter(family: str, module: Module) -> str:
    return "\n".join([f"## {family}\n\n{flowing(module.doc)}\n", *(entry(loss) for loss in module.values())])


def entry(loss: Loss) -> str:
    """Formula, gradient, plot, properties and source of one loss."""
    gradients = [formula(loss.gradient(name).latex()) for name in loss.differentiable]
    plot = f"![{loss.name}](plots/{loss.name}.svg)\n" if (DOCS / "plots" / f"{loss.name}.svg").exists() else ""
    parts = [f"### {loss.name}\n", f"{flowing(loss.doc)}\n", formula(loss.latex()), *gradients, plot, properties(loss)]
    return "\n".join(part for part in [*parts, f"```\n{without_doc(loss)}\n```\n"] if part)


def flowing(doc: str) -> str:
    return " ".join(doc.split())


def formula(latex: str) -> str:
    return f"```math\n{latex}\n```\n"


def properties(loss: Loss) -> str:
    """What follows from the formula: coupling, domains, conventions at kinks."""
    coupled = "additive over its elements" if is_elementwise(loss.program) else "couples elements"
    domains = [f"`{arg.name} {arg.domain_text}`" for arg in loss.program.args if arg.domain_text]
    kinks = [f"`{part}`: {rule}" for part, rule in edge_cases(loss.program) if part.count("mean over") == 0]
    lines = [f"- {coupled}"]
    lines += [f"- domains: {', '.join(domains)}"] if domains else []
    lines += [f"- {kink}" for kink in kinks]
    return "\n".join(lines) + "\n"


def without_doc(loss: Loss) -> str:
    """The text of the loss without its docstring, which stands above it."""
    return re.sub(r'\n[ \t]*"(?:[^"\\]|\\.)*"[ \t]*(?=\n)', "", loss.text.rstrip(), count=1)


def write_plot(loss: Loss) -> None:
    from lossdsl.plot.figure import section_svg
    from lossdsl.plot.section import section

    found = section(loss)
    if found is not None:
        target = DOCS / "plots" / f"{loss.name}.svg"
        target.parent.mkdir(exist_ok=True)
        target.write_text(section_svg(found), encoding="utf-8")


if __name__ == "__main__":
    main()
