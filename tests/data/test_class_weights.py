"""Class weights: how they are found, what they change, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import loaded

from nnfit.data.class_weights import class_weights
from nnfit.data.table import read_table
from nnfit.model.model import Model

Train = Callable[..., Model]
Prepare = Callable[..., Any]

SPEC = """\
data: {train: data.csv, target: y, validation: 0.25}
network: {layers: [{size: auto, activation: softmax}], dtype: float64}
training: {epochs: 30, batch_size: 8, optimizer: {name: adam, learning_rate: 0.05}}
"""
rng = np.random.default_rng(1)
LABELS = ["rare" if i % 8 == 0 else "often" if i % 3 else "seldom" for i in range(120)]
SHIFT = {"rare": 1.0, "often": 0.0, "seldom": -1.0}
CSV = "x,w,y\n" + "".join(f"{SHIFT[y] + rng.normal():.4f},{i % 4 + 1},{y}\n" for i, y in enumerate(LABELS))


@pytest.mark.oracle
def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    expected = np.array([0, 0, 0, 1, 2, 2, 0])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=expected)
    np.testing.assert_allclose(class_weights(("a", "b", "c"), "balanced", expected), wanted, rtol=1e-15)


def test_a_class_that_is_not_named_weighs_1() -> None:
    assert class_weights(("a", "b", "c"), {"b": 3}, np.array([0, 1, 2])) == (1.0, 3.0, 1.0)


def test_balanced_classes_have_the_same_weight_in_all(prepared: Prepare) -> None:
    ready = prepared(SPEC, CSV, "training.class_weight=balanced")
    train = ready.sets["train"]
    sums = np.bincount(train.truth, weights=train.examples.w[0, 0])
    np.testing.assert_allclose(sums, train.n / 3)


def test_it_multiplies_the_weight_column_and_the_mean_is_1(prepared: Prepare) -> None:
    own = prepared(SPEC, CSV, "data.weight=w").sets["train"].examples.w[0, 0]
    both = prepared(SPEC, CSV, "data.weight=w", "training.class_weight={rare: 5}")
    train = both.sets["train"]
    product = own * np.where(train.truth == both.target.classes.index("rare"), 5, 1)
    np.testing.assert_allclose(train.examples.w[0, 0], product / product.mean())
    assert np.mean(train.examples.w) == pytest.approx(1)


def test_a_class_that_weighs_more_is_found_more_often(trained: Train) -> None:
    def recall(*changes: str) -> float:
        model = trained(SPEC, CSV, *changes)
        return float(model.record["metrics"]["train"]["per_class"]["recall"][model.target.classes.index("rare")])

    assert recall() < recall("training.class_weight=balanced") < recall("training.class_weight={rare: 100}")


def test_balanced_is_the_same_as_its_weights_by_name(trained: Train) -> None:
    balanced = trained(SPEC, CSV, "training.class_weight=balanced")
    named = dict(zip(balanced.target.classes, balanced.target.class_weights, strict=True))
    weights = ", ".join(f"{name}: {w!r}" for name, w in named.items())
    again = trained(SPEC, CSV, f"training.class_weight={{{weights}}}")
    np.testing.assert_array_equal(again.theta, balanced.theta)


def test_loss_counts_them_and_the_other_metrics_if_asked(trained: Train) -> None:
    changes = ("data.weight=w", "training.class_weight={rare: 9}")
    plain, weighted = trained(SPEC, CSV, *changes), trained(SPEC, CSV, *changes, "training.weighted_metrics=true")
    np.testing.assert_array_equal(plain.theta, weighted.theta)
    for rows in ("train", "validation"):
        one, other = plain.record["metrics"][rows], weighted.record["metrics"][rows]
        assert one["loss"] == other["loss"]
        assert one["log_loss"] != pytest.approx(one["loss"], rel=1e-3)
        assert other["log_loss"] == pytest.approx(other["loss"])  # the same formula, with the same weights
        assert plain.record["trivial"][rows]["accuracy"] != weighted.record["trivial"][rows]["accuracy"]


@pytest.mark.parametrize("weighted", ["true", "false"])
def test_a_saved_model_measures_as_its_training_did(trained: Train, tmp_path: Path, weighted: str) -> None:
    changes = ("data.validation=null", "data.weight=w", "training.class_weight=balanced")
    model = trained(SPEC, CSV, *changes, f"training.weighted_metrics={weighted}")
    again = loaded(model.to_bytes())
    assert again.target.class_weights == model.target.class_weights
    kinds = again.kinds | again.target.kinds | {"w": "numeric"}
    table = read_table(str(tmp_path / "data.csv"), again.dialect, kinds, others=False)
    found = again.evaluation(table)
    for name in ("loss", "log_loss", "accuracy"):
        assert found.metrics[name] == pytest.approx(model.record["metrics"]["train"][name])
    assert found.of_prior["accuracy"] == pytest.approx(model.record["trivial"]["train"]["accuracy"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["training.class_weight={rarw: 2}"], '"rarw" is not a class of the target; did you mean "rare"?'),
        (["training.class_weight={rare: 0}"], "training.class_weight.rare: expected a number above 0"),
        (
            ["training.class_weight=balanced", "data.target=x", "network.layers[0].activation=linear"],
            "training.class_weight: is for one target of classes; remove it",
        ),
    ],
)
def test_what_suits_no_target_is_refused(complaint: Callable[..., str], changes: list[str], message: str) -> None:
    assert message in complaint(SPEC, CSV, *changes)
