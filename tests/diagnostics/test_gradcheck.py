"""The gradient of every network that can be written down is the derivative of its cost; and the check can fail."""

from itertools import product

import numpy as np
import pytest
from builders import LEGAL_PAIRS, away_from_kinks, cost_and_gradient, examples, group, network, start, weights
from covering import all_pairs

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.network import Pass, views
from nnfit.diagnostics.gradcheck import STEPS, TOLERANCE, check_gradient, chosen, surrogate

EXACT = 1e-8  # what is left in float64 when the formula is right; TOLERANCE is what `nnfit check` asks for
DIFFERENTIABLE = [name for name in ACTIVATIONS if name != "step"]
PAIRS = [pair for pair in LEGAL_PAIRS if pair[0] in DIFFERENTIABLE]
HIDDEN = (4, 3, 5)


def checked(net, members=1, seed=0, n=5, w=None):
    """Check every parameter, and that there was something to check in every layer of every member."""
    rng = np.random.default_rng(seed)
    data = examples(rng, net, n, w)
    theta = away_from_kinks(rng, net, data.X, members)
    result = check_gradient(net, theta, data, rng, per_layer=net.P)
    _, gradient = cost_and_gradient(net, theta, data)
    for g in views(net, gradient):
        assert (np.abs(g).max(axis=(1, 2)) > 1e-4).all(), "the gradient is 0, so nothing was checked"
    assert result.checked == members * net.P
    assert result.skipped == 0
    return result


@pytest.mark.parametrize(
    ("sigma", "loss", "depth", "members"),
    all_pairs((*pair, depth, members) for pair, depth, members in product(PAIRS, [1, 2, 3, 4], [1, 3])),
)
def test_the_gradient_of_every_legal_pair_is_the_derivative(sigma, loss, depth, members):
    hidden = [group(size, "tanh") for size in HIDDEN[: depth - 1]]
    net = network(3, *hidden, group(3, sigma), loss=loss)
    assert checked(net, members).max_relative_error <= EXACT


@pytest.mark.parametrize(("sigma", "depth", "members"), all_pairs(product(DIFFERENTIABLE, [2, 3, 4], [1, 3])))
def test_the_gradient_through_every_hidden_activation_is_the_derivative(sigma, depth, members):
    net = network(3, *(group(size, sigma) for size in HIDDEN[: depth - 1]), group(2, "linear"), loss="mse")
    assert checked(net, members).max_relative_error <= EXACT


MIXED = (group(2, "relu"), group(1, "tanh"), group(2, "linear", k=0.5), group(2, "logistic"))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "net",
    [
        network(3, MIXED, group(3, "softmax"), loss="cross_entropy"),
        network(3, group(3, "softmax"), MIXED, group(1, "logistic"), loss="bce"),
        network(3, MIXED, MIXED, group(4, "softmax"), group(2, "linear", k=-2), loss="rss"),
        network(3, group(4, "tanh"), MIXED, loss="mse"),
        network(3, group(4, "relu"), (group(1, "logistic"), group(2, "logistic")), loss="bce"),
    ],
)
def test_the_gradient_of_mixed_layers_is_the_derivative(net, members):
    assert checked(net, members).max_relative_error <= EXACT


@pytest.mark.parametrize(("sigma", "loss", "of"), all_pairs((*pair, of) for pair, of in product(PAIRS, [1, 3])))
def test_the_gradient_of_weighted_examples_is_the_derivative(sigma, loss, of):
    # One weight for each example, and another for each example and member, as folds have them.
    net = network(3, group(4, "tanh"), group(2, sigma), loss=loss)
    w = weights(np.random.default_rng(9), 5, of)
    assert checked(net, members=3, w=w).max_relative_error <= EXACT


def test_below_a_step_the_derivative_is_0_and_so_is_the_gradient():
    rng = np.random.default_rng(1)
    net = network(3, group(4, "tanh"), group(6, "step"), group(2, "linear"), loss="mse")
    data = examples(rng, net, 5)
    theta = away_from_kinks(rng, net, data.X)
    result = check_gradient(net, theta, data, rng, per_layer=net.P)
    assert result.max_relative_error <= EXACT
    assert result.checked == net.P
    below, step, above = views(net, cost_and_gradient(net, theta, data)[1])
    assert not below.any()
    assert not step.any()
    assert above.all()


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("member", [0, 2])
def test_one_bias_gradient_wrong_by_a_hundredth_of_a_percent_is_found(monkeypatch, layer, member):
    correct = Pass.gradient_of_cost

    def wrong(self, batch):
        correct(self, batch)
        self.gradient[layer][member, 1, 0] *= 1.0001

    net = network(3, group(4, "tanh"), group(3, "relu"), group(3, "softmax"), loss="cross_entropy")
    assert checked(net, members=3).max_relative_error <= EXACT
    monkeypatch.setattr(Pass, "gradient_of_cost", wrong)
    result = checked(net, members=3)
    assert result.max_relative_error > TOLERANCE
    assert result.layer == layer + 1
    assert result.backward == pytest.approx(1.0001 * result.numerical, rel=1e-8)


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 3)])
def test_a_gradient_that_is_not_a_number_is_found_wherever_it_stands(monkeypatch, place):
    correct = Pass.gradient_of_cost

    def wrong(self, batch):
        correct(self, batch)
        self.gradient[0][0, *place] = np.nan

    monkeypatch.setattr(Pass, "gradient_of_cost", wrong)
    rng = np.random.default_rng(2)
    net = network(3, group(4, "tanh"), group(2, "linear"), loss="mse")
    result = check_gradient(net, start(net), examples(rng, net, 5), rng)
    # The negation, because no comparison with what is not a number holds.
    assert not result.max_relative_error <= TOLERANCE
    assert result.layer == 1


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1e9, 1e30, 1e300])
def test_where_differences_are_rounding_nothing_is_disproved(scale):
    rng = np.random.default_rng(4)
    net = network(3, group(4, "tanh"), group(3, "relu"), group(1, "logistic"), loss="bce")
    theta = start(net)
    data = examples(rng, net, 5)
    for large in (theta * scale, np.where(np.arange(theta.shape[1]) % 3, theta, theta * scale)):
        result = check_gradient(net, large, data, rng)
        assert result.max_relative_error <= TOLERANCE
        assert result.checked + result.skipped == 3 * 4 + 4 + 4 * 3 + 3 + 3 + 1


def test_a_wrong_gradient_is_found_beside_large_weights(monkeypatch):
    correct = Pass.gradient_of_cost

    def wrong(self, batch):
        correct(self, batch)
        self.gradient[-1][:, :, 0] *= 1.001

    monkeypatch.setattr(Pass, "gradient_of_cost", wrong)
    rng = np.random.default_rng(5)
    net = network(3, group(4, "tanh"), group(1, "linear"), loss="mse")
    theta = 100 * start(net)
    assert check_gradient(net, theta, examples(rng, net, 5), rng).max_relative_error > TOLERANCE


def test_what_lies_below_a_surrogate_gradient_is_skipped_and_the_rest_is_checked():
    rng = np.random.default_rng(3)
    step = group(6, "step", gradient="straight_through")
    net = network(3, group(4, "tanh"), step, group(5, "tanh"), group(2, "linear"), loss="mse")
    assert surrogate(step)
    assert not surrogate(group(6, "step"))
    data = examples(rng, net, 5)
    result = check_gradient(net, away_from_kinks(rng, net, data.X), data, rng, per_layer=net.P)
    first, second, third, last = (rows * columns for rows, columns in net.shapes)
    assert result.skipped == first + second
    assert result.checked == third + last
    assert result.max_relative_error <= EXACT


def one_neuron(sigma, bias):
    """A single neuron whose weighted sum is its bias, on one row."""
    net = network(1, group(1, sigma), loss="mse")
    data = Examples(np.array([[1.0, 0.0]]), np.array([[-1.0]]), np.ones((1, 1, 1)))
    return check_gradient(net, np.array([[bias, 1.0]]), data, np.random.default_rng(0))


@pytest.mark.parametrize("sigma", ["relu", "step"])
def test_a_difference_that_crosses_a_kink_is_taken_again_with_a_smaller_step(sigma):
    for near in (1.5 * STEPS[0], 1.5 * STEPS[1], -1.5 * STEPS[1]):
        result = one_neuron(sigma, near)
        assert (result.checked, result.skipped) == (2, 0)
        assert result.max_relative_error <= EXACT


@pytest.mark.parametrize("sigma", ["relu", "step"])
def test_at_a_kink_there_is_no_derivative_to_compare_with(sigma):
    result = one_neuron(sigma, 0.0)
    assert (result.checked, result.skipped) == (1, 1)


def test_the_check_works_in_float64_and_leaves_the_network_as_it_was():
    rng = np.random.default_rng(5)
    net = network(3, group(4, "tanh"), group(3, "softmax"), loss="cross_entropy")
    theta, data = start(net, 2, "float32"), examples(rng, net, 6, dtype="float32")
    before = theta.tobytes()
    assert check_gradient(net, theta, data, rng).max_relative_error <= EXACT
    assert theta.tobytes() == before


def test_a_sample_of_a_large_layer_holds_different_weights_and_biases():
    places = chosen((30, 21), 10, np.random.default_rng(6))
    assert len(places) == len(set(places)) == 20
    assert [k for _, k in places[:10]] == [0] * 10
    assert all(0 <= j < 30 and 1 <= k < 21 for j, k in places[10:])
    everything = chosen((3, 4), 50, np.random.default_rng(6))
    assert sorted(everything) == [(j, k) for j in range(3) for k in range(4)]


@pytest.mark.parametrize(("loss", "kink"), [("mae", 0.0), ("huber", 1.0), ("huber", -1.0)])
def test_a_difference_across_a_kink_of_the_loss_is_taken_again_with_a_smaller_h(loss, kink):
    net = network(1, group(1, "linear"), loss=loss)
    X, theta = np.array([[1.0, 0.5]]), np.array([[0.25, 0.5]])
    for near, skipped in ((1.5 * STEPS[0], 0), (-1.5 * STEPS[1], 0), (0.0, 1)):
        data = Examples(X, np.array([[0.5 - kink + near]]), np.ones((1, 1, 1)))
        result = check_gradient(net, theta, data, np.random.default_rng(0), per_layer=net.P)
        assert result.max_relative_error <= EXACT
        # Exactly at the kink all differences cross it, for the bias and for the weight.
        assert (result.checked, result.skipped) == ((2, 0) if not skipped else (0, 2))
