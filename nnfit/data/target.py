"""The target: how its column becomes the outputs y of the network, and outputs become predictions again.

regression   real outputs, standardised by mean and population standard deviation (or not: scale none)
binary       two classes, one neuron: y = 1 for the second class, 0 for the first (−1 where σ is tanh)
multinomial  K classes, K neurons, one-hot; the prediction is the arg max
multilabel   several 0/1 columns, one neuron each
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.losses import clipped
from nnfit.core.parameter import Array
from nnfit.data.cells import Rows
from nnfit.data.rows import number
from nnfit.data.scales import FAR, Floats, moments
from nnfit.data.table import Table
from nnfit.errors import DataError, Place, Problem
from nnfit.words import count, quoted

Labels = NDArray[np.intp]


class Target(NamedTuple):
    """The columns to predict and what was fitted to them."""

    task: str
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    low: float = 0.0  # the output that stands for "not this class"
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()
    temperature: float = 1.0  # T: the probabilities are p^(1/T), normalised
    threshold: float = 0.5  # of two classes, the second is predicted from this probability on
    class_weights: tuple[float, ...] = ()  # how much a row of each class counts, if not alike
    bounds: tuple[tuple[float, float], ...] = ()  # of each real target, in its unit, if predictions are kept in them

    @property
    def outputs(self) -> int:
        """The number of output neurons it asks for."""
        return {"binary": 1, "multinomial": len(self.classes)}.get(self.task, len(self.columns))

    @property
    def neurons(self) -> tuple[str, ...]:
        """What each output neuron stands for: a class, of two the second, or a column."""
        if self.task in ("binary", "multinomial"):
            return self.classes[-self.outputs :]
        return self.columns

    @property
    def kinds(self) -> dict[str, str]:
        """How its columns are read: real values as numeric, classes as text, spelled as written."""
        return dict.fromkeys(self.columns, "numeric" if self.task == "regression" else "text")


def labelled(table: Table, names: Sequence[str], rule: str) -> tuple[Table, tuple[Problem, ...]]:
    """The rows that have all targets and, if the rule is to drop others, the warning that tells how many it dropped.

    A target whose column is not there at all is not looked for here. A DataError if no row is left.
    """
    missing = unlabelled(table, names)
    if rule != "drop" or not missing.any():
        return table, ()
    place, which = Place(table.file), " or ".join(map(quoted, names))
    if missing.all():
        raise DataError(Problem("no-target", f"the target {which} is missing in every row", place=place))
    message = f"{count(int(missing.sum()), 'row')} of {table.n:,} are left out, as the target {which} is missing there"
    return table.rows(np.flatnonzero(~missing)), (Problem("dropped-rows", message, place=place),)


def unlabelled(table: Table, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows lack a target, (n,); one whose column is not there at all is not looked for."""
    missing = np.zeros(table.n, bool)
    for name in names:
        if name in table.columns:
            missing |= table.missing(name)
    return missing


def refuse_missing(table: Table, name: str) -> None:
    """A DataError for rows whose target is missing."""
    missing = np.flatnonzero(table.missing(name))
    if len(missing):
        message = f"the target {quoted(name)} is missing in {count(len(missing), 'row')}, first here"
        remedy = f"remove {'it' if len(missing) == 1 else 'them'}, or set data.missing_target: drop"
        raise DataError(table.problem("missing-target", message, remedy, name, int(missing[0])))


def classes_of(table: Table, name: str) -> tuple[str, ...]:
    """The labels of a column, sorted: by value where all are numbers, else as text."""
    refuse_missing(table, name)
    values = {label: number(label, table.dialect.decimal) for label in table.text(name).labels}
    if None in values.values():
        return tuple(sorted(values))
    return tuple(sorted(values, key=lambda label: (values[label], label)))


def fit_regression(table: Table, rows: Rows, names: tuple[str, ...], scales: tuple[str, ...]) -> Target:
    """Mean and standard deviation of each real target over the training rows."""
    fitted = []
    for name, scale in zip(names, scales, strict=True):
        refuse_missing(table, name)
        refuse_beyond(table, name)
        fitted.append(moments(table.numbers(name)[rows]) if scale == "standard" else [0.0, 1.0])
    return Target("regression", names, mean=tuple(m for m, _ in fitted), sd=tuple(s for _, s in fitted))


def refuse_beyond(table: Table, name: str) -> None:
    """A DataError for a real target that has no square, and so neither an error nor a deviation."""
    y = table.numbers(name)
    far = np.flatnonzero(np.abs(y) > FAR)
    if len(far):
        row = int(far[0])
        message = f"the target {quoted(name)} is {y[row]:g}, and what is beyond ±{FAR:g} has no square"
        raise DataError(table.problem("overflow", message, "correct it, or give it in another unit", name, row))


def bounded(target: Target, table: Table, rows: Rows) -> Target:
    """The target whose predictions are kept in the range of the training rows."""
    columns = [table.numbers(name)[rows] for name in target.columns]
    return target._replace(bounds=tuple((float(y.min()), float(y.max())) for y in columns))


def truth(target: Target, table: Table) -> Floats | Labels:
    """What the metrics compare with: class indices (n,), 0/1 (n, K) of several targets, or real values (n, K).

    A label that the training file lacks is a DataError.
    """
    table.require(target.columns, "the target is")
    for name in target.columns:
        refuse_missing(table, name)
    if target.task == "regression":
        return np.column_stack([table.numbers(name) for name in target.columns])
    index = [labels_of(target, table, name) for name in target.columns]
    return np.column_stack(index) if target.task == "multilabel" else index[0]


def labels_of(target: Target, table: Table, name: str) -> Labels:
    """The index of each row's class."""
    text = table.text(name)
    place = {label: k for k, label in enumerate(target.classes)}
    index = np.array([place.get(label, -1) for label in table.labels(name, place)], np.intp)[text.codes]
    if (index < 0).any():
        row = int(np.argmin(index))
        label = quoted(text.labels[text.codes[row]])
        message = f"the target {quoted(name)} is {label}, a class that no training row has"
        remedy = "correct the cell, or train with rows of that class"
        raise DataError(table.problem("unknown-class", message, remedy, name, row))
    return index


def outputs(target: Target, expected: Floats | Labels, dtype: str) -> Array:
    """Y (K, n), feature-major: the outputs the network should give for the truth; ±∞ beyond what the dtype can hold."""
    if target.task == "regression":
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(((expected - np.array(target.mean)) / np.array(target.sd)).T, dtype)
    index = expected.T if target.task == "multilabel" else expected[None, :]
    if target.task == "multinomial":
        index = index == np.arange(len(target.classes))[:, None]
    return np.where(index, 1.0, target.low).astype(dtype, copy=False)


def example_weights(table: Table, name: str | None) -> Floats:
    """The weights w (n,) of the rows, as written; ones without a weight column."""
    if name is None:
        return np.ones(table.n)
    table.require([name], "the weight column is")
    w = table.numbers(name)
    bad = np.flatnonzero(~(w >= 0))
    if len(bad) or not w.any():
        message = f"the weight {quoted(name)} must be a number of at least 0 in every row, and not always 0"
        raise DataError(table.problem("wrong-weight", message, "", name, int(bad[0]) if len(bad) else 0))
    return w


def scaled(w: Floats) -> Floats:
    """Weights (n,) times a power of two, so that the largest is about 1: nothing is rounded, and no sum overflows."""
    return np.ldexp(w, -int(np.frexp(w.max(initial=0.0))[1]))


def with_mean_one(*factors: Floats) -> Floats:
    """The product of weights (n,), each at least 0 and not always 0, with mean 1; zeros where the product is always 0.

    However large or small the weights are, they count in proportion; in the usual range the bits are those of w / mean.
    """
    w = scaled(factors[0])
    for factor in factors[1:]:
        w = scaled(w * scaled(factor))
    return np.asarray(w / w.mean(), np.float64) if w.any() else w


def decode(target: Target, y_hat: Array) -> Floats:
    """Outputs (K, n) as predictions in the user's terms, float64.

    Regression: values in the target's own unit, (n, K). Classification: probabilities of the classes, (n, K), or of
    a 1 in each of several targets. Outputs that are no probabilities (mse after linear or tanh) are cut to [0, 1].
    """
    p: Floats = y_hat.T.astype(np.float64)
    if target.task == "regression":
        real: Floats = p * np.array(target.sd) + np.array(target.mean)
        return np.clip(real, *np.array(target.bounds).T) if target.bounds else real
    p -= target.low  # in place, as there may be very many rows
    p /= 1 - target.low
    np.clip(p, 0.0, 1.0, out=p)
    if target.task == "multilabel":
        return p if target.temperature == 1 else tempered(p, 1 - p, 1 / target.temperature)
    if target.task == "binary":
        p = np.column_stack([1 - p[:, 0], p[:, 0]])
    if target.temperature != 1:
        p = tempered(p, None, 1 / target.temperature)
    elif target.task == "multinomial":
        total = p.sum(axis=1, keepdims=True)
        p = np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0)
    return p


def tempered(p: Floats, other: Floats | None, beta: float) -> Floats:
    """p^β over its sum with the other probabilities: those of the row (other None), or one for each."""
    power = clipped(p) ** beta
    rest = power.sum(axis=1, keepdims=True) if other is None else power + clipped(other) ** beta
    return np.asarray(power / rest, np.float64)


def decide(target: Target, p: Floats, thresholds: Floats | None = None) -> NDArray[np.intp]:
    """The predicted class of each row: p ≥ ½ for one neuron (the notes' step with k = ½), else the arg max.

    With a threshold k of two classes, or one for each row (n,), the second class where its probability is at least k.
    """
    levels = np.float64(target.threshold) if thresholds is None else thresholds
    if np.any(levels != 0.5):
        return (p[:, 1] >= levels).astype(np.intp)
    if target.task == "multinomial":
        best: NDArray[np.intp] = p.argmax(axis=1)
        return best
    decided: NDArray[np.intp] = (p >= 0.5).astype(np.intp)
    return decided[:, 1] if target.task == "binary" else decided
