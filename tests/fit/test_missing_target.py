"""Rows without a target are an error, or are left out and counted where the spec says so: before anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.fit.prepare import prepare

SPEC = """\
data: {train: data.csv, target: y%s}
network: {layers: [{size: 3, activation: tanh}, {size: auto, activation: %s}]}
training: {epochs: 3}
"""
DROP = ", missing_target: drop"


def csv(target: Callable[[int], str], n: int = 30) -> str:
    return "x,c,y\n" + "".join(f"{i * 0.7 % 3:.2f},{'ab'[i % 2]},{target(i)}\n" for i in range(n))


def number(i: int) -> str:
    return "" if i % 10 == 3 else f"{i * 0.7 % 3:.2f}"


def label(i: int) -> str:
    return "" if i % 10 == 3 else "pqr"[i % 3]


def without_gaps(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.endswith(",\n"))


@pytest.mark.parametrize(("target", "output"), [(number, "linear"), (label, "softmax")])
def test_what_is_left_is_trained_on_as_if_the_rows_had_never_been_there(
    prepared: Callable[..., Any], target: Callable[[int], str], output: str
) -> None:
    spec = SPEC % (f"{DROP}, test: 0.2, validation: 0.2", output)
    dropped, clean = prepared(spec, csv(target)), prepared(spec, without_gaps(csv(target)))
    assert (dropped.target, dropped.features) == (clean.target, clean.features)
    assert sum(rows.n for rows in dropped.sets.values()) == 27
    for name, rows in dropped.sets.items():
        np.testing.assert_array_equal(rows.examples.X, clean.sets[name].examples.X)
        np.testing.assert_array_equal(rows.examples.Y, clean.sets[name].examples.Y)


def test_how_many_are_left_out_is_said(prepared: Callable[..., Any], tmp_path: Path) -> None:
    found = prepared(SPEC % (DROP, "softmax"), csv(label))
    message = '3 rows of 30 are left out, as the target "y" is missing there'
    assert [(w.code, w.message) for w in found.warnings if w.code == "dropped-rows"] == [("dropped-rows", message)]
    assert found.warnings[0].place.file == str(tmp_path / "data.csv")
    assert not any(
        w.code == "dropped-rows" for w in prepared(SPEC % (DROP, "softmax"), without_gaps(csv(label))).warnings
    )


def test_files_of_validation_and_test_lose_such_rows_too(prepared: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(csv(label, 20))
    found = prepared(SPEC % (f"{DROP}, validation: other.csv, test: other.csv", "softmax"), csv(label))
    assert {name: rows.n for name, rows in found.sets.items()} == {"train": 27, "validation": 18, "test": 18}
    assert sum(warning.code == "dropped-rows" for warning in found.warnings) == 3


def test_a_row_that_lacks_one_of_several_targets_is_left_out(prepared: Callable[..., Any]) -> None:
    text = "x,a,b\n1,1,0\n2,,1\n3,0,\n4,1,1\n5,0,0\n"
    spec = SPEC.replace("target: y", "target: [a, b]") % (DROP, "logistic")
    assert prepared(spec, text).sets["train"].truth.tolist() == [[1, 0], [1, 1], [0, 0]]


def test_without_the_key_such_a_row_is_an_error_that_names_the_key(complaint: Callable[..., str]) -> None:
    assert complaint(SPEC % ("", "softmax"), csv(label)) == (
        'data.csv:5:3: the target "y" is missing in 3 rows, first here; remove them, or set data.missing_target: drop'
    )


def test_a_target_that_is_nowhere_is_refused(complaint: Callable[..., str]) -> None:
    assert complaint(SPEC % (DROP, "linear"), csv(lambda i: "")) == 'data.csv: the target "y" is missing in every row'


def test_evaluate_follows_the_spec_of_the_model_and_predict_takes_every_row(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    for name, text in (("data.csv", csv(label)), ("clean.csv", without_gaps(csv(label)))):
        (tmp_path / name).write_text(text)
    (tmp_path / "spec.yaml").write_text(SPEC % (DROP, "softmax"))
    trained = run("train", tmp_path / "spec.yaml", "--json", tmp_path / "report.json")
    assert "warning: " in trained.err and "3 rows of 30 are left out" in trained.err
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == 27

    found = run("evaluate", tmp_path / "spec.npz", tmp_path / "data.csv", "--json")
    assert "3 rows of 30 are left out" in found.err
    clean = run("evaluate", tmp_path / "spec.npz", tmp_path / "clean.csv", "--json")
    assert "left out" not in clean.err
    reports = [json.loads(each.out) for each in (found, clean)]
    assert reports[0]["rows"] == 27
    assert [each["code"] for each in reports[0]["warnings"]] == ["dropped-rows", "learnt-from"]
    assert reports[0]["metrics"] == reports[1]["metrics"]
    model = nnfit.load(tmp_path / "spec.npz")
    frame = pd.read_csv(tmp_path / "data.csv", dtype=str, keep_default_na=False)
    with pytest.warns(nnfit.NnfitWarning) as warned:
        assert model.evaluate(frame) == reports[0]["metrics"]["data"]
    assert "frame: 3 rows of 30 are left out" in str(warned[0].message)

    assert run("predict", tmp_path / "spec.npz", tmp_path / "data.csv").out.count("\n") == 31
    assert "left out" in run("check", tmp_path / "spec.yaml").out
    assert run("verify", tmp_path / "spec.npz", "--spec", tmp_path / "spec.yaml").code == 0


@pytest.mark.parametrize("rows", [slice(None), slice(5, 25)])
def test_rows_that_were_learnt_from_are_counted_without_those_that_were_left_out(
    tmp_path: Path, run: Callable[..., Any], rows: slice
) -> None:
    (tmp_path / "data.csv").write_text(csv(number))
    (tmp_path / "spec.yaml").write_text(SPEC % (f"{DROP}, test: 0.2", "linear"))
    assert run("train", tmp_path / "spec.yaml", "--quiet").code == 0
    header, *lines = csv(number).splitlines(True)
    (tmp_path / "some.csv").write_text(header + "".join(lines[rows]))
    report = json.loads(run("evaluate", tmp_path / "spec.npz", tmp_path / "some.csv", "--json").out)
    kept = [line for line in lines[rows] if not line.endswith(",\n")]
    prepared = prepare(load_spec(tmp_path / "spec.yaml"))
    assert report["rows"] == len(kept)
    learnt = set(prepared.sets["train"].truth[:, 0].tolist())
    assert report["learnt_from"] == sum(float(line.rsplit(",", 1)[1]) in learnt for line in kept)
