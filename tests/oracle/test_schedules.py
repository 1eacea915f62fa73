"""PyTorch's learning-rate schedulers."""

import numpy as np
import pytest
from builders import schedule

from nnfit.core.schedules import after_epoch, factor, first_stage

pytestmark = pytest.mark.oracle

T = 40


def rates(make, steps=T):
    """The rates that a scheduler of PyTorch gives to the steps of a run, for a rate of 1."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


# nnfit's name and settings, and PyTorch's scheduler over T steps.
PAIRS = {
    "step": (
        ("step", {"every": 0.25, "gamma": 0.5}),
        lambda schedulers, optimizer: schedulers.StepLR(optimizer, T // 4, 0.5),
    ),
    "exponential": (
        ("exponential", {"final": 0.9**T}),
        lambda schedulers, optimizer: schedulers.ExponentialLR(optimizer, 0.9),
    ),
    "linear": (
        ("linear", {"final": 0.2}),
        lambda schedulers, optimizer: schedulers.LinearLR(optimizer, 1.0, 0.2, T),
    ),
    "cosine": (
        ("cosine", {"final": 0.2}),
        lambda schedulers, optimizer: schedulers.CosineAnnealingLR(optimizer, T, 0.2),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_a_schedule_is_that_of_pytorch(pair):
    (name, parameters), make = PAIRS[pair]
    found = [factor(schedule(name, **parameters), k / T) for k in range(T)]
    np.testing.assert_allclose(found, rates(make), rtol=1e-12)


def test_one_cycle_is_that_of_pytorch():
    # PyTorch reaches the end with the last step, so its t is k / (T − 1), and its peak lies at pct_start T − 1.
    cycle = schedule("one_cycle", peak=(0.3 * T - 1) / (T - 1))
    found = [factor(cycle, k / (T - 1)) for k in range(T)]
    expected = rates(lambda schedulers, optimizer: schedulers.OneCycleLR(optimizer, 1.0, T, pct_start=0.3), T - 1)
    np.testing.assert_allclose(found[:-1], expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_is_that_of_pytorch(seed):
    import torch

    plateau = schedule("plateau", patience=3, gamma=0.5, threshold=0.05)
    costs = 1 + np.random.default_rng(seed).uniform(size=200) / np.arange(1, 201)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, threshold=0.05, eps=0)
    stage = first_stage(1)
    for cost in costs:
        scheduler.step(cost)
        stage = after_epoch(stage, np.array([cost]), plateau)
        assert stage.factor.item() == optimizer.param_groups[0]["lr"]
    assert stage.factor.item() < 0.01
