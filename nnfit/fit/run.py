"""Training a prepared network: θ at the start, the epochs, and the model with its metrics at the end.

Nothing here prints: the caller iterates over `epochs` and shows what it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfit.config.loader import LoadedSpec
from nnfit.core import lbfgs
from nnfit.core.batches import Examples, Rows, gather
from nnfit.core.initialization import initialize
from nnfit.core.network import views
from nnfit.core.parameter import Array
from nnfit.core.schedules import Plateau, after_epoch, plateau
from nnfit.core.stopping import Best, Meter, keep, nothing_yet
from nnfit.core.training import Plan, State, begin, fit
from nnfit.data.split import folds
from nnfit.diagnostics import health
from nnfit.diagnostics.gradcheck import GradientCheck, check_gradient
from nnfit.diagnostics.health import Doubt, Health
from nnfit.errors import DataError, Problem, SpecError, TrainingError
from nnfit.fit import baseline
from nnfit.fit.prepare import Prepared, Stream
from nnfit.fit.scores import measure, prior, weights
from nnfit.model.model import Model, versions
from nnfit.scoring.evaluation import Metrics
from nnfit.scoring.watched import Monitor


class Progress(NamedTuple):
    """One epoch: its number, the training cost and that of the validation rows, if there are any; each (M,)."""

    number: int
    cost: Array
    validation: Array | None


def initial(prepared: Prepared) -> Array:
    """θ before training; member k draws from a stream of its own. A SpecError if a weight is not finite."""
    keys = prepared.spec["network"]
    generators = [np.random.default_rng([prepared.spec["seed"], Stream.INITIAL, k]) for k in range(keys["members"])]
    scheme = dict(keys["initialization"]["weights"])
    with np.errstate(over="ignore", invalid="ignore"):
        theta = initialize(
            prepared.network,
            keys["members"],
            keys["dtype"],
            generators,
            scheme.pop("name"),
            scheme,
            keys["initialization"]["bias"],
        )
        views(prepared.network, theta)[-1][:, :, 1:] *= keys["initialization"]["output_gain"]
    if not np.isfinite(theta).all():
        message = f"gives weights beyond what {keys['dtype']} can hold; give smaller numbers"
        raise SpecError(f"network.initialization: {message}")
    return theta


@dataclass
class Run:
    """A training under way: what each member learns from, how far it is, and its history."""

    prepared: Prepared
    plan: Plan
    rows: tuple[Rows, ...]  # of each member, where each has its own
    kept: tuple[Rows, ...]  # from each member, then
    held_out: Examples | None  # rows that are looked at after every epoch, and not learnt from
    state: State
    best: Best | None
    plateau: Plateau
    history: list[Progress] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state.epochs >= self.plan.epochs or (self.best is not None and bool(self.best.stopped.all()))

    @property
    def theta(self) -> Array:
        """The weights as they are to be used: with early stopping the best of each member."""
        return self.state.used if self.best is None else self.best.theta


def start(prepared: Prepared) -> Run:
    """A training before its first epoch."""
    plan = planned(prepared)
    state = begin(initial(prepared), plan.optimizer, plan.parameters, plan.average != "none")
    rows, kept = resampled(prepared)
    training = prepared.parts["train"].examples
    held_out = None
    if rows:
        held_out = padded(training, kept)
    elif "validation" in prepared.parts:
        held_out = prepared.parts["validation"].examples
    best = nothing_yet(state.theta) if prepared.spec["training"]["early_stopping"] else None
    return Run(prepared, plan, rows, kept, held_out, state, best, plateau(len(state.theta)))


def planned(prepared: Prepared) -> Plan:
    """How θ is trained, as the spec says it."""
    keys = prepared.spec["training"]
    optimizer, schedule, average = dict(keys["optimizer"]), dict(keys["schedule"]), dict(keys["average"])
    n = prepared.parts["train"].n
    return Plan(
        keys["epochs"],
        n if keys["batch_size"] == "full" else keys["batch_size"],
        optimizer.pop("name"),
        optimizer,
        schedule.pop("name"),
        schedule,
        **{key: keys[key] for key in ("dropout", "l2", "l1", "clip_norm", "clip_value")},
        average=average.pop("name"),
        average_parameters=average,
    )


def resampled(prepared: Prepared) -> tuple[tuple[Rows, ...], tuple[Rows, ...]]:
    """The training rows that each member learns from, and those it does not; nothing where all learn from all."""
    kind, M = prepared.spec["training"]["resample"], prepared.spec["network"]["members"]
    part, n = prepared.parts["train"], prepared.parts["train"].n
    if kind == "none":
        return (), ()
    if n < M:
        raise DataError(f"{n} training rows are too few for {M} members with rows of their own; lower network.members")
    rng = np.random.default_rng([prepared.spec["seed"], Stream.RESAMPLE])
    everything = np.arange(n)
    if kind == "folds":
        truth = part.truth if part.truth.ndim == 1 else np.unique(part.truth, axis=0, return_inverse=True)[1]
        fold = folds(truth.reshape(-1), M, rng)
        return tuple(everything[fold != k] for k in range(M)), tuple(everything[fold == k] for k in range(M))
    drawn: list[Rows] = []
    while len(drawn) < M:
        own = np.sort(rng.integers(n, size=n))
        if len(np.unique(own)) < n or n == 1:  # of very few rows, chance might leave none
            drawn.append(own)
    return tuple(drawn), tuple(np.setdiff1d(everything, own) for own in drawn)


def padded(examples: Examples, kept: tuple[Rows, ...]) -> Examples:
    """The rows kept from each member, side by side; shorter lists are filled up with rows of weight 0."""
    longest = max(map(len, kept))
    index = np.array([np.resize(rows, longest) for rows in kept])
    found = gather(examples, index)
    for w, rows in zip(found.w, kept, strict=True):
        w[:, len(rows) :] = 0
        if not w.sum():
            raise DataError("the example weights are 0 in all the rows that are kept from a member; use fewer members")
    return found


def smoothed(prepared: Prepared) -> Examples:
    """The training examples, with the classes' outputs a share ε nearer to each other: y ← (1 − ε) y + ε / K."""
    examples, share = prepared.parts["train"].examples, prepared.spec["training"]["label_smoothing"]
    if not share or not prepared.target.classes:
        return examples
    target = prepared.target
    middle = 1 / target.outputs if target.task == "multinomial" else (1 + target.low) / 2
    return examples._replace(Y=((1 - share) * examples.Y + share * middle).astype(examples.Y.dtype))


def steps(run: Run) -> int:
    """Updates per epoch; the last may be of fewer examples."""
    n = min(map(len, run.rows)) if run.rows else run.prepared.parts["train"].n
    return -(-n // min(n, run.plan.batch_size))


def epochs(run: Run, stop: Sequence[object] = ()) -> Iterator[Progress]:
    """Train epoch after epoch, from where the run is; it ends before the next step once there is anything in `stop`."""
    prepared, state = run.prepared, run.state
    seeds = prepared.spec["seed"], Stream.SHUFFLE
    meter = None if run.held_out is None else Meter(prepared.network, state.used, run.held_out)
    patience = dict(prepared.spec["training"]["early_stopping"] or {})
    watched = patience.pop("monitor", "loss")
    monitor = None if meter is None or watched == "loss" else monitor_of(run, meter, watched)
    if run.ended:
        return
    examples = smoothed(prepared)
    if run.plan.optimizer == "lbfgs":
        steps = lbfgs.fit(prepared.network, state, examples, run.plan, run.rows, stop)
    else:
        steps = fit(prepared.network, state, examples, run.plan, seeds, run.rows, stop)
    for epoch in steps:
        held_out = None if meter is None else meter()
        run.history.append(Progress(epoch.number, epoch.cost, held_out))
        if held_out is not None and run.best is not None:
            cost = held_out if monitor is None else monitor()
            keep(run.best, state.used, cost, epoch.number, state.updates, **patience)
        if held_out is not None and run.plan.schedule == "plateau":
            run.plateau = after_epoch(run.plateau, held_out, run.plan.schedule_parameters)
            state.factor[:] = run.plateau.factor
        yield run.history[-1]
        if run.ended:
            return


def monitor_of(run: Run, meter: Meter, metric: str) -> Monitor:
    """A metric of each member on the rows that the meter holds for it."""
    prepared = run.prepared
    part = prepared.parts["train" if run.kept else "validation"]
    w = weights(part) if prepared.spec["training"]["weighted_metrics"] else None
    members = run.kept or [np.arange(part.n)] * len(run.state.theta)
    rows = [(part.truth[own], None if w is None else w[own]) for own in members]
    return Monitor(meter, prepared.target, metric, rows)


def finish(run: Run, threads: int, stop: Sequence[object] = ()) -> Model:
    """The model, with its metrics on every set beside those of the trivial predictor and of the linear model.

    The linear model is trained here; with anything in `stop` that ends early, and the model is not to be used.
    """
    prepared = run.prepared
    found = measure(prepared, run.theta, run.kept)
    record = {
        "rows": found.rows,
        "metrics": found.metrics,
        "prior": prior(prepared, prepared.spec["training"]["weighted_metrics"]).tolist(),
        "trivial": found.trivial,
        "linear": linear(prepared, stop),
        "history": {
            "cost": [float(epoch.cost.mean()) for epoch in run.history],
            "validation": [float(epoch.validation.mean()) for epoch in run.history if epoch.validation is not None],
        },
        "best_epochs": [] if run.best is None else run.best.epoch.tolist(),
        "versions": versions(),
        "threads": threads,
        "seed": prepared.spec["seed"],
        "data_sha256": prepared.sha256["train"],
    }
    return Model(prepared.spec, run.theta, prepared.features, found.target, prepared.dialect, record)


def linear(prepared: Prepared, stop: Sequence[object] = ()) -> dict[str, Metrics]:
    """The metrics of the same spec without hidden layers, on every set; nothing if there is no such or it diverges."""
    reduced = baseline.linear(prepared)
    if reduced is None:
        return {}
    run = start(reduced)
    try:
        for _ in epochs(run, stop):
            pass
    except TrainingError:
        return {}
    return measure(reduced, run.theta, run.kept).metrics


def train(prepared: Prepared, threads: int) -> Model:
    """The model of a prepared spec, trained from the beginning to the end."""
    run = start(prepared)
    for _ in epochs(run):
        pass
    return finish(run, threads)


def gradient_check(prepared: Prepared) -> GradientCheck:
    """The gradients of this network, at its initial weights, on its own training rows."""
    few, rng = some(prepared, 32)
    return check_gradient(prepared.network, initial(prepared), few, rng)


def some(prepared: Prepared, most: int) -> tuple[Examples, np.random.Generator]:
    """Training rows to look at, always the same ones, and the generator that drew them."""
    rng = np.random.default_rng([prepared.spec["seed"], Stream.CHECK])
    X, Y, w = prepared.parts["train"].examples
    rows = rng.permutation(len(X))[:most]
    return Examples(X[rows], np.ascontiguousarray(Y[:, rows]), np.ascontiguousarray(w[:, :, rows])), rng


def examine(prepared: Prepared, theta: Array) -> Health:
    """The health of the network with these weights, on some of its training rows."""
    return health.examine(prepared.network, theta, some(prepared, health.ROWS)[0])


def placed(loaded: LoadedSpec, doubts: Iterable[Doubt]) -> list[Problem]:
    """Doubts about layers, at the place of the layer in the spec."""
    return [
        loaded.document.problem(("network", "layers", number - 2), f"layer {number}: {text}") for number, text in doubts
    ]


def output_path(loaded: LoadedSpec, spec_path: Path, option: Path | None) -> Path:
    """Where the model goes: the option, else the spec's `output`, else beside the spec with the ending .npz."""
    if option is not None:
        return option
    return loaded.folder / loaded.spec.output if loaded.spec.output else spec_path.with_suffix(".npz")


def checkpoint_path(loaded: LoadedSpec, model: Path) -> Path:
    """Where the checkpoint goes: as the spec says, else beside the model with the ending .checkpoint.npz."""
    keys = loaded.spec.training.checkpoint
    if keys is not None and keys.path is not None:
        return loaded.folder / keys.path
    return model.with_name(model.name.removesuffix(".npz") + ".checkpoint.npz")
