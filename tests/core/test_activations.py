"""Each activation: its value, its vector-Jacobian product, its range, and that no finite input breaks it."""

import math
from dataclasses import fields

import numpy as np
import pytest
from builders import LEGAL_PAIRS, group
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnfit.core.activations import ACTIVATIONS, ALIASES, REAL, SIMPLEX, UNIT, Activation, Range
from nnfit.core.losses import LOSSES

CASES = [entry() for entry in ACTIVATIONS.values()] + [
    entry(**{parameter.name: parameter.default + 0.125})
    for entry in ACTIVATIONS.values()
    for parameter in fields(entry)
    if isinstance(parameter.default, float)
]


def gate(x):
    return 1 / (1 + math.exp(-x))


# The formulas, one neuron at a time (softmax: one layer at a time).
FORMULAS = {
    "linear": lambda z, sigma: [sigma.k * x for x in z],
    "step": lambda z, sigma: [1.0 if x >= sigma.k else 0.0 for x in z],
    "logistic": lambda z, sigma: [1 / (1 + math.exp(-x)) for x in z],
    "tanh": lambda z, sigma: [(math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)) for x in z],
    "relu": lambda z, sigma: [x if x > 0 else 0.0 for x in z],
    "leaky_relu": lambda z, sigma: [x if x > 0 else sigma.k * x for x in z],
    "elu": lambda z, sigma: [x if x > 0 else sigma.alpha * math.expm1(x) for x in z],
    "selu": lambda z, sigma: [1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)) for x in z],
    "gelu": lambda z, sigma: [x * gate(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)) for x in z],
    "silu": lambda z, sigma: [x * gate(x) for x in z],
    "mish": lambda z, sigma: [x * math.tanh(math.log1p(math.exp(x))) for x in z],
    "softplus": lambda z, sigma: [math.log1p(math.exp(x)) for x in z],
    "softmax": lambda z, sigma: [math.exp(x) / math.fsum(math.exp(y) for y in z) for x in z],
}

LARGEST = float(np.finfo(np.float32).max)

every_activation = pytest.mark.parametrize("sigma", CASES, ids=repr)


def value(sigma: Activation, z: np.ndarray) -> np.ndarray:
    """σ(z) (M, N, m), of a copy; the scratch buffer is filled with what no function may use."""
    a = z.swapaxes(0, 1).copy()
    sigma.value(a, np.full_like(a, np.nan))
    return a.swapaxes(0, 1)


def vjp(sigma: Activation, z: np.ndarray, upstream: np.ndarray) -> np.ndarray:
    """J_σᵀ upstream at z; what `value` leaves in scratch is lost on the way, unless its traits say that it is kept."""
    a, delta = (each.swapaxes(0, 1).copy() for each in (z, upstream))
    scratch = np.full_like(a, np.nan)
    sigma.value(a, scratch)
    if not sigma.traits.keeps_slope:
        scratch.fill(np.nan)
    sigma.vjp(a, delta, scratch)
    return delta.swapaxes(0, 1)


def sums(rng: np.random.Generator, shape: tuple[int, int, int] = (2, 4, 5)) -> np.ndarray:
    """z between 0.2 and 2.5 from 0 on either side, so that a small difference crosses no kink."""
    return rng.uniform(0.2, 2.5, shape) * rng.choice([-1, 1], shape)


@every_activation
def test_the_value_is_the_formula(sigma):
    z = np.random.default_rng(1).normal(0, 4, (2, 4, 25))
    z[0, :, 0] = (0.0, getattr(sigma, "k", 0.0), -0.0, 20.0)
    expected = [[FORMULAS[sigma.name](column, sigma) for column in member.T.tolist()] for member in z]
    # Far below 0 gelu is e^u with u = −60 and less, so its digits are fewer; beyond z = −10 it is 0 for all purposes.
    bounds = {"rtol": 1e-13, "atol": 1e-33} if sigma.name == "gelu" else {"rtol": 1e-14, "atol": 0}
    np.testing.assert_allclose(value(sigma, z), np.array(expected).transpose(0, 2, 1), **bounds)


@every_activation
def test_the_vector_jacobian_product_is_that_of_the_numerical_jacobian(sigma):
    rng = np.random.default_rng(2)
    z, h = sums(rng), 1e-3
    M, N, m = z.shape
    J = np.empty((M, N, N, m))  # J[:, k, l] = ∂a_k/∂z_l
    for j in range(N):
        shift = np.zeros_like(z)
        shift[:, j] = h
        near = value(sigma, z + shift) - value(sigma, z - shift)
        far = value(sigma, z + 2 * shift) - value(sigma, z - 2 * shift)
        J[:, :, j] = (8 * near - far) / (12 * h)
    upstream = rng.normal(size=z.shape)
    expected = np.einsum("Mkli,Mki->Mli", J, upstream)
    np.testing.assert_allclose(vjp(sigma, z, upstream), expected, rtol=1e-9, atol=1e-11)


def test_the_straight_through_step_hands_the_gradient_on_unchanged():
    sigma = group(1, "step", gradient="straight_through").sigma
    rng = np.random.default_rng(3)
    z, upstream = sums(rng), rng.normal(size=(2, 4, 5))
    assert set(np.unique(value(sigma, z))) == {0.0, 1.0}
    np.testing.assert_array_equal(vjp(sigma, z, upstream), upstream)


@pytest.mark.parametrize(
    "name", [n for n, e in ACTIVATIONS.items() if np.isfinite(e.traits.range.low) and not e.traits.whole_layer]
)
def test_the_lower_end_of_a_range_is_reached_or_approached(name):
    z = np.linspace(-40, 0.5, 40_000)[None, None]
    a = value(ACTIVATIONS[name](), np.repeat(z, 2, axis=1))
    assert ACTIVATIONS[name].traits.range.low == pytest.approx(a.min(), abs=1e-4)


@pytest.mark.parametrize("name", [name for name, entry in ACTIVATIONS.items() if entry.traits.keeps_slope])
def test_a_slope_is_kept_only_where_two_sums_give_the_same_output_and_differ_in_slope(name):
    z = np.linspace(-5, 5, 10_001)[None, None]
    sigma = ACTIVATIONS[name]()
    a, slope = value(sigma, z)[0, 0], vjp(sigma, z, np.ones_like(z))[0, 0]
    lowest = int(a.argmin())
    assert 0 < lowest < 10_000
    assert (slope[:lowest] < 0).all()
    assert (slope[lowest + 1 :] > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_activation
def test_large_sums_neither_overflow_nor_become_not_a_number(sigma, dtype):
    ends = [0.0, 1.0, 20.0, 90.0, 1e4, 1e30]
    z = np.array([[x, y, 0.5] for x in [*ends, *(-x for x in ends)] for y in [*ends, *(-x for x in ends)]], dtype)
    z = np.ascontiguousarray(z.T)[None]
    with np.errstate(all="raise", under="ignore"):
        a = value(sigma, z)
        delta = vjp(sigma, z, np.ones_like(a))
    assert a.dtype == delta.dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(delta).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
@example(z=np.float32([[[LARGEST, -LARGEST], [-LARGEST, 0], [0, 1]]]))
@settings(deadline=None, max_examples=200)
@given(z=arrays(np.float32, (1, 3, 2), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_every_finite_input_gives_outputs_within_the_range(name, z):
    sigma = ACTIVATIONS[name]()
    with np.errstate(all="raise", under="ignore"):
        a = value(sigma, z)
    assert np.isfinite(a).all()
    assert (sigma.traits.range.low <= a).all()
    assert (a <= sigma.traits.range.high).all()
    if sigma.traits.range.simplex:
        np.testing.assert_allclose(a.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name, entry in ACTIVATIONS.items() if entry.traits.range.within(UNIT)])
@settings(deadline=None)
@given(z=arrays(np.float64, (1, 3, 2), elements=st.floats(-15, 15)))
def test_outputs_that_a_likelihood_accepts_have_logarithms(name, z):
    # Beyond ±15 rounding may reach the ends of the interval; there the losses start from z.
    a = value(ACTIVATIONS[name](), z)
    assert np.isfinite(np.log(a)).all()
    assert np.isfinite(np.log1p(-a)).all()


@every_activation
def test_a_group_within_a_layer_is_computed_as_it_would_be_alone(sigma):
    rng = np.random.default_rng(4)
    layer, upstream = sums(rng, (3, 7, 5)), rng.normal(size=(3, 7, 5))
    alone, untouched = value(sigma, layer[:, 2:6].copy()), layer.copy()
    below = vjp(sigma, untouched[:, 2:6].copy(), upstream[:, 2:6])
    scratch = np.empty((4, 3, 5))
    group_of_layer, its_upstream = (each[:, 2:6].swapaxes(0, 1) for each in (layer, upstream))
    sigma.value(group_of_layer, scratch)
    np.testing.assert_array_equal(layer[:, 2:6], alone)
    sigma.vjp(group_of_layer, its_upstream, scratch)
    np.testing.assert_array_equal(upstream[:, 2:6], below)
    np.testing.assert_array_equal(np.delete(layer, range(2, 6), axis=1), np.delete(untouched, range(2, 6), axis=1))


@every_activation
def test_only_neurons_of_a_whole_layer_activation_depend_on_each_other(sigma):
    z = sums(np.random.default_rng(5))
    moved = z.copy()
    moved[:, 0] += 3
    others = value(sigma, moved)[:, 1:] == value(sigma, z)[:, 1:]
    assert others.all() != sigma.traits.whole_layer


def test_the_ranges_decide_which_output_goes_with_which_loss():
    assert set(LEGAL_PAIRS) >= {(sigma, loss) for sigma in FORMULAS for loss in ("mse", "rss")}
    likelihoods = {pair for pair in LEGAL_PAIRS if pair[0] in FORMULAS and pair[1] in ("bce", "cross_entropy")}
    assert likelihoods == {("logistic", "bce"), ("softmax", "bce"), ("softmax", "cross_entropy")}


def test_every_loss_can_be_trained_and_says_why_it_refuses_the_rest():
    for name, loss in LOSSES.items():
        assert name in {loss for _, loss in LEGAL_PAIRS}
        refused = [sigma for sigma, entry in ACTIVATIONS.items() if not entry.traits.range.within(loss.accepts)]
        assert bool(loss.reason) == bool(refused)


def test_a_range_lies_within_another_only_if_every_value_does():
    assert UNIT.within(REAL)
    assert not REAL.within(UNIT)
    assert Range("[0.1, 0.9]", 0.1, 0.9, closed=True).within(UNIT)
    assert not Range("[0, 1]", 0, 1, closed=True).within(UNIT)
    assert SIMPLEX.within(UNIT)
    assert not UNIT.within(SIMPLEX)
    assert SIMPLEX.within(SIMPLEX)
    assert not Range("(−1, 1)", -1, 1).within(UNIT)


def test_an_alias_is_another_name_for_an_entry_and_never_hides_one():
    assert set(ALIASES.values()) <= set(ACTIVATIONS)
    assert not set(ALIASES) & set(ACTIVATIONS)
