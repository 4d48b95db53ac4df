"""Does the emitted code compute what the formula means?  `check` compares, and reports what it compared with what."""

from lossdsl.check.report import Report, Row
from lossdsl.check.run import check

__all__ = ["Report", "Row", "check"]
