"""Peak memory of one call above what was there before: pages of the process, whoever asked for them.

Linux counts them.  To have freed memory given back, so that what a call takes can be seen, a process has to be started
with `EXACT` in its environment.
"""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path

EXACT = {
    "MALLOC_MMAP_THRESHOLD_": "65536",  # blocks that are larger go back to the system when they are freed
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "LOSSDSL_NATIVE_BUFFERS": "0",  # buffers that are kept for the next call are memory of this one
    "OMP_WAIT_POLICY": "passive",
}
PAGES = 1 << 20
"""Less than this is noise: a few pages of libraries that come in late."""

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_above(call: Callable[[], object]) -> int | None:
    """Bytes that a call takes at most above what the process had before, its results among them; None if unknown.

    The call is made twice: compilers and caches have had their share when the second begins.
    """
    if not _STATUS.exists():
        return None
    call()
    gc.collect()
    _give_back()
    try:
        _CLEAR.write_text("5")  # the peak is what there is now
    except OSError:
        return None
    before = _kilobytes("VmRSS")
    result = call()
    peak = _kilobytes("VmHWM")
    del result
    return max(0, peak - before) * 1024


def _kilobytes(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", _STATUS.read_text())
    return int(found.group(1)) if found else 0


def _give_back() -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
