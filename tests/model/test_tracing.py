"""Rows of a table through a model and back: the step that a trace tells is the step that training takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.core.network import views
from nnfit.data.table import read_table
from nnfit.model.model import Model
from nnfit.model.tracing import Traced, learning_rate, traces

LAYERS = {
    "mse": "[{size: 3, activation: logistic}, {size: 2, activation: logistic}, {size: 1, activation: linear}]",
    "bce": "[{size: 4, activation: [{name: tanh, size: 2}, {name: gelu, size: 2}]}, {size: 1, activation: logistic}]",
}


def spec(loss: str, epochs: int, more: str = "") -> str:
    return (
        f"data: {{train: data.csv, target: y{more}}}\nloss: {loss}\n"
        f"network: {{layers: {LAYERS[loss]}, dtype: float64, members: 2}}\n"
        f"training: {{epochs: {epochs}, batch_size: 1, optimizer: {{name: sgd, learning_rate: 0.3}}}}\n"
    )


def traced(model: Model, path: Path, first: int = 1) -> list[Traced]:
    table = read_table(str(path), model.dialect, model.kinds | model.target.kinds, others=False)
    return list(traces(model, table, first))


@pytest.mark.parametrize("loss", LAYERS)
def test_a_step_of_sgd_changes_theta_by_exactly_eta_times_the_gradient(
    trained: Callable[..., Model], tmp_path: Path, loss: str
) -> None:
    # An epoch of two rows is two updates, in an order that is drawn, the second from where the first led.
    rows = "x,c,y\n0.3,red,0\n0.9,blue,1\n"
    before, after = (trained(spec(loss, epochs), rows, "training.baseline=false") for epochs in (0, 1))
    ends = []
    for order in ((0, 1), (1, 0)):
        model = before
        for i in order:
            model = replace(model, theta=stepped(model, traced(model, tmp_path / "data.csv")[i]))
        ends.append(model.theta)
    assert not np.array_equal(*ends)
    assert any(np.array_equal(after.theta, end) for end in ends)


def stepped(model: Model, row: Traced) -> np.ndarray:
    """θ − η ∂C/∂θ of a traced row."""
    gradient = np.empty_like(model.theta)
    assert row.trace.gradient is not None
    for part, found in zip(views(model.network, gradient), row.trace.gradient, strict=True):
        part[...] = found
    eta, source = learning_rate(model)
    assert (eta, source) == (0.3, "training.optimizer.learning_rate")
    return np.asarray(model.theta - eta * gradient)


def test_penalty_dropout_and_weights_have_no_part_in_a_trace(trained: Callable[..., Model], tmp_path: Path) -> None:
    rows = "x,w,y\n1,1,2\n2,5,3\n4,1,1\n"
    simple = trained(spec("mse", 0, ", ignore: [w]"), rows)
    rich = trained(spec("mse", 0, ", weight: w").replace("epochs: 0", "epochs: 0, dropout: 0.5, l2: 0.1"), rows)
    for one, other in zip(traced(simple, tmp_path / "data.csv"), traced(rich, tmp_path / "data.csv"), strict=True):
        assert one.trace.cost is not None
        np.testing.assert_array_equal(one.trace.cost, other.trace.cost)


def test_what_is_predicted_is_what_predict_says(flower_model: Path) -> None:
    model = nnfit.load(flower_model)
    frame = pd.read_csv(flower_model.with_suffix(".csv"))
    found = traced(model, flower_model.with_suffix(".csv"), first=1)
    assert [row.row for row in found] == list(range(1, 61))
    assert [row.prediction["species"] for row in found] == model.predict(frame)["prediction"].tolist()
    assert [row.target["species"] for row in found] == frame["species"].tolist()
    proba = model.predict_proba(frame).to_numpy()
    np.testing.assert_allclose([list(row.probabilities.values()) for row in found], proba, rtol=1e-12)
    for row in found:
        assert row.y is not None
        assert row.y.tolist() == [float(label == row.target["species"]) for label in model.classes]


def test_a_temperature_changes_what_is_predicted_and_not_the_trace(flower_model: Path) -> None:
    cold = nnfit.load(flower_model)
    warm = replace(cold, target=cold.target._replace(temperature=3.0))
    one, other = (traced(model, flower_model.with_suffix(".csv"))[0] for model in (cold, warm))
    assert max(other.probabilities.values()) < max(one.probabilities.values())
    np.testing.assert_array_equal(one.trace.a[-1], other.trace.a[-1])
    np.testing.assert_array_equal(one.trace.cost, other.trace.cost)
