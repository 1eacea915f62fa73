"""An estimator proposes what `nnfit init --quick` proposes, and learns the weights of `nnfit train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, Ended

import nnfit
from nnfit.config.budget import Fitted
from nnfit.config.build import dump
from nnfit.config.proposal import fitted_to, looked_at, propose
from nnfit.config.proposed import proposed
from nnfit.sklearn import NNClassifier, NNRegressor
from nnfit.sklearn.parameters import suited

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

TABLES = {
    "iris": "species",
    "penguins": "species",
    "breast_cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
    "perceptron": "species",
}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / f"datasets/{name}.csv")


@pytest.mark.parametrize("name", TABLES)
def test_the_weights_are_those_of_the_spec_that_init_writes_for_the_file(name: str, tmp_path: Path) -> None:
    target, path = TABLES[name], tmp_path / "spec.yaml"
    path.write_text(propose(ROOT / f"datasets/{name}.csv", target, tmp_path).text, encoding="utf-8")
    of_file = nnfit.train(path, overrides={"training.epochs": 2}).model
    frame = table(name)
    made = (NNClassifier if of_file.classes else NNRegressor)(epochs=2)
    model = made.fit(frame.drop(columns=target), frame[target]).model_
    assert model.theta.tobytes() == of_file.theta.tobytes()
    assert model.features == of_file.features
    assert model.classes == of_file.classes
    assert model.metrics == of_file.metrics


def test_what_init_writes_is_the_mapping_that_is_proposed(tmp_path: Path) -> None:
    for name, target in TABLES.items():
        path = ROOT / f"datasets/{name}.csv"
        found = looked_at(path, target, None)
        fit: Fitted = fitted_to(found)
        written = yaml.safe_load(propose(path, target, tmp_path).text)
        del written["data"]["train"]
        assert proposed(found, fit.recipe) == written
        assert suited(found, fit, {}) == written


@pytest.mark.parametrize("spec", ["iris", "penguins", "diabetes"])
def test_a_spec_gives_the_weights_of_nnfit_train(spec: str, run: Callable[..., Ended], tmp_path: Path) -> None:
    path, model = ROOT / f"configs/{spec}.yaml", tmp_path / "model.npz"
    done = run("train", str(path), "-o", str(model), "--set", "training.epochs=3", "--quiet")
    assert done.code == 0, done.err
    target, frame = TABLES[spec], table(spec)
    estimator = (NNRegressor if spec == "diabetes" else NNClassifier)(spec=path, epochs=3)
    fitted = estimator.fit(frame.drop(columns=target), frame[target])
    assert fitted.model_.theta.tobytes() == nnfit.load(model).theta.tobytes()
    again = type(estimator)(spec=fitted.model_.spec).fit(frame.drop(columns=target), frame[target])
    assert again.model_.theta.tobytes() == fitted.model_.theta.tobytes()
    mapping = type(estimator)(spec=dump(fitted.model_.spec)).fit(frame.drop(columns=target), frame[target])
    assert mapping.model_.theta.tobytes() == fitted.model_.theta.tobytes()


def test_columns_and_y_are_called_whatever_they_like(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X, y = people.drop(columns="y"), people["y"]
    theta = classifier.fit(X, y).model_.theta.tobytes()
    others = X.set_axis(["target", "weight", "y", "a b", "<x>", "é"], axis=1)
    assert classifier.fit(others, y.to_numpy()).model_.theta.tobytes() == theta
    assert classifier.model_.spec.data.target == ("target_",)
    assert classifier.fit(others, y, sample_weight=np.full(60, 3.0)).model_.theta.tobytes() == theta
    assert (classifier.model_.spec.data.target, classifier.model_.spec.data.weight) == (("y_",), "weight_")


def test_weights_count_as_the_column_of_a_file(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X, y = people.drop(columns="y"), people["y"]
    w = np.arange(60) % 3 + 0.5
    model = classifier.fit(X, y, sample_weight=w).model_
    assert model.theta.tobytes() != classifier.fit(X, y).model_.theta.tobytes()
    data = dump(model.spec)
    data["data"]["weight"] = "w"
    assert nnfit.train(data, people.assign(w=w)).model.theta.tobytes() == model.theta.tobytes()


def test_the_model_is_saved_and_predicts_what_the_estimator_does(people: pd.DataFrame, tmp_path: Path) -> None:
    X = people.drop(columns="y")
    fitted = NNClassifier(members=2, epochs=3).fit(X, people["y"])
    fitted.model_.save(tmp_path / "people.npz")
    model = nnfit.load(tmp_path / "people.npz")
    assert model.predict(X)["prediction"].tolist() == fitted.predict(X).tolist()
    assert np.array_equal(model.predict_proba(X).to_numpy(), fitted.predict_proba(X))
