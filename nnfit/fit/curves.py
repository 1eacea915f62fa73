"""The learning curves of a training: the cost of each member epoch by epoch, learnt from and held out."""

from __future__ import annotations

from typing import NamedTuple

from nnfit.data.scales import Floats


class Curves(NamedTuple):
    """Costs (M, E) at E of the epochs, of the rows learnt from (before each update) and, or None, of those held out.

    `kept` is the epoch of each member's weights, where early stopping chose one.
    """

    epochs: tuple[int, ...]
    cost: Floats
    validation: Floats | None
    kept: tuple[int, ...]
