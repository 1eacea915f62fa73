"""Whether a model is better than another on the same rows, or whether the rows cannot tell.

Most metrics are means over the rows, so the difference of two models is the mean of the rows' differences d_i, and its
standard error tells how much of it is chance:

    d = mean_i d_i,   se = sd(d_i) / √n

The rows are the same for both, so what makes a row hard for both does not count. The root mean square error is no mean:
other rows would change the root and what is under it. To first order (the delta method) a row changes it by

    d_i = (e_i² − E) / 2√E − (f_i² − F) / 2√F,   E = mean_i e_i²,   F = mean_i f_i²

whose mean is 0: of the RMSE, d is the difference √E − √F, and d_i tells its error. By weights, w_i (d_i − d) stands in
the place of d_i. Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 21.3.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from nnfit.core.losses import of_rows
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, outputs
from nnfit.scoring.metrics import mean

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
        counted = None if measure == "loss" else w  # the cost has them in it
        means = [mean(each, counted) for each in pair]
        if measure == "rmse":
            means, pair = [np.sqrt(each).mean() for each in means], [of_root(each, w).mean(axis=1) for each in pair]
        found, d = float(means[0] - means[1]), pair[0] - pair[1]
        if counted is not None:
            d = counted / counted.mean() * (d if measure == "rmse" else d - found)
        if n < 2 or not (np.isfinite(found) and np.isfinite(d).all()):
            return None
        return Difference(found, float(d.std(ddof=1) / np.sqrt(n)), n, LEAST * max(map(abs, map(float, means))))


def of_root(squares: Floats, w: Floats | None) -> Floats:
    """How much each row changes the root of the mean of squares (n, K), to first order: (e_i² − E) / 2√E, (n, K)."""
    E = mean(squares, w)
    found: Floats = np.divide(squares - E, 2 * np.sqrt(E), out=np.zeros_like(squares), where=E > 0)
    return found


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
    costs: Floats = of_rows(name, p.T[None], Y.T)[0]
    costs /= K
    return costs
