"""The bytes of a table: a file that is opened, and nothing else, and the decoder of its encoding."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path
from typing import BinaryIO

from nnfit.errors import DataError, Place, Problem
from nnfit.words import quoted


def decoder(encoding: str, file: str) -> codecs.IncrementalDecoder:
    """A decoder for an encoding; a byte order mark of UTF-8 is dropped."""
    name = encoding.lower().replace("_", "-")
    try:
        info = codecs.lookup("utf-8-sig" if name in ("utf-8", "utf8") else name)
        made = codecs.getincrementaldecoder(info.name)()
        "".encode(encoding)
    except (LookupError, ValueError):
        message, remedy = f"there is no text encoding {quoted(encoding)}", "utf-8, latin-1 and cp1252 are common"
        raise DataError(Problem("unknown-encoding", message, remedy, Place(file, key="data.encoding"))) from None
    return made


def opened(path: str) -> BinaryIO:
    """A regular file, opened; anything else is refused."""
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(Problem("a-folder", "is a folder", "name a CSV file", Place(path)))
        if not stat.S_ISREG(mode):
            remedy = "copy it to one, or pipe it to predict or evaluate, as -"
            raise DataError(Problem("not-a-file", "is not a regular file", remedy, Place(path)))
        return open(path, "rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        remedy = "a URL is not read: download the file first" if "://" in path else ""
        raise DataError(Problem("unreadable", f"cannot be read: {reason}", remedy, Place(path))) from None
