"""From the parameters of a sweep to its points: every one of a grid in order, or the k-th of a random search.

Point k of a random search is drawn from a stream of its own, the generator of (seed, k): it is the same whoever draws
it, and whatever the number of points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np

from nnfit.sweeps.keys import Range, Search

Values = list[Any] | Range
Point = dict[str, Any]  # the value of each parameter
TRIES = 1000  # draws for a point that is to be kept
MOST_STEPS = 1 << 53
DIGITS = 6  # of a number that is drawn: what is finer changes no score, and is long to read


def points(
    parameters: Mapping[str, Values], search: Search, keeps: Callable[[Point], bool] = lambda point: True
) -> list[Point]:
    """All points of a sweep that are to be kept; of a random search those before the first that is not found."""
    if search.drawn:
        found: list[Point] = []
        while len(found) < (search.trials or 0) and (point := drawn(parameters, search.seed, len(found), keeps)):
            found.append(point)
        return found
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
    if not values.step:
        return 0
    distance = Decimal(repr(values.max)) - Decimal(repr(values.min))
    return 1 + int(min(distance / Decimal(repr(values.step)), Decimal(MOST_STEPS)))


def steps(values: Range) -> list[float]:
    """The numbers of a range, from the least on."""
    return [step(values, k) for k in range(steps_of(values))]


def step(values: Range, k: int) -> float:
    """Number k of a range, from 0, to the digit that its least and its step are written to."""
    value = Decimal(repr(values.min)) + k * Decimal(repr(values.step))
    return int(value) if values.type == "integer" else float(value)


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
        return step(values, int(rng.integers(steps_of(values))))
    if values.scale == "log":
        return number(values, math.exp(rng.uniform(math.log(values.min), math.log(values.max))))
    if values.type == "integer":
        return int(rng.integers(int(values.min), int(values.max) + 1))
    return number(values, rng.uniform(values.min, values.max))


def number(values: Range, value: float) -> float:
    """A value as the parameter takes it: whole, or with few digits, within the bounds."""
    value = min(max(float(f"{value:.{DIGITS}g}"), values.min), values.max)
    return round(value) if values.type == "integer" else value
