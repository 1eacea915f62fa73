"""A command that is stopped leaves its outputs as they were, and its exit code says what stopped it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_training_that_is_stopped_leaves_the_old_model(
    flowers: Path, number: signal.Signals, code: int, word: str
) -> None:
    (flowers / "out.npz").write_bytes(b"old")
    (flowers / "report.json").write_bytes(b"old")
    before = sorted(flowers.iterdir())
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "nnfit", "train", "flowers.yaml", "-o", "out.npz", "--json", "report.json"),
            *("--set", "training.epochs=1000000"),
        ],
        cwd=flowers,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.splitlines()[-1] == f"nnfit: {word}; output files are as they were"
    assert "Traceback" not in err
    assert (flowers / "out.npz").read_bytes() == b"old"
    assert (flowers / "report.json").read_bytes() == b"old"
    assert sorted(flowers.iterdir()) == before


def test_a_signal_is_not_lost_where_python_drops_exceptions(flowers: Path) -> None:
    # Modules being loaded have such callbacks, so this is Ctrl-C in the first second of a command.
    code = """\
import os, signal, sys, weakref
sys.argv = ["nnfit", "train", "flowers.yaml", "--set", "training.epochs=10000", "--quiet"]
from nnfit import pipeline
from nnfit.cli.main import main

class Thing:
    pass

def initial(prepared, original=pipeline.initial):
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    del thing
    return original(prepared)

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
