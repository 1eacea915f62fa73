"""How a command that does not end well is told: the lines that its error makes, and its exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnfit.cli.ranks import Elsewhere
from nnfit.cli.signals import Stopped
from nnfit.errors import NnfitError
from nnfit.storage import files
from nnfit.words import plain

if TYPE_CHECKING:
    from nnfit.config.spec import Spec
    from nnfit.fit.prepare import Prepared

NO_THREAD = "can't start new thread"  # of Python, which has no exception for it
NO_MEMORY = "C error: out of memory"  # of pandas, which calls that a mistake in the file


def lacks_memory(error: BaseException) -> bool:
    """Whether it is for want of memory, which each library says in its way."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM and not error.filename
    return isinstance(error, MemoryError) or (isinstance(error, ValueError) and str(error).endswith(NO_MEMORY))


@contextmanager
def spared(spec: Spec) -> Iterator[list[Prepared]]:
    """In the block, of a training, what takes less is said of want of memory; the list takes its data once they are."""
    known: list[Prepared] = []
    try:
        yield known
    except Exception as error:
        if lacks_memory(error):
            on_disk = spec.data.storage == "disk" or any(each.on_disk for each in known)
            disk = "" if on_disk else ", or with data.storage: disk"
            error.add_note(f"less is taken with --threads 1, with fewer members, columns or rows{disk}")
        raise


def ending(error: BaseException) -> tuple[list[str], int] | None:
    """What is said of an error, and the exit code; None of a bug, which is a traceback and 1."""
    if isinstance(error, NnfitError):
        return [plain(f"nnfit: {problem}") for problem in error.problems], error.exit_code
    if isinstance(error, Elsewhere):
        return [plain(line) for line in error.lines], error.exit_code
    if lacks_memory(error):
        reason = f": {error}" if isinstance(error, MemoryError) and str(error) else ""
        advice = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
        return [plain(f"nnfit: not enough memory for this network or these data{reason}{advice}")], 3
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        message = "nnfit: the system gives no more threads: memory is short, or the limit on processes is reached"
        return [f"{message}; --threads 1 takes the fewest"], 3
    if isinstance(error, OSError):
        name = error.filename or "standard output"
        return [plain(f"nnfit: {name}: cannot be read or written: {error.strerror}")], 7
    if isinstance(error, Stopped):
        what = "interrupted" if error.exit_code == 130 else "terminated"
        written = ", ".join(str(path) for path in files.placed)
        state = f"{written} written before" if written else "output files are as they were"
        return [plain(f"nnfit: {what}; {error.advice or state}")], error.exit_code
    return None
