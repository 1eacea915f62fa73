"""A run that stops anywhere and goes on gives the same bytes as one that does not stop."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import GRADIENT_OPTIMIZERS

from nnfit.errors import ModelFileError
from nnfit.fit import checkpoint
from nnfit.fit import run as pipeline
from nnfit.fit import train as training
from nnfit.model.loading import load
from nnfit.model.model import Model
from nnfit.storage import npz

SPEC = """\
data: {train: data.csv, target: y, validation: 0.2}
network: {layers: [{size: 5, activation: tanh}, {size: auto, activation: linear}], members: 2}
training: {epochs: 4, batch_size: 8, optimizer: {name: adam, learning_rate: 0.02}}
"""
CSV = "x,z,y\n" + "".join(f"{i % 7},{i * i % 5},{i % 11}\n" for i in range(50))
STEPS = 4 * 5  # 40 training rows, 8 at a time

Prepare = Callable[..., Any]


class After(list[int]):
    """Something to stop for that is there after so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def __bool__(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def stopped(prepared: Any, steps: int) -> pipeline.Run:
    run = pipeline.start(prepared)
    for _ in pipeline.epochs(run, After(steps)):
        pass
    return run


def steps_of(run: pipeline.Run) -> int:
    """The steps that every member has done."""
    (steps,) = set(run.state.steps.tolist())
    return run.updates + steps


def finished(run: pipeline.Run) -> bytes:
    for _ in pipeline.epochs(run):
        pass
    return training.finished(run, 1).to_bytes()


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[pipeline.Run], Path]:
    def saved(run: pipeline.Run) -> Path:
        path = tmp_path / "run.checkpoint.npz"
        path.write_bytes(checkpoint.to_bytes(run, 1))
        return path

    return saved


@pytest.mark.parametrize("name", GRADIENT_OPTIMIZERS)
def test_from_every_step_the_same_bytes_come_out(prepared: Prepare, saved: Callable, name: str) -> None:
    overrides = [f"training.optimizer={name}"]
    if name == "sgd":
        overrides = ["training.optimizer={name: sgd, momentum: 0.9, nesterov: true}"]
    ready = prepared(SPEC, CSV, *overrides)
    whole = finished(pipeline.start(ready))
    for steps in range(STEPS + 1):
        run = stopped(ready, steps)
        assert steps_of(run) == steps
        resumed, changed = checkpoint.read(saved(run), ready, 1)
        assert not changed
        assert finished(resumed) == whole, f"stopped after {steps} steps"


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.batch_size=full",),
        ("training.batch_size=1", "training.epochs=2"),
        ("training.batch_size=7",),
        ("data.validation=null", "network.dtype=float64"),
        ("training.optimizer=sgd", "training.optimizer.learning_rate=0.01"),
    ],
)
def test_batches_validation_and_dtypes_make_no_difference(
    prepared: Prepare, saved: Callable, overrides: tuple[str, ...]
) -> None:
    if overrides[0] == "training.optimizer=sgd":
        overrides = ("training.optimizer={name: sgd, learning_rate: 0.01}",)
    ready = prepared(SPEC, CSV, *overrides)
    whole = finished(pipeline.start(ready))
    total = steps_of(stopped(ready, 10**9))
    for steps in range(0, total + 1, max(1, total // 12)):
        resumed, _ = checkpoint.read(saved(stopped(ready, steps)), ready, 1)
        assert finished(resumed) == whole, f"stopped after {steps} steps"


CLASSES = "x,z,y\n" + "".join(f"{i % 7},{i * i % 5},{'abc'[i * i % 11 % 3]}\n" for i in range(51))
OPTIONS = {
    "folds": (
        "training.resample=folds",
        "training.schedule=cosine",
        "training.dropout=0.3",
        "training.early_stopping={patience: 2, min_updates: 3}",
        "training.label_smoothing=0.1",
        "training.calibration=temperature",
        "training.average=ema",
    ),
    "expanded": (
        "training.resample=folds",
        "training.early_stopping={patience: 2}",
        "data.columns={x: {piecewise: 4, periodic: 2, amplitude: 0.5}, z: {piecewise: 3, degree: 2}}",
        "network.initialization={data_driven: true, bias: 0, output_gain: 0.1}",
    ),
    "monitor": (
        "training.resample=folds",
        "training.early_stopping={patience: 2, monitor: accuracy}",
        "training.average={name: swa, start: 0.4}",
    ),
    "bootstrap": (
        "training.resample=bootstrap",
        "training.schedule={name: plateau, patience: 1, gamma: 0.5, threshold: 0.5, warmup: 0.2}",
        "training.clip_norm=0.5",
        "training.clip_value=0.1",
        "training.l1=0.01",
        "training.l2=0.01",
        "network.dtype=float64",
    ),
    "validation": (
        "data.validation=0.2",
        "training.schedule={name: plateau, patience: 1, gamma: 0.5, threshold: 0.5}",
        "training.early_stopping={patience: 1}",
        "training.dropout=0.2",
        "training.calibration=temperature",
    ),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_whatever_the_options_from_every_step_the_same_bytes_come_out(
    prepared: Prepare, saved: Callable, kind: str
) -> None:
    layers = (
        "network.layers=[{size: 5, activation: tanh}, {size: 4, activation: relu}, {size: auto, activation: softmax}]"
    )
    ready = prepared(
        SPEC, CLASSES, "data.validation=null", layers, "network.members=3", "training.epochs=6", *OPTIONS[kind]
    )
    run = pipeline.start(ready)
    whole, total = finished(run), steps_of(run)
    assert total > 10
    for steps in range(total + 1):
        stopping = stopped(ready, steps)
        assert steps_of(stopping) == steps
        resumed, _ = checkpoint.read(saved(stopping), ready, 1)
        assert finished(resumed) == whole, f"stopped after {steps} steps"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_goes_on_from_every_epoch_and_from_between_any_two_members(
    prepared: Prepare, saved: Callable, dtype: str
) -> None:
    more = ("network.members=3", "training.resample=folds", "training.early_stopping={patience: 30}")
    lbfgs = "training={epochs: 12, batch_size: full, optimizer: {name: lbfgs, history: 4}}"
    ready = prepared(SPEC, CSV, "data.validation=null", lbfgs, *more, f"network.dtype={dtype}")
    whole = finished(pipeline.start(ready))
    seen, run = set(), pipeline.start(ready)
    for looks in count():
        if run.ended:
            break
        run = stopped(ready, looks)  # before each gradient that is taken
        if (run.state.epochs, *run.state.steps.tolist()) in seen:
            continue
        seen.add((run.state.epochs, *run.state.steps.tolist()))
        resumed, changed = checkpoint.read(saved(run), ready, 1)
        assert not changed
        assert finished(resumed) == whole, f"stopped after {looks} looks"
    assert seen == {(epoch, *steps) for epoch in range(12) for steps in ((0, 0, 0), (1, 0, 0), (1, 1, 0))} | {
        (12, 0, 0, 0)
    }


def test_lbfgs_goes_on_where_some_members_or_all_are_at_their_minimum(prepared: Prepare, saved: Callable) -> None:
    training = "training={epochs: 500, batch_size: full, optimizer: {name: lbfgs, tolerance: 1.0e-5}, l2: 0.1}"
    more = ("network.members=3", "training.resample=bootstrap", "network.dtype=float64", "data.validation=null")
    ready = prepared(SPEC, CSV, training, *more)
    run = pipeline.start(ready)
    whole = finished(run)
    ended = run.state.epochs
    costs = np.array([epoch.costs for epoch in run.history])
    still = [int(np.flatnonzero(costs[:, k] != costs[-1, k]).max()) + 2 for k in range(3)]
    assert min(still) < max(still) == ended < 500, "one member stays as it is while others go on, and then all end"
    assert json.loads(archive_metadata(whole))["history"]["cost"] == costs.mean(axis=1).tolist()
    for epoch in (*range(min(still) - 1, ended), ended):
        run = pipeline.start(ready)
        for progress in pipeline.epochs(run, stop := []):
            if progress.number >= epoch:
                stop.append(2)
        resumed, _ = checkpoint.read(saved(run), ready, 1)
        assert resumed.state.epochs == epoch
        assert finished(resumed) == whole, f"stopped after {epoch} epochs"
        assert resumed.state.epochs == ended


def archive_metadata(model: bytes) -> bytes:
    """The JSON of a model file."""
    with np.load(io.BytesIO(model), allow_pickle=False) as arrays:
        return bytes(arrays["metadata"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("plateau", None, "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.0, 0.0]], "plateau is not"),
        ("plateau", [1.0, 0.0, 1.0], "plateau is not"),
        ("plateau", [[1.0], [0.0], [1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0, 0.0], [1.0, 1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.0, -3.0], [1.0, 1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [1e300, 0.0], [1.0, 1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.5, 0.0], [1.0, 1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.0, 0.0], [1.0, -1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.0, 0.0], [1e300, 1.0]], "plateau is not"),
        ("plateau", [[1.0, 1.0], [0.0, 0.0], [1.0, "fast"]], "plateau is not"),
        ("best_cost", np.zeros(3), "best_cost is not"),
        ("best_epoch", np.array([1, 9]), "best_epoch"),
        ("best_epoch", np.array([1, -1]), "best_epoch"),
        ("best_lowered", np.array([1, 2]), "best_lowered"),
        ("best_lowered", np.array([-1, 1]), "best_lowered"),
        ("best_stopped", np.array([2, 0], np.uint8), "best_stopped"),
        ("best_theta", np.zeros((2, 3), np.float32), "best_theta is not"),
        ("cross_fitted_y_hat", np.zeros((2, 1, 3), np.float32), "cross_fitted_y_hat is not"),
        ("cross_fitted_cost", np.zeros(9), "cross_fitted_cost is not"),
        ("cross_fitted_epoch", np.full(5, 9), "cross_fitted_epoch or"),
        ("cross_fitted_epoch", np.full(5, -1), "cross_fitted_epoch or"),
        ("cross_fitted_lowered", np.full(5, 3), "cross_fitted_lowered is no epoch"),
        ("cross_fitted_stopped", np.full(5, 3, np.uint8), "cross_fitted_stopped is neither"),
    ],
)
def test_a_damaged_plateau_or_best_is_refused(
    prepared: Prepare, tmp_path: Path, key: str, value: Any, message: str
) -> None:
    ready = prepared(SPEC, CSV, "training.early_stopping={patience: 2}", "training.schedule=plateau")
    path = damaged(checkpoint.to_bytes(stopped(ready, 7), 1), tmp_path / "run.npz", key, value)
    with pytest.raises(ModelFileError) as caught:
        checkpoint.read(path, ready, 1)
    assert message in str(caught.value)


@pytest.mark.parametrize("option", ["training.early_stopping={patience: 2}", "training.average=ema"])
def test_the_best_and_the_average_are_there_where_the_spec_has_them_and_only_then(
    prepared: Prepare, tmp_path: Path, option: str
) -> None:
    plain, stopping = (prepared(SPEC, CSV, *more) for more in ((), (option,)))
    for ours, other in ((plain, stopping), (stopping, plain)):
        path, donor = tmp_path / "run.npz", tmp_path / "donor.npz"
        for place, ready in ((path, ours), (donor, other)):
            place.write_bytes(checkpoint.to_bytes(stopped(ready, 7), 1))
        mine, theirs = (dict(npz.read(place, checkpoint.FORMS)) for place in (path, donor))
        path.write_bytes(npz.pack(theirs | {"metadata": mine["metadata"]}))
        with pytest.raises(ModelFileError, match="damaged: "):
            checkpoint.read(path, ours, 1)


def test_a_run_may_be_stopped_again_and_again(prepared: Prepare, saved: Callable) -> None:
    ready = prepared(SPEC, CSV)
    run = pipeline.start(ready)
    for _ in range(STEPS):
        for _ in pipeline.epochs(run, After(1)):
            pass
        run, _ = checkpoint.read(saved(run), ready, 1)
    assert finished(run) == finished(pipeline.start(ready))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.optimizer.learning_rate=0.03", "training.optimizer.learning_rate was 0.02 and is 0.03"),
        ("seed=1", "seed was 0 and is 1"),
        ("network.layers=[{size: 4, activation: tanh}, {size: auto, activation: linear}]", "network.layers was"),
        ("training.epochs=5", "training.epochs was 4 and is 5"),
    ],
)
def test_a_checkpoint_of_another_spec_is_refused_and_says_what_differs(
    prepared: Prepare, saved: Callable, override: str, message: str
) -> None:
    path = saved(stopped(prepared(SPEC, CSV), 7))
    with pytest.raises(ModelFileError, match="was made from another spec or other data: ") as caught:
        checkpoint.read(path, prepared(SPEC, CSV, override), 1)
    assert message in str(caught.value)


def test_a_checkpoint_of_other_data_is_refused(prepared: Prepare, saved: Callable) -> None:
    path = saved(stopped(prepared(SPEC, CSV), 7))
    with pytest.raises(ModelFileError, match="the train file has other contents"):
        checkpoint.read(path, other := prepared(SPEC, CSV.replace("6,1,", "6,2,")), 1)
    with pytest.raises(ModelFileError, match=r"the files that data\.train matches are others, or have other contents"):
        checkpoint.read(path, other._replace(matched={"train": ["0.csv", "1.csv"]}), 1)


def test_where_the_files_go_does_not_matter(prepared: Prepare, saved: Callable) -> None:
    path = saved(stopped(prepared(SPEC, CSV), 7))
    other = prepared(SPEC, CSV, "output=elsewhere.npz", "training.checkpoint={every: 3}")
    run, _ = checkpoint.read(path, other, 1)
    assert steps_of(run) == 7


def test_another_number_of_threads_for_matrix_products_is_told(prepared: Prepare, saved: Callable) -> None:
    ready = prepared(SPEC, CSV)
    (warning,) = checkpoint.read(saved(stopped(ready, 7)), ready, 2)[1]
    assert str(warning) == "blas_threads was 1 and is 2; the model may differ in its last digits"
    assert warning.code == "other-environment"


def damaged(data: bytes, path: Path, key: str, value: Any) -> Path:
    """The checkpoint with another value in its metadata, or another array."""
    path.write_bytes(data)
    arrays = dict(npz.read(path, checkpoint.FORMS))
    if key in arrays:
        arrays[key] = value
    else:
        metadata = json.loads(arrays["metadata"].tobytes())
        metadata[key] = value
        arrays["metadata"] = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    path.write_bytes(npz.pack(arrays))
    return path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epochs", -1, "epochs is -1"),
        ("epochs", "1", "epochs is '1'"),
        ("epochs", True, "epochs is True"),
        ("steps", np.array([0, 6]), "members have done 0 to 6 of 5 steps"),
        ("steps", np.array([-1, 2]), "members have done -1 to 2 of 5 steps"),
        ("steps", np.array([5, 5]), "members have done 5 to 5 of 5 steps"),
        ("steps", np.array([1]), "steps is not that of this network"),
        ("checkpoint", 1, "not a checkpoint of format 2"),
        ("theta", np.zeros((2, 3), np.float32), "theta is not that of this network"),
        ("theta", np.zeros((2, 21)), "theta is not that of this network"),
        ("slots", np.zeros((1, 2, 21), np.float32), "slots is not that of this network"),
        ("history_cost", np.zeros((0, 2)), "a history of 0 epochs"),
        ("history_validation", np.zeros((0, 2)), "a history of 1 epochs"),
        ("history_cost", np.zeros((1, 1)), "history_cost"),
    ],
)
def test_a_damaged_checkpoint_is_refused(prepared: Prepare, tmp_path: Path, key: str, value: Any, message: str) -> None:
    ready = prepared(SPEC, CSV)
    path = damaged(checkpoint.to_bytes(stopped(ready, 7), 1), tmp_path / "run.npz", key, value)
    with pytest.raises(ModelFileError) as caught:
        checkpoint.read(path, ready, 1)
    assert message in str(caught.value)


def test_a_model_and_a_checkpoint_in_each_others_place_are_told_as_what_they_are(
    prepared: Prepare, train: Callable[[Any], Model], tmp_path: Path
) -> None:
    ready = prepared(SPEC, CSV)
    (tmp_path / "run.npz").write_bytes(checkpoint.to_bytes(stopped(ready, 7), 1))
    (tmp_path / "model.npz").write_bytes(train(ready).to_bytes())
    with pytest.raises(ModelFileError, match=r"run.npz: is a checkpoint, .* go on with nnfit train --resume"):
        load(tmp_path / "run.npz")
    with pytest.raises(ModelFileError, match=r"model.npz: is a model, whose training is over, and no checkpoint"):
        checkpoint.read(tmp_path / "model.npz", ready, 1)
    (tmp_path / "none.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelFileError, match=r"none.npz: not a model that nnfit wrote"):
        checkpoint.read(tmp_path / "none.npz", ready, 1)


def test_a_model_is_no_checkpoint(prepared: Prepare, tmp_path: Path) -> None:
    ready = prepared(SPEC, CSV)
    path = tmp_path / "model.npz"
    path.write_bytes(finished(pipeline.start(ready)))
    assert not checkpoint.is_one(path)
    with pytest.raises(ModelFileError):
        checkpoint.read(path, ready, 1)


def test_outputs_that_overflow_are_kept_and_gone_on_from(prepared: Prepare, saved: Callable) -> None:
    ready = prepared(SPEC, CSV, "training.early_stopping={patience: 9}")
    run = stopped(ready, 7)
    assert run.cross_fitted is not None
    run.cross_fitted.y_hat[:, :, :2] = np.inf
    resumed, _ = checkpoint.read(saved(run), ready, 1)
    assert resumed.cross_fitted is not None
    np.testing.assert_array_equal(resumed.cross_fitted.y_hat, run.cross_fitted.y_hat)
