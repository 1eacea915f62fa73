"""A cell means the same whatever stands beside it, and a row whatever its precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.fingerprints import of_examples
from nnfit.data.table import kind, read_table
from nnfit.errors import DataError


def table(path: Path, text: str, kinds: dict[str, str] | None = None, **dialect: Any) -> Any:
    (path / "data.csv").write_text(text)
    return read_table(str(path / "data.csv"), Dialect(**dialect), kinds or {})


@pytest.mark.parametrize("neighbour", ["a", "Finance", "true", '"q"'])
def test_a_missing_number_is_missing_however_it_is_written_and_whatever_stands_beside_it(
    tmp_path: Path, neighbour: str
) -> None:
    cells = ["999", "999.0", "1", "2", "9.99e2"]
    text = "x,t\n" + "".join(f"{cell},{neighbour}\n" for cell in cells)
    found = table(tmp_path, text, {"t": "text"}, missing=("999",)).numbers("x")
    np.testing.assert_array_equal(found, [np.nan, np.nan, 1, 2, np.nan])


@pytest.mark.parametrize("word", ["true", "False", "nan", "NaN", "inf", "-Infinity"])
@pytest.mark.parametrize("others", [["1", "0"], ["2.5", "3.5"], ["", "7"]])
def test_a_word_is_never_read_as_a_number(tmp_path: Path, word: str, others: list[str]) -> None:
    found = table(tmp_path, "x,t\n" + "".join(f"{cell},t\n" for cell in [word, *others]), {"t": "text", "x": "text"})
    assert found.text("x").labels[0] == word
    with pytest.raises(DataError, match=f'data.csv:2:1: column "x": expected a number, got "{word}"'):
        table(tmp_path, "x,t\n" + "".join(f"{cell},t\n" for cell in [word, *others]), {"t": "text", "x": "numeric"})


def test_numbers_with_a_decimal_comma_among_texts_are_noticed(tmp_path: Path) -> None:
    text = "x;y\n" + "".join(f"{i},5;{i}\n" for i in range(9)) + "NA;1\n"
    with pytest.raises(DataError, match='column "x" holds 9 numbers and 1 other text '):
        table(tmp_path, text, separator=";", decimal=",")
    assert kind(table(tmp_path, text, separator=";", decimal=",", missing=("NA",)), "x") == "numeric"


def test_all_mixed_columns_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, "a,b\n1,1\n2,2\n3,3\n?,-\n")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_different_rows_have_different_fingerprints(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for values in (rng.integers(0, 2, (5000, 30)), rng.integers(0, 17, (5000, 8)), rng.normal(size=(5000, 3))):
        rows = np.unique(values, axis=0).astype(dtype)
        assert len(np.unique(of_examples(rows, np.zeros((1, len(rows)), dtype)))) == len(rows)


def test_a_text_column_keeps_every_spelling(tmp_path: Path) -> None:
    labels = ["NA", "None", "True", "007", "[/x]", "=1+1", "é", " a ", "1.0", "nan"]
    column = table(tmp_path, "t\n" + "".join(f"{label}\n" for label in labels), {"t": "text"}).columns["t"]
    assert isinstance(column, Text)
    assert list(column.labels) == labels
