"""Partial dependence and the lines of single rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from model_files import RICH, RICH_CSV

from nnfit.data.cells import Text
from nnfit.data.dates import parse
from nnfit.data.table import Table
from nnfit.errors import DataError
from nnfit.explain import dependence as module
from nnfit.explain.dependence import Dependence, dependence
from nnfit.explain.rows import Rows, predictions, rows_of

from .conftest import BINARY, LABELS, REAL, Told, binary_csv, labels_csv, real_csv


def with_all(table: Table, name: str, value: float | str) -> Table:
    """The table with one value in every cell of a column."""
    column: Any = Text(np.zeros(table.n, np.int32), (value,)) if isinstance(value, str) else np.full(table.n, value)
    return table._replace(columns={**table.columns, name: column})


def cells(found: Dependence) -> list[float | str]:
    """The grid as the cells of the CSV would be."""
    gap = {"missing": "", "rare": "rare"}
    return [gap.get(value, value) if isinstance(value, str) else value for value in found.grid]


@pytest.mark.parametrize("name", ["x", "q", "code", "day", "open"])
def test_it_is_the_mean_prediction_for_the_table_with_one_value_in_the_column(rich_rows: Rows, name: str) -> None:
    rows = rich_rows
    found = dependence(rows, name)
    assert (found.column, found.outputs, found.rows, found.of) == (name, ("p", "q", "r"), 39, 39)
    assert found.mean.shape == (3, len(found.grid))
    assert found.numeric is (name in ("x", "q", "day"))
    for g, value in enumerate(found.labels if found.dates else cells(found)):
        whole = with_all(rows.table, name, value)
        each = predictions(rows_of(rows.model, whole))
        np.testing.assert_allclose(found.mean[:, g], each.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.lines[:, g], each[:, found.shown], rtol=1e-12)
    assert found.shown == np.argmax(np.ptp(found.mean, axis=1))


@pytest.mark.parametrize("name", ["a", "b"])
def test_so_it_is_of_a_column_that_stands_beside_steps_and_waves(told: Told, name: str) -> None:
    columns = (
        "{a: {piecewise: 4, periodic: 2, degree: 2, amplitude: 0.5, indicator: true}, b: {piecewise: 3, log1p: true}}"
    )
    rows = told(REAL.replace("target: [u, v]", f"target: [u, v], columns: {columns}"), real_csv(45))
    found = dependence(rows, name)
    for g, value in enumerate(found.grid):
        each = predictions(rows_of(rows.model, with_all(rows.table, name, value)))
        np.testing.assert_allclose(found.mean[:, g], each.mean(axis=0), rtol=1e-12)


def test_a_grid_has_the_values_themselves_or_points_between_the_percentiles(rich_rows: Rows) -> None:
    assert dependence(rich_rows, "x").grid == (0, 1, 2, 3, 4, 5)  # missing cells are no point of it
    found = dependence(rich_rows, "q", points=10)
    assert len(found.grid) == 10
    np.testing.assert_allclose(np.diff(found.grid), (found.grid[-1] - found.grid[0]) / 9)
    squares = np.arange(39) ** 2
    low, high = (np.quantile(squares, share, method="median_unbiased") for share in (0.05, 0.95))
    assert (found.grid[0], found.grid[-1]) == pytest.approx((low, high), rel=0.1, abs=1)
    assert len(found.edges) == len(found.counts) + 1 == 31
    assert (found.edges[0], found.edges[-1]) == (found.grid[0], found.grid[-1])
    assert found.counts.sum() == ((squares >= found.grid[0]) & (squares <= found.grid[-1])).sum()


def test_dates_are_days_and_are_read_as_dates(rich_rows: Rows) -> None:
    found = dependence(rich_rows, "day")
    assert found.dates
    assert found.grid[0] == parse("2024-01-03", None)
    assert found.labels[:2] == ("2024-01-03", "2024-02-03")
    many = dependence(rich_rows, "day", points=5)  # whole days, as the column has them
    assert all(day == int(day) for day in many.grid)
    assert len(many.grid) == 5


def test_categories_are_those_of_the_training_rows_with_missing_and_rare_ones(told: Any) -> None:
    rows = told(RICH, RICH_CSV)
    found = dependence(rows, "code")
    assert found.grid == ("0", "1", "2", "rare")
    assert found.counts.tolist() == [12, 13, 13, 1]
    assert not len(found.edges)
    assert dependence(rows, "code", points=2).grid == ("1", "2")
    csv = "c,y\n" + "".join(f"{c},{y}\n" for c, y in zip(["", "missing", "b", "b"] * 5, "pqrp" * 5, strict=True))
    found = dependence(told("data: {train: data.csv, target: y}\n" + RICH.split("\n", 1)[1], csv), "c")
    assert found.grid == ("(missing)", "b", "missing")
    assert found.counts.tolist() == [5, 10, 5]


def test_truth_values_are_spelled_as_in_the_csv_and_missing_ones_are_a_level(told: Any) -> None:
    spec = "data: {train: data.csv, target: y}\n" + RICH.split("\n", 1)[1]
    csv = "b,y\n" + "".join(f"{b},{y}\n" for b, y in zip(["Yes", "No", "", "Yes"] * 5, "pqrp" * 5, strict=True))
    found = dependence(told(spec, csv), "b")
    assert (found.numeric, found.grid, found.counts.tolist()) == (False, ("No", "Yes", "missing"), [5, 10, 5])


def test_of_two_classes_the_second_is_shown_alone_and_every_target_has_a_line(told: Any) -> None:
    found = dependence(told(BINARY, binary_csv()), "a")
    assert (found.outputs, found.mean.shape, found.shown) == (("yes",), (1, 40), 0)
    assert ((found.mean > 0) & (found.mean < 1)).all()
    found = dependence(told(LABELS, labels_csv()), "b")
    assert (found.outputs, found.shown) == (("u", "v"), 1)  # v is made of b
    found = dependence(told(REAL, real_csv()), "b")
    assert (found.outputs, found.shown) == (("u", "v"), 1)  # in standard deviations, not in units
    assert np.ptp(found.mean[1]) < np.ptp(found.mean[0])


def test_real_predictions_are_in_their_unit_and_clamped_as_predict_does(told: Any) -> None:
    rows = told(REAL, real_csv(), "training.epochs=200")
    free = dependence(rows, "a")
    assert free.mean[0, -1] > 100  # u is a hundred times a
    target = rows.model.target._replace(bounds=((-50.0, 60.0), (-1.0, 1.0)))
    kept = dependence(rows._replace(model=replace(rows.model, target=target)), "a")
    assert (kept.lines.min(), kept.lines.max()) == (-50, 60)
    np.testing.assert_array_equal(kept.lines, np.clip(free.lines, -50, 60))


def test_of_many_rows_the_mean_is_over_a_sample_which_is_told_and_always_the_same(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = told(BINARY, binary_csv(400))
    monkeypatch.setattr(module, "FEWEST", 100)
    monkeypatch.setattr(module, "WORK", 0)
    found, again = dependence(rows, "a"), dependence(rows, "a")
    assert (found.rows, found.of, found.lines.shape) == (100, 400, (50, 40))
    np.testing.assert_array_equal(found.mean, again.mean)
    np.testing.assert_array_equal(found.lines, again.lines)
    assert found.counts.sum() > 300  # of all rows


def test_of_folds_each_row_is_predicted_by_its_own_member(told: Any) -> None:
    csv = binary_csv(60)
    model = told(BINARY, csv, "network.members=2", "training.resample=folds").model
    speak = np.arange(60) % 2 == np.arange(2)[:, None]
    rows = told.rows(model, csv, speak=speak)
    found = dependence(rows, "a", points=5)
    y_hat = model.outputs(with_all(rows.table, "a", float(found.grid[2])))[:, 0]
    assert found.mean[0, 2] == pytest.approx(np.where(speak[0], y_hat[0], y_hat[1]).mean(), rel=1e-12)


def test_columns_without_a_range_have_a_grid_too(told: Any) -> None:
    rows = told(BINARY, binary_csv())
    constant = "a,b,w,y\n" + "".join(f"2,{i},1,{'yes' if i % 2 else 'no'}\n" for i in range(60))
    found = dependence(told.rows(rows.model, constant), "a")
    assert (found.grid, found.counts.sum()) == ((2.0,), 60)
    heaped = "a,b,w,y\n" + "".join(f"{i if i < 50 and i % 25 == 0 else 7},{i},1,yes\n" for i in range(60))
    found = dependence(told.rows(rows.model, heaped), "a", points=3)  # both percentiles are 7
    assert found.grid == (0.0, 12.5, 25.0)
    empty = "a,b,w,y\n" + "".join(f",{i},1,yes\n" for i in range(60))
    found = dependence(told.rows(rows.model, empty), "a")
    low, high = rows.model.features[0].fitted.flat[1:3]
    assert (found.grid, found.counts.sum()) == ((low, high), 0)


def test_a_column_that_the_model_does_not_read_is_refused(rich_rows: Rows) -> None:
    with pytest.raises(DataError, match=r'the model reads no column "dya"; did you mean "day"\?'):
        dependence(rich_rows, "dya")


def test_of_many_outputs_those_that_move_most_are_kept_in_their_order() -> None:
    mean = np.outer([1.0, 5.0, 3.0, 0.0, 4.0], [0.0, 1.0])
    found = Dependence(
        *(
            "x",
            True,
            (0.0, 1.0),
            tuple("abcde"),
            mean,
            np.zeros((3, 2)),
            3,
            np.zeros(2),
            np.zeros(1, np.intp),
            3,
            3,
            False,
        )
    )
    kept = found.moving(3)
    assert (kept.outputs, kept.outputs[kept.shown]) == (("b", "d", "e"), "d")
    assert np.array_equal(kept.mean, mean[[1, 3, 4]]) and found.moving(5) is found
