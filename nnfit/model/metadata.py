"""What the metadata of a model file mean: they are held against the shape of their format, the spec, and the arrays.

What predictions depend on is checked to the letter, and a part that this nnfit does not know is refused by its name.
Metrics, history and whatever else records the training are open: what is known of them is checked, no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, NamedTuple, NoReturn

from nnfit.config.build import build, dump
from nnfit.config.check import Schema, Violation, value_at, violations
from nnfit.config.document import MAX_NODES
from nnfit.config.rules import misfits, sigmas
from nnfit.config.schema import json_schema
from nnfit.config.spec import Column, Named, Spec
from nnfit.data.columns import TYPES
from nnfit.data.feature import Categories, Feature, restored, size
from nnfit.data.target import Target
from nnfit.model import aggregates
from nnfit.model.format import FORMAT, FROZEN, METRIC, listed, metadata_schema, named, opened
from nnfit.scoring.metrics import METRICS
from nnfit.version import __version__
from nnfit.words import quoted, short

Fail = Callable[..., NoReturn]  # (message, remedy)

# What predictions are made of; every other key is part of the record.
MEANING = ("format", "spec", "columns", "target", "classes")

# The keys that 0.1.0 wrote of every column, whatever its type; later versions write what is said.
OLD = {
    "type",
    "scale",
    "log1p",
    "degree",
    "bins",
    "missing",
    "indicator",
    "min_count",
    "max_categories",
    "unknown",
    "format",
}


class Described(NamedTuple):
    """What the metadata say: the spec, the target's scale aside, and the record of the training."""

    spec: Spec
    raw: dict[str, Any]
    record: dict[str, Any]


@cache
def shape() -> Schema:
    """The shape of the metadata with the metrics that are known today."""
    tables = {
        "confusion": {},  # checked by `is_square`
        "per_class": {},  # checked by `is_per_class`
        "per_target": named(named(METRIC)),
        "classes": listed({"type": "string"}),
        "members": named(opened({"mean": METRIC, "sd": METRIC})),
    }
    known = ("loss", *(name for table in METRICS.values() for name in table))
    return metadata_schema({**dict.fromkeys(known, METRIC), **tables})


def described(value: dict[str, Any], inputs: int, fail: Fail) -> Described:
    """The metadata, right in themselves; the file's weights take so many inputs."""
    author = written_by(value)
    found = value.get("format")
    if type(found) is int and found != FORMAT:
        other = f"model format {str(found)[:20]}" + (f", written by {author}" if author else "")
        fail(f"{other}; this nnfit, {__version__}, reads {FORMAT}", code="other-format")
    if not whole_numbers(value):
        fail("a number is not given as nnfit writes it")
    refuse(violations(shape(), shape(), value), value, author, "", fail)
    if len(value["columns"]) > inputs:
        fail(f"{len(value['columns']):,} columns for {inputs:,} inputs")
    spec = spec_of(value["spec"], {column["name"] for column in value["columns"]}, author, fail)
    return Described(spec, value, {key: part for key, part in value.items() if key not in MEANING})


def whole_numbers(value: dict[str, Any]) -> bool:
    """Whether what counts or numbers is a whole number, where JSON Schema also takes 5.0 for 5."""
    columns = value.get("columns")
    counts = [value.get(key, 0) for key in ("format", "blas_threads", "ranks", "threads", "seed")]
    counts += value["best_epochs"] if isinstance(value.get("best_epochs"), list) else []
    counts += value["rows"].values() if isinstance(value.get("rows"), dict) else []
    counts += [each.get("fitted") for each in columns if isinstance(each, dict)] if isinstance(columns, list) else []
    return not any(isinstance(each, float) for each in counts)


def written_by(value: Mapping[str, Any]) -> str:
    """The version that wrote a file, in words, if it is a later one: what an earlier one wrote is known here."""
    versions = value.get("versions")
    version = versions.get("nnfit") if isinstance(versions, dict) else None
    if not isinstance(version, str):
        return ""
    numbers, ours = ([int(part) for part in re.findall(r"\d{1,9}", text)] for text in (version, __version__))
    return f"nnfit {short(version)}" if numbers > ours else ""


def refuse(found: Iterator[Violation], value: Any, author: str, where: str, fail: Fail) -> None:
    """Fail with the first violation; what is not known is named, and a later version that wrote the file."""
    remedy = f"the file was written by {author}; use that version, or a later one" if author else ""
    for path, kind, detail in found:
        place = ".".join(short(str(part)) for part in (where, *path) if part != "")
        if kind == "missing":
            fail(f"{place + '.' if place else ''}{detail}: is missing", remedy)
        name = path[-1] if kind == "unknown" else value_at(value, path)
        if kind == "no-such-name" and isinstance(name, dict):
            name = name["name"]
        if isinstance(name, str) and (kind in ("unknown", "no-such-name") or detail == "word"):
            known = f"nnfit {__version__} does not know" if author else "there is no"
            fail(f"{place}: {known} {quoted(name)}", remedy)
        fail(f"{place}: is not what nnfit writes", remedy)


def spec_of(raw: dict[str, Any], inputs: set[str], author: str, fail: Fail) -> Spec:
    """The spec; what it does not say means what it meant when the format was made."""
    data = raw.get("data")
    said = data.get("columns", {}) if isinstance(data, dict) else {}
    rest = {**raw, "data": {**data, "columns": {}}} if isinstance(data, dict) else raw
    if not isinstance(said, dict) or len(said) > len(inputs) + MAX_NODES or not small(rest, 2 * MAX_NODES):
        fail("spec: larger than any spec can be")
    schema = json_schema()
    refuse(violations(schema, schema, raw), raw, author, "spec", fail)
    columns = {
        name: {**FROZEN.get(f"columns.{column.get('type')}", {}), **column} if name in inputs else not_an_input(column)
        for name, column in said.items()
    }
    spec = build(Spec, {**raw, "data": {**raw["data"], "columns": columns}}, FROZEN)
    alone = replace(spec, data=replace(spec.data, columns=Named()))
    if not as_written(rest, dump(alone)) or not all(
        as_written(columns[name], dump(column)) for name, column in spec.data.columns.items()
    ):
        fail("spec: a value is not given as nnfit writes it")
    network = spec.network
    if not spec.loss or "auto" in (network.input, *(layer.size for layer in network.layers)):
        fail("spec: the loss, the inputs and the size of every layer must be given")
    for path, problem in misfits(spec):
        fail(f"spec.{'.'.join(map(str, path))}: {problem.message}")
    return spec


def as_written(given: Any, written: Any) -> bool:
    """Whether all that is given is what nnfit writes of it: no alias, and no whole number for another."""
    if isinstance(given, dict):
        return isinstance(written, dict) and all(as_written(part, written.get(key)) for key, part in given.items())
    if isinstance(given, list):
        pairs = zip(given, written, strict=False) if isinstance(written, list) else ()
        return isinstance(written, list) and len(given) == len(written) and all(as_written(a, b) for a, b in pairs)
    return type(given) is type(written) and given == written


def not_an_input(column: dict[str, Any]) -> dict[str, Any]:
    """What the spec says of a column that is no input. 0.1.0 wrote all keys of it, those that say nothing as well."""
    if not column.keys() >= OLD:
        return column
    silent = {"type": None, **{key: value for kind in TYPES for key, value in FROZEN[f"columns.{kind}"].items()}}
    return {key: value for key, value in column.items() if key not in silent or value != silent[key]}


def small(value: Any, most: int) -> bool:
    """Whether a value has no more parts than that."""
    waiting, found = [value], 0
    while waiting and found + len(waiting) <= most:
        part = waiting.pop()
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found += 1
    return not waiting


def texts(values: list[str], where: str, fail: Fail) -> tuple[str, ...]:
    """Distinct texts."""
    if len(set(values)) < len(values):
        fail(f"{where}: a text is there twice")
    return tuple(values)


# --- columns and target --------------------------------------------------------------------------------------------


def features_of(known: Described, fitted: list[float], fail: Fail) -> tuple[Feature, ...]:
    """The input columns with what was fitted to each."""
    entries = known.raw["columns"]
    names = texts([entry["name"] for entry in entries], "the names of the columns", fail)
    said = dict(known.spec.data.columns.pairs)
    features, start, waves = [], 0, 0
    for name, entry in zip(names, entries, strict=True):
        end = start + entry["fitted"]
        feature = feature_of(name, entry, said.get(name), tuple(fitted[start:end]), fail)
        features.append(feature)
        waves += 2 * (getattr(feature.options, "periodic", None) or 0)
        if waves > int(known.spec.network.input):  # what a word asks for is not made before it is known to be there
            fail("the columns do not fit the network")
        start = end
    if start != len(fitted):
        fail(f"the columns have {start:,} fitted values, the file {len(fitted):,}")
    return tuple(features)


def feature_of(
    name: str, entry: dict[str, Any], said: Column | None, numbers: tuple[float, ...], fail: Fail
) -> Feature:
    """One input column: its options are those of the spec, and what was fitted suits them."""
    where, type_ = f'column "{name[:40]}"', entry["type"]
    options, known = entry["options"], {each.name for each in fields(TYPES[type_])}
    if said is None or said.type != type_ or not set(options) < known:
        fail(f"{where}: its type and options are not those of the spec")
    own = said.as_type(type_)
    if any(value != getattr(own, key) or type(value) is not type(getattr(own, key)) for key, value in options.items()):
        fail(f"{where}: its type and options are not those of the spec")
    categories = Categories(texts(entry["categories"], where, fail), texts(entry["merged"], where, fail))
    if (type_ == "categorical") != any(categories) or not set(categories.own).isdisjoint(categories.merged):
        fail(f"{where}: its categories do not suit it")
    if entry["indicator"] not in possible_indicators(own):
        fail(f"{where}: its indicator is not that of its options")
    if len(numbers) != size(own):
        fail(f"{where}: it has {len(numbers)} fitted values, not {size(own)}")
    try:
        return Feature(name, own, entry["indicator"], restored(own, numbers, categories))
    except ValueError as error:
        return fail(f"{where}: {error}")


def possible_indicators(options: Any) -> tuple[bool, ...]:
    """What the indicator of a column with these options may be."""
    wanted = getattr(options, "indicator", False)
    if getattr(options, "missing", "") == "category":
        return (True,)
    return (True, False) if wanted == "auto" else (wanted,)


def target_of(known: Described, mean: list[float], sd: list[float], fail: Fail) -> Target:
    """The target as the spec names it."""
    spec, entry = known.spec, {**FROZEN["target"], **known.raw["target"]}
    columns = texts(entry["columns"], "target.columns", fail)
    classes = texts(known.raw["classes"], "classes", fail)
    task = entry["task"]
    if columns != spec.data.target or not set(columns).isdisjoint(column["name"] for column in known.raw["columns"]):
        fail("target.columns: not the target of the spec, or an input")
    count = len(columns) if task == "regression" else 0
    if len(mean) != count or len(sd) != count or not all(deviation > 0 for deviation in sd):
        fail(f"target_mean and target_sd must hold {count} values, deviations above 0")
    possible = {
        "regression": not classes,
        "binary": len(classes) == 2 and len(columns) == 1,
        "multinomial": len(classes) >= 2 and len(columns) == 1,
        "multilabel": classes == ("0", "1") and len(columns) > 1,
    }
    if not possible[task]:
        fail(f"{len(classes)} classes in {len(columns)} columns are not a {task} target")
    symmetric = all(sigma.traits.range.low == -1 for sigma in sigmas(spec.network.layers[-1]))
    if entry["low"] != (-1 if symmetric and classes else 0):
        fail("target.low: not the least output of the network")
    weights, wanted = [float(weight) for weight in entry["class_weights"]], spec.training.class_weight
    given = [float(wanted.get(name, 1)) for name in classes] if isinstance(wanted, Mapping) else weights
    if weights != given or len(weights) != (len(classes) if wanted else 0):
        fail("target.class_weights: not those of the spec")
    wish, threshold = spec.training.threshold, float(entry["threshold"])
    if threshold != wish if isinstance(wish, float) else len(classes) != 2 or len(columns) != 1:
        fail("target.threshold: not that of the spec")
    if entry["temperature"] != 1 and spec.training.calibration == "none":
        fail("target.temperature: not 1, and the spec has no calibration")
    bounds = tuple((float(low), float(high)) for low, high in entry["bounds"])
    if len(bounds) != (count if spec.training.clamp else 0) or any(low > high for low, high in bounds):
        fail("target.bounds: not the ranges of the targets")
    scale = tuple(mean), tuple(sd)
    return Target(
        task,
        columns,
        classes,
        float(entry["low"]),
        *scale,
        float(entry["temperature"]),
        threshold,
        tuple(weights),
        bounds,
    )


# --- the record of the training ------------------------------------------------------------------------------------


def check_record(known: Described, target: Target, fail: Fail) -> None:
    """What is known of the record: metrics for these classes, costs of these epochs, the seed of the spec."""
    record, spec = known.record, known.spec
    for where in ("metrics", "trivial", "linear"):
        for name, measures in record.get(where, {}).items():
            check_measures(measures, target, f"{where}.{name[:40]}", fail)
    if len(record.get("prior", ())) not in (0, target.outputs):
        fail(f"prior: {len(record['prior'])} values for {target.outputs} outputs")
    inputs = int(spec.network.input)
    if len(record.get("input_mean", ())) not in (0, inputs):
        fail(f"input_mean: {len(record['input_mean'])} values for {inputs} inputs")
    history = record.get("history", {})
    cost, validation = history.get("cost", []), history.get("validation", [])
    if len(cost) > spec.training.epochs or len(validation) not in (0, len(cost)):
        fail("history: not one cost for each epoch")
    best, members = record.get("best_epochs", []), spec.network.members if spec.training.early_stopping else 0
    if len(best) not in (0, members) or any(epoch > (len(cost) or spec.training.epochs) for epoch in best):
        fail("best_epochs: not one epoch for each member")
    try:
        aggregates.of_record(record, target, spec, len(known.raw["columns"]))
    except ValueError as error:
        fail(f"aggregates: {error}")
    if record.get("seed", spec.seed) != spec.seed:
        fail("seed: not that of the spec")


def blas_threads_of(record: Mapping[str, Any]) -> int | None:
    """How many threads matrix products had in the training, `threads` in files of 0.1.0; None if it is not recorded."""
    found: int | None = record.get("blas_threads", record.get("threads"))
    return found


def check_measures(measures: dict[str, Any], target: Target, where: str, fail: Fail) -> None:
    """The metrics of one set of rows: those with a table of the classes fit these classes."""
    K, several = len(target.classes), target.task == "multilabel"
    if tuple(measures.get("classes", target.classes)) != target.classes:
        fail(f"{where}.classes: not the classes of the model")
    for key, suits in (("confusion", is_square), ("per_class", is_per_class)):
        if key in measures:
            tables = measures[key] if several else [measures[key]]
            count = len(target.columns) if several else 1
            if not (K and isinstance(tables, list) and len(tables) == count and all(suits(each, K) for each in tables)):
                fail(f"{where}.{key}: not a table of the classes")
    if not measures.get("per_target", {}).keys() <= set(target.columns):
        fail(f"{where}.per_target: not the targets of the model")


def is_per_class(value: Any, K: int) -> bool:
    """Whether an object holds lists of K numbers, or nothing, under the names of metrics."""
    return isinstance(value, dict) and all(
        isinstance(row, list) and len(row) == K and all(x is None or type(x) is float for x in row)
        for row in value.values()
    )


def is_square(table: Any, K: int) -> bool:
    """Whether a list holds K lists of K numbers of at least 0: rows, or their weights."""
    rows = table if isinstance(table, list) and len(table) == K else [None]
    return all(
        isinstance(row, list) and len(row) == K and all(type(count) in (int, float) and count >= 0 for count in row)
        for row in rows
    )
