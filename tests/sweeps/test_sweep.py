"""A sweep does what is missing, once, and comes to the same table and model by whatever workers, stops and shards."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.errors import DataError, OutputError, SpecError, UsageError
from nnfit.sweeps import records, running, sweep
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.records import Shard
from nnfit.sweeps.results import Swept

from .conftest import BASE, SWEEP

Written = Callable[..., Path]
LONGER = SWEEP.replace("[2, 4]", "{min: 2, max: 21, step: 1, type: integer}")  # 40 trials


def told(swept: Swept | Path) -> tuple[list[list[str]], bytes]:
    """The table without its seconds, and the model."""
    folder = swept if isinstance(swept, Path) else swept.folder
    lines = list(csv.reader((folder / "trials.csv").read_text().splitlines()))
    at = lines[0].index("seconds")
    return [line[:at] + line[at + 1 :] for line in lines], (folder / "best.npz").read_bytes()


def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the trials that are trained from now on, in this process."""
    found: list[int] = []
    scored = running.scored

    def noted(trial: Any, *others: Any) -> Any:
        found.append(trial.number)
        return scored(trial, *others)

    monkeypatch.setattr("nnfit.sweeps.running.scored", noted)
    return found


def test_the_table_has_a_line_for_each_trial_with_what_it_was_and_came_to(place: Path) -> None:
    swept = nnfit.sweep(place / "sweep.yaml")
    lines = list(csv.DictReader((place / "sweep" / "trials.csv").read_text().splitlines()))
    assert list(lines[0]) == [
        *("trial", "training.optimizer.learning_rate", "network.layers.0.size"),
        *("log_loss", "epochs", "seconds", "status"),
    ]
    assert [line["trial"] for line in lines] == ["1", "2", "3", "4"]
    assert [line["network.layers.0.size"] for line in lines] == ["2", "4", "2", "4"]
    assert {(line["epochs"], line["status"]) for line in lines} == {("2", "done")}
    assert [float(line["log_loss"]) for line in lines] == [row.score for row in swept.rows]


def test_a_score_is_that_of_the_trial_trained_alone_and_the_best_is_the_model_that_train_writes(place: Path) -> None:
    swept = nnfit.sweep(place / "sweep.yaml")
    for row in swept.rows:
        alone = nnfit.train(place / "base.yaml", overrides=row.parameters)
        assert alone.metrics["out_of_fold"]["log_loss"] == row.score
    assert swept.ranking()[0].score == min(row.score or 9 for row in swept.rows)
    result = nnfit.train(place / "sweep" / "best.yaml")
    result.model.save(place / "again.npz")
    assert (place / "again.npz").read_bytes() == (place / "sweep" / "best.npz").read_bytes()
    assert result.metrics["out_of_fold"]["log_loss"] == swept.ranking()[0].score


def test_the_same_command_again_trains_nothing_and_changes_no_byte(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnfit.sweep(place / "sweep.yaml")
    files = {path: path.read_bytes() for path in (place / "sweep").rglob("*") if path.is_file()}
    numbers = trained(monkeypatch)
    monkeypatch.setattr("nnfit.sweeps.sweep.trained", lambda *_: pytest.fail("the best is trained again"))
    nnfit.sweep(place / "sweep.yaml")
    assert numbers == []
    assert {path: path.read_bytes() for path in (place / "sweep").rglob("*") if path.is_file()} == files


def test_what_is_added_is_trained_and_nothing_else(
    place: Path, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnfit.sweep(place / "sweep.yaml")
    numbers = trained(monkeypatch)
    nnfit.sweep(written(SWEEP.replace("0.01]", "0.01, 0.1]")))
    assert sorted(numbers) == [5, 6]
    nnfit.sweep(written(SWEEP.replace("[2, 4]", "[4, 2, 3]"), BASE.replace("# hidden", "# other words")))
    assert sorted(numbers) == [3, 5, 6, 6]  # of a new value, by the order of the grid that is now
    nnfit.sweep(written("# another metric of the same trainings\nmetric: accuracy\n" + SWEEP))
    assert sorted(numbers) == [3, 5, 6, 6]
    assert "accuracy" in (place / "sweep" / "trials.csv").read_text().splitlines()[0]


def test_hashes_are_kept_for_the_next_command_and_mean_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = nnfit.sweep(place / "sweep.yaml")
    loaded = load_sweep(place / "sweep.yaml")
    ids = [each.id for each in sweep.plan(loaded).trials]
    with monkeypatch.context() as patch:
        patch.setattr("nnfit.sweeps.sweep.trial", lambda *_: pytest.fail("a trial is hashed again"))
        planned = sweep.plan(loaded, swept.folder)
    assert [each.id for each in planned.trials] == ids
    assert planned.made(planned.trials[2]).spec == sweep.plan(loaded).trials[2].spec
    (place / "sweep" / "trials" / "hashes.json").write_text("{")
    assert [each.id for each in sweep.plan(loaded, swept.folder).trials] == ids


def test_another_table_makes_other_trials(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nnfit.sweep(place / "sweep.yaml")
    numbers = trained(monkeypatch)
    with (place / "flowers.csv").open("a") as file:
        file.write("0.5,0.5,rose\n")
    nnfit.sweep(place / "sweep.yaml")
    assert sorted(numbers) == [1, 2, 3, 4]


def test_equal_trials_are_trained_once(place: Path, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = trained(monkeypatch)
    swept = nnfit.sweep(written("spec: base.yaml\nparameters: {training.optimizer: [adam, {name: adam}, sgd]}\n"))
    assert sorted(numbers) == [1, 3]
    assert len(swept.rows) == 3
    assert swept.rows[0].score == swept.rows[1].score
    assert sorted(row.number for row in swept.ranking()) == [1, 3]  # the best of two, and not of three


def test_a_trial_fails_alone_and_diverging_is_a_result(place: Path, written: Written) -> None:
    layers = "[{size: 2, activation: relu}, {size: 5, activation: softmax}]"  # there are two kinds, not five
    text = f"spec: base.yaml\nparameters:\n  network.layers: [[{{size: auto, activation: softmax}}], {layers}]\n"
    swept = nnfit.sweep(written(text))
    assert swept.counts() == {"done": 1, "halted": 0, "diverged": 0, "failed": 1, "missing": 0}
    last = (place / "sweep" / "trials.csv").read_text().splitlines()[-1]
    assert ",failed: network.layers[1].size: " in last.replace('"', "")
    base = BASE.replace("{name: adam, learning_rate: 0.01}", "{name: sgd, learning_rate: 0.01}")
    text = "spec: base.yaml\nparameters: {training.optimizer.learning_rate: [1.0e+30, 0.01]}\n"
    swept = nnfit.sweep(written(text, base), place / "other")
    assert swept.counts() == {"done": 1, "halted": 0, "diverged": 1, "failed": 0, "missing": 0}
    assert [row.number for row in swept.ranking()] == [2]


def test_with_fail_fast_nothing_is_begun_after_a_failure(place: Path, written: Written) -> None:
    layers = "[{size: 5, activation: softmax}]"
    text = f"spec: base.yaml\nparameters:\n  network.layers: [{layers}, [{{size: auto, activation: softmax}}]]\n"
    path = written(text)
    (place / "base.yaml").write_text(BASE)
    swept = nnfit.sweep(path, fail_fast=True)
    assert swept.counts() == {"done": 0, "halted": 0, "diverged": 0, "failed": 1, "missing": 1}
    assert swept.best is None
    assert nnfit.sweep(path).counts()["done"] == 1


def test_with_fail_fast_what_was_trained_beside_a_failure_is_kept(
    place: Path, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("spec: base.yaml\nparameters: {training.optimizer.learning_rate: [0.001, 0.002, 0.003]}\n")
    scored = running.scored

    def lacking(trial: Any, *others: Any) -> Any:
        if trial.number == 1:
            raise MemoryError
        return scored(trial, *others)

    with monkeypatch.context() as patch:
        patch.setattr("nnfit.sweeps.running.scored", lacking)
        counts = nnfit.sweep(path, fail_fast=True).counts()
    assert (counts["failed"], counts["done"]) == (1, 2)
    numbers = trained(monkeypatch)
    assert nnfit.sweep(path).counts()["done"] == 3
    assert numbers == [1]


def test_what_the_machine_lacked_is_tried_again_by_the_next_command(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("nnfit.sweeps.running.start", lambda *_: (_ for _ in ()).throw(MemoryError))
        swept = nnfit.sweep(place / "sweep.yaml")
    assert swept.counts()["failed"] == 4
    assert nnfit.sweep(place / "sweep.yaml").counts()["done"] == 4
    assert len((place / "sweep" / "trials" / "trials.jsonl").read_text().splitlines()) == 8


def test_what_is_too_large_for_this_machine_may_be_tried_on_another(
    place: Path, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("spec: base.yaml\nparameters: {network.layers.0.size: [2, 4000]}\n")
    with monkeypatch.context() as patch:
        patch.setattr("nnfit.fit.resources.memory", lambda: 300_000)
        counts = nnfit.sweep(path, jobs=1).counts()
    assert (counts["failed"], counts["done"]) == (1, 1)
    assert nnfit.sweep(path, jobs=1).counts()["done"] == 2


def test_repeats_of_a_point_have_the_seeds_that_follow_and_count_by_their_mean(place: Path, written: Written) -> None:
    swept = nnfit.sweep(written("spec: base.yaml\nrepeat: 3\nparameters: {}\n", BASE.replace("seed: 0", "seed: 7")))
    (row,) = swept.rows
    alone = [nnfit.train(place / "base.yaml", overrides={"seed": seed}) for seed in (7, 8, 9)]
    assert list(row.values) == [each.metrics["out_of_fold"]["log_loss"] for each in alone]
    assert row.score == pytest.approx(sum(each or 0 for each in row.values) / 3)
    header, line = (place / "sweep" / "trials.csv").read_text().splitlines()
    assert header == "trial,log_loss,sd,epochs,seconds,status"
    assert float(line.split(",")[2]) == row.sd


def test_test_rows_are_looked_at_by_the_best_alone(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    score = running.score

    def noted(run: Any, **options: Any) -> Any:
        seen.append(list(run.prepared.sets))
        return score(run, **options)

    monkeypatch.setattr("nnfit.sweeps.running.score", noted)
    swept = nnfit.sweep(written(SWEEP, BASE.replace("  target", "  test: 0.2\n  target")))
    assert seen == [["train"]] * 4
    assert swept.best is not None
    assert swept.best.metrics["test"]["log_loss"] > 0


def test_a_table_is_read_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    read_table = running.read_table
    monkeypatch.setattr("nnfit.sweeps.running.read_table", lambda *a: read.append(a) or read_table(*a))  # type: ignore[func-returns-value]
    nnfit.sweep(place / "sweep.yaml")
    assert len(read) == 1


def test_data_that_change_during_the_sweep_end_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*arguments: Any) -> list[Any]:
        return [each._replace(sha256={"train": "other"}) for each in running.run_group(*arguments)]

    monkeypatch.setattr("nnfit.sweeps.engines.run_group", other)
    with pytest.raises(DataError, match="the data of train have changed since the sweep began"):
        nnfit.sweep(place / "sweep.yaml")


@pytest.mark.parametrize("there", [True, False])
def test_data_that_are_being_written_leave_no_failure_behind(
    place: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml", place / "one", jobs=1))
    whole = (place / "flowers.csv").read_text()

    def while_written(trials: Any, *others: Any) -> list[Any]:
        if trials[0].number != 2:
            return running.run_group(trials, *others)
        (place / "flowers.csv").unlink()
        if there:
            (place / "flowers.csv").write_text(whole[:200])
        else:
            (place / "flowers.csv").mkdir()
        try:
            return running.run_group(trials, *others)
        finally:
            (place / "flowers.csv").unlink() if there else (place / "flowers.csv").rmdir()
            (place / "flowers.csv").write_text(whole)

    with monkeypatch.context() as patch:
        patch.setattr("nnfit.sweeps.engines.run_group", while_written)
        if there:
            with pytest.raises(DataError, match="the data of train have changed since the sweep began"):
                nnfit.sweep(place / "sweep.yaml", jobs=1)
        else:
            assert nnfit.sweep(place / "sweep.yaml", jobs=1).counts()["failed"] == 2
    assert told(nnfit.sweep(place / "sweep.yaml", jobs=1)) == expected


def test_data_that_change_before_the_best_is_trained_make_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = sweep.trained

    def changed(*arguments: Any) -> Any:
        table = (place / "flowers.csv").read_text()
        (place / "flowers.csv").write_text(table + "0.1,0.2,rose\n")
        return train(*arguments)

    monkeypatch.setattr("nnfit.sweeps.sweep.trained", changed)
    with pytest.raises(DataError, match="the data of train have changed since the sweep began"):
        nnfit.sweep(place / "sweep.yaml")
    assert not (place / "sweep" / "best.npz").exists()


def test_a_bug_in_training_together_is_told_and_costs_no_trial(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml", place / "one"))

    def wrong(*_: Any) -> None:
        raise KeyError("shape")

    monkeypatch.setattr("nnfit.fit.packing.prepared_as", wrong)
    with pytest.warns(RuntimeWarning, match="a bug in nnfit: trials are trained one by one for KeyError: 'shape'"):
        swept = nnfit.sweep(place / "sweep.yaml", place / "two")
    assert told(swept) == expected


def test_what_the_data_are_refused_for_is_told_before_the_first_trial(place: Path) -> None:
    (place / "base.yaml").write_text(BASE.replace("kind", "kinds"))
    with pytest.raises(SpecError, match='has no column "kinds"; did you mean "kind"'):
        nnfit.sweep(place / "sweep.yaml")
    (place / "base.yaml").write_text(BASE)
    (place / "sweep.yaml").write_text("metric: rmse\n" + SWEEP)
    with pytest.raises(SpecError, match=r"sweep.yaml:1:1: metric: the target has no rmse"):
        nnfit.sweep(place / "sweep.yaml")


# --- workers ---------------------------------------------------------------------------------------------------------


def test_any_executor_comes_to_the_same(place: Path) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml"))
    with ThreadPoolExecutor(1) as executor:
        assert told(nnfit.sweep(place / "sweep.yaml", place / "other", executor=executor)) == expected
        assert executor.submit(int).result() == 0  # it is left open
    with pytest.raises(UsageError, match="executor must have submit"):
        nnfit.sweep(place / "sweep.yaml", executor=3)  # type: ignore[arg-type]


def test_three_shards_joined_come_to_the_same_and_each_writes_its_own_part(place: Path) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml"))
    planned, folder = sweep.plan(load_sweep(place / "sweep.yaml")), place / "shards"
    for number in (3, 1, 2):
        part = sweep.carried_out(planned, folder, jobs=1, shard=Shard(number, 3))
        assert not (folder / "trials.csv").exists()
    assert part.counts()["missing"] == 0
    assert sorted(path.name for path in (folder / "trials").glob("*.jsonl")) == [
        f"shard-{number}-of-3.jsonl" for number in (1, 2, 3)
    ]
    swept = sweep.carried_out(planned, folder, jobs=1)
    assert told(swept) == expected
    assert (folder / "trials" / "trials.jsonl").read_text() == ""


def test_who_joins_runs_what_a_shard_left_undone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = sweep.plan(load_sweep(place / "sweep.yaml"))
    sweep.carried_out(planned, place / "out", jobs=1, shard=Shard(2, 2))
    numbers = trained(monkeypatch)
    sweep.carried_out(planned, place / "out", jobs=1)
    assert sorted(numbers) == [1, 3]


def test_two_at_once_on_one_folder_are_refused_and_two_shards_are_not(place: Path) -> None:
    folder = place / "out"
    records.make(folder)
    with records.held(folder, None):
        for shard in (None, Shard(1, 2)):
            with (
                pytest.raises(OutputError, match="another process is at work on this sweep"),
                records.held(folder, shard),
            ):
                pass
    with records.held(folder, Shard(1, 2)), records.held(folder, Shard(2, 2)):
        with (
            pytest.raises(OutputError, match="another process is at work on the shard 1/2"),
            records.held(folder, Shard(1, 2)),
        ):
            pass
        with (
            pytest.raises(OutputError, match="another process is at work on the shard 1/2"),
            records.held(folder, None),
        ):
            pass
        with (
            pytest.raises(OutputError, match="another process is at work on the shard 1/2"),
            records.held(folder, Shard(1, 3)),  # which has trials in common with it
        ):
            pass


def test_an_executor_that_takes_no_more_leaves_its_trials_to_the_next_command(place: Path) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    swept = nnfit.sweep(place / "sweep.yaml", place / "out", executor=executor)
    assert {row.status for row in swept.rows} <= {"failed", "missing"}
    assert "the executor broke while it was under way" in (place / "out" / "trials.csv").read_text()
    assert not nnfit.sweep(place / "sweep.yaml", place / "out", jobs=1).counts()["missing"]


def test_who_smooths_no_labels_is_trained_with_others_of_a_real_target(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "base.yaml").write_text(
        "data: {train: flowers.csv, target: width, split_seed: 0}\n"
        "network: {layers: [{size: 1, activation: linear}], members: 3}\n"
        "training: {epochs: 1, resample: folds}\n"
    )
    (place / "sweep.yaml").write_text(
        "spec: base.yaml\nparameters: {training.label_smoothing: [0.1, 0], training.l2: [0, 0.1]}\n"
    )
    monkeypatch.setattr("nnfit.sweeps.running.run", lambda trial, *_: pytest.fail("trained by itself"))
    found = nnfit.sweep(place / "sweep.yaml", place / "out", jobs=1)
    assert [row.status for row in found.rows] == ["failed", "failed", "done", "done"]


def test_a_folder_that_holds_other_things_is_left_alone(place: Path) -> None:
    with pytest.raises(OutputError, match="holds other files; name one with -o that is empty, or not there"):
        nnfit.sweep(place / "sweep.yaml", place)
    with pytest.raises(OutputError, match="there is no folder"):
        nnfit.sweep(place / "sweep.yaml", place / "none" / "here")
    with pytest.raises(OutputError, match="is a file, and a sweep needs a folder"):
        nnfit.sweep(place / "sweep.yaml", place / "base.yaml")


def test_a_line_that_was_cut_is_taken_away_and_its_trial_is_run_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml"))
    file = place / "sweep" / "trials" / "trials.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    numbers = trained(monkeypatch)
    assert told(nnfit.sweep(place / "sweep.yaml")) == expected
    assert numbers == [4]
    assert len(file.read_bytes().splitlines()) == 4
    file.write_bytes(b'{"id": 3}\nnonsense\n\xff\n[]\n' + whole)
    assert told(nnfit.sweep(place / "sweep.yaml")) == expected
    assert numbers == [4]


def test_whatever_is_written_in_a_line_it_is_an_outcome_or_it_is_none(place: Path) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml"))
    file = place / "sweep" / "trials" / "trials.jsonl"
    first, *others = file.read_bytes().splitlines()
    wrong: list[dict[str, Any]] = [
        *({"metrics": {"log_loss": value}} for value in ("low", True, [1], float("nan"), float("inf"), 10**400)),
        *({key: "text"} for key in ("metrics", "epochs", "seconds", "members", "curve", "groups", "rows", "sha256")),
        *({key: [["text"]]} for key in ("metrics", "members", "curve", "groups", "sha256", "status")),
        *({key: -1} for key in ("epochs", "rows", "rung", "code", "status", "message")),
        *({"status": status} for status in ("better", "halted")),
        *({"members": {"log_loss": value}} for value in (1, [1], ["a", "b"])),
        *({"sha256": {"train": 1}}, {"id": [1]}, {"curve": [[1, None, "x"]]}),
    ]
    for each in wrong:
        file.write_bytes(b"\n".join([json.dumps(json.loads(first) | each).encode(), *others]) + b"\n")
        assert sorted(map(len, records.read(place / "sweep").values())) == [1, 1, 1], each
    for deep in (b"[", b'{"a":'):
        file.write_bytes(b"\n".join([deep * 100_000, *others]) + b"\n")
        assert told(nnfit.sweep(place / "sweep.yaml")) == expected


def test_hashes_that_were_changed_are_made_anew(place: Path) -> None:
    expected = told(nnfit.sweep(place / "sweep.yaml"))
    file = place / "sweep" / "trials" / "hashes.json"
    kept = json.loads(file.read_bytes())
    for hashes in (kept["hashes"][::-1], ["0" * 32] * 4, [1, 2, 3, 4], {"a": 1}):
        file.write_text(json.dumps(kept | {"hashes": hashes}))
        assert told(nnfit.sweep(place / "sweep.yaml")) == expected
    file.write_text("[" * 100_000)
    assert told(nnfit.sweep(place / "sweep.yaml")) == expected


# --- processes -------------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_processes_do_not_run_the_script_that_starts_them(place: Path) -> None:
    script = "import nnfit; print(nnfit.sweep('sweep.yaml', jobs=2).counts()['done'])"
    (place / "script.py").write_text(script)
    for given in ([str(place / "script.py")], ["-"]):
        found = subprocess.run(
            [sys.executable, *given], input=script, cwd=place, capture_output=True, text=True, check=True, timeout=60
        )
        assert (found.stdout, found.stderr) == ("4\n", "")
        shutil.rmtree(place / "sweep")


@pytest.mark.process
def test_two_processes_come_to_the_same_as_one_and_a_killed_one_loses_nothing(place: Path, written: Written) -> None:
    path = written(LONGER)
    expected = told(nnfit.sweep(path, place / "one", jobs=1))
    planned = sweep.plan(load_sweep(path))
    killed: list[int] = []

    def kill(swept: Swept, outcome: Any, trial: Any) -> str:
        if not killed:
            me = os.getpid()
            parents = {
                int(stat.parent.name): int(stat.read_text().rsplit(")", 1)[1].split()[1])
                for stat in Path("/proc").glob("[0-9]*/stat")
                if stat.exists()
            }
            workers = [pid for pid, parent in parents.items() if parent == me and b"spawn_main" in command_of(pid)]
            killed.append(workers[-1])
            os.kill(workers[-1], signal.SIGKILL)
        return "trials"

    swept = sweep.carried_out(planned, place / "two", jobs=2, told=kill)
    assert killed
    assert told(swept) == expected
    lines = (place / "two" / "trials" / "trials.jsonl").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 40


def command_of(pid: int) -> bytes:
    """The command line of a process, if it is still there."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def started(place: Path, written: Written) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `nnfit sweep` in a group of its own, and wait until so many trials are finished."""
    path, processes = written(LONGER, BASE.replace("epochs: 2", "epochs: 60")), []

    def started(*options: str, trials: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nnfit", "sweep", str(path), "-o", str(place / "out"), *options]
        process = subprocess.Popen(command, stdout=-1, stderr=-1, start_new_session=True)
        processes.append(process)
        end = time.monotonic() + 60
        while finished(place) < trials and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def finished(place: Path) -> int:
    """How many trials are finished."""
    files = (place / "out" / "trials").glob("*.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


@pytest.mark.process
def test_after_kills_and_an_interrupt_the_same_command_comes_to_the_same(place: Path, started: Any) -> None:
    for trials in (1, 9):
        process = started("--jobs", "2", trials=trials)
        process.kill()
        process.communicate(timeout=5)  # its workers, which end by themselves, have its streams too
        assert finished(place) >= trials
    process = started("--jobs", "2", trials=finished(place) + 3)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert time.monotonic() - begun < 3
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert b"of 40 trainings are finished and kept; go on with nnfit sweep " in err
    kept = finished(place)
    process = started("--jobs", "1", trials=40)
    _, err = process.communicate()
    assert process.returncode == 0
    assert f"{kept} of 40 trainings are finished already, {40 - kept} to run".encode() in err
    assert finished(place) == 40
    assert told(nnfit.sweep(place / "sweep.yaml", place / "other", jobs=1)) == told(place / "out")


@pytest.mark.parametrize("metric", ["log_loss", "brier", "accuracy"])
def test_several_targets_of_two_values_have_scores_of_rows(place: Path, metric: str) -> None:
    lines = (place / "flowers.csv").read_text().splitlines()[1:]
    rows = [
        f"{a},{b},{int(float(a) > 0)},{int(float(b) > float(a))}" for a, b, _ in (line.split(",") for line in lines)
    ]
    (place / "two.csv").write_text("\n".join(["width,length,y,z", *rows]) + "\n")
    (place / "base.yaml").write_text(
        "data: {train: two.csv, target: [y, z]}\nloss: bce\n"
        "network: {layers: [{size: auto, activation: logistic}], members: 3}\ntraining: {epochs: 2, resample: folds}\n"
    )
    (place / "sweep.yaml").write_text(f"spec: base.yaml\nparameters: {{training.l2: [0, 0.1]}}\nmetric: {metric}\n")
    found = nnfit.sweep(place / "sweep.yaml", place / "out", jobs=1)
    for row in found.rows:
        assert row.status == "done"
        assert row.score == pytest.approx(sum(row.outcomes[0].groups) / 30, rel=1e-6)
