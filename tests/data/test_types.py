"""What a column is, number or text, follows from all its cells; what is doubtful is an error and not a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnfit.data.dialect import Dialect
from nnfit.data.table import read_table

Prepare = Callable[..., Any]

SPEC = """\
data: {train: data.csv, target: y%s}
network: {layers: [{size: 1, activation: linear}], dtype: float64}
"""


def spec(more: str = "") -> str:
    return SPEC % (f", {more}" if more else "")


def csv(*cells: str) -> str:
    return "x,y\n" + "".join(f'"{cell}",{i}\n' for i, cell in enumerate(cells))


def inputs(prepared: Any) -> np.ndarray:
    return prepared.sets["train"].examples.X[:, 1:]


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "2", "3"),
        ("1", "", "3"),
        ("-1.5", "+2", ".5"),
        ("1e3", "1E-3", "5."),
        (" 1", "2 ", "\t3"),
        ("007", "08", "1"),
    ],
)
def test_a_column_of_numbers_is_numeric(prepared: Prepare, cells: tuple[str, ...]) -> None:
    feature = prepared(spec("columns: {x: {scale: none}}"), csv(*cells)).features[0]
    assert feature.options.type == "numeric"
    found = inputs(prepared(spec("columns: {x: {scale: none}}"), csv(*cells)))[:, 0]
    known = [float(cell) for cell in cells if cell]
    np.testing.assert_array_equal(found, [float(cell) if cell else np.median(known) for cell in cells])


@pytest.mark.parametrize(
    "cells",
    [
        ("a", "b", "c"),
        ("1", "b", "c"),
        ("1_000", "2_000", "3_000"),
        ("nan", "inf", "-inf"),
        ("0x10", "0x11", "0x12"),
        ("1,5", "2,5", "3,5"),
        ("١", "٢", "٣"),
        ("1 000", "2 000", "3 000"),
        ("1e", "2e", "3e"),
        ("true", "false", "maybe"),
    ],
)
def test_a_column_of_other_texts_is_categorical(prepared: Prepare, cells: tuple[str, ...]) -> None:
    feature = prepared(spec(), csv(*cells)).features[0]
    assert feature.options.type == "categorical"
    assert feature.categories == (tuple(sorted(cells)), ())


def test_numbers_with_a_stranger_among_them_are_refused_and_the_stranger_named(complaint: Callable[..., str]) -> None:
    found = complaint(spec(), csv("1", "2", "3", "?", "5", "n/a"))
    assert found.startswith('data.csv:5:1: column "x" holds 4 numbers and 2 other texts ("?", "n/a", first here);')
    assert "data.missing" in found
    assert "data.columns: {x: {type: categorical}}" in found


def test_what_the_spec_calls_missing_is_missing(prepared: Prepare) -> None:
    found = inputs(prepared(spec('missing: ["?", NA], columns: {x: {scale: none}}'), csv("1", "?", "NA", "", "5")))
    np.testing.assert_array_equal(found, [[1, 0], [3, 1], [3, 1], [3, 1], [5, 0]])


def test_a_number_can_mean_a_missing_cell(prepared: Prepare) -> None:
    found = inputs(prepared(spec("missing: ['-999'], columns: {x: {scale: none}}"), csv("1", "-999", "5")))
    np.testing.assert_array_equal(found, [[1, 0], [3, 1], [5, 0]])


def test_a_decimal_comma_is_read_and_a_point_is_then_no_number(
    prepared: Prepare, complaint: Callable[..., str]
) -> None:
    text = spec('decimal: ",", separator: ";", columns: {x: {type: numeric, scale: none}}')
    assert inputs(prepared(text, "x;y\n1,5;1\n-2;2,5\n1e1;3\n"))[:, 0].tolist() == [1.5, -2, 10]
    assert complaint(text, "x;y\n1,5;1\n1.000;2\n") == (
        'data.csv:3:1: column "x": expected a number, got "1.000"; if it means a missing cell, add it to data.missing'
    )


@pytest.mark.parametrize("cell", ["x", "nan", "inf", "1e999", "0x10", "1_0", "true", "1 2"])
def test_a_column_that_must_be_numeric_refuses_another_text_with_its_place(
    complaint: Callable[..., str], cell: str
) -> None:
    assert complaint(spec("columns: {x: {type: numeric}}"), csv("1", "2", cell)) == (
        f'data.csv:4:1: column "x": expected a number, got "{cell}"; if it means a missing cell, add it to data.missing'
    )


def test_numbers_that_must_be_categories_keep_their_spelling(prepared: Prepare) -> None:
    text = spec("columns: {x: {type: categorical}}")
    assert prepared(text, csv("1", "01", "1.0", "10")).features[0].categories.own == ("01", "1", "1.0", "10")


def test_a_column_without_any_value_is_refused(complaint: Callable[..., str]) -> None:
    assert complaint(spec(), "x,z,y\n1,,1\n2,,2\n") == 'data.csv: column "z" has no value; add it to data.ignore'


def test_a_number_is_read_exactly(prepared: Prepare) -> None:
    cells = ("0.1", "123456789.123456789", "4.9406564584124654e-324", "1.7976931348623157e308", "9007199254740993")
    found = inputs(prepared(spec("columns: {x: {scale: none}}"), csv(*cells)))[:, 0]
    assert found.tolist() == [float(cell) for cell in cells]


def test_two_hundred_thousand_random_floats_are_read_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bits = np.frombuffer(rng.bytes(8 * 210_000), np.float64)
    values = bits[np.isfinite(bits)][:200_000].tolist()
    forms = ["{!r}", "{:.17e}", "{:.25g}", "{:.6g}", "{:+.3e}"]
    texts = [forms[i % len(forms)].format(value) for i, value in enumerate(values)]
    (tmp_path / "data.csv").write_text("\n".join(["x", *texts]) + "\n")
    read = read_table(str(tmp_path / "data.csv"), Dialect(), {}).numbers("x")
    assert len(read) == 200_000
    assert (read == [float(text) for text in texts]).all()
