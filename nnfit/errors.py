"""One family of errors: what is wrong, where, and what would do; each class knows its exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong, and its place: `file:line:column: key: message`."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return ": ".join(part for part in (place, self.key, self.message) if part)


class NnfitError(Exception):
    """Every error that nnfit raises on purpose; `problems` lists all that was found at once."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(NnfitError):
    """The command line is wrong."""

    exit_code = 2


class SpecError(NnfitError):
    """The YAML spec is wrong, in itself or for this data."""

    exit_code = 3


class DataError(NnfitError):
    """The CSV data are wrong, in themselves or for this model."""

    exit_code = 4


class ModelFileError(NnfitError):
    """The file is not a model that nnfit wrote."""

    exit_code = 5


class TrainingError(NnfitError):
    """Training diverged."""

    exit_code = 6


class OutputError(NnfitError):
    """A file cannot be opened or written."""

    exit_code = 7


def nearest(name: str, valid: Iterable[str]) -> str:
    """The hint `; did you mean "relu"?` for the valid name closest to `name`, or nothing."""
    choices: dict[str, str] = {}
    for choice in valid:
        choices.setdefault(choice.lower(), choice)
    found = difflib.get_close_matches(name.lower(), choices, n=1)
    return f'; did you mean "{choices[found[0]]}"?' if found and choices[found[0]] != name else ""


def plain(text: str) -> str:
    """Text for one line of a terminal: control characters, which may come from a file, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str) -> str:
    """A name or label as a message or a table shows it: plain, and no longer than a glance."""
    return plain(text if len(text) <= 40 else text[:39] + "…")


def count(n: int, noun: str) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
