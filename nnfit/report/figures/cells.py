"""The picture of two parameters of a sweep at once: where in their plane the good trials lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnfit.report import style
from nnfit.report.figures.against import named
from nnfit.report.figures.scores import part, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnfit.report.swept import Axis, Sweep

SMALL = 0.5  # of the darkest, from which on letters are of the paper's colour
TEXTS = 100  # cells in which there is room for words


@style.drawn
def plane(sweep: Sweep, first: Axis, second: Axis) -> Figure:
    """The trials in the plane of two ranges of numbers, the better the darker; the best, and those that diverged."""
    figure, (axis,) = style.canvas(6.0, 4.6)
    places = shown(sweep)
    n = np.isfinite(sweep.ranks).sum()
    share = sweep.ranks / n
    best = np.zeros(len(share), bool)
    best[sweep.order[:1]] = True
    rest = ~sweep.diverged & ~best
    for chosen, label, look in (
        (rest & (share > 0.5), "the worse half", {"marker": "o", "markersize": 4, "markerfacecolor": "none", "alpha": 0.5, "color": style.INK}),
        (rest & (share <= 0.5) & (share > 0.1), "the better half", {"marker": "o", "markersize": 5, "alpha": 0.6, "color": style.SKY}),
        (rest & (share <= 0.1), "the best tenth", {"marker": "o", "markersize": 7, "alpha": 0.9, "color": style.BLUE}),
        (sweep.diverged, "diverged", {"marker": "x", "markersize": 5, "color": style.VERMILLION}),
        (best, "the best", {"marker": "*", "markersize": 13, "color": style.VERMILLION, "markeredgecolor": style.PAPER}),
    ):  # fmt: skip
        some = places[chosen[places]]
        if len(some):
            axis.plot(first.x[some], second.x[some], linestyle="none", label=label, **look)
    if first.log:
        axis.set_xscale("log")
    named(axis, first, flat=False)
    flipped(axis, second)
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, part(sweep, places))
    return figure


def flipped(axis, own: Axis) -> None:  # type: ignore[no-untyped-def]
    """The y axis of a range."""
    from matplotlib.ticker import FuncFormatter

    if own.log:
        style.logarithmic(axis)
    else:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.margins(y=0.05)
    axis.set_ylabel(style.wrapped(style.name(own.name, 48), 30))


@style.drawn
def cells(sweep: Sweep, first: Axis, second: Axis, middle: np.ndarray, n: np.ndarray) -> Figure:
    """The median score (A, B) of the trials in each cell of two parameters, of which there are n, the better the darker.

    Colours follow the places of the cells, so that one bad cell does not make all others alike. NaN is a cell of which
    half of the trials or more diverged.
    """
    A, B = n.shape
    loss = np.where(np.isnan(middle), np.inf, -middle if sweep.higher else middle)
    known = np.sort(np.unique(loss[n > 0]))
    place = np.searchsorted(known, loss)
    strength = np.where(n > 0, 1 - place / max(len(known) - 1, 1), np.nan)
    figure, (axis,) = style.canvas(min(10.0, 2.6 + 0.75 * max(A, 3)), 1.6 + 0.42 * max(B, 3))
    axis.imshow(strength.T, cmap=style.tints(style.BLUE, 0.6), aspect="auto", vmin=0, vmax=1, origin="lower")
    if A * B <= TEXTS:
        for a, b in np.ndindex(A, B):
            told = f"{middle[a, b]:.3g}" if not np.isnan(middle[a, b]) else "diverged"
            if n[a, b]:
                axis.text(a, b, told, ha="center", va="center", fontsize=8)
    if len(sweep.order):
        k = sweep.order[0]
        axis.plot(
            first.codes[k],
            second.codes[k] + 0.32,
            marker="*",
            markersize=9,
            color=style.VERMILLION,
            linestyle="none",
            label="the best",
        )
    letters = 12 if A > 4 else 18
    slanted = sum(min(len(each), letters) for each in first.levels) > 9 * max(A, 3)
    ticks = [style.name(each, letters) for each in first.levels]
    axis.set_xticks(range(A), ticks, **({"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}))
    axis.set_yticks(range(B), [style.name(each, 18) for each in second.levels])
    axis.grid(visible=False)
    axis.set_xlabel(style.name(first.name, 48))
    axis.set_ylabel(style.wrapped(style.name(second.name, 48), 26))
    style.legend(figure, *axis.get_legend_handles_labels())
    return figure
