"""Room for the long arrays of a table: in memory, or in files of a folder, which are mapped.

What lies in such a file is an array like any other. The system keeps of it in memory what there is room for, and reads
the rest again when it is asked for; it is no memory of this process.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnfit.errors import OutputError, Place, Problem
from nnfit.storage.unnamed import unnamed
from nnfit.words import volume
from nnfit.workers.memory import mapped

Empty = Callable[..., NDArray[Any]]  # of a shape and a dtype: a new array

# Memory of this process alone, its pages made at once: the first touch of each costs more than what is written to it.
PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)


def in_memory(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A long-lived array. Its memory is mapped, and so given back at once: the heap would keep it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, size, PAGES), dtype).reshape(shape) if size else np.empty(shape, dtype)


def put(values: NDArray[Any], empty: Empty) -> NDArray[Any]:
    """Values that were just made, where `empty` gives room: in memory as they are, else a copy in the same order."""
    if empty in (np.empty, in_memory):
        return values
    turned = values.flags.f_contiguous and not values.flags.c_contiguous
    found = empty(values.shape[::-1], values.dtype).T if turned else empty(values.shape, values.dtype)
    found[...] = values
    return found


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
    """What more than `most` bytes take lies in files of `folder`; where these have no room, in memory if it is `there`.

    `warnings` has what then is to be said.
    """

    most: float = math.inf
    folder: Callable[[], Path] = Path  # which may have to be made
    there: float = math.inf
    warnings: list[Problem] = field(default_factory=list)
    used: bool = False  # whether the last that was asked for lies on disk

    def of(self, size: float) -> Empty:
        """What makes the arrays that take so many bytes in all."""
        self.used = size > self.most
        return self.on_disk if self.used else in_memory

    def on_disk(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros in a file without a name; an OutputError where neither disk nor memory have room."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if not size:
            return np.empty(shape, dtype)
        where = ""
        try:
            folder = self.folder()
            where = str(folder)
            found = mapped(unnamed(folder, size), size)
        except OSError as error:
            message = f"the cache folder has no room for rows that take {volume(size)}: {error.strerror or error}"
            remedy, place = "name another with --cache FOLDER", Place(where or error.filename)
            if size > self.there:
                raise OutputError(Problem("no-room", message, remedy, place)) from None
            self.there -= size
            if not self.warnings:
                self.warnings.append(Problem("no-room", message, f"they lie in memory; {remedy}", place))
            return in_memory(shape, dtype)
        return np.frombuffer(found, dtype, math.prod(shape)).reshape(shape)


MEMORY = Room()
