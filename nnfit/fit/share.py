"""The members of a training, epoch after epoch: all of them here, or each worker some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core import lbfgs
from nnfit.core.batches import Examples, Rows
from nnfit.core.cost import step
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.network import Network
from nnfit.core.optimizers import LBFGS
from nnfit.core.plan import Plan
from nnfit.core.stopping import HeldOut
from nnfit.core.training import Diverged, State, fit, refuse_divergence, sizes
from nnfit.errors import Problem, TrainingError
from nnfit.workers.memory import shared
from nnfit.workers.processes import Channel, Worker, WorkerDied, started
from nnfit.workers.threads import threads

GO = "go"  # the message that asks a worker for one more epoch
# What another worker takes to start, in seconds; and workers are to take less than GAIN of the time of one.
START, GAIN = 0.3, 0.75


class Job(NamedTuple):
    """All that the members of a training learn from, and what becomes of them; `held_out` is looked at every epoch.

    Of a `division` this process trains all members, on its part of the rows.
    """

    network: Network
    state: State
    examples: Examples
    plan: Plan
    seeds: Sequence[int]
    rows: Sequence[Rows]
    held_out: HeldOut | None
    division: Division = UNDIVIDED


class Report(NamedTuple):
    """Of an epoch, of each member (M,), the training cost, and that on the rows held out; the last says `over`."""

    costs: NDArray[np.float64]
    validations: NDArray[np.float64] | None
    over: bool = False  # nothing moves any more


def learn(job: Job, members: slice, stop: Sequence[object]) -> Iterator[Report]:
    """Train some of the members, in place; an epoch is reported before its end in their state."""
    network, whole, examples, plan, seeds, rows, held_out, division = job
    state, first = whole.of(members), members.start or 0
    watched = None if held_out is None else held_out.of(members, state.used)
    if isinstance(plan.optimizer, LBFGS):
        trained = lbfgs.fit(network, state, examples, plan, rows, stop, first, division)
    else:
        trained = fit(network, state, examples, plan, seeds, rows, stop, first, division)
    for epoch in trained:
        yield Report(epoch.cost, None if watched is None else watched.costs())
    if not stop and state.epochs < plan.epochs:
        yield Report(state.cost.copy(), None if watched is None else watched.costs(), over=True)


def learn_all(job: Job, stop: Sequence[object]) -> Iterator[Report]:
    """Train all members in place, by as many workers as there are threads, where that pays: this process is the first.

    Every worker trains some of the members, epoch by epoch in step with the others; all see the same arrays, and what
    becomes of a member depends on none. A TrainingError tells which members a worker trained that has died.
    """
    mine, *others = shares(job, threads.get() if job.division.parts == 1 else 1)
    reports = learn(job, mine, stop)
    if not others:
        yield from reports
        return
    workers: list[Worker] = []
    try:
        share_memory(job)
        workers = started([named(each) for each in others], work, job, others)
        last: dict[Worker, Report] = {}  # of workers whose members do not move any more
        ended: Report | None = None  # the same of this process
        while True:
            for worker in workers:
                if worker not in last:
                    worker.send(GO)
            found = [ended or told(reports), *(last.get(worker) or worker.receive(stop) for worker in workers)]
            for each in found:
                if isinstance(each, Diverged):  # in which layer is to be said of all members
                    refuse_divergence(job.network, job.state.theta, job.state.cost, each.epoch)
                if isinstance(each, Exception):
                    raise each
            latest = [each for each in found if isinstance(each, Report)]
            if len(latest) < len(found):
                return
            yield joined(latest)
            if all(each.over for each in latest):
                return
            ended = latest[0] if latest[0].over else None
            last = {worker: each for worker, each in zip(workers, latest[1:], strict=True) if each.over}
    except WorkerDied as error:
        message = f"the process that trains {error.name} has ended: {error.how}"
        remedy = "if memory ran out, try again with --threads 1; what training.checkpoint has kept can be gone on from"
        raise TrainingError(Problem("worker-died", message, remedy)) from None
    except OSError as error:
        message = f"no more processes or shared memory for {len(others)} workers: {error.strerror or error}"
        raise TrainingError(Problem("no-workers", message, "try again with --threads 1")) from None
    finally:
        for worker in workers:
            worker.close()


def shares(job: Job, count: int) -> list[slice]:
    """The members that each worker trains: so many workers, or one where several would not be much sooner done."""
    M = len(job.state.theta)
    count = min(count, M)
    sooner = START + seconds(job, -(-M // count)) < GAIN * seconds(job, M)
    ends = [M * k // count for k in range(count + 1)] if sooner else [0, M]
    return [slice(start, end) for start, end in pairwise(ends)]


def seconds(job: Job, members: int) -> float:
    """About how long one core takes for the epochs that are left, of so many members."""
    n, m = sizes(job.examples, job.plan, job.rows)
    steps = (job.plan.epochs - job.state.epochs) * -(-n // m)
    return steps * step(job.network, members, m, job.state.theta.itemsize)


def share_memory(job: Job) -> None:
    """Put what changes into memory that all workers see."""
    state, held_out = job.state, job.held_out
    for field in fields(state):
        array = getattr(state, field.name)
        if isinstance(array, np.ndarray):
            setattr(state, field.name, shared(array))
    if held_out is not None:
        held_out.theta, held_out.y_hat = state.used, shared(held_out.y_hat)


def named(members: slice) -> str:
    """Some members in words, numbered from 1."""
    first, last = members.start + 1, members.stop
    return f"member {last}" if first == last else f"members {first} to {last}"


def joined(reports: list[Report]) -> Report:
    """What the workers report, of all members."""
    watched = [each.validations for each in reports if each.validations is not None]
    validations = np.concatenate(watched) if watched else None
    return Report(np.concatenate([each.costs for each in reports]), validations, all(each.over for each in reports))


def work(channel: Channel, job: Job, members: slice) -> None:
    """What a worker does: an epoch whenever it is asked for one."""
    reports = learn(job, members, channel.stop)
    while channel.receive() == GO:
        channel.send(told(reports))


def told(reports: Iterator[Report]) -> Report | Diverged | MemoryError | None:
    """The next report, or why there is none; None is that there was something in `stop`."""
    try:
        return next(reports, None)
    except (Diverged, MemoryError) as error:
        return error
