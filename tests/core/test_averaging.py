"""Averages of the weights, against the same average taken from all of them at the end."""

from __future__ import annotations

import numpy as np
import pytest
from builders import optimizer

from nnfit.core.averaging import AVERAGES, SWA
from nnfit.core.plan import Plan
from nnfit.core.training import begin, fit

from .test_lbfgs import DATA, LINEAR, cost_at, n


def trained(average: str, epochs: int, batch: int, rate: float = 0.02, **settings: float):
    """The state at the end, and θ after every epoch."""
    plan = Plan(epochs, batch, optimizer("sgd", learning_rate=rate), average=AVERAGES[average](**settings))
    state = begin(np.full((2, LINEAR.P), [[0.0], [0.1]]), plan.optimizer, plan.average)
    path = [state.theta.copy() for _ in fit(LINEAR, state, DATA, plan, [4])]
    return state, np.array(path)


def test_the_exponential_average_is_even_at_first() -> None:
    state, path = trained("ema", 12, n, decay=0.8)  # a full batch: one update in each epoch
    expected = path[0]
    for t, theta in enumerate(path, 1):
        expected = expected + max(0.2, 1 / t) * (theta - expected)
    np.testing.assert_allclose(state.average, expected, rtol=1e-13)
    few, path = trained("ema", 5, n, decay=0.8)
    np.testing.assert_allclose(few.average, path.mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize(("start", "first"), [(0.75, 9), (0.0, 0), (0.7, 9)])
def test_swa_is_the_mean_of_the_last_epochs(start: float, first: int) -> None:
    state, path = trained("swa", 12, 20, start=start)
    np.testing.assert_allclose(state.average, path[first:].mean(axis=0), rtol=1e-12)


def test_before_its_start_swa_is_the_weights_themselves() -> None:
    average, theta = np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]])
    SWA(start=0.5).after_epoch(average, theta, 2, 10)
    np.testing.assert_array_equal(average, theta)


@pytest.mark.parametrize(("average", "settings"), [("ema", {"decay": 0.98}), ("swa", {"start": 0.5})])
def test_averages_of_noisy_steps_cost_less(average: str, settings: dict[str, float]) -> None:
    state, _ = trained(average, 40, 3, rate=0.03, **settings)
    for theta, mean in zip(state.theta, state.used, strict=True):
        assert cost_at(LINEAR, mean) < cost_at(LINEAR, theta)


def test_the_training_itself_does_not_change() -> None:
    np.testing.assert_array_equal(trained("ema", 5, 20, decay=0.9)[0].theta, trained("none", 5, 20)[0].theta)
    assert trained("none", 1, 20)[0].average is None


def test_the_start_of_swa_is_not_late_by_rounding() -> None:
    average, theta = np.zeros((1, 1)), np.ones((1, 1))
    SWA(start=0.55).after_epoch(average, theta, 56, 100)  # the first that is averaged
    SWA(start=0.55).after_epoch(average, 3 * theta, 57, 100)
    assert average.item() == 2
