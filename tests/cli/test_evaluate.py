"""nnfit evaluate: the metrics of a saved model on labelled data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnfit
from nnfit.scoring import intervals

Run = Callable[..., Any]


@pytest.fixture
def data(flower_model: Path) -> Path:
    return flower_model.with_suffix(".csv")


def strict(text: str) -> Any:
    """JSON without NaN and infinities, which other readers refuse."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.process
def test_the_metrics_are_shown_beside_those_of_a_trivial_predictor(spawn: Run, flower_model: Path) -> None:
    ended = spawn("evaluate", "flowers.npz", "flowers.csv", cwd=flower_model.parent)
    assert ended.code == 0
    assert ended.err.startswith("warning: flowers.csv: 45 of 60 rows were learnt from (15 are test rows): ")
    assert len(ended.err.splitlines()) == 1
    for text in ("60 rows", "95 %", "trivial", "accuracy", "log_loss", "f1_macro", "Confusion", "versicolor"):
        assert text in ended.out
    line = next(line for line in ended.out.splitlines() if line.startswith(" log_loss"))
    value, low, to, high, trivial = line.split()[1:]
    assert to == "to"
    assert float(low) < float(value) < float(high) < float(trivial)
    assert "\x1b" not in ended.out


def test_json_is_one_object_with_full_precision(run: Run, flower_model: Path, data: Path) -> None:
    ended = run("evaluate", flower_model, data, "--json")
    assert ended.code == 0
    report = strict(ended.out)
    assert {"model", "rows", "learnt_from", "epochs", "seconds", "metrics", "warnings"} <= set(report)
    assert report["learnt_from"] == 45
    assert [warning["code"] for warning in report["warnings"]] == ["learnt-from"]
    assert set(report["warnings"][0]) == {"code", "file", "line", "column", "key", "message", "remedy"}
    assert (report["model"], report["rows"], report["epochs"]) == (str(flower_model), 60, 30)
    assert list(report["metrics"]) == ["data"]
    metrics = report["metrics"]["data"]
    assert {"loss", "accuracy", "log_loss", "f1_macro", "roc_auc", "confusion", "classes", "per_class"} <= set(metrics)
    assert set(report["intervals"]) == {name for name, value in metrics.items() if isinstance(value, float)} - {"loss"}
    low, high = report["intervals"]["log_loss"]
    assert low < metrics["log_loss"] < high
    assert metrics["accuracy"] == np.trace(metrics["confusion"]) / 60
    assert metrics["loss"] == pytest.approx(metrics["log_loss"], rel=1e-5)


def test_the_training_rows_alone_give_the_metrics_of_the_training(run: Run, flowers: Path, tmp_path: Path) -> None:
    run("train", flowers / "flowers.yaml", "--set", "data.test=null")
    found = strict(run("evaluate", flowers / "flowers.npz", flowers / "flowers.csv", "--json").out)
    assert found["metrics"]["data"] == nnfit.load(flowers / "flowers.npz").record["metrics"]["train"]


def test_data_come_from_standard_input(run: Run, flower_model: Path, data: Path) -> None:
    found, expected = (
        strict(run("evaluate", flower_model, source, "--json", stdin=data.read_text()).out) for source in ("-", data)
    )
    assert found["metrics"] == expected["metrics"]


def test_rows_of_one_class_have_metrics_too(run: Run, flower_model: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("id,length,colour,species\n1,0,red,setosa\n")
    report = strict(run("evaluate", flower_model, tmp_path / "one.csv", "--json").out)
    assert report["rows"] == 1
    assert np.sum(report["metrics"]["data"]["confusion"]) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("id,length,colour\n1,2,red\n", ":1: the target is missing: species"),
        (
            "id,length,colour,species\n1,2,red,setosa\n2,2,red,rose\n",
            ':3:4: the target "species" is "rose", a class that no training row has; '
            "correct the cell, or train with rows of that class",
        ),
        (
            "id,length,colour,species\n1,2,red,setosa\n2,2,red,\n",
            ':3:4: the target "species" is missing in 1 row, first here; remove such rows',
        ),
    ],
)
def test_rows_without_a_known_label_are_refused(
    run: Run, flower_model: Path, tmp_path: Path, rows: str, expected: str
) -> None:
    (tmp_path / "new.csv").write_text(rows)
    ended = run("evaluate", flower_model, tmp_path / "new.csv")
    assert ended == (4, "", f"nnfit: {tmp_path / 'new.csv'}{expected}\n")


def test_labelled_rows_without_the_weight_column_count_alike(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = "".join(f"{rng.normal()},{i % 3 + 1},{rng.normal()}\n" for i in range(40))
    (tmp_path / "data.csv").write_text("x,w,y\n" + rows)
    (tmp_path / "spec.yaml").write_text(
        "data: {train: data.csv, target: y, test: 0.25, weight: w}\n"
        "network: {layers: [{size: auto, activation: linear}], dtype: float64, members: 2}\n"
        "training: {epochs: 5}\n"
    )
    assert run("train", tmp_path / "spec.yaml", "-o", tmp_path / "m.npz").code == 0
    (tmp_path / "new.csv").write_text("y,x\n1,2\n3,4\n")
    ended = run("evaluate", tmp_path / "m.npz", tmp_path / "new.csv", "--json")
    assert ended.code == 0, ended.err


def test_the_file_that_stopped_a_training_and_a_file_of_which_nothing_is_known_are_told(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    rows = [f"{i % 13}.{i % 7},{'ab'[i % 13 > 6]}\n" for i in range(60)]
    for name, part in (("train", rows[:40]), ("watched", rows[40:50]), ("new", rows[50:])):
        (tmp_path / f"{name}.csv").write_text("x,y\n" + "".join(part))
    (tmp_path / "s.yaml").write_text(
        "data: {train: train.csv, validation: watched.csv, target: y}\n"
        "network: {layers: [{size: auto, activation: logistic}]}\n"
        "training: {epochs: 5, early_stopping: {patience: 2}}\n"
    )
    assert run("train", tmp_path / "s.yaml", "--quiet").code == 0
    err = run("evaluate", tmp_path / "s.npz", tmp_path / "watched.csv").err
    assert "10 of 10 rows are validation rows, which steered the training" in err
    assert "not known" not in run("evaluate", tmp_path / "s.npz", tmp_path / "new.csv").err
    (tmp_path / "train.csv").unlink()
    err = run("evaluate", tmp_path / "s.npz", tmp_path / "new.csv").err
    assert "whether these rows were learnt from is not known: the training file is not found as it was\n" in err


def test_an_interval_that_comes_from_some_of_the_rows_says_of_how_many(
    flower_model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = flower_model.parent / "flowers.csv"
    monkeypatch.setattr(intervals, "MOST", 20)
    assert "95 %, from 20 rows" in " ".join(run("evaluate", flower_model, table).out.split())
    assert "95 %, from 20 rows" in " ".join(run("compare", flower_model, flower_model, "--data", table).out.split())
    assert json.loads(run("evaluate", flower_model, table, "--json").out)["interval_rows"] == 20
