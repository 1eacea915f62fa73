"""How a column of numbers becomes inputs: fill the gaps, take logarithms if asked, scale, expand (the notes' φ(x)).

A scale is one entry of SCALES: what it fits to the training rows (a fixed number of values) and how it applies them.
"""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.columns import Numeric
from nnfit.data.scales import SCALES

Floats = NDArray[np.float64]


def logarithm(x: Floats) -> Floats:
    """sign(x) log(1 + |x|), defined for all x."""
    result: Floats = np.sign(x) * np.log1p(np.abs(x))
    return result


class Fitted(NamedTuple):
    """What the training rows say of a column: its range, what stands in for a missing cell, the scale, the bins."""

    fill: float
    low: float
    high: float
    scale: tuple[float, ...]
    edges: tuple[float, ...]

    @property
    def flat(self) -> tuple[float, ...]:
        """The values one after the other, as a model file has them."""
        return (self.fill, self.low, self.high, *self.scale, *self.edges)


def size(options: Numeric) -> int:
    """How many values are fitted to a column with these options."""
    return 3 + SCALES[options.scale].size + (options.bins + 1 if options.bins else 0)


def restored(options: Numeric, flat: tuple[float, ...]) -> Fitted:
    """What was fitted, from its values; ValueError if they could not be applied."""
    fill, low, high, *rest = flat
    middle = SCALES[options.scale].size
    fitted = Fitted(fill, low, high, tuple(rest[:middle]), tuple(rest[middle:]))
    if middle == 2 and not fitted.scale[1] > 0:
        raise ValueError("a deviation is not above 0")
    return fitted


def fit(x: Floats, options: Numeric) -> Fitted:
    """What the training rows x (n,), missing cells as NaN, say of the column."""
    gaps = np.isnan(x)
    known = x[~gaps] if gaps.any() else x  # a long column is not copied for nothing
    missing = options.missing
    if not isinstance(missing, str):
        fill = float(missing)
    else:
        fill = (float(known.mean()) if missing == "mean" else middle(known)) if len(known) else 0.0
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    filled = x if known is x else np.where(gaps, fill, x)
    if options.log1p:
        filled = logarithm(filled)
    edges: list[float] = []
    if options.bins:
        edges = np.quantile(filled, np.linspace(0, 1, options.bins + 1)).tolist()
    return Fitted(fill, low, high, tuple(SCALES[options.scale].fit(filled)), tuple(edges))


def middle(x: Floats) -> float:
    """The median, also where the sum of the two values in the middle is beyond all numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(np.median(x))
        return found if isfinite(found) else float(np.median(x / 4) * 4)


def width(options: Numeric) -> int:
    """How many inputs the column becomes, the indicator aside."""
    return options.bins or options.degree


def apply(x: Floats, options: Numeric, fitted: Fitted, out: NDArray[Any]) -> None:
    """Write the inputs of the values x (n,), missing ones as NaN, to out (n, width).

    degree d: z, z², …, z^d of the scaled value z. bins T: the piecewise-linear encoding over quantile bins,
    e_t = clip((x − b_{t−1}) / (b_t − b_{t−1}), 0, 1) (Gorishniy et al. 2022, eq. 1, here clipped at both ends).
    """
    x = np.where(np.isnan(x), fitted.fill, x)
    if options.log1p:
        x = logarithm(x)
    if options.bins:
        for t, (low, high) in enumerate(pairwise(fitted.edges)):
            out[:, t] = np.clip((x - low) / (high - low), 0, 1) if high > low else x >= high
        return
    z = SCALES[options.scale].apply(x, np.array(fitted.scale))
    for power in range(1, options.degree + 1):
        out[:, power - 1] = z**power if power > 1 else z


def names(name: str, options: Numeric) -> list[str]:
    """The names of the inputs."""
    if options.bins:
        return [f"{name} bin {t}" for t in range(1, options.bins + 1)]
    return [name] + [f"{name}^{power}" for power in range(2, options.degree + 1)]
