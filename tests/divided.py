"""Ranks without MPI: threads that train one network together, with a barrier where the others are waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from nnfit.core.division import Division

T = TypeVar("T")
PATIENCE = 60.0  # seconds that one waits for the others: then a test fails


class Sums:
    """Sums over so many threads, added in their order; what each asks to `stop` by is then known to all of them."""

    def __init__(self, count: int, asked: Sequence[list[Any]] = ()) -> None:
        self.count, self.asked = count, asked
        self.agreed: list[list[Any]] = [[] for _ in range(count)]
        self.barrier = threading.Barrier(count, timeout=PATIENCE)
        self.places: list[Any] = [None] * count
        self.calls = 0

    def of(self, number: int) -> Division:
        def reduce(values: np.ndarray) -> None:
            self.places[number] = values.copy(), bool(self.asked and self.asked[number])
            self.barrier.wait()
            parts, asked = zip(*self.places, strict=True)
            assert {(part.shape, part.dtype) for part in parts} == {(values.shape, values.dtype)}
            total = parts[0].copy()
            for part in parts[1:]:
                total += part
            values[...] = total
            if any(asked) and not self.agreed[number]:
                self.agreed[number].append("stop")
            self.calls += number == 0
            self.barrier.wait()

        return Division(number, self.count, reduce)


def in_step(count: int, work: Callable[[Division, list[Any]], T], asked: Sequence[list[Any]] = ()) -> list[T]:
    """What `work`, of its part and of what all have agreed to stop by, comes to in each of so many threads."""
    sums = Sums(count, asked)

    def alone(number: int) -> T:
        try:
            return work(sums.of(number), sums.agreed[number])
        except BaseException:
            sums.barrier.abort()
            raise

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(alone, number) for number in range(count)]
        errors = [error for future in futures if (error := future.exception())]
        told = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
        for error in told or errors:
            raise error
        return [future.result() for future in futures]
