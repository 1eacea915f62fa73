"""The table of a sweep's best trials: which of its columns have room, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnfit.words import short

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def fitting(console: Console, table: Table, parameters: int) -> int:
    """Leave what has room on a narrow terminal, so that numbers stay whole: how many parameters have none.

    The last columns go, what has words is folded, and the last parameters go; the trial and its score stay.
    """
    wide = console.options.update(width=1000)
    while len(table.columns) > 2 + parameters and console.measure(table, options=wide).maximum > console.width:
        table.columns.pop()
    for column in table.columns:
        column.no_wrap = not any(" " in str(cell) for cell in column.cells)
    left = parameters
    while left and console.measure(table, options=wide).minimum > console.width:
        del table.columns[left]
        left -= 1
    return parameters - left


def shown(value: object) -> str:
    """A value of a parameter; a part of a spec by its own values, as `16 relu, auto softmax` of two layers."""
    from nnfit.report.swept import bare
    from nnfit.sweeps.results import cell

    return short(bare(value) if isinstance(value, Mapping | list) else cell(value))


def headings(names: list[str]) -> list[str]:
    """The parameters as a table calls them: the end of each path that tells it from the others, and is no position."""
    found = []
    for name in names:
        parts = name.split(".")
        for k in range(len(parts) - 1, -1, -1):
            end = ".".join(parts[k:])
            if not end[0].isdigit() and sum(f".{other}".endswith(f".{end}") for other in names) == 1:
                break
        found.append(short(end if end else name))
    return found
