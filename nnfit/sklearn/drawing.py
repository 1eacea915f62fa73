"""The network of a fitted estimator as a small drawing for notebooks: columns, layers of neurons, targets, in SVG.

Names come from a table, and are escaped. Lines and letters have the colour of the text around them, light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from nnfit.model.described import activation_of
from nnfit.model.model import Model
from nnfit.words import count, plain, sizes

MOST, ENDS = 7, 3  # of a layer that are drawn; of more, so many at each end
LETTERS = 20  # of a name
LAYERS = 8  # that are drawn; of more, the first and the last
ROW, STEP, TEXT, TOP = 20, 84, 150, 14  # pixels: between neurons, between layers, for names, above


class Stack(NamedTuple):
    """One layer: how many there are, what stands below them, and their names, if they have any."""

    size: int
    below: tuple[str, ...]
    names: Sequence[str] = ()

    @property
    def places(self) -> list[tuple[int, float]]:
        """Which are drawn, and the height of each, in rows from the middle; of many the ends, with a gap between."""
        if self.size <= MOST:
            return [(k, k - (self.size - 1) / 2) for k in range(self.size)]
        first = [(k, k - ENDS) for k in range(ENDS)]
        return [*first, *((self.size - ENDS + k, float(k + 1)) for k in range(ENDS))]


def drawn(model: Model) -> str:
    """The drawing as an element of HTML."""
    found = stacks(model)
    middle = TOP + (MOST - 1) / 2 * ROW
    foot = middle + (MOST - 1) / 2 * ROW + 24
    x = [TEXT + STEP * i for i in range(len(found))]
    width, height = x[-1] + TEXT, foot + 58
    lines = [
        f"M{left} {middle + a * ROW:g}L{right} {middle + b * ROW:g}"
        for (left, one), (right, other) in pairwise(zip(x, found, strict=True))
        for _, a in one.places
        for _, b in other.places
    ]
    parts = [f'<path d="{"".join(lines)}" stroke="currentColor" stroke-width=".5" opacity=".3" fill="none"/>']
    for i, (at, stack) in enumerate(zip(x, found, strict=True)):
        last = i == len(found) - 1
        for k, row in stack.places:
            y = middle + row * ROW
            parts.append(neuron(at, y, i == 0))
            if stack.names:
                side, where = ("start", at + 12) if last else ("end", at - 12)
                parts.append(text(where, y + 4, clipped(stack.names[k]), side))
        if stack.size > MOST:
            parts.append(text(at, middle + 4, "⋮", "middle"))
        parts += [text(at, foot + 14 * line, words, "middle", 0.7) for line, words in enumerate(stack.below)]
    members = len(model.theta)
    ends = f"{count(model.network.P, 'parameter')}{f' in each of {members} members' if members > 1 else ''}"
    parts.append(text((x[0] + x[-1]) / 2, height - 4, ends, "middle", 0.7))
    title = f"The network: {sizes(model.network.N)} neurons"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height:g}" width="{width}" '
        f'style="max-width:100%;font:12px sans-serif;display:block"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )


def stacks(model: Model) -> list[Stack]:
    """The columns, the layers, of very many the first and the last, and the targets by name."""
    network, names = model.network, [feature.name for feature in model.features]
    columns = Stack(len(names), (count(len(names), "column"), count(network.inputs, "input")), names)
    layers = [
        Stack(n, (f"{n:,}", activation_of(groups))) for n, groups in zip(network.N[1:], network.layers, strict=True)
    ]
    target = model.target
    called = (clipped(target.columns[0]),) if len(target.columns) == 1 else ()
    layers[-1] = layers[-1]._replace(names=target.neurons, below=(*layers[-1].below, *called))
    if len(layers) > LAYERS:
        hidden = f"{count(len(layers) - LAYERS + 1, 'layer')} more"
        layers = [*layers[: LAYERS // 2], Stack(1, ("…", hidden)), *layers[-LAYERS // 2 + 1 :]]
    return [columns, *layers]


def neuron(x: float, y: float, column: bool) -> str:
    """A column as a square, a neuron as a circle."""
    colour = 'fill="#0072b2"'
    if column:
        return f'<rect x="{x - 5:g}" y="{y - 5:g}" width="10" height="10" {colour}/>'
    return f'<circle cx="{x:g}" cy="{y:g}" r="6" {colour}/>'


def text(x: float, y: float, words: str, anchor: str, opacity: float = 1) -> str:
    """Words at a place, whatever stands in them."""
    shade = "" if opacity == 1 else f' opacity="{opacity:g}"'
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor"{shade}>{escape(words)}</text>'


def clipped(name: str) -> str:
    """A name, no longer than there is room for, without what cannot be seen."""
    return plain(name if len(name) <= LETTERS else name[: LETTERS - 1] + "…")
