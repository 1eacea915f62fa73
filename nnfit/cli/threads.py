"""The options --threads and --blas-threads: how many workers compute, and how many threads matrix products take.

What they say holds for a whole command, and is done around it, by `Command` in main.py, before NumPy is loaded; the
commands without such an option compute in the same way. Workers change no byte; threads of matrix products do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from nnfit.workers.blas import DEFAULT, set_blas_threads
from nnfit.workers.cores import available
from nnfit.workers.threads import MOST, working

Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=MOST,
        help="Workers that compute; by default one for each core. The result is the same for any number.",
    ),
]


@contextmanager
def computing(threads: int | None, blas_threads: int | None) -> Iterator[None]:
    """In the block so many workers compute, or one for each core; matrix products take so many threads, or one."""
    set_blas_threads(blas_threads or DEFAULT)
    with working(threads or available()):
        yield
