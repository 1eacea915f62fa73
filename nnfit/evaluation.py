"""How good a model is on labelled rows: its metrics, those of its members, and those of a trivial predictor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import LOSSES
from nnfit.core.metrics import METRICS, confusion
from nnfit.core.parameter import Array
from nnfit.data.target import Target, decide, decode, outputs

Metrics = dict[str, Any]


def evaluate(target: Target, loss: str, y_hat: Array, expected: NDArray[Any], w: NDArray[np.float64]) -> Metrics:
    """The metrics of outputs y_hat (M, K, n), members averaged; with several, their mean and sd beside.

    `expected` is the truth as `data.target.truth` gives it. `loss` among the metrics is the training cost of the
    averaged outputs, in the units of training, with the example weights w (n,).
    """
    with np.errstate(all="ignore"):
        found: Metrics = tidy(measure(target, loss, y_hat, expected, w))
    return found


def tidy(value: Any) -> Any:
    """Metrics with None in place of a number that is not finite, as JSON has none."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def measure(target: Target, loss: str, y_hat: Array, expected: NDArray[Any], w: NDArray[np.float64]) -> Metrics:
    Y = outputs(target, expected, "float64")
    average = y_hat.mean(axis=0, dtype=np.float64)
    result = {"loss": cost(loss, average, Y, w), **metrics(target, expected, decode(target, average))}
    if len(y_hat) > 1:
        each = [
            {"loss": cost(loss, member, Y, w), **metrics(target, expected, decode(target, member))} for member in y_hat
        ]
        result["members"] = {
            name: {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
            for name in result
            if isinstance(result[name], float)
            for values in [[member[name] for member in each]]
        }
    return result


def cost(loss: str, y_hat: Array, Y: Array, w: NDArray[np.float64]) -> float:
    """The training cost C of outputs (K, n)."""
    s = (w / len(w) if LOSSES[loss].mean else w)[None, None, :]
    y_hat = y_hat[None].astype(np.float64)
    return float(LOSSES[loss].cost(y_hat, Y, s, np.empty_like(y_hat))[0])


def metrics(target: Target, expected: NDArray[Any], prediction: NDArray[np.float64]) -> Metrics:
    """The metrics of predictions in the user's terms (see `decode`); of several 0/1 targets, their means."""
    if target.task == "regression":
        return {name: metric(expected, prediction) for name, metric in METRICS["regression"].items()}
    if target.task == "multilabel":
        each = [
            of_classes(column, decided, np.column_stack([1 - p, p]))
            for column, decided, p in zip(expected.T, decide(target, prediction).T, prediction.T, strict=True)
        ]
        result: Metrics = {name: average([one[name] for one in each]) for name in each[0] if name != "confusion"}
        return result | {"confusion": [one["confusion"] for one in each], "classes": list(target.classes)}
    result = of_classes(expected, decide(target, prediction), prediction)
    return result | {"classes": list(target.classes)}


def of_classes(expected: NDArray[Any], decided: NDArray[np.intp], p: NDArray[np.float64]) -> Metrics:
    result: Metrics = {}
    for name, metric in METRICS["classification"].items():
        if name != "roc_auc" or p.shape[1] == 2:
            value = metric(expected, decided, p)
            result[name] = None if math.isnan(value) else value
    return result | {"confusion": confusion(expected, decided, p.shape[1]).tolist()}


def average(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def trivial(target: Target, prior: NDArray[np.float64], expected: NDArray[Any]) -> Metrics:
    """The metrics of a predictor that knows no input: `prior` (K,), the mean output of the training rows, always.

    That is the class frequencies, and so the majority class, or the mean of a real target.
    """
    constant = np.repeat(prior[:, None], len(expected), axis=1)
    with np.errstate(all="ignore"):
        found: Metrics = tidy(metrics(target, expected, decode(target, constant)))
    return found
