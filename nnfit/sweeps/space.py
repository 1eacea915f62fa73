"""From the parameters of a sweep to its points: every one of a grid in order, or the k-th of a random search.

Point k of a random search is drawn from a stream of its own, the generator of (seed, k): it is the same whoever draws
it, and whatever the number of points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from nnfit.sweeps.keys import Range, Search

Values = list[Any] | Range
Point = dict[str, Any]  # the value of each parameter
DIGITS = 6  # of a number that is drawn: what is finer changes no score, and is long to read


def points(parameters: Mapping[str, Values], search: Search) -> list[Point]:
    """All points of a sweep, the first to the last."""
    if search.method == "random":
        return [drawn(parameters, search.seed, k) for k in range(search.trials or 0)]
    lists = [steps(values) if isinstance(values, Range) else values for values in parameters.values()]
    return [dict(zip(parameters, each, strict=True)) for each in product(*lists)]


def count(parameters: Mapping[str, Values], search: Search) -> int:
    """How many points there are, none of which is made."""
    if search.method == "random":
        return search.trials or 0
    return math.prod(steps_of(values) if isinstance(values, Range) else len(values) for values in parameters.values())


def steps_of(values: Range) -> int:
    """How many steps a range has, its end counted where a step falls on it."""
    return 1 + math.floor((values.max - values.min) / values.step * (1 + 1e-12) + 1e-9) if values.step else 0


def steps(values: Range) -> list[float]:
    """The numbers of a range, from the least on."""
    return [number(values, values.min + k * (values.step or 0)) for k in range(steps_of(values))]


def drawn(parameters: Mapping[str, Values], seed: int, k: int) -> Point:
    """Point k of a random search, counted from 0."""
    rng = np.random.default_rng([seed, k])
    return {
        name: of_range(values, rng) if isinstance(values, Range) else values[rng.integers(len(values))]
        for name, values in parameters.items()
    }


def of_range(values: Range, rng: np.random.Generator) -> float:
    """A number of a range; each whole one has the same share of a linear range."""
    if values.step:
        return number(values, values.min + float(rng.integers(steps_of(values))) * values.step)
    if values.scale == "log":
        return number(values, math.exp(rng.uniform(math.log(values.min), math.log(values.max))))
    if values.type == "integer":
        return int(rng.integers(int(values.min), int(values.max) + 1))
    return number(values, rng.uniform(values.min, values.max))


def number(values: Range, value: float) -> float:
    """A value as the parameter takes it: whole, or with few digits, within the bounds."""
    value = min(max(float(f"{value:.{DIGITS}g}"), values.min), values.max)
    return round(value) if values.type == "integer" else value
