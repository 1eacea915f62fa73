"""The health of a network: units that learn nothing more, and gradients that get lost on their way down.

    dead        on every row σ′(z) = 0, to six digits, so that its weights get no gradient: a relu that always outputs 0
    saturated   on every row a is within 1 % of the ends of a range (0, 1) or (−1, 1), where σ′(z) is next to 0
    gradient    RMS of ∂C/∂Θ⁽ⁱ⁾ over all weights, biases and members, C as a mean over the rows, for rss too

Units are counted over all members. An output layer is meant to reach the ends of its range, p = 0 and p = 1, so only
hidden units count as saturated. A step is flat by definition, and softmax couples its units: neither is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nnfit.core.batches import Examples
from nnfit.core.network import Group, Network, Neurons, Pass, views
from nnfit.core.parameter import Array

ROWS = 1024  # as many training rows as are looked at
FLAT = 1e-6  # a slope that is as good as none: softplus and the like come near 0 and never reach it
EDGE = 0.01  # of the width of a range: this near to an end is saturated
SHARE = 0.5  # of the units with one activation in a layer: so many dead or saturated ones are worth a warning
VANISHING, EXPLODING = 1e-4, 1e4  # times the gradient of the output layer
LARGE = 1e3  # an RMS that is too large in itself: in relu networks all layers explode alike


class Units(NamedTuple):
    """The units with one activation in a layer, of all members: how many there are, and how many do not learn."""

    activation: str
    total: int
    dead: int
    saturated: int


class Layer(NamedTuple):
    """Layer i + 1, which Θ⁽ⁱ⁾ feeds (its number is 2 … L + 1): its units, and the RMS of ∂C/∂Θ⁽ⁱ⁾."""

    number: int
    units: tuple[Units, ...]
    gradient: float


class Health(NamedTuple):
    """What was found in layers 2 … L + 1, and on how many rows."""

    rows: int
    layers: list[Layer]


@dataclass(frozen=True)
class DeadUnits:
    """Many units of a layer are on their flat side on all rows looked at, and learn nothing."""

    layer: int
    units: Units
    rows: int


@dataclass(frozen=True)
class SaturatedUnits:
    """The output of many units of a layer is next to an end of its range on all rows looked at."""

    layer: int
    units: Units
    rows: int


@dataclass(frozen=True)
class GradientNotFinite:
    """The gradient of a layer is not a finite number."""

    layer: int


@dataclass(frozen=True)
class GradientVanishes:
    """The RMS of the gradient of a layer is next to nothing, as a share of that of the output layer."""

    layer: int
    share: float


@dataclass(frozen=True)
class GradientExplodes:
    """The RMS of the gradient of a layer is far too large, in itself or as so many times that of the output layer."""

    layer: int
    rms: float
    times: float | None


Finding = DeadUnits | SaturatedUnits | GradientNotFinite | GradientVanishes | GradientExplodes


def examine(network: Network, theta: Array, examples: Examples) -> Health:
    """The health of every layer, from one pass up and down over all the examples at once."""
    X, Y, w = np.asarray(examples.X), examples.Y, examples.w
    gradient = np.empty_like(theta)
    batch = Pass(network, theta, len(X), gradient)
    output = len(network.layers) + 1
    layers = []
    with np.errstate(all="ignore"):
        batch.forward(X)
        units = [
            tuple(counted(group, own, number < output) for group, own in zip(groups, neurons, strict=True))
            for number, (groups, neurons) in enumerate(zip(network.layers, batch.neurons, strict=True), 2)
        ]
        batch.cost_and_gradient(X, Y, w / len(X))
        for number, Gradient in enumerate(views(network, gradient), 2):
            rms = float(np.sqrt(np.mean(np.square(Gradient, dtype=np.float64))))
            layers.append(Layer(number, units[number - 2], rms))
    return Health(len(X), layers)


def counted(group: Group, neurons: Neurons, hidden: bool) -> Units:
    """How many units of a group are dead or saturated, after a forward pass; its δ and scratch are overwritten."""
    traits, a = group.sigma.traits, neurons.a
    low, high = traits.range.low, traits.range.high
    dead = saturated = 0
    if traits.whole_layer or traits.range.closed:
        pass
    elif not np.isfinite(high - low):
        slope = neurons.delta
        slope.fill(1)
        group.sigma.vjp(a, slope, neurons.rooms[0])
        dead = int((np.abs(slope) <= FLAT).all(axis=-1).sum())
    elif hidden:
        near = EDGE * (high - low)
        saturated = int(((a <= low + near) | (a >= high - near)).all(axis=-1).sum())
    return Units(group.sigma.name, a.shape[1] * group.size, dead, saturated)


def stuck(health: Health) -> Iterator[DeadUnits | SaturatedUnits]:
    """The groups of units of which at least the share SHARE is dead or saturated."""
    for layer in health.layers:
        for units in layer.units:
            if units.dead >= SHARE * units.total:
                yield DeadUnits(layer.number, units, health.rows)
            elif units.saturated >= SHARE * units.total:
                yield SaturatedUnits(layer.number, units, health.rows)


def unbalanced(health: Health) -> Iterator[GradientNotFinite | GradientVanishes | GradientExplodes]:
    """The layers with the smallest and the largest gradient, if they are too far from that of the output layer."""
    layers = health.layers
    for layer in layers:
        if not np.isfinite(layer.gradient):
            yield GradientNotFinite(layer.number)
            return
    output = layers[-1].gradient
    least, most = (choose(layers, key=lambda layer: layer.gradient) for choose in (min, max))
    if least.gradient <= VANISHING * output and output:
        yield GradientVanishes(least.number, least.gradient / output)
    if most.gradient >= EXPLODING * output and output:
        yield GradientExplodes(most.number, most.gradient, most.gradient / output)
    elif most.gradient >= LARGE:
        yield GradientExplodes(most.number, most.gradient, None)
