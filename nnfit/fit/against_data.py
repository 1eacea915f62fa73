"""What the spec asks for against what the data turned out to be: what cannot be, and what is probably not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnfit.config.loader import LoadedSpec
from nnfit.config.rules import sigmas
from nnfit.config.spec import Column
from nnfit.core.optimizers import SGD
from nnfit.data import suspicions
from nnfit.data.table import Table
from nnfit.data.target import Target
from nnfit.errors import Problem, SpecError
from nnfit.scoring.evaluation import scores
from nnfit.scoring.metrics import MONITORS
from nnfit.words import count, quoted, short


def refuse_unfit(loaded: LoadedSpec, target: Target) -> None:
    """A SpecError for what this kind of target does not have: a threshold, a metric to watch."""
    training, document = loaded.spec.training, loaded.document
    if training.threshold != 0.5 and (len(target.classes) != 2 or len(target.columns) != 1):
        message = "a threshold is for one target of two classes"
        raise SpecError(document.problem(("training", "threshold"), "wrong-target", message, "leave it out"))
    for key, asked in (
        ("calibration", training.calibration != "none"),
        ("label_smoothing", training.label_smoothing > 0),
    ):
        if asked and target.task == "regression":
            message = f"{key} is for classes, not for real targets"
            raise SpecError(document.problem(("training", key), "wrong-target", message, "leave it out"))
    if training.clamp and target.task != "regression":
        message = "clamp is for real targets; probabilities have their bounds"
        raise SpecError(document.problem(("training", "clamp"), "wrong-target", message, "leave it out"))
    monitor = training.early_stopping.monitor if training.early_stopping else "loss"
    if monitor != "loss" and monitor not in scores(target):
        known = ", ".join(name for name in MONITORS if name in scores(target))
        path, message = ("training", "early_stopping", "monitor"), f"{monitor} is not a metric of this target"
        raise SpecError(document.problem(path, "wrong-target", message, f"watch loss, or {known}"))


def two_valued(loaded: LoadedSpec, table: Table, target: Target) -> tuple[str, ...]:
    """The real targets with two values, as classes have, of which the spec does not say that they are numbers."""
    if target.task != "regression":
        return ()
    typed = {name for name, column in loaded.spec.data.columns.pairs if column.type}
    return tuple(name for name in free(loaded, target) if name not in typed and suspicions.two_values(table, name))


def free(loaded: LoadedSpec, target: Target) -> list[str]:
    """The real targets that are standardised, and so may go beyond any bounds."""
    columns = loaded.spec.data.columns
    return [name for name in target.columns if columns.get(name, Column()).scale in (None, "standard")]


def doubts(loaded: LoadedSpec, pairs: Sequence[str], target: Target, n: int) -> Iterator[Problem]:
    """What in the spec is legal but probably not meant, for a table of which n rows are learnt from.

    `pairs` are its real targets with two values.
    """
    spec, document = loaded.spec, loaded.document
    size = spec.training.batch_size
    if isinstance(size, int) and size > n:
        message = f"{size} is more than the {count(n, 'training row')}; each epoch is one update"
        yield document.problem(("training", "batch_size"), "large-batch", message)
    optimizer = spec.training.optimizer
    if isinstance(optimizer, SGD) and optimizer.nesterov and not optimizer.momentum:
        message = "looks ahead along the momentum, which is 0, and so changes nothing"
        remedy = "set momentum, 0.9 for example"
        yield document.problem(("training", "optimizer", "nesterov"), "no-effect", message, remedy)
    if target.task == "regression":
        yield from of_real_target(loaded, pairs, target)


def of_real_target(loaded: LoadedSpec, pairs: Sequence[str], target: Target) -> Iterator[Problem]:
    """A real target that is probably one of classes, or goes beyond what the output layer can give."""
    spec, document, standard = loaded.spec, loaded.document, free(loaded, target)
    as_classes = f"data.columns: {{{short(pairs[0])}: {{type: categorical}}}}" if pairs else ""
    ranges = [sigma.traits.range for sigma in sigmas(spec.network.layers[-1])]
    bounded = max(ranges, key=lambda range_: range_.low)
    if bounded.low > -np.inf and standard:
        output = ("network", "layers", len(spec.network.layers) - 1, "activation")
        message = f"its outputs lie in {bounded.text}, but the target is standardised and goes beyond"
        as_number = f"data.columns: {{{short(standard[0])}: {{scale: none}}}}"
        remedy = f"use linear, or, if the target lies in that range, set {as_number}"
        if pairs:
            remedy = f"the target {quoted(pairs[0])} has two values: if they are classes, set {as_classes}"
        yield document.problem(output, "bounded-output", message, remedy)
    elif pairs:
        message = f"the target {quoted(pairs[0])} has two values and is learnt as a number"
        remedy = f"if they are classes, set {as_classes}; if it is a number, type: numeric says so"
        yield document.problem(("data", "target"), "two-values", message, remedy)
