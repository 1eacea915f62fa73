"""The metrics of a model, of its members, and of a predictor that knows no input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from nnfit.data.target import Target
from nnfit.model.model import Model
from nnfit.scoring.evaluation import Ends, evaluate, higher, intervals, of_prior

Train = Callable[..., Model]

BINARY = Target("binary", ("y",), ("no", "yes"))
REAL = Target("regression", ("y",), mean=(10.0,), sd=(2.0,))


def test_the_metrics_of_classes_are_those_of_the_definition() -> None:
    p = np.array([0.9, 0.4, 0.6, 0.2])
    y = np.array([1, 1, 0, 0])
    found = evaluate(BINARY, "bce", p[None, None, :], y, np.ones(4))
    log = -np.log([0.9, 0.4, 0.4, 0.8]).mean()
    assert found["accuracy"] == 0.5
    assert found["confusion"] == [[1, 1], [1, 1]]
    assert found["classes"] == ["no", "yes"]
    assert found["f1_macro"] == 0.5
    assert found["roc_auc"] == 0.75  # of four pairs only (0.4, 0.6) is the wrong way round
    assert found["log_loss"] == pytest.approx(log)
    assert found["loss"] == pytest.approx(log)
    assert "members" not in found


def test_the_metrics_of_a_real_target_are_in_its_own_unit_and_the_loss_in_that_of_training() -> None:
    y_hat = np.array([[[0.0, 1.0, -1.0]]])  # 10, 12 and 8 in the unit of the target
    found = evaluate(REAL, "mse", y_hat, np.array([[11.0], [12.0], [8.0]]), np.ones(3))
    assert found["rmse"] == pytest.approx(np.sqrt(1 / 3))
    assert found["mae"] == pytest.approx(1 / 3)
    y = np.array([11.0, 12.0, 8.0])
    assert found["r2"] == pytest.approx(1 - 1 / ((y - y.mean()) ** 2).sum())
    assert found["loss"] == pytest.approx(0.5 * 0.25 / 3)


def test_the_loss_is_weighted_and_rss_is_a_sum() -> None:
    y_hat, y = np.array([[[0.0, 0.0]]]), np.array([[12.0], [8.0]])
    assert evaluate(REAL, "mse", y_hat, y, np.array([0.5, 1.5]))["loss"] == pytest.approx(0.5)
    assert evaluate(REAL, "rss", y_hat, y, np.array([0.5, 1.5]))["loss"] == pytest.approx(2)


def test_members_are_averaged_and_their_spread_stands_beside() -> None:
    y_hat = np.array([[[1.0, -1.0]], [[0.0, 0.0]], [[2.0, -2.0]]])
    found = evaluate(REAL, "mse", y_hat, np.array([[12.0], [8.0]]), np.ones(2))
    assert found["rmse"] == 0
    rmse = [0, 2, 2]
    assert found["members"]["rmse"]["mean"] == pytest.approx(np.mean(rmse))
    assert found["members"]["rmse"]["sd"] == pytest.approx(np.std(rmse, ddof=1))
    assert set(found["members"]) == {"loss", "rmse", "mae", "r2", "mape"}


def test_a_metric_that_does_not_exist_for_the_rows_is_none() -> None:
    found = evaluate(BINARY, "bce", np.array([[[0.9, 0.8]]]), np.array([1, 1]), np.ones(2))
    assert found["roc_auc"] is found["average_precision"] is None
    assert found["per_class"]["recall"] == [None, 1]
    assert found["accuracy"] == 1
    one = evaluate(REAL, "mse", np.array([[[0.0]]]), np.array([[11.0]]), np.ones(1))
    assert one["r2"] is None
    assert one["rmse"] == 1


def test_several_real_targets_are_also_told_one_by_one() -> None:
    target = Target("regression", ("a", "b"), mean=(0.0, 0.0), sd=(1.0, 10.0))
    y_hat, y = np.array([[[1.0, 2.0], [1.0, 2.0]]]), np.array([[2.0, 10.0], [3.0, 50.0]])
    found = evaluate(target, "mse", y_hat, y, np.ones(2))
    assert list(found["per_target"]) == ["a", "b"]
    assert found["per_target"]["a"]["mae"] == 1
    assert found["per_target"]["b"]["mae"] == 15
    assert found["mae"] == 8
    for name in ("rmse", "r2", "mape"):
        assert found[name] == pytest.approx(np.mean([found["per_target"][key][name] for key in "ab"]))
    assert "per_target" not in evaluate(REAL, "mse", y_hat[:, :1], y[:, :1], np.ones(2))


def test_weights_count_in_the_metrics_only_if_asked() -> None:
    y_hat, y, w = np.array([[[0.0, 0.0]]]), np.array([[12.0], [10.0]]), np.array([0.5, 1.5])
    assert evaluate(REAL, "mse", y_hat, y, w)["mae"] == 1
    assert evaluate(REAL, "mse", y_hat, y, w, weighted=True)["mae"] == 0.5
    p, truth = np.array([[[0.9, 0.8]]]), np.array([1, 0])
    found = evaluate(BINARY, "bce", p, truth, w, weighted=True)
    assert found["accuracy"] == 0.25
    assert found["confusion"] == [[0, 1.5], [0, 0.5]]
    assert found["loss"] == pytest.approx(found["log_loss"])


@pytest.mark.parametrize("target", [BINARY, Target("multinomial", ("y",), ("no", "yes"))])
def test_rows_with_ends_of_their_own_are_each_decoded_and_decided_by_these(target: Target) -> None:
    p, y = np.array([0.2, 0.4, 0.6, 0.8]), np.array([1, 0, 0, 1])
    outcome = np.array([[p]] if target.task == "binary" else [[1 - p, p]])
    arguments = target, "bce" if target.task == "binary" else "cross_entropy", outcome, y, np.ones(4)
    plain = evaluate(*arguments)
    levels = tuple(target._replace(threshold=level) for level in (0.7, 0.1, 0.5, 0.8))  # 0.8 itself is enough
    found = evaluate(*arguments, ends=Ends(np.array([1, 2, 0, 3]), levels))
    assert (plain["accuracy"], found["accuracy"]) == (0.5, 1)
    assert found["confusion"] == [[2, 0], [0, 2]]
    for name in ("log_loss", "roc_auc", "loss"):
        assert found[name] == plain[name]
    low = Ends(np.zeros(4, np.intp), (target._replace(threshold=0.1),))
    members = evaluate(*arguments[:2], np.repeat(outcome, 2, axis=0), *arguments[3:], ends=low)
    assert members["members"]["accuracy"] == {"mean": 0.5, "sd": 0}
    assert members["confusion"] == [[0, 2], [0, 2]]
    hot = Ends(np.array([0, 1, 0, 1]), (target, target._replace(temperature=2.0)))
    odds = np.array([0.2, np.sqrt(0.4 / 0.6) / (1 + np.sqrt(0.4 / 0.6)), 0.6, 2 / 3])
    by_hand = -np.log(np.where(y, odds, 1 - odds)).mean()
    assert evaluate(*arguments, ends=hot)["log_loss"] == pytest.approx(by_hand)
    assert evaluate(*arguments, ends=hot.of_rows(np.arange(4)))["log_loss"] == pytest.approx(by_hand)


def test_more_of_a_metric_is_better_or_worse_whatever_its_kind() -> None:
    assert [higher(name) for name in ("accuracy", "roc_auc", "r2")] == [True] * 3
    assert [higher(name) for name in ("log_loss", "brier", "rmse", "mae")] == [False] * 4


def of_two(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of both classes, (n, 2)."""
    return np.column_stack([1 - p, p])


def test_every_metric_that_is_a_number_has_an_interval_around_it() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(200)
    y = (rng.random(200) < p).astype(int)
    found, between = evaluate(BINARY, "bce", p[None, None], y, np.ones(200)), intervals(BINARY, of_two(p), y)
    assert set(between) == {name for name, value in found.items() if isinstance(value, float)} - {"loss"}
    for name in ("accuracy", "log_loss", "f1_macro", "roc_auc", "brier"):
        low, high = between[name]
        assert low < found[name] < high
    assert between == intervals(BINARY, of_two(p), y)
    assert intervals(BINARY, of_two(p), y * 0)["roc_auc"] == [None, None]


def test_the_metrics_of_several_0_1_targets_are_their_means_with_intervals_of_their_own() -> None:
    target = Target("multilabel", ("a", "b"), ("0", "1"))
    p = np.array([[[0.9, 0.2, 0.7, 0.4], [0.1, 0.6, 0.6, 0.9]]])
    y = np.array([[1, 0], [0, 0], [1, 1], [1, 1]])
    found = evaluate(target, "bce", p, y, np.ones(4))
    assert found["accuracy"] == (3 / 4 + 3 / 4) / 2
    assert found["confusion"] == [[[1, 0], [1, 2]], [[1, 1], [0, 2]]]
    assert [one["recall"] for one in found["per_class"]] == [[1, 2 / 3], [1 / 2, 1]]
    low, high = intervals(target, np.tile(p[0].T, (5, 1)), np.tile(y, (5, 1)))["accuracy"]
    assert 0.5 < low < 0.75 < high < 0.95
    assert intervals(target, p[0].T, y)["accuracy"] == [None, None], "four rows are too few to be drawn from"


def test_two_rows_are_no_certainty() -> None:
    found = intervals(BINARY, of_two(np.array([0.2, 0.9])), np.array([0, 1]))
    assert found["accuracy"] == pytest.approx([0.3424, 1.0], abs=1e-4)
    assert all(ends == [None, None] for name, ends in found.items() if name != "accuracy")


def test_the_predictor_of_classes_from_the_prior_alone_is_the_most_frequent_one() -> None:
    target = Target("multinomial", ("y",), ("a", "b", "c"))
    found = of_prior(target, np.array([0.2, 0.5, 0.3]), np.array([1, 1, 0, 2]))
    assert found["accuracy"] == 0.5
    assert found["log_loss"] == pytest.approx(-np.log([0.5, 0.5, 0.2, 0.3]).mean())
    assert found["confusion"] == [[0, 1, 0], [0, 2, 0], [0, 1, 0]]


def test_the_predictor_of_a_real_target_from_the_prior_alone_is_the_mean_of_the_training_rows() -> None:
    found = of_prior(REAL, np.array([0.0]), np.array([[9.0], [11.0]]))
    assert found == {"rmse": 1.0, "mae": 1.0, "r2": 0.0, "mape": pytest.approx((1 / 9 + 1 / 11) / 2)}


SPEC = """\
data: {train: data.csv, target: y, test: 0.25, weight: w}
network: {layers: [{size: auto, activation: linear}], dtype: float64, members: 2}
training: {epochs: 5}
"""


def rows(n: int) -> str:
    rng = np.random.default_rng(3)
    return "x,w,y\n" + "".join(f"{rng.normal()},{i % 3 + 1},{rng.normal()}\n" for i in range(n))


def test_a_model_carries_the_metrics_of_every_part_beside_the_trivial_ones(trained: Train) -> None:
    record = trained(SPEC, rows(40)).record
    assert record["rows"] == {"train": 30, "test": 10}
    for key in ("metrics", "trivial"):
        assert list(record[key]) == ["train", "test"]
    assert record["trivial"]["train"]["r2"] == pytest.approx(0, abs=1e-12)
    assert set(record["metrics"]["test"]) == {"loss", "rmse", "mae", "r2", "mape", "members"}
    assert set(record["trivial"]["test"]) == {"loss", "rmse", "mae", "r2", "mape"}


def test_the_loss_of_a_model_is_the_cost_of_its_last_weights(trained: Train, tmp_path: Path) -> None:
    model = trained(SPEC, rows(40), "data.test=null", "network.members=1")
    frame = pd.read_csv(tmp_path / "data.csv")
    w = frame["w"] / frame["w"].mean()
    error = (model.predict(frame)["prediction"] - frame["y"]) / frame["y"].std(ddof=0)
    assert model.record["metrics"]["train"]["loss"] == pytest.approx((w * error**2).mean() / 2)
