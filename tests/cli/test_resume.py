"""Ctrl-C, a termination, --resume and training.checkpoint, as a user meets them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FLOWERS, Ended, flowers_csv

import nnfit
from nnfit.cli import signals
from nnfit.config.loader import load_spec
from nnfit.fit import baseline
from nnfit.fit.prepare import prepare

Run = Callable[..., Ended]

EPOCHS = "training.epochs=3000"  # so many that none is done before it is stopped
TRAIN = ("train", "flowers.yaml", "-o", "out.npz", "--set", EPOCHS)


@pytest.fixture(autouse=True)
def here(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands are called in the folder of the flowers."""
    monkeypatch.chdir(flowers)


@pytest.fixture(scope="module")
def whole(train: Callable, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a run that was not stopped."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "flowers.yaml").write_text(FLOWERS)
    (folder / "flowers.csv").write_text(flowers_csv())
    return train(prepare(load_spec(folder / "flowers.yaml", [EPOCHS]))).to_bytes()


def started(*command: str) -> subprocess.Popen[str]:
    """A training in a process of its own that has shown its first epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nnfit", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    return process


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    flowers: Path, run: Run, whole: bytes, number: signal.Signals, code: int
) -> None:
    (flowers / "out.npz").write_bytes(b"old")
    process = started(*TRAIN)
    process.send_signal(number)
    begun = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == code
    command = "nnfit train flowers.yaml -o out.npz --set training.epochs=3000 --resume"
    assert err.splitlines()[-1].endswith(f" of 3000 epochs are done; go on with {command}")
    assert (flowers / "out.npz").read_bytes() == b"old"
    assert (flowers / "out.checkpoint.npz").exists()

    resumed = run(*TRAIN, "--resume")
    assert resumed.code == 0
    assert "going on after epoch " in resumed.err
    assert not (flowers / "out.checkpoint.npz").exists()
    assert (flowers / "out.npz").read_bytes() == whole


EXPANDED = [
    *("--set", "data.columns={length: {piecewise: 5, periodic: 2, amplitude: 0.5}}"),
    *("--set", "network.initialization={data_driven: true, bias: 0, output_gain: 0.1}"),
]


@pytest.mark.process
@pytest.mark.parametrize("columns", [[], EXPANDED])
def test_a_stopped_run_of_folds_goes_on_to_the_same_bytes(flowers: Path, run: Run, columns: list[str]) -> None:
    training = (
        "{epochs: 2000, resample: folds, schedule: cosine, dropout: 0.2, early_stopping: {patience: 2000}, "
        "label_smoothing: 0.1, calibration: temperature}"
    )
    more = ["--set", f"training={training}", "--set", "network.members=3", "--set", "data.validation=null", *columns]
    command = ["train", "flowers.yaml", "-o", "out.npz", *more]
    process = started(*command)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    resumed = run(*command, "--resume")
    assert resumed.code == 0
    assert "going on after epoch " in resumed.err
    assert run("train", "flowers.yaml", "-o", "whole.npz", *more).code == 0
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()


@pytest.mark.process
def test_the_command_that_goes_on_is_the_one_that_was_stopped(flowers: Path, run: Run) -> None:
    process = started(
        *TRAIN, "--threads", "2", "--blas-threads", "2", "--depfile", "out.d", "--json", "a report.json", "--no-cache"
    )
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    advice = err.splitlines()[-1].partition("go on with nnfit ")[2]
    assert shlex.split(advice)[-1] == "--resume"
    assert "--threads" not in shlex.split(advice)
    assert "--no-cache" in shlex.split(advice)
    resumed = run(*shlex.split(advice))
    assert resumed.code == 0
    assert "warning" not in resumed.err
    assert "going on after epoch " in resumed.err
    assert (flowers / "a report.json").exists()
    assert (flowers / "out.d").exists()
    assert nnfit.load(flowers / "out.npz").record["blas_threads"] == 2


@pytest.mark.process
def test_a_second_ctrl_c_leaves_at_once() -> None:
    process = started(*TRAIN)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode in (130, -signal.SIGINT)


@pytest.mark.process
def test_checkpoints_are_kept_as_the_spec_says_and_removed_at_the_end(flowers: Path, run: Run) -> None:
    command = [*TRAIN, "--set", "training.checkpoint={every: 100, path: kept.npz}"]
    process = started(*command)
    wait = time.monotonic() + 20
    while not (flowers / "kept.npz").exists() and time.monotonic() < wait:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert (flowers / "kept.npz").exists()
    assert not (flowers / "out.npz").exists()
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert re.search(r"going on after epoch \d+00 from kept\.npz\n", done.err)
    assert not (flowers / "kept.npz").exists()


def test_without_a_checkpoint_it_starts_at_the_beginning_and_says_so(run: Run) -> None:
    done = run("train", "flowers.yaml", "-o", "out.npz", "--resume")
    assert done.code == 0
    assert "there is no checkpoint out.checkpoint.npz; starting at the beginning" in done.err


def test_a_file_that_is_no_checkpoint_is_neither_used_nor_removed(flowers: Path, run: Run) -> None:
    (flowers / "out.checkpoint.npz").write_bytes(b"mine")
    command = ["train", "flowers.yaml", "-o", "out.npz"]
    assert run(*command, "--resume").code == 5
    assert run(*command).code == 0
    assert (flowers / "out.checkpoint.npz").read_bytes() == b"mine"


@pytest.mark.process
def test_a_stop_while_the_linear_model_is_trained_keeps_the_network_for_resume(
    flowers: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = (
        "{epochs: 40, batch_size: 8, resample: folds, early_stopping: {patience: 3}, schedule: cosine, l2: 0.001, "
        "dropout: 0.1, optimizer: {name: adam, learning_rate: 0.02}}"
    )
    command = ("train", "flowers.yaml", "--set", f"training={training}", "--set", "network.members=4", "-o")
    assert run(*command, "whole.npz").code == 0
    real = baseline.linear

    def interrupted(prepared: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(prepared)

    with monkeypatch.context() as patch:
        patch.setattr(baseline, "linear", interrupted)
        patch.setattr(signals, "pending", [])
        assert run(*command, "out.npz").code == 143
        assert not (flowers / "out.npz").exists()
    monkeypatch.setattr(signals, "pending", [])
    assert run(*command, "out.npz", "--resume").code == 0
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()
