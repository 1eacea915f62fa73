"""Metrics: how good predictions are, in the units a user thinks in; each as scikit-learn defines it.

A metric of METRICS takes what its kind of task needs and returns one number. Classification: `truth` (n,) the index
of the class, `label` (n,) the predicted one, `p` (n, K) the probabilities. Regression: `y` and `y_hat` (n, K) in the
target's own unit, averaged over the K targets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import clipped

Labels = NDArray[np.intp]
Floats = NDArray[np.float64]


def confusion(truth: Labels, label: Labels, K: int) -> NDArray[np.int64]:
    """Rows of class i that were predicted as class j, (K, K)."""
    return np.bincount(truth * K + label, minlength=K * K).reshape(K, K)


def accuracy(truth: Labels, label: Labels, p: Floats) -> float:
    """The share of rows whose predicted class is the true one."""
    return float(np.mean(truth == label))


def log_loss(truth: Labels, label: Labels, p: Floats) -> float:
    """−mean log p[true class], natural logarithm, probabilities kept off 0 by one machine epsilon."""
    return float(-np.log(clipped(p)[np.arange(len(p)), truth]).mean())


def f1_macro(truth: Labels, label: Labels, p: Floats) -> float:
    """The mean over classes, true or predicted, of 2 TP / (2 TP + FP + FN)."""
    table = confusion(truth, label, p.shape[1])
    size = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean(2 * np.diag(table)[size > 0] / size[size > 0]))


def roc_auc(truth: Labels, label: Labels, p: Floats) -> float:
    """The probability that a row of the second class scores above one of the first, ties half; binary only.

    Not a number where only one class occurs.
    """
    positive = truth == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if p.shape[1] != 2 or not n1 or not n0:
        return float("nan")
    _, place, counts = np.unique(p[:, 1], return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def rmse(y: Floats, y_hat: Floats) -> float:
    """√ mean (y − ŷ)²."""
    return float(np.sqrt(np.mean((y - y_hat) ** 2, axis=0)).mean())


def mae(y: Floats, y_hat: Floats) -> float:
    """mean |y − ŷ|."""
    return float(np.abs(y - y_hat).mean())


def r2(y: Floats, y_hat: Floats) -> float:
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)²; for a constant y 1 if it is met exactly, else 0."""
    residual = ((y - y_hat) ** 2).sum(axis=0)
    # A constant y has no spread; its mean may differ from it by a rounding error.
    spread = np.where(np.ptp(y, axis=0) > 0, ((y - y.mean(axis=0)) ** 2).sum(axis=0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(spread > 0, 1 - residual / spread, np.where(residual > 0, 0.0, 1.0))
    return float(share.mean())


METRICS: dict[str, dict[str, Callable[..., Any]]] = {
    "classification": {"accuracy": accuracy, "log_loss": log_loss, "f1_macro": f1_macro, "roc_auc": roc_auc},
    "regression": {"rmse": rmse, "mae": mae, "r2": r2},
}
