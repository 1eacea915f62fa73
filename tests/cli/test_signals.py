"""A command that is stopped leaves its outputs as they were, and its exit code says what stopped it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ended

from nnfit.cli import signals
from nnfit.fit import train as fitting
from nnfit.model.loading import load
from nnfit.storage import files

pytestmark = pytest.mark.process


def test_a_signal_is_not_lost_where_python_drops_exceptions(flowers: Path) -> None:
    # Modules being loaded have such callbacks, so this is Ctrl-C in the first second of a command.
    code = """\
import os, signal, sys, weakref
sys.argv = ["nnfit", "train", "flowers.yaml", "--set", "training.epochs=10000", "--quiet"]
from nnfit.fit import run as pipeline
from nnfit.cli.main import main

class Thing:
    pass

def initial(*arguments, original=pipeline.initial):
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    del thing
    return original(*arguments)

pipeline.initial = initial
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=flowers, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 130
    assert not (flowers / "flowers.npz").exists()


def test_a_reader_that_goes_away_is_no_error(flower_model: Path) -> None:
    row = "1,2,red\n"
    (flower_model.parent / "long.csv").write_text("id,length,colour\n" + row * 20_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "nnfit", "predict", "flowers.npz", "long.csv", "--proba"],
        cwd=flower_model.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("prediction,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=30) in (0, -signal.SIGPIPE)


def test_a_signal_while_outputs_take_their_places_says_that_they_did(
    flowers: Path, run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(step: str) -> None:
        if step == "replace":
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(files, "fault", fault)
    monkeypatch.setattr(signals, "pending", [])
    model, report = flowers / "out.npz", flowers / "report.json"
    ended = run("train", flowers / "flowers.yaml", "-o", model, "--json", report, "--quiet")
    assert ended.code == 143
    assert ended.err.splitlines()[-1] == f"nnfit: terminated; {report}, {model} written before"
    assert load(model).target.classes
    assert json.loads(report.read_text())["model"] == str(model)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "command", [("predict", "flowers.npz", "-"), ("evaluate", "flowers.npz", "-"), ("train", "-", "-o", "m.npz")]
)
def test_a_command_that_waits_for_its_input_hears_a_signal(
    flower_model: Path, command: tuple[str, ...], number: signal.Signals
) -> None:
    # It waits once it reads: the pipe is then no longer full.
    code = """\
import sys
from nnfit.data import reader, source
from nnfit.config import loader
print("ready", file=sys.stderr, flush=True)
from nnfit.cli.main import main
main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command],
        cwd=flower_model.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.stdin.write("# a line that does not end it\n")
    process.stdin.flush()
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in err


def test_a_signal_that_a_library_swallows_ends_the_command_all_the_same(flowers: Path) -> None:
    code = """\
import os, signal, sys
sys.argv = ["nnfit", "train", "flowers.yaml", "--set", "training.epochs=100000", "--quiet"]
from nnfit.fit import train as fitting
from nnfit.cli.main import main

def prepare(*arguments, original=fitting.prepare):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        pass
    while True:
        original(*arguments)

fitting.prepare = prepare
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=flowers, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (143, "\nnnfit: terminated; output files are as they were\n")


CONVERGES = "training={epochs: 500, batch_size: full, optimizer: {name: lbfgs, tolerance: 0.01}, l2: 0.1}"


@pytest.mark.parametrize(
    ("number", "more"), [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGINT, ("--set", CONVERGES))]
)
def test_a_signal_after_the_last_epoch_is_answered_at_once_and_the_network_kept(
    flowers: Path,
    run: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    more: tuple[str, ...],
) -> None:
    assert run("train", flowers / "flowers.yaml", "-o", flowers / "whole.npz", *more).code == 0
    monkeypatch.setattr(signals, "pending", [])
    took: list[float] = []

    def score(trained: object) -> None:
        took.append(time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        while time.monotonic() < took[0] + 20:  # as a metric of very many rows, block by block
            time.sleep(0.01)

    command = ("train", flowers / "flowers.yaml", "-o", flowers / "out.npz", *more)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "score", score)
        ended = run(*command)
    assert time.monotonic() - took[0] < 5
    assert ended.code == 128 + number
    assert "the trained network is kept in " in ended.err
    monkeypatch.setattr(signals, "pending", [])
    assert run(*command, "--resume").code == 0
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()


@pytest.mark.slow
def test_signals_at_random_moments_are_answered_and_trainings_go_on_from_them() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "signals.py"
    ended = subprocess.run(
        [sys.executable, script, "--rows", "4000", "--signals", "20"], capture_output=True, text=True, timeout=300
    )
    last = ended.stdout.splitlines()[-1]
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert last.startswith("20 signals, the slowest answer ") and float(last.split()[5]) < 2, last
