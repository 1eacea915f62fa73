"""Both ends of the network: what the data are to it, the classes and the target, and the sizes that follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nnfit.config.loader import LoadedSpec
from nnfit.config.rules import sigmas
from nnfit.config.spec import Column, Named, Spec
from nnfit.core.losses import LOSSES
from nnfit.data.cells import Rows, Text
from nnfit.data.feature import Feature
from nnfit.data.spelling import KEYS
from nnfit.data.table import Table
from nnfit.data.target import Target, classes_of, fit_regression, refuse_missing
from nnfit.errors import DataError, Place, Problem, SpecError
from nnfit.words import count, quoted

MAX_CLASSES = 1000


def classify(loaded: LoadedSpec, table: Table) -> tuple[str, ...] | None:
    """The classes of the target, or None for real targets; the loss decides, and with mse or rss the column's type."""
    spec = loaded.spec
    targets = spec.data.target
    if not any(isinstance(table.columns[name], Text) for name in targets):
        return None
    if LOSSES[spec.loss].accepts.high != 1 and len(targets) > 1:
        message = f"several targets with {spec.loss} must all be numbers"
        raise SpecError(loaded.document.problem(("data", "target"), "wrong-target", message))
    if len(targets) > 1:
        for name in targets:
            refuse_missing(table, name)
            text = table.text(name)
            strange = np.isin(text.labels, ["0", "1"], invert=True)[text.codes]
            if strange.any():
                row = int(np.argmax(strange))
                got = quoted(text.labels[text.codes[row]])
                message = f"column {quoted(name)}: several targets with {spec.loss} must be 0 or 1, got {got}"
                raise DataError(table.problem("wrong-value", message, "", name, row))
        return ("0", "1")
    classes = classes_of(table, targets[0])
    if len(classes) < 2:
        message = f"the target {quoted(targets[0])} has a single class, {quoted(classes[0])}; there is nothing to learn"
        raise DataError(Problem("single-class", message, place=Place(table.file)))
    if len(classes) > MAX_CLASSES:
        message = f"the target {quoted(targets[0])} has {len(classes):,} classes"
        raise DataError(Problem("many-classes", message, "for a real target use the loss mse", Place(table.file)))
    return classes


def fit_target(loaded: LoadedSpec, table: Table, rows: Rows, classes: tuple[str, ...] | None) -> Target:
    """The target as the output layer and the loss ask for it."""
    spec = loaded.spec
    names = spec.data.target
    what, wanted = ("real", {"type", "scale", *KEYS}) if classes is None else ("class", {"type"})
    message = f"a {what} target does not take this key"
    misplaced = [
        loaded.document.problem(("data", "columns", name, key), "wrong-target", message, "remove it")
        for name in names
        for key in sorted(said(spec, name) - wanted)
    ]
    if misplaced:
        raise SpecError(*misplaced)
    if classes is None:
        scales = tuple(spec.data.columns.get(name, Column()).scale or "standard" for name in names)
        for name, scale in zip(names, scales, strict=True):
            if scale not in ("standard", "none"):
                at = ("data", "columns", name, "scale")
                message = f"a target is scaled by standard or none, not {scale}"
                raise SpecError(loaded.document.problem(at, "wrong-target", message))
        return fit_regression(table, rows, names, scales)
    last = spec.network.layers[-1]
    traits = [sigma.traits for sigma in sigmas(last)]
    low = -1.0 if all(each.range.low == -1 for each in traits) else 0.0
    if len(names) > 1:
        return Target("multilabel", names, classes, low)
    one_neuron = last.size == 1 or (last.size == "auto" and not traits[0].whole_layer)
    return Target("binary" if len(classes) == 2 and one_neuron else "multinomial", names, classes, low)


def said(spec: Spec, name: str) -> set[str]:
    """The keys that the spec gives a column."""
    column = spec.data.columns.get(name, Column())
    return {*column.given, *(["type"] if column.type else [])}


def resolve(loaded: LoadedSpec, features: tuple[Feature, ...], target: Target) -> Spec:
    """The spec with every default and both ends of the network filled in, as the model stores it.

    Where the rows lie is no part of a model: it says what the keys for that are where they are not given.
    """
    spec, document = loaded.spec, loaded.document
    inputs = sum(len(feature.inputs) for feature in features)
    last = len(spec.network.layers) - 1
    found = []
    if spec.network.input not in ("auto", inputs):
        message = f"N₁ is {inputs} after encoding, not {spec.network.input}"
        found.append(document.problem(("network", "input"), "layer-size", message, f"write {inputs} or auto"))
    size = spec.network.layers[last].size
    if size not in ("auto", target.outputs):
        reason = {
            "regression": count(len(target.columns), "real target"),
            "multilabel": f"{len(target.columns)} targets of 0 or 1",
        }.get(target.task, f"{len(target.classes)} classes")
        message = f"the data have {reason}, so the output layer needs {count(target.outputs, 'neuron')}, not {size}"
        found.append(document.problem(("network", "layers", last, "size"), "layer-size", message))
    coupled = sigmas(spec.network.layers[last])[0].traits.whole_layer
    if coupled and (target.outputs == 1 or target.task == "multilabel"):
        code, message = "one-neuron", "softmax with one neuron is always 1"
        remedy = (
            "use linear for one real target, or, if its numbers are classes, the loss cross_entropy or "
            f"data.columns: {{{target.columns[0]}: {{type: categorical}}}}"
        )
        if target.task == "multilabel":
            message = "the outputs of softmax sum to one, but several 0/1 targets may all be 1"
            code, remedy = "wrong-target", "use logistic"
        found.append(document.problem(("network", "layers", last, "activation"), code, message, remedy))
    if found:
        raise SpecError(*found)
    layers = (*spec.network.layers[:last], replace(spec.network.layers[last], size=target.outputs))
    columns = dict(spec.data.columns.pairs) | {feature.name: Column.of(feature.options) for feature in features}
    return replace(
        spec,
        data=replace(spec.data.anywhere(), columns=Named(tuple(columns.items()))),
        network=replace(spec.network, input=inputs, layers=layers),
    )
