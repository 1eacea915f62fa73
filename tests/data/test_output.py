"""Predictions are written as CSV that reads back as the same labels and the same numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data.output import to_csv
from nnfit.model.model import Model

LABELS = st.text(st.characters(codec="utf-8") | st.sampled_from('\r\n,";\t \0'), max_size=8)


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


@given(
    header=st.lists(LABELS, min_size=1, max_size=3, unique=True),
    rows=st.lists(LABELS, min_size=1, max_size=4),
)
def test_any_labels_read_back_the_same(header: list[str], rows: list[str]) -> None:
    columns = {name: np.array([row + name for row in rows], object) for name in header}
    assert read(to_csv(columns)) == [header, *([row + name for name in header] for row in rows)]


@pytest.mark.parametrize(
    "label", ["\r", "a\rb", "\n", "a\r\nb", ",", '"', "", " ", "é", "'", "=1+1", "\u2028", "\x1b["]
)
def test_a_label_of_special_characters_reads_back_the_same(label: str) -> None:
    assert read(to_csv({"prediction": np.array([label, "x"], object)})) == [["prediction"], [label], ["x"]]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_number_reads_back_the_same(values: list[float]) -> None:
    found = read(to_csv({"prediction": np.array(values)}))
    assert [float(row[0]) for row in found[1:]] == values


def test_a_row_is_one_line_and_the_text_is_utf_8() -> None:
    columns = {"é": np.array(["ñ", "x"], object), "p": np.array([0.1, 2.0])}
    assert to_csv(columns) == "é,p\nñ,0.1\nx,2.0\n".encode()


NASTY = ["a\rb", "c\nd", 'e"f', "g,h", "é", "[bold]x[/bold]", " pad ", "'", "0x1"]


def test_labels_travel_from_a_training_file_to_a_prediction_unchanged(trained: Callable[..., Model]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y"])
    writer.writerows([[i % len(NASTY), NASTY[i % len(NASTY)]] for i in range(5 * len(NASTY))])
    spec = """\
data: {train: data.csv, target: y, columns: {x: {type: categorical}}}
network: {layers: [{size: auto, activation: softmax}]}
training: {epochs: 100, optimizer: {name: adam, learning_rate: 0.1}}
"""
    import pandas as pd

    model = trained(spec, buffer.getvalue())
    frame = pd.DataFrame({"x": range(len(NASTY))})
    found = model.predict(frame).join(model.predict_proba(frame))
    assert found["prediction"].tolist() == NASTY
    columns = {name: found[name].to_numpy() for name in found}
    assert read(to_csv(columns))[0] == ["prediction", *(f"probability_{label}" for label in sorted(NASTY))]
    assert [row[0] for row in read(to_csv(columns))[1:]] == NASTY
