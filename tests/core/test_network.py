"""The layout of θ, the forward pass, and many members at once."""

from itertools import product

import numpy as np
import pytest
from builders import (
    away_from_kinks,
    cost_and_gradient,
    examples,
    group,
    inputs,
    network,
    split,
    start,
    train,
    weighted_sums,
)
from covering import all_pairs

from nnfit.core import network as core
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.network import Pass, predict, views
from nnfit.workers.threads import threads

MIXED = (group(2, "relu"), group(3, "tanh"), group(1, "linear", k=0.5))
NETWORKS = {
    1: network(4, group(3, "softmax"), loss="cross_entropy"),
    2: network(4, group(5, "relu"), group(2, "linear"), loss="mse"),
    3: network(4, MIXED, group(3, "softmax"), group(1, "logistic"), loss="bce"),
    4: network(4, group(2, "tanh"), MIXED, group(4, "logistic"), group(2, "linear"), loss="rss"),
}
every_depth = pytest.mark.parametrize("L", NETWORKS)


def outputs(net, theta, X):
    """ŷ (K, n) of one parameter vector, by the notes' formulas."""
    z = weighted_sums(net, split(net, theta), X)[-1]
    result, first = np.empty_like(z), 0
    for part in net.layers[-1]:
        rows = z[first : first + part.size, None].copy()
        part.sigma.value(rows, np.empty_like(rows))
        result[first : first + part.size] = rows[:, 0]
        first += part.size
    return result


@every_depth
def test_a_weight_matrix_has_a_row_for_each_neuron_and_a_column_more_than_inputs(L):
    net = NETWORKS[L]
    assert len(net.layers) == L
    assert len(net.N) == L + 1
    assert net.shapes == [(net.N[i + 1], net.N[i] + 1) for i in range(L)]
    assert sum(rows * columns for rows, columns in net.shapes) == net.P
    Theta = views(net, np.zeros((3, net.P)))
    assert [matrix.shape for matrix in Theta] == [(3, *shape) for shape in net.shapes]


def test_neurons_of_a_mixed_layer_are_counted_together():
    assert NETWORKS[3].N == (4, 6, 3, 1)
    assert NETWORKS[3].P == 6 * 5 + 3 * 7 + 1 * 4


@every_depth
def test_the_weight_matrices_are_views_that_cover_theta_once(L):
    net = NETWORKS[L]
    theta = np.zeros((3, net.P))
    for i, Theta in enumerate(views(net, theta), 1):
        assert np.shares_memory(Theta, theta)
        Theta += i
    assert sorted(set(theta[0])) == list(range(1, L + 1))
    # Member by member and layer by layer, in order.
    np.testing.assert_array_equal(theta, np.sort(theta))


@every_depth
def test_a_pass_sees_a_change_of_theta_in_place(L):
    net = NETWORKS[L]
    theta, X = start(net), inputs(np.random.default_rng(0), 5, 4)
    batch = Pass(net, theta, 5)
    before = batch.forward(X).copy()
    theta *= 0.5
    after = batch.forward(X)
    assert not np.allclose(after, before)
    np.testing.assert_array_equal(after, predict(net, theta, X))


@every_depth
def test_the_forward_pass_of_every_member_is_the_formula_of_the_notes(L):
    net = NETWORKS[L]
    rng = np.random.default_rng(1)
    X, theta = inputs(rng, 7, 4), rng.normal(size=(3, net.P))
    y_hat = predict(net, theta, X)
    assert y_hat.shape == (3, net.N[-1], 7)
    for member, row in zip(y_hat, theta, strict=True):
        np.testing.assert_allclose(member, outputs(net, row, X), rtol=1e-12, atol=1e-14)


@every_depth
def test_the_output_weights_get_delta_times_the_outputs_below(L):
    # A second, slower derivation of the last gradient: with linear outputs and rss it is 2 Σ (ŷ − y) aᵀ.
    net = NETWORKS[L]._replace(layers=(*NETWORKS[L].layers[:-1], (group(2, "linear"),)), loss="rss")
    rng = np.random.default_rng(2)
    data, theta = examples(rng, net, 6), rng.normal(size=(2, net.P))
    C, gradient = cost_and_gradient(net, theta, data)
    for k in range(2):
        below = data.X.T
        if L > 1:
            hidden = net._replace(layers=net.layers[:-1])
            below = np.vstack([np.ones(6), outputs(hidden, theta[k, : hidden.P], data.X)])
        error = views(net, theta)[-1][k] @ below - data.Y
        np.testing.assert_allclose(C[k], (error**2).sum(), rtol=1e-12)
        np.testing.assert_allclose(views(net, gradient)[-1][k], 2 * error @ below.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_pass_gives_the_same_gradient_however_often_it_is_used(loss):
    sigma = next(name for name, entry in ACTIVATIONS.items() if entry.traits.range.within(LOSSES[loss].accepts))
    net = network(4, MIXED, group(3, "softmax"), group(2, sigma), loss=loss)
    rng = np.random.default_rng(3)
    theta, data, other = start(net, 2), examples(rng, net, 5), examples(rng, net, 5)
    gradient = np.empty_like(theta)
    batch, one = Pass(net, theta, 5, gradient), np.ones((1, 1, 5))
    first = batch.cost_and_gradient(data.X, data.Y, one).copy(), gradient.copy()
    batch.cost_and_gradient(other.X, other.Y, one)
    batch.forward(other.X)
    np.testing.assert_array_equal(batch.cost_and_gradient(data.X, data.Y, one), first[0])
    np.testing.assert_array_equal(gradient, first[1])


@pytest.mark.parametrize(
    ("L", "name", "momentum", "batch_size"),
    all_pairs((L, *rule, m) for L, rule, m in product(NETWORKS, [("sgd", 0.0), ("sgd", 0.9), ("adam", None)], [4, 10])),
)
def test_members_trained_together_are_those_trained_alone(L, name, momentum, batch_size):
    net, M = NETWORKS[L], 3
    data = examples(np.random.default_rng(4), net, 10)
    settings = {} if momentum is None else {"momentum": momentum, "nesterov": True}
    together = start(net, M)
    alone = [together[k : k + 1].copy() for k in range(M)]
    costs = train(net, together, data, 5, batch_size, name, learning_rate=0.05, **settings)
    assert np.unique(together, axis=0).shape == together.shape
    for k, theta in enumerate(alone):
        single = train(net, theta, data, 5, batch_size, name, learning_rate=0.05, **settings)
        np.testing.assert_allclose(together[k : k + 1], theta, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose([C[k] for C in costs], np.ravel(single), rtol=1e-12)


def test_members_may_weigh_the_examples_differently():
    # That is how folds share their rows: weight 0 for the rows that a member must not see.
    net, M, n = NETWORKS[3], 3, 9
    data = examples(np.random.default_rng(5), net, n)
    w = 1.5 * np.array([[np.arange(n) % 3 != k] for k in range(M)])
    together = start(net, M)
    alone = [together[k : k + 1].copy() for k in range(M)]
    train(net, together, data._replace(w=w), 20, learning_rate=0.1)
    for k, theta in enumerate(alone):
        rows = w[k, 0] > 0
        part = data._replace(X=data.X[rows], Y=data.Y[:, rows], w=np.ones((1, 1, 6)))
        train(net, theta, part, 20, learning_rate=0.1)
        np.testing.assert_allclose(together[k : k + 1], theta, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 1024])
@every_depth
def test_a_prediction_does_not_depend_on_the_rows_beside_it(monkeypatch, L, chunk):
    net = NETWORKS[L]
    theta, X = start(net, 2, "float32"), inputs(np.random.default_rng(6), 50, 4, "float32")
    one_by_one = np.concatenate([predict(net, theta, X[i : i + 1]) for i in range(50)], axis=2)
    monkeypatch.setattr(core, "CHUNK", chunk)
    together = predict(net, theta, X)
    # A linear output is a sum that may cancel, so its rounding is measured by the largest, not by what is left.
    cancels = net.layers[-1][0].sigma.name == "linear"
    np.testing.assert_allclose(together, one_by_one, rtol=1e-12, atol=1e-12 * np.abs(together).max() if cancels else 0)


def test_more_rows_than_one_chunk_are_all_predicted_in_order():
    net = NETWORKS[2]
    theta, X = start(net), inputs(np.random.default_rng(7), 2 * core.CHUNK + 3, 4)
    np.testing.assert_allclose(predict(net, theta, X)[0], outputs(net, theta[0], X), rtol=1e-12, atol=1e-14)


@every_depth
def test_no_rows_give_no_predictions(L):
    net = NETWORKS[L]
    assert predict(net, start(net, 2), np.empty((0, 5))).shape == (2, net.N[-1], 0)


# --- ∂F/∂x ---------------------------------------------------------------------------------------------------------

INNER = [
    *(network(3, group(4, name), group(2, "linear"), loss="mse") for name in ACTIVATIONS),
    *(network(3, group(5, "tanh"), group(2, name), loss="mse") for name in ACTIVATIONS),
    network(3, MIXED, (group(2, "gelu"), group(2, "step"), group(2, "leaky_relu")), group(3, "softmax"), loss="bce"),
    network(3, group(2, "softmax"), loss="cross_entropy"),
]


@pytest.mark.parametrize(
    "net", INNER, ids=lambda net: "-".join(part.sigma.name for layer in net.layers for part in layer)
)
def test_the_gradient_of_any_function_of_the_outputs_with_respect_to_the_inputs_is_the_derivative(net):
    rng, M, m, h = np.random.default_rng(8), 3, 6, 1e-5
    X = inputs(rng, m, 3)
    theta = away_from_kinks(rng, net, X, M)
    weight = rng.normal(size=(M, net.N[-1], m))  # F = Σ weight ŷ³ / 3, and so ∂F/∂ŷ = weight ŷ²
    batch = Pass(net, theta, m, np.empty_like(theta))
    found = batch.gradient_of_inputs(weight * batch.forward(X) ** 2)
    assert found.shape == (M, 3, m)
    for j in range(3):
        step = h * (np.arange(4) == j + 1)
        above, below = ((weight * predict(net, theta, X + sign * step) ** 3 / 3).sum(axis=1) for sign in (1, -1))
        np.testing.assert_allclose(found[:, j], (above - below) / (2 * h), rtol=1e-6, atol=1e-8)
    assert np.abs(found).max() > 0 or any(part.sigma.name == "step" for layer in net.layers for part in layer)


@every_depth
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_member_alone_predicts_what_it_predicts_among_others_with_any_number_of_threads(monkeypatch, L, count):
    monkeypatch.setattr(core, "CHUNK", 64)
    monkeypatch.setattr(core, "CHUNKS", 2)
    net, X = NETWORKS[L], inputs(np.random.default_rng(8), 300, 4)
    theta = start(net, 3)
    pieces = [slice(first, first + 64) for first in range(0, 300, 64)]
    at_once = np.concatenate([Pass(net, theta, len(X[p])).forward(X[p]).copy() for p in pieces], axis=2)
    token = threads.set(count)
    together, alone = predict(net, theta, X), np.concatenate([predict(net, own[None], X) for own in theta])
    threads.reset(token)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, at_once)
