"""What a page is made of, before it is HTML: sections of sentences, tables of numbers, and pictures beside theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from nnfit.words import digits

WIDE = 1.9  # times its height


class Cells(NamedTuple):
    """A table of texts under its header, some columns of `words`; `sortable` by a click, or `folded` until one."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[bool, ...]
    sortable: bool = False
    folded: bool = False


class Shown(NamedTuple):
    """A picture: what it is, what to see in it, the SVG, and the numbers behind it."""

    name: str
    title: str
    text: str
    svg: str
    cells: tuple[Cells, ...] = ()
    whole: bool = False

    @property
    def wide(self) -> bool:
        """Whether it takes a line for itself: it is to be, or so much wider than high."""
        if self.whole:
            return True
        box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', self.svg[:2000])
        return box is not None and float(box[1]) > WIDE * float(box[2])


class Slider(NamedTuple):
    """What a reader may try: at each threshold the rows of the second class, and the others, at or above it."""

    name: str
    other: str
    threshold: float
    tp: tuple[float, ...]
    fp: tuple[float, ...]
    positives: float
    negatives: float


class Doubt(NamedTuple):
    """Something to be careful about, and what would do; `loud` ones stand out."""

    message: str
    remedy: str
    loud: bool = False


class Section(NamedTuple):
    """A part of the page with an anchor: sentences, doubts, tables, a slider, pictures, tables after them, code."""

    name: str
    title: str
    text: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    cells: tuple[Cells, ...] = ()
    shown: tuple[Shown, ...] = ()
    after: tuple[Cells, ...] = ()
    slider: Slider | None = None
    code: tuple[tuple[str, str], ...] = ()  # each with its caption
    folded: bool = False


class Page(NamedTuple):
    """All of it, under its title."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[object]], **more: bool) -> Cells:
    """A table, its numbers with four digits; None is an empty cell."""
    body = tuple(tuple(map(cell, row)) for row in rows)
    words = tuple(any(text[:1].isalpha() for text in column) for column in zip(*body, strict=True))
    return Cells(caption, tuple(header), body, words or (False,) * len(header), **more)


def cell(value: object) -> str:
    """A cell as text: counts as they are, other numbers with four digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if value is None or value != value:  # what is not a number is not there
        return ""
    return digits(value) if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """A share of the rows in percent, of which a digit after the point says enough."""
    return f"{100 * share:.1f} %"
