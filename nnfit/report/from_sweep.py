"""A sweep that has run, as its page takes it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from nnfit.errors import Problem
from nnfit.model.aggregates import Curves
from nnfit.report.sweep import Parameter, Sweep, page_bytes
from nnfit.scoring.selection import MEANS, Scores
from nnfit.sweeps.keys import Range
from nnfit.sweeps.reading import drawn_by_seed
from nnfit.sweeps.results import Row, Swept

SETS = {
    "out_of_fold": "training rows (each by the members that did not learn from it)",
    "out_of_bag": "training rows (each by the members that did not learn from it)",
    "validation": "validation rows",
}


def page_of_sweep(swept: Swept, best: bytes, warnings: tuple[Problem, ...] = ()) -> bytes:
    """report.html of a sweep whose best.yaml is `best`."""
    return page_bytes(replace(as_sweep(swept), best_text=best.decode(), warnings=warnings))


def as_sweep(swept: Swept) -> Sweep:
    """The sweep as its page has it; nothing is drawn, and the extra `report` is not needed."""
    file = swept.sweep.document.file
    parameters = tuple(
        Parameter(path, (), values.scale == "log") if isinstance(values, Range) else Parameter(path, tuple(values))
        for path, values in swept.sweep.parameters.items()
    )
    ranking = swept.ranking()
    counted = next((row.outcomes[0].rows for row in ranking), 0)
    test = {} if swept.best is None else swept.best.metrics.get("test", {})
    scored, scores = scores_of(swept)
    repeat = swept.sweep.keys.repeat
    return Sweep(
        Path(file or "sweep").name,
        swept.metric,
        swept.higher,
        parameters,
        table(swept),
        method=swept.sweep.keys.search.method,
        repeat=repeat,
        repeats=np.array([row.values for row in swept.rows], np.float64) if repeat > 1 else None,
        redrawn=redrawn(swept),
        planned=len(swept.rows),
        best=ranking[0].number if ranking else None,
        rows=f"{counted:,} {SETS[swept.held_out]}",
        scores=scores,
        scored=scored,
        rows_of_another=scores is None and rows_of_another(swept),
        fixed=fixed(swept),
        curves={row.number: curves for row in ranking[:20] if (curves := curves_of(row)) is not None},
        test={name: value for name, value in test.items() if isinstance(value, float)},
        test_chose=swept.test_chose,
        test_rows=0 if swept.best is None else int(swept.best.record["rows"].get("test", 0)),
        text=Path(file).read_text("utf-8", "replace") if file and Path(file).is_file() else "",
    )


def redrawn(swept: Swept) -> float:
    """The rows that a repeat holds out by those that it learns from, if it draws a share of them by its own seed."""
    data = swept.sweep.first.data
    if swept.sweep.keys.repeat == 1 or data.split_seed is not None or not isinstance(data.validation, float):
        return 0.0
    if swept.held_out != "validation":
        return 0.0
    tested = data.test if isinstance(data.test, float) else 0.0
    return data.validation / (1 - data.validation - tested)


def others(swept: Swept) -> bool:
    """Whether another seed is scored on other rows."""
    spec = swept.sweep.first
    return drawn_by_seed(spec) or (swept.held_out == "out_of_bag" and spec.data.split_seed is None)


def rows_of_another(swept: Swept) -> bool:
    """Whether a metric that is a mean over rows has no scores of rows because trials were trained under another."""
    data = swept.sweep.first.data
    alone = data.weight is None and len(data.target) == 1 and swept.sweep.keys.repeat == 1
    return alone and any(swept.metric in names for names in MEANS.values())


def fixed(swept: Swept) -> str:
    """What all scores have in common beside the data, in words: the seed, or several, and how it divides the rows."""
    spec = swept.sweep.first
    share = isinstance(spec.data.validation, float)
    rows = {"out_of_fold": "these folds", "out_of_bag": "these draws of rows"}.get(swept.held_out, "this split" * share)
    seed = "these seeds" if swept.sweep.keys.repeat > 1 else "this seed"
    return f"{seed} and {rows}" if rows else seed


def table(swept: Swept) -> pd.DataFrame:
    """The trials, a line for each."""
    rows = swept.rows
    columns: dict[str, object] = {"trial": [row.number for row in rows]}
    for path in swept.sweep.parameters:
        columns[path] = pd.Series([row.parameters[path] for row in rows], dtype=object)
    columns[swept.metric] = [math.nan if row.score is None else row.score for row in rows]
    columns |= {
        "sd": [math.nan if row.sd is None else row.sd for row in rows],
        "epochs": [math.nan if row.epochs is None else row.epochs for row in rows],
        "seconds": [row.seconds for row in rows],
        "status": [row.status for row in rows],
        "message": [row.message for row in rows],
    }
    return pd.DataFrame(columns)


def scores_of(swept: Swept) -> tuple[list[int], Scores | None]:
    """The scores of the trials on groups of rows that are the same for all, if they are known of all that are done.

    Of repeats that are scored on the same rows they are the mean. Those of an earlier command may be of another metric,
    which was the sweep's then: their mean is not the score.
    """
    ranking = swept.ranking()
    every = [outcome for row in ranking for outcome in row.outcomes]
    if (swept.sweep.keys.repeat > 1 and others(swept)) or len({(len(each.groups), each.rows) for each in every}) != 1:
        return [], None
    n, G = every[0].rows, len(every[0].groups)
    if not G:
        return [], None
    sizes = np.bincount(np.arange(n) % G).astype(np.float64)
    single = Scores(np.array([outcome.groups for outcome in every], np.float64), sizes, swept.metric == "rmse")
    values = np.array([row.values for row in ranking], np.float64)
    own = single.of(np.ones((1, G)))[0].reshape(values.shape)
    if not np.allclose(own, values, rtol=1e-5, atol=1e-7):
        return [], None
    mean = single.values.reshape(*values.shape, G).mean(axis=1)
    if single.root:  # the mean of roots is less than the root of the mean
        mean *= (values.mean(axis=1) ** 2 / np.maximum((own**2).mean(axis=1), 1e-300))[:, None]
    return [row.number for row in ranking], single._replace(values=mean)


def curves_of(row: Row) -> Curves | None:
    """The costs of a trial, the mean over its members, at some of its epochs."""
    points = [point for point in row.outcomes[0].curve if None not in point]
    if not points:
        return None
    costs = np.array([[point[1]] for point in points], np.float64).T
    watched = all(len(point) > 2 for point in points)
    validations = np.array([[point[2]] for point in points], np.float64).T if watched else None
    return Curves(tuple(int(point[0] or 0) for point in points), costs, validations, (), 1)
