"""A spec for a stranger's CSV: look at the file, choose what suits it, and say why beside each choice."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfit.config.document import parse
from nnfit.data import suspicions
from nnfit.data.reader import Dialect, Reader
from nnfit.data.rows import number
from nnfit.data.table import Table, Text, kind, mixture, read_table
from nnfit.data.target import Target, refuse_missing
from nnfit.errors import DataError, Place, Problem
from nnfit.words import short

# What people write for a missing cell.
MARKERS = ("?", "NA", "N/A", "na", "n/a", "NaN", "nan", "NULL", "null", "None", "none", "-", "--", ".", "missing")
SEPARATORS = (",", ";", "\t", "|")
FEW = 10  # whole numbers with no more different values than this are taken for classes
WIDE = 400  # a spec that lists more columns than this is no longer read by anybody
UPDATES = 6000  # about as many steps of the optimizer are proposed, where the rows are many
MEMBERS = 8


class Findings(NamedTuple):
    """What was found out about a file, and what follows from it."""

    table: Table
    target: str
    classes: tuple[str, ...] | None
    ignored: dict[str, str]  # columns left out, and why
    mixed: tuple[str, ...]  # columns that hold numbers and other texts, taken as categories


def propose(data: Path, target: str, folder: Path) -> str:
    """The text of a spec in `folder` that predicts `target` from the other columns of the file `data`."""
    return "\n".join(lines(look(data, target), data, folder)) + "\n"


def look(data: Path, target: str) -> Findings:
    """Read the file, finding out its separator, encoding, markers for missing cells and the kind of its columns."""
    dialect, header = guess_dialect(str(data))
    if target not in header:
        Table(str(data), dict.fromkeys(header, np.empty(0)), (), dialect).require([target], "the target column is")
    table, mixed = read_mixed(str(data), dialect, target)
    column = table.columns[target]
    assert isinstance(column, Text)
    refuse_missing(table, target)
    mixed_target = mixture(table, target, Place(str(data)))
    if mixed_target:
        raise DataError(mixed_target)
    classes = classes_or_none(column.labels, dialect.decimal)
    if classes is not None and len(classes) < 2:
        message = f'the target "{target}" has a single value; there is nothing to learn'
        raise DataError(Problem("single-class", message, place=Place(str(data))))
    ignored = {}
    rows = np.arange(table.n)
    for name, values in table.columns.items():
        if name == target:
            continue
        if suspicions.is_constant(values, rows):
            ignored[name] = "the same in every row"
        elif table.n >= suspicions.ENOUGH and suspicions.is_identifier(values) and kind(table, name) != "date":
            ignored[name] = "another value in every row, like an identifier"
    if len(ignored) == len(table.columns) - 1:
        ignored = {}
    return Findings(table, target, classes, ignored, mixed)


def guess_dialect(data: str) -> tuple[Dialect, list[str]]:
    """The first encoding and separator that read the header and the first rows as a table."""
    problems: list[DataError] = []
    for encoding in ("utf-8", "cp1252", "latin-1"):
        for separator in SEPARATORS:
            dialect = Dialect(separator, encoding)
            try:
                with Reader(data, dialect) as reader:
                    block = next(reader.blocks(dict.fromkeys(reader.header, "text")))
            except DataError as error:
                problems.append(error)
                continue
            comma = sum(
                bool(re.fullmatch(r"-?\d+,\d+", str(c))) for cells in block.columns.values() for c in cells[:50]
            )
            return dialect._replace(decimal="," if separator != "," and comma else "."), reader.header
    raise problems[0]


def read_mixed(data: str, dialect: Dialect, target: str) -> tuple[Table, tuple[str, ...]]:
    """The table, read with the markers for missing cells it uses, and the columns that mix numbers with other texts."""
    table = read_table(data, dialect, {target: "text"}, mixtures=True)
    found: set[str] = set()
    for name, column in table.columns.items():
        if name != target and isinstance(column, Text) and has_numbers(column, dialect):
            others = {label for label in column.labels if label and number(label, dialect.decimal) is None}
            if others <= set(MARKERS):
                found |= others
    found -= set(table.text(target).labels)
    if found:
        dialect = dialect._replace(missing=tuple(sorted(found)))
        table = read_table(data, dialect, {target: "text"}, mixtures=True)
    mixed = [
        name
        for name, column in table.columns.items()
        if name != target and isinstance(column, Text) and has_numbers(column, dialect)
    ]
    return table, tuple(mixed)


def has_numbers(column: Text, dialect: Dialect) -> bool:
    """Whether a cell of a text column is a number."""
    return any(number(label, dialect.decimal) is not None for label in column.labels)


def classes_or_none(labels: tuple[str, ...], decimal: str) -> tuple[str, ...] | None:
    """The labels as classes, or None where they are better taken for a real number."""
    values = [number(label, decimal) for label in labels]
    if None in values:
        return labels
    few = len(labels) <= 2 or (len(labels) <= FEW and all(value == round(value) for value in values if value))
    return labels if few else None


def lines(found: Findings, data: Path, folder: Path) -> Iterator[str]:
    """The spec, line by line."""
    n = found.table.n
    inputs = [name for name in found.table.columns if name != found.target and name not in found.ignored]
    yield f"# Made by nnfit init for {data.name}: {n:,} rows, {len(inputs)} columns to learn from."
    yield "# Try it: nnfit check, then nnfit train. Every key: nnfit schema."
    yield "data:"
    yield f"  train: {word(os.path.relpath(data, folder))}"
    kind_of_target = "a real number" if found.classes is None else f"{len(found.classes)} classes"
    yield comment(f"  target: {word(found.target)}", kind_of_target)
    dialect = found.table.dialect
    if dialect.separator != ",":
        yield f"  separator: {json.dumps(dialect.separator)}"
    if dialect.decimal != ".":
        yield f"  decimal: {json.dumps(dialect.decimal)}"
    if dialect.encoding != "utf-8":
        yield comment(f"  encoding: {dialect.encoding}", "the file is not UTF-8")
    if dialect.missing:
        yield comment(f"  missing: {listed(dialect.missing)}", "stand among numbers, so they mean a missing cell")
    for name, reason in found.ignored.items():
        yield f"  # {word(name)} is ignored: {reason}"
    if found.ignored:
        yield f"  ignore: {listed(tuple(found.ignored))}"
    if len(inputs) <= WIDE:
        yield "  columns:"
        if any(kind(found.table, name) == "categorical" for name in inputs):
            yield "    # unknown: zero lets nnfit predict go on, with a warning, at a category that is not here yet"
        for name in inputs:
            yield column_line(found, name)
    yield from network_lines(found, n)


def column_line(found: Findings, name: str) -> str:
    """One column: its type, and why."""
    table = found.table
    column, type_ = table.columns[name], kind(table, name)
    gaps = int(table.missing(name).sum())
    missing = f"; {gaps:,} missing" if gaps else ""
    if not isinstance(column, Text):
        text = f"numbers from {np.nanmin(column):.6g} to {np.nanmax(column):.6g}"
        entry = "{type: numeric, scale: clipped}"
    else:
        known = [label for label in column.labels if label not in table.dialect.gaps]
        entry = f"{{type: {type_}, unknown: zero}}" if type_ == "categorical" else f"{{type: {type_}}}"
        if type_ == "categorical" and len(known) > 50:
            entry = "{type: categorical, unknown: zero, min_count: 5, max_categories: 10000}"
        shown = ", ".join(short(label) for label in known[:4]) + (", …" if len(known) > 4 else "")
        text = f"{len(known):,} different texts: {shown}"
        if name in found.mixed:
            text += " (numbers among them: are the others missing cells? then list them under missing)"
    return comment(f"    {word(name)}: {entry}", text + missing)


def network_lines(found: Findings, n: int) -> Iterator[str]:
    """The network and its training, sized by the number of rows."""
    batch = 32 if n < 4_000 else 64 if n < 10_000 else 128 if n < 50_000 else 512
    per_epoch = max(1, round(n * (MEMBERS - 1) / MEMBERS / batch))
    epochs = int(np.clip(round(UPDATES / per_epoch), 20, 60))
    sizes = [128, 128]
    yield "network:"
    yield "  layers:"
    for size in sizes:
        yield comment(f"    - {{size: {size}, activation: mish}}", "hidden")
    if found.classes is None:
        output, loss = ("1, activation: linear", "one real output"), ("mse", "mean squared error, for a real target")
    elif len(found.classes) == 2:
        second = Target("binary", (found.target,), found.classes)
        output = "1, activation: logistic", f"the probability of one of {len(second.classes)} classes"
        loss = "bce", "binary cross-entropy, for two classes"
    else:
        output = "auto, activation: softmax", "one probability per class"
        loss = "cross_entropy", "for more than two classes"
    yield comment(f"    - {{size: {output[0]}}}", output[1])
    yield comment("  initialization: {bias: 0, output_gain: 0.1}", "the first outputs are close to the mean")
    yield comment(f"  members: {MEMBERS}", "networks trained together; predictions are averaged")
    yield comment(f"loss: {loss[0]}", loss[1])
    yield "training:"
    yield comment(f"  epochs: {epochs}", f"about {epochs * per_epoch:,} updates")
    yield comment(f"  batch_size: {batch}", "examples per update")
    yield "  optimizer: {name: adamw, learning_rate: 0.01, beta2: 0.95, weight_decay: 0.02}"
    yield comment("  schedule: cosine", "the learning rate falls to 0")
    yield comment("  resample: folds", "each member leaves out a fold: scores on rows that were not learnt from")
    if found.classes is None:
        yield comment("  clamp: true", "predictions stay within the range of the target in these rows")
    yield comment(f"  early_stopping: {{patience: {epochs}}}", "keeps the best weights, by the cost on that fold")
    yield comment("seed: 0", "of the folds, the initial weights and the order of the rows")


def comment(text: str, why: str) -> str:
    """A line with its reason, in a column of reasons."""
    return f"{text:<50} # {why}"


def listed(names: tuple[str, ...]) -> str:
    """A list of texts as YAML."""
    return f"[{', '.join(map(word, names))}]"


def word(text: str) -> str:
    """Text as YAML: plain where that reads back the same, else in double quotes."""
    simple = re.fullmatch(r"[A-Za-z_./]([A-Za-z0-9_./ -]*[A-Za-z0-9_])?", text)
    return text if simple and parse(text.encode(), "").value == text else json.dumps(text)
