"""Whether an ONNX file predicts what `predict` does: it is run, on rows of the training data and on hostile ones.

Probabilities are compared as they are; a real prediction relative to its size, or to the standard deviation of the
target where it is smaller. A label may be another one only where `predict` itself has two labels within the tolerance.
A row that `predict` refuses has to come out as NaN and as an empty label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nnfit.data.encoding import encoded
from nnfit.data.table import Table
from nnfit.data.target import Target
from nnfit.errors import DataError, OutputError, Problem
from nnfit.export.onnx.rows import feed, hostile, numbered, padded, some
from nnfit.model.model import Model

TOLERANCE = 1e-5

T = TypeVar("T")
Run = Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]
Predicted = tuple[NDArray[np.float64], NDArray[Any]]  # numbers (n, K), and labels (n, targets), none of real targets


class Checked(NamedTuple):
    """What came out: the runtime, how many rows, the largest difference, how many labels differ at a tie.

    `padded` are the columns of dates and truth values with blanks around them in the table: the file took them without.
    """

    runtime: str
    rows: int
    hostile: int
    refused: int
    difference: float
    ties: int
    padded: list[str]


def check(model: Model, file: bytes, table: Table) -> Checked:
    """Run a file on rows of a table and on hostile ones; an OutputError where it predicts otherwise than `predict`."""
    runtime, run = runner(file)
    plain = some(table)
    odd = hostile(model, plain)
    worst, ties, refused = 0.0, 0, 0
    for rows in (plain, odd._replace(file="a row made of the others")):
        expected = predicted(model, rows)
        found = as_predicted(model.target, run(feed(model, encodable_rows(rows))))
        difference, tied = compared(model.target, found, expected)
        if len(bad := np.flatnonzero(~(difference <= TOLERANCE))):
            raise OutputError(differs(runtime, rows, difference, int(bad[0])))
        worst, ties = max(worst, float(difference.max(initial=0.0))), ties + tied
        refused += int(np.isnan(expected[0]).any(axis=1).sum())
    return Checked(runtime, plain.n, odd.n, refused, worst, ties, padded(model, plain))


def runner(file: bytes) -> tuple[str, Run]:
    """What runs a file, with its name: onnxruntime, or where that is missing the reference of the package onnx."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        import onnx
        from onnx.reference import ReferenceEvaluator

        reference = ReferenceEvaluator(onnx.load_from_string(file))
        return f"onnx.reference {onnx.__version__}", lambda rows: quiet(reference, rows)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return f"onnxruntime {onnxruntime.__version__}", lambda rows: list(session.run(None, dict(rows)))


def quiet(reference: Any, rows: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The outputs of the reference, which warns of what comes to nothing in the end."""
    with np.errstate(all="ignore"):
        return list(reference.run(None, dict(rows)))


def encodable_rows(table: Table) -> Table:
    """The table; what UTF-8 cannot hold cannot be handed to a runtime, and is there as an unknown text."""
    columns = {
        name: column
        if isinstance(column, np.ndarray)
        else column._replace(labels=tuple(label.encode("utf-8", "replace").decode() for label in column.labels))
        for name, column in table.columns.items()
    }
    return table._replace(columns=columns)


def predicted(model: Model, table: Table) -> Predicted:
    """What `predict` says of rows; NaN and an empty label for those that it refuses.

    Rows with a cell that it refuses are looked for column by column, as a refusal then costs one of perhaps hundreds.
    """
    target, rows = model.target, np.arange(table.n)
    for feature in model.features:
        own = table._replace(columns={feature.name: table.columns[feature.name]})
        rows, _ = taken(partial(encoded, [feature], dtype=model.spec.network.dtype, strange={}), own, rows)
    rows, found = taken(partial(model.predictions, proba=True, unknown="zero"), table, rows)
    several = len(target.columns) > 1
    labels = np.full((table.n, len(target.columns) if target.classes else 0), "", object)
    p = np.full((table.n, len(target.classes) if target.classes and not several else len(target.columns)), np.nan)
    for k, column in enumerate((found or {}).values()):
        if k < labels.shape[1]:
            labels[rows, k] = column
        else:
            p[rows, k - labels.shape[1]] = column
    return p, labels


def taken(use: Callable[[Table], T], table: Table, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], T | None]:
    """Those of some rows for which no DataError is raised when they are used, and what comes of them."""
    while len(rows):
        try:
            return rows, use(numbered(table.rows(rows)))
        except DataError as error:
            if error.place.line is None:
                raise
            rows = np.delete(rows, error.place.line)
    return rows, None


def as_predicted(target: Target, outputs: list[NDArray[Any]]) -> Predicted:
    """The outputs of a file in the same form."""
    prediction = outputs[0] if outputs[0].ndim == 2 else outputs[0][:, None]
    if target.classes:
        return outputs[1], prediction
    return prediction, np.empty((len(prediction), 0), object)


def compared(target: Target, found: Predicted, expected: Predicted) -> tuple[NDArray[np.float64], int]:
    """The difference of each row, (n,), and how many labels differ at a tie; ∞ for a label that differs otherwise.

    NaN for a row that one of both takes and the other refuses.
    """
    (p, labels), (q, own) = found, expected
    if p.shape != q.shape or labels.shape != own.shape:
        return np.full(len(q), np.inf), 0
    unit: Any = 1.0 if target.classes else np.maximum(np.abs(q), target.sd)
    with np.errstate(all="ignore"):
        each = np.where(np.isnan(p) & np.isnan(q), 0.0, np.abs(p - q) / unit)
    difference = np.asarray(each.max(axis=1), np.float64)
    rows, columns = np.nonzero(labels != own)
    place = {label: k for k, label in enumerate(target.classes)}
    ties = 0
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if labels[i, j] not in place or own[i, j] not in place:
            near = np.inf
        elif len(target.columns) > 1 or len(target.classes) == 2:
            near = abs(q[i, j if len(target.columns) > 1 else 1] - target.threshold)
        else:
            near = q[i, place[own[i, j]]] - q[i, place[labels[i, j]]]
        ties += bool(near <= TOLERANCE)
        if near > TOLERANCE and not np.isnan(difference[i]):
            difference[i] = np.inf
    return difference, ties


def differs(runtime: str, table: Table, difference: NDArray[np.float64], row: int) -> Problem:
    """The problem of a file that predicts otherwise, first in this row of a table."""
    worst = float(difference[row])
    what = "another label" if worst == np.inf else f"by {worst:.3g}"
    remedy = "please report it, with the model"
    if np.isnan(worst):
        what = "as only one of them takes the row"
        remedy = "rare ways to write a date are not read there; write -o FILE.py, which reads them"
    message = f"{runtime} predicts otherwise than nnfit, {what}: no file is written"
    return Problem("onnx-differs", message, remedy, table.place(row))
