"""Things that are timed in interleaved rounds, so that whatever else the machine does befalls all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median, quantiles
from typing import Any, NamedTuple

PAUSE = 0.05  # seconds before each timing, in which the threads of the one before fall asleep


class Lap(NamedTuple):
    """One run: its seconds, and its result."""

    seconds: float
    result: Any


class Timing(NamedTuple):
    """The seconds of one thing in every counted round, and its last result."""

    seconds: list[float]
    result: Any

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range, relative to the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / self.median


Runs = Mapping[str, Callable[[], Lap]]


def interleave(runs: Runs, rounds: int, warm: bool = True) -> dict[str, Timing]:
    """Each run in every round, one after the other; a first round warms up, and is not counted."""
    laps: dict[str, list[Lap]] = {name: [] for name in runs}
    for number in range(rounds + warm):
        for name, run in runs.items():
            time.sleep(PAUSE)
            lap = run()
            if number >= warm:
                laps[name].append(lap)
    return {name: Timing([lap.seconds for lap in found], found[-1].result) for name, found in laps.items()}


def timed(run: Callable[[], Any]) -> Callable[[], Lap]:
    """A function as a run: its time is that from call to return."""
    return partial(lap_of, run)


def lap_of(run: Callable[[], Any]) -> Lap:
    start = time.perf_counter()
    result = run()
    return Lap(time.perf_counter() - start, result)
