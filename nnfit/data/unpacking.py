"""The text of a table as a stream: a file or standard input, unpacked where its first bytes say that it is packed."""

from __future__ import annotations

import os
import zlib
from typing import Any, BinaryIO

from nnfit.data import magic
from nnfit.data.source import STANDARD_INPUT, opened
from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.extras import Module, require

COLUMNAR = (".parquet", ".arrow", ".feather")


class Peeked:
    """A stream that cannot go back, with the bytes that were looked at put back in front."""

    def __init__(self, stream: BinaryIO, beginning: bytes) -> None:
        self.stream = stream
        self.beginning = beginning
        self.closed = False

    def read(self, n: int = -1) -> bytes:
        """So many bytes, or all."""
        data, self.beginning = (self.beginning, b"") if n < 0 else (self.beginning[:n], self.beginning[n:])
        if n < 0 or len(data) < n:
            data += self.stream.read(-1 if n < 0 else n - len(data))
        return data

    def readable(self) -> bool:
        """Yes: Arrow asks."""
        return True

    def close(self) -> None:
        """Nothing more is read; who opened the stream closes it."""
        self.closed = True


class Unpacked:
    """The unpacked bytes of a packed stream; an OSError that says what is wrong with it."""

    def __init__(self, packed: Any, kind: str, file: str) -> None:
        self.kind = kind
        if kind == "gzip":
            import gzip

            self.stream: Any = gzip.GzipFile(fileobj=packed, mode="rb")
        else:
            needs("zstd files need", file, "pyarrow")
            import pyarrow as pa

            self.stream = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")

    def read(self, n: int) -> bytes:
        """So many bytes, fewer only at the end."""
        pieces = []
        left = n
        try:
            while left and (piece := self.stream.read(left)):
                pieces.append(piece)
                left -= len(piece)
        except (EOFError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            broken = isinstance(error, EOFError) or "Truncated" in str(error)
            what = "breaks off" if broken else "is damaged"
            raise OSError(0, f"the {self.kind} file {what}") from None
        return b"".join(pieces)


class Source:
    """A file, or standard input, opened: what it is by its first bytes, and these bytes.

    `text` reads it unpacked. A DataError for what is no table, an UsageError where an extra is missing that reads it.
    """

    def __init__(self, path: str, stream: BinaryIO | None = None) -> None:
        self.file = STANDARD_INPUT if path == "-" else path
        self.own = stream is None and path != "-"
        self.stream = opened(path) if stream is None else stream
        try:
            self.size = os.fstat(self.stream.fileno()).st_size if self.own else None
            beginning = self.stream.read(magic.LENGTH)
            self.bytes: Any = Peeked(self.stream, beginning)
            if self.own:
                self.stream.seek(0)
                self.bytes = self.stream
            self.kind = magic.kind(beginning)
            self.refuse(beginning, path)
            self.text: Any = self.bytes
            if self.packed:
                self.text = Unpacked(self.bytes, self.kind, self.file)
                inside = self.text.read(magic.LENGTH)
                self.refuse(inside, "")
                self.text = Peeked(self.text, inside)
        except OSError as error:
            self.close()
            message = f"cannot be read: {error.strerror or error}"
            raise DataError(Problem("unreadable", message, place=Place(self.file))) from None
        except BaseException:
            self.close()
            raise

    @property
    def packed(self) -> bool:
        """Whether its text is packed."""
        return self.kind in ("gzip", "zstd")

    @property
    def columnar(self) -> bool:
        """Whether it is a Parquet or Arrow file."""
        return self.kind in ("parquet", "arrow", "arrow stream")

    def refuse(self, beginning: bytes, path: str) -> None:
        """A DataError for a file of another kind than nnfit reads, or than its name says."""
        problem = magic.other(beginning)
        named = next((ending for ending in COLUMNAR if path.lower().endswith(ending)), None)
        if problem is None and named and beginning and path and self.kind == "text":
            message = f"is named {named} and does not begin as such a file does"
            problem = Problem("wrong-kind", message, "was it written to its end, and is it the file itself?")
        if problem is None and not path and magic.kind(beginning) != "text":
            message = f"is a {self.kind} file that holds a {magic.kind(beginning)} file, and no text"
            problem = Problem("packed-file", message, "unpack it")
        if problem is not None:
            raise DataError(problem._replace(place=Place(self.file)))

    def reached(self) -> int:
        """How many bytes of the file are read."""
        return self.stream.tell() if self.own else 0

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        if self.own:
            self.stream.close()


def needs(who: str, file: str, *modules: Module) -> None:
    """Load what reads a file; a UsageError with its name, and with what installs it, where it is missing."""
    try:
        require("arrow", who, *modules)
    except UsageError as error:
        raise UsageError(*(problem._replace(place=Place(file)) for problem in error.problems)) from None
