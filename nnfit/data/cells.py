"""The cells of a column: numbers as float64, texts as codes into a list of labels; and what texts spell as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.dialect import Dialect
from nnfit.data.rows import number

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


class Text(NamedTuple):
    """A column of text: the cell of row i is labels[codes[i]]."""

    codes: Codes
    labels: tuple[str, ...]

    def rows(self, chosen: Rows) -> Text:
        """Some of the rows, with the labels that they have."""
        codes = self.codes[chosen]
        used = np.bincount(codes, minlength=len(self.labels)) > 0
        place = (np.cumsum(used) - 1).astype(np.int32)
        return Text(place[codes], tuple(label for label, kept in zip(self.labels, used, strict=True) if kept))

    def cells(self) -> NDArray[Any]:
        """The text of every row."""
        return np.array(self.labels, object)[self.codes]

    def among(self, known: dict[str, int]) -> Codes:
        """The codes by known labels, to which new ones are added."""
        place = np.array([known.setdefault(label, len(known)) for label in self.labels], np.int32)
        return place[self.codes]


def text_of(cells: Iterable[str]) -> Text:
    """A column of text from its cells; the labels in the order in which they are met."""
    known: dict[str, int] = {}
    codes = [known.setdefault(cell, len(known)) for cell in cells]
    return Text(np.array(codes, np.int32), tuple(known))


class NotFiniteError(ValueError):
    """A text is not a finite number."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(row)


def tokens(dialect: Dialect, name: str = "") -> set[float]:
    """The numbers that mean a missing cell of a column, however they are written."""
    spelled = (
        read for token in dialect.missing for read in (number(token, dialect.decimal), dialect.number(token, name))
    )
    return {value for value in spelled if value is not None}


def gapped(found: Floats, dialect: Dialect, name: str = "") -> tuple[Floats, Rows]:
    """Numbers that are some already, those that mean a missing cell as NaN in place; and the rows of infinite ones."""
    found[np.isin(found, list(tokens(dialect, name)))] = np.nan
    return found, np.flatnonzero(np.isinf(found))


def to_numbers(text: Text, dialect: Dialect, name: str = "") -> Floats:
    """The numbers that the texts of a column spell, as in `numbers_in`; a NotFiniteError where one spells none."""
    found, wrong = numbers_in(text, dialect, name)
    if len(wrong):
        raise NotFiniteError(int(wrong[0]))
    return found


def numbers_in(text: Text, dialect: Dialect, name: str = "") -> tuple[Floats, Rows]:
    """The numbers that the texts of a column spell, and the rows in which one spells none that is finite.

    They are exactly `float(text)` of plain ones, and NaN for missing cells and in those rows. A number that means a
    missing cell means it however it is written.
    """
    gaps, missing = set(dialect.gaps), tokens(dialect, name)
    values = np.full(len(text.labels), np.nan)
    wrong = []
    for code, label in enumerate(text.labels):
        if label not in gaps:
            value = dialect.number(label, name)
            if value is None or not np.isfinite(value):
                wrong.append(code)
            elif value not in missing:
                values[code] = value
    return values[text.codes], np.flatnonzero(np.isin(text.codes, wrong))


def plain_numbers(cells: Sequence[str]) -> Floats | None:
    """The numbers of a column where every cell is empty or one as `float` reads it, nothing else; else None.

    What is left once the marks of numbers are taken away is a word that `float` knows too, as nan, or a digit of
    another script.
    """
    if "".join(cells).translate(MARKS):
        return None
    try:
        found = np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None
    return None if np.isinf(found).any() else found


MARKS = str.maketrans("", "", "0123456789.+-eE \t")
