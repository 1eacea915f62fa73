"""Every whole file nnfit writes goes through here: a temporary file beside the target, then one atomic rename.

The output is therefore the old one or the new one, never a torn one, whatever ends the process. Why so, and what is
not promised: docs/decisions/files.md. What grows line by line is in `lines.py`, what has no name in `unnamed.py`.

For tests, NNFIT_FAULT makes a step fail: `write:3` the third write, `write:3+` that and all later ones, with ENOSPC, or
with another error as in `fsync:1:EIO`. The steps are open, write, fsync and replace.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nnfit.errors import OutputError, Place, Problem
from nnfit.storage import locks
from nnfit.storage.paths import Kind, kind, stream

# What can neither be replaced nor, at the end of a long training, be relied on: in the words of a message.
REFUSED: dict[Kind, str] = {"folder": "is a folder", "socket": "is a socket", "block device": "is a block device"}
IN_PLACE: tuple[Kind, ...] = ("stream", "device", "pipe")  # cannot be replaced, and are written into

# What took its place in this process: who stops a command can say truly what became of its outputs.
placed: list[Path] = []


def failing(order: str) -> Callable[[str], None]:
    """What NNFIT_FAULT asks for: called before every step, it raises at the one that is to fail."""
    step, number, *code = order.split(":")
    first, sticky, count = int(number.rstrip("+")), number.endswith("+"), 0
    error = getattr(errno, code[0]) if code else errno.ENOSPC

    def fault(name: str) -> None:
        nonlocal count
        count += name == step
        if name == step and (count == first or (sticky and count > first)):
            raise OSError(error, os.strerror(error))

    return fault


fault = failing(os.environ["NNFIT_FAULT"]) if "NNFIT_FAULT" in os.environ else lambda step: None


@contextmanager
def told(path: Path, code: str = "cannot-write", what: str = "cannot be written") -> Iterator[None]:
    """An error of the system becomes one of nnfit, with the path as it was given."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(Problem(code, f"{what}: {reason}", place=Place(str(path)))) from error


def opened_in_place(path: Path) -> int:
    """The descriptor of what is written into: a stream of this process, a device, or a pipe that somebody reads.

    Opening a pipe that nobody reads would wait for a reader, if need be for ever: that is an OSError.
    """
    number = stream(path)
    if number is not None:
        return os.dup(number)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise OSError(errno.ENXIO, "nobody reads from this pipe") from None
        raise
    os.set_blocking(descriptor, True)
    return descriptor


class Output:
    """One file being written: its bytes go to a temporary file, which then takes the target's place.

    The temporary file is locked as long as this process lives: one whose lock can be had is left over from a run that
    was killed. A device, a pipe and a stream of this process cannot be replaced, and are written into.
    """

    kind: Kind

    def __init__(self, path: Path, private: bool = False) -> None:
        self.path, self.private = path, private
        self.temporary: Path | None = None
        self.descriptor = self.folder = -1
        with told(path):
            self.kind = "file" if private else kind(path)
            # What is private goes where its path says, in place of whatever lies there, and through no link or pipe.
            self.target = Path(os.path.realpath(path.parent)) / path.name if private else Path(os.path.realpath(path))

    def open(self) -> None:
        """Begin: the temporary file, or the stream that is written into, and the folder."""
        with told(self.path):
            if self.kind in REFUSED:
                raise OSError(errno.EINVAL, REFUSED[self.kind])
            if self.kind in IN_PLACE:
                fault("open")
                self.descriptor = opened_in_place(self.path)
                return
            sweep(self.target)
            while not self.begin():
                self.drop()
            with suppress(PermissionError):  # a folder that may be written and not read: no sync of it, then
                fault("open")
                self.folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)

    def begin(self) -> bool:
        """Make and lock the temporary file; False if a sweeping process was faster than the lock."""
        # The name is known before there is a file, so that an interrupt in between leaves nothing behind.
        self.temporary = self.target.parent / f"{prefix(self.target)}{secrets.token_hex(8)}.tmp"
        # What is to replace a private file is private from the start.
        mode = 0o600 if self.private or self.target.exists() else 0o666
        fault("open")
        self.descriptor = os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks, where sweep cannot have one either
        return self.temporary.exists()

    def write(self, data: bytes | memoryview) -> None:
        """All the bytes; the system may take them in several parts."""
        with told(self.path):
            rest = memoryview(data).cast("B")
            while rest:
                fault("write")
                taken = os.write(self.descriptor, rest)
                if not taken:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                rest = rest[taken:]

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """All the bytes of some pieces, as they come."""
        for piece in pieces:
            self.write(piece)

    def finish(self) -> None:
        """All bytes are with the disk, and the permissions are those of the file that is replaced."""
        with told(self.path):
            if self.kind in IN_PLACE:
                descriptor, self.descriptor = self.descriptor, -1
                os.close(descriptor)  # without a sync, only here would a late error show
                return
            if self.target.exists():
                # A file system may have no permissions; the temporary file is private then.
                with suppress(PermissionError, FileNotFoundError):
                    os.fchmod(self.descriptor, self.target.stat().st_mode & 0o777)
            fault("fsync")
            os.fsync(self.descriptor)

    def place(self) -> None:
        """The one moment at which the new file takes the place of the old."""
        if self.temporary is None:
            return
        with told(self.path):
            fault("replace")
            self.temporary.replace(self.target)
            self.temporary = None
            placed.append(self.path)

    def settle(self) -> None:
        """The folder, too, is with the disk: the new file is still there after a power failure."""
        if self.folder < 0:
            return
        with told(self.path, "not-synced", "is written, but may not survive a power failure"):
            try:
                fault("fsync")
                os.fsync(self.folder)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that do not sync folders
                    raise

    def drop(self) -> None:
        """Remove the temporary file, if it did not take its place, and let go of the lock after that."""
        if self.temporary is not None:
            with suppress(OSError):  # what stopped the writing is what to report; the next run sweeps
                self.temporary.unlink()
            self.temporary = None
        for descriptor in (self.descriptor, self.folder):
            if descriptor >= 0:
                with suppress(OSError):  # all that counts is with the disk since fsync
                    os.close(descriptor)
        self.descriptor = self.folder = -1


@contextmanager
def together(paths: Sequence[Path]) -> Iterator[list[Output]]:
    """Files to write, which take their places when the block ends well, and after all of them are with the disk.

    The first is placed last: make, which looks at the first alone, makes all again if the process dies in between.
    """
    outputs = [Output(path) for path in paths]
    try:
        try:
            with unbroken():
                for output in outputs:
                    output.open()
                yield outputs
                for output in outputs:
                    output.finish()
            with undisturbed():
                for output in reversed(outputs):
                    output.place()
                for output in outputs:
                    output.settle()
        finally:
            for output in outputs:
                output.drop()
    finally:
        for output in outputs:  # once more, for an interrupt may have cut the first time short
            output.drop()


@contextmanager
def replacing(path: Path) -> Iterator[Output]:
    """A file to write that takes the place of `path` when the block ends well, and vanishes when it does not."""
    with together([path]) as (output,):
        yield output


def write(*outputs: tuple[Path, bytes]) -> None:
    """Write whole files; none takes its place before all are written."""
    with together([path for path, _ in outputs]) as opened:
        for output, (_, data) in zip(opened, outputs, strict=True):
            output.write(data)


def keep(path: Path, pieces: Iterable[memoryview | bytes]) -> None:
    """A private file of what can be made again, whole or not there; the disk is not waited for. Else an OutputError."""
    output = Output(path, private=True)
    with unbroken():
        try:
            output.open()
            for piece in pieces:
                output.write(piece)
            with told(path):
                assert output.temporary is not None
                fault("replace")
                output.temporary.replace(output.target)
                output.temporary = None
        finally:
            output.drop()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and a termination wait until the block has ended.

    Blocking them for this thread would not do: another one, of the BLAS, would take them, and Python act on them here.
    """
    waiting: list[int] = []
    with ExitStack() as stack:
        stack.callback(lambda: list(map(signal.raise_signal, waiting)))
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            # Without a handler in Python they are ignored, or end the process at once; other threads never see them.
            if callable(handler) and threading.current_thread() is threading.main_thread():
                stack.callback(signal.signal, number, handler)
                signal.signal(number, lambda number, frame: waiting.append(number))
        yield


@contextmanager
def unbroken() -> Iterator[None]:
    """A pipe whose reader went away is an error of writing, and not the end of the process, which would leave files."""
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGPIPE) is signal.SIG_DFL:
            stack.callback(signal.signal, signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        yield


def prefix(target: Path) -> str:
    """How the names of the target's temporary files begin; cut, since the system limits the length of a name."""
    return f".{target.name[:50]}."


def sweep(target: Path) -> None:
    """Remove the temporary files that killed runs left beside the target: those whose lock can be had."""
    sweep_folder(target.parent, re.escape(prefix(target)))


def sweep_folder(folder: Path, start: str = r"\..*\.") -> None:
    """Remove the temporary files that killed runs left in a folder, all or those whose names begin so, a pattern."""
    pattern = re.compile(start + r"[0-9a-f]{16}\.tmp")
    with suppress(OSError):
        for file in folder.iterdir():
            if not pattern.fullmatch(file.name):
                continue
            with suppress(OSError):  # locked, gone, or of another user: not for this run to remove
                descriptor = to_read(file)
                try:
                    # A shared lock needs no permission to write, and no writer's own lock lets it through.
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    file.unlink()
                finally:
                    os.close(descriptor)


def to_read(path: Path) -> int:
    """The descriptor of a file that is no link, and is not waited for; an OSError where there is none."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed; a symbolic link to it stays."""
    try:
        Path(os.path.realpath(path)).unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot be removed: {error.strerror or error}"
        raise OutputError(Problem("cannot-remove", message, place=Place(str(path)))) from error


def writable(path: Path) -> bool:
    """Whether what is written into may be; an OSError for a stream that is closed."""
    number = stream(path)
    if number is None:
        return os.access(path, os.W_OK)
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[str | Path]) -> None:
    """Refuse outputs that could not be written, or that would replace an input or each other, before any work."""
    taken = {}
    for source in inputs:
        with suppress(ValueError):  # no path at all, as reading it will say
            taken[os.path.realpath(source)] = "is also an input"
    for path in filter(None, outputs):
        reason = remedy = ""
        with told(path):
            what, target = kind(path), os.path.realpath(path)
            folder = Path(target).parent
            if what in REFUSED:
                reason = REFUSED[what]
            elif what in IN_PLACE:
                reason = "" if writable(path) else f"this {what} is not writable"
            elif target in taken:
                reason = taken[target]
            elif not folder.is_dir():
                reason, remedy = f"there is no folder {folder}", "make it first"
            elif not os.access(folder, os.W_OK):
                reason = f"the folder {folder} is not writable"
            else:
                taken[target] = "is given for two outputs"
        if reason:
            raise OutputError(Problem("cannot-write", f"cannot be written: {reason}", remedy, Place(str(path))))


@contextmanager
def momentary(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder with some temporary files in it that vanishes with the block; an OutputError if there can be none."""
    import tempfile

    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nnfit-")))
            for name, data in contents.items():
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
        except OSError as error:
            message = f"there is no room for temporary files: {error.strerror or error}"
            remedy = "set TMPDIR to a folder that is writable"
            raise OutputError(Problem("cannot-write", message, remedy)) from None
        yield folder


@contextmanager
def claimed(paths: Iterable[Path | None]) -> Iterator[None]:
    """Hold outputs during long work: an OutputError if another process that holds one of them is at work.

    The lock is that of `locks.py`, on the file that will be replaced, whatever links lead to it. A pipe is held open,
    so that its reader does not see its end before there was anything; one that nobody reads is an OutputError.
    """
    with ExitStack() as stack:
        for path in filter(None, paths):
            with told(path):
                what, target = kind(path), Path(os.path.realpath(path))
                if what == "pipe":
                    stack.callback(os.close, opened_in_place(path))
                if what not in ("file", "nothing"):
                    continue
                with suppress(PermissionError):  # a folder that may be written and not read has no lock
                    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
                    stack.callback(os.close, folder)
                    if not locks.take(folder, target.name):
                        message = "another run of nnfit is writing it"
                        raise OutputError(
                            Problem("in-use", message, "wait for its end, or name another output", Place(str(path)))
                        )
        yield
