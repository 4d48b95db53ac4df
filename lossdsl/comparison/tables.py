"""Tables of users: CSV by the standard library, Parquet by pyarrow where it is installed.

On the way out: all columns have the same number of rows, and nothing is missing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lossdsl.comparison.errors import ComparisonError
from lossdsl.numerals import finite

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True)
class Numbers:
    """A column of finite numbers, shape (rows,)."""

    name: str
    values: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Texts:
    """A column of texts."""

    name: str
    values: tuple[str, ...]


Column = Numbers | Texts


def read_table(path: Path) -> list[Column]:
    """The columns of a file.  ComparisonError, with the line and the column, for a cell that can not be used."""
    if path.suffix.lower() == ".parquet":
        return [_column(name, cells, path, 1) for name, cells in _parquet(path)]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ComparisonError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ComparisonError(f"{path} is not UTF-8 text") from None
    return _csv(text, path)


def _csv(text: str, path: Path) -> list[Column]:
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    try:
        rows = [(at, row) for at, row in _numbered(text, separator) if row]
    except csv.Error as error:
        raise ComparisonError(f"{path} is no CSV file: {error}") from None
    if len(rows) < 2:
        raise ComparisonError(f"{path} needs a line of column names and lines of values")
    names = [name.strip() for name in rows[0][1]]
    if len(set(names)) < len(names) or "" in names:
        raise ComparisonError(f"{path}: the first line has to give each column a name of its own")
    for at, row in rows[1:]:
        if len(row) != len(names):
            raise ComparisonError(f"{path}, line {at}: {len(row)} values for {len(names)} columns")
    cells = zip(*(row for _, row in rows[1:]), strict=True)
    lines = [at for at, _ in rows[1:]]
    return [_column(name, list(column), path, lines) for name, column in zip(names, cells, strict=True)]


def _numbered(text: str, separator: str) -> Iterable[tuple[int, list[str]]]:
    """Rows with the line that each ends on; a quoted cell may span several."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    for row in reader:
        yield reader.line_num, row


def _column(name: str, cells: Sequence[Any], path: Path, lines: int | Sequence[int]) -> Column:
    """Numbers, where every cell is one.  `lines` are those of the cells, or the number of the first."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    for k, text in enumerate(texts):
        if text.lower() in MISSING:
            at = lines + k if isinstance(lines, int) else lines[k]
            where = f"row {at}" if isinstance(lines, int) else f"line {at}"
            raise ComparisonError(f"{path}, {where}: the column {name!r} has no value; fill it in or leave the row out")
    values = [finite(text) for text in texts]
    numbers = [value for value in values if value is not None]
    return Numbers(name, np.array(numbers)) if len(numbers) == len(texts) else Texts(name, tuple(texts))


def _parquet(path: Path) -> Iterable[tuple[str, list[Any]]]:
    """Names and cells."""
    if not path.exists():
        raise ComparisonError(f"can't read {path}: there is no such file")
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise ComparisonError(
            f"{path}: reading Parquet needs pyarrow (pip install pyarrow), or write the table as CSV"
        ) from error
    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise ComparisonError(f"{path} is no Parquet file: {error}") from None
    return [(str(name), table.column(name).to_pylist()) for name in table.column_names]
