"""The input encoding φ(x): how each column becomes inputs of the network, fitted on the training rows alone.

    numeric      filled, scaled and expanded as numeric.py says
    boolean      0 for false (no, n, f, off), 1 for true; a missing cell is the more frequent of the two
    date         year, month, weekday, days elapsed and two pairs on the circle, as dates.py says
    categorical  one input per category of the training rows, 1 for the row's own; a missing cell is a category

One more input says 1 where a number, boolean or date is missing, if any training row misses it (or the spec says so).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data import dates, numeric
from nnfit.data.rows import quoted
from nnfit.data.table import Rows, Table, room
from nnfit.errors import DataError, Problem, short

Floats = NDArray[np.float64]

# What a column of each type takes from the spec, and its value there where the spec says nothing.
OPTIONS: dict[str, dict[str, Any]] = {
    "numeric": {
        "scale": "standard",
        "log1p": False,
        "degree": 1,
        "bins": None,
        "missing": "median",
        "indicator": "auto",
    },
    "boolean": {"indicator": "auto"},
    "date": {"format": None, "indicator": "auto"},
    "categorical": {"min_count": 1, "max_categories": 1000, "unknown": "error"},
}
TRUE = {"true", "yes", "y", "t", "on", "1"}
FALSE = {"false", "no", "n", "f", "off", "0"}

PIECE = 1 << 16  # rows of a column that are encoded at once, so that what is between takes little memory


class Feature(NamedTuple):
    """One column: its type and options, and what was fitted to the training rows."""

    name: str
    type: str
    options: dict[str, Any]
    indicator: bool = False
    fitted: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()  # categories too rare for an input of their own; they share one

    @property
    def kind(self) -> str:
        """How the column is read: as numeric or as text."""
        return "numeric" if self.type == "numeric" else "text"

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs it becomes."""
        name = self.name
        own = {
            "numeric": lambda: numeric.names(name, self.options),
            "boolean": lambda: [name],
            "date": lambda: [f"{name} {part}" for part in dates.NAMES],
            "categorical": lambda: (
                [f"{name}={c}" if c else f"{name} is missing" for c in self.categories]
                + ([f"{name} is rare"] if self.merged else [])
            ),
        }[self.type]()
        return own + ([f"{name} is missing"] if self.indicator else [])


def values(feature: Feature, table: Table) -> Floats:
    """A numeric, boolean or date column as numbers, missing cells as NaN."""
    if feature.type == "numeric":
        return table.numbers(feature.name)
    read: Callable[[str], float] = boolean if feature.type == "boolean" else date_reader(feature.options["format"])
    text = table.text(feature.name)
    numbers = np.full(len(text.labels), np.nan)
    used = np.bincount(text.codes, minlength=len(text.labels)) > 0
    for code, label in enumerate(text.labels):
        if used[code] and label not in table.dialect.gaps:
            try:
                numbers[code] = read(label)
            except (ValueError, OverflowError):
                row = int(np.argmax(text.codes == code))
                form = feature.options.get("format")
                expected = "true or false" if feature.type == "boolean" else f"a date ({form or '2024-12-31'})"
                message = (
                    f"column {quoted(feature.name)}: expected {expected}, got {quoted(label)}; if it means a missing "
                )
                raise DataError(table.problem(message + "cell, add it to data.missing", feature.name, row)) from None
    return numbers[text.codes]


def boolean(label: str) -> float:
    word = label.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError
    return float(word in TRUE)


def date_reader(form: str | None) -> Callable[[str], float]:
    return lambda label: dates.parse(label, form)


def fit_feature(table: Table, rows: Rows, name: str, type_: str, options: dict[str, Any]) -> Feature:
    """What the training rows say about one column."""
    feature = Feature(name, type_, options)
    if type_ == "categorical":
        return fit_categorical(feature, table, rows)
    x = values(feature, table)[rows]
    missing = bool(np.isnan(x).any())
    indicator = missing if options["indicator"] == "auto" else options["indicator"]
    if type_ == "numeric":
        fitted = numeric.fit(x, options)
        indicator = indicator or options["missing"] == "category"
    elif type_ == "date":
        fitted = dates.fit(x)
    else:
        known = x[~np.isnan(x)]
        fitted = (float(known.mean() >= 0.5) if len(known) else 0.0, 0.0, 1.0)
    return feature._replace(indicator=bool(indicator), fitted=fitted)


def fit_categorical(feature: Feature, table: Table, rows: Rows) -> Feature:
    """The categories of the training rows, sorted; the empty text stands for a missing cell."""
    text = table.text(feature.name)
    counts: dict[str, int] = {}
    for code, count in enumerate(np.bincount(text.codes[rows], minlength=len(text.labels)).tolist()):
        if count:
            label = "" if text.labels[code] in table.dialect.gaps else text.labels[code]
            counts[label] = counts.get(label, 0) + count
    rare = [label for label in counts if counts[label] < feature.options["min_count"]]
    categories = sorted(set(counts).difference(rare))
    if len(categories) > feature.options["max_categories"]:
        message = (
            f"column {quoted(feature.name)} has {len(categories):,} categories, more than max_categories "
            f"{feature.options['max_categories']:,}; merge rare ones with data.columns: {{{short(feature.name)}: "
            "{min_count: 5}}, or leave it out with data.ignore"
        )
        raise DataError(Problem(message, table.file))
    return feature._replace(categories=tuple(categories), merged=tuple(sorted(rare)))


def encode(
    features: Sequence[Feature], table: Table, dtype: str, strange: dict[str, Problem], consume: bool = False
) -> list[Array]:
    """The inputs of every row, one block (n, width) per column.

    A category that no training row has becomes zeros; `strange` takes for its column a problem that lists such values.
    With `consume`, each column leaves the table as it is encoded: the table and its encoding are never whole together.
    """
    blocks: list[Array] = []
    for feature in features:
        shape = table.n, len(feature.inputs)
        block = room(shape, dtype) if consume else np.empty(shape, dtype)
        problem = encode_feature(feature, table, block)
        if problem:
            strange[feature.name] = problem
        blocks.append(block)
        if consume:
            del table.columns[feature.name]
    return blocks


def join(blocks: list[Array], rows: Rows | None = None, consume: bool = False) -> Array:
    """X (n, N₁ + 1): some rows (all, without `rows`) of all blocks, behind a column of ones for the bias unit.

    With `consume`, the list is emptied on the way: the blocks and X are never whole together.
    """
    n = len(blocks[0]) if rows is None else len(rows)
    X = np.empty((n, 1 + sum(block.shape[1] for block in blocks)), blocks[0].dtype)
    X[:, 0] = 1
    column = X.shape[1]
    for i in reversed(range(len(blocks))):
        block = blocks.pop() if consume else blocks[i]
        column -= block.shape[1]
        X[:, column : column + block.shape[1]] = block if rows is None else block[rows]
    return X


def encode_feature(feature: Feature, table: Table, out: Array) -> Problem | None:
    """Write the inputs of one column to out (n, width); the problem of categories that were never seen."""
    if feature.type == "categorical":
        return one_hot(feature, table, out)
    x = values(feature, table)
    if feature.indicator:
        out[:, -1] = np.isnan(x)
        out = out[:, :-1]
    if feature.type == "numeric":
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(x), PIECE):
                piece = slice(start, start + PIECE)
                numeric.apply(x[piece], feature.options, feature.fitted, out[piece])
        bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if len(bad):
            message = (
                f"column {quoted(feature.name)}: {x[bad[0]]:g} is beyond what {out.dtype} can hold once it is scaled"
            )
            raise DataError(table.problem(f"{message}; correct it, or use scale: robust", feature.name, int(bad[0])))
    elif feature.type == "date":
        dates.apply(x, feature.fitted, out)
    else:
        out[:, 0] = np.where(np.isnan(x), feature.fitted[0], x)
    return None


def one_hot(feature: Feature, table: Table, out: Array) -> Problem | None:
    text = table.text(feature.name)
    place = {category: k for k, category in enumerate(feature.categories)}
    place |= dict.fromkeys(feature.merged, len(feature.categories))
    labels = ["" if label in table.dialect.gaps else label for label in text.labels]
    index = np.array([place.get(label, -1) for label in labels], np.intp)[text.codes]
    seen = np.flatnonzero(index >= 0)
    out[:] = 0
    out[seen, index[seen]] = 1
    if len(seen) == len(index):
        return None
    strange = np.flatnonzero(index < 0)
    found = dict.fromkeys(labels[code] for code in text.codes[strange].tolist())
    names = [quoted(label) if label else "a missing cell" for label in found]
    lines = ", ".join(str(table.lines[int(row)]) for row in strange[:5]) + (", …" if len(strange) > 5 else "")
    lines = f"{'line' if len(strange) == 1 else 'lines'} {lines}"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    message = (
        f"column {quoted(feature.name)}: no training row has {', '.join(names[:5])}{more} ({lines}); "
        "correct the cells; nnfit predict takes them as zeros with --unknown zero"
    )
    return table.problem(message, feature.name, int(strange[0]))


def unseen(feature: Feature, table: Table) -> Counter[str]:
    """The categories that no training row has, and in how many rows they are; a missing cell is the empty one."""
    if feature.type != "categorical":
        return Counter()
    text = table.text(feature.name)
    known = {*feature.categories, *feature.merged}
    labels = ["" if label in table.dialect.gaps else label for label in text.labels]
    new = [code for code, label in enumerate(labels) if label not in known]
    if not new:
        return Counter()
    counts = np.bincount(text.codes, minlength=len(labels))
    found: Counter[str] = Counter()
    for code in new:
        found[labels[code]] += int(counts[code])
    return +found


def beyond(feature: Feature, table: Table) -> int:
    """How many rows hold a number or date outside the range of the training rows."""
    if feature.type not in ("numeric", "date"):
        return 0
    x = values(feature, table)
    return int(((x < feature.fitted[1]) | (x > feature.fitted[2])).sum())
