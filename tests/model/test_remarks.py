"""What predictions do not say by themselves is said beside them: what was cut, filled, or out of range."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.data import reader
from nnfit.model.model import Model

Run = Callable[..., Any]
Trained = Callable[..., Model]

ROWS = "x,z,when,flag,y\n" + "".join(
    f"{i},{i % 5 + 0.5},2024-01-{i % 28 + 1:02d},{'yes' if i % 3 else 'no'},{2 * i + 1}\n" for i in range(30)
)
SPEC = """\
data: {train: data.csv, target: y, features: [x]}
network: {layers: [{size: auto, activation: linear}], dtype: float64}
training: {epochs: 300, clamp: true, optimizer: {name: adam, learning_rate: 0.1}}
"""
WIDER = "data.features=[x, z, when, flag]"


def said(code: str, text: str) -> list[str]:
    """The lines on standard error that speak of a kind of warning."""
    words = {"cut": "predictions cut", "filled": "missing cell", "outside-range": "outside the range"}
    return [line for line in text.splitlines() if words[code] in line]


@pytest.fixture
def model(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A line y = 2 x + 1 on 0 … 29, kept within 1 … 59, in a file m.npz of the current folder."""
    found = trained(SPEC, ROWS)
    monkeypatch.chdir(tmp_path)
    found.save("m.npz")
    return found


# --- cut -----------------------------------------------------------------------------------------------------------


def test_predictions_cut_at_the_range_are_counted_at_each_end_with_the_first_lines(run: Run, model: Model) -> None:
    Path("new.csv").write_text("x\n15\n-9\n99\n-8\n3\n-7\n-6\n-5\n-4\n-3\n98\n")
    ended = run("predict", "m.npz", "new.csv")
    assert ended.code == 0
    assert said("cut", ended.err) == [
        "warning: predictions cut at the range of the training rows (training.clamp), of 11 rows: 7 at the least, 1 "
        "(lines 3, 5, 7, 8, 9, …), 2 at the greatest, 59 (lines 4, 12)"
    ]
    cells = [float(cell) for cell in ended.out.split()[1:]]
    assert [cells[row] for row in (1, 2, 10)] == [1, 59, 59]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("15 3", []),
        ("99", ["1 at the greatest, 59 (line 2)"]),
        ("15 -99", ["1 at the least, 1 (line 3)"]),
    ],
)
def test_only_the_ends_at_which_something_was_cut_are_named(
    run: Run, model: Model, cells: str, expected: list[str]
) -> None:
    Path("new.csv").write_text("\n".join(["x", *cells.split()]) + "\n")
    found = said("cut", run("predict", "m.npz", "new.csv").err)
    assert [line.partition("rows: ")[2] or line.partition("row: ")[2] for line in found] == expected


def test_a_prediction_at_the_very_end_of_the_range_is_not_cut(run: Run, model: Model) -> None:
    least = model.target.bounds[0][0]
    exact = Model(
        **{**vars(model), "theta": np.zeros_like(model.theta), "target": model.target._replace(mean=(least,))}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exact.predict(pd.DataFrame({"x": [3.0]}))["prediction"].tolist() == [least]


def test_without_clamp_nothing_is_cut(run: Run, trained: Trained, tmp_path: Path) -> None:
    trained(SPEC, ROWS, "training.clamp=false").save(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text("x\n-9\n99\n")
    assert said("cut", run("predict", tmp_path / "m.npz", tmp_path / "new.csv").err) == []


def test_of_several_targets_each_is_named_once(run: Run, trained: Trained, tmp_path: Path) -> None:
    keys = ["data.target=[y, x]", "data.features=[z]", "training.epochs=200"]
    text = "z,x,y\n" + "".join(f"{i},{i},{-i}\n" for i in range(20))
    trained(SPEC, text, *keys).save(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text("z\n3\n99\n")
    (line,) = said("cut", run("predict", tmp_path / "m.npz", tmp_path / "new.csv").err)
    assert line.endswith("of 2 rows: y: 1 at the least, -19 (line 3); x: 1 at the greatest, 19 (line 3)")


def test_a_file_in_many_blocks_is_told_of_once_with_the_total(
    run: Run, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK", 256)
    Path("new.csv").write_text("x\n" + "".join(f"{99 if i % 2 else 5}\n" for i in range(2000)))
    ended = run("predict", "m.npz", "new.csv", "-o", "p.csv")
    assert said("cut", ended.err) == [
        "warning: predictions cut at the range of the training rows (training.clamp), of 2,000 rows: 1,000 at the "
        "greatest, 59 (lines 3, 5, 7, 9, 11, …)"
    ]
    assert len(said("outside-range", ended.err)) == 1


def test_evaluate_says_it_too(run: Run, model: Model) -> None:
    Path("new.csv").write_text("x,y\n99,3\n5,11.5\n")
    report = json.loads(run("evaluate", "m.npz", "new.csv", "--json").out)
    assert [each["code"] for each in report["warnings"]] == ["outside-range", "cut"]
    assert report["warnings"][1]["message"].endswith("of 2 rows: 1 at the greatest, 59 (line 2)")
    assert len(said("cut", run("evaluate", "m.npz", "new.csv").err)) == 1


# --- filled, and out of range --------------------------------------------------------------------------------------


def test_a_cell_that_is_missing_where_no_training_row_misses_one_is_told_with_what_stands_in(
    run: Run, trained: Trained, tmp_path: Path
) -> None:
    trained(SPEC, ROWS, WIDER, "training.epochs=1").save(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text("x,z,when,flag\n,1,2024-01-02,yes\n,1,,\n3,2,2024-01-02,no\n")
    ended = run("predict", tmp_path / "m.npz", tmp_path / "new.csv")
    assert said("filled", ended.err) == [
        'warning: column "x": 2 rows with a missing cell, which no training row has, taken as 14.5',
        'warning: column "when": 1 row with a missing cell, which no training row has, taken as 2024-01-13T12:00:00',
        'warning: column "flag": 1 row with a missing cell, which no training row has, taken as true',
    ]


def test_a_missing_cell_is_nothing_new_where_training_rows_miss_some_or_the_spec_says_so(
    run: Run, trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text('x\n""\n')
    for rows, more in (
        (ROWS.replace("\n4,", "\n,"), []),
        (ROWS, ["data.columns={x: {indicator: false}}"]),
        (ROWS, ["data.columns={x: {missing: category}}"]),
    ):
        trained(SPEC, rows, "training.epochs=1", *more).save(tmp_path / "m.npz")
        assert run("predict", tmp_path / "m.npz", tmp_path / "new.csv").err == "", more


@pytest.mark.parametrize(
    "column",
    [
        "scale: robust",
        "scale: clipped",
        "scale: quantile",
        "scale: none",
        "bins: 4",
        "log1p: true",
        "piecewise: 4, periodic: 2",
    ],
)
def test_every_scale_tells_of_values_outside_the_range(run: Run, trained: Trained, tmp_path: Path, column: str) -> None:
    trained(SPEC, ROWS, WIDER, f"data.columns={{x: {{{column}}}}}", "training.epochs=1").save(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text("x,z,when,flag\n99,1,2023-12-31,yes\n3,2,2024-01-02,no\n30,2,2024-01-02,no\n")
    (line,) = said("outside-range", run("predict", tmp_path / "m.npz", tmp_path / "new.csv").err)
    assert line == "warning: values outside the range of the training rows: x (2 rows), when (1 row)"


# --- from Python ---------------------------------------------------------------------------------------------------


def test_from_python_the_same_is_said_as_a_warning_with_the_same_data(model: Model) -> None:
    frame = pd.DataFrame({"x": [15.0, -9.0, 99.0, None]}, index=list("abcd"))
    with pytest.warns(nnfit.NnfitWarning) as caught:
        found = model.predict(frame)
    assert [each.message.code for each in caught] == ["filled", "outside-range", "cut"]  # type: ignore[union-attr]
    assert {each.filename for each in caught} == {__file__}
    assert str(caught[2].message) == (
        "predictions cut at the range of the training rows (training.clamp), of 4 rows: 1 at the least, 1 (row 1), "
        "1 at the greatest, 59 (row 2)"
    )
    assert found["prediction"].tolist()[1:3] == [1, 59]
    problem = caught[2].message.problem  # type: ignore[union-attr]
    assert problem.code == "cut"
    again = pickle.loads(pickle.dumps(caught[2].message))
    assert (str(again), again.problem) == (str(caught[2].message), problem)


def test_a_warning_can_be_made_an_error_or_ignored(model: Model) -> None:
    frame = pd.DataFrame({"x": [99.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nnfit.NnfitWarning)
        assert model.predict(frame)["prediction"].tolist() == [59]
        warnings.simplefilter("error", nnfit.NnfitWarning)
        with pytest.raises(nnfit.NnfitWarning, match="outside the range"):
            model.predict(frame)
        model.predict(pd.DataFrame({"x": [15.0]}))


def test_the_spread_over_the_members_is_that_of_the_command(run: Run, trained: Trained, tmp_path: Path) -> None:
    model = trained(SPEC, ROWS, "network.members=3", "training.epochs=2")
    model.save(tmp_path / "m.npz")
    (tmp_path / "new.csv").write_text("x\n3\n15\n")
    found = model.predict(pd.DataFrame({"x": [3.0, 15.0]}), uncertainty=True)
    ended = run("predict", tmp_path / "m.npz", tmp_path / "new.csv", "--uncertainty")
    assert found.to_csv(index=False, lineterminator="\n") == ended.out
    assert found.columns.tolist() == ["prediction", "uncertainty"]


def test_of_a_single_network_there_is_no_spread(model: Model) -> None:
    with pytest.raises(nnfit.NnfitError, match=r"the spread over members needs several; set network\.members"):
        model.predict(pd.DataFrame({"x": [3.0]}), uncertainty=True)
