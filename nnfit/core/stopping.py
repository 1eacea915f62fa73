"""Early stopping: each member keeps the weights that did best on rows it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.batches import Examples
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.expansion import Encoded
from nnfit.core.losses import LOSSES
from nnfit.core.members import of_members
from nnfit.core.network import Network, Pass, together
from nnfit.core.parameter import Array

CHUNK = 1024  # examples looked at together


class Rule(NamedTuple):
    """When looking ends: after so many epochs without a cost lower by at least min_delta, but not before min_updates.

    On few rows an epoch is a few updates, and patience alone would end training before it has begun.
    """

    patience: int
    min_delta: float
    min_updates: int


@dataclass
class Watch:
    """For each of K that are watched the least cost so far, its epoch, and who has stopped looking, each (K,).

    `lowered` is the last epoch that lowered the cost; those after it up to `epoch` only equalled it.
    """

    cost: NDArray[np.float64]
    epoch: NDArray[np.int64]
    lowered: NDArray[np.int64]
    stopped: NDArray[np.bool_]

    def look(self, cost: NDArray[np.float64], epoch: int, updates: int, rule: Rule) -> NDArray[np.bool_]:
        """Who is at its best in this epoch, (K,): its cost is at most its best less min_delta; of equals the latest.

        An equal cost lowers nothing: an accuracy that stands still would else be waited for to the end.
        """
        looking = ~self.stopped
        better = looking & (cost <= self.cost - rule.min_delta)
        self.lowered[better & (cost < self.cost)] = epoch
        self.cost[better] = cost[better]
        self.epoch[better] = epoch
        if updates >= rule.min_updates:
            self.stopped |= looking & (epoch - self.lowered >= rule.patience)
        return better


def nothing_seen(K: int) -> Watch:
    """Before the first epoch."""
    never = np.zeros(K, np.int64)
    return Watch(np.full(K, np.finfo(np.float64).max), never, never.copy(), np.zeros(K, bool))


@dataclass
class Best:
    """The best weights of each member so far, θ (M, P), and what is watched of it."""

    theta: Array
    watch: Watch

    def keep(self, theta: Array, cost: NDArray[np.float64], epoch: int, updates: int, rule: Rule) -> None:
        """Take over the weights of the members that are at their best."""
        better = self.watch.look(cost, epoch, updates, rule)
        self.theta[better] = theta[better]


class HeldOut:
    """Rows that each member does not learn from: its cost on them, and its outputs ŷ (M, K, n) at that time."""

    def __init__(
        self,
        network: Network,
        theta: Array,
        examples: Examples,
        y_hat: Array | None = None,
        division: Division = UNDIVIDED,
    ) -> None:
        self.network, self.theta, self.division = network, theta, division
        self.X, self.Y, self.w = examples
        shape = len(theta), network.N[-1], self.X.shape[-2]
        self.y_hat = np.empty(shape, theta.dtype) if y_hat is None else y_hat

    def of(self, members: slice, theta: Array) -> HeldOut:
        """The rows of some of the members, whose weights are these."""
        Y, w = (of_members(each, members) for each in (self.Y, self.w))
        examples = Examples(of_members(self.X, members), Y, w)
        return HeldOut(self.network, theta, examples, self.y_hat[members], self.division)

    def costs(self) -> NDArray[np.float64]:
        """The cost of each member at the weights as they are, (M,); `y_hat` are then the outputs at these.

        Of a division each part looks at some chunks of the rows: the sums have the bytes that they have undivided.
        """
        total = np.zeros(len(self.y_hat))
        if self.division.parts > 1:
            return self.together(total)
        with np.errstate(all="ignore"):
            for members, run, X, part, (y, s), y_hat in self.parts:
                total[members] += run.cost_of(X[..., part, :], y, s)
                y_hat[...] = run.outputs
        return total

    def together(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """The costs by all parts of the division, added chunk by chunk to `total`, (M,)."""
        number, parts, reduce = self.division
        found = np.zeros((len(self.parts), len(total)))
        with np.errstate(all="ignore"):
            for place, (members, run, X, part, (y, s), y_hat) in enumerate(self.parts):
                if place % parts == number:
                    found[place, members] = run.cost_of(X[..., part, :], y, s)
                    y_hat[...] = run.outputs
                else:
                    y_hat[...] = 0
            reduce(found)
            reduce(self.y_hat)
        for costs in found:
            total += costs
        return total

    @cached_property
    def parts(self) -> list[tuple[slice, Pass, Encoded, slice, tuple[Array, Array], Array]]:
        """Members and rows that are looked at together: the pass, X and which rows of it, y and s, where ŷ goes."""
        M, _, n = self.y_hat.shape
        s = self.w / self.w.sum(axis=-1, keepdims=True) if LOSSES[self.network.loss].mean else self.w
        found = []
        size = together(self.network, min(n, CHUNK), self.theta.itemsize)
        for first in range(0, M, size):
            members = slice(first, min(M, first + size))
            X = of_members(self.X, members)
            Y, own = (of_members(each, members) for each in (self.Y, s))
            sizes = {min(n, CHUNK), n % CHUNK or CHUNK}
            passes = {rows: Pass(self.network, self.theta[members], rows) for rows in sizes if rows <= n}
            for start in range(0, n, CHUNK):
                part = slice(start, min(n, start + CHUNK))
                targets = Y[..., part], np.ascontiguousarray(own[..., part])
                found.append((members, passes[part.stop - start], X, part, targets, self.y_hat[members, :, part]))
        return found
