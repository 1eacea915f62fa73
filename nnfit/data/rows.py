"""Cutting rows with Python's csv, where quotes may hold separators and line ends; and what a header may be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from nnfit.words import quoted

NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")

# The problems whose remedies name data.separator, data.encoding or data.missing: keys of a spec, which a file that is
# read for a model cannot have.
DIALECT_CODES = frozenset(
    {"mixed-column", "not-a-boolean", "not-a-date", "not-a-number", "nul-byte", "one-column", "wrong-encoding"}
)
# Code, message and remedy of what is found in two ways, of rows with quotes and of rows without.
LONE_RETURN = (
    "lone-return",
    "a carriage return stands alone",
    "put the cell in quotes, or end every line with a line feed",
)
BLANK_LINE = "blank-line", "a blank line stands between the rows", "remove it"
UNCLOSED, CLOSE = "unclosed-quote", "close it, or write it twice"
NO_HEADER, NAMES = "no-header", "a header with the names of the columns is needed"
UTF16 = b"\xff\xfe", b"\xfe\xff"


def undecodable(beginning: bytes) -> str:
    """What would do about a file that cannot be decoded, by how it begins."""
    other = ": utf-16" if beginning.startswith(UTF16) else " (latin-1 and cp1252 are common)"
    return f"save the file as UTF-8, or set data.encoding{other}"


def number(text: str, decimal: str = ".") -> float | None:
    """The number that a text spells, or None if it spells none; with another decimal mark, a point is no number."""
    if decimal != ".":
        text = text.replace(".", "?").replace(decimal, ".")
    return float(text) if NUMBER.fullmatch(text) else None


Fail = Callable[..., NoReturn]  # of a code, message, remedy, line and column; the last three may be left out


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
                fail(UNCLOSED, "a quote is opened in this row and never closed", CLOSE, line + newlines)
            if "field larger" in str(error):
                message = "a cell of more than 131,072 characters"
                fail("long-cell", message, "is a quote not closed?", line + newlines)
            message = f"cannot be cut into cells: {error}"
            fail("stray-quote", message, "write a quote within quotes twice", line + newlines)
        if returned:
            fail(*LONE_RETURN, line + newlines)
        end = consumed[0]
        added = data.count(b"\n", begin, end)
        yield Row(cells, line + newlines, end, line + newlines + added)
        newlines += added
        begin = end


def check_header(header: list[str], separator: str, fail: Fail) -> None:
    """Refuse a header that does not name every column once, or that another separator would cut."""
    if not header:
        fail(NO_HEADER, "the first line is blank", NAMES, 1)
    others = [mark for mark in ";\t|," if mark != separator and mark in header[0]]
    if len(header) == 1 and others:
        shown = others[0].replace("\t", "\\t")
        remedy = f'if "{shown}" separates the cells, set data.separator: "{shown}"'
        fail("one-column", f"one column only, {quoted(header[0])}", remedy, 1)
    for position, name in enumerate(header, 1):
        if not name:
            fail("no-name", "this column has no name", "give every column one", 1, position)
    seen: set[str] = set()
    for position, name in enumerate(header, 1):
        if name in seen:
            message = f"the column name {quoted(name)} is given twice"
            fail("given-twice", message, "rename one of them", 1, position)
        seen.add(name)
    if all(NUMBER.fullmatch(name) for name in header):
        fail(NO_HEADER, "the first row holds only numbers", NAMES, 1)
