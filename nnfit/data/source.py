"""The bytes of a table: a file that is opened, and nothing else, and the decoder of its encoding."""

from __future__ import annotations

import codecs
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from nnfit.errors import DataError, Place, Problem
from nnfit.words import quoted

STANDARD_INPUT = "standard input"  # what stands for the file in messages


def decoder(encoding: str, file: str) -> codecs.IncrementalDecoder:
    """A decoder for an encoding; a byte order mark of UTF-8 is dropped."""
    if problem := unknown(encoding):
        raise DataError(problem._replace(place=Place(file, key="data.encoding")))
    name = encoding.lower().replace("_", "-")
    return codecs.getincrementaldecoder("utf-8-sig" if name in ("utf-8", "utf8") else name)()


def unknown(encoding: str) -> Problem | None:
    """What is wrong with the name of an encoding of texts, without a place; nothing of one that is known."""
    try:
        codecs.getincrementaldecoder(encoding)
        "".encode(encoding)
    except (LookupError, ValueError):
        message, remedy = f"there is no text encoding {quoted(encoding)}", "utf-8, latin-1 and cp1252 are common"
        return Problem("unknown-encoding", message, remedy)
    return None


def opened(path: str) -> BinaryIO:
    """A regular file, opened, or standard input (`-`), which stays open; anything else is refused."""
    if path == "-":
        stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
        if stream is None:  # closed by whoever started the command
            raise DataError(Problem("unreadable", "is closed", "name a file, or pipe one in", Place(STANDARD_INPUT)))
        return stream
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(
                Problem(
                    "a-folder",
                    "is a folder",
                    "name a file in it, or several by a glob, FOLDER/*.csv or FOLDER/*.parquet",
                    Place(path),
                )
            )
        if not stat.S_ISREG(mode):
            remedy = "copy it to one, or pipe it to predict or evaluate, as -"
            raise DataError(Problem("not-a-file", "is not a regular file", remedy, Place(path)))
        return open(path, "rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        remedy = "a URL is not read: download the file first" if "://" in path else ""
        raise DataError(Problem("unreadable", f"cannot be read: {reason}", remedy, Place(path))) from None


def held(path: str) -> bytes | None:
    """The bytes of standard input (`-`), which can be read only once; None of a file, which can be read again."""
    if path != "-":
        return None
    try:
        return opened(path).read()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise DataError(Problem("unreadable", message, place=Place(STANDARD_INPUT))) from None
