"""What every reader of tables gives: blocks of rows, and the place of each row in the file it is of.

A row is known by its line: in a text the line in which it begins, in a Parquet or Arrow file its number. Lines of
several files that are one table go on from file to file, as if the later ones had no header; their parts say in which
file a line is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

from nnfit.data.cells import Floats, NotFiniteError, Text, to_numbers
from nnfit.data.cutting import Lines
from nnfit.data.dialect import Dialect
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import phase
from nnfit.words import base, quoted

NOTHING: Mapping[str, Any] = {}


class Block(NamedTuple):
    """Some rows in a row: a float64 array (missing: NaN) for each numeric column, text for the others."""

    columns: Mapping[str, Floats | Text]
    lines: Sequence[int] | Lines  # the line of the file in which each row begins
    end: int = 0  # about how much of the file is read up to here
    blank: int = 0  # the line of the first of the blank ones that follow
    kept: Mapping[str, Any] = NOTHING  # columns that are copied: text, or of an Arrow file the array itself

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.lines)


class Part(NamedTuple):
    """One of several files: the line with which it begins, how much its lines are behind these, and its columns."""

    first: int
    ahead: int
    file: str
    header: Sequence[str]

    def place(self, line: int, name: str | None = None) -> Place:
        """The place of a line, and of a column in it."""
        column = self.header.index(name) + 1 if name in self.header else None
        return Place(self.file, line - self.ahead, column)


def part_of(parts: Sequence[Part], line: int) -> Part:
    """The part that a line is of."""
    return parts[max(bisect_right(parts, line, key=lambda part: part.first) - 1, 0)]


class NotANumbersError(DataError):
    """Columns that were to be read as numbers hold something else: the first such cell of each of the `columns`."""

    def __init__(self, *problems: Problem, columns: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)
        super().__init__(*problems)


class TableReader(Protocol):
    """A table opened for reading: its header at once, its rows by `blocks`."""

    file: str
    dialect: Dialect
    header: list[str]
    types: Mapping[str, str]  # of the columns of a Parquet or Arrow file; a text has none
    size: int | None  # of the file, in the unit of the `end` of a block

    @property
    def parts(self) -> Sequence[Part]:
        """Those begun, where there are several files."""

    def __enter__(self) -> Self:
        """The reader itself."""

    def __exit__(self, *error: object) -> None:
        """Let go of the file."""

    def blocks(self, kinds: Mapping[str, str], doing: str = "reading", keep: Sequence[str] = ()) -> Iterator[Block]:
        """The rows, block after block. `kinds` says numeric or text for each column; one that it lacks is skipped.

        `doing` is the word for what is done with them, in the name of the phase. Those to `keep` are copied as they
        are.
        """

    def parsed(self, kinds: Mapping[str, str], keep: Sequence[str] = ()) -> Iterator[Block]:
        """The same without a phase, and perhaps without rows."""

    def stored(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The types of Arrow in which all cells of columns to keep can be written; a text has none."""

    def expected_rows(self, so_far: int, end: int) -> int:
        """About how many rows there are, from those of the beginning; 0 for a stream of unknown length."""

    def place(self, line: int, name: str | None = None) -> Place:
        """The place of a row, and of a column in it."""

    def digest(self) -> str:
        """The SHA-256 of what was read, once all is."""


def told(
    reader: TableReader, kinds: Mapping[str, str], doing: str, keep: Sequence[str], empty: Problem
) -> Iterator[Block]:
    """The rows of a reader, block after block, as a phase that tells how far it is; without rows an error, `empty`."""
    rows = 0
    with phase(f"{doing} {base(reader.file)}", reader.size) as now:
        for block in reader.parsed(kinds, keep):
            yield block
            rows += block.n
            now.reach(rows if reader.size is None else block.end)
    if not rows:
        raise DataError(empty)


def numbers(reader: TableReader, name: str, cells: Text, lines: Sequence[int] | Lines) -> Floats:
    """A column of texts as numbers; the first that is not a finite number is an error with its line and column."""
    try:
        return to_numbers(cells, reader.dialect, name)
    except NotFiniteError as error:
        got = cells.labels[cells.codes[error.row]]
        message = f"column {quoted(name)}: expected {reader.dialect.expected(name)}, got {quoted(got)}"
        remedy = "if it means a missing cell, add it to data.missing"
        place = reader.place(int(lines[error.row]), name)
        raise NotANumbersError(Problem("not-a-number", message, remedy, place), columns=(name,)) from None
