"""The linear model beside the network: the same spec without hidden layers, and warnings from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnfit.fit.prepare import Prepared
from nnfit.model.model import Model, network_of

HONEST = ("out_of_fold", "out_of_bag", "validation", "test", "train")  # the rows that tell most about new ones first


def linear(prepared: Prepared) -> Prepared | None:
    """The same data and training for the output layer alone; None where there is nothing else, or nothing is wanted."""
    spec = prepared.spec
    network, training = spec["network"], spec["training"]
    if len(network["layers"]) == 1 or not training["baseline"] or not training["epochs"]:
        return None
    spec = {
        **spec,
        "network": {**network, "layers": network["layers"][-1:]},
        "training": {**training, "dropout": 0.0},
    }
    return prepared._replace(spec=spec, network=network_of(spec))


def measure_of(task: str, spec: dict[str, Any]) -> str:
    """The metric that says which of two models is better, the lower: the one nearest to what was minimised."""
    loss, training = spec["loss"], spec["training"]
    if (spec["data"]["weight"] or training["class_weight"]) and not training["weighted_metrics"]:
        return "loss"  # the cost counts rows by their weights, the metrics do not
    if task == "regression":
        return "mae" if loss in ("mae", "huber") else "rmse"
    return "log_loss" if loss in ("bce", "cross_entropy") else "brier"  # others do not ask for probabilities


def doubts(model: Model) -> Iterator[str]:
    """Warnings where the network is not better than those that know less, on the most honest rows there are."""
    record, training = model.record, model.spec["training"]
    if not training["epochs"]:
        return
    rows = next(name for name in HONEST if name in record["metrics"])
    metric = measure_of(model.target.task, model.spec)
    rate = "" if training["optimizer"]["name"] == "lbfgs" else ", another learning rate"

    def lost(to: dict[str, Any]) -> str:
        own, other = record["metrics"][rows][metric], to.get(rows, {}).get(metric)
        if own is None or other is None or own < other:
            return ""
        return f"{metric} {own:.4g} against {other:.4g} on the {rows} rows"

    if figures := lost(record["trivial"]):
        yield (
            f"the network does not beat the trivial predictor: {figures}; it has learnt nothing that holds there: "
            f"other epochs{rate} or more rows may help, if these columns say anything of the target"
        )
    if figures := lost(record["linear"]):
        yield (
            f"the network does not beat the linear model: {figures}; the hidden layers bring nothing as they are "
            f"trained: leave them out, or try other sizes, other epochs{rate} or more rows"
        )
    if training["baseline"] and len(model.spec["network"]["layers"]) > 1 and not record["linear"]:
        yield "the linear model beside the network diverged, so there are no figures of it"
