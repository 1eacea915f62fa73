"""Members on several processes: the bytes are those of one, a stop is one, and a worker that dies is an error."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.core.plan import Plan
from nnfit.core.training import begin
from nnfit.errors import TrainingError
from nnfit.fit import checkpoint, share
from nnfit.fit import run as pipeline
from nnfit.fit import train as training
from nnfit.workers import processes
from nnfit.workers.threads import working

pytestmark = pytest.mark.process

SPEC = """\
data: {train: data.csv, target: y}
network: {layers: [{size: 9, activation: mish}, {size: auto, activation: softmax}], members: 5}
training: {epochs: 5, batch_size: 8, optimizer: {name: adam, learning_rate: 0.02}}
"""
CSV = "x,z,y\n" + "".join(f"{i % 7},{i * i % 5},{'abc'[i * i % 11 % 3]}\n" for i in range(51))
KINDS = {
    "folds": (
        "training.resample=folds",
        "training.early_stopping={patience: 1}",
        "training.average=ema",
        "training.dropout=0.3",
        "training.schedule={name: plateau, patience: 1, gamma: 0.5, threshold: 0.5}",
    ),
    "expanded": (
        "training.resample=folds",
        "training.early_stopping={patience: 2}",
        "data.columns={x: {piecewise: 4, periodic: 2, amplitude: 0.5}, z: {piecewise: 3, degree: 2}}",
        "network.initialization={data_driven: true, bias: 0, output_gain: 0.1}",
    ),
    "bootstrap": ("training.resample=bootstrap", "training.average={name: swa, start: 0.4}", "training.clip_norm=0.5"),
    "validation": ("data.validation=0.2", "training.early_stopping={patience: 1, monitor: accuracy}"),
    "lbfgs": (
        "training.batch_size=full",
        "training.optimizer={name: lbfgs, tolerance: 0.02}",
        "training.l2=0.1",
        "training.epochs=60",
        "training.resample=folds",
    ),
}

Prepare = Callable[..., Any]


@pytest.fixture(autouse=True)
def every_training_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "seconds", lambda job, members: 100.0 * members)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[processes.Worker]]:
    """All that were started; none may be left behind."""
    made: list[processes.Worker] = []

    def started(*arguments: Any) -> list[processes.Worker]:
        made.extend(found := processes.started(*arguments))
        return found

    monkeypatch.setattr(share, "started", started)
    yield made
    assert all(worker.process.poll() is not None for worker in made)


def finished(run: pipeline.Run, count: int) -> bytes:
    with working(count):
        for _ in pipeline.epochs(run):
            pass
    return training.finished(run, 1).to_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_workers_gives_the_same_bytes_from_wherever_it_goes_on(
    prepared: Prepare, tmp_path: Path, workers: list[processes.Worker], kind: str
) -> None:
    ready = prepared(SPEC, CSV, *KINDS[kind])
    whole = finished(pipeline.start(ready), 1)
    assert not workers
    assert finished(pipeline.start(ready), 2) == whole
    assert len(workers) >= 1
    assert finished(pipeline.start(ready), 8) == whole
    path = tmp_path / "run.checkpoint.npz"
    for then, now in ((3, 1), (2, 3), (1, 2)):
        run, stop = pipeline.start(ready), []
        with working(then):
            for epoch in pipeline.epochs(run, stop):
                if epoch.number == 2:
                    break
            timer = threading.Timer(0.004, stop.append, ["now"])
            timer.start()
            for _ in pipeline.epochs(run, stop):
                pass
            timer.join()
        path.write_bytes(checkpoint.to_bytes(run, 1))
        resumed, changed = checkpoint.read(path, ready, 1)
        assert not changed
        assert finished(resumed, now) == whole


def test_members_that_were_stopped_at_different_steps_go_on_together(prepared: Prepare, tmp_path: Path) -> None:
    # As two workers leave them: each has its own place in the epoch.
    ready = prepared(SPEC, CSV, "training.dropout=0.2")
    whole = finished(pipeline.start(ready), 1)
    run = pipeline.start(ready)
    job = share.Job(ready.network, run.state, ready.sets["train"].examples, run.plan, (0, 1), (), None)

    class After(list[int]):
        looks = 3

        def __bool__(self) -> bool:
            self.looks -= 1
            return self.looks < 0

    job = job._replace(seeds=(ready.spec.seed, pipeline.Purpose.SHUFFLE))
    assert list(share.learn(job, slice(1, 3), After())) == []
    assert next(share.learn(job, slice(3, 4), ())).costs.shape == (1,)
    assert run.state.steps.tolist() == [0, 3, 3, 7, 0]
    path = tmp_path / "run.checkpoint.npz"
    path.write_bytes(checkpoint.to_bytes(run, 1))
    for count in (1, 3):
        assert finished(checkpoint.read(path, ready, 1)[0], count) == whole


def test_a_worker_that_dies_is_an_error_that_names_its_members(prepared: Prepare, workers: list[Any]) -> None:
    run = pipeline.start(prepared(SPEC, CSV))
    with working(3), pytest.raises(TrainingError) as caught:
        for _ in pipeline.epochs(run):
            os.kill(workers[1].process.pid, signal.SIGKILL)
    (problem,) = caught.value.problems
    assert problem.code == "worker-died"
    assert "members 4 to 5 has ended: killed by SIGKILL" in problem.message


def test_a_worker_that_dies_does_not_end_its_owner_by_a_broken_pipe(prepared: Prepare, workers: list[Any]) -> None:
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as the command has it
    try:
        with working(2), pytest.raises(TrainingError, match="killed by SIGKILL"):
            for _ in pipeline.epochs(pipeline.start(prepared(SPEC, CSV))):
                workers[0].process.kill()
                workers[0].process.wait()
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_termination_of_a_whole_group_is_left_to_the_owner(prepared: Prepare, workers: list[Any]) -> None:
    ready = prepared(SPEC, CSV)
    whole, run = finished(pipeline.start(ready), 1), pipeline.start(ready)
    with working(3):
        for _ in pipeline.epochs(run):
            for worker in workers:
                os.kill(worker.process.pid, signal.SIGTERM)
    assert training.finished(run, 1).to_bytes() == whole


def test_members_of_small_networks_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    network = builders.network(20, builders.group(16, "relu"), builders.group(1, "logistic"), loss="bce")
    large = builders.network(20, *[builders.group(128, "mish")] * 2, builders.group(1, "logistic"), loss="bce")
    data = builders.examples(np.random.default_rng(0), network, 20_000, dtype="float32")
    rule = builders.optimizer("adam")
    for each, m, epochs, found in (
        (network, 32, 1000, 1),
        (network, 512, 1000, 2),
        (large, 512, 60, 2),
        (large, 512, 1, 1),
    ):
        state = begin(builders.start(each, 8, "float32"), rule)
        job = share.Job(each, state, data, Plan(epochs, m, rule), (0,), (), None)
        assert len(share.shares(job, 2)) == found


def test_a_worker_that_cannot_start_is_an_error_too(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CODE", "raise SystemExit(3) # {path} {fd}")
    with working(2), pytest.raises(TrainingError, match="members 3 to 5 has ended: ended with 3"):
        list(pipeline.epochs(pipeline.start(prepared(SPEC, CSV))))


def test_a_worker_that_ends_before_it_has_its_work_is_one_too(
    prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(processes.Worker):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.process.wait()

    monkeypatch.setattr(processes, "CODE", "raise SystemExit(3) # {path} {fd}")
    monkeypatch.setattr(processes, "Worker", Late)
    with working(5), pytest.raises(TrainingError, match="member 2 has ended: ended with 3"):
        list(pipeline.epochs(pipeline.start(prepared(SPEC, CSV))))


def test_without_room_for_workers_the_error_says_what_would_do(
    prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(share, "started", started)
    with working(3), pytest.raises(TrainingError) as caught:
        list(pipeline.epochs(pipeline.start(prepared(SPEC, CSV))))
    (problem,) = caught.value.problems
    assert (problem.code, problem.remedy) == ("no-workers", "try again with --threads 1")
    assert problem.message == "no more processes or shared memory for 2 workers: Too many open files"


def test_a_worker_without_memory_says_so_to_its_owner() -> None:
    def reports() -> Iterator[share.Report]:
        yield share.Report(np.zeros(1), None)
        raise MemoryError

    each = reports()
    assert isinstance(share.told(each), share.Report)
    assert isinstance(share.told(each), MemoryError)
    assert share.told(each) is None


@pytest.mark.parametrize("kind", ["folds", "bootstrap"])
def test_workers_that_are_stopped_within_an_epoch_go_on_from_where_each_of_them_was(
    prepared: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(processes, "LOOK", 0.001)
    rows = "x,z,y\n" + "".join(f"{i % 71},{i * i % 53},{'abc'[i * i % 11 % 3]}\n" for i in range(12_000))
    ready = prepared(SPEC, rows, *KINDS[kind], "training.epochs=3")
    whole, path = finished(pipeline.start(ready), 2), tmp_path / "run.checkpoint.npz"
    within = []
    for delay in (0.02, 0.05, 0.1):
        run, stop = pipeline.start(ready), []
        with working(3):
            for _ in pipeline.epochs(run, stop):
                threading.Timer(delay, stop.append, ["now"]).start()
        within += [steps for steps in run.state.steps.tolist() if 0 < steps < run.steps]
        path.write_bytes(checkpoint.to_bytes(run, 1))
        assert finished(checkpoint.read(path, ready, 1)[0], 2) == whole
    assert len(set(within)) > 1, "no worker was within an epoch"


def test_divergence_in_a_worker_is_told_as_it_is_in_one_process(prepared: Prepare) -> None:
    told = []
    for count in (1, 2, 5):
        run = pipeline.start(prepared(SPEC, CSV, "training.optimizer={name: sgd, learning_rate: 1.0e+30}"))
        with working(count), pytest.raises(TrainingError) as caught:
            list(pipeline.epochs(run))
        told.append(caught.value.problems)
    assert told[0] == told[1] == told[2]


def test_whoever_gives_up_the_epochs_leaves_no_worker(prepared: Prepare, workers: list[Any]) -> None:
    with working(3):
        for _ in pipeline.epochs(pipeline.start(prepared(SPEC, CSV))):
            break
    assert len(workers) == 2  # and the fixture sees that they have ended


def test_a_worker_ends_when_its_owner_is_gone(prepared: Prepare, workers: list[Any]) -> None:
    with working(2):
        epochs = pipeline.epochs(pipeline.start(prepared(SPEC, CSV, "training.epochs=1000")))
        next(epochs)
        workers[0].line.end.close()  # what the system does when the owner is killed
        start = time.monotonic()
        assert workers[0].process.wait(10) == 0
        assert time.monotonic() - start < 5
        with pytest.raises(TrainingError):
            next(epochs)


def test_the_library_takes_one_worker_and_the_number_that_it_is_given() -> None:
    frame = pd.DataFrame({"x": np.arange(40) % 7, "y": np.arange(40) % 3 % 2})
    spec = {
        "data": {"train": "frame.csv", "target": "y"},
        "network": {
            "layers": [{"size": 4, "activation": "tanh"}, {"size": "auto", "activation": "logistic"}],
            "members": 3,
        },
        "loss": "bce",
        "training": {"epochs": 3},
    }
    found = {nnfit.train(spec, frame, threads=count).model.to_bytes() for count in (1, 2, 8)}
    assert len(found) == 1


def test_what_takes_no_time_is_not_spread(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(share, "started", lambda *_: pytest.fail("a worker was started"))
    with working(8):
        list(pipeline.epochs(pipeline.start(prepared(SPEC, CSV))))
