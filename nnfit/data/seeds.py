"""Each use of the seed draws from a stream of random numbers of its own."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What is drawn. The numbers are part of what a seed means: none is ever changed."""

    SPLIT = 0
    INITIAL = 1
    SHUFFLE = 2
    CHECK = 3
    RESAMPLE = 4
    THRESHOLD = 5
    EPOCH = 6
    CHOICE = 7


def generator(seed: int, purpose: Purpose, *more: int) -> np.random.Generator:
    """The generator for one purpose, and of it one for each further number (a member, say)."""
    return np.random.default_rng([seed, purpose, *more])
