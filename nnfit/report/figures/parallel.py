"""The picture of all of a sweep's parameters at once: a line for each trial, from its values to its score."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from nnfit.data.scales import Floats
from nnfit.report import style
from nnfit.report.figures.scores import part, shown, spread, window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from nnfit.report.swept import Axis, Sweep

WIDTH = 10.0  # inches
TOP = 10  # of a hundred trials stand out
LABELS = 14  # values of an axis that are named


@style.drawn
def parallel(sweep: Sweep, axes: Sequence[Axis]) -> Figure:
    """Parallel coordinates: a line for each trial, through its value of each parameter to its score, the best on top.

    The best tenth stands out. Lines of the same value are drawn a little apart. Source: Inselberg 1985.
    """
    from matplotlib.collections import LineCollection

    at, places = window(sweep), shown(sweep)
    figure, (axis,) = style.canvas(WIDTH, 4.6)
    heights = [height(each)[places] for each in axes]
    marks = [ticks(each) for each in axes]
    score, scored = scores(sweep, at.place(sweep.score)[places])
    lines = np.stack([np.column_stack([np.full(len(places), k), y]) for k, y in enumerate([*heights, score])], axis=1)
    ranks = sweep.ranks[places]
    leading = sweep.done[places] & (ranks <= max(1, int(np.isfinite(sweep.ranks).sum()) * TOP / 100))
    best = np.isin(places, sweep.order[:1])
    few = len(places) <= 60
    for chosen, colour, width, alpha, name in (
        (~leading & ~best, style.INK, 0.8, 0.35 if few else 0.13, "a trial"),
        (leading & ~best, style.BLUE, 1.3, 0.75, "the best tenth"),
        (best, style.VERMILLION, 2.4, 1.0, "the best"),
    ):
        if chosen.any():
            axis.add_collection(LineCollection(list(lines[chosen]), colors=colour, linewidths=width, alpha=alpha))
            axis.plot([], [], color=colour, linewidth=width, alpha=max(alpha, 0.4), label=name)
    letters = min(28, int(WIDTH / (len(axes) + 1.3) / 0.085))
    for k, (y, names) in enumerate([*marks, scored]):
        axis.axvline(k, color=style.INK, linewidth=0.8)
        for each, label in zip(y, names, strict=True):
            axis.text(k + 0.03, each, style.name(label, max(4, letters)), fontsize=7, va="center", zorder=7,
                      bbox={"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.6})  # fmt: skip
    axis.set_xticks(
        range(len(axes) + 1), [stacked(each.name, letters) for each in axes] + [stacked(sweep.metric, letters)]
    )
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", length=0)
    axis.set_yticks([])
    axis.set_xlim(-0.1, len(axes) + 0.75 * min(1.0, 8 * 0.085 * (len(axes) + 1.3) / WIDTH * 1.4))
    axis.set_ylim(-0.09, 1.09)
    axis.grid(visible=False)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, part(sweep, places))
    return figure


def height(own: Axis) -> Floats:
    """How high each trial stands on an axis, from 0 to 1; those of the same value a little apart."""
    if len(own.edges):
        return between(own.x, float(own.x.min()), float(own.x.max()), own.log)
    L = len(own.labels)
    return np.asarray(own.x / (L - 1) + spread(len(own.x), min(0.3 / L, 0.12)), np.float64)


def ticks(own: Axis) -> tuple[list[float], list[str]]:
    """Where an axis has names, and which; of many values as many as there is room for."""
    if not len(own.edges):
        L = len(own.labels)
        chosen = range(0, L, -(-L // LABELS))
        return [k / (L - 1) for k in chosen], [own.labels[k] for k in chosen]
    return numbers(float(own.x.min()), float(own.x.max()), own.log)


def numbers(low: float, high: float, log: bool) -> tuple[list[float], list[str]]:
    """Round numbers between two, where they lie from 0 to 1, and how they are written; the ends where none does."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    found = (LogLocator(numticks=6) if log else MaxNLocator(5)).tick_values(low, high)
    values = np.array([each for each in np.asarray(found, np.float64) if low <= each <= high])
    if len(values) < 2:
        values = np.array([low, high])
    return [float(each) for each in between(values, low, high, log)], [f"{each:.4g}" for each in values]


def between(values: Floats, low: float, high: float, log: bool) -> Floats:
    """Where numbers lie from low, 0, to high, 1, by their logarithm or as they are."""
    if log:
        return np.asarray(np.log(values / low) / np.log(high / low), np.float64)
    return np.asarray((values - low) / (high - low), np.float64)


def scores(sweep: Sweep, drawn: Floats) -> tuple[Floats, tuple[list[float], list[str]]]:
    """How high the score of each trial stands, the best at 1, the edge at 0, and the names of that axis."""
    at = window(sweep)
    low, high = sorted((at.best, at.worst))
    _, names = numbers(low, high, at.log)
    places = between(np.array([float(each) for each in names]), at.edge, at.best, at.log)
    some = np.isfinite(sweep.ranks)
    beyond = bool((sweep.has_score & (at.place(sweep.score) == at.edge)).any())
    words = ["worse"] * beyond + ["diverged"] * bool((sweep.diverged & some).any())
    kept = [(float(y), each) for y, each in zip(places, names, strict=True) if y > 0.07 or not words]
    kept += [(0.0, " or ".join(words))] * bool(words)
    return between(drawn, at.edge, at.best, at.log), ([y for y, _ in kept], [each for _, each in kept])


def stacked(name: str, letters: int) -> str:
    """A name in up to three lines, broken at its dots and underscores where it can be."""
    parts = style.name(name, min(40, 3 * letters)).replace(".", ". ").replace("_", "_ ")
    return "\n".join(each.replace(". ", ".").replace("_ ", "_") for each in wrap(parts, max(5, letters))[:3])
