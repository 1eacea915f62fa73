"""Every spec in configs/ trains, beats a predictor that knows no input, and reaches what is known for its data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import Configs

from nnfit.config.loader import load_spec
from nnfit.diagnostics.gradcheck import TOLERANCE
from nnfit.diagnostics.health import stuck, unbalanced
from nnfit.fit.examination import examine
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.run import initial
from nnfit.model.loading import load
from nnfit.model.model import Model

Run = Callable[..., Any]

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
NAMES = [path.stem for path in CONFIGS]


def test_there_are_the_configs_that_the_tests_know() -> None:
    assert {
        *("breast_cancer", "diabetes", "digits", "iris", "notes_example", "penguins", "perceptron", "xor"),
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_better_than_a_predictor_that_knows_no_input(configs: Configs, name: str) -> None:
    metrics, record = configs[name].metrics(), configs[name].model.record
    trivial = record["trivial"]["test" if "test" in record["trivial"] else "train"]
    if "accuracy" in metrics:
        assert metrics["accuracy"] > trivial["accuracy"] + 0.2
    else:
        assert metrics["rmse"] < 0.9 * trivial["rmse"]


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_the_command_trains_it_and_gives_the_same_model(configs: Configs, run: Run, tmp_path: Path, path: Path) -> None:
    ended = run("train", path, "-o", tmp_path / "m.npz", "--quiet")
    assert (ended.code, ended.out) == (0, "")
    np.testing.assert_allclose(load(tmp_path / "m.npz").theta, configs[path.stem].model.theta, rtol=1e-6)


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_its_gradients_are_proved(run: Run, path: Path) -> None:
    ended = run("check", path, "--json")
    assert ended.code == 0
    report = json.loads(ended.out)
    assert (report["ok"], report["errors"]) == (True, [])
    found = report["gradient_check"]
    assert found["tolerance"] == TOLERANCE <= 1e-6
    assert found["max_relative_error"] <= found["tolerance"]
    if "straight_through" in path.read_text():
        assert found["checked"] == 0  # not the derivative, on purpose
    else:
        assert found["checked"] >= min(report["network"]["parameters"], 20)


@pytest.mark.parametrize("name", NAMES)
def test_no_layer_is_warned_of_before_training_or_after(configs: Configs, name: str) -> None:
    prepared, model = configs[name]
    before, after = (examine(prepared, theta) for theta in (initial(prepared), model.theta))
    assert [*stuck(before), *unbalanced(before), *stuck(after)] == []


@pytest.mark.parametrize("path", CONFIGS, ids=NAMES)
def test_it_says_what_it_is_for_and_where_its_model_goes(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ")
    spec = yaml.safe_load(text)
    assert spec["output"] == f"../models/{path.stem}.npz"
    assert (path.parent / spec["data"]["train"]).exists()


@pytest.mark.parametrize(
    ("name", "accuracy"), [("iris", 0.93), ("breast_cancer", 0.95), ("digits", 0.96), ("penguins", 0.95)]
)
def test_the_test_accuracy_is_what_is_known_for_the_data(configs: Configs, name: str, accuracy: float) -> None:
    assert configs[name].metrics("test")["accuracy"] >= accuracy


def test_the_perceptron_separates_what_can_be_separated(configs: Configs) -> None:
    found = configs["perceptron"]
    assert found.metrics("train")["accuracy"] == 1
    assert found.metrics("test")["accuracy"] == 1
    # The rule stops when all are right: the last epochs change nothing and cost nothing.
    assert found.model.record["history"]["cost"][-1] == 0


def test_the_worked_example_is_learned_to_within_a_hundredth(configs: Configs) -> None:
    found = configs["notes_example"]
    assert [tuple(shape) for shape in found.prepared.network.shapes] == [(2, 5), (3, 3), (1, 4)]
    history = found.model.record["history"]["cost"]
    assert history[-1] < 0.1 * history[0]
    assert found.metrics("train")["rmse"] < 0.05


def test_penguins_have_gaps_and_an_indicator_of_them(configs: Configs) -> None:
    features = {feature.name: feature for feature in configs["penguins"].prepared.features}
    assert "bill_length_mm is missing" in features["bill_length_mm"].inputs
    assert "sex is missing" in features["sex"].inputs
    assert features["island"].inputs == ["island=Biscoe", "island=Dream", "island=Torgersen"]
    assert "year" not in features


def ridge(X: np.ndarray, y: np.ndarray, alpha: float) -> tuple[np.ndarray, float]:
    """Weights and intercept that minimise Σ (y − Xw − b)² + α Σ w²."""
    mean = X.mean(axis=0)
    centred = X - mean
    w = np.linalg.solve(centred.T @ centred + alpha * np.eye(X.shape[1]), centred.T @ (y - y.mean()))
    return w, float(y.mean() - mean @ w)


def test_diabetes_is_predicted_as_well_as_by_ridge_regression(configs: Configs) -> None:
    sets = configs["diabetes"].prepared.sets
    X = {name: rows.examples.X[:, 1:].astype(float) for name, rows in sets.items()}
    y = {name: rows.truth[:, 0] for name, rows in sets.items()}
    w, b = ridge(X["train"], y["train"], alpha=1)
    residual = y["test"] - (X["test"] @ w + b)
    r2 = 1 - (residual**2).sum() / ((y["test"] - y["test"].mean()) ** 2).sum()
    assert r2 > 0.3  # as published for these data
    assert configs["diabetes"].metrics("test")["r2"] > r2 - 0.03
    members = configs["diabetes"].metrics("test")["members"]
    assert members["r2"]["sd"] > 0


def test_xor_is_solved_whatever_the_seed(root: Path, train: Callable[[Prepared], Model]) -> None:
    for seed in range(20):
        model = train(prepare(load_spec(root / "configs" / "xor.yaml", [f"seed={seed}"])))
        assert model.record["metrics"]["train"]["accuracy"] == 1, seed


def test_xor_is_not_solved_without_a_hidden_layer(root: Path, train: Callable[[Prepared], Model]) -> None:
    alone = "network.layers=[{size: 1, activation: logistic}]"
    model = train(prepare(load_spec(root / "configs" / "xor.yaml", [alone])))
    assert model.record["metrics"]["train"]["accuracy"] < 1
