"""The temperature of probabilities, against a search for the lowest log-loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnfit.data.target import Target, decode
from nnfit.scoring.calibration import temperature


def log_loss(target: Target, y_hat: Any, truth: Any, T: float) -> float:
    p = decode(target._replace(temperature=T), y_hat)
    return float(-np.log(p[np.arange(len(p)), truth]).mean())


def golden(cost: Callable[[float], float], low: float, high: float) -> float:
    """The minimum of a function with one valley."""
    share = (5**0.5 - 1) / 2
    for _ in range(80):
        left, right = high - share * (high - low), low + share * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return (low + high) / 2


@pytest.mark.parametrize("task", ["binary", "multinomial"])
@pytest.mark.parametrize(("sharper", "least", "most"), [(2.5, 1.5, 4.0), (0.4, 0.25, 0.7)])
def test_the_temperature_is_the_minimum_of_the_log_loss(task: str, sharper: float, least: float, most: float) -> None:
    rng = np.random.default_rng(6)
    K = 2 if task == "binary" else 4
    z = rng.normal(size=(K, 3000)) * 1.5
    p = np.exp(z) / np.exp(z).sum(axis=0)
    truth = (p.cumsum(axis=0) < rng.random(3000)).sum(axis=0)
    claimed = p**sharper / (p**sharper).sum(axis=0)
    target = Target(task, ("y",), tuple("abcd"[:K]))
    y_hat = claimed[1:] if task == "binary" else claimed
    T = temperature(target, y_hat, truth)
    assert least < T < most
    assert pytest.approx(golden(lambda T: log_loss(target, y_hat, truth, T), 0.25, 4), rel=1e-5) == T
    assert log_loss(target, y_hat, truth, T) < log_loss(target, y_hat, truth, 1.0) - 0.01
