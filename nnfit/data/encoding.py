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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Beside, Column, Encoded, Expanded, stored
from nnfit.core.parameter import Array
from nnfit.data import dates, numeric
from nnfit.data.cells import Rows
from nnfit.data.columns import Categorical, ColumnType, Date, Numeric
from nnfit.data.feature import Categories, Feature, Truth
from nnfit.data.room import in_memory
from nnfit.data.table import Table
from nnfit.errors import DataError, Place, Problem
from nnfit.progress import tracked
from nnfit.words import quoted, short
from nnfit.workers.memory import zeros

Floats = NDArray[np.float64]

TRUE = {"true", "yes", "y", "t", "on", "1"}
FALSE = {"false", "no", "n", "f", "off", "0"}

LARGEST = 1e290  # of numbers to learn from

PIECE = 1 << 16  # rows of a column that are encoded at once, so that what is between takes little memory


def values(name: str, options: ColumnType, table: Table) -> Floats:
    """A numeric, boolean or date column as numbers, missing cells as NaN."""
    if isinstance(options, Numeric):
        return table.numbers(name)
    text = table.text(name)
    numbers, wrong = readings(name, options, table)
    if wrong:
        form, label = format_of(name, options, table), text.labels[wrong[0]]
        expected = "true or false" if options.type == "boolean" else f"a date ({form or '2024-12-31'})"
        message = f"column {quoted(name)}: expected {expected}, got {quoted(label)}"
        remedy = "if it means a missing cell, add it to data.missing"
        row = int(np.argmax(text.codes == wrong[0]))
        raise DataError(table.problem(f"not-a-{options.type}", message, remedy, name, row))
    return numbers[text.codes]


def readings(name: str, options: ColumnType, table: Table) -> tuple[Floats, list[int]]:
    """The number that each label of a boolean or date column means, NaN of a missing cell, and the codes of no such."""
    read = date_reader(format_of(name, options, table)) if isinstance(options, Date) else boolean
    text = table.text(name)
    numbers = np.full(len(text.labels), np.nan)
    wrong = []
    used = np.bincount(text.codes, minlength=len(text.labels)) > 0
    for code, label in enumerate(table.labels(name, TRUE | FALSE if options.type == "boolean" else ())):
        if used[code] and label:
            try:
                numbers[code] = read(label)
            except (ValueError, OverflowError):
                wrong.append(code)
    return numbers, wrong


def format_of(name: str, options: ColumnType, table: Table) -> str | None:
    """How the dates of a column are written; None as ISO 8601 has them, which those are that were dates before."""
    return options.format if isinstance(options, Date) and table.types.get(name) != "date" else None


def boolean(label: str) -> float:
    """0 for a word that means false, 1 for one that means true; ValueError for any other."""
    word = label.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError
    return float(word in TRUE)


def date_reader(form: str | None) -> Callable[[str], float]:
    """What reads a date of one format, or of ISO 8601."""
    return lambda label: dates.parse(label, form)


def fit_feature(table: Table, rows: Rows, name: str, options: ColumnType) -> Feature:
    """What the training rows say about one column."""
    if isinstance(options, Categorical):
        return Feature(name, options, False, fit_categories(table, rows, name, options))
    x = values(name, options, table)[rows]
    quantiles = isinstance(options, Numeric) and (options.bins or options.piecewise)
    if isinstance(options, Numeric) and (options.scale != "none" or quantiles or options.missing == "mean"):
        refuse_beyond(table, rows, name, x)
    gaps = bool(np.isnan(x).any())
    indicator = gaps if options.indicator == "auto" else options.indicator
    if isinstance(options, Numeric):
        return Feature(name, options, indicator or options.missing == "category", numeric.fit(x, options))
    if isinstance(options, Date):
        return Feature(name, options, indicator, dates.fit(x))
    known = x[~np.isnan(x)]
    return Feature(name, options, indicator, Truth(float(known.mean() >= 0.5) if len(known) else 0.0))


def refuse_beyond(table: Table, rows: Rows, name: str, x: Floats) -> None:
    """A DataError for a training cell so large that the distance to another, or a sum over rows, is no number."""
    far = np.flatnonzero(np.abs(x) > LARGEST)
    if len(far):
        message = f"column {quoted(name)}: {x[far[0]]:g} is beyond ±{LARGEST:g}, and nothing can be fitted to it"
        raise DataError(
            table.problem("overflow", message, "correct it, or give it in another unit", name, rows[far[0]])
        )


def fit_categories(table: Table, rows: Rows, name: str, options: Categorical) -> Categories:
    """The categories of the training rows; the empty text stands for a missing cell."""
    text = table.text(name)
    counts: dict[str, int] = {}
    for code, count in enumerate(np.bincount(text.codes[rows], minlength=len(text.labels)).tolist()):
        if count:
            label = "" if text.labels[code] in table.dialect.gaps else text.labels[code]
            counts[label] = counts.get(label, 0) + count
    rare = [label for label in counts if counts[label] < options.min_count]
    own = sorted(set(counts).difference(rare))
    if len(own) > options.max_categories:
        most = f"max_categories {options.max_categories:,}"
        message = f"column {quoted(name)} has {len(own):,} categories, more than {most}"
        remedy = (
            f"merge rare ones with data.columns: {{{short(name)}: {{min_count: 5}}}}, or leave it out with data.ignore"
        )
        raise DataError(Problem("many-categories", message, remedy, Place(table.file)))
    return Categories(tuple(own), tuple(sorted(rare)))


def encode(
    features: Sequence[Feature], table: Table, dtype: str, strange: dict[str, Problem], consume: bool = False
) -> list[Array]:
    """What is kept of the inputs of every row, one block (n, kept) per column.

    A category that no training row has becomes zeros; `strange` takes for its column a problem that lists such values.
    With `consume`, each column leaves the table as it is encoded: the table and its encoding are never whole together.
    """
    blocks: list[Array] = []
    for feature in tracked(features, "encoding"):
        shape = table.n, feature.kept
        block = in_memory(shape, dtype) if consume else np.empty(shape, dtype)
        problem = encode_feature(feature, table, block)
        if problem:
            strange[feature.name] = problem
        blocks.append(block)
        if consume:
            del table.columns[feature.name]
    return blocks


def join(blocks: list[Array], rows: Rows | None = None, consume: bool = False, shared: bool = False) -> Array:
    """Some rows (all, without `rows`) of all blocks, behind a column of ones for the bias unit, (n, 1 + kept).

    With `consume`, the list is emptied on the way: the blocks and X are never whole together. With `shared`, X lies in
    memory that other processes may see.
    """
    n = len(blocks[0]) if rows is None else len(rows)
    X = (zeros if shared else np.empty)((n, 1 + sum(block.shape[1] for block in blocks)), blocks[0].dtype)
    X[:, 0] = 1
    column = X.shape[1]
    for i in tracked(reversed(range(len(blocks))), "joining the inputs", len(blocks)):
        block = blocks.pop() if consume else blocks[i]
        column -= block.shape[1]
        X[:, column : column + block.shape[1]] = block if rows is None else block[rows]
    return X


def expanded(features: Sequence[Feature], kept: Array, n: int | None = None, shared: bool = False) -> Encoded:
    """X (n, N₁ + 1): the inputs of rows of which these are kept, (n, 1 + kept), in memory or to be made when read.

    That depends on n, the rows of the tables that it is one of. With `shared`, other processes may see it.
    """
    if not any(feature.beside for feature in features):
        return kept
    X = Expanded(kept, layout(features, kept.dtype))
    if not stored(len(X) if n is None else n, X.shape[1] - 1, X.dtype.itemsize):
        return X
    return X.made(kept, (zeros if shared else np.empty)(X.shape, X.dtype))


def layout(features: Sequence[Feature], dtype: np.dtype[Any]) -> Beside:
    """How all inputs, ones in column 0, are made of those that are kept."""
    return Beside([Column(1, numeric.NOTHING), *map(column, features)], dtype)


def column(feature: Feature) -> Column:
    """What is kept of a column, and what stands beside it."""
    return Column(feature.kept - feature.indicator, feature.expansion, int(feature.indicator))


def encoded(features: Sequence[Feature], table: Table, dtype: str, strange: dict[str, Problem]) -> Encoded:
    """X (n, N₁ + 1): all rows of a table, ones in column 0; `strange` as in `encode`."""
    return expanded(features, join(encode(features, table, dtype, strange)))


def encode_into(features: Sequence[Feature], table: Table, rows: Rows, out: Array, beyond: dict[int, int]) -> None:
    """Write the kept inputs of some rows, in order, to out (r, 1 + kept), as `join` of `encode`, PIECE after PIECE.

    Of categories see `never_seen`. `beyond` takes, by the number of its column, the first row with a cell that the
    dtype cannot hold; `refuse_too_far` tells of it.
    """
    writers = [writer(feature, table) for feature in features]
    pieces = range(0, len(rows), PIECE)
    for start in tracked(pieces, "encoding", len(pieces)):
        some = rows[start : start + PIECE]
        piece, column = out[start : start + PIECE], 1
        piece[:, 0] = 1
        for k, (feature, write) in enumerate(zip(features, writers, strict=True)):
            part = piece[:, column : column + feature.kept]
            column += feature.kept
            write(some, part)
            bad = too_far(feature, part)
            if len(bad):
                beyond[k] = min(int(some[bad[0]]), beyond.get(k, table.n))


def writer(feature: Feature, table: Table) -> Callable[[Rows, Array], None]:
    """What writes the kept inputs of some rows of a column."""
    fitted, name = feature.fitted, feature.name
    if isinstance(fitted, Categories):
        index, codes = inputs_of_labels(name, fitted, table), table.text(name).codes
        return lambda rows, out: write_one_hot(index[codes[rows]], out)
    x = values(name, feature.options, table)
    return lambda rows, out: encode_values(feature, x[rows], out)


def encode_feature(feature: Feature, table: Table, out: Array) -> Problem | None:
    """Write what is kept of one column to out (n, kept); the problem of categories that were never seen."""
    fitted = feature.fitted
    if isinstance(fitted, Categories):
        of_label = inputs_of_labels(feature.name, fitted, table)
        write_one_hot(of_label[table.text(feature.name).codes], out)
        return unknown(feature.name, fitted, of_label, table)
    encode_values(feature, values(feature.name, feature.options, table), out)
    bad = too_far(feature, out)
    if len(bad):
        refuse_too_far(feature, table, int(bad[0]), out.dtype)
    return None


def too_far(feature: Feature, out: Array) -> Rows:
    """The rows of encoded ones (n, kept) whose number is beyond what the dtype can hold; dates and truth have none."""
    if isinstance(feature.fitted, Categories):
        return np.zeros(0, np.intp)
    with np.errstate(over="ignore"):
        return np.flatnonzero(~(np.isfinite(out).all(axis=1) & feature.expansion.finite(out[:, 0])))


def refuse_too_far(feature: Feature, table: Table, row: int, dtype: np.dtype[Any]) -> None:
    """The DataError of a number that the dtype cannot hold."""
    name = feature.name
    message = f"column {quoted(name)}: {table.numbers(name)[row]:g} is beyond what {dtype} can hold once it is scaled"
    raise DataError(table.problem("overflow", message, "correct it, or use scale: robust", name, row))


def encode_values(feature: Feature, x: Floats, out: Array) -> None:
    """Write the inputs of numbers, truth values or days x (n,), missing ones as NaN, to out (n, width or kept)."""
    fitted = feature.fitted
    if feature.indicator:
        out[:, -1] = np.isnan(x)
        out = out[:, :-1]
    if isinstance(fitted, numeric.Fitted):
        assert isinstance(feature.options, Numeric)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(x), PIECE):
                piece = slice(start, start + PIECE)
                numeric.apply(x[piece], feature.options, fitted, out[piece])
    elif isinstance(fitted, dates.Fitted):
        dates.apply(x, fitted, out)
    elif isinstance(fitted, Truth):
        out[:, 0] = np.where(np.isnan(x), fitted.fill, x)


def inputs_of_labels(name: str, categories: Categories, table: Table) -> NDArray[np.intp]:
    """The input of the category that each label of a column is, −1 where no training row has it."""
    place = {category: k for k, category in enumerate(categories.own)}
    place |= dict.fromkeys(categories.merged, len(categories.own))
    return np.array([place.get(label, -1) for label in table.labels(name, place)], np.intp)


def write_one_hot(index: NDArray[np.intp], out: Array) -> None:
    """Write a 1 to the input of each row's category, zeros to all others."""
    seen = np.flatnonzero(index >= 0)
    out[:] = 0
    out[seen, index[seen]] = 1


def never_seen(feature: Feature, table: Table) -> Problem | None:
    """The problem of categories that no training row has, where there are any."""
    name, fitted = feature.name, feature.fitted
    if not isinstance(fitted, Categories):
        return None
    return unknown(name, fitted, inputs_of_labels(name, fitted, table), table)


def unknown(name: str, categories: Categories, of_label: NDArray[np.intp], table: Table) -> Problem | None:
    """The problem of those among the labels of a column that are no category, where a row has one."""
    if not (of_label < 0).any():
        return None
    text = table.text(name)
    strange = np.flatnonzero(of_label[text.codes] < 0)
    if not len(strange):
        return None
    labels = table.labels(name, {*categories.own, *categories.merged})
    found = dict.fromkeys(labels[code] for code in text.codes[strange].tolist())
    labelled = [quoted(label) if label else "a missing cell" for label in found]
    lines = ", ".join(table.where(strange[:5])) + (", …" if len(strange) > 5 else "")
    lines = f"{table.noun}{'s' * (len(strange) > 1)} {lines}"
    more = f" and {len(labelled) - 5} more" if len(labelled) > 5 else ""
    message = f"column {quoted(name)}: no training row has {', '.join(labelled[:5])}{more} ({lines})"
    remedy = "correct the cells; nnfit predict takes them as zeros with --unknown zero"
    return table.problem("unknown-category", message, remedy, name, int(strange[0]))


def unseen(feature: Feature, table: Table) -> Counter[str]:
    """The categories that no training row has, and in how many rows they are; a missing cell is the empty one."""
    if not isinstance(feature.fitted, Categories):
        return Counter()
    text = table.text(feature.name)
    known = {*feature.fitted.own, *feature.fitted.merged}
    labels = table.labels(feature.name, known)
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
    fitted = feature.fitted
    if not isinstance(fitted, numeric.Fitted | dates.Fitted):
        return 0
    x = values(feature.name, feature.options, table)
    return int(((x < fitted.low) | (x > fitted.high)).sum())


def filled(feature: Feature, table: Table) -> int:
    """How many rows miss a number, date or truth value that no training row misses; no input says so."""
    options = feature.options
    if isinstance(options, Categorical) or options.indicator != "auto" or feature.indicator:
        return 0
    return int(table.missing(feature.name).sum())
