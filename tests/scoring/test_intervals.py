"""Bootstrap intervals: where they lie, how wide they are, and that they are the same every time."""

import numpy as np
import pytest

from nnfit.scoring import intervals
from nnfit.scoring.intervals import bootstrap, wilson
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
    truth = np.array([0, 0, 0, 1] + [0] * 6)
    score = np.array([0.1, 0.2, 0.7, 0.6] + [0.3] * 6)
    p = np.column_stack([1 - score, score])
    low, high = bootstrap({"a": roc_auc}, (truth, truth, p), np.random.default_rng(0))["a"]
    assert 0 <= low < 8 / 9 < high <= 1
    assert np.isnan(bootstrap({"a": roc_auc}, (truth * 0, truth, p), np.random.default_rng(0))["a"]).all()
    ones = np.ones((12, 1))
    assert np.isnan(bootstrap({"r2": r2}, (ones, ones), np.random.default_rng(0))["r2"]).all()


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_rows_have_no_interval_by_resampling(n):
    values = np.arange(float(n))
    assert np.isnan(interval(values)).all()
    assert np.isfinite(interval(np.arange(10.0))).all()


def test_several_metrics_share_their_resamples():
    y = np.random.default_rng(1).normal(size=(40, 1))
    rows = (y, np.zeros_like(y))
    alone = bootstrap({"mae": mae}, rows, np.random.default_rng(0))["mae"]
    assert bootstrap({"r2": r2, "mae": mae}, rows, np.random.default_rng(0))["mae"] == alone


def test_without_a_mistake_there_is_no_interval_by_resampling():
    truth = np.arange(30) % 2
    found = bootstrap({"a": accuracy}, (truth, truth, np.eye(2)[truth]), np.random.default_rng(0))["a"]
    assert np.isnan(found).all(), "1 to 1 would say that there is no doubt"


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),  # scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    [
        (1.0, 2, 0.34238022750665303, 1.0),
        (0.0, 10, 0.0, 0.2775327998628892),
        (0.5, 20, 0.2992980081982124, 0.7007019918017876),
        (0.97, 100, 0.9154806357094724, 0.9897454759759611),
    ],
)
def test_the_interval_of_an_accuracy_is_wilsons(share, n, low, high):
    assert wilson(share, np.ones(n)) == pytest.approx((low, high), abs=1e-6)
    assert wilson(share, np.full(n, 3.0)) == pytest.approx((low, high), abs=1e-6)


def test_rows_that_weigh_little_narrow_nothing():
    w = np.r_[np.ones(20), np.full(1000, 1e-9)]
    assert wilson(0.5, w) == pytest.approx(wilson(0.5, np.ones(20)), abs=1e-5)
