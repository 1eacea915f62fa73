"""How a command that does not end well is told: the lines that its error makes, and its exit code."""

from __future__ import annotations

import errno

from nnfit.cli.ranks import Elsewhere
from nnfit.cli.signals import Stopped
from nnfit.errors import NnfitError
from nnfit.storage import files
from nnfit.words import plain

WANTING = "can't start new thread", "out of memory"  # as Python says it, and pandas, which have no exception for it


def lacks_memory(error: BaseException) -> bool:
    """Whether it is for want of memory, which each library says in its way."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = isinstance(error, (RuntimeError, ValueError)) and any(words in str(error) for words in WANTING)
    return said or isinstance(error, MemoryError)


def ending(error: BaseException) -> tuple[list[str], int] | None:
    """What is said of an error, and the exit code; None of a bug, which is a traceback and 1."""
    if isinstance(error, NnfitError):
        return [plain(f"nnfit: {problem}") for problem in error.problems], error.exit_code
    if isinstance(error, Elsewhere):
        return [plain(line) for line in error.lines], error.exit_code
    if lacks_memory(error):
        reason = f": {error}" if isinstance(error, MemoryError) and str(error) else ""
        message = f"nnfit: not enough memory for this network or these data{reason}"
        return [plain(f"{message}; a training takes the least with data.storage: disk")], 3
    if isinstance(error, OSError):
        name = error.filename or "standard output"
        return [plain(f"nnfit: {name}: cannot be read or written: {error.strerror}")], 7
    if isinstance(error, Stopped):
        what = "interrupted" if error.exit_code == 130 else "terminated"
        written = ", ".join(str(path) for path in files.placed)
        state = f"{written} written before" if written else "output files are as they were"
        return [plain(f"nnfit: {what}; {error.advice or state}")], error.exit_code
    return None
