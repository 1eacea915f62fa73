"""What would do about what the core and the diagnostics found: they say what happened, here it meets the spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nnfit.config.document import Document, parts
from nnfit.core.optimizers import LBFGS, Optimizer
from nnfit.core.training import Diverged
from nnfit.diagnostics.health import (
    DeadUnits,
    Finding,
    GradientExplodes,
    GradientNotFinite,
    GradientVanishes,
    SaturatedUnits,
)
from nnfit.errors import NnfitError, Problem, TrainingError
from nnfit.words import of_layer

SCALED = "network.initialization: {weights: auto, bias: 1}, or scale: standard for the columns and the target"
EXTREME = "for extreme values in columns with scale: none"


def diverged(error: Diverged, optimizer: Optimizer) -> TrainingError:
    """The error of a training that left the finite numbers. L-BFGS has no learning rate to make smaller."""
    where = "the cost is not finite"
    if error.layer is not None:
        where = f"{of_layer('Θ', error.layer)} holds values that are not finite"
    look = "look" if isinstance(optimizer, LBFGS) else "try a smaller training.optimizer.learning_rate, or look"
    return TrainingError(Problem("diverged", f"training diverged in epoch {error.epoch}: {where}", f"{look} {EXTREME}"))


@contextmanager
def at_its_key(document: Document) -> Iterator[None]:
    """Errors of what knows no spec: one that names a key alone is placed where the spec says that key."""
    try:
        yield
    except NnfitError as error:
        found = [
            problem._replace(place=document.place(tuple(parts(problem.place.key, ""))))
            if problem.place.key and not problem.place.file
            else problem
            for problem in error.problems
        ]
        raise type(error)(*found) from None


def placed(document: Document, findings: Iterable[Finding], trained_by: Optimizer | None = None) -> Iterator[Problem]:
    """What was found of layers, before training or after, as warnings at the place of the layer in the spec."""
    for finding in findings:
        place = document.place(("network", "layers", finding.layer - 2))
        yield of_finding(finding, trained_by)._replace(place=place)


def of_finding(finding: Finding, trained_by: Optimizer | None) -> Problem:
    """What was found of a layer, by its number, and what to try."""
    problem = worded(finding, trained_by)
    return problem._replace(message=f"layer {finding.layer}: {problem.message}")


def worded(finding: Finding, trained_by: Optimizer | None) -> Problem:
    """What was found, and what to try."""
    match finding:
        case DeadUnits(_, units, rows) | SaturatedUnits(_, units, rows):
            dead = isinstance(finding, DeadUnits)
            number, kind = (units.dead, "dead") if dead else (units.saturated, "saturated")
            what = "they are on their flat side, and learn nothing"
            if not dead:
                what = "their output is next to an end of its range, and they hardly learn"
            of = f"of {units.total:,} {units.activation} units"
            message = f"{number:,} {of} are {kind}: on all {rows:,} rows looked at {what}"
            stepped = trained_by is not None and not isinstance(trained_by, LBFGS)  # by steps that could be smaller
            remedy = "a smaller training.optimizer.learning_rate" if stepped else SCALED
            other = ", or leaky_relu" * (dead and units.activation == "relu")
            return Problem(f"{kind}-units", message, f"try {remedy}{other}")
        case GradientNotFinite():
            remedy = f"look {EXTREME}, or try {SCALED}"
            return Problem("gradient-not-finite", "its gradient is not a finite number", remedy)
        case GradientVanishes(_, share):
            text = f"its RMS is {share:.0e} times that of the output layer" if share else "it is 0"
            remedy = (
                "network.initialization: {weights: auto, bias: 1}, relu in place of logistic or tanh, or fewer layers"
            )
            return Problem("gradient-vanishes", f"the gradient vanishes: {text}", f"try {remedy}")
        case GradientExplodes(_, rms, times):
            text = f"{rms:.0e}" if times is None else f"{times:.0e} times that of the output layer"
            return Problem("gradient-explodes", f"the gradient explodes: its RMS is {text}", f"try {SCALED}")
