"""What a sweep comes to: its points in the order of their scores, and the table of its trials."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.model.model import Model
from nnfit.scoring.evaluation import higher
from nnfit.sweeps.reading import Sweep
from nnfit.sweeps.running import Outcome
from nnfit.sweeps.space import Point
from nnfit.sweeps.trials import Trial


class Scored(NamedTuple):
    """A point whose trials are all done: its score is their mean, `sd` their standard deviation.

    `sd` is None of a single trial. `values` are the scores of the trials, in the order of their seeds.
    """

    trial: Trial  # the first
    score: float
    sd: float | None
    values: tuple[float, ...]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Swept:
    """A sweep and what became of its trials, some of which may be missing.

    `held_out` are the rows that the metric is on. `metric` may be `loss`, the cost of training.
    """

    sweep: Sweep = field(repr=False)
    folder: Path
    trials: Sequence[Trial] = field(repr=False)
    outcomes: Mapping[str, Outcome] = field(repr=False)
    metric: str
    held_out: str
    best: Model | None = None  # the trained model of the best point, once all trials are over

    @property
    def higher(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric != "loss" and higher(self.metric)

    def value(self, trial: Trial) -> float | None:
        """The score of a trial, if it has one."""
        outcome = self.outcomes.get(trial.id)
        return outcome.metrics.get(self.metric) if outcome and outcome.status == "done" else None

    def counts(self) -> dict[str, int]:
        """How many trials have ended in each way; `missing` are those that have not."""
        found = dict.fromkeys(("done", "diverged", "failed", "missing"), 0)
        for trial in self.trials:
            outcome = self.outcomes.get(trial.id)
            status = "missing" if outcome is None else "failed" if outcome.status == "cut" else outcome.status
            found[status] += 1
        return found

    def ranking(self) -> list[Scored]:
        """The points whose trials are all done, the best first; of equal ones that which comes first."""
        of_point: dict[int, list[Trial]] = {}
        for trial in self.trials:
            of_point.setdefault(trial.point, []).append(trial)
        found = []
        for trials in of_point.values():
            values = [self.value(trial) for trial in trials]
            known = [value for value in values if value is not None]
            if len(known) == len(trials):
                sd = statistics.stdev(known) if len(known) > 1 else None
                outcomes = tuple(self.outcomes[trial.id] for trial in trials)
                found.append(Scored(trials[0], statistics.fmean(known), sd, tuple(known), outcomes))
        sign = -1 if self.higher else 1
        return sorted(found, key=lambda each: (sign * each.score, each.trial.number))


def table(swept: Swept) -> bytes:
    """trials.csv: a row for each trial that is over, in their order."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    repeated = swept.sweep.keys.repeat > 1
    seed = ["seed"] * (repeated and "seed" not in swept.sweep.parameters)
    rows.writerow(["trial", *swept.sweep.parameters, *seed, swept.metric, "epochs", "seconds", "status"])
    for trial in swept.trials:
        outcome = swept.outcomes.get(trial.id)
        if outcome is None:
            continue
        status = outcome.status if outcome.status == "done" else f"{outcome.status}: {outcome.message}"
        value = swept.value(trial)
        values = [cell(trial.values[name]) for name in swept.sweep.parameters]
        if repeated and trial.spec is not None:
            if "seed" in trial.values:
                values[list(swept.sweep.parameters).index("seed")] = cell(trial.spec.seed)
            else:
                values.append(cell(trial.spec.seed))
        elif seed:
            values.append("")
        rows.writerow([trial.number, *values, cell(value), outcome.epochs or "", f"{outcome.seconds:.3f}", status])
    return file.getvalue().encode("utf-8", "backslashreplace")


def cell(value: Any) -> str:
    """A value as a cell of the table: text as it is, all else as JSON; nothing where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parameters(point: Point) -> dict[str, Any]:
    """The values of a point, as JSON has them."""
    return dict(point)
