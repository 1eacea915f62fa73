"""The linear model beside the network: the output layer alone at its optimum, and the warnings it allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnfit.config.build import build
from nnfit.config.spec import Spec
from nnfit.fit import baseline
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import start
from nnfit.model.model import Model

Train = Callable[..., Model]

HIDDEN = "{size: 8, activation: tanh}, "
SPEC = f"""\
data: {{train: data.csv, target: y, test: 0.2}}
network: {{layers: [{HIDDEN}{{size: 1, activation: linear}}], members: 3, initialization: {{output_gain: 0.5}}}}
training:
  {{epochs: 40, batch_size: 8, resample: folds, early_stopping: {{patience: 3}}, schedule: cosine, l2: 0.001,
   dropout: 0.1, optimizer: {{name: adam, learning_rate: 0.02}}}}
"""
rng = np.random.default_rng(5)
x = rng.uniform(-1, 1, (80, 2))
STRAIGHT = "u,v,y\n" + "".join(f"{u:.6f},{v:.6f},{2 * u - v:.6f}\n" for u, v in x)
PRODUCT = "u,v,y\n" + "".join(f"{u:.6f},{v:.6f},{u * v:.6f}\n" for u, v in x)
draws = np.random.default_rng(8).normal(size=80)
NOISE = "u,v,y\n" + "".join(f"{u:.6f},{v:.6f},{y:.6f}\n" for (u, v), y in zip(x, rng.normal(size=80), strict=True))


def told(model: Model) -> list[str]:
    return [str(doubt) for doubt in baseline.doubts(model)]


ALONE = ("training.resample=none", "training.early_stopping=null")


def test_it_is_the_least_cost_whatever_the_training_does(trained: Train) -> None:
    model = trained(SPEC, PRODUCT)
    assert list(model.record["linear"]) == ["train", "out_of_fold", "test"]
    other = (
        *("training.epochs=1", "training.l2=3", "training.dropout=0.5", "training.early_stopping=null"),
        *("training.average=ema", "training.optimizer=sgd", "network.initialization={}"),
    )
    assert trained(SPEC, PRODUCT, *other).record["linear"] == model.record["linear"]


def test_it_is_linear_in_the_columns_and_has_nothing_of_what_stands_beside_them(trained: Train) -> None:
    rows = "u,w,v,y\n" + "".join(
        f"{u:.6f},{'' if i % 5 == 2 else i % 3},{v:.6f},{u * v:.6f}\n" for i, (u, v) in enumerate(x)
    )
    beside = "{u: {piecewise: 8, periodic: 3}, w: {piecewise: 2, degree: 2}, v: {periodic: 4, amplitude: 0.5}}"
    plain = trained(SPEC, rows, "data.columns={w: {degree: 2}}").record["linear"]
    found = trained(SPEC, rows, f"data.columns={beside}").record["linear"]
    assert list(found) == list(plain) == ["train", "out_of_fold", "test"]
    for name in plain:
        for metric in ("loss", "rmse", "mae", "r2"):
            assert found[name][metric] == pytest.approx(plain[name][metric], rel=1e-5), (name, metric)


def test_its_members_have_the_rows_of_the_network_s(
    prepared: Callable[..., Prepared], train: Callable[[Prepared], Model]
) -> None:
    """Least squares with Ridge's penalty, by the normal equations."""
    ready = prepared(SPEC, NOISE)
    (X, Y, _), run = ready.sets["train"].examples, start(ready)
    X, y = X.astype(np.float64), Y[0].astype(np.float64)
    errors = []
    for rows, kept in zip(run.rows, run.kept, strict=True):
        theta = np.linalg.solve(X[rows].T @ X[rows] + np.diag([0, 1, 1]), X[rows].T @ y[rows])
        errors.append((X[kept] @ theta - y[kept]) * ready.target.sd[0])
    expected = np.sqrt(np.mean(np.concatenate(errors) ** 2))
    assert train(ready).record["linear"]["out_of_fold"]["rmse"] == pytest.approx(expected, rel=1e-4)


def test_the_advice_for_one_that_is_better_gives_it(trained: Train) -> None:
    model = trained(SPEC, STRAIGHT, *ALONE)
    (doubt,) = told(model)
    found = re.search(r"leave them out \(optimizer lbfgs, batch_size full and l2 (\S+) give that model\)", doubt)
    assert found
    training = f"{{epochs: 100, optimizer: lbfgs, batch_size: full, l2: {found[1]}}}"
    alone = trained(SPEC.replace(HIDDEN, ""), STRAIGHT, f"training={training}")
    for rows in ("train", "test"):
        rmse = model.record["linear"][rows]["rmse"]
        assert alone.record["metrics"][rows]["rmse"] == pytest.approx(rmse, rel=1e-2)


def test_the_advice_leaves_out_what_stands_beside_numbers_too(trained: Train) -> None:
    model = trained(SPEC, STRAIGHT, *ALONE, "data.columns={u: {piecewise: 4}}")
    advised = [doubt for doubt in told(model) if "leave them out" in doubt]
    assert all(", no piecewise or periodic give that model" in doubt for doubt in advised)
    assert advised


def test_it_has_the_inputs_that_are_columns_as_they_are(trained: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trained(SPEC, STRAIGHT, "data.ignore=[v]").record["linear"]
    monkeypatch.setattr(baseline, "straight", lambda prepared: np.array([0]))
    found = trained(SPEC, STRAIGHT).record["linear"]
    assert found["out_of_fold"]["rmse"] == pytest.approx(other["out_of_fold"]["rmse"], rel=1e-9)


def test_it_takes_nothing_from_the_network(trained: Train) -> None:
    model, without = trained(SPEC, PRODUCT), trained(SPEC, PRODUCT, "training.baseline=false")
    np.testing.assert_array_equal(model.theta, without.theta)
    assert model.record["metrics"] == without.record["metrics"]
    assert without.record["linear"] == {}


@pytest.mark.parametrize("change", ["network.layers=[{size: 1, activation: linear}]", "training.epochs=0"])
def test_there_is_none_beside_a_linear_or_untrained_network(trained: Train, change: str) -> None:
    model = trained(SPEC.replace("dropout: 0.1", "dropout: 0"), PRODUCT, change)
    assert model.record["linear"] == {}
    assert not [doubt for doubt in told(model) if "linear model" in doubt]


def test_a_network_that_learns_what_a_line_cannot_say_raises_no_doubt(trained: Train) -> None:
    model = trained(SPEC, PRODUCT, "training.dropout=0", "training.epochs=150", "training.early_stopping=null")
    assert model.record["metrics"]["out_of_fold"]["rmse"] < 0.5 * model.record["linear"]["out_of_fold"]["rmse"]
    assert list(baseline.doubts(model)) == []


def test_a_network_worse_than_a_line_is_told(trained: Train) -> None:
    (doubt,) = told(trained(SPEC, STRAIGHT))
    assert doubt.startswith("the network is worse than the linear model: rmse 0.")
    assert (
        " on the out_of_fold rows, more than by chance, member by member; their mean, which predicts, may be" in doubt
    )
    assert "leave them out" not in doubt, "the rows out of fold do not tell that of the mean"


def test_a_network_that_learnt_nothing_is_told(trained: Train) -> None:
    model = trained(SPEC, NOISE, "training.early_stopping=null", "training.epochs=200", "training.baseline=false")
    (doubt,) = told(model)
    assert doubt.startswith("the network does not beat the trivial predictor: rmse ")


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ("out_of_fold", ()),
        ("out_of_bag", ("training.resample=bootstrap",)),
        ("validation", (*ALONE, "data.validation=0.2")),
        ("test", ALONE),
        ("train", (*ALONE, "data.test=null")),
    ],
)
def test_the_most_honest_rows_decide(trained: Train, rows: str, more: tuple[str, ...]) -> None:
    model = trained(SPEC, NOISE, *more)
    found, record = model.record["compared"], model.record
    assert (found["rows"], found["metric"]) == (rows, "rmse")
    for name in ("trivial", "linear"):
        expected = record["metrics"][rows]["rmse"] - record[name][rows]["rmse"]
        assert found[name]["difference"] == pytest.approx(expected, abs=1e-9)


def test_a_difference_within_the_noise_of_the_rows_is_no_verdict(trained: Train) -> None:
    level, patient = 0, "training.early_stopping={patience: 30}"
    for seed in range(6):
        draws = np.random.default_rng(seed)
        u, v, e = draws.normal(size=(3, 80))
        text = "u,v,y\n" + "".join(f"{a:.5f},{b:.5f},{2 * a - b + c:.5f}\n" for a, b, c in zip(u, v, e, strict=True))
        model = trained(SPEC, text, f"seed={seed}", "training.epochs=60", "training.dropout=0", patient)
        found = model.record["compared"]["linear"]
        if found["verdict"] == "level":
            level += 1
            assert abs(found["difference"]) <= 2 * found["error"]
            assert not [doubt for doubt in told(model) if "linear model" in doubt]
    assert level >= 4, "a straight line with noise: both are as good"


def test_noise_is_told_as_noise(trained: Train) -> None:
    model = trained(SPEC, NOISE, "training.epochs=3")
    (doubt,) = [text for text in told(model) if "trivial" in text]
    assert model.record["compared"]["trivial"]["verdict"] == "level"
    assert doubt.startswith("the network does not beat the trivial predictor: rmse ")
    assert " rows, no more apart than by chance; other epochs" in doubt


def test_without_a_hidden_layer_xor_asks_for_one(trained: Train) -> None:
    spec = "data: {train: data.csv, target: y, columns: {y: {type: categorical}}}\nnetwork: {layers: [OUT]}\n"
    spec = (
        spec.replace("OUT", "{size: 1, activation: logistic}")
        + "training: {epochs: 500, batch_size: full, optimizer: {name: adam, learning_rate: 0.1}}\n"
    )
    (doubt,) = told(trained(spec, "u,v,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"))
    assert "does not beat the trivial predictor: log_loss 0.6931 against 0.6931 on the train rows" in doubt
    assert "; without a hidden layer it is linear in its inputs: add one" in doubt


@pytest.mark.parametrize(
    ("task", "loss", "weighting", "metric"),
    [
        ("regression", "mse", {}, "rmse"),
        ("regression", "huber", {}, "mae"),
        ("multinomial", "cross_entropy", {}, "log_loss"),
        ("binary", "mse", {}, "brier"),
        ("binary", "bce", {"class_weight": "balanced"}, "loss"),
        ("binary", "bce", {"class_weight": "balanced", "weighted_metrics": True}, "log_loss"),
        ("regression", "mse", {"weight": "w"}, "loss"),
    ],
)
def test_what_is_compared_is_what_was_minimised(task: str, loss: str, weighting: dict[str, Any], metric: str) -> None:
    data = {"train": "data.csv", "target": "y", "weight": weighting.get("weight")}
    training = {key: value for key, value in weighting.items() if key != "weight"}
    layers = [{"size": "auto", "activation": "linear"}]
    spec = build(Spec, {"data": data, "network": {"layers": layers}, "loss": loss, "training": training})
    assert baseline.measure_of(task, spec) == metric


RARE = "u,v,y\n" + "".join(
    f"{(late := float(rng.random() < 0.1)) + rng.normal():.4f},{rng.normal():.4f},{'ab'[int(late)]}\n"
    for _ in range(300)
)
BALANCED = (
    "network.layers=[{size: 8, activation: tanh}, {size: auto, activation: logistic}]",
    "training.class_weight=balanced",
    "training.baseline=false",
)


def test_class_weights_raise_no_false_doubt(trained: Train) -> None:
    model = trained(SPEC, RARE, *BALANCED)
    assert (own := model.record["metrics"]["out_of_fold"])["log_loss"] > model.record["trivial"]["out_of_fold"][
        "log_loss"
    ]
    assert own["balanced_accuracy"] > 0.6
    assert list(baseline.doubts(model)) == []


def test_class_weights_on_noise_do(trained: Train) -> None:
    noise = "u,v,y\n" + "".join(f"{u:.6f},{v:.6f},{'ab'[i % 10 == 3]}\n" for i, (u, v) in enumerate(x))
    model = trained(SPEC, noise, *BALANCED, "training.early_stopping=null", "training.epochs=150")
    (doubt,) = told(model)
    assert doubt.startswith("the network does not beat the trivial predictor: loss ")
    assert model.record["trivial"]["train"]["loss"] == pytest.approx(np.log(2), rel=1e-6)


def test_an_absolute_cost_is_not_doubted_for_its_squares(trained: Train) -> None:
    skewed = "u,v,y\n" + "".join(
        f"{u:.6f},{v:.6f},{np.exp(4 * e + u):.6f}\n" for (u, v), e in zip(x, draws, strict=True)
    )
    model = trained(SPEC, skewed, "loss=mae", "training.baseline=false")
    own, trivial = model.record["metrics"]["out_of_fold"], model.record["trivial"]["out_of_fold"]
    assert own["rmse"] > trivial["rmse"]
    assert own["mae"] < trivial["mae"]
    assert list(baseline.doubts(model)) == []


@pytest.mark.parametrize("weighted", [False, True])
def test_the_trivial_predictor_counts_rows_as_the_metrics_do(trained: Train, weighted: bool) -> None:
    weights = (*BALANCED, f"training.weighted_metrics={str(weighted).lower()}")
    model = trained(SPEC, RARE, *weights, "data.test=null")
    share = RARE.count("b\n") / 300
    assert model.record["prior"] == pytest.approx([0.5 if weighted else share], rel=1e-6)
    expected = np.log(2) if weighted else -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert model.record["trivial"]["train"]["log_loss"] == pytest.approx(expected, rel=1e-6)


def test_no_learning_rate_is_advised_where_there_is_none(trained: Train) -> None:
    lbfgs = ("training.optimizer=lbfgs", "training.batch_size=full", "training.dropout=0", "training.schedule=constant")
    model = trained(SPEC, NOISE, *lbfgs, "training.early_stopping=null", "training.epochs=200")
    text = " ".join(told(model))
    assert "trivial predictor" in text
    assert "learning rate" not in text


def test_inputs_beyond_all_squares_leave_the_network_without_a_linear_model(trained: Train) -> None:
    columns = "data.columns={u: {type: numeric, scale: none}, v: {type: numeric, scale: none}}"
    large = "u,v,y\n" + "".join(f"{u:.6f}e200,{v:.6f}e200,{u:.6f}\n" for u, v in x)
    model = trained(SPEC, large, columns, "network.dtype=float64")
    assert np.isfinite(model.theta).all()
    assert model.record["linear"] == {}
    message = "the inputs are too large for the linear model beside the network, so there are no figures of it"
    assert f"{message}; give them a scale" in told(model)


def test_large_inputs_have_one(trained: Train) -> None:
    columns = "data.columns={u: {type: numeric, scale: none}, v: {type: numeric, scale: none}}"
    large = "u,v,y\n" + "".join(f"{u:.6f}e20,{v:.6f}e-20,{u:.6f}\n" for u, v in x)
    linear = trained(SPEC, large, columns).record["linear"]
    assert linear["out_of_fold"]["rmse"] < 1e-3, "y is u, but for its scale"


def test_a_network_that_has_learnt_something_is_never_told_that_it_has_not(trained: Train) -> None:
    for seed in range(8):  # 30 rows tell little, and the network is better on them, or on new rows
        draws = np.random.default_rng(seed)
        u, chance = draws.normal(size=150), draws.random(150)
        text = "u,y\n" + "".join(
            f"{a:.5f},{'ab'[int(c < 1 / (1 + np.exp(-2 * a)))]}\n" for a, c in zip(u, chance, strict=True)
        )
        layers = "network.layers=[{size: 8, activation: tanh}, {size: auto, activation: logistic}]"
        more = (layers, "training.resample=none", "data.test=null", "data.validation=0.2", f"seed={seed}")
        model = trained(SPEC, text, *more)
        found = model.record["compared"]["trivial"]
        if found["difference"] < -1e-3:
            assert not [doubt for doubt in told(model) if "trivial" in doubt]
