"""The notes' pictures of activations: σ and its derivative σ′, computed by what networks compute with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from nnfit.core.activations import ACTIVATIONS, ALIASES, Activation
from nnfit.data.scales import Floats
from nnfit.errors import Problem, UsageError
from nnfit.report import style
from nnfit.words import nearest, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REACH = 5.0  # of z


@style.drawn
def activations(names: Sequence[str] | None = None) -> Figure:
    """σ(z) and σ′(z) of every activation, or of those named, in small pictures side by side.

    Of softmax, which depends on all neurons of its layer, it is a neuron beside one whose z is 0. A UsageError for a
    name that none has.
    """
    chosen = [activation(each) for each in (names or ACTIVATIONS)]
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, axes = style.canvas(max(3.4, 2.3 * columns), max(2.6, 1.9 * rows + 0.4), rows, columns)
    for sigma, axis in zip(chosen, axes, strict=False):
        z, a, slope = curves(sigma)
        axis.axhline(0, color=style.INK, linewidth=0.6)
        axis.axvline(0, color=style.INK, linewidth=0.6)
        axis.plot(*broken(z, a), color=style.BLUE, label="σ(z)")
        axis.plot(*broken(z, slope), color=style.VERMILLION, linestyle="--", linewidth=1.3, label="σ′(z)")
        axis.set_title(titled(sigma))
        axis.set_ylim(*limits(np.r_[a, slope]))
        axis.set_xticks([-4, -2, 0, 2, 4])
        axis.set_xlabel("z")
        axis.set_ylabel("σ, σ′")
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def activation(name: str) -> Activation:
    """The activation of a name, with its default parameters."""
    name = ALIASES.get(name, name)
    if name not in ACTIVATIONS:
        message = f'there is no activation "{short(name)}"'
        remedy = nearest(name, [*ACTIVATIONS, *ALIASES]) or f"there are {', '.join(ACTIVATIONS)}"
        raise UsageError(Problem("unknown-activation", message, remedy))
    return ACTIVATIONS[name]()


def curves(sigma: Activation) -> tuple[Floats, Floats, Floats]:
    """z, σ(z) and σ′(z); of an activation of a whole layer, of a neuron beside one whose z is 0."""
    z = np.linspace(-REACH, REACH, 401)
    layer = np.stack([z, np.zeros_like(z)][: 1 + sigma.traits.whole_layer])[:, None]
    a, scratch = layer.copy(), np.empty_like(layer)
    sigma.value(a, scratch)
    delta = np.zeros_like(layer)
    delta[0] = 1
    sigma.vjp(a, delta, scratch)
    return z, a[0, 0], delta[0, 0]


def broken(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A curve with a gap where its values jump: no line joins what lies on either side."""
    jumps = np.flatnonzero(np.abs(np.diff(y)) > 0.5) + 1
    return np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)


def limits(values: Floats) -> tuple[float, float]:
    """The part of the range that is worth seeing: all that is bounded, and of the rest as much as lies near 0."""
    low, high = max(float(values.min()), -2.2), min(float(values.max()), 3.2)
    room = 0.08 * (high - low)
    return low - room, high + room


def titled(sigma: Activation) -> str:
    """The name of an activation, with its parameters that are numbers."""
    told = [f"{each.name} = {value:g}" for each in fields(sigma) if type(value := getattr(sigma, each.name)) is float]
    return sigma.name + (f"  ({', '.join(told)})" if told else "")
