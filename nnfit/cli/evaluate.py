"""`nnfit evaluate`: the metrics of a saved model on labelled data."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

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
    from nnfit.data.target import truth
    from nnfit.model.model import load
    from nnfit.model.prediction import like_training, taken_as_zeros
    from nnfit.scoring.evaluation import intervals

    start = time.perf_counter()
    trained = load(model)
    weight = trained.spec["data"]["weight"]
    kinds = trained.kinds | trained.target.kinds
    with like_training(trained.dialect):
        table = read_table(data, trained.dialect, kinds | ({weight: "numeric"} if weight else {}), others=False)
        metrics, trivial = trained.evaluate(table)
        for feature in trained.features:
            if categories := unseen(feature, table):
                screen.note(taken_as_zeros(feature.name, categories))
        w = trained.weights(table) if trained.spec["training"]["weighted_metrics"] else None
        interval = intervals(trained.target, trained.outputs(table), truth(trained.target, table), w)
    if as_json:
        report = {
            "model": str(model),
            "rows": table.n,
            "epochs": len(trained.record["history"]["cost"]),
            "seconds": time.perf_counter() - start,
            "metrics": {"data": metrics},
            "trivial": {"data": trivial},
            "intervals": interval,
        }
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return
    console = screen.out()
    regression = trained.target.task == "regression"
    screen.show_metrics(console, {"data": metrics}, {"data": trivial}, {"data": table.n}, regression, interval)
    screen.show_confusion(console, "data", metrics)
