"""What is done to the gradient and to the learning rate on the way: penalties, clipping, schedules."""

import numpy as np
import pytest
from builders import (
    GRADIENT_OPTIMIZERS,
    cost_and_gradient,
    examples,
    follow,
    group,
    network,
    optimizer,
    schedule,
    start,
)

from nnfit.core.network import views
from nnfit.core.optimizers import SGD
from nnfit.core.plan import Plan, shapers
from nnfit.core.schedules import SCHEDULES, factor
from nnfit.core.training import begin, decaying, fit

NET = network(3, group(4, "tanh"), group(2, "linear"), loss="mse")
ETA = 0.05


def fitted(members=1, epochs=40, **options):
    """θ after some training with these options of the plan."""
    theta, rule = start(NET, members), optimizer("sgd", learning_rate=ETA)
    follow(NET, theta, examples(np.random.default_rng(1), NET, 30), Plan(epochs, 10, rule, **options))
    return theta


def weights_of(theta):
    return np.concatenate([Theta[:, :, 1:].ravel() for Theta in views(NET, theta)])


def one_step(**options):
    """θ before and after one full-batch update, and the gradient that it took."""
    theta, rule = start(NET, 2), optimizer("sgd", learning_rate=ETA)
    before = theta.copy()
    data = examples(np.random.default_rng(2), NET, 12)
    follow(NET, theta, data, Plan(1, 12, rule, **options))
    return before, (before - theta) / ETA, data


@pytest.mark.parametrize("options", [{"l2": 0.3}, {"l1": 0.2}, {"l2": 0.3, "l1": 0.2}])
def test_the_gradient_is_that_of_the_penalised_cost(options):
    theta, gradient, data = one_step(**options)
    l2, l1 = options.get("l2", 0.0), options.get("l1", 0.0)

    def penalised(shifted):
        C, _ = cost_and_gradient(NET, shifted, data)
        parts = [Theta[:, :, 1:].reshape(2, -1) for Theta in views(NET, shifted)]
        return C + sum(l2 / 2 * (part**2).sum(axis=1) + l1 * np.abs(part).sum(axis=1) for part in parts)

    h = 1e-6
    for j in range(NET.P):
        step = np.zeros_like(theta)
        step[:, j] = h
        numerical = (penalised(theta + step) - penalised(theta - step)) / (2 * h)
        np.testing.assert_allclose(gradient[:, j], numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["l2", "l1"])
def test_a_penalty_makes_weights_smaller_and_more_of_it_smaller_still(name):
    sizes = [np.abs(weights_of(fitted(**{name: share}))).sum() for share in (0.0, 0.05, 0.5)]
    assert sizes[0] > 1.1 * sizes[1] > 1.1**2 * sizes[2]


@pytest.mark.parametrize("name", ["l2", "l1"])
def test_a_penalty_leaves_biases_alone(name):
    theta, gradient, data = one_step(**{name: 10.0})
    _, plain = cost_and_gradient(NET, theta, data)
    for with_penalty, without in zip(views(NET, gradient), views(NET, plain), strict=True):
        np.testing.assert_allclose(with_penalty[:, :, 0], without[:, :, 0], rtol=1e-9, atol=1e-12)
        assert (np.abs(with_penalty - without)[:, :, 1:] > 1e-3).all()


def test_l1_brings_many_weights_near_0_and_l2_does_not():
    near = {}
    for name in ("l1", "l2"):
        found = np.abs(weights_of(fitted(epochs=400, **{name: 0.06})))
        near[name] = (found < ETA * 0.06 * 1.01).mean()
    assert near["l1"] >= 0.5 > near["l2"] + 0.2


def test_the_norm_is_bounded_member_by_member_and_the_direction_stays():
    rng = np.random.default_rng(3)
    theta, gradient = np.zeros((3, NET.P)), rng.normal(size=(3, NET.P)) * [[0.001], [1], [1000]]
    before = gradient.copy()
    plan = Plan(1, 1, optimizer("sgd"), clip_norm=0.5)
    for shape in shapers(theta, gradient, np.empty(0), plan):
        shape()
    np.testing.assert_allclose(np.linalg.norm(gradient, axis=1)[1:], 0.5)
    np.testing.assert_array_equal(gradient[0], before[0])
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (gradient, before)]
    np.testing.assert_allclose(*unit)


def test_a_gradient_of_0_stays_0_under_clipping():
    gradient = np.zeros((1, NET.P))
    plan = Plan(1, 1, optimizer("sgd"), clip_norm=1.0, clip_value=1.0)
    for shape in shapers(gradient.copy(), gradient, np.empty(0), plan):
        shape()
    assert not gradient.any()


def test_clip_value_bounds_each_entry_and_leaves_the_smaller_ones():
    theta, clipped, data = one_step(clip_value=0.05)
    _, plain = cost_and_gradient(NET, theta, data)
    assert (np.abs(plain) > 0.05).any()
    assert (np.abs(plain) < 0.05).any()
    np.testing.assert_allclose(clipped, np.clip(plain, -0.05, 0.05), rtol=1e-9, atol=1e-12)


def test_clip_norm_in_training_shortens_each_members_step():
    theta, clipped, data = one_step(clip_norm=0.1)
    _, plain = cost_and_gradient(NET, theta, data)
    assert (np.linalg.norm(plain, axis=1) > 0.1).all()
    np.testing.assert_allclose(clipped, plain * 0.1 / np.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-9)


def test_penalties_come_before_clipping():
    gradient, theta = np.full((1, NET.P), 0.01), np.full((1, NET.P), 5.0)
    plan = Plan(1, 1, optimizer("sgd"), l2=1.0, clip_value=0.1)
    for shape in shapers(theta, gradient, decaying(NET, np.dtype(float)), plan):
        shape()
    assert np.abs(gradient).max() == 0.1


def test_each_member_has_its_own_penalties_and_clipping_and_none_where_it_has_none():
    rng = np.random.default_rng(5)
    options = [{}, {"l2": 0.3}, {"l1": 0.2, "clip_norm": 0.5}, {"l2": 0.1, "clip_value": 0.1}, {"clip_norm": 1e3}]
    plans = [Plan(1, 1, optimizer("sgd"), **each) for each in options]
    theta = rng.normal(size=(5, NET.P)).astype("float32")
    before = rng.normal(size=(5, NET.P)).astype("float32")
    before[:, ::3] = -0.0  # which + 0 would change
    decays, together, alone = decaying(NET, theta.dtype), before.copy(), before.copy()
    for shape in shapers(theta, together, decays, *plans):
        shape()
    for k, plan in enumerate(plans):
        for shape in shapers(theta[k : k + 1], alone[k : k + 1], decays, plan):
            shape()
    assert together.tobytes() == alone.tobytes()
    assert together[0].tobytes() == before[0].tobytes()


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_of_every_update_is_that_of_the_formula(monkeypatch, name, warmup):
    seen = []
    monkeypatch.setattr(SGD, "rule", lambda *_: lambda *arguments: seen.append(arguments[-2:]))
    rate, rule = schedule(name, warmup=warmup), optimizer("sgd", learning_rate=0.3)
    state = begin(start(NET), rule)
    state.factor[:] = 0.5  # as a plateau would leave it
    for _ in fit(NET, state, examples(np.random.default_rng(1), NET, 10), Plan(4, 4, rule, rate), [0]):
        pass
    assert [t for t, _ in seen] == list(range(1, 13))
    np.testing.assert_allclose([eta for _, eta in seen], [0.15 * factor(rate, t / 12) for t in range(12)])


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in ("constant", "plateau")])
def test_a_schedule_changes_what_is_learnt(name):
    plain, other = fitted(), fitted(schedule=schedule(name))
    assert np.abs(plain - other).max() > 1e-4


def on_a_plateau(theta, factors, name, warmup=0.0):
    """θ after some training in which each member has this factor on its rate."""
    plan = Plan(5, 4, optimizer(name), schedule("plateau", warmup=warmup))
    state = begin(theta.copy(), plan.optimizer)
    state.factor[:] = factors
    data = examples(np.random.default_rng(1), NET, 10, dtype=str(theta.dtype))
    for _ in fit(NET, state, data, plan, [0]):
        pass
    return state.theta


every_rule = pytest.mark.parametrize("name", GRADIENT_OPTIMIZERS)


@pytest.mark.parametrize("warmup", [0.0, 0.5])
@every_rule
def test_on_a_plateau_each_member_has_a_rate_of_its_own(name, warmup):
    first = np.concatenate([start(NET), start(NET)])
    together = on_a_plateau(first, [1.0, 0.25], name, warmup)
    for k, own in enumerate((1.0, 0.25)):
        alone = on_a_plateau(first[:1], own, name, warmup)
        np.testing.assert_allclose(together[k], alone[0], rtol=1e-12, atol=1e-14)
    assert np.abs(together[0] - together[1]).max() > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_rule
def test_the_rate_of_one_member_does_not_touch_another_in_the_last_bit(name, dtype):
    theta = start(NET, 3, dtype)
    runs = [on_a_plateau(theta, [1.0, 0.3, other], name) for other in (1.0, 0.3, 0.01, 0.0)]
    for after in runs[1:]:
        assert after[:2].tobytes() == runs[0][:2].tobytes()
        assert after[2].tobytes() != runs[0][2].tobytes()
