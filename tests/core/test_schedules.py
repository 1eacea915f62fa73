"""Each schedule against its formula, its two ends, its warm-up, and the plateau's bookkeeping."""

import math

import numpy as np
import pytest
from builders import schedule
from hypothesis import given
from hypothesis import strategies as st

from nnfit.core.schedules import SCHEDULES, after_epoch, factor, first_stage

# The table's name, the settings that differ from the defaults, and the formula.
CASES = [
    ("constant", {}, lambda t: 1),
    ("plateau", {}, lambda t: 1),
    ("step", {}, lambda t: 1 if t < 0.25 else 0.1 if t < 0.5 else 0.01 if t < 0.75 else 0.001),
    ("step", {"every": 0.5, "gamma": 0.3}, lambda t: 1 if t < 0.5 else 0.3),
    ("exponential", {}, lambda t: math.exp(t * math.log(0.01))),
    ("exponential", {"final": 0.25}, lambda t: 0.5 ** (2 * t)),
    ("linear", {}, lambda t: 1 - t),
    ("linear", {"final": 0.25}, lambda t: 1 - 0.75 * t),
    ("cosine", {}, lambda t: math.cos(math.pi * t / 2) ** 2),
    ("cosine", {"final": 0.25}, lambda t: 0.25 + 0.75 * math.cos(math.pi * t / 2) ** 2),
    ("flat_cosine", {}, lambda t: 1 if t < 0.5 else math.sin(math.pi * t) ** 2),
    ("flat_cosine", {"flat": 0.75, "final": 0.5}, lambda t: 1 if t < 0.75 else 0.75 - math.cos(4 * math.pi * t) / 4),
    (
        "one_cycle",
        {"peak": 0.5, "initial": 0.25, "final": 0.125},
        lambda t: (
            (0.625 - 0.375 * math.cos(2 * math.pi * t)) if t < 0.5 else 0.5625 - 0.4375 * math.cos(2 * math.pi * t)
        ),
    ),
    ("coslog4", {}, lambda t: math.sin(math.pi * math.log2(1 + 15 * t)) ** 2),
]
# The factor at the start and as the end is approached, at the defaults.
ENDS = {
    "constant": (1, 1),
    "step": (1, 0.001),
    "exponential": (1, 0.01),
    "linear": (1, 0),
    "cosine": (1, 0),
    "flat_cosine": (1, 0),
    "one_cycle": (0.04, 4e-6),
    "coslog4": (0, 0),
    "plateau": (1, 1),
}
LAST = 1 - 1e-9
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


@pytest.mark.parametrize(("name", "parameters", "formula"), CASES)
def test_the_factor_is_the_formula(name, parameters, formula):
    for t in np.linspace(0, 1, 1000, endpoint=False).tolist():
        assert factor(schedule(name, **parameters), t) == pytest.approx(formula(t), rel=1e-12, abs=1e-12), t


def test_every_schedule_is_held_against_a_formula():
    assert {name for name, _, _ in CASES} == set(SCHEDULES)


@every_schedule
def test_the_factor_begins_and_ends_where_it_should(name):
    first, last = ENDS[name]
    assert factor(schedule(name), 0.0) == pytest.approx(first, abs=1e-15)
    assert factor(schedule(name), LAST) == pytest.approx(last, abs=1e-7)


@every_schedule
@given(t=st.floats(0, 1, exclude_max=True), warmup=st.sampled_from([0.0, 0.1, 0.5]))
def test_the_factor_stays_between_0_and_1(name, t, warmup):
    assert 0 <= factor(schedule(name, warmup=warmup), t) <= 1


@every_schedule
def test_the_warm_up_rises_in_proportion_and_the_schedule_runs_over_the_rest(name):
    plain, warm = schedule(name), schedule(name, warmup=0.2)
    first = factor(plain, 0.0)
    for t in (0.0, 0.05, 0.1, 0.15):
        assert factor(warm, t) == pytest.approx(first * t / 0.2)
    for t in (0.0, 0.1, 0.45, 0.9):
        assert factor(warm, 0.2 + 0.8 * t) == pytest.approx(factor(plain, t), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("every", "steps"), [(0.1, 10), (0.2, 5), (0.3, 4), (1 / 3, 3)])
def test_a_step_falls_where_it_is_due_although_shares_are_not_exact_in_binary(every, steps):
    step = schedule("step", every=every, gamma=0.5)
    for k in range(steps):
        assert factor(step, k * every) == 0.5**k
        assert factor(step, round(k * every, 12)) == 0.5**k


@pytest.mark.parametrize(("gamma", "expected"), [(0.1, 0.0), (1.0, 1.0), (2.0, np.inf)])
@pytest.mark.parametrize("every", [5e-324, 1e-300, 1e-9])
def test_steps_without_number_end_at_nothing_or_beyond_all_numbers(every, gamma, expected):
    steps = schedule("step", every=every, gamma=gamma)
    assert factor(steps, 0.0) == 1
    assert factor(steps, 0.9) == expected


def test_four_waves_of_coslog4_are_each_twice_as_long_as_the_one_before():
    waves = schedule("coslog4")
    for k in range(1, 5):
        assert factor(waves, (2**k - 1) / 15 if k < 4 else LAST) == pytest.approx(0, abs=1e-12)
        assert factor(waves, (2 ** (k - 0.5) - 1) / 15) == pytest.approx(1)


def costs(*epochs, **parameters):
    """The factors after each epoch with these validation costs, one member."""
    stage, found = first_stage(1), []
    for cost in epochs:
        stage = after_epoch(stage, np.array([cost]), schedule("plateau", **parameters))
        found.append(stage.factor.item())
    return found


def test_the_plateau_waits_for_its_patience_and_then_waits_again():
    assert costs(5, 5, 5, 5, 5, 5, 5, patience=2, gamma=0.5) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_a_lower_cost_starts_the_patience_anew():
    assert costs(5, 5, 5, 4, 4, 4, 4, patience=2, gamma=0.5) == [1, 1, 1, 1, 1, 1, 0.5]


def test_a_cost_that_is_hardly_lower_or_not_a_number_is_no_improvement():
    assert costs(5, 4.9, 4.6, patience=1, gamma=0.5, threshold=0.1) == [1, 1, 0.5]
    assert costs(5, 4.9, 4.4, patience=1, gamma=0.5, threshold=0.1) == [1, 1, 1]
    assert costs(5, math.nan, math.nan, patience=1, gamma=0.5) == [1, 1, 0.5]


def test_every_member_has_a_plateau_of_its_own():
    stage = first_stage(3)
    for epoch in range(4):
        stage = after_epoch(stage, np.array([5.0, 5 - epoch, 5 - min(epoch, 1)]), schedule("plateau", patience=1))
    assert stage.factor.tolist() == [0.1, 1, 0.1]
    assert stage.best.tolist() == [5, 2, 4]
