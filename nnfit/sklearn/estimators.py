"""The two estimators, NNClassifier and NNRegressor: what fit and predict take and give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags

from nnfit.config.spec import Spec
from nnfit.sklearn.base import Array, Estimator, Layers, Named


class NNClassifier(ClassifierMixin, Estimator):
    """A neural network, or several that are averaged, for classes; and for several targets of 0 or 1.

    Every parameter that is None is what `nnfit init --quick` proposes for the table, or what `spec` says.

    layers         the hidden layers: sizes, or mappings as in a spec; (): none      network.layers
    activation     of the hidden layers                                              network.layers
    members        networks trained together and averaged                            network.members
    dtype          "float32" or "float64"                                            network.dtype
    loss           the cost                                                          loss
    epochs         passes over the rows                                              training.epochs
    batch_size     rows of an update, or "full"                                      training.batch_size
    optimizer      a name, or a mapping with name                                    training.optimizer
    learning_rate  of the optimizer                                                  training.optimizer.learning_rate
    weight_decay   of the optimizer                                                  training.optimizer.weight_decay
    schedule       of the learning rate                                              training.schedule
    dropout        the share of hidden units left out                                training.dropout
    early_stopping False, True, epochs of patience, or a mapping                     training.early_stopping
    validation     a share of the rows to watch                                      data.validation
    resample       "folds", "bootstrap" or "none"                                    training.resample
    class_weight   "balanced", or a weight for each class                            training.class_weight
    random_state   a number, or a RandomState, which is drawn from                   seed

    `spec` is a mapping, a path or an nnfit.Spec, and takes the place of the proposal; parameters beside it override it.
    Its table and its target are those of `fit`. `threads` is how many workers compute; no result depends on it.

    classes_ (K,)   the classes, in their own dtype; of several targets 0 and 1 for each, (K, 2)
    model_          the nnfit.Model: save it, report it, explain it; its classes are texts
    history_        a DataFrame, one row per epoch
    n_iter_         how many epochs
    warnings_       what was found out about table and training, as nnfit.errors.Problem
    """

    classes_: Array

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
        class_weight: str | Mapping[Any, float] | None = None,
        random_state: int | np.random.RandomState | None = None,
        spec: Mapping[str, Any] | Path | str | Spec | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(
            layers,
            activation=activation,
            members=members,
            dtype=dtype,
            loss=loss,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            schedule=schedule,
            dropout=dropout,
            early_stopping=early_stopping,
            validation=validation,
            resample=resample,
            random_state=random_state,
            spec=spec,
            threads=threads,
        )
        self.class_weight = class_weight

    type_of_target = "categorical"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on the rows of X (n, columns) and their classes y (n,), or 0 and 1 of several targets (n, K).

        X is a DataFrame with columns of numbers, texts, categories, dates and truth values, an array, or lists; cells
        may be missing. `sample_weight` (n,) is how much each row counts in the cost. A ValueError says what is wrong.
        """
        targets = self.learn(X, y, sample_weight)
        n = len(targets.columns)
        assert targets.labels is not None
        # Of several targets scikit-learn asks classes_ for its length, K, and whether it looks like several targets.
        self.classes_ = np.tile(targets.labels, (n, 1)) if n > 1 else targets.labels
        self._texts = targets.texts  # the classes as the model has them, in the order of classes_
        return self

    def predict(self, X: Any) -> Array:
        """The class of each row of X, (n,), or 0 and 1 of several targets, (n, K).

        A category that no row of `fit` had is none at all, and a cell that its column cannot have is a missing one.
        """
        found = self.predictions(X)
        names = self.model_.output_names(proba=False)
        place = {text: k for k, text in enumerate(self._texts)}
        index = np.array([[place[text] for text in found[name]] for name in names], np.intp).T
        return self.classes_[0][index] if self.classes_.ndim > 1 else self.classes_[index[:, 0]]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, K), in the order of classes_; of several targets those of 1."""
        found, model = self.predictions(X), self.model_
        names = model.probability_names
        if self.classes_.ndim == 1:
            by_class = dict(zip(model.classes, names, strict=True))
            names = [by_class[text] for text in self._texts]
        return np.column_stack([found[name] for name in names])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NNRegressor(RegressorMixin, Estimator):
    """A neural network, or several that are averaged, for one real target or several.

    Parameters and attributes are those of NNClassifier, but for class_weight and classes_. As `nnfit init` proposes it,
    predictions stay within the range of the targets of `fit`; a `spec` with `training.clamp: false` lets them go on.
    """

    type_of_target = "numeric"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on the rows of X (n, columns) and their targets y (n,), or several (n, K).

        X is a DataFrame with columns of numbers, texts, categories, dates and truth values, an array, or lists; cells
        may be missing. `sample_weight` (n,) is how much each row counts in the cost. A ValueError says what is wrong.
        """
        self._flat = self.learn(X, y, sample_weight).flat
        return self

    def predict(self, X: Any) -> Array:
        """The targets of each row of X, in their own unit, with as many columns as y had.

        A category that no row of `fit` had is none at all, and a cell that its column cannot have is a missing one.
        """
        found = np.column_stack(list(self.predictions(X).values()))
        return found[:, 0] if self._flat else found
