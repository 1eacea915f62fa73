"""A training whose batches are divided among several: the weights, costs and steps are those of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from divided import in_step

from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.stopping import HeldOut
from nnfit.errors import TrainingError
from nnfit.fit import checkpoint
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import Run, epochs, start
from nnfit.fit.train import finished
from nnfit.model.loading import load

SPEC = """\
data: {train: data.csv, target: y, weight: w}
network:
  layers: [{size: 5, activation: tanh}, {size: 4, activation: mish}, {size: auto, activation: softmax}]
  dtype: float64
training: {epochs: 4, batch_size: 8, optimizer: {name: adam, learning_rate: 0.02}}
"""
CSV = "x,z,w,y\n" + "".join(f"{i % 7},{i * i % 5},{1 + i % 3},{'abc'[i * i % 11 % 3]}\n" for i in range(51))
REAL = "x,z,w,y\n" + "".join(f"{i % 7},{i * i % 5},{1 + i % 3},{(i * i % 11) / 3}\n" for i in range(51))
RSS = ("loss=rss", "training.optimizer={name: sgd, learning_rate: 0.001}", "network.layers.2.activation=linear")
KINDS = {
    "a rest": (),
    "batches of fewer rows than parts": ("training.batch_size=2",),
    "one row a step": ("training.batch_size=1",),
    "all rows": ("training.batch_size=full",),
    "a rest of one row": ("training.batch_size=10",),
    "rss": RSS,
    "rss, all rows": (*RSS, "training.batch_size=full"),
    "class weights": ("training.class_weight=balanced", "training.batch_size=7"),
    "smoothing": ("training.label_smoothing=0.1",),
    "dropout": ("training.dropout=0.3",),
    "dropout of members": ("training.dropout=0.3", "network.members=3", "training.batch_size=3"),
    "penalties": ("training.l1=0.01", "training.l2=0.1", "training.batch_size=5"),
    "decay": ("training.optimizer={name: adamw, learning_rate: 0.02, weight_decay: 0.1}",),
    "clipped length": ("training.clip_norm=0.05",),
    "clipped values": ("training.clip_value=0.01",),
    "averages": ("training.average=ema",),
    "late averages": ("training.average={name: swa, start: 0.4}", "training.schedule={name: cosine, warmup: 0.1}"),
    "data-driven": ("network.initialization={data_driven: true, bias: 0, output_gain: 0.1}",),
    "expanded": ("data.columns={x: {piecewise: 4, periodic: 2, amplitude: 0.5}, z: {piecewise: 3, degree: 2}}",),
    "members": ("network.members=3",),
    "folds": (
        "network.members=3",
        "training.resample=folds",
        "training.early_stopping={patience: 1}",
        "training.schedule={name: plateau, patience: 1, gamma: 0.5, threshold: 0.5}",
    ),
    "folds of all rows": ("network.members=3", "training.resample=folds", "training.batch_size=full"),
    "bootstrap": ("network.members=3", "training.resample=bootstrap", "training.early_stopping={patience: 2}"),
    "validation": ("data.validation=0.3", "training.early_stopping={patience: 1, monitor: accuracy}"),
    "lbfgs": (
        "training.batch_size=full",
        "training.optimizer={name: lbfgs, tolerance: 0.001}",
        "training.l2=0.1",
        "training.epochs=6",
        "training.label_smoothing=0.1",
    ),
    "lbfgs, folds": (
        "network.members=3",
        "training.resample=folds",
        "training.batch_size=full",
        "training.optimizer={name: lbfgs}",
        "training.early_stopping={patience: 2}",
    ),
}


def ran(prepared: Prepared, division: Division = UNDIVIDED, stop: Any = ()) -> Run:
    run = start(prepared)
    for _ in epochs(run, stop, division=division):
        pass
    return run


def state(run: Run) -> list[Any]:
    """All that a training leaves."""
    found: list[Any] = [run.state.theta, run.state.slots, run.state.cost, run.theta, *run.stage]
    found += [each.costs for each in run.history]
    if run.cross_fitted is not None and run.best is not None:
        found += [run.cross_fitted.y_hat, run.best.watch.epoch, run.best.watch.cost]
    return [*found, *(each.validations for each in run.history if each.validations is not None)]


@pytest.fixture(params=KINDS)
def data(request: pytest.FixtureRequest, prepared: Callable[..., Prepared]) -> Prepared:
    options = KINDS[request.param]
    return prepared(SPEC, REAL if "rss" in request.param else CSV, *options)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_divided_training_comes_to_the_weights_of_one(data: Prepared, count: int) -> None:
    alone = ran(data)
    several = in_step(count, lambda division, _: ran(data, division))
    for run in several:
        assert len(run.history) == len(alone.history)
        assert run.over == alone.over
        for mine, its in zip(state(alone), state(run), strict=True):
            np.testing.assert_allclose(its, mine, rtol=1e-9, atol=1e-12)
    first, *others = [[part.tobytes() for part in state(run)] for run in several]
    assert all(other == first for other in others)


def test_the_same_division_comes_to_the_same_bytes(prepared: Callable[..., Prepared]) -> None:
    data = prepared(SPEC, CSV, "network.dtype=float32", "training.dropout=0.2", "data.validation=0.3")
    once, again = (in_step(3, lambda division, _: ran(data, division))[0] for _ in range(2))
    assert [part.tobytes() for part in state(once)] == [part.tobytes() for part in state(again)]


def test_a_step_takes_one_sum_and_an_epoch_one_more(prepared: Callable[..., Prepared]) -> None:
    data = prepared(SPEC, CSV)
    calls: list[int] = []

    def counted(division: Division, _: Any) -> None:
        def reduce(values: np.ndarray) -> None:
            calls.append(division.number)
            division.reduce(values)

        ran(data, division._replace(reduce=reduce))

    in_step(2, counted)
    steps = -(-data.sets["train"].n // 8)
    assert calls.count(0) == calls.count(1) == 4 * (steps + 1)


@pytest.mark.parametrize("kind", ["a rest", "folds", "lbfgs", "dropout of members"])
def test_a_stop_that_one_is_asked_for_ends_all_at_the_same_step(prepared: Callable[..., Prepared], kind: str) -> None:
    data = prepared(SPEC, CSV, *KINDS[kind])
    asked: list[list[Any]] = [[], [], []]

    def stopped(division: Division, agreed: list[Any]) -> Run:
        calls = 0

        def reduce(values: np.ndarray) -> None:
            nonlocal calls
            calls += 1
            if calls == 5 and division.number == 2:
                asked[2].append("stop")
            division.reduce(values)

        return ran(data, division._replace(reduce=reduce), agreed)

    several = in_step(3, stopped, asked)
    places = {(run.state.epochs, tuple(run.state.steps.tolist())) for run in several}
    assert len(places) == 1
    assert several[0].state.epochs < data.spec.training.epochs
    # One goes on with what is left, or two do, to where one would have come.
    alone, (one, *two) = ran(data), several
    in_step(2, lambda division, _: [*epochs(two[division.number], division=division)])
    for _ in epochs(one):
        pass
    for run in several:
        np.testing.assert_allclose(run.state.theta, alone.state.theta, rtol=1e-9, atol=1e-12)
        for mine, its in zip(alone.history, run.history, strict=True):
            np.testing.assert_allclose(its.costs, mine.costs, rtol=1e-9)


def test_checkpoint_and_model_say_by_how_many_they_were_made(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    data, path = prepared(SPEC, CSV), tmp_path / "run.checkpoint.npz"
    path.write_bytes(checkpoint.to_bytes(start(data), 1, ranks=3))
    assert checkpoint.read(path, data, 1, ranks=3)[1] == []
    changed = [str(problem) for problem in checkpoint.read(path, data, 1)[1]]
    assert changed == ["ranks was 3 and is 1; the model may differ in its last digits"]
    path.write_bytes(checkpoint.to_bytes(start(data), 1))
    changed = [str(problem) for problem in checkpoint.read(path, data, 1, ranks=2)[1]]
    assert changed == ["ranks was 1 and is 2; the model may differ in its last digits"]
    model = finished(ran(data), 1, ranks=2)
    assert model.record["ranks"] == 2
    (tmp_path / "two.npz").write_bytes(model.to_bytes())
    assert load(tmp_path / "two.npz").record["ranks"] == 2
    assert "ranks" not in finished(ran(data), 1).record


def test_all_see_the_divergence_that_comes_of_the_rows_of_one(prepared: Callable[..., Prepared]) -> None:
    csv = CSV.replace("\n0,0,1,a\n", "\n1e30,0,1,a\n", 1)
    options = ("training.optimizer={name: sgd, learning_rate: 1e300}", "network.layers.0.activation=linear")
    data = prepared(SPEC, csv, *options, "network.layers.1.activation=linear")
    said: list[str] = []

    def diverged(division: Division, _: Any) -> None:
        with pytest.raises(TrainingError) as caught:
            ran(data, division)
        said.append(str(caught.value))

    in_step(3, diverged)
    with pytest.raises(TrainingError) as caught:
        ran(data)
    assert said == [str(caught.value)] * 3


def test_no_rows_are_held_by_two_parts_and_none_by_nobody() -> None:
    for m, count in [(1, 4), (3, 4), (8, 4), (10, 3), (7, 7), (0, 2)]:
        taken = [row for k in range(count) for row in range(m)[Division(k, count).part(m)]]
        assert taken == list(range(m))
    assert Division(0, 4).rows(3) == (slice(0, 1), False)


def test_rows_held_out_have_the_costs_and_outputs_of_one_byte_for_byte(
    prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnfit.core import stopping

    monkeypatch.setattr(stopping, "CHUNK", 4)
    data = prepared(SPEC, CSV, "network.members=3", "training.resample=folds", "network.dtype=float32")
    run = start(data)
    assert run.held_out is not None
    alone = HeldOut(data.network, run.state.theta, run.held_out)
    costs = alone.costs()

    def looked(division: Division, _: Any) -> tuple[bytes, bytes]:
        assert run.held_out is not None
        part = HeldOut(data.network, run.state.theta, run.held_out, division=division)
        return part.costs().tobytes(), part.y_hat.tobytes()

    assert in_step(3, looked) == [(costs.tobytes(), alone.y_hat.tobytes())] * 3
