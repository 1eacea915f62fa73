"""One example up and down a network, in the notes' symbols: every z, a, δ and ∂C/∂Θ, and one step of gradient descent.

    up     z⁽ⁱ⁺¹⁾ = Θ⁽ⁱ⁾ a⁽ⁱ⁾,  a⁽ⁱ⁺¹⁾ = σ(z⁽ⁱ⁺¹⁾)
    down   δ⁽ⁱ⁾ = ∂C/∂z⁽ⁱ⁾,  ∂C/∂Θ⁽ⁱ⁾ = δ⁽ⁱ⁺¹⁾ a⁽ⁱ⁾ᵀ
    step   θ ← θ − η ∂C/∂θ

C is the cost of the example alone: no penalty, no dropout.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnfit.core.network import Network, Pass
from nnfit.core.parameter import Array

ONE = np.ones((1, 1, 1))


class Trace(NamedTuple):
    """What M networks make of one example, float64: a list has one array for each layer 2 … L + 1, members first.

    z, a and δ are (M, N_i), bias units left out; ∂C/∂Θ is (M, N_{i+1}, N_i + 1), biases in column 0. `cost` is C (M,),
    `cost_after` the same after the step. Without a target there is the way up alone.
    """

    z: list[Array]
    a: list[Array]
    delta: list[Array] | None = None
    gradient: list[Array] | None = None
    cost: Array | None = None
    cost_after: Array | None = None


def trace(network: Network, theta: Array, x: Array, y: Array | None = None, s: Array = ONE, eta: float = 0.01) -> Trace:
    """The example x (1, N₁ + 1), with its bias unit, and its target y (K, 1), through the pass that training takes.

    s is its weight, as losses.py has it; η the learning rate of the step. θ (M, P) is left as it is.
    """
    theta, x = theta.astype(np.float64), x.astype(np.float64)
    gradient = np.empty_like(theta)
    batch = Pass(network, theta, 1, gradient)
    with np.errstate(all="ignore"):
        if y is None:
            batch.forward(x)
        else:
            y = y.astype(np.float64)
            C = batch.cost_and_gradient(x, y, s)
        below = [x.mT, *batch.a[:-1]]
        z = [np.matmul(Theta, a)[..., 0] for Theta, a in zip(batch.Theta, below, strict=True)]
        a = [sigma_of_z[..., 0].T for sigma_of_z in batch.z]
        if y is None:
            return Trace(z, a)
        delta = [layer[..., 0].T for layer in batch.delta]
        after = Pass(network, theta - eta * gradient, 1).cost_of(x, y, s)
    return Trace(z, a, delta, batch.gradient, C, after)
