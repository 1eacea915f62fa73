"""How many processes a sweep takes by itself: as have work for the time of their start, cores, and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnfit.fit.prepare import prepare
from nnfit.fit.resources import needed
from nnfit.sweeps import sweep
from nnfit.sweeps.reading import load_sweep

from .conftest import BASE, SWEEP


def test_there_are_as_many_processes_as_have_work_cores_and_memory(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnfit.sweeps.sweep.available", lambda: 6)
    (place / "base.yaml").write_text(BASE.replace("epochs: 2", "epochs: 100000"))
    (place / "sweep.yaml").write_text(SWEEP)
    trials = sweep.plan(load_sweep(place / "sweep.yaml")).trials
    prepared = prepare(trials[0].loaded)
    assert sweep.worth_starting(trials, prepared, 100_000) == 6
    kept = sum(feature.kept for feature in prepared.features)
    each = sum(needed(prepared.spec, {"train": 30}, kept))
    for there, count in ((each // 2, 1), (each, 1), (4 * each, 4), (400 * each, 6)):
        monkeypatch.setattr("nnfit.sweeps.sweep.memory", lambda there=there: there)
        assert sweep.worth_starting(trials, prepared, 100_000) == count
    (place / "base.yaml").write_text(BASE)
    assert sweep.worth_starting(sweep.plan(load_sweep(place / "sweep.yaml")).trials, prepared, 2) == 1
