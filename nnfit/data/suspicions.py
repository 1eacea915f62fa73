"""What in the data is legal but probably not meant: columns that teach nothing or too much, rows that leak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Encoded
from nnfit.core.parameter import Array
from nnfit.data.cells import Floats, Rows, Text
from nnfit.data.columns import Numeric
from nnfit.data.feature import Feature
from nnfit.data.fingerprints import of_examples
from nnfit.data.identifiers import identifier
from nnfit.data.recognition import readings
from nnfit.data.table import Table
from nnfit.data.target import Target
from nnfit.errors import Problem
from nnfit.progress import phase, tracked
from nnfit.words import listed, quoted, short

ENOUGH = 20  # with fewer rows, distinct values and equal columns are no surprise
MANY = 20  # numbers with more different values than this are seldom classes
IGNORE = "add it to data.ignore"


def columns(table: Table, rows: Rows, features: Sequence[Feature], target: Target) -> Iterator[Problem]:
    """Constant columns, identifiers, and columns that are the target in other words: problems without a place."""
    constant = [f.name for f in features if is_constant(table.columns[f.name], rows)]
    if constant:
        message = f"one value in all training rows, so nothing to learn from: {listed(constant)}"
        yield Problem("constant-column", message, IGNORE)
    for name in target.columns:
        if is_constant(table.columns[name], rows):
            message = f"one value of the target {quoted(name)} in all training rows, so nothing to learn"
            yield Problem("constant-target", message)
    if table.n < ENOUGH:
        return
    rest = [f for f in features if f.name not in constant]
    possible = tracked([f for f in rest if may_identify(f)], "looking for identifiers")
    reasons = {f.name: identifier(f.name, table.columns[f.name], table.dialect.gaps) for f in possible}
    identifiers = [name for name, reason in reasons.items() if reason]
    several = [name for name in identifiers if "identifier" not in str(reasons[name])]
    if len(identifiers) > len(several):
        named = [name for name in identifiers if name not in several]
        yield Problem("identifier", f"another value in every row, as an identifier has: {listed(named)}", IGNORE)
    if several:
        yield Problem("free-text", f"nearly every row has a text of its own: {listed(several)}", IGNORE)
    for name in target.columns:
        others = tracked([f.name for f in rest if f.name not in identifiers], "looking for leaks")
        same = [other for other in others if tells(table.columns[other], table.columns[name])]
        if same:
            message = f"{listed(same)} tells the target {quoted(name)} in every row (leakage?)"
            yield Problem("tells-target", message, f"if it is not known when you predict, {IGNORE}")


def may_identify(feature: Feature) -> bool:
    """Whether a column could be an identifier: a date is none, nor is what has a unit, a currency or groups."""
    options = feature.options
    written = isinstance(options, Numeric) and (options.prefix or options.suffix or options.thousands)
    return options.type != "date" and not written


def mistaken(table: Table, name: str, what: str) -> Iterator[Problem]:
    """A column of texts that look like numbers or dates, and are taken for categories or classes: `what`."""
    column = table.text(name)
    counts = np.bincount(column.codes, minlength=len(column.labels)).tolist()
    known = [i for i, label in enumerate(column.labels) if label not in table.dialect.gaps]
    labels = [column.labels[i] for i in known]
    entries, strangers = readings(labels, [counts[i] for i in known], table.dialect.decimal)
    if not entries or all(table.dialect.number(label, name) is not None for label in labels):
        return
    shown = ", ".join(map(quoted, [label for label in labels if label not in strangers][:3]))
    kind = "dates" if "type: date" in entries[0] else "numbers"
    message = f"column {quoted(name)} looks like {kind} ({shown}), but is taken as {len(known):,} {what}"
    where = f"data.columns: {{{short(name)}: "
    remedy = " or ".join(f"{where}{entry}}}" for entry in entries)
    others = f", with {', '.join(map(quoted, strangers[:3]))} added to data.missing" if strangers else ""
    yield Problem("looks-like-numbers", message, f"set {remedy}{others}; or {{type: categorical}} if that is meant")


def many(table: Table, name: str) -> Iterator[Problem]:
    """Classes that are plain numbers, too many or too fine to be names of classes."""
    labels = table.text(name).labels
    values = [table.dialect.number(label, name) for label in labels]
    fine = any(value is not None and value != np.floor(value) for value in values)
    if None not in values and len(labels) > (2 if fine else MANY):
        message = f"the target {quoted(name)} holds numbers, {len(labels):,} different ones, each taken as a class"
        other = f"data.columns: {{{short(name)}: {{type: categorical}}}} if that is meant"
        yield Problem("numbers-as-classes", message, f"for a real target use the loss mse; set {other}")


def two_values(table: Table, name: str) -> bool:
    """Whether a column of numbers has two values, as classes have."""
    column = table.columns[name]
    return not isinstance(column, Text) and len(np.unique(column)) == 2


def small_classes(table: Table, name: str) -> Iterator[Problem]:
    """Classes that cannot be in the training and the test rows both: problems without a place."""
    text = table.text(name)
    counts = np.bincount(text.codes, minlength=len(text.labels))
    single = [label for label, count in zip(text.labels, counts, strict=True) if count == 1]
    if single:
        message = f"classes of {quoted(name)} with a single row, which cannot be learned and tested both"
        yield Problem("single-row", f"{message}: {listed(single)}")


def is_constant(column: Floats | Text, rows: Rows) -> bool:
    """Whether a column has one value in some rows; missing cells are one too."""
    values = column.codes if isinstance(column, Text) else column
    first = values[rows[0]]
    same = values == first if first == first else np.isnan(values)
    return bool(same[rows].all())


def tells(column: Floats | Text, target: Floats | Text) -> bool:
    """Whether each value of the column belongs to one of the target and the other way round, or they are in line."""
    few = slice(0, 1000)  # these settle nearly every case, without a pass over all rows
    return all(tell(part(column, rows), part(target, rows)) for rows in (few, slice(None)))


def part(column: Floats | Text, rows: slice) -> Floats | Text:
    """Some rows of a column."""
    return Text(column.codes[rows], column.labels) if isinstance(column, Text) else column[rows]


def tell(column: Floats | Text, target: Floats | Text) -> bool:
    """Whether the rows that are given have that relation."""
    if isinstance(column, Text) or isinstance(target, Text):
        x, y = codes(column), codes(target)
        # A column of different numbers is in one-to-one relation to anything of different values.
        return max(len(np.unique(x)), len(np.unique(y))) <= len(x) / 2 and one_to_one(x, y)
    if np.isnan(column).any():
        return False
    x, y = column - column.mean(), target - target.mean()
    with np.errstate(over="ignore"):
        scale = float(np.sqrt((x @ x) * (y @ y)))
    return 0 < scale < np.inf and abs(float(x @ y)) / scale > 1 - 1e-12


def codes(column: Floats | Text) -> NDArray[np.intp]:
    """A number for each value of a column, the same in every row that has it."""
    return column.codes.astype(np.intp) if isinstance(column, Text) else np.unique(column, return_inverse=True)[1]


def one_to_one(x: NDArray[np.integer], y: NDArray[np.integer]) -> bool:
    """Whether each code of one belongs to one code of the other."""
    pairs = len(np.unique(x.astype(np.int64) * (int(y.max()) + 1) + y))
    return pairs == len(np.unique(x)) == len(np.unique(y))


@phase("comparing rows")
def repeated(train: tuple[Encoded, Array], other: tuple[Encoded, Array]) -> int:
    """How many of the other rows (X, Y) are, input for input and output for output, training rows too."""
    known, asked = np.sort(of_examples(*train)), of_examples(*other)
    return int((known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked).sum())


@phase("comparing rows")
def twins(X: Encoded, Y: Array) -> int:
    """How many rows are, input for input and output for output, equal to another."""
    prints = np.sort(of_examples(X, Y))
    same = prints[1:] == prints[:-1]
    return int((np.r_[False, same] | np.r_[same, False]).sum())
