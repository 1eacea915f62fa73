"""The profile of predictions: counts that are right by hand, small, and no row's own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnfit.data.target import Target
from nnfit.scoring.profile import BINS, FINE, LEVELS, as_json, of_class, of_json, of_target, profile, round_edges

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
    ("low", "high"), [(0.123, 0.987), (-7e9, 3e11), (5, 5), (0, 0), (1e-12, 2e-12), (1e15, 1e15 + 9)]
)
def test_edges_are_round_numbers_around_the_range(low: float, high: float) -> None:
    edges = round_edges(low, high)
    assert edges[0] <= low and edges[-1] >= high and (np.diff(edges) > 0).all() and 2 <= len(edges) <= 70


def test_no_edge_is_a_value_of_a_row() -> None:
    y = np.random.default_rng(3).normal(50, 20, 400)
    found = of_target("y", y, y + 0.123)
    assert not set(found.edges) & {*y.tolist(), *(y + 0.123).tolist()}


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
