"""What predictions do not say by themselves: values that no training row is like, and predictions that were cut.

taken-as-zeros   a category that no training row has becomes zeros
filled           a missing cell where no training row misses one: what stands in for it is a guess
outside-range    a number or date outside the range of the training rows; the scales robust, clipped and quantile, and
                 bins, hardly tell how far outside, nor do steps and waves, beside which the value does
cut              a real prediction outside the range of the training rows, which training.clamp brings back
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data import dates
from nnfit.data.encoding import beyond, filled, unseen
from nnfit.data.feature import Feature
from nnfit.data.table import Table
from nnfit.data.target import Target, decode
from nnfit.errors import Problem
from nnfit.words import count, quoted, short

NAMED, REST = 5, "…"  # how many categories or rows a warning names, and what stands for all other categories


class End(NamedTuple):
    """Predictions that were cut at one end of the range: how many, and the first of them."""

    rows: int = 0
    first: tuple[str, ...] = ()

    def and_those(self, table: Table, cut: NDArray[np.bool_]) -> End:
        """With those of one more block."""
        rows = np.flatnonzero(cut)
        first = table.where(rows[: NAMED - len(self.first)])
        return End(self.rows + len(rows), (*self.first, *first))


class Remarks:
    """What is to be said of some predictions, gathered table by table in constant memory."""

    def __init__(self, features: tuple[Feature, ...], target: Target) -> None:
        self.features, self.target = features, target
        self.new: dict[str, Counter[str]] = {feature.name: Counter() for feature in features}
        self.filled = dict.fromkeys(self.new, 0)
        self.outside = dict.fromkeys(self.new, 0)
        self.ends = {name: (End(), End()) for name in target.columns if target.bounds}
        self.rows = 0
        self.noun = "line"

    def add(self, table: Table, y_hat: Array) -> None:
        """Look at the rows of a table and at the outputs (M, K, n) for them."""
        self.rows += table.n
        self.noun = table.noun
        for feature in self.features:
            merge(self.new[feature.name], unseen(feature, table))
            self.filled[feature.name] += filled(feature, table)
            self.outside[feature.name] += beyond(feature, table)
        if self.ends:
            free = decode(self.target._replace(bounds=()), y_hat.mean(axis=0, dtype=np.float64))
            for k, (name, (low, high)) in enumerate(self.ends.items()):
                least, most = self.target.bounds[k]
                self.ends[name] = low.and_those(table, free[:, k] < least), high.and_those(table, free[:, k] > most)

    def problems(self) -> Iterator[Problem]:
        """The warnings, one of each kind or column."""
        for name, categories in self.new.items():
            if categories:
                yield taken_as_zeros(name, categories)
        for feature in self.features:
            if rows := self.filled[feature.name]:
                message = f"column {quoted(feature.name)}: {count(rows, 'row')} with a missing cell, which no training"
                yield Problem("filled", f"{message} row has, taken as {stand_in(feature)}")
        outside = [f"{short(name)} ({count(rows, 'row')})" for name, rows in self.outside.items() if rows]
        if outside:
            listed = ", ".join(outside[:10]) + (", …" if len(outside) > 10 else "")
            yield Problem("outside-range", f"values outside the range of the training rows: {listed}")
        cut = [text for name in self.ends for text in [self.of_target(name)] if text]
        if cut:
            message = (
                f"predictions cut at the range of the training rows (training.clamp), of {count(self.rows, 'row')}"
            )
            yield Problem("cut", f"{message}: {'; '.join(cut[:10])}" + "; …" * (len(cut) > 10))

    def of_target(self, name: str) -> str:
        """How many predictions of a target were cut, at which end, and the first of them; nothing if none was."""
        bounds = self.target.bounds[self.target.columns.index(name)]
        parts = [
            f"{end.rows:,} at the {word}, {bound:.6g} ({self.noun}{'s' * (end.rows > 1)} "
            f"{', '.join(end.first)}{', …' * (end.rows > len(end.first))})"
            for word, bound, end in zip(("least", "greatest"), bounds, self.ends[name], strict=True)
            if end.rows
        ]
        several = f"{short(name)}: " if len(self.ends) > 1 and parts else ""
        return several + ", ".join(parts)


def stand_in(feature: Feature) -> str:
    """What stands in for a missing cell, in words."""
    fill = feature.fitted.flat[0]
    match feature.options.type:
        case "date":
            return dates.spelled(fill)
        case "boolean":
            return "true" if fill else "false"
    return f"{fill:.6g}"


def merge(counts: Counter[str], more: Counter[str]) -> None:
    """Add the rows of more categories; of those after the first few, which no message names, only the sum is kept."""
    for category, rows in more.items():
        counts[category if category in counts or len(counts) < NAMED else REST] += rows


def taken_as_zeros(name: str, categories: Counter[str]) -> Problem:
    """The warning about the categories of a column that no training row has, with their numbers of rows."""
    shown = ", ".join(quoted(label) if label else "a missing cell" for label in list(categories)[:NAMED])
    rows, more = count(categories.total(), "row"), ", …" if len(categories) > NAMED else ""
    message = f"column {quoted(name)}: {rows} with what no training row has, taken as zeros: {shown}{more}"
    return Problem("taken-as-zeros", message)
