"""nnfit explain: which columns matter to a saved model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.data.table import read_table
from nnfit.explain import importance as module
from nnfit.explain.importance import importance
from nnfit.explain.rows import rows_of

Run = Callable[..., Any]


@pytest.fixture
def data(flower_model: Path) -> Path:
    return flower_model.with_suffix(".csv")


def test_the_columns_stand_with_bars_the_most_important_first(run: Run, flower_model: Path, data: Path) -> None:
    ended = run("explain", flower_model, data)
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines() if line.strip()]
    title, header, _, first, second, *_, last = lines
    assert " ".join(title).startswith("What shuffling a column adds to the log_loss, 0.")
    assert " ".join(title).endswith(" on 60 rows")
    assert header == ["column", "importance", "±", "repeats"]
    assert first[0] == "length"
    assert first[-1] == "█" * 30
    assert float(first[1]) > 0.5 > float(first[3]) > 0
    assert second[0] == "colour"
    assert "█" * 30 not in second
    assert " ".join(last).startswith("Columns that say the same share their importance")
    assert "\x1b" not in ended.out


def test_rows_that_were_learnt_from_are_told_and_new_ones_are_not(run: Run, flower_model: Path, data: Path) -> None:
    ended = run("explain", flower_model, data)
    assert ended.err == (
        f"warning: {data}: 45 of 60 rows were learnt from: importance tells there what the network uses; "
        "for what helps on new rows, explain rows that it has not seen\n"
    )
    new = data.with_name("new.csv")
    new.write_text("length,colour,species\n" + "".join(f"{i / 7:.5f},red,setosa\n" for i in range(-9, 9)))
    assert run("explain", flower_model, new).err == ""
    data.unlink()
    ended = run("explain", flower_model, new)
    assert ended.err == "whether these rows were learnt from is not known: the training file is not found as it was\n"


def test_json_has_what_the_contract_says_and_full_precision(run: Run, flower_model: Path, data: Path) -> None:
    ended = run("explain", flower_model, data, "--json")
    report = json.loads(ended.out)
    assert ended.out == run("explain", flower_model, data, "--json").out
    model = nnfit.load(flower_model)
    expected = importance(rows_of(model, read_table(str(data), model.dialect, model.labelled_kinds, others=False)))
    assert {key: report[key] for key in ("model", "rows", "of", "learnt_from", "metric", "baseline")} == {
        "model": str(flower_model),
        "rows": 60,
        "of": 60,
        "learnt_from": 45,
        "metric": "log_loss",
        "baseline": expected.baseline,
    }
    assert [each["column"] for each in report["columns"]] == ["length", "colour"]
    assert [each["importance"] for each in report["columns"]] == expected.importance.tolist()
    assert [each["sd"] for each in report["columns"]] == expected.sd.tolist()
    assert [each["noise"] for each in report["columns"]] == expected.noise.tolist()
    assert [each["repeats"] for each in report["columns"]] == expected.repeats.tolist()
    assert [warning["code"] for warning in report["warnings"]] == ["learnt-from"]


def test_data_come_from_standard_input(run: Run, flower_model: Path, data: Path) -> None:
    found, expected = (
        json.loads(run("explain", flower_model, source, "--json", stdin=data.read_text()).out) for source in ("-", data)
    )
    assert found["columns"] == expected["columns"]


def test_of_a_sample_both_numbers_of_rows_are_told(
    run: Run, flower_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORK", 0)
    monkeypatch.setattr(module, "FEWEST", 30)
    assert " on 30 of 60 rows" in run("explain", flower_model, data).out
    report = json.loads(run("explain", flower_model, data, "--json").out)
    assert (report["rows"], report["of"]) == (30, 60)


HOSTILE = ["<script>alert(1)</script>", "[bold red]x[/]", "\x1b[31mred\x07", "x" * 2000, "\u202eabc"]


def test_names_of_columns_are_shown_literally_and_short(run: Run, tmp_path: Path) -> None:
    names = ",".join(f'"{name}"' for name in HOSTILE)
    rows = "".join(f"{i},{i % 3},{i % 5},{i % 7},{i % 2},{i % 4 * 1.5}\n" for i in range(60))
    (tmp_path / "data.csv").write_text(f"{names},y\n{rows}", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "data: {train: data.csv, target: y}\n"
        "network: {layers: [{size: 3, activation: tanh}, {size: auto, activation: linear}], members: 2}\n"
        "training: {epochs: 3}\n"
    )
    assert run("train", tmp_path / "s.yaml", "--quiet").code == 0
    ended = run("explain", tmp_path / "s.npz", tmp_path / "data.csv")
    assert ended.code == 0, ended.err
    for shown in ("<script>alert(1)</script>", "[bold red]x[/]", "\\x1b[31mred\\x07", "x" * 39 + "…", "\\u202eabc"):
        assert shown in ended.out
    assert "± members" in ended.out
    assert " adds to the rmse, " in ended.out
    assert not {"\x1b", "\x07", "\u202e"} & set(ended.out)
    assert max(map(len, ended.out.splitlines())) < 150
    found = json.loads(run("explain", tmp_path / "s.npz", tmp_path / "data.csv", "--json").out)
    assert {each["column"] for each in found["columns"]} == set(HOSTILE)
    assert all(len(each["members"]) == 2 for each in found["columns"])


def test_a_column_that_moves_nothing_has_no_bar_and_may_be_chance(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"{i},5,{i * 1e-6:.9f}\n" for i in range(60))
    (tmp_path / "data.csv").write_text(f"x,same,y\n{rows}")
    (tmp_path / "s.yaml").write_text(
        "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: auto, activation: linear}]}\n"
        "training: {epochs: 20, optimizer: {name: sgd, learning_rate: 0.3}}\n"
    )
    assert run("train", tmp_path / "s.yaml", "--quiet").code == 0
    out = run("explain", tmp_path / "s.npz", tmp_path / "data.csv").out
    first, second = (line.split() for line in out.splitlines() if line.startswith((" x ", " same ")))
    assert float(first[1]) > 1e-5  # of a target in small units the digits are there, too
    assert len(first[1].strip("0.")) == 4
    assert second[0] == "same"
    assert float(second[1]) == float(second[3]) == 0
    assert second[4:] == []
    assert "░ or no bar: these 60 rows cannot tell it from chance.\n" in out


def test_what_the_rows_cannot_tell_from_chance_keeps_its_size(run: Run, flower_model: Path, data: Path) -> None:
    few = data.with_name("few.csv")
    few.write_text("length,colour,species\n-1,red,setosa\n1,red,virginica\n-0.9,red,virginica\n1.1,red,setosa\n")
    out = run("explain", flower_model, few).out
    (line,) = [line for line in out.splitlines() if line.startswith(" length ")]
    assert line.split()[-1] == "░" * 30
    assert "these 4 rows cannot tell it from chance" in out


def test_one_row_is_not_shuffled(run: Run, flower_model: Path, data: Path) -> None:
    one = data.with_name("one.csv")
    one.write_text("\n".join(data.read_text().splitlines()[:2]) + "\n")
    message = (
        f"nnfit: {one}: one row cannot be shuffled: importance needs two at least, and tells little of fewer than a "
    )
    for words in (("explain", flower_model, one), ("plot", "importance", flower_model, "--data", one, "-o", "i.svg")):
        ended = run(*words)
        assert (ended.code, ended.out) == (4, "")
        assert message in ended.err


def test_a_target_without_a_square_is_told_and_nothing_else(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 7}\n" for i in range(30))
    (tmp_path / "data.csv").write_text(f"x,y\n{rows}")
    (tmp_path / "s.yaml").write_text(
        "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: auto, activation: linear}]}\n"
        "training: {epochs: 2}\n"
    )
    assert run("train", tmp_path / "s.yaml", "--quiet").code == 0
    (tmp_path / "far.csv").write_text(f"x,y\n{rows}3,1e200\n")
    ended = run("explain", tmp_path / "s.npz", tmp_path / "far.csv")
    assert (ended.code, ended.out) == (4, "")
    assert "RuntimeWarning" not in ended.err
    assert ended.err.splitlines()[-1].startswith(f'nnfit: {tmp_path / "far.csv"}:32:2: the target "y" is 1e+200')


def test_many_columns_are_cut_with_their_number(run: Run, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(45)]
    rows = "".join(",".join(str((i * j) % 7) for j in range(1, 46)) + f",{i % 5}.5\n" for i in range(30))
    (tmp_path / "data.csv").write_text(f"{','.join(names)},y\n{rows}")
    (tmp_path / "s.yaml").write_text(
        "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: auto, activation: linear}]}\n"
        "training: {epochs: 2}\n"
    )
    assert run("train", tmp_path / "s.yaml", "--quiet").code == 0
    ended = run("explain", tmp_path / "s.npz", tmp_path / "data.csv")
    assert sum(line.startswith(" c") and line[2].isdigit() for line in ended.out.splitlines()) == 40
    assert "5 columns more, less important: --json has them\n" in ended.out


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("length,colour\n2,red\n", ":1: the target is missing: species"),
        ("colour,species\nred,setosa\n", ":1: columns missing: length"),
        (
            "length,colour,species\n2,red,\n",
            ':2:3: the target "species" is missing in 1 row, first here; remove such rows',
        ),
    ],
)
def test_rows_that_cannot_be_scored_are_refused_with_their_place(
    run: Run, flower_model: Path, tmp_path: Path, rows: str, expected: str
) -> None:
    (tmp_path / "new.csv").write_text(rows)
    ended = run("explain", flower_model, tmp_path / "new.csv")
    assert ended == (4, "", f"nnfit: {tmp_path / 'new.csv'}{expected}\n")
