"""nnfit's errors as scikit-learn expects them, where a wrong argument is a ValueError; and what a user is warned of."""

from __future__ import annotations

import sys
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
def as_value_errors(of_spec: bool = False) -> Iterator[None]:
    """What is wrong with arguments is a ValueError as well; what a parameter says is placed at the parameter.

    With `of_spec`, keys that no parameter overrides are those of a spec that was given.
    """
    try:
        yield
    except NnfitError as error:
        places = (None, OVERRIDES) if not of_spec else (OVERRIDES,)
        problems = dict.fromkeys(
            problem._replace(place=of_parameter(problem.place)) if problem.place.file in places else problem
            for problem in error.problems
        )
        for kind in (WrongData, WrongSpec, WrongUse):
            if isinstance(error, kind.__bases__[0]):
                raise kind(*problems) from None
        raise type(error)(*problems) from None


def of_parameter(place: Place) -> Place:
    """The place of a key, by the name of the parameter that says it, if one does."""
    key = place.key or ""
    named = [name for name, path in KEYS.items() if key == path or key.startswith((f"{path}.", f"{path}["))]
    if "activation" in named:
        named = ["activation" if key.endswith(".activation") else "layers"]
    return Place(key=max(named, key=lambda name: len(KEYS[name]), default=place.key))


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
OUT = "leave it out of X"
REMEDIES = {"tells-target": f"if it is not known when you predict, {OUT}", "identifier": OUT, "free-text": OUT}
PLAIN = "the same in every row", "no row has a value"  # why a column is left out that nobody misses
# Of a prediction; what else model_.predict warns of, some rows of any fold have.
ZEROS = "categories that no row of fit had are taken as zeros"
TAKEN_AS_ZEROS = Problem("taken-as-zeros", ZEROS, "model_.predict names them")

TOLD: set[tuple[str, str, str, int]] = set()  # codes that were told, each with a column and the line of the caller's


def tell(problems: Iterable[Problem], level: int) -> None:
    """A warning for each problem that a user should know, at the caller so many calls above this function's own."""
    for problem in problems:
        if problem.code in NO_MATTER or (problem.code == "left-out" and problem.message.endswith(PLAIN)):
            continue
        if problem.code in IN_SHORT:
            problem = Problem(problem.code, IN_SHORT[problem.code], "see warnings_ of the estimator")
        remedy = REMEDIES.get(problem.code, problem.remedy)
        warn(problem._replace(remedy=remedy, place=problem.place._replace(file=None)), level + 1)


def warn(problem: Problem, level: int) -> None:
    """A warning, of each column once for each line of the caller's where that is what filters ask for.

    Python means to do the same, and forgets at every `catch_warnings`, of which a search has one for each of its fits.
    Messages name the column first; what follows are cells and figures, others in every fold.
    """
    caller, text = sys._getframe(level - 1), str(problem)
    place = problem.code, problem.message.partition(": ")[0], caller.f_code.co_filename, caller.f_lineno
    if place in TOLD and action(text) in ("default", "module", "once"):
        return
    TOLD.add(place)
    warnings.warn(NnfitWarning(problem), stacklevel=level)


def action(text: str) -> str:
    """What the filters do with an NnfitWarning of this text, wherever it comes from."""
    for found, message, category, module, line in warnings.filters:
        if issubclass(NnfitWarning, category) and (message is None or message.match(text)) and not (module or line):
            return str(found)
    return "default"
