"""Whether a model is better than another on the same rows, or whether the rows cannot tell.

Most metrics are means over the rows, so the difference of two models is the mean of the rows' differences d_i, and its
standard error tells how much of it is chance:

    d = mean_i d_i,   se = sd(d_i) / √n

The rows are the same for both, so what makes a row hard for both does not count. Of the root mean square error of a
target, with a² − b² = (a − b) (a + b), d_i = (e_i² − f_i²) / (RMSE_e + RMSE_f).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from nnfit.core.losses import of_rows
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, outputs

LEAST = 1e-4  # of the larger value: less is no difference, however sure


class Outcome(NamedTuple):
    """What a model says of some rows: its outputs (K, n), and the predictions that these mean, as of `decode`."""

    y_hat: Floats
    prediction: Floats


class Difference(NamedTuple):
    """A metric of one model less that of another on the same rows, the lower the better, and its standard error."""

    mean: float
    error: float
    n: int
    least: float  # what is a difference at all

    @property
    def worse(self) -> bool:
        """Whether the first is worse by more than the noise of the rows."""
        return self.mean > max(sure(self.n) * self.error, self.least)

    @property
    def better(self) -> bool:
        """Whether the first is better by more than the noise of the rows."""
        return -self.mean > max(sure(self.n) * self.error, self.least)

    @property
    def equal(self) -> bool:
        """Whether there is no difference to speak of."""
        return abs(self.mean) <= self.least


def sure(n: float, tests: int = 1) -> float:
    """The standard errors of n rows from which on a difference is more than their noise: Student's t, 97.5 %.

    By the expansion of Fisher and Cornish 1960 in 1/ν, ν = n − 1, from the normal z; 2.0 for many rows. Of many tests
    each asks for more, so that all of them together are wrong once in twenty times (Bonferroni).
    """
    z, nu = 1.959964 if tests == 1 else NormalDist().inv_cdf(1 - 0.025 / tests), n - 1
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * nu**3)
    return z + (z**3 + z) / (4 * nu) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * nu**2) + third


def difference(
    measure: str, target: Target, loss: str, own: Outcome, other: Outcome, truth: Floats | Labels, w: Floats | None
) -> Difference | None:
    """The difference of two models in `loss`, log_loss, brier, rmse or mae; None of a single row, or if not finite.

    Rows count by their weights w (n,), or alike.
    """
    n = len(truth)
    with np.errstate(all="ignore"):
        pair = [values(measure, target, loss, each, truth, w) for each in (own, other)]
        d, size = pair[0] - pair[1], max(abs(float(each.mean())) for each in pair)
        if measure == "rmse":
            w_n = np.ones((n, 1)) if w is None else w[:, None]
            roots = [np.sqrt((each * w_n).mean(axis=0)) for each in pair]
            total = roots[0] + roots[1]
            d = np.divide(d, total, out=np.zeros_like(d), where=total > 0).mean(axis=1)
            size = max(float(root.mean()) for root in roots)
        if w is not None and measure != "loss":
            d = d * w
        if n < 2 or not np.isfinite(d).all():
            return None
        return Difference(float(d.mean()), float(d.std(ddof=1) / np.sqrt(n)), n, LEAST * size)


def values(measure: str, target: Target, loss: str, each: Outcome, truth: Floats | Labels, w: Floats | None) -> Floats:
    """What each row adds to the metric, (n,): their mean is the metric. Of rmse the squared errors, (n, targets)."""
    if measure == "rmse":
        return np.asarray((truth - each.prediction) ** 2, np.float64)
    if measure == "mae":
        return np.asarray(np.abs(truth - each.prediction).mean(axis=1), np.float64)
    if measure == "loss":
        found = of_rows(loss, each.y_hat[None], outputs(target, truth, "float64"))[0]
        return np.asarray(found if w is None else found * w, np.float64)
    p = each.prediction
    of_classes = target._replace(task="multinomial", low=0.0)
    Y = truth.astype(np.float64) if target.task == "multilabel" else outputs(of_classes, truth, "float64").T
    if measure == "brier":
        squares, halved = (p - Y) ** 2, target.task == "multilabel" or p.shape[1] == 2
        return np.asarray(squares.mean(axis=1) if halved else squares.sum(axis=1), np.float64)
    name, K = ("bce", p.shape[1]) if target.task == "multilabel" else ("cross_entropy", 1)
    return np.asarray(of_rows(name, p.T[None], Y.T)[0] / K, np.float64)
