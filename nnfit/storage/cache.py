"""The folder in which nnfit keeps what it would otherwise make again: the user's alone, and bounded in size.

An entry is a file of arrays, read by mapping it:

    the arrays, each from a multiple of 64 bytes on, as they lie in memory
    the header, JSON: what the entry is of, `about` it, and of each array its name, dtype, shape, order and place
    the end: a mark, the size of the header, the CRC-32 of all arrays and that of the header

What is not such a file to the last byte, or belongs to another user, is no entry, and is made anew. Nothing in it is
run. An entry that is used becomes the youngest; the oldest go where all of them would be more than the bound.
"""

from __future__ import annotations

import errno
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

from nnfit.errors import ModelFileError, OutputError, Place, Problem, UsageError
from nnfit.storage import files, json_text
from nnfit.words import quoted, volume
from nnfit.workers.memory import ALIGNED, Segment, mapped, turned

BOUND = 20  # GB of all entries, if nothing else is said
VARIABLE = "NNFIT_CACHE_GB"  # of the environment, which says something else
FORMAT = 1
MARK = b"nnfit encoded 1\n"
END = struct.Struct("<16sQII")
NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.rows")
HALF = r"\.(nnfit|[0-9a-f]{32}-[0-9a-f]{17})\."  # how those begin that are not whole; others may lie in the folder
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
    """The folder, there or not: the one that is named, else `nnfit` in $XDG_CACHE_HOME or in ~/.cache.

    An OSError for a user who has neither, as in some containers.
    """
    if (named := setting.get().folder) is not None:
        return named
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "nnfit"
    except RuntimeError:
        raise OSError(errno.ENOENT, "this user has no home folder", "~/.cache") from None


def folder() -> Path:
    """The folder; where there is none it is made, for its owner alone. An OSError if it cannot be.

    Of one that is named, the folder above must be there.
    """
    found = place()
    found.mkdir(mode=0o700, parents=setting.get().folder is None, exist_ok=True)
    return found


def bound() -> int:
    """The bytes that all entries may take; a UsageError if the environment says what is no number of GB."""
    said = os.environ.get(VARIABLE) or str(BOUND)  # as with other programs, an empty one says nothing
    try:
        found = float(said)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        message = f"is {quoted(said)}, and not a number of GB"
        raise UsageError(Problem("usage", message, f"write {VARIABLE}={BOUND}, or leave it out", Place(VARIABLE)))
    return int(found * 10**9)


def check(path: Path) -> None:
    """An OutputError for a folder that is named and cannot be one; in one that is read-only there may be entries."""
    reason = ""
    if path.exists() and not path.is_dir():
        reason = "is no folder"
    elif not path.exists() and not path.parent.is_dir():
        reason = f"there is no folder {path.parent}"
    elif not path.exists() and not os.access(path.parent, os.W_OK | os.X_OK):
        reason = f"the folder {path.parent} is not writable"
    if reason:
        message = f"cannot be the folder of the cache: {reason}"
        raise OutputError(Problem("cannot-write", message, "name another folder", Place(str(path))))


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
                    if file.is_dir(follow_symlinks=False):
                        continue
                    known = file.stat(follow_symlinks=False)
                    found.append(Kept(Path(file.path), known.st_size, known.st_mtime))
    return sorted(found, key=lambda each: (each.used, each.path))


def name_of(recipe: str, data: str) -> str:
    """The name of the entry of some data, encoded by a recipe; both are SHA-256."""
    return f"{recipe[:32]}-{data[:32]}.rows"


# --- writing -------------------------------------------------------------------------------------------------------


def write(recipe: str, data: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep an entry, and let the oldest go for it; an OutputError where it cannot be kept."""
    at: str | None = None
    listed, views, end = layout(arrays)
    header = {"format": FORMAT, "recipe": recipe, "data": data, "arrays": listed, "about": dict(about)}
    try:
        path = folder() / name_of(recipe, data)
        at = str(path)
        written = json_text.write(header)
        sweep()
        old = to_go(path, end)
        known = os.statvfs(path.parent)
        if known.f_bavail * known.f_frsize + sum(each.size for each in old) < 2 * end:
            raise OSError(f"it takes {volume(end)}, more than half of what is free on its disk")
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise OutputError(Problem("cannot-write", message, place=Place(at or error.filename))) from None
    except OutputError:
        message = f"cannot be written: columns and categories take more than {volume(json_text.MAX_BYTES)}"
        raise OutputError(Problem("cannot-write", message, place=Place(at))) from None
    for each in old:
        with suppress(OSError):
            each.path.unlink()
    files.keep(path, pieces(views, written))


def layout(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[dict[str, Any]], list[tuple[int, memoryview]], int]:
    """How arrays lie in a file: the entries of the header, the places and bytes of all, and where they end."""
    listed, views, end = [], [], 0
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array.T if turned(array) else array)
        end = -(-end // ALIGNED) * ALIGNED
        shape = list(array.shape)
        listed.append({"name": name, "dtype": flat.dtype.str, "shape": shape, "turned": turned(array), "start": end})
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


def to_go(path: Path, size: int) -> list[Kept]:
    """The oldest entries, without which all are within the bound with one of this size; an OSError if it is not.

    What lies at its path is replaced.
    """
    most = bound()
    if size > most:
        raise OSError(f"{volume(size)} are more than the {volume(most)} that the cache may hold ({VARIABLE})")
    known, old = [each for each in entries() if each.path != path], []
    total = sum(each.size for each in known) + size
    for each in known:
        if total <= most:
            break
        total -= each.size
        old.append(each)
    return old


def clear() -> list[Kept]:
    """Remove all entries; those that were there."""
    found = entries()
    for each in found:
        files.remove(each.path)
    return found


def sweep() -> None:
    """Remove what killed runs left that is no entry."""
    with suppress(OSError):
        files.sweep_folder(place(), HALF)


# --- reading -------------------------------------------------------------------------------------------------------


def read(recipe: str, data: str) -> Entry | None:
    """The entry of some data, encoded by a recipe, with a time as if it were written now; None where there is none.

    A file that should be one and is not is removed; one that cannot be looked at, as memory has no room for it, is not.
    """
    try:
        path = place() / name_of(recipe, data)
    except OSError:
        return None
    whole = mapping(path)
    if whole is None:
        return None
    found = opened(whole, recipe, data)
    with suppress(OSError):
        if found is None:
            path.unlink()
        else:
            os.utime(path)
    return found


def mapping(path: Path) -> Segment | None:
    """A file of this user, mapped to read it; None where there is none that could be an entry."""
    try:
        descriptor = files.to_read(path)
    except OSError:
        return None
    known = os.fstat(descriptor)
    try:
        if S_ISREG(known.st_mode) and known.st_uid == os.geteuid() and known.st_size >= END.size:
            return mapped(descriptor, known.st_size)
    except OSError:  # no room for a mapping
        pass
    os.close(descriptor)
    return None


def about(entry: Kept) -> dict[str, Any]:
    """What an entry says of itself; nothing if it cannot be read. Its arrays are not looked at."""
    whole = mapping(entry.path)
    found = None if whole is None else header_of(whole)
    said = {} if found is None else found[0].get("about")
    return said if isinstance(said, dict) else {}


def opened(whole: Segment, recipe: str, data: str) -> Entry | None:
    """What a file of an entry holds; None if it is not one to the last byte."""
    found = header_of(whole)
    if found is None:
        return None
    header, end, crc = found
    try:
        if (header["recipe"], header["data"]) != (recipe, data) or checked(whole, end) != crc:
            return None
        arrays = {each["name"]: array(whole, end, each) for each in header["arrays"]}
        return Entry(dict(header["about"]), arrays)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def header_of(whole: Segment) -> tuple[dict[str, Any], int, int] | None:
    """The header of an entry, where its arrays end, and their CRC-32; None if it is none of this format."""
    mark, size, of_arrays, of_header = END.unpack(whole[-END.size :])
    end = len(whole) - END.size - size
    if mark != MARK or not 0 <= size <= json_text.MAX_BYTES or end < 0:
        return None
    text = whole[end : end + size]
    if zlib.crc32(text) != of_header:
        return None
    try:
        header = json_text.read(text, "cache")
    except ModelFileError:
        return None
    return (header, end, of_arrays) if header.get("format") == FORMAT else None


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
