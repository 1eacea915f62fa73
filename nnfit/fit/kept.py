"""Prepared rows in the cache: what a training of the same table, encoded alike, need not make again.

An entry is known by two SHA-256: that of the data, and that of the recipe, which is all that the encoded rows depend on
of the spec and of the versions. So the data are always read once, to be hashed; whether a file has changed is told by
nothing less. How the network is trained is no part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.config.build import dump
from nnfit.config.spec import Spec
from nnfit.core.batches import Examples
from nnfit.data.columns import TYPES
from nnfit.data.encoding import expanded
from nnfit.data.feature import Categories, Feature, restored, size
from nnfit.data.opening import digest_of
from nnfit.data.parts import Files
from nnfit.data.target import Target
from nnfit.errors import NnfitError, OutputError, Place, Problem
from nnfit.fit.sets import Dataset
from nnfit.model.layout import dialect_of
from nnfit.model.model import columns_of, versions
from nnfit.storage import cache

LEAST = 1 << 20  # cells of the encoded rows; fewer are read again about as fast
TRAINING = ("class_weight", "clamp", "threshold")  # what of it the target has in it
ORDER = ("train", "validation", "test")


class Encoded(NamedTuple):
    """What is known of the tables once their rows are encoded, and takes long to find out.

    `two_valued` are the real targets with two values; the warnings are those `before` and `after` what the spec says is
    held against the data.
    """

    sha256: dict[str, str]  # of each table that was read
    features: tuple[Feature, ...]
    target: Target
    missing: tuple[int, ...]
    two_valued: tuple[str, ...]
    sets: dict[str, Dataset]
    before: tuple[Problem, ...]
    after: tuple[Problem, ...]


def recipe(spec: Spec, sources: Mapping[str, Files]) -> str:
    """The SHA-256 of all that encoded rows depend on beside the bytes of the data."""
    data, training = dump(spec.data), dump(spec.training)
    for key in ("storage", "cache", "split_seed"):
        del data[key]
    dialect, drawn = dialect_of(spec), any(isinstance(share, float) for share in (data["validation"], data["test"]))
    # What several files are called stands in messages; one file may be called anything that has it read alike.
    for name, files in sources.items():
        data[name] = files.paths if len(files.paths) > 1 else dialect.of_file(files.paths[0]).separator
    parts = {
        "data": data,
        "training": {key: training[key] for key in TRAINING} | {"own": training["resample"] != "none"},
        "last": dump(spec.network.layers[-1]),
        "dtype": spec.network.dtype,
        "loss": spec.loss,
        "seed": spec.split_seed if drawn else None,
        "versions": versions(),
        "order": sys.byteorder,
        "format": cache.FORMAT,
    }
    return digest(parts)


def digest(value: Mapping[str, Any]) -> str:
    """The SHA-256 of what JSON can say."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def found(spec: Spec, sources: Mapping[str, Files]) -> Encoded | None:
    """What the cache has of these tables, encoded as the spec says; None if that is nothing, or no file can be read."""
    cache.bound()  # what the environment says of it is known to be right before any work
    own = recipe(spec, sources)
    if not cache.entries(own[:32]):
        return None  # nothing is hashed for nothing
    try:
        sha256 = {name: digest_of(files.paths, "recognising") for name, files in sources.items()}
    except (NnfitError, OSError):
        return None  # who reads it will tell
    return reread(own, sha256, sources)


def reread(own: str, sha256: dict[str, str], sources: Mapping[str, Files]) -> Encoded | None:
    """What the cache has of tables with these SHA-256 by a recipe; None if that is nothing."""
    entry = cache.read(own, digest(sha256))
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        return None if entry is None else read(entry, sha256, {name: files.name for name, files in sources.items()})
    return None


def keep(spec: Spec, sources: Mapping[str, Files], encoded: Encoded, again: bool) -> tuple[Encoded, list[Problem]]:
    """Put encoded rows into the cache, if that saves time; a warning where it has no room for them.

    Where they are to be read `again` from there, those of before need not stay.
    """
    arrays = {
        f"{name}.{key}": value
        for name, rows in encoded.sets.items()
        for key, value in (*rows.examples._asdict().items(), ("truth", rows.truth))
    }
    for name, rows in encoded.sets.items():
        X = rows.examples.X
        arrays[f"{name}.X"] = X if isinstance(X, np.ndarray) else X.kept
    if sum(array.size for array in arrays.values()) < LEAST or not cache.bound():
        return encoded, []
    names = {files.name: name for name, files in sources.items()}
    if len(names) < len(sources):  # of one file as two tables problems do not say which of them they are about
        return encoded, []
    about = {
        "files": {name: [os.path.abspath(path) for path in files.paths] for name, files in sources.items()},  # noqa: PTH100
        "rows": {name: rows.n for name, rows in encoded.sets.items()},
        "columns": columns_of(encoded.features),
        "fitted": [feature.fitted.flat for feature in encoded.features],
        "target": encoded.target._asdict(),
        "missing": encoded.missing,
        "two_valued": encoded.two_valued,
        "before": [written(problem, names) for problem in encoded.before],
        "after": [written(problem, names) for problem in encoded.after],
    }
    own = recipe(spec, sources)
    if (there := reread(own, encoded.sha256, sources)) is not None:
        return there, []  # another process was faster; what may be mapped by others is not replaced
    try:
        cache.write(own, digest(encoded.sha256), about, arrays)
    except OutputError as error:
        (problem,) = error.problems
        remedy = "name another folder with --cache FOLDER, or keep none with --no-cache"
        message = f"the encoded rows are not kept for the next training: {problem.message}"
        return encoded, [Problem("not-kept", message, remedy, problem.place)]
    except ValueError:  # a number that is none, for which JSON has no word
        return encoded, []
    return (reread(own, encoded.sha256, sources) if again else None) or encoded, []


def written(problem: Problem, names: Mapping[str, str]) -> list[Any]:
    """A problem as JSON has it; a table is named by what it is for, since it may be called otherwise next time."""
    file, *place = problem.place
    return [*problem[:3], names.get(file or "", ""), file, *place]


def problems(entries: Iterable[Sequence[Any]], names: Mapping[str, str]) -> tuple[Problem, ...]:
    """Problems from their entries."""
    found = []
    for code, message, remedy, table, file, *place in entries:
        if not all(isinstance(each, str) for each in (code, message, remedy)):
            raise ValueError("no problem")
        found.append(Problem(code, message, remedy, Place(names[table] if table else file, *place)))
    return tuple(found)


# --- from an entry -------------------------------------------------------------------------------------------------


def read(entry: cache.Entry, sha256: dict[str, str], names: Mapping[str, str]) -> Encoded:
    """What an entry holds; a ValueError, KeyError or TypeError if its parts do not fit each other."""
    about = entry.about
    features = tuple(map(feature_of, about["columns"], about["fitted"]))
    if len(features) != len(about["fitted"]) or len(features) != len(about["missing"]):
        raise ValueError("the columns do not fit each other")
    target = target_of(about["target"])
    chosen = [name for name in ORDER if f"{name}.X" in entry.arrays]
    sets = {name: dataset_of(name, entry.arrays, features, target) for name in chosen}
    n = sum(rows.n for rows in sets.values())
    for name, rows in sets.items():
        X = rows.examples.X
        if X.shape[1] != 1 + sum(len(feature.inputs) for feature in features):
            sets[name] = rows._replace(examples=rows.examples._replace(X=expanded(features, np.asarray(X), n)))
    if "train" not in sets:
        raise ValueError("no rows to learn from")
    return Encoded(
        sha256,
        features,
        target,
        tuple(map(int, about["missing"])),
        tuple(about["two_valued"]),
        sets,
        problems(about["before"], names),
        problems(about["after"], names),
    )


def feature_of(column: Mapping[str, Any], fitted: Sequence[float]) -> Feature:
    """One column."""
    options = TYPES[column["type"]](**column["options"])
    categories = Categories(tuple(column["categories"]), tuple(column["merged"]))
    flat = tuple(map(float, fitted))
    if len(flat) != size(options):  # what options ask for is not made before it is known to be there
        raise ValueError("what is fitted does not fit the options")
    return Feature(column["name"], options, bool(column["indicator"]), restored(options, flat, categories))


def target_of(about: Mapping[str, Any]) -> Target:
    """The target."""
    lists = {key: tuple(value) for key, value in about.items() if isinstance(value, list)}
    return Target(**{**about, **lists, "bounds": tuple((float(low), float(high)) for low, high in about["bounds"])})


def dataset_of(name: str, arrays: Mapping[str, NDArray[Any]], features: tuple[Feature, ...], target: Target) -> Dataset:
    """One set of rows, whose arrays fit each other."""
    X, Y, w, truth = (arrays[f"{name}.{key}"] for key in ("X", "Y", "w", "truth"))
    n = len(X)
    kept, inputs = (1 + sum(sizes) for sizes in zip(*((f.kept, len(f.inputs)) for f in features), strict=True))
    fits = X.ndim == 2 and X.shape[1] in (kept, inputs) and Y.shape == (target.outputs, n) and w.shape == (1, 1, n)
    columns = len(target.columns)
    of_truth = truth.shape == ((n,) if target.task in ("binary", "multinomial") else (n, columns))
    alike = X.dtype == Y.dtype == w.dtype and truth.dtype == (np.float64 if target.task == "regression" else np.intp)
    if not (n and fits and of_truth and alike):
        raise ValueError("arrays that do not fit each other")
    return Dataset(Examples(X, Y, w), truth)
