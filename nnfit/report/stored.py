"""What a model file says of rows that are not there any more: profile, confusion, costs; of the best set it has."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnfit.errors import Problem, UsageError
from nnfit.model.aggregates import Curves, of_record
from nnfit.model.learnt import HONEST
from nnfit.model.model import Model
from nnfit.scoring.profile import Profile
from nnfit.words import count

SETS = {
    "out_of_fold": "out-of-fold rows, not learnt from",
    "out_of_bag": "out-of-bag rows, not learnt from",
    "test": "test rows, not learnt from",
    "validation": "validation rows",
    "train": "training rows, learnt from",
}


class Stored(NamedTuple):
    """A profile, and which rows it is of."""

    name: str
    profile: Profile


def profile_of(model: Model) -> Stored | None:
    """The profile that training left in the model, and the name of its set; None if there is none to be seen."""
    found = of_record(model.record, model.target)
    if found is None or not (found.profile.classes or found.profile.targets):
        return None
    return Stored(found.rows, found.profile)


def confusion_of(model: Model) -> tuple[str, dict[str, Any]] | None:
    """The set of rows, best first, whose metrics have a confusion matrix, and these metrics."""
    metrics = model.record.get("metrics", {})
    for name in (*HONEST, "train"):
        found = metrics.get(name, {})
        if found.get("confusion") and found.get("classes"):
            return name, found
    return None


def curves_of(model: Model) -> Curves:
    """The learning curves; of a model that is older than they are one line. A UsageError if there are no costs."""
    found = of_record(model.record, model.target)
    if found is not None and found.curves.epochs:
        return found.curves
    history = model.record.get("history", {})
    cost, validation = (np.array(history.get(key) or [], np.float64) for key in ("cost", "validation"))
    if not len(cost):
        message = "the model has no costs of its epochs"
        raise UsageError(Problem("nothing-stored", message, "train it again, with training.epochs above 0"))
    held_out = validation[None] if len(validation) == len(cost) else None
    kept = tuple(model.record.get("best_epochs") or ())
    return Curves(tuple(range(1, len(cost) + 1)), cost[None], held_out, kept, len(model.theta))


def told(name: str, rows: int | None) -> str:
    """A set of rows in words: `30 test rows, not learnt from`."""
    words = SETS[name]
    return words if rows is None else f"{count(rows, words.split(',')[0].removesuffix('s'))}{words[words.find(',') :]}"
