"""What is known of a model's training, and of its predictions for the rows that a page tells of.

Without a table these are the rows that the model did not learn from, whose aggregates it carries; with one, its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnfit.data.table import Table
from nnfit.errors import Problem
from nnfit.model.aggregates import SETS, Curves
from nnfit.model.model import Evaluation, Model
from nnfit.report.figures.rows import of_evaluation
from nnfit.scoring.profile import Profile
from nnfit.words import base, count

WORDS = {
    "out_of_fold": "{of} training rows, each predicted by members that did not learn from it (out of fold)",
    "out_of_bag": "{of} training rows, each predicted by members that did not learn from it (out of bag)",
    "test": "{of} test rows, which the model has not learnt from",
    "validation": "{of} validation rows, which the model has not learnt from",
    "train": "{rows} that the model has learnt from",
}
LABELS = {
    "out_of_fold": "{of} out-of-fold rows, not learnt from",
    "out_of_bag": "{of} out-of-bag rows, not learnt from",
    "test": "{of} test rows, not learnt from",
    "validation": "{of} validation rows, not learnt from",
    "train": "{of} training rows, learnt from",
}

LOUD = ("learnt-from", "watched")  # what makes rows no evidence
Metrics = Mapping[str, Any]
Ends = Mapping[str, Any]  # [low, high] or None, by metric


class Told(NamedTuple):
    """Rows of which a page tells: `honest` if the model did not learn from them, None if that is not known.

    `words` name them in a sentence, `label` in a picture. `linear` is None where there are no figures of such a model.
    """

    words: str
    label: str
    n: int
    honest: bool | None
    metrics: Metrics
    trivial: Metrics
    linear: Metrics | None
    intervals: Ends
    profile: Profile | None
    doubts: tuple[Problem, ...] = ()


def of_training(model: Model) -> Told | None:
    """The rows that the model carries aggregates of; of an older model its metrics alone, None without any."""
    found, record = model.aggregates, model.record
    metrics = record.get("metrics", {})
    name = found.rows if found is not None else next((name for name in SETS if name in metrics), None)
    if name is None or name not in metrics:
        return None
    n = int(record.get("rows", {}).get(name, 0 if found is None else found.profile.rows))
    rows = count(n, "row")
    return Told(
        WORDS.get(name, "{rows}").format(rows=rows, of=f"{n:,}"),
        LABELS.get(name, "{rows}").format(rows=rows, of=f"{n:,}"),
        n,
        name != "train",
        metrics[name],
        record.get("trivial", {}).get(name, {}),
        record.get("linear", {}).get(name),
        {} if found is None else found.intervals,
        None if found is None else found.profile,
    )


def of_table(model: Model, table: Table, found: Evaluation, dropped: tuple[Problem, ...] = ()) -> Told:
    """The rows of a table with its target."""
    learnt = None if found.learnt is None else found.learnt.get("train", 0)
    name, rows = base(table.file), count(table.n, "row")
    which = {None: "", 0: ", none of which the model has learnt from"}.get(
        learnt, f", of which it has learnt from {learnt:,}" if learnt else ""
    )
    return Told(
        f"{rows} of {name}{which}",
        f"{name}, {rows}" + (f", {learnt:,} learnt from" if learnt else ""),
        table.n,
        None if learnt is None else not any(problem.code in LOUD for problem in found.warnings),
        found.metrics,
        found.of_prior,
        None,
        model.intervals(found),
        of_evaluation(model, found),
        (*dropped, *found.warnings),
    )


def threshold_of(model: Model) -> float | None:
    """The decision threshold, which two classes of one target have: that of the second."""
    target = model.target
    return target.threshold if len(target.classes) == 2 and len(target.columns) == 1 else None


def curves_of(model: Model) -> Curves | None:
    """The learning curves that a model carries; of an older one the mean over its members."""
    seen = model.aggregates
    if seen is not None:
        return seen.curves if seen.curves.epochs else None
    history = model.record.get("history", {})
    cost, validation = history.get("cost", []), history.get("validation", [])
    if not cost:
        return None
    lines = [
        np.array([[np.nan if value is None else value for value in line]], np.float64) for line in (cost, validation)
    ]
    epochs, kept = tuple(range(1, len(cost) + 1)), tuple(model.record.get("best_epochs", []))
    return Curves(epochs, lines[0], lines[1] if validation else None, kept, len(model.theta))
