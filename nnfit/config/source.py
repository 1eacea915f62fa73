"""The bytes of a spec: of a regular file or of standard input, and no more than a spec can have."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from nnfit.config.document import MAX_BYTES
from nnfit.errors import Place, Problem, SpecError

STANDARD_INPUT = "standard input"  # what stands for the file in messages


def contents(path: Path) -> tuple[bytes, str]:
    """The first bytes of a spec, one more than it may have, and what messages call it; `-` is standard input.

    A SpecError for what is no regular file, before it is opened: a pipe would be waited for, a device never ends.
    """
    name = STANDARD_INPUT if str(path) == "-" else str(path)

    def refused(code: str, message: str, remedy: str = "") -> SpecError:
        return SpecError(Problem(code, message, remedy, Place(name)))

    try:
        if name == STANDARD_INPUT:
            stream = getattr(sys.stdin, "buffer", None)  # None where whoever started the command closed it
            if stream is None:
                raise refused("unreadable", "is closed", "name a spec file, or pipe one in")
            return stream.read(MAX_BYTES + 1), name
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise refused("a-folder", "this is a folder", "expected a spec file")
        if not stat.S_ISREG(mode):
            raise refused("not-a-file", "is not a regular file", "copy it to one, or pipe it in, as -")
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1), name
    except (OSError, ValueError) as error:
        raise refused("unreadable", f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
