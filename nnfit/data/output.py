"""Writing predictions as CSV: numbers with full precision, labels as they were spelled."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import NDArray

from nnfit.errors import DataError, Problem


def to_csv(columns: Mapping[str, NDArray[Any]], header: bool = True, separator: str = ",") -> bytes:
    """A header and one line per row; floats as the shortest text that reads back the same."""
    buffer = io.StringIO(newline="")
    texts = [cell for column in columns.values() if column.dtype == object for cell in set(column)]
    # Python's csv leaves a lone carriage return unquoted, and no reader takes it for part of a cell then.
    returns = any("\r" in text for text in (*columns, *texts))
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n", quoting=quoting)
    try:
        if header:
            writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    except csv.Error as error:
        raise DataError(Problem("not-csv", f"the predictions cannot be written as CSV: {error}")) from None
    return buffer.getvalue().encode("utf-8", "surrogatepass")
