"""Pictures of a sweep's scores: against one parameter, and those of the best trials with their spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.data.scales import Floats
from nnfit.report import style
from nnfit.report.figures.scores import dots, part, scaled, shown, spread, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nnfit.report.swept import Axis, Sweep

FEW = 3  # trials of a level whose median is drawn
WORDS = 44  # letters of all values together that fit beneath one another


@style.drawn
def against(sweep: Sweep, own: Axis) -> Figure:
    """The score of every trial against one parameter, and the median of each of its levels.

    A range of numbers is an axis, logarithmic where the sweep draws it so; values are strips, which lie down where
    their names are long. The median counts trials that diverged as the worst, and so do bars at the edge.
    """
    at, places = window(sweep), shown(sweep)
    flat = not len(own.edges) and sum(map(len, own.labels)) > WORDS
    L = len(own.levels)
    height = max(2.9, 1.5 + 0.28 * L) if flat else 3.7
    figure, (axis,) = style.canvas(5.4, height)
    width = 0.62
    x = own.x.copy()
    if not len(own.edges):
        x[places] += spread(len(places), width)
    elif own.log:
        axis.set_xscale("log")
    dots(axis, sweep, at, x, places, flat)
    for k, middle in enumerate(at.place(medians(sweep, own))):
        if (own.codes[np.isfinite(sweep.ranks)] == k).sum() >= FEW:
            ends = (own.edges[k], own.edges[k + 1]) if len(own.edges) else (k - width / 2, k + width / 2)
            pair = ((middle, middle), ends) if flat else (ends, (middle, middle))
            axis.plot(
                *pair, color=style.INK, linewidth=2.0, zorder=5, label="" if k else "median", solid_capstyle="butt"
            )
    scaled(axis, sweep, at, flat)
    named(axis, own, flat)
    style.legend(figure, *unique(axis))
    style.title(figure, part(sweep, places))
    return figure


def unique(axis: Axes) -> tuple[list[object], list[str]]:
    """The legend's entries, each once."""
    found = {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True) if label}
    return list(found.values()), list(found)


def medians(sweep: Sweep, own: Axis) -> Floats:
    """The median score of the trials of each level: NaN of a level where at least half have diverged, or none ran."""
    bad = -np.inf if sweep.higher else np.inf
    score = np.where(sweep.diverged, bad, sweep.score)
    some = np.isfinite(sweep.ranks)
    found = []
    for k in range(len(own.levels)):
        chosen = np.sort(score[some & (own.codes == k)])
        pair = chosen[[(len(chosen) - 1) // 2, len(chosen) // 2]] if len(chosen) else np.array([np.nan])
        found.append(float(pair.mean()) if np.isfinite(pair).all() else np.nan)
    return np.array(found)


def named(axis: Axes, own: Axis, flat: bool) -> None:
    """The axis of the parameter."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    name = style.name(own.name, 48)
    if flat:
        axis.set_yticks(range(len(own.labels)), [style.name(each) for each in own.labels])
        axis.set_ylim(len(own.labels) - 0.4, -0.6)
        axis.grid(axis="y", visible=False)
        axis.set_ylabel(style.wrapped(name, 24))
        return
    axis.set_xlabel(name)
    if not len(own.edges):
        axis.set_xticks(range(len(own.labels)), [style.name(each) for each in own.labels])
        axis.set_xlim(-0.6, len(own.labels) - 0.4)
        axis.grid(axis="x", visible=False)
        return
    if own.log:
        near = own.edges[-1] < 50 * own.edges[0]
        axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if near else (1.0,), numticks=9))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.margins(x=0.04)


@style.drawn
def leaders(sweep: Sweep, places: list[int], half: Floats | None, expected: float | None, told: str = "") -> Figure:
    """The scores of some trials, the best first, with how far each may lie from the best, and the expected score.

    `half` are half the widths of the 95 % intervals of the differences to the best, where they are known; thin is the
    standard deviation over the repeats. `expected` is what the best is expected to have on new rows, which `told` says.
    """
    n = len(places)
    figure, (axis,) = style.canvas(8.0, 1.5 + 0.165 * max(n, 8))
    rows, score, sd = np.arange(n), sweep.score[places], sweep.numbers("sd")[places]
    look: dict[str, Any] = {"linestyle": "none", "capsize": 0}
    if np.isfinite(sd).any() and sweep.repeat > 1:
        axis.errorbar(score, rows, xerr=np.nan_to_num(sd), ecolor=style.INK, elinewidth=0.8, zorder=3, **look,
                      label="standard deviation over the repeats")  # fmt: skip
    if half is not None:
        axis.errorbar(score, rows, xerr=np.nan_to_num(half), ecolor=style.SKY, elinewidth=4, alpha=0.7, **look,
                      label="95 % intervals, of all together, of the difference to the best")  # fmt: skip
    axis.plot(score[1:], rows[1:], linestyle="none", marker="o", markersize=5, color=style.BLUE)
    axis.plot(
        score[:1], rows[:1], linestyle="none", marker="*", markersize=11, color=style.VERMILLION, label="the best"
    )
    axis.axvline(score[0], color=style.VERMILLION, linewidth=0.8)
    if expected is not None:
        axis.axvline(expected, color=style.VERMILLION, linewidth=1.0, linestyle="--", label=told)
    axis.set_yticks(rows, [f"trial {sweep.number[k]}" for k in places])
    axis.set_ylim(n - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    axis.set_ylabel("The best trials")
    axis.set_xlabel(f"{style.name(sweep.metric)}  (better: {'right' if sweep.higher else 'left'})")
    style.legend(figure, *axis.get_legend_handles_labels())
    return figure
