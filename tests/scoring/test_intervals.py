"""Bootstrap intervals: where they lie, how wide they are, and that they are the same every time."""

import numpy as np
import pytest

from nnfit.scoring import intervals
from nnfit.scoring.intervals import bootstrap
from nnfit.scoring.metrics import METRICS, accuracy, mae, mean, r2, roc_auc


def of_values(values, w=None):
    """A metric of a single array: its mean."""
    return mean(values, w)


def interval(values, seed=0, **settings):
    return np.array(bootstrap({"mean": of_values}, (values,), np.random.default_rng(seed), **settings)["mean"])


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).normal(3, 2, 400)
    expected = values.mean() + 1.96 * values.std() / np.sqrt(400) * np.array([-1, 1])
    np.testing.assert_allclose(interval(values, resamples=20_000), expected, atol=0.02)


def test_the_interval_holds_the_truth_about_95_times_of_100():
    held = 0
    for seed in range(200):
        low, high = interval(np.random.default_rng(seed).normal(size=50), seed)
        held += low <= 0 <= high
    assert 0.89 <= held / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(1).normal(size=50)
    np.testing.assert_array_equal(interval(values), interval(values))
    assert (interval(values) != interval(values, seed=1)).all()


def test_how_many_resamples_are_held_at_once_changes_nothing(monkeypatch):
    values = np.random.default_rng(1).normal(size=50)
    whole = interval(values)
    monkeypatch.setattr(intervals, "AT_ONCE", 130)
    np.testing.assert_allclose(interval(values), whole, rtol=1e-12)


def test_beyond_many_rows_the_interval_is_scaled_from_some_of_them(monkeypatch):
    values = np.random.default_rng(1).normal(3, 2, 4000)
    whole = interval(values, resamples=5000)
    monkeypatch.setattr(intervals, "MOST", 1000)
    scaled = interval(values, resamples=5000)
    assert (scaled != whole).all()
    np.testing.assert_allclose(scaled, whole, atol=0.02)  # each is ± 0.06 wide
    assert scaled.mean() == pytest.approx(values.mean(), abs=0.01)


def test_weights_move_the_interval_to_the_rows_that_weigh_most():
    values = np.repeat([0.0, 1.0], 50)
    low, high = interval(values, w=np.repeat([1.0, 9.0], 50))
    assert low < 0.9 < high
    assert low > 0.8


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])
def test_every_metric_has_an_interval_with_its_value_within(kind, name):
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(3), 300)
    truth = (rng.random((300, 1)) > p.cumsum(axis=1)).sum(axis=1)
    y = rng.normal(size=(300, 2))
    rows = (truth, p.argmax(axis=1), p) if kind == "classification" else (y, y + rng.normal(size=(300, 2)))
    metric = METRICS[kind][name].of
    low, high = bootstrap({name: metric}, rows, np.random.default_rng(0))[name]
    assert low < metric(*rows) < high or name == "calibration_error"  # a sum of absolute values only grows with noise
    assert low < high < low + 0.5 * (1 + abs(low)) or name == "mape"


def test_resamples_without_a_value_are_left_out_and_an_undefined_metric_has_no_interval():
    truth = np.array([0, 0, 0, 1])
    p = np.column_stack([1 - np.array([0.1, 0.2, 0.7, 0.6]), [0.1, 0.2, 0.7, 0.6]])
    low, high = bootstrap({"a": roc_auc}, (truth, truth, p), np.random.default_rng(0))["a"]
    assert 0 <= low < 2 / 3 < high <= 1
    assert np.isnan(bootstrap({"a": roc_auc}, (truth * 0, truth, p), np.random.default_rng(0))["a"]).all()
    one = np.ones((1, 1))
    assert np.isnan(bootstrap({"r2": r2}, (one, one), np.random.default_rng(0))["r2"]).all()


def test_several_metrics_share_their_resamples():
    y = np.random.default_rng(1).normal(size=(40, 1))
    rows = (y, np.zeros_like(y))
    alone = bootstrap({"mae": mae}, rows, np.random.default_rng(0))["mae"]
    assert bootstrap({"r2": r2, "mae": mae}, rows, np.random.default_rng(0))["mae"] == alone


def test_no_mistake_at_all_gives_an_interval_of_no_width():
    truth = np.array([0, 1, 1])
    assert bootstrap({"a": accuracy}, (truth, truth, np.eye(2)[truth]), np.random.default_rng(0))["a"] == (1, 1)
