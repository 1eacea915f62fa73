"""Several models on the rows of one table: their metrics side by side, and which differences are more than chance.

Each reads the table by its own dialect and columns, so they may differ in all but what they predict: the same target
columns of the same kind, with the same classes. They are scored on the same rows: one that a model leaves out for want
of a target is left out for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nnfit.data.dialect import Dialect, Written, as_trained
from nnfit.data.source import held
from nnfit.data.table import Table, read_table
from nnfit.data.target import Target, unlabelled
from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.model.learnt import Counts
from nnfit.model.model import Evaluation, Model
from nnfit.model.prediction import like_training
from nnfit.scoring.evaluation import evaluate
from nnfit.scoring.pairs import Paired, Said, differences
from nnfit.words import listed, quoted


class Comparison(NamedTuple):
    """How some models do on the same rows: the metrics of each, and the differences of each pair in each metric.

    `learnt` says of each model how many of the rows are rows of its training file, by what they were there, if that is
    known. In the places of the warnings, the key is the model.
    """

    rows: int
    metrics: tuple[dict[str, Any], ...]
    differences: tuple[Paired, ...]
    warnings: tuple[Problem, ...]
    learnt: tuple[Counts | None, ...]


def read(models: Sequence[Model], data: str, names: Sequence[str], written: Written = as_trained) -> list[Table]:
    """A file, or standard input (`-`), as each of the models reads it; a DataError names the model.

    `written` says how the file is written, from how the training file of a model was.
    """
    known: dict[str, Table] = {}
    tables, text = [], held(data)
    for model, name in zip(models, names, strict=True):
        dialect = written(model.dialect)
        key = repr((dialect, sorted(model.labelled_kinds.items())))  # of one family of models it is read once
        if key not in known:
            with of_model(model, name, dialect):
                known[key] = read_table(data, dialect, model.labelled_kinds, others=False, held=text)
        tables.append(known[key])
    return tables


def compare(models: Sequence[Model], tables: Sequence[Table], names: Sequence[str]) -> Comparison:
    """The metrics of each model on the rows of one table, and the differences of each pair.

    `tables` are these rows as each model reads them (`read`, or `read_frame` of a DataFrame), `names` what messages
    call the models. A UsageError where they do not predict the same, and for a single one; a DataError where the rows
    are not labelled, or not the same for all.
    """
    refuse_single(names)
    for model, name in zip(models[1:], names[1:], strict=True):
        refuse_other(models[0].target, model.target, names[0], name)
    tables, warnings = labelled(models, tables, names)
    found: list[Evaluation] = []
    for model, table, name in zip(models, tables, names, strict=True):
        with of_model(model, name):
            found.append(model.evaluation(table))
        refuse_other_rows(models[0], model, found[0], found[-1], tables[0], names[0], name)
    w, metrics = found[0].w, [each.metrics for each in found]
    if any(not same(w, each.w) for each in found):
        w, metrics = None, [unweighted(*each) for each in zip(models, tables, found, strict=True)]
        message = "the models do not count the rows by the same weights (training.weighted_metrics)"
        warnings.append(Problem("other-weights", message, "here each row counts once"))
    said = [
        Said(model.target, each.y_hat, each.truth, model.spec.training.resample != "none")
        for model, each in zip(models, found, strict=True)
    ]
    warnings += gathered([each.warnings for each in found], names)
    learnt = tuple(each.learnt for each in found)
    return Comparison(tables[0].n, tuple(metrics), differences(said, w), tuple(warnings), learnt)


def refuse_single(names: Sequence[str]) -> None:
    """A UsageError for fewer than two models."""
    if len(names) < 2:
        raise UsageError(Problem("single-model", "one model alone has nothing to be compared with", "name two or more"))


@contextmanager
def of_model(model: Model, name: str, dialect: Dialect | None = None) -> Iterator[None]:
    """Errors in data for one of several models: its name is the key of their places."""
    try:
        with like_training(dialect or model.dialect):
            yield
    except DataError as error:
        raise DataError(*(named(problem, name) for problem in error.problems)) from None


def named(problem: Problem, name: str) -> Problem:
    """A problem with the name of the model that it is one of."""
    return problem._replace(place=problem.place._replace(key=name))


def gathered(each: Sequence[Sequence[Problem]], names: Sequence[str]) -> Iterator[Problem]:
    """The warnings of all models, with their names; what is said of several in the same words, once."""
    owners: dict[Problem, list[str]] = {}
    for problems, name in zip(each, names, strict=True):
        for problem in problems:
            owners.setdefault(problem, []).append(name)
    for problem, of in owners.items():
        yield named(problem, of[0] if len(of) == 1 else listed(of))


def refuse_other(target: Target, other: Target, first: str, name: str) -> None:
    """A UsageError for a model that does not predict what the first does.

    Of several targets the order is free, since the metrics are means over them; one logistic neuron and two softmax
    neurons predict the same two classes.
    """

    def differ(message: str) -> UsageError:
        return UsageError(Problem("other-target", message, "compare models of one target", Place(name)))

    columns, its = (", ".join(map(quoted, sorted(each.columns))) for each in (target, other))
    if sorted(target.columns) != sorted(other.columns):
        raise differ(f"predicts {its} and not, as {first} does, {columns}")
    if (target.task == "regression") != (other.task == "regression"):
        kinds = ("a number", "a class") if other.task == "regression" else ("a class", "a number")
        raise differ(f"predicts {its} as {kinds[0]} and not, as {first} does, as {kinds[1]}")
    lost, more = (
        [c for c in a if c not in b] for a, b in ((target.classes, other.classes), (other.classes, target.classes))
    )
    if lost or more:
        what = f"lacks classes of {first}" if lost else f"has classes that {first} lacks"
        raise differ(f"{what}: {', '.join(map(quoted, (lost or more)[:10]))}" + ", …" * (len(lost or more) > 10))
    if target.classes != other.classes:
        raise differ(f"has the classes in another order than {first}")


def labelled(
    models: Sequence[Model], tables: Sequence[Table], names: Sequence[str]
) -> tuple[list[Table], list[Problem]]:
    """The tables without the rows that one of the models leaves out for want of a target, and what it says of that."""
    tables = list(tables)
    warnings: list[Problem] = []
    for k, (model, name) in enumerate(zip(models, names, strict=True)):
        with of_model(model, name):
            _, dropped = model.labelled(tables[k])
        if dropped:
            left = np.flatnonzero(~unlabelled(tables[k], model.target.columns))
            tables = [table.rows(left) for table in tables]
            warnings += dropped
    return tables, warnings


def refuse_other_rows(
    model: Model, other: Model, own: Evaluation, its: Evaluation, table: Table, first: str, name: str
) -> None:
    """A DataError for a target that one model reads in another way than the first: another decimal mark, other gaps."""
    truth, others = (
        each.truth.reshape(len(each.truth), -1)[:, np.argsort(m.target.columns)]
        for each, m in ((own, model), (its, other))
    )
    if truth.shape == others.shape and (truth == others).all():
        return
    if len(truth) != len(others):
        message = f"has {len(truth):,} rows as {first} reads it, and {len(others):,} as this model does"
        raise DataError(Problem("other-rows", message, place=Place(table.file, key=name)))
    row, k = (int(at) for at in np.argwhere(truth != others)[0])
    own_value, its_value = (
        quoted(model.classes[int(each[row, k])]) if model.classes else f"{each[row, k]:g}" for each in (truth, others)
    )
    target = quoted(sorted(model.target.columns)[k])
    message = f"{first} reads the target {target} as {own_value} here, and this model as {its_value}"
    remedy = "compare models that were trained on tables written in one way"
    raise DataError(Problem("other-rows", message, remedy, table.place(row)._replace(key=name)))


def same(w: Any, other: Any) -> bool:
    """Whether rows count alike in two models."""
    return other is None if w is None else other is not None and np.array_equal(w, other)


def unweighted(model: Model, table: Table, found: Evaluation) -> dict[str, Any]:
    """The metrics of a model if each row counts once."""
    return evaluate(model.target, model.spec.loss, found.y_hat, found.truth, model.weights(table, found.truth))
