"""Each activation σ: its value, its vector-Jacobian product and the range of its outputs.

Both functions work in place on one group of neurons, feature-major, shape (M, N, m): M members, N neurons, m
examples. `value` turns z into a = σ(z); `vjp` turns ∂C/∂a into ∂C/∂z = J_σᵀ ∂C/∂a, written in terms of a alone,
so that z is never kept. `scratch` is a buffer of the same shape. An activation is one entry of ACTIVATIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array, Parameter

INF = float("inf")
# Constants as arrays: NumPy takes longer to convert a Python number than to work on a small layer.
ZERO, ONE, LOW = (np.array(constant, np.float32) for constant in (0, 1, -80))


class Range(NamedTuple):
    """The outputs an activation produces, or a loss accepts; `simplex`: the outputs of a layer sum to one."""

    text: str
    low: float
    high: float
    closed: bool = False
    simplex: bool = False

    def within(self, other: Range) -> bool:
        """Whether every value of this range lies in the other."""
        inside = other.low < self.low and self.high < other.high
        touching = other.low <= self.low and self.high <= other.high
        return (inside or (touching and not self.closed)) and (self.simplex or not other.simplex)


REAL = Range("(−∞, ∞)", -INF, INF)
UNIT = Range("(0, 1)", 0, 1)
SIMPLEX = Range("probabilities that sum to one", 0, 1, simplex=True)


class Activation(NamedTuple):
    """One row of the table: formula, functions, range, and the initialization that suits it."""

    formula: str
    value: Callable[[Array, Array, Any], object]
    vjp: Callable[[Array, Array, Array, Any], object]
    range: Range
    initialization: str
    parameters: tuple[Parameter, ...] = ()
    whole_layer: bool = False  # its neurons depend on each other, so it cannot share a layer
    kinks: Callable[[Array], NDArray[np.bool_]] | None = None  # which side of its kinks each output lies on


def linear(z: Array, scratch: Array, p: dict[str, float]) -> None:
    """σ(z) = k z."""
    if p["k"] != 1:
        np.multiply(z, p["k"], out=z)


def linear_vjp(a: Array, delta: Array, scratch: Array, p: dict[str, float]) -> None:
    """∂C/∂z = k ∂C/∂a."""
    if p["k"] != 1:
        np.multiply(delta, p["k"], out=delta)


def step(z: Array, scratch: Array, p: dict[str, float]) -> None:
    """σ(z) = 1 where z ≥ k, else 0 (the notes' threshold function)."""
    np.greater_equal(z, p["k"], out=z)


def step_vjp(a: Array, delta: Array, scratch: Array, p: dict[str, Any]) -> None:
    """0, the derivative wherever it exists; or the surrogate J = 1 of the straight-through estimator.

    Source: Bengio, Léonard, Courville 2013, "Estimating or propagating gradients through stochastic neurons".
    With mse and one layer the surrogate is Rosenblatt's perceptron rule Δθ = η (y − ŷ) x.
    """
    if p["gradient"] == "none":
        delta.fill(0)


def logistic(z: Array, scratch: Array, p: object) -> None:
    """σ(z) = 1 / (1 + e^−z); z is kept above −80, where σ is 10⁻³⁵, so that the exponential cannot overflow."""
    np.maximum(z, LOW, out=z)
    np.negative(z, z)
    np.exp(z, z)
    np.add(z, ONE, z)
    np.reciprocal(z, z)


def logistic_vjp(a: Array, delta: Array, scratch: Array, p: object) -> None:
    """∂C/∂z = a (1 − a) ∂C/∂a."""
    np.multiply(delta, a, delta)
    np.subtract(ONE, a, scratch)
    np.multiply(delta, scratch, delta)


def tanh(z: Array, scratch: Array, p: object) -> None:
    """σ(z) = tanh z."""
    np.tanh(z, z)


def tanh_vjp(a: Array, delta: Array, scratch: Array, p: object) -> None:
    """∂C/∂z = (1 − a²) ∂C/∂a."""
    np.multiply(a, a, scratch)
    np.subtract(ONE, scratch, scratch)
    np.multiply(delta, scratch, delta)


def relu(z: Array, scratch: Array, p: object) -> None:
    """σ(z) = max(0, z)."""
    # NumPy's maximum is three times faster against an array than against a number.
    zeros = scratch[..., :1, :]
    zeros.fill(0)
    np.maximum(z, zeros, out=z)


def relu_vjp(a: Array, delta: Array, scratch: Array, p: object) -> None:
    """∂C/∂z = ∂C/∂a where a > 0, else 0."""
    np.greater(a, ZERO, out=scratch)
    np.multiply(delta, scratch, delta)


def softmax(z: Array, scratch: Array, p: object) -> None:
    """σ(z)_k = e^z_k / Σ_j e^z_j over the neurons of the layer, from z − max z, so that nothing overflows."""
    row = scratch[..., :1, :]
    np.maximum.reduce(z, axis=-2, keepdims=True, out=row)
    with np.errstate(over="ignore"):  # near the largest floats z − max z is −∞, and e^z is 0 as it should be
        np.subtract(z, row, z)
    np.exp(z, z)
    np.add.reduce(z, axis=-2, keepdims=True, out=row)
    np.divide(z, row, z)


def softmax_vjp(a: Array, delta: Array, scratch: Array, p: object) -> None:
    """∂C/∂z_k = a_k (∂C/∂a_k − Σ_j a_j ∂C/∂a_j)."""
    np.multiply(a, delta, scratch)
    total = np.add.reduce(scratch, axis=-2, keepdims=True)
    np.subtract(delta, total, delta)
    np.multiply(delta, a, delta)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(
        "k z",
        linear,
        linear_vjp,
        REAL,
        "lecun",
        (Parameter("k", 1.0, "the slope"),),
    ),
    "step": Activation(
        "1 if z ≥ k else 0",
        step,
        step_vjp,
        Range("{0, 1}", 0, 1, closed=True),
        "lecun",
        (
            Parameter("k", 0.0, "the threshold"),
            Parameter(
                "gradient",
                "none",
                "the derivative is 0 wherever it exists (none), or taken as 1 (straight_through)",
                choices=("none", "straight_through"),
            ),
        ),
        kinks=lambda a: a > 0,
    ),
    "logistic": Activation("1 / (1 + e^−z)", logistic, logistic_vjp, UNIT, "glorot"),
    "tanh": Activation("tanh z", tanh, tanh_vjp, Range("(−1, 1)", -1, 1), "glorot"),
    "relu": Activation("max(0, z)", relu, relu_vjp, Range("[0, ∞)", 0, INF), "he", kinks=lambda a: a > 0),
    "softmax": Activation(
        "e^z_k / Σ_j e^z_j",
        softmax,
        softmax_vjp,
        SIMPLEX,
        "glorot",
        whole_layer=True,
    ),
}

ALIASES: dict[str, str] = {"sigmoid": "logistic", "identity": "linear", "ReLU": "relu"}
