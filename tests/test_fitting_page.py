"""The examples of docs/fitting.md give what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "fitting.md"


def test_the_sessions_of_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    session = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(doctest.DocTestParser().get_doctest(session, {}, PAGE.name, str(PAGE), 0))
    assert runner.failures == 0
    assert runner.tries > 20
