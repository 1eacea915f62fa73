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
from nnfit.sweeps.cluster import Cluster, connected

from .conftest import BASE, SWEEP
from .test_sweep import told


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """The file of a scheduler, and it with two workers in a folder of their own."""
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
    for _ in range(2):
        started("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    yield file, processes
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
    file, (_, worker, _) = cluster
    process = begun(place, file)
    worker.send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    assert b"30 trials: 30 done" in out
    assert told(place / "two") == expected
    assert len(finished(place)) == len(set(finished(place))) == 30


@pytest.mark.process
def test_a_scheduler_that_is_killed_ends_the_sweep_which_keeps_what_is_finished(
    place: Path, cluster: tuple[Path, list[subprocess.Popen[bytes]]]
) -> None:
    (place / "base.yaml").write_text(BASE.replace("epochs: 2", "epochs: 400"))
    (place / "sweep.yaml").write_text(SWEEP.replace("[2, 4]", "{min: 2, max: 60, step: 1, type: integer}"))
    file, (scheduler, *_) = cluster
    process = begun(place, file)
    scheduler.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 7, err.decode()
    assert err.decode().splitlines()[-1].startswith(f"nnfit: --dask {file}: the scheduler is gone, and with it ")
    assert not any(word in err for word in (b"Traceback", b"CancelledError", b"distributed.", b"Exception ignored"))
    kept = finished(place)
    assert 5 <= len(kept) < 118
    assert all(b'"done"' in line for line in kept)


def begun(place: Path, file: Path) -> subprocess.Popen[bytes]:
    """A sweep on the cluster, as soon as five trials are finished."""
    command = [sys.executable, "-m", "nnfit", "sweep", "sweep.yaml", "-o", "two", "--dask", str(file)]
    process = subprocess.Popen(command, cwd=place, stdout=-1, stderr=-1, env=os.environ | {"PYTHONPATH": str(ROOT)})
    end = time.monotonic() + 60
    while len(finished(place)) < 5 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    return process


@pytest.mark.process
def test_a_scheduler_without_a_worker_is_told_once_and_waited_for(
    place: Path, cluster: tuple[Path, list[subprocess.Popen[bytes]]]
) -> None:
    file, (_, *workers) = cluster
    said: list[str] = []
    end = time.monotonic() + 30
    for worker in workers:
        worker.kill()
    with connected(str(file), said.append) as executor:
        assert isinstance(executor, Cluster)
        while not said and time.monotonic() < end:
            executor.check()
        executor.check()
    assert said == ["the scheduler has no worker; trials are trained as soon as it has one"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nope.json", "no scheduler of Dask answers: nope.json: No such file or directory; start one: dask scheduler"),
        ("flowers.json", "no scheduler of Dask answers: flowers.json has no address, as the file of a scheduler does"),
        ("x", "no scheduler of Dask answers: missing port number in address 'x'; start one: dask scheduler"),
    ],
)
def test_what_names_no_scheduler_is_told_at_once(
    run: Callable[..., Ended], place: Path, monkeypatch: pytest.MonkeyPatch, given: str, words: str
) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    monkeypatch.chdir(place)
    Path("flowers.json").write_text("[1]")
    begun = time.monotonic()
    done = run("sweep", "sweep.yaml", "--dask", given)
    assert done.code == 2
    assert done.err.startswith(f"nnfit: --dask {given}: {words}")
    assert done.err.count("\n") == 1
    assert time.monotonic() - begun < 5


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
    done = run("sweep", place / "sweep.yaml", "--dask", "s.json", "--shard", "1/2")
    assert done.code == 2
    assert "leave one of --shard and --dask out" in done.err
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run("sweep", place / "sweep.yaml", "--dask", "s.json")
    assert done.code == 2
    assert "a Dask cluster needs distributed; pip install 'nnfit[dask]'" in done.err
