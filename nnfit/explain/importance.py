"""Permutation importance: how much worse predictions become when the cells of a column are shuffled among the rows.

    I_j = mean_r [ C(y, ŷ(x with column j permuted by π_r)) − C(y, ŷ(x)) ]

C is the log-loss of classes and the root mean square error of real targets: what is lost is told in the metric's own
unit. Sources: Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, "All models are wrong, but
many are useful". A column of the CSV is permuted as a whole, all of its inputs together. Columns that say the same
share their importance: while one is permuted, the others still tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decode
from nnfit.explain.rows import Rows, affordable, averaged, columns_of, of_members, sampled
from nnfit.model.model import refuse_overflow
from nnfit.scoring.comparison import sure
from nnfit.scoring.metrics import log_loss, rmse

REPEATS = 5
WORK = 4e10  # multiplications in all: a few seconds
FEWEST, MOST = 500, 20_000  # rows that are permuted, if there are so many


class Importance(NamedTuple):
    """What permuting each column adds to the metric, most important first; units are those of the metric.

    `rows` of the `of` rows were asked, and `baseline` is the metric of these as they are. `repeats` (C, R) is each
    permutation's difference, members averaged; `members` (C, M) that of each member alone, mean over the repeats, and
    (C, 0) of a single one; `targets` (C, T) that of each of several targets, of which the metric is the mean, and
    (C, 0) of a single one.
    """

    metric: str
    rows: int
    of: int
    baseline: float
    columns: tuple[str, ...]
    repeats: Floats
    members: Floats
    targets: Floats

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
        """How far from 0 chance takes the mean of so many permutations, (C,): t(97.5 %, R − 1) sd / √R."""
        R = self.repeats.shape[1]
        return np.asarray(sure(R) * self.sd / np.sqrt(R), np.float64) if R > 1 else self.sd


def importance(
    rows: Rows, repeats: int = REPEATS, seed: int = 0, progress: Callable[[int, int], object] | None = None
) -> Importance:
    """The permutation importance of every column of the CSV that the model reads.

    The rows are a sample, alike in the target, if all would take too long. Where `speak` says which members may speak
    of a row, its outputs are theirs alone, and a member's own importance is that over the rows that it may speak of.
    `progress` is called with the number of columns that are done, and of all.
    """
    blocks, M = columns_of(rows.model), len(rows.model.theta)
    part = sampled(rows, affordable(rows, len(blocks) * repeats, WORK, FEWEST, MOST), seed)
    y_hat = of_members(part)
    refuse_overflow(part.table, averaged(part, y_hat))
    together, alone = scores(part, y_hat)
    rng = np.random.default_rng([seed, 1])
    X = part.X.copy()
    each = np.empty((len(blocks), repeats, len(together)))
    members = np.empty((len(blocks), repeats, len(alone)))
    with np.errstate(all="ignore"):
        for c, block in enumerate(blocks.values()):
            for r in range(repeats):
                X[:, block] = part.X[rng.permutation(part.n), block]
                found = scores(part, of_members(part, X))
                each[c, r], members[c, r] = found[0] - together, found[1] - alone
            X[:, block] = part.X[:, block]
            if progress is not None:
                progress(c + 1, len(blocks))
    difference = each.mean(axis=2)
    order = np.argsort(-difference.mean(axis=1), kind="stable")
    names = list(blocks)
    T = each.shape[2]
    return Importance(
        "rmse" if rows.model.target.task == "regression" else "log_loss",
        part.n,
        rows.n,
        float(together.mean()),
        tuple(names[c] for c in order),
        difference[order],
        members.mean(axis=1)[order] if M > 1 else np.empty((len(names), 0)),
        each.mean(axis=1)[order] if T > 1 else np.empty((len(names), 0)),
    )


def scores(rows: Rows, y_hat: Array) -> tuple[Floats, Floats]:
    """The metric of each target, (T,), members averaged; and of each of several members alone, (M,), over its rows."""
    target = rows.model.target
    together = measured(target, rows.truth, decode(target, averaged(rows, y_hat)), rows.w)
    alone = np.full(len(y_hat) if len(y_hat) > 1 else 0, np.nan)
    for k in range(len(alone)):
        own = slice(None) if rows.speak is None else np.flatnonzero(rows.speak[k])
        truth, w = rows.truth[own], None if rows.w is None else rows.w[own]
        if len(truth):
            alone[k] = measured(target, truth, decode(target, y_hat[k][:, own]), w).mean()
    return together, alone


def measured(target: Target, truth: Floats | Labels, prediction: Floats, w: Floats | None) -> Floats:
    """The metric of each target, (T,): their mean is what `evaluate` gives."""
    if target.task == "regression":
        pairs = zip(truth.T, prediction.T, strict=True)
        return np.array([rmse(y[:, None], y_hat[:, None], w) for y, y_hat in pairs], np.float64)
    if target.task == "multilabel":
        each = zip(truth.astype(np.intp).T, prediction.T, strict=True)
        return np.array([log_loss(t, t, np.column_stack([1 - p, p]), w) for t, p in each], np.float64)
    index = truth.astype(np.intp)
    return np.array([log_loss(index, index, prediction, w)], np.float64)
