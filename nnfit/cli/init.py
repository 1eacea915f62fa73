"""`nnfit init`: a commented spec made for a CSV, ready to train."""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.outputs import json_of, named, path_of

SCHEMA = ".nnfit.schema.json"  # beside the spec, so that who gets the folder gets both, on any machine
MOST = 20  # lines about columns that are left out, or about anything else of one kind


class Task(StrEnum):
    """What the target is taken for."""

    classification = "classification"
    regression = "regression"


def init(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The file: CSV with a header, Parquet or Arrow; or a quoted glob.")
    ],
    target: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN", help="The column to predict; given again, one of several: all numbers, or all 0 or 1."
        ),
    ],
    task: Annotated[
        Task | None, typer.Option(help="What the target is: classes, or a number. Without it, it is inferred and told.")
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(
            "--time",
            metavar="SECONDS",
            help="About how long training may take on one core; what is proposed is cut to fit, by a table of costs.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="SPEC", help="Where the spec goes; default stdout.", callback=named),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(metavar="MARK", help=r"What separates the cells, \t a tab; else it is found out.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar="MARK", help="What stands before decimals; else it is found out.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="The encoding of the file; else it is found out.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not try by folds what numbers are best expanded to.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a spec that is already there.")] = False,
) -> None:
    """Look at DATA and write a spec that predicts COLUMN from the other columns.

    Separator, encoding, markers for missing cells, the type of each column and how its numbers and dates are written
    are found out; the output layer and the loss follow from the target, the layer sizes and epochs from the number of
    rows. What numbers are expanded to is tried on 2,000 rows or more, unless --quick, or --time is too short to try and
    to train: a few short trainings whose folds choose. Each choice has a comment. What is left out, what could not be
    decided and what was inferred is told on standard error, a line each, most important first. The first line of SPEC
    names .nnfit.schema.json beside it, with which editors complete and check it; one of another version is replaced.
    """
    from nnfit.cli import screen
    from nnfit.cli.written import mark, other
    from nnfit.config.proposal import fitted_to, looked_at, written
    from nnfit.data.dialect import Dialect
    from nnfit.data.parts import files_of
    from nnfit.data.sniffing import Said
    from nnfit.errors import OutputError, Place, Problem, UsageError
    from nnfit.fit import choosing
    from nnfit.storage import files
    from nnfit.storage.paths import kind, what

    if str(data) == "-":
        raise UsageError(Problem("usage", "DATA must be a file here, since the spec names it"))
    path = path_of(output)
    schema = path.with_name(SCHEMA) if path and what(path) in ("file", "nothing") else None
    files.check_outputs([path, schema], files_of(str(data)).paths)
    if path is not None and kind(path) == "file" and not force:
        remedy = "choose another name, or replace it with --force"
        raise OutputError(Problem("exists", "exists already", remedy, Place(str(path))))
    said = Said(mark("--separator", separator), mark("--decimal", decimal), encoding)
    other(Dialect(";"), *said)  # refuses what no file is written with
    found, why = looked_at(data, target, task and task.value, said), ""
    fit = fitted_to(found, time)
    trying = None if quick else choosing.seconds_to_try(fit)
    if trying is not None and choosing.time_to_try(fit, trying, time):
        screen.note("trying what the numbers are best expanded to; --quick does without")
        fit, why = choosing.tuned(found, fit, data)
    elif trying is not None:
        screen.note(f"what the numbers are best expanded to is not tried: that takes about {trying:.2g} s more")
    proposal = written(found, fit, data, path.parent if path else Path(), why, schema.name if schema else None)
    beside = stale(schema)
    if path is not None:
        files.write((path, proposal.text.encode()), *beside)
    else:
        sys.stdout.write(proposal.text)
        sys.stdout.flush()
    if why:
        screen.note(f"{fit.recipe.bend}: {why}")
    for code, notes in groupby(proposal.notes, lambda note: note.code):
        each = list(notes)
        for note in each[:MOST]:
            screen.note(str(note))
        if len(each) > MOST:
            rest = "are left out: the comments of the spec name them" if code == "left-out" else "like these"
            screen.note(f"… and {len(each) - MOST:,} more {rest}")
    if path is not None:
        and_schema = f", and {SCHEMA} beside it, for editors" if beside else ""
        screen.note(f"wrote {path}{and_schema}; try: nnfit check {path}")


def stale(schema: Path | None) -> list[tuple[Path, bytes]]:
    """The path of the schema of specs and its bytes, if it is wanted and not there as it is."""
    from nnfit.config.schema import file_schema

    if schema is None:
        return []
    data = f"{json_of(file_schema())}\n".encode()
    with suppress(OSError):
        if schema.read_bytes() == data:
            return []
    return [(schema, data)]
