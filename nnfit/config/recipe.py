"""How large a network is proposed, how long it learns, and how far its numbers are bent: rules by rows and columns.

What each is worth on real tables: benchmarks/README.md, docs/decisions/learning.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEMBERS = 8
LEAST = 4  # rows; of fewer none is left out by a member
UPDATES = 3000  # about as many steps of the optimizer
EPOCHS = 30  # at most
ENOUGH, MANY = 10, 20_000  # epochs at least, and rows from which on twice as many still gain
WAITING = 1000  # updates without a gain on the rows held out, after which a member stops
FEW = 1000  # rows, below which time is no matter, and a wider network is a little better
STEPS, WAVES = 16, 4  # what a number becomes beside itself: steps, and frequencies of a cosine and a sine each
MOST_BENT = 100  # numbers that are; of more, the inputs would be thousands
TRUSTED = 10_000  # rows, from which on steps and waves are trusted as the number itself is
LEAST_TRUSTED = 0.03


class Bend(NamedTuple):
    """What numbers are expanded to: how many steps and frequencies (none: 0), and how far these are trusted."""

    steps: int
    waves: int
    amplitude: float

    @property
    def keys(self) -> dict[str, int | float]:
        """What the spec says of a column."""
        found = {"piecewise": self.steps, "periodic": self.waves, "amplitude": self.amplitude}
        return {key: value for key, value in found.items() if value}

    @property
    def kinds(self) -> dict[str, str]:
        """What there is beside a number, in words by key."""
        words = {"piecewise": "steps", "periodic": "waves"}
        return {key: word for key, word in words.items() if key in self.keys}

    @property
    def inputs(self) -> int:
        """How many inputs stand beside a number."""
        return self.steps + 2 * self.waves

    def __str__(self) -> str:
        parts = [f"{self.steps} steps"] * bool(self.steps) + [f"{self.waves} waves"] * bool(self.waves)
        return f"{' and '.join(parts)} at {self.amplitude:g}"


class Recipe(NamedTuple):
    """What is proposed for so many rows and numbers; `patience` counts epochs. Without `bend` numbers stay alone."""

    members: int
    folds: bool
    width: int
    batch_size: int
    epochs: int
    patience: int
    bend: Bend | None


def recipe(n: int, numbers: int, classes: bool) -> Recipe:
    """What suits n rows with so many columns of numbers that have more than two values, and a target of numbers or not.

    Waves beside numbers pay where the target is a number; the probabilities of classes are better without.
    """
    folds = n >= LEAST
    members = min(MEMBERS, n) if folds else MEMBERS
    batch_size = 32 if n < 4_000 else 64 if n < 10_000 else 128 if n < 50_000 else 512
    learnt_from = n * (members - 1) / members if folds else n
    per_epoch = max(1, round(learnt_from / batch_size))
    epochs = int(np.clip(round(UPDATES / per_epoch), ENOUGH if n < MANY else 2 * ENOUGH, EPOCHS))
    amplitude = float(np.clip(round(n / TRUSTED, 2), LEAST_TRUSTED, 1))
    return Recipe(
        members,
        folds,
        128 if n < FEW else 64,
        batch_size,
        epochs,
        min(epochs, max(ENOUGH, round(WAITING / per_epoch))),
        Bend(STEPS, 0 if classes else WAVES, amplitude) if 0 < numbers <= MOST_BENT else None,
    )


def ways(bend: Bend) -> tuple[Bend, ...]:
    """What may suit the numbers of a table: this, the usual one, and with less trust; both kinds, steps, or waves."""
    others = (bend._replace(steps=steps, waves=waves) for steps, waves in ((STEPS, WAVES), (STEPS, 0), (0, WAVES)))
    return (bend, bend._replace(amplitude=round(bend.amplitude / 4, 3)), *(each for each in others if each != bend))
