"""The threshold of two classes, against trying every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnfit.data.target import Target, decide, decode
from nnfit.model.model import Model
from nnfit.scoring.metrics import AIMS, METRICS, per_class
from nnfit.scoring.threshold import threshold

BINARY = Target("binary", ("y",), ("a", "b"))
Train = Callable[..., Model]


def score(aim: str, truth: np.ndarray, label: np.ndarray, w: np.ndarray | None) -> float:
    if aim == "f1":
        return float(per_class(truth, label, 2, w)["f1"][1])
    return float(METRICS["classification"][aim].of(truth, label, np.eye(2)[label], w))


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_best_of_all(aim: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(40).round(1 + seed % 3)  # with ties
    truth = (rng.random(40) < p**2).astype(np.intp)
    truth[:2] = 0, 1
    w = rng.uniform(0.1, 3, 40) if seed % 2 else None
    found = threshold(BINARY, p[None], truth, aim, w)
    levels = np.unique(p)
    every = [0.5, *((levels[1:] + levels[:-1]) / 2)]
    best = {k: score(aim, truth, (p >= k).astype(np.intp), w) for k in every}
    assert best[found] == pytest.approx(max(best.values()), abs=1e-12)
    equals = [k for k, value in best.items() if value >= max(best.values()) - 1e-12]
    assert abs(found - 0.5) == pytest.approx(min(abs(k - 0.5) for k in equals))


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.7, np.nextafter(0.7, 1)), (np.nextafter(1.0, 0), 1.0), (0.0, 5e-324), (0.0, 1.0), (np.nextafter(0.3, 0), 0.3)],
)
def test_neighbouring_floats_are_parted(low: float, high: float) -> None:
    p, truth = np.array([low, low, high]), np.array([0, 0, 1])
    found = threshold(BINARY, p[None], truth, "accuracy")
    assert 0 < found < 1
    if high < 1:
        assert decide(BINARY._replace(threshold=found), np.column_stack([1 - p, p])).tolist() == [0, 0, 1]


def test_a_threshold_promises_nothing_on_noise(trained: Train) -> None:
    found, chosen = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        csv = "x,y\n" + "".join(f"{rng.normal():.4f},{'ab'[int(rng.random() < 0.2)]}\n" for _ in range(150))
        aim = "training.threshold={maximize: balanced_accuracy}"
        model = trained(SPEC.replace("OUT", "logistic"), csv, aim, "training.epochs=3")
        metrics = model.record["metrics"]
        found.append(metrics["out_of_fold"]["balanced_accuracy"])
        chosen.append(metrics["train"]["balanced_accuracy"])
    assert np.mean(found) < 0.52
    assert np.mean(chosen) > 0.53, "the threshold itself does fit the noise"


SPEC = """\
data: {train: data.csv, target: y}
network: {layers: [{size: auto, activation: OUT}], members: 4}
training:
  epochs: 20
  batch_size: 16
  optimizer: {name: adam, learning_rate: 0.05}
  resample: folds
  early_stopping: {patience: 20}
  baseline: false
"""
rng = np.random.default_rng(2)
CSV = "x,y\n" + "".join(f"{(y := int(rng.random() < 0.12)) + rng.normal():.4f},{'ab'[y]}\n" for _ in range(400))


@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_a_rare_class_is_found_more_often(trained: Train, output: str) -> None:
    spec = SPEC.replace("OUT", output)
    plain, moved = trained(spec, CSV), trained(spec, CSV, "training.threshold={maximize: f1}")
    assert plain.target.threshold == 0.5
    assert 0 < moved.target.threshold < 0.5
    name = "out_of_fold"
    before, after = plain.record["metrics"][name], moved.record["metrics"][name]
    assert after["per_class"]["f1"][1] > before["per_class"]["f1"][1]
    assert after["log_loss"] == before["log_loss"]
    assert after["roc_auc"] == before["roc_auc"]
    assert moved.record["trivial"] == plain.record["trivial"]


def test_predictions_follow_the_threshold_of_the_file(trained: Train, tmp_path: Any) -> None:
    import nnfit
    from nnfit.data.table import read_table

    model = trained(SPEC.replace("OUT", "logistic"), CSV, "training.threshold=0.2")
    model.save(tmp_path / "m.npz")
    model = nnfit.load(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text(CSV)
    columns = model.predictions(read_table(str(tmp_path / "new.csv"), model.dialect, model.kinds, others=False), True)
    expected = np.where(columns["probability_b"] >= 0.2, "b", "a")
    assert (columns["prediction"] == expected).all()
    assert 0 < (expected == "b").mean() < 1
    assert decode(model.target, np.array([[0.25]])).tolist() == [[0.75, 0.25]]
