"""Files that grow line by line while the work goes on: a killed process leaves whole lines, and a part of one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from nnfit.storage import files
from nnfit.storage.paths import kind

SYNC = 1.0  # seconds between two times that lines which are added go to the disk
PIECE = 1 << 16  # bytes that are looked through at once


class Appending:
    """A file that whole lines are added to; with the disk at the latest a second after, and in the end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self.synced = time.monotonic()

    def add(self, line: bytes) -> None:
        """A line, its end included; a process that dies in between leaves a part of it, which `appending` removes."""
        with files.told(self.path):
            rest = memoryview(line)
            while rest:
                files.fault("write")
                rest = rest[os.write(self.descriptor, rest) :]
            if time.monotonic() - self.synced > SYNC:
                self.sync()

    def sync(self) -> None:
        """All that was added is with the disk."""
        files.fault("fsync")
        os.fsync(self.descriptor)
        self.synced = time.monotonic()


@contextmanager
def appending(path: Path) -> Iterator[Appending]:
    """A file to add lines to, without the part of a line that it may end with."""
    with files.told(path):
        files.fault("open")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        with files.told(path):
            os.ftruncate(descriptor, whole_lines(descriptor))
        added = Appending(path, descriptor)
        yield added
        with files.told(path):
            added.sync()
    finally:
        os.close(descriptor)


def whole_lines(descriptor: int) -> int:
    """How many bytes of a file are lines with an end."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - PIECE)
        if (at := os.pread(descriptor, end - start, start).rfind(b"\n")) >= 0:
            return start + at + 1
        end = start
    return 0


def opened_log(path: Path, append: bool = False) -> TextIO:
    """A file that is written line by line while the work goes on; what was in it goes, unless lines are appended."""
    with files.told(path):
        if kind(path) in files.IN_PLACE:
            descriptor = files.opened_in_place(path)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | (0 if append else os.O_TRUNC)
            descriptor = os.open(path, flags, 0o666)
        return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1)
