"""`nnfit report`: one page about a model, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.arguments import ModelFiles
from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written


def report(
    models: ModelFiles,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Labelled rows to tell of; - reads stdin.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where the page goes, ending .html; else beside the model.",
            callback=named,
        ),
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
) -> None:
    """Write one HTML page about MODEL, that needs no other file and asks nothing of the network.

    It says how good the model is, on rows that it did not learn from, and shows its learning curves, its classes or
    residuals, the network, and its data. A model carries aggregates of these rows, and no row: with DATA the page tells
    of those rows, and also which columns matter, how the prediction follows them, and where it is worst. Several models
    are shown side by side, with DATA compared in pairs. nnfit train --report writes the page of a training.
    """
    from nnfit.cli import screen
    from nnfit.data.parts import files_of
    from nnfit.model.loading import load
    from nnfit.report.extra import load_alone, require
    from nnfit.report.make import of_models
    from nnfit.storage import files
    from nnfit.words import plain

    load_alone()
    require()
    refuse_twice(models)
    page = page_path(path_of(output), models)
    files.check_outputs([page], [*map(str, models), *(files_of(data).paths if data not in (None, "-") else [])])
    with files.claimed([page]):
        loaded = {str(path): load(path) for path in models}
        files.write((page, of_models(loaded, data, screen.warn, written(separator, decimal, encoding))))
    screen.out().print(plain(f"report written to {page}"))


def page_path(output: Path | None, models: list[Path]) -> Path:
    """Where the page goes; a UsageError without a name for that of several models, and for another ending."""
    from nnfit.errors import Place, Problem, UsageError

    if output is None and len(models) > 1:
        raise UsageError(Problem("usage", "the page of several models has no name", "give -o FILE.html", Place("-o")))
    page = models[0].with_suffix(".html") if output is None else output
    refuse_ending(page, "-o")
    return page


def refuse_ending(page: Path, option: str) -> None:
    """A UsageError for a page whose name does not end in .html; a device or a pipe may have any."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.storage.paths import kind

    if page.suffix.lower() not in (".html", ".htm") and kind(page) in ("file", "nothing"):
        message, remedy = (
            "a report is an HTML page, and only that ending opens it in a browser",
            page.with_suffix(".html"),
        )
        raise UsageError(Problem("wrong-ending", message, f"write {option} {remedy}", Place(f"{option} {page}")))


def refuse_twice(models: list[Path]) -> None:
    """A UsageError for a model that is named twice."""
    from nnfit.errors import Place, Problem, UsageError

    twice = next((path for k, path in enumerate(models) if path in models[:k]), None)
    if twice is not None:
        raise UsageError(Problem("usage", "the model is named twice", "name each once", Place(str(twice))))
