"""How good outputs are on labelled rows: their metrics, those of each member, and those of the prior alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import LOSSES, of_rows
from nnfit.core.parameter import Array
from nnfit.data.room import lay
from nnfit.data.target import Target, decide, decode, outputs
from nnfit.progress import tracked
from nnfit.scoring.intervals import bootstrap, readied, wilson
from nnfit.scoring.metrics import METRICS, Judged, Metric, OfWeights, in_two_steps, of_table, ready
from nnfit.storage.json_text import tidy
from nnfit.workers.threads import spread

Metrics = dict[str, Any]


class Ends(NamedTuple):
    """Temperature and threshold for each row: the part (n,) that it is in, and the target with those of each part."""

    part: NDArray[np.intp]
    targets: tuple[Target, ...]

    def of_rows(self, rows: NDArray[np.intp]) -> Ends:
        """Those of some of the rows."""
        return self._replace(part=self.part[rows])

    def decode(self, y_hat: Array) -> NDArray[np.float64]:
        """Outputs (K, n) in the user's terms, each row by its part's target."""
        found = decode(self.targets[0], y_hat)
        for k, target in enumerate(self.targets[1:], 1):
            found[self.part == k] = decode(target, y_hat[:, self.part == k])
        return found

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """The threshold of each row, (n,)."""
        return np.array([target.threshold for target in self.targets])[self.part]


def evaluate(
    target: Target,
    loss: str,
    y_hat: Array,
    expected: NDArray[Any],
    w: NDArray[np.float64],
    weighted: bool = False,
    ends: Ends | None = None,
) -> Metrics:
    """The metrics of outputs y_hat (M, K, n), members averaged; with several, their mean and sd beside.

    `expected` is the truth as `data.target.truth` gives it. `loss` among the metrics is the training cost of the
    averaged outputs, in the units of training, with the example weights w (n,); the others count every row once, or
    if `weighted` by the same weights. With `ends`, each row is decoded and decided by its part's target.
    """
    Y = lay(outputs(target, expected, "float64"))

    def one(outcome: Array) -> Metrics:
        prediction = lay(decode(target, outcome) if ends is None else ends.decode(outcome))
        thresholds = None if ends is None else ends.thresholds
        found = metrics(target, expected, prediction, w if weighted else None, thresholds)
        return {"loss": cost(loss, outcome, Y, w), **found}

    with np.errstate(all="ignore"):
        outcomes = [lay(averaged(y_hat)), *(y_hat if len(y_hat) > 1 else [])]
        result, *each = tracked(spread(one, outcomes), "scoring every member", len(outcomes))
        if each:
            result["members"] = over_members(each)
        found: Metrics = tidy(result)
    return found


def averaged(y_hat: Array) -> NDArray[np.float64]:
    """The mean output (K, n) of members (M, K, n)."""
    found: NDArray[np.float64] = y_hat.mean(axis=0, dtype=np.float64)
    return found


def over_members(each: list[Metrics]) -> Metrics:
    """Mean and standard deviation over the members of every metric that is a number for all of them."""
    values = {name: [member[name] for member in each] for name in each[0]}
    return {
        name: {"mean": float(np.mean(found)), "sd": float(np.std(found, ddof=1))}
        for name, found in values.items()
        if all(isinstance(value, float) for value in found)
    }


def cost(loss: str, y_hat: Array, Y: Array, w: NDArray[np.float64]) -> float:
    """The training cost C of outputs (K, n)."""
    s = w / len(w) if LOSSES[loss].mean else w
    return float(of_rows(loss, y_hat[None].astype(np.float64, copy=False), Y)[0] @ s)


def metrics(
    target: Target,
    expected: NDArray[Any],
    prediction: NDArray[np.float64],
    w: NDArray[np.float64] | None = None,
    thresholds: NDArray[np.float64] | None = None,
) -> Metrics:
    """The metrics of predictions in the user's terms (see `decode`), with w (n,) each row by its weight.

    Of several targets the means; real ones also one by one.
    """
    rows = compared(target, expected, prediction, thresholds)
    named = tracked(scores(target).items(), "computing the metrics")
    result: Metrics = {name: float(ready(metric, rows)(w)) for name, metric in named}
    if not isinstance(rows, Judged):
        if len(target.columns) > 1:
            result["per_target"] = {
                name: {
                    key: float(metric(*(part[:, [k]] for part in rows), w)) for key, metric in scores(target).items()
                }
                for k, name in enumerate(target.columns)
            }
        return result
    if target.task == "multilabel":
        each = [of_classes(own, w) for own in rows.targets]
        details: Metrics = {name: [one[name] for one in each] for name in each[0]}
    else:
        details = of_classes(rows, w)
    return result | details | {"classes": list(target.classes)}


def compared(
    target: Target,
    expected: NDArray[Any],
    prediction: NDArray[np.float64],
    thresholds: NDArray[np.float64] | None = None,
) -> Judged | tuple[NDArray[Any], ...]:
    """What a metric of METRICS takes for this target: rows of arrays, the first axis the row."""
    if target.task == "regression":
        return expected, prediction
    return Judged(expected, lay(decide(target, prediction, thresholds)), prediction)


def scores(target: Target) -> dict[str, Callable[..., Any]]:
    """The metrics for this target, by name; of several 0/1 targets each is the mean over the targets."""
    kind = METRICS["regression" if target.task == "regression" else "classification"]
    several = target.task == "multilabel"
    return {name: of_labels(metric.of) if several else metric.of for name, metric in kind.items()}


def higher(name: str) -> bool:
    """Whether more of a metric is better."""
    return row_of(name).higher


def row_of(name: str) -> Metric:
    """The row of METRICS with this name."""
    return next(table[name] for table in METRICS.values() if name in table)


def of_labels(metric: Callable[..., Any]) -> Callable[..., Any]:
    """A metric of one 0/1 target as the mean over several; not a number if it is for one of them."""

    @in_two_steps
    def average(rows: Judged) -> OfWeights:
        each = [ready(metric, own) for own in rows.targets]
        return lambda w: np.mean([one(w) for one in each], axis=0)

    return average


def of_classes(rows: Judged, w: NDArray[np.float64] | None) -> Metrics:
    """What is told class by class: precision, recall and F1 in the order of the classes, and the confusion."""
    table = rows.confusion(w)
    return {
        "per_class": {name: values.tolist() for name, values in of_table(table).items()},
        "confusion": table.tolist(),
    }


def intervals(
    target: Target,
    prediction: NDArray[np.float64],
    expected: NDArray[Any],
    w: NDArray[np.float64] | None = None,
    seed: int = 0,
    thresholds: NDArray[np.float64] | None = None,
    of: Sequence[str] | None = None,
    known: Metrics | None = None,
) -> Metrics:
    """The 95 % interval [low, high] over the rows of every metric, or of those named, of predictions (see `decode`).

    Wilson's of the accuracy, by bootstrap of the others; None where the rows do not have one. `known` are the metrics
    of these predictions, if they have been computed.
    """
    rows = compared(target, expected, prediction, thresholds)
    wanted = {name: metric for name, metric in scores(target).items() if of is None or name in of}
    with np.errstate(all="ignore"):
        if known is None:
            whole = {name: float(metric(w)) for name, metric in readied(wanted, rows).items()}
        else:
            whole = {name: math.nan if known[name] is None else known[name] for name in wanted}
        found = bootstrap(wanted, rows, np.random.default_rng(seed), w, whole=whole)
        if "accuracy" in found and target.task != "multilabel":
            each = np.ones(len(expected)) if w is None else w
            found["accuracy"] = wilson(whole["accuracy"], each)
        result: Metrics = tidy({name: list(ends) for name, ends in found.items()})
    return result


def of_prior(
    target: Target, prior: NDArray[np.float64], expected: NDArray[Any], w: NDArray[np.float64] | None = None
) -> Metrics:
    """The metrics of a predictor that knows no input: `prior` (K,), the mean output of the training rows, always.

    That is the class frequencies, and so the majority class, or the mean of a real target (scikit-learn's
    DummyClassifier with strategy prior, and DummyRegressor). In the JSON reports it is called trivial.
    """
    target = target._replace(temperature=1.0, threshold=0.5)  # those are the network's
    constant = lay(np.repeat(prior[:, None], len(expected), axis=1))
    with np.errstate(all="ignore"):
        found: Metrics = tidy(metrics(target, expected, lay(decode(target, constant)), w))
    return found
