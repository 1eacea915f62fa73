"""The profile of predictions: counts that are right by hand, small, and no row's own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnfit.data.target import Target
from nnfit.scoring.profile import (
    BINS,
    FINE,
    LEVELS,
    Profile,
    as_json,
    of_class,
    of_json,
    of_target,
    profile,
    round_edges,
)

TWO = Target("binary", ("y",), ("no", "yes"))


def test_rows_are_counted_at_or_above_every_threshold() -> None:
    positive, p = np.array([True, False, True, False]), np.array([0.9, 0.9, 0.5, 0.1])
    found = of_class("yes", positive, p)
    assert (found.positives, found.negatives) == (2, 2)
    assert (found.tp, found.fp) == ((1, 2, 2), (1, 1, 2)), "two rows have one score"
    for t, tp, fp in zip(LEVELS, found.tp_at, found.fp_at, strict=True):
        assert (tp, fp) == ((p[positive] >= t).sum(), (p[~positive] >= t).sum()), t
    fpr, tpr = found.roc
    assert (fpr.tolist(), tpr.tolist()) == ([0, 0.5, 0.5, 1], [0, 0.5, 1, 1])
    recall, precision = found.precision_recall
    assert (recall.tolist(), precision.tolist()) == ([0, 0.5, 1, 1], pytest.approx([1, 1 / 2, 2 / 3, 1 / 2]))


def test_bins_hold_how_many_rows_how_sure_and_how_often_right() -> None:
    positive, p = np.array([True, False, True, True]), np.array([0.1, 0.05, 1.0, 0.95])
    found = of_class("yes", positive, p)
    assert found.rows_in_bin == (2, 0, 0, 0, 0, 0, 0, 0, 0, 2), "0.1 belongs to the first bin, 1 to the last"
    assert found.mean_in_bin[0] == pytest.approx(0.075) and found.mean_in_bin[1] is None
    assert (found.share_in_bin[0], found.share_in_bin[-1]) == (0.5, 1)
    assert sum(found.own) == 3 and sum(found.others) == 1 and len(found.own) == len(FINE) - 1 == 2 * (len(BINS) - 1)


def test_rows_count_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    positive, p, w = rng.random(50) < 0.4, rng.integers(0, 9, 50) / 8, rng.integers(1, 4, 50)
    weighed = of_class("yes", positive, p, w.astype(float))
    repeated = of_class("yes", np.repeat(positive, w), np.repeat(p, w))
    assert weighed == repeated


def test_a_long_curve_keeps_its_ends_and_its_area() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(5000)
    positive = rng.random(5000) < p
    few, all_ = of_class("yes", positive, p), of_class("yes", positive, p, points=None)
    assert len(few.tp) <= 80 < len(all_.tp) == 5000
    assert (few.tp[-1], few.fp[-1]) == (few.positives, few.negatives)
    areas = [np.trapezoid(each.roc[1], each.roc[0]) for each in (few, all_)]
    assert areas[0] == pytest.approx(areas[1], abs=2e-3)


def test_of_two_classes_the_second_is_told_and_of_many_those_that_are_most() -> None:
    assert [each.name for each in profile(TWO, np.array([0, 1]), np.array([[0.8, 0.2], [0.1, 0.9]])).classes] == ["yes"]
    names = tuple(f"class {k}" for k in range(30))
    truth = np.repeat(np.arange(30), np.arange(1, 31))
    found = profile(Target("multinomial", ("y",), names), truth, np.full((len(truth), 30), 1 / 30))
    assert [each.name for each in found.classes] == list(names[18:])


def test_every_real_row_is_counted_once_also_those_far_away() -> None:
    rng = np.random.default_rng(2)
    y = np.r_[rng.normal(size=500), 1e6]
    y_hat = np.r_[rng.normal(size=500), -1e6]
    found = of_target("y", y, y_hat)
    assert np.sum(found.density) == sum(found.residuals) == sum(found.band_rows) == 501
    assert np.shape(found.density) == (len(found.edges) - 1,) * 2
    assert all(low <= middle <= high for low, middle, high in zip(*found[-3:], strict=True))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        *[(0.123, 0.987), (-7e9, 3e11), (5, 5), (0, 0), (1e-12, 2e-12), (1e15, 1e15 + 9)],
        *[(1e-323, 2e-323), (0, 1e-305), (-1e-299, 2e-299), (-2e150, 2e150)],
    ],
)
def test_edges_are_round_numbers_around_the_range(low: float, high: float) -> None:
    edges = round_edges(low, high)
    assert edges[0] <= low and edges[-1] >= high and (np.diff(edges) > 0).all() and 2 <= len(edges) <= 70


def test_no_edge_is_a_value_of_a_row() -> None:
    y = np.random.default_rng(3).normal(50, 20, 400)
    found = of_target("y", y, y + 0.123)
    assert not set(found.edges) & {*y.tolist(), *(y + 0.123).tolist()}


@pytest.mark.parametrize("n", [1, 5, 19, 20])
def test_of_fewer_than_twenty_rows_nothing_is_told_of_real_targets(n: int) -> None:
    rng = np.random.default_rng(5)
    y, y_hat = rng.normal(size=(2, n, 2)) * 1234.5678
    found = profile(Target("regression", ("a", "b")), y, y_hat)
    assert (found.rows, len(found.targets)) == (n, 2 * (n == 20))
    assert len(profile(Target("regression", ("a", "b")), y, y_hat, least=1).targets) == 2, "where the rows are at hand"
    for each in found.targets:
        assert each.band_rows == (20,)
        told = {*each.edges, *each.residual_edges, *each.band_mean, *each.band_low, *each.band_middle, *each.band_high}
        k = ("a", "b").index(each.name)
        own = [*y[:, k], *y_hat[:, k], *(y - y_hat)[:, k]]
        assert not told & {float(f"{value:.5g}") for value in own}


def test_every_band_has_twenty_rows_and_a_number_of_five_digits() -> None:
    y = np.arange(100_000, 100_059) * 1.0
    found = of_target("y", y, y[::-1])
    assert min(found.band_rows) >= 20
    assert all(float(f"{value:.5g}") == value for values in found[-4:] for value in values)


@pytest.mark.parametrize("n", [1, 4, 5, 19, 20])
def test_a_bin_of_fewer_than_five_rows_has_no_mean(n: int) -> None:
    p = np.full(n, 0.123456)
    w = np.full(n, 9.0)
    found = profile(TWO, np.arange(n) % 2, np.column_stack([1 - p, p]), w).classes[0]
    assert found.mean_in_bin[1] == (0.12346 if n >= 5 else None)
    assert found.share_in_bin[1] is not None and found.rows_in_bin[1] == 9 * n
    given = profile(TWO, np.arange(n) % 2, np.column_stack([1 - p, p]), w, least=1).classes[0]
    assert given.mean_in_bin[1] == 0.12346, "where the rows are at hand"
    assert of_json(json.loads(json.dumps(as_json(Profile(n, (found,)), TWO.classes))), TWO.classes).classes == (found,)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("far", [1.7e308, -1e151, np.inf, np.nan])
@pytest.mark.parametrize("truth", [True, False])
def test_a_target_with_a_number_that_has_no_square_has_no_profile(far: float, truth: bool) -> None:
    rows = np.random.default_rng(6).normal(size=(2, 30, 2))
    rows[0 if truth else 1, 3, 0] = far
    assert [each.name for each in profile(Target("regression", ("a", "b")), *rows).targets] == ["b"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [5e-324, 1e-310, 1e-299, 1e149])
def test_numbers_at_the_ends_of_the_doubles_have_a_profile_that_comes_back(unit: float) -> None:
    y = np.arange(1.0, 31)[:, None] % 8 * unit
    found = profile(Target("regression", ("y",)), y, y[::-1])
    assert sum(found.targets[0].residuals) == 30
    assert of_json(json.loads(json.dumps(as_json(found, ("y",)))), ("y",)) == found


def test_counts_by_weights_that_are_whole_and_not_come_back() -> None:
    rng = np.random.default_rng(7)
    p, w = rng.random(400), rng.choice([100_000.0, 0.5, 123_456.7], 400)
    found = profile(TWO, (rng.random(400) < p).astype(int), np.column_stack([1 - p, p]), w)
    assert of_json(json.loads(json.dumps(as_json(found, TWO.classes))), TWO.classes) == found


@pytest.mark.parametrize("task", ["binary", "multinomial", "multilabel", "regression"])
def test_a_profile_comes_back_from_its_json_as_it_was(task: str) -> None:
    rng = np.random.default_rng(4)
    columns, classes = ("a", "b"), ("x", "y", "z")[: 2 if task == "binary" else 3]
    if task in ("binary", "multinomial"):
        target, truth = Target(task, ("t",), classes), rng.integers(0, len(classes), 90)
        prediction = rng.dirichlet(np.ones(len(classes)), 90)
    elif task == "multilabel":
        target, truth, prediction = Target(task, columns, ("0", "1")), rng.integers(0, 2, (90, 2)), rng.random((90, 2))
    else:
        target, truth = Target(task, columns), rng.normal(size=(90, 2)) * [1, 1e6]
        prediction = truth + rng.normal(size=(90, 2))
    names = target.classes if task in ("binary", "multinomial") else target.columns
    found = profile(target, truth, prediction)
    assert of_json(json.loads(json.dumps(as_json(found, names))), names) == found
