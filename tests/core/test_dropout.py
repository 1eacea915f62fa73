"""Dropout: what is left out, what comes back, and what no other member can change."""

import numpy as np
import pytest
from builders import away_from_kinks, examples, follow, group, network, optimizer, scaled, schedule, start

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples, Source, Streams
from nnfit.core.network import Pass, predict, views
from nnfit.core.plan import Plan


def generators(*seeds):
    return [np.random.default_rng(seed) for seed in seeds]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("sigma", [name for name in ACTIVATIONS if name != "step"])
def test_the_gradient_under_a_fixed_mask_is_the_derivative(sigma, members):
    rng = np.random.default_rng(1)
    net = network(3, group(5, sigma), group(4, sigma), group(2, "linear"), loss="mse")
    data = examples(rng, net, 4)
    theta = away_from_kinks(rng, net, data.X, members) * 0.5
    gradient = np.empty_like(theta)
    run = Pass(net, theta, 4, gradient, dropout=0.4)
    run.draw(generators(*range(members)))
    arguments = data.X, data.Y, scaled(net, data)
    run.cost_and_gradient(*arguments)
    analytic, h = gradient.copy(), 1e-5
    for j in range(net.P):
        kept = theta[:, j].copy()
        theta[:, j] = kept + h
        above = run.cost_of(*arguments).copy()
        theta[:, j] = kept - h
        below = run.cost_of(*arguments).copy()
        theta[:, j] = kept
        np.testing.assert_allclose(analytic[:, j], (above - below) / (2 * h), rtol=1e-5, atol=1e-8)
    assert all((run.drops[i].mask == 0).any() for i in range(2))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_a_mask_is_0_in_the_share_p_and_else_makes_up_for_it(p):
    net = network(2, group(40, "linear"), group(30, "linear"), group(1, "linear"), loss="mse")
    run = Pass(net, start(net, 2), 100, None, p)
    run.draw(generators(1, 2))
    for dropped in run.drops:
        assert set(np.unique(dropped.mask)) == {0, 1 / (1 - p)}
        assert abs((dropped.mask == 0).mean() - p) < 0.02
        assert not np.array_equal(dropped.mask[:, 0], dropped.mask[:, 1])
    first = run.drops[0].mask.copy()
    run.draw(generators(3, 4))
    assert not np.array_equal(first, run.drops[0].mask)


def test_the_expected_output_of_a_linear_network_is_that_without_dropout():
    net = network(3, group(6, "linear"), group(2, "linear"), loss="mse")
    rng = np.random.default_rng(2)
    X, theta = examples(rng, net, 5).X, start(net)
    run, total = Pass(net, theta, 5, None, 0.3), np.zeros((1, 2, 5))
    streams = generators(0)
    for _ in range(20_000):
        run.draw(streams)
        total += run.forward(X)
    np.testing.assert_allclose(total / 20_000, predict(net, theta, X), atol=0.02)


def test_training_with_dropout_differs_and_predictions_take_the_whole_network():
    net = network(3, group(6, "tanh"), group(2, "softmax"), loss="cross_entropy")
    data, rule = examples(np.random.default_rng(3), net, 40), optimizer("sgd", learning_rate=0.1)
    thetas = []
    for p in (0.0, 0.3):
        theta = start(net)
        follow(net, theta, data, Plan(3, 8, rule, dropout=p))
        thetas.append(theta)
    assert np.abs(thetas[0] - thetas[1]).max() > 1e-3
    np.testing.assert_array_equal(predict(net, thetas[1], data.X), predict(net, thetas[1], data.X))


def test_a_network_without_hidden_layers_has_nothing_to_drop():
    net = network(3, group(1, "linear"), loss="mse")
    data, rule = examples(np.random.default_rng(4), net, 20), optimizer("sgd", learning_rate=0.1)
    thetas = [start(net), start(net)]
    for theta, p in zip(thetas, (0.0, 0.5), strict=True):
        follow(net, theta, data, Plan(2, 8, rule, dropout=p))
    np.testing.assert_array_equal(*thetas)


def test_the_weights_of_a_unit_that_is_left_out_everywhere_do_not_move():
    net = network(3, group(6, "relu"), group(1, "linear"), loss="mse")
    rng = np.random.default_rng(5)
    data, theta = examples(rng, net, 1), start(net)
    gradient = np.empty_like(theta)
    run = Pass(net, theta, 1, gradient, 0.5)
    run.draw(generators(6))
    run.cost_and_gradient(data.X, data.Y, data.w)
    out = run.drops[0].mask[:, 0, 0] == 0
    assert 0 < out.sum() < 6
    first, last = views(net, gradient)
    assert not first[0, out].any()
    assert not last[0, 0, 1:][out].any()


def test_what_a_member_draws_does_not_depend_on_the_others():
    several, alone = (Streams([Source((7,), k) for k in members]) for members in (range(4), [2]))
    for streams in (several, alone):
        streams.restart(1, 0)
    np.testing.assert_array_equal(several.generators[2].random(9), alone.generators[0].random(9))
    assert len({float(generator.random()) for generator in several.generators}) == 4
    several.restart(1, 0)
    assert several.generators[0].random() == np.random.default_rng([7, 1, 0]).random()


@pytest.mark.parametrize("n", [48, 50])
@pytest.mark.parametrize("batch_size", [7, 16, 64])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_member_with_rows_of_its_own_is_the_same_with_others_and_alone(n, batch_size, dropout):
    net = network(3, group(6, "tanh"), group(5, "gelu"), group(2, "softmax"), loss="cross_entropy")
    rng = np.random.default_rng(8)
    data = examples(rng, net, n)
    fold = rng.permutation(n) % 4
    rows = tuple(np.flatnonzero(fold != k) for k in range(4))
    rule, rate = optimizer("adam", learning_rate=0.01), schedule("cosine", warmup=0.1)
    plan = Plan(5, batch_size, rule, rate, dropout=dropout, l2=0.01)
    together = start(net, 4)
    costs = follow(net, together, data, plan, 3, rows)
    for k in range(4):
        theta = start(net, 4)[k : k + 1].copy()
        # What the others learn from must not matter, but for how many rows there are.
        other = data._replace(X=data.X.copy())
        other.X[fold == k, 1:] = 1e3
        alone = follow(net, theta, other, plan, 3, rows, first=k)
        np.testing.assert_allclose(theta[0], together[k], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(np.ravel(alone), np.array(costs)[:, k], rtol=1e-9)


def test_rows_of_its_own_are_as_good_as_data_of_its_own():
    # In full batches there is no order, so the data cut out by hand give the same.
    net = network(3, group(4, "tanh"), group(1, "linear"), loss="mse")
    rng = np.random.default_rng(9)
    w = rng.uniform(0.5, 2, (1, 1, 12))
    data = examples(rng, net, 12, w)
    rows = (np.array([0, 1, 2, 5, 7]), np.array([3, 4, 4, 8, 11]))
    plan, together = Plan(6, 64, optimizer("sgd", learning_rate=0.1)), start(net, 2)
    follow(net, together, data, plan, rows=rows)
    for k, own in enumerate(rows):
        theta = start(net, 2)[k : k + 1].copy()
        part = Examples(data.X[own], data.Y[:, own], data.w[:, :, own])
        follow(net, theta, part, plan)
        np.testing.assert_allclose(theta[0], together[k], rtol=1e-9)
