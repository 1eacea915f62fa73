"""`nnfit evaluate`: the metrics of a saved model on labelled data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.outputs import json_of
from nnfit.cli.threads import set_threads


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that nnfit train wrote.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A labelled CSV file; - reads stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Compare the predictions for DATA with its target column, and print the metrics.

    Beside each stands the interval in which it would lie in 95 of 100 samples of so many rows (bootstrap).
    """
    set_threads()
    from nnfit.cli import screen
    from nnfit.data.encoding import unseen
    from nnfit.data.table import read_table
    from nnfit.model.model import load
    from nnfit.model.prediction import like_training, taken_as_zeros

    start = time.perf_counter()
    trained = load(model)
    with like_training(trained.dialect):
        table = read_table(data, trained.dialect, trained.labelled_kinds, others=False)
        found = trained.evaluation(table)
        for feature in trained.features:
            if categories := unseen(feature, table):
                screen.warn(taken_as_zeros(feature.name, categories))
        intervals = trained.intervals(found)
    if as_json:
        report = {
            "model": str(model),
            "rows": table.n,
            "epochs": len(trained.record.get("history", {}).get("cost", [])),
            "seconds": time.perf_counter() - start,
            "metrics": {"data": found.metrics},
            "trivial": {"data": found.of_prior},
            "intervals": intervals,
        }
        print(json_of(report))
        return
    console = screen.out()
    regression = trained.target.task == "regression"
    trivial, rows = {"data": found.of_prior}, {"data": table.n}
    screen.show_metrics(console, {"data": found.metrics}, trivial, rows, regression, intervals)
    screen.show_confusion(console, "data", found.metrics)
