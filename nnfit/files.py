"""Every file nnfit writes goes through here: a temporary file beside the target, then one atomic rename.

The output is therefore the old one or the new one, never a torn one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nnfit.errors import OutputError, Problem


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well, and vanishes when it does not."""
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "is a folder")
        if target.exists() and not target.is_file():
            # A device or a pipe (/dev/stdout, /dev/null) cannot be replaced: write into it.
            with open(target, "wb") as file:
                yield file
            return
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode_of(target))
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise OutputError(Problem(f"cannot be written: {error.strerror or error}", str(path))) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def mode_of(target: Path) -> int:
    """The permissions of the file that is replaced, or those a new file would get."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write(path: Path, data: bytes) -> None:
    """Write a whole file."""
    with replacing(path) as file:
        file.write(data)


def check_writable(path: Path) -> None:
    """Refuse an output that could not be written, before any work is done for it."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise OutputError(Problem(f"cannot be written: there is no folder {folder}; make it first", str(path)))
    if path.is_dir():
        raise OutputError(Problem("cannot be written: is a folder", str(path)))
    if not os.access(folder, os.W_OK):
        raise OutputError(Problem(f"cannot be written: the folder {folder} is not writable", str(path)))
