"""One training by several processes that `mpirun` has started: the first speaks and writes, and all end alike."""

from __future__ import annotations

import atexit
import io
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from nnfit.workers.cores import available
from nnfit.workers.ranks import Failure, cut_off, started, together, variables
from nnfit.workers.threads import working

if TYPE_CHECKING:
    from nnfit.core.division import Division
    from nnfit.fit.train import Trainer
    from nnfit.workers.mpi import World

MOMENT = 1.0  # seconds that the others leave the first to say what is wrong, where no MPI holds them


class Elsewhere(Exception):  # noqa: N818
    """Another rank has failed: what it says, and its exit code."""

    def __init__(self, failure: Failure) -> None:
        self.failure, self.exit_code = failure, failure.code
        self.lines = [f"nnfit: rank {failure.number}: {line.removeprefix('nnfit: ')}" for line in failure.lines]
        super().__init__(failure)


class Alone:
    """The one process of a training, which is the first of one."""

    first, count = True, 1

    def refuse_stream(self, spec: Path) -> None:
        """A UsageError for a spec that not all can read."""

    def in_turn(self, caching: bool) -> AbstractContextManager[None]:
        """In the block the rows are made ready."""
        return nullcontext()

    def begin(self, trainer: Trainer, asked: Sequence[int]) -> tuple[Sequence[int], Division]:
        """What ends the training, and the part of the rows that this process takes."""
        from nnfit.core.division import UNDIVIDED

        return asked, UNDIVIDED

    def end_epoch(self, trainer: Trainer) -> None:
        """An epoch is over."""

    def stopping(self) -> None:
        """The training has stopped, and is to end."""

    def apart(self) -> AbstractContextManager[None]:
        """In the block this process works while others wait."""
        return nullcontext()

    def end(self) -> None:
        """All is done."""


class Several(Alone):
    """One of several processes."""

    def __init__(self, world: World, threads: int | None) -> None:
        self.world, self.threads = world, threads
        self.count, self.first = world.count, not world.number
        self.over = False

    def refuse_stream(self, spec: Path) -> None:
        """A UsageError for a spec that not all can read."""
        from nnfit.config.source import STANDARD_INPUT
        from nnfit.errors import Place, Problem, UsageError

        if str(spec) == "-":
            message = "mpirun gives standard input to one of its processes alone"
            raise UsageError(Problem("usage", message, "write the spec to a file", Place(STANDARD_INPUT)))

    @contextmanager
    def in_turn(self, caching: bool) -> Iterator[None]:
        """In the block the first makes the rows ready, then one on each other machine, and then all others.

        Each finds in the cache what one before has kept, if it has the same folder: so a machine encodes the rows once
        at most, and all map one file. Without a cache each makes its own, all at once.
        """
        turn = 0 if self.first else 1 if not self.world.place else 2
        before = turn if caching else 0
        for _ in range(before):
            self.meet()
        with self.apart() if caching and turn < 2 else nullcontext():
            yield
        for _ in range(before, 2):  # all meet twice, even where ranks have other options
            self.meet()

    def begin(self, trainer: Trainer, asked: Sequence[int]) -> tuple[Sequence[int], Division]:
        """What ends the training is what one of the ranks is asked by; a UsageError if they would train differently."""
        from nnfit.core.division import Division
        from nnfit.errors import Problem, UsageError
        from nnfit.fit import checkpoint
        from nnfit.model.model import versions
        from nnfit.storage import json_text
        from nnfit.workers.mpi import Sums

        self.meet()
        state = trainer.run.state
        mine = {**checkpoint.identity(trainer.prepared), "versions": versions(), "blas_threads": trainer.blas_threads}
        mine |= {"epochs": state.epochs, "steps": state.steps.tolist()}
        first, *others = self.world.gathered(json_text.plain(mine))
        for number, other in enumerate(others, 1):
            found = [*checkpoint.differences(first, other)]
            if found:
                message = f"rank {number} would train something else than rank 0: {'; '.join(found[:5])}"
                remedy = "give all ranks the same files, and the same nnfit"
                raise UsageError(Problem("other-rank", message, remedy))
        self.end_epoch(trainer)
        sums = Sums(self.world, asked)
        return sums.agreed, Division(self.world.number, self.count, sums)

    def end_epoch(self, trainer: Trainer) -> None:
        """A TrainingError if the weights are not the same in all ranks."""
        from nnfit.errors import Problem, TrainingError

        if not self.world.alike(trainer.run.state.theta):
            message = f"the ranks have come to different weights after epoch {trainer.run.state.epochs}"
            remedy = "start them on processors of one kind, with the same NumPy"
            raise TrainingError(Problem("ranks-apart", message, remedy))

    def meet(self) -> None:
        """Wait for all others; Elsewhere if one has failed."""
        failure = self.world.meet()
        if failure is not None:
            raise Elsewhere(failure)

    def stopping(self) -> None:
        """All end together: a signal to all may come to one after the others have agreed, and must not end it alone."""
        from nnfit.cli import signals

        signals.ignore()

    def apart(self) -> AbstractContextManager[None]:
        """In the block this rank works while others wait: unless it is given threads, it has all of its cores."""
        return working(self.threads or available())

    def end(self) -> None:
        """Wait until the first has written all; what comes after it is told to nobody."""
        self.meet()
        self.over = True


@contextmanager
def joined(threads: int | None) -> Iterator[Alone]:
    """In the block this process is one of those that `mpirun` started, or alone; an error in one ends all of them.

    One of several has one thread, since others may be on the same machine, or those that it is given.
    """
    from nnfit.cli.ending import ending
    from nnfit.errors import Problem, UsageError

    rank = started()
    if rank is None:
        yield Alone()
        return
    if cut_off():
        message = (
            f"a process of mpirun -n {rank.size} has started this one, which has its variables and not its connection"
        )
        remedy = f"start nnfit itself by mpirun; or, to train alone, env -u {' -u '.join(variables())} nnfit"
        raise UsageError(Problem("not-a-rank", message, remedy))
    from nnfit.workers import mpi

    try:
        world = mpi.joined(rank)
    except UsageError as error:
        if error.code == "other-mpi":
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # there may be no first, who would tell it
        raise
    several = Several(world, threads)
    together.set(world.together)
    try:
        with working(threads or 1):
            yield several
    except Elsewhere:
        several.stopping()
        raise
    except BaseException as error:
        if several.over:
            raise
        several.stopping()
        lines, code = ending(error) or (traceback.format_exc().splitlines(), 1)
        failure = world.meet(code, lines)
        if failure is None or failure.number == world.number:
            raise
        raise Elsewhere(failure) from None


class Nowhere(io.TextIOBase):
    """A stream of which nothing is kept."""

    def write(self, text: str) -> int:
        """Take a text."""
        return len(text)


def hush(words: Sequence[str], linger: Callable[[float], object] = time.sleep) -> None:
    """Of several processes of a training let the first alone speak; each says to `joined` what went wrong in it."""
    command = next((word for word in words if not word.startswith("-")), "")
    rank = started() if command in ("train", "verify") else None
    if rank is not None and rank.number and not cut_off():
        sys.stdout = sys.stderr = Nowhere()
        atexit.register(lambda: None if "mpi4py.MPI" in sys.modules else linger(MOMENT))
