"""Class weights: how much a row of each class counts in the cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnfit.data.cells import Rows
from nnfit.data.scales import Floats
from nnfit.data.table import Table
from nnfit.data.target import Labels, Target, truth
from nnfit.errors import Problem
from nnfit.words import nearest, quoted, short

Wanted = str | Mapping[str, float] | None


def unsuitable(target: Target, wanted: Wanted) -> Problem | None:
    """Why class weights do not suit a target, without a place; or nothing."""
    if wanted is not None and target.task not in ("binary", "multinomial"):
        return Problem("wrong-target", "is for one target of classes", "remove it")
    for name in wanted if isinstance(wanted, Mapping) else ():
        if name not in target.classes:
            remedy = nearest(name, target.classes) or "there are " + ", ".join(map(short, target.classes[:20]))
            return Problem("unknown-class", f"{quoted(name)} is not a class of the target", remedy)
    return None


def weighed(target: Target, wanted: Wanted, table: Table, training: Rows) -> Target:
    """The target with the class weights that are wanted, from the training rows of a table."""
    if wanted is None:
        return target
    expected = np.asarray(truth(target, table), np.intp)[training]
    return target._replace(class_weights=class_weights(target.classes, wanted, expected))


def class_weights(classes: tuple[str, ...], wanted: str | Mapping[str, float], expected: Labels) -> tuple[float, ...]:
    """The weight of each class, in their order: as given, else 1; balanced: n / (K n_k) over the n training rows.

    Source: King, Zeng 2001, "Logistic regression in rare events data", as scikit-learn's compute_class_weight has it.
    """
    if not isinstance(wanted, str):
        return tuple(float(wanted.get(name, 1)) for name in classes)
    counts = np.bincount(expected, minlength=len(classes))
    return tuple((len(expected) / (len(classes) * np.maximum(counts, 1))).tolist())


def of_rows(target: Target, expected: Floats | Labels) -> Floats:
    """The class weight of each row (n,); ones where there are none."""
    if not target.class_weights:
        return np.ones(len(expected))
    found: Floats = np.array(target.class_weights)[np.asarray(expected, np.intp)]
    return found
