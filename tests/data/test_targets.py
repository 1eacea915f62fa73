"""The target: how columns become outputs of the network, and outputs become predictions again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnfit.data.target import Target, decide
from nnfit.errors import DataError, NnfitWarning
from nnfit.model.model import Model

Prepare = Callable[..., Any]
Train = Callable[..., Model]


def spec(output: str, more: str = "", target: str = "y", data: str = "") -> str:
    return (
        f"data: {{train: data.csv, target: {target}{data}}}\n"
        f"network: {{layers: [{output}], dtype: float64}}\n"
        f"training: {{epochs: 200, batch_size: full, optimizer: {{name: adam, learning_rate: 0.1}}}}\n{more}"
    )


def csv(**columns: list[object]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(f'"{cell}"' for cell in row) for row in rows)]) + "\n"


def classes(labels: list[str]) -> str:
    """A number that tells the labels apart, three rows each."""
    return csv(x=[i % len(labels) for i in range(3 * len(labels))], y=labels * 3)


def outputs(prepared: Any) -> list[list[float]]:
    return prepared.sets["train"].examples.Y.tolist()


def both(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """The predictions, and the probabilities beside them."""
    return pd.concat([model.predict(frame), model.predict_proba(frame)], axis=1)


SOFTMAX = "{size: auto, activation: softmax}"
LOGISTIC = "{size: auto, activation: logistic}"
LINEAR = "{size: auto, activation: linear}"
TANH = "{size: auto, activation: tanh}"


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a", "c"], ("a", "b", "c")),
        (["10", "9", "2"], ("2", "9", "10")),
        (["1e1", "-3", "2.5"], ("-3", "2.5", "1e1")),
        (["10", "9", "b"], ("10", "9", "b")),
        (["B", "a", "é"], ("B", "a", "é")),
        (["true", "false", "1"], ("1", "false", "true")),
    ],
)
def test_classes_are_sorted_by_value_where_all_are_numbers_else_as_text(
    prepared: Prepare, labels: list[str], expected: tuple[str, ...]
) -> None:
    ready = prepared(spec(SOFTMAX), classes(labels))
    assert ready.target.classes == expected
    assert ready.target.task == "multinomial"
    assert np.argmax(outputs(ready), axis=0).tolist() == [expected.index(label) for label in labels] * 3


def test_classes_that_differ_in_spelling_are_different(prepared: Prepare) -> None:
    assert set(prepared(spec(SOFTMAX), classes(["1", "1.0", " 1"])).target.classes) == {" 1", "1", "1.0"}


def test_one_neuron_is_the_probability_of_the_second_class(trained: Train) -> None:
    model = trained(spec(LOGISTIC), classes(["yes", "no"]))
    assert model.target.task == "binary"
    assert model.target.classes == ("no", "yes")
    frame = pd.DataFrame({"x": [0, 1]})
    found = both(model, frame)
    assert found["prediction"].tolist() == ["yes", "no"]
    assert list(found) == ["prediction", "probability_no", "probability_yes"]
    Theta = model.theta[0]
    np.testing.assert_allclose(found["probability_yes"], 1 / (1 + np.exp(-(Theta[0] + Theta[1] * np.array([-1, 1])))))
    np.testing.assert_allclose(found["probability_no"] + found["probability_yes"], 1)


def test_two_classes_may_have_two_softmax_neurons(trained: Train) -> None:
    model = trained(spec(SOFTMAX), classes(["yes", "no"]))
    assert model.network.N[-1] == 2
    assert model.predict(pd.DataFrame({"x": [0, 1]}))["prediction"].tolist() == ["yes", "no"]


def test_labels_come_back_as_they_were_spelled(trained: Train) -> None:
    labels = ["01", "1e0", " x ", 'a "b"', "é,ñ"]
    text = csv(x=[i % 5 for i in range(15)], y=[label.replace('"', '""') for label in labels] * 3)
    hidden = "{size: 8, activation: tanh}, "
    model = trained(spec(hidden + SOFTMAX), text)
    assert model.predict(pd.DataFrame({"x": range(5)}))["prediction"].tolist() == labels


def test_with_tanh_the_classes_are_minus_one_and_one(trained: Train, prepared: Prepare) -> None:
    text = classes(["no", "yes"])
    assert outputs(prepared(spec(TANH), text)) == [[-1, 1] * 3]
    model = trained(spec(TANH), text)
    assert model.target.task == "binary"
    found = both(model, pd.DataFrame({"x": [0, 0.5, 1]}))
    Theta = model.theta[0]
    y_hat = np.tanh(Theta[0] + Theta[1] * np.array([-1, 0, 1]))
    np.testing.assert_allclose(found["probability_yes"], (y_hat + 1) / 2)
    assert found["prediction"].tolist()[::2] == ["no", "yes"]


@pytest.mark.parametrize("output", [SOFTMAX, LOGISTIC, LINEAR, TANH])
@pytest.mark.parametrize("loss", ["mse", "rss"])
def test_text_is_classes_with_mse_and_rss_too(trained: Train, output: str, loss: str) -> None:
    hidden = "{size: 8, activation: tanh}, "
    model = trained(spec(hidden + output, f"loss: {loss}\n"), classes(["a", "b", "c"]))
    assert model.target.task == "multinomial"
    found = both(model, pd.DataFrame({"x": [0, 1, 2]}))
    assert found["prediction"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found[["probability_a", "probability_b", "probability_c"]].sum(axis=1), 1)


def test_numbers_are_classes_with_mse_where_the_spec_says_so(prepared: Prepare) -> None:
    said = ", columns: {y: {type: categorical}}"
    assert prepared(spec(LINEAR), classes(["3", "7"])).target.task == "regression"
    assert prepared(spec(LINEAR, data=said), classes(["3", "7"])).target.classes == ("3", "7")


@pytest.mark.parametrize("output", [SOFTMAX, LOGISTIC])
def test_numbers_are_classes_with_cross_entropies(prepared: Prepare, output: str) -> None:
    assert prepared(spec(output), classes(["3", "7", "10"])).target.classes == ("3", "7", "10")


@pytest.mark.parametrize("output", [SOFTMAX, LINEAR])
def test_a_missing_target_is_refused_with_its_line(complaint: Callable[..., str], output: str) -> None:
    found = complaint(spec(output), "x,y\n1,1\n2,\n3,2\n4,\n")
    assert found == (
        'data.csv:3:2: the target "y" is missing in 2 rows, first here; remove them, or set data.missing_target: drop'
    )


def test_classes_are_decided_by_the_threshold_and_by_a_half_without() -> None:
    p = np.array([[0.8, 0.2], [0.6, 0.4], [0.5, 0.5], [0.1, 0.9]])
    binary, two = (Target(task, ("y",), ("a", "b")) for task in ("binary", "multinomial"))
    for target in (binary, two):
        assert decide(target._replace(threshold=0.3), p).tolist() == [0, 1, 1, 1]
        assert decide(target._replace(threshold=0.9), p, np.array([0.1, 0.5, 0.5, 0.95])).tolist() == [1, 0, 1, 0]
    assert decide(binary, p).tolist() == [0, 0, 1, 1]
    assert decide(two, p).tolist() == [0, 0, 0, 1]  # of equals the first


# --- real targets --------------------------------------------------------------------------------------------------


def test_a_real_target_is_standardised_by_mean_and_population_standard_deviation(prepared: Prepare) -> None:
    y = np.array([10.0, 20.0, 40.0, 90.0])
    ready = prepared(spec(LINEAR), csv(x=[1, 2, 3, 4], y=list(y)))
    np.testing.assert_allclose(outputs(ready), [(y - 40) / np.sqrt(((y - 40) ** 2).mean())])
    raw = prepared(spec(LINEAR, data=", columns: {y: {scale: none}}"), csv(x=[1, 2, 3, 4], y=list(y)))
    assert outputs(raw) == [y.tolist()]


def test_predictions_come_back_in_the_unit_of_the_target(trained: Train) -> None:
    x = np.arange(20)
    model = trained(spec(LINEAR), csv(x=list(x), y=list(1e6 + 250 * x)))
    with pytest.warns(NnfitWarning, match=r"outside the range of the training rows: x \(1 row\)"):
        found = model.predict(pd.DataFrame({"x": [0, 10, 30]}))
    np.testing.assert_allclose(found["prediction"], [1e6, 1e6 + 2500, 1e6 + 7500], atol=5)
    assert model.record["metrics"]["train"]["rmse"] < 5
    assert list(found) == ["prediction"]
    with pytest.raises(DataError, match="predicts real numbers, which have no probabilities"):
        model.predict_proba(pd.DataFrame({"x": [0]}))


def test_several_real_targets_keep_their_own_units(trained: Train) -> None:
    x = np.arange(20)
    text = csv(x=list(x), small=list(x * 1e-6), large=list(x * -1e6))
    model = trained(spec(LINEAR, target="[large, small]"), text)
    found = model.predict(pd.DataFrame({"x": [0, 10]}))
    assert list(found) == ["prediction_large", "prediction_small"]
    np.testing.assert_allclose(found["prediction_large"], [0, -1e7], atol=1e5)
    np.testing.assert_allclose(found["prediction_small"], [0, 1e-5], atol=1e-7)


def test_texts_among_several_targets_are_refused_with_mse(complaint: Callable[..., str]) -> None:
    found = complaint(spec(LINEAR, target="[a, b]"), csv(x=[1, 2], a=[1, 2], b=["u", "v"]))
    assert found == "spec.yaml:1:25: data.target: several targets with mse must all be numbers"


# --- several 0/1 targets -------------------------------------------------------------------------------------------

BOTH = csv(x=[0, 1, 2, 3] * 3, a=[0, 0, 1, 1] * 3, b=[0, 1, 1, 1] * 3)


def test_several_targets_of_0_and_1_have_one_neuron_each(trained: Train) -> None:
    model = trained(spec(LOGISTIC, target="[a, b]"), BOTH)
    assert model.target.task == "multilabel"
    found = both(model, pd.DataFrame({"x": range(4)}))
    assert list(found) == ["prediction_a", "prediction_b", "probability_a", "probability_b"]
    assert found["prediction_a"].tolist() == ["0", "0", "1", "1"]
    assert found["prediction_b"].tolist() == ["0", "1", "1", "1"]
    assert ((found["probability_a"] >= 0.5) == (found["prediction_a"] == "1")).all()
    metrics = model.record["metrics"]["train"]
    assert metrics["accuracy"] == 1
    assert metrics["confusion"] == [[[6, 0], [0, 6]], [[3, 0], [0, 9]]]
