"""Members with rows of their own: who learns from what, and what is said about the rows that they did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnfit.core.batches import Examples, Smoothing
from nnfit.core.network import predict
from nnfit.core.schedules import after_epoch, first_stage
from nnfit.core.stopping import HeldOut
from nnfit.core.training import begin, fit
from nnfit.data.seeds import Purpose
from nnfit.data.target import decode
from nnfit.errors import DataError
from nnfit.fit import run as pipeline
from nnfit.fit.scores import Predicted, out_of_sample, outputs_held_out
from nnfit.fit.train import finished
from nnfit.model.model import Model
from nnfit.scoring.evaluation import evaluate

Prepare = Callable[..., Any]

SPEC = """\
data: {train: data.csv, target: y}
network: {layers: [{size: 6, activation: relu}, {size: auto, activation: softmax}], members: 4, dtype: float64}
training: {epochs: 12, batch_size: 8, resample: folds, optimizer: {name: adam, learning_rate: 0.02}}
"""
STOPPED = "training.early_stopping={patience: 4}"
PLATEAU = "training.schedule={name: plateau, patience: 1, gamma: 0.5, threshold: 0.1}"
REAL = "network.layers=[{size: 6, activation: tanh}, {size: auto, activation: linear}]"


def csv(n: int = 54, real: bool = False) -> str:
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, n)).round(4)
    label = x * z if real else np.where(x + 0.3 * rng.normal(size=n) > 0.4, "a", np.where(z > 0, "b", "c"))
    return "x,z,y\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(x, z, label, strict=True))


def done(prepared: Any) -> pipeline.Run:
    run = pipeline.start(prepared)
    for _ in pipeline.epochs(run):
        pass
    return run


# --- folds and bootstrap --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", [False, True])
def test_every_row_is_kept_from_exactly_one_member(prepared: Prepare, real: bool) -> None:
    run = pipeline.start(prepared(SPEC, csv(real=real), *([REAL] if real else [])))
    assert sorted(np.concatenate(run.kept).tolist()) == list(range(54))
    for own, kept in zip(run.rows, run.kept, strict=True):
        assert sorted([*own.tolist(), *kept.tolist()]) == list(range(54))


def test_a_bootstrap_draws_as_many_with_replacement_and_keeps_the_rest(prepared: Prepare) -> None:
    run = pipeline.start(prepared(SPEC, csv(200), "training.resample=bootstrap"))
    for own, kept in zip(run.rows, run.kept, strict=True):
        assert len(own) == 200
        assert set(own.tolist()) | set(kept.tolist()) == set(range(200))
        assert not set(own.tolist()) & set(kept.tolist())
        assert abs(len(kept) - 200 / np.e) < 25
    assert len({own.tobytes() for own in run.rows}) == 4


def changed(prepared: Any, rows: Any) -> Any:
    """With other values in these training rows, wildly others."""
    train = prepared.sets["train"]
    X, Y, w = (np.array(a) for a in train.examples)
    X[rows, 1:] = 40 - 3 * X[rows, 1:]
    Y[:, rows] = Y[::-1, rows]
    return prepared._replace(sets={**prepared.sets, "train": train._replace(examples=Examples(X, Y, w))})


@pytest.mark.parametrize("kind", ["folds", "bootstrap"])
def test_what_is_kept_from_a_member_cannot_change_it(prepared: Prepare, kind: str) -> None:
    ready = prepared(SPEC, csv(), f"training.resample={kind}", "training.dropout=0.2")
    before = done(ready)
    for k in range(4):
        after = done(changed(ready, before.kept[k]))
        np.testing.assert_array_equal(after.rows[k], before.rows[k])
        np.testing.assert_array_equal(after.theta[k], before.theta[k])
        assert np.abs(after.theta - before.theta).max() > 1e-3


def test_fewer_rows_than_members_are_refused(prepared: Prepare) -> None:
    with pytest.raises(DataError, match="too few for 60 members"):
        pipeline.start(prepared(SPEC, csv(), "network.members=60"))


# --- against networks trained one by one ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [52, 54])
@pytest.mark.parametrize(
    "more",
    [
        (),
        (STOPPED,),
        (STOPPED, "training.dropout=0.2", "training.schedule=cosine"),
        (REAL, STOPPED),
        (PLATEAU,),
        (PLATEAU, STOPPED, "training.average={name: ema, decay: 0.9}"),
        (PLATEAU, "training.average={name: swa, start: 0.5}"),
    ],
)
def test_out_of_fold_scores_are_those_of_networks_trained_one_by_one(
    prepared: Prepare, n: int, more: tuple[str, ...]
) -> None:
    real = REAL in more
    ready = prepared(SPEC, csv(n, real), *more)
    run = done(ready)
    found = finished(run, 1).record["metrics"]["out_of_fold"]
    data, truth = ready.sets["train"].examples, ready.sets["train"].truth
    costs, outputs, factors = np.empty((run.state.epochs, 4)), [], set[float]()
    for k in range(4):
        theta, kept = pipeline.initial(ready)[k : k + 1].copy(), run.kept[k]
        state, stage = begin(theta, run.plan.optimizer, run.plan.average), first_stage(1)
        held_out = Examples(data.X[kept], data.Y[:, kept], data.w[:, :, kept])
        watched = HeldOut(ready.network, state.used, held_out)
        seeds, own = (ready.spec.seed, Purpose.SHUFFLE), []
        for epoch in fit(ready.network, state, data, run.plan, seeds, run.rows, first=k):
            costs[epoch.number - 1, k] = watched.costs()[0]
            own.append(predict(ready.network, state.used, held_out.X)[0])
            if PLATEAU in more:
                stage = after_epoch(stage, watched.costs(), run.plan.schedule)
                state.factor[:] = stage.factor
            if epoch.number == run.state.epochs:
                break
        outputs.append(own)
        if PLATEAU in more:
            factors.add(float(state.factor[0]))
    assert len(factors) != 1, "the members leave their plateaus at different times"
    y_hat, each = np.empty((1, ready.network.N[-1], n)), []
    for k, kept in enumerate(run.kept):
        of_others = np.delete(costs, k, axis=1).mean(axis=1)
        chosen = int(of_others.argmin()) if STOPPED in more else -1
        y_hat[0][:, kept] = outputs[k][chosen]
        each.append(evaluate(ready.target, ready.network.loss, y_hat[:, :, kept], truth[kept], np.ones(len(kept))))
    expected = evaluate(ready.target, ready.network.loss, y_hat, truth, np.ones(n))
    numbers = {key: value for key, value in expected.items() if isinstance(value, float)}
    assert {key: found[key] for key in numbers} == pytest.approx(numbers, rel=1e-6)
    for key, spread in found["members"].items():
        values = [one[key] for one in each]
        assert spread == pytest.approx({"mean": np.mean(values), "sd": np.std(values, ddof=1)}, rel=1e-6)


def held_out_outputs(run: pipeline.Run) -> Predicted:
    """Outputs, truth and weights of the rows that some member did not learn from."""
    rows = run.prepared.sets["train"]
    train = Predicted(predict(run.prepared.network, run.theta, rows.examples.X), rows.truth, rows.weights)
    each = outputs_held_out(run, train.y_hat)
    return out_of_sample(train, each, run.kept, np.unique(np.concatenate(run.kept)))


def test_out_of_bag_outputs_are_the_mean_over_the_members_that_did_not_learn_from_a_row(prepared: Prepare) -> None:
    run = done(prepared(SPEC, csv(), "training.resample=bootstrap", "training.epochs=2"))
    X = run.prepared.sets["train"].examples.X
    y_hat = predict(run.prepared.network, run.theta, X)
    together, truth, w = held_out_outputs(run)
    places = Counter(np.concatenate(run.kept).tolist())
    assert len(truth) == len(w) == len(places) < 54
    for place, row in enumerate(sorted(places)):
        members = [k for k in range(4) if row in run.kept[k]]
        np.testing.assert_allclose(together[0, :, place], y_hat[members, :, row].mean(axis=0), rtol=1e-12)


# --- early stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folds", "bootstrap", "none"])
def test_the_weights_that_come_back_have_the_least_cost_of_their_history(prepared: Prepare, kind: str) -> None:
    more = (f"training.resample={kind}", "training.epochs=60", "training.early_stopping={patience: 5}")
    ready = prepared(SPEC, csv(), *more, *(["data.validation=0.3"] if kind == "none" else []))
    run = done(ready)
    watched = np.array([epoch.validations for epoch in run.history])
    assert run.held_out is not None
    assert run.best is not None
    np.testing.assert_allclose(HeldOut(ready.network, run.theta, run.held_out).costs(), run.best.watch.cost, rtol=1e-12)
    for k, last in enumerate(np.minimum(run.best.watch.epoch + 5, len(watched))):
        assert run.best.watch.cost[k] == watched[:last, k].min()
    assert len(set(run.best.watch.epoch.tolist())) > 1
    assert finished(run, 1).record["best_epochs"] == run.best.watch.epoch.tolist()


def test_training_ends_when_every_member_has_stopped(prepared: Prepare) -> None:
    run = done(prepared(SPEC, csv(), "training.epochs=500", "training.early_stopping={patience: 2}"))
    assert run.best is not None
    assert run.best.watch.stopped.all()
    assert run.state.epochs == run.best.watch.epoch.max() + 2 < 500


# --- smoothing, plateau, temperature, uncertainty ---------------------------------------------------------------------


def test_smoothed_labels_make_less_confident(prepared: Prepare) -> None:
    confidence = []
    for share in (0.0, 0.1, 0.4):
        run = done(prepared(SPEC, csv(), "training.epochs=80", f"training.label_smoothing={share}"))
        y_hat = predict(run.prepared.network, run.theta, run.prepared.sets["train"].examples.X)
        confidence.append(float(y_hat.max(axis=1).mean()))
    assert confidence[0] > confidence[1] + 0.02 > confidence[2] + 0.04


@pytest.mark.parametrize(("output", "low"), [("softmax", 0.1), ("logistic", 0.15), ("tanh", -0.7)])
def test_smoothing_moves_each_target_towards_the_middle(prepared: Prepare, output: str, low: float) -> None:
    text = csv() if output == "softmax" else csv().replace(",c\n", ",b\n")
    layers = f"network.layers=[{{size: auto, activation: {output}}}]"
    ready = prepared(SPEC, text, layers, "training.label_smoothing=0.3")
    Y, plan = ready.sets["train"].examples.Y, pipeline.planned(ready)
    Smoothing(plan.label_smoothing, plan.middle).apply(Y)
    assert np.unique(Y.round(9)).tolist() == pytest.approx(
        [low, 0.8 if output == "softmax" else 0.85 if low > 0 else 0.7]
    )


def test_on_a_plateau_the_rate_falls_and_otherwise_it_does_not(prepared: Prepare) -> None:
    text = "training.schedule={name: plateau, patience: 2, gamma: 0.5, threshold: 0.9}"
    run = done(prepared(SPEC, csv(), text))
    assert (run.state.factor == 0.5**3).all()  # the first epoch is the best; 11 more, one fall after every three
    steady = done(prepared(SPEC, csv(), text.replace("patience: 2", "patience: 11")))
    assert (steady.state.factor == 1).all()
    assert np.abs(run.theta - steady.theta).max() > 1e-4


def test_the_rate_falls_for_the_member_that_stands_still_and_for_no_other(
    prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    constant = done(prepared(SPEC, csv(), "network.members=2"))
    costs = iter(np.array([[1.0, 2.0**-epoch] for epoch in range(12)]))
    monkeypatch.setattr(HeldOut, "costs", lambda _: next(costs))
    text = "training.schedule={name: plateau, patience: 2, gamma: 0.5}"
    run = done(prepared(SPEC, csv(), text, "network.members=2"))
    assert run.state.factor.tolist() == [0.5**3, 1]
    assert run.theta[1].tobytes() == constant.theta[1].tobytes()
    assert np.abs(run.theta[0] - constant.theta[0]).max() > 1e-4


def test_the_temperature_of_a_model_lowers_the_log_loss_out_of_fold(prepared: Prepare) -> None:
    more = ("training.epochs=150",)
    plain, cooled = (
        finished(done(prepared(SPEC, csv(), *more, f"training.calibration={kind}")), 1)
        for kind in ("none", "temperature")
    )
    assert cooled.target.temperature > 1.1
    assert plain.target.temperature == 1
    np.testing.assert_array_equal(plain.theta, cooled.theta)
    before, after = (model.record["metrics"]["out_of_fold"] for model in (plain, cooled))
    assert after["log_loss"] < before["log_loss"] - 0.01
    assert after["confusion"] == before["confusion"]


@pytest.mark.parametrize("output", ["softmax", "logistic", "linear"])
def test_the_uncertainty_is_the_deviation_over_the_members(
    prepared: Prepare, train: Callable[[Any], Model], output: str
) -> None:
    from nnfit.data.table import read_table

    text = csv(real=output == "linear") if output != "logistic" else csv().replace(",c\n", ",b\n")
    more = [f"network.layers=[{{size: 6, activation: tanh}}, {{size: auto, activation: {output}}}]"]
    if output != "linear":
        more.append("training.calibration=temperature")
    ready = prepared(SPEC, text, *more)
    model = train(ready)
    found = model.predictions(read_table(ready.sources["train"], model.dialect, model.kinds), uncertainty=True)
    y_hat = predict(ready.network, model.theta, ready.sets["train"].examples.X)
    decoded = np.array([decode(model.target, member) for member in y_hat])
    expected = np.std(decoded, axis=0, ddof=1)
    if output == "linear":
        expected = expected[:, 0]
    else:
        index = [model.target.classes.index(label) for label in found["prediction"]]
        expected = expected[np.arange(54), index]
    np.testing.assert_allclose(found["uncertainty"], expected, rtol=1e-9)
    assert (expected > 0).all()
