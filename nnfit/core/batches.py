"""Rows to learn from, and the minibatches they are drawn in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.expansion import Encoded, Expanded
from nnfit.core.parameter import Array

Rows = NDArray[np.intp]


class Examples(NamedTuple):
    """Rows to learn from: X (n, N₁ + 1) with ones in column 0, Y (K, n), weights w (1 or M, 1, n), mean 1.

    Where each member has rows of its own: X (M, n, N₁ + 1), Y (M, K, n), w (M, 1, n).
    """

    X: Encoded
    Y: Array
    w: Array


def gather(examples: Examples, rows: Rows, empty: Callable[..., Array] = np.empty) -> Examples:
    """The rows that each member has for itself, (M, r): copies, (M, r, N₁ + 1), (M, K, r) and (M, 1, r).

    `empty` makes the array of the first of these.
    """
    X, Y, w = examples

    def copied(values: Array) -> Array:
        return values.take(rows, 0, empty((*rows.shape, values.shape[1]), values.dtype), "clip")

    return Examples(
        Expanded(copied(X.kept), X.beside) if isinstance(X, Expanded) else copied(X),
        np.ascontiguousarray(Y[:, rows].swapaxes(0, 1)),
        w[0, 0][rows][:, None, :],
    )


class Source(NamedTuple):
    """Where a member's random numbers come from: the seeds of its training, and its number k there."""

    seeds: tuple[int, ...]
    member: int


class Streams:
    """Random numbers for each source: those of its seeds from the place 2⁶⁴ k on, so that no two of them meet.

    What a member draws does not depend on how many members there are.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.bits = [np.random.PCG64(0) for _ in sources]
        self.generators = [np.random.Generator(bits) for bits in self.bits]

    def restart(self, *more: int) -> None:
        """Go to the beginning of each source's numbers; those of member 0 are default_rng([*seeds, *more])."""
        origins = {seeds: np.random.PCG64([*seeds, *more]).state for seeds in {each.seeds for each in self.sources}}
        for (seeds, k), bits in zip(self.sources, self.bits, strict=True):
            bits.state = origins[seeds]
            bits.advance(k << 64)


def shuffled(n: int, m: int, rows: Sequence[Rows], streams: Streams) -> Rows:
    """The order of one epoch of n examples: (n,), of one stream or of all; of several, or with rows of each, (…, n).

    A member with more rows than n leaves out some at random, others in each epoch, so that all take equal steps.
    A full batch needs no order.
    """
    first, *others = streams.generators
    if rows:
        drawn = np.array([rng.permutation(own)[:n] for own, rng in zip(rows, streams.generators, strict=True)])
        return drawn if m < n else np.sort(drawn)
    if m == n:
        return np.arange(n)
    return np.array([rng.permutation(n) for rng in streams.generators]) if others else first.permutation(n)


class Smoothing(NamedTuple):
    """Smoothed labels: targets go the share ε towards `middle`, numbers of all members or, (M, 1), of each."""

    share: float | NDArray[np.float64]
    middle: float

    def apply(self, Y: Array) -> None:
        """y ← (1 − ε) y + ε middle, in place; Y is (K, n) of all members, or (…, M, m)."""
        np.multiply(Y, np.asarray(1 - self.share, Y.dtype), Y)
        np.add(Y, np.asarray(self.share * self.middle, Y.dtype), Y)


class Block:
    """So many minibatches of m examples each, for M members, in arrays that are allocated once and filled by `gather`.

    The rows of batch b are `x(b)`; y, s and `start` (batches, K, M, m) are those of `Batch` in network.py. With
    `own`, each member has rows of its own. The weights s are those of a mean or a sum, see losses.py; y is smoothed.
    Divided, m is the part of each batch of `division`.
    """

    def __init__(
        self,
        examples: Examples,
        batches: int,
        m: int,
        M: int,
        own: bool,
        mean: bool,
        smoothing: Smoothing | None = None,
        division: Division = UNDIVIDED,
    ) -> None:
        X, Y, w = self.examples = examples
        self.smoothing = smoothing
        self.part, counts = division.rows(m)
        self.size, self.divided = m, division.parts > 1
        self.divisor = (m if mean else 1) if counts else np.inf
        m = self.part.stop - self.part.start
        self.m, self.lead = m, (M,) * own
        self.y, self.s, self.start = (np.empty((batches, len(Y), M, m), Y.dtype) for _ in range(3))
        self.taken = np.empty((len(Y), *self.lead, batches * m), Y.dtype)
        # A batch of all rows is the data themselves, and rows that weigh alike do so in any order.
        self.whole = not own and self.size == len(X)
        self.rows = np.asarray(X)[self.part] if self.whole else np.empty((*self.lead, batches * m, X.shape[1]), X.dtype)
        self.alike = bool((w == w[0, 0, 0]).all())
        self.s[...] = w[0, 0, 0] / self.divisor

    def x(self, b: int) -> Array:
        """The rows of batch b: (m, N₁ + 1) of all members, or of each, (M, m, N₁ + 1)."""
        return self.rows[..., b * self.m : (b + 1) * self.m, :]

    def gather(self, index: Rows) -> None:
        """Take these rows, in whole batches, of which there may be fewer: (n,) for all members, or (M, n)."""
        X, Y, w = self.examples
        if self.divided:
            batch = index.reshape(*index.shape[:-1], -1, self.size)
            index = batch[..., self.part].reshape(*index.shape[:-1], -1)
        n, batches = index.shape[-1], index.shape[-1] // self.m
        # mode clip: the indices are in range, and NumPy then writes without a buffer in between
        if not self.whole:
            X.take(index, 0, self.rows[..., :n, :], "clip")
        y = Y.take(index, 1, self.taken[..., :n], "clip").reshape(len(Y), -1, batches, self.m)
        np.copyto(self.y[:batches], y.transpose(2, 0, 1, 3))
        if self.smoothing is not None:
            self.smoothing.apply(self.y[:batches])
        if not self.alike:
            s = (w[0, 0].take(index) if self.lead else w[:, 0].take(index, 1)).reshape(-1, batches, self.m)
            np.divide(s.swapaxes(0, 1)[:, None], self.divisor, self.s[:batches])
