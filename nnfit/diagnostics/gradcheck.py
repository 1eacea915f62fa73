"""Gradient check: back-propagation held against numerical derivatives of the same cost.

    ∂C/∂θ_j ≈ [8 (C(θ_j + h) − C(θ_j − h)) − (C(θ_j + 2h) − C(θ_j − 2h))] / 12h

the central difference of fourth order: its truncation error h⁴ and the rounding error ε/h are both about 10⁻¹². At a
kink (ReLU at 0, |y − ŷ| at y) no derivative exists, so a difference that crosses one is taken again with a smaller h.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnfit.core.activations import Step
from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group, Network, Pass, views
from nnfit.core.parameter import Array

TOLERANCE = 1e-6  # of `nnfit check`: a wrong formula is off by far more, float64 rounding by far less
STEPS = (5e-4, 1e-4, 1e-5)
FLOOR = 1e-2  # gradients below this share of their layer's largest are compared with that share instead


class GradientCheck(NamedTuple):
    """The largest |g − ĝ| / max(|g|, |ĝ|, FLOOR max|g| of the layer) over the parameters checked, and where it is.

    `skipped` parameters lie below a surrogate gradient, which is by intention not the derivative, or at a kink.
    """

    max_relative_error: float
    checked: int
    skipped: int
    layer: int
    backward: float
    numerical: float


def surrogate(group: Group) -> bool:
    """Whether back-propagation replaces the derivative of this group by something else."""
    return isinstance(group.sigma, Step) and group.sigma.gradient != "none"


def check_gradient(
    network: Network, theta: Array, examples: Examples, rng: np.random.Generator, per_layer: int = 50
) -> GradientCheck:
    """Check up to `per_layer` weights, and as many biases, of each layer and member, in float64."""
    theta = theta.astype(np.float64)
    X, Y, w = (part.astype(np.float64) for part in examples)
    s = w / len(X) if LOSSES[network.loss].mean else w
    gradient = np.empty_like(theta)
    batch = Pass(network, theta, len(X), gradient)
    batch.gradient_of_cost(X, Y, s)
    last_surrogate = max((i for i, layer in enumerate(network.layers) if any(map(surrogate, layer))), default=-1)

    worst = GradientCheck(0.0, 0, 0, 1, 0.0, 0.0)
    checked = skipped = 0
    # The gradient buffer is overwritten by every evaluation below, so the analytic one is kept aside.
    analytic = views(network, gradient.copy())
    for i, (Theta, g) in enumerate(zip(batch.Theta, analytic, strict=True)):
        scale = FLOOR * np.abs(g).max(axis=(1, 2))
        for j, k in chosen(Theta.shape[1:], per_layer, rng):
            numerical = np.full(len(theta), np.nan)
            if i > last_surrogate:
                numerical = derivative(network, batch, Theta[:, j, k], X, Y, s)
            for member in np.flatnonzero(~np.isnan(numerical)).tolist():
                backward, other = float(g[member, j, k]), float(numerical[member])
                error = abs(backward - other) / max(abs(backward), abs(other), float(scale[member]), 1e-12)
                # `not <=` also catches a gradient that is not a number, and then nothing is worse
                if not np.isnan(worst.max_relative_error) and not error <= worst.max_relative_error:
                    worst = GradientCheck(error, 0, 0, i + 1, backward, other)
            skipped += int(np.isnan(numerical).sum())
            checked += int((~np.isnan(numerical)).sum())
    return worst._replace(checked=checked, skipped=skipped)


def chosen(shape: tuple[int, ...], per_layer: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Indices (row, column) of up to `per_layer` biases (column 0) and weights of one Θ⁽ⁱ⁾."""
    rows, columns = shape
    biases = [(j, 0) for j in rng.permutation(rows)[:per_layer]]
    places = rng.permutation(rows * (columns - 1))[:per_layer]
    return biases + [(int(place) // (columns - 1), int(place) % (columns - 1) + 1) for place in places]


def derivative(network: Network, batch: Pass, weight: Array, X: Array, Y: Array, s: Array) -> Array:
    """The numerical derivatives of each member's cost by one of its weights, (M,); `weight` (M,) is a view on θ.

    The members do not depend on each other, so all are shifted at once. NaN where every difference crosses a kink.
    """
    original = weight.copy()
    result = np.full(len(weight), np.nan)

    def cost(shift: float) -> tuple[Array, list[bytes]]:
        weight[:] = original + shift
        C = batch.gradient_of_cost(X, Y, s)
        return C.copy(), [kinks(network, batch, Y, member) for member in range(len(weight))]

    try:
        for h in STEPS:
            (C1, *side1), (C2, *side2), (C3, *side3), (C4, *side4) = cost(h), cost(-h), cost(2 * h), cost(-2 * h)
            smooth = np.array([len(set(sides)) == 1 for sides in zip(*side1, *side2, *side3, *side4, strict=True)])
            fresh = smooth & np.isnan(result)
            result[fresh] = ((8 * (C1 - C2) - (C3 - C4)) / (12 * h))[fresh]
            if smooth.all():
                break
    finally:
        weight[:] = original
    return result


def kinks(network: Network, batch: Pass, Y: Array, member: int) -> bytes:
    """On which side of its kinks every neuron lies, for every example; steps included, whose jump is one.

    A loss may have kinks too, as |y − ŷ| has at 0.
    """
    side_of_cost = LOSSES[network.loss].kinks
    sides = [] if side_of_cost is None else [side_of_cost(batch.a[-1][member], Y).tobytes()]
    for layer in batch.neurons:
        for neurons in layer:
            side = neurons.sigma.traits.kinks
            if side is not None:
                sides.append(side(neurons.a[member]).tobytes())
    return b"".join(sides)
