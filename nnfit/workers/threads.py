"""The same function of many things, in several threads: for work in which NumPy lets go of the interpreter.

How many threads there are says the caller of the whole, by `threads`; what is computed is the same for any number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, TypeVar

from nnfit.progress import listener

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2  # things for each thread that are begun before the first result is taken: what is done waits in memory

MOST = 1024  # workers: more are a mistake

threads: ContextVar[int] = ContextVar("threads", default=1)  # how many workers compute


@contextmanager
def working(count: int) -> Iterator[None]:
    """In the block so many workers compute: in this thread, and in what it begins."""
    token = threads.set(count)
    try:
        yield
    finally:
        threads.reset(token)


def spread(function: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """function(thing) of each, in their order.

    With one thread it is `map`. What a thing does is to be short, some tenths of a second: when the caller is
    interrupted, those begun are waited for and the others are not begun.
    """
    count = threads.get()
    if count == 1:
        yield from map(function, things)
        return
    from concurrent.futures import ThreadPoolExecutor  # 5 ms, which a command that starts has not to spare

    pool = ThreadPoolExecutor(count, thread_name_prefix="nnfit")
    begun: deque[Future[R]] = deque()
    try:
        for thing in things:
            begun.append(pool.submit(copy_context().run, alone, function, thing))
            if len(begun) > AHEAD * count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def alone(function: Callable[[T], R], thing: T) -> R:
    """function(thing) in one of several threads: it is not spread again, and its phases are not told."""
    threads.set(1)
    listener.set(None)
    return function(thing)
