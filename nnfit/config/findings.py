"""What is found out about a stranger's table: how it is written, what its columns are, and what is left out and why.

Only what all cells of a column have in common is taken for granted. Where two readings are possible, the one that says
less is taken, and told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfit.config.column import NONE, Column, merged, own_count
from nnfit.config.marks import of_file, sample_of, three, with_decimal
from nnfit.config.task import Task, task_of
from nnfit.data import suspicions
from nnfit.data.cells import Floats, Text
from nnfit.data.dates import parse
from nnfit.data.dialect import Dialect
from nnfit.data.encoding import LARGEST
from nnfit.data.identifiers import identifier, in_order, says_identifier
from nnfit.data.parts import Files, files_of
from nnfit.data.recognition import MARKERS, Numbers, dates_in, keys_of, numbers, written
from nnfit.data.sniffing import Said, columnar, dialect_of, plain_texts
from nnfit.data.spelling import Spelling
from nnfit.data.table import BOOLEANS, Table, mixture, read_table
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import tracked
from nnfit.words import count, listed, quoted, short

# Of these nobody makes a class; what else marks a missing number may be one, as NA is a continent.
NO_CLASS = MARKERS - {"NA", "na", "None", "none", "nil", "missing", "-", "--", "—", "."}
NOT_SAID = Said()
MERGED = 0.1  # of the rows; where more of them share an input, that is told
# What is told, most important first.
ORDER = ("left-out", "not-decided", "task", "dropped-rows", "small", "file", "read-as")


class Reading(NamedTuple):
    """How the texts of a column are read: type and keys, the texts that mean a missing cell, and what is in doubt."""

    type: str
    keys: Mapping[str, str] = {}
    spelling: Spelling | None = None
    markers: tuple[str, ...] = ()
    doubt: tuple[str, str] = ("", "")  # what is not decided, and what would do
    mixed: bool = False
    stated: bool = False  # whether a spec must say the type, as the file has the column as texts


class Findings(NamedTuple):
    """What was found out about a file, and what follows from it."""

    dialect: Dialect
    rows: int
    dropped: int
    task: Task
    columns: Mapping[str, Column]
    left_out: Mapping[str, str]  # columns, and why
    notes: tuple[Problem, ...]  # for a person, most important first


def look(data: str, targets: Sequence[str], task: str | None, said: Said = NOT_SAID) -> Findings:
    """Read the file, finding out how it is written, what its columns are, and what to do with its target.

    What is `said` of it is not looked for. A DataError where there is nothing to learn, from or about.
    """
    files = files_of(data)
    dialect, header = dialect_of(files, said)
    whole = Table(data, dict.fromkeys(header, np.empty(0)), (), dialect)
    whole.require(targets, "the target column is" if len(targets) == 1 else "target columns are")
    typed = columnar(files)
    texts = plain_texts(files) if typed else set(header)
    votes = Counter([said.decimal] if said.decimal else [])
    dialect, votes = (dialect, votes) if typed else with_decimal(files, dialect, said.decimal)
    table = read_table(files, dialect, dict.fromkeys(targets, "text"), mixtures=True)
    readings = {
        name: reading_of(column, name, dialect, votes) if name in texts else of_type(column, table.types[name], dialect)
        for name, column in tracked(table.columns.items(), "recognising the columns")
        if isinstance(column, Text)
    }
    if typed:
        other = {name for name in texts if readings[name].type not in ("categorical", "empty")}
        readings |= {name: readings[name]._replace(stated=True) for name in other}
    markers = {marker for reading in readings.values() for marker in reading.markers}
    labels = {label for name in targets for label in table.text(name).labels}
    dialect = dialect._replace(missing=tuple(sorted(markers | (labels & NO_CLASS))))
    table = table._replace(dialect=dialect)
    gone = np.zeros(table.n, bool)
    for name in targets:
        gone |= table.missing(name)
    if gone.all():
        message = f"the target {' or '.join(map(quoted, targets))} is missing in every row"
        raise DataError(Problem("no-target", message, place=Place(data)))
    table = table.rows(np.flatnonzero(~gone)) if gone.any() else table
    refuse_mixed(table, targets, readings)
    found = task_of(table, {name: readings[name].spelling for name in targets}, task)

    notes = [*of_file(dialect, votes), *found.notes]
    if spelled := [name for name, reading in readings.items() if reading.stated]:
        entries = {name: {"type": "numeric"} | dict(found.entries.get(name, {})) for name in targets if name in spelled}
        found = found if found.classes else found._replace(entries=entries)
        shown = listed([f"{name} ({readings[name].type})" for name in spelled if name not in targets])
        notes += [Problem("read-as", f"the file has texts, read as what they spell: {shown}")] if shown else []
    if gone.any():
        which = " or ".join(map(short, targets))
        notes.append(
            Problem("dropped-rows", f"{int(gone.sum()):,} of {len(gone):,} rows have no {which}, and are left out")
        )
    for name in targets if found.classes is None else ():
        notes += in_doubt(name, readings[name]) + read_as(name, table.columns[name], readings[name], dialect)
    findings = learnable(table, found, readings, notes)._replace(dropped=int(gone.sum()))
    sure = typed or votes["."] or said.decimal
    doubts = three_decimals(files, dialect, findings.columns) if not sure else []
    return findings._replace(notes=in_order_of_weight([*findings.notes, *doubts]))


def look_at(table: Table, task: Task, types: Mapping[str, str]) -> Findings:
    """The same of a table in memory, by the rules for a file; what its columns are `types` knows, or else their cells.

    The targets stand apart, and their `task` is known. A DataError where there is nothing to learn from.
    """
    texts = {name: column for name, column in table.columns.items() if isinstance(column, Text)}
    readings = {
        name: Reading(types[name]) if name in types else reading_of(column, name, table.dialect, Counter())
        for name, column in texts.items()
    }
    markers = {marker for reading in readings.values() for marker in reading.markers}
    table = table._replace(dialect=table.dialect._replace(missing=tuple(sorted(markers))))
    return learnable(table, task, readings, task.notes)


def learnable(table: Table, task: Task, readings: Mapping[str, Reading], told: Sequence[Problem]) -> Findings:
    """The columns that can be learnt from, and what is left out and why, beside what is `told` already."""
    dialect, notes = table.dialect, list(told)
    columns: dict[str, Column] = {}
    left_out: dict[str, str] = {}
    for name, cells in tracked(table.columns.items(), "looking at the columns"):
        if name in task.targets:
            continue
        reading = readings.get(name, Reading("numeric", spelling=Spelling(dialect.decimal)))
        column = made(cells, reading, dialect)
        reason = why_not(name, column, dialect)
        if reason:
            left_out[name] = reason + (f" ({reading.doubt[0]})" if reading.mixed else "")
            continue
        columns[name] = column
        notes += read_as(name, cells, reading, dialect)
    columns = merged(columns, table.n)
    for name in [name for name, column in columns.items() if column.merged == 1]:
        left_out[name] = f"{count(len(columns[name].counts), 'different text')}, each in too few rows to learn from"
        del columns[name]
    for name, column in columns.items():
        notes += of_column(name, column, readings.get(name, Reading("numeric")))
    bring_back(table, columns, left_out, readings)
    if not columns:
        reasons = "; ".join(f"{short(name)}: {reason}" for name, reason in list(left_out.items())[:5])
        message = f"no column is left to learn from{' (' + reasons + ')' if reasons else ''}"
        raise DataError(Problem("no-columns", message, place=Place(table.file)))
    notes += [Problem("left-out", f"{short(name)} is left out: {reason}") for name, reason in left_out.items()]
    return Findings(dialect, table.n, 0, task, columns, left_out, in_order_of_weight(notes))


def in_order_of_weight(notes: Sequence[Problem]) -> tuple[Problem, ...]:
    """What is told, most important first."""
    return tuple(sorted(notes, key=lambda note: ORDER.index(note.code)))


# --- what a column is ----------------------------------------------------------------------------------------------


def cells_of(column: Text, gaps: Sequence[str]) -> tuple[list[str], list[int]]:
    """The texts of a column that are not missing, and how many rows have each."""
    counts = np.bincount(column.codes, minlength=len(column.labels)).tolist()
    known = [i for i, label in enumerate(column.labels) if label not in gaps and counts[i]]
    return [column.labels[i] for i in known], [counts[i] for i in known]


def of_type(column: Text, type_: str, dialect: Dialect) -> Reading:
    """A column of a Parquet or Arrow file that has a type; numbers are text here where they are a target."""
    if not cells_of(column, dialect.gaps)[0]:
        return Reading("empty")
    return Reading(type_, spelling=Spelling(dialect.decimal) if type_ == "numeric" else None)


def reading_of(column: Text, name: str, dialect: Dialect, votes: Counter[str]) -> Reading:
    """How the texts of a column are read."""
    labels, counts = cells_of(column, dialect.gaps)
    if not labels:
        return Reading("empty")
    found = numbers(labels, counts, dialect.decimal)
    if found is not None:
        if MARKERS.issuperset(found.strangers):
            return of_numbers(found, labels, name, dialect, votes)
        return mixed(found, name)
    days = dates_in(labels, counts)
    if days is not None and MARKERS.issuperset(days.strangers):
        forms = days.formats
        if len(forms) == 1:
            return Reading("date", {"format": forms[0]} if forms[0] else {}, None, days.strangers)
        example = next(label for label in labels if label not in days.strangers)
        message = f"{quoted(example)} may have the day or the month first; taken as text"
        entries = " or ".join(f"{{{short(name)}: {written({'format': form})}}}" for form in forms)
        return Reading("categorical", doubt=(message, f"set columns: {entries}"))
    if days is not None:
        shown = ", ".join(map(quoted, days.strangers[:3]))
        return Reading("categorical", doubt=(f"dates, but for {shown}; taken as text", "correct these cells"))
    if {label.strip().lower() for label in labels} in BOOLEANS:
        return Reading("boolean")
    return Reading("categorical")


def of_numbers(found: Numbers, labels: Sequence[str], name: str, dialect: Dialect, votes: Counter[str]) -> Reading:
    """A column of numbers: the one way to read them, or the likelier one, told as such."""
    options = found.spellings
    chosen = options[0]
    doubt = ("", "")
    if len(options) > 1:
        one = votes.keys() if len(+votes) == 1 else {dialect.decimal} if votes else set()
        agreed = [each for each in options if each.decimal in one]
        if len(agreed) == 1:
            (chosen,) = agreed
        else:
            usual = "," if dialect.separator == ";" else "."
            chosen = next((each for each in options if each.decimal == usual), chosen)
            other = next(each for each in options if each != chosen)
            example = next(label for label in labels if chosen.number(label) != other.number(label))
            doubt = two_ways(name, example, chosen, other, dialect)
    return Reading("numeric", keys_of(chosen, dialect.decimal), chosen, found.strangers, doubt)


def two_ways(name: str, example: str, chosen: Spelling, other: Spelling, dialect: Dialect) -> tuple[str, str]:
    """What is not decided of a column of numbers, and what would have them read in the other way."""
    taken, second = (f"{spelling.number(example):.15g}" for spelling in (chosen, other))
    entry = written(keys_of(other, dialect.decimal))
    return (
        f"{quoted(example)} may be {taken} or {second}; taken as {taken}",
        f"for {second} set columns: {{{short(name)}: {entry}}}",
    )


def mixed(found: Numbers, name: str) -> Reading:
    """A column of numbers and other texts, which are no known markers of missing cells."""
    shown = ", ".join(map(quoted, found.strangers[:3])) + (", …" if len(found.strangers) > 3 else "")
    message = f"numbers, but for {shown}; taken as text"
    return Reading("categorical", doubt=(message, "list these under missing, if they mean missing cells"), mixed=True)


def refuse_mixed(table: Table, targets: Sequence[str], readings: Mapping[str, Reading]) -> None:
    """A DataError for a target of numbers and other texts."""
    for name in targets:
        problem = mixture(table, name, Place(table.file)) if readings[name].spelling is None else None
        if problem is None and readings[name].mixed:
            message = f"the target {quoted(name)} holds {readings[name].doubt[0].removesuffix('; taken as text')}"
            problem = Problem("mixed-column", message, place=Place(table.file))
        if problem is not None:
            raise DataError(problem._replace(remedy="correct these cells, or empty them: such rows are then left out"))


def made(cells: Floats | Text, reading: Reading, dialect: Dialect) -> Column:
    """A column as it is read, with the keys that say so."""
    if reading.type == "numeric" and isinstance(cells, Text):
        assert reading.spelling is not None
        labels = [np.nan if label in dialect.gaps else reading.spelling.number(label) for label in cells.labels]
        cells = np.array(labels, np.float64)[cells.codes]
    keys: dict[str, Any] = {"type": "categorical" if reading.type == "empty" else reading.type}
    if not isinstance(cells, Text):
        if np.isnan(cells).all():
            return Column(cells, "empty", keys, "", False)
        text = f"numbers from {np.nanmin(cells):.6g} to {np.nanmax(cells):.6g}"
        keys |= {"scale": "clipped", **reading.keys}
        gone = np.isnan(cells)
        values = len(np.unique(cells[~gone]))
        special = bool(reading.keys) or reading.stated
        return Column(cells, "numeric", keys, text + missing(gone), special, bool(gone.any()), values=values)
    labels_, sizes = cells_of(cells, dialect.gaps)
    shown = ", ".join(short(label) for label in labels_[:4]) + (", …" if len(labels_) > 4 else "")
    text = f"{count(len(labels_), 'different text')}: {shown}"
    gone = np.isin(cells.codes, [i for i, label in enumerate(cells.labels) if label in dialect.gaps])
    counts = NONE
    if reading.type == "categorical":
        counts = np.array([*sizes, *([int(gone.sum())] if gone.any() else [])])
        keys["unknown"] = "zero"
        if least := own_count(counts):
            keys["min_count"] = least
    special = bool(reading.keys) or "min_count" in keys or bool(reading.doubt[0]) or reading.stated
    text += missing(gone)
    return Column(cells, reading.type, keys | dict(reading.keys), text, special, bool(gone.any()), counts)


def missing(gaps: np.ndarray[Any, Any]) -> str:
    """How many cells are missing, if any."""
    return f"; {int(gaps.sum()):,} missing" if gaps.any() else ""


def why_not(name: str, column: Column, dialect: Dialect) -> str | None:
    """Why a column is left out; None if it is not."""
    if column.type == "empty" or (isinstance(column.cells, Text) and not cells_of(column.cells, dialect.gaps)[0]):
        return "no row has a value"
    rows = len(column.cells.codes if isinstance(column.cells, Text) else column.cells)
    if suspicions.is_constant(column.cells, np.arange(rows)):
        return "the same in every row"
    if not isinstance(column.cells, Text) and (most := float(np.nanmax(np.abs(column.cells)))) > LARGEST:
        return f"it has {most:g}, and nothing can be fitted to numbers beyond ±{LARGEST:g}"
    written_apart = {"thousands", "prefix", "suffix"} & set(column.keys)
    return None if column.type == "date" or written_apart else identifier(name, column.cells, dialect.gaps)


def of_column(name: str, column: Column, reading: Reading) -> list[Problem]:
    """What is told of a column that is learnt from."""
    found = in_doubt(name, reading)
    cells = column.cells
    if column.merged >= MERGED:
        rare = f"texts of fewer than {column.keys['min_count']:,} rows, which share an input"
        message = f"{short(name)}: {column.merged:.0%} of the rows have {rare}"
        found.append(Problem("not-decided", message, "with min_count: 1 each has its own"))
    if not isinstance(cells, Text) and len(cells) >= 20 and not reading.keys:
        whole = not np.isnan(cells).any() and bool((cells == np.floor(cells)).all())
        if whole and in_order(cells):
            message = f"{short(name)} differs in every row and follows their order; it is learnt from"
            found.append(Problem("not-decided", message, "if it is an identifier, add it to ignore"))
    return found


def three_decimals(data: Files, dialect: Dialect, columns: Mapping[str, Column]) -> list[Problem]:
    """Plain numbers such as 1.234, whose point may separate thousands."""
    plain = [name for name, column in columns.items() if column.type == "numeric" and not column.special]
    sample = sample_of(data, dialect) if plain and dialect.decimal == "." else {}
    found = []
    for name in plain:
        if name in sample and three(sample[name]):
            example = next(cell for cell in sample[name] if "." in cell)
            doubt = two_ways(name, example, Spelling("."), Spelling(",", "."), dialect)
            found += in_doubt(name, Reading("numeric", doubt=doubt))
    return found


def in_doubt(name: str, reading: Reading) -> list[Problem]:
    """What is told of a column that may be read in another way."""
    message, remedy = reading.doubt
    return [Problem("not-decided", f"{short(name)}: {message}", remedy)] if message else []


def read_as(name: str, cells: Floats | Text, reading: Reading, dialect: Dialect) -> list[Problem]:
    """What is told of a column whose numbers or dates are written in a way of their own, with an example."""
    if not reading.keys or not isinstance(cells, Text):
        return []
    label = max(cells_of(cells, dialect.gaps)[0], key=lambda label: (len(label), label))  # that shows the most
    if reading.spelling is not None:
        kind, value = "numbers", f"{reading.spelling.number(label):.15g}"
    else:
        day = np.datetime64(round(86_400 * parse(label, reading.keys["format"])), "s")
        kind, value = "dates", str(day).removesuffix("T00:00:00")
    message = f"{short(name)} is read as {kind}, {quoted(label)} as {value}"
    return [Problem("read-as", f"{message}: {written(reading.keys)}")]


def bring_back(
    table: Table, columns: dict[str, Column], left_out: dict[str, str], readings: Mapping[str, Reading]
) -> None:
    """Where nothing would be left to learn from, the numbers that count the rows are, unless their name forbids it."""
    if columns:
        return
    for name in list(left_out):
        cells = table.columns[name]
        if not isinstance(cells, Text) and "whole number" in left_out[name] and not says_identifier(name):
            columns[name] = made(cells, readings.get(name, Reading("numeric")), table.dialect)
            del left_out[name]
