"""Buffers and products of several members side by side, in which each gets the bytes that it gets alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import overload

import numpy as np
from numpy import matmul
from numpy.typing import DTypeLike, NDArray

from nnfit.core.expansion import Encoded, Expanded
from nnfit.core.parameter import Array

NEURONS = -3  # the axis of the neurons

Number = float | NDArray[np.float64]  # of all members, or of each, (M, 1)


def of_each(values: Sequence[float]) -> Number:
    """What members have, one number of each: (M, 1) where they differ."""
    return values[0] if len(set(values)) == 1 else np.array(values, np.float64)[:, None]


def buffer(rows: int, M: int, m: int, dtype: DTypeLike, apart: bool = False) -> Array:
    """An array (rows, M, m) whose rows are contiguous over all members, or, if `apart`, each member of it is.

    BLAS multiplies a single row or column by the strides of the other matrix; only apart has a member those that it
    has alone, and with them the same bytes.
    """
    return np.empty((M, rows, m), dtype).swapaxes(0, 1) if apart or m == 1 else np.empty((rows, M, m), dtype)


def by_member(values: Array) -> Array:
    """A buffer (rows, M, m) as matrices of each member, (M, rows, m), or of the only one, (rows, m)."""
    return values.swapaxes(0, 1) if values.shape[1] > 1 else values[:, 0]


def times(A: Array) -> Callable[[Array, Array], object]:
    """(B, C) → C = A B, of each member. NumPy's `dot` takes a third of the time of its `matmul`, and one matrix."""
    return A.dot if A.ndim == 2 else partial(matmul, A)


def matrix(matrices: Array) -> Array:
    """One matrix as it is, and (M, …, …) but for the only one of these."""
    return matrices if matrices.ndim == 2 or len(matrices) > 1 else matrices[0]


def sum_of_rows(values: Array) -> Array:
    """Σ over the rows of (…, rows, M, m), one after the other: a single column NumPy would add up in another order."""
    if values.shape[-1] == 1:
        return np.add.accumulate(values, axis=NEURONS)[..., -1, :, :]
    found: Array = np.add.reduce(values, axis=NEURONS)
    return found


@overload
def of_members(values: Array, members: slice) -> Array: ...
@overload
def of_members(values: Encoded, members: slice) -> Encoded: ...
def of_members(values: Encoded, members: slice) -> Encoded:
    """What some of the members have of their own, or all in common: a matrix, or the only one."""
    if values.ndim < 3 or len(values) == 1:
        return values
    return values.of(members) if isinstance(values, Expanded) else values[members]
