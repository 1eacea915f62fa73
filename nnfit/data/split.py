"""Drawing rows for validation and test: once, before anything is fitted, from the seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def draw(n: int, share: float, strata: NDArray[np.intp] | None, rng: np.random.Generator) -> Rows:
    """Sorted indices of round(share · n) of n rows, at least one; with strata, each in its proportion to within one.

    Systematic sampling: the rows in random order, then sorted by stratum, and every n/k-th is drawn.
    """
    order = rng.permutation(n)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    k = max(1, round(share * n))
    places = ((np.arange(k) + rng.random()) * (n / k)).astype(np.intp)
    return np.sort(order[np.minimum(places, n - 1)])
