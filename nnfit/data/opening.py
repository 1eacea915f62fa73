"""The door to a table: whatever its file is, by its first bytes, and several files as one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from nnfit.data.blocks import TableReader
from nnfit.data.columnar import Columnar
from nnfit.data.dialect import Dialect
from nnfit.data.parts import Files, Several, files_of, merged, together
from nnfit.data.reader import Reader
from nnfit.data.unpacking import Source
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import phase
from nnfit.words import base

PIECE = 1 << 20  # bytes that are hashed at once


def reading(data: str | Sequence[str] | Files, dialect: Dialect, held: bytes | None = None) -> TableReader:
    """A table opened for reading: a path, a glob, or a list of these; `-` is standard input.

    `held` are the bytes of standard input, where they were read before. A DataError for what is no table, or not one.
    """
    files = data if isinstance(data, Files) else files_of(data)
    if len(files.paths) == 1:
        return one(dialect, files.paths[0], held)
    kinds = []
    types = []
    stored = []
    size = 0
    for path in files.paths:
        if path == "-":
            raise DataError(Problem("standard-input", "is no part of a table", "name files", Place(files.name)))
        source = Source(path)
        kinds.append(source.columnar)
        if kinds[-1] != kinds[0]:
            source.close()
            message = f"is {named(kinds[-1])}, and {files.paths[0]} is {named(kinds[0])}"
            raise DataError(Problem("mixed-files", message, "files of one table are of one kind", Place(path)))
        if not source.columnar:
            size += source.size or 0
            source.close()
            continue
        with Columnar(path, dialect, source) as reader:
            types.append(reader.types)
            stored.append(reader.stored(reader.header))
            size += reader.size or 0
    of_all = merged(files, types) if types else {}
    return Several(files, dialect.of_file(files.paths[0]), partial(one, dialect), of_all, size, stored)


def one(dialect: Dialect, path: str, held: bytes | None = None) -> TableReader:
    """One file, opened for reading."""
    source = Source(path, None if held is None else io.BytesIO(held))
    return Columnar(path, dialect, source) if source.columnar else Reader(path, dialect, source)


def named(columnar: bool) -> str:
    """What a file is, in words."""
    return "a Parquet or Arrow file" if columnar else "text"


def digest_of(data: str | Sequence[str], doing: str = "comparing with") -> str:
    """The SHA-256 by which a table is recognised: of the bytes of a text, unpacked, or of those of a columnar file.

    `doing` is the word for what is done with it, in the name of the phase.
    """
    found = []
    for path in files_of(data).paths:
        source, digest = Source(path), hashlib.sha256()
        stream = source.stream if source.columnar else source.text
        with closing(source), phase(f"{doing} {base(path)}", source.size) as now:
            while piece := stream.read(PIECE):
                digest.update(piece)
                now.reach(source.reached())
        found.append(digest.hexdigest())
    return together(found)
