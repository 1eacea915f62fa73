"""What matters to a model, on labelled rows: which columns, how, where it is worst, and its worst rows."""

from __future__ import annotations

import shlex

from nnfit.data.target import Target
from nnfit.explain.dependence import OUTPUTS, Dependence, dependence
from nnfit.explain.importance import Importance, importance
from nnfit.explain.rows import Rows, outputs
from nnfit.explain.slices import Slice, WorstRow, slices, worst_rows
from nnfit.model.model import Model
from nnfit.progress import tracked
from nnfit.report import figures
from nnfit.report.parts import Cells, Section, Shown, table
from nnfit.report.svg import svg
from nnfit.words import count, digits, short

COLUMNS = 8  # whose dependence is drawn, the most important ones
WIDE = 8  # columns of a worst row that are shown, the most important ones


def matters(rows: Rows, words: str, chosen: bool = False) -> Section:
    """The section of the columns, for rows that `words` name; `chosen` if they chose the epochs of the weights."""
    found = importance(rows)
    part = f"{found.rows:,} of {found.of:,} rows, drawn once" if found.rows < found.of else count(found.rows, "row")
    text = [
        f"All of this is asked of {words}.",
        f"A column matters as much as {found.metric.replace('_', '-')} grows when its cells are shuffled among the "
        f"rows ({part}; from {digits(found.baseline)} as they are). Columns that say the same share their importance.",
    ]
    if chosen:
        text.append(
            "These rows chose the epoch of the weights that are asked here, so the errors in this section are smaller "
            "than those above, in which no row has a say: look at differences, not at levels."
        )
    columns = tracked(found.columns[:COLUMNS], "dependence on columns")
    shown = [
        of_importance(found),
        *(
            of_dependence(k, dependence(rows, each).moving(OUTPUTS), rows.model.target)
            for k, each in enumerate(columns, 1)
        ),
    ]
    y_hat = outputs(rows)
    worst, single = slices(rows, y_hat=y_hat), worst_rows(rows, y_hat=y_hat)
    if not worst:
        text.append("No value of a column that 20 rows or more have is worse than all rows by more than chance.")
    order = {column: k for k, column in enumerate(found.columns)}
    return Section(
        "matters",
        "What matters",
        tuple(text),
        shown=tuple(shown),
        after=(*([of_slices(worst)] if worst else []), of_rows(single, order, rows)),
    )


def missing(model: Model, path: str) -> Section:
    """The section of a page that has no rows to ask."""
    names = ", ".join(short(feature.name) for feature in model.features[:3])
    text = (
        f"Which columns matter ({names}, …), how the prediction follows them, and where it is worst, is asked of rows, "
        "and a model carries none of anybody's data. Give some, with their target:",
    )
    return Section(
        "matters",
        "What matters",
        text,
        code=(("With labelled rows", f"nnfit report {shlex.quote(path)} --data rows.csv"),),
    )


def of_importance(found: Importance) -> Shown:
    """The picture of the importances, and the table."""
    members = found.members.shape[1]
    header = [
        "column",
        "importance",
        "noise of the rows",
        "sd over the shuffles",
        *["sd over the members"] * bool(members),
    ]
    rows = [
        [
            short(column),
            float(found.importance[c]),
            f"± {digits(float(found.noise[c]))}",
            float(found.sd[c]),
            *([float(found.members[c].std(ddof=1))] if members else []),
        ]
        for c, column in enumerate(found.columns)
    ]
    text = "Dots are single shuffles" + ", ticks single members." * bool(members) + "." * (not members)
    title = f"Importance of columns: what shuffling adds to {found.metric}"
    picture = svg(figures.importance(found), "importance", title)
    return Shown(
        "importance",
        "Importance of columns",
        text,
        picture,
        (table(title, header, rows, sortable=True, folded=True),),
    )


def of_dependence(number: int, found: Dependence, target: Target) -> Shown:
    """The picture of one column's dependence, and its numbers."""
    name = f"dependence-{number}"
    rows = [(short(label), *map(float, means)) for label, means in zip(found.labels, found.mean.T, strict=True)]
    header = (short(found.column), *map(short, found.outputs))
    title = f"Mean prediction by {short(found.column)}"
    return Shown(
        name,
        short(found.column),
        "",
        svg(figures.dependence(found, **figures.predicted(target, found)), name, title),
        (table(title, tuple(map(str, header)), rows, folded=True),),
    )


def of_slices(worst: tuple[Slice, ...]) -> Cells:
    """Where the error is larger than in all rows by more than chance."""
    rows = [
        (
            short(each.column),
            short(each.value),
            each.n,
            each.value_of_metric,
            f"{digits(each.low)} to {digits(each.high)}",
            each.rest,
            "yes" if each.sure else "perhaps",
        )
        for each in worst
    ]
    metric = worst[0].metric.replace("_", "-")
    caption = "Where it is worst: values of a column whose rows have a larger error than all rows"
    return table(
        caption,
        ("column", "value", "rows", metric, "95 % interval", "all rows", "more than chance"),
        rows,
        sortable=True,
    )


def of_rows(worst: tuple[WorstRow, ...], order: dict[str, int], rows: Rows) -> Cells:
    """The worst single rows, with their most important columns."""
    names = list(order)[:WIDE]
    target = rows.model.target
    error = "−ln p of the true class" if target.classes else "error" if len(target.columns) == 1 else "error, in sd"
    where = "from 0 in the frame" if rows.table.of_frame else "in the file"
    body = []
    for each in worst:
        values = dict(each.values)
        body.append(
            (
                str(each.row),
                short(each.truth),
                short(each.prediction),
                each.error,
                *(short(values.get(name, "")) for name in names),
            )
        )
    header = ("row", "true", "predicted", error, *map(short, names))
    return table(
        f"The worst rows, by their number {where}, with the columns that matter most: they are rows of the table",
        header,
        body,
        sortable=True,
    )
