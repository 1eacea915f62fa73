"""Labelled rows, encoded once for all that is asked of them, and the part of the inputs that each column becomes.

A question about a column is asked of the network by changing that part: to permute the encoded cells of a column is to
permute its cells and encode them. Many rows are asked in a sample, whose size follows from what a pass takes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Encoded
from nnfit.core.network import predict
from nnfit.core.parameter import Array
from nnfit.data import cells
from nnfit.data.scales import Floats
from nnfit.data.split import draw, strata
from nnfit.data.table import Table
from nnfit.data.target import Labels, decode, truth
from nnfit.errors import DataError, Place, Problem
from nnfit.model.model import Model, refuse_overflow

# What a row takes of one member, in multiplications: its P weights once, each σ like a hundred, metrics a few thousand.
SIGMA, METRICS = 100, 2000


class Rows(NamedTuple):
    """Labelled rows of a table and what is asked of them.

    X (n, N₁ + 1) as the network takes them; `truth` as `data.target.truth` gives it; w (n,) their weights in metrics,
    if `training.weighted_metrics`; `speak` (M, n) which members may speak of which row, as they did not learn from it,
    or None: all; `numbers` (n,) the rows as people count them, from 1 in a file and from 0 in a frame.
    """

    model: Model
    table: Table
    X: Encoded
    truth: Floats | Labels
    w: Floats | None
    speak: NDArray[np.bool_] | None
    numbers: NDArray[np.intp]

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.X)


def rows_of(
    model: Model,
    table: Table,
    speak: NDArray[np.bool_] | None = None,
    unknown: str | None = None,
    numbers: NDArray[np.intp] | None = None,
) -> Rows:
    """The rows of a table, as it was read, with the columns `model.labelled_kinds`.

    Left out are rows without a target, if the spec says so, and rows that no member may speak of. `numbers` are those
    of the rows, if the table is not a whole file. A DataError where `Model.evaluation` raises one, and if no row is
    left.
    """
    if numbers is None:
        numbers = np.arange(table.n) + (not table.of_frame)
    whole = table
    table, _ = model.labelled(whole)
    kept = np.searchsorted(whole.lines, table.lines)
    if speak is not None:
        heard = speak[:, kept].any(axis=0)
        if not heard.any():
            message = "the model has learnt from every row, and no member is left that could speak of one"
            raise DataError(Problem("no-rows", message, place=Place(whole.file)))
        if not heard.all():
            kept, table = kept[heard], table.rows(np.flatnonzero(heard))
        speak = speak[:, kept]
    expected = truth(model.target, table)
    w = model.weights(table, expected) if model.spec.training.weighted_metrics else None
    return Rows(model, table, model.encoded(table, unknown), expected, w, speak, numbers[kept])


def columns_of(model: Model) -> dict[str, slice]:
    """For each column of the CSV that the model reads, which columns of X it becomes."""
    found, start = {}, 1
    for feature in model.features:
        end = start + len(feature.inputs)
        found[feature.name] = slice(start, end)
        start = end
    return found


def of_members(rows: Rows, X: Encoded | None = None) -> Array:
    """ŷ (M, K, n) of each member, for the rows or for others, X, in their place; NaN where it may not speak."""
    model = rows.model
    network, theta, X = model.network, model.theta, rows.X if X is None else X
    with np.errstate(all="ignore"):
        if rows.speak is None:
            return predict(network, theta, X)
        y_hat = np.full((len(theta), network.N[-1], len(X)), np.nan)
        for k, own in enumerate(rows.speak):
            if own.any():
                y_hat[k][:, own] = predict(network, theta[k : k + 1], X[own])[0]
    return y_hat


def averaged(rows: Rows, y_hat: Array) -> Array:
    """ŷ (K, n): the mean of ŷ (M, K, n) over the members that may speak of the row."""
    with np.errstate(all="ignore"):
        if rows.speak is None:
            mean: Array = y_hat.mean(axis=0, dtype=np.float64)
            return mean
        spoken = np.where(rows.speak[:, None, :], y_hat, 0.0)
        total: Array = spoken.sum(axis=0) / rows.speak.sum(axis=0)
        return total


def outputs(rows: Rows, X: Encoded | None = None) -> Array:
    """ŷ (K, n), the mean over the members that may speak, for the rows or for others, X, in their place.

    A DataError if the network's output for a row as it is, is not a finite number.
    """
    y_hat = averaged(rows, of_members(rows, X))
    if X is None:
        refuse_overflow(rows.table, y_hat)
    return y_hat


def predictions(rows: Rows, X: Encoded | None = None) -> Floats:
    """The outputs as predictions in the user's terms, as `decode` gives them: (n, K) probabilities or real values."""
    with np.errstate(all="ignore"):
        return decode(rows.model.target, outputs(rows, X))


def affordable(rows: Rows, passes: int, work: float, least: int, most: int) -> int:
    """How many rows can be asked `passes` times for so much work, counted in multiplications; not by a clock.

    So the same model and data give the same number on every machine.
    """
    return min(rows.n, max(least, min(most, int(work / (passes * work_of_row(rows))))))


def work_of_row(rows: Rows) -> float:
    """What a pass of one row through its members takes, in multiplications."""
    network = rows.model.network
    members = len(rows.model.theta) if rows.speak is None else float(rows.speak.sum(axis=0).mean())
    return members * (network.P + SIGMA * sum(network.N[1:]) + METRICS)


def sampled(rows: Rows, size: int, seed: int) -> Rows:
    """So many of the rows, drawn from the seed, alike in the target; all of them if there are no more."""
    if size >= rows.n:
        return rows
    rng = np.random.default_rng(seed)
    return some(rows, draw(rows.n, size / rows.n, strata(rows.truth), rng))


def some(rows: Rows, chosen: cells.Rows) -> Rows:
    """Some of the rows, in their order."""
    speak = None if rows.speak is None else rows.speak[:, chosen]
    w = None if rows.w is None else rows.w[chosen]
    table, numbers = rows.table.rows(chosen), rows.numbers[chosen]
    return Rows(rows.model, table, rows.X[chosen], rows.truth[chosen], w, speak, numbers)


def scale_of(rows: Rows) -> Floats:
    """By what differences in each prediction are divided to be compared, (K,): a real target's sd, else 1."""
    target = rows.model.target
    if target.task != "regression":
        return np.ones(len(target.classes) if len(target.columns) == 1 else len(target.columns))
    with np.errstate(over="ignore", invalid="ignore"):
        sd = rows.truth.std(axis=0)
    return np.asarray(np.where(sd > 0, sd, 1.0), np.float64)


def apart(word: str, taken: Collection[str]) -> str:
    """A word for what is no category, told apart from a category of that name."""
    return f"({word})" if word in taken else word
