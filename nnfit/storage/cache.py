"""The folder in which nnfit keeps what it would otherwise make again: the user's alone, and bounded in size.

An entry is a file of arrays, read by mapping it:

    the arrays, each from a multiple of 64 bytes on, as they lie in memory
    the header, JSON: what the entry is of, `about` it, and of each array its name, dtype, shape, order and place
    the end: a mark, the size of the header, the CRC-32 of all arrays and that of the header

What is not such a file to the last byte, or belongs to another user, is no entry, and is made anew. Nothing in it is
run. An entry that is used becomes the youngest; the oldest go where all of them would be more than BOUND.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.errors import ModelFileError, OutputError, Place, Problem
from nnfit.storage import files, json_text
from nnfit.words import volume
from nnfit.workers.memory import ALIGNED, Segment, mapped

BOUND = 20 * 10**9  # bytes of all entries
FORMAT = 1
MARK = b"nnfit rows\n"
END = struct.Struct("<11s5xQII")
NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.rows")
DTYPES = ("<f4", "<f8", "<i8")
PIECE = 1 << 24  # bytes that are written, or checked, at once


class Setting(NamedTuple):
    """The folder that is named in place of the usual one, and whether anything is kept in it."""

    folder: Path | None = None
    on: bool = True


USUAL = Setting()
setting: ContextVar[Setting] = ContextVar("setting", default=USUAL)


@contextmanager
def using(folder: Path | None, on: bool) -> Iterator[None]:
    """In the block, this folder in place of the usual one, and entries read and written, or not."""
    token = setting.set(Setting(folder, on))
    try:
        yield
    finally:
        setting.reset(token)


def place() -> Path:
    """The folder, there or not: the one that is named, else `nnfit` in $XDG_CACHE_HOME or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return setting.get().folder or (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "nnfit"


def folder() -> Path:
    """The folder; where there is none it is made, for its owner alone. An OSError if it cannot be."""
    found = place()
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


class Entry(NamedTuple):
    """What an entry holds: what it is about, and its arrays, which are mapped and cannot be changed."""

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Kept(NamedTuple):
    """A file of the folder: its path, its size, and when it was used last, in seconds since 1970."""

    path: Path
    size: int
    used: float


def entries(start: str = "") -> list[Kept]:
    """The entries whose names begin so, the oldest first."""
    found = []
    with suppress(OSError):
        for file in os.scandir(place()):
            if NAME.fullmatch(file.name) and file.name.startswith(start):
                with suppress(OSError):
                    known = file.stat(follow_symlinks=False)
                    found.append(Kept(Path(file.path), known.st_size, known.st_mtime))
    return sorted(found, key=lambda each: (each.used, each.path))


def name_of(recipe: str, data: str) -> str:
    """The name of the entry of some data, encoded by a recipe; both are SHA-256."""
    return f"{recipe[:32]}-{data[:32]}.rows"


# --- writing -------------------------------------------------------------------------------------------------------


def write(recipe: str, data: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep an entry, and let the oldest go for it; an OutputError where it cannot be kept."""
    path = place() / name_of(recipe, data)
    try:
        folder()
        files.sweep_folder(path.parent)
        listed, views, end = layout(arrays)
        make_room(end)
        known = os.statvfs(path.parent)
        if known.f_bavail * known.f_frsize < 2 * end:
            message = f"takes {volume(end)}, and the disk would be all but full"
            raise OutputError(Problem("cannot-write", message, place=Place(str(path))))
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise OutputError(Problem("cannot-write", message, place=Place(str(path)))) from None
    header = {"format": FORMAT, "recipe": recipe, "data": data, "arrays": listed, "about": dict(about)}
    files.keep(path, pieces(views, json_text.write(header)))


def layout(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[dict[str, Any]], list[tuple[int, memoryview]], int]:
    """How arrays lie in a file: the entries of the header, the places and bytes of all, and where they end."""
    listed, views, end = [], [], 0
    for name, array in arrays.items():
        turned = array.flags.f_contiguous and not array.flags.c_contiguous
        flat = np.ascontiguousarray(array.T if turned else array)
        end = -(-end // ALIGNED) * ALIGNED
        shape = list(array.shape)
        listed.append({"name": name, "dtype": flat.dtype.str, "shape": shape, "turned": turned, "start": end})
        views.append((end, flat.reshape(-1).view(np.uint8).data))
        end += flat.nbytes
    return listed, views, end


def pieces(views: list[tuple[int, memoryview]], header: bytes) -> Iterator[memoryview | bytes]:
    """All bytes of an entry, in their order."""
    at = crc = 0
    for start, view in views:
        gap = bytes(start - at)
        crc = zlib.crc32(gap, crc)
        yield gap
        for first in range(0, len(view), PIECE):
            piece = view[first : first + PIECE]
            crc = zlib.crc32(piece, crc)
            yield piece
        at = start + len(view)
    yield header
    yield END.pack(MARK, len(header), crc, zlib.crc32(header))


def make_room(size: int) -> None:
    """Let the oldest entries go, so that with one of this size they are no more than BOUND; an OSError if it is."""
    if size > BOUND:
        raise OSError(f"{volume(size)} are more than the cache holds, {volume(BOUND)}")
    known = entries()
    total = sum(each.size for each in known) + size
    for each in known:
        if total <= BOUND:
            return
        total -= each.size
        with suppress(OSError):
            each.path.unlink()


def clear() -> list[Kept]:
    """Remove all entries, and what killed runs left; those that were there."""
    found = entries()
    for each in found:
        files.remove(each.path)
    files.sweep_folder(place())
    return found


# --- reading -------------------------------------------------------------------------------------------------------


def read(recipe: str, data: str) -> Entry | None:
    """The entry of some data, encoded by a recipe, with a time as if it were written now; None where there is none.

    A file that should be one and is not is removed.
    """
    path = place() / name_of(recipe, data)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    known = os.fstat(descriptor)
    if not S_ISREG(known.st_mode) or known.st_uid != os.geteuid() or known.st_size < END.size:
        os.close(descriptor)
        found = None
    else:
        try:
            whole = mapped(descriptor, known.st_size)
        except OSError:
            os.close(descriptor)
            return None
        found = opened(whole, recipe, data)
    with suppress(OSError):
        if found is None:
            path.unlink()
        else:
            os.utime(path)
    return found


def opened(whole: Segment, recipe: str, data: str) -> Entry | None:
    """What a file of an entry holds; None if it is not one to the last byte."""
    mark, size, of_arrays, of_header = END.unpack(whole[-END.size :])
    end = len(whole) - END.size - size
    if mark != MARK or not 0 <= size <= json_text.MAX_BYTES or end < 0:
        return None
    text = whole[end : end + size]
    if zlib.crc32(text) != of_header or checked(whole, end) != of_arrays:
        return None
    try:
        header = json_text.read(text, "cache")
        if header["format"] != FORMAT or (header["recipe"], header["data"]) != (recipe, data):
            return None
        arrays = {each["name"]: array(whole, end, each) for each in header["arrays"]}
        return Entry(dict(header["about"]), arrays)
    except (ModelFileError, KeyError, TypeError, ValueError, AttributeError):
        return None


def checked(whole: Segment, end: int) -> int:
    """The CRC-32 of all bytes before the header."""
    crc = 0
    with memoryview(whole) as view:
        for start in range(0, end, PIECE):
            with view[start : min(end, start + PIECE)] as piece:
                crc = zlib.crc32(piece, crc)
    return crc


def array(whole: Segment, end: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    """One array of an entry; a ValueError if it does not lie within it."""
    shape, start = entry["shape"], entry["start"]
    if entry["dtype"] not in DTYPES or not all(type(each) is int and each >= 0 for each in (start, *shape)):
        raise ValueError("no array of an entry")
    dtype, count = np.dtype(entry["dtype"]), math.prod(shape)
    if len(shape) > 3 or start % ALIGNED or start + count * dtype.itemsize > end:
        raise ValueError("no array of an entry")
    if not count:
        return np.empty(shape, dtype)
    flat = np.frombuffer(whole, dtype, count, start)
    return flat.reshape(shape[::-1]).T if entry["turned"] is True else flat.reshape(shape)
