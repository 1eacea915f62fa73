"""A DataFrame as a table: its numbers as they are, all else as the text that a CSV would hold.

The frame is one of pandas, whatever its dtypes are backed by, or one that exchange.py makes one.

What no dtype settles (object, string) is inferred from the cells, as in a CSV: numbers if all are, and a mixture of
numbers and other texts is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from nnfit.data.cells import Floats, Rows, Text, gapped, numbers_in, text_of
from nnfit.data.dialect import Dialect
from nnfit.data.exchange import Frame, as_pandas, is_date, native
from nnfit.data.table import Table, mixture
from nnfit.errors import DataError, Place, Problem
from nnfit.words import listed, quoted

NAME = "frame"  # what stands for the file in messages; rows are numbered from 0, by position
SCALARS = (str, bool, np.bool_, Real, Decimal, date, time, pd.Period, np.datetime64)


def read_frame(
    frame: Frame, dialect: Dialect, kinds: Mapping[str, str], others: bool = True, name: str = NAME
) -> Table:
    """A whole frame, as `read_table` reads a file: `kinds` says numeric, text or skip for some columns.

    The `others` are what their dtype, or else their cells say. `name` stands for the file in messages. The SHA-256 is
    that of the values, column after column.
    """
    frame = labelled(frame, name)
    if not len(frame):
        raise DataError(Problem("no-rows", "has no rows", place=Place(name)))
    known = {column: kinds.get(column, "" if others else "skip") for column in unique(frame, name)}
    table = from_frame(frame, dialect, {column: kind for column, kind in known.items() if kind != "skip"}, name)
    return table._replace(sha256=digest(table))


def labelled(frame: Any, name: str) -> pd.DataFrame:
    """The frame as pandas has it, with texts as the names of its columns; numbers are spelled, other labels refused."""
    found = as_pandas(frame, name)
    for position, label in enumerate(found.columns, 1):
        if not isinstance(label, str | int | np.integer) or isinstance(label, bool) or label == "":
            message = f"{label!r} is no name of a column" if label != "" else "this column has no name"
            raise DataError(Problem("no-name", message, "give every column one", Place(name, None, position)))
    return found if all(isinstance(label, str) for label in found.columns) else found.rename(columns=str)


def unique(frame: pd.DataFrame, name: str) -> list[str]:
    """The names of the columns, each once."""
    twice = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise DataError(Problem("given-twice", f"columns are there twice: {listed(twice)}", place=Place(name)))
    return list(frame.columns)


def from_frame(
    frame: Frame,
    dialect: Dialect,
    kinds: Mapping[str, str],
    name: str = NAME,
    strange: dict[str, list[str]] | None = None,
) -> Table:
    """The table of some columns of a frame, read as `kinds` says (nothing: as dtype and cells do).

    A column that is not there is left out. A text in a column that is said to be numeric is an error; where `strange`
    is given, it counts as a missing cell, and is listed there under its column.
    """
    frame = labelled(frame, name)
    unique(frame.loc[:, [column in kinds for column in frame.columns]], name)
    table = Table(name, {}, range(len(frame)), dialect, tuple(frame.columns))
    for column, kind in kinds.items():
        if column in frame.columns:
            table.columns[column] = cells_of(frame[column], column, kind, table, strange)
    dates = [column for column in table.columns if is_date(frame[column])]
    texts = [column for column, cells in table.columns.items() if isinstance(cells, Text)]
    numerals = frozenset(column for column in texts if are_numbers(frame[column]))
    return table._replace(types=dict.fromkeys(dates, "date"), numerals=numerals)


def cells_of(
    values: pd.Series[Any], column: str, kind: str, table: Table, strange: dict[str, list[str]] | None = None
) -> Floats | Text:
    """The cells of one column, as numbers or as text; `strange` as in `from_frame`."""
    values = native(values)
    if values.dtype.kind in "iuf" and kind != "text":
        return finite(values, column, table)
    if values.dtype.kind in "cmV":
        message = f"column {quoted(column)}: {values.dtype} is none of numbers, texts, dates, true and false"
        raise DataError(
            table.problem("wrong-dtype", message, "convert it, or leave it out with data.ignore", column, 0)
        )
    categories = isinstance(values.dtype, pd.CategoricalDtype)
    cells = spelled_categories(values, column, table) if categories else spelled(values, column, table)
    settled = categories or values.dtype.kind == "b" or is_date(values)
    if kind == "text" or (settled and not kind):
        return text_of(cells)
    found, wrong = numbers_of(values, cells, column, table.dialect)
    if not len(wrong):
        return found
    if kind and strange is not None:
        strange[column] = list(dict.fromkeys(cells[wrong]))
        return found
    row = int(wrong[0])
    place = Place(table.file, row, table.header.index(column) + 1)
    if kind:
        expected = table.dialect.expected(column)
        message = f"column {quoted(column)}: expected {expected}, got {quoted(cells[row])}"
        raise DataError(Problem("not-a-number", message, place=place))
    text = text_of(cells)
    problem = mixture(table._replace(columns={column: text}), column, place)
    if problem is not None:
        raise DataError(problem)
    return text


def numbers_of(values: pd.Series[Any], cells: Any, column: str, dialect: Dialect) -> tuple[Floats, Rows]:
    """The numbers of a column of objects, those that are numbers already, and texts as the column is written.

    The rows in which there is none come with them.
    """
    as_text = np.array([isinstance(value, str) for value in values.to_numpy(object)], bool)
    found = np.full(len(cells), np.nan)
    wrong = np.zeros(len(cells), bool)
    for chosen, how in ((as_text, dialect), (~as_text, Dialect(missing=dialect.missing))):
        found[chosen], rows = numbers_in(text_of(cells[chosen]), how, column)
        wrong[np.flatnonzero(chosen)[rows]] = True
    return found, np.flatnonzero(wrong)


def are_numbers(values: pd.Series[Any]) -> bool:
    """Whether the cells of a column are numbers, by its dtype, that of its categories, or as Python's own values."""
    values = native(values)
    cells = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
    of_python = cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=True)
    return cells.dtype.kind in "iuf" or of_python in ("integer", "floating", "mixed-integer-float", "decimal")


def finite(values: pd.Series[Any], column: str, table: Table) -> Floats:
    """A column of numbers, missing cells as NaN."""
    found, infinite = gapped(values.to_numpy(np.float64, copy=True, na_value=np.nan), table.dialect, column)
    if len(infinite):
        message = f"column {quoted(column)}: expected finite numbers, got {found[infinite[0]]}"
        raise DataError(table.problem("not-finite", message, "", column, int(infinite[0])))
    return found


def spelled(values: pd.Series[Any], column: str, table: Table, rows: Rows | None = None) -> Any:
    """The cells as a CSV would spell them, missing ones as nothing; `rows` are those that they stand in, if not all."""
    if values.dtype.kind == "f" and (values.isna() | ((values == np.floor(values)) & (values.abs() < 2**63))).all():
        values = values.astype("Int64")  # pandas makes whole numbers floats where one is missing
    objects = values.to_numpy(object)
    cells = np.empty(len(objects), object)
    for row, value in enumerate(objects):
        if isinstance(value, str):
            cells[row] = value
        elif pd.api.types.is_scalar(value) and pd.isna(value):
            cells[row] = ""
        elif isinstance(value, SCALARS):
            cells[row] = str(value)
        else:
            message = (
                f"column {quoted(column)}: expected a text, number, date or truth value, got {type(value).__name__}"
            )
            remedy = "convert it, or leave the column out with data.ignore"
            raise DataError(
                table.problem("wrong-dtype", message, remedy, column, row if rows is None else int(rows[row]))
            )
    return cells


def spelled_categories(values: pd.Series[Any], column: str, table: Table) -> Any:
    """The cells of a column of categories, each of those that are there spelled once; a missing one makes no floats."""
    codes = values.cat.codes.to_numpy()
    used, first = np.unique(codes, return_index=True)
    used, first = used[used >= 0], first[used >= 0]
    labels = np.full(len(values.cat.categories) + 1, "", object)  # the last is that of missing cells, whose code is −1
    if len(used):
        labels[used] = spelled(native(pd.Series(values.cat.categories[used])), column, table, first)
    return labels[codes]


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
