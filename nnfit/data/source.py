"""The bytes of a table: a file that is opened, and nothing else, and the decoder of its encoding."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path
from typing import BinaryIO

from nnfit.data.rows import quoted
from nnfit.errors import DataError, Problem


def decoder(encoding: str, file: str) -> codecs.IncrementalDecoder:
    """A decoder for an encoding; a byte order mark of UTF-8 is dropped."""
    name = encoding.lower().replace("_", "-")
    try:
        info = codecs.lookup("utf-8-sig" if name in ("utf-8", "utf8") else name)
        made = codecs.getincrementaldecoder(info.name)()
        "".encode(encoding)
    except (LookupError, ValueError):
        message = f"data.encoding: there is no text encoding {quoted(encoding)}; utf-8, latin-1 and cp1252 are common"
        raise DataError(Problem(message, file)) from None
    return made


def opened(path: str) -> BinaryIO:
    """A regular file, opened; anything else is refused."""
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            what = (
                "is a folder; name a CSV file"
                if stat.S_ISDIR(mode)
                else "is not a regular file; copy it to one, or pipe it to predict or evaluate, as -"
            )
            raise DataError(Problem(what, path))
        return open(path, "rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "; a URL is not read: download the file first" if "://" in path else ""
        raise DataError(Problem(f"cannot be read: {reason}{hint}", path)) from None
