"""Dead and saturated units and lost gradients are found, in any layer and activation, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from builders import cost_and_gradient, examples, group, network, start

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.network import views
from nnfit.diagnostics.health import (
    DeadUnits,
    Finding,
    GradientExplodes,
    GradientNotFinite,
    GradientVanishes,
    Health,
    Layer,
    SaturatedUnits,
    Units,
    examine,
    stuck,
    unbalanced,
)

HIDDEN = [name for name, activation in ACTIVATIONS.items() if not activation.traits.whole_layer]
BOUNDED = ("logistic", "tanh")


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def health(gradients: list[float], units: tuple[Units, ...] = ()) -> Health:
    return Health(10, [Layer(i, units, gradient) for i, gradient in enumerate(gradients, 2)])


@pytest.mark.parametrize("name", HIDDEN)
def test_at_its_initial_weights_a_network_has_nothing_to_complain_of(name):
    net = network(4, group(16, name), group(2, "linear"), loss="mse")
    found = examine(net, start(net, members=3), examples(rng(), net, 50))
    assert found.layers[0].units == (Units(name, 48, 0, 0),)
    assert list(stuck(found)) == []
    assert [finding for finding in unbalanced(found) if name != "step"] == []


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("side", [-1, 1])
def test_units_at_either_end_of_their_range_are_saturated(name, side):
    net = network(4, group(6, name), group(2, "linear"), loss="mse")
    theta = start(net)
    views(net, theta)[0][:, :4, 0] = 20 * side
    found = examine(net, theta, examples(rng(), net, 50))
    assert found.layers[0].units == (Units(name, 6, 0, 4),)


def test_a_unit_that_is_at_an_end_on_all_rows_but_one_is_not_saturated():
    net = network(1, group(1, "tanh"), group(1, "linear"), loss="mse")
    data = examples(rng(), net, 20)
    data.X[:, 1] = 1
    theta = np.array([[0, 9, 0, 1.0]])
    assert examine(net, theta, data).layers[0].units[0].saturated == 1
    data.X[7, 1] = 0
    assert examine(net, theta, data).layers[0].units[0].saturated == 0


@pytest.mark.parametrize(("name", "settings"), [("relu", {}), ("leaky_relu", {"k": 0.0}), ("gelu", {}), ("elu", {})])
def test_units_whose_slope_is_0_on_every_row_are_dead(name, settings):
    net = network(4, group(6, name, **settings), group(2, "linear"), loss="mse")
    theta = start(net)
    views(net, theta)[0][:, 2:, 0] = -99
    data = examples(rng(), net, 50)
    assert examine(net, theta, data).layers[0].units == (Units(name, 6, 4, 0),)
    gradient = views(net, cost_and_gradient(net, theta, data)[1])[0]
    assert np.abs(gradient[:, 2:]).max() < 1e-6 * np.abs(gradient[:, :2]).max()  # indeed they learn nothing


@pytest.mark.parametrize("name", ["leaky_relu", "linear"])
def test_units_that_still_have_a_slope_are_not_dead(name):
    net = network(4, group(6, name), group(2, "linear"), loss="mse")
    theta = start(net)
    views(net, theta)[0][:, :, 0] = -30
    assert examine(net, theta, examples(rng(), net, 50)).layers[0].units == (Units(name, 6, 0, 0),)


def test_a_unit_that_one_row_wakes_is_not_dead():
    net = network(1, group(1, "relu"), group(1, "linear"), loss="mse")
    data = examples(rng(), net, 20)
    theta = np.array([[-1.5, 1, 0, 1.0]])
    assert examine(net, theta, data).layers[0].units[0].dead == 1
    data.X[7, 1] = 2
    assert examine(net, theta, data).layers[0].units[0].dead == 0


def test_groups_of_a_mixed_layer_and_members_are_counted_apart_and_together():
    net = network(3, (group(4, "tanh"), group(2, "relu")), group(1, "linear"), loss="mse")
    theta = start(net, members=2)
    views(net, theta)[0][1, 3:, 0] = -40
    found = examine(net, theta, examples(rng(), net, 30))
    assert found.layers[0].units == (Units("tanh", 8, 0, 1), Units("relu", 4, 2, 0))


def test_an_output_layer_may_reach_the_ends_of_its_range():
    net = network(2, group(1, "logistic"), loss="bce")
    theta = np.array([[40.0, 0, 0]])
    assert examine(net, theta, examples(rng(), net, 30)).layers[0].units == (Units("logistic", 1, 0, 0),)


def test_an_output_layer_may_be_dead():
    net = network(2, group(1, "relu"), loss="mse")
    found = examine(net, np.array([[-40.0, 0, 0]]), examples(rng(), net, 30))
    assert [(type(finding), finding.layer) for finding in stuck(found)] == [(DeadUnits, 2)]


@pytest.mark.parametrize("loss", ["mse", "rss"])
def test_the_gradient_is_the_rms_over_layer_and_members_of_the_cost_as_a_mean_over_the_rows(loss):
    net = network(4, group(5, "tanh"), group(2, "linear"), loss=loss)
    theta, data = start(net, members=3), examples(rng(), net, 25)
    gradient = cost_and_gradient(net, theta, data)[1] / (25 if loss == "rss" else 1)
    expected = [np.sqrt((part**2).mean()) for part in views(net, gradient)]
    np.testing.assert_allclose([layer.gradient for layer in examine(net, theta, data).layers], expected, rtol=1e-12)


def test_neither_weights_nor_examples_are_changed():
    net = network(4, (group(3, "gelu"), group(2, "relu")), group(3, "softmax"), loss="cross_entropy")
    theta, data = start(net), examples(rng(), net, 25)
    before = [array.copy() for array in (theta, *data)]
    examine(net, theta, data)
    for array, old in zip((theta, *data), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize(("dead", "saturated", "kind"), [(7, 7, None), (8, 0, DeadUnits), (0, 9, SaturatedUnits)])
def test_half_of_the_units_are_worth_a_warning(dead, saturated, kind):
    units = Units("relu", 16, dead, saturated)
    found = list(stuck(health([1, 1], (units,))._replace(rows=1024)))
    if kind is None:
        assert found == []
        return
    assert found == [kind(2, units, 1024), kind(3, units, 1024)]
    assert {type(finding) for finding in found} == {kind}


@pytest.mark.parametrize(
    ("gradients", "expected"),
    [
        ([2e-7, 1e-3, 1.0], GradientVanishes(2, 2e-7)),
        ([2e-7, 1e-3, 0.5], GradientVanishes(2, 4e-7)),
        ([0.0, 1.0], GradientVanishes(2, 0.0)),
        ([1.0, 3e4, 1.0], GradientExplodes(3, 3e4, 3e4)),
        ([1.0, 3e4, 0.5], GradientExplodes(3, 3e4, 6e4)),
        ([2e5, 2e5], GradientExplodes(2, 2e5, None)),
        ([1.0, np.nan], GradientNotFinite(3)),
        ([np.inf, 1.0], GradientNotFinite(2)),
    ],
)
def test_a_gradient_out_of_proportion_is_told_of_the_layer_where_it_is_worst(gradients, expected):
    (finding,) = unbalanced(health(gradients))
    assert finding == expected
    assert type(finding) is type(expected)


def test_a_network_may_lose_its_gradient_in_one_layer_and_have_too_much_in_another():
    assert list(unbalanced(health([1e-5, 1e5, 1.0]))) == [GradientVanishes(2, 1e-5), GradientExplodes(3, 1e5, 1e5)]


@pytest.mark.parametrize("gradients", [[1e-3, 1.0], [900.0, 0.2], [0.0, 0.0], [0.0], [0.5], [900.0, 900.0]])
def test_gradients_in_proportion_are_not_told(gradients):
    assert list(unbalanced(health(gradients))) == []


@pytest.mark.parametrize(
    ("name", "depth", "expected"), [("logistic", 10, [2]), ("logistic", 2, []), ("relu", 10, []), ("tanh", 4, [])]
)
def test_deep_networks_of_logistic_units_lose_the_gradient_and_those_of_relu_do_not(name, depth, expected):
    net = network(4, *[group(16, name)] * depth, group(3, "softmax"), loss="cross_entropy")
    found: list[Finding] = list(unbalanced(examine(net, start(net), examples(rng(), net, 60))))
    assert [finding.layer for finding in found] == expected
