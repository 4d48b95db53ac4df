"""The command line.  `main` is the one place where errors become messages and exit statuses.

0: all is well.  1: a check failed.  2: an error in the input, shown as the compiler renders it.  70: a defect of
lossdsl, which is said, with where it happened, and never shown as a bare traceback.
"""

from __future__ import annotations

import os
import sys
import traceback

from lossdsl.diagnostics import LossError

DEFECT = 70
INPUT_ERROR = 2


def main() -> None:
    """Run the command line on sys.argv and exit."""
    from lossdsl.cli.commands import commands

    try:
        commands(prog_name="lossdsl")
    except LossError as error:
        print(error, file=sys.stderr)
        sys.exit(INPUT_ERROR)
    except Exception as error:  # the boundary: whatever arrives here, and is no LossError, is ours
        print(defect_report(error), file=sys.stderr)
        sys.exit(DEFECT)


def defect_report(error: Exception) -> str:
    """What a user reads, and can paste into a report, when lossdsl itself is wrong."""
    if os.environ.get("LOSSDSL_TRACEBACK"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(os.path.dirname(frame.filename))}/{os.path.basename(frame.filename)}:{frame.lineno}"
    return (
        "this is a defect of lossdsl, please report it with this program\n"
        f"  {type(error).__name__}: {error}\n"
        f"  at {place}, in {frame.name}; command: {' '.join(['lossdsl', *sys.argv[1:]])}\n"
        "  (LOSSDSL_TRACEBACK=1 shows the whole traceback)"
    )
