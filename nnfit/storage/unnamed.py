"""Files without a name: room on the disk for what is mapped, which vanishes with the process, however that ends."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnfit.storage import files


def unnamed(folder: Path, size: int) -> int:
    """A private file of so many bytes without a name, for which there is room on the disk: its descriptor.

    It vanishes with its last descriptor and mapping, however the process ends. An OSError where there is no room.
    """
    path = folder / f".nnfit.{secrets.token_hex(8)}.tmp"
    files.fault("open")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        path.unlink(missing_ok=True)  # who sweeps the folder may have been faster
        reserve(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def reserve(descriptor: int, size: int) -> None:
    """Make a file so long, and have the disk keep room for it; an OSError where it has none.

    What is written to a mapping finds no room too late: the system then ends the process.
    """
    files.fault("write")
    if hasattr(os, "posix_fallocate"):
        with unsupported():
            os.posix_fallocate(descriptor, 0, size)
            return
    zeros = bytes(min(size, 1 << 20))
    for start in range(0, size, len(zeros)):
        os.pwrite(descriptor, zeros[: size - start], start)


@contextmanager
def unsupported() -> Iterator[None]:
    """In the block, a file system that does not know what is asked of it is no error."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
