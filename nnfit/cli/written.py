"""The options --separator, --decimal and --encoding: how the file DATA is written, if not as the training file was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nnfit.data.dialect import Dialect, Written

Separator = Annotated[
    str | None,
    typer.Option(
        metavar="MARK", help=r"What separates the cells of DATA, \t a tab; without it, as in the training file."
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(metavar="MARK", help="The decimal mark of every column of DATA; without it, as in the training file."),
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="The encoding of DATA; without it, that of the training file.")
]


def written(separator: str | None, decimal: str | None, encoding: str | None) -> Written:
    """How DATA is written, from how the training file was; a UsageError for what no file can be written with."""
    return partial(
        other, separator=mark("--separator", separator), decimal=mark("--decimal", decimal), encoding=encoding
    )


def other(dialect: Dialect, separator: str | None, decimal: str | None, encoding: str | None) -> Dialect:
    """The dialect with what the options say."""
    from nnfit.data.dialect import faults
    from nnfit.errors import Place, UsageError

    said = {"separator": separator, "decimal": decimal, "encoding": encoding}
    found = dialect.of_other(separator, decimal, encoding)
    if found == dialect:
        return dialect
    for key, problem in faults(found.separator, found.decimal, found.encoding):
        named = key if said[key] is not None else next(key for key, value in said.items() if value is not None)
        remedy = problem.remedy if key == "encoding" else "give --separator and --decimal as the file has them"
        raise UsageError(problem._replace(remedy=remedy, place=Place(f"--{named} {said[named]}")))
    return found


def mark(option: str, text: str | None) -> str | None:
    r"""A mark as it was meant: \t, which a shell hands on as two letters, is a tab."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import plain

    if text in ("\\t", "tab"):
        return "\t"
    if text is not None and (len(text) != 1 or not (text == "\t" or " " <= text <= "~")):
        message = "expected one printable ASCII character, or a tab"
        remedy = "a decimal mark is . or ," if option == "--decimal" else r"write \t for a tab"
        given = plain(text) or "''"
        raise UsageError(Problem("wrong-mark", message, remedy, Place(f"{option} {given}")))
    return text
