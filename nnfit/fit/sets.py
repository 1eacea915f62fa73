"""The rows of training, validation and test, encoded, as arrays to learn from: in memory, or in files that are mapped.

Both have the same numbers in the same order. In memory column after column is encoded, so that a table and its encoding
are never whole together; on disk piece after piece of the rows, so that no whole column is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.config.spec import Spec
from nnfit.core.batches import Examples
from nnfit.core.parameter import Array
from nnfit.data import class_weights as weighting
from nnfit.data.cells import Rows
from nnfit.data.encoding import PIECE, encode, encode_into, expanded, join, never_seen, refuse_too_far
from nnfit.data.feature import Feature
from nnfit.data.room import Empty, in_memory, like, put
from nnfit.data.table import Table
from nnfit.data.target import Labels, Target, example_weights, outputs, truth, with_mean_one
from nnfit.errors import DataError, Place, Problem
from nnfit.words import quoted
from nnfit.workers.threads import threads


class Dataset(NamedTuple):
    """The rows of training, validation or test: arrays to learn from, and the truth that metrics compare with."""

    examples: Examples
    truth: NDArray[np.float64] | Labels

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.examples.X)

    @property
    def weights(self) -> NDArray[np.float64]:
        """The example weights w (n,), with mean 1."""
        w: NDArray[np.float64] = self.examples.w[0, 0].astype(np.float64)
        return np.asarray(w / w.mean())


def encoded_sets(
    spec: Spec,
    features: tuple[Feature, ...],
    target: Target,
    table: Table,
    rows: dict[str, Rows],
    n: int,
    empty: Empty = in_memory,
) -> tuple[dict[str, Dataset], list[Problem]]:
    """The sets that rows of one table make, in memory, or in room that `empty` gives. The table's columns are given up.

    All of the n rows of all tables are kept alike, so that those of one may be compared with those of another.

    A category that the training rows lack becomes zeros here, with a warning: the split is not the user's fault.
    """
    dtype = spec.network.dtype
    expected = truth(target, table)
    weights = {name: own.astype(dtype)[None, None, :] for name, own in shares(spec, target, table, expected, rows)}
    make = encoded_in_memory if empty is in_memory else encoded_on_disk
    found, unseen = make(spec, features, table, rows, empty)
    strange = [problem._replace(remedy="here they become zeros") for problem in unseen]
    sets = {}
    for name, kept in found:
        chosen = rows[name]
        X = expanded(features, kept, n, shared=several(spec))
        Y = laid_out(target, expected, chosen, dtype, empty)
        refuse_overflow(target, table, chosen, Y)
        sets[name] = Dataset(Examples(X, Y, put(weights.pop(name), empty)), put(expected[chosen], empty))
    return sets, strange


def several(spec: Spec) -> bool:
    """Whether there may be workers, who are to share the rows."""
    return spec.network.members > 1 and threads.get() > 1


Kept = Iterator[tuple[str, Array]]  # the name of each set, and what is kept of its rows, (r, 1 + kept)


def encoded_in_memory(
    spec: Spec, features: tuple[Feature, ...], table: Table, rows: dict[str, Rows], empty: Empty
) -> tuple[Kept, list[Problem]]:
    """What is kept of the rows of each set, one after the other; and the problems of categories never seen."""
    unseen: dict[str, Problem] = {}
    blocks = encode(features, table, spec.network.dtype, unseen, consume=True)
    alone, shared = len(rows) == 1, several(spec)
    return ((name, join(blocks, chosen, alone, shared)) for name, chosen in rows.items()), list(unseen.values())


def encoded_on_disk(
    spec: Spec, features: tuple[Feature, ...], table: Table, rows: dict[str, Rows], empty: Empty
) -> tuple[Kept, list[Problem]]:
    """The same in room that `empty` gives."""
    unseen = [problem for feature in features if (problem := never_seen(feature, table))]
    width = 1 + sum(feature.kept for feature in features)
    found: dict[str, Array] = {}
    beyond: dict[int, int] = {}
    for name, chosen in rows.items():
        found[name] = empty((len(chosen), width), spec.network.dtype)
        encode_into(features, table, chosen, found[name], beyond)
    if beyond:
        k = min(beyond)
        refuse_too_far(features[k], table, beyond[k], np.dtype(spec.network.dtype))
    for feature in features:
        del table.columns[feature.name]
    return iter(found.items()), unseen


def laid_out(target: Target, expected: NDArray[np.float64] | Labels, chosen: Rows, dtype: str, empty: Empty) -> Array:
    """Y (K, r), as `outputs` makes it of some rows; its order in memory is the same too, on which sums depend."""
    if empty is in_memory:
        return outputs(target, expected[chosen], dtype)
    first = outputs(target, expected[chosen[:2]], dtype)
    K, n = len(first), len(chosen)
    Y = like(first, (K, n), empty)
    for start in range(0, n, PIECE):
        Y[:, start : start + PIECE] = outputs(target, expected[chosen[start : start + PIECE]], dtype)
    return Y


def shares(
    spec: Spec, target: Target, table: Table, expected: NDArray[np.float64] | Labels, rows: dict[str, Rows]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The weight of every row of each set, with mean 1: that of its class times that in its column."""
    if spec.data.weight is None and not target.class_weights:
        yield from ((name, np.ones(len(chosen))) for name, chosen in rows.items())
        return
    w, of_class = example_weights(table, spec.data.weight), weighting.of_rows(target, expected)
    for name, chosen in rows.items():
        share = with_mean_one(w[chosen], of_class[chosen])
        if not share.any():
            message = f"the weight {quoted(str(spec.data.weight))} is 0 in all rows of {name}"
            raise DataError(Problem("zero-weights", message, "give weights that are not", Place(table.file)))
        yield name, share


def refuse_overflow(target: Target, table: Table, rows: Rows, Y: Array) -> None:
    """A DataError for a real target that the precision of the network cannot hold."""
    far = np.argwhere(~np.isfinite(Y))
    if len(far):
        k, row = far[0]
        name, place = target.columns[k], int(rows[row])
        value = table.numbers(name)[place]
        message = f"the target {quoted(name)} is {value:g}, beyond what {Y.dtype} can hold once it is scaled"
        raise DataError(table.problem("overflow", message, "correct it, or give it in another unit", name, place))
