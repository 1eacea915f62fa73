"""One number for each row, which rows of equal values share and others, up to chance, do not: 64 bits.

Integer arithmetic on the bits of the values, so that rounding plays no part. Of n and m rows that all differ, some two
share a number with a probability of n m / 2⁶⁴: 10⁻⁷ for a million rows each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Encoded, Expanded
from nnfit.core.parameter import Array
from nnfit.data.cells import Floats, Text
from nnfit.data.table import Table

PIECE = 1 << 16  # rows that are looked at together, so that a table is read once and not column by column

Prints = NDArray[np.uint64]


def of_examples(X: Encoded, Y: Array) -> Prints:
    """Those of encoded rows X (n, N) with their outputs Y (K, n)."""
    X = X.kept if isinstance(X, Expanded) else X
    found = np.empty(len(X), np.uint64)
    for start in range(0, len(X), PIECE):
        rows = slice(start, start + PIECE)
        found[rows] = combined(len(found[rows]), (bits(column) for column in (*X[rows].T, *Y[:, rows])))
    return found


def of_rows(table: Table, columns: Iterable[Floats | Text]) -> Prints:
    """Those of the rows of a table, by some columns of it, as they are or as numbers; missing cells are equal."""
    return combined(table.n, (of_cells(table, column) for column in columns))


def combined(n: int, columns: Iterable[Prints]) -> Prints:
    """One number for each of n rows, from the bits of each of its values."""
    rng = np.random.default_rng(0)
    result = np.zeros(n, np.uint64)
    for column in columns:
        factor = rng.integers(1, 2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        # The high bits of a float64 say the most: bring them down.
        mixed = (column ^ (column >> np.uint64(32))) * factor
        result = (result ^ mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
    return result


def bits(column: Array) -> Prints:
    """The bits of numbers; those of −0.0 are those of 0.0, which adding zero makes it."""
    size = np.uint32 if column.itemsize == 4 else np.uint64
    return np.ascontiguousarray(column + 0).view(size).astype(np.uint64)


def of_cells(table: Table, column: Floats | Text) -> Prints:
    """The bits of the cells of a column: of a text, 64 bits of a hash."""
    if not isinstance(column, Text):
        return bits(np.where(np.isnan(column), np.nan, column))
    gaps = {*table.dialect.gaps}
    texts = ("" if label in gaps else label for label in column.labels)
    hashes = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(hashes), "<u8").astype(np.uint64)[column.codes]
