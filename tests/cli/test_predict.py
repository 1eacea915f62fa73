"""nnfit predict: one output row per input row, in order."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nnfit
from nnfit.data import reader

Run = Callable[..., Any]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def data(flower_model: Path) -> Path:
    return flower_model.with_suffix(".csv")


@pytest.mark.process
def test_predictions_go_to_standard_output(spawn: Run, flower_model: Path) -> None:
    ended = spawn("predict", "flowers.npz", "flowers.csv", cwd=flower_model.parent)
    assert (ended.code, ended.err) == (0, "")
    rows = read(ended.out)
    assert list(rows[0]) == ["prediction"]
    assert len(rows) == 60
    right = [row["prediction"] == ("setosa", "versicolor", "virginica")[i % 3] for i, row in enumerate(rows)]
    assert sum(right) >= 57
    assert ended.out.endswith("\n")
    assert "\r" not in ended.out


def test_predictions_go_to_a_file(run: Run, flower_model: Path, data: Path, tmp_path: Path) -> None:
    expected = run("predict", flower_model, data, "--proba").out
    ended = run("predict", flower_model, data, "--proba", "-o", tmp_path / "out.csv")
    assert ended == (0, "", "")
    assert (tmp_path / "out.csv").read_text() == expected


def test_predictions_never_replace_their_own_input(run: Run, flower_model: Path, data: Path) -> None:
    before = data.read_bytes(), flower_model.read_bytes()
    for path in (data, flower_model):
        ended = run("predict", flower_model, data, "-o", path)
        assert ended == (7, "", f"nnfit: {path}: cannot be written: is also an input\n")
    assert (data.read_bytes(), flower_model.read_bytes()) == before


@pytest.mark.process
def test_data_come_from_standard_input(spawn: Run, run: Run, flower_model: Path, data: Path) -> None:
    expected = run("predict", flower_model, data).out
    assert run("predict", flower_model, "-", stdin=data.read_text()).out == expected
    assert spawn("predict", flower_model, "-", stdin=data.read_text()) == (0, expected, "")
    ended = run("predict", flower_model, "-", stdin="length,colour\n1\n")
    assert ended == (
        4,
        "",
        "nnfit: standard input:2: 1 cell, but the header has 2 columns; write a separator for every empty cell too\n",
    )


def test_probabilities_stand_beside_in_the_order_of_the_classes(run: Run, flower_model: Path, data: Path) -> None:
    rows = read(run("predict", flower_model, data, "--proba").out)
    names = ["setosa", "versicolor", "virginica"]
    assert list(rows[0]) == ["prediction", *(f"probability_{name}" for name in names)]
    for row in rows:
        p = {name: float(row[f"probability_{name}"]) for name in names}
        assert sum(p.values()) == pytest.approx(1)
        assert row["prediction"] == max(p, key=p.__getitem__)
    found = nnfit.load(flower_model).predict_proba(pd.read_csv(data))
    assert [float(row["probability_setosa"]) for row in rows] == found["probability_setosa"].tolist()


def test_columns_are_kept_in_front_as_they_were_written(run: Run, flower_model: Path, tmp_path: Path) -> None:
    cells = ['007,1.50,red,"a, b"', '1e3,2,blue,"say ""no"""', ',3,red,"two\nlines"']
    (tmp_path / "new.csv").write_text("id,length,colour,note\n" + "\n".join(cells) + "\n")
    rows = read(run("predict", flower_model, tmp_path / "new.csv", "--keep", "note", "--keep", "length").out)
    assert list(rows[0]) == ["note", "length", "prediction"]
    assert [row["note"] for row in rows] == ["a, b", 'say "no"', "two\nlines"]
    assert [row["length"] for row in rows] == ["1.50", "2", "3"]


def test_columns_to_keep_must_be_there(run: Run, flower_model: Path, data: Path) -> None:
    ended = run("predict", flower_model, data, "--keep", "id", "--keep", "ids", "--keep", "zzz")
    assert ended.code == 4
    assert ended.err == f"nnfit: {data}:1: columns to keep are missing: ids, zzz\n"


def test_a_kept_column_is_never_lost_behind_one_of_the_predictions(run: Run, flower_model: Path, data: Path) -> None:
    text = data.read_text().replace("species", "prediction").replace("setosa", "mine")
    data.write_text(text)
    ended = run("predict", flower_model, data, "--keep", "prediction")
    assert ended.code != 0 or "mine" in ended.out


def test_order_and_other_columns_do_not_matter(run: Run, flower_model: Path, data: Path, tmp_path: Path) -> None:
    expected = run("predict", flower_model, data).out
    frame = pd.read_csv(data, dtype=str)
    frame.assign(extra="x", more="1")[["more", "colour", "extra", "id", "length"]].to_csv(
        tmp_path / "new.csv", index=False
    )
    ended = run("predict", flower_model, tmp_path / "new.csv")
    assert ended == (0, expected, "warning: columns the model does not use: more, extra\n")


def test_every_missing_column_is_listed(run: Run, flower_model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("lenght,species\n1,setosa\n")
    ended = run("predict", flower_model, tmp_path / "new.csv")
    assert ended == (4, "", f"nnfit: {tmp_path / 'new.csv'}:1: columns missing: length, colour\n")


NEW = "id,length,colour\n1,2,red\n2,2,violet\n3,2,blue\n4,2,\n5,2,pink\n"


def test_an_unseen_category_is_an_error_with_values_and_lines(run: Run, flower_model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(NEW)
    ended = run("predict", flower_model, tmp_path / "new.csv")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == (
        f'nnfit: {tmp_path / "new.csv"}:3:3: column "colour": no training row has "violet", a missing cell, "pink" '
        "(lines 3, 5, 6); correct the cells; nnfit predict takes them as zeros with --unknown zero\n"
    )


def test_an_unseen_category_may_count_as_none(run: Run, flower_model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(NEW)
    ended = run("predict", flower_model, tmp_path / "new.csv", "--unknown", "zero", "--proba", "--keep", "id")
    assert ended.code == 0
    rows = read(ended.out)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5"]
    probabilities = [tuple(row[f"probability_{name}"] for name in ("setosa", "virginica")) for row in rows]
    assert probabilities[1] == probabilities[3] == probabilities[4]
    assert len(set(probabilities)) == 3  # red, blue and none


def test_the_spec_may_say_that_an_unseen_category_counts_as_none(
    run: Run, flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.csv").write_text(NEW.replace("\n", ",setosa\n").replace("colour,setosa", "colour,species"))
    model = tmp_path / "zero.npz"
    sets = ["--set", "data.columns.colour={type: categorical, unknown: zero}"]
    assert run("train", flowers / "flowers.yaml", "-o", model, "--quiet", *sets).code == 0
    expected = (
        'warning: column "colour": 3 rows with what no training row has, taken as zeros: '
        '"violet", a missing cell, "pink"'
    )
    for block in (8, 1 << 20):  # the rows of several blocks are counted together
        monkeypatch.setattr(reader, "BLOCK", block)
        ended = run("predict", model, tmp_path / "new.csv")
        assert ended.code == 0
        assert ended.err.splitlines()[-1] == expected
        assert ended.out == run("predict", model, tmp_path / "new.csv", "--unknown", "zero").out
    assert expected in run("evaluate", model, tmp_path / "new.csv").err.splitlines()
    refused = run("predict", model, tmp_path / "new.csv", "--unknown", "error")
    assert refused.code == 4
    assert 'column "colour": no training row has "violet"' in refused.err


def test_blocks_of_rows_are_predicted_in_order(
    run: Run, flower_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = data.read_text().replace("red", '"red"')
    data.write_text(text)
    expected = run("predict", flower_model, data, "--keep", "id", "--proba").out
    for block in (100, 333, 1000):
        monkeypatch.setattr(reader, "BLOCK", block)
        ended = run("predict", flower_model, data, "--keep", "id", "--proba")
        assert ended.code == 0, ended.err
        assert [row["id"] for row in read(ended.out)] == [str(i) for i in range(60)]
        for row, whole in zip(read(ended.out), read(expected), strict=True):
            assert float(row["probability_setosa"]) == pytest.approx(float(whole["probability_setosa"]), rel=1e-9)


def test_a_real_target_is_predicted_in_its_own_unit(run: Run, flowers: Path) -> None:
    sets = ("data.target=[length, id]", "network.layers[1].activation=linear", "data.ignore=[]")
    options = [word for change in sets for word in ("--set", change)]
    assert run("train", flowers / "flowers.yaml", *options).code == 0
    ended = run("predict", flowers / "flowers.npz", flowers / "flowers.csv")
    assert ended.code == 0
    rows = read(ended.out)
    assert list(rows[0]) == ["prediction_length", "prediction_id"]
    assert 10 < sum(float(row["prediction_id"]) for row in rows) / 60 < 50
