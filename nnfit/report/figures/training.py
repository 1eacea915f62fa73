"""The picture of a training: its learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnfit.model.aggregates import Curves, near
from nnfit.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LARGE = 1e250  # beyond it the margin of a logarithmic axis has no number


@style.drawn
def curves(named: Mapping[str, Curves], of: str = "") -> Figure:
    """The cost by epoch of some models, in the rows learnt from and held out: thin each member, bold the mean.

    Where early stopping chose an epoch, a dot marks the kept one of each member. Of more members than there are lines,
    the title says how many are drawn. The cost is drawn by its logarithm where it spans more than a factor of ten.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (axis,) = style.canvas(6.0, 3.6 + 0.2 * (len(named) > 1))
    several = len(named) > 1
    named = {name: drawable(found) for name, found in named.items()}
    for k, (name, found) in enumerate(named.items()):
        held_out = found.validation
        own = style.COLOURS[k % len(style.COLOURS)]
        before = f"{style.name(name)}: " if several else ""
        other = style.COLOURS[(k + 1) % len(style.COLOURS)] if not several else own
        lines(axis, found.epochs, found.cost, own, "--" if several and held_out is not None else "-")
        axis.plot([], [], color=own, linestyle="--" if several and held_out is not None else "-",
                  label=f"{before}learnt from")  # fmt: skip
        if held_out is not None:
            lines(axis, found.epochs, held_out, other, "-")
            axis.plot([], [], color=other, label=f"{before}held out")
        dots(axis, found, other if held_out is not None else own)
    if any(found.kept for found in named.values()):
        axis.plot([], [], linestyle="none", marker="o", color=style.INK, markersize=4, label="kept epoch")
    scaled(axis, list(named.values()))
    axis.set_xlabel("Epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylabel("Cost")
    axis.margins(x=0.02)
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, "; ".join(filter(None, [of, *(some(each, several) for each in named.items())])))
    return figure


def drawable(found: Curves) -> Curves:
    """The curves with gaps where costs are so large that no axis has room for them."""
    return found._replace(
        cost=near(found.cost), validation=None if found.validation is None else near(found.validation)
    )


def some(named: tuple[str, Curves], several: bool) -> str:
    """How many members are drawn, if they are not all."""
    name, found = named
    told = f"{len(found.cost)} of {found.members} members" if 1 < len(found.cost) < found.members else ""
    return f"{style.name(name)}: {told}" if told and several else told


def lines(axis: Axes, epochs: tuple[int, ...], cost: np.ndarray, colour: str, dashes: str) -> None:
    """The costs (M, E) of all members, and their mean where there are several."""
    if len(cost) > 1:
        axis.plot(epochs, np.transpose(cost), color=colour, linewidth=0.6, alpha=0.5, linestyle=dashes)
    marker = "o" if len(epochs) == 1 else None
    with np.errstate(all="ignore"):
        axis.plot(epochs, np.mean(cost, axis=0), color=colour, linestyle=dashes, marker=marker)


def dots(axis: Axes, found: Curves, colour: str) -> None:
    """The epoch that each member kept, on its own curve."""
    watched = found.cost if found.validation is None else found.validation
    for k, epoch in enumerate(found.kept if len(watched) == 1 else found.kept[: len(watched)]):
        own = watched[k if k < len(watched) else 0]
        y = float(np.interp(epoch, found.epochs, own))
        axis.plot([epoch], [y], marker="o", color=colour, markeredgecolor=style.INK, markersize=4.5, zorder=5)


def scaled(axis: Axes, shown: list[Curves]) -> None:
    """A logarithmic axis where it tells more: all costs above 0, and a factor of ten or more between them."""
    values = [each for found in shown for each in (found.cost, found.validation) if each is not None]
    every = np.concatenate([np.ravel(each) for each in values]) if values else np.empty(0)
    every = every[np.isfinite(every)]
    if len(every) and every.min() > 0 and 10 * every.min() < every.max() < LARGE:
        style.logarithmic(axis)
