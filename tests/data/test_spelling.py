"""Numbers and dates as people write them are read where the spec says how, and only where every cell is written so."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnfit.data.spelling import Spelling
from nnfit.errors import NnfitWarning
from nnfit.model.loading import load

SPEC = """\
data:
  train: data.csv
  target: y
  columns: {x: {%s, scale: none}}
network: {layers: [{size: 1, activation: linear}], dtype: float64}
training: {epochs: 1}
"""


@pytest.mark.parametrize(
    ("spelling", "text", "value"),
    [
        (Spelling(thousands=",", prefix="$"), "$1,234.00", 1234),
        (Spelling(thousands=",", prefix="$"), "$12,345,678.9", 12345678.9),
        (Spelling(thousands=",", prefix="$"), "-$5", -5),
        (Spelling(thousands=",", prefix="$"), "$-5", -5),
        (Spelling(thousands=",", prefix="$"), "($5.00)", -5),
        (Spelling(thousands=",", prefix="$"), "$(5.00)", -5),
        (Spelling(thousands=",", prefix="$"), "$.50", 0.5),
        (Spelling(thousands=",", prefix="$"), "$1234567", 1234567),
        (Spelling(",", ".", suffix="€"), "1.234,50 €", 1234.5),
        (Spelling(",", ".", suffix="€"), "1.234,50\u00a0€", 1234.5),
        (Spelling(",", ".", suffix="€"), "−7,5€", -7.5),
        (Spelling(".", "'"), "1'234.50", 1234.5),
        (Spelling(".", "'"), "1’234’567", 1234567),
        (Spelling(".", "'", prefix="CHF"), "CHF 1'234.50", 1234.5),
        (Spelling(".", "'", prefix="Fr."), "Fr. 5", 5),
        (Spelling(",", " "), "1 234,5", 1234.5),
        (Spelling(",", " "), "12\u202f345,5", 12345.5),
        (Spelling(",", " "), "12\u00a0345\u00a0678", 12345678),
        (Spelling(".", "_"), "1_234", 1234),
        (Spelling(suffix="%"), "12%", 12),
        (Spelling(suffix="%"), "12.5 %", 12.5),
        (Spelling(suffix="kg"), "1.5e3 kg", 1500),
        (Spelling(suffix="m2"), "85 m2", 85),
        (Spelling(decimal=","), "1,5", 1.5),
    ],
)
def test_a_number_is_read_as_it_is_written(spelling: Spelling, text: str, value: float) -> None:
    assert spelling.number(text) == value


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        (Spelling(thousands=","), "1,23"),
        (Spelling(thousands=","), "1,2345"),
        (Spelling(thousands=","), "12,34,567"),
        (Spelling(thousands=","), "1,234,56"),
        (Spelling(thousands=","), "1234,567"),
        (Spelling(thousands=","), "0,123"),
        (Spelling(thousands=","), ",123"),
        (Spelling(thousands=","), "1,234.567,8"),
        (Spelling(thousands=","), "1,234e5"),
        (Spelling(thousands=",", prefix="$"), "5"),
        (Spelling(thousands=",", prefix="$"), "$"),
        (Spelling(thousands=",", prefix="$"), "$$5"),
        (Spelling(thousands=",", prefix="$"), "€5"),
        (Spelling(thousands=",", prefix="$"), "-$-5"),
        (Spelling(thousands=",", prefix="$"), "-($5)"),
        (Spelling(thousands=",", prefix="$"), "($5"),
        (Spelling(thousands=",", prefix="$"), "$5)"),
        (Spelling(",", ".", suffix="€"), "1,234.50 €"),
        (Spelling(",", " "), "1 234\u202f567"),
        (Spelling(".", "'"), "1'23"),
        (Spelling(suffix="%"), "12"),
        (Spelling(suffix="%"), "12%%"),
        (Spelling(suffix="%"), "nan%"),
        (Spelling(decimal=","), "1.5"),
    ],
)
def test_what_is_not_written_so_is_no_number(spelling: Spelling, text: str) -> None:
    assert spelling.number(text) is None


def csv(*cells: str) -> str:
    return "x,y\n" + "".join(f'"{cell}",{i % 3}\n' for i, cell in enumerate(cells))


def inputs(prepared: Any) -> list[float]:
    return prepared.sets["train"].examples.X[:, 1].tolist()


@pytest.mark.parametrize(
    ("keys", "cells", "values"),
    [
        ('thousands: ",", prefix: "$"', ["$1,234.50", "$5", "($7.25)"], [1234.5, 5, -7.25]),
        (
            'type: numeric, thousands: ".", decimal: ",", suffix: "€"',
            ["1.234,50 €", "5 €", "-0,5 €"],
            [1234.5, 5, -0.5],
        ),
        ("suffix: '%'", ["12%", "7.5 %", "100%"], [12, 7.5, 100]),
        ('decimal: ","', ["1,5", "2", "-3,25"], [1.5, 2, -3.25]),
        ('thousands: "\\u202f"', ["1\u202f234", "1 235", "7"], [1234, 1235, 7]),
    ],
)
def test_the_keys_of_a_column_say_how_its_numbers_are_written(
    prepared: Callable[..., Any], keys: str, cells: list[str], values: list[float]
) -> None:
    found = prepared(SPEC % keys, csv(*cells))
    assert found.features[0].options.type == "numeric"
    assert inputs(found) == values


def test_a_cell_that_is_not_written_so_is_refused_with_its_place_and_what_was_expected(
    complaint: Callable[..., str],
) -> None:
    assert complaint(SPEC % 'thousands: ",", prefix: "$"', csv("$1,234.50", "$1,23", "$5")) == (
        'data.csv:3:1: column "x": expected a number written as "$1,234.5", got "$1,23"; '
        "if it means a missing cell, add it to data.missing"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('thousands: "."', 'thousands: "." is the decimal mark too; set decimal: "," beside it'),
        ('thousands: ",", decimal: ","', 'thousands: "," is the decimal mark too'),
        ('thousands: "x"', 'thousands: expected one of ",", ".", "\'", " ", "_"'),
        ('thousands: ""', "thousands: expected one of"),
        ("thousands: ',,'", "thousands: expected one of"),
        ('decimal: "e"', 'decimal: expected one of ".", ","'),
        ('decimal: "-"', 'decimal: expected one of ".", ","'),
        ('prefix: "-"', "prefix: a sign, a mark of numbers or a parenthesis would be part of the number"),
        ('prefix: "$-"', "prefix: a sign, a mark of numbers or a parenthesis would be part of the number"),
        ('prefix: "("', "prefix: a sign, a mark of numbers or a parenthesis would be part of the number"),
        ('suffix: ","', "suffix: a sign, a mark of numbers or a parenthesis would be part of the number"),
        ('suffix: "0kg"', "suffix: a digit next to the number would be part of it"),
        ('prefix: "N1"', "prefix: a digit next to the number would be part of it"),
        ('suffix: "e5"', "suffix: a digit next to the number would be part of it"),
        ('suffix: " "', "suffix: is blank; blanks around a number are read anyway"),
        ("suffix: 5", "suffix: expected text or nothing, got 5; put it in quotes to make it text"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_at_their_place(
    complaint: Callable[..., str], keys: str, message: str
) -> None:
    found = complaint(SPEC % keys, csv("1", "2"))
    assert found.startswith(f"spec.yaml:4:{17 + keys.rindex(message.split(':')[0] + ':')}: data.columns.x.{message}")


def test_keys_of_numbers_are_for_numbers(complaint: Callable[..., str]) -> None:
    found = complaint(SPEC % "type: date, thousands: ','", csv("2024-01-01", "2024-01-02"))
    assert "data.columns.x.thousands: is for numeric columns, and this one is date" in found


PRICES = """\
data:
  train: data.csv
  target: price
  weight: w
  missing: ["n/a", "-999"]
  validation: valid.csv
  columns:
    price: {thousands: ",", prefix: "$"}
    size: {suffix: m²}
    w: {suffix: "%"}
    day: {type: date, format: "%m/%d/%Y %I:%M %p"}
network: {layers: [{size: 1, activation: linear}], dtype: float64}
training: {epochs: 3}
"""
ROWS = [(1000 + 750.5 * i, 40 + 7 * i, 10 + i, f"{i % 12 + 1}/{i + 1}/2024 3:0{i % 10} PM") for i in range(24)]


def american(missing: str = "n/a") -> str:
    lines = ["price,size,w,day"]
    for i, (price, size, w, day) in enumerate(ROWS):
        written = missing if i == 5 else "-999.00 m²" if i == 7 else f"{size} m²"
        lines.append(f'"${price:,.2f}",{written},{w}%,{day}')
    return "\n".join(lines) + "\n"


def test_a_column_is_read_in_the_same_way_wherever_it_is_read(tmp_path: Path, run: Callable[..., Any]) -> None:
    """Training and validation files, predict, evaluate, and frames of texts or of numbers."""
    for name in ("data.csv", "valid.csv"):
        (tmp_path / name).write_text(american(), encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(PRICES, encoding="utf-8")
    assert run("train", tmp_path / "spec.yaml", "--quiet").code == 0
    model = load(tmp_path / "spec.npz")
    assert model.target.task == "regression"
    assert model.target.mean == (np.mean([price for price, *_ in ROWS]),)

    predicted = run("predict", tmp_path / "spec.npz", tmp_path / "data.csv", "--keep", "price", "--keep", "size")
    table = pd.read_csv(io.StringIO(predicted.out))
    assert table["price"][0] == "$1,000.00"  # kept as it is written
    assert table["prediction"].dtype == np.float64  # and predicted as a plain number
    texts = pd.read_csv(tmp_path / "data.csv", dtype=str, keep_default_na=False)
    np.testing.assert_array_equal(model.predict(texts)["prediction"], table["prediction"])
    numbers = texts.assign(size=[np.nan if i in (5, 7) else float(size) for i, (_, size, _, _) in enumerate(ROWS)])
    np.testing.assert_array_equal(model.predict(numbers)["prediction"], table["prediction"])

    assert run("evaluate", tmp_path / "spec.npz", tmp_path / "data.csv").code == 0
    plain = numbers.assign(price=[price for price, *_ in ROWS], w=[w for _, _, w, _ in ROWS])
    with pytest.warns(NnfitWarning, match="24 of 24 rows were learnt from"):
        measured = model.evaluate(texts)
    with pytest.warns(NnfitWarning, match="24 of 24 rows were learnt from"):  # value by value, however they are written
        assert measured == model.evaluate(plain)
    assert measured["rmse"] == model.metrics["validation"]["rmse"]

    wrong = run("predict", tmp_path / "spec.npz", "-", stdin=american("12 kg"))
    assert wrong.code == 4
    assert 'column "size": expected a number written as "1234.5 m²", got "12 kg"' in wrong.err


def test_a_frame_of_texts_is_trained_on_like_its_csv(prepared: Callable[..., Any], tmp_path: Path) -> None:
    import nnfit

    (tmp_path / "valid.csv").write_text(american(), encoding="utf-8")
    prepared(PRICES, american())
    frame = pd.read_csv(tmp_path / "data.csv", dtype=str, keep_default_na=False)
    of_file, of_frame = (nnfit.train(tmp_path / "spec.yaml", data).model.theta for data in (None, frame))
    np.testing.assert_array_equal(of_file, of_frame)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("hello", "there is no year in it, %Y or %y"),
        ("%d.%m.%Q", "%Q is none of %d %m %Y"),
        ("%d.%d.%Y", "it names a part of the date twice"),
        ("%d.%m.%Y %H:%M %p", "%I, hours to 12, and %p, AM or PM, need each other"),
        ("%d.%m.%Y %I:%M", "%I, hours to 12, and %p, AM or PM, need each other"),
    ],
)
def test_a_format_that_names_no_date_is_refused(complaint: Callable[..., str], form: str, message: str) -> None:
    found = complaint(SPEC.replace(", scale: none", "") % f'type: date, format: "{form}"', csv("2024-01-01"))
    assert f"data.columns.x.format: {message}" in found


@pytest.mark.parametrize("cell", ["2020-1-1", "2020-01-1", "2020-1-01 12:30", " 2020-01-01"])
def test_a_date_without_its_zeros_is_a_date(prepared: Callable[..., Any], cell: str) -> None:
    spec = SPEC.replace("{x: {%s, scale: none}}", "{}")
    cells = ["2019-12-31", cell.strip(), "2020-1-31"]
    feature = prepared(spec, csv(*cells)).features[0]
    assert feature.options.type == "date"
    assert feature.fitted.low == 18261 and feature.fitted.high == 18292


def test_a_day_that_no_calendar_has_is_refused(complaint: Callable[..., str]) -> None:
    found = complaint(SPEC.replace("{x: {%s, scale: none}}", "{}"), csv("2020-1-1", "2020-2-30"))
    assert found.startswith('data.csv:3:1: column "x": expected a date (2024-12-31), got "2020-2-30"')
