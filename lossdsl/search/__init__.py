"""New losses from a template with holes: proposed, rejected where they are degenerate, ranked by training on real data.

    from lossdsl.search import search
    found = search("residual", "diabetes", outliers=0.1)
    print(found)
    found.write("winners")

scikit-learn, SciPy, PyTorch and matplotlib are imported by what needs them, not by this package.
"""

from __future__ import annotations

from lossdsl.search.errors import SearchError
from lossdsl.search.result import Found, Rejection, Winner
from lossdsl.search.run import BASELINES, search
from lossdsl.search.template import SHIPPED, Hole, Template, template
from lossdsl.search.words import USUAL, WORDS

__all__ = [
    "BASELINES",
    "SHIPPED",
    "USUAL",
    "WORDS",
    "Found",
    "Hole",
    "Rejection",
    "SearchError",
    "Template",
    "Winner",
    "search",
    "template",
]
