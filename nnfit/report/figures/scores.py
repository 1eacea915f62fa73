"""The axis of the scores of a sweep's trials: near the best in full, and what is far worse at its edge.

One trial that nearly diverged would press all others into a line. So the axis ends where trials are so bad that how
bad says nothing, and those beyond it, and those that diverged, are marks at its edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfit.data.scales import Floats
from nnfit.report import style
from nnfit.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnfit.report.swept import Sweep

REACH = 3.0  # times as far from the best as three quarters of the trials are
SPAN = 10.0  # of the scores from which on their logarithm is drawn
DOTS = 500  # trials of a picture, at most: the best, and others spread over the places
GOLDEN = (5**0.5 - 1) / 2


class Window(NamedTuple):
    """From where to where scores are drawn, the edge beyond them, and whether by their logarithm."""

    best: float
    worst: float
    edge: float
    log: bool

    def place(self, score: Floats) -> Floats:
        """Where scores are drawn: those beyond the worst, and those that are none, at the edge."""
        beyond = ~np.isfinite(score) | ((score - self.worst) * np.sign(self.edge - self.worst) > 0)
        return np.where(beyond, self.edge, score)

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis, the edge among them."""
        if self.log:
            step = (self.edge / self.worst) ** 0.7
            return self.best / step, self.edge * step
        step = 0.7 * (self.edge - self.worst)
        low, high = sorted((self.best - step, self.edge + step))
        return low, high


def window(sweep: Sweep) -> Window:
    """The window of a sweep that has scores."""
    score = sweep.score[np.isfinite(sweep.score)]
    best, worst = (score.max(), score.min()) if sweep.higher else (score.min(), score.max())
    log = not sweep.higher and bool(best > 0) and worst > SPAN * best
    scaled = np.log(score) if log else score
    first = np.log(best) if log else best
    away = np.abs(scaled - first)
    reach = REACH * float(np.quantile(away, 0.75))
    end = min(reach, float(away.max())) if reach > 0 else float(away.max())
    sign = -1.0 if sweep.higher else 1.0
    # the last that is drawn as it is, so that no room is lost
    end = float(away[away <= end].max()) or abs(float(first)) * 0.05 or 1.0
    beyond = bool((away > end).any() or sweep.diverged.any())
    edge = end * (1.1 if beyond else 1.06)
    ends = [float(first + sign * each) for each in (end, edge)]
    if log:
        ends = [float(np.exp(each)) for each in ends]
    return Window(float(best), ends[0], ends[1], log)


def shown(sweep: Sweep) -> np.ndarray:
    """The places in the table of the trials that a picture shows, worst first: all that ran, or DOTS of them."""
    places = np.flatnonzero(np.isfinite(sweep.ranks))
    places = places[np.lexsort((places, -sweep.ranks[places]))]
    if len(places) > DOTS:
        chosen = np.unique(
            np.r_[np.linspace(0, len(places) - 1, DOTS).round().astype(int), -20 + len(places) + np.arange(20)]
        )
        places = places[chosen]
    return places


def spread(n: int, width: float) -> Floats:
    """Numbers from −width/2 to width/2 that lie apart, the same every time: so that dots do not lie on one another."""
    return ((np.arange(n) * GOLDEN) % 1 - 0.5) * width


def dots(axis: Axes, sweep: Sweep, at: Window, x: Floats, places: np.ndarray, flat: bool = False) -> None:
    """The trials at some places as dots, x (n,) by the score: done, halted, beyond the edge, diverged, and the best.

    `flat`: the scores are on the x axis.
    """
    score = sweep.score
    y = at.place(score)
    beyond = np.isfinite(score) & (y != score)
    best = np.zeros(len(score), bool)
    best[sweep.order[:1]] = True
    outward = (">" if at.edge > at.best else "<") if flat else ("^" if at.edge > at.best else "v")
    few = len(places) < 60
    kinds: list[tuple[np.ndarray, str, dict[str, Any]]] = [
        (sweep.done & ~beyond & ~best, "a trial", {"marker": "o", "markersize": 4.5 if few else 3.2, "alpha": 0.55,
                                                  "color": style.BLUE, "markeredgewidth": 0}),
        (sweep.halted & ~beyond, "halted after fewer epochs", {"marker": "o", "markersize": 4, "color": style.INK,
                                                               "markerfacecolor": "none", "alpha": 0.45}),
        (beyond, "far worse than the axis shows", {"marker": outward, "markersize": 4.5, "color": style.ORANGE}),
        (sweep.diverged, "diverged", {"marker": "x", "markersize": 4.5, "color": style.VERMILLION}),
        (best, "the best", {"marker": "*", "markersize": 11, "color": style.VERMILLION, "markeredgecolor": style.PAPER,
                            "markeredgewidth": 0.6, "zorder": 6}),
    ]  # fmt: skip
    for of_kind, label, look in kinds:
        chosen = places[of_kind[places]]
        if len(chosen):
            pair = (y[chosen], x[chosen]) if flat else (x[chosen], y[chosen])
            axis.plot(*pair, linestyle="none", label=label, **look)


def scaled(axis: Axes, sweep: Sweep, at: Window, flat: bool = False) -> None:
    """The axis of the scores, with its name, and the better end said."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    (axis.set_xlim if flat else axis.set_ylim)(*at.limits)
    own = axis.xaxis if flat else axis.yaxis
    if at.log:
        (axis.set_xscale if flat else axis.set_yscale)("log")
        near = at.worst < 100 * at.best
        own.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if near else (1.0,), numticks=9))
        own.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        own.set_minor_formatter(NullFormatter())
    else:
        own.set_major_locator(MaxNLocator(5))
        own.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    better = ("right" if flat else "up") if sweep.higher else ("left" if flat else "down")
    (axis.set_xlabel if flat else axis.set_ylabel)(f"{style.name(sweep.metric)}  (better: {better})")


def part(sweep: Sweep, places: np.ndarray) -> str:
    """How many trials a picture shows, if they are not all that ran."""
    n = int(np.isfinite(sweep.ranks).sum())
    return f"{len(places):,} of {count(n, 'trial')}" if len(places) < n else ""
