"""Processes that `mpirun` has started for one training: sums over all of them, meetings, and one end for all.

MPI is loaded where `ranks.py` knows of several processes, and not otherwise. Sums are made in the order of the ranks,
so all get the same bytes, whatever MPI and network carry them. What a rank is asked to stop by goes with the sums: no
message more is sent for it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnfit.errors import Problem, UsageError
from nnfit.extras import require
from nnfit.workers.ranks import Failure, Rank, variables

START = 300.0  # seconds that ranks wait for one that has not begun
PATIENCE = 5.0  # seconds that a rank which has failed waits for the others before it ends them
MOMENT = 0.5  # seconds that `mpirun` has to hand on what is said, before it ends all
LOOK = 0.02  # seconds between two looks whether the others have come, at most
SMALL = 1 << 16  # bytes of all ranks together that each rank is sent whole: one message in place of two
LARGE = 1 << 17  # numbers that are added up at once, so that what they take room in stays in a cache


def joined(rank: Rank) -> World:
    """Load MPI; a UsageError without mpi4py, without an MPI, or with another MPI than that of `mpirun`."""
    require("mpi", "a training by several processes needs", "mpi4py")
    import mpi4py

    mpi4py.rc.thread_level = "funneled"  # what other threads do is not MPI's
    try:
        with mortal():
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        message = f"mpi4py finds no MPI: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        remedy = "load the module of the MPI whose mpirun is used, or pip install mpich, and use its mpirun"
        raise UsageError(Problem("no-mpi", message, remedy)) from None
    comm = MPI.COMM_WORLD
    if (comm.Get_rank(), comm.Get_size()) != rank:
        library = MPI.Get_library_version().splitlines()[0][:60].strip("\x00 ")
        message = f"{rank.size} processes were started, and the MPI of mpi4py ({library}) knows of {comm.Get_size()}"
        alone = f"where there is no mpirun, env -u {' -u '.join(variables())} nnfit trains alone"
        remedy = f"start them by the mpirun of the MPI that mpi4py loads; {alone}"
        raise UsageError(Problem("other-mpi", message, remedy))
    with mortal():
        here = comm.Split_type(MPI.COMM_TYPE_SHARED)
        world = World(comm, comm.Dup(), here.Get_rank(), here.Get_size())
    atexit.register(world.leave)
    return world


@contextmanager
def mortal() -> Iterator[None]:
    """In the block Ctrl-C and a termination end the process at once, and so does START, which is long enough.

    A rank waits here for all others, which may never come, and runs no code of Python while it does.
    """
    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(number)):
                stack.callback(signal.signal, number, handler)
                signal.signal(number, signal.SIG_DFL)
        stack.callback(signal.setitimer, signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_REAL, START)
        yield


class World:
    """All ranks of a training, as one of them sees them. One that leaves early ends the others."""

    def __init__(self, comm: Any, meeting: Any, place: int = 0, together: int = 1) -> None:
        """`comm` is for sums, and `meeting` so that who has failed is not taken for who adds.

        This rank has the `place`, from 0, among those `together` on its machine.
        """
        self.comm, self.meeting = comm, meeting
        self.place, self.together = place, together
        self.number, self.count = int(comm.Get_rank()), int(comm.Get_size())
        self.code = 0
        self.met: tuple[Any, NDArray[Any], NDArray[Any]] | None = (
            None  # a meeting, and what MPI reads and writes for it
        )

    def meet(self, code: int = 0, lines: Sequence[str] = ()) -> Failure | None:
        """Wait for all ranks, and say which is the first that has failed, if one has.

        One that comes with an exit code other than 0 waits for PATIENCE seconds, and then ends all: the others may be
        waiting for its sums.
        """
        if self.met is not None and (failure := self.over(code, lines)) is not None:
            return failure
        mine, codes = np.array([code], np.int32), np.zeros(self.count, np.int32)
        self.met = self.meeting.Iallgather(mine, codes), mine, codes
        return self.over(code, lines)

    def over(self, code: int, lines: Sequence[str]) -> Failure | None:
        """The end of the meeting that was begun last, which a signal may have kept this rank from waiting for."""
        assert self.met is not None
        request, _, codes = self.met
        self.wait(request, code, lines)
        self.met = None
        if not codes.any():
            return None
        number = int(np.flatnonzero(codes)[0])
        self.code = int(codes[number])
        return Failure(number, self.code, self.meeting.allgather(list(lines))[number])

    def wait(self, request: Any, code: int, lines: Sequence[str]) -> None:
        """Wait for a request without keeping a core busy; who has failed does not wait long."""
        begun, pause = time.monotonic(), LOOK / 64
        while not request.Test():
            if code and time.monotonic() - begun > PATIENCE:
                self.end(code, lines)
            time.sleep(pause)
            pause = min(LOOK, 2 * pause)

    def end(self, code: int, lines: Sequence[str]) -> NoReturn:
        """End all ranks at once, after these lines on standard error."""
        if sys.__stderr__ is not None:
            print(*lines, sep="\n", file=sys.__stderr__, flush=True)
        if lines:
            time.sleep(MOMENT)
        self.comm.Abort(code)
        os._exit(code)

    def leave(self) -> None:
        """The last that a rank does: where one ends with an error, `mpirun` ends those that have something to say."""
        self.wait(self.meeting.Ibarrier(), self.code or 1, ())

    def gathered(self, value: Any) -> list[Any]:
        """A small value of each rank, in their order."""
        found: list[Any] = self.meeting.allgather(value)
        return found

    def alike(self, values: NDArray[Any]) -> bool:
        """Whether an array has the same bytes in all ranks."""
        sums = np.empty(self.count, np.uint32)
        self.comm.Allgather(np.array([zlib.crc32(np.ascontiguousarray(values).data)], np.uint32), sums)
        return bool((sums == sums[0]).all())


class Sums:
    """Sums of arrays over all ranks, in place, and with each what ranks are asked to stop by.

    `asked` has the numbers of the signals that this rank has got. As soon as one rank has some, `agreed` has the
    highest of them, in all ranks after the same sum.
    """

    def __init__(self, world: World, asked: Sequence[int]) -> None:
        self.world, self.asked = world, asked
        self.agreed: list[int] = []
        self.known: dict[tuple[int, np.dtype[Any]], Gathered | Scattered] = {}

    def __call__(self, values: NDArray[Any]) -> None:
        """Make the sum over all ranks of an array of floats, in its place."""
        whole = np.ascontiguousarray(values)
        flat = whole.reshape(-1)
        for start in range(0, len(flat), LARGE):
            self.add(flat[start : start + LARGE])
        if whole is not values and not np.may_share_memory(whole, values):
            np.copyto(values, whole)

    def add(self, flat: NDArray[Any]) -> None:
        """The same of a contiguous row of numbers."""
        key = len(flat), flat.dtype
        if key not in self.known:
            count = self.world.count
            small = count == 2 or count * flat.nbytes <= SMALL
            self.known[key] = (Gathered if small else Scattered)(self.world, *key)
        asked = self.known[key].add(flat, max(self.asked, default=0))
        if asked > 0 and not self.agreed:
            self.agreed.append(int(asked))


class Gathered:
    """A sum of few numbers: each rank is sent all that the others have, and adds it up."""

    def __init__(self, world: World, size: int, dtype: np.dtype[Any]) -> None:
        self.comm = world.comm
        self.mine, self.all = np.empty(size + 1, dtype), np.empty((world.count, size + 1), dtype)

    def add(self, flat: NDArray[Any], asked: int) -> Any:
        """Make the sum, and give the highest of what is asked."""
        self.mine[:-1] = flat
        self.mine[-1] = asked
        self.comm.Allgather(self.mine, self.all)
        first, second, *others = self.all[:, :-1]
        np.add(first, second, flat)
        for row in others:
            np.add(flat, row, flat)
        return self.all[:, -1].max()


class Scattered:
    """A sum of many numbers: each rank is sent some of them by all others, adds these up, and sends the sums to all."""

    def __init__(self, world: World, size: int, dtype: np.dtype[Any]) -> None:
        self.comm, N = world.comm, world.count
        ends = [size * k // N for k in range(N + 1)]
        sizes = [end - start for start, end in pairwise(ends)]
        own = sizes[world.number]
        self.parts = [slice(start, end) for start, end in pairwise(ends)]
        # Behind the sums of a rank stands what it is asked to stop by.
        behind = [start + k for k, start in enumerate(ends[:-1])]
        self.last = [start + length for start, length in zip(behind, sizes, strict=True)]
        self.rows, self.sums, self.all = np.empty((N, own), dtype), np.empty(own + 1, dtype), np.empty(size + N, dtype)
        self.out = sizes, ends[:-1]
        self.back = [self.rows, ([own] * N, [own * k for k in range(N)])]
        self.found = [self.all, ([length + 1 for length in sizes], behind)]
        self.places = [slice(start, start + length) for start, length in zip(behind, sizes, strict=True)]

    def add(self, flat: NDArray[Any], asked: int) -> Any:
        """Make the sum, and give the highest of what is asked."""
        self.comm.Alltoallv([flat, self.out], self.back)
        first, second, *others = self.rows
        sums = self.sums[:-1]
        np.add(first, second, sums)
        for row in others:
            np.add(sums, row, sums)
        self.sums[-1] = asked
        self.comm.Allgatherv(self.sums, self.found)
        for part, place in zip(self.parts, self.places, strict=True):
            flat[part] = self.all[place]
        return self.all[self.last].max()
