"""The libraries there are objectives for, and which of a library's ways of calling fits a loss."""

from __future__ import annotations

from lossdsl.boosting import catboost_calls, lightgbm_calls, xgboost_calls
from lossdsl.boosting.library import Library
from lossdsl.boosting.rows import Roles

LIBRARIES: dict[tuple[str, str], Library] = {
    ("xgboost", "native"): xgboost_calls.NATIVE,
    ("xgboost", "sklearn"): xgboost_calls.SKLEARN,
    ("lightgbm", "native"): lightgbm_calls.NATIVE,
    ("lightgbm", "sklearn"): lightgbm_calls.SKLEARN,
    ("catboost", "native"): catboost_calls.RANGES,
    ("catboost", "sklearn"): catboost_calls.RANGES,
}
"""By name and interface.  CatBoost has one interface, of scikit-learn's kind."""


def calling(name: str, api: str, roles: Roles) -> Library:
    """How the library calls an objective for a loss with these roles."""
    library = LIBRARIES[name, api]
    if library is not catboost_calls.RANGES:
        return library
    beside = roles.label_columns or any(a.default is None for a in roles.row_data)
    if roles.is_label and not beside:
        return catboost_calls.CLASSES
    return catboost_calls.COLUMNS if roles.columns or beside else library
