"""What a person sees: tables and lines, drawn with rich; results on standard output, the rest on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnfit.cli import log, progress
from nnfit.model.described import activation_of, encoding_of, kept_epochs, number, shown_metrics
from nnfit.words import count, of_layer, plain, short

if TYPE_CHECKING:
    from nnfit.core.network import Network
    from nnfit.data.feature import Feature
    from nnfit.diagnostics.gradcheck import GradientCheck
    from nnfit.errors import Problem
    from nnfit.model.model import Model

WIDE = 200  # columns of a file or pipe: nothing is cut there
LITERAL: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}


class Logging(Console):
    """Standard output, unless quiet, and the log, if there is one; user text is shown literally."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Show some objects, on lines of their own."""
        if not self.quiet:
            super().print(*objects, **options)
        if log.current:
            page = Console(**LITERAL, file=StringIO(), soft_wrap=True, width=WIDE, no_color=True, force_terminal=False)
            page.print(*objects, **options)
            assert isinstance(page.file, StringIO)
            log.current.line(page.file.getvalue().removesuffix("\n"))


def out(quiet: bool = False) -> Console:
    """Standard output; user text is shown literally: no markup, no emoji, no highlighting. A log gets it even so."""
    width = None if sys.stdout.isatty() else WIDE
    return Logging(**LITERAL, soft_wrap=width is not None, width=width, quiet=quiet)


def note(text: str) -> None:
    """A line on standard error, and in the log."""
    progress.note(plain(text))


def warn(*warnings: Problem) -> None:
    """Each warning as a line on standard error."""
    for warning in warnings:
        note(f"warning: {warning}")


def grid(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    """A table with the first column to the left and the others to the right."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(
            Text("\n".join(map(plain, column.split("\n")))), justify="left" if i == 0 else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def layers(network: Network) -> list[dict[str, Any]]:
    """Each layer as `check --json` and `inspect --json` give it."""
    return [
        {
            "size": rows,
            "activation": activation_of(groups),
            "theta_shape": [rows, columns],
            "parameters": rows * columns,
        }
        for groups, (rows, columns) in zip(network.layers, network.shapes, strict=True)
    ]


def show_network(console: Console, network: Network, members: int) -> None:
    """The layers with their sizes, activations, and the shapes of Θ."""
    rows = [["1 (input)", str(network.inputs), "", "", ""]]
    for i, layer in enumerate(layers(network), 2):
        name = f"{i} (output)" if i == len(network.layers) + 1 else str(i)
        shape = " × ".join(map(str, layer["theta_shape"]))
        rows.append([name, str(layer["size"]), layer["activation"], shape, f"{layer['parameters']:,}"])
    together = f", {members} members trained together" if members > 1 else ""
    title = f"Network: L = {len(network.layers)}, {network.P:,} parameters, loss {network.loss}{together}"
    console.print(grid(title, ["layer", "neurons", "activation", "Θ", "parameters"], rows))


def show_columns(console: Console, features: Iterable[Feature]) -> None:
    """How each column becomes inputs."""
    rows = [[short(f.name), f.options.type, str(len(f.inputs)), encoding_of(f)] for f in features]
    table = grid("Inputs", ["column", "type", "inputs", "encoding"], rows)
    table.columns[3].justify = "left"
    console.print(table)


class Sheet:
    """The lines of a check, by section, and how many of each kind there are."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.counts = {"✔": 0, "⚠": 0, "✘": 0}

    def section(self, name: str) -> None:
        """Begin a section."""
        self.console.print(Text(name, style="bold"))

    def line(self, mark: str, *texts: object) -> None:
        """Lines with a mark, each counted."""
        for text in texts:
            self.counts[mark] += 1
            self.console.print(plain(f"  {mark} {text}"))

    def good(self, *texts: object) -> None:
        """Checks that passed."""
        self.line("✔", *texts)

    def doubt(self, *texts: object) -> None:
        """Warnings."""
        self.line("⚠", *texts)

    def bad(self, *texts: object) -> None:
        """Errors."""
        self.line("✘", *texts)

    def note(self, text: str) -> None:
        """A line that counts as nothing."""
        self.console.print(plain(f"  {text}"))

    def close(self) -> None:
        """The last line: how many of each there were."""
        passed, doubts, errors = self.counts.values()
        self.console.print(f"\n{count(passed, 'check')} passed, {count(doubts, 'warning')}, {count(errors, 'error')}")


def show_gradient(sheet: Sheet, result: GradientCheck, tolerance: float) -> None:
    """The result of the gradient check, with both values at the worst place if it failed."""
    skipped = (
        f", {result.skipped} skipped (below a surrogate gradient, at a kink, or lost in rounding)"
        if result.skipped
        else ""
    )
    if not result.checked:
        why = "a surrogate gradient, which is not the derivative on purpose, or are too large or small for differences"
        sheet.doubt(f"not checked: all weights lie below {why}")
        return
    proved = result.max_relative_error <= tolerance
    text = (
        f"back-propagation {'agrees' if proved else 'does not agree'} with central differences: largest relative error "
        f"{result.max_relative_error:.1e} over {result.checked} parameters{skipped}; tolerance {tolerance:.0e}"
    )
    if proved:
        sheet.good(text)
    else:
        sheet.bad(text)
        where = of_layer("Θ", result.layer)
        sheet.note(f"in {where}: back-propagation {result.backward}, numerically {result.numerical}")


def show_metrics(
    console: Console,
    metrics: dict[str, Any],
    trivial: dict[str, Any],
    rows: dict[str, int],
    regression: bool,
    intervals: dict[str, Any] | None = None,
    linear: dict[str, Any] | None = None,
    heading: str = "95 %",
) -> None:
    """The main metrics of every set, beside those of the trivial predictor and, if there is one, of the linear model.

    With members their mean ± sd stands below. Of a single set also the bootstrap intervals, under their heading. The
    JSON reports hold all the metrics.
    """
    columns, body = ["metric"], []
    sets, tables = list(metrics), [trivial, *([linear] if linear else [])]
    for name in sets:
        counted = f"\n{rows[name]:,} rows" if name in rows else ""
        columns += [f"{name}{counted}", *[heading] * bool(intervals), "trivial", *["linear"] * bool(linear)]
    for metric in shown_metrics(
        [*(metrics[name] for name in sets), *(t[name] for t in tables for name in sets if name in t)]
    ):
        line, spread = [metric], ["  members, mean ± sd"]
        for name in sets:
            between = [span((intervals or {}).get(metric))] if intervals else []
            others = [number(table.get(name, {}).get(metric)) for table in tables]
            line += [number(metrics[name].get(metric)), *between, *others]
            over = metrics[name].get("members", {}).get(metric)
            shown = f"{number(over['mean'])} ± {number(over['sd'])}" if over else ""
            spread += [shown, *[""] * (len(between) + len(others))]
        body.append(line)
        if any(spread[1:]):
            body.append(spread)
    baseline = "the mean of the training target" if regression else "the class frequencies of the training rows"
    title = f"Metrics, beside a trivial predictor: {baseline}"
    table = grid(
        title + "; linear: the values alone, without hidden layers, at the optimum" * bool(linear), columns, body
    )
    if len(sets) > 1 and console.measure(table, options=console.options.update(width=5 * WIDE)).maximum > console.width:
        for name in sets:  # in two lines a number is another one
            show_metrics(console, {name: metrics[name]}, trivial, rows, regression, intervals, linear, heading)
        return
    console.print(table)


def show_training(console: Console, model: Model) -> None:
    """What a training came to: the metrics of every set, the confusion of the last, and a threshold that is not ½."""
    show_record(console, model)
    if model.target.threshold != 0.5:
        second = short(model.classes[1])
        console.print(plain(f"{second} is predicted from the probability {model.target.threshold:.4g} on"))
    last = list(model.metrics)[-1]
    show_confusion(console, last, model.metrics[last])


def show_record(console: Console, model: Model) -> None:
    """The metrics that a model holds, beside those of the prior and of the linear model."""
    record, regression = model.record, model.target.task == "regression"
    if model.metrics:
        trivial, linear = record.get("trivial", {}), record.get("linear")
        show_metrics(console, model.metrics, trivial, record.get("rows", {}), regression, linear=linear)
    if text := kept_epochs(model):
        console.print(plain(text), end="\n\n")


def show_confusion(console: Console, name: str, metrics: dict[str, Any]) -> None:
    """The confusion matrix of one set, if it is small enough to read."""
    classes, table = metrics.get("classes", []), metrics.get("confusion", [])
    if not 2 <= len(classes) <= 12 or len(table) != len(classes) or isinstance(table[0][0], list):
        return
    labels = [short(label) for label in classes]
    shown = [[f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in line] for line in table]
    rows = [[label, *line] for label, line in zip(labels, shown, strict=True)]
    console.print(grid(f"Confusion, {name} rows: true class by predicted class", ["", *labels], rows))


def span(ends: list[float | None] | None) -> str:
    """An interval, if there is one."""
    return f"{number(ends[0])} to {number(ends[1])}" if ends and ends[0] is not None else ""
