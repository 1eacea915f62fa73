"""nnfit compare: several models side by side, and which differences are more than chance."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FLOWERS, flowers_csv

from nnfit.config.loader import load_spec
from nnfit.fit.prepare import Prepared, prepare
from nnfit.model.model import Model

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def untrained_bytes(tmp_path_factory: pytest.TempPathFactory, train: Callable[[Prepared], Model]) -> bytes:
    """A model of the flowers that has not learnt anything."""
    folder = tmp_path_factory.mktemp("untrained")
    (folder / "flowers.yaml").write_text(FLOWERS)
    (folder / "flowers.csv").write_text(flowers_csv())
    return train(prepare(load_spec(folder / "flowers.yaml", ["training.epochs=0"]))).to_bytes()


@pytest.fixture(autouse=True)
def here(flower_model: Path, untrained_bytes: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with flowers.npz, bad.npz, new.csv (rows that none has learnt from) and the training file."""
    folder = flower_model.parent
    monkeypatch.chdir(folder)
    (folder / "bad.npz").write_bytes(untrained_bytes)
    lines = flowers_csv(300).splitlines(keepends=True)
    (folder / "new.csv").write_text(lines[0] + "".join(lines[100:]))


def strict(text: str) -> Any:
    """JSON without NaN and infinities, which other readers refuse."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def cells(out: str) -> list[list[str]]:
    """The lines of the tables, cut where two spaces stand."""
    return [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]


def test_two_models_stand_side_by_side_and_the_better_is_told(run: Run) -> None:
    ended = run("compare", "flowers.npz", "bad.npz", "--data", "new.csv")
    assert ended.code == 0
    lines = cells(ended.out)
    assert lines[0] == ["Metrics of 201 rows; * is the best"]
    assert ["model", "accuracy", "log_loss", "f1_macro", "roc_auc"] in lines
    best, *rows = [line for line in lines if line[0] == "flowers.npz"]
    assert all(cell.endswith(" *") for cell in best[1:])
    (other,) = [line for line in lines if line[0] == "bad.npz"]
    assert not any("*" in cell for cell in other)
    assert ["Less bad.npz"] in lines
    assert ["model", "metric", "difference", "95 %", "the model is"] in lines
    assert [row[1] for row in rows] == ["accuracy", "log_loss", "f1_macro", "roc_auc"]
    assert {row[4] for row in rows} == {"better"}
    for row in rows:
        low, high = map(float, row[3].split(" to "))
        assert low < float(row[2]) < high
    assert "The interval tells of the choice of these rows alone, not of another seed" in ended.out
    assert "at 95 %\n" in ended.out


def test_json_has_every_metric_of_every_pair_with_full_precision(run: Run) -> None:
    names = ["bad.npz", "flowers.npz", "bad.npz"]
    ended = run("compare", *names, "--data", "new.csv", "--json")
    report = strict(ended.out)
    assert list(report) == ["rows", "interval_rows", "models", "differences", "warnings"]
    assert [each["model"] for each in report["models"]] == names
    assert [each["learnt_from"] for each in report["models"]] == [0, 0, 0]
    evaluated = strict(run("evaluate", "flowers.npz", "new.csv", "--json").out)
    assert report["models"][1]["metrics"] == evaluated["metrics"]["data"]
    assert report["rows"] == evaluated["rows"]
    pairs = [tuple(each["models"]) for each in report["differences"]]
    assert list(dict.fromkeys(pairs)) == [
        ("bad.npz", "flowers.npz"),
        ("bad.npz", "bad.npz"),
        ("flowers.npz", "bad.npz"),
    ]
    assert [each["metric"] for each in report["differences"]] == 3 * list(evaluated["intervals"])
    for each in report["differences"]:
        assert list(each) == ["metric", "models", "difference", "low", "high", "word"]
        own, other = (
            next(one["metrics"][each["metric"]] for one in report["models"] if one["model"] == name)
            for name in each["models"]
        )
        assert each["difference"] == pytest.approx(own - other, abs=1e-12)
        if own == other:
            assert (each["low"], each["high"], each["word"]) == (None, None, "not told apart")
        else:
            assert each["low"] < each["difference"] < each["high"]
    assert run("compare", *names, "--data", "new.csv", "--json") == ended


def test_of_many_models_each_is_shown_against_the_best(run: Run) -> None:
    ended = run("compare", "bad.npz", "flowers.npz", "bad.npz", "--data", "new.csv")
    lines = cells(ended.out)
    assert ["Less flowers.npz, the best by log_loss; --json has every pair"] in lines
    rows = [line for line in lines if line[0].startswith("bad.npz (") and len(line) == 5 and line[1].isidentifier()]
    assert [row[:2] for row in rows] == [
        [f"bad.npz ({k})", name] for k in (1, 3) for name in ("accuracy", "log_loss", "f1_macro", "roc_auc")
    ]
    assert {row[4] for row in rows} == {"worse"}
    assert "at 95 % for 3 pairs of models together" in ended.out


def test_models_of_one_name_in_different_folders_are_told_apart(run: Run) -> None:
    deep = Path("a" * 50, "models")
    for folder, model in (("one", "flowers.npz"), ("two", "bad.npz"), (deep, "bad.npz")):
        Path(folder).mkdir(parents=True)
        shutil.copy(model, Path(folder, "m.npz"))
    ended = run("compare", "one/m.npz", "two/m.npz", deep / "m.npz", "--data", "new.csv")
    shown = {line[0] for line in cells(ended.out) if line[0].endswith("m.npz") and len(line) == 5}
    assert shown == {"one/m.npz", "two/m.npz", "…" + str(deep / "m.npz")[-39:]}


def test_data_come_from_standard_input_also_where_models_read_them_differently(run: Run) -> None:
    options = ["--set", "data.columns={length: {type: categorical, unknown: zero}}", "--set", "training.epochs=1"]
    assert run("train", "flowers.yaml", "-o", "text.npz", "--quiet", *options).code == 0
    models = ("flowers.npz", "text.npz", "bad.npz")
    ended = run("compare", *models, "--data", "-", "--json", stdin=Path("new.csv").read_text())
    assert ended.code == 0, ended.err
    found, of_file = strict(ended.out), strict(run("compare", *models, "--data", "new.csv", "--json").out)
    assert (found["rows"], found["models"]) == (of_file["rows"], of_file["models"])
    assert found["differences"] == of_file["differences"]


# --- rows that were learnt from ------------------------------------------------------------------------------------


def test_the_training_file_is_warned_of_for_each_model(run: Run) -> None:
    ended = run("compare", "flowers.npz", "bad.npz", "--data", "flowers.csv")
    assert ended.code == 0
    lines = [line for line in ended.err.splitlines() if "were learnt from" in line]
    assert [line.split(": ")[:3] for line in lines] == [
        ["warning", "flowers.csv", name] for name in ("flowers.npz", "bad.npz")
    ]
    assert "45 of 60 rows were learnt from (15 are test rows)" in lines[0]
    assert "95 %, not of new rows" in ended.out
    report = strict(run("compare", "flowers.npz", "bad.npz", "--data", "flowers.csv", "--json").out)
    assert [each["learnt_from"] for each in report["models"]] == [45, 45]
    assert [(each["code"], each["key"]) for each in report["warnings"] if each["code"] == "learnt-from"] == [
        ("learnt-from", "flowers.npz"),
        ("learnt-from", "bad.npz"),
    ]


def test_of_which_models_it_is_not_known_is_said(run: Run) -> None:
    Path("flowers.csv").unlink()
    ended = run("compare", "flowers.npz", "bad.npz", "--data", "new.csv")
    note = "whether flowers.npz, bad.npz learnt from these rows is not known: the training file is not found as it was"
    assert f"{note}\n" in ended.err
    report = strict(run("compare", "flowers.npz", "bad.npz", "--data", "new.csv", "--json").out)
    assert [each["learnt_from"] for each in report["models"]] == [None, None]


# --- what is refused -----------------------------------------------------------------------------------------------


def test_one_model_alone_is_an_error_of_usage(run: Run) -> None:
    message = "nnfit: one model alone has nothing to be compared with; name two or more\n"
    assert run("compare", "flowers.npz", "--data", "new.csv") == (2, "", message)
    for missing in ((), ("flowers.npz", "bad.npz")):
        ended = run("compare", *missing, *([] if missing else ["--data", "new.csv"]))
        assert (ended.code, ended.out) == (2, "")
        assert "Missing" in ended.err


def test_what_is_no_model_is_told_so(run: Run) -> None:
    message = "nnfit: new.csv: not a model that nnfit wrote: it does not begin as an .npz file\n"
    assert run("compare", "flowers.npz", "new.csv", "--data", "new.csv") == (5, "", message)


def test_rows_without_labels_are_an_error_that_names_the_target(run: Run) -> None:
    Path("u.csv").write_text("id,length,colour\n1,2,red\n")
    expected = "nnfit: u.csv:1: flowers.npz: the target is missing: species\n"
    assert run("compare", "flowers.npz", "bad.npz", "--data", "u.csv") == (4, "", expected)
    expected = "nnfit: standard input:1: flowers.npz: the target is missing: species\n"
    ended = run("compare", "flowers.npz", "bad.npz", "--data", "-", stdin=Path("u.csv").read_text())
    assert ended == (4, "", expected)
    Path("u.csv").write_text("id,length,colour,species\n1,2,red,setosa\n2,2,red,\n")
    expected = 'nnfit: u.csv:3:4: flowers.npz: the target "species" is missing in 1 row, first here; remove such rows\n'
    assert run("compare", "flowers.npz", "bad.npz", "--data", "u.csv") == (4, "", expected)


def test_models_of_other_targets_are_told_apart_before_anything_is_computed(run: Run) -> None:
    options = ["--set", "data.target=colour", "--set", "data.ignore=[id, species]"]
    assert run("train", "flowers.yaml", "-o", "other.npz", "--quiet", *options).code == 0
    expected = (
        'nnfit: other.npz: predicts "colour" and not, as flowers.npz does, "species"; compare models of one target\n'
    )
    assert run("compare", "flowers.npz", "other.npz", "--data", "new.csv") == (2, "", expected)


def test_names_from_outside_are_shown_as_they_are_and_harm_nothing(run: Run) -> None:
    names = ["[red]m.npz", "\x1b[31m;m.npz", "שלום ‮m.npz", ":smile:\n.npz"]
    for name in names:
        shutil.copy("bad.npz", name)
    shutil.copy("new.csv", "[b]\n.csv")
    ended = run("compare", *names, "--data", "[b]\n.csv")
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err
    assert "\u202e" not in ended.out + ended.err
    for shown in ("[red]m.npz", "\\x1b[31m;m.npz", "שלום \\u202em.npz", ":smile:\\n.npz"):
        assert shown in ended.out
    assert [
        each["model"] for each in strict(run("compare", *names, "--data", "new.csv", "--json").out)["models"]
    ] == names
