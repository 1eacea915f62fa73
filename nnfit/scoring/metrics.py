"""Metrics: how good predictions are, in the units a user thinks in; each as scikit-learn defines it.

A function of METRICS takes what its kind of task needs and returns one number. Classification: `truth` (n,) the index
of the class, `label` (n,) the predicted one, `p` (n, K) the probabilities. Regression: `y` and `y_hat` (n, K) in the
target's own unit, averaged over the K targets. Every metric also takes weights of the rows, w (…, n), by default 1:
a row of weight 2 counts like two rows. With w (B, n) it returns B numbers, which is how intervals.py resamples. Not
a number (NaN) means that the metric is not defined for these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import clipped

Labels = NDArray[np.intp]
Floats = NDArray[np.float64]
Weights = Floats | None

BINS = 15  # of the calibration error


def mean(values: NDArray[Any], w: Weights) -> Any:
    """Σ_i w_i v_i / Σ_i w_i over the rows of values (n,) or (n, K)."""
    if w is None:
        return values.mean(axis=0)
    return (w @ values) / (w.sum(axis=-1)[..., None] if values.ndim == 2 else w.sum(axis=-1))


def over_defined(values: Any, defined: Any) -> Any:
    """The mean along the last axis of the values that are defined; NaN where none is."""
    count = np.sum(defined, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0.0).sum(axis=-1) / np.where(count, count, np.nan)


def ratio(part: Any, whole: Any) -> Any:
    """part / whole, NaN where whole is 0."""
    return part / np.where(whole > 0, whole, np.nan)


# --- from the predicted classes ------------------------------------------------------------------------------------


def confusion(truth: Labels, label: Labels, K: int, w: Weights = None) -> NDArray[Any]:
    """Rows of class i that were predicted as class j, (…, K, K); with weights their weight."""
    cell = truth * K + label
    if w is None:
        return np.bincount(cell, minlength=K * K).reshape(K, K)
    order = np.argsort(cell, kind="stable")
    found, first = np.unique(cell[order], return_index=True)
    table = np.zeros((*w.shape[:-1], K * K))
    table[..., found] = np.add.reduceat(w.T[order], first, axis=0).T
    return table.reshape(*w.shape[:-1], K, K)


def accuracy(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
    """The share of rows whose predicted class is the true one."""
    return mean((truth == label).astype(float), w)


def per_class(truth: Labels, label: Labels, K: int, w: Weights = None) -> dict[str, Any]:
    """Precision, recall and F1 of each class, (…, K), from its true and false positives and negatives.

        precision = TP / (TP + FP),   recall = TP / (TP + FN),   F1 = 2 TP / (2 TP + FP + FN)

    NaN where the denominator is 0: the precision of a class that is never predicted, the recall of one that never
    occurs.
    """
    table = confusion(truth, label, K, w)
    hits, predicted, true = np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-2), table.sum(axis=-1)
    return {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, true),
        "f1": ratio(2 * hits, predicted + true),
    }


def macro(name: str, text: str) -> Callable[..., Any]:
    """The mean of one column of `per_class` over the classes, true or predicted; where it is 0 / 0 it counts as 0."""

    def metric(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
        found = per_class(truth, label, p.shape[1], w)
        return over_defined(np.nan_to_num(found[name]), ~np.isnan(found["f1"]))

    metric.__doc__ = text
    return metric


precision_macro = macro("precision", "The mean over classes, true or predicted, of TP / (TP + FP).")
recall_macro = macro("recall", "The mean over classes, true or predicted, of TP / (TP + FN).")
f1_macro = macro("f1", "The mean over classes, true or predicted, of 2 TP / (2 TP + FP + FN).")


def balanced_accuracy(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
    """The mean recall of the classes that occur: accuracy if all of them were equally frequent."""
    recall = per_class(truth, label, p.shape[1], w)["recall"]
    return over_defined(recall, ~np.isnan(recall))


# --- from the order of the probabilities ---------------------------------------------------------------------------


def one_versus_rest(curve: Callable[[NDArray[np.bool_], Floats, Weights], Any]) -> Callable[..., Any]:
    """A metric of two classes for K: of the second class for two, else the mean over the classes against the rest.

    A class that does not occur, or that all rows have, is left out; without any the metric is NaN.
    """

    def metric(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
        K = p.shape[1]
        values = np.stack([curve(truth == k, p[:, k], w) for k in ([1] if K == 2 else range(K))], axis=-1)
        return over_defined(values, ~np.isnan(values))

    metric.__doc__ = curve.__doc__
    return metric


def thresholds(positive: NDArray[np.bool_], score: Floats, w: Weights) -> tuple[Any, Any]:
    """The weight of the positive and of the negative rows at or above each distinct score, from the highest, (T, …)."""
    order = np.argsort(-score, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    # The rows come first here: whole lines of resamples are then moved and added.
    sorted_w = (np.ones(len(score)) if w is None else w.T)[order]
    others, up = sorted_w.copy(), positive[order]
    sorted_w[~up], others[up] = 0, 0
    return np.cumsum(sorted_w, axis=0, out=sorted_w)[last], np.cumsum(others, axis=0, out=others)[last]


@one_versus_rest
def roc_auc(positive: NDArray[np.bool_], score: Floats, w: Weights) -> Any:
    """The probability that a row of the class scores above one of another class, ties half: the area under the ROC.

    Σ_t (FP_t − FP_{t−1}) ½ (TP_t + TP_{t−1}) / (P N) over the thresholds t
    """
    TP, FP = thresholds(positive, score, w)
    area = FP[0] * TP[0] / 2 + (np.diff(FP, axis=0) * (TP[1:] + TP[:-1])).sum(axis=0) / 2
    return ratio(area, TP[-1] * FP[-1])


@one_versus_rest
def average_precision(positive: NDArray[np.bool_], score: Floats, w: Weights) -> Any:
    """The area under the precision-recall curve as a sum over thresholds: Σ_t (recall_t − recall_{t−1}) precision_t."""
    TP, FP = thresholds(positive, score, w)
    # Where no row is above a threshold yet, in a resample, TP is 0 and so is the term.
    precision = TP / np.where(TP > 0, TP + FP, 1)
    area = TP[0] * precision[0] + (np.diff(TP, axis=0) * precision[1:]).sum(axis=0)
    return np.where(FP[-1] > 0, ratio(area, TP[-1]), np.nan)


# --- from the probabilities themselves -----------------------------------------------------------------------------


def log_loss(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
    """−mean log p[true class], natural logarithm, probabilities kept off 0 by one machine epsilon."""
    return mean(-np.log(clipped(p)[np.arange(len(p)), truth]), w)


def brier(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
    """mean Σ_k (p_k − y_k)² with y one-hot (Brier 1950), halved for two classes, which makes it mean (p₁ − y₁)²."""
    squares = ((p - (truth[:, None] == np.arange(p.shape[1]))) ** 2).sum(axis=1)
    return mean(squares / 2 if p.shape[1] == 2 else squares, w)


def calibration_error(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
    """The expected calibration error (Guo et al. 2017, eq. 3), with 15 bins of equal width.

        ECE = Σ_b W_b / W |accuracy_b − confidence_b| = Σ_b |Σ_{i in b} w_i (hit_i − confidence_i)| / W

    The confidence of a row is its highest probability; bin b holds those in ((b − 1) / 15, b / 15].
    """
    confidence = p.max(axis=1)
    gap = (truth == label) - confidence
    bins = np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1)
    # One column for each bin, so that one product adds up the gaps of every bin.
    return np.abs(mean(gap[:, None] * (bins[:, None] == np.arange(BINS)), w)).sum(axis=-1)


# --- of real targets -----------------------------------------------------------------------------------------------


def rmse(y: Floats, y_hat: Floats, w: Weights = None) -> Any:
    """√ mean (y − ŷ)²."""
    return np.sqrt(mean((y - y_hat) ** 2, w)).mean(axis=-1)


def mae(y: Floats, y_hat: Floats, w: Weights = None) -> Any:
    """mean |y − ŷ|."""
    return mean(np.abs(y - y_hat), w).mean(axis=-1)


def r2(y: Floats, y_hat: Floats, w: Weights = None) -> Any:
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)²; for a constant y 1 if it is met exactly, else 0; NaN for less than two rows."""
    if len(y) < 2:
        return np.full(() if w is None else w.shape[:-1], np.nan)[()]
    centred = y - mean(y, w if w is None or w.ndim == 1 else w.sum(axis=0))
    square = mean(centred**2, w)
    spread = square - mean(centred, w) ** 2
    # A constant y has no spread; its mean may differ from it by a rounding error.
    spread = np.where((np.ptp(y, axis=0) > 0) & (spread > 1e-12 * square), spread, 0.0)
    residual = mean((y - y_hat) ** 2, w)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(spread > 0, 1 - residual / spread, np.where(residual > 0, 0.0, 1.0))
    return share.mean(axis=-1)


def mape(y: Floats, y_hat: Floats, w: Weights = None) -> Any:
    """mean |y − ŷ| / |y|, a share and not a percentage; NaN if any y is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = mean(np.abs(y - y_hat) / np.abs(y), w).mean(axis=-1)
    return share if y.all() else share * np.nan


class Metric(NamedTuple):
    """One row of the table: the function, whether more of it is better, and how much another seed hides.

    `seed_rows`: however many rows there are, they tell no more of a difference of two networks than so many would, as
    another seed moves it as much. They are the fewer where all predictions count, and not just on which side they lie.
    """

    of: Callable[..., Any]
    higher: bool
    seed_rows: int = 250


VALUES = 50  # the `seed_rows` of metrics of the values themselves: a network that is surer of all moves them as a whole

METRICS: dict[str, dict[str, Metric]] = {
    "classification": {
        "accuracy": Metric(accuracy, higher=True),
        "balanced_accuracy": Metric(balanced_accuracy, higher=True),
        "log_loss": Metric(log_loss, higher=False, seed_rows=VALUES),
        "precision_macro": Metric(precision_macro, higher=True),
        "recall_macro": Metric(recall_macro, higher=True),
        "f1_macro": Metric(f1_macro, higher=True),
        "roc_auc": Metric(roc_auc, higher=True),
        "average_precision": Metric(average_precision, higher=True),
        "brier": Metric(brier, higher=False, seed_rows=VALUES),
        "calibration_error": Metric(calibration_error, higher=False, seed_rows=VALUES),
    },
    "regression": {
        "rmse": Metric(rmse, higher=False, seed_rows=VALUES),
        "mae": Metric(mae, higher=False, seed_rows=VALUES),
        "r2": Metric(r2, higher=True, seed_rows=VALUES),
        "mape": Metric(mape, higher=False, seed_rows=VALUES),
    },
}
# What early stopping may watch: the cost, or one of these.
MONITORS = ("loss", "accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "rmse", "mae")

TINY = float(np.finfo(np.float64).tiny)
# What a threshold may maximize, from the weights of the true and false positives and negatives.
AIMS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    "balanced_accuracy": lambda tp, fp, fn, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2,
    "f1": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),
    "f1_macro": lambda tp, fp, fn, tn: tp / (2 * tp + fp + fn) + tn / np.maximum(2 * tn + fp + fn, TINY),
}
