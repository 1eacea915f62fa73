"""What Ctrl-C and a termination do: end the command, its outputs as they were; a training saves its state first."""

from __future__ import annotations

import signal
import sys
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
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    check()


@contextmanager
def collected() -> Iterator[list[int]]:
    """Signals that come during the block do not end it: they are put into the list, for the block to look at.

    One that it has not looked at ends the command after it.
    """
    global waiting
    check()
    waiting = True
    try:
        yield pending
    finally:
        waiting = False
    check()


def install() -> None:
    """Handle Ctrl-C and termination, and let a broken pipe end the process quietly (`nnfit predict … | head`)."""
    sys.unraisablehook = dropped
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as for a job that a script put in the background
            signal.signal(number, stop)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def check() -> None:
    """Raise what was noted."""
    if pending and not waiting:
        raise Stopped(pending[0])


# --- what is dropped -----------------------------------------------------------------------------------------------

AGAIN = 0.1  # seconds between two looks whether a signal is being handled
unraisable = sys.unraisablehook


def again(number: int, frame: FrameType | None) -> None:
    """Raise what nobody is handling: Python drops exceptions in a destructor, say, and libraries do here and there."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    if error is None:
        check()


def dropped(what: sys.UnraisableHookArgs) -> None:
    """Nothing is said of a signal that Python drops: it is raised again."""
    if not isinstance(what.exc_value, Stopped):
        unraisable(what)


def over() -> None:
    """The command has ended: nothing is raised again."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def ignore() -> None:
    """The command is ending already: whatever asks for it again changes nothing."""
    over()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
