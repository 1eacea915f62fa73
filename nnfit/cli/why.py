"""What `nnfit explain --row` and `--equations` show: the contributions to one prediction, a network as formulas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnfit.cli.outputs import json_of

if TYPE_CHECKING:
    from nnfit.data.dialect import Dialect
    from nnfit.data.table import Table
    from nnfit.errors import Problem
    from nnfit.explain.contributions import Contributions
    from nnfit.model.model import Model

SHOWN = 40  # columns in the terminal; the JSON has all


def explain_row(path: Path, model: Model, data: str, dialect: Dialect, row: int, as_json: bool) -> None:
    """Print what each column adds to the prediction for a row of a file, numbered from 1."""
    from nnfit.cli import screen
    from nnfit.cli.rows import refuse_row
    from nnfit.data.table import read_table
    from nnfit.explain.contributions import contributions, doubts, has_baseline
    from nnfit.model.prediction import like_training

    with like_training(dialect):
        # The target is only shown: as text it may be whatever it is.
        table = read_table(data, dialect, model.kinds | dict.fromkeys(model.target.columns, "text"), others=False)
        refuse_row(row, table)
        remarks = model.remarks()
        found = contributions(model, table, [row], remarks=remarks)
    truth = {name: true(model, table, name, row - 1) for name in model.target.columns}
    warnings = [*remarks.problems(), *doubts(model, found)]
    screen.warn(*warnings)
    if as_json:
        print(json_of(report(path, found, truth, warnings)))
        return
    mean = f"the mean of the {'training rows' if has_baseline(model) else 'rows of DATA'}"
    for each in found:
        show(each, truth[each.target], bool(model.classes), mean)


def true(model: Model, table: Table, name: str, row: int) -> float | str | None:
    """What the file has as the target of a row, a number where it is one and the target is real; None where nothing."""
    from nnfit.data.rows import number

    text = table.cell(name, row) if name in table.columns else None
    if isinstance(text, str) and not model.classes:
        value = number(text, table.dialect.decimal)
        return text if value is None else value
    return text


def report(
    path: Path, found: Sequence[Contributions], truth: dict[str, float | str | None], warnings: Sequence[Problem]
) -> dict[str, Any]:
    """What --json prints: the columns that add or take most first; of several targets an object for each."""
    targets = [
        {
            "target": each.target,
            "prediction": each.prediction,
            "output": each.output,
            "truth": truth[each.target],
            "baseline": each.baseline,
            "error": each.error,
            "contributions": [
                {"column": each.columns[i], "value": each.values[i], "contribution": float(each.contributions[i])}
                for i in order(each)
            ],
        }
        for each in found
    ]
    rest = targets[0] if len(targets) == 1 else {"targets": targets}
    said = [problem.as_json() for problem in warnings]
    return {"model": str(path), "row": found[0].row, **rest, "warnings": said}


def order(found: Contributions) -> list[int]:
    """The columns, the largest contribution first, whatever its sign; equal ones as they stand in the model."""
    return sorted(range(len(found.columns)), key=lambda i: -abs(found.contributions[i]))


def show(found: Contributions, truth: float | str | None, of_classes: bool, mean: str) -> None:
    """The columns with their values and contributions, each with a bar to its side, and the sum."""
    from nnfit.cli import screen
    from nnfit.cli.bars import decimals, to_its_side
    from nnfit.words import count, short

    console = screen.out()
    values = [float(value) for value in found.contributions]
    longest = max(map(abs, values), default=0.0)
    size = max(longest, abs(found.output - found.baseline))
    places = decimals(size, most=12)

    def number(value: float, sign: str = "") -> str:
        return f"{round(value, places) + 0.0:{sign},.{places}f}".replace("-", "−")

    body = [
        [
            short(found.columns[i]),
            short(found.values[i]) or "(missing)",
            number(values[i], "+"),
            to_its_side(values[i], longest),
        ]
        for i in order(found)[:SHOWN]
    ]
    target, prediction = short(found.target), found.prediction
    if of_classes:
        title = f"Row {found.row}: {target} = {short(str(prediction))} predicted, probability {number(found.output)}"
    else:
        cut = f" (cut to {prediction:.6g})" if prediction != found.output else ""
        title = f"Row {found.row}: {target} = {number(found.output)}{cut} predicted"
    if truth is not None:
        title += f"; {short(truth) if isinstance(truth, str) else f'{truth:.6g}'} in the file"
    table = screen.grid(f"{title}; at {mean} {number(found.baseline)}", ["column", "value", "contribution", ""], body)
    table.columns[-1].justify = "left"
    console.print(table)
    more = len(values) - SHOWN
    if more > 0:
        console.print(f"{count(more, 'column')} more, with smaller contributions: --json has them")
    total = sum(values)
    console.print(f"sum {number(total, '+')} = {number(found.output)} − {number(found.baseline)}", end="")
    missing = found.output - found.baseline - total
    console.print("" if abs(missing) < 0.5 * 10**-places else f", but for {number(missing, '+')}", end="\n\n")


def write_equations(path: Path, model: Model, as_json: bool) -> None:
    """Print a network as formulas with its numbers."""
    from nnfit.cli import screen
    from nnfit.explain.equations import equations

    sections = equations(model)
    if as_json:
        print(json_of({"model": str(path), "sections": [section._asdict() for section in sections]}))
        return
    console = screen.out()
    for section in sections:
        console.print(section.title)
        for formula in section.formulas:
            console.print(f"  {formula}", soft_wrap=True)
        console.print()
