"""What `nnfit init` takes the target for: a number, or classes; what was inferred, and how to say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.recognition import dates_in, keys_of
from nnfit.data.spelling import Spelling
from nnfit.data.table import Table
from nnfit.errors import DataError, Place, Problem
from nnfit.words import count, quoted, short

FEW = 10  # whole numbers with no more different values than this are taken for classes
MOST = 1000  # classes
ALIKE = "several targets must all be numbers, or all be 0 or 1"
VAST = 1e150
UNLIKELY = 20  # different values in most rows, from which on they are no classes

Spellings = Mapping[str, Spelling | None]  # of each target, where its texts are numbers


class Task(NamedTuple):
    """The target columns, their classes (None for numbers; "0" and "1" of several), and what a spec says of them."""

    targets: tuple[str, ...]
    classes: tuple[str, ...] | None
    entries: Mapping[str, Mapping[str, Any]]
    notes: tuple[Problem, ...]

    @property
    def words(self) -> str:
        """The kind of target, for a comment."""
        several = len(self.targets) > 1
        if self.classes is None:
            return f"{len(self.targets)} real numbers" if several else "a real number"
        return f"{len(self.targets)} times 0 or 1" if several else f"{len(self.classes)} classes"


def task_of(table: Table, spellings: Spellings, asked: str | None) -> Task:
    """The task: what is asked for, else what suits the target. A DataError for one that cannot be."""
    return several(table, spellings, asked) if len(spellings) > 1 else single(table, spellings, asked)


def fail(table: Table, code: str, message: str, remedy: str = "") -> DataError:
    """The error of a target that cannot be learnt."""
    return DataError(Problem(code, message, remedy, Place(table.file)))


def labels_of(table: Table, name: str) -> list[str]:
    """The texts of a target."""
    return [label for label in table.text(name).labels if label not in table.dialect.gaps]


def refuse_vast(table: Table, name: str, values: NDArray[np.float64]) -> None:
    """A DataError for a real target whose squares no number holds."""
    if np.abs(values).max() > VAST:
        message = f"the target {quoted(name)} goes up to {np.abs(values).max():g}, whose square is beyond all numbers"
        raise fail(table, "vast-target", message, "give it in a larger unit")


def as_number(table: Table, name: str, spelling: Spelling, also: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a spec says of a real target, if it must say anything."""
    keys = keys_of(spelling, table.dialect.decimal)
    return {name: {"type": "numeric", **keys}} if keys or also else {}


def single(table: Table, spellings: Spellings, asked: str | None) -> Task:
    """The task of one target."""
    ((name, spelling),) = spellings.items()
    labels = labels_of(table, name)
    if spelling is None:
        return of_texts(table, name, labels, asked)
    values = np.array([spelling.number(label) for label in labels], np.float64)
    different = np.unique(values)
    k, n = len(different), table.n
    whole = bool((different == np.floor(different)).all())
    span = f"{different[0]:g} to {different[-1]:g}" if k > 2 else " and ".join(f"{value:g}" for value in different)
    what = f"{short(name)} has {k:,} {'whole ' if whole else ''}value{'s' * (k > 1)}, {span}"
    if k == 1:
        raise fail(table, "single-class", f"the target {quoted(name)} has a single value; there is nothing to learn")
    plain = spelling.plain and spelling.decimal == table.dialect.decimal
    fits = len(labels) <= MOST and not (2 * k > n and k > UNLIKELY)  # as classes
    alike = (k == 2 and (whole or n > 2)) or (plain and whole and k <= FEW and 2 * k <= n)
    if asked == "regression" or (asked is None and not alike):
        refuse_vast(table, name, values)
        also = {"type": "numeric"} if k == 2 else {}
        way = "--task classification takes each value for a class" if fits and not asked else ""
        note = Problem("task", f"{what}: taken as a number", way)
        return Task((name,), None, as_number(table, name, spelling, also), (note,))
    if not fits:
        message = f"the target {quoted(name)} has {k:,} different values in {count(n, 'row')}, too many for classes"
        raise fail(table, "many-classes", message, "use --task regression")
    said = not plain or not whole or k > 2 * FEW
    way = "--task regression for a number" if asked is None or not whole else ""
    return Task(
        (name,),
        tuple(labels),
        {name: {"type": "categorical"}} if said else {},
        (Problem("task", f"{what}: taken as classes", way),),
    )


def of_texts(table: Table, name: str, labels: list[str], asked: str | None) -> Task:
    """The task of a target of texts, which are classes."""
    shown = ", ".join(map(quoted, labels[:3])) + (", …" if len(labels) > 3 else "")
    if asked == "regression":
        message = f"the target {quoted(name)} holds texts ({shown}), and --task regression asks for numbers"
        raise fail(table, "not-numbers", message, "leave --task out, or correct the cells")
    k, n = len(labels), table.n
    if k < 2:
        raise fail(table, "single-class", f"the target {quoted(name)} has a single value; there is nothing to learn")
    if k > MOST:
        message = f"the target {quoted(name)} has {k:,} different texts ({shown}), too many for classes"
        raise fail(table, "many-classes", message, "name another target")
    counts = np.bincount(table.text(name).codes).tolist()
    dated = dates_in(labels, [counts[table.text(name).labels.index(label)] for label in labels])
    notes = [Problem("task", f"{short(name)} has {k:,} different texts: taken as classes")]
    if 2 * k > n > 3 or dated:
        kind = "dates, which are not predicted as numbers" if dated else "a text of their own in most rows"
        notes.insert(0, Problem("not-decided", f"the target {short(name)} has {kind}: each is taken as a class"))
    return Task((name,), tuple(labels), {name: {"type": "categorical"}} if dated else {}, tuple(notes))


def several(table: Table, spellings: Spellings, asked: str | None) -> Task:
    """The task of several targets: all of them numbers, or all of them 0 or 1."""
    names = tuple(spellings)
    texts = [name for name, spelling in spellings.items() if spelling is None]
    if texts:
        labels = ", ".join(map(quoted, labels_of(table, texts[0])[:3]))
        message = f"{ALIKE}, and {quoted(texts[0])} holds texts ({labels})"
        raise fail(table, "wrong-target", message, "predict it with a spec of its own")
    binary = [name for name in names if set(labels_of(table, name)) <= {"0", "1"}]
    if asked == "classification" and len(binary) < len(names):
        other = next(name for name in names if name not in binary)
        message = f"several targets of classes must all be 0 or 1, and {quoted(other)} is not"
        raise fail(table, "wrong-target", message, "use --task regression, or a spec for each target")
    if asked is None and 0 < len(binary) < len(names):
        other = next(name for name in names if name not in binary)
        message = f"{ALIKE}: {quoted(binary[0])} is 0 or 1, {quoted(other)} is not"
        raise fail(table, "wrong-target", message, "use --task regression for numbers, or a spec for each target")
    listed = ", ".join(map(short, names))
    if len(binary) == len(names) and asked != "regression":
        for name in names:
            if len(labels_of(table, name)) < 2:
                message = f"the target {quoted(name)} has a single value; there is nothing to learn"
                raise fail(table, "single-class", message)
        way = "" if asked else "--task regression for numbers"
        return Task(names, ("0", "1"), {}, (Problem("task", f"{listed} are 0 or 1: taken as classes", way),))
    entries: dict[str, Mapping[str, Any]] = {}
    for name, spelling in spellings.items():
        assert spelling is not None
        refuse_vast(table, name, np.array([spelling.number(label) for label in labels_of(table, name)], np.float64))
        if len(labels_of(table, name)) < 2:
            message = f"the target {quoted(name)} has a single value; there is nothing to learn"
            raise fail(table, "single-class", message)
        entries |= as_number(table, name, spelling, {"type": "numeric"} if len(labels_of(table, name)) == 2 else {})
    return Task(names, None, entries, (Problem("task", f"{listed}: taken as numbers"),))
