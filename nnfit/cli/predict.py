"""`nnfit predict`: one output row per input row, in order."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads


class Unknown(StrEnum):
    """What a category that no training row had becomes."""

    error = "error"
    zero = "zero"


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that nnfit train wrote.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A CSV file with the model's columns; - reads stdin.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where the CSV goes; default stdout.", callback=named),
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
    threads: Threads = None,
) -> None:
    """Predict a row for every row of DATA, as CSV.

    Columns are matched by name, in any order; others are ignored with one warning, and the target is not needed.
    """
    from nnfit.cli import progress, screen
    from nnfit.data.reader import Reader
    from nnfit.model.loading import load
    from nnfit.model.prediction import csv_predictions, like_training
    from nnfit.storage import files
    from nnfit.storage.paths import what

    path = path_of(output)
    if sys.stdout.isatty() and (path is None or what(path) == "stream"):
        progress.hush()  # a bar would stand between the rows
    files.check_outputs([path], [model, data])
    trained = load(model)
    with like_training(trained.dialect), Reader(data, trained.dialect) as reader:
        kept = list(dict.fromkeys(keep or []))
        pieces = csv_predictions(trained, reader, proba, kept, unknown and unknown.value, screen.warn, uncertainty)
        if path is not None:
            with files.replacing(path) as file:
                file.writelines(pieces)
        else:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
