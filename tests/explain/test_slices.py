"""The slices and the single rows that a model gets wrong most."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from model_files import RICH, RICH_CSV

from nnfit.explain.rows import Rows, outputs, predictions
from nnfit.explain.slices import groups, slices, worst_rows

from .conftest import BINARY, LABELS, REAL, binary_csv, labels_csv, real_csv

LINE = """\
data: {train: data.csv, target: y, columns: {day: {type: date}}}
network: {layers: [{size: auto, activation: linear}], dtype: float64}
training: {epochs: 0}
"""


def noisy_csv(n: int = 400, worst: str = "c", seed: int = 0) -> str:
    """A target that is noise, three times as much where the group, the number or the day says so."""
    rng = np.random.default_rng(seed)
    lines = ["x,group,day,y"]
    for i in range(n):
        x, group, day = rng.normal(), "abcd"[i % 4], f"2024-{i % 12 + 1:02}-05"
        much = {"c": group == "c", "x": x > 1, "day": day > "2024-09", "gap": i % 10 == 0, "": False}[worst]
        shown = "" if worst == "gap" and i % 10 == 0 else f"{x:.4f}"
        lines.append(f"{shown},{group},{day},{rng.normal() * (3 if much else 1):.6f}")
    return "\n".join(lines) + "\n"


def silent(rows: Rows) -> Rows:
    """The rows of a model that predicts the mean, whatever the inputs are."""
    return rows._replace(model=replace(rows.model, theta=np.zeros_like(rows.model.theta)))


def test_the_group_with_the_largest_error_comes_first_with_its_interval(told: Any) -> None:
    rows = silent(told(LINE, noisy_csv()))
    found = slices(rows)
    first = found[0]
    assert (first.column, first.value, first.n, first.metric, first.sure) == ("group", "c", 100, "rmse", True)
    error = np.asarray(rows.truth - predictions(rows))[:, 0]
    chosen = error[2::4] ** 2
    assert first.value_of_metric == pytest.approx(np.sqrt(chosen.mean()), rel=1e-12)
    assert first.rest == pytest.approx(rows.model.evaluation(rows.table).metrics["rmse"], rel=1e-12)
    half = 1.984 * chosen.std(ddof=1) / 10  # t(97.5 %, 99)
    assert (first.low, first.high) == pytest.approx(np.sqrt([chosen.mean() - half, chosen.mean() + half]), rel=1e-3)
    assert first.rest < first.low < first.value_of_metric < first.high
    assert all(each.low > each.rest for each in found)
    assert [each.low for each in found] == sorted((each.low for each in found), reverse=True)
    assert slices(rows, y_hat=outputs(rows)) == found
    assert slices(rows, most=1) == found[:1]


@pytest.mark.parametrize(("worst", "column"), [("x", "x"), ("day", "day"), ("gap", "x")])
def test_numbers_and_dates_are_sliced_in_intervals_and_missing_cells_by_themselves(
    told: Any, worst: str, column: str
) -> None:
    first = slices(silent(told(LINE, noisy_csv(worst=worst))))[0]
    assert first.column == column
    if worst == "gap":
        assert (first.value, first.n) == ("missing", 40)
        return
    low, high = (first.value.split(" to ") * 2)[:2]
    if worst == "x":
        assert 0.7 < float(low) < float(high)
    else:
        assert "2024-09" < low <= high < "2024-13"


def test_every_row_is_in_one_slice_of_a_column_and_ends_are_cells_of_it(told: Any) -> None:
    rows = told(LINE, noisy_csv(worst="gap"))
    for feature in rows.model.features:
        parts = list(groups(feature, rows.table))
        assert np.array_equal(np.sort(np.concatenate([chosen for _, chosen in parts])), np.arange(rows.n))
        assert len({name for name, _ in parts}) == len(parts)
    x = rows.table.numbers("x")
    for name, chosen in groups(rows.model.features[0], rows.table):
        if name != "missing":
            assert name == f"{x[chosen].min():.6g} to {x[chosen].max():.6g}"
            assert len(chosen) == pytest.approx(40, abs=1)


def test_few_distinct_numbers_are_slices_each(told: Any) -> None:
    csv = "x,group,day,y\n" + "".join(f"{i % 3},a,2024-01-01,{i % 7}\n" for i in range(200))
    rows = told(LINE, csv)
    assert [name for name, _ in groups(rows.model.features[0], rows.table)] == ["0", "1", "2"]


def test_a_tiny_group_is_not_named_however_wrong_it_is(told: Any) -> None:
    lines = noisy_csv(worst="").splitlines()
    for i in range(1, 20):
        cells = lines[i].split(",")
        lines[i] = f"{cells[0]},tiny,{cells[2]},1000"
    found = slices(silent(told(LINE, "\n".join(lines) + "\n")))
    assert not any(each.value == "tiny" for each in found)


def test_where_all_rows_are_alike_hardly_ever_is_a_slice_sure(told: Any) -> None:
    model = told(LINE, noisy_csv(worst="")).model
    model = replace(model, theta=np.zeros_like(model.theta))
    found = [slices(told.rows(model, noisy_csv(300, "", seed)), 100) for seed in range(1, 41)]
    assert sum(any(each.sure for each in one) for one in found) <= 4
    assert np.mean([len(one) for one in found]) < 1.5  # of about 24 slices


def test_the_error_of_classes_is_the_log_loss_by_weight_where_metrics_are(told: Any) -> None:
    rows = told(BINARY, binary_csv(200))
    assert rows.w is not None
    for found in slices(rows, 100):
        assert found.metric == "log_loss"
        assert found.rest == pytest.approx(rows.model.evaluation(rows.table).metrics["log_loss"], rel=1e-12)
    assert slices(rows, 100)
    assert slices(rows._replace(w=None), 100) != slices(rows, 100)


def test_several_targets_are_told_in_standard_deviations(told: Any) -> None:
    rows = silent(told(REAL, real_csv(300)))
    found = slices(rows)
    assert {each.metric for each in found} == {"rmse in sd"}
    error = (rows.truth - predictions(rows)) / np.asarray(rows.truth).std(axis=0)
    assert found[0].rest == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    found = slices(silent(told(LABELS, labels_csv(300))), 100)
    assert all(each.metric == "log_loss" for each in found)


# --- single rows ---------------------------------------------------------------------------------------------------


def test_the_worst_rows_have_the_largest_loss_and_are_numbered_as_in_the_file(told: Any) -> None:
    lines = RICH_CSV.splitlines()
    lines[2] = lines[2][:-1]  # a row without a target is left out, and counted
    rows = told(RICH, "\n".join(lines) + "\n", "data.missing_target=drop", unknown="zero")
    found = worst_rows(rows, 3)
    p = predictions(rows)
    loss = -np.log(p[np.arange(rows.n), np.asarray(rows.truth, np.intp)])
    order = np.argsort(-loss)[:3]
    assert [each.error for each in found] == pytest.approx(loss[order].tolist(), rel=1e-12)
    for each, row in zip(found, order.tolist(), strict=True):
        cells = lines[each.row].split(",")
        assert each.row == rows.numbers[row]
        assert each.truth == cells[-1]
        assert each.prediction == rows.model.classes[int(p[row].argmax())]
        assert each.values == tuple(
            (name, cell or "missing") for name, cell in zip(["x", "q", "code", "day", "open"], cells, strict=False)
        )
    assert worst_rows(rows, 3, y_hat=outputs(rows)) == found


def test_the_error_of_a_real_target_is_absolute_and_of_several_in_standard_deviations(told: Any) -> None:
    rows = silent(told(LINE, noisy_csv()))
    first = worst_rows(rows, 1)[0]
    error = np.abs(rows.truth - predictions(rows))[:, 0]
    assert first.error == pytest.approx(error.max(), rel=1e-12)
    assert float(first.truth) == pytest.approx(float(rows.truth[error.argmax(), 0]), rel=1e-5)
    rows = told(REAL, real_csv())
    first = worst_rows(rows, 1)[0]
    scaled = np.abs(rows.truth - predictions(rows)) / np.asarray(rows.truth).std(axis=0)
    assert first.error == pytest.approx(scaled.mean(axis=1).max(), rel=1e-12)
    assert first.truth.startswith("u ")
    assert ", v " in first.prediction


def test_of_several_0_1_targets_all_are_told(told: Any) -> None:
    rows = told(LABELS, labels_csv())
    first = worst_rows(rows, 1)[0]
    p, truth = predictions(rows), np.asarray(rows.truth)
    loss = -np.log(np.where(truth == 1, p, 1 - p)).mean(axis=1)
    assert first.error == pytest.approx(loss.max(), rel=1e-12)
    u, v = truth[loss.argmax()]
    assert first.truth == f"u {u}, v {v}"


def test_the_threshold_decides_what_is_predicted(told: Any) -> None:
    rows = told(BINARY, binary_csv())
    target = rows.model.target._replace(threshold=0.999999)
    found = worst_rows(rows._replace(model=replace(rows.model, target=target)), 60)
    assert {each.prediction for each in found} == {"no"}
