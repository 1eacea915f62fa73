"""What is being trained at the moment, told to who looks on: the groups handed out, and to how many workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nnfit.sweeps.trials import Trial

Groups = Mapping[Any, Sequence[Trial]]  # in the order in which workers take them; it changes as they end
Watcher = Callable[[Groups, int], object]

watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def tell(groups: Groups, workers: int) -> None:
    """These groups are handed out to so many workers, which take the first of them first."""
    told = watcher.get()
    if told is not None:
        told(groups, workers)


@contextmanager
def watched_by(told: Watcher) -> Iterator[None]:
    """Who hears of it in the block."""
    token = watcher.set(told)
    try:
        yield
    finally:
        watcher.reset(token)
