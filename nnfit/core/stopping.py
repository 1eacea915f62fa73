"""Early stopping: each member keeps the weights that did best on rows it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass
from nnfit.core.parameter import Array

CHUNK = 1024  # examples looked at together


@dataclass
class Best:
    """The best weights of each member so far: θ (M, P), their cost and epoch (M,), and who has stopped looking.

    `lowered` is the last epoch that lowered the cost; those after it up to `epoch` only equalled it.
    """

    theta: Array
    cost: NDArray[np.float64]
    epoch: NDArray[np.int64]
    lowered: NDArray[np.int64]
    stopped: NDArray[np.bool_]


def nothing_yet(theta: Array) -> Best:
    """Before the first epoch."""
    M = len(theta)
    never = np.zeros(M, np.int64)
    return Best(theta.copy(), np.full(M, np.finfo(np.float64).max), never, never.copy(), np.zeros(M, bool))


def keep(
    best: Best,
    theta: Array,
    cost: NDArray[np.float64],
    epoch: int,
    updates: int,
    patience: int,
    min_delta: float,
    min_updates: int,
) -> None:
    """Take over the weights of the members whose cost is at most their best less `min_delta`: of equals the latest.

    A member stops once `patience` epochs have not lowered its cost and it has had `min_updates` updates: on few
    rows an epoch is a few updates, and patience alone would end training before it has begun. An equal cost lowers
    nothing: an accuracy that stands still would else be waited for to the end.
    """
    looking = ~best.stopped
    better = looking & (cost <= best.cost - min_delta)
    best.lowered[better & (cost < best.cost)] = epoch
    best.theta[better] = theta[better]
    best.cost[better] = cost[better]
    best.epoch[better] = epoch
    if updates >= min_updates:
        best.stopped |= looking & (epoch - best.lowered >= patience)


class HeldOut:
    """Rows that each member does not learn from: its cost on them, and its outputs ŷ (M, K, n) at that time."""

    def __init__(self, network: Network, theta: Array, examples: Examples) -> None:
        X, self.Y, self.w = examples
        mean = LOSSES[network.loss].mean
        s = self.w / self.w.sum(axis=-1, keepdims=True) if mean else self.w
        n = X.shape[-2]
        self.y_hat = np.empty((len(theta), network.N[-1], n), theta.dtype)
        self.parts = []
        passes = {size: Pass(network, theta, size) for size in {min(n, CHUNK), n % CHUNK or CHUNK} if size <= n}
        for start in range(0, n, CHUNK):
            part = slice(start, min(n, start + CHUNK))
            run = passes[part.stop - start]
            rows = X[..., part, :], self.Y[..., part], np.ascontiguousarray(s[..., part])
            self.parts.append((run, rows, self.y_hat[..., part]))

    def costs(self) -> NDArray[np.float64]:
        """The cost of each member at the weights as they are, (M,); `y_hat` are then the outputs at these."""
        total = np.zeros(len(self.y_hat))
        with np.errstate(all="ignore"):
            for run, rows, y_hat in self.parts:
                total += run.cost_of(*rows)
                y_hat[...] = run.outputs
        return total
