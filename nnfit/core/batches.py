"""Rows to learn from, and the minibatches they are drawn in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array

GATHER = 1 << 18  # bytes of shuffled rows copied at once: one copy serves several small minibatches

Rows = NDArray[np.intp]


class Examples(NamedTuple):
    """Rows to learn from: X (n, N₁ + 1) with ones in column 0, Y (K, n), weights w (1 or M, 1, n), mean 1.

    Where each member has rows of its own: X (M, n, N₁ + 1), Y (M, K, n), w (M, 1, n).
    """

    X: Array
    Y: Array
    w: Array


def gather(examples: Examples, rows: Rows) -> Examples:
    """The rows that each member has for itself, (M, r): copies, (M, r, N₁ + 1), (M, K, r) and (M, 1, r)."""
    X, Y, w = examples
    return Examples(X[rows], np.ascontiguousarray(Y[:, rows].swapaxes(0, 1)), w[0, 0][rows][:, None, :])


class Streams:
    """Random numbers for each member k: those of one seed from the place 2⁶⁴ k on, so that no two of them meet.

    What a member draws does not depend on how many members there are.
    """

    def __init__(self, members: Sequence[int]) -> None:
        self.members = members
        self.sources = [np.random.PCG64(0) for _ in members]
        self.generators = [np.random.Generator(source) for source in self.sources]

    def restart(self, seeds: Sequence[int]) -> None:
        """Go to the beginning of each member's numbers; those of member 0 are default_rng(seeds)."""
        origin = np.random.PCG64(seeds).state
        for k, source in zip(self.members, self.sources, strict=True):
            source.state = origin
            source.advance(k << 64)


def shuffled(n: int, m: int, rows: Sequence[Rows], streams: Streams) -> Rows:
    """The order of one epoch of n examples: (n,) for all members, or (M, n) where each has rows of its own.

    A member with more rows than n leaves out some at random, others in each epoch, so that all take equal steps.
    A full batch needs no order.
    """
    if not rows:
        return streams.generators[0].permutation(n) if m < n else np.arange(n)
    drawn = np.array([rng.permutation(own)[:n] for own, rng in zip(rows, streams.generators, strict=True)])
    return drawn if m < n else np.sort(drawn)


def minibatches(examples: Examples, m: int, mean: bool, order: Rows, done: int = 0) -> Iterator[Examples]:
    """The rows in the order given, m at a time (the last batch may be smaller), with the weights s of losses.py.

    The order is (n,) or, with rows of its own for each member, (M, n), and w is then (1, 1, n). A full batch of all
    rows is the data themselves, without a copy. The arrays are overwritten as the next ones are asked for. The first
    `done` batches are left out; the others lie in memory as if they had not been, since where an array lies may change
    the order of a sum, and with it the last bit.
    """
    X, Y, w = examples
    *lead, n = order.shape
    if m == len(X) and not lead:
        yield Examples(X, Y, w / m if mean else w)
        return
    width = X.itemsize * X.shape[1] * math.prod(lead)
    block = min(max(1, GATHER // width // m) * m, n)
    xs = np.empty((*lead, block, X.shape[1]), X.dtype)
    ys = np.empty((len(Y), *lead, block), Y.dtype)
    ws = np.empty((*(lead or w.shape[:1]), 1, block), w.dtype)
    for start in range(0, n, block):
        if start + block <= done * m:
            continue
        index = order[..., start : start + block]
        size = index.shape[-1]
        if size < block:
            xs, ys, ws = xs[..., :size, :], ys[..., :size], ws[..., :size]
        # mode clip: the indices are in range, and NumPy then writes without a buffer in between
        X.take(index, 0, xs, "clip")
        Y.take(index, 1, ys, "clip")
        if lead:
            w[0, 0].take(index, 0, ws[:, 0], "clip")
        else:
            w.take(index, 2, ws, "clip")
        if mean:
            np.divide(ws, m, ws)
        y = ys.swapaxes(0, 1) if lead else ys
        for first in range(max(0, done * m - start), size - size % m, m):
            end = first + m
            yield Examples(xs[..., first:end, :], y[..., first:end], ws[..., first:end])
        if size % m:
            rest = slice(size - size % m, size)
            s = ws[..., rest]
            yield Examples(xs[..., rest, :], y[..., rest], s * (m / (size % m)) if mean else s)
