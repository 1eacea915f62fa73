"""Processes that work for this one: new Pythons that import what they need, see its arrays, and end when it ends.

They are started anew and not forked, since a fork in a process with threads may copy a lock that nobody will open. A
target is a function of the channel to its owner, of what all workers are given, and of what is its own.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from nnfit.workers.memory import opened, parcel

LOOK = 0.05  # seconds between two looks at whether to stop
CODE = "import sys; sys.path[:] = {path!r}; from nnfit.workers.processes import main; main({fd})"
STOP = "stop"  # the message that asks a worker to end what it does as soon as it can


class Line:
    """One end of the way between a worker and its owner. To write when the other is gone is an OSError, and no SIGPIPE:

    a command lets that signal end it, as it should where its output goes to `head`.
    """

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, message: Any) -> None:
        """Hand a message over: its length, and its bytes."""
        data = pickle.dumps(message)
        self.end.sendall(len(data).to_bytes(8, "big") + data, getattr(socket, "MSG_NOSIGNAL", 0))

    def receive(self) -> Any:
        """The next message; an EOFError once the other end is closed."""
        return pickle.loads(self.take(int.from_bytes(self.take(8), "big")))

    def take(self, size: int) -> bytes:
        """So many bytes."""
        parts = []
        while size:
            parts.append(self.end.recv(min(size, 1 << 20)))
            if not parts[-1]:
                raise EOFError
            size -= len(parts[-1])
        return b"".join(parts)


class WorkerDied(Exception):  # noqa: N818
    """A worker ended without being told to; `how` says by what."""

    def __init__(self, name: str, how: str) -> None:
        self.name, self.how = name, how
        super().__init__(name, how)


class Worker:
    """Another process, as its owner sees it."""

    def __init__(self, name: str, fds: Sequence[int]) -> None:
        self.name = name
        ours, theirs = socket.socketpair()
        self.line = Line(ours)
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
            self.line.send(message)
        except OSError:
            raise WorkerDied(self.name, self.how()) from None

    def receive(self, stop: Sequence[object] = ()) -> Any:
        """The next message; as soon as there is anything in `stop`, the worker is asked to end what it does."""
        told = False
        while not select.select([self.line.end], [], [], LOOK)[0]:
            if stop and not told:
                self.send(STOP)
                told = True
        try:
            return self.line.receive()
        except (EOFError, OSError):
            raise WorkerDied(self.name, self.how()) from None

    def how(self) -> str:
        """By what the process ended."""
        code = self.process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def close(self) -> None:
        """End the process, whatever it does."""
        self.line.end.close()
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

    def __init__(self, line: Line) -> None:
        self.line = line
        self.stop: list[str] = []
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """Take messages as they come; once the owner is gone there is nobody to work for."""
        while True:
            try:
                message = self.line.receive()
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
        self.line.send(message)


def main(fd: int) -> None:
    """What a worker does: wait for a target and its arguments, and call it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # their owner is asked too, and knows what is to be kept
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError, EOFError):  # its owner is gone
        line = Line(socket.socket(fileno=fd))
        sent, own = line.receive()
        target, argument = opened(sent)
        target(Channel(line), argument, own)
