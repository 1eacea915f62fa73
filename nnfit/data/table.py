"""Reading a CSV: every cell is kept as the text that was written, until an encoding asks for a number.

pandas parses; what it would guess or mend in silence (missing markers, short rows, an index column) is switched off
or checked here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit.errors import DataError, Problem, nearest

Cells = NDArray[np.object_]
NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class Dialect(NamedTuple):
    """How the text of a file is cut into cells, and which cells are missing besides the empty ones."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ()


class Table(NamedTuple):
    """The cells of a file by column, as text; `line(row)` tells where a row was written."""

    file: str
    columns: dict[str, Cells]
    dialect: Dialect
    sha256: str = ""
    lines: tuple[int, ...] | None = None  # first line of every row; None where row i stands in line i + 2

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values())))

    def line(self, row: int) -> int:
        """The line of the file in which a row begins; the header is line 1."""
        return self.lines[row] if self.lines else row + 2

    def take(self, rows: NDArray[np.intp]) -> Table:
        """The table of some rows."""
        lines = tuple(self.line(int(row)) for row in rows)
        return self._replace(columns={name: cells[rows] for name, cells in self.columns.items()}, lines=lines)

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Which cells of a column are missing."""
        cells = self.columns[name]
        result: NDArray[np.bool_] = cells == ""
        for token in self.dialect.missing:
            result |= cells == token
        return result

    def require(self, names: Sequence[str], what: str) -> None:
        """A DataError that lists every one of the columns that the table lacks."""
        lost = [name for name in names if name not in self.columns]
        if lost:
            hints = "".join(nearest(name, self.columns) for name in lost[:1]) if len(lost) == 1 else ""
            raise DataError(Problem(f"{what} missing: {', '.join(lost)}{hints}", self.file, 1))


def read_table(path: str, dialect: Dialect) -> Table:
    """The table in a CSV file with a header, or on standard input for `-`."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        raise DataError(Problem(f"cannot be read: {error.strerror}", path)) from None
    file_name = "standard input" if path == "-" else path
    data = data.removeprefix(b"\xef\xbb\xbf") if dialect.encoding.lower().replace("-", "") == "utf8" else data
    try:
        text = data.decode(dialect.encoding)
    except (UnicodeDecodeError, LookupError) as error:
        hint = "set data.encoding, for example to latin-1"
        raise DataError(Problem(f"cannot be read as {dialect.encoding} ({error}); {hint}", file_name)) from None
    if not text.strip():
        raise DataError(Problem("is empty; expected a header and rows", file_name))
    header, lines = shape(text, dialect.separator, file_name)
    frame = pd.read_csv(
        io.StringIO(text, newline=""),
        sep=dialect.separator,
        header=None,
        skiprows=0,
        dtype=object,
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=len(header) > 1,
        engine="c",
    )
    columns = {name: frame[i].to_numpy(object)[1:] for i, name in enumerate(header)}
    table = Table(file_name, columns, dialect, hashlib.sha256(data).hexdigest(), lines)
    if table.n == 0:
        raise DataError(Problem("has a header but no rows", file_name, 1))
    return table


def shape(text: str, separator: str, file: str) -> tuple[list[str], tuple[int, ...] | None]:
    """The header, and the lines in which rows begin where cells span lines; refuses rows of another length."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    lines: list[int] = []
    blank = begin = 0
    spanning = False
    try:
        for row in reader:
            begin, previous = reader.line_num, begin
            if not header:
                header = row
                check_header(header, separator, file)
                continue
            if not row:
                blank = blank or begin
                continue
            if blank and len(header) > 1:
                raise DataError(Problem("a blank line stands between the rows; remove it", file, blank))
            spanning |= begin != previous + 1
            lines.append(previous + 1)
            if len(row) != len(header):
                message = f"{len(row)} cells, but the header has {len(header)} columns"
                hint = "; a cell that contains the separator needs quotes" if len(row) > len(header) else ""
                raise DataError(Problem(message + hint, file, previous + 1))
    except csv.Error as error:
        raise DataError(Problem(f"cannot be cut into cells: {error}", file, begin + 1)) from None
    return header, tuple(lines) if spanning else None


def check_header(header: list[str], separator: str, file: str) -> None:
    """Refuse a header that does not name every column once, or that another separator would cut."""
    for position, name in enumerate(header, 1):
        if not name:
            raise DataError(Problem(f"column {position} has no name", file, 1))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(Problem(f"these column names are given twice: {', '.join(twice)}", file, 1))
    other = [mark for mark in ";\t|," if mark in header[0] and mark != separator]
    if len(header) == 1 and other:
        raise DataError(
            Problem(f'one column only, "{header[0]}"; set data.separator: "{other[0]}"'.replace("\t", "\\t"), file, 1)
        )
    if all(NUMBER.fullmatch(name) for name in header):
        raise DataError(Problem("the first row holds only numbers; a header with the column names is needed", file, 1))


def numbers(table: Table, name: str) -> NDArray[np.float64]:
    """A column as float64, missing cells as NaN; a cell that is not a finite number is a DataError."""
    cells, missing = table.columns[name], table.missing(name)
    result = np.full(len(cells), np.nan)
    written = cells[~missing]
    if table.dialect.decimal != ".":
        written = np.array([cell.replace(table.dialect.decimal, ".") for cell in written], object)
    good = np.array([NUMBER.fullmatch(cell) is not None for cell in written], bool)
    if good.all():
        with np.errstate(over="ignore"):
            result[~missing] = written.astype(np.float64)
        good = np.isfinite(result[~missing])
    if not good.all():
        row = int(np.flatnonzero(~missing)[np.argmin(good)])
        message = f'column "{name}": expected a number, got {quoted(cells[row])}'
        hint = "; if it means a missing cell, add it to data.missing"
        raise DataError(Problem(message + hint, table.file, table.line(row)))
    return result


def kind(table: Table, name: str) -> str:
    """`numeric` if every cell that is not missing is a number, `categorical` if most are not.

    In between lies, as a rule, a marker for missing cells that the spec does not name: a DataError.
    """
    cells, missing = table.columns[name], table.missing(name)
    written = cells[~missing]
    if not len(written):
        raise DataError(Problem(f'column "{name}" has no value; add it to data.ignore', table.file))
    decimal = table.dialect.decimal
    texts = written if decimal == "." else [cell.replace(decimal, ".") for cell in written]
    good = np.array([NUMBER.fullmatch(cell) is not None for cell in texts], bool)
    if good.all():
        return "numeric"
    if good.mean() <= 0.5:
        return "categorical"
    row = int(np.flatnonzero(~missing)[np.argmin(good)])
    raise DataError(
        Problem(
            f'column "{name}" holds {int(good.sum())} numbers, but {quoted(cells[row])} here; add that to data.missing '
            f"if it means a missing cell, or set data.columns: {{{name}: {{type: categorical}}}}",
            table.file,
            table.line(row),
        )
    )


def quoted(cell: str) -> str:
    """A cell as a message shows it: in quotes, control characters escaped, shortened."""
    text = cell if len(cell) <= 40 else cell[:39] + "…"
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'


def from_frame(frame: Any, dialect: Dialect) -> Table:
    """The table of a pandas DataFrame, each value as the text a CSV would hold."""
    columns = {}
    for name in frame.columns:
        values = frame[name].to_numpy(object)
        cells = ["" if pd.isna(value) else value if isinstance(value, str) else repr_of(value) for value in values]
        columns[str(name)] = np.array(cells, object)
    if not columns or not len(frame):
        raise DataError("the frame has no rows or no columns")
    return Table("frame", columns, dialect)


def repr_of(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
