"""What a model carries to be looked at: aggregates of its training, and of the rows that it did not learn from.

These are points of curves, bins and counts, at most some 40 kB, and no row of anybody's data: a page about the model
needs no other file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfit.data.scales import Floats
from nnfit.data.target import Target
from nnfit.diagnostics.health import Health, Layer, Units
from nnfit.scoring import profile
from nnfit.scoring.profile import FAR, Profile, numbers, rounded

SIZE = 40_000  # bytes of all of it, at most
NUMBERS = 1200  # of the learning curves, about
SERIES = 30  # members whose curves are kept, at most
COLUMNS = 1000  # columns whose missing cells are kept, at most


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
            "cost": [rounded(line) for line in curves.cost],
            "validation": None if curves.validation is None else [rounded(line) for line in curves.validation],
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


def of_record(record: Mapping[str, Any], target: Target) -> Aggregates | None:
    """The aggregates that a record holds, None if it is older than they are; a ValueError for what is none."""
    value = record.get("aggregates")
    if value is None:
        return None
    try:
        names = names_of(target)
        found = Aggregates(
            text(value["rows"]),
            profile.of_json(value["profile"], names),
            {text(name): pair(ends) for name, ends in value["intervals"].items()},
            curves_of(value["curves"]),
            tuple(natural(count) for count in value["missing"]),
            health_of(value["health"]),
        )
    except (KeyError, TypeError, AttributeError, IndexError):
        raise ValueError("are not as nnfit writes them") from None
    return found


def curves_of(value: dict[str, Any]) -> Curves:
    """The learning curves."""
    epochs = tuple(natural(epoch) for epoch in value["epochs"])
    kept, members, E = tuple(natural(epoch) for epoch in value["kept"]), natural(value["members"]), len(epochs)
    lines = [value["cost"], value["cost"] if value["validation"] is None else value["validation"]]
    cost, validation = (np.array([gaps(line, E) for line in each], np.float64).reshape(len(each), E) for each in lines)
    if len(cost) > SERIES or E > NUMBERS or cost.shape != validation.shape or len(kept) > members:
        raise ValueError("the learning curves do not fit each other")
    return Curves(epochs, cost, None if value["validation"] is None else validation, kept, members)


def health_of(value: dict[str, Any]) -> Health:
    """The health of the layers."""
    layers = [
        Layer(
            natural(layer["number"]),
            tuple(
                Units(text(name), natural(total), natural(dead), natural(saturated))
                for name, total, dead, saturated in layer["units"]
            ),
            float("nan") if layer["gradient"] is None else float(numbers([layer["gradient"]], 1)[0]),
        )
        for layer in value["layers"]
    ]
    return Health(natural(value["rows"]), layers)


def gaps(line: Any, size: int) -> list[float]:
    """So many numbers, NaN for each that was not finite."""
    return [np.nan if value is None else value for value in numbers(line, size, gaps=True)]


def pair(ends: Any) -> tuple[float, float] | None:
    """An interval, or None where the rows have none."""
    if ends is None or None in ends:
        return None
    low, high = numbers(ends, 2)
    return low, high


def natural(value: Any) -> int:
    """A whole number of at least 0."""
    if type(value) is not int or not 0 <= value < FAR:
        raise ValueError("a count is not a whole number")
    return value


def text(value: Any) -> str:
    """A word."""
    if not isinstance(value, str):
        raise ValueError("a name is not text")
    return value
