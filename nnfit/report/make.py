"""Where a page is put together: from models and a table, or from a training that has just ended, to bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from nnfit.data.dialect import Written, as_trained
from nnfit.data.frames import read_frame
from nnfit.data.parts import Files
from nnfit.data.table import Table, read_table
from nnfit.errors import Problem
from nnfit.explain.rows import Rows, rows_of
from nnfit.fit.run import Run
from nnfit.model.aggregates import SETS
from nnfit.model.compare import compare, read, refuse_other
from nnfit.model.model import Model
from nnfit.model.prediction import like_training
from nnfit.model.split import split
from nnfit.report import several
from nnfit.report.extra import require
from nnfit.report.page import html, page_of
from nnfit.report.told import WORDS, Told, of_table
from nnfit.words import count

Data = str | pd.DataFrame  # a file, `-` for standard input, or a frame


def of_models(
    models: Mapping[str, Model],
    data: Data | None = None,
    warn: Callable[..., object] | None = None,
    written: Written = as_trained,
) -> bytes:
    """The page of models by their names: of one, or of several side by side.

    With `data`, labelled rows, it shows these; without, what the models carry of the rows that they did not learn from.
    A DataError where the rows cannot be read or are not labelled, a UsageError where models do not predict the same and
    where the packages of the extra `report` are missing. `warn` is called with what is to be said of the rows, and
    `written` says how a file is written, from how the training file was. The same models, under the same names, and
    rows give the same bytes.
    """
    require()
    if len(models) > 1:
        return of_several(models, data, warn, written)
    ((name, model),) = models.items()
    if data is None:
        return html(page_of(model, name))
    with like_training(written(model.dialect)):
        table = table_of(model, data, written)
        told, rows = asked(model, table)
    if warn is not None:
        warn(*told.doubts)
    return html(page_of(model, name, told, rows, told.words))


def table_of(model: Model, data: Data | Files, written: Written = as_trained) -> Table:
    """The labelled rows, as the model reads them."""
    if not isinstance(data, pd.DataFrame):
        return read_table(data, written(model.dialect), model.labelled_kinds, others=False)
    return read_frame(data, model.dialect, model.labelled_kinds, others=False)


def asked(model: Model, table: Table) -> tuple[Told, Rows]:
    """What is told of the rows of a table, and they themselves."""
    kept, dropped = model.labelled(table)
    return of_table(model, kept, model.evaluation(kept), dropped), rows_of(model, table)


def of_several(
    models: Mapping[str, Model], data: Data | None, warn: Callable[..., object] | None, written: Written
) -> bytes:
    """The page of several models of one target; with rows, compared in pairs."""
    names = list(models)
    for name in names[1:]:
        refuse_other(models[names[0]].target, models[name].target, names[0], name)
    if data is None:
        return html(several.page_of(models, None))
    if isinstance(data, str):
        tables = read(list(models.values()), data, names, written)
    else:
        tables = [table_of(model, data) for model in models.values()]
    found = compare(list(models.values()), tables, names)
    if warn is not None:
        warn(*found.warnings)
    return html(several.page_of(models, found, tables[0].file))


# --- of a training that has just ended -----------------------------------------------------------------------------


def of_training(
    model: Model, run: Run, name: str, warnings: Iterable[Problem] = (), seconds: float | None = None
) -> bytes:
    """The page of a training that has just ended: what the model carries, and what matters in rows not learnt from.

    For the latter the data are read once more, from the file they were read from.
    """
    rows, words = unlearnt(model, run)
    stopping, asked_of_test = run.prepared.spec.training.early_stopping, "test" in run.prepared.sets and not run.kept
    chosen = stopping is not None and not asked_of_test
    return html(page_of(model, name, None, rows, words, warnings, seconds, chosen))


def unlearnt(model: Model, run: Run) -> tuple[Rows | None, str]:
    """The rows that the model did not learn from, as questions are asked of them, and their words.

    Those of folds and bootstraps are asked of the members that did not learn from them. None if a file has changed.
    """
    prepared, spec = run.prepared, model.spec
    files = prepared.sources
    name = next(each for each in SETS if each in model.record["metrics"])
    table = table_of(model, files.get(name, files["train"]))
    if table.sha256 != prepared.sha256.get(name, prepared.sha256["train"]):
        return None, ""
    if name in files and name != "train":
        rows = rows_of(model, table, unknown="zero")
    else:
        labelled, _ = model.labelled(table)
        places = np.searchsorted(table.lines, labelled.lines)
        sets = split(spec, labelled, bool(model.classes))
        if run.kept:
            speak = np.zeros((len(model.theta), table.n), bool)
            for k, kept in enumerate(run.kept):
                speak[k, places[sets["train"][kept]]] = True
            rows = rows_of(model, table, speak, "zero")
        else:
            chosen = places[sets[name]]
            rows = rows_of(model, table.rows(chosen), unknown="zero", numbers=chosen + 1)
    return rows, WORDS[name].format(rows=count(rows.n, "row"), of=f"{rows.n:,}")
