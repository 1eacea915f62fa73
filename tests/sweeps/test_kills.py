"""A sweep that is killed ten times, at any moment, comes to what an undisturbed one does, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from conftest import ROOT

from .conftest import BASE
from .test_sweep import told

KILLS = 10
PATIENCE = 60.0  # seconds in which a process does what it does in one
ORPHANS = 5.0  # seconds in which workers whose owner was killed are gone
TRIALS = 90
# Of each size some are trained in one array; the longest trainings take tenths of a second.
TEXT = """\
spec: base.yaml
parameters:
  network.layers.0.size: {min: 2, max: 31, step: 1, type: integer}
  training.optimizer.learning_rate: [0.001, 0.01, 0.1]
"""


class Kill(NamedTuple):
    """When a process is killed: after so many more lines than it found, and seconds; alone, or its whole group."""

    lines: int
    seconds: float
    group: bool


def kills(seed: int) -> Iterator[Kill]:
    """Ten of them; in every third the process or its workers are still starting."""
    rng = np.random.default_rng(seed)
    for k in range(KILLS):
        starting = k % 3 == 0
        yield Kill(0 if starting else int(rng.integers(1, 4)), rng.uniform(0, 0.7 if starting else 0.2), k % 2 == 0)


def lines(folder: Path) -> list[bytes]:
    """The whole lines of what is finished."""
    files = (folder / "trials").glob("*.jsonl")
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def of_session(session: int) -> list[int]:
    """The processes of a session that are alive, by their numbers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = stat.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue  # it has just ended
        if int(own) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def within(seconds: float, wanted: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not (true := wanted()) and time.monotonic() < end:
        time.sleep(0.01)
    return true


@pytest.fixture
def started(place: Path) -> Iterator[Callable[[Path], subprocess.Popen[bytes]]]:
    """Start `nnfit sweep` with two jobs, in a session of its own, nothing of which outlives the test."""
    (place / "base.yaml").write_text(BASE.replace("epochs: 2", "epochs: 1000"))
    (place / "sweep.yaml").write_text(TEXT)
    processes = []

    def started(folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nnfit", "sweep", "sweep.yaml", "-o", folder.name, "--jobs", "2"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=place, env=environment, stdout=-1, stderr=-1, start_new_session=True)
        processes.append(process)
        return process

    yield started
    for process in processes:
        for each in of_session(process.pid):
            os.kill(each, signal.SIGKILL)
        process.communicate()


@pytest.mark.process
@pytest.mark.slow
def test_ten_kills_at_any_moment_lose_and_double_nothing_and_leave_no_process_and_no_lock(
    place: Path, started: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    out, undisturbed = place / "out", place / "undisturbed"
    _, err = (process := started(undisturbed)).communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    added = []
    for kill in kills(0):
        before, process = len(lines(out)), started(out)
        assert within(PATIENCE, lambda n=before + kill.lines: len(lines(out)) >= n)  # type: ignore[misc]
        time.sleep(kill.seconds)
        (os.killpg if kill.group else os.kill)(process.pid, signal.SIGKILL)
        assert within(ORPHANS, lambda own=process.pid: not of_session(own)), "no worker is left"  # type: ignore[misc]
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err.decode()
        added.append(len(lines(out)) - before)
    assert 0 in added and sum(map(bool, added)) > 3, "some kills came before the first trial, some after"
    kept = len(lines(out))
    _, err = (process := started(out)).communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    assert f"{kept} of {TRIALS} trainings are finished already, {TRIALS - kept} to run".encode() in err
    ids = [json.loads(line)["id"] for line in lines(out)]
    assert len(ids) == len(set(ids)) == TRIALS, "none is trained twice"
    assert told(out) == told(undisturbed)
    assert (out / "best.yaml").read_bytes() == (undisturbed / "best.yaml").read_bytes()
    left, expected = (sorted(str(path.relative_to(each)) for path in each.rglob("*")) for each in (out, undisturbed))
    assert left == expected, "no file is left behind, and none is missing"
