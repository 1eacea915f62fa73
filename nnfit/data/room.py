"""Room for the long arrays of a table: in memory, or in files of a folder, which are mapped.

What lies in such a file is an array like any other. The system keeps of it in memory what there is room for, and reads
the rest again when it is asked for; it is no memory of this process.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import ReferenceType, WeakSet, ref

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnfit.errors import OutputError, Place, Problem
from nnfit.storage.unnamed import unnamed
from nnfit.words import volume
from nnfit.workers.memory import ALIGNED, Segment, mapped, turned

Empty = Callable[..., NDArray[Any]]  # of a shape and a dtype: a new array
LOCK = Lock()  # of what is known of files, which threads make

# Memory of this process alone, its pages made at once: the first touch of each costs more than what is written to it.
PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)


def in_memory(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A long-lived array. Its memory is mapped, and so given back at once: the heap would keep it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not size:
        return np.empty(shape, dtype)
    try:
        return np.frombuffer(mmap.mmap(-1, size, PAGES), dtype).reshape(shape)
    except OSError:
        raise MemoryError(f"there are no {volume(size)} for rows") from None


def put(values: NDArray[Any], empty: Empty) -> NDArray[Any]:
    """Values that were just made, where `empty` gives room: in memory as they are, else a copy in the same order."""
    if empty in (np.empty, in_memory):
        return values
    found = like(values, values.shape, empty)
    found[...] = values
    return found


def like(values: NDArray[Any], shape: tuple[int, ...], empty: Empty) -> NDArray[Any]:
    """A new array of this shape, with the type of some values and their order in memory, on which sums depend."""
    return empty(shape[::-1], values.dtype).T if turned(values) else empty(shape, values.dtype)


def new_file(folder: Path, size: int) -> Segment:
    """A file without a name, mapped; an OSError where there is no room for it."""
    descriptor = unnamed(folder, size)
    try:
        return mapped(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise


# What gives arrays their room that are as long as a table, where a training is scored.
where: ContextVar[Empty] = ContextVar("where", default=np.empty)


@contextmanager
def using(empty: Empty) -> Iterator[None]:
    """In the block, and in the threads that it starts, `lay` puts arrays where `empty` gives room."""
    token = where.set(empty)
    try:
        yield
    finally:
        where.reset(token)


def lay(values: NDArray[Any]) -> NDArray[Any]:
    """Values that were just made and will be there for long, where there is room for what is as long as a table."""
    return put(values, where.get())


@dataclass
class Room:
    """What would make it more than `most` bytes in memory lies in files of `folder`.

    Where these have no room it is in memory, if it is `there`; `warnings` has what then is to be said. Arrays lie side
    by side in few files, since each takes descriptors.
    """

    most: float = math.inf
    folder: Callable[[], Path] = Path  # which may have to be made
    there: float = math.inf
    warnings: list[Problem] = field(default_factory=list)
    held: float = 0  # bytes that were given in memory
    asked: float = 0  # and all that were asked for of the disk
    files: WeakSet[Segment] = field(default_factory=WeakSet)  # those that arrays lie in
    last: ReferenceType[Segment] | None = None  # the one that is filled up to `end`
    end: int = 0

    def of(self, size: float, beside: float = 0) -> Empty:
        """What makes the arrays that take so many bytes in all, and in memory for a time some more `beside` them."""
        if self.held + size + beside <= self.most:
            self.held += size
            return in_memory
        self.asked += size
        return self.on_disk

    def on_disk(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros in a file without a name; an OutputError where neither disk nor memory have room."""
        count = math.prod(shape)
        size = count * np.dtype(dtype).itemsize
        if not size:
            return np.empty(shape, dtype)
        with LOCK:
            found, start = self.piece(size)
        return in_memory(shape, dtype) if found is None else np.frombuffer(found, dtype, count, start).reshape(shape)

    def piece(self, size: int) -> tuple[Segment | None, int]:
        """A file with so many bytes that are free, and where they begin; None for memory, where there is no room."""
        start = -(-self.end // ALIGNED) * ALIGNED
        found = None if self.last is None else self.last()
        if found is None or start + size > len(found):
            folder = None
            try:
                folder = self.folder()
                found, start = self.larger(folder, size), 0
            except OSError as error:
                self.refused(size, error, str(folder or error.filename))
                return None, 0
        self.end = start + size
        return found, start

    def larger(self, folder: Path, size: int) -> Segment:
        """A new file for some arrays of this size, as long as an eighth of all that there are: so there are few.

        Where there is no room for that, it is for one.
        """
        wanted = max(size, self.total() // 8 // size * size)
        try:
            found = new_file(folder, wanted)
        except OSError:
            if wanted == size:
                raise
            found = new_file(folder, size)
        self.files.add(found)
        self.last = ref(found)
        return found

    def total(self) -> int:
        """The bytes of all files."""
        return sum(map(len, self.files))

    def refused(self, size: int, error: OSError, folder: str) -> None:
        """What becomes of rows for which no file can be made: a warning, or an OutputError."""
        whole = max(int(self.asked), self.total() + size)
        message = f"the cache folder cannot hold rows that take {volume(whole)}: {error.strerror or error}"
        remedy = "name another with nnfit train --cache, or by the variable XDG_CACHE_HOME"
        if size > self.there:
            raise OutputError(Problem("no-room", message, remedy, Place(folder))) from None
        self.there -= size
        if not self.warnings:
            self.warnings.append(Problem("no-room", message, f"they lie in memory; {remedy}", Place(folder)))


MEMORY = Room()
