"""Which columns of the table are inputs, and of which type: what the spec says, and where it is silent the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from nnfit.config.document import Path
from nnfit.config.loader import LoadedSpec
from nnfit.config.spec import Column
from nnfit.data.columns import TYPES, ColumnType, Numeric
from nnfit.data.table import Table, kind
from nnfit.errors import SpecError
from nnfit.words import nearest, quoted, short


def feature_columns(loaded: LoadedSpec, table: Table) -> list[str]:
    """The columns to learn from, in the order of the file; every name in the spec must be a column."""
    data, document = loaded.spec.data, loaded.document
    named: list[tuple[Path, Sequence[str]]] = [
        (("data", "target"), data.target),
        (("data", "features"), data.features or ()),
        (("data", "ignore"), data.ignore),
        (("data", "weight"), (data.weight,) if data.weight else ()),
        *((("data", "columns", column), (column,)) for column in data.columns),
    ]
    lost = {column: path for path, columns in named[::-1] for column in columns[::-1] if column not in table.header}
    found = []
    if lost:  # told at once, at the first: of a spec for another file every column is lost
        lost = dict(reversed(lost.items()))
        path = next(iter(lost.values()))
        found.append(document.problem(path, "missing-column", *absent(list(lost), table)))
    taken = {*data.target, data.weight}
    for key, columns in (("features", data.features or ()), ("ignore", data.ignore), ("weight", (data.weight or "",))):
        for column in columns:
            if key == "ignore" and column in (data.features or ()):
                message = f"{quoted(column)} is one of the features"
                found.append(document.problem(("data", key), "two-roles", message, "name it once"))
            if column in data.target or (key == "features" and column == data.weight):
                message = f"{quoted(column)} is the target or the weight"
                found.append(document.problem(("data", key), "two-roles", message, "remove it here"))
    names = [
        name
        for name in table.header
        if name not in taken and name not in data.ignore and (data.features is None or name in data.features)
    ]
    if not names and not found:
        found.append(document.problem(("data",), "no-columns", "no column is left to learn from"))
    if found:
        raise SpecError(*found)
    return names


def absent(columns: list[str], table: Table) -> tuple[str, str]:
    """What is wrong where the spec names columns that the table lacks, and what would do: of several all at once."""
    remedy = "it has " + ", ".join(map(short, table.header[:20]))
    if len(columns) == 1:
        return f"{table.file} has no column {quoted(columns[0])}", nearest(columns[0], table.header) or remedy
    near = {column: nearest(column, table.header) for column in columns}
    listed = ", ".join(quoted(column) + f" ({near[column]})" * bool(near[column]) for column in columns)
    return f"{table.file} lacks {len(columns)} columns that the spec names: {listed}", remedy


def column_options(loaded: LoadedSpec, table: Table, name: str) -> ColumnType:
    """The type of an input column (the spec's word, else inferred from all its cells), with its options."""
    column = loaded.spec.data.columns.get(name, Column())
    type_ = column.stated or kind(table, name)
    known = {each: {option.name for option in fields(declared)} for each, declared in TYPES.items()}
    misplaced = [key for key in column.given if key not in known[type_]]
    if misplaced:
        found = []
        for key in misplaced:
            types = " and ".join(each for each, options in known.items() if key in options)
            message = f"is for {types} columns, and this one is {type_}"
            remedy = "remove the key, or set another type"
            found.append(loaded.document.problem(("data", "columns", name, key), "wrong-type", message, remedy))
        raise SpecError(*found)
    beside = next((key for key in ("piecewise", "periodic") if getattr(column, key)), "")
    if column.bins and beside:
        message = "stands beside the value, and bins stand in place of it"
        at = ("data", "columns", name, beside)
        raise SpecError(loaded.document.problem(at, "no-value", message, "remove bins, or this key"))
    for key, needs in (("frequency", ("periodic",)), ("amplitude", ("piecewise", "periodic"))):
        value = getattr(column, key)
        if value not in (None, getattr(Numeric(), key)) and not any(getattr(column, each) for each in needs):
            message, remedy = f"does nothing without {' or '.join(needs)}", f"add {' or '.join(needs)}, or remove it"
            raise SpecError(loaded.document.problem(("data", "columns", name, key), "no-effect", message, remedy))
    return column.as_type(type_)
