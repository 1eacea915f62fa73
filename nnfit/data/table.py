"""A table in memory: numbers as float64 arrays, text as codes into a list of labels; and the kind of each column."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.blocks import NOTHING, Block, NotANumbersError, Part, TableReader, part_of
from nnfit.data.blocks import numbers as numbers_of
from nnfit.data.cells import Floats, Rows, Text
from nnfit.data.cutting import Lines
from nnfit.data.dialect import Dialect
from nnfit.data.opening import reading
from nnfit.data.parts import Files, files_of
from nnfit.data.recognition import keys_of, numbers, written
from nnfit.data.room import MEMORY, Empty, Room, in_memory, put
from nnfit.errors import DataError, Place, Problem
from nnfit.words import count, nearest, quoted, short

FLOATS = "numeric", "empty"  # types of a file whose columns are numbers
BOOLEANS = ({"false", "true"}, {"no", "yes"}, {"n", "y"}, {"f", "t"}, {"off", "on"})
ISO_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class Table(NamedTuple):
    """Columns by name, in the order of the file; `lines` are those in which the rows begin.

    Of several files that are one table, `file` is what stands for all of them, and `parts` say in which a line is.
    """

    file: str
    columns: dict[str, Floats | Text]
    lines: Sequence[int] | NDArray[np.int64]
    dialect: Dialect
    header: tuple[str, ...] = ()  # all columns of the file, read or not
    sha256: str = ""
    types: Mapping[str, str] = NOTHING  # of columns whose type says it, of a frame or of Arrow; a text has none
    parts: Sequence[Part] = ()
    files: tuple[str, ...] = ()  # those that were read
    numerals: Collection[str] = ()  # columns of text whose cells were numbers in a frame
    empty: Empty = np.empty  # what gives new columns their room

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.lines)

    @property
    def of_frame(self) -> bool:
        """Whether the rows are those of a DataFrame, numbered from 0, and not lines of a file."""
        return isinstance(self.lines, range) and self.lines.start == 0

    def numbers(self, name: str) -> Floats:
        """A column of numbers, missing cells as NaN."""
        column = self.columns[name]
        assert not isinstance(column, Text)
        return column

    def text(self, name: str) -> Text:
        """A column of text."""
        column = self.columns[name]
        assert isinstance(column, Text)
        return column

    def rows(self, chosen: Rows) -> Table:
        """Some of the rows, in their order."""
        columns: dict[str, Floats | Text] = {}
        for name, column in self.columns.items():
            if isinstance(column, Text):
                text = column.rows(chosen)
                columns[name] = Text(put(text.codes, self.empty), text.labels)
            else:
                columns[name] = put(column[chosen], self.empty)
        first = self.lines.start if isinstance(self.lines, range) else None
        return self._replace(columns=columns, lines=np.asarray(self.lines)[chosen] if first is None else chosen + first)

    def labels(self, name: str, known: Collection[str]) -> list[str]:
        """The labels of a column of text, a missing cell as the empty one; numbers as those that are known spell them.

        A frame's own numbers are spelled 1 where the whole column is whole, else 1.0: the same cell, in other company.
        """
        gaps, found = {*self.dialect.gaps}, self.text(name).labels
        if name not in self.numerals:
            return ["" if label in gaps else label for label in found]
        pairs = [(label, label[:-2] if label.endswith(".0") else f"{label}.0") for label in found]
        return [next((each for each in pair if each in known), "" if gaps & {*pair} else pair[0]) for pair in pairs]

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Which cells of a column are missing."""
        column = self.columns[name]
        if not isinstance(column, Text):
            return np.isnan(column)
        gaps = [code for code, label in enumerate(column.labels) if label in self.dialect.gaps]
        return np.isin(column.codes, gaps)

    def cell(self, name: str, row: int) -> float | str | None:
        """One cell: a number, or the text as the file has it; None where it is missing."""
        column = self.columns[name]
        value = column.labels[int(column.codes[row])] if isinstance(column, Text) else float(column[row])
        return None if value in self.dialect.gaps or value != value else value

    def written(self, name: str, row: int) -> str:
        """One cell as the file has it, a number with as few digits as mean the same; "" where it is missing."""
        value = self.cell(name, row)
        return repr(value).removesuffix(".0") if isinstance(value, float) else value or ""

    def place(self, row: int, name: str | None = None) -> Place:
        """The place of a row, and of a column in it."""
        line = int(self.lines[row])
        if self.parts:
            return part_of(self.parts, line).place(line, name)
        return Place(self.file, line, self.header.index(name) + 1 if name in self.header else None)

    def where(self, rows: Sequence[int] | Rows) -> list[str]:
        """The lines of some rows as a message lists them, with their files where there are several."""
        return [str(self.place(int(row))) if self.parts else str(self.lines[int(row)]) for row in rows]

    @property
    def noun(self) -> str:
        """What the numbers of rows count in messages: lines of a text, or rows."""
        return "row" if self.of_frame or self.types else "line"

    def problem(self, code: str, message: str, remedy: str, name: str, row: int) -> Problem:
        """A problem with one cell, at its line and column."""
        return Problem(code, message, remedy, self.place(row, name))

    def require(self, names: Sequence[str], what: str) -> None:
        """A DataError that lists every one of the columns that the table lacks."""
        place = Place(
            self.file, 1 if self.noun == "line" and not self.parts else None
        )  # where the names stand in a row
        require(names, self.header or list(self.columns), place, what)


def require(names: Sequence[str], present: Sequence[str], place: Place, what: str) -> None:
    """A DataError that lists every name that is not present."""
    lost = [name for name in names if name not in present]
    if lost:
        message, remedy = f"{what} missing: {', '.join(map(short, lost))}", nearest(lost[0], present)
        raise DataError(Problem("missing-column", message, remedy if len(lost) == 1 else "", place))


def read_table(
    data: str | Sequence[str] | Files,
    dialect: Dialect,
    kinds: Mapping[str, str],
    others: bool = True,
    mixtures: bool = False,
    held: bytes | None = None,
    room: Room = MEMORY,
) -> Table:
    """A whole file, or several. `kinds` says numeric, text or skip for some columns; the `others` as their cells say.

    Of a text these are numeric if every cell is, of a Parquet or Arrow file as their type says.

    A column that mixes numbers and other texts is an error, unless `mixtures` are wanted: it is then text.
    A column that turns out to hold text is read again as text, so that `007` or `1.0` keep their spelling.
    `held` are the bytes of standard input, where they were read before. The columns lie where `room` says.
    """
    fallen: dict[str, Problem] = {}
    files = data if isinstance(data, Files) else files_of(data)
    while True:
        with reading(files, dialect, held) as reader:
            settled = {name: "numeric" if type_ in FLOATS else "text" for name, type_ in reader.types.items()}
            known = {
                name: kinds.get(name, "" if others else "skip") or settled.get(name, "numeric")
                for name in reader.header
            }
            known |= dict.fromkeys(fallen, "text")
            stated = [fallen[name] for name in reader.header if name in fallen and kinds.get(name)]
            try:
                table = gather(reader, {name: kind for name, kind in known.items() if kind != "skip"}, room)
                break
            except NotANumbersError as error:
                if held is None and files.paths == ("-",):  # which cannot be read again
                    raise
                # A column that falls is read as text from then on: so the first such cell of each is found.
                fallen |= dict(zip(error.columns, error.problems, strict=True))
            except DataError:
                if not stated:
                    raise
                break  # a row that is wrong comes behind the cells that are
    if stated:
        raise DataError(*stated)
    fallen = {name: fallen[name] for name in reader.header if name in fallen}
    mixed = [] if mixtures else [mixture(table, name, problem.place) for name, problem in fallen.items()]
    if any(mixed):
        raise DataError(*(problem for problem in mixed if problem))
    return table._replace(files=files.paths)


class Growing:
    """An array that rows are added to, with room for as many as are expected in all."""

    def __init__(self, dtype: type, empty: Empty = in_memory) -> None:
        self.values: NDArray[Any] = np.empty(0, dtype)
        self.empty = empty
        self.n = 0

    def add(self, values: NDArray[Any], expected: int) -> None:
        """Put some rows behind those that are there; `expected` are about as many as it will have in all."""
        end = self.n + len(values)
        if end > len(self.values):
            rows = max(end, expected, len(self.values) * 5 // 4)
            larger = self.empty((rows,), self.values.dtype)
            larger[: self.n] = self.values[: self.n]
            self.values = larger
        self.values[self.n : end] = values
        self.n = end

    def whole(self) -> NDArray[Any]:
        """The rows that were added."""
        return self.values[: self.n]


def gather(reader: TableReader, kinds: Mapping[str, str], room: Room = MEMORY) -> Table:
    """All blocks of a reader as one table."""
    dtypes = {name: np.float64 if kind == "numeric" else np.int32 for name, kind in kinds.items()}
    width = sum(np.dtype(dtype).itemsize for dtype in dtypes.values())
    empty: Empty = in_memory
    grown: dict[str, Growing] = {}
    labels: dict[str, dict[str, int]] = {name: {} for name, kind in kinds.items() if kind == "text"}
    lines: list[Sequence[int] | Lines] = []
    n = 0
    for block in reader.blocks(kinds):
        expected = reader.expected_rows(n + block.n, block.end)
        if not grown:
            empty = room.of(width * max(expected, block.n))
            grown = {name: Growing(dtype, empty) for name, dtype in dtypes.items()}
        lines.append(block.lines)
        n += block.n
        for name, column in grown.items():
            cells = block.columns[name]
            column.add(cells.among(labels[name]) if isinstance(cells, Text) else cells, expected)
    columns: dict[str, Floats | Text] = {
        name: Text(column.whole(), tuple(labels[name])) if name in labels else column.whole()
        for name, column in grown.items()
    }
    header, digest = tuple(reader.header), reader.digest()
    parts, kept = tuple(reader.parts), np.empty if empty is in_memory else empty
    return Table(
        reader.file, columns, contiguous(lines), reader.dialect, header, digest, reader.types, parts, empty=kept
    )


def contiguous(lines: Sequence[Sequence[int] | Lines]) -> Sequence[int] | NDArray[np.int64]:
    """The line numbers of some blocks, as a range where no cell spans lines."""
    first, n = int(lines[0][0]), sum(map(len, lines))
    if int(lines[-1][-1]) - first + 1 == n:
        return range(first, first + n)
    return np.concatenate([np.asarray(some, np.int64) for some in lines])


def mixture(table: Table, name: str, place: Place) -> Problem | None:
    """A column that is mostly numbers, but not always, has as a rule a marker for missing cells: say so."""
    column = table.text(name)
    counts = np.bincount(column.codes, minlength=len(column.labels))
    known = [i for i, label in enumerate(column.labels) if label not in table.dialect.gaps]
    values = {i: table.dialect.number(column.labels[i], name) for i in known}
    finite = {i for i in known if (value := values[i]) is not None and math.isfinite(value)}
    good = sum(int(counts[i]) for i in finite)
    total = sum(int(counts[i]) for i in known)
    if total / 2 < good < total or (good < total and None not in values.values()):
        others = [column.labels[i] for i in known if i not in finite]
        shown = ", ".join(quoted(label) for label in others[:5]) + (", …" if len(others) > 5 else "")
        message = (
            f"column {quoted(name)} holds {count(good, 'number')} and {count(total - good, 'other text')} ({shown}, "
            "first here)"
        )
        remedy = (
            "add these to data.missing if they mean missing cells, or set "
            f"data.columns: {{{short(name)}: {{type: categorical}}}}"
        )
        found = numbers([column.labels[i] for i in known], [int(counts[i]) for i in known], table.dialect.decimal)
        keys = keys_of(found.spellings[0], table.dialect.decimal) if found is not None else {}
        if found is not None and keys:
            remedy = f"set data.columns: {{{short(name)}: {written(keys)}}}"
            remedy += f", and add {quoted(found.strangers[0])} to data.missing" if found.strangers else ""
        return Problem("mixed-column", message, remedy, place)
    return None


def kind(table: Table, name: str) -> str:
    """numeric, boolean, date or categorical: the type in the file, else what all cells that are not missing share."""
    column = table.columns[name]
    if not isinstance(column, Text):
        if np.isnan(column).all():
            raise empty_column(table, name)
        return "numeric"
    known = [label for label in column.labels if label not in table.dialect.gaps]
    if not known:
        raise empty_column(table, name)
    if name in table.types:
        return table.types[name]
    folded = {label.strip().lower() for label in known}
    if any(folded == words for words in BOOLEANS):
        return "boolean"
    return "date" if all(ISO_DATE.fullmatch(label) for label in known) else "categorical"


def from_block(block: Block, reader: TableReader, kinds: Mapping[str, str]) -> Table:
    """A block as a table of its own. A numeric column that was read as text, to be copied as written, is converted."""
    columns: dict[str, Floats | Text] = {}
    for name, kind_of_column in kinds.items():
        cells = block.columns[name]
        if isinstance(cells, Text) and kind_of_column == "numeric":
            cells = numbers_of(reader, name, cells, block.lines)
        columns[name] = cells
    header, lines = tuple(reader.header), contiguous([block.lines])
    return Table(reader.file, columns, lines, reader.dialect, header, types=reader.types, parts=reader.parts)


def empty_column(table: Table, name: str) -> DataError:
    """The error of a column of which every cell is missing."""
    message = f"column {quoted(name)} has no value"
    return DataError(Problem("empty-column", message, "add it to data.ignore", Place(table.file)))
