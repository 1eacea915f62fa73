"""From a spec to everything that is known before the first epoch, without a step back.

read the tables → split → fit the encoding on the training rows alone → fit the network's ends to them
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.config.loader import LoadedSpec
from nnfit.config.spec import FRAME, Spec
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network
from nnfit.data import class_weights as weighting
from nnfit.data import suspicions
from nnfit.data.cells import Rows
from nnfit.data.dialect import Dialect
from nnfit.data.encoding import fit_feature
from nnfit.data.feature import Feature
from nnfit.data.parts import Files, files_of, is_glob
from nnfit.data.room import MEMORY, Empty, Room, in_memory, put
from nnfit.data.table import Table, read_table
from nnfit.data.target import Target, bounded, labelled
from nnfit.errors import DataError, Place, Problem, SpecError
from nnfit.fit import kept
from nnfit.fit.against_data import doubts, refuse_unfit, two_valued
from nnfit.fit.ends import classify, fit_target, resolve
from nnfit.fit.inputs import column_options, feature_columns
from nnfit.fit.kept import ORDER, Encoded
from nnfit.fit.resources import memory, needed, refuse_beyond
from nnfit.fit.sets import Dataset, encoded_sets
from nnfit.model.layout import dialect_of, network_of, weight_kind
from nnfit.model.split import split
from nnfit.progress import tracked
from nnfit.storage import cache
from nnfit.storage.paths import direct

if TYPE_CHECKING:
    from nnfit.data.exchange import Frame

Frames = Mapping[str, "Frame"]  # tables in place of the files of train, validation and test
NO_FRAMES: Frames = {}
SOME = 0.05  # of rows held out; fewer that are there twice may be so by chance, where values have few digits


class Prepared(NamedTuple):
    """Everything that is known before the first epoch; `sets` holds train and, if wanted, validation and test."""

    spec: Spec
    network: Network
    features: tuple[Feature, ...]
    target: Target
    dialect: Dialect
    sets: dict[str, Dataset]
    sources: Mapping[str, Files]  # those that were read, of training, validation and test
    sha256: dict[str, str]  # of the file or frame of training, and of those of validation and test
    warnings: tuple[Problem, ...]
    missing: tuple[int, ...]  # the missing cells of each column in the training rows
    matched: Mapping[str, list[str]]  # of training, validation and test, the files where the spec has a glob for them
    empty: Empty = np.empty  # what gives long arrays their room
    room: Room = MEMORY  # where that is, if it is on disk

    @property
    def on_disk(self) -> bool:
        """Whether what is made of the rows lies on disk."""
        return self.empty is not np.empty

    def put(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values that were just made, with as many numbers as rows or more, where long arrays lie."""
        return put(values, self.empty)


def prepare(
    loaded: LoadedSpec,
    frames: Frames = NO_FRAMES,
    warnings: list[Problem] | None = None,
    read: Callable[..., Table] | None = None,
) -> Prepared:
    """Read and split the data, fit the encoding on the training rows, and fit the network's ends to them.

    Warnings go to the list as they are found, so that it has those before an error too. `read` reads a file in
    place of `read_table`; the columns of the table that it gives are given up on the way.
    """
    warnings = [] if warnings is None else warnings
    spec = loaded.spec
    paths, room = paths_of(loaded, frames), room_for(spec.data.storage)
    caching = spec.data.cache and cache.setting.get().on and not frames and read is None
    found = kept.found(spec, paths) if caching else None
    if found is None:
        found, empty = encoded(loaded, paths, frames, warnings, read, room)
        if caching:
            found, problems = kept.keep(spec, paths, found, again=empty is not in_memory)
            warnings += problems
        resolved = resolve(loaded, found.features, found.target)
    else:
        warnings += found.before
        warnings += doubts(loaded, found.two_valued, found.target, found.sets["train"].n)
        warnings += found.after
        refuse_unfit(loaded, found.target)
        resolved = resolve(loaded, found.features, found.target)
        empty = empty_for(loaded, resolved, {name: rows.n for name, rows in found.sets.items()}, found.features, room)
    warnings += room.warnings
    globbed = {name: files for name in paths if (files := matched(loaded, name, paths[name]))}
    return Prepared(
        resolved,
        network_of(resolved),
        found.features,
        found.target,
        dialect_of(spec),
        found.sets,
        paths,
        found.sha256,
        tuple(warnings),
        found.missing,
        globbed,
        np.empty if empty is in_memory else empty,
        room,
    )


def encoded(
    loaded: LoadedSpec,
    paths: Mapping[str, Files],
    frames: Frames,
    warnings: list[Problem],
    read: Callable[..., Table] | None,
    room: Room,
) -> tuple[Encoded, Empty]:
    """What reading the tables, and all that follows from it, gives, and where it lies; the arguments are as above."""
    spec, data = loaded.spec, loaded.spec.data
    dialect = dialect_of(spec)

    def table_of(name: str, kinds: Mapping[str, str], others: bool) -> Table:
        if name in frames:
            from nnfit.data.frames import read_frame  # and pandas, which files that are small do without

            table = read_frame(frames[name], dialect, kinds, others, "data" if name == "train" else name)
        else:
            try:
                table = (read or partial(read_table, room=room))(paths[name], dialect, kinds, others)
            except DataError as error:
                raise DataError(*(named_by(loaded, name, problem) for problem in error.problems)) from None
        table, dropped = labelled(table, data.target, data.missing_target)
        warnings.extend(dropped)
        return table

    whole = table_of("train", reading(spec), data.features is None)
    before = tuple(warnings)
    names = feature_columns(loaded, whole)
    classes = classify(loaded, whole)
    rows = split(spec, whole, classes is not None)
    fitting = tracked(names, "fitting the encoding")
    features = tuple(fit_feature(whole, rows["train"], name, column_options(loaded, whole, name)) for name in fitting)
    missing = tuple(int(whole.missing(name)[rows["train"]].sum()) for name in names)
    target = target_of(loaded, whole, rows["train"], classes)
    pairs = two_valued(loaded, whole, target)
    warnings += doubts(loaded, pairs, target, len(rows["train"]))
    done = len(warnings)
    warnings += suspected(loaded, whole, rows["train"], features, target)
    refuse_unfit(loaded, target)
    resolved = resolve(loaded, features, target)

    sets: dict[str, Dataset] = {}
    tables, sha256 = {"train": (whole, rows)}, {"train": whole.sha256}
    kinds = {f.name: f.kind for f in features} | target.kinds | weight_kind(spec)
    for name in ("validation", "test"):
        if name in named(spec):
            table = table_of(name, kinds, False)
            table.require(list(kinds), "columns")
            tables[name] = (table, {name: np.arange(table.n)})
            sha256[name] = table.sha256
    counts = {name: len(own) for _, of in tables.values() for name, own in of.items()}
    empty = empty_for(loaded, resolved, counts, features, room)
    for table, rows_of in tables.values():
        made, strange = encoded_sets(spec, features, target, table, rows_of, sum(counts.values()), empty)
        sets |= made
        warnings += strange
    sets = {name: sets[name] for name in ORDER if name in sets}
    for name in ("validation", "test"):
        if name in sets:
            warnings += leaks(sets["train"], sets[name], name, whole.file)
    if spec.training.resample != "none":
        warnings += twins(sets["train"], whole.file)
    return Encoded(sha256, features, target, missing, pairs, sets, before, tuple(warnings[done:])), empty


def empty_for(
    loaded: LoadedSpec, resolved: Spec, counts: Mapping[str, int], features: tuple[Feature, ...], room: Room
) -> Empty:
    """What makes the arrays of the encoded rows, so many of each set; a SpecError where memory does not do for all."""
    kept = sum(feature.kept for feature in features)
    size = needed(resolved, counts, kept).table
    empty = room.of(size, beside=size)  # in memory columns are encoded, and then put together
    refuse_beyond(loaded.document, resolved, counts, kept, on_disk=empty is not in_memory)
    return empty


def room_for(storage: str) -> Room:
    """Where rows lie: of data.storage auto on disk from half of the memory on that there is."""
    if storage == "memory":
        return Room()
    there = memory()
    return Room(there // 2 if storage == "auto" else 0, cache.folder, there)


def named_by(loaded: LoadedSpec, name: str, problem: Problem) -> Problem:
    """A problem with a file; of one that is not there or is none, with the key that names it."""
    place = loaded.document.place(("data", name))
    written = place.line is not None or place.file in loaded.document.options.values()  # it may stem from a model
    if problem.code not in ("unreadable", "a-folder", "not-a-file") or not written:
        return problem
    where = f"{place} names it"
    return problem._replace(remedy=f"{problem.remedy}; {where}" if problem.remedy else where)


def target_of(loaded: LoadedSpec, table: Table, rows: Rows, classes: tuple[str, ...] | None) -> Target:
    """The target with all that the spec asks for: class weights, the range of the training rows, a threshold."""
    training = loaded.spec.training
    target = fit_target(loaded, table, rows, classes)
    if problem := weighting.unsuitable(target, training.class_weight):
        raise SpecError(problem._replace(place=loaded.document.place(("training", "class_weight"))))
    target = weighting.weighed(target, training.class_weight, table, rows)
    if training.clamp and target.task == "regression":
        target = bounded(target, table, rows)
    if isinstance(training.threshold, float):
        target = target._replace(threshold=training.threshold)
    return target


def suspected(
    loaded: LoadedSpec, table: Table, rows: Rows, features: tuple[Feature, ...], target: Target
) -> list[Problem]:
    """Warnings about columns and classes that are legal but probably not meant."""
    found = list(suspicions.columns(table, rows, features, target))
    said = {name for name, column in loaded.spec.data.columns.items() if column.type}
    for feature in features:
        if feature.options.type == "categorical" and feature.name not in said:
            found += suspicions.mistaken(table, feature.name, "categories")
    if target.classes and len(target.columns) == 1:
        (name,) = target.columns
        found += suspicions.small_classes(table, name)
        found += [] if name in said else [*suspicions.mistaken(table, name, "classes"), *suspicions.many(table, name)]
    return [doubt._replace(place=Place(table.file)) for doubt in found]


def named(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The files of training, validation and test as the spec names them."""
    given = {"train": spec.data.train, "validation": spec.data.validation, "test": spec.data.test}
    several = {name: (file,) if isinstance(file, str) else file for name, file in given.items()}
    return {name: files for name, files in several.items() if isinstance(files, tuple)}


def paths_of(loaded: LoadedSpec, frames: Frames = NO_FRAMES) -> dict[str, Files]:
    """The paths of these files, where no frame is given in place of one; a DataError for a glob without a match."""
    return {
        name: files_of([path_of(loaded, name, file) for file in files])
        for name, files in named(loaded.spec).items()
        if name not in frames
    }


def matched(loaded: LoadedSpec, key: str, files: Files) -> list[str]:
    """The files of a table, as the spec would name each, where it names some by a glob; else none."""
    given = named(loaded.spec)[key]
    if not any(is_glob(path_of(loaded, key, file)) for file in given):
        return []
    if any(Path(file).is_absolute() for file in given):
        return [os.path.abspath(path) for path in files.paths]  # noqa: PTH100 (links are left as they are)
    return [os.path.relpath(path, loaded.folder) for path in files.paths]


def path_of(loaded: LoadedSpec, key: str, file: str) -> str:
    """A path of the spec, or a glob, relative to the spec's folder, without detours where that is the same file."""
    if file == FRAME:
        message, remedy = "stands for a DataFrame, which nnfit.train is given", "name a file"
        raise SpecError(loaded.document.problem(("data", key), "no-frame", message, remedy))
    if file == "-":
        message, remedy = "training reads files, and not standard input", "save the table, and name the file"
        raise SpecError(loaded.document.problem(("data", key), "standard-input", message, remedy))
    if "://" in file:  # refused when it is read; as a path it would be spelled otherwise
        return file
    path = str(loaded.folder / file)
    return str(direct(Path(glob.escape(str(loaded.folder))) / file if is_glob(path) else Path(path)))


def reading(spec: Spec) -> dict[str, str]:
    """How the spec says columns are read: numeric, text, or not at all. Classes are text, spelled as written."""
    data = spec.data
    kinds = dict.fromkeys(data.ignore, "skip")
    kinds |= dict.fromkeys(data.features or (), "") | dict.fromkeys(data.target, "")
    for name, column in data.columns.items():
        if kinds.get(name) != "skip":
            stated = column.stated
            kinds[name] = "" if stated is None else "numeric" if stated == "numeric" else "text"
    if LOSSES[spec.loss].accepts.high == 1:
        kinds |= dict.fromkeys(data.target, "text")
    return kinds | weight_kind(spec)


def leaks(train: Dataset, other: Dataset, name: str, file: str) -> list[Problem]:
    """A warning about validation or test rows that are training rows too."""
    count = suspicions.repeated((train.examples.X, train.examples.Y), (other.examples.X, other.examples.Y))
    if name == "validation" and count < SOME * other.n:
        return []
    message = (
        f"{count:,} of {other.n:,} {name} rows are, value for value, training rows too: the {name} is easier by that"
    )
    return [Problem("repeated-rows", message, place=Place(file))] if count else []


def twins(train: Dataset, file: str) -> list[Problem]:
    """A warning about training rows that are there twice: who leaves out one of them may have learnt from the other."""
    count = suspicions.twins(train.examples.X, train.examples.Y)
    if count < SOME * train.n:
        return []
    message = (
        f"{count:,} of {train.n:,} rows are, value for value, there more than once: "
        "the scores of rows held out are easier by that"
    )
    return (
        [Problem("repeated-rows", message, "remove repeated rows, if they are one thing", Place(file))] if count else []
    )
