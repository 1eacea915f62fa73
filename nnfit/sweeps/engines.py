"""Who trains: this process, others of this machine, or any executor; all are given groups of trials as they have room.

What becomes of trials comes as it is known. Where a worker dies, those that it had are run again. Where a cluster is
gone, that is an OutputError, as soon as what has come from it is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any

from nnfit.sweeps import at_work
from nnfit.sweeps.cluster import Cluster
from nnfit.sweeps.running import Outcome, run_group
from nnfit.sweeps.trials import Trial
from nnfit.workers.pool import Processes
from nnfit.workers.threads import working

AHEAD = 2  # groups for each worker that are handed out before the first is done
UNKNOWN = 64  # workers of an executor that does not say how many it has
LOOK = 1.0  # seconds between two looks at a cluster that may be gone
DEATHS = 2  # of the process of a trial, with no other beside it, after which it is given up

Ended = Generator[Sequence[Outcome], None, None]  # those of a group, once all of it is over
Asked = Callable[[Sequence[Trial]], tuple[Any, ...]]  # what run_group is given for a group, when it is handed out


class Machine:
    """The processes of this machine that work for a sweep, from one of its rungs to the next."""

    def __init__(self) -> None:
        self.pool: Processes | None = None

    def processes(self, count: int) -> Processes:
        """So many processes, or more."""
        if self.pool is not None and self.pool.count < count:
            self.end()
        if self.pool is None:
            self.pool = Processes(count)
        return self.pool

    def end(self) -> None:
        """Let them end, which have nothing to do."""
        if self.pool is not None:
            self.pool.shutdown()
            self.kill()

    def kill(self) -> None:
        """End them at once, whatever they do."""
        if self.pool is not None:
            self.pool.kill()
            self.pool = None


def outcomes_of(
    groups: Sequence[Sequence[Trial]], asked: Asked, executor: Executor | None, jobs: int, machine: Machine
) -> Ended:
    """What becomes of each group of trials, as they come, by the executor or by so many processes."""
    if executor is not None:
        for lost in (yield from handed_out(deque(groups), asked, executor)):
            yield given_up(lost, "the executor broke while it was under way")
    elif (count := min(jobs, len(groups))) > 1:
        yield from by_processes(groups, asked, count, machine)
    else:
        with working(1):
            for k, each in enumerate(groups):
                at_work.tell({k: each}, 1)
                yield run_group(*asked(each))


def workers_of(executor: Executor) -> int:
    """How many workers an executor has, as far as it says."""
    return getattr(executor, "_max_workers", None) or UNKNOWN


def by_processes(groups: Sequence[Sequence[Trial]], asked: Asked, count: int, machine: Machine) -> Ended:
    """By so many processes of this machine; where one dies, what was under way is run again, each group by itself."""
    left = deque(groups)
    while left:
        for trials in (yield from by_pool(left, asked, count, machine)):
            for _ in range(DEATHS):
                lost = yield from by_pool(deque([trials]), asked, 1, machine)
                machine.end()
                if not lost:
                    break
            else:
                yield given_up(trials, "its process was killed, by somebody or for its memory")


def by_pool(
    left: deque[Sequence[Trial]], asked: Asked, count: int, machine: Machine
) -> Generator[Sequence[Outcome], None, list[Sequence[Trial]]]:
    """By processes until nothing is left, or one of them dies; the groups that were under way then."""
    lost: list[Sequence[Trial]] | None = None
    try:
        lost = yield from handed_out(left, asked, machine.processes(count))
        return lost
    finally:
        if lost != []:
            machine.kill()


def handed_out(
    left: deque[Sequence[Trial]], asked: Asked, executor: Executor
) -> Generator[Sequence[Outcome], None, list[Sequence[Trial]]]:
    """By an executor, until nothing is left or it breaks; the groups that were under way then."""
    under_way: dict[Future[list[Outcome]], Sequence[Trial]] = {}
    at_work.tell(under_way, workers_of(executor))
    lost: list[Sequence[Trial]] = []
    cluster = executor if isinstance(executor, Cluster) else None
    try:
        while under_way or (left and not lost):
            while left and not lost and len(under_way) < AHEAD * workers_of(executor):
                trials = left[0]
                try:
                    under_way[executor.submit(run_group, *asked(trials))] = left.popleft()
                except RuntimeError:  # it is broken, or takes no more
                    lost.append(trials)
            timeout = None if cluster is None else LOOK
            for future in wait(under_way, timeout, FIRST_COMPLETED).done if under_way else ():
                trials = under_way.pop(future)
                try:
                    found = future.result()
                except BrokenExecutor:
                    lost.append(trials)
                except Exception as error:
                    if cluster is not None and cluster.gone():
                        lost.append(trials)
                        continue
                    yield given_up(trials, f"{type(error).__name__}: {error}".rstrip(": "))
                else:
                    yield found
            if cluster is not None and (lost or under_way or left):
                cluster.check()
        return lost
    finally:
        for future in under_way:
            future.cancel()


def given_up(trials: Sequence[Trial], why: str) -> list[Outcome]:
    """The outcomes of trials whose worker did not come back: they are run again with the next command."""
    return [Outcome(each.id, "cut", message=why, code=3) for each in trials]
