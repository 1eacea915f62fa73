"""How a stranger's file is written: the decimal mark of most columns, and what is told of the file as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.opening import reading
from nnfit.data.parts import Files
from nnfit.data.recognition import MARKERS, numbers
from nnfit.errors import Problem
from nnfit.progress import tracked
from nnfit.words import quoted

THREE = re.compile(r"\s*[+-]?[1-9][0-9]{0,2}\.[0-9]{3}\s*")  # 1.234: a decimal point, or a thousands separator?


def sample_of(data: Files, dialect: Dialect) -> dict[str, list[str]]:
    """The first rows of a file as text, column by column."""
    with reading(data, dialect) as reader:
        block = next(reader.blocks(dict.fromkeys(reader.header, "text")))
    return {name: cells.cells().tolist() for name, cells in block.columns.items() if isinstance(cells, Text)}


def with_decimal(data: Files, dialect: Dialect, said: str | None) -> tuple[Dialect, Counter[str]]:
    """The dialect with the decimal mark of most columns, and how many columns can only be read with each mark."""
    votes: Counter[str] = Counter()
    for cells in tracked(sample_of(data, dialect).values(), "finding the decimal mark"):
        counted = Counter(cell for cell in cells if cell)
        found = numbers(list(counted), list(counted.values()))
        if found is None or not MARKERS.issuperset(found.strangers):
            continue
        decimals = {spelling.decimal for spelling in found.spellings}
        used = any(mark in label for label in counted for mark in ",." if label not in found.strangers)
        if len(decimals) == 1 and used and not three(counted):
            votes.update(decimals)
    if said is not None:
        return dialect, Counter({said: 1})
    comma = dialect.separator != "," and votes[","] > votes["."]
    return dialect._replace(decimal="," if comma else "."), votes


def three(cells: Sequence[str] | Mapping[str, int]) -> bool:
    """Whether every number with a point has three digits behind it, so that it may stand between thousands."""
    pointed = [cell for cell in cells if "." in cell]
    return bool(pointed) and all(THREE.fullmatch(cell) for cell in pointed)


def of_file(dialect: Dialect, votes: Counter[str]) -> list[Problem]:
    """What was found out about the file as a whole."""
    found = []
    if dialect.encoding != "utf-8":
        found.append(Problem("file", f"the file is read as {dialect.encoding}"))
    marks = {"\t": "tabs", ";": "semicolons", "|": "bars"}
    if dialect.separator in marks or dialect.decimal != ".":
        decimal = ", decimals behind a comma" if dialect.decimal == "," else ""
        found.append(Problem("file", f"cells are separated by {marks.get(dialect.separator, 'commas')}{decimal}"))
    if dialect.missing:
        shown = ", ".join(map(quoted, dialect.missing))
        found.append(Problem("file", f"{shown} stands for a missing cell, in every column"))
    return found
