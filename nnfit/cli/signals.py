"""What Ctrl-C and a termination do: end the command, with its outputs as they were."""

from __future__ import annotations

import signal
from types import FrameType

pending: list[int] = []


class Stopped(BaseException):
    """A signal asks the process to end; `exit_code` is 130 or 143."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(signal.Signals(number).name)


def stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one leaves at once
    pending.append(number)
    raise Stopped(number)


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
