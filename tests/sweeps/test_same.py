"""The same table, spec and model come out of a sweep by whatever workers, in whatever parts, packed or each alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.sweeps import running, sweep
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.records import Shard

from .conftest import BASE
from .test_sweep import told

# Two sizes that share no array, and of each eight trials that do: of two rates and decays, each with two seeds.
TEXT = """\
spec: base.yaml
parameters:
  network.layers.0.size: [3, 5]
  training.optimizer.learning_rate: [0.003, 0.03]
  training.l2: [0, 0.01]
repeat: 2
"""
SHARED = BASE.replace("epochs: 2", "epochs: 6\n  batch_size: 8").replace(
    "  target", "  split_seed: 1\n  test: 0.2\n  target"
)

Way = Callable[[Path, Path], object]


def by_jobs(count: int) -> Way:
    """In so many processes of this machine."""
    return lambda file, folder: nnfit.sweep(file, folder, jobs=count)


def by_executor(made: Callable[[], Executor]) -> Way:
    """By an executor that the caller has."""

    def way(file: Path, folder: Path) -> None:
        with made() as executor:
            nnfit.sweep(file, folder, executor=executor)

    return way


def by_shards(file: Path, folder: Path) -> None:
    """In three parts, of which the last comes first, joined."""
    planned = sweep.plan(load_sweep(file))
    for number in (3, 1, 2):
        sweep.carried_out(planned, folder, jobs=1, shard=Shard(number, 3))
    sweep.carried_out(planned, folder, jobs=1)


WAYS: dict[str, Way] = {
    "two jobs": by_jobs(2),
    "three shards": by_shards,
    "threads": by_executor(lambda: ThreadPoolExecutor(2)),
    "other processes": by_executor(lambda: ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))),
}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many trials have been trained together, each time, in this process."""
    found: list[int] = []
    run_as_one = running.run_as_one

    def noted(trials: Any, *given: Any) -> Any:
        found.append(len(trials))
        return run_as_one(trials, *given)

    monkeypatch.setattr("nnfit.sweeps.running.run_as_one", noted)
    yield found


@pytest.mark.process
def test_the_table_the_spec_and_the_model_are_the_same_by_every_way(
    place: Path, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "base.yaml").write_text(SHARED)
    file = place / "sweep.yaml"
    file.write_text(TEXT)
    by_jobs(1)(file, place / "one")
    assert sizes == [8, 8]
    expected = told(place / "one")
    assert len(expected[0]) == 1 + 8
    for name, way in WAYS.items():
        way(file, place / name)
        assert told(place / name) == expected, name
        assert (place / name / "best.yaml").read_bytes() == (place / "one" / "best.yaml").read_bytes(), name
    sizes.clear()
    monkeypatch.setattr("nnfit.fit.packing.best_size", lambda prepared: 1)
    by_jobs(1)(file, place / "unpacked")
    assert sizes == []
    assert told(place / "unpacked") == expected
