"""A Parquet or Arrow file read in batches of rows: types are those of the file, and nothing is guessed.

integers, floats, decimals   numbers; null and NaN are missing, an infinite one is an error
booleans                     the texts True and False
dates, timestamps            as ISO 8601; with a zone in UTC
strings, dictionaries        text

Rows are numbered from 1. A batch is a few megabytes, whatever the row groups are, so a file of any length is read in
constant memory; standard input, of which a Parquet file cannot be read from the beginning on, is held.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.data import whole
from nnfit.data.blocks import Block, NotANumbersError, Part, numbers, told
from nnfit.data.cells import Codes, Floats, Text, gapped
from nnfit.data.dialect import Dialect
from nnfit.data.unpacking import Source, needs
from nnfit.errors import DataError, Place, Problem
from nnfit.words import quoted, short
from nnfit.workers.threads import threads

if TYPE_CHECKING:
    import pyarrow as pa

CELLS = 1 << 19  # of a batch, so that it takes a few megabytes
MOST = 1 << 16  # rows of a batch
BUFFER = 1 << 20  # bytes of each column that are read at once
PIECE = 1 << 20  # bytes that are hashed at once
WHOLE = 2.0**53  # floats below are whole numbers as they are spelled
INDEX = re.compile(r"__index_level_[0-9]+__")  # what pandas calls an index without a name: no column of the table
FRACTION = re.compile(r"\.([0-9]*[1-9])?0*(?=Z|$)")


class Columnar:
    """A Parquet or Arrow file opened for reading: its columns and their types at once, its rows by `blocks`."""

    def __init__(self, path: str, dialect: Dialect, source: Source) -> None:
        self.source, self.file, self.dialect = source, source.file, dialect
        self.parts: Sequence[Part] = ()
        self.format = "Parquet" if source.kind == "parquet" else "Arrow"
        try:
            needs(f"{self.format} files need", self.file, "pyarrow.parquet")
            with sound(self.file, self.format):
                self.open()
            self.header = self.read_header()
        except BaseException:
            source.close()
            raise

    def __enter__(self) -> Columnar:
        return self

    def __exit__(self, *error: object) -> None:
        self.source.close()

    def open(self) -> None:
        """The schema of the file, its batches to come, and how much of it there is."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        stream = self.source.stream
        if not self.source.own:  # what is told at its end is needed first
            stream = stream if isinstance(stream, io.BytesIO) else io.BytesIO(self.source.bytes.read())
            stream.seek(0)
        self.stream = stream
        self.size: int | None = None
        if self.source.kind == "parquet":
            file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=BUFFER)
            self.schema: pa.Schema = file.schema_arrow
            self.size = file.metadata.num_rows
            whole.refuse_joined(file.metadata, stream, self.file)
            self.batches: Callable[[list[str], int], Iterator[pa.RecordBatch]] = lambda names, rows: file.iter_batches(
                rows, columns=names, use_threads=threads.get() > 1
            )
        elif self.source.kind == "arrow":
            batched = pa.ipc.open_file(stream)
            self.schema = batched.schema
            self.size = batched.num_record_batches
            self.batches = lambda names, rows: sliced(whole.of_file(batched, stream, self.file), rows)
        else:
            running = pa.ipc.open_stream(stream)
            self.schema = running.schema
            self.batches = lambda names, rows: sliced(whole.of_stream(running, stream, self.file), rows)

    def read_header(self) -> list[str]:
        """The names of the columns, each given once, and their types; of what cannot be read, the type in words."""
        names = [name for name in self.schema.names if not INDEX.fullmatch(name)]
        if not names:
            raise DataError(Problem("no-header", "has no columns", place=Place(self.file)))
        for position, name in enumerate(names, 1):
            if not name:
                message, remedy = "this column has no name", "give every column one"
                raise DataError(Problem("no-name", message, remedy, Place(self.file, None, position)))
            if name in names[: position - 1]:
                message = f"the column name {quoted(name)} is given twice"
                raise DataError(Problem("given-twice", message, "rename one of them", Place(self.file, None, position)))
        declared = {name: self.schema.field(name).type for name in names}
        found = {name: type_of(each) for name, each in declared.items()}
        self.types: Mapping[str, str] = {name: each for name, each in found.items() if each is not None}
        self.strange = {name: str(declared[name]) for name, each in found.items() if each is None}
        return names

    def stored(self, names: Sequence[str]) -> Mapping[str, pa.DataType]:
        """The types that these columns have."""
        return {name: self.schema.field(name).type for name in names}

    @property
    def texts(self) -> set[str]:
        """The columns of plain texts, whose type says nothing of what they spell."""
        return {name for name in self.header if is_text(self.schema.field(name).type)}

    def place(self, line: int, name: str | None = None) -> Place:
        """The place of a row, and of a column in it."""
        return Place(self.file, line, self.header.index(name) + 1 if name in self.header else None)

    def expected_rows(self, so_far: int, end: int) -> int:
        """How many rows there are; of an Arrow file about as many, from its batches."""
        if self.size is None or end <= 0:
            return 0
        return self.size if self.source.kind == "parquet" else int(so_far * self.size / end) + 1

    def digest(self) -> str:
        """The SHA-256 of the bytes of the file."""
        found = hashlib.sha256()
        self.stream.seek(0)
        while piece := self.stream.read(PIECE):
            found.update(piece)
        return found.hexdigest()

    # --- rows --------------------------------------------------------------------------------------------------

    def blocks(self, kinds: Mapping[str, str], doing: str = "reading", keep: Sequence[str] = ()) -> Iterator[Block]:
        """The rows, block after block. `kinds` says numeric or text for each column; one that it lacks is skipped."""
        yield from told(self, kinds, doing, keep, Problem("no-rows", "has no rows", place=Place(self.file)))

    def parsed(self, kinds: Mapping[str, str], keep: Sequence[str] = ()) -> Iterator[Block]:
        """The blocks that have rows; columns to keep are copied as the file has them."""
        wanted = [name for name in self.header if name in kinds]
        read = [name for name in self.header if name in kinds or name in keep]
        self.refuse_strange(wanted)
        n = 0
        most = max(1, min(MOST, CELLS // max(len(read), 1)))
        batches = enumerate(self.batches(read, most), 1)
        while True:
            with sound(self.file, self.format):
                k, batch = next(batches, (0, None))
            if batch is None:
                return
            if not batch.num_rows:
                continue
            lines = range(n + 1, n + batch.num_rows + 1)
            with sound(self.file, self.format):
                columns = self.columns(batch, {name: kinds[name] for name in wanted}, lines)
                kept = {name: batch.column(name) for name in keep}
            n = lines.stop - 1
            yield Block(columns, lines, n if self.source.kind == "parquet" else k, kept=kept)

    def refuse_strange(self, wanted: Sequence[str]) -> None:
        """A DataError that lists the columns that hold neither numbers, texts, dates, nor truth values."""
        found = []
        for name in wanted:
            if name in self.strange:
                message = f"column {quoted(name)}: {short(self.strange[name])} is none of numbers, texts, dates, "
                message += "true and false"
                remedy = "convert it, or leave it out with data.ignore"
                found.append(
                    Problem("wrong-dtype", message, remedy, Place(self.file, None, self.header.index(name) + 1))
                )
        if found:
            raise DataError(*found)

    def columns(self, batch: pa.RecordBatch, kinds: Mapping[str, str], lines: range) -> dict[str, Floats | Text]:
        """The columns of a batch; what is no number where one is wanted is told of every column at once."""
        found: dict[str, Floats | Text] = {}
        problems: dict[str, Problem] = {}
        for name, kind in kinds.items():
            array = batch.column(name)
            if kind != "numeric":
                found[name] = text(array)
            elif self.types[name] in ("numeric", "empty"):
                found[name] = self.finite(array, name, lines)
            else:
                try:
                    found[name] = numbers(self, name, text(array), lines)
                except NotANumbersError as error:
                    problems[name] = error.problems[0]
        if problems:
            raise NotANumbersError(*problems.values(), columns=tuple(problems))
        return found

    def finite(self, array: pa.Array, name: str, lines: range) -> Floats:
        """A column of numbers, missing cells as NaN; a DataError for an infinite one."""
        found, infinite = gapped(floats(array), self.dialect, name)
        if len(infinite):
            message = f"column {quoted(name)}: expected finite numbers, got {found[infinite[0]]}"
            place = self.place(lines[int(infinite[0])], name)
            raise DataError(Problem("not-finite", message, "correct it, or write null for a missing cell", place))
        return found


@contextmanager
def sound(file: str, form: str) -> Iterator[None]:
    """In the block, what Arrow finds wrong with a file is a DataError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = f"cannot be read as {form}: {reason(str(error))}"
        raise DataError(Problem("unreadable", message, "was it written to its end?", Place(file))) from None


def reason(text: str) -> str:
    """The first line of what a library says, without its full stop."""
    line = (text.strip().splitlines() or ["no reason is given"])[0]
    return "".join(c if c.isprintable() else " " for c in line)[:200].rstrip(". ")


def sliced(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of no more rows than that."""
    for batch in batches:
        for first in range(0, batch.num_rows, rows):
            yield batch.slice(first, rows)


def type_of(declared: pa.DataType) -> str | None:
    """numeric, boolean, date or categorical by the type of a column, or empty; None where nnfit reads none of it."""
    import pyarrow.types as of

    if of.is_dictionary(declared):
        return None if type_of(declared.value_type) is None else "categorical"
    if of.is_null(declared):
        return "empty"
    if of.is_boolean(declared):
        return "boolean"
    if of.is_integer(declared) or of.is_floating(declared) or of.is_decimal(declared):
        return "numeric"
    if of.is_date(declared) or of.is_timestamp(declared):
        return "date"
    return "categorical" if is_text(declared) else None


def is_text(declared: pa.DataType) -> bool:
    """Whether a column is of plain texts, which may spell anything."""
    import pyarrow.types as of

    view = getattr(of, "is_string_view", lambda declared: False)
    return bool(of.is_string(declared) or of.is_large_string(declared) or view(declared))


def floats(array: pa.Array) -> Floats:
    """Numbers as float64, the nearest to each, as a text that spells it would be read; null as NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as of

    if of.is_null(array.type):
        return np.full(len(array), np.nan)
    if of.is_decimal(array.type):
        array = array.cast(pa.string()).cast(pa.float64())
    elif of.is_float16(array.type):
        array = array.cast(pa.float32())
    gaps = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    whole = array if gaps is None else pc.fill_null(array, pa.scalar(0, array.type))
    found: Floats = whole.to_numpy(zero_copy_only=False).astype(np.float64)
    if gaps is not None:
        found[gaps] = np.nan
    return found


def text(array: pa.Array) -> Text:
    """A column as text, its labels in the order in which they are met; null is the empty text."""
    import pyarrow.types as of

    if of.is_dictionary(array.type):
        array = array.dictionary_decode()
    if of.is_null(array.type):
        return Text(np.zeros(len(array), np.int32), ("",))
    coded = array.dictionary_encode("encode")
    codes: Codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    labels = spelled(coded.dictionary)
    known: dict[str, int] = {}
    place = np.array([known.setdefault(label, len(known)) for label in labels], np.int32)
    return Text(codes if len(known) == len(labels) else place[codes], tuple(known))


def spelled(values: pa.Array) -> list[str]:
    """Values as a CSV would spell them: whole floats without decimals, as texts of a DataFrame; null as nothing."""
    import pyarrow as pa
    import pyarrow.types as of

    kind = values.type
    if of.is_dictionary(kind):
        return spelled(values.dictionary_decode())
    if of.is_float16(kind):
        values = values.cast(pa.float32())
    if of.is_floating(kind):
        digits = str if not of.is_float64(kind) else repr
        found = values.to_numpy(zero_copy_only=False)
        return [spelled_float(value, digits(value if digits is str else float(value))) for value in found]
    if of.is_timestamp(kind) and kind.tz is not None:
        values = values.cast(pa.timestamp(kind.unit, "UTC"))
    if of.is_date(kind) or of.is_timestamp(kind) or of.is_decimal(kind):
        values = values.cast(pa.string())
    if type_of(kind) is None:
        message, remedy = (
            f"a column of {short(str(kind))} is no text",
            "write Parquet (-o FILE.parquet), or leave it out",
        )
        raise DataError(Problem("wrong-dtype", message, remedy))
    words = ("" if value is None else str(value) for value in values.to_pylist())
    return [moment(word) for word in words] if of.is_timestamp(kind) else list(words)


def spelled_float(value: Any, digits: str) -> str:
    """A float, whole ones without decimals."""
    if value != value:
        return ""
    return str(int(value)) if abs(value) < WHOLE and value == int(value) else digits


def moment(word: str) -> str:
    """A time without zeros at the end of its seconds, its zone as +00:00."""
    word = FRACTION.sub(lambda part: f".{part[1]}" if part[1] else "", word)
    return word[:-1] + "+00:00" if word.endswith("Z") else word
