"""Reading CSV in blocks of whole rows: every cell is used as written, or refused with its line and column.

nnfit opens the file and cuts it into rows; pandas parses them, in threads, or Python alone where the file is small.
Both give the same cells and the same errors. A block is a few megabytes, so a file of any length is read in constant
memory.
"""

from __future__ import annotations

import codecs
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nnfit.data import parse_python
from nnfit.data.blocks import Block, NotANumbersError, Part, numbers, told
from nnfit.data.cells import Floats, Text
from nnfit.data.cutting import Rows, plain_rows, quoted_rows
from nnfit.data.dialect import Dialect
from nnfit.data.rows import BLANK_LINE, CLOSE, UNCLOSED, UTF16, check_header, csv_rows, undecodable
from nnfit.data.source import decoder
from nnfit.data.unpacking import Source
from nnfit.errors import DataError, Place, Problem
from nnfit.words import quoted
from nnfit.workers.threads import threads

UTF8: type = codecs.lookup("utf-8-sig").incrementaldecoder  # type: ignore[assignment]
BLOCK = 5 << 18  # bytes read at once; with less, pandas takes longer to start than to parse, with more, memory goes
FIRST = 8  # what of a block the first rows are: where they show that a column is text, little was read for nothing
SMALL = 1 << 22  # bytes of a file that Python alone has parsed before pandas would be imported
LONGEST = 1 << 26  # bytes of one row: what never ends a line would fill the memory
MOST_PARSERS = 4  # threads that parse: who reads and hashes has no time for more, and each holds a block

Columns = dict[int, Floats | Text]  # by their place in the header
Parse = Callable[[bytes, Sequence[int], Sequence[int]], Columns]  # of rows: the wanted columns, some of them numeric


class Piece(NamedTuple):
    """So many whole lines, and the first of them; where there are quotes, they are cut into rows already."""

    data: bytes
    first: int
    n: int
    end: int  # about how many bytes of the file are read up to here
    rows: Rows | None = None


class Reader:
    """A CSV file opened for reading, packed or not: its header at once, its rows by `blocks`.

    Whoever has looked at what the file is gives its `source`.
    """

    def __init__(self, path: str, dialect: Dialect, source: Source | None = None) -> None:
        self.source = Source(path) if source is None else source
        self.file = self.source.file
        self.dialect = dialect.of_file(path)
        self.types: Mapping[str, str] = {}
        self.parts: Sequence[Part] = ()
        self.sha256 = hashlib.sha256()
        self.line = 1  # of the next row
        self.rest = b""  # read, and not yet cut into rows
        self.taken = self.end = 0
        self.size = self.source.size
        self.ended = False
        self.begun = False
        self.problem: DataError | None = None  # with what follows the rest
        self.parser: Parse | None = None
        try:
            for key in ("separator", "decimal"):
                mark = getattr(self.dialect, key)
                if len(mark) != 1 or not mark.isascii() or mark in '"\r\n':
                    self.fail("wrong-mark", f"data.{key} must be one ASCII character, not {quoted(mark)}")
            self.decoder = decoder(dialect.encoding, self.file)
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
        self.source.close()

    def place(self, line: int, name: str | None = None) -> Place:
        """The place of a row, and of a column in it."""
        return Place(self.file, line, self.header.index(name) + 1 if name in self.header else None)

    def stored(self, names: Sequence[str]) -> Mapping[str, Any]:
        """None: what is kept of a text is text."""
        return {}

    def digest(self) -> str:
        """The SHA-256 of the bytes of the text, unpacked, once all of them are read."""
        return self.sha256.hexdigest()

    # --- bytes -------------------------------------------------------------------------------------------------

    def more(self) -> None:
        """Read one more block of bytes, as UTF-8, behind the rest; what is wrong in it waits for the rows before."""
        try:
            data: bytes = self.source.text.read(BLOCK)
        except OSError as error:
            self.fail("unreadable", f"cannot be read: {error.strerror or error}")
        self.sha256.update(data)
        self.taken += len(data)
        self.ended = len(data) < BLOCK
        fresh = data if self.plain and data.isascii() else self.decoded(data)
        if b"\0" in fresh:
            fresh = fresh[: fresh.index(b"\0")]
            line = self.line + (self.rest + fresh).count(b"\n")
            remedy = "is this a text file, or UTF-16? then set data.encoding: utf-16"
            self.problem = DataError(Problem("nul-byte", "a NUL byte", remedy, Place(self.file, line)))
        self.rest += fresh
        if len(self.rest) > LONGEST:
            message = f"more than {LONGEST:,} bytes without the end of a row"
            self.fail("long-row", message, "is this a table?", self.line)
        if self.problem is None and self.ended and self.rest and not self.rest.endswith(b"\n"):
            self.rest += b"\n"

    @property
    def plain(self) -> bool:
        """Whether ASCII that comes next needs no decoding: nothing is half read, and no byte order mark can follow."""
        return isinstance(self.decoder, UTF8) and self.decoder.getstate() == (b"", 0) and self.taken > BLOCK

    def decoded(self, data: bytes) -> bytes:
        """Bytes in the file's encoding as UTF-8, up to the first that are none."""
        before = self.decoder.getstate()
        try:
            text = self.decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as error:
            line = self.line + self.rest.count(b"\n") + error.object[: error.start].count(b"\n")
            byte, offset = error.object[error.start], self.taken - len(error.object) + error.start
            message = f"the byte 0x{byte:02x} at offset {offset:,} is not {self.dialect.encoding}"
            good = len(data) - len(error.object) + error.start
            if good <= 0 or (self.taken == len(data) and data.startswith(UTF16)):
                self.fail(*self.undecodable(data, message), line)
            code, message, remedy = self.undecodable(data, message)
            self.problem = DataError(Problem(code, message, remedy, Place(self.file, line)))
            self.decoder.setstate(before)
            try:
                text = self.decoder.decode(data[:good])
            except UnicodeError as nameless:
                self.fail_nameless(data, nameless)
        except UnicodeError as error:
            self.fail_nameless(data, error)
        return text.encode("utf-8", "surrogatepass")

    def fail_nameless(self, data: bytes, error: UnicodeError) -> NoReturn:
        """Raise the DataError for what a decoder says that names no byte, as of UTF-16 without its mark."""
        self.fail(*self.undecodable(data, f"is not {self.dialect.encoding}: {error}"), self.line)

    def undecodable(self, data: bytes, message: str) -> tuple[str, str, str]:
        """What is wrong with bytes that cannot be decoded, by how the file begins."""
        return "wrong-encoding", message, undecodable(data if self.taken == len(data) else b"")

    def expected_rows(self, so_far: int, end: int) -> int:
        """About how many rows the file has, from those of its first bytes; 0 for a stream of unknown length."""
        return 0 if self.size is None or end <= 0 else int(so_far * self.size / end * 1.02) + 1

    def read_header(self) -> list[str]:
        """The names of the columns, each given once, cut by the right separator."""
        self.more()
        if not self.rest.strip() and self.problem is None:
            self.fail("no-rows", "is empty", "expected a header and rows")
        while True:
            rows = list(csv_rows(self.rest, self.dialect.separator, self.fail, self.line, partial=True, most=1))
            if rows or self.ended or self.problem:
                break
            self.more()
        if not rows and self.problem:
            raise self.problem
        if not rows:
            self.fail(UNCLOSED, "the header has a quote that is not closed", CLOSE, 1)
        header, end, line = rows[0].cells, rows[0].end, rows[0].next_line
        check_header(header, self.dialect.separator, self.fail)
        self.rest, self.line = self.rest[end:], line
        return header

    # --- rows --------------------------------------------------------------------------------------------------

    def blocks(self, kinds: Mapping[str, str], doing: str = "reading", keep: Sequence[str] = ()) -> Iterator[Block]:
        """The rows, block after block. `kinds` says numeric or text for each column; one that it lacks is skipped.

        `doing` is the word for what is done with them, in the name of the phase. Columns to `keep` are read as text.
        """
        yield from told(
            self, kinds, doing, keep, Problem("no-rows", "has a header but no rows", place=Place(self.file, 1))
        )

    def parsed(self, kinds: Mapping[str, str], keep: Sequence[str] = ()) -> Iterator[Block]:
        """The blocks that have rows. A blank line is wrong if anything follows it."""
        blank = 0
        try:
            for block in self.ahead({**kinds, **dict.fromkeys(keep, "text")}):
                if blank and block.n:
                    self.fail(*BLANK_LINE, blank)
                blank = blank or block.blank
                if block.n:
                    yield block._replace(kept={name: block.columns[name] for name in keep}) if keep else block
        except DataError:
            if blank:  # whatever is wrong behind it is more than blank lines
                self.fail(*BLANK_LINE, blank)
            raise

    def ahead(self, kinds: Mapping[str, str]) -> Iterator[Block]:
        """The blocks: the first, and all of a small file, at once; others in threads, ahead of what is asked for."""
        pieces = self.cut()
        for piece in pieces:
            yield self.parse(piece, kinds)
            if not self.small:
                break
        else:
            return
        workers = min(max(threads.get(), 1), MOST_PARSERS)
        begun: deque[Future[Block]] = deque()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="nnfit")
        problem = None
        try:
            while True:
                try:
                    begun.append(pool.submit(self.parse, next(pieces), kinds))
                except StopIteration:
                    break
                except DataError as error:
                    problem = error  # what is wrong in earlier rows comes first
                    break
                if len(begun) > workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
            if problem:
                raise problem
        finally:
            pool.shutdown(cancel_futures=True)

    @property
    def small(self) -> bool:
        """Whether all there is to read is so little that pandas is not worth its import."""
        if self.size is None or self.source.packed:
            return self.ended and self.taken <= SMALL
        return self.size <= SMALL

    def cut(self) -> Iterator[Piece]:
        """The lines that have been read, piece after piece; then what is wrong with those that follow."""
        while True:
            piece = self.whole_lines()
            if piece.n:
                yield piece
            if piece.rows and piece.rows.problem:
                return  # who parses the rows before will tell
            if piece.n and b"\n" in self.rest:
                continue
            if self.problem:
                raise self.problem
            if self.ended and not self.rest:
                return
            self.more()

    def whole_lines(self) -> Piece:
        """The whole lines that have been read, of rows with quotes whole rows; the rest waits for more bytes."""
        first, separator = self.line, self.dialect.separator
        if b'"' in self.rest:
            partial = not self.ended or self.problem is not None
            rows, self.line = quoted_rows(self.rest, first, len(self.header), separator, self.fail, partial)
            self.rest = self.rest[len(rows.data) :] if partial else b""
            some = len(rows.lines) or rows.problem is not None or rows.blank
            return Piece(rows.data, first, int(bool(some)), self.reached(), rows)
        most = len(self.rest) if self.begun else BLOCK // FIRST
        data = self.rest[: self.rest.rfind(b"\n", 0, most) + 1] or self.rest[: self.rest.find(b"\n") + 1]
        self.begun = True
        self.rest = self.rest[len(data) :]
        lines = int(np.count_nonzero(np.frombuffer(data, np.uint8) == 10))
        self.line += lines
        return Piece(data, first, lines, self.reached())

    def reached(self) -> int:
        """About how many bytes of the file the lines take that are cut: of a packed one their share of what is read."""
        cut = self.taken - len(self.rest)
        if self.source.packed:
            cut = self.source.reached() * cut // max(self.taken, 1)
        self.end = max(self.end, cut)
        return self.end

    # --- cells -------------------------------------------------------------------------------------------------

    def parse(self, piece: Piece, kinds: Mapping[str, str]) -> Block:
        """The wanted columns of a piece, or what is wrong first: a cell, or the row behind the last that is right."""
        wanted = {i: name for i, name in enumerate(self.header) if name in kinds}
        numeric = [i for i, name in wanted.items() if kinds[name] == "numeric"]
        rows, found = self.columns(piece, list(wanted), [i for i in numeric if self.pandas_knows(i)])
        problems: dict[str, Problem] = {}
        for i in numeric:
            column = found.get(i)
            if isinstance(column, Text):
                try:
                    found[i] = numbers(self, wanted[i], column, rows.lines)
                except NotANumbersError as error:
                    problems[wanted[i]] = error.problems[0]
        if problems:
            raise NotANumbersError(*problems.values(), columns=tuple(problems))
        if rows.problem:
            raise rows.problem
        return Block({wanted[i]: column for i, column in found.items()}, rows.lines, piece.end, rows.blank)

    def pandas_knows(self, place: int) -> bool:
        """Whether the numbers of a column are written in the one way that pandas reads."""
        return self.header[place] not in self.dialect.spellings

    def columns(self, piece: Piece, wanted: list[int], numeric: list[int]) -> tuple[Rows, Columns]:
        """The rows of a piece and their wanted columns, by their place.

        Where every line has its cells there is a separator for each but one. A line with too few would end in a cell
        that is empty: if none is in the last column, and there are as many separators as there should be, no line has
        too many either.
        """
        parse, width = self.parse_with(), len(self.header)
        rows, found = piece.rows, None
        if rows is None:
            data = piece.data
            if not self.small and width - 1 in wanted and self.seems_regular(piece):
                found = parse(data, wanted, numeric)
                if full(found[width - 1]):
                    return Rows(data, range(piece.first, piece.first + piece.n)), found
            rows = plain_rows(data, piece.first, width, self.dialect.separator, self.fail)
        if found is None or len(rows.lines) != piece.n:
            found = parse(rows.data, wanted, numeric) if len(rows.lines) else {}
        return rows, found

    def seems_regular(self, piece: Piece) -> bool:
        """Whether there are as many separators as there should be, lines end in one way, and some are not blank."""
        separators = np.count_nonzero(np.frombuffer(piece.data, np.uint8) == ord(self.dialect.separator))
        regular = separators == (len(self.header) - 1) * piece.n and b"\r" not in piece.data
        return regular and len(piece.data) > piece.n

    def parse_with(self) -> Parse:
        """Who parses: Python alone, or pandas, which is imported only here."""
        if self.parser is None:
            if self.small:
                self.parser = partial(parse_python.columns, self.dialect)
            else:
                from nnfit.data.parse_pandas import Parser

                self.parser = Parser(self.dialect, len(self.header)).columns
        return self.parser


def full(column: Floats | Text) -> bool:
    """Whether no cell of a column is empty."""
    return "" not in column.labels if isinstance(column, Text) else not np.isnan(column).any()
