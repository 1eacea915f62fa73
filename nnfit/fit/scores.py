"""What a trained network is worth: on every set its metrics, beside those of the trivial predictor.

Temperature and threshold are fitted first, to rows that were not learnt from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.batches import Rows
from nnfit.core.network import predict
from nnfit.core.parameter import Array
from nnfit.data.numeric import Floats
from nnfit.data.target import Labels, Target, outputs, temperature
from nnfit.fit.prepare import Part, Prepared, Stream
from nnfit.scoring.evaluation import Metrics, cost, evaluate, spread, tidy, trivial
from nnfit.scoring.threshold import cross_fitted, threshold


class Measured(NamedTuple):
    """The target with what was fitted to it; on every set the metrics, those of a constant, and the number of rows."""

    target: Target
    metrics: dict[str, Metrics]
    trivial: dict[str, Metrics]
    rows: dict[str, int]


class Scored(NamedTuple):
    """A set: outputs (M, K, n), truth, and weights (n,) with mean 1."""

    y_hat: Array
    truth: Floats | Labels
    w: Floats


def measure(prepared: Prepared, theta: Array, kept: tuple[Rows, ...]) -> Measured:
    """Predict every set and score it; `kept` are the training rows that each member did not learn from, if any."""
    training, loss = prepared.spec["training"], prepared.spec["loss"]
    weighted = training["weighted_metrics"]
    sets: dict[str, Scored] = {}
    unseen = "validation"
    for name, part in prepared.parts.items():
        with np.errstate(all="ignore"):
            y_hat = predict(prepared.network, theta, part.examples.X)
        sets[name] = Scored(y_hat, part.truth, weights(part))
        if name == "train" and kept:
            unseen = {"folds": "out_of_fold", "bootstrap": "out_of_bag"}[training["resample"]]
            seen = np.unique(np.concatenate(kept))
            sets[unseen] = out_of_sample(sets[name], kept, seen)
    target = prepared.target
    if training["calibration"] == "temperature":
        y_hat, expected, _ = sets[unseen]
        target = target._replace(temperature=temperature(target, y_hat.mean(axis=0), np.asarray(expected, np.intp)))
    honest = target
    if isinstance(training["threshold"], dict):
        target, honest = with_threshold(target, sets[unseen], training["threshold"]["maximize"], prepared)

    metrics, constant = {}, {}
    mean, mean_of_cost = prior(prepared, weighted), prior(prepared, True)
    for name, (y_hat, expected, w) in sets.items():
        scored = honest if name == unseen else target
        metrics[name] = evaluate(scored, loss, y_hat, expected, w, weighted)
        K, n = y_hat.shape[1:]
        least = cost(loss, np.broadcast_to(mean_of_cost[:, None], (K, n)), outputs(target, expected, "float64"), w)
        constant[name] = tidy({"loss": least}) | trivial(target, mean, expected, w if weighted else None)
    if kept:
        each = [of_member(honest, sets["train"], k, rows, seen, loss, weighted) for k, rows in enumerate(kept)]
        metrics[unseen]["members"] = spread(each)
    return Measured(target, metrics, constant, {name: len(scored.truth) for name, scored in sets.items()})


def with_threshold(target: Target, unseen: Scored, aim: str, prepared: Prepared) -> tuple[Target, Target]:
    """The target with the threshold that is best on these rows, and with those to score the same rows by.

    A threshold looks better on the rows that it was chosen on than on others: so each row is scored by one that was
    chosen without it.
    """
    w = unseen.w if prepared.spec["training"]["weighted_metrics"] else None
    y_hat, expected = unseen.y_hat.mean(axis=0), np.asarray(unseen.truth, np.intp)
    rng = np.random.default_rng([prepared.spec["seed"], Stream.THRESHOLD])
    return (
        target._replace(threshold=threshold(target, y_hat, expected, aim, w)),
        target._replace(threshold=cross_fitted(target, y_hat, expected, aim, w, rng)),
    )


def out_of_sample(train: Scored, kept: tuple[Rows, ...], seen: Rows) -> Scored:
    """For training rows the mean output of the members that did not learn from them, (1, K, n)."""
    total, count = np.zeros(train.y_hat.shape[1:]), np.zeros(len(train.truth))
    for y_hat, rows in zip(train.y_hat, kept, strict=True):
        total[:, rows] += y_hat[:, rows]
        count[rows] += 1
    w = train.w[seen]
    return Scored((total[:, seen] / count[seen])[None], train.truth[seen], w / w.mean())


def of_member(target: Target, train: Scored, k: int, rows: Rows, seen: Rows, loss: str, weighted: bool) -> Metrics:
    """The metrics of a member on the training rows that it did not learn from."""
    if np.ndim(target.threshold):
        target = target._replace(threshold=np.asarray(target.threshold)[np.searchsorted(seen, rows)])
    w = train.w[rows]
    return evaluate(target, loss, train.y_hat[k : k + 1, :, rows], train.truth[rows], w / w.mean(), weighted)


def prior(prepared: Prepared, weighted: bool) -> Floats:
    """The mean output of the training rows, (K,), each counted by its weight or alike."""
    part = prepared.parts["train"]
    w = weights(part) if weighted else np.ones(part.n)
    return np.asarray(part.examples.Y.astype(np.float64) @ w / part.n)


def weights(part: Part) -> Floats:
    """The example weights of a part, with mean 1."""
    w: NDArray[np.float64] = part.examples.w[0, 0].astype(np.float64)
    return np.asarray(w / w.mean())
