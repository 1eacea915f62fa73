"""Early stopping: which weights are kept, and when a member stops looking."""

import numpy as np
import pytest
from builders import cost_and_gradient, examples, group, network, start, weights

from nnfit.core.network import predict, views
from nnfit.core.stopping import CHUNK, Best, HeldOut, Rule, nothing_seen
from nnfit.data.scales import Floats


def followed(costs: list[list[float]], patience=3, min_delta=0.0, min_updates=0, per_epoch=1):
    """The best after these costs (one list for each epoch), the weights of epoch e being e."""
    M = len(costs[0])
    best, rule = Best(np.zeros((M, 2)), nothing_seen(M)), Rule(patience, min_delta, min_updates)
    for epoch, cost in enumerate(costs, 1):
        found: Floats = np.array(cost, float)
        best.keep(np.full((M, 2), float(epoch)), found, epoch, epoch * per_epoch, rule)
    return best


def test_each_member_keeps_the_weights_of_its_own_least_cost():
    best = followed([[3, 5], [1, 4], [2, 2], [3, 1]])
    assert best.watch.epoch.tolist() == [2, 4]
    assert best.watch.cost.tolist() == [1, 1]
    np.testing.assert_array_equal(best.theta, [[2, 2], [4, 4]])


def test_of_equal_costs_the_latest_counts():
    assert followed([[2], [1], [1], [3]]).watch.epoch.tolist() == [3]


def test_an_equal_cost_is_kept_but_lowers_nothing():
    best = followed([[2], [1], [1], [1], [1], [0]])
    assert best.watch.epoch.tolist() == [5]
    assert best.watch.lowered.tolist() == [2]
    assert best.watch.stopped.tolist() == [True]
    np.testing.assert_array_equal(best.theta, [[5, 5]])


def test_a_member_stops_after_patience_epochs_without_a_lower_cost_and_looks_no_more():
    costs = [[1], [2], [2], [2], [0]]
    assert followed(costs[:3]).watch.stopped.tolist() == [False]
    assert followed(costs[:4]).watch.stopped.tolist() == [True]
    assert followed(costs).watch.epoch.tolist() == [1]
    assert followed(costs, patience=4).watch.epoch.tolist() == [5]


def test_a_cost_counts_as_lower_only_if_it_is_so_by_min_delta():
    costs = [[1.0], [0.95], [0.8], [0.75]]
    assert followed(costs, min_delta=0.1).watch.epoch.tolist() == [3]
    assert followed(costs, min_delta=0.3).watch.epoch.tolist() == [1]
    assert followed(costs).watch.epoch.tolist() == [4]


def test_before_min_updates_no_member_stops():
    costs = [[1], [2], [2], [2], [0.5]]
    assert followed(costs, min_updates=10, per_epoch=2).watch.epoch.tolist() == [5]
    assert followed(costs, min_updates=8, per_epoch=2).watch.epoch.tolist() == [1]


def test_a_cost_that_is_no_number_is_never_the_best():
    assert followed([[2], [np.nan], [3]]).watch.epoch.tolist() == [1]


@pytest.mark.parametrize("n", [1, 7, CHUNK, CHUNK + 5, 2 * CHUNK])
@pytest.mark.parametrize("loss", ["mse", "rss"])
def test_rows_held_out_have_the_cost_and_the_outputs_of_the_weights_as_they_are(n, loss):
    net = network(3, group(4, "tanh"), group(2, "linear"), loss=loss)
    rng = np.random.default_rng(1)
    data, theta = examples(rng, net, n, weights(rng, n)), start(net, 3)
    held_out = HeldOut(net, theta, data)
    for _ in range(2):
        np.testing.assert_allclose(held_out.costs(), cost_and_gradient(net, theta, data)[0], rtol=1e-12)
        np.testing.assert_allclose(held_out.y_hat, predict(net, theta, data.X), rtol=1e-12, atol=1e-14)
        views(net, theta)[0][...] *= 0.5
