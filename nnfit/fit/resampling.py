"""Which training rows each member learns from: all, those drawn for it, or all but a fold of its own."""

from __future__ import annotations

import numpy as np

from nnfit.core.batches import Examples, Rows, gather
from nnfit.data.room import Empty
from nnfit.data.seeds import Purpose, generator
from nnfit.data.split import folds, strata
from nnfit.errors import DataError, Place, Problem
from nnfit.fit.prepare import Prepared
from nnfit.workers.memory import zeros
from nnfit.workers.threads import threads


def resampled(prepared: Prepared) -> tuple[tuple[Rows, ...], tuple[Rows, ...]]:
    """The training rows that each member learns from, and those it does not; nothing where all learn from all."""
    kind, M = prepared.spec.training.resample, prepared.spec.network.members
    truth, n = prepared.sets["train"].truth, prepared.sets["train"].n
    if kind == "none":
        return (), ()
    if n < M:
        message = f"{n} training rows are too few for {M} members with rows of their own"
        raise DataError(Problem("too-few-rows", message, "lower it", Place(key="network.members")))
    rng = generator(prepared.spec.split_seed, Purpose.RESAMPLE)
    everything = np.arange(n)
    if kind == "folds":
        fold = folds(strata(truth), M, rng)
        apart = [(prepared.put(everything[fold != k]), prepared.put(everything[fold == k])) for k in range(M)]
        return tuple(own for own, _ in apart), tuple(kept for _, kept in apart)
    drawn: list[Rows] = []
    while len(drawn) < M:
        own = np.sort(rng.integers(n, size=n))
        if len(np.unique(own)) < n or n == 1:  # of very few rows, chance might leave none
            drawn.append(prepared.put(own))
    return tuple(drawn), tuple(prepared.put(np.setdiff1d(everything, own)) for own in drawn)


def padded(examples: Examples, kept: tuple[Rows, ...], empty: Empty = np.empty) -> Examples:
    """The rows kept from each member, side by side; shorter lists are filled up with rows of weight 0.

    `empty` makes the array of the inputs, unless workers are to share it.
    """
    longest = max(map(len, kept))
    index = np.array([np.resize(rows, longest) for rows in kept])
    shared = threads.get() > 1 and empty is np.empty
    found = gather(examples, index, zeros if shared else empty)
    for w, rows in zip(found.w, kept, strict=True):
        w[:, len(rows) :] = 0
        if not w.sum():
            message = "the example weights are 0 in all the rows that are kept from a member"
            raise DataError(Problem("zero-weights", message, "set fewer members", Place(key="network.members")))
    return found
