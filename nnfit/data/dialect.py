"""How the text of a file is cut into cells, and what the cells mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nnfit.data.rows import number
from nnfit.data.source import unknown
from nnfit.data.spelling import Spelling
from nnfit.errors import Problem
from nnfit.words import quoted

NO_SPELLINGS: Mapping[str, Spelling] = {}
SIGNS = "+- \t\"'_"  # what stands in or beside numbers, and is no decimal mark
PACKED = ".gz", ".zst"  # endings of packed files, behind the ending of what is in them


def separator_of(file: str) -> str:
    """What separates the cells of a file where nothing is said: a tab if it is named so, else a comma."""
    name = file.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return "\t" if name.endswith(".tsv") else ","


def faults(separator: str, decimal: str, encoding: str) -> Iterator[tuple[str, Problem]]:
    """What tables cannot be written with, by key: an encoding that is none, marks by which cells would read otherwise.

    A decimal mark that is the separator too is the fault of the one that was set.
    """
    if problem := unknown(encoding):
        yield "encoding", problem
    if separator == '"':
        message = "a quote cannot separate cells: it encloses those that hold the separator"
        yield "separator", Problem("wrong-mark", message, 'set the separator of the file, "," or ";"')
    if decimal.isalnum() or decimal in SIGNS:
        message = f"{mark(decimal)} cannot be a decimal mark: it stands in numbers for other reasons, or in words"
        yield "decimal", Problem("wrong-mark", message, 'set "." or ","')
    elif decimal == separator:
        key = "decimal" if decimal != "." else "separator"  # "." is what holds where nothing is said
        message = f"{mark(decimal)} is both the separator and the decimal mark"
        remedy = 'name both as the file has them, as in separator: ";" and decimal: ","'
        yield key, Problem("wrong-mark", message, remedy)


def mark(text: str) -> str:
    """A separator or decimal mark, as a message shows it."""
    return {" ": "a space", "\t": "a tab"}.get(text, f'"{text}"')


class Dialect(NamedTuple):
    """How the text of a file is cut into cells, and which cells are missing besides the empty ones."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ()
    spellings: Mapping[str, Spelling] = (
        NO_SPELLINGS  # of single columns, where numbers are written in a way of their own
    )
    by_name: bool = False  # a file that has a name is separated as `separator_of` says of it

    def of_file(self, path: str) -> Dialect:
        """How one file is written; standard input (`-`) has no name."""
        return self._replace(separator=separator_of(path)) if self.by_name and path != "-" else self

    def of_other(self, separator: str | None, decimal: str | None, encoding: str | None) -> Dialect:
        """How the file of another program is written: what is said replaces what held.

        Another decimal mark is that of every column, those included that have a mark of their own; what separated the
        thousands in one, and would be that mark, no longer does.
        """
        found = self
        if separator is not None:
            found = found._replace(separator=separator, by_name=False)
        if decimal is not None:
            spellings = {
                name: own._replace(decimal=decimal, thousands="" if own.thousands == decimal else own.thousands)
                for name, own in self.spellings.items()
            }
            found = found._replace(decimal=decimal, spellings=spellings)
        return found if encoding is None else found._replace(encoding=encoding)

    @property
    def gaps(self) -> list[str]:
        """The cells that are missing."""
        return ["", *self.missing]

    def number(self, text: str, name: str = "") -> float | None:
        """The number that a cell of a column spells, or None if it spells none."""
        own = self.spellings.get(name)
        return number(text, self.decimal) if own is None else own.number(text)

    def expected(self, name: str) -> str:
        """What stands in the cells of a column of numbers, in words."""
        own = self.spellings.get(name)
        return "a number" if own is None else f"a number written as {quoted(own.example)}"


Written = Callable[[Dialect], Dialect]  # how a file is written, from how the training file of a model was


def as_trained(dialect: Dialect) -> Dialect:
    """As the training file was."""
    return dialect
