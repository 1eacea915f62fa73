"""nnfit's errors as scikit-learn expects them, where a wrong argument is a ValueError; and what a user is warned of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nnfit.config.loader import OVERRIDES
from nnfit.errors import DataError, NnfitError, NnfitWarning, Place, Problem, SpecError, UsageError
from nnfit.sklearn.parameters import KEYS


class WrongData(DataError, ValueError):  # noqa: N818 (as in nnfit.errors, it says what is wrong)
    """The table is wrong."""


class WrongSpec(SpecError, ValueError):  # noqa: N818
    """The parameters, or the spec, are wrong, in themselves or for this table."""


class WrongUse(UsageError, ValueError):  # noqa: N818
    """The call is wrong."""


@contextmanager
def as_value_errors() -> Iterator[None]:
    """What is wrong with arguments is a ValueError as well; where a parameter says it, the parameter is named."""
    try:
        yield
    except NnfitError as error:
        problems = [problem._replace(place=of_parameter(problem.place)) for problem in error.problems]
        for kind in (WrongData, WrongSpec, WrongUse):
            if isinstance(error, kind.__bases__[0]):
                raise kind(*problems) from None
        raise type(error)(*problems) from None


def of_parameter(place: Place) -> Place:
    """The place of a problem that a parameter made, by its name."""
    key = place.key or ""
    if place.file != OVERRIDES:
        return place
    named = [name for name, path in KEYS.items() if key == path or key.startswith(f"{path}.")]
    if named == ["layers", "activation"]:
        named = ["activation"] if key.endswith(".activation") else ["layers"]
    return Place(key=max(named, key=lambda name: len(KEYS[name]), default=key))


# What is told of a training, always in the same words, so that Python shows each once and no search is flooded; the
# figures stand in warnings_. What else is found is told as it is, if it is not of the kinds that are NO_MATTER.
IN_SHORT = {
    "no-better-than-trivial": "the network does not beat the trivial predictor",
    "worse-than-linear": "the network is worse than the linear model on the same columns",
    "dead-units": "units are dead: they learn nothing",
    "saturated-units": "units are saturated: they hardly learn",
    "gradient-vanishes": "the gradient vanishes on its way down",
    "gradient-explodes": "the gradient explodes",
    "gradient-not-finite": "a gradient is not a finite number",
}
NO_MATTER = frozenset(
    {
        *("task", "file", "dropped-rows", "small", "read-as", "large-batch", "repeated-rows", "single-row"),
        *("constant-column", "constant-target", "unknown-category", "numbers-as-classes", "two-values"),
        *("linear-diverged", "record-cut"),
    }
)
PLAIN = "the same in every row", "no row has a value"  # why a column is left out that nobody misses


def tell(problems: Iterable[Problem], level: int) -> None:
    """A warning for each problem that a user should know, at the caller so many calls above this function's own."""
    for problem in problems:
        if problem.code in NO_MATTER or (problem.code == "left-out" and problem.message.endswith(PLAIN)):
            continue
        if problem.code in IN_SHORT:
            problem = Problem(problem.code, IN_SHORT[problem.code], "see warnings_ of the estimator")
        warnings.warn(NnfitWarning(problem), stacklevel=level)
