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
from textwrap import wrap
from typing import TYPE_CHECKING, Any, ParamSpec
from unicodedata import bidirectional

from nnfit.report.extra import PICTURES, require
from nnfit.words import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

P = ParamSpec("P")

INK, GRID, PAPER = "#1b2127", "#d7dce2", "#fdfefe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
MARK = "\u200e"  # left to right
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
    require(PICTURES)
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
    """A name or label as a picture shows it: plain, and no longer than there is room for.

    One that is written from right to left stands between marks that leave what is beside it in its place.
    """
    shown = plain(text if len(text) <= most else text[: most - 1] + "…")
    return f"{MARK}{shown}{MARK}" if any(bidirectional(letter) in ("R", "AL") for letter in shown) else shown


def tints(colour: str, strongest: float = 0.75, least: float = 0.0) -> Colormap:
    """From nothing, or least, to a colour: on any paper."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    ends = [(*to_rgb(colour), least), (*to_rgb(colour), strongest)]
    return LinearSegmentedColormap.from_list("tints", ends)


def signs() -> Colormap:
    """Below 0 vermillion, above 0 blue, and nothing at 0: on any paper."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    low, high = to_rgb(VERMILLION), to_rgb(BLUE)
    ends = [(0.0, (*low, 1.0)), (0.5, (*low, 0.0)), (0.5, (*high, 0.0)), (1.0, (*high, 1.0))]
    return LinearSegmentedColormap.from_list("signs", ends)


def line(k: int) -> dict[str, Any]:
    """The colour and dashes of the k-th line: more lines than colours differ by their dashes."""
    return {"color": COLOURS[k % len(COLOURS)], "linestyle": ("-", "--", ":")[k // len(COLOURS) % 3]}


def title(figure: Figure, text: str) -> None:
    """What a picture is of, above it, in lines that fit its width; nothing without a text."""
    if text:
        clean = "".join(letter if letter == MARK else plain(letter) for letter in text)
        figure.suptitle(wrapped(clean, max(20, int(figure.get_figwidth() * 12))), x=0.01, ha="left")


def wrapped(text: str, letters: int) -> str:
    """A text in up to three lines of so many letters."""
    return "\n".join(wrap(text, letters, max_lines=3, placeholder=" …"))


def legend(figure: Figure, handles: list[Any], labels: list[str]) -> None:
    """One legend for all axes, beneath them, in as many columns as fit."""
    if handles:
        letters = figure.get_figwidth() * 15  # of the legend's size, in one line
        fit = int(letters / (max(map(len, labels)) + 6))
        figure.legend(handles, labels, loc="outside lower center", ncols=max(1, min(len(labels), fit)))


def logarithmic(axis: Axes) -> None:
    """A logarithmic y axis with plain numbers on it: 0.01, and no mathematics."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    near = high < 1000 * low
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if near else (1.0,), numticks=9))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")  # of points: classes differ by form, too


def fill(k: int) -> str:
    """The colour of the k-th class where an area is filled; from the seventh on, paler."""
    colour = COLOURS[k % len(COLOURS)]
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{part if k < len(COLOURS) else (part + 255) // 2:02x}" for part in parts)
