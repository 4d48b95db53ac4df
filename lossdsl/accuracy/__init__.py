"""How far off is what the emitted code computes?  Errors in ulps, measured against the reference interpreter."""

from lossdsl.accuracy.losses import subjects
from lossdsl.accuracy.measurement import Accuracy, measure, measure_program

__all__ = ["Accuracy", "measure", "measure_program", "subjects"]
