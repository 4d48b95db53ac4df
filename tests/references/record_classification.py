"""References for the family `classification`."""

from __future__ import annotations

from classification_focal import FOCAL, MULTILABEL
from classification_imbalance import IMBALANCED
from classification_scoring import OTHERS, SCORING
from classification_softmax import BCE, SOFTMAX
from recorder import record

record("classification", [*SOFTMAX, *BCE, *FOCAL, *MULTILABEL, *IMBALANCED, *SCORING, *OTHERS])
