"""`nnfit evaluate`: the metrics of a saved model on labelled data."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.outputs import json_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written


def evaluate(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A labelled table; - reads stdin.")],
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Compare the predictions for DATA with its target column, and print the metrics.

    Beside each stands the interval in which it would lie in 95 of 100 samples of so many rows (bootstrap). Rows that
    the model has learnt from are counted and warned of, if DATA is the training file, or that lies where it was.
    """
    from nnfit.cli import screen
    from nnfit.data.table import read_table
    from nnfit.model.loading import load
    from nnfit.model.prediction import like_training
    from nnfit.scoring.intervals import MOST, level

    start = time.perf_counter()
    trained = load(model)
    dialect = written(separator, decimal, encoding)(trained.dialect)
    with like_training(dialect):
        table = read_table(data, dialect, trained.labelled_kinds, others=False)
        table, dropped = trained.labelled(table)
        found = trained.evaluation(table)
        warnings = [*dropped, *found.warnings]
        screen.warn(*warnings)
        if found.learnt is None:
            screen.note("whether these rows were learnt from is not known: the training file is not found as it was")
        intervals = trained.intervals(found)
    if as_json:
        report = {
            "model": str(model),
            "rows": table.n,
            "learnt_from": None if found.learnt is None else found.learnt.get("train", 0),
            "epochs": len(trained.record.get("history", {}).get("cost", [])),
            "seconds": time.perf_counter() - start,
            "metrics": {"data": found.metrics},
            "trivial": {"data": found.of_prior},
            "intervals": intervals,
            "interval_rows": min(table.n, MOST),
            "warnings": [problem.as_json() for problem in warnings],
        }
        print(json_of(report))
        return
    console = screen.out()
    regression = trained.target.task == "regression"
    trivial, rows = {"data": found.of_prior}, {"data": table.n}
    new = all(problem.code != "learnt-from" for problem in found.warnings)
    heading = level(table.n) + ("" if new else ", not of new rows")
    screen.show_metrics(console, {"data": found.metrics}, trivial, rows, regression, intervals, heading=heading)
    screen.show_confusion(console, "data", found.metrics)
