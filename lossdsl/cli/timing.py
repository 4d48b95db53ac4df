"""What `lossdsl bench` measures of a loss: times here, peak memory in a process that is started for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from lossdsl.bench.memory import EXACT

MINUTES = 10


def peaks_elsewhere(arguments: Sequence[str], text: bytes) -> dict[str, dict[str, int | None]]:
    """What `lossdsl bench --only-memory` says with these arguments: bytes by loss and contender.

    Nothing is known where the process failed: a loss may need more memory than there is, and what that does to a
    process is not for it to say.
    """
    command = [sys.executable, "-c", "from lossdsl.cli import main; main()", "bench", *arguments, "--only-memory"]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, env={**os.environ, **EXACT}, timeout=60 * MINUTES, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return {}
    found: dict[str, dict[str, int | None]] = json.loads(done.stdout)
    return found
