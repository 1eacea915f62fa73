"""What both estimators do: parameters and tables as scikit-learn has them in, one nnfit Model behind them."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_consistent_length, check_random_state, estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from nnfit.config.findings import look_at
from nnfit.config.loader import load_spec, read
from nnfit.config.proposal import fitted_to, of_time
from nnfit.config.spec import Spec
from nnfit.config.task import Task
from nnfit.core.losses import LOSSES
from nnfit.data.cells import tokens
from nnfit.data.encoding import unseen
from nnfit.errors import DataError, Place, Problem, SpecError
from nnfit.fit.train import Result, check_threads, trained
from nnfit.model.layout import dialect_of
from nnfit.model.model import Model
from nnfit.sklearn.drawing import drawn
from nnfit.sklearn.errors import TAKEN_AS_ZEROS, as_value_errors, tell, warn
from nnfit.sklearn.parameters import KEYS, overrides, part, suited
from nnfit.sklearn.tables import (
    Targets,
    classes_in,
    frame_of,
    free,
    looked_at,
    numbers_in,
    readable,
    text_of,
    types_of,
    weights_of,
)
from nnfit.words import quoted
from nnfit.workers.threads import working

Layers = int | Sequence[int | Mapping[str, Any]]
Named = str | Mapping[str, Any]
Array = np.ndarray[Any, Any]


class Estimator(BaseEstimator):
    """What both estimators do: look at the table, train, predict, and show the network."""

    type_of_target: str  # as a spec names it
    model_: Model
    history_: pd.DataFrame
    n_iter_: int
    warnings_: tuple[Problem, ...]

    def __init__(
        self,
        layers: Layers | None = None,
        *,
        activation: Named | None = None,
        members: int | None = None,
        dtype: str | None = None,
        loss: str | None = None,
        epochs: int | None = None,
        batch_size: int | str | None = None,
        optimizer: Named | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        schedule: Named | None = None,
        dropout: float | None = None,
        early_stopping: bool | int | Mapping[str, Any] | None = None,
        validation: float | None = None,
        resample: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        spec: Mapping[str, Any] | Path | str | Spec | None = None,
        threads: int = 1,
    ) -> None:
        self.layers = layers
        self.activation = activation
        self.members = members
        self.dtype = dtype
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.dropout = dropout
        self.early_stopping = early_stopping
        self.validation = validation
        self.resample = resample
        self.random_state = random_state
        self.spec = spec
        self.threads = threads

    def learn(self, X: Any, y: Any, sample_weight: Any) -> Targets:
        """Train on X, y and weights, and keep the model with the record of its training; what y was taken for."""
        if y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        with as_value_errors(of_spec=self.spec is not None):
            check_threads(self.threads)
            frame = frame_of(self, X, fitting=True)
            given = self.given()
            document = None if self.spec is None else read(self.spec)[0].value
            asked = part(document, "data", "target")
            spec_names = [asked] if isinstance(asked, str) else list(asked or ())
            targets = self.classes_or_numbers(y, spec_names, list(frame.columns))
            check_consistent_length(frame, *targets.columns.values(), sample_weight)
            said: dict[str, Any] = {"data.target": list(targets.columns)}
            notes: Sequence[Problem] = ()
            if document is None:
                document, notes = self.proposed(frame, targets, given)
            extra = dict(targets.columns)
            if sample_weight is not None:
                weight = said["data.weight"] = name_of_weight(document, {*frame.columns, *extra})
                extra[weight] = weights_of(sample_weight, targets)
            source = document if self.spec is None else self.spec
            loaded = load_spec(source, said | overrides(given, document), ("train",))
            self.refuse(loaded.spec)
            refuse_gaps(loaded.spec, targets, None if sample_weight is None else extra[weight], self.spec is None)
            whole = frame.reset_index(drop=True).assign(**extra)
            result = trained(loaded, {"train": whole}, self.threads)
        self.keep(result, notes)
        return targets

    def classes_or_numbers(self, y: Any, spec_names: Sequence[str], taken: Sequence[str]) -> Targets:
        """What y holds, under names that no column of X has."""
        return (classes_in if self.type_of_target == "categorical" else numbers_in)(y, spec_names, taken)

    def refuse(self, spec: Spec) -> None:
        """A SpecError for a spec of classes where numbers are to be predicted."""
        if self.type_of_target == "numeric" and LOSSES[spec.loss].accepts.high == 1:
            message = f"{spec.loss} is a loss of classes"
            raise SpecError(Problem("wrong-target", message, "use NNClassifier, or the loss mse", Place(key="loss")))

    def given(self) -> dict[str, Any]:
        """The parameters that say something of the spec, by name; a random_state as the number that is the seed."""
        said = {name: value for name in KEYS if (value := getattr(self, name, None)) is not None}
        if isinstance(weights := said.get("class_weight"), Mapping):
            said["class_weight"] = {text_of(label): weight for label, weight in weights.items()}
        state = said.get("random_state")
        if state is not None and not isinstance(state, numbers.Integral):
            said["random_state"] = int(check_random_state(state).randint(2**31 - 1))
        return said

    def proposed(self, frame: pd.DataFrame, targets: Targets, given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """What `nnfit init --quick` proposes for the table, and what is to be said of it."""
        entries = {name: {"type": self.type_of_target} for name in targets.columns}
        task = Task(tuple(targets.columns), targets.texts or None, entries, ())
        found = look_at(looked_at(frame), task, types_of(frame))
        fit = fitted_to(found)
        return suited(found, fit, given), (*found.notes, *of_time(fit))

    def keep(self, result: Result, notes: Sequence[Problem]) -> None:
        """The attributes of a fitted estimator."""
        self.model_ = result.model
        self.history_ = result.history
        self.n_iter_ = len(result.history)
        self.warnings_ = (*notes, *result.warnings)
        tell(self.warnings_, 5)

    def predictions(self, X: Any) -> dict[str, Array]:
        """The columns of the prediction."""
        check_is_fitted(self)
        with as_value_errors():
            frame = frame_of(self, X, fitting=False)
            table, told = readable(frame, self.model_.features, self.model_.dialect)
            if any(unseen(feature, table) for feature in self.model_.features):
                told.append(TAKEN_AS_ZEROS)
            with working(self.threads):
                found = self.model_.predictions(table, proba=bool(self.model_.classes), unknown="zero")
        for problem in told:
            warn(problem, 4)
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags

    def _repr_html_inner(self) -> str:
        model = getattr(self, "model_", None)
        return str(estimator_html_repr(self)) + ("" if model is None else drawn(model))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        output: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in output:
            output["text/html"] = self._repr_html_inner()
        return output


def refuse_gaps(spec: Spec, targets: Targets, weights: Array | None, proposed: bool) -> None:
    """A DataError for classes, targets and weights that are missing cells to the spec: none is missing in y."""
    dialect = dialect_of(spec)
    means = "in a column of X" if proposed else "in the spec (data.missing)"
    gaps = sorted({*targets.texts} & {*dialect.missing})
    if gaps:
        message = f"the class {quoted(gaps[0])} is a text that stands for missing {'numbers' if proposed else 'cells'}"
        remedy = "give the class another name, or make these cells missing"
        raise DataError(Problem("empty-class", f"{message} {means}", remedy))
    columns = {} if targets.texts else {name: ("y", column) for name, column in targets.columns.items()}
    if weights is not None and spec.data.weight is not None:
        columns[spec.data.weight] = "sample_weight", weights
    for name, (what, column) in columns.items():
        found = np.intersect1d(column, list(tokens(dialect, name)))
        if len(found):
            message = f"{what} has {found[0]:g}, which stands for missing cells {means}"
            raise DataError(Problem("missing-target", message, "make the cells of X that mean it NaN instead"))


def name_of_weight(spec: Any, taken: Collection[str]) -> str:
    """What the column of weights is called: as the spec says, else a name that is not taken."""
    said = part(spec, "data", "weight")
    if said in taken:
        message = f"sample_weight is given, and the spec takes the weights from column {quoted(said)} of X"
        raise SpecError(Problem("two-roles", message, "leave one of them out"))
    return str(said or free("weight", taken))
