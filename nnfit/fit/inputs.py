"""Which columns of the table are inputs, and of which type: what the spec says, and where it is silent the cells."""

from __future__ import annotations

from dataclasses import fields

from nnfit.config.loader import LoadedSpec
from nnfit.config.spec import Column
from nnfit.data.columns import TYPES, ColumnType
from nnfit.data.table import Table, kind
from nnfit.errors import SpecError
from nnfit.words import nearest, quoted, short


def feature_columns(loaded: LoadedSpec, table: Table) -> list[str]:
    """The columns to learn from, in the order of the file; every name in the spec must be a column."""
    data, document = loaded.spec.data, loaded.document
    named = {
        ("data", "target"): data.target,
        ("data", "features"): data.features or (),
        ("data", "ignore"): data.ignore,
        ("data", "weight"): (data.weight,) if data.weight else (),
    }
    found = []
    for path, columns in named.items():
        for column in columns:
            if column not in table.header:
                found.append(document.problem(path, "missing-column", *absent(column, table)))
    for column in data.columns:
        if column not in table.header:
            entry = ("data", "columns", column)
            found.append(document.problem(entry, "missing-column", *absent(column, table)))
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


def absent(column: str, table: Table) -> tuple[str, str]:
    """What is wrong where the spec names a column that the table lacks, and what would do."""
    remedy = nearest(column, table.header) or "it has " + ", ".join(map(short, table.header[:20]))
    return f"{table.file} has no column {quoted(column)}", remedy


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
    return column.as_type(type_)
