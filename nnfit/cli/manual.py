"""The manual pages, from the same texts as --help: one of nnfit, and one of each command.

`python -m nnfit.cli.manual FOLDER` writes them (make docs).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from nnfit.cli.main import app
from nnfit.storage import files
from nnfit.version import __version__

SPELLED = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
CODES = "0 fine, 1 a bug in nnfit, 2 usage, 3 spec, 4 data, 5 model file, 6 training diverged, 7 input or output, 130 "
CODES += "interrupted, 143 terminated. A failed command leaves its output as it was before."


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    group: Any = typer.main.get_command(app)
    found = {"nnfit": group, **{f"nnfit-{name}": command for name, command in group.commands.items()}}
    return {f"{name}.1": "\n".join(page(name, command, group)) + "\n" for name, command in found.items()}


def page(name: str, command: Any, group: Any) -> Iterator[str]:
    """A page in the macros of man(7)."""
    first, *others = told(command.help)
    of_all = command is group
    yield f'.TH {name.upper()} 1 "" "nnfit {__version__}" nnfit'
    yield from (".SH NAME", rf"{plain(name)} \- {plain(first.partition('. ')[0].rstrip('.'))}")
    above = None if of_all else group.make_context("nnfit", [], resilient_parsing=True)
    with command.make_context(name.replace("-", " ", 1), [], parent=above, resilient_parsing=True) as context:
        yield from (".SH SYNOPSIS", f".B {plain(context.info_name)}")
        yield plain(" ".join(command.collect_usage_pieces(context)))
        yield from (".SH DESCRIPTION", plain(first))
        for paragraph in others:
            yield ".PP"
            lines = [plain(line) for line in paragraph.splitlines()]
            yield from [".nf", *lines, ".fi"] if len(lines) > 1 else lines
        parameters = command.get_params(context)
        arguments = [each for each in parameters if each.param_type_name == "argument"]
        if arguments:
            yield ".SH ARGUMENTS"
            yield from entries((each.metavar.strip("[]."), each.help) for each in arguments)
        yield ".SH OPTIONS"
        records = [each.get_help_record(context) for each in parameters if each not in arguments]
        yield from entries(record for record in records if record)
    if of_all:
        yield ".SH COMMANDS"
        yield from entries((inside, told(each.help)[0]) for inside, each in command.commands.items())
    yield from (".SH EXIT STATUS", plain(CODES))
    beside = [f"nnfit-{inside}" for inside in group.commands] if of_all else ["nnfit"]
    yield from (".SH SEE ALSO", *(f".BR {plain(each)} (1)" + "," * (each != beside[-1]) for each in beside))
    if command.epilog:
        yield from (".SH NOTES", plain(command.epilog))


def entries(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is explained, each with its explanation."""
    for what, text in pairs:
        yield from (".TP", f".B {plain(what)}", plain(text))


def told(text: str) -> list[str]:
    """The paragraphs of a help; those whose lines stay as they are have line breaks."""
    found = []
    for paragraph in (text or "").strip().split("\n\n"):
        as_it_is = paragraph.startswith("\b")
        lines = [line if as_it_is else line.strip() for line in paragraph.removeprefix("\b").strip("\n").splitlines()]
        found.append("\n".join(lines) if as_it_is else " ".join(lines))
    return found


def plain(text: str) -> str:
    """Text as roff shows it: letters stand for themselves, and no line is a request."""
    escaped = "".join(SPELLED.get(letter, letter) for letter in text)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def main(folder: Path) -> None:
    """Write the pages."""
    files.write(*((folder / name, text.encode()) for name, text in pages().items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
