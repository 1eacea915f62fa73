"""The health of a network: units that learn nothing more, and gradients that get lost on their way down.

    dead        on every row σ′(z) = 0, to six digits, so that its weights get no gradient: a relu that always outputs 0
    saturated   on every row a is within 1 % of the ends of a range (0, 1) or (−1, 1), where σ′(z) is next to 0
    gradient    RMS of ∂C/∂Θ⁽ⁱ⁾ over all weights, biases and members, C as a mean over the rows, for rss too

Units are counted over all members. An output layer is meant to reach the ends of its range, p = 0 and p = 1, so only
hidden units count as saturated. A step is flat by definition, and softmax couples its units: neither is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.network import Group, Network, Pass, Slot, views
from nnfit.core.parameter import Array

ROWS = 1024  # as many training rows as are looked at
FLAT = 1e-6  # a slope that is as good as none: softplus and the like come near 0 and never reach it
EDGE = 0.01  # of the width of a range: this near to an end is saturated
SHARE = 0.5  # of the units with one activation in a layer: so many dead or saturated ones are worth a warning
VANISHING, EXPLODING = 1e-4, 1e4  # times the gradient of the output layer
LARGE = 1e3  # an RMS that is too large in itself: in relu networks all layers explode alike
SCALED = "network.initialization: {weights: auto, bias: 1}, or scale: standard for the columns and the target"


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


class Doubt(NamedTuple):
    """What hinders a layer in learning, and what to try."""

    number: int
    text: str


def examine(network: Network, theta: Array, examples: Examples) -> Health:
    """The health of every layer, from one pass up and down over all the examples at once."""
    X, Y, w = examples
    gradient = np.empty_like(theta)
    batch = Pass(network, theta, len(X), gradient)
    output = len(network.layers) + 1
    layers = []
    with np.errstate(all="ignore"):
        batch.forward(X)
        units = [
            tuple(counted(group, slot, number < output) for group, slot in zip(groups, slots, strict=True))
            for number, (groups, slots) in enumerate(zip(network.layers, batch.sigma, strict=True), 2)
        ]
        batch.gradient_of_cost(X, Y, w / len(X))
        for number, Gradient in enumerate(views(network, gradient), 2):
            rms = float(np.sqrt(np.mean(np.square(Gradient, dtype=np.float64))))
            layers.append(Layer(number, units[number - 2], rms))
    return Health(len(X), layers)


def counted(group: Group, slot: Slot, hidden: bool) -> Units:
    """How many units of a group are dead or saturated, after a forward pass; its δ and scratch are overwritten."""
    activation, a = ACTIVATIONS[group.activation], slot.a
    low, high = activation.range.low, activation.range.high
    dead = saturated = 0
    if activation.whole_layer or activation.range.closed:
        pass
    elif not np.isfinite(high - low):
        slope = slot.delta
        slope.fill(1)
        activation.vjp(a, slope, slot.scratch, group.parameters)
        dead = int((np.abs(slope) <= FLAT).all(axis=-1).sum())
    elif hidden:
        near = EDGE * (high - low)
        saturated = int(((a <= low + near) | (a >= high - near)).all(axis=-1).sum())
    return Units(group.activation, len(a) * group.size, dead, saturated)


def stuck(health: Health, trained: bool) -> Iterator[Doubt]:
    """The layers in which at least the share SHARE of the units with one activation is dead or saturated."""
    remedy = "a smaller training.optimizer.learning_rate" if trained else SCALED
    for layer in health.layers:
        for units in layer.units:
            rows = f"on all {health.rows:,} rows looked at"
            of = f"of {units.total:,} {units.activation} units"
            if units.dead >= SHARE * units.total:
                what = f"{units.dead:,} {of} are dead: {rows} they are on their flat side, and learn nothing"
                yield Doubt(layer.number, f"{what}; try {remedy}{', or leaky_relu' * (units.activation == 'relu')}")
            elif units.saturated >= SHARE * units.total:
                what = f"{units.saturated:,} {of} are saturated: {rows} their output is next to an end of its range"
                yield Doubt(layer.number, f"{what}, and they hardly learn; try {remedy}")


def unbalanced(health: Health) -> Iterator[Doubt]:
    """The layers with the smallest and the largest gradient, if they are too far from that of the output layer."""
    layers = health.layers
    for layer in layers:
        if not np.isfinite(layer.gradient):
            extreme = "its gradient is not a finite number; look for extreme values in columns with scale: none"
            yield Doubt(layer.number, f"{extreme}, or try {SCALED}")
            return
    output = layers[-1].gradient
    least, most = (choose(layers, key=lambda layer: layer.gradient) for choose in (min, max))
    if least.gradient <= VANISHING * output and output:
        share = (
            f"its RMS is {least.gradient / output:.0e} times that of the output layer" if least.gradient else "it is 0"
        )
        remedy = "network.initialization: {weights: auto, bias: 1}, relu in place of logistic or tanh, or fewer layers"
        yield Doubt(least.number, f"the gradient vanishes: {share}; try {remedy}")
    if most.gradient >= EXPLODING * output and output:
        text = f"{most.gradient / output:.0e} times that of the output layer"
    elif most.gradient >= LARGE:
        text = f"{most.gradient:.0e}"
    else:
        return
    yield Doubt(most.number, f"the gradient explodes: its RMS is {text}; try {SCALED}")
