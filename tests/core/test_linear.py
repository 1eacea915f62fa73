"""The linear model at its optimum: no gradient is left, whatever the inputs and the rows of the members."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import group, network

from nnfit.core import linear
from nnfit.core.batches import Examples
from nnfit.core.lbfgs import Floats
from nnfit.core.linear import minimised, strength
from nnfit.core.network import Network, predict

N, INPUTS = 200, 5
PAIRS = {"mse": "linear", "rss": "linear", "bce": "logistic", "cross_entropy": "softmax"}
ROWS = [np.arange(150), np.arange(50, N), np.sort(np.random.default_rng(4).integers(N, size=N))]
rng = np.random.default_rng(1)
PLAIN = np.column_stack([np.ones(N), rng.normal(size=(N, INPUTS))])
SIGNAL = PLAIN @ rng.normal(size=(INPUTS + 1, 3)) + rng.normal(size=(N, 3))


def net(loss: str, inputs: int = INPUTS) -> Network:
    return network(
        inputs, group(2 if PAIRS[loss] == "linear" else 3 if loss == "cross_entropy" else 1, PAIRS[loss]), loss=loss
    )


def examples(loss: str, X: Floats = PLAIN, w: Floats | None = None) -> Examples:
    n = len(X)
    Y = {
        "bce": (SIGNAL[:n, :1] > 0).T.astype(float),
        "cross_entropy": np.eye(3)[SIGNAL[:n].argmax(axis=1)].T,
    }.get(loss, SIGNAL[:n, :2].T)
    return Examples(X, Y, (np.ones(n) if w is None else w)[None, None])


def slopes(loss: str, theta: Floats, data: Examples, rows: Floats) -> Floats:
    """∂C/∂Θ with the penalty, of one member, by the book: Σ w (ŷ − y) xᵀ / n + λ θ, twice that of rss."""
    X, Y, w = data
    Theta = theta.reshape(len(Y), -1)
    y_hat = predict(net(loss, X.shape[1] - 1), theta[None], X[rows])[0]
    found = (w[0, 0, rows] * (y_hat - Y[:, rows])) @ X[rows] / len(rows)
    found[:, 1:] += Theta[:, 1:] / len(rows)
    return found * (2 if loss == "rss" else 1)


@pytest.mark.parametrize("loss", PAIRS)
def test_no_slope_is_left_to_any_member(loss: str) -> None:
    data = examples(loss, w=rng.uniform(0, 2, N))
    found = minimised(net(loss), data, ROWS)
    for theta, rows in zip(found.theta, ROWS, strict=True):
        at_zero = slopes(loss, np.zeros_like(theta), data, rows)
        assert np.abs(slopes(loss, theta, data, rows)).max() < 1e-4 * np.abs(at_zero).max()


@pytest.mark.parametrize("loss", PAIRS)
def test_a_member_is_the_same_with_others_and_alone(loss: str) -> None:
    data = examples(loss)
    together = minimised(net(loss), data, ROWS)
    for k, rows in enumerate(ROWS):
        alone = minimised(net(loss), data, [rows])
        np.testing.assert_allclose(together.costs[k], alone.costs[0], rtol=1e-6)
        np.testing.assert_allclose(together.theta[k], alone.theta[0], rtol=0, atol=2e-3 * np.abs(alone.theta).max())


@pytest.mark.parametrize("loss", PAIRS)
def test_inputs_of_any_scale_that_depend_on_each_other_take_no_more_steps(loss: str) -> None:
    mixed = PLAIN.copy()
    mixed[:, 2] = 1e6 + mixed[:, 1] + 1e-2 * mixed[:, 2]
    mixed[:, 3] *= 1e12
    mixed[:, 4] *= 1e-12
    plain, hard = (minimised(net(loss), examples(loss, X), ROWS) for X in (PLAIN, mixed))
    assert hard.steps <= plain.steps + 5 <= 40
    assert np.isfinite(hard.theta).all()


def test_more_inputs_than_rows_are_the_normal_equations() -> None:
    X = np.column_stack([np.ones(40), np.random.default_rng(2).normal(size=(40, 90))])
    data = examples("mse", X)
    found = minimised(net("mse", 90), data).theta[0].reshape(2, -1)
    expected = np.linalg.solve(X.T @ X + np.diag([0.0] + [1.0] * 90), X.T @ data.Y.T).T
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("loss", PAIRS)
def test_very_many_inputs_that_are_only_scaled_have_the_same_optimum(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = examples(loss, PLAIN * [1, 1, 1e3, 1, 1e-3, 1])
    white = minimised(net(loss), data, ROWS)
    monkeypatch.setattr(linear, "WIDE", 3)
    scaled = minimised(net(loss), data, ROWS)
    assert scaled.steps >= white.steps
    np.testing.assert_allclose(scaled.costs, white.costs, rtol=1e-5)


@pytest.mark.parametrize("loss", PAIRS)
def test_it_may_be_asked_for_some_of_the_inputs(loss: str) -> None:
    inputs = np.array([3, 1])
    found = minimised(net(loss), examples(loss), ROWS, inputs)
    alone = minimised(net(loss, 2), examples(loss, PLAIN[:, [0, 4, 2]]), ROWS)
    Theta = found.theta.reshape(3, -1, INPUTS + 1)
    np.testing.assert_allclose(Theta[:, :, [0, 4, 2]].reshape(3, -1), alone.theta, rtol=1e-9)
    np.testing.assert_array_equal(Theta[:, :, [1, 3, 5]], 0)


@pytest.mark.parametrize("loss", PAIRS)
def test_chunks_are_rows_of_one_table(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = minimised(net(loss), examples(loss), ROWS)
    monkeypatch.setattr(linear, "CHUNK", 33)
    parts = minimised(net(loss), examples(loss), ROWS)
    np.testing.assert_allclose(parts.theta, whole.theta, rtol=0, atol=1e-9 * np.abs(whole.theta).max())


@pytest.mark.parametrize("loss", PAIRS)
def test_strange_members_do_not_hold_up_the_others(loss: str) -> None:
    """Rows of one class, one row again and again, and rows of weight 0: a bias may go on for ever."""
    data = examples(loss)
    weightless = data.w.copy()
    weightless[..., :20] = 0
    one_class = np.flatnonzero(data.Y[0] == data.Y[0].max())
    found = minimised(net(loss), data._replace(w=weightless), [*ROWS, one_class, np.full(50, 60), np.arange(20)])
    assert found.steps < 80
    assert np.isfinite(found.theta).all()
    np.testing.assert_array_equal(found.theta[-1], 0)
    alone = minimised(net(loss), data._replace(w=weightless), ROWS)
    np.testing.assert_allclose(found.costs[:3], alone.costs, rtol=1e-5)


@pytest.mark.parametrize("loss", PAIRS)
@pytest.mark.parametrize("value", [0.0, 5.0, 1e30, 1e150, 1e200, 1e300])
@pytest.mark.parametrize("rows", [slice(None), 0])
def test_any_inputs_end_in_an_optimum_or_in_no_number(loss: str, value: float, rows: slice | int) -> None:
    X = PLAIN.copy()
    X[rows, 2] = value
    found = minimised(net(loss), examples(loss, X), ROWS)
    largest = N * value**2 if value < 1e154 else math.inf
    assert np.isfinite(found.costs).all() == math.isfinite(largest)
    if math.isfinite(largest):
        without = minimised(net(loss), examples(loss), ROWS, np.array([0, 2, 3, 4]))
        assert (found.costs <= without.costs * (1 + 1e-6)).all(), "a weight of 0 is one of those it may choose"


def test_below_relu_it_starts_where_there_is_a_slope() -> None:
    net = network(INPUTS, group(1, "relu"), loss="mse")
    data = examples("mse")._replace(Y=np.maximum(SIGNAL[:, :1].T, 0))
    found = minimised(net, data)
    error = data.Y - predict(net, found.theta, PLAIN)[0]
    assert (error**2).mean() < 0.3 * data.Y.var()


def test_with_absolute_errors_it_comes_near_the_median_of_the_rows() -> None:
    data = examples("mse", PLAIN[:, :2])._replace(Y=SIGNAL[:, :1].T)
    net = network(1, group(1, "linear"), loss="mae")
    (cost,) = minimised(net, data).costs
    b, a = np.meshgrid(np.linspace(-5, 5, 401), np.linspace(-5, 5, 401))
    errors = np.abs(b[..., None] + a[..., None] * PLAIN[:, 1] - data.Y[0]).mean(axis=-1) + a**2 / (2 * N)
    assert cost <= errors.min() * (1 + 1e-4)


@pytest.mark.parametrize(
    ("sigma", "loss", "expected"),
    [
        ("linear", "mse", 1),
        ("linear", "rss", 2),
        ("logistic", "bce", 1),
        ("softmax", "cross_entropy", 1),
        ("logistic", "mse", (2 / (1 + math.exp(-0.5)) - 1) ** 2),
        ("relu", "mse", 0.25),
        ("tanh", "huber", (2 * math.tanh(0.5)) ** 2),
    ],
)
def test_the_penalty_weighs_one_row_of_what_is_put_out(sigma: str, loss: str, expected: float) -> None:
    assert strength(network(7, group(3, "tanh"), group(2, sigma), loss=loss)) == pytest.approx(expected)
