"""What a sweep comes to: its points in the order of their scores, and the table of them."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.model.model import Model
from nnfit.scoring.evaluation import higher
from nnfit.sweeps.halving import Rung
from nnfit.sweeps.reading import Sweep
from nnfit.sweeps.running import HALTED, Outcome
from nnfit.sweeps.space import Point
from nnfit.sweeps.trials import Trial
from nnfit.words import plain

MESSAGE = 200  # letters of a message in the table
# What a point with several trials is called: the first that one of them is.
WORST = ("failed", "diverged", "missing", HALTED, "done")


class Row(NamedTuple):
    """A point of a sweep: its number, from 1, its parameters, and what became of its trials, one for each seed.

    `status` is done, halted, diverged, failed or missing. Of a point that is done, `score` is the mean of the metric,
    None where it is not defined, and `sd` the standard deviation over the seeds; of one halted, they are those of its
    `epochs` alone. `members` is the standard deviation over the members of the first trial, each on the rows kept from
    it. `values` are the scores in the order of the seeds.
    """

    number: int
    parameters: Point
    status: str
    message: str
    score: float | None
    sd: float | None
    members: float | None
    values: tuple[float | None, ...]
    epochs: float | None
    seconds: float
    outcomes: tuple[Outcome, ...]

    def __repr__(self) -> str:
        """In a line: its outcomes hold the scores of rows, and a learning curve."""
        score = "" if self.score is None else f", score {self.score:.6g}"
        return f"<Row of trial {self.number}: {self.status}{score}, {self.parameters}>"


@dataclass(frozen=True)
class Swept:
    """A sweep and what became of its trials, some of which may be missing.

    `metric` is on the rows `held_out`. It stands on a `rung`, the last but for
    successive halving, in which the trials `entered` are. `best` is the trained model of the best point, once all
    trials are over.
    """

    sweep: Sweep = field(repr=False)
    folder: Path
    trials: Sequence[Trial] = field(repr=False)
    outcomes: Mapping[str, Outcome] = field(repr=False)
    metric: str
    held_out: str
    rung: Rung
    entered: Sequence[Trial] = field(repr=False)
    best: Model | None = None

    @property
    def test_chose(self) -> bool:
        """Whether each repeat draws test rows of its own: those of the first are not kept from the others, then."""
        data = self.sweep.first.data
        return self.sweep.keys.repeat > 1 and isinstance(data.test, float) and data.split_seed is None

    @property
    def higher(self) -> bool:
        """Whether more of the metric is better."""
        return higher(self.metric)

    def value(self, trial: Trial) -> float | None:
        """The score of a trial, if it has one."""
        outcome = self.outcomes.get(trial.id)
        scored = outcome is not None and outcome.status in ("done", HALTED)
        return outcome.metrics.get(self.metric) if outcome is not None and scored else None

    @cached_property
    def undecided(self) -> frozenset[str]:
        """The trials that may have more epochs before them."""
        return frozenset() if self.rung.last else frozenset(each.id for each in self.entered)

    @cached_property
    def rows(self) -> list[Row]:
        """All points, in their order, once nothing is added any more."""
        return self.rows_of(self.trials)

    def rows_of(self, trials: Sequence[Trial]) -> list[Row]:
        """The points of some trials, all of each, in their order."""
        repeat = self.sweep.keys.repeat
        return [self.row(trials[k : k + repeat]) for k in range(0, len(trials), repeat)]

    def row(self, trials: Sequence[Trial]) -> Row:
        """The point of some trials."""
        found = [self.outcomes.get(each.id) for each in trials]
        called = [self.called(each) for each in found]
        status = next(each for each in WORST if each in called)
        there = tuple(each for each in found if each is not None)
        message = next((each.message for each in there if each.status != "done"), "")
        values = tuple(self.value(each) for each in trials)
        known = [value for value in values if value is not None]
        score = statistics.fmean(known) if len(known) == len(values) else None
        if score is None and status in ("done", HALTED):
            message = f"{self.metric} is not defined on the rows held out"
        sd = statistics.stdev(known) if score is not None and len(known) > 1 else None
        over = there[0].members.get(self.metric) if status in ("done", HALTED) else None
        epochs = statistics.fmean(each.epochs for each in there) if status in ("done", HALTED) else None
        seconds = sum(each.seconds for each in there)
        own = None if over is None else over[1]
        first = trials[0]
        return Row(first.number, first.values, status, message, score, sd, own, values, epochs, seconds, there)

    def called(self, outcome: Outcome | None) -> str:
        """The status of a trial with this outcome."""
        if outcome is None or (outcome.status == HALTED and outcome.id in self.undecided):
            return "missing"
        return "failed" if outcome.status == "cut" else outcome.status

    def ranking(self) -> list[Row]:
        """The points that are done and have a score, the best first; of equal ones that which comes first.

        Points that come to the same trainings, as a random search may draw, are one: the first.
        """
        sign = -1 if self.higher else 1
        distinct = {tuple(each.id for each in row.outcomes): row for row in reversed(self.rows)}
        scored = [(row.score, row) for row in distinct.values() if row.score is not None and row.status == "done"]
        return [row for _, row in sorted(scored, key=lambda each: (sign * each[0], each[1].number))]

    def counts(self) -> dict[str, int]:
        """How many points have ended in each way; `missing` are those that have not."""
        found = dict.fromkeys(("done", HALTED, "diverged", "failed", "missing"), 0)
        for row in self.rows:
            found[row.status] += 1
        return found


def table(swept: Swept) -> bytes:
    """trials.csv: a line for each point that is over, in their order."""
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    repeated = swept.sweep.keys.repeat > 1
    names = list(swept.sweep.parameters)
    lines.writerow(["trial", *names, swept.metric, *["sd"] * repeated, "epochs", "seconds", "status"])
    for row in swept.rows:
        if row.status != "missing":
            status = f"{row.status}: {brief(row.message)}" if row.message else row.status
            values = [*(row.parameters[name] for name in names), row.score, *[row.sd] * repeated, row.epochs]
            lines.writerow([row.number, *map(cell, values), f"{row.seconds:.3f}", status])
    return file.getvalue().encode("utf-8", "backslashreplace")


def brief(message: str) -> str:
    """A message on one line, no longer than a table has room for: the whole stands in trials/."""
    line = plain(" ".join(message.split()))
    return line if len(line) <= MESSAGE else f"{line[: MESSAGE - 1]}…"


def cell(value: Any) -> str:
    """A value as a cell of the table: text as it is, all else as JSON; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
