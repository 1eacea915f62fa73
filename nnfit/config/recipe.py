"""How large a network is proposed, how long it learns, and how far its numbers are bent: rules by rows and columns.

What each is worth on real tables: benchmarks/README.md, docs/decisions/learning.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEMBERS = 8
LEAST = 4  # rows; of fewer none is left out by a member
UPDATES = 3000  # about as many steps of the optimizer, where the rows are many
WAITING = 1000  # updates without a gain on the rows held out, after which a member stops
FEW = 3000  # rows, below which time is no matter, and a wider network is a little better
STEPS, WAVES = 16, 4  # what a number becomes beside itself: steps, and frequencies of a cosine and a sine each
MOST_BENT = 100  # numbers that are; of more, the inputs would be thousands
LEAST_TRUSTED = 0.03
TRUSTED = 10_000  # rows, from which on steps and waves are trusted as much as the number itself


class Recipe(NamedTuple):
    """What is proposed for so many rows and numbers; `patience` counts epochs, `bent` says whether numbers are."""

    members: int
    folds: bool
    width: int
    batch_size: int
    epochs: int
    patience: int
    updates: int
    bent: bool
    amplitude: float


def recipe(n: int, numbers: int) -> Recipe:
    """What suits n rows with so many columns of numbers that have more than two values."""
    folds = n >= LEAST
    members = min(MEMBERS, n) if folds else MEMBERS
    batch_size = 32 if n < 4_000 else 64 if n < 10_000 else 128 if n < 50_000 else 512
    learnt_from = n * (members - 1) / members if folds else n
    per_epoch = max(1, round(learnt_from / batch_size))
    epochs = int(np.clip(round(UPDATES / per_epoch), 10, 30))
    amplitude = float(np.clip(round(n / TRUSTED, 2), LEAST_TRUSTED, 1))
    return Recipe(
        members,
        folds,
        128 if n < FEW else 64,
        batch_size,
        epochs,
        min(epochs, max(10, round(WAITING / per_epoch))),
        epochs * per_epoch,
        0 < numbers <= MOST_BENT,
        amplitude,
    )
