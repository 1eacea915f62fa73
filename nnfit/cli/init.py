"""`nnfit init`: a commented spec made for a CSV, ready to train."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.outputs import json_of, named, path_of

if TYPE_CHECKING:
    from nnfit.sweeps.proposal import Proposal

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
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="The column to predict; given again, one of several: all numbers, or all 0 or 1."
        ),
    ] = None,
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
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Propose a sweep as well, beside SPEC as .sweep.yaml; where DATA is a spec, a sweep of it."
        ),
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
    With --sweep, three or four parameters are proposed that are worth varying of this spec, with how many trials.
    """
    from nnfit.cli import screen
    from nnfit.cli.written import mark, other
    from nnfit.config.document import parse
    from nnfit.config.proposal import fitted_to, looked_at, written
    from nnfit.data.dialect import Dialect
    from nnfit.data.parts import files_of
    from nnfit.data.sniffing import Said
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.fit import choosing
    from nnfit.storage import files
    from nnfit.storage.paths import what
    from nnfit.sweeps.proposal import propose as proposed

    if str(data) == "-":
        raise UsageError(Problem("usage", "DATA must be a file here, since the spec names it"))
    path = path_of(output)
    if sweep and data.suffix.lower() in (".yaml", ".yml"):
        given = {"--target": target, "--task": task, "--time": time, "--separator": separator, "--decimal": decimal}
        of_spec(data, path, force, given | {"--encoding": encoding, "--quick": quick or None})
        return
    if not target:
        raise UsageError(Problem("usage", "is missing", "name the column to predict", Place("--target")))
    swept = beside_spec(path) if sweep else None
    schema = path.with_name(SCHEMA) if path and what(path) in ("file", "nothing") else None
    files.check_outputs([path, schema, swept], files_of(str(data)).paths)
    if not force:
        refuse_existing(path, swept)
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
    beside, told = stale(schema), ""
    if path is not None:
        written_too = []
        if swept is not None:
            found_sweep = proposed(parse(proposal.text.encode(), str(path)), path.parent, path, swept)
            written_too, told = [(swept, found_sweep.text.encode())], trials_of(found_sweep, swept)
        files.write((path, proposal.text.encode()), *beside, *written_too)
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
    if told:
        screen.note(told)


# --- a sweep beside a spec -------------------------------------------------------------------------------------------


def beside_spec(path: Path | None) -> Path:
    """Where the sweep of a spec goes that is written there: my.sweep.yaml beside my.yaml, with the folder my.sweep."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.storage.paths import what

    if path is None or what(path) not in ("file", "nothing"):
        message = "a sweep names the spec that it is of, which has to be in a file"
        raise UsageError(Problem("usage", message, "give -o SPEC", Place("--sweep")))
    return path.with_suffix(".sweep.yaml")


def of_spec(spec: Path, path: Path | None, force: bool, given: Mapping[str, object]) -> None:
    """Propose a sweep of a spec that is there; a UsageError for options that say what it says itself."""
    from nnfit.cli import screen
    from nnfit.config import loader
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.storage import files
    from nnfit.sweeps.proposal import propose as proposed

    for option, value in given.items():
        if value is not None:
            raise UsageError(Problem("usage", f"is of no use: {spec} says it already", "leave it out", Place(option)))
    files.check_outputs([path], [spec])
    if not force:
        refuse_existing(path)
    document, folder = loader.read(spec)
    found = proposed(document, folder, spec, path or Path("sweep.yaml"))
    if path is None:
        sys.stdout.write(found.text)
        sys.stdout.flush()
    else:
        files.write((path, found.text.encode()))
        screen.note(trials_of(found, path))


def trials_of(found: Proposal, path: Path) -> str:
    """What is told of a sweep that was written."""
    return f"wrote {path}, a sweep of {found.trials} trials; try: nnfit check {path}, then nnfit sweep {path}"


def refuse_existing(*paths: Path | None) -> None:
    """An OutputError for an output that is there already."""
    from nnfit.errors import OutputError, Place, Problem
    from nnfit.storage.paths import kind

    for path in paths:
        if path is not None and kind(path) == "file":
            remedy = "choose another name, or replace it with --force"
            raise OutputError(Problem("exists", "exists already", remedy, Place(str(path))))


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
