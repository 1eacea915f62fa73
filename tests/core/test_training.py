"""Minibatches, epochs and their cost, what training remembers and forgets, and where it diverges."""

import math
import tracemalloc
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from builders import (
    LEGAL_PAIRS,
    cost_and_gradient,
    examples,
    group,
    network,
    optimizer,
    start,
    targets,
    train,
    weights,
)
from covering import all_pairs

from nnfit.core import training
from nnfit.core.batches import Examples, Rows
from nnfit.core.losses import LOSSES
from nnfit.core.network import Batch, Pass, views
from nnfit.core.optimizers import Adam
from nnfit.core.plan import Plan
from nnfit.core.training import Diverged, begin, fit, pieces, refuse_divergence

# Its cost is of fourth order in θ, so that a learning rate of 3 sends it off within a few epochs.
LINEAR = network(3, group(3, "linear"), group(2, "linear"), loss="mse")
TINY = 1e-200  # a learning rate so small that θ stays what it is
BATCHES = [1, 3, 5, 10, 11, 64]  # of 10 rows: online, with a rest, without one, full, and more than there are

PAIRS = [pair for pair in LEGAL_PAIRS if pair[0] != "step"]


def numbered(n: int, members: int = 1) -> Examples:
    """Rows that can be told apart: row i is i in X, in Y and in w."""
    i = np.arange(n, dtype=float)
    return Examples(np.column_stack([np.ones(n), i]), i[None] + 0.25, np.tile(i + 0.5, (members, 1, 1)))


def minibatches(data: Examples, m: int, mean: bool, order: Rows) -> Iterator[Batch]:
    """The minibatches of an epoch as training takes them, one after the other."""
    net = network(data.X.shape[1] - 1, group(len(data.Y), "linear"), loss="mse" if mean else "rss")
    theta, n = start(net, len(data.w)), len(data.X)
    for piece in pieces(net, theta, theta.copy(), data, [Plan(1, m, optimizer("sgd"))], n, m, own=False):
        begin = piece.first * m
        piece.block.gather(order[begin : begin + len(piece.batches) * piece.run.m])
        yield from piece.batches


@pytest.mark.parametrize(
    ("batch_size", "gather", "mean"), all_pairs(product(BATCHES, [1, 100, 1 << 18], [True, False]))
)
def test_an_epoch_takes_every_row_once_with_its_target_and_weight(monkeypatch, batch_size, gather, mean):
    monkeypatch.setattr(training, "GATHER", gather)
    data, n = numbered(10, members=2), 10
    m, seen = min(batch_size, n), []
    for x, _, y, s, *_ in minibatches(
        data, m, mean, np.random.default_rng(1).permutation(n) if m < n else np.arange(n)
    ):
        rows, size = x[:, 1].astype(int), len(x)
        seen.append(rows.tolist())
        assert (x[:, 0] == 1).all()
        for k in range(2):
            np.testing.assert_array_equal(y[:, k], data.Y[:, rows])
            np.testing.assert_allclose(s[:, k], data.w[k, :, rows].T / (size if mean else 1), rtol=1e-15)
    assert sorted(i for rows in seen for i in rows) == list(range(n))
    assert [len(rows) for rows in seen] == [m] * (n // m) + [n % m] * (n % m > 0)


@pytest.mark.parametrize("gather", [1, 100])
def test_how_many_rows_are_gathered_at_once_changes_nothing(monkeypatch, gather):
    net = network(3, group(4, "tanh"), group(2, "softmax"), loss="cross_entropy")
    data, thetas = examples(np.random.default_rng(2), net, 23), [start(net), start(net)]
    train(net, thetas[0], data, 3, 4)
    monkeypatch.setattr(training, "GATHER", gather)
    train(net, thetas[1], data, 3, 4)
    assert thetas[0].tobytes() == thetas[1].tobytes()


def test_rows_come_in_another_order_every_epoch_and_the_data_stay_in_theirs():
    data, rng = numbered(30), np.random.default_rng(3)
    before = [part.copy() for part in data]
    orders = [
        [i for x, *_ in minibatches(data, 7, True, rng.permutation(30)) for i in x[:, 1].tolist()] for _ in range(3)
    ]
    assert len({tuple(order) for order in orders}) == 3
    assert list(range(30)) not in orders
    for part, kept in zip(data, before, strict=True):
        np.testing.assert_array_equal(part, kept)


def test_a_full_batch_is_the_data_themselves_without_a_copy():
    data = numbered(10)
    (batch,) = minibatches(data, 10, True, np.arange(10))
    assert np.shares_memory(batch.x, data.X)


@pytest.mark.parametrize("epochs", [1, 4])
@pytest.mark.parametrize("batch_size", BATCHES)
def test_there_is_one_update_for_each_batch(monkeypatch, batch_size, epochs):
    def constant(self, batch):
        for g in self.gradient:
            g.fill(1)
        batch.start.fill(0)

    monkeypatch.setattr(Pass, "gradient_of_cost", constant)
    net = network(3, group(2, "tanh"), group(1, "linear"), loss="mse")
    theta = np.zeros((1, net.P))
    train(net, theta, examples(np.random.default_rng(5), net, 10), epochs, batch_size, learning_rate=0.125)
    assert (theta == -0.125 * epochs * math.ceil(10 / batch_size)).all()


def test_updates_are_numbered_from_1_through_all_epochs(monkeypatch):
    # Adam's correction of its means depends on that number.
    seen = []
    monkeypatch.setattr(Adam, "rule", lambda *_: lambda *arguments: seen.append(arguments[-2]))
    train(LINEAR, start(LINEAR), examples(np.random.default_rng(5), LINEAR, 10), 3, 4, "adam")
    assert seen == list(range(1, 10))


@pytest.mark.parametrize(
    ("sigma", "loss", "batch_size", "members"),
    all_pairs((*pair, batch_size, members) for pair, batch_size, members in product(PAIRS, BATCHES, [1, 2])),
)
def test_the_cost_of_an_epoch_is_that_of_all_rows(sigma, loss, batch_size, members):
    # However small the last batch is: the mean over all rows, or for rss the sum, of weighted examples.
    rng = np.random.default_rng(6)
    net = network(3, group(4, "tanh"), group(2, sigma), loss=loss)
    theta = start(net, members)
    data = examples(rng, net, 10, weights(rng, 10, members))
    before = theta.tobytes()
    expected, _ = cost_and_gradient(net, theta, data)
    for C in train(net, theta, data, 2, batch_size, learning_rate=TINY):
        np.testing.assert_allclose(C, expected, rtol=1e-12)
    assert theta.tobytes() == before


@pytest.mark.parametrize("loss", LOSSES)
def test_a_smaller_last_batch_moves_theta_by_the_gradient_of_its_own_rows(loss):
    sigma = next(sigma for sigma, legal in LEGAL_PAIRS if legal == loss and sigma != "step")
    net = network(3, group(4, "tanh"), group(2, sigma), loss=loss)
    rng = np.random.default_rng(7)
    data, theta = examples(rng, net, 10, weights(rng, 10)), start(net)
    expected = theta.copy()
    order = np.random.default_rng([0, 1, 0]).permutation(10)
    for rows in (order[:4], order[4:8], order[8:]):
        part = Examples(data.X[rows], data.Y[:, rows], data.w[:, :, rows])
        expected -= 0.1 * cost_and_gradient(net, expected, part)[1]
    train(net, theta, data, 1, 4, learning_rate=0.1)
    np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("sigma", "loss", "name"), all_pairs((*pair, name) for pair, name in product(PAIRS, ["sgd", "adam"]))
)
def test_rows_of_weight_0_are_as_good_as_removed(sigma, loss, name):
    rng = np.random.default_rng(8)
    net = network(3, group(4, "tanh"), group(2, sigma), loss=loss)
    data, kept = examples(rng, net, 12), np.arange(12) % 3 > 0
    fewer = Examples(data.X[kept], data.Y[:, kept], np.ones((1, 1, 8)))
    # The 8 rows that are left share the weight of 12 where the cost is a mean.
    w = np.where(kept, 1.5 if LOSSES[loss].mean else 1.0, 0.0)[None, None]
    # What such a row holds must not matter, however far out it is.
    data.X[~kept, 1:] *= 50
    thetas = [start(net), start(net)]
    costs = [train(net, thetas[0], data._replace(w=w), 10, name=name, learning_rate=0.01)]
    costs += [train(net, thetas[1], fewer, 10, name=name, learning_rate=0.01)]
    np.testing.assert_allclose(costs[0], costs[1], rtol=1e-11)
    np.testing.assert_allclose(thetas[0], thetas[1], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name):
    net = network(3, (group(3, "relu"), group(3, "tanh")), group(3, "softmax"), loss="cross_entropy")
    data = examples(np.random.default_rng(9), net, 50, dtype="float32")
    results = []
    for seed in (1, 1, 2):
        theta = start(net, 2, "float32")
        costs = train(net, theta, data, 5, 8, name, seed, learning_rate=0.01)
        results.append((theta.tobytes(), np.array(costs).tobytes()))
    assert results[0] == results[1]
    assert results[0][0] != results[2][0]


def test_epochs_are_numbered_from_1_and_each_is_yielded_after_its_updates():
    net = network(3, group(1, "linear"), loss="mse")
    data, theta = examples(np.random.default_rng(10), net, 10), start(net)
    states = [theta.copy()]
    numbers = []
    rule = optimizer("sgd")
    for epoch in fit(net, begin(theta, rule), data, Plan(3, 4, rule), [0]):
        numbers.append(epoch.number)
        assert epoch.cost.shape == (1,)
        assert not np.array_equal(theta, states[-1])
        states.append(theta.copy())
    assert numbers == [1, 2, 3]


def test_no_epochs_leave_theta_as_it_was():
    net = network(3, group(1, "linear"), loss="mse")
    theta = start(net)
    assert train(net, theta, examples(np.random.default_rng(11), net, 10), 0) == []
    np.testing.assert_array_equal(theta, start(net))


def test_training_learns_what_no_single_layer_can():
    # Exclusive or: the mean cost of a network that knows nothing is log 2.
    X = np.array([[1.0, a, b] for a in (0, 1) for b in (0, 1)])
    data = Examples(X, np.array([[0.0, 1, 1, 0]]), np.ones((1, 1, 4)))
    deep, shallow = (network(2, *hidden, group(1, "logistic"), loss="bce") for hidden in ([group(4, "tanh")], []))
    assert train(deep, start(deep), data, 500, name="adam", learning_rate=0.05)[-1] < 0.01
    assert train(shallow, start(shallow), data, 500, name="adam", learning_rate=0.05)[-1] > 0.69


def test_divergence_is_an_error_that_holds_the_epoch_and_the_matrix():
    data = examples(np.random.default_rng(12), LINEAR, 10)
    with pytest.raises(Diverged) as caught:
        train(LINEAR, start(LINEAR), data, 50, 4, learning_rate=3)
    assert 1 <= caught.value.epoch <= 50
    assert caught.value.layer == 1


def test_the_epoch_that_is_named_is_the_first_that_went_wrong():
    rng = np.random.default_rng(12)
    data, theta, finished = examples(rng, LINEAR, 10, dtype="float32"), start(LINEAR, 1, "float32"), 0
    rule = optimizer("sgd", learning_rate=3)
    with pytest.raises(Diverged) as caught:
        for epoch in fit(LINEAR, begin(theta, rule), data, Plan(50, 10, rule), [0]):
            finished = epoch.number
            assert np.isfinite(theta).all()
            assert np.isfinite(epoch.cost).all()
    assert finished > 0
    assert caught.value.epoch == finished + 1


def test_a_cost_that_overflows_is_an_error_even_if_the_weights_are_still_finite():
    # The square of 10²⁵ is beyond float32, 10²⁵ itself is not.
    data, theta = examples(np.random.default_rng(12), LINEAR, 10, dtype="float32"), start(LINEAR, 1, "float32")
    data.Y[:] = 1e25
    with pytest.raises(Diverged) as caught:
        train(LINEAR, theta, data, 3, learning_rate=1e-30)
    assert (caught.value.epoch, caught.value.layer) == (1, None)
    assert np.isfinite(theta).all()


@pytest.mark.parametrize("layer", [1, 2])
def test_one_weight_of_one_member_that_is_not_finite_is_found(layer):
    theta = start(LINEAR, 3)
    views(LINEAR, theta)[layer - 1][2, 1, 1] = np.inf
    with pytest.raises(Diverged) as caught:
        refuse_divergence(LINEAR, theta, np.zeros(3), 1)
    assert (caught.value.epoch, caught.value.layer) == (1, layer)


@pytest.mark.parametrize(("name", "slots"), [("sgd", 0), ("adam", 2)])
def test_a_fit_needs_its_gradient_its_slots_and_the_buffers_of_one_batch(name, slots):
    net = network(784, group(512, "relu"), group(256, "relu"), group(10, "softmax"), loss="cross_entropy")
    n, m, itemsize = 12_000, 256, 4
    rng = np.random.default_rng(13)
    X = rng.random((n, 785), np.float32)
    X[:, 0] = 1
    data = Examples(X, targets(rng, net.loss, 10, n, "float32"), np.ones((1, 1, n), np.float32))
    theta = start(net, 1, "float32")
    # The data and θ are there already, so that a copy of the data, or a buffer for all rows, would be seen.
    tracemalloc.start()
    try:
        train(net, theta, data, 1, m, name, learning_rate=1e-4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    neurons = sum(net.N[1:])
    # For each batch size (256 and the rest of 224): a and δ of every neuron, a scratch of the widest layer, x, and y, s
    # and z of the outputs.
    buffers = itemsize * (m + n % m) * (2 * neurons + max(net.N[1:]) + 2 * len(net.N) + 4 * net.N[-1])
    buffers += (n % m) * X.itemsize * X.shape[1]
    gathered = training.GATHER + m * X.itemsize * X.shape[1]
    order, block, small = 8 * n, itemsize * training.BLOCK, 1 << 19
    assert peak <= itemsize * net.P * (1 + slots) + buffers + gathered + order + block + small
    assert peak <= data.X.nbytes / 2


def test_the_straight_through_step_with_mse_is_the_perceptron_rule():
    # Eighths and a power of two have no rounding, so Δθ = η (y − ŷ) x holds to the last bit.
    rng = np.random.default_rng(4)
    net = network(4, group(3, "step", gradient="straight_through"), loss="mse")
    eta, theta = 0.5, rng.integers(-8, 9, (1, net.P)) / 8
    wrong = 0
    for _ in range(40):
        x, y = np.r_[1, rng.integers(-8, 9, 4) / 8], rng.integers(0, 2, 3).astype(float)
        Theta = theta.reshape(3, 5)
        y_hat = (Theta @ x >= 0).astype(float)
        wrong += int((y_hat != y).sum())
        expected = Theta + eta * np.outer(y - y_hat, x)
        train(net, theta, Examples(x[None], y[:, None], np.ones((1, 1, 1))), learning_rate=eta)
        np.testing.assert_array_equal(theta.reshape(3, 5), expected)
    assert wrong > 10
