"""scikit-learn's permutation importance and partial dependence, over nnfit's predictions for the CSV's own columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Configs

from nnfit.data.table import read_table
from nnfit.explain.dependence import dependence
from nnfit.explain.importance import importance
from nnfit.explain.rows import Rows, rows_of
from nnfit.model.model import Model

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")]

NAMES = ("iris", "penguins", "diabetes")


def read(configs: Configs, name: str) -> tuple[Rows, Any, pd.DataFrame, pd.Series[Any]]:
    """The rows of a config's table, its model as an estimator, and the same rows as scikit-learn takes them."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    model, path = configs[name].model, ROOT / "datasets" / f"{name}.csv"
    table = read_table(str(path), model.dialect, model.labelled_kinds, others=False)
    kinds: Any = {name: float if kind == "numeric" else str for name, kind in model.kinds.items()}
    frame = pd.read_csv(path, keep_default_na=False, na_values=["", "NA"], dtype=kinds)
    X, y = frame[list(model.kinds)], frame[model.target.columns[0]]

    class Estimator(BaseEstimator):
        """nnfit's predictions, of a model that is there."""

        model: Model

        def fit(self, X: Any, y: Any) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, X: Any) -> Any:
            return self.model.predict(X)["prediction"].to_numpy()

    class Regressor(RegressorMixin, Estimator):
        """Of a real target."""

    class Classifier(ClassifierMixin, Estimator):
        """Of classes."""

        classes_: Any

        def predict_proba(self, X: Any) -> Any:
            return self.model.predict_proba(X).to_numpy()

    estimator: Any = Classifier() if model.classes else Regressor()
    estimator.model, estimator.classes_ = model, np.array(model.classes)
    return rows_of(model, table), estimator, X, y


@pytest.mark.parametrize("name", NAMES)
def test_permutation_importance_is_that_of_scikit_learn_within_its_spread(configs: Configs, name: str) -> None:
    from sklearn.inspection import permutation_importance

    rows, estimator, X, y = read(configs, name)
    scoring = "neg_log_loss" if rows.model.classes else "neg_root_mean_squared_error"
    R = 40
    expected = permutation_importance(estimator, X, y, scoring=scoring, n_repeats=R, random_state=1)
    found = importance(rows, repeats=R)
    assert len(found.columns) == X.shape[1]
    for j, column in enumerate(X.columns):
        at = found.columns.index(column)
        error = np.sqrt((expected.importances_std[j] ** 2 + found.sd[at] ** 2) / R)
        assert abs(found.importance[at] - expected.importances_mean[j]) < 4 * error, column
        assert found.sd[at] == pytest.approx(expected.importances_std[j], rel=0.6), column
    order = sorted(range(X.shape[1]), key=lambda j: -expected.importances_mean[j])
    assert found.columns[0] == X.columns[order[0]]


@pytest.mark.parametrize("name", NAMES)
def test_partial_dependence_is_that_of_scikit_learn_to_rounding(configs: Configs, name: str) -> None:
    from sklearn.inspection import partial_dependence

    rows, estimator, X, _ = read(configs, name)
    for feature in rows.model.features:
        column, words = feature.name, feature.options.type == "categorical"
        found = dependence(rows, column)
        assert found.rows == found.of == len(X)
        values: Any = [np.nan if value == "missing" else value for value in found.grid]
        # Only a column without a missing cell has a grid of scikit-learn's own.
        given = {"custom_values": {column: values}} if X[column].isna().any() or words else {}
        expected = partial_dependence(
            estimator,
            X,
            [column],
            categorical_features=[column] if words else None,
            grid_resolution=40,
            method="brute",
            kind="both",
            response_method="predict_proba" if rows.model.classes else "auto",
            **given,
        )
        if not given:
            np.testing.assert_allclose(found.grid, expected["grid_values"][0], rtol=1e-14)
        np.testing.assert_allclose(found.mean, expected["average"], rtol=1e-10, atol=1e-14)
        lines = expected["individual"][found.shown]
        assert len(found.lines) == 50
        gap = np.abs(found.lines[:, None] - lines[None]).max(axis=2).min(axis=1)
        assert gap.max() < 1e-12 * max(1.0, np.abs(lines).max())
