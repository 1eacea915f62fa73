"""Some trials, trained and scored: what a worker of a sweep does.

Trials come in groups, which are put together before they are handed out, so that what can be trained together may be.
A trial fails alone: what is wrong with it is its outcome. Rows of a test are not looked at.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfit.config.spec import Spec
from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.opening import digest_of
from nnfit.data.parts import Files
from nnfit.data.table import Table, read_table
from nnfit.data.target import Target
from nnfit.errors import DataError, NnfitError, TrainingError
from nnfit.fit import checkpoint, packing
from nnfit.fit.ends import resolve
from nnfit.fit.prepare import Prepared, paths_of, prepare
from nnfit.fit.run import Run, epochs, start
from nnfit.fit.scores import Seen, score
from nnfit.model.layout import network_of
from nnfit.scoring.selection import of_rows
from nnfit.sweeps.trials import Trial
from nnfit.workers.blas import blas_threads

HALTED = "halted"
MOST_POINTS = 40  # of a learning curve that is kept
MOST_GROUPS = 200  # of rows whose scores are kept
NOTHING: Mapping[str, Any] = {}


class Outcome(NamedTuple):
    """What became of a trial: done, diverged, failed (it would again) or cut (it might not, at another time).

    On a rung of successive halving, which ends after the epochs `rung`, what is not over is halted: its score is that
    of as many epochs, and `state` the checkpoint that it goes on from. The rung of a whole training is 0.

    `metrics` are those on the rows not learnt from, of which there are `rows`; one that is not defined there is None.
    `members` has their means and standard deviations over the members, each on the rows kept from it. `curve` holds of
    some epochs their number, training cost, and cost on rows held out, if there are any. `groups` are the means of
    what the metric is made of, over groups of the rows that are the same for all trials, where it is a mean over rows.
    """

    id: str
    status: str
    metrics: Mapping[str, float | None] = NOTHING
    epochs: int = 0
    seconds: float = 0.0
    message: str = ""
    code: int = 0
    rows: int = 0
    members: Mapping[str, Sequence[float]] = NOTHING
    curve: Sequence[Sequence[float | None]] = ()
    groups: Sequence[float] = ()
    sha256: Mapping[str, str] = NOTHING
    rung: int = 0
    state: bytes = b""

    def __repr__(self) -> str:
        """Without its numbers."""
        return f"<Outcome {self.id[:8]}: {self.status}, {self.epochs} epochs, {self.seconds:.2f} s>"

    @property
    def final(self) -> bool:
        """Whether it would be the same another time."""
        return self.status != "cut"


class Part(NamedTuple):
    """As far as trials are trained on a rung: to the end of so many epochs, from checkpoints by the trials' hashes."""

    epochs: int
    states: Mapping[str, bytes]


def group(trials: Sequence[Trial], workers: int, prepared: Prepared) -> list[list[Trial]]:
    """The trials in groups for so many workers, each of which is trained as one by `run_group`.

    `prepared` are the data of one of them. What differs by what a member may have of its own is trained in one array,
    as many trials together as have room near a core, and as leave no worker without any.
    """
    of_key: dict[Hashable, list[Trial]] = {}
    for each in trials:
        of_key.setdefault(each.id if each.spec is None else packing.key(each.loaded), []).append(each)
    found = []
    for alike in of_key.values():
        size = min(together(alike[0], prepared), -(-len(alike) // workers))
        found += [alike[k : k + size] for k in range(0, len(alike), size)]
    return found


def together(trial: Trial, prepared: Prepared) -> int:
    """How many trials like this one are best trained together."""
    try:
        spec = resolve(trial.loaded, prepared.features, prepared.target)
    except NnfitError:
        return 1  # which it is told when it is its turn
    return packing.best_size(prepared._replace(spec=spec, network=network_of(spec)))


def run_group(trials: Sequence[Trial], metric: str, part: Part | None = None) -> list[Outcome]:
    """What becomes of each of some trials, in their order, wholly or in part; no error of one is an error here.

    Where they cannot be trained as one, for their data or memory, each is trained by itself. So it is where nnfit has
    a bug in that, of which a warning tells: the outcomes are the same.
    """
    if len(trials) > 1:
        try:
            return run_as_one(trials, metric, part)
        except (NnfitError, MemoryError, OSError):
            pass  # each is told by itself
        except Exception as error:
            message = f"a bug in nnfit: trials are trained one by one for {type(error).__name__}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    return [run(trial, metric, part) for trial in trials]


def run_as_one(trials: Sequence[Trial], metric: str, part: Part | None = None) -> list[Outcome]:
    """What becomes of trials with one key, each as it would alone; the time is shared alike."""
    begun = time.perf_counter()
    ready = without_test(prepare(packing.least([trial.loaded for trial in trials]), read=tables.read))
    found: dict[int, Outcome] = {}
    runs: dict[int, Run] = {}
    for k, trial in enumerate(trials):
        try:
            own = packing.prepared_as(ready, trial.loaded)
            like = next(iter(runs.values()), None)
            runs[k] = going_on(trial, own, part, like) or start(own, like)
        except NnfitError as error:
            found[k] = failed(trial, error)
    at: dict[int, list[int]] = {}  # one epoch, but where a checkpoint is lost
    for k, run in runs.items():
        at.setdefault(run.state.epochs, []).append(k)
    for epoch, places in at.items():
        if part is not None and epoch == part.epochs:
            continue
        for _, wrong in packing.epochs([runs[k] for k in places], until=None if part is None else part.epochs):
            found |= {places[i]: failed(trials[places[i]], error) for i, error in wrong.items()}
    for k, run in runs.items():
        if k not in found:
            found[k] = kept(scored(trials[k], run, metric), run, part)
    seconds = (time.perf_counter() - begun) / len(trials)
    return [found[k]._replace(seconds=seconds, sha256=dict(ready.sha256)) for k in range(len(trials))]


def without_test(prepared: Prepared) -> Prepared:
    """The same without the test rows."""
    return prepared._replace(sets={name: rows for name, rows in prepared.sets.items() if name != "test"})


def run(trial: Trial, metric: str, part: Part | None = None) -> Outcome:
    """What becomes of one trial."""
    begun = time.perf_counter()
    sha256: Mapping[str, str] = NOTHING
    try:
        prepared = without_test(prepare(trial.loaded, read=tables.read))
        sha256 = dict(prepared.sha256)
        training = going_on(trial, prepared, part) or start(prepared)
        if part is None or training.state.epochs < part.epochs:
            for epoch in epochs(training):
                if part is not None and epoch.number == part.epochs:
                    break
        outcome = kept(scored(trial, training, metric), training, part)
    except DataError as error:
        outcome, sha256 = refused(trial, error)
    except Exception as error:
        outcome = failed(trial, error)
    return outcome._replace(seconds=time.perf_counter() - begun, sha256=sha256)


def refused(trial: Trial, error: DataError) -> tuple[Outcome, Mapping[str, str]]:
    """The outcome of a trial that its data refuse, and what these are: they may be written at this moment."""
    try:
        return failed(trial, error), {name: digest_of(each.paths) for name, each in paths_of(trial.loaded).items()}
    except (NnfitError, OSError):  # they may come back
        return Outcome(trial.id, "cut", message=str(error), code=error.exit_code), NOTHING


def going_on(trial: Trial, prepared: Prepared, part: Part | None, like: Run | None = None) -> Run | None:
    """A training where its checkpoint says that it stands; None where there is none that it can go on from.

    A checkpoint that is damaged, of another spec, or from a place where the last digits may be others, is none.
    """
    data = None if part is None else part.states.get(trial.id)
    if part is None or not data:
        return None
    try:
        found, changed = checkpoint.from_bytes(data, trial.id, prepared, blas_threads(), like)
    except NnfitError:
        return None
    return None if changed or found.state.epochs > part.epochs else found


def kept(outcome: Outcome, run: Run, part: Part | None) -> Outcome:
    """The outcome with what the training goes on from, if it is not over."""
    if part is None or run.ended:
        return outcome
    return outcome._replace(status=HALTED, state=checkpoint.to_bytes(run, blas_threads()))


def scored(trial: Trial, run: Run, metric: str) -> Outcome:
    """The outcome of a training that is over."""
    name = held_out(run.prepared.spec)
    with np.errstate(all="ignore"):
        found = score(run, learnt_from=False)
        groups = groups_of(found.target, found.seen, metric, found.metrics[name].get(metric))
    seen = found.metrics[name]
    metrics = {key: value for key, value in seen.items() if value is None or isinstance(value, float)}
    members = {key: (over["mean"], over["sd"]) for key, over in seen.get("members", {}).items()}
    curve, rows = curve_of(run), found.rows[name]
    return Outcome(trial.id, "done", metrics, run.state.epochs, rows=rows, members=members, curve=curve, groups=groups)


def groups_of(target: Target, seen: Seen, metric: str, value: float | None) -> tuple[float, ...]:
    """The mean over each group of rows of what the metric is the mean of (its square, of rmse); nothing of others.

    The groups are drawn once for so many rows. Nothing as well where the rows count by weights.
    """
    found = of_rows(metric, target, seen.network, seen.truth, None, seen.thresholds, MOST_GROUPS)
    if value is None or found is None:
        return ()
    whole = float(found.of(np.ones((1, len(found.sizes))))[0, 0])
    if not np.isfinite(whole) or abs(whole - value) > 1e-9 * max(1.0, abs(value)):
        return ()
    return tuple(float(f"{mean:.8g}") for mean in found.values[0])


def held_out(spec: Spec) -> str:
    """The rows that the metric of a trial is on; nothing where all are learnt from."""
    of_members = {"folds": "out_of_fold", "bootstrap": "out_of_bag"}
    return of_members.get(spec.training.resample, "validation" if spec.data.validation is not None else "")


def failed(trial: Trial, error: Exception) -> Outcome:
    """The outcome of a trial that has no score: what is wrong with itself stays, what the machine lacks may pass."""
    if isinstance(error, TrainingError):
        return Outcome(trial.id, "diverged", message=str(error), code=error.exit_code)
    if isinstance(error, NnfitError):
        passing = any(problem.code == "too-little-memory" for problem in error.problems)
        return Outcome(trial.id, "cut" if passing else "failed", message=str(error), code=error.exit_code)
    if isinstance(error, MemoryError | OSError):
        return Outcome(trial.id, "cut", message=f"{type(error).__name__}: {error}".rstrip(": "), code=3)
    return Outcome(trial.id, "failed", message=f"a bug in nnfit: {type(error).__name__}: {error}", code=1)


def curve_of(run: Run) -> tuple[tuple[float | None, ...], ...]:
    """Some epochs of a training, the first and the last among them; what is not finite is None."""
    n = len(run.history)
    chosen = sorted({round(k) for k in np.linspace(0, n - 1, min(n, MOST_POINTS))})

    def kept(value: float | None) -> float | None:
        return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")

    points = ((run.history[k].number, kept(run.history[k].cost), kept(run.history[k].validation)) for k in chosen)
    return tuple(point if point[2] is not None else point[:2] for point in points)


class Tables:
    """The tables that this process has read, each once; who asks gets columns to give up, and arrays to leave alone."""

    def __init__(self) -> None:
        self.read_already: dict[Any, Table] = {}

    def read(self, files: Files, dialect: Dialect, kinds: Mapping[str, str], others: bool) -> Table:
        """A table, as read_table reads it."""
        state = tuple((stat.st_mtime_ns, stat.st_size) for stat in map(os.stat, files.paths))
        key = (files.paths, state, repr(dialect), tuple(sorted(kinds.items())), others)
        table = self.read_already.get(key)
        if table is None:
            table = read_table(files, dialect, kinds, others)
            for column in table.columns.values():
                (column.codes if isinstance(column, Text) else column).flags.writeable = False
            self.read_already = {key: table} | dict(list(self.read_already.items())[:KEPT])
        return table._replace(columns=dict(table.columns))

    def forget(self) -> None:
        """Give up all."""
        self.read_already.clear()


KEPT = 3  # tables that stay beside the last: training, validation and test of one spec, and a change
tables = Tables()
