"""How numbers are scaled: what a scale fits to the training rows, and how it applies it. One entry of SCALES each."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUANTILES = 101  # knots of the quantile scale: the minimum, 99 percentiles, the maximum


FAR = 1e150  # numbers up to this have a square


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
    return [mean * unit, (sd * unit if sd > 1e-12 * abs(mean) else 0.0) or 1.0]


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
    """(x − a) / b."""
    z: Floats = (x - fitted[0]) / fitted[1]
    return z


def clipped(x: Floats, fitted: Floats) -> Floats:
    """z / √(1 + (z/3)²) of z = (x − a) / b: within ±3, and z itself near 0."""
    z = np.clip(linear(x, fitted), -FAR, FAR)
    soft: Floats = z / np.sqrt(1 + (z / 3) ** 2)
    return soft


def normal_scores(x: Floats, knots: Floats) -> Floats:
    """Φ⁻¹ of the share of training rows below x, between the quantiles that the knots are."""
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
