"""φ(x): one number becomes several inputs beside it, which bend where it does not (the notes' transformed features).

    piecewise   A (min(1, max(0, (z − b_t) / (b_{t+1} − b_t))) − ½)    of knots b_1 < … < b_{T+1}, t = 1 … T
    periodic    A cos 2π f_k z,  A sin 2π f_k z                        of frequencies f_1 … f_K

Each step of the first runs from −A/2 up to its one knot to A/2 from the next on. The outermost go on behind the
training rows, for their own width: the first down to −1 in place of 0, the last up to 2 in place of 1. The smaller A,
the less such an input moves when a step of the optimizer moves its weight: few or noisy rows are then bent less.
Sources: Gorishniy, Rubachev and Babenko 2022, "On embeddings for numerical features in tabular deep learning", section
3.2, here beside the number and around 0; Holzmüller, Grinsztajn and Steinwart 2024 (RealMLP), section 3, of which these
are the frequencies, here fixed.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from nnfit.core.parameter import Array

PIECE = 1 << 13  # numbers that are expanded at once, so that what is between stays in cache


class Expansion(NamedTuple):
    """What one scaled number z becomes beside itself: knots, in the precision of float32, frequencies, and A."""

    knots: tuple[float, ...]
    frequencies: tuple[float, ...]
    amplitude: float

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
        dtype, T, K = z.dtype, self.steps, len(self.frequencies)
        knots = np.array(self.knots)
        low, width = knots[:T].astype(dtype), np.diff(knots).astype(dtype)
        turns = (2 * np.pi * np.array(self.frequencies)).astype(dtype)
        lowest, highest = np.zeros(T, dtype), np.ones(T, dtype)
        lowest[:1], highest[-1:] = -1, 2
        A = dtype.type(self.amplitude)
        for start in range(0, len(z), PIECE):
            own, into = z[start : start + PIECE, None], out[start : start + PIECE]
            if T:
                step = into[:, :T]
                np.subtract(own, low, step)
                np.divide(step, width, step)
                np.maximum(step, lowest, out=step)
                np.minimum(step, highest, out=step)
                np.subtract(step, dtype.type(0.5), step)
            if K:
                angle = own * turns
                np.cos(angle, into[:, T : T + K])
                np.sin(angle, into[:, T + K :])
            np.multiply(into, A, into)


def frequencies(count: int, spread: float) -> tuple[float, ...]:
    """So many frequencies, in turns per unit of z: the middles of equally likely parts of |N(0, spread²)|."""
    return tuple(spread * NormalDist().inv_cdf((1 + (k + 0.5) / count) / 2) for k in range(count))
