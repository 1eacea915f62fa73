"""How a stranger's file is written: its encoding, found by decoding all of it, and what separates its cells."""

from __future__ import annotations

import codecs
from contextlib import closing
from typing import NamedTuple

from nnfit.data.columnar import Columnar
from nnfit.data.dialect import Dialect
from nnfit.data.opening import reading
from nnfit.data.parts import Files
from nnfit.data.rows import UTF16
from nnfit.data.unpacking import Source
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import phase
from nnfit.words import base

# In the order of preference where two cut the file into as many columns: commas stand in texts and numbers, too.
SEPARATORS = ("\t", ";", "|", ",")
PIECE = 1 << 20  # bytes that are decoded at once


class Said(NamedTuple):
    """What is said of a file, and so not looked for in it."""

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None


def encoding_of(files: Files) -> str:
    """The first of UTF-8, CP1252 and Latin-1 that all bytes of some files are; UTF-16 where the mark of one says so."""
    for encoding in ("utf-8", "cp1252"):
        found = [decoded(path, encoding) for path in files.paths]
        if "utf-16" in found:
            return "utf-16"
        if all(found):
            return encoding
    return "latin-1"


def decoded(path: str, encoding: str) -> str | None:
    """The encoding, if all bytes of a file, unpacked, are that, or UTF-16, if its mark says so; else None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    source = Source(path)
    first = True
    with closing(source), phase(f"finding the encoding of {base(path)}", source.size) as now:
        try:
            while piece := source.text.read(PIECE):
                if first and piece.startswith(UTF16):
                    return "utf-16"
                first = False
                decoder.decode(piece)
                now.reach(source.reached())
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            raise DataError(Problem("unreadable", message, place=Place(path))) from None
    return encoding


def columnar(files: Files) -> bool:
    """Whether a table is a Parquet or Arrow file, by the first of its files."""
    with closing(Source(files.paths[0])) as source:
        return source.columnar


def plain_texts(files: Files) -> set[str]:
    """The columns of Parquet or Arrow files that are plain texts: the files do not say what these spell."""
    found: set[str] = set()
    for path in files.paths:
        with Columnar(path, Dialect(), Source(path)) as reader:
            found |= reader.texts
    return found


def dialect_of(files: Files, said: Said) -> tuple[Dialect, list[str]]:
    """Encoding and separator of a table, and its header: the separator that cuts it into the most columns.

    If none cuts the first rows into as many cells as the header has, the error of the one that comes nearest.
    """
    if columnar(files):
        with reading(files, Dialect()) as reader:
            return reader.dialect, reader.header
    encoding = encoding_of(files) if said.encoding is None else said.encoding
    found: list[tuple[int, Dialect, list[str]]] = []
    problems: list[tuple[int, DataError]] = []
    marks = [mark for mark in SEPARATORS if mark != said.decimal] if said.separator is None else [said.separator]
    for separator in marks:
        dialect, columns = Dialect(separator, encoding, said.decimal or "."), 0
        try:
            with reading(files, dialect) as reader:
                columns = len(reader.header)
                next(reader.blocks(dict.fromkeys(reader.header, "text")))
                found.append((columns, dialect, reader.header))
        except DataError as error:
            problems.append((columns, error))
    nearest = max((columns for columns, _ in problems), default=0)
    most = max((columns for columns, *_ in found), default=0)
    if most < 2 and (nearest > 1 or not found):
        raise [error for columns, error in problems if columns == nearest][-1]
    return next((dialect, header) for columns, dialect, header in found if columns == most)
