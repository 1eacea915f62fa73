"""The input encoding φ(x): how each column becomes inputs of the network, fitted on the training rows alone.

numeric      (x − mean) / sd, population standard deviation; a missing cell becomes the median, and one more
             input says 1 where it was missing, if any training row misses it
categorical  one input per category of the training rows, 1 for the row's own; a missing cell is a category
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data.table import Table, numbers, quoted
from nnfit.errors import DataError, Problem


class Feature(NamedTuple):
    """One column and what was fitted to it."""

    name: str
    type: str
    scale: str = "standard"
    mean: float = 0.0
    sd: float = 1.0
    fill: float = 0.0
    indicator: bool = False
    categories: tuple[str, ...] = ()

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs it becomes."""
        if self.type == "numeric":
            return [self.name] + ([f"{self.name} is missing"] if self.indicator else [])
        return [f"{self.name}={category}" if category else f"{self.name} is missing" for category in self.categories]


def fit_numeric(table: Table, name: str, scale: str) -> Feature:
    """Mean, standard deviation and median of the training rows; a constant column keeps its scale."""
    x = numbers(table, name)
    missing = np.isnan(x)
    known = x[~missing]
    fill = float(np.median(known)) if len(known) else 0.0
    mean, sd = 0.0, 1.0
    if scale == "standard":
        mean, sd = moments(np.where(missing, fill, x))
    return Feature(name, "numeric", scale, mean, sd, fill, bool(missing.any()))


def moments(x: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and population standard deviation, the latter 1 for a column that is constant up to rounding."""
    mean = float(x.mean())
    sd = float(np.sqrt(np.mean((x - mean) ** 2)))
    return mean, sd if sd > 1e-12 * max(1.0, abs(mean)) else 1.0


def fit_categorical(table: Table, name: str) -> Feature:
    """The categories of the training rows, sorted; the empty text stands for a missing cell."""
    return Feature(name, "categorical", categories=tuple(sorted(set(texts(table, name)))))


def texts(table: Table, name: str) -> NDArray[np.object_]:
    """The cells of a categorical column, every missing one as the empty text."""
    return np.where(table.missing(name), "", table.columns[name])


def encode(features: tuple[Feature, ...], table: Table, dtype: str, unknown: str = "error") -> Array:
    """X (n, N₁ + 1): the rows of a table as inputs, with ones in column 0 for the bias unit.

    A category that no training row has is a DataError that lists the values and lines, or zeros with unknown="zero".
    """
    table.require([feature.name for feature in features], "columns")
    X = np.ones((table.n, 1 + sum(len(feature.inputs) for feature in features)), dtype)
    strange: list[Problem] = []
    column = 1
    for feature in features:
        width = len(feature.inputs)
        block = X[:, column : column + width]
        if feature.type == "numeric":
            x = numbers(table, feature.name)
            missing = np.isnan(x)
            block[:, 0] = (np.where(missing, feature.fill, x) - feature.mean) / feature.sd
            if feature.indicator:
                block[:, 1] = missing
        else:
            place = {category: k for k, category in enumerate(feature.categories)}
            index = np.array([place.get(cell, -1) for cell in texts(table, feature.name)], np.intp)
            block[:] = index[:, None] == np.arange(width)
            if unknown == "error" and (index < 0).any():
                strange.append(unseen(feature, table, np.flatnonzero(index < 0)))
        column += width
    if strange:
        raise DataError(*strange)
    return X


def unseen(feature: Feature, table: Table, rows: NDArray[np.intp]) -> Problem:
    """The problem of categories that the training rows do not have."""
    cells = texts(table, feature.name)
    values = list(dict.fromkeys(quoted(cells[row]) if cells[row] else "a missing cell" for row in rows))
    lines = ", ".join(str(table.line(int(row))) for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    message = (
        f'column "{feature.name}": no training row has {", ".join(values[:5])}{more} (lines {lines}); '
        "correct the cells, or accept them as zeros with --unknown zero"
    )
    return Problem(message, table.file, table.line(int(rows[0])))
