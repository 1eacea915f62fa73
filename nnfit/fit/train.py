"""Where a training is put together: everything that `nnfit.train`, `nnfit train` and `nnfit verify` do in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.config.loader import LoadedSpec, Overrides, Source, load_spec
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.expansion import means
from nnfit.data.room import using
from nnfit.diagnostics.health import stuck, unbalanced
from nnfit.errors import Problem, UsageError
from nnfit.fit import advice, baseline, checkpoint
from nnfit.fit.aggregates import gathered
from nnfit.fit.examination import examine
from nnfit.fit.prepare import NO_FRAMES, Frames, Prepared, prepare
from nnfit.fit.run import Progress, Run, epochs, start
from nnfit.fit.scores import Scores, prior, score
from nnfit.model.aggregates import SIZE, as_json
from nnfit.model.model import Model, path_of, versions
from nnfit.storage import json_text
from nnfit.words import count, short
from nnfit.workers import blas
from nnfit.workers.threads import MOST, working

if TYPE_CHECKING:
    import pandas as pd

    from nnfit.data.exchange import Frame

Linear = Callable[[Run], Scores | None]

MOST_MEANS = 2000  # inputs whose means are recorded
DIGITS = 21  # of a number in a record, at most as a rule, with its comma
MEAN = 25  # of a mean, which may be next to 0: -1.2345678901234567e-17 and its comma


@dataclass(frozen=True)
class Result:
    """What a training leaves: the model, one row per epoch, the metrics of every set, and warnings as data."""

    model: Model
    columns: Mapping[str, list[Any]] = field(repr=False)  # of the history
    metrics: dict[str, Any]
    warnings: tuple[Problem, ...]

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per epoch: its number, cost and, with rows held out, validation."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    def __repr__(self) -> str:
        rows, doubts = ", ".join(self.metrics), count(len(self.warnings), "warning")
        epochs = count(len(self.columns["epoch"]), "epoch")
        return f"<nnfit.Result: {self.model!r} after {epochs}, metrics of {rows}; {doubts}>"


@dataclass
class Trainer:
    """A training put together: iterate over `epochs`, then ask for the `result`. It prints and writes nothing."""

    loaded: LoadedSpec
    run: Run
    blas_threads: int
    warnings: tuple[Problem, ...]  # those before the first epoch
    ranks: int = 1  # processes that train together

    @property
    def prepared(self) -> Prepared:
        """Everything that was known before the first epoch."""
        return self.run.prepared

    def epochs(self, stop: Sequence[object] = (), division: Division = UNDIVIDED) -> Iterator[Progress]:
        """The epochs, one after the other; they end before the next step once there is anything in `stop`."""
        return epochs(self.run, stop, division=division)

    def check_size(self) -> list[Problem]:
        """An OutputError where no file could hold the model; a warning if it may not hold the costs of all epochs."""
        run, prepared = self.run, self.prepared
        identity = {"versions": versions(), "seed": prepared.spec.seed, "data_sha256": prepared.sha256["train"]}
        before = Model(prepared.spec, run.theta, prepared.features, prepared.target, prepared.dialect, identity)
        inputs = prepared.network.inputs
        means = inputs if inputs <= MOST_MEANS else 0
        room = json_text.MAX_BYTES - before.refuse_too_large() - SIZE - means * MEAN
        numbers = run.plan.epochs * (1 if run.held_out is None else 2)
        if numbers * DIGITS <= room:
            return []
        message = f"the costs of {run.plan.epochs:,} epochs may have no room in the model file, and be left out of it"
        return [Problem("record-cut", message, "--history writes them to a file of their own")]

    def result(self, linear: Linear | None = None) -> Result:
        """The model with its metrics, beside those of the prior and of the linear model, which is trained here."""
        model = replace(finished(self.run, self.blas_threads, linear, self.ranks), home=self.loaded.folder)
        seen = model.aggregates
        found = () if seen is None else stuck(seen.health)
        doubts = (
            *(problem for problem in self.prepared.room.warnings if problem not in self.warnings),
            *advice.placed(self.loaded.document, found, self.prepared.spec.training.optimizer),
            *baseline.doubts(model),
        )
        return Result(model, history_of(self.run.history), model.metrics, (*self.warnings, *doubts))


def begin(
    loaded: LoadedSpec,
    frames: Frames = NO_FRAMES,
    blas_threads: int = blas.DEFAULT,
    resume: Path | None = None,
    ranks: int = 1,
) -> Trainer:
    """A training before its first epoch, or where the checkpoint `resume` says that it stands.

    Model and checkpoint record how many threads matrix products have in this process, `blas_threads`, and of how many
    processes that train together it is one, `ranks`.
    """
    trainer = begun(loaded, prepare(loaded, frames), blas_threads)
    trainer.ranks = ranks
    if resume is not None:
        trainer.run, changed = checkpoint.read(resume, trainer.prepared, blas_threads, ranks)
        trainer.warnings += tuple(changed)
    return trainer


def begun(loaded: LoadedSpec, prepared: Prepared, blas_threads: int, like: Run | None = None) -> Trainer:
    """A training of prepared data before its first epoch; `like` as in `start`."""
    with advice.at_its_key(loaded.document):
        run = start(prepared, like)
    found = unbalanced(examine(prepared, run.state.theta))
    return Trainer(loaded, run, blas_threads, (*prepared.warnings, *advice.placed(loaded.document, found)))


def train(
    spec: Source,
    data: Frame | None = None,
    *,
    validation: Frame | None = None,
    test: Frame | None = None,
    overrides: Overrides | None = None,
    threads: int = 1,
    resume: Path | str | None = None,
    on_epoch: Callable[[Progress], object] | None = None,
) -> Result:
    """Train the network of a spec: all that `nnfit train` does but the screen and the files.

    `spec` is the path of a YAML file, a mapping as YAML gives it, or a Spec; `data`, `validation` and `test` are tables
    (of pandas, polars, pyarrow) in place of the files (or shares) that it names. `overrides` are values by key,
    {"training.epochs": 50}, or a list of KEY=VALUE as of --set. `threads` is how many workers compute; the result is
    the same for any number. `resume` goes on from a checkpoint that `nnfit train` left. `on_epoch` is called after each
    epoch with its `number`, `cost` and `validation`.

        >>> result = train(spec, flowers, overrides={"training.epochs": 5})
        >>> len(result.history), sorted(result.metrics)
        (5, ['test', 'train'])

    The same spec, data, seed, versions and number of threads for matrix products give the same bytes. The last is up
    to the process, which sets OPENBLAS_NUM_THREADS before NumPy is loaded; the model records it. SpecError, DataError,
    ModelFileError (of `resume`) and TrainingError say what is wrong, where, and what would do.
    """
    check_threads(threads)
    if on_epoch is not None and not callable(on_epoch):
        raise UsageError(Problem("usage", f"on_epoch must be a function of an epoch, not {type(on_epoch).__name__}"))
    frames = {"train": data, "validation": validation, "test": test}
    given = {name: frame for name, frame in frames.items() if frame is not None}
    loaded = load_spec(spec, () if overrides is None else overrides, given)
    return trained(loaded, given, threads, None if resume is None else path_of(resume, "resume"), on_epoch)


def check_threads(threads: Any) -> None:
    """A UsageError for what is no number of workers."""
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= MOST:
        message = f"threads must be a whole number from 1 to {MOST:,}, not {short(repr(threads))}"
        raise UsageError(Problem("usage", message))


def trained(
    loaded: LoadedSpec,
    frames: Frames,
    threads: int = 1,
    resume: Path | None = None,
    on_epoch: Callable[[Progress], object] | None = None,
) -> Result:
    """What `train` does of a spec that is loaded."""
    with working(threads):
        trainer = begin(loaded, frames, blas.blas_threads(), resume)
        for epoch in trainer.epochs():
            if on_epoch is not None:
                on_epoch(epoch)
        return trainer.result()


def finished(run: Run, blas_threads: int, linear: Linear | None = None, ranks: int = 1) -> Model:
    """The model of a run, with the record of its training, in which what is not finite is null.

    `linear` gives the scores of the linear model, where it is not to be solved here.
    """
    prepared = run.prepared
    # An output or a cost beyond all numbers is told by that null.
    with np.errstate(all="ignore"), using(prepared.empty):
        found, less = score(run), (linear or baseline.linear)(run)
        seen = gathered(run, found, examine(prepared, run.theta))
        compared = baseline.compared(prepared, found, less)
    spec, history = prepared.spec, history_of(run.history)
    record: dict[str, Any] = {
        "rows": found.rows,
        "metrics": found.metrics,
        "prior": prior(prepared, spec.training.weighted_metrics).tolist(),
        **input_mean(prepared),
        "trivial": found.of_prior,
        "linear": {} if less is None else less.metrics,
        "compared": compared,
        "history": {"cost": history["cost"], "validation": history.get("validation", [])},
        "aggregates": None if seen is None else as_json(seen, found.target),
        "best_epochs": [] if run.best is None else run.best.watch.epoch.tolist(),
        "versions": versions(),
        "blas_threads": blas_threads,
        **({"ranks": ranks} if ranks > 1 else {}),
        "seed": spec.seed,
        "data_sha256": prepared.sha256["train"],
        "sha256": prepared.sha256,
        **({"files": prepared.matched} if prepared.matched else {}),
    }
    return Model(spec, run.theta, prepared.features, found.target, prepared.dialect, json_text.tidy(record))


def input_mean(prepared: Prepared) -> dict[str, list[float]]:
    """The mean of every encoded input over the training rows, each counted once, from which a prediction is explained.

    Of very many inputs there is none, nor where numbers are so large that their sum is none.
    """
    if prepared.network.inputs > MOST_MEANS:
        return {}
    with np.errstate(over="ignore", invalid="ignore"):
        mean = means(prepared.sets["train"].examples.X)
    return {"input_mean": mean.tolist()} if np.isfinite(mean).all() else {}


def history_of(history: Sequence[Progress]) -> Mapping[str, list[Any]]:
    """The epochs as columns: number, cost and, with rows held out, validation; of several members each cost as well."""
    members = len(history[0].costs) if history else 1
    columns: dict[str, list[Any]] = {
        "epoch": [epoch.number for epoch in history],
        "cost": [epoch.cost for epoch in history],
    }
    if history and history[0].validations is not None:
        columns["validation"] = [epoch.validation for epoch in history]
    for k in range(members if members > 1 else 0):
        columns[f"cost_{k + 1}"] = [float(epoch.costs[k]) for epoch in history]
    return columns
