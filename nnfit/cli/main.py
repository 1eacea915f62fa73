"""The entry point: the commands, what an error or a signal does, and what is done around each."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections import Counter
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nnfit.cli import (
    cache,
    check,
    compare,
    completion,
    evaluate,
    explain,
    export,
    init,
    inspect,
    plot,
    predict,
    ranks,
    report,
    schema,
    signals,
    sweep,
    trace,
    train,
    verify,
)
from nnfit.cli.ending import ending
from nnfit.cli.parameters import lighten, refuse_empty
from nnfit.cli.threads import computing
from nnfit.errors import NnfitError
from nnfit.storage import files
from nnfit.version import __version__


class Once:
    """A command that refuses an option given twice, of which the first value would be lost; those of lists aside."""

    def parse_args(self, context: Any, words: list[str]) -> list[str]:
        """The arguments that are left; a usage error with the name of the option."""
        lighten(self.get_params(context))  # type: ignore[attr-defined]
        if context.resilient_parsing:  # a shell asks what may come next
            words = completion.asked_of(self.get_params(context), words)  # type: ignore[attr-defined]
        parser = self.make_parser(context)  # type: ignore[attr-defined]
        if not context.resilient_parsing:
            completion.of_shell(context, self.get_params(context), words)  # type: ignore[attr-defined]
            given, _, order = parser.parse_args(list(words))
            refuse_empty(self.get_params(context), given)  # type: ignore[attr-defined]
            for option, times in Counter(order).items():
                if times > 1 and option.param_type_name == "option" and not option.multiple:
                    context.fail(f"Option {' / '.join(option.opts)} is given {times} times; give it once.")
        found: list[str] = super().parse_args(context, words)  # type: ignore[misc]
        return found


class Command(Once, TyperCommand):
    """One command: as many workers compute as it says, and how far its work is shows while it runs."""

    def invoke(self, context: Any) -> Any:
        """Run it."""
        from nnfit.cli import progress

        said = context.params
        with progress.shown(), computing(said.get("threads"), said.get("blas_threads")):
            return super().invoke(context)


class Commands(Once, TyperGroup):
    """All of them, with the options before the command."""


app = typer.Typer(
    name="nnfit",
    cls=Commands,
    help="Train multi-layer neural networks on tables, driven by YAML specs.",
    epilog="Start with: nnfit init my.csv --target COLUMN -o my.yaml; nnfit COMMAND --help tells of a command, "
    "nnfit schema of every key of a spec.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(train.train, predict.predict, evaluate.evaluate, compare.compare, explain.explain, check.check),
    *(init.init, inspect.inspect, trace.trace, verify.verify, schema.schema),
    *(sweep.sweep, plot.plot, report.report, export.export, cache.cache),
):
    app.command(cls=Command)(command)


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
    words = sys.argv[1:]
    ranks.hush(words)
    end = words.index("--") if "--" in words else len(words)
    debug = [word for word in words[:end] if word == "--debug"]
    arguments = [*debug, *(word for word in words[:end] if word != "--debug"), *words[end:]]
    try:
        try:
            app(arguments)
        finally:
            sys.stdout.flush()
    except BaseException as error:
        signals.over()
        told = ending(error)
        if told is None:
            raise
        lines, code = told
        if debug and isinstance(error, NnfitError):
            traceback.print_exc()
        with suppress(OSError):  # standard error itself may be what cannot be written
            print(*[""] * isinstance(error, signals.Stopped), *lines, sep="\n", file=sys.stderr)
        if isinstance(error, OSError):
            os._exit(code)  # at a plain exit Python would try once more to write what is left in the buffer
        sys.exit(code)
