"""Every file nnfit writes goes through here: a temporary file beside the target, then one atomic rename.

The output is therefore the old one or the new one, never a torn one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
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


def write(*outputs: tuple[Path, bytes]) -> None:
    """Write whole files; none takes its place before all are written."""
    with ExitStack() as stack:
        opened = [(stack.enter_context(replacing(path)), data) for path, data in outputs]
        for file, data in opened:
            file.write(data)
            file.flush()


def remove(path: Path) -> None:
    """Remove a file that is no longer needed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(Problem(f"cannot be removed: {error.strerror or error}", str(path))) from error


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[str | Path]) -> None:
    """Refuse outputs that could not be written, or that would replace an input or each other, before any work."""
    taken = {os.path.realpath(path): "is also an input" for path in inputs}
    for path in filter(None, outputs):
        folder = Path(os.path.realpath(path)).parent
        reason = taken.get(os.path.realpath(path))
        try:
            if not folder.is_dir():
                reason = f"there is no folder {folder}; make it first"
            elif path.is_dir():
                reason = "is a folder"
            elif not os.access(folder, os.W_OK) and not path.exists():
                reason = f"the folder {folder} is not writable"
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        if reason:
            raise OutputError(Problem(f"cannot be written: {reason}", str(path)))
        if not str(path).startswith("/dev/"):
            taken[os.path.realpath(path)] = "is given for two outputs"
