"""The picture of two parameters of a sweep at once: where in their plane the good trials lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.report import style
from nnfit.report.figures.against import named
from nnfit.report.figures.scores import part, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnfit.report.swept import Axis, Sweep

MOST = 24  # levels of a parameter that are named
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
    hollow = {"markerfacecolor": "none", "alpha": 0.5, "color": style.INK}
    star = {"marker": "*", "color": style.VERMILLION, "markeredgecolor": style.PAPER}
    kinds: list[tuple[np.ndarray, str, float, dict[str, Any]]] = [
        (rest & (share > 0.5), "the worse half", 4, hollow),
        (rest & (share <= 0.5) & (share > 0.1), "the better half", 5, {"alpha": 0.6, "color": style.SKY}),
        (rest & (share <= 0.1), "the best tenth", 7, {"alpha": 0.9, "color": style.BLUE}),
        (sweep.diverged, "diverged", 5, {"marker": "x", "color": style.VERMILLION}),
        (best, "the best", 13, star),
    ]
    for chosen, label, size, look in kinds:
        some = places[chosen[places]]
        if len(some):
            drawn = {"marker": "o", "linestyle": "none", "label": label} | look
            axis.plot(first.x[some], second.x[some], markersize=size, **drawn)
    if first.log:
        axis.set_xscale("log")
    named(axis, first, flat=False)
    if second.log:
        style.logarithmic(axis)
    axis.margins(y=0.05)
    axis.set_ylabel(style.wrapped(style.name(second.name, 48), 30))
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, part(sweep, places))
    return figure


@style.drawn
def cells(sweep: Sweep, first: Axis, second: Axis, middle: np.ndarray, n: np.ndarray) -> Figure:
    """The median score (A, B) of the n trials in each cell of two parameters, the better the darker.

    Colours follow the places of the cells, so that one bad cell does not make all others alike. NaN is a cell of which
    half of the trials or more diverged.
    """
    A, B = n.shape
    loss = np.where(np.isnan(middle), np.inf, -middle if sweep.higher else middle)
    known = np.sort(np.unique(loss[n > 0]))
    place = np.searchsorted(known, loss)
    strength = np.where(n > 0, 1 - place / max(len(known) - 1, 1), np.nan)
    figure, (axis,) = style.canvas(min(10.0, 3.4 + 1.1 * max(A, 4)), min(8.0, 1.7 + 0.45 * max(B, 4)))
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
    ticks = [style.name(each, 20) for each in first.levels]
    slanted = max(map(len, ticks)) > 14 or sum(map(len, ticks)) > 70
    look: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axis.set_xticks(range(0, A, -(-A // MOST)), ticks[:: -(-A // MOST)], **look)
    axis.set_yticks(range(0, B, -(-B // MOST)), [style.name(each, 20) for each in second.levels][:: -(-B // MOST)])
    axis.grid(visible=False)
    axis.set_xlabel(style.name(first.name, 48))
    axis.set_ylabel(style.wrapped(style.name(second.name, 48), 26))
    style.legend(figure, *axis.get_legend_handles_labels())
    return figure
