"""Successive halving: the same go on whoever trains and whatever stops it, from where they stand, to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnfit
from nnfit.fit.run import epochs, start
from nnfit.fit.scores import score
from nnfit.sweeps import records, running, sweep
from nnfit.sweeps.halving import Rung, known, onward, rungs, share, total
from nnfit.sweeps.keys import Search
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.records import Shard
from nnfit.sweeps.results import Swept
from nnfit.sweeps.running import Outcome

from .conftest import BASE
from .test_sweep import told

Written = Callable[..., Path]
LONGER = BASE.replace("epochs: 2", "epochs: 18")
HALVING = """\
spec: base.yaml
search: {method: halving, epochs: 2}
parameters:
  training.optimizer.learning_rate: [0.0003, 0.001, 0.01, 0.1]
  network.layers.0.size: [2, 4, 6]
"""  # 12 trials: 12 to epoch 2, 4 to 6, 2 to 18
RUNGS = [(2, 12), (6, 4), (18, 2)]


@pytest.fixture
def halving(written: Written) -> Path:
    """A sweep of twelve trials in three rungs."""
    return written(HALVING, LONGER)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What that sweep comes to in one process, without a stop."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'rose' if a + b > 0 else 'lily'}" for a, b in rng.normal(size=(30, 2))]
    folder = tmp_path_factory.mktemp("once")
    (folder / "flowers.csv").write_text("\n".join(["width,length,kind", *rows]) + "\n")
    (folder / "base.yaml").write_text(LONGER)
    (folder / "sweep.yaml").write_text(HALVING)
    yield told(nnfit.sweep(folder / "sweep.yaml", folder / "out", jobs=1))


def lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of what is finished."""
    files = sorted((folder / "trials").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def states(folder: Path) -> set[str]:
    """The trials of which a checkpoint is kept."""
    return {path.stem for path in (folder / "trials" / "states").rglob("*.npz")}


def trained_epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many epochs each training of this process goes through from now on, one number for each of a group."""
    found: list[int] = []
    scored = running.scored

    def noted(trial: Any, run: Any, metric: str) -> Any:
        found.append(run.state.epochs - begun.pop(id(run), 0))
        return scored(trial, run, metric)

    begun: dict[int, int] = {}
    going_on = running.going_on

    def noted_start(*arguments: Any) -> Any:
        run = going_on(*arguments)
        if run is not None:
            begun[id(run)] = run.state.epochs
        return run

    monkeypatch.setattr("nnfit.sweeps.running.scored", noted)
    monkeypatch.setattr("nnfit.sweeps.running.going_on", noted_start)
    return found


# --- which go on -----------------------------------------------------------------------------------------------------


def shape(search: Search, points: int, epochs: int) -> list[tuple[int, int]]:
    found = rungs(search, points, epochs)
    assert [rung.before for rung in found] == [0, *(rung.epochs for rung in found[:-1])]
    assert [rung.number for rung in found] == [*range(1, len(found) + 1)]
    assert [rung.key for rung in found] == [*(rung.epochs for rung in found[:-1]), 0]
    return [(rung.epochs, rung.points) for rung in found]


def test_each_rung_has_a_factor_times_the_epochs_and_a_share_of_the_points() -> None:
    def halve(epochs: int, factor: int = 3) -> Search:
        return Search(method="halving", factor=factor, epochs=epochs)

    assert shape(halve(3), 81, 81) == [(3, 81), (9, 27), (27, 9), (81, 3)]
    assert shape(halve(5, 2), 10, 40) == [(5, 10), (10, 5), (20, 3), (40, 2)]
    assert shape(halve(10), 81, 100) == [(10, 81), (30, 27), (100, 9)]  # not to 90 before
    assert shape(halve(1), 5, 100) == [(1, 5), (3, 2), (100, 1)]  # one alone goes to the end
    assert shape(Search(), 81, 81) == [(81, 81)]
    assert shape(Search(method="random", trials=3), 3, 81) == [(81, 3)]
    assert total(rungs(halve(3), 81, 81)) == 81 * 3 + 27 * 6 + 9 * 18 + 3 * 54


def test_by_default_the_first_rung_is_as_long_as_a_third_of_all_epochs_allows() -> None:
    assert shape(Search(method="halving"), 81, 30) == [(5, 81), (15, 27), (30, 9)]
    assert shape(Search(method="halving"), 60, 200) == [(32, 60), (96, 20), (200, 7)]
    assert shape(Search(method="halving"), 3, 30) == [(5, 3), (30, 1)]  # of few points it is more
    assert shape(Search(method="halving"), 1, 30) == [(30, 1)]


@pytest.mark.parametrize("points", [1, 2, 3, 8, 9, 80, 81, 5000])
@pytest.mark.parametrize("epochs", [1, 2, 3, 8, 9, 30, 100, 1000, 10**7])
def test_the_rungs_of_any_sweep_come_to_the_last_epoch(points: int, epochs: int) -> None:
    for factor in (2, 3, 4, 10):
        search = Search(method="halving", factor=factor)
        found = shape(search, points, epochs)
        assert found[0][1] == points
        assert found[-1][0] == epochs
        assert all(n == share(m, factor) for (_, m), (_, n) in pairwise(found))
        assert all(a < b for (a, _), (b, _) in pairwise(found))
        if points >= 80 and epochs >= 30:
            assert total(rungs(search, points, epochs)) <= points * epochs / 3
            longer = rungs(Search(method="halving", factor=factor, epochs=found[0][0] * 102 // 100 + 1), points, epochs)
            assert total(longer) > points * epochs / 3


def test_the_best_go_on_of_equal_ones_the_first_and_none_without_a_score() -> None:
    assert onward({1: 0.3, 2: 0.1, 3: 0.2, 4: 0.4}, 2, higher=False) == {2, 3}
    assert onward({1: 0.3, 2: 0.1, 3: 0.2, 4: 0.4}, 2, higher=True) == {1, 4}
    assert onward({5: 0.1, 1: 0.1, 3: 0.1}, 2, higher=False) == {1, 3}
    assert onward({1: 0.1, 2: 0.1, 3: 0.1}, 3, higher=True) == {1}
    assert onward({1: None, 2: None, 3: 0.5, 4: None}, 2, higher=False) == {3}
    assert onward(dict.fromkeys(range(1, 8), 1.0), 3, higher=False) == {1, 2, 3}


def test_an_outcome_holds_for_the_rungs_that_it_says_something_of() -> None:
    def of(status: str, rung: int, epochs: int = 0) -> Outcome:
        return Outcome("a", status, epochs=epochs, rung=rung)

    middle, last = Rung(2, 3, 6, 2, 4), Rung(3, 3, 18, 6, 2)
    assert known({}, middle) is None
    assert known({2: of("halted", 2, 2)}, middle) is None
    assert known({6: of("halted", 6, 6), 0: of("done", 0, 18)}, middle) == of("halted", 6, 6)
    assert known({6: of("halted", 6, 6), 0: of("done", 0, 18)}, last) == of("done", 0, 18)
    assert known({0: of("done", 0, 18)}, middle) is None  # its score after six epochs is not known
    assert known({0: of("done", 0, 5)}, middle) == of("done", 0, 5)  # it had stopped before
    assert known({0: of("diverged", 0)}, middle) is None  # who knows when
    assert known({2: of("diverged", 2)}, middle) == of("diverged", 2)
    assert known({2: of("done", 2, 1)}, last) == of("done", 2, 1)
    assert known({6: of("cut", 6)}, middle) == of("cut", 6)
    assert known({6: of("cut", 6), 2: of("failed", 2)}, middle) == of("failed", 2)
    assert known({2: of("cut", 2)}, middle) is None


# --- the sweep -------------------------------------------------------------------------------------------------------


def test_trials_that_do_not_go_on_are_halted_with_the_score_and_epochs_of_their_rung(halving: Path) -> None:
    swept = nnfit.sweep(halving)
    assert [(rung.epochs, rung.points) for rung in swept.sweep.rungs] == RUNGS
    assert swept.counts() == {"done": 2, "halted": 10, "diverged": 0, "failed": 0, "missing": 0}
    by_epochs: dict[float | None, list[Any]] = {}
    for row in swept.rows:
        by_epochs.setdefault(row.epochs, []).append(row)
        assert row.status == ("done" if row.epochs == 18 else "halted")
    assert {epochs: len(rows) for epochs, rows in by_epochs.items()} == {2: 8, 6: 2, 18: 2}
    assert [row.number for row in swept.ranking()] == sorted(
        (row.number for row in by_epochs[18]), key=lambda number: swept.rows[number - 1].score or 9
    )
    for row in swept.rows:  # each score is that of a training of the whole schedule, broken off
        loaded = nnfit.config.loader.load_spec(halving.parent / "base.yaml", row.parameters)
        run = start(nnfit.fit.prepare.prepare(loaded))
        for epoch in epochs(run):
            if epoch.number == row.epochs:
                break
        assert score(run, learnt_from=False).metrics["out_of_fold"]["log_loss"] == row.score
    scores = {row.number: row.score or 9 for row in swept.rows}
    of_first = {line["id"]: line["metrics"]["log_loss"] for line in lines(swept.folder) if line.get("rung") == 2}
    went_on = [row.outcomes[0].id for row in swept.rows if (row.epochs or 0) > 2]
    assert sorted(of_first, key=lambda id: of_first[id])[:4] == sorted(went_on, key=lambda id: of_first[id])
    assert scores


def test_the_schedule_runs_over_all_epochs_and_what_goes_on_has_the_scores_of_a_training_in_one_go(
    written: Written,
) -> None:
    base = LONGER.replace("  resample: folds", "  resample: folds\n  schedule: cosine\n  early_stopping: {patience: 9}")
    path = written(HALVING, base.replace("epochs: 18", "epochs: 20"))
    swept = nnfit.sweep(path)
    for row in swept.ranking():
        alone = nnfit.train(path.parent / "base.yaml", overrides=row.parameters)
        assert alone.metrics["out_of_fold"]["log_loss"] == row.score
    result = nnfit.train(swept.folder / "best.yaml")
    result.model.save(path.parent / "again.npz")
    assert (path.parent / "again.npz").read_bytes() == (swept.folder / "best.npz").read_bytes()
    assert result.metrics["out_of_fold"]["log_loss"] == swept.ranking()[0].score


def test_no_epoch_is_trained_twice(halving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = trained_epochs(monkeypatch)
    swept = nnfit.sweep(halving, jobs=1)
    assert sorted(spent) == sorted([2] * 12 + [4] * 4 + [12] * 2)
    assert sum(spent) == total(swept.sweep.rungs)
    assert states(swept.folder) == set()
    assert not (swept.folder / "trials" / "states").exists()
    nnfit.sweep(halving, jobs=1)
    assert len(spent) == 18


def test_by_other_workers_and_not_packed_it_comes_to_the_same(
    halving: Path, once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(2) as executor:
        assert told(nnfit.sweep(halving, halving.parent / "threads", executor=executor)) == once
    monkeypatch.setattr("nnfit.sweeps.running.together", lambda *_: 1)
    assert told(nnfit.sweep(halving, halving.parent / "alone", jobs=1)) == once


@pytest.mark.process
def test_by_two_processes_it_comes_to_the_same(halving: Path, once: Any) -> None:
    assert told(nnfit.sweep(halving, jobs=2)) == once


class Killed(BaseException):
    """What stops a sweep in a test."""


@pytest.mark.parametrize("after", [1, 5, 11, 12, 13, 15, 16, 17])
@pytest.mark.parametrize("what", ["line", "state"])
def test_stopped_anywhere_the_same_command_goes_on_to_the_same(
    halving: Path, once: Any, monkeypatch: pytest.MonkeyPatch, after: int, what: str
) -> None:
    calls = 0
    name = {"line": "written", "state": "keep_state"}[what]
    real = getattr(records, name)

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(records, name, dying)
        nnfit.sweep(halving, jobs=1)
    folder = halving.with_suffix("")
    assert len(lines(folder)) == after
    statuses = [line.rsplit(",", 1)[1] for line in (folder / "trials.csv").read_text().splitlines()[1:]]
    halted = 0 if after < 12 else 8 if after < 16 else 10  # what may go on is not in the table
    assert statuses.count("halted") == halted
    assert statuses.count("done") == len(statuses) - halted == max(0, after - 16)
    spent = trained_epochs(monkeypatch)
    assert told(nnfit.sweep(halving, jobs=1)) == once
    assert len(lines(folder)) == 18
    assert len({(line["id"], line.get("rung", 0)) for line in lines(folder)}) == 18
    assert len(spent) == 18 - after


@pytest.mark.parametrize("damage", ["missing", "torn", "foreign", "nonsense", "empty", "pipe", "further"])
def test_a_checkpoint_that_is_lost_costs_time_and_nothing_else(
    halving: Path, once: Any, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    calls, rung = 0, 2 if damage == "further" else 3
    climbed = sweep.climbed

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == rung:
            raise Killed
        return climbed(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(sweep, "climbed", dying)
        nnfit.sweep(halving, jobs=1)
    kept = sorted((halving.with_suffix("") / "trials" / "states").rglob("*.npz"))
    assert len(kept) == {2: 4, 3: 2}[rung]
    path, other = kept[:2]
    data = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "torn":
            path.write_bytes(data[:-1])
        case "foreign":
            shutil.copy(other, path)
        case "nonsense":
            path.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
        case "empty":
            path.write_bytes(b"")
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case "further":
            trial = next(each for each in sweep.plan(load_sweep(halving)).trials if each.id == path.stem)
            path.write_bytes(running.run_group([trial], "log_loss", running.Part(9, {}))[0].state)
    spent = trained_epochs(monkeypatch)
    assert told(nnfit.sweep(halving, jobs=1)) == once
    assert sorted(spent) == ([4, 4, 4, 6, 12, 12] if damage == "further" else [12, 18])


def test_checkpoints_are_not_held_in_memory_and_read_when_they_are_handed_out(
    halving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    state = records.state
    monkeypatch.setattr(records, "state", lambda folder, id: read.append(id) or state(folder, id))  # type: ignore[func-returns-value]
    monkeypatch.setattr("nnfit.sweeps.running.together", lambda *_: 1)
    seen: list[tuple[int, int]] = []

    def noted(swept: Swept, outcome: Outcome, trial: Any) -> str:
        assert outcome.state == b""
        assert all(each.state == b"" for each in swept.outcomes.values())
        seen.append((len(read), len(states(swept.folder))))
        return "trials"

    sweep.carried_out(sweep.plan(load_sweep(halving)), halving.parent / "out", jobs=1, told=noted)
    assert [count for count, _ in seen] == [*range(1, 19)]
    assert [count for _, count in seen] == [*range(1, 13), 4, 4, 4, 4, 1, 0]


def test_a_grid_and_halving_serve_each_other(halving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, path = halving.parent / "out", halving.parent / "grid.yaml"
    path.write_text(HALVING.replace("search: {method: halving, epochs: 2}\n", ""))
    spent = trained_epochs(monkeypatch)
    expected = told(nnfit.sweep(halving, folder, jobs=1))
    assert sum(spent) == 12 * 2 + 4 * 4 + 2 * 12
    grid = told(nnfit.sweep(path, folder, jobs=1))
    assert spent[18:] == [18] * 10
    assert grid == told(nnfit.sweep(path, halving.parent / "other", jobs=1))
    spent.clear()
    swept = nnfit.sweep(halving, halving.parent / "other", jobs=1)
    assert told(swept) == expected
    assert sorted(spent) == [2] * 12 + [4] * 4  # what is whole is not trained again, and the rungs before are


def test_what_has_stopped_early_keeps_its_score_and_is_trained_no_further(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = "  resample: folds\n  early_stopping: {patience: 1, min_updates: 1}"
    base = LONGER.replace("  resample: folds", stopping).replace("epochs: 18", "epochs: 54")
    path = written(HALVING.replace("0.1]", "0.1, 3.0]").replace("epochs: 2", "epochs: 6"), base)
    spent = trained_epochs(monkeypatch)
    swept = nnfit.sweep(path, jobs=1)
    early = [line for line in lines(swept.folder) if line["status"] == "done" and line.get("rung")]
    assert early
    assert sum(spent) == sum(row.epochs or 0 for row in swept.rows)
    for row in swept.rows:
        if row.outcomes[0].id in {line["id"] for line in early}:
            assert row.status == "done"
            alone = nnfit.train(path.parent / "base.yaml", overrides=row.parameters)
            assert alone.metrics["out_of_fold"]["log_loss"] == row.score
            assert len(alone.history) == row.epochs


def test_what_diverges_or_fails_never_goes_on(written: Written) -> None:
    base = LONGER.replace("{name: adam, learning_rate: 0.01}", "{name: sgd, learning_rate: 0.01}")
    layers = "[[{size: 4, activation: relu}, {size: auto, activation: softmax}], [{size: 5, activation: softmax}]]"
    rates = "[1.0e+30, 0.001, 1.0e+25, 1.0e+20, 1.0e+10, 0.01]"
    text = "spec: base.yaml\nsearch: {method: halving, epochs: 2}\nparameters:\n"
    text += f"  network.layers: {layers}\n  training.optimizer.learning_rate: {rates}\n"
    swept = nnfit.sweep(written(text, base), jobs=1)
    counts = swept.counts()
    assert (counts["failed"], counts["missing"]) == (6, 0)
    assert counts["diverged"] >= 3
    assert swept.ranking()
    assert all(row.status == "done" for row in swept.ranking())
    assert swept.best is not None
    table = (swept.folder / "trials.csv").read_text()
    assert told(nnfit.sweep(swept.sweep.document.file or "", jobs=1))[0]
    assert (swept.folder / "trials.csv").read_text() == table


def test_of_a_point_with_repeats_the_mean_decides_and_all_seeds_go_on(written: Written) -> None:
    swept = nnfit.sweep(written(HALVING + "repeat: 2\n", LONGER), jobs=1)
    assert {len(row.values) for row in swept.rows} == {2}
    of_rung = {(line["id"], line.get("rung", 0)): line for line in lines(swept.folder)}
    assert len(of_rung) == 2 * (12 + 4 + 2)
    ids = {row.number: [trial.id for trial in swept.trials if trial.number == row.number] for row in swept.rows}
    means = {n: np.mean([of_rung[id, 2]["metrics"]["log_loss"] for id in each]) for n, each in ids.items()}
    went_on = {n for n, each in ids.items() if all((id, 6) in of_rung for id in each)}
    assert went_on == {n for n, each in ids.items() if any((id, 6) in of_rung for id in each)}
    assert went_on == set(sorted(means, key=lambda n: means[n])[:4])
    assert [row.sd is not None for row in swept.ranking()] == [True, True]


def test_l_bfgs_is_broken_off_too(written: Written) -> None:
    base = LONGER.replace("{name: adam, learning_rate: 0.01}", "lbfgs\n  batch_size: full")
    text = HALVING.replace(
        "training.optimizer.learning_rate: [0.0003, 0.001, 0.01, 0.1]", "training.l2: [0, 0.01, 1, 9]"
    )
    path = written(text, base)
    swept = nnfit.sweep(path, jobs=1)
    assert swept.ranking()
    for row in swept.ranking():
        alone = nnfit.train(path.parent / "base.yaml", overrides=row.parameters)
        assert alone.metrics["out_of_fold"]["log_loss"] == row.score


def test_more_trials_that_are_drawn_and_another_metric_use_what_is_there(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "spec: base.yaml\nsearch: {method: halving, trials: 9, epochs: 2, seed: 3}\nparameters:\n"
    text += "  training.optimizer.learning_rate: {min: 1e-4, max: 1e-1, scale: log}\n"
    spent = trained_epochs(monkeypatch)
    swept = nnfit.sweep(written(text, LONGER), jobs=1)
    assert (
        swept.sweep.points == load_sweep(written(text.replace("halving", "random").replace(" epochs: 2,", ""))).points
    )
    spent.clear()
    swept = nnfit.sweep(written(text.replace("trials: 9", "trials: 12"), LONGER), jobs=1)
    assert spent.count(2) == 3
    assert len(swept.rows) == 12
    spent.clear()
    swept = nnfit.sweep(written(text.replace("trials: 9", "trials: 12") + "metric: accuracy\n", LONGER), jobs=1)
    assert 2 not in spent
    assert swept.metric == "accuracy"


# --- shards ----------------------------------------------------------------------------------------------------------


def test_a_shard_waits_for_the_others_and_the_command_without_joins_them(halving: Path, once: Any) -> None:
    planned, folder = sweep.plan(load_sweep(halving)), halving.parent / "shards"

    def ran(number: int) -> tuple[int, int]:
        before = len(lines(folder)) if folder.exists() else 0
        swept = sweep.carried_out(planned, folder, jobs=1, shard=Shard(number, 3))
        assert not (folder / "trials.csv").exists()
        assert swept.counts()["missing"] > 0 or swept.rung.last
        return swept.rung.number, len(lines(folder)) - before

    assert ran(1) == (1, 4)
    assert ran(1) == (1, 0)
    assert ran(3) == (1, 4)
    assert ran(2) == (2, 4 + 1)  # it is the last, sees all of them, and goes on with its part of the second rung
    assert ran(3) == (2, 1)
    assert ran(1) == (3, 2 + 1)
    assert told(sweep.carried_out(planned, folder, jobs=1)) == once
    assert states(folder) == set()


def test_who_joins_runs_all_rungs_that_are_missing(halving: Path, once: Any) -> None:
    planned, folder = sweep.plan(load_sweep(halving)), halving.parent / "shards"
    sweep.carried_out(planned, folder, jobs=1, shard=Shard(2, 3))
    assert told(sweep.carried_out(planned, folder, jobs=1)) == once
    assert len(lines(folder)) == 18
