"""Drawing rows for validation and test: once, before anything is fitted, from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.progress import phase

Rows = NDArray[np.intp]


@phase("drawing rows")
def draw(n: int, share: float, strata: NDArray[np.signedinteger[Any]] | None, rng: np.random.Generator) -> Rows:
    """Sorted indices of round(share · n) of n rows, at least one; with strata, each in its proportion to within one.

    Systematic sampling: the rows in random order, then sorted by stratum, and every n/k-th is drawn.
    """
    order = rng.permutation(n)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    k = max(1, round(share * n))
    places = ((np.arange(k) + rng.random()) * (n / k)).astype(np.intp)
    return np.sort(order[np.minimum(places, n - 1)])


def strata(truth: NDArray[Any]) -> NDArray[Any]:
    """What rows are to be alike in, (n,): the class, the real target, or the combination of several (n, K)."""
    return truth if truth.ndim == 1 else places(list(truth.T))


def places(columns: Sequence[NDArray[Any]]) -> NDArray[np.signedinteger[Any]]:
    """The place of each row among the different rows of some columns, in their order, the first column first, (n,).

    Column by column: a row as a whole is sorted ten times as slowly, and nothing ends that. Few places are small
    numbers, which take little memory and are sorted soon.
    """
    found = ranked(columns[0])[1]
    for column in columns[1:]:
        most, place = ranked(column)
        found = ranked(found.astype(np.intp) * most + place)[1]
    return found


def ranked(column: NDArray[Any]) -> tuple[int, NDArray[np.signedinteger[Any]]]:
    """How many different values a column has, and the place of each row's among them, (n,)."""
    counts = column.dtype.kind == "i" and len(column) and column.min() >= 0 and column.max() < len(column)
    if counts:
        there = np.bincount(column) > 0
        K, of = int(there.sum()), np.cumsum(there) - 1
        return K, of.astype(np.min_scalar_type(-max(K, 1)))[column]
    values, place = np.unique(column, return_inverse=True)
    return len(values), place.astype(np.min_scalar_type(-max(len(values), 1)))


@phase("drawing folds")
def folds(order: NDArray[Any], M: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The fold of each row, 0 … M − 1, (n,): sizes differ by at most one, and the folds are alike in `order`.

    `order` (n,) is the class of each row, or its real target. Rows are sorted by it, ties at random, and every M in a
    row go to the M folds, in random order.
    """
    n = len(order)
    ranked = np.lexsort((rng.random(n), order))
    fold = np.empty(n, np.intp)
    for start in range(0, n, M):
        rows = ranked[start : start + M]
        fold[rows] = rng.permutation(M)[: len(rows)]
    return fold
