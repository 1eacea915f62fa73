"""How pictures look: one palette, one set of settings, and names from files made harmless.

The palette is that of Okabe and Ito (2008, "Color universal design"), which people with colour-blind eyes tell apart;
without its yellow, which vanishes on white. Ink, grid and paper are colours that nothing else has, so that a page may
replace them by its own, of day or night (svg.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from nnfit.report.extra import require
from nnfit.words import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

P = ParamSpec("P")

INK, GRID, PAPER = "#1b2127", "#d7dce2", "#fdfefe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
NAME = 24  # letters of a name in a picture, at most

SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "text.parse_math": False,  # `$x^2$` may be the name of a column
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": PAPER,
    "figure.titlesize": 10,
    "savefig.facecolor": "auto",
    "svg.fonttype": "none",
    "svg.hashsalt": "nnfit",
    "pdf.fonttype": 42,
}
LOCK = threading.RLock()


@contextmanager
def settings() -> Iterator[None]:
    """matplotlib's own settings and ours, whatever the user's are; they are the process's, so one thread at a time."""
    require("matplotlib")
    import matplotlib

    with LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)  # type: ignore[arg-type]
        yield


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that makes a figure, with our settings around it."""

    @wraps(draw)
    def within(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with settings():
            return draw(*args, **kwargs)

    return within


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches, and its axes one after the other; nothing overlaps, and none leaves the figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.flat)


def name(text: str, most: int = NAME) -> str:
    """A name or label as a picture shows it: plain, and no longer than there is room for."""
    return plain(text if len(text) <= most else text[: most - 1] + "…")


def tints(colour: str, strongest: float = 0.75) -> Colormap:
    """From nothing to a colour: on any paper."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    ends = [(*to_rgb(colour), 0.0), (*to_rgb(colour), strongest)]
    return LinearSegmentedColormap.from_list("tints", ends)


def signs() -> Colormap:
    """Below 0 vermillion, above 0 blue, and nothing at 0: on any paper."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    low, high = to_rgb(VERMILLION), to_rgb(BLUE)
    ends = [(0.0, (*low, 1.0)), (0.5, (*low, 0.0)), (0.5, (*high, 0.0)), (1.0, (*high, 1.0))]
    return LinearSegmentedColormap.from_list("signs", ends)
