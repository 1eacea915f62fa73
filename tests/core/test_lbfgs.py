"""L-BFGS on its own: minima of quadratics, falling costs, members apart, and where it ends."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from builders import group, network, optimizer

from nnfit.core import lbfgs
from nnfit.core.batches import Examples
from nnfit.core.initialization import initialize
from nnfit.core.plan import Plan
from nnfit.core.training import Diverged, State, begin

RNG = np.random.default_rng(5)
N, n = 6, 90
X = np.column_stack([np.ones(n), RNG.normal(size=(n, N)) * [1, 2, 0.5, 1, 3, 1]])
Y = (X @ RNG.normal(size=N + 1) + 0.3 * RNG.normal(size=n))[None]
w = RNG.uniform(0.5, 2, (1, 1, n))
DATA = Examples(X, Y, w / w.mean())
LINEAR = network(N, group(1, "linear"), loss="mse")
DEEP = network(N, group(5, "tanh"), group(1, "linear"), loss="mse")


def begun(net, members: int = 1, **settings) -> tuple[State, Plan]:
    rule = optimizer("lbfgs", **settings)
    theta = initialize(net, members, "float64", [np.random.default_rng([1, k]) for k in range(members)])
    return begin(theta, rule), Plan(1000, n, rule)


def test_weighted_least_squares_are_the_normal_equations() -> None:
    state, plan = begun(LINEAR, tolerance=0.0)
    list(lbfgs.fit(LINEAR, state, DATA, plan))
    np.testing.assert_allclose(state.theta[0], weighted_least_squares(), rtol=1e-12)


def weighted_least_squares() -> np.ndarray:
    root = np.sqrt(DATA.w[0, 0])[:, None]
    return np.linalg.lstsq(root * X, root[:, 0] * Y[0], rcond=None)[0]


def test_the_penalty_leaves_the_bias_alone() -> None:
    state, plan = begun(LINEAR, tolerance=0.0)
    list(lbfgs.fit(LINEAR, state, DATA, plan._replace(l2=0.3)))
    ridge = np.diag([0.0] + [0.3] * N)
    W = DATA.w[0, 0][:, None]
    expected = np.linalg.solve((X * W).T @ X / n + ridge, (X * W).T @ Y[0] / n)
    np.testing.assert_allclose(state.theta[0], expected, rtol=1e-10)


def cost_at(net, theta) -> float:
    return cost_of(net)(theta).value


def cost_of(net, data: Examples = DATA, l2: float = 0.0) -> lbfgs.Cost:
    return lbfgs.Cost(data, None, Plan(1, n, optimizer("lbfgs"), l2=l2), lbfgs.Work(net, "float64"))


def test_the_cost_falls_from_epoch_to_epoch() -> None:
    state, plan = begun(DEEP)
    costs = [float(epoch.cost[0]) for epoch in lbfgs.fit(DEEP, state, DATA, plan._replace(epochs=60))]
    assert len(costs) > 20
    assert all(later <= earlier * (1 + 1e-11) for earlier, later in pairwise(costs))
    assert costs[-1] == pytest.approx(cost_at(DEEP, state.theta[0]), rel=1e-12)


def test_training_ends_once_every_member_is_at_its_minimum() -> None:
    state, plan = begun(LINEAR, members=3, tolerance=1e-9)
    epochs = list(lbfgs.fit(LINEAR, state, DATA, plan))
    assert 3 < len(epochs) < 60
    assert state.epochs == len(epochs)
    assert not state.steps.any()
    for theta in state.theta:
        point = cost_of(LINEAR)(theta)
        assert np.abs(point.gradient).max() <= 1e-9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_a_tolerance_training_ends_where_rounding_begins(dtype: str) -> None:
    state, plan = begun(LINEAR, members=3, tolerance=0.0)
    state = begin(state.theta.astype(dtype), plan.optimizer)
    data = Examples(*(part.astype(dtype) for part in DATA))
    assert len(list(lbfgs.fit(LINEAR, state, data, plan))) < 60
    expected = np.broadcast_to(weighted_least_squares(), state.theta.shape)
    np.testing.assert_allclose(state.theta, expected, rtol=1e-12 if dtype == "float64" else 1e-4)


def test_a_member_at_its_minimum_stays_there_while_others_go_on() -> None:
    state, plan = begun(LINEAR, members=2, tolerance=1e-9)
    state.theta[0] = weighted_least_squares()
    before = state.theta.copy()
    costs = np.array([epoch.cost for epoch in lbfgs.fit(LINEAR, state, DATA, plan)])
    np.testing.assert_array_equal(state.theta[0], before[0])
    assert (costs[:, 0] == costs[0, 0]).all()
    assert len(costs) > 3
    np.testing.assert_allclose(state.theta[1], before[0], rtol=1e-7)


@pytest.mark.oracle
@pytest.mark.parametrize(("net", "worse"), [(LINEAR, 1e-12), (DEEP, 0.3)], ids=["convex", "with a hidden layer"])
def test_thirty_steps_lead_as_far_down_as_those_of_scipy(net, worse: float) -> None:
    # A network with a hidden layer has many ways down, and another line search takes another.
    from scipy.optimize import minimize

    state, plan = begun(net, tolerance=0.0)
    cost = cost_of(net)
    options = {"maxcor": plan.optimizer.history, "maxiter": 30, "ftol": 0, "gtol": 0}
    start = state.theta[0].copy()
    peer = minimize(lambda theta: cost(theta)[1:], start, jac=True, method="L-BFGS-B", options=options)
    *_, last = lbfgs.fit(net, state, DATA, plan._replace(epochs=30))
    assert peer.fun < 0.2 * cost(start).value
    assert last.cost[0] <= peer.fun * (1 + worse)


@pytest.mark.parametrize("apart", [False, True])
def test_members_are_the_same_with_others_and_alone(apart: bool) -> None:
    rows = [np.arange(0, n, 2), np.arange(n // 3), np.arange(n)] if apart else []
    state, plan = begun(DEEP, members=3)
    plan = plan._replace(epochs=15)
    list(lbfgs.fit(DEEP, state, DATA, plan, rows))
    for k in range(3):
        alone = begin(begun(DEEP, members=3)[0].theta[k : k + 1].copy(), plan.optimizer)
        list(lbfgs.fit(DEEP, alone, DATA, plan, rows[k : k + 1]))
        np.testing.assert_array_equal(alone.theta[0], state.theta[k])


@pytest.mark.parametrize("rows", [lbfgs.CHUNK - 1, lbfgs.CHUNK + 7])
def test_the_gradient_of_many_rows_is_taken_in_parts(rows: int) -> None:
    many = Examples(
        *(np.ascontiguousarray(a.take(np.arange(rows) % n, i)) for i, a in zip((0, 1, 2), DATA, strict=True))
    )
    theta = begun(DEEP)[0].theta[0]
    cost = cost_of(DEEP, many, 0.1)
    point = cost(theta)
    for i in (0, 3, DEEP.P - 1):
        h = 1e-6 * np.eye(DEEP.P)[i]
        numerical = (cost(theta + h).value - cost(theta - h).value) / 2e-6
        assert point.gradient[i] == pytest.approx(numerical, rel=1e-6, abs=1e-9)


def test_a_longer_memory_needs_fewer_steps() -> None:
    def steps(history: int) -> int:
        state, plan = begun(LINEAR, history=history, tolerance=1e-9)
        return len(list(lbfgs.fit(LINEAR, state, DATA, plan)))

    assert steps(10) < steps(1)


def test_a_cost_that_is_not_finite_is_divergence() -> None:
    state, plan = begun(DEEP)
    state.theta[0, 0] = np.inf
    with pytest.raises(Diverged) as caught:
        list(lbfgs.fit(DEEP, state, DATA, plan))
    assert (caught.value.epoch, caught.value.layer) == (1, 1)


def test_it_stops_before_the_next_step() -> None:
    state, plan = begun(DEEP)
    stop: list[int] = []
    for epoch in lbfgs.fit(DEEP, state, DATA, plan, (), stop):
        if epoch.number == 4:
            stop.append(2)
    assert state.epochs == 4
    again, _ = begun(DEEP)
    list(lbfgs.fit(DEEP, again, DATA, plan._replace(epochs=4)))
    np.testing.assert_array_equal(state.theta, again.theta)


def test_rows_of_their_own_are_not_copied_for_each_member() -> None:
    many = Examples(np.ones((40_000, N + 1)), np.zeros((1, 40_000)), np.ones((1, 1, 40_000)))
    state, plan = begun(DEEP, members=8)
    rows = [np.arange(k, 40_000) for k in range(8)]
    tracemalloc.start()
    list(lbfgs.fit(DEEP, state, many, plan._replace(epochs=2), rows))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * many.X.nbytes  # it was eight times and more; the weights of the rows are 8 / 7 of it


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_members_on_their_own_rows_minimise_their_own_cost(dtype: str) -> None:
    state, plan = begun(LINEAR, members=2, tolerance=0.0)
    state = begin(state.theta.astype(dtype), plan.optimizer)
    data = Examples(*(part.astype(dtype) for part in DATA))
    rows = [np.arange(0, n, 2), np.arange(n - 20)]
    list(lbfgs.fit(LINEAR, state, data, plan, rows))
    for theta, own in zip(state.theta, rows, strict=True):
        root = np.sqrt(DATA.w[0, 0, own])
        expected = np.linalg.lstsq(root[:, None] * X[own], root * Y[0, own], rcond=None)[0]
        np.testing.assert_allclose(theta, expected, rtol=1e-11 if dtype == "float64" else 1e-4)
