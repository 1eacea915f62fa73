"""What a file is, by its first bytes: text, packed or not, a columnar file, or nothing that holds a table for nnfit."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from nnfit.errors import Problem

Kind = Literal["text", "gzip", "zstd", "parquet", "arrow", "arrow stream"]

LENGTH = 512  # of the beginning that is looked at
AS_CSV = "save the table as CSV, or as Parquet"
UNPACK = "unpack it, and name the table in it"


class Other(NamedTuple):
    """A kind of file that is no table for nnfit: how it begins, what it is called, what would do, and its code."""

    beginnings: tuple[bytes, ...]
    name: str
    remedy: str = AS_CSV
    code: str = "wrong-kind"


# Each begins with bytes with which no header does: what a text may begin with too is told by more than its letters.
OTHERS = (
    Other((b"BZh11AY&SY", *(b"BZh%d1AY&SY" % level for level in range(2, 10))), "a bzip2 file", UNPACK, "packed-file"),
    Other((b"\xfd7zXZ\0",), "an xz file", UNPACK, "packed-file"),
    Other((b"7z\xbc\xaf\x27\x1c",), "a 7-Zip archive", UNPACK, "packed-file"),
    Other((b"Rar!\x1a\x07",), "a RAR archive", UNPACK, "packed-file"),
    Other((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "an Excel workbook (.xls)", "save the sheet as CSV"),
    Other((b"SQLite format 3\0",), "an SQLite database", "export the table as CSV (sqlite3 -header -csv)"),
    Other((b"%PDF-",), "a PDF document"),
    Other((b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"), "an image"),
    Other((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickle of Python", "load it, and write to_csv"),
    Other((b"\x93NUMPY",), "an array of NumPy (.npy)"),
    Other((b"\x89HDF\r\n\x1a\n",), "an HDF5 file"),
    Other((b"Obj\x01",), "an Avro file"),
    Other((b"FEA1\0\0\0\0",), "a Feather file of version 1", "write it again, with pyarrow.feather.write_feather"),
    Other((b"<stata_dta>",), "a Stata file"),
    Other((b"$FL2@(#)",), "an SPSS file"),
    Other((b"RDX2\n", b"RDX3\n", b"X\n\0\0\0"), "a file of R", "write.csv(table, row.names = FALSE) makes one"),
    Other((b"\x7fELF", b"MZ\x90\0"), "a program"),
)
POINTER = b"version https://git-lfs.github.com/spec/"
JSON = re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)*\{\s*"[^"]*"\s*:')
PAGES = b"<!doctype html", b"<html", b"<?xml"


def kind(beginning: bytes) -> Kind:
    """What can be read, by its first bytes; all that is nothing else is text."""
    if beginning.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if beginning.startswith(b"\x28\xb5\x2f\xfd") or (beginning[1:4] == b"\x2a\x4d\x18" and beginning[0] >> 4 == 5):
        return "zstd"  # the second is a frame that is skipped, with which some packers begin
    if beginning.startswith(b"PAR1") and binary(beginning[4:5]):
        return "parquet"
    if beginning.startswith(b"ARROW1\0\0"):
        return "arrow"
    return "arrow stream" if beginning.startswith(b"\xff\xff\xff\xff") else "text"


def binary(byte: bytes) -> bool:
    """Whether a byte, or nothing, is none that follows in a text: PAR1 may be the name of a column."""
    return not byte or byte[0] >= 0x80 or (byte[0] < 0x20 and byte not in b"\t\r\n")


def other(beginning: bytes) -> Problem | None:
    """What is wrong with a file that is of another kind, without its place; None of one that may be read."""
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return archive(beginning)
    if beginning[257:262] == b"ustar":
        return Problem("packed-file", "is a tar archive, and no table", UNPACK)
    if beginning.startswith(POINTER):
        return Problem("wrong-kind", "is a pointer of Git LFS, and not the file itself", "git lfs pull fetches it")
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES):
        return Problem("wrong-kind", "is a web page or XML, and no table", "download the file itself")
    if JSON.match(beginning):
        return Problem("wrong-kind", "is JSON, and no table that nnfit reads", AS_CSV)
    for each in OTHERS:
        if beginning.startswith(each.beginnings):
            return Problem(each.code, f"is {each.name}, and no table that nnfit reads", each.remedy)
    return None


def archive(beginning: bytes) -> Problem:
    """What is in a zip archive, as far as its first entry tells."""
    if b"[Content_Types].xml" in beginning or b"_rels/.rels" in beginning or b"xl/" in beginning[:100]:
        return Problem("wrong-kind", "is an Excel workbook (.xlsx), and no table that nnfit reads", "save it as CSV")
    if b"opendocument.spreadsheet" in beginning:
        return Problem("wrong-kind", "is a spreadsheet (.ods), and no table that nnfit reads", "save it as CSV")
    if b".npy" in beginning[30:100]:
        return Problem("wrong-kind", "is a NumPy archive (.npz), perhaps a model, and no table", "name the table")
    return Problem("packed-file", "is a zip archive, and no table", UNPACK)
