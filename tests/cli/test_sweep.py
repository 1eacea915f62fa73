"""`nnfit sweep` as a person sees it: its page, its table, its JSON, exit codes, and what it says of what is wrong."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Ended
from documents import commands, ended, masked, workplace
from rich.console import Console

from nnfit.cli import screen, signals
from nnfit.cli.ranked import fitting, headings, shown
from nnfit.cli.sweep import Shown
from nnfit.report.from_sweep import as_sweep
from nnfit.report.luck import luck
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.sweep import carried_out, plan

Run = Callable[..., Ended]
PAGE = "docs/sweeps.md"


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    """A sweep of three trials of two epochs."""
    base = (ROOT / "configs/sweeps/base.yaml").read_text().replace("epochs: 30", "epochs: 2")
    (tmp_path / "base.yaml").write_text(base.replace("../../datasets/", ""))
    shutil.copy(ROOT / "datasets/iris.csv", tmp_path)
    path = tmp_path / "sweep.yaml"
    path.write_text("spec: base.yaml\nparameters:\n  training.optimizer.learning_rate: [0.001, 0.01, 0.1]\n")
    return path


def test_the_commands_of_the_page_print_what_it_shows(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace(tmp_path))
    monkeypatch.setattr("nnfit.workers.cores.available", lambda: 2)
    told = list(commands(PAGE))
    assert [command.split()[1] for command, _ in told] == ["check", "sweep"]
    for command, text in told:
        done = ended(run, command)
        assert done.code == 0
        assert masked(done.out) == masked(text)
    there = {path.name for path in Path("models/rates").iterdir()}
    assert there >= {"best.npz", "best.yaml", "trials", "trials.csv"}
    again = run("train", "models/rates/best.yaml", "-o", "again.npz", "--quiet")
    assert again.code == 0
    assert Path("again.npz").read_bytes() == Path("models/rates/best.npz").read_bytes()


def test_the_json_has_the_keys_of_the_page(run: Run, iris: Path) -> None:
    report = json.loads(run("sweep", iris, "--json").out)
    page = (ROOT / PAGE).read_text("utf-8")
    for key in (*report, *report["best"]):
        assert f"`{key}`" in page, key
    assert report["trials"] == {"all": 3, "done": 3, "halted": 0, "diverged": 0, "failed": 0, "missing": 0}
    assert report["best"] == report["top"][0]
    assert [each["value"] for each in report["top"]] == sorted(each["value"] for each in report["top"])
    assert (report["metric"], report["higher_is_better"], report["set"]) == ("log_loss", False, "out_of_fold")
    assert report["test"]["accuracy"] > 0
    assert json.loads(run("sweep", iris, "--json").out)["trained"] == 0


def test_check_holds_the_values_against_data_and_memory(run: Run, iris: Path) -> None:
    base = iris.parent / "base.yaml"
    column = (iris.parent / "iris.csv").read_text().split(",", 1)[0]
    said = f"data:\n  columns: {{{column}: {{scale: clipped}}}}\n"
    base.write_text(base.read_text().replace("data:\n", said, 1))
    iris.write_text(f"""\
spec: base.yaml
parameters:
  data.columns.{column}.type: [boolean, numeric]
  network.layers.0.size: [8, 20000000]
  network.layers.1.size: [auto, 7]
  training.threshold: [0.5, 0.3]
""")
    done = run("check", iris)
    assert done.code == 3
    told = [line.split("sweep.yaml:")[1].split(": ")[0] for line in done.out.splitlines() if "✘" in line]
    assert told == [f"3:{len(column) + 24}", "4:30", "5:33", "6:29"]
    assert "with this value, " in done.out
    assert "the training takes" in done.out
    assert " on 2 cores" not in done.out
    report = json.loads(run("check", iris, "--json").out)
    assert (report["ok"], len(report["errors"]), report["sweep"]["seconds"]) == (False, 4, None)
    swept = run("sweep", iris)
    assert swept.code == 6
    assert "16 trials: 1 done, 15 failed" in swept.out


def test_check_warns_of_the_end_of_a_range_and_leaves_out_what_no_point_has(run: Run, iris: Path) -> None:
    iris.write_text("""\
spec: base.yaml
search: {method: random, trials: 3}
where: training.threshold == 0.5
parameters:
  network.layers.0.size: {min: 8, max: 20000000, scale: log, type: integer}
  training.threshold: [0.5, 0.3]
""")
    report = json.loads(run("check", iris, "--json").out)
    assert report["errors"] == []
    (warning,) = report["warnings"]
    assert (warning["code"], warning["line"], warning["column"]) == ("too-little-memory", 5, 35)


def test_a_failed_trial_is_a_warning_and_exit_code_6(run: Run, iris: Path) -> None:
    layers = "[[{size: auto, activation: softmax}], [{size: 7, activation: softmax}]]"
    iris.write_text(f"spec: base.yaml\nparameters:\n  network.layers: {layers}\n")
    done = run("sweep", iris)
    assert done.code == 6
    assert "warning: trial 2: network.layers[0].size: the data have 3 classes" in done.err
    assert "2 trials: 1 done, 1 failed; 2 trained in " in done.out
    assert (iris.parent / "sweep" / "best.npz").exists()


def test_nothing_that_has_a_score_is_exit_code_6_too(run: Run, iris: Path) -> None:
    iris.write_text("spec: base.yaml\nparameters:\n  training.optimizer: [{name: sgd, learning_rate: 1.0e+30}]\n")
    done = run("sweep", iris)
    assert done.code == 6
    assert "1 trial: 1 diverged; 1 trained in " in done.out
    assert "warning: no trial has a score: all diverged; try smaller learning rates" in done.err
    page = (iris.parent / "sweep" / "report.html").read_text("utf-8")
    assert "What went wrong" in page and "training diverged in epoch 1" in page
    assert not (iris.parent / "sweep" / "best.npz").exists()


def test_a_shard_says_how_it_is_joined(run: Run, iris: Path) -> None:
    done = run("sweep", iris, "--shard", "2/2")
    assert done.code == 0
    assert done.out.startswith("shard 2/2: 3 trials: 1 done, 2 missing; 1 trained in ")
    assert done.out.endswith("which the command without --shard joins\n")
    done = run("sweep", iris)
    assert done.err.startswith("1 of 3 trainings are finished already, 2 to run\n")


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", "1/99999"])
def test_a_shard_that_is_none_is_refused(run: Run, iris: Path, shard: str) -> None:
    done = run("sweep", iris, "--shard", shard)
    assert done.code == 2
    assert f"--shard {shard}: expected I/N" in done.err


def test_an_interrupt_keeps_what_is_finished_and_says_how_to_go_on(
    run: Run, iris: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnfit.sweeps import running

    iris.write_text("spec: base.yaml\nparameters:\n  network.layers.0.size: [4, 8, 16]\n")
    scored, calls = running.scored, []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise signals.Stopped(2)
        return scored(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("nnfit.sweeps.running.scored", interrupted)
    done = run("sweep", iris, "--jobs", "1")
    assert done.code == 130
    assert done.err.endswith(
        f"nnfit: interrupted; 1 of 3 trainings are finished and kept; go on with nnfit sweep {iris} --jobs 1\n"
    )
    assert len((iris.parent / "sweep" / "trials.csv").read_text().splitlines()) == 2


def test_names_and_values_from_files_are_shown_as_plain_text(run: Run, iris: Path) -> None:
    base = iris.parent / "base.yaml"
    base.write_text(base.read_text().replace("  target: species\n", "  target: species\n  missing: []\n"))
    iris.write_text('spec: base.yaml\nparameters:\n  data.missing: [["\\e[31m[red]x"], ["b"]]\n')
    done = run("sweep", iris)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "[red]x" in done.out


TEN = """\
spec: base.yaml
search: {method: random, trials: 60}
parameters:
  training.optimizer.learning_rat: [0.1, 0.2]
  training.optimzer.name: [adam]
  training.batch_size: [16, -3]
  network.layers.7.size: [3]
  training.l2: {min: 0, max: 1, scale: log}
  training.epochs: {min: 10, max: 5}
  network.layers: [[{size: auto, activation: softmax}], [{size: auto, activation: sftmax}]]
  output: [a.npz]
  data.test: [0.1]
  loss: [mse, crossentropy]
"""
TOLD = (
    (4, 37, "training.optimizer.learning_rat: there is no such key", 'did you mean "learning_rate"?'),
    (5, 28, "training.optimzer: there is no such key", 'did you mean "optimizer"?'),
    (6, 29, "training.batch_size: expected a whole number of at least 1 or full, got -3", ""),
    (7, 3, "network.layers.7.size: network.layers has 2 items, counted from 0", ""),
    (8, 17, 'parameters."training.l2".min: a logarithm has no value at 0', "begin above 0, or set scale: linear"),
    (9, 30, 'parameters."training.epochs".max: max 5 is not above min 10', "write the greater one as max"),
    (10, 57, "network.layers[0].activation: expected one of linear, ", 'got "sftmax"; did you mean "softmax"?'),
    (11, 3, "parameters.output: no score depends on it", "remove it"),
    (12, 3, 'parameters."data.test": it changes the rows that the metric is on', "make one sweep of each"),
    (13, 15, "loss: expected one of mse, ", 'got "crossentropy"; did you mean "cross_entropy"?'),
)


def test_ten_mistakes_are_told_at_once_each_with_its_place_and_remedy_before_the_first_trial(
    run: Run, iris: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnfit.sweeps.sweep.prepare", lambda *_, **__: pytest.fail("a trial is begun"))
    iris.write_text(TEN)
    checked, swept, given = run("check", iris), run("sweep", iris), json.loads(run("check", iris, "--json").out)
    assert (checked.code, swept.code, given["ok"]) == (3, 3, False)
    assert "0 checks passed, 0 warnings, 10 errors" in checked.out
    lines = [line.removeprefix("nnfit: ") for line in swept.err.splitlines()]
    assert len(lines) == len(given["errors"]) == len(TOLD)
    for line, error, (at, column, message, remedy) in zip(lines, given["errors"], TOLD, strict=True):
        assert line.startswith(f"{iris}:{at}:{column}: {message}") and line.endswith(remedy)
        assert line in checked.out
        assert (error["file"], error["line"], error["column"]) == (str(iris), at, column)
        assert line == f"{iris}:{at}:{column}: {error['key']}: {error['message']}"
    assert not iris.with_suffix("").exists()


def test_a_sweep_from_standard_input_needs_a_folder(run: Run, iris: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(iris.parent)
    done = run("sweep", "-", stdin=iris.read_text())
    assert done.code == 2
    assert "a sweep from standard input has no folder beside it; give -o FOLDER" in done.err
    assert run("sweep", "-", "-o", "out", stdin=iris.read_text()).code == 0


def test_check_tells_every_mistake_and_no_more(run: Run, iris: Path) -> None:
    report = json.loads(run("check", iris, "--json").out)
    assert (report["ok"], report["errors"], report["sweep"]["trials"]) == (True, [], 3)
    assert report["sweep"]["seconds"] > 0
    iris.write_text("spec: base.yaml\nparameters:\n  training.epoch: [1]\n  training.l2: [-1]\n")
    done = run("check", iris)
    assert done.code == 3
    assert f'{iris}:3:20: training.epoch: there is no such key; did you mean "epochs"?' in done.out
    assert f"{iris}:4:17: training.l2: expected a number of at least 0, got -1" in done.out
    done = run("check", iris, "--set", "seed=1")
    assert done.code == 2
    assert run("check", iris, "--json").code == 3


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_sweep_file_is_told_from_a_spec(run: Run, iris: Path, command: str) -> None:
    (iris.parent / "child.yaml").write_text(f"extends: {iris.name}\n")
    done = run("train", iris)
    assert done.code == 3
    assert done.err == f"nnfit: {iris}:1:1: this is a sweep file, and no spec; train it by nnfit sweep\n"
    done = run(command, iris.parent / "child.yaml")
    assert done.code == 3
    assert "this is a sweep file, and no spec" in done.out + done.err


def test_a_file_where_a_folder_is_to_be_is_told(run: Run, iris: Path) -> None:
    for folder in (iris, iris / "in"):
        done = run("sweep", iris, "-o", folder)
        assert done.code == 7
        assert "is a file" in done.err
        assert "name another with -o" in done.err


def test_the_steps_of_a_folder_without_a_parent_are_told(run: Run, iris: Path) -> None:
    done = run("sweep", iris, "-o", iris.parent / "none" / "out")
    assert done.code == 7
    assert "there is no folder" in done.err
    assert not (iris.parent / "none").exists()


def test_a_column_of_the_table_is_called_by_what_tells_it_from_the_others() -> None:
    names = ["training.optimizer.learning_rate", "network.layers.0.size", "network.layers.1.size", "seed"]
    assert headings(names) == ["learning_rate", "layers.0.size", "layers.1.size", "seed"]
    assert headings(["network.layers[0].size", "training.l2"]) == ["size", "l2"]


def test_parts_of_a_spec_stand_in_the_table_by_their_values() -> None:
    assert shown([{"size": 16, "activation": "relu"}, {"size": "auto", "activation": "softmax"}]) == (
        "16 relu, auto softmax"
    )
    assert shown({"name": "\x1b[2J", "size": 1}) == r"\x1b[2J 1"
    assert (shown(0.01), shown("tanh"), shown(None), shown(True)) == ("0.01", "tanh", "", "true")


@pytest.mark.parametrize(("width", "left"), [(110, 7), (82, 5), (45, 4), (36, 3)])
def test_on_a_narrow_terminal_the_last_columns_go_and_numbers_stay_whole(width: int, left: int) -> None:
    head = ["trial", "learning_rate", "layers", "log_loss", "sd of members", "epochs", "seconds"]
    row = ["12", "0.0175404", "64 mish, 64 mish, 1 logistic", "0.2450", "0.0166", "30", "5.04"]
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    table = screen.grid("The best", head, [row])
    assert fitting(console, table, 2) == max(0, 4 - left)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(table.columns) == left
    assert all(cell in text for cell in ["12", "0.0175404", "0.2450", *row[3:left]])
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [60, 40, 24])
def test_of_more_parameters_than_have_room_the_last_go_and_the_score_stays(width: int) -> None:
    head = ["trial", "learning_rate", "weight_decay", "dropout", "layers.0.size", "log_loss", "epochs", "seconds"]
    row = ["12", "0.00255656", "0.00123456", "0.3", "64", "0.2450", "30", "5.04"]
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    table = screen.grid("The best", head, [row])
    gone = fitting(console, table, 4)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert 0 < gone < 5
    assert text.split("\n")[-3].split() == [*row[: 5 - gone], "0.2450"]
    assert max(map(len, text.splitlines())) <= width


def test_the_folder_of_a_sweep_is_no_model_and_says_where_one_is(run: Run, iris: Path) -> None:
    run("sweep", iris)
    folder = iris.parent / "sweep"
    done = run("predict", folder, iris.parent / "iris.csv")
    assert done.code == 5
    assert (
        done.err == f"nnfit: {folder}: is the folder of a sweep, and no model; name its best, {folder / 'best.npz'}\n"
    )


def test_the_page_of_a_sweep_tells_of_its_trials(run: Run, iris: Path) -> None:
    iris.write_text(
        "spec: base.yaml\nparameters:\n  training.optimizer.learning_rate: [0.001, 0.1]\n"
        "  network.layers.0.activation: [relu, '<b>tanh</b>']\n"
    )
    assert run("sweep", iris).code != 0  # a name that is none is told before the first trial
    iris.write_text(iris.read_text().replace("'<b>tanh</b>'", "tanh") + "  network.layers.0.size: [4, 8, 16]\n")
    assert run("sweep", iris).code == 0
    folder = iris.parent / "sweep"
    page = (folder / "report.html").read_text("utf-8")
    trials = (folder / "trials.csv").read_text().splitlines()
    assert len(trials) == 13
    assert "12 trials" in page
    for part in ("The best trials", "How much is chance", "What matters", "Two at once", "Learning curves"):
        assert part in page, part
    best = json.loads(run("sweep", iris, "--json").out)["best"]
    assert f"{best['value']:.4f}"[:6] in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_below_the_table_stands_what_the_page_says_of_chance(run: Run, iris: Path) -> None:
    done = run("sweep", iris)
    (line,) = [line for line in done.out.splitlines() if line.startswith("As the best of 3 it ")]
    page = (iris.parent / "sweep" / "report.html").read_text("utf-8")
    first, *rest = re.split(r"(?<=not in it\.) ", line)
    assert first in page
    assert all(each.removesuffix(".") in page for each in rest)
    told = json.loads(run("sweep", iris, "--json").out)
    chance = told["optimism"]
    assert chance["by"] == "rows"
    assert chance["expected"] == pytest.approx(told["best"]["value"] + chance["value"])
    expect = (
        f"expect about {chance['expected']:.4f} on new rows, with this seed and these folds, whose luck is not in it."
    )
    assert f"by about {chance['value']:.5f}: {expect}" in line
    assert (f"{chance['not_told_apart']} trial" in line) is (chance["not_told_apart"] > 0)


def test_where_nothing_tells_of_chance_that_is_said_once(run: Run, iris: Path) -> None:
    iris.write_text(iris.read_text() + "metric: f1_macro\n")
    done = run("sweep", iris)
    assert done.out.count("How much of its score is luck is not known: repeat: 5 would tell") == 1
    assert json.loads(run("sweep", iris, "--json").out)["optimism"] is None
    iris.write_text("spec: base.yaml\nparameters: {}\n")
    assert "luck" not in run("sweep", iris, "-o", iris.parent / "one").out


def test_scores_of_rows_of_a_metric_of_an_earlier_command_tell_nothing_of_another(run: Run, iris: Path) -> None:
    run("sweep", iris)
    iris.write_text(iris.read_text() + "metric: accuracy\n")
    told = json.loads(run("sweep", iris, "--json").out)
    assert (told["trained"], told["metric"], told["optimism"]) == (0, "accuracy", None)
    line = next(line for line in run("sweep", iris).out.splitlines() if "luck" in line)
    assert "keeps its scores by rows for the metric that it was trained under, and this was another" in line
    assert line.endswith("A new folder would tell, or repeat: 5.")
    assert json.loads(run("sweep", iris, "--json", "-o", iris.parent / "new").out)["optimism"]["by"] == "rows"


def test_the_brier_score_is_a_mean_over_rows(run: Run, iris: Path) -> None:
    iris.write_text(iris.read_text() + "metric: brier\n")
    assert json.loads(run("sweep", iris, "--json").out)["optimism"]["by"] == "rows"


def test_lines_of_long_work_say_how_many_trials_are_over(run: Run, iris: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    of = Shown.of
    monkeypatch.setattr(Shown, "of", lambda *given: names.append(of(*given)) or names[-1])
    run("sweep", iris, "--jobs", "1")
    assert re.fullmatch(r"3/3 trials, best log_loss 0\.\d+ of trial \d", names[-1])


UNDEFINED = "roc_auc is not defined on the rows held out"


def test_a_metric_that_no_trial_has_is_told_on_the_screen_in_the_table_and_on_the_page(run: Run, iris: Path) -> None:
    base = iris.parent / "base.yaml"
    text = base.read_text().replace("  members: 5\n", "").replace("  resample: folds ", "  #")
    base.write_text(re.sub("  test:.*", "  validation: one.csv", text))
    (iris.parent / "one.csv").write_text("\n".join((iris.parent / "iris.csv").read_text().splitlines()[:11]) + "\n")
    iris.write_text(iris.read_text() + "search: {method: halving, epochs: 1}\nmetric: roc_auc\n")
    done = run("sweep", iris)
    assert done.code == 6
    assert f"warning: no trial has a score: {UNDEFINED}; name another metric" in " ".join(done.err.split())
    lines = (iris.parent / "sweep/trials.csv").read_text().splitlines()
    assert len(lines) == 4 and all(line.endswith(f"halted: {UNDEFINED}") for line in lines[1:])
    page = (iris.parent / "sweep/report.html").read_text("utf-8")
    assert UNDEFINED in page and "There is no best" in page


def test_repeats_tell_of_chance_and_count_the_rows_that_they_share(run: Run, iris: Path) -> None:
    base = iris.parent / "base.yaml"
    iris.write_text(iris.read_text() + "repeat: 3\n")
    alike = json.loads(run("sweep", iris, "--json", "-o", iris.parent / "folds").out)["optimism"]
    assert alike["by"] == "repeats"  # whose test rows are drawn anew, so that the others differ, too
    base.write_text(
        base.read_text()
        .replace("  members: 5\n", "")
        .replace("  resample: folds ", "  #")
        .replace("test:", "validation:")
    )
    told = json.loads(run("sweep", iris, "--json").out)
    assert told["set"] == "validation"
    assert told["optimism"]["by"] == "repeats"
    found = as_sweep(carried_out(plan(load_sweep(iris)), iris.parent / "sweep"))
    assert found.redrawn == pytest.approx(0.2 / 0.8)
    assert found.repeats is not None
    assert found.repeats.mean(axis=1) == pytest.approx(found.score)


def test_test_rows_that_other_seeds_have_learnt_from_are_not_said_to_be_looked_at_once(run: Run, iris: Path) -> None:
    iris.write_text(iris.read_text() + "repeat: 2\n")
    done = run("sweep", iris)
    assert "looked at once" not in done.out and "drawn by the first seed alone" in done.out
    assert "set data.split_seed, or keep test rows in a file" in " ".join(done.err.split())
    page = (iris.parent / "sweep/report.html").read_text()
    assert "drawn by the first seed alone" in page and "the number to quote" not in page
    base = iris.parent / "base.yaml"
    base.write_text(base.read_text().replace("target: species", "target: species\n  split_seed: 1"))
    done = run("sweep", iris, "-o", iris.parent / "other")
    assert "looked at once" in done.out and "split_seed" not in done.err
    assert "the number to quote" in (iris.parent / "other/report.html").read_text()


@pytest.mark.parametrize("metric", ["log_loss", "rmse"])
def test_repeats_that_are_scored_on_the_same_rows_tell_of_the_chance_of_these(
    run: Run, iris: Path, metric: str
) -> None:
    base = iris.parent / "base.yaml"
    text = (
        base.read_text().replace("seed: 0", "seed: 0\n").replace("target: species", "target: species\n  split_seed: 1")
    )
    if metric == "rmse":
        text = text.replace("target: species", "target: petal_length").replace("softmax", "linear")
    base.write_text(text)
    iris.write_text(
        iris.read_text().replace("0.001, 0.01, 0.1", "0.008, 0.01, 0.012") + f"repeat: 3\nmetric: {metric}\n"
    )
    told = json.loads(run("sweep", iris, "--json").out)
    found = as_sweep(carried_out(plan(load_sweep(iris)), iris.parent / "sweep"))
    assert found.scores is not None and found.scored == [each + 1 for each in found.order]
    assert found.scores.of(np.ones((1, len(found.scores.sizes))))[0] == pytest.approx(found.score[found.order])
    of_seeds, of_both = luck(replace(found, scores=None)), luck(found)
    assert of_seeds is not None and of_both is not None
    assert of_both.optimism >= of_seeds.optimism and told["optimism"]["value"] == of_both.optimism


def test_the_best_so_far_is_of_trials_all_of_whose_seeds_are_over(run: Run, iris: Path) -> None:
    iris.write_text(iris.read_text() + "repeat: 2\n")
    done = run("sweep", iris, "--jobs", "1")
    trials = int(re.findall(r"^(\d+) trials: ", done.out, re.MULTILINE)[0])
    assert f"{trials} done; {2 * trials} trainings in " in done.out  # in all, and not of each seed
    told = json.loads(run("sweep", iris, "--json").out)
    last = re.findall(r"best (\S+) of trial (\d)", done.err)[-1]
    assert last == (f"{told['best']['value']:.4f}", str(told["best"]["trial"]))


def test_without_the_extra_a_sweep_leaves_no_page_and_says_so(
    run: Run, iris: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("jinja2", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    done = run("sweep", iris)
    assert done.code == 0
    assert "\nAs the best of 3 it looks better than it is, by about" in done.out
    assert "there will be no report.html" in done.err
    assert "pip install 'nnfit[report]'" in done.err
    assert not (iris.parent / "sweep" / "report.html").exists()


HALVING = """\
spec: base.yaml
search: {method: halving, epochs: 3}
parameters:
  training.optimizer.learning_rate: [0.001, 0.01, 0.1]
  network.layers.0.size: [4, 8, 16]
"""


@pytest.fixture
def halving(iris: Path) -> Path:
    """A sweep of nine trials: nine to epoch 3, three to 9, one to 20."""
    base = iris.parent / "base.yaml"
    base.write_text(base.read_text().replace("epochs: 2", "epochs: 20"))
    iris.write_text(HALVING)
    return iris


def test_check_tells_the_rungs_of_halving_and_what_they_save(run: Run, halving: Path) -> None:
    done = run("check", halving)
    assert done.code == 0
    told = "3 rungs: 9 points to epoch 3, the best 3 to 9, the best 1 to 20; 56 epochs in all, 31% of the 180 of all"
    assert told in " ".join(done.out.split())
    report = json.loads(run("check", halving, "--json").out)["sweep"]
    halving.write_text(HALVING.replace("search: {method: halving, epochs: 3}\n", ""))
    grid = json.loads(run("check", halving, "--json").out)["sweep"]
    assert report["rungs"] == [{"epochs": 3, "points": 9}, {"epochs": 9, "points": 3}, {"epochs": 20, "points": 1}]
    assert (report["epochs"], report["epochs_of_grid"]) == (56, 180)
    assert (grid["rungs"], grid["epochs"]) == ([{"epochs": 20, "points": 9}], 180)
    base = halving.parent / "base.yaml"
    base.write_text(base.read_text().replace("epochs: 20", "epochs: 20000"))
    grid = json.loads(run("check", halving, "--json").out)["sweep"]
    halving.write_text(HALVING.replace("epochs: 3", "epochs: 3000"))
    assert 0.2 < json.loads(run("check", halving, "--json").out)["sweep"]["seconds"] / grid["seconds"] < 0.5


def test_lines_and_the_end_of_halving_name_the_rung_and_those_that_were_halted(run: Run, halving: Path) -> None:
    done = run("sweep", halving, "--jobs", "1")
    assert done.code == 0
    for rung, last in (("1 of 3, 3 epochs", "9/9"), ("2 of 3, 9 epochs", "3/3"), ("3 of 3, 20 epochs", "1/1")):
        assert f"\nrung {rung}: {last} trial " in f"\n{done.err}"
    assert "9 trials: 1 done, 8 halted; 13 trainings in " in done.out
    report = json.loads(run("sweep", halving, "--json").out)
    assert report["trials"] == {"all": 9, "done": 1, "halted": 8, "diverged": 0, "failed": 0, "missing": 0}
    assert (report["trained"], len(report["top"]), report["best"]["epochs"]) == (0, 1, 20)
    page = (halving.parent / "sweep" / "report.html").read_text("utf-8")
    assert "9 trials, by successive halving over 2 parameters: 1 done, 8 halted after fewer epochs." in page


def test_a_shard_that_waits_for_the_others_says_so(run: Run, halving: Path) -> None:
    done = run("sweep", halving, "--jobs", "1", "--shard", "1/2")
    assert done.code == 0
    assert "shard 1/2: 9 trials: 9 missing; 5 trainings in " in done.out
    assert done.out.endswith("; rung 1 of 3 waits for the other shards, and after them the same command goes on\n")
    done = run("sweep", halving, "--jobs", "1", "--shard", "2/2")
    assert "4 missing" not in done.out
    assert "rung 2 of 3 waits" in done.out
    assert run("sweep", halving).code == 0


def test_an_interrupt_on_a_rung_says_where(run: Run, halving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnfit.sweeps import running

    scored, calls = running.scored, []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 11:
            raise signals.Stopped(2)
        return scored(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("nnfit.sweeps.running.together", lambda *_: 1)
    monkeypatch.setattr("nnfit.sweeps.running.scored", interrupted)
    done = run("sweep", halving, "--jobs", "1")
    assert done.code == 130
    assert "interrupted; rung 2 of 3, 9 epochs: 1 of 3 trainings are finished and kept; go on with" in done.err
