"""Labelled rows for a picture: of a table or a DataFrame, and how a model's predictions for them lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nnfit.data.frames import read_frame
from nnfit.data.table import Table
from nnfit.data.target import decode
from nnfit.model.model import Evaluation, Model, warn
from nnfit.scoring import profile as profiles

if TYPE_CHECKING:
    from nnfit.errors import Problem


def labelled(model: Model, rows: Table | pd.DataFrame) -> tuple[Table, tuple[Problem, ...]]:
    """The rows that have a target, as the model reads them, and a warning if some are left out."""
    table = rows if isinstance(rows, Table) else read_frame(rows, model.dialect, model.labelled_kinds, others=False)
    return model.labelled(table)


def profile(model: Model, rows: Table | pd.DataFrame) -> profiles.Profile:
    """How the predictions for labelled rows lie beside the truth: what roc, calibration, residuals and others draw.

    A DataError where `Model.evaluate` raises one. An NnfitWarning for rows that were dropped or learnt from.
    """
    table, dropped = labelled(model, rows)
    found = model.evaluation(table)
    warn([*dropped, *found.warnings], 3)
    return of_evaluation(model, found)


def of_evaluation(model: Model, found: Evaluation) -> profiles.Profile:
    """The profile of predictions that were computed before, members averaged; of few rows too, as they are at hand."""
    prediction = decode(model.target, found.y_hat.mean(axis=0, dtype=np.float64))
    return profiles.profile(model.target, found.truth, prediction, found.w, least=1)
