"""How a stranger's file is written: its encoding, found by decoding all of it, and what separates its cells."""

from __future__ import annotations

import codecs
from pathlib import Path

from nnfit.data.dialect import Dialect
from nnfit.data.reader import Reader
from nnfit.data.rows import PACKED, UTF16
from nnfit.data.source import opened
from nnfit.errors import DataError
from nnfit.progress import phase
from nnfit.words import base

# In the order of preference where two cut the file into as many columns: commas stand in texts and numbers, too.
SEPARATORS = ("\t", ";", "|", ",")
PIECE = 1 << 20  # bytes that are decoded at once


def encoding_of(path: str) -> str:
    """The first of UTF-8, CP1252 and Latin-1 that all bytes of a file are; UTF-16 where its mark says so.

    Of a packed file UTF-8, which it is not: reading it will say what it is.
    """
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        what = f"finding the encoding of {base(path)}"
        with opened(path) as file, phase(what, Path(path).stat().st_size) as now:
            beginning = file.read(8)
            if beginning.startswith(UTF16):
                return "utf-16"
            if beginning.startswith(tuple(PACKED)):
                return "utf-8"
            file.seek(0)
            try:
                while piece := file.read(PIECE):
                    decoder.decode(piece)
                    now.step(len(piece))
                decoder.decode(b"", final=True)
                return encoding
            except UnicodeDecodeError:
                continue
    return "latin-1"


def dialect_of(path: str) -> tuple[Dialect, list[str]]:
    """Encoding and separator of a file, and its header: the separator that cuts it into the most columns.

    If none cuts the first rows into as many cells as the header has, the error of the one that comes nearest.
    """
    encoding = encoding_of(path)
    found: list[tuple[int, Dialect, list[str]]] = []
    problems: list[tuple[int, DataError]] = []
    for separator in SEPARATORS:
        dialect, columns = Dialect(separator, encoding), 0
        try:
            with Reader(path, dialect) as reader:
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
