"""Metrics on rows that were learnt from are told apart: nnfit counts such rows, and names the honest score."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.data.dialect import Dialect
from nnfit.data.fingerprints import of_rows
from nnfit.data.table import read_table
from nnfit.model.split import split

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flowers)


def train(run: Run, *overrides: str, spec: str = "flowers.yaml") -> None:
    options = [word for override in ("training.epochs=3", *overrides) for word in ("--set", override)]
    ended = run("train", spec, "--quiet", "-o", "m.npz", *options)
    assert ended.code == 0, ended.err


def found(run: Run, data: str = "flowers.csv", model: str = "m.npz", **more: Any) -> tuple[int | None, list[str]]:
    """How many rows were learnt from, and the warning about them, by the JSON of evaluate."""
    report = json.loads(run("evaluate", model, data, "--json", **more).out)
    warned = [each["message"] for each in report["warnings"] if each["code"] in ("learnt-from", "watched")]
    return report["learnt_from"], warned


def drawn(spec: str = "flowers.yaml", *overrides: str) -> dict[str, Any]:
    """The rows of flowers.csv that are drawn for each set."""
    loaded = load_spec(spec, overrides).spec
    table = read_table("flowers.csv", Dialect(), {"species": "text"})
    return split(loaded, table, stratified=True)


def write(name: str, frame: pd.DataFrame) -> str:
    frame.to_csv(name, index=False)
    return name


# --- what is counted -----------------------------------------------------------------------------------------------


def test_of_the_training_file_the_rows_of_each_set_are_told_and_the_honest_score(run: Run) -> None:
    ended = run("train", "flowers.yaml", "-o", "m.npz", "--set", "data.validation=0.2")
    table = [line.split() for line in ended.out.splitlines()]
    (test,) = [line[7] for line in table if line and line[0] == "accuracy"]
    ended = run("evaluate", "m.npz", "flowers.csv")
    assert ended.code == 0
    rows = {name: len(part) for name, part in drawn("flowers.yaml", "data.validation=0.2").items()}
    assert sum(rows.values()) == 60
    assert (
        f"warning: flowers.csv: {rows['train']} of 60 rows were learnt from ({rows['validation']} are validation rows, "
        f"{rows['test']} are test rows): these metrics and their intervals are not those of new rows; the honest "
        f"score, of rows not learnt from, is test ({rows['test']} rows): accuracy {test}, log_loss 0."
    ) in ended.err
    assert "95 %, not of new rows" in ended.out


@pytest.mark.parametrize("chosen", ["train", "validation", "test", "mixed"])
def test_of_another_file_the_rows_in_common_are_counted_value_by_value(run: Run, chosen: str) -> None:
    train(run, "data.validation=0.2")
    sets = drawn("flowers.yaml", "data.validation=0.2")
    rows = np.concatenate([sets["train"][:7], sets["test"][:4]]) if chosen == "mixed" else sets[chosen]
    frame = pd.read_csv("flowers.csv").iloc[rows[::-1]]
    frame["length"] = frame["length"].map(lambda x: f"{x:.9e}")  # spelled in another way, the same number
    name = write("part.csv", frame[["species", "length", "colour"]].assign(more=1))
    count, warned = found(run, name)
    assert count == {"train": len(sets["train"]), "mixed": 7}.get(chosen, 0)
    assert [bool(warned)] == [chosen in ("train", "mixed")]
    if chosen == "mixed":
        assert warned[0].startswith("7 of 11 rows were learnt from (4 are test rows): ")


def test_a_few_rows_that_are_alike_do_not_make_a_table_one_that_was_learnt_from(run: Run) -> None:
    train(run)
    frame = pd.read_csv("flowers.csv")
    new = pd.concat([frame.assign(length=frame["length"] + 1e-6 * k) for k in (1, 2)])
    for alike, words in (
        (1, "1 of 121 rows is, value for value, a row that the model has learnt from"),
        (6, "6 of 126 rows are, value for value, rows that the model has learnt from"),
        (7, "7 of 127 rows were learnt from"),
    ):
        write("alike.csv", pd.concat([frame.iloc[drawn()["train"][:alike]], new]))
        ended = run("evaluate", "m.npz", "alike.csv")
        assert words in ended.err
        assert ("not of new rows" in ended.out) == (alike == 7) == ("the honest score" in ended.err)


def test_a_row_with_one_other_value_is_another_row(run: Run) -> None:
    train(run)
    frame = pd.read_csv("flowers.csv").iloc[drawn()["train"]]
    other = {"red": "blue", "blue": "red"}
    names = ["setosa", "versicolor", "virginica"]
    for changed in (
        frame.assign(length=frame["length"] + 1e-9),
        frame.assign(colour=frame["colour"].map(other)),
        frame.assign(species=frame["species"].map(dict(zip(names, names[1:] + names[:1], strict=True)))),
    ):
        assert found(run, write("changed.csv", changed)) == (0, [])
    assert found(run, write("same.csv", frame.assign(id=0)))[0] == len(frame)  # a column that the model does not read


def prints(file: str, columns: str, **dialect: Any) -> np.ndarray:
    table = read_table(file, Dialect(**dialect), {"c": "text"})
    return of_rows(table, [table.columns[name] for name in columns])


def test_missing_cells_are_equal_and_so_are_zeros_of_either_sign() -> None:
    Path("a.csv").write_text("x,c\n0,\n,NA\n1,a\n")
    Path("b.csv").write_text("x,c\n-0.0,NA\nNA,\n1e0,b\n")
    a, b = (prints(file, "xc", missing=("NA",)) for file in ("a.csv", "b.csv"))
    assert (a == b).tolist() == [True, True, False]


def test_different_rows_are_told_apart_whatever_the_columns() -> None:
    text = "\n".join(["x,y,c", *(f"{x},{y},{c}" for x in range(40) for y in range(40) for c in "abc")])
    Path("grid.csv").write_text(text + "\n")
    assert len(np.unique(prints("grid.csv", "xyc"))) == 4800
    assert len(np.unique(prints("grid.csv", "xc"))) == 120


def test_dates_and_truth_values_are_compared_by_what_they_mean(run: Run) -> None:
    rows = [(f"2024-01-{i % 28 + 1:02d}", "yes" if i % 3 else "no", i) for i in range(30)]
    pd.DataFrame(rows, columns=["when", "flag", "y"]).to_csv("data.csv", index=False)
    Path("spec.yaml").write_text(
        "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: 1, activation: linear}]}\n"
    )
    train(run, spec="spec.yaml")
    other = [(f"{when}T00:00", {"yes": "TRUE", "no": "f"}[flag], f"{y}.0") for when, flag, y in rows[:12]]
    assert found(run, write("part.csv", pd.DataFrame(other, columns=["when", "flag", "y"])))[0] == 12
    frame = pd.DataFrame(rows[:9], columns=["when", "flag", "y"]).assign(flag=lambda f: f["flag"] == "yes")
    with pytest.warns(nnfit.NnfitWarning, match="9 of 9 rows were learnt from"):
        nnfit.load("m.npz").evaluate(frame.assign(when=pd.to_datetime(frame["when"])))


def test_a_real_target_counts_among_the_values_and_needs_no_strata(run: Run) -> None:
    Path("data.csv").write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(40)))
    Path("spec.yaml").write_text(
        "data: {train: data.csv, target: y, test: 0.5}\nnetwork: {layers: [{size: 1, activation: linear}]}\n"
    )
    train(run, spec="spec.yaml")
    report = run("evaluate", "m.npz", "data.csv")
    assert "20 of 40 rows were learnt from (20 are test rows)" in report.err
    assert "is test (20 rows): rmse " in report.err
    Path("part.csv").write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(30)))
    Path("other.csv").write_text("x,y\n" + "".join(f"{i},{i * i + 1}\n" for i in range(30)))
    count, _ = found(run, "part.csv")
    assert count is not None
    assert 5 < count < 25
    assert found(run, "other.csv") == (0, [])


# --- where the training file is looked for -------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["m.npz", "out/m.npz"])
def test_without_the_training_file_a_whole_file_is_known_by_its_sha_256_alone(run: Run, model: str) -> None:
    train(run)
    Path("out").mkdir()
    shutil.copy("m.npz", "out/m.npz")
    shutil.copy("flowers.csv", "copy.csv")
    part = write("part.csv", pd.read_csv("flowers.csv").head(30))
    with Path("flowers.csv").open("a") as file:
        file.write("60,1.0,red,setosa\n")
    assert found(run, part, model) == (None, [])
    assert found(run, "flowers.csv", model) == (None, [])
    count, warned = found(run, "copy.csv", model)
    assert count == 45
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("spec", "model", "cwd", "data"),
    [
        ("flowers.yaml", "elsewhere/m.npz", ".", "elsewhere/part.csv"),  # the current folder
        ("flowers.yaml", "m.npz", "elsewhere", "part.csv"),  # the folder of the model
        ("flowers.yaml", "elsewhere/m.npz", "/", "part.csv"),  # the folder of the table
        ("configs/deep.yaml", "models/m.npz", "elsewhere", "part.csv"),  # as far from the model as `output` says
        ("configs/deep.yaml", "elsewhere/m.npz", ".", "elsewhere/part.csv"),  # the folder with the spec's folder in it
    ],
)
def test_the_training_file_is_found_from_where_it_may_be_meant(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, spec: str, model: str, cwd: str, data: str
) -> None:
    for folder in ("elsewhere", "configs", "models", "elsewhere"):
        Path(folder).mkdir(exist_ok=True)
    Path("configs/deep.yaml").write_text("extends: ../flowers.yaml\noutput: ../models/m.npz\n")
    train(run, spec=spec)
    shutil.move("m.npz", model)
    write(data, pd.read_csv("flowers.csv").head(30))
    expected = len(set(range(30)) & set(drawn()["train"]))
    monkeypatch.chdir(cwd)
    assert found(run, str(flowers / data), str(flowers / model))[0] == expected


def test_what_is_no_regular_file_is_not_opened_in_its_place(run: Run) -> None:
    train(run)
    part = write("part.csv", pd.read_csv("flowers.csv").head(30))
    for make in (os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to(path)):
        Path("flowers.csv").unlink(missing_ok=True)
        make("flowers.csv")
        assert found(run, part) == (None, [])
        if Path("flowers.csv").is_dir():
            Path("flowers.csv").rmdir()


def test_rows_of_standard_input_are_counted_too(run: Run) -> None:
    train(run)
    text = Path("flowers.csv").read_text()
    assert found(run, "-", stdin=text)[0] == 45
    assert found(run, "-", stdin="\n".join(text.splitlines()[:31]) + "\n")[0] == len(
        set(range(30)) & set(drawn()["train"])
    )


# --- the honest score ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (("data.test=null", "network.members=3", "training.resample=folds"), "out_of_fold (60 rows): accuracy "),
        (("data.test=null", "network.members=3", "training.resample=bootstrap"), "out_of_bag ("),
        (("network.members=3", "training.resample=folds"), "test (15 rows): accuracy "),
        (("data.test=null", "data.validation=0.2"), "validation (12 rows): accuracy "),
    ],
)
def test_the_best_score_that_the_record_has_is_named(run: Run, overrides: tuple[str, ...], name: str) -> None:
    train(run, *overrides)
    _, (warned,) = found(run)
    assert f"; the honest score, of rows not learnt from, is {name}" in warned


def test_a_model_without_such_a_score_says_how_to_have_one(run: Run) -> None:
    train(run, "data.test=null")
    count, (warned,) = found(run)
    assert count == 60
    assert warned == (
        "60 of 60 rows were learnt from: these metrics and their intervals are not those of new rows; the model has no "
        "metrics of rows not learnt from: train with data.test, or training.resample: folds"
    )


@pytest.mark.parametrize("steering", ["early_stopping={patience: 2}", "calibration=temperature", "schedule=plateau"])
def test_rows_that_steered_the_training_are_told_as_such(run: Run, steering: str) -> None:
    overrides = ("data.validation=0.2", f"training.{steering}")
    train(run, *overrides)
    rows = drawn("flowers.yaml", *overrides)["validation"]
    count, (warned,) = found(run, write("part.csv", pd.read_csv("flowers.csv").iloc[rows]))
    assert count == 0
    assert warned.startswith("12 of 12 rows are validation rows, which steered the training: ")


# --- from Python ---------------------------------------------------------------------------------------------------


def test_from_python_it_is_a_warning_at_the_callers_line_and_the_result_is_as_it_was(run: Run) -> None:
    train(run)
    frame = pd.read_csv("flowers.csv")
    with pytest.warns(nnfit.NnfitWarning, match=r"^frame: 45 of 60 rows were learnt from ") as caught:
        metrics = nnfit.load("m.npz").evaluate(frame)
    assert [(each.filename, each.message.code) for each in caught] == [(__file__, "learnt-from")]  # type: ignore[union-attr]
    assert metrics == json.loads(run("evaluate", "m.npz", "flowers.csv", "--json").out)["metrics"]["data"]
    new = frame.iloc[drawn()["test"]]
    nnfit.load("m.npz").evaluate(new)  # a warning would be an error here


def test_a_model_of_a_frame_knows_the_frame_and_no_part_of_it() -> None:
    frame = pd.read_csv("flowers.csv")
    model = nnfit.train("flowers.yaml", frame, overrides={"training.epochs": 1}).model
    with pytest.warns(nnfit.NnfitWarning, match=r"45 of 60 rows were learnt from \(15 are test rows\)"):
        model.evaluate(frame)
    model.evaluate(frame.head(30))


def test_a_model_that_was_just_trained_looks_from_the_folder_of_its_spec(
    tmp_path: Path, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    model = nnfit.train(flowers / "flowers.yaml", overrides={"training.epochs": 1}).model
    with pytest.warns(nnfit.NnfitWarning, match="rows were learnt from"):
        model.evaluate(pd.read_csv(flowers / "flowers.csv").head(30))
