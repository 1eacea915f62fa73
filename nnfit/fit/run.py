"""A training under way: θ at the start, and epoch after epoch what is watched, kept, and lowered on a plateau.

Nothing here prints: the caller iterates over `epochs` and shows what it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.batches import Examples, Rows
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.initialization import fit_to_rows, initialize
from nnfit.core.network import views
from nnfit.core.parameter import Array
from nnfit.core.plan import Plan
from nnfit.core.schedules import Plateau, Stage, after_epoch, first_stage
from nnfit.core.stopping import Best, HeldOut, Rule, nothing_seen
from nnfit.core.training import Diverged, State, begin
from nnfit.data.seeds import Purpose, generator
from nnfit.data.target import Target
from nnfit.errors import Place, Problem, SpecError
from nnfit.fit.advice import diverged
from nnfit.fit.cross_fitting import CrossFitted, before_training, of_others, watched_metric
from nnfit.fit.prepare import Prepared
from nnfit.fit.resampling import padded, resampled
from nnfit.fit.share import Job, learn_all
from nnfit.progress import phase


class Progress(NamedTuple):
    """One epoch: its number, and of each member (M,) the training cost and, with rows held out, the cost on those."""

    number: int
    costs: Array
    validations: Array | None

    @property
    def cost(self) -> float:
        """The training cost, the mean over the members."""
        return float(self.costs.mean())

    @property
    def validation(self) -> float | None:
        """The cost on rows that are held out, the mean over the members; None if there are no such rows."""
        return None if self.validations is None else float(self.validations.mean())


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
    cross_fitted: CrossFitted | None  # with early stopping, what the rows held out are scored by
    stage: Stage
    history: list[Progress] = field(default_factory=list)
    over: bool = False  # no member moves any more

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        stopped = self.best is not None and bool(self.best.watch.stopped.all())
        return self.over or stopped or self.state.epochs >= self.plan.epochs

    @property
    def theta(self) -> Array:
        """The weights as they are to be used: with early stopping the best of each member."""
        return self.state.used if self.best is None else self.best.theta

    @property
    def steps(self) -> int:
        """Updates per epoch; the last may be of fewer examples."""
        n = min(map(len, self.rows)) if self.rows else self.prepared.sets["train"].n
        return -(-n // min(n, self.plan.batch_size))

    @property
    def updates(self) -> int:
        """Updates of every member in the epochs that are complete."""
        return self.state.epochs * self.steps


@phase("starting the training")
def start(prepared: Prepared, like: Run | None = None) -> Run:
    """A training before its first epoch; its rows are those of another, where that has the same data and splits."""
    plan = planned(prepared)
    rows, kept, held_out = rows_of(prepared) if like is None else (like.rows, like.kept, like.held_out)
    state = begin(initial(prepared, rows), plan.optimizer, plan.average)
    best = cross_fitted = None
    stopping = prepared.spec.training.early_stopping
    if stopping and held_out is not None:
        best = Best(state.theta.copy(), nothing_seen(len(state.theta)))
        looked_at = HeldOut(prepared.network, state.used, held_out)
        cross_fitted = before_training(prepared, kept, looked_at)
        if stopping.monitor != "loss":  # whether the rows have the metric is known before the first epoch
            watched_metric(prepared, kept, stopping.monitor, len(state.theta)).everywhere(looked_at.y_hat)
    return Run(prepared, plan, rows, kept, held_out, state, best, cross_fitted, first_stage(len(state.theta)))


def rows_of(prepared: Prepared) -> tuple[tuple[Rows, ...], tuple[Rows, ...], Examples | None]:
    """What each member learns from, what is kept from it, and the rows that are looked at after every epoch."""
    rows, kept = resampled(prepared)
    if rows:
        return rows, kept, padded(prepared.sets["train"].examples, kept, prepared.empty)
    return rows, kept, prepared.sets["validation"].examples if "validation" in prepared.sets else None


def initial(prepared: Prepared, rows: Sequence[Rows] = ()) -> Array:
    """θ before training; member k draws from a stream of its own, and may look at its `rows`, else at all.

    A SpecError if a weight is not finite.
    """
    network = prepared.spec.network
    keys = network.initialization
    generators = [generator(prepared.spec.seed, Purpose.INITIAL, k) for k in range(network.members)]
    with np.errstate(over="ignore", invalid="ignore"):
        theta = initialize(prepared.network, network.members, network.dtype, generators, keys.weights, keys.bias)
        if keys.data_driven:
            fit_to_rows(prepared.network, theta, prepared.sets["train"].examples.X, rows, generators)
        views(prepared.network, theta)[-1][:, :, 1:] *= keys.output_gain
    if not np.isfinite(theta).all():
        message, place = f"gives weights beyond what {network.dtype} can hold", Place(key="network.initialization")
        remedy = "give smaller numbers" + ", or no data_driven" * keys.data_driven
        raise SpecError(Problem("overflow", message, remedy, place))
    return theta


def planned(prepared: Prepared) -> Plan:
    """How θ is trained, as the spec says it."""
    keys = prepared.spec.training
    return Plan(
        keys.epochs,
        prepared.sets["train"].n if keys.batch_size == "full" else keys.batch_size,
        keys.optimizer,
        keys.schedule,
        keys.average,
        keys.dropout,
        keys.l2,
        keys.l1,
        keys.clip_norm,
        keys.clip_value,
        keys.label_smoothing,
        middle(prepared.target),
    )


def middle(target: Target) -> float:
    """What the outputs of all classes are between: 1 / K where they sum to one."""
    return 1 / target.outputs if target.task == "multinomial" else (1 + target.low) / 2


def epochs(
    run: Run, stop: Sequence[object] = (), name: str = "epoch", division: Division = UNDIVIDED
) -> Iterator[Progress]:
    """Train epoch after epoch, from where the run is; it ends before the next step once there is anything in `stop`.

    `name` is that of the phase. Of a `division` this process takes its part of the rows of every batch, and does all
    else as the others. A TrainingError where training diverges.
    """
    if run.ended:
        return
    prepared, state = run.prepared, run.state
    held_out = None
    if run.held_out is not None:
        held_out = HeldOut(prepared.network, state.used, run.held_out, division=division)
    after = followers(run, held_out)
    seeds = prepared.spec.seed, Purpose.SHUFFLE
    examples = prepared.sets["train"].examples
    job = Job(prepared.network, state, examples, run.plan, seeds, run.rows, held_out, division)
    try:
        with phase(name, run.plan.epochs, state.epochs) as now:
            for costs, validations, over in learn_all(job, stop):
                if over:
                    run.over = True
                    return
                number = state.epochs + 1
                state.end_epoch(number)
                seen(run, number, costs, validations, after)
                now.reach(number)
                yield run.history[-1]
                if run.ended:
                    return
    except Diverged as error:
        raise diverged(error, run.plan.optimizer) from None


Follow = Callable[[int, NDArray[np.float64]], None]


def seen(run: Run, number: int, costs: Array, validations: NDArray[np.float64] | None, after: Sequence[Follow]) -> None:
    """Keep the costs of an epoch, and do what comes `after` it with those on the rows held out, if there are any."""
    run.history.append(Progress(number, costs, validations))
    if validations is not None:
        for follow in after:
            follow(number, validations)


def followers(run: Run, held_out: HeldOut | None) -> list[Follow]:
    """What is done after an epoch with the costs (M,) on the rows held out: keep the best, lower the rate."""
    found: list[Follow] = []
    stopping, schedule = run.prepared.spec.training.early_stopping, run.plan.schedule
    best, cross_fitted = run.best, run.cross_fitted
    if held_out is not None and stopping is not None and best is not None and cross_fitted is not None:
        watched = None
        if stopping.monitor != "loss":
            watched = watched_metric(run.prepared, run.kept, stopping.monitor, len(run.state.theta))
        others = of_others(run.prepared, run.kept, held_out, cross_fitted.part, stopping.monitor)
        rule = Rule(stopping.patience, stopping.min_delta, stopping.min_updates)

        def keep_best(number: int, costs: NDArray[np.float64]) -> None:
            seen = costs if watched is None else watched.everywhere(held_out.y_hat)
            cross_fitted.keep(held_out.y_hat, others(seen), number, run.updates, rule)
            best.keep(run.state.used, seen, number, run.updates, rule)

        found.append(keep_best)
    if isinstance(schedule, Plateau):

        def lower(number: int, costs: NDArray[np.float64]) -> None:
            run.stage = after_epoch(run.stage, costs, schedule)
            run.state.factor[:] = run.stage.factor

        found.append(lower)
    return found
