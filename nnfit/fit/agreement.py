"""What the spec asks for against what the data turned out to be: what cannot be, and what is probably not meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnfit.config.loader import LoadedSpec, activations
from nnfit.config.schema import MONITORS
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.target import Target
from nnfit.errors import Problem, SpecError, count
from nnfit.scoring.evaluation import scores


def refuse_unfit(loaded: LoadedSpec, target: Target) -> None:
    """A SpecError for what this kind of target does not have: a threshold, a metric to watch."""
    training, document = loaded.spec.training, loaded.document
    if training.threshold != 0.5 and (len(target.classes) != 2 or len(target.columns) != 1):
        message = "a threshold is for one target of two classes; leave it out"
        raise SpecError(document.problem(("training", "threshold"), message))
    for key, asked in (
        ("calibration", training.calibration != "none"),
        ("label_smoothing", training.label_smoothing > 0),
    ):
        if asked and target.task == "regression":
            raise SpecError(
                document.problem(("training", key), f"{key} is for classes, not for real targets; leave it out")
            )
    if training.clamp and target.task != "regression":
        message = "clamp is for real targets; probabilities have their bounds; leave it out"
        raise SpecError(document.problem(("training", "clamp"), message))
    monitor = training.early_stopping.monitor if training.early_stopping else "loss"
    if monitor != "loss" and monitor not in scores(target):
        known = ", ".join(name for name in MONITORS if name in scores(target))
        message = f"{monitor} is not a metric of this target; watch loss, or {known}"
        raise SpecError(document.problem(("training", "early_stopping", "monitor"), message))


def doubts(loaded: LoadedSpec, target: Target, n: int) -> Iterator[Problem]:
    """What in the spec is legal but probably not meant."""
    spec, document = loaded.spec, loaded.document
    size = spec.training.batch_size
    if isinstance(size, int) and size > n:
        message = f"{size} is more than the {count(n, 'training row')}; each epoch is one update"
        yield document.problem(("training", "batch_size"), message)
    optimizer = spec.training.optimizer
    if optimizer.name == "sgd" and optimizer.nesterov and not optimizer.momentum:
        message = "looks ahead along the momentum, which is 0, and so changes nothing; set momentum, 0.9 for example"
        yield document.problem(("training", "optimizer", "nesterov"), message)
    bounded = max((ACTIVATIONS[group.name] for group in activations(spec)[-1]), key=lambda sigma: sigma.range.low)
    if target.task == "regression" and bounded.range.low > -np.inf:
        columns = spec.data.columns
        if any(name not in columns or columns[name].scale == "standard" for name in target.columns):
            name = target.columns[0]
            message = (
                f"its outputs lie in {bounded.range.text}, but the target is standardised and goes beyond; use linear, "
                f"or, if the target lies in that range, set data.columns: {{{name}: {{scale: none}}}}"
            )
            yield document.problem(("network", "layers", len(spec.network.layers) - 1, "activation"), message)
