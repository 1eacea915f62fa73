"""Where a model is worst: the values of a column whose rows it gets wrong more than others, and the worst single rows.

A group of few rows is worst by chance sooner or later. So a slice is only named where its error is above that of all
rows even at the lower end of its 95 % interval, and those with the highest lower end come first. Of a hundred slices
two or three are named though all are alike; those that are sure are above even at the lower end of an interval that is
wide enough for as many slices as were looked at (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data import dates
from nnfit.data.cells import Rows as Indices
from nnfit.data.encoding import values
from nnfit.data.feature import Feature
from nnfit.data.scales import Floats
from nnfit.data.table import Table
from nnfit.data.target import Target, decide, decode
from nnfit.explain.losses import losses, weighted
from nnfit.explain.rows import Rows, apart, outputs, scale_of
from nnfit.scoring.comparison import sure

LEAST = 20  # rows of a slice
BINS, EACH = 10, 40  # at most so many slices of a column of numbers, of about so many rows at least


class Slice(NamedTuple):
    """The rows in which a column has a value, or one between two ("12.3 to 45", both inclusive), and their error.

    `low` and `high` are the ends of the 95 % interval of `value_of_metric` over the n rows; `rest` is the metric of all
    rows, these included. It is `sure` if it would stand out among as many slices as were looked at.
    """

    column: str
    value: str
    n: int
    metric: str
    value_of_metric: float
    low: float
    high: float
    rest: float
    sure: bool


class WorstRow(NamedTuple):
    """A row that the model gets wrong, by its number, from 1 in a file and from 0 in a frame, with its inputs.

    `error` is −log p of the true class, the mean over several 0/1 targets; or |y − ŷ| in the target's unit, of several
    targets the mean in units of their standard deviations.
    """

    row: int
    truth: str
    prediction: str
    error: float
    values: tuple[tuple[str, str], ...]


def slices(rows: Rows, most: int = 10, y_hat: Array | None = None) -> tuple[Slice, ...]:
    """The slices of single columns where the error is above that of all rows by more than chance, the worst first.

    The metric is the log-loss, or the root mean square error, of several targets in units of their standard deviations.
    Slices of fewer than 20 rows are not looked at; `y_hat` are the outputs of the rows, if they are known.
    """
    of_rows, _ = asked(rows, y_hat)
    w = np.ones(rows.n) if rows.w is None else rows.w
    whole, _ = weighted(of_rows, w)
    looked = [
        (feature.name, name, chosen)
        for feature in rows.model.features
        for name, chosen in groups(feature, rows.table)
        if LEAST <= len(chosen) < rows.n
    ]
    target = rows.model.target
    root, metric = target.task == "regression", "log_loss"
    if root:
        metric = "rmse" if len(target.columns) == 1 else "rmse in sd"
    found = []
    for column, name, chosen in looked:
        n = len(chosen)
        mean, error = weighted(of_rows[chosen], w[chosen])
        low, high = mean - sure(n) * error, mean + sure(n) * error
        if low > whole:
            value, low, high, rest = (float(np.sqrt(x)) if root else x for x in (mean, low, high, whole))
            surely = mean - sure(n, len(looked)) * error > whole
            found.append(Slice(column, name, n, metric, value, low, high, rest, surely))
    return tuple(sorted(found, key=lambda each: -each.low)[:most])


def groups(feature: Feature, table: Table) -> Iterator[tuple[str, Indices]]:
    """The slices of a column: their names, as the CSV has the values, and their rows; each row is in one."""
    gaps, words = table.missing(feature.name), feature.options.type in ("categorical", "boolean")
    if gaps.any():
        yield apart("missing", table.text(feature.name).labels if words else ()), np.flatnonzero(gaps)
    if words:
        text = table.text(feature.name)
        for code in np.unique(text.codes[~gaps]).tolist():
            yield text.labels[code], np.flatnonzero(text.codes == code)
        return
    x = values(feature.name, feature.options, table)
    known = x[~gaps]
    if not len(known):
        return
    bins = int(np.clip(len(known) // EACH, 2, BINS))
    distinct = np.unique(known)
    cuts = distinct[1:] if len(distinct) <= bins else np.quantile(known, np.arange(1, bins) / bins)
    place = np.where(gaps, -1, np.searchsorted(cuts, x, side="right"))
    for k in range(len(cuts) + 1):
        chosen = np.flatnonzero(place == k)
        if len(chosen):
            low, high = (worded(feature, float(end)) for end in (x[chosen].min(), x[chosen].max()))
            yield low if low == high else f"{low} to {high}", chosen


def worded(feature: Feature, value: float) -> str:
    """A number or date that a slice begins or ends with."""
    return dates.spelled(value) if feature.options.type == "date" else f"{value:.6g}"


def asked(rows: Rows, y_hat: Array | None, of: Callable[[Floats], Floats] = np.asarray) -> tuple[Floats, Floats]:
    """What each row adds to the metric, (n,), the mean over several targets, and the predictions.

    Of real targets that is a function of the squared errors, of several in units of their standard deviations.
    """
    target = rows.model.target
    with np.errstate(all="ignore"):
        prediction = decode(target, outputs(rows) if y_hat is None else y_hat)
        each = losses(target, rows.truth, prediction)
        if target.task == "regression":
            each = of(each / scale_of(rows) ** 2 if len(target.columns) > 1 else each)
    return np.asarray(each.mean(axis=1), np.float64), prediction


def worst_rows(rows: Rows, most: int = 10, y_hat: Array | None = None) -> tuple[WorstRow, ...]:
    """The rows with the largest error, the largest first; `y_hat` are the outputs of the rows, if they are known."""
    target = rows.model.target
    error, prediction = asked(rows, y_hat, np.sqrt)
    predicted = decide(target, prediction) if target.classes else prediction
    pairs = np.reshape(rows.truth, (rows.n, -1)), np.reshape(predicted, (rows.n, -1))
    found = []
    for row in np.argsort(-error, kind="stable")[:most].tolist():
        truth, told = (told_of(target, each[row].tolist()) for each in pairs)
        names = [feature.name for feature in rows.model.features]
        cells = tuple((name, rows.table.written(name, row) or "missing") for name in names)
        found.append(WorstRow(int(rows.numbers[row]), truth, told, float(error[row]), cells))
    return tuple(found)


def told_of(target: Target, each: list[float]) -> str:
    """What is true or predicted of a row, for each of the targets, as the CSV has it."""
    texts = [f"{value:.6g}" if not target.classes else target.classes[int(value)] for value in each]
    if len(target.columns) == 1:
        return texts[0]
    return ", ".join(f"{name} {text}" for name, text in zip(target.columns, texts, strict=True))
