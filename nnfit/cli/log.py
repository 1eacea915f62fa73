"""The log of a training: what a person would have seen of it, in a file, line by line while it goes on.

It is the one output that is written as the work goes on, so that a run that was killed leaves its lines.
"""

from __future__ import annotations

import shlex
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from nnfit.cli.ending import ending
from nnfit.errors import NnfitError
from nnfit.storage import files
from nnfit.storage.lines import opened_log
from nnfit.storage.paths import kind
from nnfit.version import __version__

FIRST = f"nnfit {__version__}, "


class Log:
    """Lines for a file, if there is to be one; they wait until it is opened, for before it may be an input."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.file: TextIO | None = None
        self.waiting: list[str] = []

    def __bool__(self) -> bool:
        return self.path is not None

    def open(self, append: bool = False) -> None:
        """Begin the file with the lines that wait: now it is known to be no input, and nobody else's."""
        if self.path is not None:
            self.file = opened_log(self.path, append)
            with files.told(self.path):  # a disk that is full now is an error, before there is work to lose
                self.file.write("".join(f"{line}\n" for line in self.waiting))

    def line(self, text: str) -> None:
        """Write a line, or several. A file that takes no more is told once, and the training goes on."""
        if self.file is None:
            self.waiting += [text] * bool(self)
            return
        try:
            self.file.write(f"{text}\n")
        except OSError as error:
            print(f"warning: {self.path}: the log ends here: {error.strerror}", file=sys.stderr)
            self.close()
            self.path = None

    def close(self) -> None:
        """End the file."""
        if self.file is not None:
            with suppress(OSError):  # told when it was written
                self.file.close()
            self.file = None


current = Log(None)  # that of this process


@contextmanager
def logged(path: Path | None) -> Iterator[Log]:
    """Keep a log during the block: the command, what is shown, how it ends, be it an error or a signal."""
    global current
    current = log = Log(path)
    code = 0
    log.line(f"{FIRST}{now()}: {shlex.join(['nnfit', *sys.argv[1:]])}")
    try:
        yield log
    except BaseException as error:
        lines, code = ending(error) or (traceback.format_exc().splitlines(), 1)
        for line in lines:
            log.line(line)
        raise
    finally:
        log.line(f"{now()}: ended with exit code {code}")
        if code and log.file is None and log.path is not None:
            late(log)
        log.close()
        current = Log(None)


def late(log: Log) -> None:
    """Write the log of a run that failed before its inputs were known: not over a file that is no log."""
    assert log.path is not None
    with suppress(NnfitError, OSError, ValueError), files.claimed([log.path]):
        what = kind(log.path)
        if what == "file":
            with open(log.path, "rb") as file:
                start = file.read(6)
        if what in ("nothing", *files.IN_PLACE) or (what == "file" and start in (b"", b"nnfit ")):
            files.check_outputs([log.path], [])
            log.open()


def now() -> str:
    """The time, with the zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
