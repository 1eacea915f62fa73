"""From a spec to everything that is known before the first epoch, without a step back.

read the tables → split → fit the encoding on the training rows alone → fit the network's ends to them
"""

from __future__ import annotations

import os
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.config.loader import LoadedSpec, activations
from nnfit.config.schema import Column, Spec
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network
from nnfit.data import class_weights as weighting
from nnfit.data import suspicions
from nnfit.data.encoding import OPTIONS, Feature, encode, fit_feature, join
from nnfit.data.reader import Dialect
from nnfit.data.rows import quoted
from nnfit.data.split import draw
from nnfit.data.table import Rows, Table, Text, kind, read_table
from nnfit.data.target import (
    Labels,
    Target,
    bounded,
    classes_of,
    example_weights,
    fit_regression,
    outputs,
    refuse_missing,
    truth,
)
from nnfit.errors import DataError, Problem, SpecError, count, nearest, short
from nnfit.fit.agreement import doubts, refuse_unfit
from nnfit.model.model import network_of

MAX_CLASSES = 1000


class Stream(IntEnum):
    """Each use of the seed draws from a stream of random numbers of its own."""

    SPLIT = 0
    INITIAL = 1
    SHUFFLE = 2
    CHECK = 3
    RESAMPLE = 4
    THRESHOLD = 5


class Part(NamedTuple):
    """The rows of training, validation or test: arrays to learn from, and the truth that metrics compare with."""

    examples: Examples
    truth: NDArray[np.float64] | Labels

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.examples.X)


class Prepared(NamedTuple):
    """Everything that is known before the first epoch; `parts` holds train and, if wanted, validation and test."""

    spec: dict[str, Any]
    network: Network
    features: tuple[Feature, ...]
    target: Target
    dialect: Dialect
    parts: dict[str, Part]
    sources: tuple[str, ...]
    sha256: dict[str, str]  # of the file of training, and of those of validation and test
    warnings: tuple[Problem, ...]


def prepare(loaded: LoadedSpec, warnings: list[Problem] | None = None) -> Prepared:
    """Read and split the data, fit the encoding on the training rows, and fit the network's ends to them.

    Warnings go to the list as they are found, so that it has those before an error too.
    """
    warnings = [] if warnings is None else warnings
    spec, data = loaded.spec, loaded.spec.data
    dialect = Dialect(data.separator, data.encoding, data.decimal, data.missing)
    sources = {"train": data.train, "validation": data.validation, "test": data.test}
    paths = {name: path_of(loaded, name, file) for name, file in sources.items() if isinstance(file, str)}
    whole = read_table(paths["train"], dialect, reading(spec), others=data.features is None)
    names = feature_columns(loaded, whole)
    classes = classify(loaded, whole)
    rows = split(spec, whole, classes is not None)
    training = rows["train"]

    features = tuple(fit_feature(whole, training, name, *column_options(loaded, whole, name)) for name in names)
    target = fit_target(loaded, whole, training, classes)
    if reason := weighting.unsuitable(target, spec.training.class_weight):
        raise SpecError(loaded.document.problem(("training", "class_weight"), reason))
    target = weighting.weighed(target, spec.training.class_weight, whole, training)
    warnings += doubts(loaded, target, len(training))
    warnings += [Problem(text, whole.file) for text in suspicions.columns(whole, training, features, target)]
    if classes is not None and len(data.target) == 1:
        warnings += [Problem(text, whole.file) for text in suspicions.small_classes(whole, data.target[0])]
    refuse_unfit(loaded, target)
    if spec.training.clamp:
        target = bounded(target, whole, training)
    if isinstance(spec.training.threshold, float):
        target = target._replace(threshold=spec.training.threshold)
    resolved = resolve(loaded, features, target)
    network = network_of(resolved)

    parts: dict[str, Part] = {}
    kinds = {f.name: f.kind for f in features} | target.kinds | weight_kind(spec)
    tables = {"train": (whole, rows)}
    sha256 = {"train": whole.sha256}
    for name in ("validation", "test"):
        if name in paths:
            table = read_table(paths[name], dialect, kinds, others=False)
            table.require(list(kinds), "columns")
            tables[name] = (table, {name: np.arange(table.n)})
            sha256[name] = table.sha256
    for table, parts_of in tables.values():
        encoded, strange = encode_parts(spec, features, target, table, parts_of)
        parts |= encoded
        warnings += strange
    parts = {name: parts[name] for name in ("train", "validation", "test") if name in parts}
    if "test" in parts:
        warnings += leaks(parts["train"], parts["test"], whole.file)
    return Prepared(resolved, network, features, target, dialect, parts, tuple(paths.values()), sha256, tuple(warnings))


def path_of(loaded: LoadedSpec, key: str, file: str) -> str:
    """A path of the spec, relative to the spec's folder, without detours where that is the same file."""
    if file == "-":
        message = "training reads files, and not standard input; save the table, and name the file"
        raise SpecError(loaded.document.problem(("data", key), message))
    if "://" in file:
        return file  # a URL, which reading refuses; as a path it would be spelled otherwise
    path = loaded.folder / file
    plain = Path(os.path.normpath(path))
    try:
        return str(plain if plain.samefile(path) else path)
    except (OSError, ValueError):  # it is not there, or no path at all; reading it will say so
        return str(path)


def reading(spec: Spec) -> dict[str, str]:
    """How the spec says columns are read: numeric, text, or not at all. Classes are text, spelled as written."""
    data = spec.data
    kinds = dict.fromkeys(data.ignore, "skip")
    kinds |= dict.fromkeys(data.features or (), "") | dict.fromkeys(data.target, "")
    for name, column in data.columns.items():
        if kinds.get(name) != "skip":
            kinds[name] = "" if column.type is None else "numeric" if column.type == "numeric" else "text"
    if LOSSES[str(spec.loss)].accepts.high == 1:
        kinds |= dict.fromkeys(data.target, "text")
    return kinds | weight_kind(spec)


def weight_kind(spec: Spec) -> dict[str, str]:
    return {spec.data.weight: "numeric"} if spec.data.weight else {}


def encode_parts(
    spec: Spec, features: tuple[Feature, ...], target: Target, table: Table, rows: dict[str, Rows]
) -> tuple[dict[str, Part], list[Problem]]:
    """The parts that rows of one table make. The table's columns are given up on the way, to save memory.

    A category that the training rows lack becomes zeros here, with a warning: the split is not the user's fault.
    """
    dtype = spec.network.dtype
    expected = truth(target, table)
    w = example_weights(table, spec.data.weight) * weighting.of_rows(target, expected)
    unseen: dict[str, Problem] = {}
    blocks = encode(features, table, dtype, unseen, consume=True)
    strange = [
        p._replace(message=p.message.split("; correct")[0] + "; here they become zeros") for p in unseen.values()
    ]
    parts = {}
    for name, chosen in rows.items():
        if not w[chosen].sum():
            message = (
                f"the weight {quoted(str(spec.data.weight))} is 0 in all rows of {name}; give weights that are not"
            )
            raise DataError(Problem(message, table.file))
        X = join(blocks, chosen, consume=len(rows) == 1)
        share = w[chosen] / w[chosen].mean()
        examples = Examples(X, outputs(target, expected[chosen], dtype), share.astype(dtype)[None, None, :])
        parts[name] = Part(examples, expected[chosen])
    return parts, strange


def leaks(train: Part, test: Part, file: str) -> list[Problem]:
    """A warning about test rows that are training rows too."""
    count = suspicions.repeated((train.examples.X, train.examples.Y), (test.examples.X, test.examples.Y))
    message = f"{count:,} of {test.n:,} test rows are, value for value, training rows too: the test is easier by that"
    return [Problem(message, file)] if count else []


def feature_columns(loaded: LoadedSpec, table: Table) -> list[str]:
    """The columns to learn from, in the order of the file; every name in the spec must be a column."""
    data, document = loaded.spec.data, loaded.document
    named = {
        ("data", "target"): data.target,
        ("data", "features"): data.features or (),
        ("data", "ignore"): data.ignore,
        ("data", "weight"): (data.weight,) if data.weight else (),
    }
    found = []
    for path, columns in named.items():
        for column in columns:
            if column not in table.header:
                found.append(document.problem(path, absent(column, table)))
    for column in data.columns:
        if column not in table.header:
            found.append(document.problem(("data", "columns", column), absent(column, table)))
    taken = {*data.target, data.weight}
    for key, columns in (("features", data.features or ()), ("ignore", data.ignore), ("weight", (data.weight or "",))):
        for column in columns:
            if key == "ignore" and column in (data.features or ()):
                found.append(document.problem(("data", key), f"{quoted(column)} is one of the features; name it once"))
            if column in data.target or (key == "features" and column == data.weight):
                found.append(
                    document.problem(("data", key), f"{quoted(column)} is the target or the weight; remove it here")
                )
    names = [
        name
        for name in table.header
        if name not in taken and name not in data.ignore and (data.features is None or name in data.features)
    ]
    if not names and not found:
        found.append(document.problem(("data",), "no column is left to learn from"))
    if found:
        raise SpecError(*found)
    return names


def absent(column: str, table: Table) -> str:
    hint = nearest(column, table.header)
    return (
        f"{table.file} has no column {quoted(column)}{hint or '; it has ' + ', '.join(map(short, table.header[:20]))}"
    )


def column_options(loaded: LoadedSpec, table: Table, name: str) -> tuple[str, dict[str, Any]]:
    """The type of an input column (the spec's word, else inferred from all its cells), and its options."""
    column = loaded.spec.data.columns.get(name, Column())
    type_ = column.type or kind(table, name)
    given = {key: getattr(column, key) for key in column.model_fields_set - {"type"}}
    misplaced = [key for key in given if key not in OPTIONS[type_]]
    if misplaced:
        at = ("data", "columns", name)
        found = []
        for key in misplaced:
            types = " and ".join(t for t, known in OPTIONS.items() if key in known)
            message = f"is for {types} columns, and this one is {type_}; remove the key, or set another type"
            found.append(loaded.document.problem((*at, key), message))
        raise SpecError(*found)
    return type_, OPTIONS[type_] | given


def classify(loaded: LoadedSpec, table: Table) -> tuple[str, ...] | None:
    """The classes of the target, or None for real targets; the loss decides, and with mse or rss the column's type."""
    spec = loaded.spec
    targets = spec.data.target
    if not any(isinstance(table.columns[name], Text) for name in targets):
        return None
    if LOSSES[str(spec.loss)].accepts.high != 1 and len(targets) > 1:
        message = f"several targets with {spec.loss} must all be numbers"
        raise SpecError(loaded.document.problem(("data", "target"), message))
    if len(targets) > 1:
        for name in targets:
            refuse_missing(table, name)
            text = table.text(name)
            strange = np.isin(text.labels, ["0", "1"], invert=True)[text.codes]
            if strange.any():
                row = int(np.argmax(strange))
                got = quoted(text.labels[text.codes[row]])
                message = f"column {quoted(name)}: several targets with {spec.loss} must be 0 or 1, got {got}"
                raise DataError(table.problem(message, name, row))
        return ("0", "1")
    classes = classes_of(table, targets[0])
    if len(classes) < 2:
        message = f"the target {quoted(targets[0])} has a single class, {quoted(classes[0])}; there is nothing to learn"
        raise DataError(Problem(message, table.file))
    if len(classes) > MAX_CLASSES:
        message = f"the target {quoted(targets[0])} has {len(classes):,} classes; for a real target use the loss mse"
        raise DataError(Problem(message, table.file))
    return classes


def split(spec: Spec, whole: Table, stratified: bool) -> dict[str, Rows]:
    """The rows of train, validation and test that are drawn from the training file, stratified by class."""
    targets = spec.data.target
    shares = (("test", spec.data.test), ("validation", spec.data.validation))
    strata = None
    if stratified and any(isinstance(share, float) for _, share in shares):
        sorted_codes = []  # by label, so that the order of the rows in the file does not matter
        for name in targets:
            text = whole.text(name)
            sorted_codes.append(np.argsort(np.argsort(np.array(text.labels)))[text.codes])
        strata = np.unique(np.column_stack(sorted_codes), axis=0, return_inverse=True)[1].reshape(-1)
    rng = np.random.default_rng([spec.seed, Stream.SPLIT])
    left = np.arange(whole.n)
    drawn = {}
    for name, share in shares:
        if isinstance(share, float):
            part = draw(len(left), share * whole.n / len(left), None if strata is None else strata[left], rng)
            drawn[name] = left[part]
            left = np.delete(left, part)
            if not len(left):
                raise DataError(
                    Problem(f"{count(whole.n, 'row')} cannot be split: none is left to train on", whole.file)
                )
    return {"train": left, **drawn}


def fit_target(loaded: LoadedSpec, table: Table, rows: Rows, classes: tuple[str, ...] | None) -> Target:
    """The target as the output layer and the loss ask for it."""
    spec = loaded.spec
    names = spec.data.target
    what, wanted = ("real", {"type", "scale"}) if classes is None else ("class", {"type"})
    misplaced = [
        loaded.document.problem(("data", "columns", name, key), f"a {what} target does not take this key; remove it")
        for name in names
        if name in spec.data.columns
        for key in sorted(spec.data.columns[name].model_fields_set - wanted)
    ]
    if misplaced:
        raise SpecError(*misplaced)
    if classes is None:
        columns = spec.data.columns
        scales = tuple(columns[name].scale if name in columns else "standard" for name in names)
        for name, scale in zip(names, scales, strict=True):
            if scale not in ("standard", "none"):
                at = ("data", "columns", name, "scale")
                raise SpecError(loaded.document.problem(at, f"a target is scaled by standard or none, not {scale}"))
        return fit_regression(table, rows, names, scales)
    last, groups = spec.network.layers[-1], activations(spec)[-1]
    low = -1.0 if all(ACTIVATIONS[group.name].range.low == -1 for group in groups) else 0.0
    if len(names) > 1:
        return Target("multilabel", names, classes, low)
    one_neuron = last.size == 1 or (last.size == "auto" and not ACTIVATIONS[groups[0].name].whole_layer)
    return Target("binary" if len(classes) == 2 and one_neuron else "multinomial", names, classes, low)


def resolve(loaded: LoadedSpec, features: tuple[Feature, ...], target: Target) -> dict[str, Any]:
    """The spec with every default and both ends of the network filled in, as the model stores it."""
    spec, document = loaded.spec, loaded.document
    inputs = sum(len(feature.inputs) for feature in features)
    last = len(spec.network.layers) - 1
    found = []
    if spec.network.input not in ("auto", inputs):
        message = f"N₁ is {inputs} after encoding, not {spec.network.input}; write {inputs} or auto"
        found.append(document.problem(("network", "input"), message))
    size = spec.network.layers[last].size
    if size not in ("auto", target.outputs):
        reason = {
            "regression": count(len(target.columns), "real target"),
            "multilabel": f"{len(target.columns)} targets of 0 or 1",
        }.get(target.task, f"{len(target.classes)} classes")
        message = f"the data have {reason}, so the output layer needs {count(target.outputs, 'neuron')}, not {size}"
        found.append(document.problem(("network", "layers", last, "size"), message))
    coupled = ACTIVATIONS[activations(spec)[-1][0].name].whole_layer
    if coupled and (target.outputs == 1 or target.task == "multilabel"):
        message = (
            "softmax with one neuron is always 1; use linear for one real target, or, if its numbers are classes, "
            f"the loss cross_entropy or data.columns: {{{target.columns[0]}: {{type: categorical}}}}"
        )
        if target.task == "multilabel":
            message = "the outputs of softmax sum to one, but several 0/1 targets may all be 1; use logistic"
        found.append(document.problem(("network", "layers", last, "activation"), message))
    if found:
        raise SpecError(*found)
    resolved: dict[str, Any] = spec.model_dump(mode="json")
    resolved["network"]["input"] = inputs
    resolved["network"]["layers"][last]["size"] = target.outputs
    for feature in features:
        resolved["data"]["columns"][feature.name] = {"type": feature.type, **feature.options}
    return resolved
