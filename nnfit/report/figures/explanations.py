"""Pictures of what a model does with its columns: how much each matters, and what the prediction does along one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.report import style
from nnfit.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nnfit.data.target import Target
    from nnfit.explain.dependence import Dependence
    from nnfit.explain.importance import Importance

SHOWN = 20  # columns of a picture
METRICS = {"log_loss": "log-loss", "rmse": "RMSE"}


@style.drawn
def importance(found: Importance, of: str = "", unit: str = "") -> Figure:
    """The permutation importance of the columns, most important first: bars, a dot for each repeat, a tick each member.

    Hollow is what the rows cannot tell from chance: an importance within the interval in which that of a column without
    any lies in 95 of 100 samples of rows. `of` says which rows these are, `unit` the target whose unit an RMSE has.
    """
    C = min(SHOWN, len(found.columns))
    figure, (axis,) = style.canvas(6.4, 1.7 + 0.26 * C + 0.2 * bool(of))
    place = np.arange(C)
    value, noise = found.importance[:C], np.nan_to_num(found.noise[:C])
    sure = value > noise
    look: dict[str, Any]
    if sure.any():
        axis.barh(place[sure], value[sure], height=0.62, color=style.BLUE, alpha=0.75, label="mean over the repeats")
    if not sure.all():
        look = {"facecolor": "none", "edgecolor": style.BLUE, "linewidth": 1.0, "linestyle": "--"}
        axis.barh(place[~sure], value[~sure], height=0.62, **look, label="could be chance in these rows")
    look = {"linestyle": "none", "color": style.INK}
    repeats = found.repeats[:C]
    rows = np.repeat(place, repeats.shape[1])
    axis.plot(repeats.ravel(), rows, marker="o", markersize=2.6, **look, label="each repeat")
    if found.members.shape[1]:
        members = found.members[:C]
        ends = np.repeat(place, members.shape[1])[:, None] + [-0.28, 0.28, np.nan]
        # One path for all ticks: a mark for each of many members would be most of a page.
        ticks = np.repeat(members.ravel(), 3), ends.ravel()
        look["color"] = style.VERMILLION
        axis.plot(*ticks, color=style.VERMILLION, linewidth=1.0)
        axis.plot([], [], marker="|", markersize=8, **look, label="each member alone")
    axis.axvline(0, color=style.INK, linewidth=0.8)
    axis.set_yticks(place, [style.name(name, 32) for name in found.columns[:C]])
    axis.set_ylim(C - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    metric = METRICS.get(found.metric, found.metric)
    inside = f" of {style.name(unit)}" if unit and found.metric == "rmse" else ""
    asked = count(found.of, "row") if found.rows == found.of else f"{found.rows:,} of {count(found.of, 'row')}"
    told = f"What shuffling the column adds to the {metric}{inside} ({found.baseline:.4g} on {asked})"
    axis.set_xlabel(style.wrapped(told, 48))
    rest = len(found.columns) - C
    axis.set_ylabel("Column" + (f"  ({count(rest, 'less important one')} left out)" if rest else ""))
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, of)
    return figure


@style.drawn
def dependence(found: Dependence, of: str = "", target: str = "", probability: bool = False) -> Figure:
    """The mean prediction by the value of one column, thin lines of single rows, and beneath how many rows have it.

    Numbers and dates: curves over the values; categories: points. Where several outputs are drawn, the lines of single
    rows are those of one of them, in its colour. `of` says which rows these are, `target` what is predicted, and
    `probability` that it is one, of classes.
    """
    figure, (axis, rows) = style.canvas(5.4, 4.2 + 0.2 * bool(of), 2, 1, sharex=True, height_ratios=[4, 1])
    G = len(found.grid)
    x = np.array(found.grid, np.float64) if found.numeric else np.arange(G, dtype=np.float64)
    marker = None if found.numeric and G > 12 else "o"
    own = style.line(found.shown)["color"]
    axis.plot(x, found.lines.T, color=own, linewidth=0.5, alpha=0.3)
    for k, name in enumerate(found.outputs):
        look = style.line(k)
        if not found.numeric:
            look["linestyle"] = "none"
        axis.plot(
            x,
            found.mean[k],
            **look,
            marker=marker,
            linewidth=2.2,
            markersize=5 if found.numeric else 8,
            label=style.name(name),
        )
    axis.plot([], [], color=own, linewidth=0.5, label=f"single rows ({len(found.lines)})")
    if found.numeric:
        rows.stairs(found.counts, found.edges, color=style.INK, fill=True, alpha=0.45)
    else:
        rows.bar(x, found.counts, color=style.INK, alpha=0.45, width=0.7)
    labels(rows, found, x)
    of_target = f" of {style.name(target, 16)}" if target else ""
    axis.set_ylabel(("Probability" if probability else "Prediction") + of_target)
    rows.set_ylabel("Rows")
    rows.set_xlabel(style.name(found.column, 40))
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, of)
    return figure


def predicted(target: Target, found: Dependence) -> dict[str, Any]:
    """What the y axis of a dependence says: the probability of a class, or a target in its unit."""
    if target.classes:
        single = len(found.outputs) == 1
        return {"target": found.outputs[0] if single else target.columns[0], "probability": True}
    return {"target": target.columns[0] if len(target.columns) == 1 else ""}


def labels(axis: Axes, found: Dependence, x: np.ndarray) -> None:
    """The values on the axis: numbers as they come, categories and dates by name."""
    if found.numeric and not found.dates:
        axis.margins(x=0.03)
        return
    step = max(1, -(-len(x) // (6 if found.dates else 20)))
    names = [style.name(label, 16) for label in found.labels[::step]]
    slanted = sum(map(len, names)) > 50
    if slanted:
        axis.set_xticks(x[::step], names, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axis.set_xticks(x[::step], names)
