"""Values of a sweep that its data or the memory of this machine refuse, found before any trial is begun.

Each value of a list, and both ends of a range, is tried with the others as in a trial that can be trained: whatever
that needs is computed, but no weight is made. Where such a point is not in the sweep, the first that has the value is
tried.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfit.config.document import Document
from nnfit.config.loader import LoadedSpec, validate
from nnfit.config.spec import Spec
from nnfit.errors import NnfitError, Problem, SpecError
from nnfit.fit.against_data import refuse_unfit
from nnfit.fit.ends import resolve
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.resources import refuse_beyond
from nnfit.sweeps.keys import Range
from nnfit.sweeps.reading import Placed, Sweep, ends, placed
from nnfit.sweeps.running import tables
from nnfit.sweeps.space import Point
from nnfit.sweeps.trials import with_values
from nnfit.sweeps.within import alike

MOST = 50  # values of a list that are tried, evenly from all


class Untrainable(NamedTuple):
    """What refuses a value, and the number of a trial that will fail for it; None of the end of a range."""

    problem: Problem
    trial: int | None


def untrainable(sweep: Sweep, point: Point, prepared: Prepared) -> Iterator[Untrainable]:
    """The values that cannot be trained; `prepared` are the data of a point that can."""
    numbers: dict[str, int] = {}
    for k, each in enumerate(sweep.points, 1):
        numbers.setdefault(alike(each), k)
    spec, told = spec_at(sweep, point).spec, set()
    for key, values in sweep.parameters.items():
        for value in tried(key, values):
            changed = point | {key: value.value}
            number = numbers.get(alike(changed))
            if number is None and isinstance(values, list):
                like = alike(value.value)
                number = next((k for k, each in enumerate(sweep.points, 1) if alike(each[key]) == like), None)
                if number is None:  # which `where` leaves out, or no trial has drawn
                    continue
                changed = sweep.points[number - 1]
            places = {name: Placed(("parameters", name), own) for name, own in changed.items()} | {key: value}
            for problem in refused(sweep, changed, spec, prepared):
                problem = placed(sweep.document, problem, places, key)
                if problem not in told:
                    told.add(problem)
                    yield Untrainable(problem, number)


def tried(key: str, values: list[Any] | Range) -> list[Placed]:
    """Values of a parameter, and where each stands."""
    if isinstance(values, Range):
        return [Placed(("parameters", key, name), end) for name, end in zip(("min", "max"), ends(values), strict=False)]
    chosen = sorted({round(k) for k in np.linspace(0, len(values) - 1, min(len(values), MOST))})
    return [Placed(("parameters", key, k), values[k]) for k in chosen]


def spec_at(sweep: Sweep, point: Point) -> LoadedSpec:
    """The spec of a point, errors of which name the parameter that they are of in place of a file."""
    whole: Document = with_values(copy.deepcopy(sweep.base), point, list(point))
    return LoadedSpec(validate(whole), whole, sweep.folder)


def refused(sweep: Sweep, point: Point, known: Spec, prepared: Prepared) -> Sequence[Problem]:
    """What the data or the memory refuse a point for; what its spec is refused for is told elsewhere."""
    try:
        loaded = spec_at(sweep, point)
    except SpecError:
        return ()
    try:
        if ends_of(loaded.spec) != ends_of(known):
            prepare(loaded, read=tables.read)
            return ()
        refuse_unfit(loaded, prepared.target)
        resolved = resolve(loaded, prepared.features, prepared.target)
        rows: Mapping[str, int] = {name: each.n for name, each in prepared.sets.items()}
        refuse_beyond(loaded.document, resolved, rows, sum(feature.kept for feature in prepared.features))
    except NnfitError as error:
        return error.problems
    return ()


def ends_of(spec: Spec) -> tuple[Any, ...]:
    """What the encoding of the data and of the target follow from: where it is the same, so are they."""
    training = spec.training
    return spec.data, spec.loss, spec.network.layers[-1], training.class_weight, training.clamp, training.threshold
