"""The best trials of a sweep side by side: their values, their spread, and how far apart they are."""

from __future__ import annotations

import numpy as np

from nnfit.data.scales import Floats
from nnfit.report import figures
from nnfit.report.luck import EQUAL, Luck, behind
from nnfit.report.parts import Cells, Section, Shown, percent, table
from nnfit.report.svg import svg
from nnfit.report.swept import Sweep
from nnfit.words import count, short

TOP = 20  # trials of the table


def leading(sweep: Sweep, chance: Luck | None) -> Section | None:
    """The table of the best trials, and its picture."""
    places = sweep.order[:TOP]
    if not places:
        return None
    told = []
    if len(places) > 1:
        told.append("The column behind is the distance to the best.")
        if chance is not None:
            told[0] += (
                " Beside it is half of its interval, so wide that those of all trials hold together, 95 times in 100: "
                "a trial that is no further behind is not told apart."
            )
        if chance is not None and chance.chosen is not None:
            told.append("The column first in draws says how often a trial comes first when other such rows are drawn.")
    pictures = (pictured(sweep, places, chance),) if len(places) > 1 else ()
    return Section("best", "The best trials", tuple(told), cells=(rows(sweep, places, chance),), shown=pictures)


def rows(sweep: Sweep, places: list[int], chance: Luck | None) -> Cells:
    """A line for each of some trials, the best first."""

    def of(values: Floats) -> list[object]:
        return [int(value) if value == value and value == int(value) and name == "epochs" else float(value)
                for value in values[places]]  # fmt: skip

    columns: dict[str, list[object]] = {"trial": [sweep.number[k] for k in places]}
    numbers = {sweep.metric: sweep.score}
    if sweep.repeat > 1 and np.isfinite(sweep.numbers("sd")[places]).any():
        numbers["sd over repeats"] = sweep.numbers("sd")
    if len(places) > 1:
        numbers["behind"] = behind(sweep)
    if chance is not None:
        numbers["± (95 %)"] = chance.half
    for name, values in numbers.items():
        columns[name] = of(values)
    if chance is not None and chance.chosen is not None:
        columns["first in draws"] = [percent(float(chance.chosen[k])) for k in places]
    columns |= {own.name: [short(own.told(k)) for k in places] for own in sweep.axes}  # if not all have room, these
    for name in ("epochs", "seconds"):
        if np.isfinite(sweep.numbers(name)[places]).any():
            columns[name] = of(sweep.numbers(name))
    caption = f"The best {count(len(places), 'trial')} of {len(sweep.order):,}" if len(sweep.order) > 1 else "The trial"
    return table(caption, [*map(short, columns)], [*zip(*columns.values(), strict=True)], sortable=True)


def pictured(sweep: Sweep, places: list[int], chance: Luck | None) -> Shown:
    """The scores of some trials, with their spread."""
    half = expected = None
    told = ""
    if chance is not None:
        half = chance.half[places]
        if chance.optimism > 0:
            expected = chance.expected(sweep)
            told = "to be expected of the best" + EQUAL * (chance.by != "rows")
    picture = svg(figures.leaders(sweep, places, half, expected, told), "leaders", "Scores of the best trials")
    return Shown("leaders", "How far apart they are", "", picture, whole=True)
