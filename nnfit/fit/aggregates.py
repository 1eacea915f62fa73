"""What of a training is kept in the model to be looked at: nnfit/model/aggregates.py says what, here it is gathered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnfit.data.scales import FAR
from nnfit.diagnostics.health import Health
from nnfit.fit.run import Progress, Run
from nnfit.fit.scores import Scores
from nnfit.model.aggregates import COLUMNS, NUMBERS, SERIES, Aggregates, Curves
from nnfit.scoring.evaluation import intervals
from nnfit.scoring.profile import Profile, profile

HEADLINE = ("accuracy", "log_loss", "roc_auc", "rmse", "mae", "r2")  # metrics with an interval


def gathered(run: Run, found: Scores, health: Health) -> Aggregates:
    """The aggregates of a training: of the rows that were not learnt from, if there are any."""
    prepared, rows, target = run.prepared, found.told, found.target
    w = rows.w if prepared.spec.training.weighted_metrics else None
    prediction = rows.network.prediction
    ends = intervals(target, prediction, rows.truth, w, prepared.spec.seed, rows.thresholds, HEADLINE)
    near = (np.abs(prediction) <= FAR).all()  # others have no square, and no bins
    return Aggregates(
        rows.name,
        profile(target, rows.truth, prediction, w) if near else Profile(len(prediction)),
        ends,
        curves(run),
        prepared.missing[:COLUMNS],
        health,
    )


def curves(run: Run) -> Curves:
    """The learning curves, at some of the epochs if there are many, the last among them."""
    history, M = run.history, len(run.theta)
    members = min(M, SERIES)
    chosen = some(history, NUMBERS // (2 * members))
    watched = [epoch.validations for epoch in chosen if epoch.validations is not None]
    return Curves(
        tuple(epoch.number for epoch in chosen),
        np.array([epoch.costs[:members] for epoch in chosen], np.float64).reshape(len(chosen), members).T,
        np.array([costs[:members] for costs in watched], np.float64).reshape(len(chosen), members).T
        if watched
        else None,
        () if run.best is None else tuple(run.best.watch.epoch.tolist()),
        M,
    )


def some(history: Sequence[Progress], most: int) -> list[Progress]:
    """At most so many of the epochs, the first ones closer to each other, where costs fall most."""
    E = len(history)
    if most >= E:
        return list(history)
    places = np.unique(np.r_[np.geomspace(1, E, most // 3), np.linspace(1, E, most - most // 3)].round().astype(int))
    return [history[place - 1] for place in places]
