"""What each row adds to the metric that importance and slices speak of: the log-loss, or the root mean square error.

The metric is the mean over the rows, and of real targets its root; of several targets their mean, as `evaluate` has it.
"""

from __future__ import annotations

import numpy as np

from nnfit.core.losses import clipped
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target
from nnfit.scoring.metrics import mean


def losses(target: Target, truth: Floats | Labels, prediction: Floats) -> Floats:
    """−log p of what is true, or (y − ŷ)², of each row and target, (n, T); ∞ where that is beyond all numbers."""
    if target.task == "regression":
        with np.errstate(over="ignore"):
            return np.asarray((truth - prediction) ** 2, np.float64)
    p, index = clipped(prediction), truth.astype(np.intp)
    if target.task == "multilabel":
        return np.asarray(-np.log(np.where(index == 1, p, 1 - p)), np.float64)
    return np.asarray(-np.log(p[np.arange(len(p)), index])[:, None], np.float64)


def metric_of(target: Target, of_rows: Floats, w: Floats | None) -> Floats:
    """The log-loss or root mean square error of each target, (T,), from what the rows add, (n, T)."""
    found = np.asarray(mean(of_rows, w), np.float64)
    return np.sqrt(found) if target.task == "regression" else found


def weighted(of_rows: Floats, w: Floats | None) -> tuple[float, float]:
    """The mean of values (n,) by weights (n,) and its standard error, √(Σ w² (v − mean)² n/(n − 1)) / Σ w.

    The error is ∞ of a single row, and where no row has a weight.
    """
    n = len(of_rows)
    w = np.ones(n) if w is None else w
    total = float(w.sum())
    if n < 2 or not total:
        return 0.0, float("inf")
    with np.errstate(all="ignore"):  # of values beyond all numbers neither is one
        middle = float(w @ of_rows) / total
        return middle, float(np.sqrt((w**2 * (of_rows - middle) ** 2).sum() * n / (n - 1))) / total
