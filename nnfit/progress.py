"""How far long work is: phases, each with a name and a share that is done, told to a listener where there is one.

Work says where it stands block by block, never row by row, and knows nothing of a screen. A listener is told when a
phase begins and ends, and looks at how far it is whenever it likes: what is counted costs an addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Phase:
    """A piece of work: its name, how much there is of it, and how much is done; without a total, rows are counted.

    A phase within another is a part of what that does next.
    """

    __slots__ = ("done", "name", "total")

    def __init__(self, name: str, total: float | None = None, done: float = 0) -> None:
        self.name, self.total, self.done = name, total, done

    def step(self, more: float = 1) -> None:
        """So much more is done."""
        self.reach(self.done + more)

    def reach(self, done: float) -> None:
        """So much is done in all; every long work comes by here, often."""
        self.done = done


class Listener(Protocol):
    """Who is told of phases; those that have begun and not ended lie within each other."""

    def begin(self, phase: Phase) -> None:
        """A phase begins."""

    def end(self, phase: Phase) -> None:
        """It ends, or is given up."""


listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def phase(name: str, total: float | None = None, done: float = 0) -> Iterator[Phase]:
    """The block is a phase of this name; it says by `step` or `reach` how far it is."""
    begun, told = Phase(name, total, done), listener.get()
    if told is None:
        yield begun
        return
    told.begin(begun)
    try:
        yield begun
    finally:
        told.end(begun)


def tracked(items: Iterable[T], name: str, total: float | None = None) -> Iterator[T]:
    """The items, and a phase of this name in which each that was dealt with is a step."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with phase(name, total) as now:
        for item in items:
            yield item
            now.step()
