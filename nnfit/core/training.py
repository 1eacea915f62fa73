"""Training: minibatches drawn in random order, one gradient and one update each, epoch after epoch.

`fit` is a generator: what happens between epochs (the screen, validation, stopping) is ordinary code around a
`for`. It never prints and never opens a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


@dataclass
class State:
    """Everything that training changes, and so all of it that a checkpoint has to hold.

    θ (M, P); the optimizer's memory, slots (S, M, P); how many epochs are complete, how many steps of the next one are
    done, and how many updates in all; and the cost summed over the steps of that epoch, (M,).
    """

    theta: Array
    slots: Array
    cost: NDArray[np.float64]
    epochs: int = 0
    steps: int = 0
    updates: int = 0


def begin(theta: Array, optimizer: str, parameters: dict[str, Any]) -> State:
    """The state before the first update; it keeps θ (M, P) itself, not a copy."""
    slots = np.zeros((OPTIMIZERS[optimizer].slots(parameters), *theta.shape), theta.dtype)
    return State(theta, slots, np.zeros(len(theta)))


def minibatches(examples: Examples, m: int, mean: bool, rng: np.random.Generator, done: int = 0) -> Iterator[Examples]:
    """The rows in random order, m at a time (the last batch may be smaller), with the weights s of losses.py.

    A full batch is the data themselves, without a copy. The arrays are overwritten as the next ones are asked for.
    The first `done` batches are left out; the others lie in memory as if they had not been, since where an array lies
    may change the order of a sum, and with it the last bit.
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
        if start + rows <= done * m:
            continue
        index = order[start : start + rows]
        size = len(index)
        # mode clip: the indices are in range, and NumPy then writes without a buffer in between
        X.take(index, 0, xs[:size], "clip")
        Y.take(index, 1, ys[:, :size], "clip")
        w.take(index, 2, ws[:, :, :size], "clip")
        if mean:
            np.divide(ws, m, ws)
        for first in range(max(0, done * m - start), size - size % m, m):
            end = first + m
            yield Examples(xs[first:end], ys[:, first:end], ws[:, :, first:end])
        if size % m:
            rest = slice(size - size % m, size)
            s = ws[:, :, rest]
            yield Examples(xs[rest], ys[:, rest], s * (m / (size % m)) if mean else s)


class Update:
    """One optimizer on all of θ, block by block; `slots` (S, M, P) is its memory, `decays` as `decaying` gives it."""

    def __init__(
        self, theta: Array, gradient: Array, slots: Array, decays: Array, optimizer: str, parameters: dict[str, Any]
    ) -> None:
        self.rule = OPTIMIZERS[optimizer].rule(parameters, theta.dtype)
        self.learning_rate = parameters["learning_rate"]
        M, P = theta.shape
        width = min(max(1, BLOCK // M), P)
        scratch = np.empty((M, width), theta.dtype)
        self.blocks = []
        for start in range(0, P, width):
            part = slice(start, start + width)
            block = theta[:, part]
            room = scratch[:, : block.shape[1]]
            self.blocks.append((block, gradient[:, part], list(slots[:, :, part]), room, decays[part]))

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
    state: State,
    examples: Examples,
    epochs: int,
    batch_size: int,
    optimizer: str,
    parameters: dict[str, Any],
    seeds: Sequence[int],
    stop: Sequence[object] = (),
) -> Iterator[Epoch]:
    """Train from a state, in place, up to so many epochs, yielding after each.

    The order of the rows in epoch e comes from a generator of its own, default_rng([*seeds, e]), so a state says all
    that is needed to go on. Before each step `stop` is looked at: as soon as there is anything in it, training ends.
    The peak of memory is the examples, the gradient, the optimizer's slots and the buffers of one batch. A cost or a
    weight that is not finite raises a TrainingError that says where, and what to try.
    """
    theta, C = state.theta, state.cost
    n = len(examples.X)
    m = min(batch_size, n)
    mean = LOSSES[network.loss].mean
    gradient = np.empty_like(theta)
    decays = decaying(network, theta.dtype) if "weight_decay" in parameters else np.empty(0, theta.dtype)
    update = Update(theta, gradient, state.slots, decays, optimizer, parameters)
    passes = {size: Pass(network, theta, size, gradient) for size in {m, n % m or m}}
    for number in range(state.epochs + 1, epochs + 1):
        rng = np.random.default_rng([*seeds, number])
        t = state.updates
        # An overflow on the way to divergence is reported once, below, in words.
        with np.errstate(all="ignore"):
            for x, y, s in minibatches(examples, m, mean, rng, state.steps):
                if stop:
                    break
                size = len(x)
                cost = passes[size].gradient_of_cost(x, y, s)
                C += cost if size == m or not mean else cost * (size / m)
                t += 1
                update(t)
        state.steps += t - state.updates
        state.updates = t
        if state.steps < -(-n // m):
            return
        finite(network, theta, C, number)
        epoch = Epoch(number, C * (m / n) if mean else C.copy())
        state.epochs, state.steps = number, 0
        C.fill(0)
        yield epoch


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
