"""The sizes of features: minimisers go straight where all are alike."""

from __future__ import annotations

from typing import Any

import numpy as np


def standardisation(X: Any, weights: Any, centred: bool) -> tuple[Any, Any]:
    """The mean and the standard deviation of each feature, over weighted rows: 0 and 1 where they are not to be used.

    A feature that is constant, to rounding, has the deviation 1.
    """
    w = np.ones(X.shape[0]) if weights is None else np.asarray(weights, dtype=float)
    w = w / w.sum()
    if hasattr(X, "tocsr"):
        root = np.sqrt(np.asarray(w @ X.power(2)).ravel())
        return np.zeros(X.shape[1]), np.where(root > 0, root, 1.0)
    centre = w @ X if centred else np.zeros(X.shape[1])
    spread = np.sqrt(w @ (X - centre) ** 2)
    rounding = X.shape[0] * np.finfo(float).eps * np.max(np.abs(X), axis=0, initial=0.0)
    return centre, np.where(spread > rounding, spread, 1.0)


def diagonal(entries: Any) -> Any:
    """A sparse matrix with these entries on its diagonal."""
    from scipy.sparse import diags_array

    return diags_array(entries)
