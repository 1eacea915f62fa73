"""From a prepared spec to a model: weights, epochs, and where the model goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnfit.core.network import predict
from nnfit.core.stopping import HeldOut
from nnfit.errors import DataError, SpecError, TrainingError
from nnfit.fit import run as pipeline
from nnfit.model.model import Model

Prepare = Callable[..., Any]
Train = Callable[..., Model]

SPEC = """\
data: {train: data.csv, target: y, validation: 0.2}
network: {layers: [{size: 5, activation: tanh}, {size: auto, activation: linear}], initialization: {bias: 0.5}}
training: {epochs: 4, batch_size: 8}
"""
CSV = "x,z,y\n" + "".join(f"{i % 7},{i * i % 5},{i % 11}\n" for i in range(50))


def test_without_epochs_the_network_stays_as_it_was_made(trained: Train) -> None:
    model = trained(SPEC, CSV, "training.epochs=0")
    assert model.record["history"] == {"cost": [], "validation": []}
    for Theta in (model.theta[0, :15].reshape(5, 3), model.theta[0, 15:].reshape(1, 6)):
        assert (Theta[:, 0] == 0.5).all()
        assert (Theta[:, 1:] != 0).all()


def test_every_epoch_reports_the_cost_and_that_of_the_validation_rows(prepared: Prepare) -> None:
    ready = prepared(SPEC, CSV, "network.members=3")
    run = pipeline.start(ready)
    held_out = HeldOut(ready.network, run.state.theta, ready.sets["validation"].examples)
    before = held_out.costs()
    history = list(pipeline.epochs(run))
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert all(epoch.costs.shape == epoch.validations.shape == (3,) for epoch in history)
    after = held_out.costs()
    np.testing.assert_allclose(history[-1].validations, after)
    assert (after < before).all()


def test_the_history_is_the_mean_over_the_members(prepared: Prepare, train: Callable[[Any], Model]) -> None:
    ready = prepared(SPEC, CSV, "network.members=2")
    history = list(pipeline.epochs(pipeline.start(ready)))
    found = train(ready).record["history"]
    assert found["cost"] == [epoch.cost for epoch in history] == [epoch.costs.mean() for epoch in history]
    assert found["validation"] == [epoch.validation for epoch in history]
    assert found["validation"] == [epoch.validations.mean() for epoch in history]


def test_without_validation_rows_there_is_no_validation_cost(prepared: Prepare) -> None:
    ready = prepared(SPEC, CSV, "data.validation=null")
    epochs = list(pipeline.epochs(pipeline.start(ready)))
    assert [epoch.validation for epoch in epochs] == [epoch.validations for epoch in epochs] == [None] * 4


def test_a_member_is_the_same_whatever_their_number(trained: Train) -> None:
    # not to the last bit: products of several matrices may be summed in another order
    alone = trained(SPEC, CSV, "network.dtype=float64")
    three = trained(SPEC, CSV, "network.dtype=float64", "network.members=3")
    np.testing.assert_allclose(three.theta[:1], alone.theta, rtol=1e-9)
    assert not np.allclose(three.theta[1], three.theta[0])


def test_the_seed_decides_the_weights_and_the_order_of_the_rows(trained: Train) -> None:
    data = ("data.validation=null",)  # the split would differ too
    first, again, other = (trained(SPEC, CSV, *data, *more) for more in ((), (), ("seed=1",)))
    assert first.to_bytes() == again.to_bytes()
    assert not np.allclose(first.theta, other.theta)


def test_the_seed_decides_the_order_of_the_rows_alone(trained: Train) -> None:
    alike = ("data.validation=null", "network.layers=[{size: 1, activation: linear}]", "training.batch_size=1")
    zeros = "network.initialization.weights=zeros"
    first, other = (trained(SPEC, CSV, *alike, zeros, f"seed={seed}").theta for seed in (0, 1))
    assert not np.array_equal(first, other)
    first, other = (trained(SPEC, CSV, *alike, zeros, "training.batch_size=full", f"seed={s}").theta for s in (0, 1))
    np.testing.assert_array_equal(first, other)


def test_weights_of_the_examples_count_like_repeated_rows(trained: Train) -> None:
    full = ("data.validation=null", "training.batch_size=full", "network.dtype=float64")
    rows = "x,y\n1,5\n2,3\n4,4\n"
    scale = ("data.columns={x: {scale: none}, y: {scale: none}}",)
    weighted = rows.replace("x,y", "x,y,w").replace("5\n", "5,2\n").replace("3\n", "3,1\n").replace("4\n", "4,1\n")
    twice = trained(SPEC, "x,y\n1,5\n1,5\n2,3\n4,4\n", *full, *scale)
    once = trained(SPEC, weighted, *full, *scale, "data.weight=w")
    np.testing.assert_allclose(once.theta, twice.theta, rtol=1e-9)


def test_a_training_that_diverges_says_so(trained: Train) -> None:
    with pytest.raises(TrainingError, match=r"training diverged in epoch \d+: .*learning_rate"):
        trained(SPEC, CSV, "training.optimizer={name: sgd, learning_rate: 1e30}", "training.epochs=50")


@pytest.mark.parametrize(
    "keys", ["weights: {name: normal, sd: 3e38}", "output_gain: 1e38, weights: {name: normal, sd: 99}"]
)
def test_initial_weights_that_no_float_can_hold_are_refused(prepared: Prepare, keys: str) -> None:
    ready = prepared(SPEC, CSV, f"network.initialization={{{keys}}}")
    with pytest.raises(SpecError, match=r"^network\.initialization: gives weights beyond what float32"):
        pipeline.initial(ready)


@pytest.mark.parametrize(("dtype", "unit"), [("float32", "e-40"), ("float64", "e-310")])
def test_so_are_those_that_rows_would_need_which_hardly_vary(prepared: Prepare, dtype: str, unit: str) -> None:
    rows = "x,y\n" + "".join(f"{i % 7}{unit},{i % 3}\n" for i in range(40))
    more = "data.columns={x: {scale: none}}", f"network.dtype={dtype}"
    with pytest.raises(SpecError, match=rf"weights beyond what {dtype} can hold; give smaller .*, or no data_driven$"):
        pipeline.initial(prepared(SPEC, rows, *more, "network.initialization={data_driven: true}"))
    with pytest.raises(SpecError, match=r"give smaller numbers, or no data_driven$"):
        pipeline.initial(
            prepared(SPEC, CSV, "network.initialization={data_driven: true, weights: {name: normal, sd: 3e38}}")
        )


@pytest.mark.parametrize("resample", ["folds", "bootstrap"])
def test_weights_that_start_from_rows_do_not_look_at_those_that_the_member_does_not_learn_from(
    prepared: Prepare, resample: str
) -> None:
    more = (
        "data.validation=null",
        "data.columns={x: {scale: none}}",
        "network.members=3",
        "network.initialization={data_driven: true}",
        f"training.resample={resample}",
    )
    rows = [(i % 7, i % 3) for i in range(40)]

    def started(changed: Any = ()) -> pipeline.Run:
        table = [(1e20 if i in changed else x, y) for i, (x, y) in enumerate(rows)]
        return pipeline.start(prepared(SPEC, "x,y\n" + "".join(f"{x},{y}\n" for x, y in table), *more))

    run = started()
    for k, kept in enumerate(run.kept):
        other = started(set(kept.tolist()))
        np.testing.assert_array_equal(other.kept[k], kept)
        same = [other.state.theta[m].tobytes() == run.state.theta[m].tobytes() for m in range(3)]
        assert same == [m == k for m in range(3)]


@pytest.mark.parametrize(
    "key", ["bias: 1e51", "weights: {name: normal, sd: 1e300}", "weights: {name: uniform, bound: 1e308}"]
)
def test_a_number_beyond_the_precision_of_the_network_is_refused_at_its_key(complaint: Any, key: str) -> None:
    found = complaint(SPEC, CSV, f"network.initialization={{{key}}}")
    assert re.search(
        r"network\.initialization\.\S+: 1e\+\d+ is beyond what float32 can hold, 3.4e\+38; set a smaller", found
    )
    for more in ("training.l2=1e40", "training.clip_norm=1e40", "training.optimizer={name: adam, epsilon: 1e40}"):
        assert "1e+40 is beyond what float32 can hold" in complaint(SPEC, CSV, more)


CLASSES = "x,y\n" + "".join(f"{i * 7 % 11},{'ab'[i * 7 % 11 > 5 + i % 3]}\n" for i in range(80))


WATCHED = """\
data: {train: data.csv, target: y}
network: {layers: [{size: 3, activation: tanh}, {size: auto, activation: logistic}], members: 3}
training:
  epochs: 150
  batch_size: 8
  optimizer: {name: adam, learning_rate: 0.1}
  resample: folds
  early_stopping: {patience: PATIENCE, monitor: METRIC}
"""
# No two rows are alike: of equal ones the outputs may differ in the last bit, and so does their order.
APART = "x,y\n" + "".join(f"{i * 7 % 11 + i / 100},{'ab'[i * 7 % 11 > 5 + i % 3]}\n" for i in range(80))


@pytest.mark.parametrize(("metric", "more"), [("accuracy", True), ("log_loss", False), ("roc_auc", True)])
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_watches_a_metric_of_each_member(
    prepared: Prepare, metric: str, more: bool, weighted: bool
) -> None:
    weights = ("training.class_weight={a: 5, b: 1}", "training.weighted_metrics=true") if weighted else ()
    ready = prepared(WATCHED.replace("METRIC", metric).replace("PATIENCE", "4"), APART, *weights)
    run = pipeline.start(ready)
    rows, seen = ready.sets["train"], []
    for _ in pipeline.epochs(run):
        y_hat = predict(ready.network, run.state.theta, rows.examples.X)[:, 0]
        seen.append([by_hand(metric, rows.truth[k], y[k], weighted) for y, k in zip(y_hat, run.kept, strict=True)])
    for k, values in enumerate(np.array(seen).round(9).T):
        best, lowered, kept, end = -np.inf, 0, 0, len(values)
        for epoch, value in enumerate(values if more else -values, 1):
            if value >= best:
                best, lowered, kept = value, epoch if value > best else lowered, epoch  # of equals the last
            if epoch - lowered == 4:
                end = epoch
                break
        assert run.best.watch.epoch[k] == kept
        assert abs(run.best.watch.cost[k]) == pytest.approx(abs(best), abs=1e-6)
        assert run.best.watch.stopped[k] == (end < 150)
    assert run.best.watch.stopped.any(), "else patience was not at work"


def by_hand(metric: str, truth: np.ndarray, p: np.ndarray, weighted: bool) -> float:
    """A metric of the second of two classes, with weight 5 for the first."""
    w = np.where(truth == 0, 5.0, 1.0) if weighted else np.ones(len(truth))
    if metric == "accuracy":
        return float(w @ ((p >= 0.5) == truth) / w.sum())
    if metric == "log_loss":
        return float(w @ -np.log(np.where(truth == 1, p, 1 - p)) / w.sum())
    pairs = [(a, b) for a in p[truth == 1] for b in p[truth == 0]]  # each counts alike: a class has one weight
    return float(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))


def test_a_metric_that_stands_still_is_not_waited_for(prepared: Prepare) -> None:
    ready = prepared(WATCHED.replace("METRIC", "accuracy").replace("PATIENCE", "5"), CLASSES, "training.optimizer=sgd")
    run = pipeline.start(ready)
    for _ in pipeline.epochs(run):
        run.state.theta[:] = pipeline.initial(ready)  # nothing is ever learnt
    assert len(run.history) == 6
    assert run.best.watch.epoch.tolist() == [6, 6, 6]
    assert run.best.watch.lowered.tolist() == [1, 1, 1]


def test_a_metric_that_the_rows_do_not_have_cannot_be_watched(prepared: Prepare) -> None:
    rare = "x,y\n" + "".join(f"{i},{'ab'[i in (3, 4)]}\n" for i in range(60))  # a third fold has none of class b
    ready = prepared(WATCHED.replace("METRIC", "roc_auc").replace("PATIENCE", "4"), rare)
    with pytest.raises(
        DataError, match=r"roc_auc is not defined on the 20 rows that member \d does not learn from: all"
    ):
        pipeline.start(ready)  # before the first epoch


@pytest.mark.parametrize(
    ("layer", "monitor", "named"),
    [
        ("linear", "accuracy", "rmse, mae$"),
        ("logistic", "rmse", "accuracy, balanced_accuracy, f1_macro, roc_auc, log_loss$"),
    ],
)
def test_a_metric_that_the_target_does_not_have_cannot_be_watched(
    prepared: Prepare, layer: str, monitor: str, named: str
) -> None:
    spec = SPEC.replace("activation: linear", f"activation: {layer}")
    csv = CLASSES.replace("x,y", "x,z,y").replace(",", ",1,") if layer == "logistic" else CSV
    with pytest.raises(SpecError, match=f"monitor: {monitor} is not a metric of this target; watch loss, or .*{named}"):
        prepared(spec, csv.replace("x,1,z,1,y", "x,z,y"), f"training.early_stopping={{monitor: {monitor}}}")


def test_clamped_predictions_stay_within_the_range_of_the_training_rows(trained: Train, tmp_path: Path) -> None:
    import nnfit

    csv = "x,z,y\n" + "".join(f"{i},{i % 5},{2 * i + 1}\n" for i in range(30))
    far = pd.DataFrame({"x": [-1000.0, 15.0, 1000.0], "z": [1.0, 1.0, 1.0]})
    spec = SPEC.replace("{size: 5, activation: tanh}, ", "").replace("epochs: 4", "epochs: 200")
    free, kept = (
        trained(spec, csv, "data.validation=null"),
        trained(spec, csv, "data.validation=null", "training.clamp=true"),
    )
    kept.save(tmp_path / "m.npz")
    with pytest.warns(nnfit.NnfitWarning):
        inside, outside = (m.predict(far)["prediction"].tolist() for m in (nnfit.load(tmp_path / "m.npz"), free))
    assert (inside[0], inside[2]) == (1, 59)
    assert outside[0] < 1
    assert outside[2] > 59
    assert inside[1] == outside[1]
    with pytest.raises(SpecError, match="clamp is for real targets"):
        trained(
            SPEC.replace("linear", "logistic"), CLASSES.replace("x,y", "x,y"), "training.clamp=true", "data.test=0.2"
        )


@pytest.mark.parametrize("keys", ["calibration: temperature", "label_smoothing: 0.1"])
def test_what_is_for_classes_is_refused_for_real_targets(prepared: Prepare, keys: str) -> None:
    key = keys.partition(":")[0]
    with pytest.raises(SpecError, match=rf"training\.{key}: {key} is for classes, not for real targets; leave it out"):
        prepared(SPEC, CSV, f"training={{{keys}}}")
