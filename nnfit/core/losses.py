"""Each loss: the cost C of a batch and its gradient from one function, so that they cannot drift apart.

    C = Σ_i s_i c(y⁽ⁱ⁾, ŷ⁽ⁱ⁾),   s_i = w_i / m for a mean over the m examples,   s_i = w_i for a sum

with c summed over the outputs and w_i the weights of the examples (mean 1). Shapes, feature-major: ŷ and δ
(M, K, m), y (K, m), s (1 or M, 1, m); the cost returned is (M,), one per member. `cost` starts from ŷ and writes
δ = ∂C/∂ŷ. `fused` starts from z for the output activation that belongs to the loss, leaves ŷ = σ(z) in z and writes
δ = ∂C/∂z, stable for any z whose differences are finite numbers; with linear outputs and mse, ŷ = z and `cost` is
already that. A loss is one entry of LOSSES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.activations import REAL, SIMPLEX, UNIT, Range, logistic
from nnfit.core.parameter import Array

Cost = Callable[[Array, Array, Array, Array], Array]
ROWS = 4096  # that `of_rows` takes at once


class Loss(NamedTuple):
    """One row of the table: formula, the outputs it accepts and why, the cost from ŷ, and the cost from z."""

    formula: str
    accepts: Range
    reason: str  # why outputs beyond `accepts` are refused
    cost: Cost
    fused: Mapping[str, Cost] = MappingProxyType({})
    mean: bool = True
    kinks: Callable[[Array, Array], NDArray[np.bool_]] | None = None  # (ŷ, y) → which side of its kinks each output is


def total(c: Array, s: Array) -> Array:
    """Σ_i s_i c_i for each member: (M, 1, m), (1 or M, 1, m) → (M,)."""
    result: Array = np.vecdot(c, s)[:, 0]
    return result


def mse(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = ½ Σ_k (y_k − ŷ_k)², δ_k = s (ŷ_k − y_k) (notes, with their ½)."""
    np.subtract(y_hat, y, delta)
    c = np.einsum("Mki,Mki->Mi", delta, delta)[:, None, :]
    np.multiply(delta, s, delta)
    return 0.5 * total(c, s)


def rss(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = Σ_k (y_k − ŷ_k)², δ_k = 2 s (ŷ_k − y_k): twice the terms of mse, summed instead of averaged."""
    C = 2 * mse(y_hat, y, s, delta)
    np.multiply(delta, 2, delta)
    return C


def huber(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = Σ_k ½ e_k² where |e_k| ≤ 1, else |e_k| − ½, e_k = ŷ_k − y_k; δ_k = s e_k cut to ±1 (Huber 1964).

    Real targets are standardised, so the 1 beyond which a mistake counts as an outlier is their standard deviation.
    """
    np.subtract(y_hat, y, delta)
    near = np.clip(delta, -1, 1)
    # ½ e² = n (e − ½ n) for n = e, and |e| − ½ = n (e − ½ n) for n = ±1
    c = np.einsum("Mki,Mki->Mi", near, delta - 0.5 * near)[:, None, :]
    np.multiply(near, s, delta)
    return total(c, s)


def mae(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = Σ_k |y_k − ŷ_k|, δ_k = s sign(ŷ_k − y_k), 0 where they are equal."""
    np.subtract(y_hat, y, delta)
    c = np.abs(delta).sum(axis=-2, keepdims=True)
    np.sign(delta, delta)
    np.multiply(delta, s, delta)
    return total(c, s)


def bce(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = −Σ_k [y_k log ŷ_k + (1 − y_k) log(1 − ŷ_k)], δ_k = s (ŷ_k − y_k) / (ŷ_k (1 − ŷ_k))."""
    p = clipped(y_hat)
    c = -(y * np.log(p) + (1 - y) * np.log1p(-p)).sum(axis=-2, keepdims=True)
    np.divide(p - y, p * (1 - p), delta)
    np.multiply(delta, s, delta)
    return total(c, s)


def bce_logistic(z: Array, y: Array, s: Array, delta: Array) -> Array:
    """From z: c = Σ_k [log(1 + e^z_k) − y_k z_k], δ_k = s (ŷ_k − y_k)."""
    np.multiply(z, y, delta)
    # Output by output before the sum: far out both terms are large and their difference is not.
    np.subtract(np.logaddexp(0, z), delta, delta)
    c = np.add.reduce(delta, axis=-2, keepdims=True)
    logistic(z)
    np.subtract(z, y, delta)
    np.multiply(delta, s, delta)
    return total(c, s)


def cross_entropy(y_hat: Array, y: Array, s: Array, delta: Array) -> Array:
    """c = −Σ_k y_k log ŷ_k for one-hot y, δ_k = −s y_k / ŷ_k."""
    p = clipped(y_hat)
    c = -(y * np.log(p)).sum(axis=-2, keepdims=True)
    np.divide(-y, p, delta)
    np.multiply(delta, s, delta)
    return total(c, s)


def cross_entropy_softmax(z: Array, y: Array, s: Array, delta: Array) -> Array:
    """From z, by log-sum-exp: c = log Σ_j e^z_j − Σ_k y_k z_k for Σ_k y_k = 1, δ_k = s (ŷ_k − y_k)."""
    row = np.maximum.reduce(z, axis=-2, keepdims=True)
    np.subtract(z, row, z)
    np.multiply(z, y, delta)
    yz = np.add.reduce(delta, axis=-2, keepdims=True)
    np.exp(z, z)
    np.add.reduce(z, axis=-2, keepdims=True, out=row)
    np.divide(z, row, z)
    np.subtract(z, y, delta)
    np.multiply(delta, s, delta)
    np.log(row, row)
    return total(np.subtract(row, yz, row), s)


def of_rows(loss: str, y_hat: Array, y: Array) -> NDArray[np.float64]:
    """The cost c of each row, (M, n), for ŷ (M, K, n) and y (K, n) or (M, K, n): the rows take the members' place."""
    M, K, n = y_hat.shape
    found = np.empty((M, n))
    y = np.broadcast_to(y, y_hat.shape)
    one = np.ones((1, 1, 1), y_hat.dtype)
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        rows, truth = (np.moveaxis(each[..., part], 2, 1).reshape(-1, K, 1) for each in (y_hat, y))
        c = LOSSES[loss].cost(rows, truth.astype(y_hat.dtype, copy=False), one, np.empty_like(rows))
        found[:, part] = c.reshape(M, -1)
    return found


def clipped(p: Array) -> Array:
    """Probabilities kept off 0 and 1 by one machine epsilon, as scikit-learn's log_loss does: logs stay finite."""
    epsilon = np.finfo(p.dtype).eps
    return np.clip(p, epsilon, 1 - epsilon)


LOSSES: dict[str, Loss] = {
    "mse": Loss("1/(2m) Σ (y − ŷ)²", REAL, "", mse),
    "rss": Loss("Σ (y − ŷ)²", REAL, "", rss, mean=False),
    "mae": Loss("1/m Σ |y − ŷ|", REAL, "", mae, kinks=lambda y_hat, y: y_hat > y),
    "huber": Loss(
        "1/m Σ (½ e² if |e| ≤ 1 else |e| − ½), e = y − ŷ", REAL, "", huber, kinks=lambda y_hat, y: np.abs(y_hat - y) > 1
    ),
    "bce": Loss(
        "−1/m Σ [y log ŷ + (1 − y) log(1 − ŷ)]",
        UNIT,
        "it takes log ŷ and log(1 − ŷ), which exist only for ŷ in (0, 1)",
        bce,
        {"logistic": bce_logistic},
    ),
    "cross_entropy": Loss(
        "−1/m Σ Σ_k y_k log ŷ_k",
        SIMPLEX,
        "it needs one probability per class, and the probabilities must sum to one",
        cross_entropy,
        {"softmax": cross_entropy_softmax},
    ),
}

ALIASES: dict[str, str] = {
    "MSE": "mse",
    "RSS": "rss",
    "MAE": "mae",
    "BCE": "bce",
    "CE": "cross_entropy",
    "multinomial_ce": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
}
