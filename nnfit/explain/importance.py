"""Permutation importance: how much worse predictions become when the cells of a column are shuffled among the rows.

    I_j = mean_r [ C(y, ŷ(x with column j permuted by π_r)) − C(y, ŷ(x)) ]

C is the log-loss of classes and the root mean square error of real targets: what is lost is told in the metric's own
unit. Sources: Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, "All models are wrong, but
many are useful". A column of the CSV is permuted as a whole, all of its inputs together. Columns that say the same
share their importance: while one is permuted, the others still tell.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import decode
from nnfit.explain.losses import losses, metric_of, weighted
from nnfit.explain.rows import Rows, affordable, averaged, columns_of, of_members, sampled
from nnfit.model.model import refuse_overflow
from nnfit.progress import tracked
from nnfit.scoring.comparison import sure

REPEATS = 5
WORK = 5e10  # multiplications in all: a few seconds
FEWEST, MOST = 300, 20_000  # rows that are permuted, if there are so many


class Importance(NamedTuple):
    """What permuting each column adds to the metric, most important first; units are those of the metric.

    `rows` of the `of` rows were asked, and `baseline` is the metric of these as they are. `repeats` (C, R) is each
    permutation's difference, members averaged; `members` (C, M) that of each member alone, mean over the repeats, and
    (C, 0) of a single one; `targets` (C, T) that of each of several targets, of which the metric is the mean, and
    (C, 0) of a single one. `error` (C,) is the standard error of the importance, as the rows are some of many.
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

    @property
    def importance(self) -> Floats:
        """The mean over the repeats, (C,)."""
        return np.asarray(self.repeats.mean(axis=1), np.float64)

    @property
    def sd(self) -> Floats:
        """The standard deviation over the repeats, (C,); NaN of a single one."""
        if self.repeats.shape[1] < 2:
            return np.full(len(self.columns), np.nan)
        return np.asarray(self.repeats.std(axis=1, ddof=1), np.float64)

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
    part = sampled(rows, affordable(rows, len(blocks) * repeats, WORK, FEWEST, MOST), seed)
    y_hat = of_members(part)
    refuse_overflow(part.table, averaged(part, y_hat))
    as_they_are, alone = asked(part, y_hat)
    baseline = metric_of(target, as_they_are, part.w)
    rng = np.random.default_rng([seed, 1])
    X = part.X.copy()
    C, T = len(blocks), len(baseline)
    each, members, error = np.empty((C, repeats, T)), np.empty((C, repeats, len(alone))), np.empty(C)
    with np.errstate(all="ignore"):
        for c, block in enumerate(tracked(blocks.values(), "importance of the columns")):
            of_rows = np.zeros((part.n, T))
            for r in tracked(range(repeats), "shuffles"):
                X[:, block] = part.X[rng.permutation(part.n), block]
                permuted, of_each = asked(part, of_members(part, X))
                found = metric_of(target, permuted, part.w)
                each[c, r], members[c, r] = found - baseline, of_each - alone
                # What a row adds to a difference of roots: a − b = (a² − b²) / (a + b).
                total = found + baseline if target.task == "regression" else np.ones(T)
                of_rows += np.divide(permuted - as_they_are, total, out=np.zeros((part.n, T)), where=total > 0)
            error[c] = weighted(of_rows.mean(axis=1) / repeats, part.w)[1]
            X[:, block] = part.X[:, block]
    order, names = np.argsort(-each.mean(axis=(1, 2)), kind="stable"), list(blocks)
    return Importance(
        "rmse" if target.task == "regression" else "log_loss",
        part.n,
        rows.n,
        float(baseline.mean()),
        tuple(names[c] for c in order),
        each.mean(axis=2)[order],
        members.mean(axis=1)[order],
        each.mean(axis=1)[order] if T > 1 else np.empty((C, 0)),
        error[order],
    )


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
