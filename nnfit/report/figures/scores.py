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
NEAR = 1.4  # times that reach within which all are drawn as they are
SPAN = 10.0  # of the scores from which on their logarithm is drawn
DOTS = 500  # trials of a picture, at most: the best, and others spread over the places
GOLDEN = (5**0.5 - 1) / 2


class Window(NamedTuple):
    """From where to where scores are drawn, the edge beyond them, and whether by their logarithm."""

    best: float
    worst: float
    edge: float
    log: bool
    beyond: bool  # whether any trial is drawn at the edge

    def place(self, score: Floats) -> Floats:
        """Where scores are drawn: those beyond the worst, and those that are none, at the edge."""
        slack = 1e-9 * abs(self.edge - self.worst)
        beyond = ~np.isfinite(score) | ((score - self.worst) * np.sign(self.edge - self.worst) > slack)
        return np.where(beyond, self.edge, score)

    def within(self, value: float) -> bool:
        """Whether a place on the axis is a score, and not where those beyond it are drawn."""
        return (value - (self.worst + self.edge) / 2) * (self.edge - self.worst) < 0

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
    """The window of a sweep that has scores: by their logarithm where those that are drawn span a factor of SPAN."""
    score = sweep.score[np.isfinite(sweep.score)]
    best = float(score.max() if sweep.higher else score.min())
    end = ended(np.abs(score - best))
    log = not sweep.higher and 0 < SPAN * best < best + end
    if log:
        end = ended(np.log(score / best))
    end = end or abs(best) * 0.05 or 1.0
    farthest = float(np.log(score.max() / best) if log else np.ptp(score))
    beyond = end < farthest or bool(sweep.diverged.any())
    edge = end * (1.1 if beyond else 1.06)
    if log:
        return Window(best, best * float(np.exp(end)), best * float(np.exp(edge)), log, beyond)
    sign = -1.0 if sweep.higher else 1.0
    return Window(best, best + sign * end, best + sign * edge, log, beyond)


def ended(away: Floats) -> float:
    """Up to how far from the best trials are drawn as they are: the last of them, so that no room is lost."""
    reach = REACH * float(np.quantile(away, 0.75))
    return float(away[away <= reach].max() if 0 < NEAR * reach < away.max() else away.max())


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
    return np.asarray(((np.arange(n) * GOLDEN) % 1 - 0.5) * width, np.float64)


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
        (sweep.done & ~beyond & ~best, "a trial", {"marker": "o", "markersize": 4.5 if few else 3.2, "alpha": 0.7,
                                                  "color": style.BLUE, "markeredgewidth": 0}),
        (sweep.halted & ~beyond, "halted after fewer epochs", {"marker": "o", "markersize": 4, "color": style.INK,
                                                               "markerfacecolor": "none", "alpha": 0.45}),
        (beyond, "worse than the axis shows", {"marker": outward, "markersize": 5, "color": style.ORANGE, "zorder": 6}),
        (sweep.diverged, "diverged", {"marker": "x", "markersize": 5, "color": style.VERMILLION, "zorder": 6}),
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
        own.set_minor_formatter(NullFormatter())
    else:
        own.set_major_locator(MaxNLocator(5))
    own.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if at.beyond:
        own.set_ticks([value for value in own.get_majorticklocs() if at.within(value)])
    better = ("right" if flat else "up") if sweep.higher else ("left" if flat else "down")
    (axis.set_xlabel if flat else axis.set_ylabel)(f"{style.name(sweep.metric)}  (better: {better})")


def part(sweep: Sweep, places: np.ndarray) -> str:
    """How many trials a picture shows, if they are not all that ran."""
    n = int(np.isfinite(sweep.ranks).sum())
    return f"{len(places):,} of {count(n, 'trial')}" if len(places) < n else ""
