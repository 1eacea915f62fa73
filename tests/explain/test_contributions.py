"""Contributions sum to what they explain, agree with a slow integral of differences, and say where they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.core.network import predict
from nnfit.data.frames import from_frame
from nnfit.data.table import Table
from nnfit.data.target import decode
from nnfit.errors import DataError, UsageError
from nnfit.explain import contributions as room
from nnfit.explain.contributions import Contributions, contributions, doubts
from nnfit.model.model import Model

ROOT = Path(__file__).parent.parent.parent
N = 500
ALL = range(1, N + 1)


def mixed(n: int = N, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, categories with rare ones and gaps, dates, truth values; targets of every kind."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.gamma(2, 3, n)
    code = rng.choice(["red", "green", "blue", "rare", ""], n, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    day = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1200, n), "D")
    on = rng.random(n) < 0.4
    y = 20 + 5 * a * (code == "red") + np.sin(b) + 3 * on + rng.normal(size=n)
    return pd.DataFrame(
        {
            "a": np.where(rng.random(n) < 0.1, np.nan, a),
            "b": b,
            "code": code,
            "day": day.strftime("%Y-%m-%d"),
            "on": np.where(on, "yes", "no"),
            "y": y,
            "v": -1000 * a + 100 * b,
            "kind": np.array(["low", "mid", "high"])[np.digitize(y, [19, 23])],
            "p": (a > 0).astype(int),
            "q": (b > 5).astype(int),
        }
    )


COLUMNS = {"code": {"min_count": 40}, "b": {"bins": 4}, "a": {"degree": 2}}


def spec(target: Any, *layers: Any, **training: Any) -> dict[str, Any]:
    """A small network on the five input columns."""
    return {
        "data": {"target": target, "features": ["a", "b", "code", "day", "on"], "columns": dict(COLUMNS)},
        "network": {"layers": list(layers), "members": training.pop("members", 1)},
        "training": {"epochs": 20, "optimizer": {"name": "adam", "learning_rate": 0.02}, "baseline": False, **training},
    }


def layer(size: Any, activation: Any) -> dict[str, Any]:
    return {"size": size, "activation": activation}


CLASSES = spec(
    "kind", layer(8, "tanh"), layer("auto", "softmax"), members=4, resample="folds", calibration="temperature"
)
REAL = spec("y", layer(12, "relu"), layer(6, "leaky_relu"), layer(1, "linear"))


def table_of(model: Model, frame: pd.DataFrame) -> Table:
    return from_frame(frame, model.dialect, model.labelled_kinds)


@pytest.fixture(scope="module")
def classes() -> Model:
    model = nnfit.train(CLASSES, mixed()).model
    assert model.target.temperature != 1
    return model


@pytest.fixture(scope="module")
def real() -> Model:
    return nnfit.train(REAL, mixed()).model


def value(model: Model, x: np.ndarray, k: int, label: int) -> np.ndarray:
    """F at inputs x (n, N₁), by what predictions are made of."""
    X = np.column_stack([np.ones(len(x)), x])
    found = decode(model.target._replace(bounds=()), predict(model.network, model.theta, X).mean(axis=0))
    if model.target.task == "multilabel":
        return found[:, k] if label else 1 - found[:, k]
    return found[:, k if model.target.task == "regression" else label]


def slowly(model: Model, table: Table, row: int, k: int = 0, label: int = 0, pieces: int = 2000) -> np.ndarray:
    """The contributions by central differences in the middle of many short pieces."""
    start = np.array(model.record["input_mean"])
    d = model.encoded(table)[row - 1, 1:].astype(float) - start
    path = start + (np.arange(pieces)[:, None] + 0.5) / pieces * d
    parts = []
    for j, way in enumerate(d):
        h = 1e-6 * (np.arange(len(d)) == j)
        slope = (value(model, path + h, k, label) - value(model, path - h, k, label)) / 2e-6
        parts.append(way * slope.mean())
    widths = [len(feature.inputs) for feature in model.features]
    return np.array([part.sum() for part in np.split(np.array(parts), np.cumsum(widths)[:-1])])


def complete(found: tuple[Contributions, ...], most: float) -> None:
    for each in found:
        gap = abs(each.contributions.sum() - (each.output - each.baseline))
        assert gap == pytest.approx(each.error, abs=1e-12 * most / 1e-6)
        assert each.error < most


# --- complete ------------------------------------------------------------------------------------------------------


def test_of_500_rows_of_classes_the_contributions_sum_to_the_probability_less_the_baseline(classes: Model) -> None:
    frame = mixed()
    found = contributions(classes, table_of(classes, frame), ALL)
    assert [each.row for each in found] == list(ALL)
    complete(found, 1e-6)
    proba = classes.predict_proba(frame)
    assert [each.prediction for each in found] == classes.predict(frame)["prediction"].tolist()
    assert [each.output for each in found] == pytest.approx(proba.max(axis=1).tolist(), abs=1e-12)
    assert len({each.baseline for each in found}) == 3  # of the class that is predicted
    assert doubts(classes, found) == []


def test_of_500_rows_of_a_real_target_they_sum_to_its_prediction_less_that_of_the_mean_row(real: Model) -> None:
    frame = mixed()
    found = contributions(real, table_of(real, frame), ALL)
    complete(found, 1e-6 * real.target.sd[0])
    assert [each.output for each in found] == real.predict(frame)["prediction"].tolist()
    assert {each.baseline for each in found} == {found[0].baseline}
    assert np.ptp([each.output for each in found]) > 5


def test_of_500_rows_like_those_of_diabetes_too(configs: Any) -> None:
    model = configs["diabetes"].model
    frame = pd.read_csv(ROOT / "datasets/diabetes.csv").sample(N, replace=True, random_state=0)
    frame["bmi"] *= np.random.default_rng(0).normal(1, 0.1, N)
    found = contributions(model, table_of(model, frame), ALL)
    complete(found, 1e-6 * model.target.sd[0])
    assert found[0].columns == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    assert np.std([each.contributions[2] for each in found]) > 5


def expanded(keys: dict[str, Any]) -> dict[str, Any]:
    """The same with numbers that stand beside steps and waves of themselves."""
    a, b = {"piecewise": 4, "degree": 2, "amplitude": 0.5}, {"piecewise": 3, "periodic": 2, "scale": "robust"}
    return {**keys, "data": {**keys["data"], "columns": {**COLUMNS, "a": a, "b": b}}}


KINDS = {
    "binary": spec("p", layer(6, "gelu"), layer(1, "logistic"), members=2),
    "binary with its own temperature": spec(
        "p", layer(6, "elu"), layer(1, "logistic"), members=3, resample="folds", calibration="temperature"
    ),
    "two classes by tanh": spec("p", layer(6, "mish"), layer(1, "tanh")) | {"loss": "mse"},
    "classes by lines, cut to probabilities": spec("kind", layer(6, "relu"), layer(3, "linear")) | {"loss": "mse"},
    "several yes or no": spec(["p", "q"], layer(6, "selu"), layer(2, "logistic"), members=2),
    "several real ones": spec(["y", "v"], layer(6, "silu"), layer(2, "linear"), members=2),
    "steps and waves": expanded(spec("y", layer(6, "tanh"), layer(1, "linear"), members=2)),
    "a mixed layer": spec(
        "y",
        layer(6, [{"name": "softplus", "size": 3}, {"name": "relu", "size": 3}]),
        layer(4, "softmax"),
        layer(1, "linear"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_column_gets_what_a_slow_integral_of_differences_gives_it(kind: str) -> None:
    frame = mixed(120)
    model = nnfit.train(KINDS[kind], frame, overrides={"training.epochs": 8}).model
    table = table_of(model, frame)
    rows, K = [3, 50, 101], len(model.target.columns)
    found = contributions(model, table, rows)
    assert [(each.row, each.target) for each in found] == [(row, name) for row in rows for name in model.target.columns]
    columns = list(model.predict(frame).items())
    for i, each in enumerate(found):
        predicted = columns[i % K][1].iloc[each.row - 1]
        assert each.prediction == (predicted if model.classes else pytest.approx(predicted, rel=1e-12))
        label = model.classes.index(each.prediction) if model.classes else 0
        sd = model.target.sd[i % K] if model.target.sd else 1
        slow = slowly(model, table, each.row, i % K, label)
        np.testing.assert_allclose(each.contributions, slow, atol=1e-3 * sd)
        assert each.error < 1e-6 * sd
        assert np.abs(each.contributions).max() > 1e-3 * sd
    assert doubts(model, found) == []


# --- known answers -------------------------------------------------------------------------------------------------


def linear(frame: pd.DataFrame, dtype: str = "float64") -> Model:
    lines = spec("y", layer(1, "linear"))
    lines["data"] = {"target": "y", "features": ["a", "b", "code"], "columns": {"b": {"scale": "minmax"}}}
    lines["network"]["dtype"] = dtype
    return nnfit.train(lines, frame).model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_a_linear_network_each_input_adds_its_weight_times_its_distance_from_the_mean(dtype: str) -> None:
    frame = mixed()
    model = linear(frame, dtype)
    table = table_of(model, frame)
    X = model.encoded(table)[:, 1:].astype(float)
    terms = model.theta[0, 1:].astype(float) * (X - X.mean(axis=0)) * model.target.sd[0]
    widths = [len(feature.inputs) for feature in model.features]
    expected = np.add.reduceat(terms, np.cumsum([0, *widths])[:-1], axis=1)
    found = contributions(model, table, ALL)
    np.testing.assert_allclose([each.contributions for each in found], expected, rtol=1e-12, atol=1e-12)


def test_a_column_that_the_network_ignores_adds_exactly_nothing(classes: Model) -> None:
    theta = classes.theta.copy()
    first = theta[:, : 8 * (classes.network.inputs + 1)].reshape(len(theta), 8, -1)
    names = [name for feature in classes.features for name in [feature.name] * len(feature.inputs)]
    first[:, :, 1:][:, :, [name == "day" for name in names]] = 0
    found = contributions(replace(classes, theta=theta), table_of(classes, mixed()), ALL)
    others = np.array([each.contributions for each in found])
    day = [feature.name for feature in classes.features].index("day")
    assert (others[:, day] == 0).all()
    assert not np.signbit(others[:, day]).any()
    assert (np.abs(np.delete(others, day, axis=1)).max(axis=0) > 0).all()
    complete(found, 1e-6)


def test_of_two_units_whose_kinks_cancel_in_the_sum_each_column_still_gets_its_own() -> None:
    frame = pd.DataFrame({"a": [0.0, 2.0, 1.0], "b": [0.0, 2.0, 1.0], "y": [0.0, 1.0, 2.0]})
    keys = {
        "data": {"target": "y", "columns": {name: {"scale": "none"} for name in "aby"}},
        "network": {"layers": [layer(2, "relu"), layer(1, "linear")], "dtype": "float64"},
        "training": {"epochs": 0, "baseline": False},
    }
    model = nnfit.train(keys, frame).model
    # F = max(0, a − 1.3) − max(0, b − 1.3): from (1, 1) to (2, 2) it does not move at all.
    model = replace(model, theta=np.array([[-1.3, 1, 0, -1.3, 0, 1, 0, 1, -1]]))
    (found,) = contributions(model, table_of(model, frame), [2])
    assert found.output == found.baseline == 0
    np.testing.assert_allclose(found.contributions, [0.7, -0.7], atol=1e-5)


def test_a_row_like_the_mean_has_no_contributions_and_the_baseline_for_output() -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0, 2.0], "y": [0.0, 1.0, 5.0]})
    model = nnfit.train(
        {"data": {"target": "y"}, "network": {"layers": [layer(3, "tanh"), layer(1, "linear")]}}, frame
    ).model
    (found,) = contributions(model, table_of(model, frame), [3])
    assert found.output == pytest.approx(found.baseline, abs=1e-9)
    assert found.contributions == pytest.approx([0], abs=1e-9)


# --- what is said --------------------------------------------------------------------------------------------------


def test_cells_stand_beside_their_contributions_and_a_missing_one_is_empty(real: Model) -> None:
    frame = mixed(4).assign(a=[np.nan, 2.0, -0.125, 1e16], code=["", "red", "blue", "green"])
    found = contributions(real, table_of(real, frame), [1, 2, 3, 4])
    assert [each.columns for each in found] == [("a", "b", "code", "day", "on")] * 4
    assert [(each.values[0], each.values[2]) for each in found] == [
        ("", ""),
        ("2", "red"),
        ("-0.125", "blue"),
        ("1e+16", "green"),
    ]
    assert found[0].values[3:] == tuple(frame.loc[0, ["day", "on"]])


def test_a_prediction_that_is_cut_is_explained_as_it_was_before(real: Model) -> None:
    cut = replace(real, target=real.target._replace(bounds=((20.0, 20.5),)))
    table = table_of(real, mixed())
    found, free = contributions(cut, table, ALL), contributions(real, table, ALL)
    assert {each.prediction for each in found} > {20.0, 20.5}
    assert [each.output for each in found] == [each.output for each in free]
    np.testing.assert_array_equal([each.contributions for each in found], [each.contributions for each in free])


def test_what_a_step_decides_is_said_to_be_missing_and_no_surrogate_stands_in() -> None:
    frame = mixed(80)
    step = {"name": "step", "gradient": "straight_through"}
    model = nnfit.train(
        spec("p", layer(3, [{"name": "step", "gradient": "straight_through", "size": 1}, {"name": "tanh", "size": 2}]),
             layer(1, "linear")) | {"loss": "mse"},
        frame,
    ).model  # fmt: skip
    found = contributions(model, table_of(model, frame), range(1, 81))
    jumps = [each for each in found if each.error > 1e-3]
    assert jumps
    assert len(jumps) < 80
    (problem,) = doubts(model, found)
    assert problem.code == "incomplete"
    assert f"{len(jumps)} prediction" in problem.message
    assert "a step jumps" in problem.message
    only = nnfit.train(spec("p", layer(1, step)) | {"loss": "mse"}, frame).model
    assert not any(each.contributions.any() for each in contributions(only, table_of(only, frame), range(1, 81)))


def test_without_the_means_of_the_training_the_baseline_is_that_of_the_data_and_that_is_said(real: Model) -> None:
    frame = mixed()
    old = replace(real, record={key: part for key, part in real.record.items() if key != "input_mean"})
    ours, theirs = contributions(real, table_of(real, frame), [7])[0], contributions(old, table_of(old, frame), [7])[0]
    np.testing.assert_allclose(ours.contributions, theirs.contributions, rtol=1e-6)  # here the same rows
    other = contributions(old, table_of(old, frame[:50]), [7])[0]
    assert other.output == pytest.approx(ours.output)
    assert abs(other.baseline - ours.baseline) > 1e-3
    assert [problem.code for problem in doubts(old, [theirs])] == ["baseline-of-data"]
    assert doubts(real, [ours]) == []


def test_a_model_of_the_first_release_explains_its_rows() -> None:
    model = nnfit.load(ROOT / "tests/released/0.1.0/iris.npz")
    frame = pd.read_csv(ROOT / "datasets/iris.csv")
    found = contributions(model, table_of(model, frame), range(1, 151))
    complete(found, 1e-6)
    assert found[0].columns == ("sepal_length", "sepal_width", "petal_length", "petal_width")


def test_an_unscaled_target_is_measured_by_what_the_prediction_moves() -> None:
    for unit in (1e-9, 1e9):
        frame = mixed(200).assign(y=lambda rows, unit=unit: rows["y"] * unit)
        keys = spec("y", layer(12, "relu"), layer(1, "linear"), epochs=0)
        keys["data"]["columns"]["y"] = {"scale": "none"}
        model = nnfit.train(keys, frame).model
        model.theta[:, -13:] *= unit
        found = contributions(model, table_of(model, frame), range(1, 201))
        assert max(each.error / np.abs(each.contributions).sum() for each in found) < 1e-5
        assert doubts(model, found) == []


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, -1, 501])
def test_a_row_that_is_not_there_is_refused(real: Model, row: int) -> None:
    with pytest.raises(UsageError) as caught:
        contributions(real, table_of(real, mixed()), [1, row])
    assert f"there is no row {row}: the table has 500 rows, numbered from 1" in str(caught.value)


def test_a_category_that_no_training_row_has_is_refused_in_this_row_alone(real: Model) -> None:
    frame = mixed(10).assign(code=["red"] * 9 + ["violet"])
    table = table_of(real, frame)
    assert contributions(real, table, [1])
    with pytest.raises(DataError, match="violet"):
        contributions(real, table, [10])
    (found,) = contributions(real, table, [10], unknown="zero")
    assert found.values[2] == "violet"
    assert found.contributions[2] != 0  # none of the usual categories


def test_a_gradient_beyond_all_numbers_is_an_error_in_words(real: Model) -> None:
    theta = real.theta.astype(np.float64) * 1e150
    with pytest.raises(DataError) as caught:
        contributions(replace(real, theta=theta), table_of(real, mixed()), [1])
    assert "finite" in str(caught.value)


def test_many_rows_are_taken_in_parts_that_change_nothing(real: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(real, mixed())
    together = contributions(real, table, range(1, 101))
    monkeypatch.setattr(room, "ROOM", 2000)
    apart = contributions(real, table, range(1, 101))
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.contributions, other.contributions, atol=1e-6)
    alone = contributions(real, table, [77])[0]
    np.testing.assert_allclose(alone.contributions, together[76].contributions, atol=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mean", [1e308, -1e308, 1e150, 1e30, 5e-324])
@pytest.mark.parametrize("factor", [1e-30, 1, 1e30])
def test_whatever_means_and_weights_a_file_holds_the_sum_is_right_or_is_said_not_to_be(
    real: Model, classes: Model, mean: float, factor: float
) -> None:
    for model in (real, classes):
        means = {"input_mean": [mean] * model.network.inputs}
        hostile = replace(model, record=model.record | means, theta=model.theta.astype(np.float64) * factor)
        try:
            found = contributions(hostile, table_of(model, mixed(3)), [1, 2, 3])
        except DataError as error:
            assert error.code == "overflow"
            continue
        scale = model.target.sd[0] if model.target.sd else 1
        assert bool(doubts(hostile, found)) == any(each.error > 1e-3 * scale for each in found)
        for each in found:
            gap = abs(each.contributions.sum() - (each.output - each.baseline))
            assert gap == pytest.approx(each.error, rel=1e-9, abs=1e-9 * scale)
