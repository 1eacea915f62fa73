"""Rows of a table through a model and back: what trace.py of the diagnostics finds, beside prediction and target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.optimizers import LBFGS
from nnfit.core.parameter import Array
from nnfit.data.cells import Rows
from nnfit.data.table import Table
from nnfit.data.target import outputs, truth, unlabelled
from nnfit.diagnostics.trace import Trace, trace
from nnfit.model.model import Model
from nnfit.model.remarks import Remarks

ETA = 0.01  # where the optimizer has no learning rate; that of sgd, if nothing is said


class Traced(NamedTuple):
    """One row of a table: its number, from 1, its inputs x (N₁,), the outputs y (K,) that it should have, its trace.

    `target` and `prediction` are told by target column, as the table has them; `probabilities` by class, or by column
    where there are several.
    """

    row: int
    x: Array
    target: dict[str, Any]
    prediction: dict[str, Any]
    probabilities: dict[str, float]
    y: Array | None
    trace: Trace


def learning_rate(model: Model) -> tuple[float, str]:
    """η of the step that a trace takes, and where it comes from."""
    optimizer = model.spec.training.optimizer
    if isinstance(optimizer, LBFGS):
        return ETA, f"chosen here, as {optimizer.name} has none"
    return optimizer.learning_rate, "training.optimizer.learning_rate"


def without_target(model: Model, table: Table) -> Rows:
    """The rows of a table that lack a target: of these there is only the way up."""
    names = model.target.columns
    absent = not all(name in table.columns for name in names)
    return np.flatnonzero(unlabelled(table, names) | absent)


def traces(model: Model, table: Table, first: int, remarks: Remarks | None = None) -> Iterator[Traced]:
    """Every row of a table, of which the first has this number, through the model and, if it has a target, back.

    What is wrong with a row, as `predict` and `evaluate` tell it, is a DataError before the first is given.
    """
    target, eta = model.target, learning_rate(model)[0]
    X = model.encoded(table)
    columns = model.predictions(table, proba=True, remarks=remarks)
    labelled = np.setdiff1d(np.arange(table.n), without_target(model, table))
    Y = np.full((target.outputs, table.n), np.nan)
    if len(labelled):
        Y[:, labelled] = outputs(target, truth(target, table.rows(labelled)), "float64")

    several = len(target.columns) > 1
    predicted = dict(zip(target.columns, [columns[name] for name in model.output_names(False)], strict=True))
    names = (target.columns if several else model.classes) if model.classes else ()
    probable = dict(zip(names, [columns[name] for name in model.probability_names], strict=True)) if names else {}

    def rows() -> Iterator[Traced]:
        known = set(labelled.tolist())
        for i in range(table.n):
            x, y = X[i : i + 1], Y[:, i : i + 1] if i in known else None
            yield Traced(
                first + i,
                x[0, 1:].astype(np.float64),
                {} if y is None else {name: table.cell(name, i) for name in target.columns},
                {name: column[i] for name, column in predicted.items()},
                {name: float(column[i]) for name, column in probable.items()},
                None if y is None else y[:, 0],
                trace(model.network, model.theta, x, y, eta=eta),
            )

    return rows()
