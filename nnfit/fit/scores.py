"""What a trained network is worth: on every set its metrics, beside those of the prior alone.

Temperature and threshold are fitted first, to rows that were not learnt from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnfit.core.batches import Rows
from nnfit.core.network import predict
from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, outputs
from nnfit.fit.prepare import Prepared
from nnfit.fit.seeds import Purpose, generator
from nnfit.scoring.calibration import temperature
from nnfit.scoring.evaluation import Metrics, cost, evaluate, of_prior, spread, tidy
from nnfit.scoring.threshold import cross_fitted, threshold


class Scores(NamedTuple):
    """The target with what was fitted to it; on every set the metrics, those of the prior, and the number of rows."""

    target: Target
    metrics: dict[str, Metrics]
    of_prior: dict[str, Metrics]
    rows: dict[str, int]


class Predicted(NamedTuple):
    """A set of rows: outputs (M, K, n), truth, and weights (n,) with mean 1."""

    y_hat: Array
    truth: Floats | Labels
    w: Floats


def score(prepared: Prepared, theta: Array, kept: tuple[Rows, ...]) -> Scores:
    """Predict every set and score it; `kept` are the training rows that each member did not learn from, if any."""
    training, loss = prepared.spec.training, prepared.spec.loss
    weighted = training.weighted_metrics
    sets: dict[str, Predicted] = {}
    unseen, seen = "validation", np.empty(0, np.intp)
    for name, rows in prepared.sets.items():
        with np.errstate(all="ignore"):
            y_hat = predict(prepared.network, theta, rows.examples.X)
        sets[name] = Predicted(y_hat, rows.truth, rows.weights)
        if name == "train" and kept:
            unseen = {"folds": "out_of_fold", "bootstrap": "out_of_bag"}[training.resample]
            seen = np.unique(np.concatenate(kept))
            sets[unseen] = out_of_sample(sets[name], kept, seen)
    target, thresholds = fitted(prepared, sets.get(unseen))

    metrics, of_constant = {}, {}
    mean, mean_of_cost = prior(prepared, weighted), prior(prepared, True)
    for name, (y_hat, expected, w) in sets.items():
        metrics[name] = evaluate(target, loss, y_hat, expected, w, weighted, thresholds if name == unseen else None)
        K, n = y_hat.shape[1:]
        least = cost(loss, np.broadcast_to(mean_of_cost[:, None], (K, n)), outputs(target, expected, "float64"), w)
        of_constant[name] = tidy({"loss": least}) | of_prior(target, mean, expected, w if weighted else None)
    if kept:
        own = [thresholds if thresholds is None else thresholds[np.searchsorted(seen, rows)] for rows in kept]
        members = zip(range(len(kept)), kept, own, strict=True)
        each = [of_member(target, sets["train"], k, rows, loss, weighted, levels) for k, rows, levels in members]
        metrics[unseen]["members"] = spread(each)
    return Scores(target, metrics, of_constant, {name: len(rows.truth) for name, rows in sets.items()})


def fitted(prepared: Prepared, unseen: Predicted | None) -> tuple[Target, Floats | None]:
    """The target with temperature and threshold, and thresholds (n,) to score the rows by that these were fitted to.

    A threshold looks better on the rows that it was chosen on than on others: so each row is scored by one that was
    chosen without it.
    """
    training, target = prepared.spec.training, prepared.target
    if unseen is None:
        return target, None
    y_hat, expected = unseen.y_hat.mean(axis=0), np.asarray(unseen.truth, np.intp)
    if training.calibration == "temperature":
        target = target._replace(temperature=temperature(target, y_hat, expected))
    if isinstance(training.threshold, float):
        return target, None
    w, aim = unseen.w if training.weighted_metrics else None, training.threshold.maximize
    rng = generator(prepared.spec.seed, Purpose.THRESHOLD)
    chosen = threshold(target, y_hat, expected, aim, w)
    return target._replace(threshold=chosen), cross_fitted(target, y_hat, expected, aim, w, rng)


def out_of_sample(train: Predicted, kept: tuple[Rows, ...], seen: Rows) -> Predicted:
    """For training rows the mean output of the members that did not learn from them, (1, K, n)."""
    total, count = np.zeros(train.y_hat.shape[1:]), np.zeros(len(train.truth))
    for y_hat, rows in zip(train.y_hat, kept, strict=True):
        total[:, rows] += y_hat[:, rows]
        count[rows] += 1
    w = train.w[seen]
    return Predicted((total[:, seen] / count[seen])[None], train.truth[seen], w / w.mean())


def of_member(
    target: Target, train: Predicted, k: int, rows: Rows, loss: str, weighted: bool, thresholds: Floats | None
) -> Metrics:
    """The metrics of a member on the training rows that it did not learn from."""
    w = train.w[rows]
    y_hat = train.y_hat[k : k + 1, :, rows]
    return evaluate(target, loss, y_hat, train.truth[rows], w / w.mean(), weighted, thresholds)


def prior(prepared: Prepared, weighted: bool) -> Floats:
    """The mean output of the training rows, (K,), each counted by its weight or alike."""
    rows = prepared.sets["train"]
    w = rows.weights if weighted else np.ones(rows.n)
    return np.asarray(rows.examples.Y.astype(np.float64) @ w / rows.n)
