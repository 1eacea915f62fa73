"""Columns that name the rows and say nothing else of them: numbers that count them, codes, free text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from nnfit.data.cells import Floats, Text

FREE = 0.8  # of the rows have a text that no other has: free text
FEW = 20  # with fewer rows, different values are no surprise
DENSE = 10  # numbers that rise with the rows, and of which at least one in so many is there, count them
# The words of a name that say what it is; those of the second kind only at its end.
NAMES = {"id", "ids", "uid", "uuid", "guid", "oid", "rowid", "rownum", "pk", "lfd", "kennung", "unnamed", "identifier"}
ENDS = {"nr", "no", "num", "number", "nummer", "key", "row"}
WHOLE = {"index", "idx", "no", "nr", "number", "row", "key"}
GLUED = re.compile(
    "(customer|user|passenger|order|patient|product|record|case|sample|client|student|employee|person|item|transaction"
    "|account|session|event|object|subject|member|invoice|ticket|document|house|loan)(id|no|nr)|.*nummer"
)
TIME = {
    *("year", "years", "yr", "jahr", "date", "datum", "time", "zeit", "timestamp", "month", "monat", "week", "woche"),
    *("day", "tag", "hour", "stunde", "minute", "second", "age", "alter", "epoch", "quarter", "quartal", "t"),
}


def words_of(name: str) -> list[str]:
    """The words of a name: passengerId, PASSENGER_ID and Passenger Id are passenger and id."""
    return [word.lower() for word in re.findall(r"[^\W\d_a-z]+(?![a-z])|[^\W\d_]?[^\W\d_A-Z]+|[^\W\d_]+", name)]


def says_identifier(name: str) -> bool:
    """Whether a name says that the column identifies the rows."""
    words = words_of(name)
    if not words:
        return False
    glued = any(GLUED.fullmatch(word) for word in words)
    return glued or not NAMES.isdisjoint(words) or (words[-1] in (WHOLE if len(words) == 1 else ENDS))


def identifier(name: str, column: Floats | Text, gaps: Sequence[str]) -> str | None:
    """Why a column is taken for an identifier or free text; None if it is not.

    Numbers must be whole and differ in every row: then the name says it, or they count the rows one by one, or they
    rise (or fall) with the rows, with gaps of all sizes. A column of time may count without being one.
    """
    if isinstance(column, Text):
        return of_text(column, gaps)
    gap = np.isnan(column)
    known = column[~gap]
    named = says_identifier(name)
    if len(known) < (3 if named else FEW) or not (known == np.floor(known)).all():
        return None
    different = len(np.unique(known))
    if named and different >= 0.9 * len(known):
        return "another whole number in every row, and its name, say that it is an identifier"
    if gap.any() or different < len(known) or not TIME.isdisjoint(words_of(name)):
        return None
    span = float(known.max()) - float(known.min()) + 1
    if span == len(known):
        return "another whole number in every row, without a gap, like an identifier"
    if span <= DENSE * len(known) and in_order(known) and len(np.unique(np.diff(known))) > 1:
        return "another whole number in every row, in their order, like an identifier"
    return None


def in_order(values: Floats) -> bool:
    """Whether numbers rise, or fall, from each row to the next."""
    before, after = values[:-1], values[1:]
    return len(values) > 1 and bool((after > before).all() or (after < before).all())


def of_text(column: Text, gaps: Sequence[str]) -> str | None:
    """Why a column of texts is taken for an identifier or free text."""
    counts = np.bincount(column.codes, minlength=len(column.labels))
    known = [code for code, label in enumerate(column.labels) if label not in gaps]
    rows, single = int(counts[known].sum()), int((counts[known] == 1).sum())
    if rows < FEW or single < FREE * rows:
        return None
    sample = [column.labels[code] for code in known[:200]]
    if sum(" " in label.strip() for label in sample) > len(sample) / 2:
        return f"free text: {single:,} of {rows:,} rows have one of their own"
    if single == rows:
        return "another text in every row, like an identifier"
    return f"nearly all of its texts differ: {single:,} of {rows:,} rows have one of their own"
