"""nnfit train: from a spec to a model file, a report and a make rule."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnfit
from nnfit.cli.train import model_path
from nnfit.config.loader import load_spec

Run = Callable[..., Any]


@pytest.fixture
def spec(flowers: Path) -> Path:
    return flowers / "flowers.yaml"


@pytest.mark.process
def test_training_writes_the_model_and_shows_network_epochs_and_metrics(spawn: Run, flowers: Path) -> None:
    ended = spawn("train", "flowers.yaml", "-o", "model.npz", cwd=flowers)
    assert ended.code == 0
    for text in ("Network: L = 2", "4 × 4", "accuracy", "train", "test", "setosa", "written to model.npz"):
        assert text in ended.out
    assert "epoch" not in ended.out.replace("epochs in", "")
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    assert [line.split()[0] for line in lines] == ["epoch"] * len(lines)
    assert lines[0].startswith("epoch  1/30  cost ")
    assert lines[-1].startswith("epoch 30/30  cost ")
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.out + ended.err
    assert nnfit.load(flowers / "model.npz").target.classes == ("setosa", "versicolor", "virginica")


@pytest.mark.process
def test_the_same_command_gives_the_same_bytes(spawn: Run, run: Run, spec: Path, tmp_path: Path) -> None:
    for name, process in (("first.npz", spawn), ("second.npz", run)):
        assert process("train", spec, "-o", tmp_path / name, "--quiet").code == 0
    first = (tmp_path / "first.npz").read_bytes()
    assert (tmp_path / "second.npz").read_bytes() == first
    assert run("train", spec, "-o", tmp_path / "third.npz", "--set", "seed=1").code == 0
    assert (tmp_path / "third.npz").read_bytes() != first


def test_without_an_output_the_model_goes_beside_the_spec(run: Run, spec: Path, flowers: Path) -> None:
    assert run("train", spec).code == 0
    assert (flowers / "flowers.npz").exists()
    (flowers / "models").mkdir()
    ended = run("train", spec, "--set", "output=models/it.npz")
    assert f"model written to {flowers / 'models' / 'it.npz'}" in ended.out
    assert (flowers / "models" / "it.npz").exists()


def test_the_model_goes_to_the_option_else_the_spec_else_beside_the_spec(flowers: Path) -> None:
    path = flowers / "net.v2.yaml"
    text = (flowers / "flowers.yaml").read_text()
    path.write_text(text)
    loaded = load_spec(path)
    assert model_path(loaded, path, None) == flowers / "net.v2.npz"
    assert model_path(loaded, path, Path("here.npz")) == Path("here.npz")
    path.write_text(text + "output: ../models/net.npz\n")
    loaded = load_spec(path)
    assert model_path(loaded, path, None) == flowers / ".." / "models" / "net.npz"
    assert model_path(loaded, path, Path("here.npz")) == Path("here.npz")


def test_quiet_prints_nothing_but_warnings(run: Run, spec: Path) -> None:
    assert run("train", spec, "--quiet") == (0, "", "")
    ended = run("train", spec, "--quiet", "--set", "training.batch_size=99")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "warning: --set training.batch_size=99: training.batch_size: 99 is more than the 45 training rows; "
        "each epoch is one update\n"
    )


def test_the_report_is_one_json_object_with_full_precision(run: Run, spec: Path, tmp_path: Path) -> None:
    run("train", spec, "-o", tmp_path / "m.npz", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"model", "rows", "epochs", "seconds", "metrics"} <= set(report)
    assert report["model"] == str(tmp_path / "m.npz")
    assert (report["rows"], report["epochs"]) == (60, 30)
    assert 0 < report["seconds"] < 60
    assert list(report["metrics"]) == ["train", "test"]
    metrics = report["metrics"]["test"]
    assert {"loss", "accuracy", "log_loss", "f1_macro", "confusion", "classes"} <= set(metrics)
    assert 0 <= metrics["roc_auc"] <= 1
    assert metrics["classes"] == ["setosa", "versicolor", "virginica"]
    assert np.sum(metrics["confusion"]) == 15
    assert report["metrics"] == nnfit.load(tmp_path / "m.npz").record["metrics"]
    folds = ("--set", "network.members=3", "--set", "training.resample=folds")
    run("train", spec, "-o", tmp_path / "m.npz", "--json", tmp_path / "report.json", *folds)
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["metrics"]) == ["train", "out_of_fold", "test"]
    assert report["rows"] == 60, "rows out of fold are training rows, and count once"
    assert metrics["loss"] != round(metrics["loss"], 6)


def test_the_report_holds_all_by_which_two_runs_may_differ(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flowers)
    (flowers / "more.csv").write_text((flowers / "flowers.csv").read_text())
    sets = ("seed=7", "training.batch_size=99", "data.validation=more.csv", "training.early_stopping={patience: 3}")
    words = ("train", "flowers.yaml", *(word for change in sets for word in ("--set", change)), "--blas-threads", "2")
    ended = run(*words, "--json", "r.json", "--quiet")
    report = json.loads((flowers / "r.json").read_text())
    shown = json.loads(run("inspect", "flowers.npz", "--json").out)
    assert report["overrides"] == list(sets)
    assert (report["seed"], report["blas_threads"]) == (7, 2)
    assert report["versions"] == nnfit.load("flowers.npz").record["versions"]
    assert len(report["best_epochs"]) == 1
    digest = hashlib.sha256((flowers / "flowers.csv").read_bytes()).hexdigest()
    assert report["data_sha256"] == digest
    assert report["sha256"] == {"train": digest, "validation": digest}
    assert report["spec"]["training"]["optimizer"]["beta1"] == 0.9
    (warning, *others) = report["warnings"]
    assert (warning["key"], warning["message"].count("each epoch is one update")) == ("training.batch_size", 1)
    assert len(others) + 1 == ended.err.count("warning: ")
    for key in (
        "spec",
        "seed",
        "blas_threads",
        "versions",
        "best_epochs",
        "data_sha256",
        "sha256",
        "metrics",
        "trivial",
    ):
        assert report[key] == shown[key], key


def test_a_report_of_a_name_that_is_no_text_is_json(run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flowers)
    name = "\udcff.npz"
    assert run("train", "flowers.yaml", "-o", name, "--json", "r.json", "--depfile", "d.d").code == 0
    assert json.loads((flowers / "r.json").read_bytes())["model"] == name
    assert (flowers / "d.d").read_bytes().startswith(b"\xff.npz: flowers.yaml flowers.csv\n")


def test_the_last_line_says_where_the_model_is(run: Run, spec: Path, tmp_path: Path) -> None:
    ended = run("train", spec, "-o", tmp_path / "m.npz", "--log", tmp_path / "l.log")
    assert ended.out.splitlines()[-1].endswith(f" s; model written to {tmp_path / 'm.npz'}")


def test_the_report_of_two_classes_has_the_area_under_the_curve(run: Run, spec: Path, tmp_path: Path) -> None:
    rows = (tmp_path / "flowers.csv").read_text().replace("versicolor", "setosa")
    (tmp_path / "flowers.csv").write_text(rows)
    run("train", spec, "--set", "network.layers[1].activation=logistic", "--json", tmp_path / "report.json")
    assert 0 <= json.loads((tmp_path / "report.json").read_text())["metrics"]["test"]["roc_auc"] <= 1


def test_the_report_of_a_real_target_has_its_metrics(run: Run, spec: Path, tmp_path: Path) -> None:
    changes = ("data.target=length", "network.layers[1].activation=linear", "data.validation=0.2")
    options = [word for change in changes for word in ("--set", change)]
    assert run("train", spec, *options, "--json", tmp_path / "report.json").code == 0
    metrics = json.loads((tmp_path / "report.json").read_text())["metrics"]
    assert list(metrics) == ["train", "validation", "test"]
    assert set(metrics["test"]) == {"loss", "rmse", "mae", "r2", "mape"}


def test_the_history_is_a_table_of_the_epochs(run: Run, spec: Path, tmp_path: Path) -> None:
    history = tmp_path / "epochs.csv"
    options = ("--history", history, "--set", "data.validation=0.2", "--set", "training.epochs=3")
    assert run("train", spec, *options).code == 0
    lines = [line.split(",") for line in history.read_text().splitlines()]
    assert lines[0] == ["epoch", "cost", "validation"]
    record = nnfit.load(spec.with_suffix(".npz")).record["history"]
    assert [float(line[1]) for line in lines[1:]] == record["cost"]
    assert [float(line[2]) for line in lines[1:]] == record["validation"]
    assert [line[0] for line in lines[1:]] == ["1", "2", "3"]


def test_the_history_has_each_member_and_a_gap_where_nothing_is_held_out(run: Run, spec: Path, tmp_path: Path) -> None:
    history = tmp_path / "epochs.csv"
    options = ("--history", history, "--set", "network.members=3", "--set", "training.epochs=2")
    assert run("train", spec, *options).code == 0
    lines = [line.split(",") for line in history.read_text().splitlines()]
    assert lines[0] == ["epoch", "cost", "validation", "cost_1", "cost_2", "cost_3"]
    assert len(lines) == 3
    for line in lines[1:]:
        assert line[2] == ""
        assert float(line[1]) == pytest.approx(np.mean([float(cell) for cell in line[3:]]))
        assert len(set(line[3:])) == 3


def test_the_history_without_epochs_is_its_heading(run: Run, spec: Path, tmp_path: Path) -> None:
    assert run("train", spec, "--history", tmp_path / "e.csv", "--set", "training.epochs=0").code == 0
    assert (tmp_path / "e.csv").read_text() == "epoch,cost,validation\n"


def test_the_history_is_not_written_over_the_spec(run: Run, spec: Path) -> None:
    before = spec.read_bytes()
    assert run("train", spec, "--history", spec).code == 7
    assert spec.read_bytes() == before


def test_set_changes_the_spec_that_is_stored(run: Run, spec: Path, tmp_path: Path) -> None:
    run("train", spec, "--set", "training.epochs=2", "--set", "network.members=3", "-o", tmp_path / "m.npz")
    model = nnfit.load(tmp_path / "m.npz")
    assert model.spec.training.epochs == 2
    assert len(model.record["history"]["cost"]) == 2
    assert model.theta.shape[0] == 3


def test_an_unknown_key_of_set_is_an_error(run: Run, spec: Path) -> None:
    ended = run("train", spec, "--set", "training.epoch=2")
    assert ended.code == 3
    assert ended.err == (
        'nnfit: --set training.epoch=2: training.epoch: there is no such key; did you mean "epochs"?\n'
    )


def test_the_number_of_threads_for_matrix_products_is_recorded(run: Run, spec: Path, tmp_path: Path) -> None:
    for threads in (1, 2):
        assert run("train", spec, "--blas-threads", threads, "-o", tmp_path / "m.npz").code == 0
        assert nnfit.load(tmp_path / "m.npz").record["blas_threads"] == threads
        assert os.environ["OPENBLAS_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"] == str(threads)


def test_no_epochs_write_the_untrained_network(run: Run, spec: Path, tmp_path: Path) -> None:
    ended = run("train", spec, "--set", "training.epochs=0", "-o", tmp_path / "m.npz")
    assert ended.code == 0
    assert "0 epochs" in ended.out
    assert nnfit.load(tmp_path / "m.npz").record["history"]["cost"] == []


@pytest.mark.process
@pytest.mark.parametrize("name", ["plain", "with space", "dollar$", "hash#", "100%", "back\\slash", "é"])
def test_the_make_rule_is_read_by_make_whatever_the_names(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(flowers)
    folder = Path(f"{name} in")
    folder.mkdir()
    Path("flowers.yaml").rename(folder / f"{name}.yaml")
    Path("flowers.csv").rename(folder / f"{name}.csv")
    Path("more.csv").write_text((folder / f"{name}.csv").read_text())
    model = f"{name}.npz"
    sets = ("--set", f"data.train='{name}.csv'", "--set", "data.test=../more.csv", "--set", "training.epochs=1")
    ended = run("train", folder / f"{name}.yaml", *sets, "-o", model, "--depfile", "rules.d", "--quiet")
    assert ended.code == 0, ended.err
    Path("Makefile").write_text("include rules.d\n%.npz:\n\t@false\n")

    def make(*options: str) -> int:
        return subprocess.run(["make", "-q", *options, model], capture_output=True, timeout=60).returncode

    assert make() == 0  # up to date
    for source in (folder / f"{name}.yaml", folder / f"{name}.csv", Path("more.csv")):
        assert make(f"--what-if={source}") == 1  # to be made again
        source.rename("aside")
        assert make() != 2  # a source that vanishes does not stop make
        Path("aside").rename(source)
    assert make("--what-if=unrelated") == 0


def test_an_output_never_replaces_an_input_or_another_output(run: Run, flowers: Path) -> None:
    spec, data = flowers / "flowers.yaml", flowers / "flowers.csv"
    before = spec.read_bytes(), data.read_bytes()
    for path in (spec, data):
        assert run("train", spec, "-o", path).code == 7
    both = run("train", spec, "-o", flowers / "m.npz", "--json", flowers / "m.npz")
    assert both.err.endswith("m.npz: cannot be written: is given for two outputs\n")
    assert (spec.read_bytes(), data.read_bytes()) == before


@pytest.mark.parametrize("option", ["-o", "--json", "--depfile"])
def test_an_output_is_no_dash(run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.chdir(flowers)
    ended = run("train", "flowers.yaml", option, "-")
    reason = "outputs do not go to standard output by -; name a file"
    assert ended == (2, "", f"nnfit: {option} -: {reason}\n")
    assert not Path("-").exists()


def test_a_report_that_cannot_be_written_leaves_the_old_model(run: Run, flowers: Path) -> None:
    (flowers / "m.npz").write_bytes(b"old")
    assert run("train", flowers / "flowers.yaml", "-o", flowers / "m.npz", "--json", "/dev/full").code == 7
    assert (flowers / "m.npz").read_bytes() == b"old"


def test_a_gradient_that_is_lost_before_training_is_warned_of(run: Run, spec: Path, tmp_path: Path) -> None:
    ended = run("train", spec, "-o", tmp_path / "m.npz", "--quiet", "--set", "network.initialization.weights=zeros")
    assert ended.code == 0
    assert ended.err.startswith(f"warning: {spec}:8:7: network.layers[0]: layer 2: the gradient vanishes: it is 0; ")
    assert len(ended.err.splitlines()) == 1


def test_units_that_are_stuck_after_training_are_warned_of(run: Run, spec: Path, tmp_path: Path) -> None:
    spec.write_text(spec.read_text().replace("activation: tanh", "activation: relu"))
    steep = "training.optimizer={name: sgd, learning_rate: 1e3}"
    ended = run("train", spec, "-o", tmp_path / "m.npz", "--quiet", "--set", steep)
    assert ended.code == 0
    assert "layer 2: 4 of 4 relu units are dead: on all 45 rows looked at " in ended.err
    assert "try a smaller training.optimizer.learning_rate" in ended.err


def test_a_training_that_diverges_leaves_the_model_and_the_last_good_checkpoint(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flowers)
    (flowers / "out.npz").write_bytes(b"old")
    sets = ("data.target=length", "network.layers=[{size: 1, activation: linear}]")
    sets += ("training.checkpoint={every: 1}", "training.optimizer={name: sgd, learning_rate: 1.5}")
    ended = run("train", "flowers.yaml", "-o", "out.npz", *(word for change in sets for word in ("--set", change)))
    assert ended.code == 6
    message = re.fullmatch(
        r"nnfit: training diverged in epoch (\d+): (Θ⁽\d⁾ holds values that are|the cost is) not finite; "
        r"try a smaller training\.optimizer\.learning_rate, .*",
        ended.err.splitlines()[-1],
    )
    assert message
    assert (flowers / "out.npz").read_bytes() == b"old"
    with np.load(flowers / "out.checkpoint.npz", allow_pickle=False) as saved:
        assert json.loads(saved["metadata"].tobytes())["epochs"] == int(message[1]) - 1 > 0
        assert np.isfinite(saved["theta"]).all()


def test_the_screen_and_the_report_show_the_linear_model_beside_the_trivial_predictor(run: Run, flowers: Path) -> None:
    ended = run("train", flowers / "flowers.yaml", "--json", flowers / "report.json")
    heading = next(line for line in ended.out.splitlines() if line.split()[:2] == ["metric", "45"])
    assert heading.split() == ["metric", "45", "rows", "trivial", "linear", "15", "rows", "trivial", "linear"]
    assert '"linear": {' in (flowers / "report.json").read_text()
    shown = run("inspect", flowers / "flowers.npz").out
    assert heading in shown
    plain = run("train", flowers / "flowers.yaml", "--set", "training.baseline=false").out
    assert "linear" not in plain


def test_a_doubt_about_the_network_goes_to_standard_error(run: Run, spec: Path) -> None:
    sets = (
        "data.target=length",
        "network.layers[1].activation=linear",
        "training.epochs=1",
        "training.optimizer.learning_rate=1e-6",
    )
    ended = run("train", spec, "--quiet", *(word for change in sets for word in ("--set", change)))
    assert (ended.code, ended.out) == (0, "")
    assert re.match("warning: the network does not beat the trivial predictor: rmse [0-9.]+ against ", ended.err)


def test_a_make_rule_keeps_a_detour_that_leads_elsewhere(tmp_path: Path) -> None:
    from nnfit.cli.results import rule

    (tmp_path / "real/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real/sub")
    (tmp_path / "real/t.csv").write_text("x\n")
    (tmp_path / "t.csv").write_text("x\n")
    text = rule(Path("m.npz"), [f"{tmp_path}/link/../t.csv", f"{tmp_path}/real/sub/../t.csv"]).decode()
    assert text.splitlines()[0] == f"m.npz: {tmp_path}/link/../t.csv {tmp_path}/real/t.csv"
