"""What the keys of a spec say against each other, beside what the schema says of each: problems at their paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnfit.config.document import Path
from nnfit.config.spec import Layer, Spec
from nnfit.core.activations import ACTIVATIONS, Activation, Step
from nnfit.core.averaging import NoAverage
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group
from nnfit.core.optimizers import LBFGS
from nnfit.core.schedules import Constant, Plateau
from nnfit.data.dates import fault
from nnfit.data.dialect import faults
from nnfit.errors import Problem

FLOAT32 = float(np.finfo(np.float32).max)
HOLD_OUT = "set data.validation, or training.resample: folds"

Found = Iterator[tuple[Path, Problem]]


def sigmas(layer: Layer) -> tuple[Activation, ...]:
    """The activations of a layer: one, or several if it is mixed."""
    if isinstance(layer.activation, tuple):
        return tuple(group.sigma for group in layer.activation)
    return (layer.activation,)


def groups(layer: Layer) -> tuple[Group, ...]:
    """The groups of neurons of a layer whose size is known."""
    if isinstance(layer.activation, tuple):
        return layer.activation
    return (Group(int(layer.size), layer.activation),)


def contradictions(spec: Spec) -> Found:
    """All that the keys say against each other."""
    yield from of_tables(spec)
    yield from of_columns(spec)
    yield from of_training(spec)
    yield from of_dtype(spec)
    yield from misfits(spec)


def of_columns(spec: Spec) -> Found:
    """What of the way in which a column writes numbers and dates cannot be."""
    for name, column in spec.data.columns.items():
        at = ("data", "columns", name)
        spelling = column.spelling(spec.data.decimal)
        if spelling is not None:
            for key, message in spelling.faults():
                remedy = 'set decimal: "," beside it' if key == "thousands" and spelling.decimal == "." else ""
                yield (*at, key), Problem("wrong-spelling", message, remedy)
        wrong = column.format and fault(column.format)
        if wrong:
            yield (*at, "format"), Problem("wrong-format", wrong, "write 31.12.2024 as %d.%m.%Y")


def of_tables(spec: Spec) -> Found:
    """What tables cannot be written with."""
    data = spec.data
    for key, problem in faults(data.separator_of_training, data.decimal, data.encoding):
        yield ("data", key), problem


def of_training(spec: Spec) -> Found:
    """What the keys of the training ask of each other, and of the rows."""
    training = spec.training
    shares = [share for share in (spec.data.validation, spec.data.test) if isinstance(share, float)]
    if sum(shares) >= 1:
        yield ("data", "test"), Problem("no-rows-left", "validation and test together leave no rows to train on")
    if training.resample != "none" and spec.network.members < 2:
        message = f"{training.resample} needs several members, each with rows of its own"
        yield ("training", "resample"), Problem("needs-members", message, "set network.members: 8")
    held_out = training.resample != "none" or spec.data.validation is not None
    for key, wanted in (
        ("early_stopping", training.early_stopping),
        ("calibration", training.calibration != "none"),
        ("threshold", not isinstance(training.threshold, float)),
    ):
        if wanted and not held_out:
            message = "needs rows that are not learnt from"
            yield ("training", key), Problem("needs-held-out-rows", message, HOLD_OUT)
    if isinstance(training.schedule, Plateau) and not held_out:
        message = "plateau follows the validation cost"
        yield ("training", "schedule"), Problem("needs-held-out-rows", message, HOLD_OUT)
    if isinstance(training.optimizer, LBFGS):
        yield from against_lbfgs(spec)


def of_dtype(spec: Spec) -> Found:
    """Numbers that θ is computed with, and that its precision cannot hold: they would be infinite, without a word."""
    if spec.network.dtype == "float64":
        return
    network, training = spec.network, spec.training
    parts: list[tuple[Path, Any]] = [
        (("network", "initialization"), network.initialization),
        (("network", "initialization", "weights"), network.initialization.weights),
        (("training",), training),
        (("training", "optimizer"), training.optimizer),
    ]
    for i, layer in enumerate(network.layers):
        at: Path = ("network", "layers", i, "activation")
        mixed = isinstance(layer.activation, tuple)
        parts += [((*at, j) if mixed else at, sigma) for j, sigma in enumerate(sigmas(layer))]
    for path, part in parts:
        for name, value in vars(part).items():
            if isinstance(value, float) and abs(value) > FLOAT32:
                message = f"{value:g} is beyond what float32 can hold, {FLOAT32:.1e}"
                yield (*path, name), Problem("overflow", message, "set a smaller number, or network.dtype: float64")


def against_lbfgs(spec: Spec) -> Found:
    """What L-BFGS has no place for."""
    training = spec.training
    steady = isinstance(training.schedule, Constant) and not training.schedule.warmup
    for key, fits, remedy in (
        ("batch_size", training.batch_size == "full", "set batch_size: full"),
        ("schedule", steady, "leave out schedule"),
        ("dropout", not training.dropout, "leave out dropout, which changes the cost at every step"),
        ("l1", not training.l1, "leave out l1, which has no gradient at 0, or use l2"),
        ("clip_norm", training.clip_norm is None, "leave out clip_norm"),
        ("clip_value", training.clip_value is None, "leave out clip_value"),
        ("average", isinstance(training.average, NoAverage), "leave out average"),
    ):
        if not fits:
            yield ("training", key), Problem("lbfgs", "lbfgs takes whole steps on all rows", remedy)


def misfits(spec: Spec) -> Found:
    """What of the layers does not fit itself, its neighbours, or the loss."""
    layers = spec.network.layers
    for i, layer in enumerate(layers):
        yield from in_layer(spec, layer, ("network", "layers", i), output=i == len(layers) - 1)


def in_layer(spec: Spec, layer: Layer, at: Path, output: bool) -> Found:
    """What of one layer does not fit."""
    if layer.size == "auto" and not output:
        yield (*at, "size"), Problem("layer-size", "auto is for the output layer", "give a hidden layer its size")
    mixed = isinstance(layer.activation, tuple)
    if isinstance(layer.activation, tuple):
        total = sum(group.size for group in layer.activation)
        if layer.size != total:
            message = f"its activations have {total} neurons together, but the layer has {layer.size}"
            yield (*at, "size"), Problem("layer-size", message)
    for j, sigma in enumerate(sigmas(layer)):
        where = (*at, "activation", j) if mixed else (*at, "activation")
        if sigma.traits.whole_layer and mixed:
            message = f"{sigma.name} couples all neurons of a layer"
            yield where, Problem("whole-layer", message, "give it a layer of its own")
        if sigma.traits.whole_layer and layer.size == 1:
            message, remedy = f"{sigma.name} with one neuron is always 1", "use logistic, or as many neurons as classes"
            yield where, Problem("one-neuron", message, remedy)
        if isinstance(sigma, Step) and sigma.gradient == "none" and spec.training.epochs:
            message = "the derivative of step is 0 wherever it exists, so the weights below it cannot learn"
            other = "logistic, whose prediction is the decision p ≥ ½" if output else "another activation"
            yield (
                where,
                Problem("no-gradient", message, f"use {{name: step, gradient: straight_through}}, or {other}"),
            )
        loss, produced = LOSSES[spec.loss], sigma.traits.range
        if output and not produced.within(loss.accepts):
            legal = " or ".join(name for name, each in ACTIVATIONS.items() if each.traits.range.within(loss.accepts))
            message = f"{spec.loss} cannot follow {sigma.name}, whose outputs lie in {produced.text}: {loss.reason}"
            yield where, Problem("loss-activation", message, f"use {legal} in the output layer, or another loss")
