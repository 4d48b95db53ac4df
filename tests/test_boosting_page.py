"""The guide to boosting: its examples run, in order, and its tables name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossdsl import boosting
from lossdsl.boosting.objective import RESERVED_METHODS

PAGE = (Path(__file__).parent.parent / "docs" / "boosting.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = []
    for block in BLOCKS:
        exec(compile(block, "docs/boosting.md", "exec"), names)
        if "rate" in names:
            shown.append(names["rate"])
    assert len(BLOCKS) >= 9
    assert len(shown) >= 4
    new = names["X_new"]
    truth = new[:, 0] / 2 + new[:, 1] ** 2 / 4
    for rate in shown:
        assert rate.shape == (10,)
        assert np.corrcoef(np.log(rate), truth)[0, 1] > 0.7, "positive, and what the data were made with"


def test_the_benchmark_runs() -> None:
    """It compares the three models before it prints, and shows a row for each library."""
    script = Path(__file__).parent.parent / "benchmarks" / "boosting.py"
    sizes = ["--rows", "1500", "--rounds", "3", "--repeat", "1", "--features", "5", "--case", "tweedie"]
    done = subprocess.run([sys.executable, str(script), *sizes], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert {"xgboost", "lightgbm", "catboost"} <= set(done.stdout.split())


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_ten_lines_a_library(library: str) -> None:
    block = next(b for b in BLOCKS if f'objective("{library}", power=1.2)' in b)
    code = (
        block.replace(block[block.index('lossdsl.loss("""') : block.index('""")') + 4], "...")
        if "lossdsl.loss" in block
        else block
    )
    assert len([line for line in code.splitlines() if line]) <= 10


def test_every_policy_and_method_is_told() -> None:
    for policy in boosting.POLICIES:
        assert f"| `{policy}` |" in PAGE
    for method in RESERVED_METHODS - {
        "settings",
        "floor",
        "check",
        "hessian_scale",
        "attach",
        "first_scores",
        "metric",
    }:
        assert f"`objective.{method}(" in PAGE, method
