"""Reading CSV in blocks of whole rows: every cell is used as written, or refused with its line and column.

nnfit opens the file and cuts it into rows; pandas parses them. What pandas would guess or mend in silence (markers for
missing cells, short rows, an index column, `true` as 1, `inf`) is switched off or checked here. A block is a few
megabytes, so a file of any length is read in constant memory.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit.data.rows import BLANK_LINE, CLOSE, LONE_RETURN, UNCLOSED, check_header, csv_rows, number, undecodable
from nnfit.data.source import STANDARD_INPUT, decoder, opened
from nnfit.data.spelling import Spelling
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import phase
from nnfit.words import base, count, quoted

UTF8: type = codecs.lookup("utf-8-sig").incrementaldecoder  # type: ignore[assignment]
BLOCK = 1 << 20  # bytes read at once; with less, pandas takes longer to start than to parse, with more, memory goes
LONGEST = 1 << 26  # bytes of one row: what never ends a line would fill the memory
PARSERS = 1  # threads that pandas parses in, ahead of what is asked for; it lets go of the interpreter meanwhile
# What pandas takes for a number and nnfit does not, by a letter that is quickly looked for.
WORDS = {b"n": (b"nan", b"inf"), b"u": (b"true",), b"l": (b"false",)}

NO_SPELLINGS: Mapping[str, Spelling] = {}

Cells = NDArray[Any]
Lines = NDArray[np.int64]


class Dialect(NamedTuple):
    """How the text of a file is cut into cells, and which cells are missing besides the empty ones."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ()
    spellings: Mapping[str, Spelling] = (
        NO_SPELLINGS  # of single columns, where numbers are written in a way of their own
    )

    @property
    def gaps(self) -> list[str]:
        """The cells that are missing."""
        return ["", *self.missing]

    def number(self, text: str, name: str = "") -> float | None:
        """The number that a cell of a column spells, or None if it spells none."""
        own = self.spellings.get(name)
        return number(text, self.decimal) if own is None else own.number(text)

    def expected(self, name: str) -> str:
        """What stands in the cells of a column of numbers, in words."""
        own = self.spellings.get(name)
        return "a number" if own is None else f"a number written as {quoted(own.example)}"


class Block(NamedTuple):
    """Some rows in a row: a float64 array (missing: NaN) for each numeric column, text for the others."""

    columns: dict[str, Cells]
    lines: Lines  # the line of the file in which each row begins
    end: int = 0  # about how many bytes of the file are read up to here

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.lines)


class NotANumbersError(DataError):
    """Columns that were to be read as numbers hold something else: the first such cell of each of the `columns`."""

    def __init__(self, *problems: Problem, columns: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)
        super().__init__(*problems)


class Reader:
    """A CSV file opened for reading: its header at once, its rows by `blocks`.

    What was read from standard input already, and is held in memory, is given as a `stream`.
    """

    def __init__(self, path: str, dialect: Dialect, stream: BinaryIO | None = None) -> None:
        self.file = STANDARD_INPUT if path == "-" else path
        self.dialect = dialect
        self.sha256 = hashlib.sha256()
        for key in ("separator", "decimal"):
            mark = getattr(dialect, key)
            if len(mark) != 1 or not mark.isascii() or mark in '"\r\n':
                self.fail("wrong-mark", f"data.{key} must be one ASCII character, not {quoted(mark)}")
        self.decoder = decoder(dialect.encoding, self.file)
        self.stream = opened(path) if stream is None else stream
        self.line = 1  # of the next row
        self.rest = b""  # read, and not yet cut into rows
        self.taken = 0
        self.size = None if path == "-" else Path(path).stat().st_size
        self.ended = False
        try:
            self.header = self.read_header()
        except DataError:
            self.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def fail(
        self, code: str, message: str, remedy: str = "", line: int | None = None, column: int | None = None
    ) -> NoReturn:
        """Raise a DataError about the file, or a place in it."""
        raise DataError(Problem(code, message, remedy, Place(self.file, line, column)))

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        if self.size is not None:
            self.stream.close()

    # --- bytes -------------------------------------------------------------------------------------------------

    def more(self) -> None:
        """Read one more block of bytes, as UTF-8, behind the rest."""
        try:
            data = self.stream.read(BLOCK)
        except OSError as error:
            self.fail("unreadable", f"cannot be read: {error.strerror or error}")
        self.sha256.update(data)
        self.taken += len(data)
        self.ended = len(data) < BLOCK
        fresh = data if self.plain and data.isascii() else self.decoded(data)
        if b"\0" in fresh:
            at = fresh.index(b"\0")
            remedy = "is this a text file, or UTF-16? then set data.encoding: utf-16"
            self.fail("nul-byte", "a NUL byte", remedy, self.line + (self.rest + fresh[:at]).count(b"\n"))
        self.rest += fresh
        if len(self.rest) > LONGEST:
            message = f"more than {LONGEST:,} bytes without the end of a row"
            self.fail("long-row", message, "is this a table?", self.line)
        if self.ended and self.rest and not self.rest.endswith(b"\n"):
            self.rest += b"\n"

    @property
    def plain(self) -> bool:
        """Whether ASCII that comes next needs no decoding: nothing is half read, and no byte order mark can follow."""
        return isinstance(self.decoder, UTF8) and self.decoder.getstate() == (b"", 0) and self.taken > BLOCK

    def decoded(self, data: bytes) -> bytes:
        """Bytes in the file's encoding as UTF-8."""
        try:
            text = self.decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as error:
            line = self.line + self.rest.count(b"\n") + error.object[: error.start].count(b"\n")
            byte, offset = error.object[error.start], self.taken - len(error.object) + error.start
            code, remedy = undecodable(data if self.taken == len(data) else b"")
            self.fail(code, f"the byte 0x{byte:02x} at offset {offset:,} is not {self.dialect.encoding}", remedy, line)
        except UnicodeError as error:  # of a decoder that names no byte
            code, remedy = undecodable(data if self.taken == len(data) else b"")
            self.fail(code, f"is not {self.dialect.encoding}: {error}", remedy, self.line)
        return text.encode("utf-8", "surrogatepass")

    def expected_rows(self, so_far: int, end: int) -> int:
        """About how many rows the file has, from those of its first bytes; 0 for a stream of unknown length."""
        return 0 if self.size is None or end <= 0 else int(so_far * self.size / end * 1.02) + 1

    def read_header(self) -> list[str]:
        """The names of the columns, each given once, cut by the right separator."""
        self.more()
        if not self.rest.strip():
            self.fail("no-rows", "is empty", "expected a header and rows")
        while True:
            rows = list(csv_rows(self.rest, self.dialect.separator, self.fail, self.line, partial=True, most=1))
            if rows or self.ended:
                break
            self.more()
        if not rows:
            self.fail(UNCLOSED, "the header has a quote that is not closed", CLOSE, 1)
        header, end, line = rows[0].cells, rows[0].end, rows[0].next_line
        check_header(header, self.dialect.separator, self.fail)
        self.rest, self.line = self.rest[end:], line
        return header

    # --- rows --------------------------------------------------------------------------------------------------

    def blocks(self, kinds: Mapping[str, str], doing: str = "reading") -> Iterator[Block]:
        """The rows, block after block. `kinds` says numeric or text for each column; one that it lacks is skipped.

        `doing` is the word for what is done with them, in the name of the phase.
        """
        with phase(f"{doing} {base(self.file)}", self.size) as now:
            rows = 0
            for block in self.parsed(kinds):
                yield block
                rows += block.n
                now.reach(rows if self.size is None else block.end)

    def parsed(self, kinds: Mapping[str, str]) -> Iterator[Block]:
        """The blocks, parsed ahead of what is asked for."""
        with ThreadPoolExecutor(PARSERS) as pool:
            ahead: deque[Future[Block]] = deque()
            problem = None
            try:
                for data, lines in self.cut():
                    ahead.append(pool.submit(self.parse, data, lines, kinds, self.taken - len(self.rest)))
                    if len(ahead) > PARSERS:
                        yield ahead.popleft().result()
            except DataError as error:
                problem = error  # what is wrong in earlier rows comes first
            while ahead:
                yield ahead.popleft().result()
            if problem:
                raise problem

    def cut(self) -> Iterator[tuple[bytes, Lines]]:
        """The text of whole rows, block after block, and the line in which each row begins."""
        some = False
        while True:
            data, lines = self.whole_rows()
            if len(lines):
                some = True
                yield data, lines
            if self.ended and not self.rest:
                break
            self.more()
        if not some:
            self.fail("no-rows", "has a header but no rows", line=1)

    def whole_rows(self) -> tuple[bytes, Lines]:
        """The whole rows that have been read, and the line in which each begins; the rest waits for more bytes."""
        if b'"' in self.rest:
            return self.quoted_rows()
        data = self.rest[: self.rest.rfind(b"\n") + 1]
        self.rest = self.rest[len(data) :]
        return self.plain_rows(data)

    def plain_rows(self, data: bytes) -> tuple[bytes, Lines]:
        """Rows without quotes: one line each, as many separators in every one."""
        characters = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(characters == 10)
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            at = next(match.start() for match in re.finditer(rb"\r(?!\n)", data))
            self.fail(*LONE_RETURN, self.line + data.count(b"\n", 0, at))
        lengths = np.diff(ends, prepend=-1) - 1
        if b"\r" in data:
            lengths -= characters[ends - 1] == 13
        first = self.line
        self.line += len(ends)
        blank = np.flatnonzero(lengths <= 0)
        if len(blank):
            # Blank lines may only end the file.
            start = int(ends[blank[0] - 1]) + 1 if blank[0] else 0
            while not self.ended:
                self.more()
                if self.rest.strip():
                    break
            if data[start:].strip() or self.rest.strip():
                self.fail(*BLANK_LINE, first + int(blank[0]))
            self.rest = b""
            data, ends = data[:start], ends[: blank[0]]
        separators = np.flatnonzero(characters[: len(data)] == ord(self.dialect.separator))
        if not regular(separators, ends, len(self.header) - 1):
            counts = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
            wrong = int(np.flatnonzero(counts != len(self.header))[0])
            self.ragged(int(counts[wrong]), first + wrong)
        return data, np.arange(first, first + len(ends))

    def quoted_rows(self) -> tuple[bytes, Lines]:
        """Rows with quotes: Python's csv cuts them, since a quoted cell may hold separators and line ends."""
        lines: list[int] = []
        end = 0
        blank = 0
        rows = csv_rows(self.rest, self.dialect.separator, self.fail, self.line, partial=not self.ended)
        for row in rows:
            if not row.cells:
                blank = blank or row.line
                continue
            if blank:
                self.fail(*BLANK_LINE, blank)
            if len(row.cells) != len(self.header):
                self.ragged(len(row.cells), row.line)
            lines.append(row.line)
            end, self.line = row.end, row.next_line
        data = self.rest[:end]
        # What follows is an unfinished row, or blank lines, which may only end the file.
        self.rest = b"" if self.ended else self.rest[end:]
        return data, np.array(lines, np.int64)

    def ragged(self, cells: int, line: int) -> NoReturn:
        """Refuse a row that has another number of cells than the header has."""
        long = cells > len(self.header)
        remedy = (
            "a cell that holds the separator needs quotes" if long else "write a separator for every empty cell too"
        )
        message = f"{count(cells, 'cell')}, but the header has {count(len(self.header), 'column')}"
        self.fail("ragged-row", message, remedy, line)

    # --- cells -------------------------------------------------------------------------------------------------

    def parse(self, data: bytes, lines: Lines, kinds: Mapping[str, str], end: int) -> Block:
        """The wanted columns of some whole rows."""
        wanted = {i: name for i, name in enumerate(self.header) if name in kinds}
        numeric = [i for i, name in wanted.items() if kinds[name] == "numeric"]
        plain = [i for i in numeric if wanted[i] not in self.dialect.spellings]
        frame = self.frame(data, wanted, plain)
        as_text = [i for i in numeric if i not in plain]  # pandas knows nothing of how these are written
        if frame is None or self.misread(frame, data, wanted, plain):
            frame, as_text = self.frame(data, wanted, []), numeric
            assert frame is not None
        problems: dict[str, Problem] = {}
        for i in as_text:
            try:
                frame[i] = self.numbers(wanted[i], frame[i], lines)
            except NotANumbersError as error:
                problems[wanted[i]] = error.problems[0]
        if problems:
            raise NotANumbersError(*problems.values(), columns=tuple(problems))
        return Block({name: frame[i] for i, name in wanted.items()}, lines, end)

    def misread(self, frame: dict[int, Cells], data: bytes, wanted: Mapping[int, str], numeric: list[int]) -> bool:
        """Whether pandas took a word for a number. The cells that could be one are looked at again, as text."""
        if any(np.isinf(frame[i]).any() for i in numeric):
            return True
        if np.frombuffer(data, np.uint8).max() <= ord("9"):
            return False  # there is no letter at all
        lower = data.lower()
        if not any(letter in lower and any(word in lower for word in words) for letter, words in WORDS.items()):
            return False
        suspects = {i: np.flatnonzero(~(np.abs(frame[i]) > 0) | (frame[i] == 1)) for i in numeric}
        suspects = {i: rows for i, rows in suspects.items() if len(rows)}
        texts = self.frame(data, {i: wanted[i] for i in suspects}, []) if suspects else None
        if texts is None:
            return False
        for i, rows in suspects.items():
            cells = set(texts[i][rows]).difference(self.dialect.gaps)
            if any(number(cell, self.dialect.decimal) is None for cell in cells):
                return True
        return False

    def frame(self, data: bytes, wanted: Mapping[int, str], numeric: list[int]) -> dict[int, Cells] | None:
        """pandas' reading of the wanted columns, or None if a cell that should be a number is none."""
        options: dict[str, Any] = {
            "sep": self.dialect.separator,
            "decimal": self.dialect.decimal,
            "header": None,
            "names": list(range(len(self.header))),
            "usecols": list(wanted) if len(wanted) < len(self.header) else None,
            "index_col": False,
            "dtype": {i: np.float64 if i in numeric else object for i in wanted},
            "keep_default_na": False,
            "na_values": dict.fromkeys(numeric, self.dialect.gaps),
            "na_filter": bool(numeric),
            "skip_blank_lines": False,
            "encoding_errors": "surrogatepass",
            "engine": "c",
            "low_memory": False,  # the rows are few enough for one piece
        }
        try:
            frame: pd.DataFrame = pd.read_csv(io.BytesIO(data), **options)
            return {i: frame[i].to_numpy() for i in wanted}
        except (ValueError, OverflowError):
            if not numeric:
                raise
            return None

    def numbers(self, name: str, cells: Cells, lines: Lines) -> NDArray[np.float64]:
        """A column of texts as numbers; the first that is not a finite number is an error with its line and column."""
        try:
            return to_numbers(cells, self.dialect, name)
        except NotFiniteError as error:
            message = f"column {quoted(name)}: expected {self.dialect.expected(name)}, got {quoted(cells[error.row])}"
            remedy = "if it means a missing cell, add it to data.missing"
            place = Place(self.file, int(lines[error.row]), self.header.index(name) + 1)
            raise NotANumbersError(Problem("not-a-number", message, remedy, place), columns=(name,)) from None


def regular(separators: Lines, ends: Lines, each: int) -> bool:
    """Whether every line has as many separators: the last of each lies in it, and the first after the line before."""
    if not each or len(separators) != each * len(ends):
        return len(separators) == each * len(ends)
    rows = separators.reshape(-1, each)
    return bool((rows[:, -1] < ends).all() and (rows[1:, 0] > ends[:-1]).all())


class NotFiniteError(ValueError):
    """A text is not a finite number."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(row)


def to_numbers(cells: Cells, dialect: Dialect, name: str = "") -> NDArray[np.float64]:
    """The numbers that the texts of a column spell, exactly `float(text)` of plain ones; NaN for missing cells.

    A number that means a missing cell means it however it is written.
    """
    gaps = set(dialect.gaps)
    tokens = {
        value for token in dialect.missing for value in (number(token, dialect.decimal), dialect.number(token, name))
    }
    codes, labels = pd.factorize(cells)
    values = np.full(len(labels), np.nan)
    for code, label in enumerate(labels):
        if label not in gaps:
            value = dialect.number(label, name)
            if value is None or not np.isfinite(value):
                raise NotFiniteError(int(np.argmax(codes == code)))
            if value not in tokens:
                values[code] = value
    found: NDArray[np.float64] = values[codes]
    return found
