"""Data sets: those that scikit-learn ships, and the user's tables, as features and one target.

A shipped set is a table too: `--target` names one of its columns instead of the usual target, which is then left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.tables import Column, Numbers, read_table

Array = np.ndarray[Any, Any]
Task = Literal["regression", "classification"]

SHIPPED: dict[str, Task] = {
    "diabetes": "regression",
    "linnerud": "regression",
    "breast_cancer": "classification",
    "digits": "classification",
    "iris": "classification",
    "wine": "classification",
}
"""The sets inside the package of scikit-learn, and what they are for.  Nothing is ever downloaded."""

CATEGORIES = 20
"""Different texts that a column of features may have: each becomes a column of zeros and ones."""
FEWEST = 8
"""Rows that a comparison needs at least: some to train on, to stop on, and to test on."""


@dataclass(frozen=True)
class Dataset:
    """X of shape (rows, features); y of shape (rows,), numbers, or positions in `classes`."""

    name: str
    target: str
    X: Array
    y: Array
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        return "classification" if self.classes else "regression"


def dataset(source: str, target: str | None = None, task: Task | None = None) -> Dataset:
    """A set of `SHIPPED` by its name, or a CSV or Parquet file.

    target: the column to predict; a file needs it.  task: if left out, text, truth values and columns with two values
    are classes, other numbers are numbers.  ComparisonError for what is not there or can not be used.
    """
    name = source.replace("-", "_").replace(" ", "_")
    if name in SHIPPED:
        return _shipped(name, target, task)
    if Path(source).suffix.lower() not in (".csv", ".tsv", ".parquet"):
        raise ComparisonError(f"there is no data set {source!r}: give a .csv or .parquet file, or {', '.join(SHIPPED)}")
    columns = read_table(Path(source))
    if target is None:
        names = ", ".join(column.name for column in columns)
        raise ComparisonError(f"{source} needs --target, one of its columns {names}")
    return _of_columns(Path(source).stem, columns, target, task)


def _shipped(name: str, target: str | None, task: Task | None) -> Dataset:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ComparisonError('data sets need scikit-learn: pip install "lossdsl[fit]"') from error
    found = getattr(datasets, f"load_{name}")()
    features = tuple(map(str, found.feature_names))
    if SHIPPED[name] == "classification":
        if target is None and task != "regression":
            classes = tuple(map(str, found.target_names))
            return _checked(Dataset(name, "class", found.data, found.target, features, classes))
        targets = [Numbers("class", found.target.astype(float))]
    else:
        names = [str(each) for each in getattr(found, "target_names", ["target"])]
        values = np.reshape(found.target, (len(found.data), -1)).astype(float)
        targets = [Numbers(each, values[:, k]) for k, each in enumerate(names)]
    wanted = target or targets[0].name
    chosen = [column for column in targets if column.name == wanted]
    inputs = [Numbers(each, found.data[:, k].astype(float)) for k, each in enumerate(features)]
    return _of_columns(name, [*inputs, *chosen], wanted, task or "regression")


def _of_columns(name: str, columns: list[Column], target: str, task: Task | None) -> Dataset:
    by_name = {column.name: column for column in columns}
    if target not in by_name:
        raise ComparisonError(f"{name} has no column {target!r}, only {', '.join(by_name)}")
    inputs = [part for column in columns if column.name != target for part in _numeric(column)]
    if not inputs:
        raise ComparisonError(f"{name} has no column beside {target!r} to predict it from")
    X = np.column_stack([column.values for column in inputs])
    features = tuple(column.name for column in inputs)
    found = by_name[target]
    if (task or _guess(found)) == "regression":
        if not isinstance(found, Numbers):
            raise ComparisonError(f"the column {target!r} holds text, such as {found.values[0]!r}, and no numbers")
        return _checked(Dataset(name, target, X, found.values, features))
    labels, positions = np.unique(np.asarray(found.values), return_inverse=True)
    texts = tuple(f"{v:g}" if isinstance(found, Numbers) else str(v) for v in labels.tolist())
    return _checked(Dataset(name, target, X, positions, features, texts))


def _guess(column: Column) -> Task:
    if not isinstance(column, Numbers):
        return "classification"
    return "classification" if len(np.unique(column.values)) == 2 else "regression"


def _numeric(column: Column) -> list[Numbers]:
    """The column itself; of a text a column of zeros and ones for each value but the first."""
    if isinstance(column, Numbers):
        return [column]
    values = sorted(set(column.values))
    if len(values) > CATEGORIES:
        raise ComparisonError(
            f"the column {column.name!r} has {len(values)} different texts, such as {values[0]!r}; at most "
            f"{CATEGORIES} become features: leave the column out"
        )
    given = np.asarray(column.values)
    return [Numbers(f"{column.name}={value}", (given == value).astype(float)) for value in values[1:]]


def _checked(data: Dataset) -> Dataset:
    if len(data.y) < FEWEST:
        raise ComparisonError(f"{data.name} has {len(data.y)} rows; a comparison needs at least {FEWEST}")
    if data.task == "regression" and np.ptp(data.y) == 0:
        raise ComparisonError(f"the column {data.target!r} is {data.y[0]:g} throughout: there is nothing to predict")
    if data.task == "classification":
        counts = np.bincount(data.y, minlength=len(data.classes))
        if len(counts) < 2:
            raise ComparisonError(f"the column {data.target!r} has one class only")
        rare = int(np.argmin(counts))
        if counts[rare] < 4:
            raise ComparisonError(
                f"the class {data.classes[rare]!r} of {data.target!r} has {counts[rare]} rows; each needs at least 4 "
                "(--task regression for a column of numbers)"
            )
    return data
