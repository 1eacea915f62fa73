"""How a column of numbers becomes inputs: fill the gaps, take logarithms if asked, scale, expand (the notes' φ(x)).

The value z, scaled, and its powers, or in their place bins; beside them what core/expansion.py makes of z.

A scale is one entry of SCALES: what it fits to the training rows (a fixed number of values) and how it applies them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Expansion, frequencies
from nnfit.data.columns import Numeric
from nnfit.data.scales import SCALES

Floats = NDArray[np.float64]

NOTHING = Expansion()  # beside a number


def logarithm(x: Floats) -> Floats:
    """sign(x) log(1 + |x|), defined for all x."""
    result: Floats = np.sign(x) * np.log1p(np.abs(x))
    return result


class Fitted(NamedTuple):
    """What the training rows say of a column: its range, what stands in for a missing cell, the scale, quantiles.

    The last are the edges of bins, and the knots of the piecewise part, all of the filled numbers (or logarithms).
    """

    fill: float
    low: float
    high: float
    scale: tuple[float, ...]
    edges: tuple[float, ...]
    knots: tuple[float, ...] = ()

    @property
    def flat(self) -> tuple[float, ...]:
        """The values one after the other, as a model file has them."""
        return (self.fill, self.low, self.high, *self.scale, *self.edges, *self.knots)


def size(options: Numeric) -> int:
    """How many values are fitted to a column with these options."""
    return 3 + SCALES[options.scale].size + sum(parts + 1 for parts in (options.bins, options.piecewise) if parts)


def restored(options: Numeric, flat: tuple[float, ...]) -> Fitted:
    """What was fitted, from its values; ValueError if they could not be applied."""
    fill, low, high, *rest = flat
    middle = SCALES[options.scale].size
    end = middle + (options.bins + 1 if options.bins else 0)
    fitted = Fitted(fill, low, high, tuple(rest[:middle]), tuple(rest[middle:end]), tuple(rest[end:]))
    if middle == 2 and not fitted.scale[1] > 0:
        raise ValueError("a deviation is not above 0")
    if options.bins and (options.piecewise or options.periodic):
        raise ValueError("bins stand in place of the value, and beside it there is more")
    if any(low > high for low, high in pairwise(fitted.knots)):
        raise ValueError("the knots do not rise")
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
    scale = tuple(SCALES[options.scale].fit(filled))
    return Fitted(fill, low, high, scale, quantiles(filled, options.bins), knots(filled, options.piecewise))


def quantiles(x: Floats, parts: int | None) -> tuple[float, ...]:
    """The ends of so many parts of equally many numbers; nothing without parts."""
    return tuple(np.quantile(x, np.linspace(0, 1, parts + 1)).tolist()) if parts else ()


def knots(x: Floats, parts: int | None) -> tuple[float, ...]:
    """The same, but of few different numbers these themselves, so that a step tells each from the next."""
    values = np.unique(x) if parts else x
    if not parts or len(values) > parts + 1:
        return quantiles(x, parts)
    return (*values.tolist(), *[float(values[-1])] * (parts + 1 - len(values)))


def middle(x: Floats) -> float:
    """The median, also where the sum of the two values in the middle is beyond all numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(np.median(x))
        return found if isfinite(found) else float(np.median(x / 4) * 4)


def expansion(options: Numeric, fitted: Fitted) -> Expansion:
    """What stands beside the value; knots that are one in float32 count once, in whatever precision is computed."""
    return expanded(options, fitted) if options.piecewise or options.periodic else NOTHING


@lru_cache(maxsize=4096)  # asked for each block of a stream
def expanded(options: Numeric, fitted: Fitted) -> Expansion:
    """What stands beside the value where there is anything."""
    knots: tuple[float, ...] = ()
    if fitted.knots:
        with np.errstate(over="ignore"):
            scaled = SCALES[options.scale].apply(np.array(fitted.knots), np.array(fitted.scale)).astype(np.float32)
        knots = tuple(np.unique(scaled[np.isfinite(scaled)]).astype(np.float64).tolist())
    waves = frequencies(options.periodic, options.frequency) if options.periodic else ()
    return Expansion(knots, waves, options.amplitude)


def apply(x: Floats, options: Numeric, fitted: Fitted, out: NDArray[Any]) -> None:
    """Write the inputs of the values x (n,), missing ones as NaN, to out (n, width), or all but their expansion.

    degree d: z, z², …, z^d of the scaled value z. bins T: the piecewise-linear encoding over quantile bins,
    e_t = clip((x − b_{t−1}) / (b_t − b_{t−1}), 0, 1) (Gorishniy et al. 2022, eq. 1, here clipped at both ends).
    Then, where out has room for it, the expansion of z as out holds it.
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
    if out.shape[1] > options.degree:
        expansion(options, fitted).apply(out[:, 0], out[:, options.degree :])


def names(name: str, options: Numeric, fitted: Fitted) -> list[str]:
    """The names of the inputs."""
    if options.bins:
        return [f"{name} bin {t}" for t in range(1, options.bins + 1)]
    beside = expansion(options, fitted)
    found = [name] + [f"{name}^{power}" for power in range(2, options.degree + 1)]
    found += [f"{name} step {t}" for t in range(1, beside.steps + 1)]
    return found + [f"{name} {wave} {k}" for wave in ("cos", "sin") for k in range(1, len(beside.frequencies) + 1)]
