"""The columns of a small file, by Python alone: importing pandas takes longer than all of its cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from nnfit.data.cells import Floats, Text, plain_numbers, text_of
from nnfit.data.dialect import Dialect


def columns(dialect: Dialect, data: bytes, wanted: Sequence[int], numeric: Sequence[int]) -> dict[int, Floats | Text]:
    """The wanted columns of whole rows, each by its place: a numeric one as numbers if they are plain, else as text."""
    text = data.decode("utf-8", "surrogatepass")
    if '"' in text:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.separator, strict=True))
    else:
        rows = [line.split(dialect.separator) for line in text.replace("\r\n", "\n").split("\n")[:-1]]
    plain = set(numeric) if dialect.decimal == "." and not dialect.missing else set()
    found: dict[int, Floats | Text] = {}
    for place in wanted:
        cells = [row[place] for row in rows]
        numbers = plain_numbers(cells) if place in plain else None
        found[place] = text_of(cells) if numbers is None else numbers
    return found
