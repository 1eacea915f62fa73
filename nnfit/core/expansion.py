"""φ(x): one number becomes several inputs beside it, which bend where it does not (the notes' transformed features).

    piecewise   A (min(1, max(0, (z − b_t) / (b_{t+1} − b_t))) − ½)    of knots b_1 < … < b_{T+1}, t = 1 … T
    periodic    A cos 2π f_k z,  A sin 2π f_k z                        of frequencies f_1 … f_K

Each step of the first runs from −A/2 up to its one knot to A/2 from the next on. The outermost go on behind the
training rows, for their own width: the first down to −1 in place of 0, the last up to 2 in place of 1. The smaller A,
the less such an input moves when a step of the optimizer moves its weight: few or noisy rows are then bent less.
Sources: Gorishniy, Rubachev and Babenko 2022, "On embeddings for numerical features in tabular deep learning", section
3.2, here beside the number and around 0; Holzmüller, Grinsztajn and Steinwart 2024 (RealMLP), section 3, of which these
are the frequencies, here fixed.

Of a table with many rows only what is expanded is kept (`Expanded`), and its rows become inputs where they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnfit.core.parameter import Array

STORED = 64 << 20  # bytes of inputs that are stored as they are: below, training is up to a sixth faster
PIECE = 1 << 15  # inputs that are made at once, so that what is between stays in cache
LINE = 16  # numbers; in matrices whose rows begin whole lines of cache apart, a column would meet itself there


class Expansion(NamedTuple):
    """What one scaled number z becomes beside itself: knots, in the precision of float32, frequencies, and A."""

    knots: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()
    amplitude: float = 1.0

    @property
    def steps(self) -> int:
        """T, the inputs of the piecewise part; none of knots that are all one."""
        return max(0, len(self.knots) - 1)

    @property
    def width(self) -> int:
        """T + 2 K inputs."""
        return self.steps + 2 * len(self.frequencies)

    def apply(self, z: Array, out: Array) -> None:
        """Write the inputs of the numbers z (n,) to out (n, T + 2 K), of the same dtype."""
        both = np.empty((len(z), 1 + self.width), z.dtype)
        Beside([Column(1, self)], z.dtype).apply(z[:, None], both)
        out[...] = both[:, 1:]

    def finite(self, z: Array) -> NDArray[np.bool_]:
        """Of which numbers z (n,) all inputs are finite: an angle may be beyond all numbers, and has no cosine."""
        if not self.frequencies:
            return np.isfinite(z)
        return np.isfinite(z * z.dtype.type(2 * np.pi * max(self.frequencies)))


class Column(NamedTuple):
    """The inputs of one column: so many that are kept, of which the first is z; its expansion; so many behind it."""

    kept: int
    beside: Expansion
    behind: int = 0


class Beside:
    """How kept inputs (n, W) become all inputs (n, N), by the columns that they are of.

    Inputs are made as rows of a matrix, those of one kind side by side, so that each step is one pass over long rows of
    numbers; `order` (N,) brings them into theirs.
    """

    def __init__(self, columns: Sequence[Column], dtype: np.dtype[Any]) -> None:
        beside = [column.beside for column in columns]
        T, K = [each.steps for each in beside], [len(each.frequencies) for each in beside]
        self.S, self.K = sum(T), sum(K)
        # Made are the kept ones, then all steps, all cosines and all sines.
        kept = np.cumsum([0, *(column.kept + column.behind for column in columns)])
        step, cosine = kept[-1] + np.cumsum([0, *T]), kept[-1] + self.S + np.cumsum([0, *K])
        order: list[int] = []
        for c, column in enumerate(columns):
            last = kept[c] + column.kept
            order += [*range(kept[c], last), *range(step[c], step[c + 1]), *range(cosine[c], cosine[c + 1])]
            order += [*range(cosine[c] + self.K, cosine[c + 1] + self.K), *range(last, kept[c + 1])]
        self.W, self.N, self.order = int(kept[-1]), len(order), np.array(order, np.intp)
        self.places = np.flatnonzero(self.order < self.W)  # (W,): where the kept ones stand among all
        # Of which number each step and each angle is, and with what it is made.
        self.of_steps, self.of_angles = np.repeat(kept[:-1], T), np.repeat(kept[:-1], K)
        knots = [np.array(each.knots[: each.steps + 1]) for each in beside]
        self.low = upright([each[:-1] for each in knots], dtype)
        self.width = upright([np.diff(each) for each in knots], dtype)
        self.lowest = upright([np.where(np.arange(steps) == 0, -1, 0) for steps in T], dtype)
        self.highest = upright([np.where(np.arange(steps) == steps - 1, 2, 1) for steps in T], dtype)
        self.turns = upright([2 * np.pi * np.array(each.frequencies) for each in beside], dtype)
        A = [each.amplitude for each in beside]
        self.A = upright([np.repeat(A, times) for times in (T, K, K)], dtype)
        self.scaled = bool((self.A != 1).any())

    def apply(self, kept: Array, out: Array) -> None:
        """Write the inputs of rows (…, W) to out (…, N), of the same dtype."""
        if kept.ndim > 2:
            for own, into in zip(kept, out, strict=True):
                self.apply(own, into)
            return
        W, S, K, half = self.W, self.S, self.K, kept.dtype.type(0.5)
        most = min(apart(PIECE // self.N), apart(len(kept)))
        made, brought = np.empty((2, self.N, most), kept.dtype)
        numbers, step = made[:W], made[W : W + S]
        cosine, sine = made[W + S : W + S + K], made[W + S + K :]
        made[...] = 0  # the last piece may have fewer rows
        with np.errstate(over="ignore"):
            for start in range(0, len(kept), most):
                part = kept[start : start + most]
                numbers[:, : len(part)] = part.T
                if S:
                    numbers.take(self.of_steps, 0, step, "clip")
                    np.subtract(step, self.low, step)
                    np.divide(step, self.width, step)
                    np.maximum(step, self.lowest, out=step)
                    np.minimum(step, self.highest, out=step)
                    np.subtract(step, half, step)
                if K:
                    numbers.take(self.of_angles, 0, sine, "clip")
                    np.multiply(sine, self.turns, sine)
                    np.cos(sine, cosine)
                    np.sin(sine, sine)
                if self.scaled:
                    np.multiply(made[W:], self.A, made[W:])
                made.take(self.order, 0, brought, "clip")
                out[start : start + most] = brought[:, : len(part)].T


class Expanded:
    """A table of rows (…, n, N₁ + 1) of which the inputs (…, n, W) are kept that others are made of.

    It is read as an array is: rows of it, all of its columns, are an array.
    """

    def __init__(self, kept: Array, beside: Beside) -> None:
        self.kept, self.beside = kept, beside

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the array."""
        return (*self.kept.shape[:-1], self.beside.N)

    @property
    def ndim(self) -> int:
        """As of the array."""
        return self.kept.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of the array."""
        return self.kept.dtype

    def __len__(self) -> int:
        """As of the array."""
        return len(self.kept)

    def __getitem__(self, rows: Any) -> Array:
        """Some rows: a slice, numbers or a mask, or in a table of several members (…, rows, :)."""
        return self.made(self.kept[rows])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        """All rows."""
        return self[...].astype(self.dtype if dtype is None else dtype, copy=False)

    def made(self, kept: Array, out: Array | None = None) -> Array:
        """The inputs of rows of which these are kept."""
        if out is None:
            out = np.empty((*kept.shape[:-1], self.beside.N), self.dtype)
        self.beside.apply(kept, out)
        return out

    def take(self, rows: NDArray[np.intp], axis: int, out: Array, mode: str) -> Array:
        """Write these rows, of any shape, to out, as `take` of an array along its rows does."""
        return self.made(self.kept.take(rows, 0), out)

    def of(self, members: slice) -> Expanded:
        """What some of the members have of their own."""
        return Expanded(self.kept[members], self.beside)


Encoded: TypeAlias = "Array | Expanded"


def stored(n: int, inputs: int, itemsize: int) -> bool:
    """Whether a table of so many rows is to have all of its inputs in memory; else they are made as they are read."""
    return n * (inputs + 1) * itemsize <= STORED


def columns(X: Encoded, rows: slice, places: NDArray[np.intp]) -> Array:
    """Some columns of some rows, which are not all made for it where all that is asked for is kept."""
    if not isinstance(X, Expanded):
        return X[rows].take(places, axis=1)
    kept = np.searchsorted(X.beside.places, places)
    there = np.array_equal(X.beside.places.take(kept, mode="clip"), places)
    return X.kept[rows].take(kept, axis=1) if there else X[rows].take(places, axis=1)


def means(X: Encoded) -> NDArray[np.float64]:
    """The mean of every input, (N₁,), in the order of an array's sum: row after row."""
    if not isinstance(X, Expanded):
        return np.asarray(X[:, 1:].mean(axis=0, dtype=np.float64))
    total, rows = np.zeros(X.shape[1]), max(1, PIECE // X.shape[1])
    for start in range(0, len(X), rows):
        total = np.concatenate([total[None], X[start : start + rows]]).sum(axis=0)
    return total[1:] / len(X)


def apart(n: int) -> int:
    """The next length of n or more for the rows of a matrix that is read by columns: half a line beyond whole ones."""
    return n + (LINE // 2 - n) % LINE


def upright(parts: Sequence[NDArray[np.floating | np.integer]], dtype: np.dtype[Any]) -> Array:
    """All numbers of some lists below each other, (…, 1)."""
    return np.concatenate(parts).astype(dtype)[:, None]


def frequencies(count: int, spread: float) -> tuple[float, ...]:
    """So many frequencies, in turns per unit of z: the middles of equally likely parts of |N(0, spread²)|."""
    return tuple(spread * NormalDist().inv_cdf((1 + (k + 0.5) / count) / 2) for k in range(count))
