"""Ctrl-C, a termination, --resume and training.checkpoint, as a user meets them."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nnfit

NNFIT = (sys.executable, "-m", "nnfit")
TRAIN = (*NNFIT, "train", "flowers.yaml", "-o", "out.npz", "--set", "training.epochs=3000")


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A training that has shown its first epoch."""
    process = subprocess.Popen([*TRAIN, *more], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_goes_on_to_the_same_bytes(flowers: Path, number: signal.Signals, code: int) -> None:
    (flowers / "out.npz").write_bytes(b"old")
    process = started(flowers)
    process.send_signal(number)
    begun = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == code
    command = "nnfit train flowers.yaml -o out.npz --set training.epochs=3000 --resume"
    assert err.splitlines()[-1].endswith(f" of 3000 epochs are done; go on with {command}")
    assert (flowers / "out.npz").read_bytes() == b"old"
    assert (flowers / "out.checkpoint.npz").exists()

    resumed = subprocess.run([*TRAIN, "--resume"], cwd=flowers, capture_output=True, text=True, check=True)
    assert "going on after epoch " in resumed.stderr
    assert not (flowers / "out.checkpoint.npz").exists()
    subprocess.run([*TRAIN[:6], "whole.npz", *TRAIN[7:]], cwd=flowers, capture_output=True, check=True)
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()


def test_a_stopped_run_of_folds_goes_on_to_the_same_bytes(flowers: Path) -> None:
    training = (
        "{epochs: 2000, resample: folds, schedule: cosine, dropout: 0.2, early_stopping: {patience: 2000}, "
        "label_smoothing: 0.1, calibration: temperature}"
    )
    more = ["--set", f"training={training}", "--set", "network.members=3", "--set", "data.validation=null"]
    command = [*TRAIN[:6], "out.npz", *more]
    process = subprocess.Popen(command, cwd=flowers, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    resumed = subprocess.run([*command, "--resume"], cwd=flowers, capture_output=True, text=True, check=True)
    assert "going on after epoch " in resumed.stderr
    subprocess.run([*TRAIN[:6], "whole.npz", *more], cwd=flowers, capture_output=True, check=True)
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()


def test_the_command_that_goes_on_is_the_one_that_was_stopped(flowers: Path) -> None:
    process = started(flowers, "--threads", "2", "--depfile", "out.d", "--json", "a report.json")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    advice = err.splitlines()[-1].partition("go on with nnfit ")[2]
    assert shlex.split(advice)[-1] == "--resume"
    resumed = subprocess.run([*NNFIT, *shlex.split(advice)], cwd=flowers, capture_output=True, text=True, check=True)
    assert "warning" not in resumed.stderr
    assert "going on after epoch " in resumed.stderr
    assert (flowers / "a report.json").exists()
    assert (flowers / "out.d").exists()
    assert nnfit.load(flowers / "out.npz").record["threads"] == 2


def test_a_second_ctrl_c_leaves_at_once(flowers: Path) -> None:
    process = started(flowers)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode in (130, -signal.SIGINT)


def test_checkpoints_are_kept_as_the_spec_says_and_removed_at_the_end(flowers: Path) -> None:
    where = "training.checkpoint={every: 1, path: kept.npz}"
    process = started(flowers, "--set", where)
    wait = time.monotonic() + 20
    while not (flowers / "kept.npz").exists() and time.monotonic() < wait:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert (flowers / "kept.npz").exists()
    assert not (flowers / "out.npz").exists()
    done = subprocess.run([*TRAIN, "--set", where, "--resume"], cwd=flowers, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "going on after epoch " in done.stderr
    assert not (flowers / "kept.npz").exists()


def test_without_a_checkpoint_it_starts_at_the_beginning_and_says_so(flowers: Path) -> None:
    command = [*NNFIT, "train", "flowers.yaml", "-o", "out.npz", "--resume"]
    done = subprocess.run(command, cwd=flowers, capture_output=True, text=True)
    assert done.returncode == 0
    assert "there is no checkpoint out.checkpoint.npz; starting at the beginning" in done.stderr


def test_a_file_that_is_no_checkpoint_is_neither_used_nor_removed(flowers: Path) -> None:
    (flowers / "out.checkpoint.npz").write_bytes(b"mine")
    command = [*NNFIT, "train", "flowers.yaml", "-o", "out.npz"]
    assert subprocess.run([*command, "--resume"], cwd=flowers, capture_output=True).returncode == 5
    assert subprocess.run(command, cwd=flowers, capture_output=True).returncode == 0
    assert (flowers / "out.checkpoint.npz").read_bytes() == b"mine"
