"""Matrices as tables that can be read: a neuron in each row, what it sees in the columns, the rest cut with a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from nnfit.cli.screen import grid
from nnfit.words import indexed, of_layer, short

if TYPE_CHECKING:
    from nnfit.core.parameter import Array
    from nnfit.model.model import Model

MOST = 12  # rows and columns of a matrix that are shown, the bias aside
NAME = 12  # letters of a name beside or above a matrix
END = 5  # of them, where a longer name is cut in the middle, from its end
MEMBERS = 3  # so many have their matrices shown

NONE: Mapping[str, Array] = MappingProxyType({})


def number(value: float) -> str:
    """A number with five decimals, or four digits and an exponent."""
    if value == 0:
        return "0"
    return f"{value:.5f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.3e}".replace("e-0", "e-").replace("e+0", "e+")


def name(text: str) -> str:
    """The name of an input or a class, short enough for a column of a table: inputs of one column differ at the end."""
    text = short(text)
    return text if len(text) <= NAME else f"{text[: NAME - 1 - END]}…{text[-END:]}"


def inputs(model: Model) -> list[str]:
    """The names of the inputs, in the order of x₁, x₂, …"""
    return [name for feature in model.features for name in feature.inputs]


def columns(model: Model, i: int) -> list[str]:
    """What layer i gives to the next, behind its bias unit: the inputs by name, the neurons by number."""
    found = [name(each) for each in inputs(model)] if i == 1 else []
    return ["bias", *(found or [indexed("a", j) for j in range(1, model.network.N[i - 1] + 1)])]


def neurons(model: Model, i: int) -> list[str]:
    """The neurons of layer i: their numbers, and in the output layer what they stand for."""
    if i <= len(model.network.layers):
        return [str(k) for k in range(1, model.network.N[i - 1] + 1)]
    return [f"{k}: {name(each)}" for k, each in enumerate(model.target.neurons, 1)]


def show(
    console: Console,
    title: str,
    corner: str,
    rows: Sequence[str],
    heads: Sequence[str],
    matrix: Array,
    top: tuple[str, Sequence[float]] | None = None,
    before: Mapping[str, Array] = NONE,
    after: Mapping[str, Array] = NONE,
) -> None:
    """A matrix (N, N′) with names for rows and columns, a line on top, and vectors (N,) beside it.

    As many columns are shown as the screen has room for.
    """
    shown = len(rows[:MOST])

    def column(head: str, values: Array, above: str = "") -> list[str]:
        return [head, *([above] if top else []), *(number(float(value)) for value in values[:shown])]

    def beside(vectors: Mapping[str, Array]) -> list[list[str]]:
        return [column(head, vector) for head, vector in vectors.items()]

    left = [[corner, *([top[0]] if top else []), *rows[:MOST]], *beside(before)]
    right = beside(after)
    middle = [column(head, matrix[:, j], number(top[1][j]) if top else "") for j, head in enumerate(heads[: MOST + 1])]
    rest = ["… 9,999 more", *["…"] * (len(left[0]) - 1)]
    while len(middle) > 1 and taken(left + middle + right + [rest] * (len(middle) < len(heads))) > console.width:
        middle.pop()
    if len(middle) < len(heads):
        rest[0] = f"… {len(heads) - len(middle):,} more"
        middle.append(rest)
    names, *lines = (list(line) for line in zip(*left, *middle, *right, strict=True))
    if len(rows) > MOST:
        lines.append([f"… {len(rows) - MOST:,} more", *[""] * (len(names) - 1)])
    table = grid("", names, lines)
    table.padding = (0, 1, 0, 0)
    console.print(Text(title, style="bold"))
    console.print(table)


def taken(columns: Sequence[Sequence[str]]) -> int:
    """How wide a table of these columns is."""
    return sum(2 + max(map(cell_len, column)) for column in columns)


def small(model: Model) -> bool:
    """Whether all Θ of a network, of few members, can be read."""
    readable = all(rows <= MOST and heads <= MOST + 1 for rows, heads in model.network.shapes)
    return readable and len(model.theta) <= MEMBERS


def show_weights(console: Console, model: Model) -> None:
    """Θ⁽¹⁾ … Θ⁽ᴸ⁾ of every member."""
    from nnfit.core.network import views

    for i, Theta in enumerate(views(model.network, model.theta), 1):
        for m, matrix in enumerate(Theta, 1):
            of = f" of member {m}" if len(Theta) > 1 else ""
            title = f"{of_layer('Θ', i)}{of}, from layer {i} to layer {i + 1}"
            show(console, title, "neuron", neurons(model, i + 1), columns(model, i), matrix)
