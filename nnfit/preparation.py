"""From a spec to everything that is known before the first epoch, without a step back.

read the tables → split → fit the encoding on the training rows alone → fit the network's ends to them
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network
from nnfit.core.training import Examples
from nnfit.data.encoding import Feature, encode, fit_categorical, fit_numeric
from nnfit.data.split import draw
from nnfit.data.table import Dialect, Table, kind, read_table
from nnfit.data.target import Target, classes_of, encode_target, example_weights, fit_regression
from nnfit.errors import DataError, Problem, SpecError, nearest
from nnfit.model import network_of
from nnfit.spec.loader import LoadedSpec, activations
from nnfit.spec.schema import Spec


class Stream(IntEnum):
    """Each use of the seed draws from a stream of random numbers of its own."""

    SPLIT = 0
    INITIAL = 1
    SHUFFLE = 2
    CHECK = 3


class Prepared(NamedTuple):
    """Everything that is known before the first epoch; `tables` and `examples` hold train, validation and test."""

    spec: dict[str, Any]
    network: Network
    features: tuple[Feature, ...]
    target: Target
    dialect: Dialect
    tables: dict[str, Table]
    examples: dict[str, Examples]
    sources: tuple[str, ...]
    sha256: str
    warnings: tuple[Problem, ...]


def prepare(loaded: LoadedSpec) -> Prepared:
    """Read and split the data, fit the encoding on the training rows, and fit the network's ends to them."""
    spec, data = loaded.spec, loaded.spec.data
    dialect = Dialect(data.separator, data.encoding, data.decimal, data.missing)
    sources = {"train": data.train, "validation": data.validation, "test": data.test}
    paths = {name: str(loaded.folder / file) for name, file in sources.items() if isinstance(file, str)}
    read = {name: read_table(path, dialect) for name, path in paths.items()}
    whole = read["train"]
    names = feature_columns(loaded, whole)
    classes = classify(loaded, whole)
    tables = split(spec, read, classes is not None)
    training = tables["train"]
    features = tuple(fit_feature(spec, training, name, kind_of(spec, whole, name)) for name in names)
    target = fit_target(loaded, training, classes)
    resolved = resolve(loaded, features, target)
    dtype = spec.network.dtype
    examples = {
        name: Examples(
            encode(features, table, dtype),
            encode_target(target, table, dtype),
            example_weights(table, data.weight).astype(dtype)[None, None],
        )
        for name, table in tables.items()
    }
    network = network_of(resolved)
    sha256 = whole.sha256
    warnings = tuple(warn(loaded, features, target, network, training))
    return Prepared(
        resolved, network, features, target, dialect, tables, examples, tuple(paths.values()), sha256, warnings
    )


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
            if column not in table.columns:
                found.append(document.problem(path, absent(column, table)))
    for column in data.columns:
        if column not in table.columns:
            found.append(document.problem(("data", "columns", column), absent(column, table)))
    taken = {*data.target, data.weight}
    for column in data.features or ():
        if column in taken:
            found.append(document.problem(("data", "features"), f'"{column}" is the target or the weight'))
    names = [
        name
        for name in table.columns
        if name not in taken and name not in data.ignore and (data.features is None or name in data.features)
    ]
    if not names and not found:
        found.append(document.problem(("data",), "no column is left to learn from"))
    if found:
        raise SpecError(*found)
    return names


def absent(column: str, table: Table) -> str:
    hint = nearest(column, table.columns)
    return f'{table.file} has no column "{column}"{hint or "; it has " + ", ".join(list(table.columns)[:20])}'


def kind_of(spec: Spec, table: Table, name: str) -> str:
    """The type of a column: the spec's word, else inferred from all its cells."""
    column = spec.data.columns.get(name)
    return column.type if column and column.type else kind(table, name)


def classify(loaded: LoadedSpec, table: Table) -> tuple[str, ...] | None:
    """The classes of the target, or None for real targets; the loss decides, and with mse or rss the column's type."""
    spec = loaded.spec
    targets = spec.data.target
    table.require(targets, "the target")
    log_likelihood = LOSSES[str(spec.loss)].accepts.high == 1
    if not log_likelihood:
        kinds = {kind_of(spec, table, name) for name in targets}
        if kinds == {"numeric"}:
            return None
        if len(targets) > 1:
            at = loaded.document.problem
            raise SpecError(at(("data", "target"), f"several targets with {spec.loss} must all be numbers"))
    if len(targets) > 1:
        for name in targets:
            if set(classes_of(table, name)) - {"0", "1"}:
                raise DataError(
                    Problem(f'column "{name}": several targets with {spec.loss} must be 0 or 1', table.file)
                )
        return ("0", "1")
    classes = classes_of(table, targets[0])
    if len(classes) < 2:
        message = f'the target "{targets[0]}" has a single class, "{classes[0]}"; there is nothing to learn'
        raise DataError(Problem(message, table.file))
    if len(classes) > 1000:
        message = f'the target "{targets[0]}" has {len(classes)} classes; for a real target use the loss mse'
        raise DataError(Problem(message, table.file))
    return classes


def split(spec: Spec, read: dict[str, Table], stratified: bool) -> dict[str, Table]:
    """The tables of train, validation and test; shares are drawn from the training file, stratified by class."""
    whole, targets = read["train"], spec.data.target
    strata = None
    if stratified and len(targets) == 1:
        strata = np.unique(whole.columns[targets[0]].astype(str), return_inverse=True)[1]
    rng = np.random.default_rng([spec.seed, Stream.SPLIT])
    left = np.arange(whole.n)
    drawn = {}
    for name, share in (("test", spec.data.test), ("validation", spec.data.validation)):
        if isinstance(share, float):
            part = draw(len(left), share * whole.n / len(left), None if strata is None else strata[left], rng)
            drawn[name] = whole.take(left[part])
            left = np.delete(left, part)
            if not len(left):
                raise DataError(
                    Problem(f"{whole.n} rows are too few to split; nothing is left to train on", whole.file)
                )
    tables = {"train": whole.take(left) if drawn else whole}
    for name in ("validation", "test"):
        if name in drawn or name in read:
            tables[name] = drawn[name] if name in drawn else read[name]
    return tables


def fit_feature(spec: Spec, training: Table, name: str, type_: str) -> Feature:
    column = spec.data.columns.get(name)
    if type_ == "numeric":
        return fit_numeric(training, name, column.scale if column else "standard")
    return fit_categorical(training, name)


def fit_target(loaded: LoadedSpec, training: Table, classes: tuple[str, ...] | None) -> Target:
    """The target as the output layer and the loss ask for it."""
    spec = loaded.spec
    names = spec.data.target
    if classes is None:
        columns = spec.data.columns
        return fit_regression(
            training, names, tuple(columns[name].scale if name in columns else "standard" for name in names)
        )
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
            "regression": f"{len(target.columns)} real targets",
            "multilabel": f"{len(target.columns)} targets of 0 or 1",
        }.get(target.task, f"{len(target.classes)} classes")
        message = f"the data have {reason}, so the output layer needs {target.outputs} neurons, not {size}"
        found.append(document.problem(("network", "layers", last, "size"), message))
    if ACTIVATIONS[activations(spec)[-1][0].name].whole_layer and target.outputs == 1:
        message = "softmax with one neuron is always 1; use linear for one real target"
        found.append(document.problem(("network", "layers", last, "activation"), message))
    if found:
        raise SpecError(*found)
    resolved: dict[str, Any] = spec.model_dump(mode="json")
    resolved["network"]["input"] = inputs
    resolved["network"]["layers"][last]["size"] = target.outputs
    types = {feature.name: feature for feature in features}
    for name, column in resolved["data"]["columns"].items():
        if column["type"] is None and name in types:
            column["type"] = types[name].type
    return resolved


def warn(
    loaded: LoadedSpec, features: tuple[Feature, ...], target: Target, network: Network, training: Table
) -> Iterator[Problem]:
    """What is legal but probably not meant."""
    spec, document = loaded.spec, loaded.document
    constant = [f.name for f in features if len(set(training.columns[f.name])) == 1]
    if constant:
        names = ", ".join(constant[:10]) + (", …" if len(constant) > 10 else "")
        yield Problem(f"columns with one value in all training rows teach nothing: {names}", training.file)
    size = spec.training.batch_size
    if isinstance(size, int) and size > training.n:
        message = f"{size} is more than the {training.n} training rows; each epoch is one update"
        yield document.problem(("training", "batch_size"), message)
    bounded = ACTIVATIONS[network.layers[-1][0].activation]
    if target.task == "regression" and bounded.range.low > -np.inf:
        columns = spec.data.columns
        if any(name not in columns or columns[name].scale == "standard" for name in target.columns):
            name = target.columns[0]
            message = (
                f"its outputs lie in {bounded.range.text}, but the target is standardised and goes beyond; use linear, "
                f"or, if the target lies in that range, set data.columns: {{{name}: {{scale: none}}}}"
            )
            yield document.problem(("network", "layers", len(network.layers) - 1, "activation"), message)
