"""Training: minibatches drawn in random order, one gradient and one update each, epoch after epoch.

`fit` is a generator: what happens between epochs (the screen, validation, stopping) is ordinary code around a
`for`. It never prints and never opens a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass, views
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.parameter import Array
from nnfit.errors import TrainingError

BLOCK = 131_072  # parameters an optimizer updates at once, so that its scratch array stays small
GATHER = 1 << 18  # bytes of shuffled rows copied at once: one copy serves several small minibatches


class Epoch(NamedTuple):
    """One pass over the training rows: its number, from 1, and the training cost C of each member, (M,).

    The cost is the mean over the epoch's minibatches (for rss the sum), each taken before its update.
    """

    number: int
    cost: Array


class Examples(NamedTuple):
    """Rows to learn from: X (n, N₁ + 1) with ones in column 0, Y (K, n), weights w (1 or M, 1, n) with mean 1."""

    X: Array
    Y: Array
    w: Array


def minibatches(examples: Examples, m: int, mean: bool, rng: np.random.Generator) -> Iterator[Examples]:
    """The rows in random order, m at a time (the last batch may be smaller), with the weights s of losses.py.

    A full batch is the data themselves, without a copy. The arrays are overwritten as the next ones are asked for.
    """
    X, Y, w = examples
    n = len(X)
    if m == n:
        yield Examples(X, Y, w / n if mean else w)
        return
    rows = min(max(1, GATHER // (X.itemsize * X.shape[1]) // m) * m, n)
    xs, ys, ws = np.empty_like(X[:rows]), np.empty_like(Y[:, :rows]), np.empty_like(w[:, :, :rows])
    order = rng.permutation(n)
    for start in range(0, n, rows):
        index = order[start : start + rows]
        size = len(index)
        # mode clip: the indices are in range, and NumPy then writes without a buffer in between
        X.take(index, 0, xs[:size], "clip")
        Y.take(index, 1, ys[:, :size], "clip")
        w.take(index, 2, ws[:, :, :size], "clip")
        if mean:
            np.divide(ws, m, ws)
        for begin in range(0, size - size % m, m):
            end = begin + m
            yield Examples(xs[begin:end], ys[:, begin:end], ws[:, :, begin:end])
        if size % m:
            rest = slice(size - size % m, size)
            s = ws[:, :, rest]
            yield Examples(xs[rest], ys[:, rest], s * (m / (size % m)) if mean else s)


class Update:
    """One optimizer on all of θ, block by block; `slots` (S, M, P) is its memory, `decays` as `decaying` gives it."""

    def __init__(
        self, theta: Array, gradient: Array, decays: Array, optimizer: str, parameters: dict[str, Any]
    ) -> None:
        rule = OPTIMIZERS[optimizer]
        self.rule = rule.rule(parameters, theta.dtype)
        self.learning_rate = parameters["learning_rate"]
        M, P = theta.shape
        self.slots = np.zeros((rule.slots(parameters), M, P), theta.dtype)
        width = min(max(1, BLOCK // M), P)
        scratch = np.empty((M, width), theta.dtype)
        self.blocks = []
        for start in range(0, P, width):
            part = slice(start, start + width)
            block = theta[:, part]
            room = scratch[:, : block.shape[1]]
            self.blocks.append((block, gradient[:, part], list(self.slots[:, :, part]), room, decays[part]))

    def __call__(self, t: int) -> None:
        for theta, gradient, slots, scratch, decays in self.blocks:
            self.rule(theta, gradient, slots, scratch, decays, t, self.learning_rate)


def decaying(network: Network, dtype: np.dtype[Any]) -> Array:
    """1 for every weight of θ and 0 for every bias, (P,)."""
    decays: Array = np.ones(network.P, dtype)
    for Theta in views(network, decays[None]):
        Theta[:, :, 0] = 0
    return decays


def fit(
    network: Network,
    theta: Array,
    examples: Examples,
    epochs: int,
    batch_size: int,
    optimizer: str,
    parameters: dict[str, Any],
    rng: np.random.Generator,
) -> Iterator[Epoch]:
    """Train θ (M, P) in place, yielding after every epoch.

    The peak of its memory is the examples, the gradient, the optimizer's slots (with weight decay also the mask of
    the biases, P) and the buffers of one batch. A cost or a weight that is not finite raises a TrainingError that says
    where, and what to try.
    """
    n = len(examples.X)
    m = min(batch_size, n)
    mean = LOSSES[network.loss].mean
    gradient = np.empty_like(theta)
    decays = decaying(network, theta.dtype) if "weight_decay" in parameters else np.empty(0, theta.dtype)
    update = Update(theta, gradient, decays, optimizer, parameters)
    passes = {size: Pass(network, theta, size, gradient) for size in {m, n % m or m}}
    t = 0
    for number in range(1, epochs + 1):
        C = np.zeros(len(theta))
        # An overflow on the way to divergence is reported once, below, in words.
        with np.errstate(all="ignore"):
            for x, y, s in minibatches(examples, m, mean, rng):
                size = len(x)
                cost = passes[size].gradient_of_cost(x, y, s)
                C += cost if size == m or not mean else cost * (size / m)
                t += 1
                update(t)
        if mean:
            C *= m / n
        finite(network, theta, C, number)
        yield Epoch(number, C)


def finite(network: Network, theta: Array, C: Array, number: int) -> None:
    """Raise a TrainingError if training has diverged."""
    if np.isfinite(C).all() and np.isfinite(theta).all():
        return
    layers = [i for i, Theta in enumerate(views(network, theta), 1) if not np.isfinite(Theta).all()]
    where = f"Θ⁽{layers[0]}⁾ holds values that are not finite" if layers else "the cost is not finite"
    raise TrainingError(
        f"training diverged in epoch {number}: {where}; try a smaller training.optimizer.learning_rate, "
        "or look for extreme values in columns with scale: none"
    )
