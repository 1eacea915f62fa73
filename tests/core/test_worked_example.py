"""The worked example of the notes: 4 inputs, layers of 2, 3 and 1 logistic neurons, C = ½ (y − ŷ)², one example.

What is expected is arithmetic on single numbers, neuron by neuron, with the exponential function and nothing else.
tJK_I is the weight θ_{J,K}^{(I)} from neuron J of layer I to neuron K of layer I + 1; J = 0 is the bias.
"""

from math import exp

import numpy as np
import pytest
from builders import group, network, train

from nnfit.core.batches import Examples
from nnfit.core.network import Pass, views

x1, x2, x3, x4, y = 0.5, 0.1, 0.9, 0.3, 0.7
ETA = 0.25

t01_1, t11_1, t21_1, t31_1, t41_1 = 1.0, 0.15, -0.40, 0.35, 0.80
t02_1, t12_1, t22_1, t32_1, t42_1 = 1.0, -0.70, 0.25, -0.55, 0.10
t01_2, t11_2, t21_2 = 1.0, 0.45, -0.60
t02_2, t12_2, t22_2 = 1.0, -0.90, 0.30
t03_2, t13_2, t23_2 = 1.0, 0.20, 0.75
t01_3, t11_3, t21_3, t31_3 = 1.0, -0.35, 0.65, -0.95

# Forward
z1_2 = t01_1 + t11_1 * x1 + t21_1 * x2 + t31_1 * x3 + t41_1 * x4
z2_2 = t02_1 + t12_1 * x1 + t22_1 * x2 + t32_1 * x3 + t42_1 * x4
a1_2 = 1 / (1 + exp(-z1_2))
a2_2 = 1 / (1 + exp(-z2_2))
z1_3 = t01_2 + t11_2 * a1_2 + t21_2 * a2_2
z2_3 = t02_2 + t12_2 * a1_2 + t22_2 * a2_2
z3_3 = t03_2 + t13_2 * a1_2 + t23_2 * a2_2
a1_3 = 1 / (1 + exp(-z1_3))
a2_3 = 1 / (1 + exp(-z2_3))
a3_3 = 1 / (1 + exp(-z3_3))
z1_4 = t01_3 + t11_3 * a1_3 + t21_3 * a2_3 + t31_3 * a3_3
y_hat = 1 / (1 + exp(-z1_4))
COST = (y - y_hat) * (y - y_hat) / 2

# Backward: d is ∂C/∂z. The sign of the first line and the sum over the next layer's neurons are the errata's.
d1_4 = (y_hat - y) * y_hat * (1 - y_hat)
d1_3 = d1_4 * t11_3 * a1_3 * (1 - a1_3)
d2_3 = d1_4 * t21_3 * a2_3 * (1 - a2_3)
d3_3 = d1_4 * t31_3 * a3_3 * (1 - a3_3)
d1_2 = (d1_3 * t11_2 + d2_3 * t12_2 + d3_3 * t13_2) * a1_2 * (1 - a1_2)
d2_2 = (d1_3 * t21_2 + d2_3 * t22_2 + d3_3 * t23_2) * a2_2 * (1 - a2_2)

THETA = [
    [
        [t01_1, t11_1, t21_1, t31_1, t41_1],
        [t02_1, t12_1, t22_1, t32_1, t42_1],
    ],
    [
        [t01_2, t11_2, t21_2],
        [t02_2, t12_2, t22_2],
        [t03_2, t13_2, t23_2],
    ],
    [[t01_3, t11_3, t21_3, t31_3]],
]
GRADIENT = [
    [
        [d1_2, d1_2 * x1, d1_2 * x2, d1_2 * x3, d1_2 * x4],
        [d2_2, d2_2 * x1, d2_2 * x2, d2_2 * x3, d2_2 * x4],
    ],
    [
        [d1_3, d1_3 * a1_2, d1_3 * a2_2],
        [d2_3, d2_3 * a1_2, d2_3 * a2_2],
        [d3_3, d3_3 * a1_2, d3_3 * a2_2],
    ],
    [[d1_4, d1_4 * a1_3, d1_4 * a2_3, d1_4 * a3_3]],
]
UPDATED = [
    [
        [
            t01_1 - ETA * d1_2,
            t11_1 - ETA * d1_2 * x1,
            t21_1 - ETA * d1_2 * x2,
            t31_1 - ETA * d1_2 * x3,
            t41_1 - ETA * d1_2 * x4,
        ],
        [
            t02_1 - ETA * d2_2,
            t12_1 - ETA * d2_2 * x1,
            t22_1 - ETA * d2_2 * x2,
            t32_1 - ETA * d2_2 * x3,
            t42_1 - ETA * d2_2 * x4,
        ],
    ],
    [
        [t01_2 - ETA * d1_3, t11_2 - ETA * d1_3 * a1_2, t21_2 - ETA * d1_3 * a2_2],
        [t02_2 - ETA * d2_3, t12_2 - ETA * d2_3 * a1_2, t22_2 - ETA * d2_3 * a2_2],
        [t03_2 - ETA * d3_3, t13_2 - ETA * d3_3 * a1_2, t23_2 - ETA * d3_3 * a2_2],
    ],
    [[t01_3 - ETA * d1_4, t11_3 - ETA * d1_4 * a1_3, t21_3 - ETA * d1_4 * a2_3, t31_3 - ETA * d1_4 * a3_3]],
]

NETWORK = network(4, group(2, "logistic"), group(3, "logistic"), group(1, "logistic"), loss="mse")
EXAMPLE = Examples(np.array([[1, x1, x2, x3, x4]]), np.array([[y]]), np.ones((1, 1, 1)))


@pytest.fixture
def theta():
    theta = np.full((1, NETWORK.P), np.nan)
    for Theta, rows in zip(views(NETWORK, theta), THETA, strict=True):
        Theta[0] = rows
    return theta


def assert_equal(found, expected):
    for i, (matrix, rows) in enumerate(zip(found, expected, strict=True), 1):
        np.testing.assert_allclose(matrix[0], rows, rtol=0, atol=1e-12, err_msg=f"matrix {i}")


def test_the_prediction_and_the_cost_are_those_worked_out_by_hand(theta):
    batch = Pass(NETWORK, theta, 1, np.empty_like(theta))
    assert batch.forward(EXAMPLE.X).item() == pytest.approx(y_hat, abs=1e-12)
    assert batch.cost_and_gradient(*EXAMPLE).item() == pytest.approx(COST, abs=1e-12)


def test_the_gradient_of_every_weight_is_that_worked_out_by_hand(theta):
    gradient = np.full_like(theta, np.nan)
    Pass(NETWORK, theta, 1, gradient).cost_and_gradient(*EXAMPLE)
    assert_equal(views(NETWORK, gradient), GRADIENT)


def test_one_step_of_gradient_descent_is_that_worked_out_by_hand(theta):
    costs = train(NETWORK, theta, EXAMPLE, learning_rate=ETA)
    assert costs[0].item() == pytest.approx(COST, abs=1e-12)
    assert_equal(views(NETWORK, theta), UPDATED)


def test_the_weight_matrices_have_the_dimensions_that_the_errata_give(theta):
    assert [Theta.shape[1:] for Theta in views(NETWORK, theta)] == [(2, 5), (3, 3), (1, 4)]
