"""Memory that several processes see: arrays in it are the same array in all of them, and nothing is copied per process.

shared(array)     a copy of the array in such memory
parcel(value)     a value as bytes and segments: what is large and not shared yet is copied into a segment, once
opened(parcel)    the value in another process, whose arrays lie in the same memory
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import pickle
import tempfile
import weakref
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

LARGE = 1 << 12  # bytes of an array from which on it is put into shared memory and not sent
ALIGNED = 64  # bytes that the beginning of an array is a multiple of

Array = NDArray[Any]


class Segment(mmap.mmap):
    """A piece of memory with the descriptor by which another process finds it."""

    fd: int = -1
    address: int

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


segments: weakref.WeakSet[Segment] = weakref.WeakSet()


def segment(size: int) -> Segment:
    """New memory, all zeros."""
    fd = os.memfd_create("nnfit") if hasattr(os, "memfd_create") else unnamed()
    try:
        os.ftruncate(fd, max(1, size))
        return mapped(fd, max(1, size))
    except BaseException:
        os.close(fd)
        raise


def unnamed() -> int:
    """A file without a name, where the system knows no memory without one."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def mapped(fd: int, size: int) -> Segment:
    """The memory of a descriptor, which it then owns; what was opened to read only cannot be written to."""
    read_only = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    found = Segment(fd, size, access=mmap.ACCESS_READ) if read_only else Segment(fd, size)
    found.fd = fd
    found.address = int(np.frombuffer(found, np.uint8).ctypes.data)
    segments.add(found)
    return found


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An array of zeros that other processes may see; where the system has no such memory left, one of this process."""
    try:
        return visible(shape, dtype)
    except OSError:
        return np.zeros(shape, dtype)


def visible(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An array of zeros that other processes may see, or an OSError."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(segment(size), dtype, math.prod(shape)).reshape(shape)


def shared(array: Array) -> Array:
    """A copy of the array that other processes may see, or an OSError."""
    found = visible(array.shape, array.dtype)
    found[...] = array
    return found


def turned(array: Array) -> bool:
    """Whether an array lies in memory column by column, and not row by row."""
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


class Place(NamedTuple):
    """Where a buffer lies: in which of a parcel's segments, from which byte on, how many."""

    segment: int
    start: int
    size: int


class Parcel(NamedTuple):
    """A value for another process: its bytes, the descriptors and sizes of the segments, and where its buffers lie."""

    data: bytes
    fds: tuple[int, ...]
    sizes: tuple[int, ...]
    places: tuple[Place, ...]


def parcel(value: Any) -> tuple[Parcel, list[Segment]]:
    """A value for other processes, and its segments, which have to be there until these have been started."""
    known = list(segments)
    buffers: list[memoryview] = []
    found: list[tuple[Segment, int] | None] = []

    def kept_in(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        own = inside(view, known)
        if own is None and view.nbytes < LARGE:
            return True  # it goes with the bytes
        buffers.append(view)
        found.append(own)
        return False

    data = pickle.dumps(value, protocol=5, buffer_callback=kept_in)
    room = sum(-(-view.nbytes // ALIGNED) * ALIGNED for view, own in zip(buffers, found, strict=True) if own is None)
    copies = segment(room)
    used, places, end = [copies], [], 0
    for view, own in zip(buffers, found, strict=True):
        if own is None:
            copies[end : end + view.nbytes] = view
            places.append(Place(0, end, view.nbytes))
            end += -(-view.nbytes // ALIGNED) * ALIGNED
            continue
        owner, start = own
        if owner not in used:
            used.append(owner)
        places.append(Place(used.index(owner), start, view.nbytes))
    return Parcel(data, tuple(s.fd for s in used), tuple(map(len, used)), tuple(places)), used


def inside(view: memoryview, known: list[Segment]) -> tuple[Segment, int] | None:
    """The segment that a buffer lies in, and from which byte on; None if it is not shared."""
    address = int(np.frombuffer(view, np.uint8).ctypes.data)
    for each in known:
        if each.address <= address < each.address + len(each):
            return each, address - each.address
    return None


def opened(parcel: Parcel) -> Any:
    """The value of a parcel, in the process that has inherited its descriptors."""
    maps = [mapped(fd, size) for fd, size in zip(parcel.fds, parcel.sizes, strict=True)]
    views = [memoryview(maps[place.segment])[place.start : place.start + place.size] for place in parcel.places]
    return pickle.loads(parcel.data, buffers=views)  # of our own process, by a pipe that nobody else holds
