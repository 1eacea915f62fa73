"""Partial dependence: the mean prediction over the rows when a column has the same value in all of them.

    f_j(v) = mean_i ŷ(x⁽ⁱ⁾ with column j = v)

and the lines f_j⁽ⁱ⁾(v) = ŷ(x⁽ⁱ⁾ with column j = v) of single rows, which show what a mean hides. Sources: Friedman
2001, "Greedy function approximation", section 8.2; Goldstein et al. 2015, "Peeking inside the black box". A value is
put into every row, likely or not: where columns go together, some of these rows are like none that there is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data import dates
from nnfit.data.encoding import encode_values, values
from nnfit.data.feature import Categories, Feature
from nnfit.data.scales import Floats
from nnfit.data.split import draw, strata
from nnfit.data.table import Table
from nnfit.errors import DataError, Problem
from nnfit.explain.rows import Rows, affordable, apart, columns_of, predictions, sampled, scale_of
from nnfit.progress import tracked
from nnfit.words import nearest, quoted, short

POINTS = 40
WORK = 8e9  # multiplications for a column: about a second
FEWEST, MOST = 200, 2000  # rows that the mean is over, if there are so many
LINES, BINS = 50, 30
OUTPUTS = 12  # that a picture can show
ENDS = 0.05, 0.95  # of the grid, as shares of the rows


class Dependence(NamedTuple):
    """What the predictions do when one column is moved and all others stay.

    `grid` (G,) holds the values of the column: numbers, days since 1970-01-01 (`dates`), or categories and truth values
    as the CSV spells them (not `numeric`). `mean` (K, G) is the partial dependence of each of the `outputs`, classes
    (of two the second) or targets: probabilities, or values in the target's unit. `lines` (≤ 50, G) are those of single
    rows, of the output `shown`. `counts` are the rows in each bin between `edges`, within the grid, or with each
    category. The mean is over `rows` of the `of` rows; the counts are of all.
    """

    column: str
    numeric: bool
    grid: tuple[float, ...] | tuple[str, ...]
    outputs: tuple[str, ...]
    mean: Floats
    lines: Floats
    shown: int
    edges: Floats
    counts: NDArray[np.intp]
    rows: int
    of: int
    dates: bool

    def moving(self, most: int) -> Dependence:
        """So many of the outputs alone, those whose mean moves most, in their order, that of the lines among them."""
        if len(self.outputs) <= most:
            return self
        reach = np.ptp(self.mean, axis=1)
        reach[self.shown] = np.inf
        kept = np.sort(np.argsort(-reach, kind="stable")[:most])
        names = tuple(self.outputs[k] for k in kept)
        return self._replace(outputs=names, mean=self.mean[kept], shown=int(np.searchsorted(kept, self.shown)))

    @property
    def labels(self) -> tuple[str, ...]:
        """The grid as people read it."""
        if self.dates:
            return tuple(dates.spelled(float(day)) for day in self.grid)
        return tuple(value if isinstance(value, str) else f"{value:.4g}" for value in self.grid)


class Levels(NamedTuple):
    """The values that a column is given, their inputs (G, width), and how many rows have which."""

    numeric: bool
    grid: tuple[float, ...] | tuple[str, ...]
    inputs: Array
    edges: Floats
    counts: NDArray[np.intp]


def dependence(rows: Rows, column: str, points: int = POINTS, seed: int = 0) -> Dependence:
    """The partial dependence of the predictions on a column of the CSV, with lines of single rows.

    Numbers and dates: so many points, equally spaced between the 5th and the 95th percentile of the rows, or the values
    themselves if they are fewer. Categories: those of the training rows, the most frequent if they are more. The mean
    is over a sample, alike in the target, if all rows would take too long. A DataError for a column that the model does
    not read.
    """
    model, target = rows.model, rows.model.target
    feature = next((feature for feature in model.features if feature.name == column), None)
    if feature is None:
        message, remedy = f"the model reads no column {quoted(column)}", nearest(column, model.kinds)
        raise DataError(Problem("missing-column", message, remedy))
    numbers = not isinstance(feature.fitted, Categories) and feature.options.type != "boolean"
    levels = (of_numbers if numbers else of_words)(feature, rows.table, points, model.spec.network.dtype)
    block, G = columns_of(model)[column], len(levels.grid)
    part = sampled(rows, affordable(rows, G, WORK, FEWEST, MOST), seed)
    rng = np.random.default_rng([seed, 1])
    few = min(LINES, part.n)
    chosen = np.arange(part.n) if few == part.n else draw(part.n, few / part.n, strata(part.truth), rng)
    first = int(target.task == "binary")
    names = target.classes[first:] if target.classes and target.task != "multilabel" else target.columns
    mean, each = np.empty((len(names), G)), np.empty((few, G, len(names)))
    X = np.array(part.X)
    for g, inputs in enumerate(tracked(levels.inputs, f"dependence on {short(column)}")):
        X[:, block] = inputs
        found = predictions(part, X)[:, first:]
        mean[:, g], each[:, g] = found.mean(axis=0), found[chosen]
    shown = int(np.argmax(np.ptp(mean, axis=1) / scale_of(part)[first:]))
    is_date = numbers and feature.options.type == "date"
    return Dependence(
        column,
        levels.numeric,
        levels.grid,
        names,
        mean,
        each[:, :, shown],
        shown,
        levels.edges,
        levels.counts,
        part.n,
        rows.n,
        is_date,
    )


def of_numbers(feature: Feature, table: Table, points: int, dtype: str) -> Levels:
    """The grid of numbers or dates, as scikit-learn's partial_dependence has it."""
    x = values(feature.name, feature.options, table)
    known = np.sort(x[~np.isnan(x)])
    if not len(known):
        known = np.array(feature.fitted.flat[1:3])  # the range of the training rows
    grid = np.unique(known)
    if len(grid) >= points:
        low, high = (percentile(known, share) for share in ENDS)
        if not high > low:
            low, high = float(grid[0]), float(grid[-1])
        days = feature.options.type == "date" and (known == np.floor(known)).all() and high - low > points
        grid = np.linspace(low, high, points)
        grid = np.unique(np.round(grid)) if days else grid
    inputs = np.empty((len(grid), len(feature.inputs)), dtype)
    encode_values(feature, grid, inputs)
    ends = (grid[0], grid[-1]) if grid[-1] > grid[0] else (grid[0] - 0.5, grid[0] + 0.5)
    counts, edges = np.histogram(x[~np.isnan(x)], BINS, ends)
    return Levels(True, tuple(grid.tolist()), inputs, edges.astype(np.float64), counts.astype(np.intp))


def percentile(known: Floats, share: float) -> float:
    """The value below which a share of sorted values (n,) lies: linear, at the place n p + 0.4 + 0.2 p from 1 on.

    Source: Cunnane 1978; scipy's mquantiles, by which scikit-learn makes its grid.
    """
    place = len(known) * share + 0.4 + 0.2 * share
    k = int(np.clip(np.floor(place), 1, max(1, len(known) - 1)))
    rest = float(np.clip(place - k, 0, 1))
    return float((1 - rest) * known[k - 1] + rest * known[min(k, len(known) - 1)])


def of_words(feature: Feature, table: Table, points: int, dtype: str) -> Levels:
    """The categories, or the two truth values, of the training rows, and what the CSV calls them."""
    text, gaps = table.text(feature.name), {*table.dialect.gaps}
    used = np.bincount(text.codes, minlength=len(text.labels)).tolist()
    counts: dict[str, int] = {}
    for label, count in zip(text.labels, used, strict=True):
        label = "" if label in gaps else label
        counts[label] = counts.get(label, 0) + count
    if isinstance(feature.fitted, Categories):
        own, merged = feature.fitted
        found = [(label or apart("missing", own), counts.get(label, 0)) for label in own]
        if merged:
            found.append((apart("rare", own), sum(counts.get(label, 0) for label in merged)))
        inputs = np.eye(len(found), dtype=dtype)
    else:
        found, x = truth_values(feature, table, counts)
        inputs = np.empty((len(x), len(feature.inputs)), dtype)
        encode_values(feature, x, inputs)
    most = sorted(range(len(found)), key=lambda i: -found[i][1])[:points]
    kept = sorted(most)
    grid, rows = tuple(found[i][0] for i in kept), np.array([found[i][1] for i in kept], np.intp)
    return Levels(False, grid, inputs[kept], np.empty(0), rows)


def truth_values(feature: Feature, table: Table, counts: dict[str, int]) -> tuple[list[tuple[str, int]], Floats]:
    """False and true, as the CSV spells them most often, and a missing cell if training had one; and their numbers."""
    found = []
    x = values(feature.name, feature.options, table)
    text = table.text(feature.name)
    for value, word in enumerate(("false", "true")):
        spellings = {text.labels[code] for code in np.unique(text.codes[x == value]).tolist()}
        best = min(spellings, key=lambda label: (-counts[label], label), default=word)
        found.append((best, int((x == value).sum())))
    if feature.indicator:
        found.append((apart("missing", [label for label, _ in found]), int(np.isnan(x).sum())))
    return found, np.array([0.0, 1.0, np.nan])[: len(found)]
