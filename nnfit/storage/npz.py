"""The container of a model file: a ZIP archive of stored `.npy` members, of which every byte is determined.

`pack` writes it. `read` accepts what `pack` writes and nothing else: each record of the file is parsed, built anew by
the function that `pack` uses, and compared, so no byte can differ unseen. Sizes are checked against the file before
anything is allocated. Both know no more of the arrays than a table of Forms, which the caller gives.

    local header, name, .npy header, values     of each member, one after the other
    central header, name                        of each member, in the same order
    end of central directory                    the last 22 bytes
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from nnfit.errors import ModelFileError, OutputError, Place, Problem
from nnfit.progress import tracked
from nnfit.words import base

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
DATE = 0x21  # 1980-01-01, the first that a ZIP archive can tell; the time is 0
UNIX = 3 << 8 | 20  # made by version 2.0, on Unix: the attributes are those of a file -rw-------
ATTRIBUTES = 0o600 << 16

MAX_BYTES = 2**32 - 1  # beyond, a ZIP archive needs other records
MAX_MEMBERS = 4096
MAX_NAME = 64
MAX_HEADER = 256  # bytes of a `.npy` header; 128 hold any array of rank 3

ITEMS = {"|u1": 1, "<f4": 4, "<f8": 8, "<i8": 8, "<u8": 8}
NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([|<][fiu][148])', 'fortran_order': False, "
    rb"'shape': \(((?:[0-9]{1,10},|[0-9]{1,10}(?:, [0-9]{1,10})+)?)\), \} *\n",
    re.DOTALL,
)
BLOCK = 1 << 20  # values looked at together

FOREIGN, DAMAGED = "not-a-model", "damaged-model"  # the codes of problems

Arrays = dict[str, NDArray[Any]]


class Form(NamedTuple):
    """What an array may be: its dtypes, as `.npy` spells them, its rank, and whether all its numbers are finite."""

    dtypes: tuple[str, ...]
    rank: int
    finite: bool = True


Forms = Mapping[str, Form]  # by the pattern that the whole name of an array matches


class Member(NamedTuple):
    """One array of the file, as the central directory and its own headers say."""

    name: str
    crc: int
    size: int  # of header and values
    place: int  # of the local header
    header: bytes = b""
    dtype: str = ""
    shape: tuple[int, ...] = ()


# --- writing -------------------------------------------------------------------------------------------------------


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file that holds some arrays; the same arrays give the same bytes, on every machine.

    OutputError if it would be larger than a plain ZIP archive can be.
    """
    refuse_too_large(arrays)
    parts, directory, place = [], [], 0
    for name, array in arrays.items():
        descr = array.dtype.newbyteorder("<").str
        header = npy_header(descr, array.shape)
        values = np.ascontiguousarray(array, descr).tobytes()
        crc, size = crc32(values, crc32(header)), len(header) + len(values)
        local = local_header(name, crc, size)
        parts += [local, header, values]
        directory.append(central_header(name, crc, size, place))
        place += len(local) + size
    listed = b"".join(directory)
    return b"".join([*parts, listed, end_record(len(arrays), len(listed), place)])


def refuse_too_large(arrays: Mapping[str, NDArray[Any]]) -> None:
    """An OutputError if some arrays are more than a plain ZIP archive can hold."""
    total = sum(array.nbytes + MAX_HEADER + 4 * MAX_NAME + 128 for array in arrays.values())
    if total > MAX_BYTES or len(arrays) > MAX_MEMBERS:
        message = f"{len(arrays):,} arrays of {total:,} bytes are more than a file can hold: "
        raise OutputError(Problem("too-large", message + f"{MAX_MEMBERS:,} arrays, {MAX_BYTES:,} bytes"))


def file_name(name: str) -> bytes:
    """What a member is called in the archive."""
    return f"{name}.npy".encode("ascii")


def local_header(name: str, crc: int, size: int) -> bytes:
    """The record before a member."""
    file = file_name(name)
    return LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, DATE, crc, size, size, len(file), 0) + file


def central_header(name: str, crc: int, size: int, place: int) -> bytes:
    """The record of a member in the directory."""
    file = file_name(name)
    fields = (UNIX, 20, 0, 0, 0, DATE, crc, size, size, len(file), 0, 0, 0, 0, ATTRIBUTES, place)
    return CENTRAL.pack(b"PK\x01\x02", *fields) + file


def end_record(count: int, size: int, place: int) -> bytes:
    """The record that ends the file, and says where the directory is."""
    return END.pack(b"PK\x05\x06", 0, 0, count, count, size, place, 0)


def npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """The header that NumPy writes: version 1.0, in C order, padded with spaces to a multiple of 64 bytes."""
    if descr not in ITEMS:
        raise TypeError(f"an array of {descr} has no place in a file")
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    # NumPy leaves room for the first number of the shape to grow to 21 digits.
    text += " " * (21 - len(str(shape[0]))) if shape else ""
    length = len(text) + -(len(text) + 11) % 64 + 1
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + text.ljust(length - 1).encode("ascii") + b"\n"


# --- reading -------------------------------------------------------------------------------------------------------


def read(path: Path | str, forms: Forms) -> Arrays:
    """The arrays of a file, read-only, in its order; ModelFileError for whatever `pack` would not have written."""
    name = str(path)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (pathlib has its own idea of a path that holds NUL)
        if not stat.S_ISREG(mode):  # opening a pipe would wait for its other end
            reason = "Is a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise unreadable(reason, name)
        file = open(path, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise unreadable(error.strerror if isinstance(error, OSError) else error, name) from None
    with file:
        try:
            return Source(file, name, forms).arrays()
        except OSError as error:
            raise unreadable(error.strerror, name) from None


def parsed(data: bytes, name: str, forms: Forms) -> Arrays:
    """The arrays of a file that is in memory, as `read` gives them; `name` is what errors call it."""
    return Source(io.BytesIO(data), name, forms).arrays()


def names(path: Path | str) -> set[str]:
    """The names of the arrays of a file, whatever they are; none of what is no file that `pack` wrote."""
    try:
        with open(path, "rb") as file:
            found = Source(file, str(path), {".*": Form(tuple(ITEMS), 1)}).directory()
    except (OSError, ValueError, ModelFileError):
        return set()
    return {member.name for member in found}


def unreadable(reason: object, name: str) -> ModelFileError:
    """The error of a file that the system does not let nnfit read."""
    return ModelFileError(Problem("unreadable", f"cannot be read: {reason}", place=Place(name)))


class Source:
    """A file that is being read: every check that fails is a ModelFileError with the file's name and the member's."""

    def __init__(self, file: BinaryIO, name: str, forms: Forms) -> None:
        self.file = file
        self.name = name
        self.forms = {re.compile(pattern): form for pattern, form in forms.items()}

    def fail(self, code: str, message: str, member: str | None = None) -> NoReturn:
        """Raise a ModelFileError about the file, or one member of it."""
        raise ModelFileError(Problem(code, message, place=Place(self.name, key=member)))

    def refuse_foreign(self, beginning: bytes) -> NoReturn:
        """Raise a ModelFileError for what is no .npz file, and say so of what nnfit export may have written."""
        message, remedy = "not a model that nnfit wrote: it does not begin as an .npz file", ""
        if beginning[:1] == b"\x08" and beginning[2:] == b"\x12":  # the version of the format, and who wrote it
            message = "is an ONNX file, for a runtime of ONNX, and no model that nnfit loads"
            remedy = "name the .npz file that it was exported from"
        elif self.name.endswith(".py"):
            message, remedy = "is no model but Python", "name the .npz file, or run: python FILE.py < rows.csv"
        raise ModelFileError(Problem(FOREIGN, message, remedy, Place(self.name)))

    def arrays(self) -> Arrays:
        """All arrays: the directory first, then every header, and only then the values."""
        members = [self.described(member) for member in self.directory()]
        each = tracked(members, f"reading {base(self.name)}")
        return {member.name: self.values(member) for member in each}

    def at(self, place: int, size: int) -> bytes:
        """Some bytes of the file, none missing."""
        self.file.seek(place)
        data = self.file.read(size)
        if len(data) != size:
            self.fail("unreadable", "the file became shorter while it was read")
        return data

    def directory(self) -> list[Member]:
        """The members as the end of the file lists them: known names, once each, without a gap from first to last."""
        size = self.file.seek(0, os.SEEK_END)
        if size < END.size or self.at(0, 4) != b"PK\x03\x04":
            self.refuse_foreign(self.at(0, min(size, 3)))
        if size > MAX_BYTES:
            self.fail(FOREIGN, f"not a model that nnfit wrote: more than {MAX_BYTES:,} bytes")
        tail = self.at(size - END.size, END.size)
        _, _, _, count, _, length, start, _ = END.unpack(tail)
        if tail != end_record(count, length, start) or start + length + END.size != size:
            self.fail(DAMAGED, "cut off, or damaged: the end of an .npz file is not where it must be")
        if count > MAX_MEMBERS or length > count * (CENTRAL.size + MAX_NAME):
            self.fail(FOREIGN, f"not a model that nnfit wrote: {count:,} members named in {length:,} bytes")
        listed = self.at(start, length)
        members: dict[str, Member] = {}
        at = place = 0
        for _ in range(count):
            member = self.entry(listed, at)
            if member.name in members:
                self.fail(DAMAGED, "is there twice", member.name)
            if member.place != place:
                self.fail(DAMAGED, "does not follow the member before it", member.name)
            members[member.name] = member
            at += CENTRAL.size + len(file_name(member.name))
            place += LOCAL.size + len(file_name(member.name)) + member.size
        if at != length or place != start:
            self.fail(DAMAGED, "damaged: the sizes of the members do not add up to the file")
        return list(members.values())

    def entry(self, listed: bytes, at: int) -> Member:
        """The member whose central header stands at a place of the directory."""
        if len(listed) < at + CENTRAL.size:
            self.fail(DAMAGED, "damaged: the directory ends too soon")
        fields = CENTRAL.unpack_from(listed, at)
        crc, size, length, place = fields[7], fields[9], fields[10], fields[-1]
        file = listed[at + CENTRAL.size : at + CENTRAL.size + min(length, MAX_NAME)]
        if not file.isascii() or not file.endswith(b".npy"):
            self.fail(DAMAGED, f"damaged, or not a model that nnfit wrote: a member is called {file[:40]!r}")
        name = file.decode("ascii").removesuffix(".npy")
        self.form(name)
        if listed[at : at + CENTRAL.size + length] != central_header(name, crc, size, place):
            self.fail(
                DAMAGED, "its entry in the directory is not as nnfit writes it (stored, and dated 1980-01-01)", name
            )
        return Member(name, crc, size, place)

    def form(self, name: str) -> Form:
        """What the array of a name may be."""
        for pattern, form in self.forms.items():
            if pattern.fullmatch(name):
                return form
        return self.fail(DAMAGED, f"damaged, or not a model that nnfit wrote: a member is called {name[:40]!r}")

    def described(self, member: Member) -> Member:
        """The member with what its headers say: an array of a form that is known, of exactly the bytes present."""
        name, local = member.name, local_header(member.name, member.crc, member.size)
        head = self.at(member.place, len(local) + min(member.size, MAX_HEADER))
        if head[: len(local)] != local:
            self.fail(DAMAGED, "its header is not what the directory says", name)
        found = NPY.match(head, len(local))
        if not found:
            self.fail(DAMAGED, "is not an array as nnfit writes it (.npy version 1.0, C order)", name)
        dtype, numbers = (part.decode("ascii") for part in found.groups())
        shape = tuple(int(number) for number in numbers.split(",") if number)
        form = self.form(name)
        if dtype not in form.dtypes or len(shape) != form.rank:
            expected = f"{' or '.join(form.dtypes)} in {form.rank} dimensions"
            self.fail(DAMAGED, f"is an array of {dtype} with shape {shape}; expected {expected}", name)
        # An empty array takes no bytes whatever its other lengths are, so these are bounded too.
        if math.prod(length or 1 for length in shape) * ITEMS[dtype] > MAX_BYTES:
            self.fail(DAMAGED, f"has the shape {shape}, more than a file can hold", name)
        header = found.group()
        if header != npy_header(dtype, shape):
            self.fail(DAMAGED, "its .npy header is not as NumPy writes it", name)
        if len(header) + math.prod(shape) * ITEMS[dtype] != member.size:
            self.fail(DAMAGED, f"has the shape {shape}, but {member.size - len(header):,} bytes of {dtype}", name)
        return member._replace(header=header, dtype=dtype, shape=shape)

    def values(self, member: Member) -> NDArray[Any]:
        """The array: the bytes are those of its checksum, and its numbers finite where they must be."""
        start = member.place + LOCAL.size + len(file_name(member.name)) + len(member.header)
        data = self.at(start, member.size - len(member.header))
        if crc32(data, crc32(member.header)) != member.crc:
            self.fail(DAMAGED, "damaged: its checksum is not that of its bytes", member.name)
        array: NDArray[Any] = np.ndarray(member.shape, member.dtype, data)
        flat = array.reshape(-1)
        if (
            array.dtype.kind == "f"
            and self.form(member.name).finite
            and not all(np.isfinite(flat[at : at + BLOCK]).all() for at in range(0, len(flat), BLOCK))
        ):
            self.fail(DAMAGED, "holds values that are not finite", member.name)
        return array
