"""How the text of a file is cut into cells, and what the cells mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nnfit.data.rows import number
from nnfit.data.spelling import Spelling
from nnfit.words import quoted

NO_SPELLINGS: Mapping[str, Spelling] = {}


class Dialect(NamedTuple):
    """How the text of a file is cut into cells, and which cells are missing besides the empty ones."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ()
    spellings: Mapping[str, Spelling] = (
        NO_SPELLINGS  # of single columns, where numbers are written in a way of their own
    )

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
