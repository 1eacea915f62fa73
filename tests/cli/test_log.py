"""nnfit train --log: what a person would have seen, in a file, whatever ends the training."""

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

import numpy as np
import pytest

import nnfit
from nnfit.cli import log, signals
from nnfit.fit import train

Run = Callable[..., Any]

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"
BEGUN = rf"nnfit {re.escape(nnfit.__version__)}, {TIME}: nnfit train "


@pytest.fixture(autouse=True)
def here(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flowers)


def lines_of(path: str) -> list[str]:
    """The lines of a log; its first and last are as they must be, and it has nothing that only a terminal shows."""
    text = Path(path).read_text("utf-8")
    assert re.match(BEGUN, text)
    assert re.search(rf"\n{TIME}: ended with exit code \d+\n$", text)
    assert "\x1b" not in text
    assert "\r" not in text
    return text.splitlines()


def test_it_holds_all_that_was_shown(run: Run) -> None:
    ended = run("train", "flowers.yaml", "--log", "l.log", "--set", "training.batch_size=99")
    assert ended.code == 0
    lines = lines_of("l.log")
    assert lines[0].endswith(": nnfit train flowers.yaml --log l.log --set training.batch_size=99")
    shown = (ended.out + ended.err).splitlines()
    assert sorted(line.rstrip() for line in lines[1:-1]) == sorted(line.rstrip() for line in shown)
    assert lines[-1].endswith("ended with exit code 0")
    for text in (
        "warning: ",
        "Network: L = 2",
        "epoch  1/30  cost ",
        "epoch 30/30",
        "accuracy",
        "setosa",
        "model written to",
    ):
        assert any(text in line for line in lines), text


def test_quietly_it_holds_the_same(run: Run) -> None:
    run("train", "flowers.yaml", "--log", "loud.log")
    assert run("train", "flowers.yaml", "--log", "quiet.log", "--quiet") == (0, "", "")
    loud, quiet = (re.sub(r"in [\d.]+ s", "", "\n".join(lines_of(name)[1:-1])) for name in ("loud.log", "quiet.log"))
    assert loud == quiet


def test_it_changes_no_byte_of_the_model(run: Run, flowers: Path) -> None:
    run("train", "flowers.yaml", "-o", "a.npz", "--quiet")
    run("train", "flowers.yaml", "-o", "b.npz", "--log", "l.log")
    assert (flowers / "a.npz").read_bytes() == (flowers / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--set", "training.epoch=1"), 3, 'training.epoch: there is no such key; did you mean "epochs"?'),
        (("--set", "data.train=none.csv"), 4, "none.csv: cannot be read: No such file or directory"),
        (("--set", "training.optimizer={name: sgd, learning_rate: 1e38}"), 6, "training diverged in epoch "),
        (("-o", "none/out.npz"), 7, "none/out.npz: cannot be written: there is no folder "),
        (("-o", "iris.foo"), 2, "a model is a NumPy .npz file"),
        (("--json", "/dev/full"), 7, "/dev/full: cannot be written: No space left on device"),
    ],
)
def test_an_error_stands_in_it(run: Run, words: tuple[str, ...], code: int, message: str) -> None:
    Path("l.log").write_text("nnfit 0.0.1, of a run before\n")
    ended = run("train", "flowers.yaml", "--log", "l.log", "--quiet", *words)
    assert ended.code == code
    assert message in ended.err.splitlines()[-1]
    lines = lines_of("l.log")
    assert lines[-2] == ended.err.splitlines()[-1]
    assert lines[-1].endswith(f"ended with exit code {code}")
    assert "of a run before" not in "".join(lines)


def test_a_spec_that_cannot_be_read_never_costs_the_data(run: Run) -> None:
    before = Path("flowers.csv").read_bytes()
    for words in ((), ("--set", "training.epoch=1")):
        assert run("train", "flowers.yaml", "--log", "flowers.csv", *words).code in (3, 7)
        assert run("train", "flowers.yaml", "--log", "flowers.yaml", *words).code in (3, 7)
        assert Path("flowers.csv").read_bytes() == before


def test_a_bug_stands_in_it_with_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "score", None)
    with pytest.raises(TypeError):
        run("train", "flowers.yaml", "--log", "l.log", "--quiet")
    lines = lines_of("l.log")
    assert "Traceback (most recent call last):" in lines
    assert lines[-1].endswith("ended with exit code 1")


@pytest.mark.process
def test_an_interrupt_stands_in_it_and_the_run_that_goes_on_appends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "pending", [])
    words = ("train", "flowers.yaml", "-o", "out.npz", "--log", "l.log", "--set", "training.epochs=40")
    real = train.epochs

    def interrupted(*arguments: Any, **more: Any) -> Any:
        for epoch in real(*arguments, **more):
            if epoch.number == 20:
                signal.raise_signal(signal.SIGINT)
            yield epoch

    with monkeypatch.context() as patch:
        patch.setattr(train, "epochs", interrupted)
        ended = run(*words)
    assert ended.code == 130
    last = ended.err.splitlines()[-1]
    again = last.partition("go on with nnfit ")[2]
    assert shlex.split(again) == [*words, "--resume"]
    first = lines_of("l.log")
    assert first[-2] == last
    monkeypatch.setattr(signals, "pending", [])
    assert run(*shlex.split(again)).code == 0
    both = lines_of("l.log")
    assert both[: len(first)] == first
    assert any("going on after epoch " in line for line in both[len(first) :])
    assert run(*shlex.split(again)).code == 0  # nothing to go on from: a log of its own
    assert lines_of("l.log")[0] != first[0] or len(lines_of("l.log")) < len(both)


@pytest.mark.process
def test_a_run_that_is_killed_leaves_its_lines() -> None:
    command = ("train", "flowers.yaml", "--log", "l.log", "--quiet", "--set", "training.epochs=100000000")
    process = subprocess.Popen([sys.executable, "-m", "nnfit", *command])
    for _ in range(3000):
        if Path("l.log").exists() and " cost " in Path("l.log").read_text():
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    text = Path("l.log").read_text()
    assert re.match(BEGUN, text)
    assert "epoch         1/100000000  cost " in text


def test_a_log_that_can_take_no_more_is_told_and_the_model_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*arguments: Any, real: Any = train.begin, **more: Any) -> Any:
        full = os.open("/dev/full", os.O_WRONLY)
        assert log.current.file is not None
        os.dup2(full, log.current.file.fileno())
        os.close(full)
        return real(*arguments, **more)

    monkeypatch.setattr(train, "begin", begin)
    ended = run("train", "flowers.yaml", "-o", "out.npz", "--log", "l.log", "--quiet")
    assert ended == (0, "", "warning: l.log: the log ends here: No space left on device\n")
    assert np.isfinite(nnfit.load("out.npz").theta).all()


@pytest.mark.process
def test_a_full_standard_error_is_an_output_that_cannot_be_written_and_no_bug() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "nnfit", "train", "flowers.yaml", "-o", "out.npz"]
        assert subprocess.run(command, stdout=subprocess.DEVNULL, stderr=full, timeout=60).returncode == 7
