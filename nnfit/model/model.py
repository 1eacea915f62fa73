"""A trained model: spec, encoding and θ together; predict, evaluate, save and load.

The file is one `.npz` of plain arrays, described in docs/model-format.md.
"""

from __future__ import annotations

import copy
import os
import platform
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnfit.config.build import dump
from nnfit.config.spec import Spec
from nnfit.core.expansion import Encoded
from nnfit.core.network import Network, predict, views
from nnfit.core.parameter import Array
from nnfit.data.class_weights import of_rows
from nnfit.data.dialect import Dialect
from nnfit.data.encoding import encoded
from nnfit.data.feature import Feature
from nnfit.data.table import Table
from nnfit.data.target import Target, decide, decode, example_weights, labelled, truth, with_mean_one
from nnfit.errors import NOWHERE, DataError, NnfitWarning, OutputError, Place, Problem, UsageError
from nnfit.model import learnt
from nnfit.model.aggregates import Aggregates, of_record
from nnfit.model.format import FORMAT, said
from nnfit.model.layout import network_of, weight_kind
from nnfit.model.learnt import Counts
from nnfit.model.remarks import Remarks
from nnfit.scoring.evaluation import averaged, evaluate, intervals, of_prior
from nnfit.storage import files, json_text, npz
from nnfit.version import __version__
from nnfit.words import count, listed, short, sizes

if TYPE_CHECKING:
    import pandas as pd  # imported where a frame is asked for: a command on a small file needs none

    from nnfit.data.exchange import Frame


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a model is on labelled rows: its metrics, and those of the prior of the training rows.

    `y_hat` (M, K, n), `truth` and `w` (n,) are what they were computed from. `learnt` says how many of the rows are
    rows of the training file, by what they were there, if that is known; `warnings` what is to be said beside all that.
    """

    metrics: dict[str, Any]
    of_prior: dict[str, Any]
    y_hat: Array
    truth: NDArray[Any]
    w: NDArray[np.float64] | None
    learnt: Counts | None
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """Everything a prediction needs, and where it came from. `nnfit.train` makes one, `nnfit.load` reads one.

    `spec` is the resolved spec; `record` holds metrics, history, versions and the data's SHA-256, as JSON. `home` is
    the folder of the spec, or of the file that the model was read from: paths of the spec may start there.
    """

    spec: Spec
    theta: Array
    features: tuple[Feature, ...]
    target: Target
    dialect: Dialect
    record: dict[str, Any]
    home: Path | None = None

    def __repr__(self) -> str:
        columns, members = count(len(self.features), "column"), count(len(self.theta), "member")
        made_of = f"{columns}, {sizes(self.network.N)} neurons, {members}"
        return f"<nnfit.Model: {listed(self.target.columns)} ({self.target.task}) from {made_of}>"

    @property
    def network(self) -> Network:
        """The layers."""
        return network_of(self.spec)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, as the training data spell them, in the order of the probabilities; none of a real target."""
        return self.target.classes

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of every set of rows (train, validation, test, out_of_fold, out_of_bag) after training."""
        found: dict[str, Any] = copy.deepcopy(self.record.get("metrics", {}))  # the record stays as it is
        return found

    @property
    def aggregates(self) -> Aggregates | None:
        """What it carries to be looked at; None if it is older than that."""
        return of_record(self.record, self.target, self.spec, len(self.features))

    @property
    def kinds(self) -> dict[str, str]:
        """How each input column is read: numeric or text."""
        return {feature.name: feature.kind for feature in self.features}

    @property
    def labelled_kinds(self) -> dict[str, str]:
        """How each column of labelled rows is read: inputs, target, and the weights if the spec names some."""
        return self.kinds | self.target.kinds | weight_kind(self.spec)

    # --- of a table ------------------------------------------------------------------------------------------------

    def remarks(self) -> Remarks:
        """Where what is to be said of predictions is gathered; `outputs` and `predictions` are handed it."""
        return Remarks(self.features, self.target)

    def encoded(self, table: Table, unknown: str | None = None) -> Encoded:
        """X (n, N₁ + 1): the rows of a table as the network takes them, ones in column 0, in the dtype of the spec.

        A category that no training row has is an error or becomes zeros: `unknown`, else what the spec says.
        """
        table.require(list(self.kinds), "columns")
        strange: dict[str, Problem] = {}
        X = encoded(self.features, table, self.spec.network.dtype, strange)
        rules = {feature.name: unknown or feature.unknown for feature in self.features}
        refused = [problem for name, problem in strange.items() if rules[name] == "error"]
        if refused:
            raise DataError(*refused)
        return X

    def outputs(self, table: Table, unknown: str | None = None, remarks: Remarks | None = None) -> Array:
        """ŷ of every member, (M, K, n), for the rows of a table; `unknown` as in `encoded`."""
        X = self.encoded(table, unknown)
        with np.errstate(all="ignore"):
            y_hat = predict(self.network, self.theta, X)
        refuse_overflow(table, y_hat)
        if remarks is not None:
            remarks.add(table, y_hat)
        return y_hat

    def output_names(self, proba: bool, uncertainty: bool = False) -> list[str]:
        """The columns of a prediction, with `proba` the probabilities after them, and last the members' spread."""
        target = self.target
        several = len(target.columns) > 1
        names = [f"prediction_{name}" for name in target.columns] if several else ["prediction"]
        if proba and target.classes:
            names += self.probability_names
        if uncertainty:
            names += [f"uncertainty_{name}" for name in target.columns] if several else ["uncertainty"]
        return names

    def require_members(self, place: Place = NOWHERE) -> None:
        """A UsageError for a single network, over which no spread is taken."""
        if len(self.theta) < 2:
            message = "the spread over members needs several"
            raise UsageError(Problem("needs-members", message, "set network.members", place))

    @property
    def probability_names(self) -> list[str]:
        """The columns of the probabilities: one for each class, or for each of several 0/1 targets."""
        return [
            f"probability_{name}" for name in (self.target.columns if len(self.target.columns) > 1 else self.classes)
        ]

    def predictions(
        self,
        table: Table,
        proba: bool = False,
        unknown: str | None = None,
        uncertainty: bool = False,
        remarks: Remarks | None = None,
    ) -> dict[str, NDArray[Any]]:
        """The columns of the prediction, by name: members averaged, classes as they were spelled.

        The uncertainty is the standard deviation over the members, of a real prediction in its own unit, or of the
        probability of the predicted class.
        """
        target = self.target
        if uncertainty:
            self.require_members()
        y_hat = self.outputs(table, unknown, remarks)
        result = decode(target, y_hat.mean(axis=0, dtype=np.float64))
        columns = list(result.T)
        if target.classes:
            decided = decide(target, result)
            labels = np.array(target.classes, object)[decided]
            columns = [*(labels.T if labels.ndim == 2 else [labels]), *(columns if proba else [])]
        if uncertainty:
            spread = np.std([decode(target, member) for member in y_hat], axis=0, ddof=1)
            if target.classes and spread.ndim == 2 and len(target.columns) == 1:
                spread = spread[np.arange(len(spread)), decided][:, None]
            columns += list(spread.T)
        return dict(zip(self.output_names(proba, uncertainty), columns, strict=True))

    def labelled(self, table: Table) -> tuple[Table, tuple[Problem, ...]]:
        """The rows to evaluate on, and a warning if some are left out for want of a target, as the spec may say."""
        return labelled(table, self.target.columns, self.spec.data.missing_target)

    def evaluation(self, table: Table, unknown: str | None = None) -> Evaluation:
        """The metrics on labelled rows, and those of the prior of the training rows; the outputs are computed once."""
        expected = truth(self.target, table)
        w = self.weights(table, expected)
        weighted = self.spec.training.weighted_metrics
        remarks = self.remarks()
        y_hat = self.outputs(table, unknown, remarks)
        found = evaluate(self.target, self.spec.loss, y_hat, expected, w, weighted)
        prior, counted = self.record.get("prior"), w if weighted else None
        of_constant = of_prior(self.target, np.array(prior), expected, counted) if prior else {}
        rows = learnt.counted(self, table)
        doubt = learnt.doubt(self, table, rows)
        warned = (*remarks.problems(), *([doubt] if doubt else []))
        return Evaluation(found, of_constant, y_hat, expected, counted, rows, warned)

    def intervals(self, found: Evaluation) -> dict[str, Any]:
        """The 95 % bootstrap interval over the rows of every metric of an evaluation."""
        prediction = decode(self.target, averaged(found.y_hat))
        return intervals(self.target, prediction, found.truth, found.w, known=found.metrics)

    def weights(self, table: Table, expected: NDArray[Any]) -> NDArray[np.float64]:
        """The weights w (n,) of labelled rows in the cost, with mean 1: weight column times class weight."""
        name = self.spec.data.weight
        w = example_weights(table, name if name in table.columns else None)
        return with_mean_one(w, of_rows(self.target, expected))

    # --- of a DataFrame --------------------------------------------------------------------------------------------

    def of_frame(
        self, frame: Frame, proba: bool, unknown: str | None, uncertainty: bool = False
    ) -> dict[str, NDArray[Any]]:
        """The columns of the prediction for the rows of a frame, for the method that the caller called."""
        from nnfit.data.frames import from_frame

        remarks = self.remarks()
        with from_python(unknown):
            table = from_frame(frame, self.dialect, self.kinds)
            columns = self.predictions(table, proba, unknown, uncertainty, remarks)
        warn(remarks.problems(), 4)
        return columns

    def predict(self, frame: Frame, unknown: str | None = None, uncertainty: bool = False) -> pd.DataFrame:
        """Predictions for the rows of a DataFrame, in order, with its index: the columns that `nnfit predict` writes.

        What speaks Arrow, as a polars frame, is taken as well, and the result is a DataFrame of pandas.
        Columns are matched by name. A DataError for missing columns, cells that are not numbers, and categories that no
        training row had, unless unknown="zero" or the spec says so of their column. What `nnfit predict` warns of,
        values outside the range of the training rows or a prediction that was cut at it, is an NnfitWarning.
        With `uncertainty` a column follows, the standard deviation over the members; a UsageError if there is one.

            >>> model.predict(flowers).columns.tolist()
            ['prediction']
        """
        import pandas as pd

        columns = self.of_frame(frame, False, unknown, uncertainty)
        return pd.DataFrame(columns, frame.index if isinstance(frame, pd.DataFrame) else None)

    def predict_proba(self, frame: Frame, unknown: str | None = None) -> pd.DataFrame:
        """The probability of every class, (n, K), for the rows of a DataFrame, with its index.

        The columns are called probability_CLASS, or probability_TARGET of several 0/1 targets. A DataError for a model
        of a real target, which has none, and where `predict` raises one.

            >>> model.predict_proba(flowers).sum(axis=1).round(9).unique().tolist()
            [1.0]
        """
        import pandas as pd

        if not self.classes:
            raise DataError(
                Problem("no-probabilities", "this model predicts real numbers, which have no probabilities")
            )
        columns = self.of_frame(frame, True, unknown)
        index = frame.index if isinstance(frame, pd.DataFrame) else None
        return pd.DataFrame({name: columns[name] for name in self.probability_names}, index)

    def evaluate(self, frame: Frame, unknown: str | None = None) -> dict[str, Any]:
        """The metrics on the labelled rows of a DataFrame: loss, accuracy, …, as `nnfit evaluate --json` has them.

        Metrics that are not defined for these rows are None. A DataError where `predict` raises one, and for a target
        that is missing (unless `data.missing_target` of the spec drops such rows) or a class that no training row had.
        An NnfitWarning for rows that were dropped or learnt from, and where `predict` warns.

            >>> sorted(model.evaluate(new_flowers))[:3]
            ['accuracy', 'average_precision', 'balanced_accuracy']
        """
        from nnfit.data.frames import read_frame

        with from_python(unknown):
            table = read_frame(frame, self.dialect, self.labelled_kinds, others=False)
            table, dropped = self.labelled(table)
            found = self.evaluation(table, unknown)
        warn([*dropped, *found.warnings], 3)
        return found.metrics

    # --- the file --------------------------------------------------------------------------------------------------

    def save(self, path: Path | str) -> None:
        """Write the model file; what was there before stays until the new file is complete. An OutputError if it fails.

        The bytes are those that `nnfit train` would have written.
        """
        files.write((path_of(path, "a model"), self.to_bytes()))

    def to_bytes(self) -> bytes:
        """The model file; the same model gives the same bytes. An OutputError if it would be larger than any can be."""
        text = np.frombuffer(self.text(), np.uint8)
        return npz.pack({**self.arrays(), json_text.MEMBER: text})

    def refuse_too_large(self) -> int:
        """An OutputError where `to_bytes` raises one, without making the bytes; else how many are metadata."""
        text = self.text()
        npz.refuse_too_large({**self.arrays(), json_text.MEMBER: np.frombuffer(text, np.uint8)})
        return len(text)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of the file, its metadata aside."""
        weights = {f"theta_{i}": Theta for i, Theta in enumerate(views(self.network, self.theta), 1)}
        return {
            **weights,
            "input_fitted": np.array([value for f in self.features for value in f.fitted.flat], np.float64),
            "target_mean": np.array(self.target.mean, np.float64),
            "target_sd": np.array(self.target.sd, np.float64),
        }

    def text(self) -> bytes:
        """The metadata of the file; where thousands of columns leave no room, without the options that go unsaid."""
        target = self.target
        metadata = {
            "format": FORMAT,
            "spec": dump(self.spec),
            "columns": columns_of(self.features),
            "target": {
                "task": target.task,
                "columns": target.columns,
                "low": target.low,
                "temperature": target.temperature,
                "threshold": target.threshold,
                "bounds": target.bounds,
                "class_weights": target.class_weights,
            },
            "classes": target.classes,
            **self.record,
        }
        try:
            return json_text.write(metadata)
        except OutputError:
            data = metadata["spec"]["data"]
            data["columns"] = {name: said(column["type"], column) for name, column in data["columns"].items()}
            for column in metadata["columns"]:
                column["options"] = said(column["type"], column["options"])
            return json_text.write(metadata)


def refuse_overflow(table: Table, y_hat: Array) -> None:
    """A DataError for the first row of a table whose outputs, the last axis of y_hat, are not finite numbers."""
    bad = np.flatnonzero(~np.isfinite(y_hat).all(axis=tuple(range(y_hat.ndim - 1))))
    if len(bad):
        message, remedy = "the network's output is not a finite number", "are the values of this row far too large?"
        raise DataError(Problem("overflow", message, remedy, table.place(int(bad[0]))))


def warn(problems: Iterable[Problem], level: int) -> None:
    """An NnfitWarning for each problem, at the caller that stands so many calls above this function's own."""
    for problem in problems:
        warnings.warn(NnfitWarning(problem), stacklevel=level)


@contextmanager
def from_python(unknown: str | None) -> Iterator[None]:
    """What is asked of a model from Python: remedies name the argument, where the command names its option."""
    if unknown is not None and not (isinstance(unknown, str) and unknown in ("error", "zero")):
        raise UsageError(Problem("usage", f'unknown must be "error" or "zero", not {short(repr(unknown))}'))
    try:
        yield
    except DataError as error:
        remedies = {
            "unknown-category": 'correct the cells, or take them as zeros with unknown="zero"',
            "missing-target": "remove such rows",
        }
        raise DataError(*(p._replace(remedy=remedies.get(p.code, p.remedy)) for p in error.problems)) from None


def columns_of(features: Iterable[Feature]) -> list[dict[str, Any]]:
    """The input columns as the metadata list them; what was fitted to them stands in an array of its own."""
    found = []
    for feature in features:
        options = dump(feature.options)
        found.append(
            {
                "name": feature.name,
                "type": options.pop("type"),
                "options": options,
                "indicator": feature.indicator,
                "fitted": len(feature.fitted.flat),
                "categories": feature.categories.own,
                "merged": feature.categories.merged,
            }
        )
    return found


def path_of(value: Any, what: str) -> Path:
    """A path that a caller gave; a UsageError for what is none."""
    if not isinstance(value, str | os.PathLike):
        raise UsageError(Problem("usage", f"{what} is named by its path, not by {type(value).__name__}"))
    return Path(value)


def versions() -> dict[str, str]:
    """The versions on which the bytes of a model depend."""
    return {"nnfit": __version__, "python": platform.python_version(), "numpy": np.__version__}
