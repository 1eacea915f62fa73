"""Which rows of a table a model has learnt from: metrics on those say nothing of new rows.

The training file itself is recognised by its SHA-256. Of another table the rows are compared with those of the training
file, value by value of the columns that the model reads and of the target, if the file still lies at its path with its
SHA-256. The rows that were drawn from it for validation and test are drawn again, from the seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.config.spec import FRAME, Spec
from nnfit.core.schedules import Plateau
from nnfit.data.cells import Floats, Rows, Text
from nnfit.data.encoding import values
from nnfit.data.fingerprints import Prints, of_rows
from nnfit.data.opening import digest_of, reading
from nnfit.data.table import Growing, Table, from_block
from nnfit.errors import DataError, NnfitError, Place, Problem
from nnfit.model.split import split
from nnfit.progress import phase
from nnfit.words import count, digits

if TYPE_CHECKING:
    from nnfit.model.model import Model

HONEST = ("test", "out_of_fold", "out_of_bag", "validation")  # sets of rows not learnt from, the best first
TOLD = ("accuracy", "log_loss", "rmse", "r2")  # metrics that a warning names

SOME = 0.05  # of the rows

Counts = Mapping[str, int]


def counted(model: Model, table: Table) -> Counts | None:
    """How many rows of a table are rows of the training file, by what they were there: train, validation, test.

    None if that is not known: the table is not the training file, and that is not found, or is another one now.
    """
    digest = model.record.get("data_sha256")
    rows = model.record.get("rows", {})
    if table.sha256 and table.sha256 == digest:
        found = {name: int(rows.get(name, 0)) for name in drawn(model.spec)}
        return found if sum(found.values()) == table.n else {"train": table.n}
    if table.sha256 and table.sha256 == model.record.get("sha256", {}).get("validation"):
        return {"train": 0, "validation": table.n}
    files = training_files(model, table)
    if files is None:
        return None
    try:
        prints, sets = read(model, files)
    except DataError:  # it changed in this moment
        return None
    with phase("comparing rows"):
        own = of_rows(table, columns_of(model, table))
    left, common = np.full(table.n, True), {}
    for name, chosen in sets.items():
        same = left & np.isin(own, prints[chosen])
        common[name] = int(same.sum())
        left &= ~same
    return common


def drawn(spec: Spec) -> list[str]:
    """The sets of rows that the training file makes."""
    return ["train", *(name for name in ("validation", "test") if isinstance(getattr(spec.data, name), float))]


def columns_of(model: Model, table: Table) -> Iterator[Floats | Text]:
    """The columns by which rows are compared, as the model reads them: dates and truth values, too, are numbers."""
    for feature in model.features:
        known, categorical = feature.categories, feature.options.type == "categorical"
        spelled = as_known(table, feature.name, {*known.own, *known.merged}) if categorical else None
        yield values(feature.name, feature.options, table) if spelled is None else spelled
    for name in model.target.columns:
        yield as_known(table, name, model.classes) if model.classes else table.numbers(name)


def as_known(table: Table, name: str, known: Collection[str]) -> Text:
    """A column of text with its labels as those that are known are spelled."""
    return Text(table.text(name).codes, tuple(table.labels(name, known)))


def training_files(model: Model, table: Table | None = None) -> tuple[str, ...] | None:
    """The files that a model was trained on, if they lie where they did, or beside a table, with their SHA-256."""
    digest = model.record.get("data_sha256")
    places = dict.fromkeys(candidates(model, table)) if digest else {}
    return next((paths for paths in places if sha256(paths) == digest), None)


def candidates(model: Model, table: Table | None) -> Iterator[tuple[str, ...]]:
    """Where the training files may lie: as the spec says, from the folders that they may have been meant from.

    These are the current one; that of the spec, which may be that of the model, or as far from it as the spec's
    `output` says; one that has the spec's folder in it; and that of the table, if there is one. The SHA-256 says
    whether they are the files; those that a glob matched are named in the model, since it may match others now.
    """
    train, output, home = model.spec.data.train, model.spec.output, model.home
    names = model.record.get("files", {}).get("train") or ((train,) if isinstance(train, str) else train)
    if FRAME in names:
        return

    def at(place: Callable[[str], Path]) -> tuple[str, ...]:
        return tuple(str(place(name)) for name in names)

    yield from (at(Path), at(below))
    if home is not None:
        yield from (at(lambda name: home / name), at(lambda name: home / below(name)))
        if output is not None:
            yield at(lambda name: home / os.path.relpath(name, Path(output).parent))
    if table is not None:
        beside = Path(table.files[0] if table.files else table.file).parent
        yield at(lambda name: beside / below(name).name)


def below(name: str) -> Path:
    """A path without the steps up."""
    return Path(*(part for part in Path(name).parts if part != ".."))


def sha256(files: tuple[str, ...]) -> str | None:
    """The SHA-256 of a table in regular files; None if there is none."""
    try:
        return digest_of(files)
    except (NnfitError, OSError, ValueError):
        return None


def read(model: Model, files: tuple[str, ...]) -> tuple[Prints, dict[str, Rows]]:
    """The fingerprints of the rows of the training file, (n,), and the rows of each set; in blocks, to save memory."""
    targets = model.target.columns
    labels: dict[str, dict[str, int]] = {name: {} for name in targets if model.classes}
    codes = {name: Growing(np.int32) for name in labels}
    prints, n = Growing(np.uint64), 0
    with reading(files, model.dialect) as reader:
        kinds = model.kinds | model.target.kinds
        for block in reader.blocks(kinds, "comparing with"):
            part = from_block(block, reader, kinds)
            labelled = ~np.any([part.missing(name) for name in targets], axis=0)
            expected = reader.expected_rows(n + block.n, block.end)
            prints.add(of_rows(part, columns_of(model, part))[labelled], expected)
            for name, grown in codes.items():
                text = part.text(name)
                own = text.among(labels[name])
                grown.add(own[labelled], expected)
            n += block.n
    columns: dict[str, Any] = {name: Text(grown.whole(), tuple(labels[name])) for name, grown in codes.items()}
    whole = Table(reader.file, columns, range(1, prints.n + 1), model.dialect)
    sets = split(model.spec, whole, bool(model.classes))
    recorded = model.record.get("rows", {})
    if any(len(chosen) != recorded.get(name) for name, chosen in sets.items()):
        sets = {"train": np.arange(prints.n)}  # drawn in another way: all that is known is that they are of this file
    return prints.whole(), {name: sets[name] for name in ("train", "validation", "test") if name in sets}


def doubt(model: Model, table: Table, counts: Counts | None) -> Problem | None:
    """The warning that rows of a table were learnt from, or steered the training, with the metrics of others beside."""
    if counts is None:
        return None
    place = Place(table.file)
    learnt, watched = counts.get("train", 0), counts.get("validation", 0)
    if few(counts, table.n):
        like = "is, value for value, a row" if learnt == 1 else "are, value for value, rows"
        message = (
            f"{learnt:,} of {count(table.n, 'row')} {like} that the model has learnt from: so few change these metrics"
        )
        return Problem("alike", f"{message} little", place=place)
    if learnt:
        others = [f"{counts[name]:,} are {name} rows" for name in ("validation", "test") if counts.get(name)]
        beside = f" ({', '.join(others)})" if others else ""
        were = "was" if table.n == 1 else "were"
        message = f"{learnt:,} of {count(table.n, 'row')} {were} learnt from{beside}: these metrics and their intervals"
        return Problem("learnt-from", f"{message} are not those of new rows", honest(model), place)
    if watched and steered(model.spec):
        message = f"{watched:,} of {count(table.n, 'row')} are validation rows, which steered the training"
        return Problem("watched", f"{message}: these metrics lean to the good side", honest(model), place)
    return None


def few(counts: Counts | None, n: int) -> bool:
    """Whether so few of n rows were learnt from that it may be so by chance, and hardly matters."""
    return 0 < (counts or {}).get("train", 0) < SOME * n


def steered(spec: Spec) -> bool:
    """Whether the validation rows decided something: when to stop, a temperature, a threshold, a learning rate."""
    training = spec.training
    return training.resample == "none" and (
        training.early_stopping is not None
        or training.calibration != "none"
        or not isinstance(training.threshold, float)
        or isinstance(training.schedule, Plateau)
    )


def honest(model: Model) -> str:
    """The metrics that the model has of rows it did not learn from, as the remedy of the warning."""
    metrics, rows = model.record.get("metrics", {}), model.record.get("rows", {})
    for name in HONEST:
        told = [
            f"{metric} {digits(metrics[name][metric])}"
            for metric in TOLD
            if isinstance(metrics.get(name, {}).get(metric), float)
        ]
        if told:
            number = f" ({count(rows[name], 'row')})" if name in rows else ""
            return f"the honest score, of rows not learnt from, is {name}{number}: {', '.join(told)}"
    return "the model has no metrics of rows not learnt from: train with data.test, or training.resample: folds"
