"""The estimators within what scikit-learn is made of: pipelines, searches, stacks, calibration, importance, routing."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import nnfit
from nnfit.sklearn import NNClassifier, NNRegressor
from nnfit.sklearn.errors import TOLD

pytestmark = [
    pytest.mark.filterwarnings("ignore:the network:nnfit.NnfitWarning"),
    pytest.mark.filterwarnings("ignore:categories that no row of fit had:nnfit.NnfitWarning"),  # of some folds
]

NUMBERS = make_classification(120, 5, n_informative=3, class_sep=2, random_state=0)


def learns() -> NNClassifier:
    return NNClassifier((16,), members=2, epochs=15, batch_size=8)


def prepared() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["number"]),
            ("words", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), make_column_selector("town|size")),
        ]
    )


def test_in_a_pipeline_behind_a_column_transformer(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X, y = people.drop(columns="y"), people["y"]
    pipeline = make_pipeline(prepared(), classifier).fit(X, y)
    assert list(pipeline[-1].model_.kinds)[:2] == ["x0", "x1"]
    assert pipeline.predict_proba(X).shape == (60, 2)
    named = pipeline.set_output(transform="pandas").fit(X, y)
    assert list(named[-1].model_.kinds) == named[-1].feature_names_in_.tolist() == [*named[:-1].get_feature_names_out()]
    assert named.predict(X).shape == (60,)


def test_in_a_grid_search_over_its_parameters(classifier: NNClassifier) -> None:
    grid = {"layers": [(4,), (8, 4)], "learning_rate": [0.003, 0.03], "epochs": [1, 20]}
    search = GridSearchCV(classifier, grid, cv=2, scoring="roc_auc", error_score="raise").fit(*NUMBERS)
    assert search.best_params_["epochs"] == 20
    assert search.best_score_ > 0.8
    assert search.best_estimator_.model_.spec.training.epochs == 20


def test_in_a_cross_validation_of_tables_with_gaps(people: pd.DataFrame) -> None:
    X, y = people.drop(columns="y"), people["y"]
    assert cross_val_score(learns(), X[["number", "town"]], y, cv=3, error_score="raise").mean() > 0.8
    proba = cross_val_predict(learns(), X, y, cv=3, method="predict_proba")
    assert proba.shape == (60, 2)


def test_in_a_stack_and_calibrated() -> None:
    X, y = NUMBERS
    stack = StackingClassifier([("net", learns()), ("line", LogisticRegression())], cv=2).fit(X, y)
    assert stack.score(X, y) > 0.8
    calibrated = CalibratedClassifierCV(learns(), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8


@pytest.mark.parametrize("K", [2, 3])
def test_several_targets_are_predicted_across_folds_scored_and_stacked(K: int) -> None:
    X = NUMBERS[0]
    Y = (X[:, :K] > 0).astype(int)
    proba = cross_val_predict(learns(), X, Y, cv=2, method="predict_proba")
    assert proba.shape == (120, K)
    assert roc_auc_score(Y, proba) > 0.8
    assert cross_val_score(learns(), X, Y, cv=2, scoring="roc_auc", error_score="raise").mean() > 0.8
    last = MultiOutputClassifier(LogisticRegression())
    assert StackingClassifier([("net", learns())], last, cv=2).fit(X, Y).predict(X).shape == (120, K)


def test_the_importance_of_its_columns(people: pd.DataFrame) -> None:
    X, y = people.drop(columns="y"), people["y"]
    fitted = learns().fit(X, y)
    found = permutation_importance(fitted, X, y, n_repeats=3, random_state=0)
    assert X.columns[found.importances_mean.argmax()] == "number"


def test_regressors_in_a_bag_a_vote_and_behind_a_logarithm() -> None:
    draw = np.random.default_rng(0)
    X = draw.normal(size=(90, 2))
    y = np.exp(X @ [1.0, 0.5])
    one = NNRegressor((8,), members=2, epochs=20, batch_size=8)
    bag = BaggingRegressor(one, n_estimators=2, random_state=0).fit(X, y)
    assert bag.estimators_[0].random_state != bag.estimators_[1].random_state
    assert VotingRegressor([("a", one), ("b", clone(one).set_params(random_state=1))]).fit(X, y).score(X, y) > 0.7
    behind = TransformedTargetRegressor(one, func=np.log, inverse_func=np.exp).fit(X, y)
    assert behind.score(X, y) > 0.8


def test_weights_are_routed_through_a_pipeline(people: pd.DataFrame) -> None:
    X, y, w = people[["number"]], people["y"], np.where(people["y"] == "yes", 9.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = NNClassifier((8,), members=2, epochs=3).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, weighted).fit(X, y, sample_weight=w)
        unasked = make_pipeline(scaler, NNClassifier((8,), members=2, epochs=3))
        with pytest.raises(UnsetMetadataPassedError, match="not explicitly set as requested or not requested"):
            unasked.fit(X, y, sample_weight=w)
    assert routed[-1].model_.spec.data.weight == "weight"
    direct = NNClassifier((8,), members=2, epochs=3).fit(StandardScaler().fit_transform(X), y, sample_weight=w)
    assert routed[-1].model_.theta.tobytes() == direct.model_.theta.tobytes()


def test_a_clone_has_the_parameters_and_learns_the_same() -> None:
    X, y = NUMBERS
    first = NNClassifier((8,), spec=None, members=2, epochs=2, class_weight={0: 1, 1: 2}, random_state=3).fit(X, y)
    second = clone(first)
    assert second.get_params() == first.get_params()
    assert not hasattr(second, "model_")
    assert second.fit(X, y).model_.theta.tobytes() == first.model_.theta.tobytes()


def test_a_pickle_predicts_the_same(people: pd.DataFrame) -> None:
    X = people.drop(columns="y")
    for y in (people["y"], people[["number", "number"]].fillna(0).set_axis(["a", "b"], axis=1)):
        kind = NNClassifier if y.ndim == 1 else NNRegressor
        fitted = kind((8,), members=2, epochs=1).fit(X, y)
        loaded = pickle.loads(pickle.dumps(fitted))
        assert np.array_equal(loaded.predict(X), fitted.predict(X))
        assert loaded.history_.equals(fitted.history_)
        assert loaded.model_.to_bytes() == fitted.model_.to_bytes()


# --- warnings ------------------------------------------------------------------------------------------------------


def told(action: Any, trainings: int) -> list[str]:
    """The warnings of some trainings on noise in one line, as a search shows them with such a filter."""
    draw = np.random.default_rng(0)
    data = [(draw.normal(size=(80, 3)), draw.integers(0, 2, 80)) for _ in range(trainings)]
    TOLD.clear()
    found = []
    for X, y in data:
        with warnings.catch_warnings(record=True) as caught:  # of which a search has one for each fit
            warnings.simplefilter(action, nnfit.NnfitWarning)
            NNClassifier((8,), members=2, epochs=20).fit(X, y)
        found += [str(warning.message) for warning in caught]
    return found


def test_a_search_is_told_once_for_each_line_and_without_figures() -> None:
    trivial = "the network does not beat the trivial predictor; see warnings_ of the estimator"
    assert told("always", 4).count(trivial) > 1
    assert told("default", 4).count(trivial) == 1
    with pytest.raises(nnfit.NnfitWarning, match="the network does not beat the trivial predictor"):
        told("error", 4)


def test_what_is_told_is_kept_by_its_column_and_without_its_cells(people: pd.DataFrame) -> None:
    X = people[["number", "since"]]
    fitted = NNClassifier((8,), members=2, epochs=1).fit(X, people["y"])
    TOLD.clear()
    new = X[:1].astype(object)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", nnfit.NnfitWarning)
        for k in range(5):
            fitted.predict(new.assign(number=f"secret {k}", since=f"secret {k}"))
    assert [str(each.message).split(":")[0] for each in caught] == ['column "number"', 'column "since"']
    assert len(TOLD) == 2
    assert "secret" not in str(TOLD)


def test_what_is_told_in_short_has_its_figures_in_warnings_() -> None:
    draw = np.random.default_rng(0)
    fitted = NNClassifier((8,), members=2, epochs=20)
    with pytest.warns(nnfit.NnfitWarning):
        fitted.fit(draw.normal(size=(80, 3)), draw.integers(0, 2, 80))
    (problem,) = (each for each in fitted.warnings_ if each.code == "no-better-than-trivial")
    assert "on the out_of_fold rows" in problem.message
