"""Rows that are encoded once, and what is asked of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_files import RICH, RICH_CSV

import nnfit
from nnfit.core.network import predict
from nnfit.data.cells import Text
from nnfit.data.frames import read_frame
from nnfit.errors import DataError
from nnfit.explain.rows import Rows, affordable, columns_of, outputs, predictions, rows_of, sampled, some


def test_every_input_belongs_to_one_column_and_the_bias_unit_to_none(rich_rows: Rows) -> None:
    blocks = columns_of(rich_rows.model)
    assert list(blocks) == ["x", "q", "code", "day", "open"]
    assert [i for block in blocks.values() for i in range(block.start, block.stop)] == [*range(1, rich_rows.X.shape[1])]
    assert {name: block.stop - block.start for name, block in blocks.items()} == {
        feature.name: len(feature.inputs) for feature in rich_rows.model.features
    }


def test_the_outputs_are_those_of_the_model(rich_rows: Rows) -> None:
    rows = rich_rows
    np.testing.assert_array_equal(outputs(rows), rows.model.outputs(rows.table).mean(axis=0))
    proba = rows.model.predictions(rows.table, proba=True)
    expected = np.column_stack([proba[name] for name in rows.model.probability_names])
    np.testing.assert_array_equal(predictions(rows), expected)


@pytest.mark.parametrize("name", ["x", "q", "code", "day", "open"])
def test_to_permute_the_inputs_of_a_column_is_to_permute_its_cells(rich_rows: Rows, name: str) -> None:
    rows, order = rich_rows, np.random.default_rng(0).permutation(rich_rows.n)
    column: Any = rows.table.columns[name]
    moved = Text(column.codes[order], column.labels) if isinstance(column, Text) else column[order]
    encoded = rows.model.encoded(rows.table._replace(columns={**rows.table.columns, name: moved}))
    X, block = rows.X.copy(), columns_of(rows.model)[name]
    X[:, block] = X[order, block]
    np.testing.assert_array_equal(X, encoded)
    assert not np.array_equal(X, rows.X)


def test_rows_without_a_target_are_left_out_and_the_others_keep_their_numbers(told: Any) -> None:
    lines = RICH_CSV.splitlines()
    for row in (2, 5):
        lines[row] = lines[row][:-1]
    rows = told(RICH, "\n".join(lines) + "\n", "data.missing_target=drop")
    assert rows.n == 37
    assert rows.numbers[:5].tolist() == [1, 3, 4, 6, 7]
    assert list(rows.table.lines[:5]) == [2, 4, 5, 7, 8]


def test_rows_of_a_frame_are_counted_from_0_as_everywhere(rich: bytes, tmp_path: Any) -> None:
    (tmp_path / "m.npz").write_bytes(rich)
    (tmp_path / "data.csv").write_text(RICH_CSV)
    model = nnfit.load(tmp_path / "m.npz")
    frame = pd.read_csv(tmp_path / "data.csv")
    rows = rows_of(model, read_frame(frame, model.dialect, model.labelled_kinds, others=False))
    assert rows.numbers.tolist() == list(range(39))
    assert some(rows, np.array([3, 7])).numbers.tolist() == [3, 7]


# --- who may speak -------------------------------------------------------------------------------------------------


def test_of_a_row_speak_those_members_that_did_not_learn_from_it(rich_rows: Rows) -> None:
    model, table = rich_rows.model, rich_rows.table
    speak = np.zeros((2, table.n), bool)
    speak[0, :20], speak[1, 10:30] = True, True  # both of 10 to 19, none of the last nine
    rows = rows_of(model, table, speak)
    assert rows.numbers.tolist() == list(range(1, 31))
    y_hat = predict(model.network, model.theta, rows.X)
    expected = np.concatenate([y_hat[0][:, :10], y_hat[:, :, 10:20].mean(axis=0), y_hat[1][:, 20:]], axis=1)
    np.testing.assert_allclose(outputs(rows), expected, rtol=1e-12)
    assert not np.allclose(outputs(rows), y_hat.mean(axis=0))


def test_where_no_member_may_speak_of_any_row_it_is_an_error(rich_rows: Rows) -> None:
    with pytest.raises(DataError, match="has learnt from every row"):
        rows_of(rich_rows.model, rich_rows.table, np.zeros((2, rich_rows.n), bool))


# --- samples -------------------------------------------------------------------------------------------------------


def test_a_sample_is_drawn_from_the_seed_and_alike_in_the_classes(rich_rows: Rows) -> None:
    first, again, other = (sampled(rich_rows, 12, seed).numbers.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert np.bincount(sampled(rich_rows, 12, 0).truth).tolist() == [4, 4, 4]
    assert sampled(rich_rows, 39, 0) is rich_rows


def test_rows_that_can_be_asked_follow_from_what_a_pass_takes(rich_rows: Rows) -> None:
    network = rich_rows.model.network
    of_row = 2 * (network.P + 100 * sum(network.N[1:]) + 2000)
    assert affordable(rich_rows, 10, 10 * of_row * 20, 5, 1000) == 20
    assert affordable(rich_rows, 20, 10 * of_row * 20, 5, 1000) == 10
    assert affordable(rich_rows, 10, 0, 5, 1000) == 5
    assert affordable(rich_rows, 10, 1e12, 5, 30) == 30
    assert affordable(rich_rows, 1, 1e12, 5, 1000) == 39
    speak = np.arange(39) % 2 == np.arange(2)[:, None]
    alone = rows_of(rich_rows.model, rich_rows.table, speak)
    assert affordable(alone, 10, 10 * of_row * 10, 5, 1000) == 20  # half of the members speak of a row
