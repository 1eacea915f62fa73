"""A column that can be learnt from: what is known of it, how many inputs it becomes, and which categories share one.

Every input costs a row of weights, and memory for every row: so of very many categories only the frequent ones have an
input of their own, those of all columns counted together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.config.recipe import STEPS, Bend
from nnfit.data import dates
from nnfit.data.cells import Floats, Text

RARE = 5  # of a column of many categories, those with fewer rows share an input
MANY = 50  # categories, from which on the rare ones do
KNOWN = 1000  # no column has more categories of its own
TOGETHER = 2000  # all columns have no more
ROOM = 100_000_000  # rows times categories, 0.4 GB

NONE = np.empty(0, np.int64)


class Column(NamedTuple):
    """A column that can be learnt from: its cells as they are read, its type, and the keys that say how."""

    cells: Floats | Text
    type: str
    keys: Mapping[str, Any]
    text: str  # what is in it, for a comment
    special: bool  # whether a spec must say so: the type that is inferred would be another, or other keys hold
    gaps: bool = False  # whether a cell is missing
    counts: NDArray[np.int64] = NONE  # the rows of each category, a missing cell being one; none of other types
    values: int = 0  # how many numbers are different; none of other types

    @property
    def bends(self) -> bool:
        """Whether it is numbers of more than two values, so that a network can bend between them."""
        return self.values > 2

    @property
    def few(self) -> bool:
        """Whether it is numbers of so few values that steps tell each from all others."""
        return self.bends and self.values <= STEPS + 1

    def expanded(self, bend: Bend) -> dict[str, int | float]:
        """The keys that put steps and waves beside it: beside few values no waves, where steps tell all of them."""
        if not self.bends:
            return {}
        return (bend._replace(waves=0) if self.few and bend.steps else bend).keys

    @property
    def inputs(self) -> int:
        """How many inputs it becomes, without what may stand beside a number."""
        if self.type == "categorical":
            own = self.counts >= self.keys.get("min_count", 1)
            return int(own.sum()) + (not own.all())
        return (len(dates.NAMES) if self.type == "date" else 1) + self.gaps

    @property
    def merged(self) -> float:
        """The share of the rows whose categories are too rare for an input of their own."""
        few = self.counts[self.counts < self.keys.get("min_count", 1)]
        return float(few.sum() / self.counts.sum()) if len(few) else 0.0


def least_count(counts: NDArray[np.int64], most: int, least: int) -> int:
    """The smallest number of rows, at least `least`, that no more categories than `most` have."""
    if (counts >= least).sum() <= most:
        return least
    return int(np.sort(counts)[-most - 1]) + 1 if most else int(counts.max()) + 1


def own_count(counts: NDArray[np.int64]) -> int | None:
    """The rows below which the categories of a column share an input; None where each has its own."""
    return least_count(counts, KNOWN, RARE) if len(counts) > MANY else None


def merged(columns: Mapping[str, Column], rows: int) -> dict[str, Column]:
    """The columns, the rarest of their categories merged until all have no more inputs than there is room for."""
    most = max(MANY, min(TOGETHER, ROOM // rows))
    own = [column.counts[column.counts >= column.keys.get("min_count", 1)] for column in columns.values()]
    least = least_count(np.concatenate([NONE, *own]), most, 1)
    if least == 1:
        return dict(columns)
    return {name: with_min_count(column, least) for name, column in columns.items()}


def with_min_count(column: Column, least: int) -> Column:
    """The column, with so many rows at least for a category of its own."""
    if not (column.counts < least).any() or column.keys.get("min_count", 1) >= least:
        return column
    return column._replace(keys={**column.keys, "min_count": least}, special=True)
