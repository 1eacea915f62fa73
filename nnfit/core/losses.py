"""Each loss: the cost c of an example, and beside it its slope.

    C = Σ_i s_i c(y⁽ⁱ⁾, ŷ⁽ⁱ⁾),   s_i = w_i / m for a mean over the m examples,   s_i = w_i for a sum

with c summed over the outputs and w_i the weights of the examples (mean 1). A step needs δ = ∂C/∂ŷ = s ∂c/∂ŷ alone: C
is taken for many batches at once. Shapes: ŷ, y and the slope (K, M, m); `cost` takes more axes before these, y of all
members alike too, and gives c (…, M, m). `cost` starts from ŷ and `slope` writes ∂c/∂ŷ. Those of `fused` start from z
for the output activation that belongs to the loss, ∂c/∂z, stable for any z whose differences are finite numbers; with
linear outputs and mse, ŷ = z and the others are already that. A loss is one entry of LOSSES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.activations import LOW, REAL, SIMPLEX, UNIT, Range, logistic_above
from nnfit.core.members import NEURONS, by_member, sum_of_rows
from nnfit.core.parameter import Array

Cost = Callable[[Array, Array], Array]  # (ŷ or z, y) → c
Slope = Callable[[Array, Array, Array, "OverOutputs"], None]  # (ŷ or z, y, ∂c, over the outputs of ∂c)
ROWS = 4096  # that `of_rows` takes at once
FEW = 16  # outputs


class Fused(NamedTuple):
    """Cost and slope from z, of a loss with the activation that belongs to it."""

    cost: Cost
    slope: Slope


class Loss(NamedTuple):
    """One row of the table: formula, the outputs it accepts and why, cost and slope from ŷ, and those from z."""

    formula: str
    accepts: Range
    reason: str  # why outputs beyond `accepts` are refused
    cost: Cost
    slope: Slope
    fused: Mapping[str, Fused] = MappingProxyType({})
    mean: bool = True
    kinks: Callable[[Array, Array], NDArray[np.bool_]] | None = None  # (ŷ, y) → which side of its kinks each output is


class OverOutputs:
    """What is the same for all outputs of a buffer (K, M, m), once for each: `repeat` makes `rows` of a `row` (M, m).

    `add` makes the row of their sums, and repeats it. NumPy takes longer to broadcast a short row, or to add up a few,
    than BLAS to multiply by ones.
    """

    def __init__(self, values: Array) -> None:
        K, M, m = values.shape
        row, rows, ones = (np.empty(shape, values.dtype) for shape in ((M, m), values.shape, (K, K)))
        ones.fill(1)
        self.values, self.row, self.rows = values, row, rows
        self.repeat = partial(ones[:, :1].copy().dot, row.reshape(1, M * m), rows.reshape(K, M * m))
        add = partial(ones.dot if M == 1 else partial(np.matmul, ones), by_member(values), by_member(rows))
        self.add = add if K <= FEW and m > 1 else self._reduce

    def _reduce(self) -> None:
        np.copyto(self.row, sum_of_rows(self.values))
        self.repeat()


def total(c: Array, s: Array) -> Array:
    """C = Σ_i s_i c_i of each member, (…, M), from c and s (…, 1 or M, m)."""
    result: Array = np.vecdot(c, s)
    return result


def mse(y_hat: Array, y: Array) -> Array:
    """c = ½ Σ_k (y_k − ŷ_k)² (notes, with their ½)."""
    return 0.5 * rss(y_hat, y)


def mse_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = ŷ_k − y_k."""
    np.subtract(y_hat, y, slope)


def rss(y_hat: Array, y: Array) -> Array:
    """c = Σ_k (y_k − ŷ_k)²: twice the terms of mse, summed instead of averaged."""
    e = y_hat - y
    return sum_of_rows(e * e)


def rss_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = 2 (ŷ_k − y_k)."""
    mse_slope(y_hat, y, slope, over)
    np.multiply(slope, 2, slope)


def huber(y_hat: Array, y: Array) -> Array:
    """c = Σ_k ½ e_k² where |e_k| ≤ 1, else |e_k| − ½, e_k = ŷ_k − y_k (Huber 1964).

    Real targets are standardised, so the 1 beyond which a mistake counts as an outlier is their standard deviation.
    """
    e = y_hat - y
    near = np.clip(e, -1, 1)
    return sum_of_rows(near * (e - 0.5 * near))  # ½ e² = n (e − ½ n) for n = e, and |e| − ½ = n (e − ½ n) for n = ±1


def huber_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = e_k, cut to ±1."""
    np.subtract(y_hat, y, slope)
    np.clip(slope, -1, 1, slope)


def mae(y_hat: Array, y: Array) -> Array:
    """c = Σ_k |y_k − ŷ_k|."""
    return sum_of_rows(np.abs(y_hat - y))


def mae_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = sign(ŷ_k − y_k), 0 where they are equal."""
    np.subtract(y_hat, y, slope)
    np.sign(slope, slope)


def bce(y_hat: Array, y: Array) -> Array:
    """c = −Σ_k [y_k log ŷ_k + (1 − y_k) log(1 − ŷ_k)]."""
    p = clipped(y_hat)
    return -sum_of_rows(y * np.log(p) + (1 - y) * np.log1p(-p))


def bce_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = (ŷ_k − y_k) / (ŷ_k (1 − ŷ_k))."""
    p = clipped(y_hat)
    np.divide(p - y, p * (1 - p), slope)


def bce_logistic(z: Array, y: Array) -> Array:
    """From z: c = Σ_k [log(1 + e^z_k) − y_k z_k]."""
    # Output by output before the sum: far out both terms are large and their difference is not.
    return sum_of_rows(np.logaddexp(0, z) - z * y)


def bce_logistic_slope(z: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂z_k = ŷ_k − y_k."""
    slope.fill(LOW)
    np.maximum(z, slope, out=slope)
    logistic_above(slope)
    np.subtract(slope, y, slope)


def cross_entropy(y_hat: Array, y: Array) -> Array:
    """c = −Σ_k y_k log ŷ_k for one-hot y."""
    return -sum_of_rows(y * np.log(clipped(y_hat)))


def cross_entropy_slope(y_hat: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂ŷ_k = −y_k / ŷ_k."""
    np.divide(-y, clipped(y_hat), slope)


def cross_entropy_softmax(z: Array, y: Array) -> Array:
    """From z, by log-sum-exp: c = log Σ_j e^z_j − Σ_k y_k z_k for Σ_k y_k = 1."""
    z = z - np.maximum.reduce(z, axis=NEURONS, keepdims=True)
    return np.log(sum_of_rows(np.exp(z))) - sum_of_rows(z * y)


def cross_entropy_softmax_slope(z: Array, y: Array, slope: Array, over: OverOutputs) -> None:
    """∂c/∂z_k = ŷ_k − y_k."""
    np.maximum.reduce(z, axis=0, out=over.row)
    over.repeat()
    np.subtract(z, over.rows, slope)
    np.exp(slope, slope)
    over.add()
    np.divide(slope, over.rows, slope)
    np.subtract(slope, y, slope)


def of_rows(loss: str, y_hat: Array, y: Array) -> NDArray[np.float64]:
    """The cost c of each row, (M, n), for ŷ (M, K, n) and y (K, n) or (M, K, n)."""
    M, _, n = y_hat.shape
    found = np.empty((M, n))
    truth = np.broadcast_to(y, y_hat.shape)
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        rows, own = (np.moveaxis(each[..., part], 1, 0) for each in (y_hat, truth))
        found[:, part] = LOSSES[loss].cost(rows, own.astype(y_hat.dtype, copy=False))
    return found


def clipped(p: Array) -> Array:
    """Probabilities kept off 0 and 1 by one machine epsilon, as scikit-learn's log_loss does: logs stay finite."""
    epsilon = machine_epsilon(p.dtype)
    return np.clip(p, epsilon, 1 - epsilon)


def machine_epsilon(dtype: np.dtype[Any]) -> Any:
    """How far probabilities are kept off 0 and 1."""
    return np.finfo(dtype).eps


LOSSES: dict[str, Loss] = {
    "mse": Loss("1/(2m) Σ (y − ŷ)²", REAL, "", mse, mse_slope),
    "rss": Loss("Σ (y − ŷ)²", REAL, "", rss, rss_slope, mean=False),
    "mae": Loss("1/m Σ |y − ŷ|", REAL, "", mae, mae_slope, kinks=lambda y_hat, y: y_hat > y),
    "huber": Loss(
        "1/m Σ (½ e² if |e| ≤ 1 else |e| − ½), e = y − ŷ",
        REAL,
        "",
        huber,
        huber_slope,
        kinks=lambda y_hat, y: np.abs(y_hat - y) > 1,
    ),
    "bce": Loss(
        "−1/m Σ [y log ŷ + (1 − y) log(1 − ŷ)]",
        UNIT,
        "it takes log ŷ and log(1 − ŷ), which exist only for ŷ in (0, 1)",
        bce,
        bce_slope,
        {"logistic": Fused(bce_logistic, bce_logistic_slope)},
    ),
    "cross_entropy": Loss(
        "−1/m Σ Σ_k y_k log ŷ_k",
        SIMPLEX,
        "it needs one probability per class, and the probabilities must sum to one",
        cross_entropy,
        cross_entropy_slope,
        {"softmax": Fused(cross_entropy_softmax, cross_entropy_softmax_slope)},
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
