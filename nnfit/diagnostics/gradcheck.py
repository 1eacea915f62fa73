"""Gradient check: back-propagation held against numerical derivatives of the same cost.

    ∂C/∂θ_j ≈ [8 (C(θ_j + h) − C(θ_j − h)) − (C(θ_j + 2h) − C(θ_j − 2h))] / 12h

the central difference of fourth order: its truncation error h⁴ and the rounding error ε/h are both about 10⁻¹². At a
kink (ReLU at 0, |y − ŷ| at y) no derivative exists, so a difference that crosses one is taken again with a smaller h.
Where the numbers of a network are so large or so small that a difference is mostly rounding, it proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from nnfit.core.activations import Step
from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group, Network, Pass, views
from nnfit.core.parameter import Array
from nnfit.progress import tracked

TOLERANCE = 1e-6  # of `nnfit check`: a wrong formula is off by far more, float64 rounding by far less
STEPS = (5e-4, 1e-4, 1e-5)
REACH = (
    1e5  # where sums of this size meet, their rounding is no longer small beside what a step adds: ε REACH / h > 10⁻⁸
)
FLOOR = 1e-2  # gradients below this share of their layer's largest are compared with that share instead


class GradientCheck(NamedTuple):
    """The largest |g − ĝ| / max(|g|, |ĝ|, FLOOR max|g| of the layer) over the parameters checked, and where it is.

    `skipped` parameters lie below a surrogate gradient, which is by intention not the derivative, at a kink, or where
    differences are mostly rounding.
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
    with np.errstate(all="ignore"):
        return checked(network, theta, examples, rng, per_layer)


def checked(
    network: Network, theta: Array, examples: Examples, rng: np.random.Generator, per_layer: int
) -> GradientCheck:
    """As check_gradient, whatever the numbers do on the way."""
    theta = theta.astype(np.float64)
    X, Y, w = (np.asarray(part, np.float64) for part in examples)
    s = w / len(X) if LOSSES[network.loss].mean else w
    gradient = np.empty_like(theta)
    batch = Pass(network, theta, len(X), gradient)
    C = batch.cost_and_gradient(X, Y, s).astype(np.float64)
    within_reach = largest(batch, X) < REACH
    noise = 4 * np.finfo(np.float64).eps * np.abs(C) / STEPS[0]  # of a difference of costs
    last_surrogate = max((i for i, layer in enumerate(network.layers) if any(map(surrogate, layer))), default=-1)

    worst = GradientCheck(0.0, 0, 0, 1, 0.0, 0.0)
    compared = skipped = 0
    # The gradient buffer is overwritten by every evaluation below, so the analytic one is kept aside.
    analytic = views(network, gradient.copy())
    layers = list(zip(batch.Theta, analytic, strict=True))
    for i, (Theta, g) in enumerate(tracked(layers, "checking the gradients")):
        scale = FLOOR * np.abs(g).max(axis=(1, 2))
        for j, k in tracked(chosen(Theta.shape[1:], per_layer, rng), "parameters"):
            numerical = np.full(len(theta), np.nan)
            if i > last_surrogate:
                numerical = derivative(network, batch, Theta[:, j, k], X, Y, s)
            for member in np.flatnonzero(~np.isnan(numerical)).tolist():
                backward, other = float(g[member, j, k]), float(numerical[member])
                unit = max(abs(backward), abs(other), float(scale[member]), 1e-12)
                error = abs(backward - other) / unit
                unit = unit if isfinite(unit) else max(abs(other), 1e-12)
                lost = not within_reach or abs(backward - other) <= noise[member]
                if not error <= TOLERANCE and (
                    lost or not resolved(network, batch, Theta[:, j, k], X, Y, s, member, unit)
                ):
                    numerical[member] = np.nan
                    continue
                # `not <=` also catches a gradient that is not a number, and then nothing is worse
                if not np.isnan(worst.max_relative_error) and not error <= worst.max_relative_error:
                    worst = GradientCheck(error, 0, 0, i + 1, backward, other)
            skipped += int(np.isnan(numerical).sum())
            compared += int((~np.isnan(numerical)).sum())
    return worst._replace(checked=compared, skipped=skipped)


def largest(batch: Pass, X: Array) -> float:
    """The largest sum Σ |θ| |a| that meets in a neuron, on which its rounding depends."""
    below, found = X.mT, 0.0
    for Theta, above in zip(batch.Theta, batch.a, strict=True):
        found = max(found, float(np.matmul(np.abs(Theta), np.abs(below)).max()))
        below = above
    return found


def resolved(
    network: Network, batch: Pass, weight: Array, X: Array, Y: Array, s: Array, member: int, unit: float
) -> bool:
    """Whether differences of several steps agree, in this unit: then they are the derivative, and no rounding."""
    each = [derivative(network, batch, weight, X, Y, s, (h,))[member] for h in STEPS]
    known = [value for value in each if not np.isnan(value)]
    return max(known, default=0.0) - min(known, default=0.0) <= TOLERANCE * unit


def chosen(shape: tuple[int, ...], per_layer: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Indices (row, column) of up to `per_layer` biases (column 0) and weights of one Θ⁽ⁱ⁾."""
    rows, columns = shape
    biases = [(j, 0) for j in rng.permutation(rows)[:per_layer]]
    places = rng.permutation(rows * (columns - 1))[:per_layer]
    return biases + [(int(place) // (columns - 1), int(place) % (columns - 1) + 1) for place in places]


def derivative(
    network: Network, batch: Pass, weight: Array, X: Array, Y: Array, s: Array, steps: Sequence[float] = STEPS
) -> Array:
    """The numerical derivatives of each member's cost by one of its weights, (M,); `weight` (M,) is a view on θ.

    The members do not depend on each other, so all are shifted at once. NaN where every difference crosses a kink.
    """
    original = weight.copy()
    result = np.full(len(weight), np.nan)

    def cost(shift: float) -> tuple[Array, list[bytes]]:
        weight[:] = original + shift
        C = batch.cost_and_gradient(X, Y, s)
        return C.copy(), [kinks(network, batch, Y, member) for member in range(len(weight))]

    try:
        for h in steps:
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
    sides = [] if side_of_cost is None else [side_of_cost(batch.outputs[member], Y).tobytes()]
    for layer in batch.neurons:
        for neurons in layer:
            side = neurons.sigma.traits.kinks
            if side is not None:
                sides.append(side(neurons.a[:, member]).tobytes())
    return b"".join(sides)
