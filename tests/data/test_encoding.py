"""Columns become inputs, and what is fitted to them is fitted to the training rows alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data.scales import moments
from nnfit.errors import DataError, NnfitWarning
from nnfit.model.model import Model

Prepare = Callable[..., Any]

SPEC = "data: {train: data.csv, target: y%s}\nnetwork: {layers: [{size: 1, activation: linear}], dtype: float64}\n"


def spec(more: str = "") -> str:
    return SPEC % (f", {more}" if more else "")


def csv(**columns: str) -> str:
    """A table of columns that are given as cells separated by blanks; `-` is an empty cell. y counts the rows."""
    cells = [["" if cell == "-" else cell for cell in text.split()] for text in columns.values()]
    rows = [",".join([*row, str(i)]) for i, row in enumerate(zip(*cells, strict=True))]
    return "\n".join([",".join([*columns, "y"]), *rows]) + "\n"


def inputs(prepared: Any, rows: str = "train") -> np.ndarray:
    return prepared.sets[rows].examples.X[:, 1:]


def test_the_first_column_is_the_bias_unit(prepared: Prepare) -> None:
    assert prepared(spec(), csv(x="1 2 4")).sets["train"].examples.X[:, 0].tolist() == [1, 1, 1]


def test_a_number_is_standardised_by_mean_and_population_standard_deviation(prepared: Prepare) -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    found = inputs(prepared(spec(), csv(x="1 2 4 9")))
    np.testing.assert_allclose(found[:, 0], (x - 4) / np.sqrt(((x - 4) ** 2).mean()), rtol=1e-12)


def test_a_missing_number_becomes_the_median_and_an_indicator_says_so(prepared: Prepare) -> None:
    ready = prepared(spec("columns: {x: {scale: none}}"), csv(x="1 - 2 90 -"))
    assert ready.features[0].inputs == ["x", "x is missing"]
    np.testing.assert_array_equal(inputs(ready), [[1, 0], [2, 1], [2, 0], [90, 0], [2, 1]])


def test_a_column_without_gaps_has_no_indicator(prepared: Prepare) -> None:
    assert prepared(spec(), csv(x="1 2 3")).features[0].inputs == ["x"]


def test_a_constant_column_becomes_zeros(prepared: Prepare) -> None:
    found = inputs(prepared(spec(), csv(x="0.1 0.1 0.1", z="1 2 3")))
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("unit", ["e-3", "e-12", "e-15", "e-100", "e3", "e12", "e100"])
def test_the_unit_of_a_number_does_not_matter(prepared: Prepare, unit: str) -> None:
    expected = inputs(prepared(spec(), csv(x="1 2 4 9")))
    found = inputs(prepared(spec(), csv(x=" ".join(f"{x}{unit}" for x in (1, 2, 4, 9)))))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=20).filter(lambda x: len(set(x)) > 1))
def test_standardised_numbers_have_mean_0_and_deviation_1(values: list[int]) -> None:
    x = np.array(values, float)
    mean, sd = moments(x)
    z = (x - mean) / sd
    assert abs(z.mean()) < 1e-12
    assert abs((z**2).mean() - 1) < 1e-12


def test_a_text_becomes_one_input_per_category(prepared: Prepare) -> None:
    ready = prepared(spec(), csv(c="red blue - green blue"))
    assert ready.features[0].inputs == ["c is missing", "c=blue", "c=green", "c=red"]
    assert inputs(ready).tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]


def test_all_ways_to_miss_a_text_are_one_category(prepared: Prepare) -> None:
    ready = prepared(spec('missing: ["?", NA]'), csv(c="red ? - NA"))
    assert ready.features[0].categories == (("", "red"), ())
    assert inputs(ready).tolist() == [[0, 1], [1, 0], [1, 0], [1, 0]]


def test_inputs_stand_in_the_order_of_the_file(prepared: Prepare) -> None:
    ready = prepared(spec("columns: {b: {scale: none}, a: {scale: none}}"), csv(b="1 2", c="u v", a="3 4"))
    assert [name for feature in ready.features for name in feature.inputs] == ["b", "c=u", "c=v", "a"]
    assert inputs(ready).tolist() == [[1, 1, 0, 3], [2, 0, 1, 4]]


# --- the training rows alone ---------------------------------------------------------------------------------------

SPLIT = spec("test: 0.3, validation: 0.2, columns: {id: {scale: none}, x: {type: numeric}}")


def table(wild: set[int]) -> str:
    """Twenty rows; those of `wild` hold an absurd number or none at all."""
    rng = np.random.default_rng(5)
    lines = ["id,x,y"]
    for i in range(20):
        x = f"{rng.normal():.6f}"
        lines.append(f"{i},{('' if i % 2 else '1e12') if i in wild else x},{1e9 if i in wild else i % 5}")
    return "\n".join(lines) + "\n"


def test_nothing_is_fitted_to_validation_and_test_rows(prepared: Prepare) -> None:
    tame = prepared(SPLIT, table(set()))
    kept = {int(i) for rows in ("validation", "test") for i in inputs(tame, rows)[:, 0]}
    assert len(kept) == 10
    wild = prepared(SPLIT, table(kept))
    assert wild.features == tame.features  # no indicator, the same mean, deviation and median
    assert wild.target == tame.target
    np.testing.assert_array_equal(inputs(wild), inputs(tame))
    strangers = np.concatenate([inputs(wild, rows) for rows in ("validation", "test")])
    odd = strangers[:, 0] % 2 == 0
    assert (strangers[odd, 1] > 1e9).all()
    x = dict(line.split(",")[:2] for line in table(set()).splitlines()[1:])
    training = np.array([float(x[str(int(i))]) for i in inputs(tame)[:, 0]])
    filled = (np.median(training) - training.mean()) / training.std()
    np.testing.assert_allclose(strangers[~odd, 1], filled, rtol=1e-9)


def test_a_category_of_test_rows_alone_gets_no_input_and_is_warned_of(prepared: Prepare, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("c,y\nred,1\nviolet,2\n")
    ready = prepared(spec("test: test.csv"), csv(c="red blue red"))
    assert ready.features[0].categories == (("blue", "red"), ())
    assert inputs(ready, "test").tolist() == [[0, 1], [0, 0]]
    found = [re.sub(r"\S*/test\.csv", "test.csv", str(warning)) for warning in ready.warnings]
    assert any(text.startswith('test.csv:3:1: column "c": no training row has "violet" (line 3)') for text in found)


# --- new rows ------------------------------------------------------------------------------------------------------


@pytest.fixture
def coloured(trained: Callable[..., Model]) -> Model:
    rows = csv(x="1 2 4 9 5 7", c="red blue red blue red blue")
    return trained(spec() + "training: {epochs: 3}\n", rows)


def test_unseen_categories_are_listed_with_their_lines(coloured: Model) -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": 1, "c": ["red", "violet", "blue", "pink", "violet", None]})
    with pytest.raises(DataError) as caught:
        coloured.predict(frame)
    assert 'column "c": no training row has "violet", "pink", a missing cell (rows 1, 3, 4, 5)' in str(caught.value)
    assert "zero" in str(caught.value)


def test_unseen_categories_can_count_as_none(coloured: Model) -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": [4.0, 4.0], "c": ["red", "violet"]})
    with pytest.warns(NnfitWarning, match='column "c": 1 row with what no training row has, taken as zeros: "violet"'):
        found = coloured.predict(frame, unknown="zero")["prediction"]
    Theta = coloured.theta[0].astype(float)  # bias, x, c=blue, c=red of the only neuron
    mean, sd = coloured.target.mean[0], coloured.target.sd[0]
    x = np.array([1.0, 2, 4, 9, 5, 7])
    z = (4 - x.mean()) / x.std()
    expected = np.array([Theta[0] + Theta[1] * z + Theta[3], Theta[0] + Theta[1] * z]) * sd + mean
    np.testing.assert_allclose(found, expected, rtol=1e-12)
