"""A Dask cluster as an executor: whose workers run trials, and which gives those of a worker that dies to another.

A scheduler that is gone takes along all that it was given: then the sweep ends, and what is finished is kept.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from nnfit import extras
from nnfit.errors import OutputError, Place, Problem, UsageError
from nnfit.words import plain

PATIENCE = 10  # seconds in which a scheduler answers
CLOSING = 3  # seconds in which it hears that nobody listens any more
LOOK = 5  # seconds between two looks at the workers, while there are some
START = "dask scheduler --scheduler-file s.json, and workers: dask worker --scheduler-file s.json"

T = TypeVar("T")
Say = Callable[[str], object]


class Cluster(Executor):
    """The workers of a scheduler; `check` is called now and then while somebody waits for them."""

    def __init__(self, client: Any, address: str, say: Say) -> None:
        self.client, self.address, self.say = client, address, say
        self.inner = client.get_executor(pure=False)
        self.line = client.scheduler_comm  # another one as soon as this is lost, with all that went over it
        self.workers, self.looked, self.told = 0, 0.0, False
        self.check()

    @property
    def _max_workers(self) -> int:
        """The threads of all workers, as of ProcessPoolExecutor; none as long as nothing is known of them."""
        return self.workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a piece over."""
        self.check()
        try:
            found: Future[Any] = self.inner.submit(fn, *args, **kwargs)
        except Exception:
            self.check()
            raise
        return found

    def gone(self) -> bool:
        """Whether the connection to the scheduler is lost, or was."""
        return self.client.status != "running" or self.client.scheduler_comm is not self.line

    def check(self) -> None:
        """An OutputError where the scheduler is gone; that it has no worker is said once."""
        if self.gone():
            raise self.error()
        if self.workers and time.monotonic() - self.looked < LOOK:
            return
        try:
            self.workers = sum(self.client.ncores().values())
        except Exception:
            raise self.error() from None
        self.looked = time.monotonic()
        if not self.workers and not self.told:
            self.told = True
            self.say("the scheduler has no worker; trials are trained as soon as it has one")

    def error(self) -> OutputError:
        """What is told where it is gone."""
        message = "the scheduler is gone, and with it the trials under way; what was finished before is kept"
        remedy = "start it again, and give the same command: it trains what is missing"
        return OutputError(Problem("no-cluster", message, remedy, Place(f"--dask {plain(self.address)}")))


@contextmanager
def connected(given: str, say: Say = lambda words: None) -> Iterator[Executor]:
    """The workers of a scheduler, by its address (`tcp://host:8786`, `host:8786`) or its file, ending .json.

    A UsageError where the extra `dask` is missing, the file is not there, or no scheduler answers. `say` hears of
    a scheduler without workers.
    """
    extras.require("dask", "a Dask cluster needs", "distributed")
    from distributed import Client
    from distributed.comm.addressing import resolve_address

    with quiet():
        try:
            address = address_of(given)
            resolve_address(address)  # or a client that cannot be closed would be left
            client = within(PATIENCE + 2, lambda: Client(address, timeout=PATIENCE, set_as_default=False))
        except Exception as error:  # of many kinds, as of those who listen there and are no scheduler
            why = f"{given}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
            message = f"no scheduler of Dask answers: {plain(why or 'something else does')}"
            raise UsageError(
                Problem("no-cluster", message, f"start one: {START}", Place(f"--dask {plain(given)}"))
            ) from None
        try:
            yield Cluster(client, given, say)
        finally:
            with suppress(Exception):
                client.close(timeout=CLOSING)


def within(seconds: float, made: Callable[[], T]) -> T:
    """What a function gives, or raises; a TimeoutError where it does neither in time, and is left alone."""
    found: Future[T] = Future()

    def make() -> None:
        try:
            found.set_result(made())
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=make, daemon=True).start()
    return found.result(seconds)


def address_of(given: str) -> str:
    """The address of a scheduler that is given by it, or by its file; an OSError or ValueError for one without."""
    if not given.endswith(".json"):
        return given
    try:
        return str(json.loads(Path(given).read_bytes())["address"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{given} has no address, as the file of a scheduler does") from None


@contextmanager
def quiet() -> Iterator[None]:
    """What the libraries of Dask log in the block is not shown: errors come as errors, and are told once."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
