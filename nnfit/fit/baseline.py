"""The linear model beside the network: the same spec without hidden layers, and warnings from the comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from nnfit.config.spec import Spec
from nnfit.core.optimizers import LBFGS
from nnfit.errors import Problem, TrainingError
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import epochs, start
from nnfit.fit.scores import score
from nnfit.model.layout import network_of
from nnfit.model.model import Model
from nnfit.scoring.evaluation import Metrics

HONEST = ("out_of_fold", "out_of_bag", "validation", "test", "train")  # the rows that tell most about new ones first


def reduced(prepared: Prepared) -> Prepared | None:
    """The same data and training for the output layer alone; None where there is nothing else, or nothing is wanted."""
    spec = prepared.spec
    if len(spec.network.layers) == 1 or not spec.training.baseline or not spec.training.epochs:
        return None
    network = replace(spec.network, layers=spec.network.layers[-1:])
    spec = replace(spec, network=network, training=replace(spec.training, dropout=0.0))
    return prepared._replace(spec=spec, network=network_of(spec))


def linear(prepared: Prepared, stop: Sequence[object] = ()) -> dict[str, Metrics]:
    """The metrics of the same spec without hidden layers, on every set; nothing if there is no such or it diverges.

    With anything in `stop` its training ends early, and the metrics are not to be used.
    """
    less = reduced(prepared)
    if less is None:
        return {}
    run = start(less)
    try:
        for _ in epochs(run, stop):
            pass
    except TrainingError:
        return {}
    return score(run).metrics


def measure_of(task: str, spec: Spec) -> str:
    """The metric that says which of two models is better, the lower: the one nearest to what was minimised."""
    if (spec.data.weight or spec.training.class_weight) and not spec.training.weighted_metrics:
        return "loss"  # the cost counts rows by their weights, the metrics do not
    if task == "regression":
        return "mae" if spec.loss in ("mae", "huber") else "rmse"
    return "log_loss" if spec.loss in ("bce", "cross_entropy") else "brier"  # others do not ask for probabilities


def doubts(model: Model) -> Iterator[Problem]:
    """Warnings where the network is not better than those that know less, on the most honest rows there are."""
    record, training = model.record, model.spec.training
    if not training.epochs:
        return
    rows = next(name for name in HONEST if name in record["metrics"])
    metric = measure_of(model.target.task, model.spec)
    rate = "" if isinstance(training.optimizer, LBFGS) else ", another learning rate"

    def lost(to: dict[str, Any]) -> str:
        own, other = record["metrics"][rows][metric], to.get(rows, {}).get(metric)
        if own is None or other is None or own < other:
            return ""
        return f"{metric} {own:.4g} against {other:.4g} on the {rows} rows"

    if figures := lost(record["trivial"]):
        message = f"the network does not beat the trivial predictor: {figures}"
        remedy = (
            f"it has learnt nothing that holds there: other epochs{rate} or more rows may help, "
            "if these columns say anything of the target"
        )
        yield Problem("no-better-than-trivial", message, remedy)
    if figures := lost(record["linear"]):
        message = f"the network does not beat the linear model: {figures}"
        remedy = (
            "the hidden layers bring nothing as they are trained: leave them out, or try other sizes, "
            f"other epochs{rate} or more rows"
        )
        yield Problem("no-better-than-linear", message, remedy)
    if training.baseline and len(model.spec.network.layers) > 1 and not record["linear"]:
        message = "the linear model beside the network diverged, so there are no figures of it"
        yield Problem("linear-diverged", message)
