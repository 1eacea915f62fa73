"""Each initialization, by sampling; and what `initialize` makes of them."""

import math

import numpy as np
import pytest
from builders import group, inputs, network, weighted_sums

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.initialization import INITIALIZATIONS, LOOKED_AT, fit_to_rows, initialize
from nnfit.core.network import views

N_IN, N_OUT = 300, 400
LAYER = network(N_IN, group(N_OUT, "tanh"), loss="mse")
# The standard deviation of each scheme, and whether its weights are uniform (else normal).
EXPECTED = {
    "he": (math.sqrt(2 / N_IN), False),
    "glorot": (math.sqrt(2 / (N_IN + N_OUT)), True),
    "lecun": (math.sqrt(1 / N_IN), False),
    "normal": (0.25, False),
    "uniform": (0.25 / math.sqrt(3), True),
    "zeros": (0.0, True),
}
SETTINGS = {"normal": {"sd": 0.25}, "uniform": {"bound": 0.25}}

every_scheme = pytest.mark.parametrize("scheme", INITIALIZATIONS)


def generators(members, seed=0):
    return [np.random.default_rng([seed, k]) for k in range(members)]


def weights(scheme, net=LAYER, bias=1.0):
    """The weights of the first layer without its biases."""
    chosen = INITIALIZATIONS[scheme](**SETTINGS.get(scheme, {}))
    return views(net, initialize(net, 1, "float64", generators(1), chosen, bias))[0][0, :, 1:]


def test_every_scheme_is_held_against_its_distribution():
    assert {"auto", *EXPECTED} == set(INITIALIZATIONS)


@pytest.mark.parametrize("scheme", EXPECTED)
def test_weights_have_the_variance_of_their_formula(scheme):
    w, (sd, _) = weights(scheme), EXPECTED[scheme]
    # Five standard errors of the mean and of the standard deviation of 120,000 draws.
    assert abs(w.mean()) <= 5 * sd / math.sqrt(w.size)
    assert w.std() == pytest.approx(sd, rel=5 / math.sqrt(2 * w.size))


@pytest.mark.parametrize("scheme", [name for name, (sd, _) in EXPECTED.items() if sd])
def test_weights_have_the_distribution_of_their_formula(scheme):
    w, (sd, uniform) = weights(scheme), EXPECTED[scheme]
    if uniform:
        bound = math.sqrt(3) * sd
        assert np.abs(w).max() <= bound
        # Ten bins of equal width hold equal shares.
        share = np.histogram(w, bins=10, range=(-bound, bound))[0] / w.size
        assert share == pytest.approx(0.1, abs=0.005)
    else:
        for deviations, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
            assert np.mean(np.abs(w) < deviations * sd) == pytest.approx(share, abs=0.005)


def test_zeros_are_zeros():
    assert not weights("zeros").any()


@pytest.mark.parametrize("sigma", ACTIVATIONS)
def test_auto_picks_the_scheme_that_suits_the_activation(sigma):
    net = network(N_IN, group(N_OUT, sigma), loss="mse")
    np.testing.assert_array_equal(weights("auto", net), weights(ACTIVATIONS[sigma].traits.initialization, net))


def test_relu_starts_with_he_and_the_sigmoids_with_glorot():
    chosen = {name: ACTIVATIONS[name].traits.initialization for name in ("relu", "tanh", "logistic", "softmax")}
    assert chosen == {"relu": "he", "tanh": "glorot", "logistic": "glorot", "softmax": "glorot"}


def test_auto_picks_per_group_within_a_mixed_layer():
    layer = (group(150, "tanh"), group(150, "relu"), group(100, "linear"))
    w = weights("auto", network(N_IN, layer, loss="mse"))
    # Glorot's N_{i+1} is the whole layer, not the group: all its neurons send back to the same inputs.
    glorot = math.sqrt(6 / (N_IN + N_OUT))
    assert np.abs(w[:150]).max() <= glorot
    assert np.abs(w[:150]).max() > 0.999 * glorot
    assert w[150:300].std() == pytest.approx(math.sqrt(2 / N_IN), rel=0.02)
    assert w[300:].std() == pytest.approx(math.sqrt(1 / N_IN), rel=0.02)


@pytest.mark.parametrize("bias", [1.0, 0.0, -0.5])
@every_scheme
def test_biases_are_the_constant_in_every_layer_and_nothing_else_is(scheme, bias):
    net = network(3, (group(3, "relu"), group(2, "tanh")), group(4, "logistic"), group(1, "linear"), loss="mse")
    for Theta in views(net, initialize(net, 2, "float64", generators(2), INITIALIZATIONS[scheme](), bias)):
        assert (Theta[:, :, 0] == bias).all()
        if scheme != "zeros":
            assert (Theta[:, :, 1:] != bias).all()
            assert len(np.unique(Theta[:, :, 1:])) == Theta[:, :, 1:].size


def test_biases_are_1_unless_told_otherwise():
    net = network(3, group(2, "tanh"), loss="mse")
    Theta = views(net, initialize(net, 1, "float64", generators(1)))[0]
    assert (Theta[0, :, 0] == 1).all()


@every_scheme
def test_a_member_is_the_same_whatever_the_number_of_members(scheme):
    net = network(3, (group(3, "relu"), group(2, "tanh")), group(1, "linear"), loss="mse")
    many = initialize(net, 5, "float32", generators(5), INITIALIZATIONS[scheme]())
    assert many.dtype == np.float32
    for members in (1, 3):
        few = initialize(net, members, "float32", generators(members), INITIALIZATIONS[scheme]())
        assert few.tobytes() == many[:members].tobytes()
    assert (len(np.unique(many, axis=0)) == 5) == (scheme != "zeros")


@every_scheme
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(scheme):
    chosen = INITIALIZATIONS[scheme]()
    first, again, other = (initialize(LAYER, 1, "float32", generators(1, seed), chosen).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert (first != other) == (scheme != "zeros")


# --- fitted to rows ------------------------------------------------------------------------------------------------

ROWS = np.column_stack([np.ones(60), np.random.default_rng(8).gamma(0.3, 50, (60, 7)) * 10.0 ** np.arange(-3, 4)])


def fitted(net, X=ROWS, members=1, dtype="float64", rows=(), bias=0.5, scheme="auto", **settings):
    """θ as it is before, and as it is once it is fitted."""
    rngs = generators(members)
    before = initialize(net, members, dtype, rngs, INITIALIZATIONS[scheme](**settings), bias)
    after = before.copy()
    with np.errstate(all="raise", under="ignore"):
        fit_to_rows(net, after, X, rows, rngs)
    return before, after


def deviations(net, theta, X=ROWS):
    """The standard deviation of every weighted sum of the hidden layers, of one member."""
    Theta = [each[0].astype(float) for each in views(net, theta)]
    return [z.std(axis=1) for z in weighted_sums(net, Theta, X.astype(float))[:-1]]


@pytest.mark.parametrize(("dtype", "near"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("sigma", [name for name in ACTIVATIONS if name != "step"])
def test_the_weighted_sum_of_every_hidden_neuron_varies_by_1(sigma, dtype, near):
    net = network(7, group(6, sigma), group(5, sigma), group(4, sigma), group(2, "linear"), loss="mse")
    _, theta = fitted(net, ROWS.astype(dtype), dtype=dtype)
    for sd in deviations(net, theta):
        np.testing.assert_allclose(sd, 1, rtol=near)


def test_so_it_does_in_mixed_layers_and_above_a_step():
    first = (group(3, "tanh"), group(4, "relu"), group(6, "step"))
    net = network(7, first, (group(2, "gelu"), group(3, "selu")), group(2, "softmax"), loss="cross_entropy")
    for sd in deviations(net, fitted(net)[1]):
        np.testing.assert_allclose(sd, 1, rtol=1e-12)


def test_directions_biases_and_the_output_layer_are_as_they_were():
    net = network(7, group(6, "tanh"), group(5, "relu"), group(2, "linear"), loss="mse")
    before, after = (views(net, theta) for theta in fitted(net))
    np.testing.assert_array_equal(before[-1], after[-1])
    for old, new in zip(before[:-1], after[:-1], strict=True):
        np.testing.assert_array_equal(new[:, :, 0], 0.5)
        factors = new[0, :, 1:] / old[0, :, 1:]
        np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1], factors.shape), rtol=1e-12)
        assert (factors > 0).all()
        assert not np.allclose(factors, 1)


def test_a_network_without_hidden_layers_is_left_alone():
    before, after = fitted(network(7, group(3, "softmax"), loss="cross_entropy"))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "X",
    [ROWS[:1], np.ones((9, 8)), np.column_stack([np.ones((9, 1)), np.zeros((9, 7))]), np.tile(1e5 + ROWS[:1], (9, 1))],
)
def test_where_nothing_varies_nothing_is_scaled(X):
    before, after = fitted(network(7, group(6, "tanh"), group(5, "mish"), group(2, "linear"), loss="mse"), X)
    np.testing.assert_array_equal(before, after)


def test_weights_of_0_stay_0():
    before, after = fitted(network(7, group(6, "tanh"), group(2, "linear"), loss="mse"), scheme="zeros")
    np.testing.assert_array_equal(before, after)


def test_a_column_that_does_not_vary_does_not_keep_others_from_it():
    X = ROWS.copy()
    X[:, 3] = 7
    net = network(7, group(6, "tanh"), group(2, "linear"), loss="mse")
    np.testing.assert_allclose(deviations(net, fitted(net, X)[1], X)[0], 1, rtol=1e-9)


@pytest.mark.parametrize("sd", [1e-290, 1e-150, 1e150, 1e290])
def test_weights_whose_squares_are_no_numbers_are_scaled_as_others_are(sd):
    net = network(7, group(6, "tanh"), group(2, "linear"), loss="mse")
    expected, found = (fitted(net, scheme="normal", sd=each)[1] for each in (1.0, sd))
    hidden, other = (views(net, theta)[0] for theta in (expected, found))
    np.testing.assert_allclose(other, hidden, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_member_looks_at_its_own_rows_and_at_no_other(dtype):
    net = network(7, group(6, "relu"), group(5, "mish"), group(2, "linear"), loss="mse")
    rows = [np.arange(60)[np.arange(60) % 3 != k] for k in range(3)]
    _, theta = fitted(net, ROWS.astype(dtype), 3, dtype, rows)
    for k, own in enumerate(rows):
        absurd = np.full_like(ROWS, 1e30).astype(dtype)
        absurd[:, 0] = 1
        absurd[own] = ROWS[own]
        _, other = fitted(net, absurd, 3, dtype, rows)
        assert other[k].tobytes() == theta[k].tobytes()
        assert not np.array_equal(other[(k + 1) % 3], theta[(k + 1) % 3])
        for sd in deviations(net, theta[k : k + 1], ROWS[own]):
            np.testing.assert_allclose(sd, 1, rtol=1e-5)


def test_a_member_is_fitted_the_same_whatever_the_number_of_members():
    net = network(7, group(6, "relu"), group(2, "linear"), loss="mse")
    X = inputs(np.random.default_rng(2), 3 * LOOKED_AT, 7)
    many = fitted(net, X, 4)[1]
    for members in (1, 3):
        assert fitted(net, X, members)[1].tobytes() == many[:members].tobytes()


def test_of_many_rows_some_are_looked_at():
    net = network(7, group(6, "tanh"), group(5, "tanh"), group(2, "linear"), loss="mse")
    X = inputs(np.random.default_rng(2), 5 * LOOKED_AT, 7)
    found = np.concatenate(deviations(net, fitted(net, X)[1], X))
    assert (found != 1).all()
    # Five standard errors of a normal standard deviation, which has heavier tails than these sums.
    np.testing.assert_allclose(found, 1, atol=5 / math.sqrt(2 * LOOKED_AT))
