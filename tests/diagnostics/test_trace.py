"""One example up and down: held against arithmetic on single numbers, and against the pass of training."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest
from builders import LEGAL_PAIRS, away_from_kinks, cost_and_gradient, examples, group, inputs, network, split, start

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.network import Network, predict, views
from nnfit.diagnostics.trace import Trace, trace

# Section 15 of the mathematics: the weights, and what it prints, rounded to six decimals.
THETA = [
    [[0.1, 0.2, -0.3, 0.4, 0.1], [-0.2, 0.5, 0.3, -0.1, 0.2]],
    [[0.3, -0.4, 0.5], [0.1, 0.6, -0.2], [-0.5, 0.2, 0.7]],
    [[0.2, 0.5, -0.6, 0.3]],
]
X, Y = [1.0, 0.0, -1.0, 2.0], 1.0
PRINTED = {
    "z": [[0.100000, 0.800000], [0.434996, 0.276993, 0.087978], [0.318842]],
    "a": [[0.524979, 0.689974], [0.607066, 0.568809, 0.521980], [0.579042]],
    "delta": [[0.003097, -0.003105], [-0.012238, 0.015100, -0.007681], [-0.102610]],
    "gradient": [
        [[0.003097, 0.003097, 0, -0.003097, 0.006194], [-0.003105, -0.003105, 0, 0.003105, -0.006210]],
        [[-0.012238, -0.006425, -0.008444], [0.015100, 0.007927, 0.010419], [-0.007681, -0.004032, -0.005300]],
        [[-0.102610, -0.062291, -0.058365, -0.053560]],
    ],
}

NOTES = network(4, group(2, "logistic"), group(3, "logistic"), group(1, "logistic"), loss="mse")


def flat(Theta: list[list[list[float]]]) -> np.ndarray:
    return np.array([[weight for matrix in Theta for line in matrix for weight in line]])


def of_notes(eta: float = 1.0) -> Trace:
    return trace(NOTES, flat(THETA), np.array([[1.0, *X]]), np.array([[Y]]), eta=eta)


@pytest.mark.parametrize("symbol", PRINTED)
def test_the_worked_example_is_that_of_the_mathematics(symbol: str) -> None:
    for found, printed in zip(getattr(of_notes(), symbol), PRINTED[symbol], strict=True):
        np.testing.assert_allclose(found[0], printed, rtol=0, atol=5.1e-7)


def test_so_are_its_cost_and_one_step_of_gradient_descent() -> None:
    found = of_notes(eta=1.0)
    assert found.cost is not None
    assert found.cost_after is not None
    assert found.cost.item() == pytest.approx(0.088603, abs=5e-7)
    assert found.cost_after.item() == pytest.approx(0.068698, abs=5e-7)


def sigma(z: float) -> float:
    return 1 / (1 + exp(-z))


def by_hand(
    Theta: list[list[list[float]]], x: list[float], y: float
) -> tuple[list[list[float]], list[list[float]], list[list[float]], list[list[list[float]]], float]:
    """z, a, δ, ∂C/∂Θ and C of logistic layers and C = ½ (y − ŷ)², on single numbers, neuron by neuron."""
    z: list[list[float]] = []
    a = [x]
    for matrix in Theta:
        sums = []
        for line in matrix:
            total = line[0]
            for weight, came_in in zip(line[1:], a[-1], strict=True):
                total += weight * came_in
            sums.append(total)
        z.append(sums)
        a.append([sigma(total) for total in sums])
    y_hat = a[-1][0]
    delta = [[(y_hat - y) * y_hat * (1 - y_hat)]]
    for i in range(len(Theta) - 1, 0, -1):
        below = []
        for j, out in enumerate(a[i], 1):
            blame = 0.0
            for k, above in enumerate(delta[0]):
                blame += Theta[i][k][j] * above
            below.append(blame * out * (1 - out))
        delta.insert(0, below)
    gradient = [
        [[error, *(error * came_in for came_in in before)] for error in errors]
        for errors, before in zip(delta, a, strict=False)
    ]
    return z, a[1:], delta, gradient, (y - y_hat) * (y - y_hat) / 2


def test_every_number_of_deeper_networks_is_that_of_arithmetic_on_single_numbers() -> None:
    rng = np.random.default_rng(7)
    for sizes in ([4, 2, 3, 1], [3, 1], [2, 5, 4, 3, 2, 1]):
        net = network(sizes[0], *(group(n, "logistic") for n in sizes[1:]), loss="mse")
        theta, x, y = rng.normal(size=(1, net.P)), rng.normal(size=sizes[0]), float(rng.uniform())
        found = trace(net, theta, np.array([[1.0, *x]]), np.array([[y]]), eta=0.3)
        Theta = [matrix.tolist() for matrix in split(net, theta[0])]
        *expected, cost = by_hand(Theta, x.tolist(), y)
        for symbol, values in zip(("z", "a", "delta", "gradient"), expected, strict=True):
            for layer, by_arithmetic in zip(getattr(found, symbol), values, strict=True):
                np.testing.assert_allclose(layer[0], by_arithmetic, rtol=1e-12, atol=1e-15)
        moved = [
            [[w - 0.3 * g for w, g in zip(*lines, strict=True)] for lines in zip(matrix, change, strict=True)]
            for matrix, change in zip(Theta, expected[3], strict=True)
        ]
        assert found.cost is not None
        assert found.cost_after is not None
        assert found.cost.item() == pytest.approx(cost, rel=1e-12)
        assert found.cost_after.item() == pytest.approx(by_hand(moved, x.tolist(), y)[-1], rel=1e-12)


def of_pass(net: Network, theta: np.ndarray, data: Examples, found: Trace) -> None:
    """That a trace has the cost and gradient of the training's pass, and that its parts fit together."""
    C, gradient = cost_and_gradient(net, theta.astype(np.float64), data)
    assert found.cost is not None
    assert found.delta is not None
    assert found.gradient is not None
    np.testing.assert_array_equal(found.cost, C)
    below = np.broadcast_to(data.X.astype(np.float64), (len(theta), 1, net.inputs + 1))[:, 0]
    for i, expected in enumerate(views(net, gradient)):
        np.testing.assert_array_equal(found.gradient[i], expected)
        np.testing.assert_allclose(found.gradient[i], found.delta[i][:, :, None] * below[:, None, :], rtol=1e-12)
        Theta = views(net, theta.astype(np.float64))[i]
        np.testing.assert_allclose(found.z[i], (Theta * below[:, None, :]).sum(axis=-1), rtol=1e-9, atol=1e-12)
        below = np.column_stack([np.ones(len(theta)), found.a[i]])
    np.testing.assert_allclose(found.a[-1], predict(net, theta, data.X)[:, :, 0], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("output", "loss"), LEGAL_PAIRS, ids="-".join)
def test_of_every_output_and_loss_it_is_the_gradient_of_training(output: str, loss: str, dtype: Any) -> None:
    rng = np.random.default_rng(11)
    net = network(3, (group(2, "tanh"), group(3, "relu")), group(2, output), loss=loss)
    theta = start(net, members=3, dtype=dtype)
    before = theta.copy()
    data = examples(rng, net, 1)
    of_pass(net, theta, data, trace(net, theta, data.X, data.Y))
    np.testing.assert_array_equal(theta, before)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_of_every_hidden_activation_z_is_the_sum_and_a_its_value(hidden: str) -> None:
    rng = np.random.default_rng(12)
    net = network(3, group(4, hidden), group(4, hidden), group(1, "linear"), loss="mse")
    X = inputs(rng, 1, 3)
    theta = away_from_kinks(rng, net, X, members=2) if hidden != "softmax" else start(net, members=2)
    data = Examples(X, np.array([[0.7]]), np.ones((1, 1, 1)))
    found = trace(net, theta, data.X, data.Y)
    of_pass(net, theta, data, found)
    for z, a in zip(found.z[:2], found.a[:2], strict=True):
        value = z.T[:, :, None].copy()
        ACTIVATIONS[hidden]().value(value, np.empty_like(value))
        np.testing.assert_allclose(a.T, value[:, :, 0], rtol=1e-12)


def test_without_a_target_there_is_the_way_up_alone() -> None:
    found = trace(NOTES, flat(THETA), np.array([[1.0, *X]]))
    assert (found.delta, found.gradient, found.cost, found.cost_after) == (None, None, None, None)
    for layer, whole in zip([*found.z, *found.a], [*of_notes().z, *of_notes().a], strict=True):
        np.testing.assert_array_equal(layer, whole)


def test_a_weight_of_the_example_scales_the_way_back_alone() -> None:
    arguments = NOTES, flat(THETA), np.array([[1.0, *X]]), np.array([[Y]])
    one, three = trace(*arguments), trace(*arguments, s=np.full((1, 1, 1), 3.0))
    assert one.cost is not None
    assert one.gradient is not None
    assert three.gradient is not None
    np.testing.assert_allclose(three.cost, 3 * one.cost)
    np.testing.assert_allclose(three.gradient[0], 3 * one.gradient[0])
    np.testing.assert_array_equal(three.z[0], one.z[0])
