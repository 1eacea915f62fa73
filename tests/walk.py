"""Every numeric key of the schema with values that nobody means: what is refused, and what happens to the rest.

The keys are found in the JSON Schema itself, so that a new one is walked without being asked for. Each case goes the
whole way in this process: spec, table, check, training, model file, prediction.
"""

from __future__ import annotations

import io
import json
import math
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nnfit.config.check import resolved
from nnfit.config.loader import load_spec
from nnfit.config.schema import json_schema
from nnfit.diagnostics.gradcheck import TOLERANCE
from nnfit.errors import NnfitError, TrainingError
from nnfit.fit.examination import examine, gradient_check
from nnfit.fit.prepare import prepare
from nnfit.fit.run import start
from nnfit.fit.train import begin
from nnfit.model.loading import FORMS, assemble
from nnfit.storage.npz import Source

Schema = dict[str, Any]

LARGEST = 1.7976931348623157e308
TINY = 5e-324
VALUES: list[Any] = [
    *(0, -1, 1, 2, 0.5, TINY, 1e-30, 1e9, 1e30, 1e150, LARGEST, -LARGEST, 10**15, 2**53, 10**5000),
    *(math.inf, -math.inf, math.nan, True, False, None, [], [1], {}, "", "1", np.float64("nan"), np.float32(1e-45)),
]
TEXTS = [
    *("-0", "1e-400", "1e309", "-1e309", ".inf", "-.inf", ".nan", "nan", "inf", "no", "~", "", "[]", "{}", "{a: 1}"),
    *(
        "'1'",
        "0x10",
        "1_000",
        "1,5",
        "٣",
        "１",
        "9" * 400,
        "9" * 401,
        "9" * 5000,
        "1e" + "9" * 5000,
        "[1",
        "&a 1",
        "*a",
    ),
]
# What stands at the ends of what keys take; in pairs.
ENDS: list[Any] = [0, TINY, 1e-30, 0.5, 0.999999, 1, 2, 1e9, 1e30, 1e150, LARGEST, -1e30, 10**15]
CELLS = [0.0, TINY, 1e150, 1e290, LARGEST, -LARGEST]  # of a table

SPEC: dict[str, Any] = {
    "data": {"train": "t.csv", "target": "y", "ignore": ["r", "w"], "validation": 0.25, "test": 0.2},
    "network": {
        "layers": [
            {"size": 3, "activation": [{"name": "tanh", "size": 2}, {"name": "relu", "size": 1}]},
            {"size": 2, "activation": "relu"},
            {"size": "auto", "activation": "logistic"},
        ],
        "members": 2,
    },
    "training": {"epochs": 2, "batch_size": 8, "baseline": False, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
}
REAL: dict[str, Any] = {  # the same, of a real target
    **SPEC,
    "data": {**SPEC["data"], "target": "r", "ignore": ["y", "w"]},
    "network": {
        **SPEC["network"],
        "layers": [*SPEC["network"]["layers"][:2], {"size": "auto", "activation": "linear"}],
    },
}
KINDS = {"x": "numeric", "c": "categorical", "d": "date", "b": "boolean"}


def table(n: int = 24) -> pd.DataFrame:
    """A few rows with a column of each type, a weight, a target of two classes and a real one."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": np.where(np.arange(n) == 3, np.nan, x),
            "c": np.array(["p", "q", "s"], object)[np.arange(n) % 3],
            "d": [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(n)],
            "b": np.array(["yes", "no"], object)[np.arange(n) % 2],
            "w": np.arange(n) % 4 + 0.5,
            "r": x + rng.normal(size=n) / 4,
            "y": np.where(x > 0, "a", "b"),
        }
    )


class Key(NamedTuple):
    """A numeric key: its path, and what else the spec says so that the key is there."""

    path: str
    around: dict[str, Any]

    def said(self, value: Any) -> dict[str, Any]:
        """The overrides that give the key a value."""
        return {**self.around, self.path: value}


# Where a list or a mapping of the user's names stands in a path, and what else it takes.
NAMED = {"data.columns": tuple(KINDS), "training.class_weight": ("a",)}
LISTED = {"network.layers": "1", "network.layers.1.activation": ""}
NEEDS = {
    "lbfgs": {"training.batch_size": "full"},
    "training.early_stopping": {"training.early_stopping": {"patience": 2}},
    "training.checkpoint": {"training.checkpoint": {"every": 1}},
    "training.threshold": {},
}


def numeric_keys() -> list[Key]:
    """Every place of the schema that takes a number, once for each row of a table with parameters that stands there."""
    schema = json_schema()
    found = {key.path + json.dumps(key.around): key for key in keys(schema, schema, "", {})}
    sized = [name for name, key in found.items() if key.path.endswith(".activation.0.size")]
    return [key for name, key in found.items() if name not in sized[1:]]


def together(one: Key, other: Key) -> bool:
    """Whether two keys can stand in one spec: what is said around them does not differ, nor does one hold the other."""
    same = all(other.around.get(path, value) == value for path, value in one.around.items())
    inside = any(
        a != b and (a + ".").startswith(b + ".") for a in one.said(0) for b in other.said(0) if b not in one.around
    )
    inside |= any(
        a != b and (b + ".").startswith(a + ".") for a in one.said(0) for b in other.said(0) if a not in other.around
    )
    return same and one.path != other.path and not inside


def accepted(key: Key) -> list[Any]:
    """The ends that a key takes, as far as the spec alone can tell."""
    found = []
    for value in ENDS:
        try:
            load_spec(SPEC, key.said(value), ["train"])
            found.append(value)
        except NnfitError:
            pass
    return found


def pairs(count: int, seed: int) -> Iterator[tuple[Key, Any, Key, Any]]:
    """So many pairs of keys with values that each takes alone, drawn from a seed."""
    rng, all_keys = random.Random(seed), numeric_keys()
    ends = {i: accepted(key) for i, key in enumerate(all_keys)}
    while count:
        i, j = rng.sample(sorted(ends), 2)
        one, other = all_keys[i], all_keys[j]
        if ends[i] and ends[j] and together(one, other):
            count -= 1
            yield one, rng.choice(ends[i]), other, rng.choice(ends[j])


def keys(schema: Schema, node: Schema, path: str, around: dict[str, Any]) -> Iterator[Key]:
    """The numeric keys at and below a node."""
    node = resolved(schema, node)
    for branch in node.get("anyOf", ()):
        yield from keys(schema, branch, path, around)
    for reference in node.get("oneOf", ()):
        entry = resolved(schema, reference)
        word = entry["properties"]["name"]
        name = word.get("enum", [word.get("const")])[0]
        said = {**around, **NEEDS.get(name, {}), path: {"name": name}}
        if "size" in entry["properties"]:  # a group of a mixed layer
            said = {**around, path.rsplit(".", 1)[0]: [{"name": name, "size": 2}]}
        for parameter, inside in entry["properties"].items():
            if parameter != "name":
                yield from keys(schema, inside, f"{path}.{parameter}", said)
    if node.get("type") in ("number", "integer"):
        yield Key(path, around)
    if node.get("type") == "object" and "properties" in node:
        for name, inside in node["properties"].items():
            inner = f"{path}.{name}".lstrip(".")
            yield from keys(schema, inside, inner, {**around, **NEEDS.get(inner, {})})
    if node.get("type") == "object" and isinstance(node.get("additionalProperties"), dict):
        for name in NAMED[path]:
            said = {**around, f"{path}.{name}.type": KINDS[name]} if path == "data.columns" else around
            yield from keys(schema, node["additionalProperties"], f"{path}.{name}", said)
    if node.get("type") == "array" and node["items"].get("type") != "string":
        position = LISTED[path] or "0"
        yield from keys(schema, node["items"], f"{path}.{position}", around)


# --- one case ------------------------------------------------------------------------------------------------------


def went(overrides: Any, data: pd.DataFrame, spec: dict[str, Any] = SPEC) -> str:
    """What became of a spec: the code of the error that refuses it, `diverged`, or `trained`, all the way."""
    frames = {"train": data}
    try:
        loaded = load_spec(spec, overrides, frames)
        prepared = prepare(loaded, frames)
        proof = gradient_check(prepared)
        examine(prepared, start(prepared).state.theta)
    except NnfitError as error:
        assert 2 <= error.exit_code <= 5, error
        assert all(problem.place.key or problem.place.file for problem in error.problems), error
        return error.code
    assert proof.max_relative_error <= TOLERANCE, proof
    try:
        trainer = begin(loaded, frames)
        stop: list[int] = []
        for epoch in trainer.epochs(stop):
            if epoch.number >= 2 and loaded.spec.training.epochs > 2:
                stop.append(1)
        result = trainer.result()
    except TrainingError as error:
        return error.code
    model = result.model
    written = model.to_bytes()
    again = assemble(Source(io.BytesIO(written), "m.npz", FORMS).arrays(), "m.npz")
    assert again.to_bytes() == written
    json.dumps({"metrics": model.metrics, "record": model.record}, allow_nan=False)
    try:
        predictions = again.predict(data)
        metrics = again.evaluate(data)
    except NnfitError as error:
        assert error.code == "overflow", error
        return "trained"
    json.dumps(metrics, allow_nan=False)
    assert not predictions.isna().any().any()
    return "trained"
