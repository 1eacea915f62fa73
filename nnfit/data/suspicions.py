"""What in the data is legal but probably not meant: columns that teach nothing or too much, rows that leak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data.feature import Feature
from nnfit.data.fingerprints import of_examples
from nnfit.data.table import Floats, Rows, Table, Text
from nnfit.data.target import Target
from nnfit.errors import Problem
from nnfit.words import listed, quoted

ENOUGH = 20  # with fewer rows, distinct values and equal columns are no surprise
IGNORE = "add it to data.ignore"


def columns(table: Table, rows: Rows, features: Sequence[Feature], target: Target) -> Iterator[Problem]:
    """Constant columns, identifiers, and columns that are the target in other words: problems without a place."""
    constant = [f.name for f in features if is_constant(table.columns[f.name], rows)]
    if constant:
        message = f"one value in all training rows, so nothing to learn from: {listed(constant)}"
        yield Problem("constant-column", message, IGNORE)
    for name in target.columns:
        if is_constant(table.columns[name], rows):
            message = f"one value of the target {quoted(name)} in all training rows, so nothing to learn"
            yield Problem("constant-target", message)
    if table.n < ENOUGH:
        return
    rest = [f for f in features if f.name not in constant]
    identifiers = [f.name for f in rest if f.options.type != "date" and is_identifier(table.columns[f.name])]
    if identifiers:
        message = f"another value in every row, as an identifier has: {listed(identifiers)}"
        yield Problem("identifier", message, IGNORE)
    for name in target.columns:
        same = [f.name for f in rest if f.name not in identifiers and tells(table.columns[f.name], table.columns[name])]
        if same:
            message = f"{listed(same)} tells the target {quoted(name)} in every row (leakage?)"
            yield Problem("tells-target", message, f"if it is not known when you predict, {IGNORE}")


def small_classes(table: Table, name: str) -> Iterator[Problem]:
    """Classes that cannot be in the training and the test rows both: problems without a place."""
    text = table.text(name)
    counts = np.bincount(text.codes, minlength=len(text.labels))
    single = [label for label, count in zip(text.labels, counts, strict=True) if count == 1]
    if single:
        message = f"classes of {quoted(name)} with a single row, which cannot be learned and tested both"
        yield Problem("single-row", f"{message}: {listed(single)}")


def is_constant(column: Floats | Text, rows: Rows) -> bool:
    """Whether a column has one value in some rows; missing cells are one too."""
    values = column.codes if isinstance(column, Text) else column
    first = values[rows[0]]
    same = values == first if first == first else np.isnan(values)
    return bool(same[rows].all())


def is_identifier(column: Floats | Text) -> bool:
    """All texts differ, or the numbers count through a range."""
    if isinstance(column, Text):
        return len(column.labels) == len(column.codes)
    if column.max() - column.min() != len(column) - 1:  # also where a cell is missing: NaN
        return False
    return len(np.unique(column)) == len(column) and bool((column == np.floor(column)).all())


def tells(column: Floats | Text, target: Floats | Text) -> bool:
    """Whether each value of the column belongs to one of the target and the other way round, or they are in line."""
    few = slice(0, 1000)  # these settle nearly every case, without a pass over all rows
    return all(tell(part(column, rows), part(target, rows)) for rows in (few, slice(None)))


def part(column: Floats | Text, rows: slice) -> Floats | Text:
    """Some rows of a column."""
    return Text(column.codes[rows], column.labels) if isinstance(column, Text) else column[rows]


def tell(column: Floats | Text, target: Floats | Text) -> bool:
    """Whether the rows that are given have that relation."""
    if isinstance(column, Text) or isinstance(target, Text):
        x, y = codes(column), codes(target)
        # A column of different numbers is in one-to-one relation to anything of different values.
        return max(len(np.unique(x)), len(np.unique(y))) <= len(x) / 2 and one_to_one(x, y)
    if np.isnan(column).any():
        return False
    x, y = column - column.mean(), target - target.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return scale > 0 and abs(float(x @ y)) / scale > 1 - 1e-12


def codes(column: Floats | Text) -> NDArray[np.intp]:
    """A number for each value of a column, the same in every row that has it."""
    return column.codes.astype(np.intp) if isinstance(column, Text) else np.unique(column, return_inverse=True)[1]


def one_to_one(x: NDArray[np.integer], y: NDArray[np.integer]) -> bool:
    """Whether each code of one belongs to one code of the other."""
    pairs = len(np.unique(x.astype(np.int64) * (int(y.max()) + 1) + y))
    return pairs == len(np.unique(x)) == len(np.unique(y))


def repeated(train: tuple[Array, Array], other: tuple[Array, Array]) -> int:
    """How many of the other rows (X, Y) are, input for input and output for output, training rows too."""
    return int(np.isin(of_examples(*other), of_examples(*train)).sum())
