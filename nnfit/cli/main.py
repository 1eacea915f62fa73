"""The entry point: the commands, what an error or a signal does, and how many threads NumPy gets."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated

import typer

from nnfit.cli import check, evaluate, init, inspect, predict, schema, signals, train, verify
from nnfit.errors import NnfitError
from nnfit.storage import files
from nnfit.version import __version__
from nnfit.words import plain

app = typer.Typer(
    name="nnfit",
    help="Train multi-layer neural networks on CSV data, driven by YAML specs.",
    epilog="Start with: nnfit train configs/iris.yaml. Documentation: README.md and docs/.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train.train)
app.command()(predict.predict)
app.command()(evaluate.evaluate)
app.command()(check.check)
app.command()(init.init)
app.command()(inspect.inspect)
app.command()(verify.verify)
app.command()(schema.schema)


def version(shown: bool) -> None:
    """Print the version, and end."""
    if shown:
        print(f"nnfit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of every error.")] = False,
    shown: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options for every command; --debug is taken by `main`, wherever it stands."""


def main() -> None:
    """Run a command; an error nnfit raises on purpose is one message and its exit code, a bug is a traceback and 1."""
    signals.install()
    files.placed.clear()
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            sys.exit(7)  # closed by whoever started the command: nothing can be said
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Θ must not end a training
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        try:
            app(arguments)
        finally:
            sys.stdout.flush()
    except OSError as error:
        name = error.filename or "standard output"
        print(f"nnfit: {plain(str(name))}: cannot be read or written: {error.strerror}", file=sys.stderr)
        os._exit(7)  # at a plain exit Python would try once more to write what is left in the buffer
    except NnfitError as error:
        if debug:
            traceback.print_exc()
        for problem in error.problems:
            print(f"nnfit: {plain(str(problem))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except MemoryError as error:
        print(f"nnfit: not enough memory for this network or these data: {error}", file=sys.stderr)
        sys.exit(3)
    except signals.Stopped as stopped:
        what = "interrupted" if stopped.exit_code == 130 else "terminated"
        written = ", ".join(str(path) for path in files.placed)
        state = f"{written} written before" if written else "output files are as they were"
        print("\n" + plain(f"nnfit: {what}; {stopped.advice or state}"), file=sys.stderr)
        sys.exit(stopped.exit_code)
