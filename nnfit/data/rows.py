"""Cutting rows with Python's csv, where quotes may hold separators and line ends; and what a header may be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from nnfit.errors import short

NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")

LONE_RETURN = "a carriage return stands alone; put the cell in quotes, or end every line with a line feed"
# How files that are no CSV, or none in UTF-8, begin; and what would do.
BEGINNINGS = {
    b"\x1f\x8b": "this is a gzip file: unpack it first",
    b"PK\x03\x04": "this is a zip file or a spreadsheet: unpack it, or save it as CSV, first",
    b"BZh": "this is a bzip2 file: unpack it first",
    b"\xfd7zXZ": "this is an xz file: unpack it first",
    b"\x28\xb5\x2f\xfd": "this is a zstd file: unpack it first",
    b"\xff\xfe": "save the file as UTF-8, or set data.encoding: utf-16",
    b"\xfe\xff": "save the file as UTF-8, or set data.encoding: utf-16",
}


def undecodable(beginning: bytes) -> str:
    """What would do for a file that cannot be decoded, by how it begins."""
    for magic, remedy in BEGINNINGS.items():
        if beginning.startswith(magic):
            return remedy
    return "save the file as UTF-8, or set data.encoding (latin-1 and cp1252 are common)"


def number(text: str, decimal: str = ".") -> float | None:
    """The number that a text spells, or None if it spells none; with another decimal mark, a point is no number."""
    if decimal != ".":
        text = text.replace(".", "?").replace(decimal, ".")
    return float(text) if NUMBER.fullmatch(text) else None


Fail = Callable[..., NoReturn]


class Row(NamedTuple):
    """A row that Python's csv cut: its cells, its line, the byte after it, and the line after it."""

    cells: list[str]
    line: int
    end: int
    next_line: int


def csv_rows(data: bytes, separator: str, fail: Fail, line: int, partial: bool, most: int = -1) -> Iterator[Row]:
    """The rows in some bytes; with `partial`, the last may be unfinished and is then left out."""
    consumed: list[int] = [0]
    if partial:
        data = data[: data.rfind(b"\n") + 1]  # what follows may be the beginning of a row

    returned = False

    def source() -> Iterator[str]:
        nonlocal returned
        for text in io.StringIO(data.decode("utf-8", "surrogatepass"), newline=""):
            consumed[0] += len(text.encode("utf-8", "surrogatepass"))
            returned = text.endswith("\r")
            yield text

    reader = csv.reader(source(), delimiter=separator, strict=True)
    newlines = 0
    begin = 0
    while most:
        most -= 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                if partial:
                    return
                fail("a quote is opened in this row and never closed; close it, or write it twice", line + newlines)
            if "field larger" in str(error):
                fail("a cell of more than 131,072 characters; is a quote not closed?", line + newlines)
            fail(f"cannot be cut into cells: {error}; write a quote within quotes twice", line + newlines)
        if returned:
            fail(LONE_RETURN, line + newlines)
        end = consumed[0]
        added = data.count(b"\n", begin, end)
        yield Row(cells, line + newlines, end, line + newlines + added)
        newlines += added
        begin = end


def check_header(header: list[str], separator: str, fail: Fail) -> None:
    """Refuse a header that does not name every column once, or that another separator would cut."""
    if not header:
        fail("the first line is blank; a header with the names of the columns is needed", 1)
    others = [mark for mark in ";\t|," if mark != separator and mark in header[0]]
    if len(header) == 1 and others:
        shown = others[0].replace("\t", "\\t")
        fail(
            f'one column only, {quoted(header[0])}; if "{shown}" separates the cells, set data.separator: "{shown}"', 1
        )
    for position, name in enumerate(header, 1):
        if not name:
            fail("this column has no name; give every column one", 1, position)
    seen: set[str] = set()
    for position, name in enumerate(header, 1):
        if name in seen:
            fail(f"the column name {quoted(name)} is given twice; rename one of them", 1, position)
        seen.add(name)
    if all(NUMBER.fullmatch(name) for name in header):
        fail("the first row holds only numbers; a header with the names of the columns is needed", 1)


def quoted(text: str) -> str:
    """Text of a user as a message shows it: in quotes, control characters escaped, shortened."""
    return f'"{short(text)}"'
