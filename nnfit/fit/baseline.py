"""The linear model beside the network: its output layer alone, at its optimum; and warnings from the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from nnfit.config.spec import Spec
from nnfit.core.batches import Rows
from nnfit.core.linear import minimised, strength
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import LBFGS
from nnfit.core.training import begin
from nnfit.data.encoding import layout
from nnfit.errors import Problem
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import Run
from nnfit.fit.scores import Scores, score
from nnfit.model.layout import network_of
from nnfit.model.model import Model
from nnfit.progress import phase
from nnfit.scoring.comparison import Outcome, difference


def reduced(prepared: Prepared) -> Prepared | None:
    """The same data for the output layer alone; None where there is nothing else, or nothing is wanted."""
    spec = prepared.spec
    if len(spec.network.layers) == 1 or not spec.training.baseline or not spec.training.epochs:
        return None
    spec = replace(spec, network=replace(spec.network, layers=spec.network.layers[-1:]))
    return prepared._replace(spec=spec, network=network_of(spec))


def straight(prepared: Prepared) -> Rows | None:
    """The numbers, from 0, of the inputs that are columns as they are, in which the model is linear; None for all."""
    if not any(feature.beside for feature in prepared.features):
        return None
    return layout(prepared.features, np.dtype(prepared.spec.network.dtype)).places[1:] - 1


def linear(run: Run) -> Scores | None:
    """The scores of the linear model on the rows of a run; None if there is no such, or its cost is no number.

    How the network is trained is nothing to it, penalties included: it is the least cost with the one that scikit-learn
    has by default, each member's on its own rows, without early stopping, dropout, smoothed labels or an average.
    """
    less = reduced(run.prepared)
    if less is None:
        return None
    found = minimised(less.network, less.sets["train"].examples, run.rows, straight(less))
    if not (np.isfinite(found.costs).all() and np.isfinite(found.theta).all()):
        return None
    state = begin(found.theta, less.spec.training.optimizer)
    return score(replace(run, prepared=less, state=state, best=None, cross_fitted=None))


@phase("comparing with the linear model")
def compared(prepared: Prepared, own: Scores, other: Scores | None) -> dict[str, Any]:
    """The network beside those that know less, on the rows that tell most about new ones, as the record has it.

    `trivial` and `linear` are the difference in the metric, network less the other, and its standard error over the
    rows; null where the rows do not have them.
    """
    spec, seen = prepared.spec, own.seen
    measure = measure_of(own.target.task, spec)
    w = seen.w if spec.training.weighted_metrics or measure == "loss" else None

    def to(outcome: Outcome) -> dict[str, Any] | None:
        found = difference(measure, own.target, spec.loss, seen.network, outcome, seen.truth, w)
        if found is None:
            return None
        verdict = "better" if found.better else "worse" if found.worse else "equal" if found.equal else "level"
        return {"difference": found.mean, "error": found.error, "verdict": verdict}

    return {
        "rows": seen.name,
        "metric": measure,
        "trivial": to(seen.prior),
        "linear": None if other is None else to(other.seen.network),
    }


def measure_of(task: str, spec: Spec) -> str:
    """The metric that says which of two models is better, the lower: the one nearest to what was minimised."""
    if (spec.data.weight or spec.training.class_weight) and not spec.training.weighted_metrics:
        return "loss"  # the cost counts rows by their weights, the metrics do not
    if task == "regression":
        return "mae" if spec.loss in ("mae", "huber") else "rmse"
    return "log_loss" if spec.loss in ("bce", "cross_entropy") else "brier"  # others do not ask for probabilities


def doubts(model: Model) -> Iterator[Problem]:
    """Warnings where the network is not better than those that know less, as far as the most honest rows can tell."""
    record, training, layers = model.record, model.spec.training, model.spec.network.layers
    if not training.epochs:
        return
    found = record["compared"]
    rows, metric = found["rows"], found["metric"]
    rate = "" if isinstance(training.optimizer, LBFGS) else ", another learning rate"

    def figures(name: str) -> str:
        own, other = (record[key][rows][metric] for key in ("metrics", name))
        noise = ", no more apart than by chance" if found[name]["verdict"] == "level" else ""
        return f"{metric} {own:.4g} against {other:.4g} on the {rows} rows{noise}"

    to = found["trivial"]
    if to and (to["verdict"] in ("worse", "equal") or (to["verdict"] == "level" and to["difference"] > 0)):
        message = f"the network does not beat the trivial predictor: {figures('trivial')}"
        remedy = f"other epochs{rate} or more rows may help, if these columns say anything of the target"
        if len(layers) == 1:
            remedy = f"without a hidden layer it is linear in its inputs: add one; {remedy}"
        yield Problem("no-better-than-trivial", message, remedy)
    if found["linear"] and found["linear"]["verdict"] == "worse":
        message = f"the network is worse than the linear model: {figures('linear')}, more than by chance"
        others = f"other sizes, other epochs{rate} or more rows"
        l2 = strength(network_of(model.spec)) / (record["rows"]["train"] if LOSSES[model.spec.loss].mean else 1)
        bent = ", no piecewise or periodic" if any(feature.beside for feature in model.features) else ""
        without = f"leave them out (optimizer lbfgs, batch_size full and l2 {l2:.3g}{bent} give that model)"
        remedy = f"as they are trained, the hidden layers do not help: {without}, or try {others}"
        if rows in ("out_of_fold", "out_of_bag"):
            message += ", member by member"
            remedy = f"their mean, which predicts, may be better: data.test would tell; else try {others}"
        yield Problem("worse-than-linear", message, remedy)
    if training.baseline and len(layers) > 1 and not record["linear"]:
        message = "the inputs are too large for the linear model beside the network, so there are no figures of it"
        yield Problem("linear-diverged", message, "give them a scale")
