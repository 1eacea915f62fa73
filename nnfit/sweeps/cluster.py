"""A Dask cluster as an executor: whose workers run trials, and which gives those of a worker that dies to another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from nnfit import extras
from nnfit.errors import Place, Problem, UsageError

PATIENCE = 10  # seconds in which a scheduler answers


@contextmanager
def connected(address: str) -> Iterator[Executor]:
    """The workers of a scheduler, by its address (`tcp://host:8786`, `host:8786`) or its file, ending .json.

    A UsageError where the extra `dask` is missing, or no scheduler answers.
    """
    extras.require("dask", "a Dask cluster needs", "distributed")
    from distributed import Client

    where: dict[str, Any] = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = Client(**where, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, KeyError) as error:  # that a scheduler does not answer in time is an OSError
        message = f"no scheduler of Dask answers: {error}"
        remedy = "start one: dask scheduler --scheduler-file s.json, and workers: dask worker --scheduler-file s.json"
        raise UsageError(Problem("no-cluster", message, remedy, Place(f"--dask {address}"))) from None
    with client:
        executor = client.get_executor(pure=False)
        executor._max_workers = max(1, sum(client.ncores().values()))
        yield executor
