"""What a model carries to be looked at: enough for its page, small, and no row of anybody's data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.model.aggregates import SERIES, SIZE, Aggregates, of_record
from nnfit.model.model import Model

N = 400


def frame(classes: int = 0) -> pd.DataFrame:
    """A number that says something of the target, a text with missing cells, a real target or one of classes."""
    rng = np.random.default_rng(0)
    x, text = rng.normal(size=N), rng.choice(["red", "blue", ""], N)
    y = x * 1234.5678 + rng.normal(size=N) * 100
    target = (
        y if not classes else pd.qcut(y, classes, labels=[f"class {'ü' * 40}{k}" for k in range(classes)]).astype(str)
    )
    return pd.DataFrame({"x": x, "text": text, "y": target})


def trained(classes: int, **overrides: Any) -> nnfit.Result:
    spec = {
        "data": {
            "train": "<DataFrame>",
            "target": "y",
            "validation": 0.25,
            "columns": {"text": {"type": "categorical"}},
        },
        "network": {
            "layers": [
                {"size": 4, "activation": "relu"},
                {"size": "auto", "activation": "softmax" if classes else "linear"},
            ]
        },
        "loss": "cross_entropy" if classes else "mse",
        "training": {"epochs": 3},
    }
    return nnfit.train(
        spec, frame(classes), overrides={key.replace("__", "."): value for key, value in overrides.items()}
    )


def seen(model: Model) -> Aggregates:
    found = of_record(model.record, model.target, model.spec, len(model.features))
    assert found is not None
    return found


def bytes_of(model: Model) -> int:
    return len(json.dumps(model.record["aggregates"], separators=(",", ":")))


MANY = {"network__members": 40, "training__epochs": 300, "training__batch_size": 200}


@pytest.mark.parametrize("classes", [0, 2, 3, 40])
@pytest.mark.parametrize("more", [{}, MANY], ids=["one", "many"])
def test_they_are_small_whatever_the_training(classes: int, more: dict[str, Any]) -> None:
    model = trained(classes, **more).model
    assert bytes_of(model) <= SIZE
    assert of_record(json.loads(json.dumps(model.record)), model.target, model.spec, len(model.features)) is not None


def test_they_are_small_for_many_targets_and_weights() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.integers(0, 2, (N, 20)).astype(str), columns=[f"t{k}" for k in range(20)])
    spec = {
        "data": {"train": "<DataFrame>", "target": [*table], "weight": "w"},
        "network": {"layers": [{"size": 20, "activation": "logistic"}], "members": 40},
        "loss": "bce",
        "training": {"epochs": 300, "batch_size": 400, "weighted_metrics": True},
    }
    model = nnfit.train(spec, table.assign(w=rng.random(N), x=rng.random(N))).model
    assert len(seen(model).profile.classes) == 12 and SIZE / 2 < bytes_of(model) <= SIZE


def many_targets(n: int, weights: np.ndarray | None = None, **training: Any) -> Model:
    """A model of twelve real targets and a weight, n rows of which 100 are learnt from."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, size=(n + 100, 1))
    y = (x + rng.normal(size=(n + 100, 12))) * 1712.345  # as many cells as there can be
    table = pd.DataFrame(y, columns=[f"t{k}" for k in range(12)]).assign(x=x[:, 0])
    spec: dict[str, Any] = {
        "data": {"target": [f"t{k}" for k in range(12)]},
        "network": {"layers": [{"size": 12, "activation": "linear"}], "members": training.pop("members", 1)},
        "training": {
            "baseline": False,
            "batch_size": 20,
            "optimizer": {"name": "adam", "learning_rate": 0.02},
            **training,
        },
    }
    if weights is not None:
        table = table.assign(w=np.resize(weights, n + 100))
        spec["data"]["weight"], spec["training"]["weighted_metrics"] = "w", True
    return nnfit.train(spec, table[:100], validation=table[100:]).model


@pytest.mark.parametrize(("n", "members", "epochs"), [(50_000, 8, 80), (20_000, 30, 80)])
def test_they_are_small_for_many_real_targets(n: int, members: int, epochs: int) -> None:
    w = 10.0 ** np.random.default_rng(2).uniform(0, 6, 997)
    model = many_targets(n, w, members=members, epochs=epochs)
    assert len(seen(model).profile.targets) == 12 and SIZE / 2 < bytes_of(model) <= SIZE


def test_what_has_no_room_is_made_coarser_or_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bytes_of(many_targets(500, members=6, epochs=30))
    left = []
    for most in (whole * 3 // 4, whole // 2, whole // 3, 4000):
        monkeypatch.setattr("nnfit.fit.aggregates.SIZE", most)
        model = many_targets(500, members=6, epochs=30)
        found = seen(model)
        assert most / 10 < bytes_of(model) <= most
        left.append((len(found.profile.targets), found.curves.cost.size))
    assert left[0][0] == 12 and left[-1][0] == 0 < left[-1][1] < 180
    assert left == sorted(left, reverse=True)
    monkeypatch.setattr("nnfit.fit.aggregates.SIZE", 100)
    assert many_targets(500, epochs=3).aggregates is None


def test_they_are_of_the_rows_that_were_not_learnt_from() -> None:
    folds = {"data__validation": None, "training__resample": "folds", "network__members": 3}
    for more, rows in (
        ({}, "validation"),
        ({"data__test": 0.2}, "test"),
        (folds, "out_of_fold"),
        (folds | {"data__test": 0.2}, "out_of_fold"),
        ({"data__validation": None}, "train"),
    ):
        model = trained(2, **more).model
        found = seen(model)
        assert (found.rows, found.profile.rows) == (rows, model.record["rows"][rows])


def test_their_counts_are_those_of_the_metrics() -> None:
    model = trained(2, training__early_stopping={"patience": 2}, training__threshold={"maximize": "f1"}).model
    (yes,) = seen(model).profile.classes
    confusion = np.array(model.metrics["validation"]["confusion"])
    assert (yes.negatives, yes.positives) == tuple(confusion.sum(axis=1))
    fpr, tpr = yes.roc
    assert np.trapezoid(tpr, fpr) == pytest.approx(model.metrics["validation"]["roc_auc"], abs=1e-3)
    low, high = seen(model).intervals["accuracy"]  # type: ignore[misc]
    assert low < model.metrics["validation"]["accuracy"] < high


def test_no_number_of_a_row_is_among_them() -> None:
    result = trained(0, network__members=2)
    text = json.dumps(result.model.record["aggregates"])
    numbers = {
        float(word) for word in text.replace("[", " ").replace("]", " ").replace(",", " ").split() if word[-1].isdigit()
    }
    table = frame()
    own = {float(f"{value:.5g}") for value in [*table["x"], *table["y"], *result.model.predict(table)["prediction"]]}
    assert not {value for value in numbers & own if value % 1}


def test_every_member_has_its_curve_and_its_epoch() -> None:
    result = trained(2, network__members=3, training__epochs=5, training__early_stopping={"patience": 50})
    curves = seen(result.model).curves
    assert curves.validation is not None and curves.cost.shape == curves.validation.shape == (3, 5)
    assert curves.cost.mean(axis=0) == pytest.approx(result.history["cost"], rel=1e-4)
    assert curves.validation.mean(axis=0) == pytest.approx(result.history["validation"], rel=1e-4)
    assert curves.kept == tuple(result.model.record["best_epochs"])


def test_of_many_members_and_epochs_some_are_kept_the_last_epoch_among_them() -> None:
    curves = seen(trained(2, **MANY).model).curves
    assert (len(curves.cost), curves.members, curves.epochs[0], curves.epochs[-1]) == (SERIES, 40, 1, 300)


def test_missing_cells_of_the_training_rows_are_counted() -> None:
    data = frame()
    result = trained(0, data__validation=None)
    assert seen(result.model).missing == (0, int((data["text"] == "").sum()))


def test_a_training_without_an_epoch_has_them_too() -> None:
    found = seen(trained(2, training__epochs=0).model)
    assert found.curves.epochs == () and found.profile.classes


Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, Change] = {
    "a text": lambda a: a.update(profile="x"),
    "no profile": lambda a: a.pop("profile"),
    "a count below 0": lambda a: a["profile"]["classes"][0]["tp"].__setitem__(0, -1),
    "a count that is text": lambda a: a["profile"]["classes"][0]["own"].__setitem__(0, "<b>"),
    "bins too few": lambda a: a["profile"]["classes"][0]["rows_in_bin"].pop(),
    "a curve without end": lambda a: a["profile"]["classes"][0].update(tp=[1] * 9999, fp=[1] * 9999),
    "another class": lambda a: a["profile"]["classes"][0].update(index=7),
    "curves that differ": lambda a: a["curves"]["cost"][0].pop(),
    "an epoch in half": lambda a: a["curves"].update(kept=[1.5]),
    "health of text": lambda a: a["health"]["layers"][0].update(gradient="large"),
    "an interval of three": lambda a: a["intervals"].update(accuracy=[0, 1, 2]),
    "beyond all numbers": lambda a: a["profile"]["classes"][0].update(positives=10**400),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_not_right_is_refused(change: Change) -> None:
    model = trained(2).model
    record = json.loads(json.dumps(model.record))
    change(record["aggregates"])
    with pytest.raises(ValueError, match=r".+"):
        of_record(record, model.target, model.spec, len(model.features))


def test_a_file_with_such_aggregates_is_refused_by_their_name(tmp_path: Any) -> None:
    model = trained(2).model
    model.record["aggregates"]["missing"] = (-1,)
    model.save(tmp_path / "m.npz")
    with pytest.raises(nnfit.NnfitError, match="aggregates: a count is not a whole number"):
        nnfit.load(tmp_path / "m.npz")
