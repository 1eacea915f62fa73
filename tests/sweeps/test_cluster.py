"""A sweep on a Dask cluster: a real scheduler and two workers, one of them killed half-way, come to the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Ended

import nnfit
from nnfit.sweeps import records

from .conftest import BASE, SWEEP
from .test_sweep import told


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """The file of a scheduler, and two workers in a folder of their own."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    file, processes = folder / "s.json", []
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def started(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli." + words[0], "--scheduler-file", str(file), *words[1:]]
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes.append(subprocess.Popen(command, cwd=folder, env=environment, **streams))  # type: ignore[call-overload]
        return processes[-1]

    started("dask_scheduler", "--port", "0", "--no-dashboard")
    end = time.monotonic() + 30
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    workers = [started("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    yield file, workers
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.process
def test_a_cluster_one_of_whose_workers_is_killed_comes_to_the_same(
    place: Path, cluster: tuple[Path, list[subprocess.Popen[bytes]]]
) -> None:
    (place / "base.yaml").write_text(BASE.replace("epochs: 2", "epochs: 40"))
    (place / "sweep.yaml").write_text(SWEEP.replace("[2, 4]", "{min: 2, max: 16, step: 1, type: integer}"))
    expected = told(nnfit.sweep(place / "sweep.yaml", place / "one", jobs=1))
    file, workers = cluster
    command = [sys.executable, "-m", "nnfit", "sweep", "sweep.yaml", "-o", "two", "--dask", str(file)]
    process = subprocess.Popen(command, cwd=place, stdout=-1, stderr=-1, env=os.environ | {"PYTHONPATH": str(ROOT)})
    end = time.monotonic() + 60
    while len(finished(place)) < 5 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    workers[0].send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    assert b"30 trials: 30 done" in out
    assert told(place / "two") == expected
    assert len(finished(place)) == len(set(finished(place))) == 30


def finished(place: Path) -> list[bytes]:
    """The lines of what is finished."""
    file = place / "two" / records.FOLDER / records.WHOLE
    return file.read_bytes().splitlines() if file.exists() else []


def test_without_a_scheduler_or_the_extra_it_is_refused_in_a_line(
    run: Callable[..., Ended], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("sweep", place / "sweep.yaml", "--dask", "s.json", "--jobs", "2")
    assert done.code == 2
    assert "leave one of --jobs and --dask out" in done.err
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run("sweep", place / "sweep.yaml", "--dask", "s.json")
    assert done.code == 2
    assert "a Dask cluster needs distributed; pip install 'nnfit[dask]'" in done.err
