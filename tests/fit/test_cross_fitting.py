"""Rows that chose an epoch are scored as new rows are: by epochs that others chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnfit.core.losses import of_rows
from nnfit.core.network import predict
from nnfit.data.target import Labels, decode
from nnfit.fit import run as pipeline
from nnfit.fit.cross_fitting import NONE, PARTS, CrossFitted, watched_metric
from nnfit.fit.scores import Predicted, fitted, out_of_sample, outputs_held_out, outputs_of, score
from nnfit.model.model import Model
from nnfit.scoring.calibration import temperature
from nnfit.scoring.threshold import threshold

Prepare = Callable[..., Any]
Train = Callable[..., Model]

SPEC = """\
data: {train: data.csv, target: y}
network: {layers: [{size: 8, activation: relu}, {size: auto, activation: logistic}], dtype: float64}
training:
  {epochs: 40, batch_size: 8, optimizer: {name: adam, learning_rate: 0.02}, early_stopping: {patience: 8},
   baseline: false}
"""
FOLDS = ("network.members=5", "training.resample=folds")
BAG = ("network.members=4", "training.resample=bootstrap")
VALIDATION = ("data.validation=0.4",)
SEVERAL = (*VALIDATION, "network.members=3")


def noise(n: int, seed: int) -> str:
    """Numbers, and classes that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    rows = zip(rng.normal(size=(n, 6)), rng.choice(["a", "b"], size=n), strict=True)
    return "p,q,r,s,t,u,y\n" + "".join(",".join([*(f"{x:.5f}" for x in xs), y]) + "\n" for xs, y in rows)


def signal(n: int) -> str:
    """The same, and a class that the first column speaks of."""
    header, *lines = noise(n, 5).splitlines()
    return "\n".join([header, *(line[:-1] + "ba"[line.startswith("-")] for line in lines[::2]), *lines[1::2], ""])


def followed(ready: Any) -> tuple[pipeline.Run, list[Any], np.ndarray]:
    """A run to its end; the outputs of every epoch for the rows held out (M, K, n), and each member's costs there."""
    run, outputs = pipeline.start(ready), []
    for _ in pipeline.epochs(run):
        assert run.held_out is not None
        X = np.broadcast_to(run.held_out.X, (len(run.state.theta), *run.held_out.X.shape[-2:]))
        thetas = run.state.used[:, None]
        each = [predict(ready.network, theta, x)[0] for theta, x in zip(thetas, X, strict=True)]
        outputs.append(np.array(each))
    return run, outputs, np.array([epoch.validations for epoch in run.history])


def kept_by(costs: list[float], patience: int) -> int:
    """The epoch, from 0, that early stopping keeps."""
    best = lowered = 0
    for e, cost in enumerate(costs):
        if cost < costs[best] or e == 0:
            lowered = e
        if cost <= costs[best]:
            best = e
        if e - lowered >= patience:
            break
    return best


@pytest.mark.parametrize("how", [FOLDS, BAG, VALIDATION, SEVERAL])
@pytest.mark.parametrize("monitor", ["loss", "accuracy", "roc_auc"])
def test_each_part_is_seen_at_the_epoch_that_all_others_choose(
    prepared: Prepare, how: tuple[str, ...], monitor: str
) -> None:
    ready = prepared(SPEC, noise(70, 1), *how, f"training.early_stopping.monitor={monitor}")
    run, outputs, costs = followed(ready)
    crossed, held_out = crossed_of(run), run.held_out
    assert held_out is not None
    assert len(crossed.watch.cost) == (5 if how == FOLDS else PARTS)
    chosen = []
    for f in range(len(crossed.watch.cost)):
        others = (crossed.part != f) & (crossed.part != NONE)
        seen = []
        for e, y_hat in enumerate(outputs):
            if monitor == "loss" and how == FOLDS:
                seen.append(np.delete(costs[e], f).mean())
            elif monitor == "loss":
                s = held_out.w * others[:, None, :]
                seen.append((of_rows("bce", y_hat, held_out.Y) * s[:, 0]).sum() / s.sum())
            else:
                values = watched_metric(ready, run.kept, monitor, len(y_hat), others)(y_hat)
                seen.append(np.nanmean(values))
        best = kept_by(seen, 8)
        chosen.append(best)
        assert crossed.watch.epoch[f] == best + 1
        own = np.broadcast_to((crossed.part == f)[:, None, :], crossed.y_hat.shape)
        np.testing.assert_allclose(crossed.y_hat[own], outputs[best][own], rtol=1e-9)
    if how == VALIDATION:
        assert len(set(chosen)) > 1, "parts are seen at epochs of their own"


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_the_truth_of_a_part_has_no_say_in_what_is_said_of_it(prepared: Prepare, monitor: str) -> None:
    more = (f"training.early_stopping={{monitor: {monitor}, patience: 40}}",)  # so that all end after 40 epochs
    ready = prepared(SPEC, noise(70, 2), *VALIDATION, *more)
    before = crossed_of(followed(ready)[0])
    rows = ready.sets["validation"]
    moved = 0
    for f in range(PARTS):
        part = before.part[0] == f
        Y, truth = rows.examples.Y.copy(), rows.truth.copy()
        Y[:, part], truth[part] = 1 - Y[:, part], 1 - truth[part]
        changed = rows._replace(examples=rows.examples._replace(Y=Y), truth=truth)
        run = pipeline.start(ready._replace(sets=ready.sets | {"validation": changed}))
        crossed_of(run).part[:] = before.part  # they are drawn alike in the target
        for _ in pipeline.epochs(run):
            pass
        np.testing.assert_array_equal(crossed_of(run).y_hat[:, :, part], before.y_hat[:, :, part])
        moved += int((crossed_of(run).watch.epoch != before.watch.epoch).sum())
    assert moved, "in that of the others it has"


def crossed_of(run: pipeline.Run) -> CrossFitted:
    assert run.cross_fitted is not None
    return run.cross_fitted


@pytest.mark.parametrize("how", [FOLDS, BAG, VALIDATION])
@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_on_noise_nothing_is_promised(trained: Train, how: tuple[str, ...], monitor: str) -> None:
    name = {FOLDS: "out_of_fold", BAG: "out_of_bag", VALIDATION: "validation"}[how]
    found = []
    for seed in range(12):
        more = (*how, f"training.early_stopping.monitor={monitor}", f"seed={seed}")
        found.append(trained(SPEC, noise(60, seed), *more).record["metrics"][name]["accuracy"])
    assert np.mean(found) - 0.5 < 3 * np.std(found, ddof=1) / np.sqrt(12)
    assert np.mean(found) < 0.56, "where rows choose their own epoch it is 0.57 to 0.66"


def test_rows_that_choose_their_own_epoch_look_better_than_they_are(prepared: Prepare) -> None:
    own, crossed = [], []
    for seed in range(12):
        ready = prepared(SPEC, noise(60, seed), *FOLDS, "training.early_stopping.monitor=accuracy", f"seed={seed}")
        run, *_ = followed(ready)
        assert run.best is not None
        own.append(-run.best.watch.cost.mean())
        crossed.append(score(run).metrics["out_of_fold"]["accuracy"])
    assert np.mean(own) > 0.6
    assert np.mean(crossed) < 0.54


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_validation_rows_are_scored_too(prepared: Prepare, rows: int) -> None:
    ready = prepared(SPEC, noise(40, 3), f"data.validation={rows / 40}")
    run, outputs, _ = followed(ready)
    assert score(run).metrics["validation"]["accuracy"] is not None
    if rows == 1:  # nobody else can choose, so it is the last epoch that patience allows
        last = min(len(outputs), 1 + 8)
        np.testing.assert_allclose(crossed_of(run).y_hat, outputs[last - 1], rtol=1e-9)


def test_where_the_others_do_not_have_a_metric_all_epochs_are_alike(prepared: Prepare) -> None:
    ready = prepared(SPEC, noise(60, 4), *VALIDATION, "training.early_stopping={monitor: roc_auc, patience: 4}")
    rows = ready.sets["validation"]
    truth: Labels = np.zeros_like(rows.truth)
    truth[5] = 1
    run, outputs, _ = followed(ready._replace(sets=ready.sets | {"validation": rows._replace(truth=truth)}))
    crossed = crossed_of(run)
    assert crossed.watch.epoch[crossed.part[0, 5]] == min(len(outputs), 1 + 4)
    assert len(set(crossed.watch.epoch.tolist())) > 1


@pytest.mark.parametrize("how", [FOLDS, BAG, VALIDATION])
def test_temperature_and_threshold_are_fitted_without_the_rows_that_they_score(
    prepared: Prepare, how: tuple[str, ...]
) -> None:
    aim = "training.threshold={maximize: accuracy}"
    ready = prepared(SPEC, signal(90), *how, "training.calibration=temperature", aim)
    run, *_ = followed(ready)
    rows = ready.sets["train"]
    seen = np.arange(rows.n) if not run.kept else np.unique(np.concatenate(run.kept))
    train = Predicted(outputs_of(run, rows), rows.truth, rows.weights)
    unseen = out_of_sample(train, outputs_held_out(run, train.y_hat), run.kept, seen) if run.kept else None
    if unseen is None:
        held_out = ready.sets["validation"]
        unseen = Predicted(crossed_of(run).y_hat, held_out.truth, held_out.weights)
    target, ends = fitted(ready, unseen)
    assert ends is not None
    outcome, truth = unseen.y_hat.mean(axis=0), np.asarray(unseen.truth, np.intp)
    assert np.bincount(ends.part).max() <= -(-len(truth) // 10)
    for k, part in enumerate(ends.targets):
        others = np.flatnonzero(ends.part != k)
        T = temperature(ready.target, outcome[:, others], truth[others])
        assert part.temperature == T
        warm = ready.target._replace(temperature=T)
        assert part.threshold == threshold(warm, outcome[:, others], truth[others], "accuracy")
    assert len({part.temperature for part in ends.targets}) > 1
    name = "validation" if how == VALIDATION else "out_of_fold" if how == FOLDS else "out_of_bag"
    p = np.concatenate([decode(ends.targets[ends.part[i]], outcome[:, [i]]) for i in range(len(truth))])
    by_hand = -np.log(p[np.arange(len(truth)), truth]).mean()
    assert score(run).metrics[name]["log_loss"] == pytest.approx(by_hand)
    assert score(run).target == target
