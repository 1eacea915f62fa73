"""Processes of this machine as an Executor: for work that comes in pieces, each by itself.

They are started anew, matrix products take one thread in each, and they end with the process that began them. Ctrl-C
reaches them through it alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, TypeVar

from nnfit.workers.blas import VARIABLES

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


class Processes(ProcessPoolExecutor):
    """So many processes, each started when there is work for it."""

    def __init__(self, count: int) -> None:
        super().__init__(count, multiprocessing.get_context("spawn"), begin)
        self.count = count

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Hand a piece over."""
        with calm():
            return super().submit(fn, *args, **kwargs)

    def kill(self) -> None:
        """End them at once, whatever they do."""
        processes = list((self._processes or {}).values())
        with calm():
            self.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
        for process in processes:
            with suppress(Exception):
                process.join()


@contextmanager
def calm() -> Iterator[None]:
    """Processes that are started in the block get no Ctrl-C while they start, and a BLAS of one thread.

    They do not run the script of this process as well, which may have no guard of `__main__`, or be no file: all that
    they need they import.
    Nor does a pipe to one that is gone end this process, which a command lets it do where its output goes to `head`:
    threads that are started in the block keep that.
    """
    before = {name: os.environ.get(name) for name in VARIABLES}
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    script = sys.modules["__main__"]
    try:
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ.update(dict.fromkeys(VARIABLES, "1"))
        yield
    finally:
        sys.modules["__main__"] = script
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if signal.SIGPIPE in signal.sigpending() and signal.SIGPIPE not in masked:
            signal.sigwait([signal.SIGPIPE])
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def begin() -> None:
    """The first thing that such a process does: it leaves Ctrl-C to its owner, and ends when that does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=follow, daemon=True).start()


def follow() -> None:
    """End with the owner."""
    owner = multiprocessing.parent_process()
    if owner is not None:
        owner.join()
        os._exit(1)
