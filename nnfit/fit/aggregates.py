"""What of a training is kept in the model to be looked at: nnfit/model/aggregates.py says what, here it is gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nnfit.data.target import Target
from nnfit.diagnostics.health import Health
from nnfit.fit.run import Progress, Run
from nnfit.fit.scores import Scores
from nnfit.model.aggregates import COLUMNS, NUMBERS, SERIES, SIZE, Aggregates, Curves, as_json
from nnfit.scoring.evaluation import intervals
from nnfit.scoring.profile import CELLS, POINTS, SHOWN, Profile, profile
from nnfit.storage import json_text

HEADLINE = ("accuracy", "log_loss", "f1_macro", "roc_auc", "rmse", "mae", "r2")  # metrics with an interval
FULL = 6  # real targets with pictures as fine as that of one
FEW = 10  # points of a curve, and intervals of a range, of the coarsest picture
LINES = 5  # members whose curves are kept where there is no room for all


def gathered(run: Run, found: Scores, health: Health) -> Aggregates | None:
    """The aggregates of a training: of the rows that were not learnt from, if there are any.

    They take at most SIZE bytes: what would take more is made coarser, the pictures of the predictions last; of a
    network whose layers alone take more there are none.
    """
    prepared, rows, target = run.prepared, found.told, found.target
    w = rows.w if prepared.spec.training.weighted_metrics else None
    prediction = rows.network.prediction

    def seen(part: float) -> Profile:
        points, cells = (max(FEW, round(each * part)) for each in (POINTS, CELLS))
        return profile(target, rows.truth, prediction, w, points, cells)

    real = len(target.columns) if target.task == "regression" else 1
    whole = Aggregates(
        rows.name,
        seen(min(1.0, (FULL / min(real, SHOWN)) ** 0.5)),  # a picture of a real target takes as many cells squared
        intervals(
            target, prediction, rows.truth, w, prepared.spec.seed, rows.thresholds, HEADLINE, found.metrics[rows.name]
        ),
        curves(run),
        prepared.missing[:COLUMNS],
        health,
    )
    return fitting(whole, target, run, seen)


def fitting(found: Aggregates, target: Target, run: Run, seen: Callable[[float], Profile]) -> Aggregates | None:
    """The aggregates, what is least important made coarser or left out step by step until they fit SIZE."""
    smaller: tuple[Callable[[], Aggregates], ...] = (
        lambda: found._replace(curves=curves(run, NUMBERS // 2)),
        lambda: found._replace(missing=found.missing[: COLUMNS // 10]),
        lambda: found._replace(profile=seen(0.5)),
        lambda: found._replace(curves=curves(run, NUMBERS // 4, LINES)),
        lambda: found._replace(profile=seen(0.0)),
        lambda: found._replace(missing=()),
        lambda: found._replace(profile=Profile(found.profile.rows)),
    )
    for less in smaller:
        if size(found, target) <= SIZE:
            return found
        found = less()
    return found if size(found, target) <= SIZE else None


def size(found: Aggregates, target: Target) -> int:
    """The bytes that aggregates take in a model file."""
    return len(json_text.write(json_text.tidy({"aggregates": as_json(found, target)})))


def curves(run: Run, most: int = NUMBERS, series: int = SERIES) -> Curves:
    """The learning curves, at some of the epochs if there are many, the last among them; about so many numbers."""
    history, M = run.history, len(run.theta)
    members = min(M, series)
    chosen = some(history, most // (2 * members))
    watched = [epoch.validations for epoch in chosen if epoch.validations is not None]
    return Curves(
        tuple(epoch.number for epoch in chosen),
        np.array([epoch.costs[:members] for epoch in chosen], np.float64).reshape(len(chosen), members).T,
        np.array([costs[:members] for costs in watched], np.float64).reshape(len(chosen), members).T
        if watched
        else None,
        () if run.best is None else tuple(run.best.watch.epoch[:members].tolist()),
        M,
    )


def some(history: Sequence[Progress], most: int) -> list[Progress]:
    """At most so many of the epochs, the first ones closer to each other, where costs fall most."""
    E = len(history)
    if most >= E:
        return list(history)
    places = np.unique(np.r_[np.geomspace(1, E, most // 3), np.linspace(1, E, most - most // 3)].round().astype(int))
    return [history[place - 1] for place in places]
