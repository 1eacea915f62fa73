"""Minibatches divided among several that train one network: each takes its rows of every batch, and sums are over all.

All of them draw the same orders and masks and have the same θ. Each has the gradient of its rows alone, with the
weights s that these have in the whole batch; the sum over all is that of the batch, so all take the same steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray


def unchanged(values: NDArray[Any]) -> None:
    """The sum over one."""


class Division(NamedTuple):
    """The part with this number, from 0, of so many; `reduce` makes the sum over all parts of an array, in place.

    All parts call `reduce` equally often, with arrays of one shape and dtype, and get the same bytes. What ends
    training is to be the same for all: `stop` changes in `reduce` alone.
    """

    number: int = 0
    parts: int = 1
    reduce: Callable[[NDArray[Any]], None] = unchanged

    def part(self, m: int) -> slice:
        """Which of m things are this part: parts differ by one at most, and may have none."""
        return slice(m * self.number // self.parts, m * (self.number + 1) // self.parts)

    def rows(self, m: int) -> tuple[slice, bool]:
        """Which rows of a batch of m are this part, and whether they count: where there are none, the first does not.

        A pass has a row at least.
        """
        own = self.part(m)
        return (own, True) if own.stop > own.start else (slice(0, 1), False)


UNDIVIDED = Division()
