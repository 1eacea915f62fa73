"""`nnfit init`: a commented spec made for a CSV, ready to train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import set_threads


def init(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The CSV file, with a header.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="SPEC", help="Where the spec goes; default stdout.", callback=named),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a spec that is already there.")] = False,
) -> None:
    """Look at DATA and write a spec that predicts COLUMN from the other columns.

    Separator, encoding, markers for missing cells and the type of each column are found out; the output layer and the
    loss follow from the target, the layer sizes and epochs from the number of rows. Each choice has a comment.
    """
    set_threads()
    from nnfit.config.proposal import propose
    from nnfit.errors import OutputError, Place, Problem, UsageError
    from nnfit.storage import files
    from nnfit.storage.paths import kind
    from nnfit.words import plain

    if str(data) == "-":
        raise UsageError(Problem("usage", "DATA must be a file here, since the spec names it"))
    path = path_of(output)
    files.check_outputs([path], [data])
    if path is not None and kind(path) == "file" and not force:
        remedy = "choose another name, or replace it with --force"
        raise OutputError(Problem("exists", "exists already", remedy, Place(str(path))))
    text = propose(data, target, path.parent if path else Path())
    if path is not None:
        files.write((path, text.encode()))
        print(plain(f"wrote {path}; try: nnfit check {path}"), file=sys.stderr)
    else:
        sys.stdout.write(text)
