"""`nnfit compare`: the metrics of several models side by side, and which differences are more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.arguments import ModelFiles
from nnfit.cli.outputs import json_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written
from nnfit.words import count, plain

if TYPE_CHECKING:
    from rich.console import Console

    from nnfit.model.compare import Comparison
    from nnfit.scoring.pairs import Paired

FIRST = ("log_loss", "rmse")  # metrics by which the best of many models is told
NARROW = 40  # letters of a path in a table


def compare(
    models: ModelFiles,
    data: Annotated[str, typer.Option("--data", metavar="DATA", help="A labelled table; - reads stdin.")],
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Compare models of one target on the rows of DATA: their metrics, and whether they differ by more than chance.

    Each pair is compared on the same rows, drawn again in pairs (bootstrap): the interval tells of these rows alone.
    One is called better only where the difference is also beyond what another seed would bring. Members in folds or
    bootstraps show that; of other models it is taken to be much. Rows that a model has learnt from are no evidence, and
    are warned of.
    """
    from nnfit.cli import screen
    from nnfit.model import compare as comparing
    from nnfit.model.loading import load

    names = [str(path) for path in models]
    comparing.refuse_single(names)
    trained = [load(path) for path in models]
    tables = comparing.read(trained, data, names, written(separator, decimal, encoding))
    found = comparing.compare(trained, tables, names)
    screen.warn(*found.warnings)
    unknown = [name for name, counts in zip(names, found.learnt, strict=True) if counts is None]
    if unknown:
        which = ", ".join(dict.fromkeys(unknown))
        screen.note(f"whether {which} learnt from these rows is not known: the training file is not found as it was")
    if as_json:
        print(json_of(report(names, found)))
        return
    show(screen.out(), labels(names), found)


def report(names: Sequence[str], found: Comparison) -> dict[str, Any]:
    """What --json prints."""
    from nnfit.scoring.intervals import MOST

    learnt = [None if counts is None else counts.get("train", 0) for counts in found.learnt]
    return {
        "rows": found.rows,
        "interval_rows": min(found.rows, MOST),
        "models": [
            {"model": name, "metrics": metrics, "learnt_from": count}
            for name, metrics, count in zip(names, found.metrics, learnt, strict=True)
        ],
        "differences": [
            {
                "metric": pair.metric,
                "models": [names[k] for k in pair.models],
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "word": pair.word,
            }
            for pair in found.differences
        ],
        "warnings": [problem.as_json() for problem in found.warnings],
    }


def labels(names: Sequence[str]) -> list[str]:
    """The paths as a table shows them, each told from the others: of a long one its end, and if need be a number."""
    shown = [plain(name) for name in names]
    shown = [name if len(name) <= NARROW else "…" + name[1 - NARROW :] for name in shown]
    times = Counter(shown)
    return [f"{name} ({k})" if times[name] > 1 else name for k, name in enumerate(shown, 1)]


def show(console: Console, names: Sequence[str], found: Comparison) -> None:
    """The metrics of each model, the best marked, and the differences: of two models, or of each from the best."""
    from nnfit.cli import screen
    from nnfit.model.described import number, shown_metrics
    from nnfit.scoring.evaluation import higher
    from nnfit.scoring.intervals import level

    metrics = [name for name in shown_metrics(list(found.metrics)) if name != "loss"]
    values = {name: [each[name] for each in found.metrics] for name in metrics}
    best = {
        name: (max if higher(name) else min)(value for value in own if value is not None)
        for name, own in values.items()
    }
    body = [
        [
            label,
            *(number(values[name][k]) + (" *" if values[name][k] == best[name] else "  ") for name in metrics),
        ]
        for k, label in enumerate(names)
    ]
    console.print(screen.grid(f"Metrics of {count(found.rows, 'row')}; * is the best", ["model", *metrics], body))
    main = next(name for name in (*FIRST, *metrics) if name in metrics)
    other = values[main].index(best[main]) if len(names) > 2 else 1
    body = []
    for k in range(len(names)):
        pairs = {pair.metric: pair.of(k) for pair in found.differences if k != other and {*pair.models} == {k, other}}
        body += [
            [names[k], name, f"{pairs[name].difference:+.4g}", between(pairs[name]), pairs[name].word]
            for name in metrics
            if name in pairs
        ]
    old = any(problem.code == "learnt-from" for problem in found.warnings)
    heading = level(found.rows) + ", not of new rows" * old
    title = f"Less {names[other]}" + (f", the best by {main}; --json has every pair" if len(names) > 2 else "")
    console.print(screen.grid(title, ["model", "metric", "difference", heading, "the model is"], body))
    together = f" for {len(names) * (len(names) - 1) // 2} pairs of models together" if len(names) > 2 else ""
    console.print(
        "The interval tells of the choice of these rows alone, not of another seed; better or worse is said where the\n"
        f"difference is also beyond what another seed would bring, at 95 %{together}"
    )


def between(pair: Paired) -> str:
    """The interval of a difference, with the signs of its ends."""
    return "" if pair.low is None else f"{pair.low:+.4g} to {pair.high:+.4g}"
