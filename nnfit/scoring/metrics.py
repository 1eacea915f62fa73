"""Metrics: how good predictions are, in the units a user thinks in; each as scikit-learn defines it.

A function of METRICS takes what its kind of task needs and returns one number. Classification: `truth` (n,) the index
of the class, `label` (n,) the predicted one, `p` (n, K) the probabilities. Regression: `y` and `y_hat` (n, K) in the
target's own unit, averaged over the K targets. Every metric also takes weights of the rows, w (…, n), by default 1:
a row of weight 2 counts like two rows. With w (B, n) it returns B numbers, which is how intervals.py resamples. Not
a number (NaN) means that the metric is not defined for these rows.

A metric is written in two steps: what it makes of the rows, a `Judged` or a pair of real targets, and of that a
function of their weights. So several metrics share what they all ask of the rows (`ready`), and resamples the first
step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial, wraps
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import clipped
from nnfit.data.room import lay
from nnfit.scoring.ranking import Ranking

Labels = NDArray[np.intp]
Floats = NDArray[np.float64]
Weights = Floats | None
OfWeights = Callable[[Weights], Any]

BINS = 15  # of the calibration error
NUMBERS = 1 << 16  # that are worked on together, so that what is between stays in cache


class Judged:
    """Rows of known class: truth (n,), label (n,), p (n, K); of several 0/1 targets each (n, K).

    What more than one metric asks of them is computed once.
    """

    def __init__(self, truth: Labels, label: Labels, p: Floats) -> None:
        self.truth, self.label, self.p = truth, label, p
        self.K = p.shape[1]
        self.rankings: dict[int, Ranking] = {}
        self.counted: tuple[Weights, NDArray[Any]] | None = None

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.truth, self.label, self.p))

    @cached_property
    def hit(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, (n,)."""
        return np.asarray(self.truth == self.label)

    @cached_property
    def targets(self) -> list[Judged]:
        """The rows for each of several 0/1 targets."""
        each = zip(self.truth.T, self.label.T, self.p.T, strict=True)
        return [Judged(truth, label, np.column_stack([1 - q, q])) for truth, label, q in each]

    @cached_property
    def cells(self) -> Labels:
        """The cell of the confusion that each row counts in, (n,), K · truth + label."""
        return lay(np.asarray(self.truth * self.K + self.label, np.intp))

    @cached_property
    def by_cell(self) -> tuple[Labels, Labels, Labels]:
        """The rows ordered by their cell, the cells that there are, and the place of the first row of each."""
        order = np.argsort(self.cells, kind="stable")
        found, first = np.unique(self.cells[order], return_index=True)
        return order, found, first

    def confusion(self, w: Weights = None) -> NDArray[Any]:
        """Rows of class i that were predicted as class j, (…, K, K); with weights their weight."""
        counted = self.counted
        if counted is None or counted[0] is not w:
            counted = self.counted = w, self.count(w)
        return counted[1]

    def count(self, w: Weights) -> NDArray[Any]:
        """The confusion."""
        K = self.K
        if w is None:
            return np.bincount(self.cells, minlength=K * K).reshape(K, K)
        order, found, first = self.by_cell
        table = np.zeros((*w.shape[:-1], K * K))
        table[..., found] = np.add.reduceat(w.T[order], first, axis=0).T
        return table.reshape(*w.shape[:-1], K, K)

    def ranking(self, k: int) -> Ranking:
        """Class k against the rest, by its probability."""
        if k not in self.rankings:
            self.rankings[k] = Ranking(self.truth == k, self.p[:, k])
        return self.rankings[k]


def in_two_steps(judge: Callable[[Judged], OfWeights]) -> Callable[..., Any]:
    """The metric of classes from its two steps: metric(truth, label, p, w), and metric.ready(rows)(w)."""

    @wraps(judge)
    def metric(truth: Labels, label: Labels, p: Floats, w: Weights = None) -> Any:
        return judge(Judged(truth, label, p))(w)

    metric.ready = lambda rows: judge(rows if isinstance(rows, Judged) else Judged(*rows))  # type: ignore[attr-defined]
    return metric


def of_pairs(compare: Callable[[Floats, Floats], OfWeights]) -> Callable[..., Any]:
    """The metric of real targets from its two steps: metric(y, y_hat, w), and metric.ready(rows)(w)."""

    @wraps(compare)
    def metric(y: Floats, y_hat: Floats, w: Weights = None) -> Any:
        return compare(y, y_hat)(w)

    metric.ready = lambda rows: compare(*rows)  # type: ignore[attr-defined]
    return metric


def ready(metric: Callable[..., Any], rows: Any) -> OfWeights:
    """The metric of some rows, as a function of their weights."""
    judge = getattr(metric, "ready", None)
    return partial(metric, *rows) if judge is None else judge(rows)


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
    return Judged(truth, label, np.empty((0, K))).confusion(w)


@in_two_steps
def accuracy(rows: Judged) -> OfWeights:
    """The share of rows whose predicted class is the true one."""
    return partial(mean, rows.hit.astype(float))


def per_class(truth: Labels, label: Labels, K: int, w: Weights = None) -> dict[str, Any]:
    """Precision, recall and F1 of each class, (…, K), from its true and false positives and negatives.

        precision = TP / (TP + FP),   recall = TP / (TP + FN),   F1 = 2 TP / (2 TP + FP + FN)

    NaN where the denominator is 0: the precision of a class that is never predicted, the recall of one that never
    occurs.
    """
    return of_table(confusion(truth, label, K, w))


def of_table(table: NDArray[Any]) -> dict[str, Any]:
    """The same from the confusion (…, K, K)."""
    hits, predicted, true = np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-2), table.sum(axis=-1)
    return {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, true),
        "f1": ratio(2 * hits, predicted + true),
    }


def macro(name: str, text: str) -> Callable[..., Any]:
    """The mean of one column of `per_class` over the classes, true or predicted; where it is 0 / 0 it counts as 0."""

    def judge(rows: Judged) -> OfWeights:
        def metric(w: Weights) -> Any:
            found = of_table(rows.confusion(w))
            return over_defined(np.nan_to_num(found[name]), ~np.isnan(found["f1"]))

        return metric

    judge.__doc__ = text
    return in_two_steps(judge)


precision_macro = macro("precision", "The mean over classes, true or predicted, of TP / (TP + FP).")
recall_macro = macro("recall", "The mean over classes, true or predicted, of TP / (TP + FN).")
f1_macro = macro("f1", "The mean over classes, true or predicted, of 2 TP / (2 TP + FP + FN).")


@in_two_steps
def balanced_accuracy(rows: Judged) -> OfWeights:
    """The mean recall of the classes that occur: accuracy if all of them were equally frequent."""

    def metric(w: Weights) -> Any:
        recall = of_table(rows.confusion(w))["recall"]
        return over_defined(recall, ~np.isnan(recall))

    return metric


# --- from the order of the probabilities ---------------------------------------------------------------------------


def one_versus_rest(curve: Callable[[Ranking, Weights], Any]) -> Callable[..., Any]:
    """A metric of two classes for K: of the second class for two, else the mean over the classes against the rest.

    A class that does not occur, or that all rows have, is left out; without any the metric is NaN.
    """

    def judge(rows: Judged) -> OfWeights:
        classes = [1] if rows.K == 2 else range(rows.K)

        def metric(w: Weights) -> Any:
            values = np.stack([curve(rows.ranking(k), w) for k in classes], axis=-1)
            return over_defined(values, ~np.isnan(values))

        return metric

    judge.__doc__ = curve.__doc__
    return in_two_steps(judge)


@one_versus_rest
def roc_auc(ranking: Ranking, w: Weights) -> Any:
    """The probability that a row of the class scores above one of another class, ties half: the area under the ROC.

    Σ_t (FP_t − FP_{t−1}) ½ (TP_t + TP_{t−1}) / (P N) over the thresholds t
    """
    return ratio(*ranking.roc_area(w))


@one_versus_rest
def average_precision(ranking: Ranking, w: Weights) -> Any:
    """The area under the precision-recall curve as a sum over thresholds: Σ_t (recall_t − recall_{t−1}) precision_t."""
    area, positives, negatives = ranking.precision_area(w)
    return np.where(negatives > 0, ratio(area, positives), np.nan)


# --- from the probabilities themselves -----------------------------------------------------------------------------


@in_two_steps
def log_loss(rows: Judged) -> OfWeights:
    """−mean log p[true class], natural logarithm, probabilities kept off 0 by one machine epsilon."""
    return partial(mean, -np.log(clipped(rows.p[np.arange(len(rows.p)), rows.truth])))


@in_two_steps
def brier(rows: Judged) -> OfWeights:
    """mean Σ_k (p_k − y_k)² with y one-hot (Brier 1950), halved for two classes, which makes it mean (p₁ − y₁)²."""
    classes = np.arange(rows.K)
    squares, size = np.empty(len(rows.p)), max(1, NUMBERS // rows.K)
    for start in range(0, len(squares), size):
        part = slice(start, start + size)
        squares[part] = ((rows.p[part] - (rows.truth[part, None] == classes)) ** 2).sum(axis=1)
    return partial(mean, squares / 2 if rows.K == 2 else squares)


@in_two_steps
def calibration_error(rows: Judged) -> OfWeights:
    """The expected calibration error (Guo et al. 2017, eq. 3), with 15 bins of equal width.

        ECE = Σ_b W_b / W |accuracy_b − confidence_b| = Σ_b |Σ_{i in b} w_i (hit_i − confidence_i)| / W

    The confidence of a row is its highest probability; bin b holds those in ((b − 1) / 15, b / 15].
    """
    confidence = rows.p.max(axis=1)
    gap = rows.hit - confidence
    place = confidence * BINS
    bins = np.ceil(place, place).astype(np.intp)
    bins -= 1
    np.clip(bins, 0, BINS - 1, out=bins)

    @cache
    def columns() -> Floats:
        """One column for each bin, so that one product adds up the gaps of every bin in all resamples."""
        return np.asarray(gap[:, None] * (bins[:, None] == np.arange(BINS)), np.float64)

    def metric(w: Weights) -> Any:
        if w is None or w.ndim == 1:
            sums = np.bincount(bins, gap if w is None else w * gap, BINS)
            return np.abs(sums).sum() / (len(gap) if w is None else w.sum())
        return np.abs(mean(columns(), w)).sum(axis=-1)

    return metric


# --- of real targets -----------------------------------------------------------------------------------------------


@of_pairs
def rmse(y: Floats, y_hat: Floats) -> OfWeights:
    """√ mean (y − ŷ)²."""
    squares = (y - y_hat) ** 2
    return lambda w: np.sqrt(mean(squares, w)).mean(axis=-1)


@of_pairs
def mae(y: Floats, y_hat: Floats) -> OfWeights:
    """mean |y − ŷ|."""
    sizes = np.abs(y - y_hat)
    return lambda w: mean(sizes, w).mean(axis=-1)


@of_pairs
def r2(y: Floats, y_hat: Floats) -> OfWeights:
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)²; for a constant y 1 if it is met exactly, else 0; NaN for less than two rows."""
    squares, varies = (y - y_hat) ** 2, len(y) > 1 and np.ptp(y, axis=0) > 0

    def metric(w: Weights) -> Any:
        if len(y) < 2:
            return np.full(() if w is None else w.shape[:-1], np.nan)[()]
        centred = y - mean(y, w if w is None or w.ndim == 1 else w.sum(axis=0))
        square = mean(centred**2, w)
        spread = square - mean(centred, w) ** 2
        # A constant y has no spread; its mean may differ from it by a rounding error.
        spread = np.where(varies & (spread > 1e-12 * square), spread, 0.0)
        residual = mean(squares, w)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(spread > 0, 1 - residual / spread, np.where(residual > 0, 0.0, 1.0))
        return share.mean(axis=-1)

    return metric


@of_pairs
def mape(y: Floats, y_hat: Floats) -> OfWeights:
    """mean |y − ŷ| / |y|, a share and not a percentage; NaN if any y is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.abs(y - y_hat) / np.abs(y)
    whole = bool(y.all())

    def metric(w: Weights) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            share = mean(shares, w).mean(axis=-1)
            return share if whole else share * np.nan

    return metric


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
