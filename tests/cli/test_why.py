"""`nnfit explain --row` and `--equations` print what the library found, with the values of the row beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nnfit
from nnfit.cli.bars import to_its_side as bar
from nnfit.data.table import read_table
from nnfit.explain.contributions import contributions
from nnfit.explain.equations import equations

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def saved(configs: Any, tmp_path: Path) -> Callable[[str], Path]:
    """A config's model as a file."""

    def saved(name: str) -> Path:
        path = tmp_path / f"{name}.npz"
        configs[name].model.save(path)
        return path

    return saved


def test_a_row_of_classes_is_explained_column_by_column_the_largest_first(run: Run, flower_model: Path) -> None:
    data = flower_model.parent / "flowers.csv"
    ended = run("explain", flower_model, data, "--row", 3)
    assert (ended.code, ended.err) == (0, "")
    model = nnfit.load(flower_model)
    table = read_table(str(data), model.dialect, model.kinds, others=False)
    (found,) = contributions(model, table, [3])
    true = pd.read_csv(data)["species"][2]
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[0] == (
        f"Row 3: species = virginica predicted, probability {found.output:.4f}; {true} in the file; "
        f"at the mean of the training rows {found.baseline:.4f}"
    )
    assert lines[2].split() == ["column", "value", "contribution"]
    length, colour = (f"{value:+.4f}".replace("-", "−") for value in found.contributions)
    assert lines[4].split()[:3] == ["length", found.values[0], length]
    assert lines[5].split()[:3] == ["colour", "red", colour]
    assert lines[4].endswith("│███████████████")
    total = found.contributions.sum()
    assert f"sum {total:+.4f} = {found.output:.4f} − {found.baseline:.4f}" in lines


def test_its_json_has_the_keys_of_the_contract_in_full_precision(run: Run, flower_model: Path) -> None:
    data = flower_model.parent / "flowers.csv"
    ended = run("explain", flower_model, "-", "--row", 5, "--json", stdin=data.read_text())
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert list(found)[:5] == ["model", "row", "target", "prediction", "output"]
    assert found["row"] == 5
    assert {"baseline", "error", "warnings"} < found.keys()
    parts = found["contributions"]
    assert all(list(part) == ["column", "value", "contribution"] for part in parts)
    assert [part["column"] for part in parts] == ["length", "colour"]
    assert sum(part["contribution"] for part in parts) == pytest.approx(found["output"] - found["baseline"], abs=1e-7)
    model, frame = nnfit.load(flower_model), pd.read_csv(data)
    assert found["output"] == model.predict_proba(frame).iloc[4].max()
    assert found["prediction"] == model.predict(frame)["prediction"][4]


def test_of_several_targets_each_has_its_own(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 6], "u": [1.0, 2, 3, 4, 5], "v": [5.0, 1, 2, 8, 2]})
    layers = [{"size": 3, "activation": "tanh"}, {"size": 2, "activation": "linear"}]
    keys = {"data": {"target": ["u", "v"]}, "network": {"layers": layers}, "training": {"epochs": 3}}
    model = nnfit.train(keys, frame).model
    model.save(tmp_path / "m.npz")
    frame.to_csv(tmp_path / "d.csv", index=False)
    found = json.loads(run("explain", tmp_path / "m.npz", tmp_path / "d.csv", "--row", 2, "--json").out)
    assert list(found) == ["model", "row", "targets", "warnings"]
    assert [each["target"] for each in found["targets"]] == ["u", "v"]
    predicted = model.predict(frame).iloc[1].tolist()
    assert [each["prediction"] for each in found["targets"]] == predicted
    out = run("explain", tmp_path / "m.npz", tmp_path / "d.csv", "--row", 2).out
    assert out.index("Row 2: u = ") < out.index("Row 2: v = ")


def test_what_cannot_be_complete_is_said_to_be_so(run: Run, saved: Callable[[str], Path]) -> None:
    model, data = saved("perceptron"), ROOT / "datasets/perceptron.csv"
    ended = run("explain", model, data, "--row", 80)
    assert ended.code == 0
    assert "a step jumps, and no gradient divides its jumps among the columns" in ended.err
    assert "sum +0.000 = 1.000 − 0.000, but for +1.000" in ended.out
    found = json.loads(run("explain", model, data, "--row", 80, "--json").out)
    assert found["error"] == 1
    assert [problem["code"] for problem in found["warnings"]] == ["incomplete"]


def test_without_a_mean_of_the_training_rows_that_of_data_is_named(run: Run, flower_model: Path) -> None:
    model = nnfit.load(flower_model)
    old = flower_model.parent / "old.npz"
    replace(model, record={key: part for key, part in model.record.items() if key != "input_mean"}).save(old)
    ended = run("explain", old, flower_model.parent / "flowers.csv", "--row", 1)
    assert "at the mean of the rows of DATA" in ended.out
    assert "warning: the model has no means of its inputs, so the baseline is the mean of the rows given" in ended.err


def test_a_prediction_that_was_cut_is_shown_beside_the_output_that_is_explained(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "y": [1.0, 2, 3, 4, 5]})
    keys = {
        "data": {"target": "y"},
        "network": {"layers": [{"size": 1, "activation": "linear"}]},
        "training": {"clamp": True, "epochs": 200, "optimizer": {"name": "lbfgs"}, "batch_size": "full"},
    }
    nnfit.train(keys, frame).model.save(tmp_path / "m.npz")
    (tmp_path / "d.csv").write_text("a\n9\n3\n")
    ended = run("explain", tmp_path / "m.npz", tmp_path / "d.csv", "--row", 1)
    assert ended.out.startswith("Row 1: y = 9.000 (cut to 5) predicted; at the mean of the training rows 3.000\n")
    assert "outside the range" in ended.err
    assert "cut" not in run("explain", tmp_path / "m.npz", tmp_path / "d.csv", "--row", 2).out


def test_hostile_names_and_cells_stay_on_their_line(run: Run, tmp_path: Path) -> None:
    name, value = "a\x1b[2J[red]b[/red]\nc", "\x1b]0;x\x07<script>"
    frame = pd.DataFrame({name: [value, "other"] * 5, "y": ["p", "q"] * 5})
    keys = {"data": {"target": "y"}, "network": {"layers": [{"size": 1, "activation": "logistic"}]}}
    nnfit.train(keys, frame, overrides={"training.epochs": 1}).model.save(tmp_path / "m.npz")
    frame.to_csv(tmp_path / "d.csv", index=False)
    for words in (("--row", 1, tmp_path / "d.csv"), ("--equations",)):
        ended = run("explain", tmp_path / "m.npz", *words)
        assert ended.code == 0
        assert ended.out.replace("\n", "").isprintable()
        assert r"a\x1b[2J[red]b[/red]\nc" in ended.out.replace("\\\\", "\\")
        assert "<script>" in ended.out


def test_the_notes_worked_example_is_printed_as_formulas(run: Run, saved: Callable[[str], Path]) -> None:
    path = saved("notes_example")
    ended = run("explain", path, "--equations")
    assert (ended.code, ended.err) == (0, "")
    sections = equations(nnfit.load(path))
    written = "".join(f"{each.title}\n" + "".join(f"  {line}\n" for line in each.formulas) + "\n" for each in sections)
    assert ended.out == written
    found = json.loads(run("explain", path, "--equations", "--json").out)
    assert found["sections"][-1] == {"title": "Prediction", "formulas": ["y = ŷ₁"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "DATA is missing: a table with the columns of the model"),
        (("--row", "1"), "DATA is missing"),
        (("d.csv", "--row", "0"), "--row 0: d.csv has 60 rows; name one from 1 to 60"),
        (("d.csv", "--row", "61"), "--row 61: d.csv has 60 rows"),
        (("d.csv", "--equations"), "--equations: formulas are of the network, and no table is read for them"),
        (("--equations", "--row", "1"), "--equations: formulas are of the network, not of a row"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    run: Run, flower_model: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(flower_model.parent)
    Path("flowers.csv").rename("d.csv")
    ended = run("explain", flower_model.name, *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"nnfit: {said}")
    assert ended.err.count("\n") == 1


def test_a_bar_grows_from_the_middle_to_its_side() -> None:
    assert bar(2.0, 2.0) == " " * 15 + "│" + "█" * 15
    assert bar(-2.0, 2.0) == "█" * 15 + "│"
    assert bar(-0.2, 2.0) == " " * 13 + "▐█│"
    assert bar(0.0, 0.0) == bar(1e-9, 1.0) == " " * 15 + "│"


def test_the_truth_of_the_file_stands_beside_the_prediction_whatever_it_is(run: Run, flower_model: Path) -> None:
    lines = (flower_model.parent / "flowers.csv").read_text().splitlines()
    columns = lines[0].split(",")
    k = columns.index("species")

    def told(cell: str | None) -> tuple[str, Any]:
        cells = lines[1].split(",")
        cells[k] = "" if cell is None else cell
        text = f"{lines[0]}\n{','.join(cells)}\n"
        ended = run("explain", flower_model, "-", "--row", 1, stdin=text)
        assert ended.code == 0, ended.err
        return ended.out.splitlines()[0], json.loads(
            run("explain", flower_model, "-", "--row", 1, "--json", stdin=text).out
        )

    first, found = told("never seen")
    assert "; never seen in the file; at the mean" in first
    assert found["truth"] == "never seen"
    first, found = told(None)
    assert "in the file" not in first
    assert " predicted, probability " in first
    assert found["truth"] is None


def test_a_real_target_is_a_number_and_a_row_without_the_column_has_no_truth(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 6], "y": [1.0, 2, 3, 4, 5]})
    keys = {"data": {"target": "y"}, "network": {"layers": [{"size": 1, "activation": "linear"}]}}
    nnfit.train(keys, frame, overrides={"training.epochs": 1}).model.save(tmp_path / "m.npz")
    for text, truth, shown in (("a,y\n2,1e1\n", 10, "; 10 in the file;"), ("a,y\n2,?!\n", "?!", "; ?! in the file;"),
                               ("a\n2\n", None, "predicted; at the mean")):  # fmt: skip
        found = json.loads(run("explain", tmp_path / "m.npz", "-", "--row", 1, "--json", stdin=text).out)
        assert found["truth"] == truth
        assert shown in run("explain", tmp_path / "m.npz", "-", "--row", 1, stdin=text).out


@pytest.mark.parametrize("n", [-1, 0, 61])
def test_a_row_that_is_not_there_is_told_as_by_trace(run: Run, flower_model: Path, n: int) -> None:
    data = flower_model.with_suffix(".csv")
    ended = run("explain", flower_model, data, "--row", n)
    assert ended == (2, "", f"nnfit: --row {n}: {data} has 60 rows; name one from 1 to 60\n")
    assert run("trace", flower_model, data, "--row", n) == ended
