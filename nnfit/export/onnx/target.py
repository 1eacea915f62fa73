"""What the network puts out as predictions: probabilities, labels as they were spelled, numbers in their own unit.

As `decode` and `decide` in data/target.py. What `predict` refuses, since a number cannot be held or is none, comes out
as NaN and as an empty label.
"""

from __future__ import annotations

import numpy as np

from nnfit.core.losses import machine_epsilon
from nnfit.data.target import Target
from nnfit.export.onnx.graph import Graph, text

EPSILON = float(machine_epsilon(np.dtype(np.float64)))


def predictions(g: Graph, target: Target, y: str, doubt: str) -> None:
    """The outputs of the graph, from ŷ (n, K) and the doubt (n, 1): 0, or NaN for a row that `predict` refuses."""
    doubt = g.add("Add", doubt, zero_or_nan(g, y))
    if target.task == "regression":
        real = g.add("Add", regression(g, target, y), doubt)
        if len(target.columns) == 1:
            g.output(g.add("Squeeze", real, np.array([1], np.int64)), "prediction", "double", ())
        else:
            g.output(real, "prediction", "double", (len(target.columns),))
        return
    p = g.add("Add", probabilities(g, target, y), doubt)
    several = target.task == "multilabel"
    labels = g.add("Gather", text(*target.classes), decided(g, target, p), axis=0)
    refused = g.missing(doubt if several else g.add("Squeeze", doubt, np.array([1], np.int64)))
    labels = g.add("Where", refused, text(""), labels)
    g.output(labels, "prediction", "string", (len(target.columns),) if several else ())
    g.output(p, "probabilities", "double", (len(target.columns) if several else len(target.classes),))


def zero_or_nan(g: Graph, tensor: str) -> str:
    """0 for rows of finite numbers, NaN for others: (n, 1) of (n, K)."""
    return g.add("ReduceSum", g.add("Mul", tensor, 0.0), np.array([1], np.int64), keepdims=1)


def regression(g: Graph, target: Target, y: str) -> str:
    """Values in the targets' own units, kept within their bounds if they have some."""
    real = g.add("Add", g.add("Mul", y, np.array([target.sd])), np.array([target.mean]))
    if target.bounds:
        low, high = np.array(target.bounds).T[:, None]
        real = g.add("Min", g.add("Max", real, low), high)
    return real


def probabilities(g: Graph, target: Target, y: str) -> str:
    """The probability of each class, or of a 1 in each of several targets, calibrated."""
    if target.low:
        y = g.add("Div", g.add("Sub", y, float(target.low)), float(1 - target.low))
    p = g.add("Min", g.add("Max", y, 0.0), 1.0)
    if target.task == "multilabel":
        return p if target.temperature == 1 else tempered(g, p, g.add("Sub", 1.0, p), 1 / target.temperature)
    if target.task == "binary":
        p = g.side_by_side([g.add("Sub", 1.0, p), p])
    if target.temperature != 1:
        return tempered(g, p, None, 1 / target.temperature)
    if target.task == "binary":
        return p
    total = summed(g, p)
    shares = g.add("Div", p, total)
    return g.add("Where", g.add("Greater", total, 0.0), shares, 1 / len(target.classes))


def tempered(g: Graph, p: str, other: str | None, beta: float) -> str:
    """p^β over its sum with the other probabilities: those of the row (other None), or one for each."""
    power = powered(g, p, beta)
    rest = summed(g, power) if other is None else g.add("Add", power, powered(g, other, beta))
    return g.add("Div", power, rest)


def powered(g: Graph, p: str, beta: float) -> str:
    """p^β, with p kept off 0 and 1 as `clipped` in core/losses.py does."""
    return g.add("Pow", g.add("Min", g.add("Max", p, EPSILON), 1 - EPSILON), beta)


def summed(g: Graph, p: str) -> str:
    """The sum of each row, (n, 1)."""
    return g.add("ReduceSum", p, np.array([1], np.int64), keepdims=1)


def decided(g: Graph, target: Target, p: str) -> str:
    """The index of the class that is predicted: (n,), or (n, targets) of several."""
    if target.task == "multinomial" and target.threshold == 0.5:
        return g.add("ArgMax", p, axis=1, keepdims=0)
    if target.task != "multilabel":
        p = g.add("Gather", p, np.array(1, np.int64), axis=1)
    return g.cast(g.add("GreaterOrEqual", p, float(target.threshold)), "int64")
