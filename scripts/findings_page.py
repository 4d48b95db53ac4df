"""Writes docs/random_programs.md: what random programs found, with the smallest program for each defect.

python scripts/findings_page.py
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
REGRESSIONS = ROOT / "tests" / "regressions"
PAGE = ROOT / "docs" / "random_programs.md"

HEAD = """# What random programs found

`tests/random_programs.py` draws well-typed programs over the whole language: nested and masked reductions, gathers,
offsets and windows, conditionals, helpers, losses that call one another, labels, hyperparameters, empty axes, ties and
infinities. Each is compiled, and its value, gradient, Hessian diagonal and Hessian-vector product are compared with the
interpreter's, in float64 and in float32; the PyTorch code also with autograd; the text is printed, parsed and formatted
again, and the code is emitted twice.

```sh
pytest tests/test_random_programs.py tests/test_torch_random.py       # the fixed ones of every run
LOSSDSL_RANDOM_PROGRAMS=10000 pytest tests/test_random_programs.py    # other ones each time, failures made small
```

Below are the {count} programs that were compiled wrongly once, cut down to what matters. They stand in
`tests/regressions` with their inputs, and are replayed in every run. `python scripts/findings_page.py` writes this
page.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page, from the regressions."""
    records = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(REGRESSIONS.glob("*.json"))]
    entries = [
        f"## {name.replace('_', ' ')}\n\n{_sentence(r['why'])}\n\n```\n{r['text'].strip()}\n```\n"
        for name, r in records
    ]
    return "\n".join([HEAD.format(count=len(records)), *entries])


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


if __name__ == "__main__":
    main()
