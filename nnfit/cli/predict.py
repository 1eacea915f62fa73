"""`nnfit predict`: one output row per input row, in order."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written


class Unknown(StrEnum):
    """What a category that no training row had becomes."""

    error = "error"
    zero = "zero"


def predict(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table with the model's columns; - reads stdin.")],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where they go, as the ending says; default stdout.", callback=named
        ),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of every class.")] = False,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Add the standard deviation over the members.")
    ] = False,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Copy this input column in front; repeatable.")
    ] = None,
    unknown: Annotated[
        Unknown | None,
        typer.Option(
            help="A category that no training row had is an error, or zeros; else as the spec says of its column."
        ),
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
) -> None:
    """Predict a row for every row of DATA.

    Columns are matched by name, in any order; others are ignored with one warning, and the target is not needed. DATA
    is CSV, packed (.gz, .zst) or not, Parquet or Arrow, or a quoted glob of such files. The ending of FILE says what is
    written: .parquet, .arrow or .feather, .tsv, else CSV; .gz or .zst behind that packs it.
    """
    from nnfit.cli import progress, screen
    from nnfit.data.opening import reading
    from nnfit.data.parts import files_of
    from nnfit.data.writing import form_of, write
    from nnfit.model.loading import load
    from nnfit.model.prediction import like_training, predictions
    from nnfit.storage import files
    from nnfit.storage.paths import what

    path = path_of(output)
    if sys.stdout.isatty() and (path is None or what(path) == "stream"):
        progress.hush()  # a bar would stand between the rows
    form, tables = form_of("" if path is None else str(path)), files_of(data)
    files.check_outputs([path], [model, *tables.paths])
    trained = load(model)
    dialect = written(separator, decimal, encoding)(trained.dialect)
    with like_training(dialect), reading(tables, dialect) as reader:
        kept = list(dict.fromkeys(keep or []))
        types = reader.stored([name for name in kept if name in reader.header]) if form.kind != "csv" else {}
        blocks = predictions(trained, reader, proba, kept, unknown and unknown.value, screen.warn, uncertainty)
        if path is not None:
            with files.replacing(path) as file:
                write(blocks, form, file.write, types)
        else:
            write(blocks, form, sys.stdout.buffer.write, types)
            sys.stdout.buffer.flush()
