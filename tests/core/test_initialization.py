"""Each initialization, by sampling; and what `initialize` makes of them."""

import math

import numpy as np
import pytest
from builders import group, network

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.initialization import INITIALIZATIONS, initialize
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
