"""The option --row: a row of DATA by its number, counted from 1 as in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnfit.data.table import Table


def refuse_row(row: int, table: Table) -> None:
    """A UsageError for a row that the table does not have."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import count

    if not 1 <= row <= table.n:
        message, remedy = f"{table.file} has {count(table.n, 'row')}", f"name one from 1 to {table.n:,}"
        raise UsageError(Problem("no-such-row", message, remedy, Place(f"--row {row}")))
