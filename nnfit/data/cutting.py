"""Cutting a text into whole rows: as many cells in each as the header has, and no blank line but at the end.

What is wrong stands behind the rows that come before it, which are read first: the same whatever the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.rows import BLANK_LINE, LONE_RETURN, Fail, csv_rows
from nnfit.errors import DataError
from nnfit.words import count

Lines = NDArray[np.int64]


class Rows(NamedTuple):
    """The text of whole rows, and the line in which each begins; then what is wrong, or the first blank line."""

    data: bytes
    lines: Sequence[int] | Lines
    problem: DataError | None = None
    blank: int = 0  # the line, if blank ones follow, which may only end the file


def plain_rows(data: bytes, first: int, width: int, separator: str, fail: Fail) -> Rows:
    """Rows without quotes: one line each, as many separators in every one."""
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == 10)
    lengths = np.diff(ends, prepend=-1) - 1
    returns = b"\r" in data
    if returns:
        lengths -= characters[ends - 1] == 13
    separators = np.flatnonzero(characters == ord(separator))
    wrong: list[tuple[int, int, tuple[str, str, str]]] = []  # row, order, and what is wrong there
    if returns and data.count(b"\r") != data.count(b"\r\n"):
        at = next(match.start() for match in re.finditer(rb"\r(?!\n)", data))
        wrong.append((data.count(b"\n", 0, at), 0, LONE_RETURN))
    blank = np.flatnonzero(lengths <= 0)
    kept = int(blank[0]) if len(blank) else len(ends)
    if kept < len(ends) and (lengths[kept:] > 0).any():
        wrong.append((kept, 1, BLANK_LINE))
    if not regular(separators, ends, width - 1):
        counts = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
        uneven = np.flatnonzero(counts[:kept] != width)
        if len(uneven):
            wrong.append((int(uneven[0]), 2, ragged(int(counts[uneven[0]]), width)))
    problem = None
    if wrong:
        row, _, what = min(wrong)
        kept = min(kept, row)
        problem = failure(fail, *what, first + row)
    after = first + kept if problem is None and kept < len(ends) else 0
    rows = data if kept == len(ends) else data[: int(ends[kept - 1]) + 1 if kept else 0]
    return Rows(rows, range(first, first + kept), problem, after)


def regular(separators: Lines, ends: Lines, each: int) -> bool:
    """Whether every line has as many separators: the last of each lies in it, and the first after the line before."""
    if not each or len(separators) != each * len(ends):
        return len(separators) == each * len(ends)
    rows = separators.reshape(-1, each)
    return bool((rows[:, -1] < ends).all() and (rows[1:, 0] > ends[:-1]).all())


def quoted_rows(data: bytes, first: int, width: int, separator: str, fail: Fail, partial: bool) -> tuple[Rows, int]:
    """Rows with quotes, and the line after them: Python's csv cuts them, since a quoted cell may hold anything.

    With `partial` more is to come, and what is no whole row, or blank lines at the end, is left.
    """
    lines: list[int] = []
    end = blank = 0
    problem = None
    try:
        for row in csv_rows(data, separator, fail, first, partial):
            if not row.cells:
                blank = blank or row.line
                continue
            if blank:
                break
            if len(row.cells) != width:
                fail(*ragged(len(row.cells), width), row.line)
            lines.append(row.line)
            end, first = row.end, row.next_line
        else:
            after = 0 if partial else blank
            return Rows(data[:end], np.array(lines, np.int64), None, after), first
    except DataError as error:
        problem = error
    if blank:  # whatever is wrong behind it is more than blank lines
        problem = failure(fail, *BLANK_LINE, blank)
    return Rows(data[:end], np.array(lines, np.int64), problem), first


def ragged(cells: int, width: int) -> tuple[str, str, str]:
    """What is wrong with a row that has another number of cells than the header has."""
    remedy = (
        "a cell that holds the separator needs quotes"
        if cells > width
        else "write a separator for every empty cell too"
    )
    return "ragged-row", f"{count(cells, 'cell')}, but the header has {count(width, 'column')}", remedy


def failure(fail: Fail, code: str, message: str, remedy: str, line: int) -> DataError:
    """The error that `fail` raises."""
    try:
        fail(code, message, remedy, line)
    except DataError as error:
        return error
