"""Permutation importance: how much worse predictions become when the cells of a column are shuffled among the rows.

    I_j = mean_r [ C(y, ŷ(x with column j permuted by π_r)) − C(y, ŷ(x)) ]

C is the log-loss of classes and the root mean square error of real targets: what is lost is told in the metric's own
unit. Sources: Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, "All models are wrong, but
many are useful". A column of the CSV is permuted as a whole, all of its inputs together. Columns that say the same
share their importance: while one is permuted, the others still tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.split import Rows as Order
from nnfit.data.target import Target, decode, refuse_beyond
from nnfit.errors import DataError, Place, Problem
from nnfit.explain.losses import losses, metric_of, weighted
from nnfit.explain.rows import Rows, affordable, averaged, columns_of, of_members, sampled, work_of_row
from nnfit.model.model import refuse_overflow
from nnfit.progress import tracked
from nnfit.scoring.comparison import of_root, sure
from nnfit.workers.threads import spread

REPEATS = 5
WORK = 5e10  # multiplications in all: a few seconds
FEWEST, MOST = 300, 20_000  # rows that are permuted, if there are so many
AGAIN = 50  # columns that are permuted more than once where all of them would take too long


class Importance(NamedTuple):
    """What permuting each column adds to the metric, most important first; units are those of the metric.

    `rows` of the `of` rows were asked, and `baseline` is the metric of these as they are. `repeats` (C, R) is each
    permutation's difference, members averaged, and NaN beyond the `shuffles` of a column. `members` (C, M) is that of
    each member alone, mean over the repeats, and (C, 0) of a single one; `targets` (C, T) that of each of several
    targets, of which the metric is the mean, and (C, 0) of a single one. `error` (C,) is the standard error of the
    importance, as the rows are some of many. `shuffles` (C,) is how often each column was permuted: where all of them
    would take too long, only the most important ones are permuted again.
    """

    metric: str
    rows: int
    of: int
    baseline: float
    columns: tuple[str, ...]
    repeats: Floats
    members: Floats
    targets: Floats
    error: Floats
    shuffles: tuple[int, ...]

    @property
    def importance(self) -> Floats:
        """The mean over the repeats, (C,)."""
        return np.array([each[:R].mean() for each, R in zip(self.repeats, self.shuffles, strict=True)], np.float64)

    @property
    def sd(self) -> Floats:
        """The standard deviation over the repeats, (C,); NaN of a single one."""
        pairs = zip(self.repeats, self.shuffles, strict=True)
        return np.array([each[:R].std(ddof=1) if R > 1 else np.nan for each, R in pairs], np.float64)

    @property
    def noise(self) -> Floats:
        """How far from 0 chance takes the importance of a column without any, (C,): t(97.5 %) times the error."""
        return np.asarray(sure(self.rows) * self.error, np.float64) if self.rows > 1 else self.error


def importance(rows: Rows, repeats: int = REPEATS, seed: int = 0) -> Importance:
    """The permutation importance of every column of the CSV that the model reads.

    The rows are a sample, alike in the target, if all would take too long. Where `speak` says which members may speak
    of a row, its outputs are theirs alone, and a member's own importance is that over the rows that it may speak of.
    """
    target, blocks = rows.model.target, columns_of(rows.model)
    C = len(blocks)
    R, again, R_again = affordable_repeats(rows, C, repeats)
    part = sampled(rows, affordable(rows, C * R + again * R_again, WORK, FEWEST, MOST), seed)
    y_hat = of_members(part)
    refuse_overflow(part.table, averaged(part, y_hat))
    as_they_are, alone = asked(part, y_hat)
    baseline = metric_of(target, as_they_are, part.w)
    rng = np.random.default_rng([seed, 1])
    places = list(blocks.values())
    found = [Sums(np.zeros((part.n, len(baseline))), [], []) for _ in blocks]

    def without(column: tuple[int, Order]) -> tuple[int, Floats, Floats]:
        """A column, what each row adds to the metric where it is permuted so, and the metric of each member."""
        c, order = column
        X = np.array(part.X)
        X[:, places[c]] = X[order, places[c]]
        return c, *asked(part, of_members(part, X))

    def permute(chosen: Sequence[int], times: int, name: str) -> None:
        """Permute some of the columns so many times."""
        orders = ((c, rng.permutation(part.n)) for c in chosen for _ in range(times))  # drawn in this order
        for c, permuted, of_each in tracked(spread(without, orders), name, len(chosen) * times):
            found[c].each.append(metric_of(target, permuted, part.w) - baseline)
            found[c].members.append(of_each - alone)
            found[c].of_rows[:] += changes(target, permuted, part.w) - own_changes

    with np.errstate(all="ignore"):
        own_changes = changes(target, as_they_are, part.w)
        permute(range(C), R, "importance of the columns")
        if again:
            first = np.argsort([-sums.each[0].mean() for sums in found], kind="stable")[:again]
            permute(sorted(first.tolist()), R_again, "importance of the first columns")
        error = [weighted(sums.of_rows.mean(axis=1) / len(sums.each), part.w)[1] for sums in found]
    shuffles = tuple(len(sums.each) for sums in found)
    each = np.full((C, max(shuffles, default=0)), np.nan)
    for c, sums in enumerate(found):
        each[c, : shuffles[c]] = np.mean(sums.each, axis=1)
    order = np.argsort([-each[c, : shuffles[c]].mean() for c in range(C)], kind="stable")
    names = list(blocks)
    members = np.reshape([np.mean(sums.members, axis=0) for sums in found], (C, len(alone)))
    targets = np.reshape([np.mean(sums.each, axis=0) for sums in found], (C, len(baseline)))
    return Importance(
        "rmse" if target.task == "regression" else "log_loss",
        part.n,
        rows.n,
        float(baseline.mean()),
        tuple(names[c] for c in order),
        each[order],
        members[order],
        targets[order] if len(baseline) > 1 else np.empty((C, 0)),
        np.array(error, np.float64)[order],
        tuple(shuffles[c] for c in order),
    )


class Sums(NamedTuple):
    """What permuting one column has changed: each row in all (n, T), and each time the metric (T,), of members (M,)."""

    of_rows: Floats
    each: list[Floats]
    members: list[Floats]


def affordable_repeats(rows: Rows, C: int, repeats: int) -> tuple[int, int, int]:
    """How often all of C columns are permuted, and how many of them are so how often again, for the work that is given.

    Fewer rows are asked first; where these are the fewest that say something, all columns are permuted less often, down
    to twice; and where that is too much, once, and the most important ones at least once more.
    """
    passes = int(WORK / (work_of_row(rows) * max(1, min(rows.n, FEWEST))))
    most = passes // max(1, C)
    if most >= min(2, repeats):
        return min(repeats, most), 0, 0
    if repeats < 2:
        return repeats, 0, 0
    again = min(C, AGAIN)
    return 1, again, max(1, min(repeats - 1, (passes - C) // max(1, again)))


def changes(target: Target, of_rows: Floats, w: Floats | None) -> Floats:
    """How much each row changes the metric of each target, to first order, (n, T): of a root as `of_root` has it."""
    return of_root(of_rows, w) if target.task == "regression" else of_rows


def refuse_unanswerable(rows: Rows) -> None:
    """A DataError for rows that no importance can be asked of: a single one, or a target that has no square.

    Rows of weight 0 do not count.
    """
    place = Place(rows.table.file)
    if (rows.n if rows.w is None else np.count_nonzero(rows.w)) < 2:
        few = "one row" if rows.n == 1 else "one row that has a weight"
        message = f"{few} cannot be shuffled: importance needs two at least, and tells little of fewer than a hundred"
        raise DataError(Problem("too-few-rows", message, "--row explains the prediction for a single one", place))
    if rows.model.target.task == "regression":
        for name in rows.model.target.columns:
            refuse_beyond(rows.table, name)


def asked(rows: Rows, y_hat: Array) -> tuple[Floats, Floats]:
    """What each row adds to the metric, (n, T), members averaged; and the metric of several members, each by its rows.

    The latter is (M,), and (0,) of a single member; NaN of a member without a row.
    """
    target = rows.model.target
    together = losses(target, rows.truth, decode(target, averaged(rows, y_hat)))
    alone = np.full(len(y_hat) if len(y_hat) > 1 else 0, np.nan)
    for k in range(len(alone)):
        own = slice(None) if rows.speak is None else np.flatnonzero(rows.speak[k])
        truth, w = rows.truth[own], None if rows.w is None else rows.w[own]
        if len(truth):
            alone[k] = metric_of(target, losses(target, truth, decode(target, y_hat[k][:, own])), w).mean()
    return together, alone
