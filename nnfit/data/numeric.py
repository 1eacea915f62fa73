"""How a column of numbers becomes inputs: fill the gaps, take logarithms if asked, scale, expand (the notes' φ(x)).

A scale is one entry of SCALES: what it fits to the training rows (a fixed number of values) and how it applies them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUANTILES = 101  # knots of the quantile scale: the minimum, 99 percentiles, the maximum


class Scale(NamedTuple):
    """One row of the table: formula, what is fitted, how many values that is, and how they are applied."""

    formula: str
    fit: Callable[[Floats], list[float]]
    size: int
    apply: Callable[[Floats, Floats], Floats]


def moments(x: Floats) -> list[float]:
    """Mean and population standard deviation; 1 in place of a deviation that is 0 up to rounding."""
    unit = float(np.abs(x).max()) or 1.0  # squares of very large or small numbers would leave the range of floats
    scaled = x / unit
    mean = float(scaled.mean())
    np.subtract(scaled, mean, scaled)
    sd = float(np.sqrt(np.vecdot(scaled, scaled) / len(x)))
    return [mean * unit, sd * unit if sd > 1e-12 * abs(mean) else 1.0]


def middle(x: Floats) -> list[float]:
    """Median and a robust spread: the distance of the quartiles, else half the range, else 1 (RealMLP's scaling)."""
    low, median, high = (float(q) for q in np.quantile(x, [0.25, 0.5, 0.75]))
    spread = high - low or float(x.max() - x.min()) / 2
    return [median, spread or 1.0]


def extremes(x: Floats) -> list[float]:
    """Minimum and range; 1 in place of a range of 0."""
    low = float(x.min())
    return [low, float(x.max()) - low or 1.0]


def linear(x: Floats, fitted: Floats) -> Floats:
    z: Floats = (x - fitted[0]) / fitted[1]
    return z


def clipped(x: Floats, fitted: Floats) -> Floats:
    z = linear(x, fitted)
    soft: Floats = z / np.sqrt(1 + (z / 3) ** 2)
    return soft


def normal_scores(x: Floats, knots: Floats) -> Floats:
    p = np.clip(np.linspace(0, 1, len(knots)), 1e-3, 1 - 1e-3)
    scores = np.array([NormalDist().inv_cdf(float(q)) for q in p])
    # Among equal knots the middle score, as for ties of ranks.
    below = np.interp(x, knots, scores)
    above = -np.interp(-x, -knots[::-1], -scores[::-1])
    middle_score: Floats = (below + above) / 2
    return middle_score


SCALES: dict[str, Scale] = {
    "standard": Scale("(x − mean) / sd, population standard deviation", moments, 2, linear),
    "robust": Scale(
        "z / √(1 + (z/3)²), z = (x − median) / (q₇₅ − q₂₅) (Holzmüller et al. 2024, RealMLP)", middle, 2, clipped
    ),
    "clipped": Scale("z / √(1 + (z/3)²), z = (x − mean) / sd", moments, 2, clipped),
    "minmax": Scale("(x − min) / (max − min)", extremes, 2, linear),
    "quantile": Scale(
        "the normal score of the rank of x among the training rows",
        lambda x: np.quantile(x, np.linspace(0, 1, QUANTILES)).tolist(),
        QUANTILES,
        normal_scores,
    ),
    "none": Scale("x", lambda x: [], 0, lambda x, fitted: x),
}


def logarithm(x: Floats) -> Floats:
    """sign(x) log(1 + |x|), defined for all x."""
    result: Floats = np.sign(x) * np.log1p(np.abs(x))
    return result


def fit(x: Floats, options: dict[str, Any]) -> tuple[float, ...]:
    """What is fitted to the training rows: fill, minimum, maximum, then the scale's values, then the edges of bins."""
    gaps = np.isnan(x)
    known = x[~gaps] if gaps.any() else x  # a long column is not copied for nothing
    missing = options["missing"]
    if isinstance(missing, int | float):
        fill = float(missing)
    else:
        fill = float(known.mean() if missing == "mean" else np.median(known)) if len(known) else 0.0
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    filled = x if known is x else np.where(gaps, fill, x)
    if options["log1p"]:
        filled = logarithm(filled)
    edges: list[float] = []
    if options["bins"]:
        edges = np.quantile(filled, np.linspace(0, 1, options["bins"] + 1)).tolist()
    return (fill, low, high, *SCALES[options["scale"]].fit(filled), *edges)


def width(options: dict[str, Any]) -> int:
    """How many inputs the column becomes, the indicator aside."""
    return int(options["bins"] or options["degree"])


def apply(x: Floats, options: dict[str, Any], fitted: tuple[float, ...], out: NDArray[Any]) -> None:
    """Write the inputs of the values x (n,), missing ones as NaN, to out (n, width).

    degree d: z, z², …, z^d of the scaled value z. bins T: the piecewise-linear encoding over quantile bins,
    e_t = clip((x − b_{t−1}) / (b_t − b_{t−1}), 0, 1) (Gorishniy et al. 2022, eq. 1, here clipped at both ends).
    """
    x = np.where(np.isnan(x), fitted[0], x)
    if options["log1p"]:
        x = logarithm(x)
    values = np.array(fitted[3:])
    if options["bins"]:
        edges = values[-options["bins"] - 1 :]
        for t, (low, high) in enumerate(pairwise(edges)):
            out[:, t] = np.clip((x - low) / (high - low), 0, 1) if high > low else x >= high
        return
    scale = SCALES[options["scale"]]
    z = scale.apply(x, values[: scale.size])
    for power in range(1, options["degree"] + 1):
        out[:, power - 1] = z**power if power > 1 else z


def names(name: str, options: dict[str, Any]) -> list[str]:
    """The names of the inputs."""
    if options["bins"]:
        return [f"{name} bin {t}" for t in range(1, options["bins"] + 1)]
    return [name] + [f"{name}^{power}" for power in range(2, options["degree"] + 1)]
