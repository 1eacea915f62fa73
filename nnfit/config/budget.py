"""How long a proposal takes to train, estimated from the sizes of its table, and how it is cut to fit a time.

Nothing is timed here: the same table and the same budget give the same spec on any machine, by the costs of
nnfit/core/cost.py. What is cut first costs the least accuracy: benchmarks/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nnfit.config.recipe import Bend, Recipe
from nnfit.core import cost
from nnfit.core.activations import Linear, Mish
from nnfit.core.network import Group, Network
from nnfit.words import count

MOST = 120.0  # seconds on one core that are proposed where nobody names a time
NARROW = 32  # neurons of a hidden layer; what is left out by fewer costs little accuracy
FEWER = 4  # members, of which each learns from three quarters of the rows
FLAT = "no steps and waves beside numbers"
FIXED = 0.5  # seconds to start, and to write what was learnt
CELL = 1.3e-7  # seconds to read, encode and score one input of one row, for the linear model too


class Size(NamedTuple):
    """What a table is to a network: its rows, inputs, those of them that are numbers to bend, and outputs.

    The numbers of few values are not among these: they have so many `steps` together, and waves only without steps.
    """

    rows: int
    inputs: int
    numbers: int
    outputs: int
    few: int = 0
    steps: int = 0

    def with_bend(self, bend: Bend | None) -> int:
        """The inputs together with what stands beside the numbers."""
        if bend is None:
            return self.inputs
        beside_few = self.steps if bend.steps else self.few * bend.inputs
        return self.inputs + self.numbers * bend.inputs + beside_few


class Fitted(NamedTuple):
    """A recipe that fits a time, or the least there is; about how many seconds it takes, and what was cut, in words."""

    recipe: Recipe
    size: Size
    seconds: float
    cuts: tuple[str, ...]
    most: float

    @property
    def met(self) -> bool:
        """Whether it fits."""
        return self.seconds <= self.most

    def bent(self, bend: Bend) -> Fitted:
        """The same with other steps and waves."""
        recipe = self.recipe._replace(bend=bend)
        return self._replace(recipe=recipe, seconds=seconds(recipe, self.size))


def fitted(recipe: Recipe, size: Size, budget: float | None = None) -> Fitted:
    """The recipe, cut until it takes no longer than `budget` seconds on one core; without a budget, than MOST.

    A larger budget never gives what takes less. One that cannot be met gives the least there is.
    """
    most = MOST if budget is None else budget
    chosen, least = recipe, float("inf")
    for each in shorter(recipe, size):
        taken = seconds(each, size)
        if taken < least:
            chosen, least = each, taken
        if least <= most:
            break
    return Fitted(chosen, size, least, tuple(cuts(recipe, chosen)), most)


def shorter(recipe: Recipe, size: Size) -> Iterator[Recipe]:
    """The recipe, and then others, each to be tried where those before it take too long.

    That numbers do not bend costs more accuracy than seven eighths of the epochs, and pays only where all epochs then
    take less than an eighth of them.
    """
    yield recipe
    while recipe.width > NARROW:
        yield (recipe := recipe._replace(width=recipe.width // 2))
    fewer = recipe._replace(members=min(recipe.members, FEWER))
    eighth, flat = -(-recipe.epochs // 8), fewer._replace(bend=None)
    pays = learning(flat, size) < learning(fewer._replace(epochs=eighth), size)
    yield from with_epochs(recipe, -(-recipe.epochs * 3 // 5))
    yield from with_epochs(fewer, eighth if pays else 1)
    yield from with_epochs(flat, 1)


def with_epochs(recipe: Recipe, least: int) -> Iterator[Recipe]:
    """The recipe with all of its epochs, and with fewer and fewer."""
    for epochs in range(recipe.epochs, least - 1, -1):
        yield recipe._replace(epochs=epochs, patience=min(recipe.patience, epochs))


def seconds(recipe: Recipe, size: Size) -> float:
    """About how long one core takes to train what a recipe proposes, from the command to its end."""
    return FIXED + CELL * size.rows * size.with_bend(recipe.bend) + learning(recipe, size)


def learning(recipe: Recipe, size: Size) -> float:
    """How much of it the steps take."""
    hidden = (Group(recipe.width, Mish()),)
    network = Network(size.with_bend(recipe.bend), (hidden, hidden, (Group(size.outputs, Linear()),)), "mse")
    m = min(recipe.batch_size, size.rows)
    return steps(recipe, size.rows) * cost.step(network, recipe.members, m)


def steps(recipe: Recipe, rows: int) -> int:
    """The updates of a training: of each epoch, the batches of the rows that each member learns from."""
    learnt_from = rows * (recipe.members - 1) // recipe.members if recipe.folds else rows
    return recipe.epochs * -(-learnt_from // recipe.batch_size)


def cuts(recipe: Recipe, chosen: Recipe) -> Iterator[str]:
    """What a recipe lacks of what would be proposed if there were time, in words."""
    if recipe.bend and not chosen.bend:
        yield FLAT
    if chosen.width < recipe.width:
        yield f"layers of {chosen.width} for {recipe.width}"
    if chosen.members < recipe.members:
        yield f"{chosen.members} members for {recipe.members}"
    if chosen.epochs < recipe.epochs:
        yield f"{count(chosen.epochs, 'epoch')} for {recipe.epochs}"
