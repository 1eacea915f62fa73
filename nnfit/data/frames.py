"""A DataFrame as a table: its numbers as they are, all else as the text that a CSV would hold."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nnfit.data.reader import Dialect, NotFiniteError, to_numbers
from nnfit.data.rows import number
from nnfit.data.table import Floats, Table, Text, encode_labels
from nnfit.errors import DataError, Place, Problem
from nnfit.words import listed, quoted

NAME = "frame"  # what stands for the file in messages; rows are numbered from 0, as in pandas


def read_frame(frame: pd.DataFrame, dialect: Dialect, kinds: Mapping[str, str], others: bool = True) -> Table:
    """A whole frame, as `read_table` reads a file: `kinds` says numeric, text or skip for some columns.

    The `others` are what their dtype says. The SHA-256 is that of the values, column after column.
    """
    frame = labelled(frame)
    if not len(frame):
        raise DataError(Problem("no-rows", "has a header but no rows", place=Place(NAME)))
    known = {name: kinds.get(name, "" if others else "skip") or kind_of(frame[name]) for name in unique(frame)}
    table = from_frame(frame, dialect, {name: kind for name, kind in known.items() if kind != "skip"})
    return table._replace(header=tuple(known), sha256=digest(table))


def labelled(frame: Any) -> pd.DataFrame:
    """The frame with texts as the names of its columns."""
    if not isinstance(frame, pd.DataFrame):
        message = f"expected a pandas DataFrame, got {type(frame).__name__}"
        raise DataError(Problem("not-a-frame", message, "pandas.DataFrame(…) makes one, with the names of the columns"))
    return frame if all(isinstance(name, str) for name in frame.columns) else frame.rename(columns=str)


def unique(frame: pd.DataFrame) -> list[str]:
    """The names of the columns, each once."""
    twice = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise DataError(Problem("given-twice", f"columns are there twice: {listed(twice)}", place=Place(NAME)))
    return list(frame.columns)


def kind_of(values: pd.Series[Any]) -> str:
    """How a column is read: numbers as numeric, all else (true and false, dates, texts, digits in quotes) as text."""
    if values.dtype.kind in "iuf":
        return "numeric"
    if values.dtype.kind != "O" or isinstance(values.dtype, pd.CategoricalDtype):
        return "text"
    known = [value for value in values.to_numpy(object) if not is_missing(value)]
    plain = all(isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) for value in known)
    return "numeric" if known and plain else "text"


def from_frame(frame: pd.DataFrame, dialect: Dialect, kinds: Mapping[str, str]) -> Table:
    """The table of some columns of a frame, read as `kinds` says; a column that is not there is left out."""
    frame = labelled(frame)
    twice = [name for name in frame.columns[frame.columns.duplicated()] if name in kinds]
    if twice:
        raise DataError(Problem("given-twice", f"columns are there twice: {', '.join(twice)}"))
    present = {name: kind for name, kind in kinds.items() if name in frame.columns}
    columns: dict[str, Floats | Text] = {
        name: as_numbers(name, frame[name], dialect) if kind == "numeric" else as_text(frame[name])
        for name, kind in present.items()
    }
    return Table(NAME, columns, range(len(frame)), dialect)


def as_numbers(name: str, values: pd.Series[Any], dialect: Dialect) -> Floats:
    """A column as numbers, missing cells as NaN."""
    if values.dtype.kind in "iuf":
        found: Floats = values.to_numpy(np.float64, copy=True, na_value=np.nan)
        gaps = [float(token) for token in dialect.missing if number(token) is not None]
        found[np.isin(found, gaps)] = np.nan
        if np.isinf(found).any():
            raise DataError(Problem("not-finite", f"column {quoted(name)}: expected finite numbers, got inf"))
        return found
    cells = np.array([spelled(value) for value in values.to_numpy(object)], object)
    try:
        return to_numbers(cells, dialect._replace(decimal="."))  # numbers of Python, not of the file
    except NotFiniteError as error:
        message = f"column {quoted(name)}: expected a number, got {quoted(cells[error.row])} in row {error.row}"
        raise DataError(Problem("not-a-number", message)) from None


def as_text(values: pd.Series[Any]) -> Text:
    """A column as text, spelled as a CSV would spell it."""
    if values.dtype.kind == "f" and (values.isna() | (values == np.floor(values))).all():
        values = values.astype("Int64")  # pandas makes whole numbers floats where one is missing
    cells = np.array([spelled(value) for value in values.to_numpy(object)], object)
    labels: dict[str, int] = {}
    return Text(encode_labels(cells, labels), tuple(labels))


def spelled(value: Any) -> str:
    """A value of a frame as a CSV would spell it."""
    if isinstance(value, str):
        return value
    return "" if is_missing(value) else str(value)


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NaT or NA; a list or an array is a value."""
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def digest(table: Table) -> str:
    """The SHA-256 of the values of a table: name after name, numbers as little-endian float64, texts in UTF-8."""
    found = hashlib.sha256()
    for name, column in table.columns.items():
        found.update(f"{name}\0".encode("utf-8", "surrogatepass"))
        if isinstance(column, Text):
            found.update("\0".join(column.labels).encode("utf-8", "surrogatepass") + b"\0")
            found.update(column.codes.astype("<i4").tobytes())
        else:
            found.update(column.astype("<f8").tobytes())
    return found.hexdigest()
