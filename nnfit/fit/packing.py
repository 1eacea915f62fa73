"""Several trainings in one array: those of specs that differ only in what members may have of their own.

The members of all of them are rows of one θ, (M, P), so they share every call of NumPy; what is the same for all, the
data prepared, the rows of folds and the linear model, is made once. Each comes out as it would alone, byte for byte,
whatever becomes of the others: one that diverges is an error in its place, one that has stopped is waited for by none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.config.loader import LoadedSpec
from nnfit.config.spec import Initial
from nnfit.core.batches import Examples
from nnfit.core.expansion import Encoded, Expanded
from nnfit.core.network import together
from nnfit.core.optimizers import LBFGS, SGD, AdaGrad, AdamW, Optimizer, RMSprop
from nnfit.core.plan import Member, alike
from nnfit.core.stopping import CHUNK, HeldOut
from nnfit.core.training import Diverged, State, fit_each, refuse_divergence
from nnfit.data.seeds import Purpose
from nnfit.errors import NnfitError, TrainingError
from nnfit.fit import advice, baseline
from nnfit.fit.against_data import refuse_unfit
from nnfit.fit.cross_fitting import PARTS
from nnfit.fit.prepare import NO_FRAMES, Frames, Prepared, prepare
from nnfit.fit.resources import in_parts, units
from nnfit.fit.run import Run, followers, seen
from nnfit.fit.run import epochs as epochs_alone
from nnfit.fit.train import Result, Trainer, begun
from nnfit.progress import phase, tracked
from nnfit.workers import blas

COPIES = 1 << 26  # bytes of rows held out, at most, where trainings look at them together: each has a copy
ROOM = 1 << 28  # bytes, at most, of what trainings in an array have each for itself; one alone may have more
IDLE = 1 / 8  # of the trainings in an array; when more of them have ended, the others go on in a smaller one

Failed = dict[int, TrainingError]


def key(loaded: LoadedSpec) -> Hashable:
    """What specs have in common that may be trained together: all but what a member may have of its own.

    That is the learning rate, the weight decay and the constants of an optimizer (but for β and ε of Adam), l1, l2,
    clip_norm, clip_value, label_smoothing, a dropout that is not 0, the weights before training, and the seed, where
    data.split_seed keeps the rows the same. The file names of output and checkpoint do not count.
    """
    spec = loaded.spec
    training = replace(
        spec.training,
        optimizer=bare(spec.training.optimizer),
        dropout=0.5 if spec.training.dropout else 0.0,
        label_smoothing=0.0,
        l2=0.0,
        l1=0.0,
        clip_norm=None,
        clip_value=None,
        checkpoint=None,
    )
    data = replace(spec.data, split_seed=spec.split_seed)
    network = replace(spec.network, initialization=Initial())
    return replace(spec, data=data, network=network, training=training, seed=0, output=None), str(loaded.folder)


def bare(optimizer: Optimizer) -> Optimizer:
    """The optimizer without what may differ; a momentum or none are not of one kind: they have other slots."""
    match optimizer:
        case SGD(momentum=momentum):
            return replace(optimizer, learning_rate=1.0, momentum=0.5 if momentum else 0.0)
        case RMSprop(momentum=momentum):
            return replace(optimizer, learning_rate=1.0, alpha=0.5, epsilon=1.0, momentum=0.5 if momentum else 0.0)
        case AdaGrad():
            return replace(optimizer, learning_rate=1.0, epsilon=1.0)
        case AdamW():
            return replace(optimizer, learning_rate=1.0, weight_decay=0.0)
        case LBFGS():
            return optimizer
    return replace(optimizer, learning_rate=1.0)


def prepared_as(prepared: Prepared, loaded: LoadedSpec) -> Prepared:
    """The data prepared for one spec, for another with the same key; a SpecError if it asks what the target has not."""
    refuse_unfit(loaded, prepared.target)
    known, spec = prepared.spec, loaded.spec
    data = replace(known.data, split_seed=spec.data.split_seed)
    network = replace(spec.network, input=known.network.input, layers=known.network.layers)
    return prepared._replace(spec=replace(spec, data=data, network=network))


def best_size(prepared: Prepared) -> int:
    """How many trainings are best put together: of more, the arrays of a step have no room near a core.

    Nor have they room in memory, where each has long orders of its rows, or looks at many rows after an epoch.
    """
    spec = prepared.spec
    n, m = prepared.sets["train"].n, spec.training.batch_size
    M = together(prepared.network, n if m == "full" else min(m, n), np.dtype(spec.network.dtype).itemsize)
    return max(1, min(round(M / spec.network.members), ROOM // own(prepared)))


def own(prepared: Prepared) -> int:
    """The bytes that each of several trainings has beside θ: what grows with rows and epochs, and is not shared."""
    spec, network = prepared.spec, prepared.network
    training, M, item = spec.training, spec.network.members, np.dtype(spec.network.dtype).itemsize
    n, validation = prepared.sets["train"].n, prepared.sets.get("validation")
    kept = {"folds": -(-n // M), "bootstrap": n // 2, "none": validation.n if validation else 0}[training.resample]
    outputs = network.N[-1] * item
    order = M * n * 8 * 2  # drawn for each member, and put into one array
    looking = M * (kept * outputs + units(network, forward=True) * in_parts(kept, CHUNK) * item)
    choosing = M * kept * (8 + outputs + (0 if training.resample == "folds" else PARTS * 9))  # whose part, and shares
    history = training.epochs * (M * 16 + 400)  # costs, in arrays of their own
    return order + looking + (choosing if training.early_stopping is not None else 0) + history


def train_together(
    specs: Sequence[LoadedSpec],
    frames: Frames = NO_FRAMES,
    prepared: Prepared | None = None,
    on_epoch: Callable[[int], object] | None = None,
) -> list[Result | NnfitError]:
    """Train specs that have one key; each gives the result that it has alone, or the error.

    `prepared` are the data of a spec with this key, where they have been prepared already. `on_epoch` is called after
    each epoch with its number. Errors of data and spec, too, stand in the list, those of the data in all places.
    """
    started = [*enumerate(begin(specs, frames, blas.blas_threads(), prepared))]
    found: dict[int, Result | NnfitError] = {k: each for k, each in started if not isinstance(each, Trainer)}
    places = [k for k, _ in started if k not in found]
    going = [each for _, each in started if isinstance(each, Trainer)]
    for number, failed in epochs([each.run for each in going]):
        found |= {places[k]: error for k, error in failed.items()}
        if on_epoch is not None:
            on_epoch(number)
    left = [(k, each) for k, each in zip(places, going, strict=True) if k not in found]
    linear = in_common()
    for k, each in tracked(left, "scoring every training"):
        try:
            found[k] = each.result(linear)
        except NnfitError as error:
            found[k] = error
    return [found[k] for k in range(len(specs))]


def begin(
    specs: Sequence[LoadedSpec],
    frames: Frames = NO_FRAMES,
    blas_threads: int = blas.DEFAULT,
    prepared: Prepared | None = None,
) -> list[Trainer | NnfitError]:
    """The trainings of specs that have one key, each before its first epoch, or why there is none."""
    if not specs:
        return []
    try:
        ready = prepare(least(specs), frames) if prepared is None else prepared
    except NnfitError as error:
        return [error for _ in specs]
    found: list[Trainer | NnfitError] = []
    like: Run | None = None
    for loaded in tracked(specs, "starting every training"):
        try:
            trainer = begun(loaded, prepared_as(ready, loaded), blas_threads, like)
        except NnfitError as error:
            found.append(error)
        else:
            like = trainer.run
            found.append(trainer)
    return found


def least(specs: Sequence[LoadedSpec]) -> LoadedSpec:
    """That of specs with one key which the data refuse for the least: a real target has no labels to smooth."""
    return min(specs, key=lambda loaded: loaded.spec.training.label_smoothing)


def in_common() -> Callable[[Run], Any]:
    """The scores of the linear model, which knows nothing of what may differ: of the first run that asks, for all."""
    known: list[Any] = []

    def linear(run: Run) -> Any:
        if not known:
            known.append(baseline.linear(run))
        return known[0]

    return linear


def epochs(runs: Sequence[Run], stop: Sequence[object] = (), until: int | None = None) -> Iterator[tuple[int, Failed]]:
    """Train all, epoch after epoch, from where they are, which is the same epoch; those that have ended stay so.

    The runs are of specs with one key, each started `like` the first. After each epoch its number, and the errors, by
    the places in `runs`, of those that diverged in it. All end after epoch `until`, if one is named, as if they were
    to go on, and before the next step once there is anything in `stop`.
    """
    live = {k: run for k, run in enumerate(runs) if not run.ended}
    if not live:
        return
    if isinstance(runs[0].plan.optimizer, LBFGS):
        yield from one_by_one(live, stop, until)
        return
    plan = runs[0].plan
    with phase("epoch", plan.epochs, next(iter(live.values())).state.epochs) as now:
        while live and not stop:
            array, most = Packed(live), len(live)
            for epoch in fit_each(*array.job, stop):
                failed = array.end_epoch(epoch.number, epoch.cost, live)
                now.reach(epoch.number)
                yield epoch.number, failed
                if epoch.number == until:
                    return
                if len(live) <= (1 - IDLE) * most:
                    break


def one_by_one(live: dict[int, Run], stop: Sequence[object], until: int | None) -> Iterator[tuple[int, Failed]]:
    """Trainings by L-BFGS, whose members share no call."""
    for k, run in live.items():
        number = run.state.epochs
        try:
            for progress in epochs_alone(run, stop):
                number = progress.number
                yield number, {}
                if number == until:
                    break
        except TrainingError as error:
            yield number + 1, {k: error}


class Packed:
    """Trainings in one array, and what is done with each after an epoch; the states of their runs are views of it."""

    def __init__(self, runs: dict[int, Run]) -> None:
        states = [run.state for run in runs.values()]
        self.network = next(iter(runs.values())).prepared.network
        self.state = joined(states)
        ends = [0, *accumulate(len(state.theta) for state in states)]
        self.members = {k: slice(*pair) for k, pair in zip(runs, pairwise(ends), strict=True)}
        for k, run in runs.items():
            run.state = self.state.of(self.members[k])
        first = next(iter(runs.values()))
        members: list[Member] = []
        for run in runs.values():
            members += alike(run.plan, (run.prepared.spec.seed, Purpose.SHUFFLE), len(run.state.theta))
        rows = [own for run in runs.values() for own in run.rows]
        self.job = self.network, self.state, first.prepared.sets["train"].examples, members, rows
        self.held_out = self.looked_at(runs)
        self.after = {k: followers(run, self.seen_of(k, run)) for k, run in runs.items()}

    def looked_at(self, runs: dict[int, Run]) -> list[HeldOut]:
        """The rows held out, of so many trainings at once as copies of them have room; their outputs are one array."""
        first = next(iter(runs.values()))
        examples = first.held_out
        if examples is None:
            return []
        M, K, n = len(self.state.theta), self.network.N[-1], examples.X.shape[-2]
        self.y_hat = np.empty((M, K, n), self.state.theta.dtype)
        used, each = self.state.used, len(first.state.theta)
        size = M
        if examples.Y.ndim == 3:  # rows of its own for each member, the same for each training
            size = each * max(1, int(COPIES // max(1, sum(part.nbytes for part in arrays(examples)))))
        parts = [slice(start, min(M, start + size)) for start in range(0, M, size)]
        copies = {m: repeated(examples, m // each) for m in {part.stop - part.start for part in parts}}
        return [HeldOut(self.network, used[part], copies[part.stop - part.start], self.y_hat[part]) for part in parts]

    def seen_of(self, k: int, run: Run) -> HeldOut | None:
        """The rows held out from the members of one training."""
        if run.held_out is None:
            return None
        return HeldOut(self.network, run.state.used, run.held_out, self.y_hat[self.members[k]])

    def end_epoch(self, number: int, costs: NDArray[np.float64], live: dict[int, Run]) -> Failed:
        """What `run.epochs` does after an epoch, for each that is live; those that end have a state of their own."""
        validations = np.concatenate([each.costs() for each in self.held_out]) if self.held_out else None
        failed: Failed = {}
        sound = bool(np.isfinite(self.state.cost).all() and np.isfinite(self.state.theta).all())
        for k, run in [*live.items()]:
            members = self.members[k]
            run.state.end_epoch(number)
            try:
                if not sound:
                    refuse_divergence(self.network, run.state.theta, run.state.cost, number)
            except Diverged as error:
                failed[k] = advice.diverged(error, run.plan.optimizer)
            else:
                own = None if validations is None else validations[members]
                seen(run, number, costs[members], own, self.after[k])
            if k in failed or run.ended:
                run.state = joined([run.state])
                del live[k]
        return failed


def joined(states: Sequence[State]) -> State:
    """The members of all states, one after the other, in arrays of their own."""
    first = states[0]
    assert all(each.epochs == first.epochs for each in states)
    averages = [each.average for each in states if each.average is not None]
    return State(
        np.concatenate([each.theta for each in states]),
        np.concatenate([each.slots for each in states], axis=1),
        np.concatenate([each.cost for each in states]),
        np.concatenate([each.factor for each in states]),
        np.concatenate([each.steps for each in states]),
        first.epochs,
        np.concatenate(averages) if averages else None,
    )


def arrays(examples: Examples) -> tuple[NDArray[Any], ...]:
    """What examples take memory for."""
    X, Y, w = examples
    return X.kept if isinstance(X, Expanded) else X, Y, w


def repeated(examples: Examples, times: int) -> Examples:
    """Rows that each member of a training has of its own, for so many trainings; of all members, as they are."""
    X, Y, w = examples
    if Y.ndim < 3 or times == 1:
        return examples

    def tiled(values: NDArray[Any]) -> NDArray[Any]:
        return np.tile(values, (times, 1, 1))

    several: Encoded = Expanded(tiled(X.kept), X.beside) if isinstance(X, Expanded) else tiled(X)
    return Examples(several, tiled(Y), tiled(w))
