"""What Ctrl-C and a termination do: end the command, its outputs as they were; a training saves its state first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

pending: list[int] = []
waiting = False


class Stopped(BaseException):
    """A signal asks the process to end; `exit_code` is 130 or 143, `advice` how to go on, if there is a way."""

    def __init__(self, number: int, advice: str = "") -> None:
        self.exit_code = 128 + number
        self.advice = advice
        super().__init__(number, advice)


def stop(number: int, frame: FrameType | None) -> None:
    """What the first signal does: end the command, or be noted for a block that looks at it itself."""
    signal.signal(number, signal.SIG_DFL)  # a second one leaves at once
    pending.append(number)
    if not waiting:
        raise Stopped(number)


@contextmanager
def collected() -> Iterator[list[int]]:
    """Signals that come during the block do not end it: they are put into the list, for the block to look at."""
    global waiting
    check()
    waiting = True
    try:
        yield pending
    finally:
        waiting = False


def install() -> None:
    """Handle Ctrl-C and termination, and let a broken pipe end the process quietly (`nnfit predict … | head`)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as for a job that a script put in the background
            signal.signal(number, stop)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def check() -> None:
    """Raise again what was raised where Python drops exceptions: in a destructor, say."""
    if pending:
        raise Stopped(pending[0])
