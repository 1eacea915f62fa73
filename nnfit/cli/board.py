"""What stands above the bar of a sweep on a terminal: the best so far, and which trials are being trained."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nnfit.cli.progress import clock
from nnfit.words import count, plain

if TYPE_CHECKING:
    from nnfit.sweeps.at_work import Groups
    from nnfit.sweeps.running import Outcome
    from nnfit.sweeps.trials import Trial

MOST = 6  # workers that have a line
LABEL = 9  # columns of what a line is about
NEARLY = 0.95  # of a group, at most, that is taken for done before it is


class Working(NamedTuple):
    """A group of trials that a worker has, and for how many seconds."""

    trials: Sequence[Trial]
    seconds: float


class Board:
    """The trials of one command: what is left, what those that ended took, and what is under way.

    Trials differ by their networks, so each counts by its `costs`, seconds by the sizes: what they really take shows.
    """

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.costs: Mapping[str, float] = {}  # by the hash of a trial
        self.remaining = self.done = 0.0  # of the costs
        self.seconds = 0.0  # that the trials which are over took their workers
        self.best = "no trial has a score yet"
        self.groups: Groups = {}
        self.workers = 0
        self.since: dict[object, float] = {}

    def start(self, costs: Mapping[str, float]) -> None:
        """These trials are to be run."""
        self.begun, self.costs, self.remaining = time.monotonic(), costs, sum(costs.values())
        self.done = self.seconds = 0.0

    def ended(self, outcome: Outcome) -> None:
        """One of them is over."""
        cost = self.costs.get(outcome.id, 0.0)
        self.remaining, self.done = self.remaining - cost, self.done + cost
        self.seconds += outcome.seconds

    def handed_out(self, groups: Groups, workers: int) -> None:
        """What the workers have from now on."""
        self.groups, self.workers = groups, workers

    def working(self, now: float) -> list[Working]:
        """The groups under way: workers take them in order, so that they are the first that are not over."""
        first = list(dict(self.groups).items())[: self.workers]  # a copy at once: another thread changes it
        self.since = {key: self.since.get(key, now) for key, _ in first}
        return [Working(trials, now - self.since[key]) for key, trials in first]

    def left(self, now: float) -> float | None:
        """The seconds that are left, by what those that ended in this command took; unknown before.

        What is under way counts by the time that it has had; the last to end takes as long as it takes alone.
        """
        if not self.done or not self.seconds:
            return None
        slower, under_way = self.seconds / self.done, self.working(now)
        costs = [sum(self.costs.get(trial.id, 0.0) for trial in own.trials) for own in under_way]
        pairs = list(zip(under_way, costs, strict=True))
        over = sum(min(own.seconds / slower, NEARLY * cost) for own, cost in pairs)
        alone = max((slower * cost - own.seconds for own, cost in pairs), default=0.0)
        return max((self.remaining - over) * (now - self.begun) / (self.done + over), alone, 0.0)

    def lines(self, now: float) -> Iterator[str]:
        """The lines, each to be cut to the terminal."""
        yield plain(f"{'best':{LABEL}}{self.best}")
        under_way = self.working(now)
        for k, (trials, seconds) in enumerate(under_way[:MOST]):
            yield f"{'running' * (k == 0):{LABEL}}{clock(seconds)}  {named(trials)}"
        if len(under_way) > MOST:
            yield f"{'':{LABEL}}and {count(len(under_way) - MOST, 'more group')}"


def named(trials: Sequence[Trial]) -> str:
    """Which trials they are: `trial 3`, `8 trainings in one array, trials 24 to 31`, `…, trials 2, 5, 9, 10, …`."""
    found = sorted({trial.number for trial in trials})
    several = f"{count(len(trials), 'training')} in one array, " if len(trials) > 1 else ""
    if len(found) == 1:
        return f"{several}trial {found[0]}"
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{several}trials {found[0]} to {found[-1]}"
    return f"{several}trials {', '.join(map(str, found[:4]))}{', …' * (len(found) > 4)}"
