"""`nnfit explain`: which columns matter to a saved model, why a row got its prediction, the network as formulas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.outputs import json_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written

if TYPE_CHECKING:
    from nnfit.data.table import Table
    from nnfit.errors import Problem
    from nnfit.explain.importance import Importance
    from nnfit.model.learnt import Counts
    from nnfit.model.model import Model

SHOWN = 40  # columns in the terminal; the JSON has all


def explain(
    model: ModelFile,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A table, labelled unless --row is given; - reads stdin."),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(metavar="N", help="What each column adds to the prediction for row N of DATA, counted from 1."),
    ] = None,
    equations: Annotated[
        bool, typer.Option("--equations", help="Print a small network as formulas with its numbers; DATA is not read.")
    ] = False,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Say which columns matter: how much worse the predictions for DATA become when a column is shuffled.

    That is the permutation importance: the cells of one column are shuffled among the rows, several times, and the
    log-loss of classes, or the RMSE of real targets, rises by so much. Columns that say the same share their
    importance: each alone may look dispensable. On rows that the model has learnt from, it tells what the network uses,
    and not what helps on new rows.

    With --row: why this row got its prediction. Each column adds something, or takes, on the way from the output for
    the mean of the training rows to that for this row (integrated gradients); the contributions sum to the difference.
    """
    from nnfit.cli import screen, why
    from nnfit.data.table import read_table
    from nnfit.explain.importance import importance, refuse_unanswerable
    from nnfit.explain.rows import rows_of
    from nnfit.model import learnt
    from nnfit.model.loading import load
    from nnfit.model.prediction import like_training

    refuse_contradictions(data, row, equations)
    trained = load(model)
    if data is None:
        why.write_equations(model, trained, as_json)
        return
    dialect = written(separator, decimal, encoding)(trained.dialect)
    if row is not None:
        why.explain_row(model, trained, data, dialect, row, as_json)
        return
    with like_training(dialect):
        table = read_table(data, dialect, trained.labelled_kinds, others=False)
        rows = rows_of(trained, table)
        refuse_unanswerable(rows)
        _, warnings = trained.labelled(table)
        counts = learnt.counted(trained, rows.table)
        warnings += doubts(rows.table, counts)
        screen.warn(*warnings)
        if counts is None:
            screen.note("whether these rows were learnt from is not known: the training file is not found as it was")
        found = importance(rows)
    if as_json:
        print(json_of(report(model, trained, found, counts, warnings)))
        return
    show(found)


def refuse_contradictions(data: str | None, row: int | None, equations: bool) -> None:
    """A UsageError for options that exclude each other, and where DATA is missing or not wanted."""
    from nnfit.errors import Place, Problem, UsageError

    if equations and row is not None:
        message, remedy = "formulas are of the network, not of a row", "leave --row or --equations out"
        raise UsageError(Problem("usage", message, remedy, Place("--equations")))
    if equations and data is not None:
        message, remedy = "formulas are of the network, and no table is read for them", "leave DATA out"
        raise UsageError(Problem("usage", message, remedy, Place("--equations")))
    if data is None and not equations:
        message = "DATA is missing: a table with the columns of the model, and its target unless --row is given"
        raise UsageError(Problem("usage", message, "only --equations needs none"))


def doubts(table: Table, counts: Counts | None) -> tuple[Problem, ...]:
    """The warning that rows of the table were learnt from, in the words that hold of importance."""
    from nnfit.errors import Place, Problem
    from nnfit.words import count

    learnt = (counts or {}).get("train", 0)
    if not learnt:
        return ()
    message = f"{learnt:,} of {count(table.n, 'row')} were learnt from: importance tells there what the network uses"
    remedy = "for what helps on new rows, explain rows that it has not seen"
    return (Problem("learnt-from", message, remedy, Place(table.file)),)


def report(
    path: Path, model: Model, found: Importance, counts: Counts | None, warnings: tuple[Problem, ...]
) -> dict[str, Any]:
    """What --json prints: the columns as in the CSV, most important first."""
    figures = found.importance, found.sd, found.noise, found.repeats, found.shuffles, found.members, found.targets
    columns, names = zip(found.columns, *figures, strict=True), model.target.columns
    return {
        "model": str(path),
        "rows": found.rows,
        "of": found.of,
        "learnt_from": None if counts is None else counts.get("train", 0),
        "metric": found.metric,
        "baseline": found.baseline,
        "columns": [
            {
                "column": column,
                "importance": float(mean),
                "sd": float(sd),
                "noise": float(noise),
                "repeats": repeats[:shuffles].tolist(),
                **({"members": members.tolist()} if len(members) else {}),
                **({"targets": dict(zip(names, targets.tolist(), strict=True))} if len(targets) else {}),
            }
            for column, mean, sd, noise, repeats, shuffles, members, targets in columns
        ],
        "warnings": [problem.as_json() for problem in warnings],
    }


def show(found: Importance) -> None:
    """The columns with a bar each, most important first."""
    from nnfit.cli import screen
    from nnfit.cli.bars import HOLLOW, bar, decimals
    from nnfit.words import count, digits, short

    console = screen.out()
    several = found.members.shape[1] > 1
    longest = float(found.importance.max(initial=0.0))
    places = decimals(longest)
    sure = found.importance > found.noise
    body = []
    for i, column in enumerate(found.columns[:SHOWN]):
        mean = float(found.importance[i])
        spreads = [float(found.sd[i]), *([float(found.members[i].std(ddof=1))] if several else [])]
        shown = [f"{round(value, places) + 0.0:,.{places}f}" for value in (mean, *spreads)]  # 0.0 in place of −0.0
        beside = [f"± {text}" if value == value else "" for value, text in zip(spreads, shown[1:], strict=True)]
        body.append([short(column), shown[0], *beside, bar(mean, longest, hollow=not sure[i])])
    asked = count(found.of, "row") if found.rows == found.of else f"{found.rows:,} of {count(found.of, 'row')}"
    title = f"What shuffling a column adds to the {found.metric}, {digits(found.baseline)} on {asked}"
    columns = ["column", "importance", "± repeats", *["± members"] * several, ""]
    table = screen.grid(title, columns, body)
    table.columns[-1].justify = "left"
    console.print(table)
    if len(found.columns) > SHOWN:
        console.print(f"{count(len(found.columns) - SHOWN, 'column')} more, less important: --json has them")
    again = sum(times > 1 for times in found.shuffles)
    if 0 < again < len(found.columns):
        console.print(f"Each column was shuffled once, the first {again} {max(found.shuffles)} times.")
    if not sure.all():
        console.print(f"{HOLLOW} or no bar: these {count(found.rows, 'row')} cannot tell it from chance.")
    console.print("Columns that say the same share their importance: while one is shuffled, the others still tell.")
