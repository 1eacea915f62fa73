"""What a trained network is worth: on every set its metrics, beside those of the prior alone.

Temperature and threshold are fitted to rows that were not learnt from, and each of these is scored without its own say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnfit.core.batches import Rows
from nnfit.core.network import predict
from nnfit.core.parameter import Array
from nnfit.data.room import lay
from nnfit.data.scales import Floats
from nnfit.data.seeds import Purpose, generator
from nnfit.data.split import folds, strata
from nnfit.data.target import Labels, Target, decode, outputs
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import Run
from nnfit.fit.sets import Dataset
from nnfit.model.aggregates import SETS
from nnfit.progress import phase, tracked
from nnfit.scoring.calibration import temperature
from nnfit.scoring.comparison import Outcome
from nnfit.scoring.evaluation import Ends, Metrics, averaged, cost, evaluate, of_prior, over_members
from nnfit.scoring.threshold import threshold
from nnfit.storage.json_text import tidy
from nnfit.workers.threads import spread

PARTS = 10  # that rows are cut into, to score each part by the temperature and threshold of the others

# Verdicts are given on the rows not learnt from that are most, as a rule; what is told as the honest score is that of
# the test rows first (model/learnt.py): nothing at all was chosen on them.
HONEST = ("out_of_fold", "out_of_bag", "validation", "test", "train")


class Predicted(NamedTuple):
    """A set of rows: outputs (M, K, n), truth, and weights (n,) with mean 1."""

    y_hat: Array
    truth: Floats | Labels
    w: Floats


class Seen(NamedTuple):
    """Rows that tell of new ones: their name, what the network and the prior say of them, and the truth.

    `thresholds` (n,) are those that each row is decided by, where not all by the target's.
    """

    name: str
    network: Outcome
    prior: Outcome
    truth: Floats | Labels
    w: Floats
    thresholds: Floats | None


class Scores(NamedTuple):
    """The target with what was fitted to it; on every set the metrics, those of the prior, and the number of rows.

    Verdicts are given on the rows `seen`, those `told` are shown: they differ as HONEST and SETS do.
    """

    target: Target
    metrics: dict[str, Metrics]
    of_prior: dict[str, Metrics]
    rows: dict[str, int]
    seen: Seen
    told: Seen


def score(run: Run, learnt_from: bool = True) -> Scores:
    """Predict every set with the weights to be used, and score it; rows `learnt_from` may be left out.

    Rows that had a say in the weights, temperature or threshold would look better than new ones. So those held out from
    members, and validation rows that stop the training, are scored by outputs of epochs that were chosen without them
    (cross_fitting.py), and by a temperature and threshold that are fitted without them.
    """
    prepared, kept = run.prepared, run.kept
    loss, weighted = prepared.spec.loss, prepared.spec.training.weighted_metrics
    of_sets = tracked(prepared.sets.items(), "predicting every set")
    sets = {name: Predicted(outputs_of(run, rows), rows.truth, lay(rows.weights)) for name, rows in of_sets}
    unseen = "validation"
    each, seen = outputs_held_out(run, sets["train"].y_hat), held_out(run)
    if kept:
        unseen = {"folds": "out_of_fold", "bootstrap": "out_of_bag"}[prepared.spec.training.resample]
        sets = {"train": sets["train"], unseen: out_of_sample(sets["train"], each, kept, seen), **sets}
    elif run.cross_fitted is not None:
        sets[unseen] = sets[unseen]._replace(y_hat=run.cross_fitted.y_hat)
    target, ends = fitted(prepared, sets.get(unseen))

    train = sets["train"]
    if not learnt_from:
        del sets["train"]
    metrics, of_constant = {}, {}
    mean, mean_of_cost = prior(prepared, weighted), prior(prepared, True)
    for name, (y_hat, expected, w) in tracked(sets.items(), "scoring every set"):
        metrics[name] = evaluate(target, loss, y_hat, expected, w, weighted, ends if name == unseen else None)
    for name, (y_hat, expected, w) in tracked(sets.items(), "scoring the prior"):
        K, n = y_hat.shape[1:]
        least = cost(loss, np.broadcast_to(mean_of_cost[:, None], (K, n)), outputs(target, expected, "float64"), w)
        of_constant[name] = tidy({"loss": least}) | of_prior(target, mean, expected, w if weighted else None)
    if kept:

        def alone(member: tuple[Array, Rows]) -> Metrics:
            """The metrics of one member on the rows kept from it."""
            y_hat, rows = member
            truth, w = train.truth[rows], train.w[rows]
            own = None if ends is None else ends.of_rows(np.searchsorted(seen, rows))
            return evaluate(target, loss, y_hat[None], truth, w / w.mean(), weighted, own)

        members = tracked(spread(alone, zip(each, kept, strict=True)), "scoring every member", len(kept))
        metrics[unseen]["members"] = over_members(list(members))
    best, shown = (next(name for name in order if name in sets) for order in (HONEST, SETS))
    seen_by = {
        name: seen_of(name, target, ends if name == unseen else None, sets[name], mean, mean_of_cost)
        for name in {best, shown}
    }
    counts = {name: len(rows.truth) for name, rows in sets.items()}
    return Scores(target, metrics, of_constant, counts, seen_by[best], seen_by[shown])


def held_out(run: Run) -> Rows:
    """The training rows that some member does not learn from, in their order."""
    there = np.zeros(run.prepared.sets["train"].n, bool)
    for rows in run.kept:
        there[rows] = True
    return np.flatnonzero(there)


@phase("predicting by the prior")
def seen_of(name: str, target: Target, ends: Ends | None, rows: Predicted, mean: Floats, mean_of_cost: Floats) -> Seen:
    """What the network and the prior say of rows that tell of new ones."""
    y_hat = lay(averaged(rows.y_hat))
    with np.errstate(all="ignore"):
        network = Outcome(y_hat, lay(decode(target, y_hat) if ends is None else ends.decode(y_hat)))
        plain, n = target._replace(temperature=1.0), len(rows.truth)
        decoded = lay(decode(plain, lay(np.repeat(mean[:, None], n, axis=1))))
        prior = Outcome(lay(np.repeat(mean_of_cost[:, None], n, axis=1)), decoded)
    return Seen(name, network, prior, rows.truth, rows.w, None if ends is None else ends.thresholds)


def outputs_of(run: Run, rows: Dataset) -> Array:
    """The outputs (M, K, n) of the weights to be used."""
    with np.errstate(all="ignore"):
        return predict(run.prepared.network, run.theta, rows.examples.X, run.prepared.empty)


@phase("averaging the members")
def outputs_held_out(run: Run, y_hat: Array) -> list[Array]:
    """Each member's outputs (K, r) for the r training rows kept from it; y_hat (M, K, n) are those for all of them."""
    if run.cross_fitted is None:
        return [member[:, rows] for member, rows in zip(y_hat, run.kept, strict=False)]
    return [member[:, : len(rows)] for member, rows in zip(run.cross_fitted.y_hat, run.kept, strict=False)]


def fitted(prepared: Prepared, unseen: Predicted | None) -> tuple[Target, Ends | None]:
    """The target with temperature and threshold, and what to score the rows by that these were fitted to.

    Both look better on the rows that they were fitted to than on others: so each row is scored by those of all but the
    tenth it is in.
    """
    training, target = prepared.spec.training, prepared.target
    tempered, cut = training.calibration == "temperature", not isinstance(training.threshold, float)
    if unseen is None or not (tempered or cut):
        return target, None
    y_hat, expected, w = unseen.y_hat.mean(axis=0), np.asarray(unseen.truth, np.intp), unseen.w

    def fit(rows: Rows) -> Target:
        found = target
        if tempered:
            found = found._replace(temperature=temperature(found, y_hat[:, rows], expected[rows]))
        if not isinstance(training.threshold, float):
            weights = w[rows] if training.weighted_metrics else None
            level = threshold(found, y_hat[:, rows], expected[rows], training.threshold.maximize, weights)
            found = found._replace(threshold=level)
        return found

    n = len(expected)
    tenth = folds(strata(expected), min(PARTS, n), generator(prepared.spec.split_seed, Purpose.THRESHOLD))
    parts = range(-1, min(PARTS, n))  # −1: no part
    fits = spread(lambda k: fit(rows) if len(rows := np.flatnonzero(tenth != k)) else target, parts)
    name = "fitting the temperature" if tempered else "fitting the threshold"
    whole, *without = tracked(fits, name, len(parts))
    return whole, Ends(tenth, tuple(without))


@phase("averaging the members")
def out_of_sample(train: Predicted, each: Sequence[Array], kept: tuple[Rows, ...], seen: Rows) -> Predicted:
    """For training rows the mean output of the members that did not learn from them, (1, K, n)."""
    total, count = np.zeros(train.y_hat.shape[1:]), np.zeros(len(train.truth))
    for y_hat, rows in zip(each, kept, strict=True):
        total[:, rows] += y_hat
        count[rows] += 1
    w = train.w[seen]
    return Predicted((total[:, seen] / count[seen])[None], train.truth[seen], w / w.mean())


def prior(prepared: Prepared, weighted: bool) -> Floats:
    """The mean output of the training rows, (K,), each counted by its weight or alike."""
    rows = prepared.sets["train"]
    w = rows.weights if weighted else np.ones(rows.n)
    return np.asarray(rows.examples.Y.astype(np.float64) @ w / rows.n)
