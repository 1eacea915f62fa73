"""What a model carries to be looked at: aggregates of its training, and of the rows that it did not learn from.

These are points of curves, bins and counts, at most 40 kB, and no row of anybody's data: a page about the model needs
no other file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from nnfit.config.spec import Spec
from nnfit.data.scales import Floats
from nnfit.data.target import Target
from nnfit.diagnostics.health import Health, Layer, Units
from nnfit.model.layout import network_of
from nnfit.scoring import profile
from nnfit.scoring.metrics import METRICS
from nnfit.scoring.profile import COUNTED, Profile, numbers, rounded

SIZE = 40_000  # bytes of all of it, at most: nnfit/fit/aggregates.py sees to it
NUMBERS = 1200  # of the learning curves, about
SERIES = 30  # members whose curves are kept, at most
COLUMNS = 1000  # columns whose missing cells are kept, at most
# The rows that may be told of, the best first: of a part of the table those of which nothing at all was chosen.
SETS = ("out_of_fold", "out_of_bag", "test", "validation", "train")
INTERVALS = {name for table in METRICS.values() for name in table}  # that may be there
LARGEST = float(np.finfo(np.float64).max)
COST = 1e300  # beyond it a cost is as good as not finite: means of such have no number


class Curves(NamedTuple):
    """Costs (M, E) at E of the epochs, of the rows learnt from, before each update, and of those held out, or None.

    `kept` is the epoch of each member's weights, where early stopping chose one; `members` may be more than M.
    """

    epochs: tuple[int, ...]
    cost: Floats
    validation: Floats | None
    kept: tuple[int, ...]
    members: int


class Aggregates(NamedTuple):
    """The rows told of, by the name of their set, with the 95 % intervals of its metrics; and what else is kept.

    `missing` are the missing cells of each input column in the training rows.
    """

    rows: str
    profile: Profile
    intervals: Mapping[str, tuple[float, float] | None]
    curves: Curves
    missing: tuple[int, ...]
    health: Health


def names_of(target: Target) -> Sequence[str]:
    """What a profile has entries for: the targets, or the classes of one target."""
    return target.columns if target.task in ("regression", "multilabel") else target.classes


def as_json(found: Aggregates, target: Target) -> dict[str, Any]:
    """The aggregates as the record of a training holds them."""
    curves, health = found.curves, found.health
    return {
        "rows": found.rows,
        "profile": profile.as_json(found.profile, names_of(target)),
        "intervals": dict(found.intervals),
        "curves": {
            "epochs": curves.epochs,
            "cost": [rounded(near(line)) for line in curves.cost],
            "validation": None if curves.validation is None else [rounded(near(line)) for line in curves.validation],
            "kept": curves.kept,
            "members": curves.members,
        },
        "missing": found.missing,
        "health": {
            "rows": health.rows,
            "layers": [
                {"number": layer.number, "gradient": layer.gradient, "units": [list(units) for units in layer.units]}
                for layer in health.layers
            ],
        },
    }


def near(costs: Floats) -> Floats:
    """Costs with NaN for those that are as good as not finite."""
    return np.where(np.abs(costs) <= COST, costs, np.nan)


def of_record(record: Mapping[str, Any], target: Target, spec: Spec, columns: int) -> Aggregates | None:
    """The aggregates that a record holds, None if there are none; a ValueError for what the model cannot have left.

    `spec`, with all sizes, and the number of input columns are the model's.
    """
    value = record.get("aggregates")
    if value is None:
        return None
    try:
        if value["rows"] not in SETS:
            raise ValueError("there is no such set of rows")
        return Aggregates(
            value["rows"],
            profile_of(value["profile"], target),
            {name: pair(ends) for name, ends in value["intervals"].items() if name in INTERVALS},
            curves_of(value["curves"], spec),
            missing_of(value["missing"], min(COLUMNS, columns)),
            health_of(value["health"], spec),
        )
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("are not as nnfit writes them") from None


def profile_of(value: Any, target: Target) -> Profile:
    """The profile of predictions of this target: of real ones or classes, of two classes the second."""
    names = names_of(target)
    found = profile.of_json(value, names)
    shown = [names.index(name) for name in (*(c.name for c in found.classes), *(t.name for t in found.targets))]
    two = len(target.classes) == 2 and target.task != "multilabel"
    if shown != sorted(set(shown)) or (found.classes if target.task == "regression" else found.targets):
        raise ValueError("the profile is not that of this target")
    if any(bool(each.tp_at) != two for each in found.classes) or (two and shown not in ([], [1])):
        raise ValueError("the profile is not that of this target")
    return found


def missing_of(value: Any, most: int) -> tuple[int, ...]:
    """The missing cells of the columns, of some of them."""
    if len(value) > most:
        raise ValueError("there are not so many columns")
    return tuple(natural(count) for count in value)


def curves_of(value: dict[str, Any], spec: Spec) -> Curves:
    """The learning curves of a training of this spec."""
    if max(len(value["epochs"]), len(value["kept"])) > NUMBERS or value["members"] != spec.network.members:
        raise ValueError("the learning curves are not those of the spec")
    epochs, kept = (tuple(natural(epoch) for epoch in value[key]) for key in ("epochs", "kept"))
    members, E = spec.network.members, len(epochs)
    lines = [value["cost"], value["cost"] if value["validation"] is None else value["validation"]]
    if not len(lines[0]) == len(lines[1]) <= min(SERIES, members) or not lines[0] or len(kept) > members:
        raise ValueError("the learning curves do not fit each other")
    if any(a >= b for a, b in pairwise((0, *epochs))) or max((*epochs, *kept), default=0) > spec.training.epochs:
        raise ValueError("the epochs of the learning curves do not rise to those of the spec")
    cost, validation = (np.array([gaps(line, E) for line in each], np.float64).reshape(len(each), E) for each in lines)
    return Curves(epochs, cost, None if value["validation"] is None else validation, kept, members)


def health_of(value: dict[str, Any], spec: Spec) -> Health:
    """The health of the layers of a network of this spec."""
    network, layers = network_of(spec), value["layers"]
    if len(layers) != len(network.layers):
        raise ValueError("the health is not that of these layers")
    return Health(
        natural(value["rows"]),
        [
            layer_of(layer, number, [(group.sigma.name, group.size * spec.network.members) for group in groups])
            for number, (layer, groups) in enumerate(zip(layers, network.layers, strict=True), 2)
        ],
    )


def layer_of(value: dict[str, Any], number: int, groups: list[tuple[str, int]]) -> Layer:
    """The health of the layer of this number, with so many units of these activations."""
    units = tuple(
        Units(name, natural(total), natural(dead), natural(flat)) for name, total, dead, flat in value["units"]
    )
    own = natural(value["number"]) == number and [(each.activation, each.total) for each in units] == groups
    if not own or any(max(each.dead, each.saturated) > each.total for each in units):
        raise ValueError("the health is not that of these layers")
    (gradient,) = numbers([value["gradient"]], 1, 0, LARGEST, gaps=True)
    return Layer(number, units, float("nan") if gradient is None else float(gradient))


def gaps(line: Any, size: int) -> list[float]:
    """So many numbers, NaN for each that was not finite."""
    return [np.nan if value is None else value for value in numbers(line, size, -COST, COST, gaps=True)]


def pair(ends: Any) -> tuple[float, float] | None:
    """An interval, or None where the rows have none."""
    if ends is None or None in ends:
        return None
    low, high = numbers(ends, 2, -LARGEST, LARGEST)
    if low > high:
        raise ValueError("an interval ends before it begins")
    return low, high


def natural(value: Any) -> int:
    """A whole number of at least 0."""
    if type(value) is not int or not 0 <= value <= COUNTED:
        raise ValueError("a count is not a whole number")
    return value
