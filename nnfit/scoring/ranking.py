"""Rows ranked by a score: what the ROC and the precision-recall curve are made of, from one sort for both.

Weights of the rows are (n,), or (B, n) for many resamples, or None: each row counts once, and no row is moved.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.data.room import lay

Floats = NDArray[np.float64]
Weights = Floats | None


class Ranking:
    """The rows of a class and the others by their score, the highest first; ties are only ever taken together.

    `scores` (T,) are the distinct ones; `tp`, `fp` (T,) how many rows of the class and how many others are at or above
    each of them, `tp_before`, `fp_before` above it.
    """

    def __init__(self, positive: NDArray[np.bool_], score: Floats) -> None:
        size = np.int32 if len(score) < 1 << 31 else np.intp
        order = np.argsort(-score)  # not stable, which takes five times as long: the order of ties says nothing
        ranked, self.up = score[order], lay(positive[order])
        self.order = lay(order.astype(size))
        del order
        last = np.r_[np.flatnonzero(ranked[1:] != ranked[:-1]), len(score) - 1]
        self.scores = lay(ranked[last])
        del ranked
        self.tp = lay(np.cumsum(self.up, dtype=size)[last])
        last += 1
        last -= self.tp
        self.fp = lay(last.astype(size))
        self.tp_before, self.fp_before = (lay(np.r_[size(0), each[:-1]]) for each in (self.tp, self.fp))

    @cached_property
    def positives(self) -> NDArray[Any]:
        """The rows of the class in this order."""
        found: NDArray[Any] = self.order[self.up]
        return found

    @cached_property
    def negatives(self) -> NDArray[Any]:
        """The others."""
        found: NDArray[Any] = self.order[~self.up]
        return found

    @cached_property
    def others(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The negatives in parts, cut where positives lie between: the first of each, and how many positives are above.

        Above strictly, and at or above.
        """
        there = self.fp > self.fp_before
        above, at = self.tp_before[there], self.tp[there]
        new = np.r_[True, (above[1:] != above[:-1]) | (at[1:] != at[:-1])][: len(at)]
        return self.fp_before[there][new], above[new], at[new]

    def curve(self, w: Weights = None) -> tuple[Floats, Floats]:
        """The weight of the positive and of the negative rows at or above each distinct score, (T,), for w (n,)."""
        if w is None:
            return self.tp.astype(np.float64), self.fp.astype(np.float64)
        up, down = (summed(w, rows) for rows in (self.positives, self.negatives))
        return up[self.tp], down[self.fp]

    def roc_area(self, w: Weights = None) -> tuple[Any, Any]:
        """Σ_j w_j (W_j + W′_j)/2 over the negatives, W_j and W′_j the positives above and at or above, and Σ w Σ w."""
        first, above, at = self.others
        if w is None:
            sizes = np.diff(first, append=len(self.order) - self.tp[-1]).astype(np.float64)
            return (sizes * (above + at.astype(np.float64))).sum() / 2, float(self.tp[-1]) * float(self.fp[-1])
        up = summed(w, self.positives)
        # The rows come first here: whole lines of resamples are moved and added.
        parts = (
            np.add.reduceat(w.T.take(self.negatives, 0), first, axis=0) if len(first) else np.zeros((0, *w.shape[:-1]))
        )
        return (parts * (up[above] + up[at])).sum(axis=0) / 2, parts.sum(axis=0) * up[-1]

    def precision_area(self, w: Weights = None) -> tuple[Any, Any, Any]:
        """Σ_t (TP_t − TP_{t−1}) TP_t / (TP_t + FP_t) over the scores of positives, and the weights of either kind."""
        there = self.tp > self.tp_before
        tp, fp = self.tp[there], self.fp[there]
        if w is None:
            TP = tp.astype(np.float64)
            precision = TP + fp
            np.divide(TP, precision, precision)
            precision[:1] *= TP[:1]
            precision[1:] *= TP[1:] - TP[:-1]
            return precision.sum(), float(self.tp[-1]), float(self.fp[-1])
        up, down = summed(w, self.positives), summed(w, self.negatives)
        TP, FP = up[tp], down[fp]
        # Where no row is above a threshold yet, in a resample, TP is 0 and so is the term.
        gain = TP - up[self.tp_before[there]]
        return (gain * (TP / np.where(TP > 0, TP + FP, 1))).sum(axis=0), up[-1], down[-1]


def summed(w: Floats, rows: NDArray[Any]) -> Floats:
    """The weights of the first k of the rows, for k = 0 …, (len(rows) + 1, …)."""
    found = np.zeros((len(rows) + 1, *w.shape[:-1]))
    np.cumsum(w.T.take(rows, 0), axis=0, out=found[1:])
    return found
