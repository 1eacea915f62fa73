"""Pictures of a network: its layers, drawn as the notes draw them, and its weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfit.core.network import Group, views
from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.model.described import activation_of
from nnfit.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nnfit.model.model import Model

NEURONS = 12  # of a layer that are drawn one by one
FEW = 6, 4  # of more: the first and the last
EDGES = 400  # that are drawn by their weights
UNITS = 40  # of a layer whose weights are a heat map
KINDS = style.SKY, style.ORANGE, style.GREEN, style.PURPLE, style.INK  # of activation; blue and vermillion are signs
TICKS = 12  # units that are named on an axis


class Column(NamedTuple):
    """One layer of the drawing: how many neurons it has, which of them are drawn, where, and in which groups."""

    size: int
    shown: list[int]
    y: Floats
    groups: tuple[Group, ...]

    @property
    def whole(self) -> bool:
        """Whether every neuron is drawn."""
        return len(self.shown) == self.size


def column(size: int, groups: tuple[Group, ...] = ()) -> Column:
    """The layer with its neurons one below the other, around 0; of many the first and the last."""
    first, last = FEW
    shown = list(range(size)) if size <= NEURONS else [*range(first), *range(size - last, size)]
    y = np.arange(len(shown), dtype=np.float64)
    if len(shown) < size:
        y[first:] += 1
    return Column(size, shown, (y[-1] if len(y) else 0) / 2 - y, groups)


@style.drawn
def network(model: Model) -> Figure:
    """The layers of a network: neurons as circles, the weights between them by sign (colour) and size (width).

    A neuron has the colour of its activation, a square with a 1 is a bias unit; of more than twelve neurons the first
    and the last are drawn. Of several members the weights are those of the first.
    """
    shape = model.network
    inputs = [name for feature in model.features for name in feature.inputs]
    columns = [column(shape.inputs), *(column(sum(g.size for g in layer), layer) for layer in shape.layers)]
    half = max(float(each.y[0]) for each in columns)
    figure, (axis,) = style.canvas(2.6 + 1.3 * (len(columns) - 1), 1.9 + 0.72 * half)
    axis.set_axis_off()
    kinds = list(dict.fromkeys(str(group.sigma.name) for layer in shape.layers for group in layer))
    edges(axis, columns, [each[0] for each in views(shape, model.theta)])
    for x, each in enumerate(columns):
        neurons(axis, x, each, kinds)
        place = "Input" if x == 0 else ("Output" if x == len(columns) - 1 else f"Layer {x + 1}")
        axis.text(x, -half - 0.7, f"{place}\n{worded(each)}", ha="center", va="top", fontsize=8)
    named(axis, 0, columns[0], inputs, "right")
    named(axis, len(columns) - 1, columns[-1], model.target.neurons, "left")
    axis.set_xlim(-0.15, len(columns) - 0.85)
    axis.set_ylim(-half - 0.6, half + 1.4)
    marks(figure, axis, kinds)
    members = len(model.theta)
    style.title(figure, f"Weights of the first of {members} members" if members > 1 else "")
    return figure


def named(axis: Axes, x: int, layer: Column, names: Sequence[str], side: str) -> None:
    """The names of the neurons that are drawn, beside them."""
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8}
    for unit, y in zip(layer.shown, layer.y, strict=True):
        gap = -9 if side == "right" else 9
        axis.annotate(style.name(names[unit]), (x, float(y)), xytext=(gap, 0), ha=side, **look)


def edges(axis: Axes, columns: list[Column], thetas: list[Array]) -> None:
    """The weights between the neurons that are drawn, by sign and size where they are few; else thin lines."""
    from matplotlib.collections import LineCollection

    count = sum(len(a.shown) * len(b.shown) for a, b in pairwise(columns))
    for x, (before, after, Theta) in enumerate(zip(columns[:-1], columns[1:], thetas, strict=True)):
        largest = float(np.abs(Theta).max()) or 1.0
        ends, weights = [], []
        for j, y in zip(after.shown, after.y, strict=True):
            for k, from_y in zip([-1, *before.shown], [bias_of(before), *before.y], strict=True):
                ends.append([(x + 0.12 * (k < 0), float(from_y)), (x + 1, float(y))])
                weights.append(float(Theta[j, k + 1]) / largest)
        if count <= EDGES:
            colours = [style.BLUE if w > 0 else style.VERMILLION for w in weights]
            axis.add_collection(
                LineCollection(ends, colors=colours, linewidths=[0.2 + 2.3 * abs(w) for w in weights], alpha=0.75)
            )
        else:
            axis.add_collection(LineCollection(ends, colors=style.INK, linewidths=0.3, alpha=0.25))
        look: dict[str, Any] = {"marker": "s", "facecolor": style.PAPER, "edgecolor": style.INK, "zorder": 3}
        axis.scatter([x + 0.12], [bias_of(before)], s=60, **look)
        axis.text(x + 0.12, bias_of(before), "1", ha="center", va="center_baseline", fontsize=6, zorder=4)


def bias_of(layer: Column) -> float:
    """Where the bias unit of a layer stands: above its neurons."""
    return float(layer.y[0]) + 1 if len(layer.y) else 0.0


def neurons(axis: Axes, x: int, layer: Column, kinds: list[str]) -> None:
    """The neurons that are drawn, in the colours of their activations, and dots for the others."""
    of = [group.sigma.name for group in layer.groups for _ in range(group.size)]
    faces = [KINDS[kinds.index(of[unit]) % len(KINDS)] if of else style.PAPER for unit in layer.shown]
    axis.scatter([x] * len(layer.y), layer.y, s=110, c=faces, edgecolors=style.INK, linewidths=0.9, zorder=3)
    if not layer.whole:
        middle = (layer.y[FEW[0] - 1] + layer.y[FEW[0]]) / 2
        axis.scatter([x] * 3, middle + np.array([-0.35, 0, 0.35]), s=5, color=style.INK, zorder=3)


def worded(layer: Column) -> str:
    """What a layer is made of: `16 relu`, or group by group; of the inputs how many there are."""
    return "\n".join(f"{group.size:,} {activation_of((group,))}" for group in layer.groups) or f"{layer.size:,}"


def marks(figure: Figure, axis: Axes, kinds: list[str]) -> None:
    """The legend: activations, and the signs of weights."""
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 7, "markeredgecolor": style.INK}
    for k, kind in enumerate(kinds):
        axis.plot([], [], **look, color=KINDS[k % len(KINDS)], label=kind)
    axis.plot([], [], color=style.BLUE, label="weight above 0")
    axis.plot([], [], color=style.VERMILLION, label="below 0")
    style.legend(figure, *axis.get_legend_handles_labels())


@style.drawn
def weights(model: Model) -> Figure:
    """The weights Θ of each layer: a heat map, biases apart on the left; of more than 40 units, a histogram.

    Colours go from the largest weight of the layer below 0 to the largest above. Of several members the heat maps are
    those of the first, the histograms of all.
    """
    shape = model.network
    Theta = views(shape, model.theta)
    mapped = [max(rows, columns - 1) <= UNITS for rows, columns in shape.shapes]
    across = min(3, len(Theta))
    rows = -(-len(Theta) // across)
    figure, axes = style.canvas(3.5 * across + 0.6, 2.9 * rows + 0.3, rows, across)
    inputs = [name for feature in model.features for name in feature.inputs]
    last = len(Theta) - 1
    for i, (axis, each) in enumerate(zip(axes, Theta, strict=False)):
        if mapped[i]:
            above = model.target.neurons if i == last else numbered(len(each[0]))
            heat(figure, axis, each[0], inputs if i == 0 else numbered(each.shape[2] - 1), above)
            axis.set_xlabel("Input" if i == 0 else f"Neuron of layer {i + 1}")
            axis.set_ylabel("Output" if i == last else f"Neuron of layer {i + 2}")
        else:
            spread(axis, each)
        axis.set_title(f"Layer {i + 1} to {i + 2}: {each.shape[1]:,} × {each.shape[2]:,}")
    for axis in axes[len(Theta) :]:
        axis.set_axis_off()
    members = len(model.theta)
    if members > 1:
        whose = f"Heat maps: the first of {members} members" if any(mapped) else f"All {members} members"
        style.title(figure, whose + ("; histograms: all of them" if any(mapped) and not all(mapped) else ""))
    if not all(mapped):
        style.legend(figure, *axes[mapped.index(False)].get_legend_handles_labels())
    return figure


def numbered(size: int) -> list[str]:
    """Neurons by their numbers, from 1."""
    return [str(k) for k in range(1, size + 1)]


def heat(figure: Figure, axis: Axes, Theta: Array, before: Sequence[str], after: Sequence[str]) -> None:
    """Θ (N_{i+1}, N_i + 1) as coloured cells: the biases, a gap, the weights."""
    gap = np.full((len(Theta), 1), np.nan)
    cells = np.hstack([Theta[:, :1], gap, Theta[:, 1:]]).astype(np.float64)
    most = float(np.nanmax(np.abs(cells))) or 1.0
    image = axis.imshow(cells, style.signs(), vmin=-most, vmax=most, aspect="auto", interpolation="none")
    step = -(-len(before) // TICKS)
    names = [style.name(name, 14) for name in before[::step]]
    places = [0, *range(2, len(before) + 2, step)]
    long = max(map(len, names), default=0) > 3
    axis.set_xticks(places, ["bias", *names], rotation=90 if long or len(names) > 6 else 0)
    step = -(-len(after) // TICKS)
    axis.set_yticks(range(0, len(after), step), [style.name(name, 14) for name in after[::step]])
    axis.grid(False)
    figure.colorbar(image, ax=axis, label="Weight", aspect=25, pad=0.02)


def spread(axis: Axes, Theta: Array) -> None:
    """The weights and biases of a layer, all members, as a histogram."""
    values = Theta[:, :, 1:].ravel().astype(np.float64)
    biases = Theta[:, :, 0].ravel().astype(np.float64)
    most = float(max(np.abs(values).max(), np.abs(biases).max())) or 1.0
    bins = np.linspace(-most, most, 42)
    for part, colour, label in ((values, style.BLUE, "weights"), (biases, style.ORANGE, "biases")):
        share = np.histogram(part, bins)[0] / len(part)
        axis.stairs(share, bins, color=colour, fill=True, alpha=0.35)
        axis.stairs(share, bins, color=colour, linewidth=1.2, label=label)
    axis.axvline(0, color=style.INK, linewidth=0.8)
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel("Value")
    axis.set_ylabel("Share")
