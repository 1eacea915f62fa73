"""Rows to hold a file against `predict`: of the training data, drawn from what was fitted, and made hostile.

All are tables as `predict` takes them; `feed` is what a caller of the file hands over in their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.data import dates, numeric
from nnfit.data.cells import Text, text_of, tokens
from nnfit.data.columns import Date
from nnfit.data.encoding import values
from nnfit.data.feature import Feature
from nnfit.data.table import Table
from nnfit.export.onnx.dates import as_number
from nnfit.model.model import Model
from nnfit.words import encodable

ROWS = 1000  # of a table, at most
DRAWN = 200  # where there is no table
HOSTILE = 600  # at most, of which so many are
MIXED = 100  # changed in several columns
UNKNOWN = "∅ no training row has this"
WRONG = "neither true nor false"
SPREAD = (-1e6, -3.0, 4.0, 1e6)  # ranges of a column, from its least value
FAR = (0.0, 5e-324, 1e30, -1e30, 1e300, -1e300, 1.7e308)
ISO_DATES = (
    *("2024-2-29", "2024-02-29T23:59:59", "2024-12-31 12:30", "2023-02-30", "2024-03-01T00:00:00.250", "0001-01-01"),
    *("2024-03-01T12:00:00Z", "2024-03-01T00:30:00+02:00", "9999-12-31", "1969-12-31 23:00:00-01:00", "today"),
)


def feed(model: Model, table: Table) -> dict[str, NDArray[Any]]:
    """The rows of a table as the inputs of the file, (n, 1) each; a date or truth value without blanks around it."""
    found: dict[str, NDArray[Any]] = {}
    table = stripped(model, table)
    for feature in model.features:
        if as_number(feature):
            own: NDArray[Any] = values(feature.name, feature.options, table)
        else:
            column = table.columns[feature.name]
            own = column.cells() if isinstance(column, Text) else column
        found[feature.name] = own.reshape(-1, 1)
    return found


def stripped(model: Model, table: Table) -> Table:
    """The table without the blanks around dates and truth values, which no operator takes away."""
    columns = dict(table.columns)
    for name in padded(model, table):
        text = table.text(name)
        columns[name] = text._replace(labels=tuple(bare(label, model) or label for label in text.labels))
    return table._replace(columns=columns)


def padded(model: Model, table: Table) -> list[str]:
    """The columns of dates and truth values, read as texts, in which some have blanks around them."""
    return [
        feature.name
        for feature in model.features
        if feature.options.type in ("date", "boolean") and not as_number(feature)
        if any(bare(label, model) for label in table.text(feature.name).labels)
    ]


def bare(label: str, model: Model) -> str | None:
    """What stands between the blanks around a cell; None where none are, or where it would be a missing cell."""
    found, gaps = label.strip(), model.dialect.gaps
    return None if found == label or label in gaps or found in gaps else found


def some(table: Table) -> Table:
    """Rows of a table, from its beginning to its end."""
    if table.n <= ROWS:
        return table
    return table.rows(np.linspace(0, table.n - 1, ROWS).astype(np.intp))


def numbered(table: Table) -> Table:
    """The table with its rows numbered from 0, be they of several files or of one."""
    return table._replace(lines=range(table.n), parts=())


def drawn(model: Model) -> Table:
    """Rows drawn from the ranges and categories of the training rows, each column by itself."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for feature in model.features:
        fitted = feature.fitted
        if isinstance(fitted, numeric.Fitted):
            x = fitted.low + rng.random(DRAWN) * (fitted.high / 2 - fitted.low / 2) * 2
            columns[feature.name] = as_read(x, feature, model)
        elif isinstance(fitted, dates.Fitted):
            days = rng.integers(round(fitted.low), round(fitted.high) + 1, DRAWN)
            columns[feature.name] = text_of(spelled(day, feature) for day in days.tolist())
        else:
            known = [label for label in (*feature.categories.own, *feature.categories.merged) if encodable(label)]
            columns[feature.name] = text_of(rng.choice(np.array(known or ["true", "false"], object), DRAWN).tolist())
    return Table("rows drawn from the fitted ranges", columns, range(DRAWN), model.dialect, tuple(columns))


def as_read(x: NDArray[np.float64], feature: Feature, model: Model) -> NDArray[np.float64]:
    """Numbers as a table has them: NaN for those that mean a missing cell of the column."""
    return np.where(np.isin(x, list(tokens(model.dialect, feature.name))), np.nan, x)


def spelled(day: float, feature: Feature) -> str:
    """A day as the cells of a column of dates have it."""
    assert isinstance(feature.options, Date)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=min(max(day, -719162), 2932896))
    form = feature.options.format
    if form is None:
        return moment.date().isoformat()
    return moment.strftime(form.strip().replace("%Y", f"{moment.year:04}"))


def hostile(model: Model, table: Table) -> Table:
    """Rows of a table in which cells are missing, unknown or extreme: each kind in each column alone, then several.

    Of many columns and kinds some are drawn, always the same.
    """
    rng = np.random.default_rng(0)
    odd = {feature.name: list(cells(feature, model)) for feature in model.features}
    alone = [(name, cell) for name, own in odd.items() for cell in own]
    if len(alone) > HOSTILE - MIXED:
        alone = [alone[k] for k in sorted(rng.choice(len(alone), HOSTILE - MIXED, replace=False).tolist())]
    n = len(alone) + MIXED
    base = numbered(table.rows(rng.integers(table.n, size=n)))
    columns: dict[str, Any] = {}
    for feature in model.features:
        column = base.columns[feature.name]
        own: Any = column.cells() if isinstance(column, Text) else column.copy()
        for row, (name, cell) in enumerate(alone):
            if name == feature.name:
                own[row] = cell
        # Missing and unknown in many columns at once; far numbers in two would cancel to nothing but rounding.
        tame = [cell for cell in odd[feature.name] if isinstance(cell, str) or not abs(cell) > 1e20]
        for row in range(len(alone), n):
            if rng.random() < 0.4:
                own[row] = tame[int(rng.integers(len(tame)))]
        columns[feature.name] = text_of(own) if isinstance(column, Text) else as_read(own, feature, model)
    return base._replace(columns=columns)


def cells(feature: Feature, model: Model) -> Iterable[Any]:
    """Cells of a column that few tables have."""
    fitted = feature.fitted
    if isinstance(fitted, numeric.Fitted):
        width = (fitted.high - fitted.low) or 1.0
        yield from (np.nan, fitted.low, fitted.high, *FAR)
        yield from (value for value in (fitted.low + step * width for step in SPREAD) if np.isfinite(value))
        return
    yield from (gap for gap in model.dialect.gaps if encodable(gap))
    if isinstance(fitted, dates.Fitted):
        days = (fitted.low, fitted.high, fitted.low - 400, fitted.high + 400, 19782, -25509)
        yield from (spelled(day, feature) for day in days)
        if not as_number(feature):
            yield from ISO_DATES if feature.options == Date() else ("31.02.2024", "today")
    elif feature.options.type == "boolean":
        yield from ("true", "FALSE", "Yes", "n", "1", "0", "oN", "off", WRONG)
    else:
        yield from (UNKNOWN, " ", "\t\0 ", "x" * 5000, *(f" {label}" for label in feature.categories.own[:1]))
