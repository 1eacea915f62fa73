"""Processes that work for this one: new Pythons that import what they need, see its arrays, and end when it ends.

They are started anew and not forked, since a fork in a process with threads may copy a lock that nobody will open. A
target is a function of the channel to its owner, of what all workers are given, and of what is its own.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from nnfit.workers.memory import opened, parcel

LOOK = 0.05  # seconds between two looks at whether to stop
CODE = "import sys; sys.path[:] = {path!r}; from nnfit.workers.processes import main; main({fd})"
STOP = "stop"  # the message that asks a worker to end what it does as soon as it can


class WorkerDied(Exception):  # noqa: N818
    """A worker ended without being told to; `how` says by what."""

    def __init__(self, name: str, how: str) -> None:
        self.name, self.how = name, how
        super().__init__(name, how)


class Worker:
    """Another process, as its owner sees it."""

    def __init__(self, name: str, fds: Sequence[int]) -> None:
        self.name = name
        self.connection, theirs = Pipe()
        code = CODE.format(path=sys.path, fd=theirs.fileno())
        with theirs:
            # A process group of its own: Ctrl-C reaches it through its owner, who knows what is to be kept.
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=(theirs.fileno(), *fds),
                process_group=0,
            )

    def send(self, message: Any) -> None:
        """Hand a message over."""
        try:
            self.connection.send(message)
        except OSError:
            raise WorkerDied(self.name, self.how()) from None

    def receive(self, stop: Sequence[object] = ()) -> Any:
        """The next message; as soon as there is anything in `stop`, the worker is asked to end what it does."""
        told = False
        while not wait([self.connection], LOOK):
            if stop and not told:
                self.send(STOP)
                told = True
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            raise WorkerDied(self.name, self.how()) from None

    def how(self) -> str:
        """By what the process ended."""
        code = self.process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def close(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def started(names: Sequence[str], target: Callable[..., object], argument: Any, each: Sequence[Any]) -> list[Worker]:
    """A worker of each name, which does target(channel, argument, its own of `each`).

    Large arrays of the argument are shared, and not copied for each.
    """
    sent, _segments = parcel((target, argument))
    workers: list[Worker] = []
    try:
        for name in names:
            workers.append(Worker(name, sent.fds))
        for worker, own in zip(workers, each, strict=True):
            worker.send((sent, own))
    except BaseException:
        for worker in workers:
            worker.close()
        raise
    return workers


class Channel:
    """The way to the owner, as a worker sees it; there is something in `stop` once it is to end what it does."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.stop: list[str] = []
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """Take messages as they come; once the owner is gone there is nobody to work for."""
        while True:
            try:
                message = self.connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            if message == STOP:
                self.stop.append(message)
            else:
                self.messages.put(message)

    def receive(self) -> Any:
        """The next message."""
        return self.messages.get()

    def send(self, message: Any) -> None:
        """Hand a message over."""
        self.connection.send(message)


def main(fd: int) -> None:
    """What a worker does: wait for a target and its arguments, and call it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, EOFError):  # its owner is gone
        connection = Connection(fd)
        sent, own = connection.recv()
        target, argument = opened(sent)
        target(Channel(connection), argument, own)
