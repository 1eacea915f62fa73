"""Each loss: its formula, its gradient, and the pairs of output and loss that start from z."""

import math

import numpy as np
import pytest
from builders import cost_and_gradient, examples, group, network, start, targets, train

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.losses import ALIASES, LOSSES, OverOutputs, clipped, total

# c of one example, from lists of its targets and outputs.
FORMULAS = {
    "mse": lambda y, p: 0.5 * sum((t - o) ** 2 for t, o in zip(y, p, strict=True)),
    "rss": lambda y, p: sum((t - o) ** 2 for t, o in zip(y, p, strict=True)),
    "mae": lambda y, p: sum(abs(t - o) for t, o in zip(y, p, strict=True)),
    "huber": lambda y, p: sum(
        min(0.5 * e**2, max(e - 0.5, 0.5)) for e in (abs(t - o) for t, o in zip(y, p, strict=True))
    ),
    "bce": lambda y, p: -sum(t * math.log(o) + (1 - t) * math.log(1 - o) for t, o in zip(y, p, strict=True)),
    "cross_entropy": lambda y, p: -sum(t * math.log(o) for t, o in zip(y, p, strict=True)),
}
FUSED = [(loss, sigma) for loss, entry in LOSSES.items() for sigma in entry.fused]
M, K, m = 3, 4, 5

every_loss = pytest.mark.parametrize("loss", LOSSES)
every_fused_pair = pytest.mark.parametrize(("loss", "sigma"), FUSED)


def legal_outputs(rng, loss):
    """ŷ (M, K, m) well within what the loss accepts."""
    accepts = LOSSES[loss].accepts
    if accepts.simplex:
        p = rng.uniform(0.2, 1, (M, K, m))
        return p / p.sum(axis=1, keepdims=True)
    return rng.uniform(0.1, 0.9, (M, K, m)) if np.isfinite(accepts.high) else rng.normal(size=(M, K, m))


def scaled_weights(rng, members):
    """s as each loss may meet it: none given, one per example, one per member and example."""
    return np.ones((1, 1, m)) if members == 0 else rng.uniform(0, 2, (members, 1, m))


def evaluate(entry, outputs, y, s):
    """C (M,) and δ (M, K, m) of a loss, or of its fused pair; δ is filled with what no function may use."""
    start = np.ascontiguousarray(outputs.swapaxes(0, 1))
    delta, shape = np.full_like(start, np.nan), start.shape
    y, s = (np.broadcast_to(each, shape) for each in (y[:, None], s.swapaxes(0, 1)))
    before = start.copy()
    entry.slope(start, y, delta, OverOutputs(delta))
    delta *= s
    C = total(entry.cost(start, y), s[0])
    np.testing.assert_array_equal(start, before)
    return C, delta.swapaxes(0, 1)


def unfused(loss, sigma, z, y, s):
    """C and ∂C/∂z through ŷ = σ(z) and the vector-Jacobian product."""
    activation = ACTIVATIONS[sigma]()
    a = z.swapaxes(0, 1).copy()
    scratch = np.empty_like(a)
    activation.value(a, scratch)
    C, delta = evaluate(LOSSES[loss], a.swapaxes(0, 1), y, s)
    activation.vjp(a, delta.swapaxes(0, 1), scratch)
    return C, delta


@pytest.mark.parametrize("members", [0, 1, M])
@pytest.mark.parametrize("loss", FORMULAS)
def test_the_cost_is_the_weighted_sum_of_the_formula(loss, members):
    rng = np.random.default_rng(1)
    y_hat, y, s = legal_outputs(rng, loss), targets(rng, loss, K, m), scaled_weights(rng, members)
    C, _ = evaluate(LOSSES[loss], y_hat, y, s)
    every = np.broadcast_to(s, (M, 1, m))
    expected = [
        sum(every[k, 0, i] * FORMULAS[loss](y[:, i].tolist(), y_hat[k, :, i].tolist()) for i in range(m))
        for k in range(M)
    ]
    np.testing.assert_allclose(C, expected, rtol=1e-13)


def numerical_gradient(function, point, y, s):
    """∂C/∂(every number of point), member by member, by a central difference of fourth order."""
    h, gradient = 1e-3, np.empty_like(point)
    for k, i in np.ndindex(point.shape[1:]):
        shift = np.zeros_like(point)
        shift[:, k, i] = h
        C = [evaluate(function, point + step * shift, y, s)[0] for step in (1, -1, 2, -2)]
        gradient[:, k, i] = (8 * (C[0] - C[1]) - (C[2] - C[3])) / (12 * h)
    return gradient


@pytest.mark.parametrize("members", [0, 1, M])
@every_loss
def test_the_gradient_is_the_derivative_of_the_cost(loss, members):
    rng = np.random.default_rng(2)
    y_hat, y, s = legal_outputs(rng, loss), targets(rng, loss, K, m), scaled_weights(rng, members)
    _, delta = evaluate(LOSSES[loss], y_hat, y, s)
    expected = numerical_gradient(LOSSES[loss], y_hat, y, s)
    np.testing.assert_allclose(delta, expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("members", [0, 1, M])
@every_fused_pair
def test_the_fused_gradient_is_the_derivative_of_the_fused_cost(loss, sigma, members):
    rng = np.random.default_rng(3)
    z, y, s = rng.normal(0, 2, (M, K, m)), targets(rng, loss, K, m), scaled_weights(rng, members)
    _, delta = evaluate(LOSSES[loss].fused[sigma], z, y, s)
    expected = numerical_gradient(LOSSES[loss].fused[sigma], z, y, s)
    np.testing.assert_allclose(delta, expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("members", [0, 1, M])
@every_fused_pair
def test_fused_and_unfused_agree_where_both_are_well_conditioned(loss, sigma, members):
    rng = np.random.default_rng(4)
    z, y, s = rng.uniform(-5, 5, (M, K, m)), targets(rng, loss, K, m), scaled_weights(rng, members)
    C, delta = evaluate(LOSSES[loss].fused[sigma], z, y, s)
    expected_C, expected_delta = unfused(loss, sigma, z, y, s)
    np.testing.assert_allclose(C, expected_C, rtol=1e-10)
    np.testing.assert_allclose(delta, expected_delta, rtol=1e-10, atol=1e-14)


def fused_in_float32(loss, sigma, z, y):
    """C, δ and ŷ of one member and one example, with every overflow and every 0/0 an error."""
    z, y = np.array(z, np.float32)[None, :, None], np.array(y, np.float32)[:, None]
    with np.errstate(all="raise", under="ignore"):
        C, delta = evaluate(LOSSES[loss].fused[sigma], z, y, np.ones((1, 1, 1), np.float32))
        y_hat = z.swapaxes(0, 1).copy()
        ACTIVATIONS[sigma]().value(y_hat, np.empty_like(y_hat))
    assert delta.dtype == y_hat.dtype == np.float32
    return float(C[0]), delta[0, :, 0].tolist(), y_hat[:, 0, 0].tolist()


@pytest.mark.parametrize("far", [1e4, 1e30])
def test_a_logistic_output_with_bce_is_exact_however_far_out(far):
    far = float(np.float32(far))
    assert fused_in_float32("bce", "logistic", [far], [1]) == (0, [0], [1])
    assert fused_in_float32("bce", "logistic", [far], [0]) == (far, [1], [1])
    C, delta, y_hat = fused_in_float32("bce", "logistic", [-far], [0])
    assert (C, delta) == (0, pytest.approx([0], abs=1e-30))
    assert y_hat == pytest.approx([0], abs=1e-30)
    C, delta, _ = fused_in_float32("bce", "logistic", [-far], [1])
    assert (C, delta) == (far, [-1])


@pytest.mark.parametrize("far", [1e4, 1e30])
def test_softmax_outputs_with_cross_entropy_are_exact_however_far_out(far):
    far = float(np.float32(far))
    assert fused_in_float32("cross_entropy", "softmax", [far, -far, 0], [1, 0, 0]) == (0, [0, 0, 0], [1, 0, 0])
    assert fused_in_float32("cross_entropy", "softmax", [far, -far, 0], [0, 1, 0]) == (2 * far, [1, -1, 0], [1, 0, 0])
    C, delta, _ = fused_in_float32("cross_entropy", "softmax", [-far, -far], [1, 0])
    assert (C, delta) == (pytest.approx(math.log(2)), [-0.5, 0.5])


@every_fused_pair
def test_a_fused_pair_is_exact_for_the_largest_sums_whose_difference_is_finite(loss, sigma):
    # The outputs are right, so the cost is 0 and every number on the way to it can be written down.
    half = float(np.finfo(np.float32).max) / 2
    C, delta, y_hat = fused_in_float32(loss, sigma, [half, -half], [1, 0])
    assert C == 0
    assert delta == pytest.approx([0, 0], abs=1e-30)
    assert y_hat == pytest.approx([1, 0], abs=1e-30)


def test_an_output_far_out_does_not_blur_the_bce_of_its_neighbours():
    cost, _, _ = fused_in_float32("bce", "logistic", [1e4, 0.5], [1, 1])
    assert cost == pytest.approx(math.log1p(math.exp(-0.5)), rel=1e-5)


def test_unfused_likelihoods_stay_finite_at_outputs_that_have_reached_0_or_1():
    ends = np.float32([0, 1, 0, 1])[None, :, None]
    y = np.float32([0, 0, 1, 1])[:, None]
    for loss in ("bce", "cross_entropy"):
        with np.errstate(all="raise", under="ignore"):
            C, delta = evaluate(LOSSES[loss], ends, y, np.ones((1, 1, 1), np.float32))
        assert 15 < C[0] < 40
        assert np.isfinite(delta).all()


def test_probabilities_are_clipped_by_one_machine_epsilon_of_their_own_type():
    for dtype in (np.float32, np.float64):
        p = clipped(np.array([0, 0.25, 1], dtype))
        assert p.dtype == dtype
        assert p.tolist() == [np.finfo(dtype).eps, 0.25, 1 - np.finfo(dtype).eps]


def test_rss_is_the_sum_of_squares_and_mse_half_their_mean():
    y_hat, y = np.array([[[1.0, 2, 3], [0, 0, 0]]]), np.array([[0.0, 0, 0], [1, 2, 3]])
    one = np.ones((1, 1, 3))
    assert evaluate(LOSSES["rss"], y_hat, y, one)[0] == 28
    assert evaluate(LOSSES["mse"], y_hat, y, one / 3)[0] == pytest.approx(28 / (2 * 3))
    assert LOSSES["mse"].mean
    assert not LOSSES["rss"].mean


def test_huber_is_half_the_square_up_to_1_and_a_line_beyond():
    y_hat, y = np.array([[[0.5, 1.0, 3.0, -3.0]]]), np.zeros((1, 4))
    for column, c, slope in zip(range(4), (0.125, 0.5, 2.5, 2.5), (0.5, 1, 1, -1), strict=True):
        C, delta = evaluate(LOSSES["huber"], y_hat[:, :, [column]], y[:, [column]], np.ones((1, 1, 1)))
        assert (C.item(), delta.item()) == (c, slope)


def test_the_slope_of_mae_is_1_on_either_side_and_0_where_the_output_is_met():
    C, delta = evaluate(LOSSES["mae"], np.array([[[2.0, 0, -7]]]), np.zeros((1, 3)), np.ones((1, 1, 3)))
    assert C.item() == 9
    assert delta.ravel().tolist() == [1, 0, -1]


@pytest.mark.parametrize("loss", ["huber", "mae"])
def test_one_wild_target_pulls_the_fit_less_than_it_pulls_mse(loss):
    # One bias alone: mse settles at the mean, mae at the median, huber between them.
    settled = {}
    for name in ("mse", loss):
        net = network(1, group(1, "linear"), loss=name)
        Y = np.array([[0.0, 0.1, 0.2, 0.3, 100.0]])
        theta = np.zeros((1, net.P))
        data = Examples(np.column_stack([np.ones(5), np.zeros(5)]), Y, np.ones((1, 1, 5)))
        train(net, theta, data, 2000, learning_rate=0.02)
        settled[name] = theta[0, 0]
    assert settled["mse"] == pytest.approx(20.12)
    assert settled[loss] == pytest.approx({"mae": 0.2, "huber": 0.4}[loss], abs=0.02)


@every_loss
def test_a_row_that_occurs_twice_counts_as_one_of_weight_2(loss):
    sigma = next(name for name, entry in ACTIVATIONS.items() if entry.traits.range.within(LOSSES[loss].accepts))
    rng = np.random.default_rng(5)
    net = network(3, group(4, "tanh"), group(3, sigma), loss=loss)
    theta, n = start(net), 6
    data = examples(rng, net, n)
    twice = np.r_[0:n, 2, 4, 4]
    repeated = Examples(data.X[twice], data.Y[:, twice], np.ones((1, 1, len(twice))))
    w = np.bincount(twice)[None, None].astype(float)
    # The mean of the weights is 1 only for means: a sum has nothing to divide by.
    weighted = data._replace(w=w / w.mean() if LOSSES[loss].mean else w)
    for found, expected in zip(
        cost_and_gradient(net, theta, weighted), cost_and_gradient(net, theta, repeated), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_an_alias_is_another_name_for_an_entry_and_never_hides_one():
    assert set(ALIASES.values()) <= set(LOSSES)
    assert not set(ALIASES) & set(LOSSES)
