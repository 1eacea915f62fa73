"""From the parameters of a sweep to its points: every one of a grid in order, or the k-th of a random search.

Point k of a random search is drawn from a stream of its own, the generator of (seed, k): it is the same whoever draws
it, and whatever the number of points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from nnfit.sweeps.keys import Range, Search

Values = list[Any] | Range
Point = dict[str, Any]  # the value of each parameter
TRIES = 1000  # draws for a point that is to be kept
DIGITS = 6  # of a number that is drawn: what is finer changes no score, and is long to read


def points(
    parameters: Mapping[str, Values], search: Search, keeps: Callable[[Point], bool] = lambda point: True
) -> list[Point]:
    """All points of a sweep that are to be kept, the first to the last; of a random search fewer if hardly any are."""
    if search.drawn:
        each = (drawn(parameters, search.seed, k, keeps) for k in range(search.trials or 0))
        return [point for point in each if point is not None]
    lists = [steps(values) if isinstance(values, Range) else values for values in parameters.values()]
    grid = (dict(zip(parameters, each, strict=True)) for each in product(*lists))
    return [point for point in grid if keeps(point)]


def count(parameters: Mapping[str, Values], search: Search) -> int:
    """How many points there are, none of which is made."""
    if search.drawn:
        return search.trials or 0
    return math.prod(steps_of(values) if isinstance(values, Range) else len(values) for values in parameters.values())


def steps_of(values: Range) -> int:
    """How many steps a range has, its end counted where a step falls on it."""
    return 1 + math.floor((values.max - values.min) / values.step * (1 + 1e-12) + 1e-9) if values.step else 0


def steps(values: Range) -> list[float]:
    """The numbers of a range, from the least on."""
    return [number(values, values.min + k * (values.step or 0)) for k in range(steps_of(values))]


def drawn(parameters: Mapping[str, Values], seed: int, k: int, keeps: Callable[[Point], bool]) -> Point | None:
    """Point k of a random search, counted from 0: the first of its stream that is to be kept, if there is one."""
    rng = np.random.default_rng([seed, k])
    for _ in range(TRIES):
        point = {
            name: of_range(values, rng) if isinstance(values, Range) else values[rng.integers(len(values))]
            for name, values in parameters.items()
        }
        if keeps(point):
            return point
    return None


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
