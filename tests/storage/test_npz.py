"""The container is written byte for byte in one way, opens with plain NumPy, and nothing else is read."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from model_files import container

from nnfit.errors import ModelFileError, OutputError
from nnfit.storage import json_text, npz
from nnfit.storage.npz import Form, Source, pack, read

FORMS = {"[a-z]+": Form(("<f4", "<f8", "<i8", "<u8", "|u1"), 2), "v_[0-9]": Form(("<f8",), 1)}
ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "first": np.arange(6, dtype=np.float32).reshape(2, 3),
    "second": np.array([[2**63, 1]], np.uint64),
    "v_1": np.zeros(0),
}


def unpacked(data: bytes, forms: npz.Forms = FORMS) -> npz.Arrays:
    return Source(io.BytesIO(data), "m.npz", forms).arrays()


def refused(data: bytes, forms: npz.Forms = FORMS) -> str:
    with pytest.raises(ModelFileError) as caught:
        unpacked(data, forms)
    return str(caught.value)


def npy(array: np.ndarray[Any, Any], version: tuple[int, int] = (1, 0)) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, array, version=version)
    return member.getvalue()


# --- what is written -----------------------------------------------------------------------------------------------


def test_the_arrays_come_back_in_order_and_read_only() -> None:
    found = unpacked(pack(ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
        assert not found[name].flags.writeable


def test_zipfile_writes_the_same_bytes_of_the_same_members() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as other:
        for name, array in ARRAYS.items():
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            other.writestr(info, npy(array))
    assert pack(ARRAYS) == buffer.getvalue() == container([(name, npy(array)) for name, array in ARRAYS.items()])


@given(st.sampled_from(["f4", "f8", "i8", "u8", "u1"]), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12))
def test_the_header_of_an_array_is_that_of_numpy(kind: str, shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, kind)
    assert npy(array).startswith(npz.npy_header(array.dtype.str, shape))
    assert npz.NPY.fullmatch(npz.npy_header(array.dtype.str, shape))


@given(
    arrays(np.float64, array_shapes(max_dims=1, min_side=0), elements=st.floats(allow_nan=False, allow_infinity=False))
)
def test_plain_numpy_reads_what_is_written(array: np.ndarray[Any, Any]) -> None:
    with np.load(io.BytesIO(pack({"v_1": array})), allow_pickle=False) as found:
        np.testing.assert_array_equal(found["v_1"], array, strict=True)


def test_arrays_of_another_byte_order_or_layout_give_the_same_bytes() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert pack({"a": array.astype(">f8")}) == pack({"a": np.asfortranarray(array)}) == pack({"a": array})


def test_what_a_file_cannot_hold_is_not_written() -> None:
    with pytest.raises(TypeError, match="no place"):
        pack({"a": np.array([None])})
    with pytest.raises(OutputError, match="more than a file can hold"):
        pack({"a": np.broadcast_to(np.float64(0), (2**20, 2**10))})
    with pytest.raises(OutputError, match="more than a file can hold"):
        pack({f"a{i}": np.zeros(0) for i in range(npz.MAX_MEMBERS + 1)})


# --- what is refused -----------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_refused() -> None:
    whole = pack(ARRAYS)
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        refused(bytes(data))


def test_every_truncation_is_refused() -> None:
    whole = pack(ARRAYS)
    for size in range(len(whole)):
        refused(whole[:size])


def test_bytes_before_behind_and_between_are_refused() -> None:
    whole = pack(ARRAYS)
    start = whole.index(b"PK\x01\x02")
    for data in (
        *(b"#!/bin/sh\n" + whole, whole + b"\n", whole + bytes(22), whole[:start] + b"\0" + whole[start:]),
        *(whole[:-22] + bytes(4) + whole[-22:], whole + whole, whole[:-2] + b"\x04\0note"),
    ):
        assert refused(data).startswith("m.npz: ")


ONE = npy(np.ones((1, 1)))


def header(shape: str, descr: str = "'<f8'", order: str = "False", more: str = "") -> bytes:
    """A member with a header of one's own, and one value."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {more}}}"
    text = text.ljust(-(len(text) + 11) % 64 + len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + np.float64(1).tobytes()


MEMBERS: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "an unknown name": ([("A", ONE)], "a member is called 'A'"),
    "a name that climbs": ([("../../a", ONE)], "a member is called '../../a'"),
    "an absolute name": ([("/a", ONE)], "a member is called '/a'"),
    "a name and more": ([("a\n", ONE)], "a member is called"),
    "a long name": ([("a" * 70, ONE)], "1 members named in 120 bytes"),
    "a name twice": ([("a", ONE), ("b", ONE), ("a", ONE)], "a: is there twice"),
    "no array": ([("a", b"hello")], "a: is not an array"),
    "nothing": ([("a", b"")], "a: is not an array"),
    "version 2.0": ([("a", npy(np.ones((1, 1)), (2, 0)))], "a: is not an array"),
    "Python objects": ([("a", header("(1, 1)", "'|O'"))], "a: is not an array"),
    "texts of no size": ([("a", header("(1, 1)", "'<U0'"))], "a: is not an array"),
    "bytes of no size": ([("a", header("(1, 1)", "'|V0'"))], "a: is not an array"),
    "fields": ([("a", header("(1, 1)", "[('x', '<f8')]"))], "a: is not an array"),
    "a dtype that is a call": ([("a", header("(1, 1)", "__import__('os')"))], "a: is not an array"),
    "another byte order": ([("a", header("(1, 1)", "'>f8'"))], "a: is not an array"),
    "half floats": ([("a", header("(1, 1)", "'<f2'"))], "a: is not an array"),
    "a dtype of the format, not of the table": ([("v_1", header("(1,)", "'<f4'"))], "v_1: is an array of <f4"),
    "a dtype that is none": ([("a", header("(1, 1)", "'|f1'"))], "a: is an array of |f1"),
    "Fortran's order": ([("a", header("(1, 1)", order="True"))], "a: is not an array"),
    "one more key": ([("a", header("(1, 1)", more="'x': 1, "))], "a: is not an array"),
    "another rank": ([("a", header("(1,)"))], "a: is an array of <f8 with shape (1,); expected"),
    "a negative length": ([("a", header("(-1, -1)"))], "a: is not an array"),
    "a long whole number": ([("a", header("(1, 99999999999999999999)"))], "a: is not an array"),
    "leading zeros": ([("a", header("(1, 01)"))], "a: its .npy header is not as NumPy writes it"),
    "a shape that says more": ([("a", header("(1, 2)"))], "a: has the shape (1, 2), but 8 bytes"),
    "a shape that says less": ([("a", header("(0, 1)"))], "a: has the shape (0, 1), but 8 bytes"),
    "a product beyond 64 bits": ([("a", header("(4294967296, 4294967296)"))], "a: has the shape"),
    "an empty array of huge lengths": (
        [("a", header("(0, 9999999999)")[:-8])],
        "a: has the shape (0, 9999999999), more",
    ),
    "tabs for spaces": ([("a", ONE.replace(b"   \n", b" \t \n"))], "a: is not an array"),
    "no padding": (
        [("a", b"\x93NUMPY\x01\x00\x3b\0" + ONE[10:].split(b"}")[0] + b"}\n" + bytes(8))],
        "a: its .npy header",
    ),
    "a header without end": ([("a", ONE[:10] + b"(" * 70_000)], "a: is not an array"),
    "nested lists": ([("a", header("(" * 100 + ")" * 100))], "a: is not an array"),
    "not a number": ([("a", npy(np.array([[1, np.nan]])))], "a: holds values that are not finite"),
    "an infinity": ([("a", npy(np.array([[-np.inf]], np.float32)))], "a: holds values that are not finite"),
    "an infinity behind a million values": (
        [("a", npy(np.append(np.zeros(npz.BLOCK), np.inf)[None]))],
        "a: holds values that are not finite",
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_a_member_that_is_not_as_it_must_be_is_refused_by_name(case: str) -> None:
    members, message = MEMBERS[case]
    assert message in refused(container(members))


def test_the_members_of_these_tests_are_read_when_they_are_right() -> None:
    assert unpacked(container([("a", ONE)]))["a"] == 1
    assert unpacked(container([("a", header("(1, 1)").replace(b"1, 1), }", b"1, 1), }"))])).keys() == {"a"}


def patched(place: int, value: bytes) -> Callable[[bytes], bytes]:
    """A change of the first local header, and the same change in the directory, where it stands 2 bytes further."""

    def change(data: bytes) -> bytes:
        start = data.index(b"PK\x01\x02") + place + 2
        both = data[:place] + value + data[place + len(value) :]
        return both[:start] + value + both[start + len(value) :]

    return change


RECORDS: dict[str, Callable[[bytes], bytes]] = {
    "it is encrypted": patched(6, b"\x01"),
    "its sizes follow it": patched(6, b"\x08"),
    "its name is UTF-8": patched(7, b"\x08"),
    "it is deflated": patched(8, b"\x08"),
    "it has a time": patched(10, b"\x01"),
    "it has a date": patched(12, b"\x22"),
    "it needs another version": patched(4, b"\x2d"),
    "its checksum is another": patched(14, b"\0\0\0\0"),
    "its size is another": patched(18, b"\x01"),
    "it has an extra field": patched(28, b"\x04"),
}


@pytest.mark.parametrize("change", RECORDS)
def test_records_that_agree_but_are_not_as_written_are_refused(change: str) -> None:
    whole = pack({"a": np.ones((1, 1))})
    changed = RECORDS[change](whole)
    assert len(changed) == len(whole)
    assert changed != whole
    assert re.match(r"m.npz: (a: |damaged)", refused(changed))


def test_compressed_members_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "m.npz", a=np.zeros((1000, 1000)))
    assert "a: its entry in the directory is not as nnfit writes it" in refused((tmp_path / "m.npz").read_bytes())


def test_an_end_that_lies_about_the_members_is_refused() -> None:
    whole = pack(ARRAYS)
    length, start = struct.unpack("<II", whole[-10:-2])
    for count, size, place in (
        (2, length, start),
        (4, length, start),
        (3, length - 1, start + 1),
        (0, 0, len(whole) - 22),
    ):
        refused(whole[:-22] + npz.end_record(count, size, place))
    assert "65,535 members" in refused(whole[:-22] + npz.end_record(65_535, length, start))
    assert "4,097 members" in refused(
        container([("a" * 8, b"")] * 4097)  # a directory that is right in itself
    )


def test_members_out_of_their_place_are_refused() -> None:
    """Two entries for one place, or in another order than the members themselves."""
    whole = pack({"a": np.ones((1, 1)), "b": np.ones((1, 1))})
    start = whole.index(b"PK\x01\x02")
    half = (len(whole) - 22 - start) // 2
    first, second, end = whole[start : start + half], whole[start + half : -22], whole[-22:]
    assert "does not follow" in refused(whole[:start] + second + first + end)
    overlapping = second[:-9] + bytes(4) + second[-5:]
    assert "does not follow" in refused(whole[:start] + first + overlapping + end)


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        (tmp_path / "none", "No such file or directory"),
        ("a\0b", "embedded null byte"),
    ):
        with pytest.raises(ModelFileError) as caught:
            read(path, FORMS)
        assert str(caught.value) == f"{path}: cannot be read: {message}"


def test_the_page_of_the_format_says_what_the_code_does() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/model-format.md").read_text()
    for record in (npz.LOCAL, npz.CENTRAL, npz.END):
        assert f"`{record.format}`" in page
    for number in (f"0x{npz.UNIX:04x}", f"{npz.MAX_MEMBERS} members", f"{npz.MAX_NAME} bytes"):
        assert number in page
    for number in (json_text.MAX_BYTES >> 20, json_text.ROOM >> 20):
        assert f"{number} MiB" in page
    assert f"{json_text.MAX_DEPTH} deep" in page
