"""Training: one gradient and one update for each minibatch, epoch after epoch.

`fit` is a generator: what happens between epochs (the screen, validation, stopping) is ordinary code around a
`for`. It never prints and never opens a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.averaging import EMA, NO_AVERAGE, SWA, Average, NoAverage
from nnfit.core.batches import Examples, Rows, Streams, minibatches, shuffled
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass, views
from nnfit.core.optimizers import LBFGS, GradientOptimizer, Optimizer, Rate, Rates
from nnfit.core.parameter import Array
from nnfit.core.schedules import CONSTANT, Constant, Plateau, Schedule, factor

BLOCK = 131_072  # parameters an optimizer updates at once, so that its scratch array stays small

Gradient = Callable[[Array, Array, Array], Array]  # (x, y, s) → C; ∂C/∂θ is left in the gradient


class Diverged(Exception):  # noqa: N818
    """Training left the finite numbers in this epoch: in Θ of this layer (1 … L), or, without one, in the cost."""

    def __init__(self, epoch: int, layer: int | None) -> None:
        self.epoch, self.layer = epoch, layer
        super().__init__(epoch, layer)


class Epoch(NamedTuple):
    """One pass over the training rows: its number, from 1, and the training cost C of each member, (M,).

    The cost is the mean over the epoch's minibatches (for rss the sum), each taken before its update.
    """

    number: int
    cost: Array


class Plan(NamedTuple):
    """How θ is trained: for how long, in which steps, and what is done to the gradient on the way.

    The penalties l2 and l1, on weights and never on biases, add λ θ and λ sign θ to the gradient, those of
    λ/2 Σ θ² and λ Σ |θ|. `clip_value` bounds each of its entries, `clip_norm` its length for each member.
    """

    epochs: int
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule = CONSTANT
    average: Average = NO_AVERAGE
    dropout: float = 0.0
    l2: float = 0.0
    l1: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None


@dataclass
class State:
    """Everything that training changes, and so all of it that a checkpoint has to hold.

    θ (M, P) and its average; the optimizer's memory, slots (S, M, P); how many epochs are complete, how many steps of
    the next one are done, and how many updates in all; and the cost summed over the steps of that epoch, (M,).
    """

    theta: Array
    slots: Array
    cost: NDArray[np.float64]
    factor: NDArray[np.float64]  # on each member's learning rate, (M,), from a schedule that follows its cost
    epochs: int = 0
    steps: int = 0
    updates: int = 0
    average: Array | None = None  # of the weights so far, (M, P), where the plan asks for one

    @property
    def used(self) -> Array:
        """The weights that are watched and kept: θ itself, or its average."""
        return self.theta if self.average is None else self.average


def begin(theta: Array, optimizer: Optimizer, average: Average = NO_AVERAGE) -> State:
    """The state before the first update; it keeps θ (M, P) itself, not a copy."""
    slots = np.zeros((optimizer.slots, *theta.shape), theta.dtype)
    averaged = None if isinstance(average, NoAverage) else theta.copy()
    return State(theta, slots, np.zeros(len(theta)), np.ones(len(theta)), average=averaged)


class Update:
    """One optimizer on all of θ, block by block; `slots` (S, M, P) is its memory, `decays` as `decaying` gives it.

    `rates` is the shape of the learning rate η: () for one number, (M, 1) for one of each member.
    """

    def __init__(
        self,
        theta: Array,
        gradient: Array,
        slots: Array,
        decays: Array,
        optimizer: GradientOptimizer,
        rates: Rates = (),
    ) -> None:
        self.rule = optimizer.rule(theta.dtype, rates)
        M, P = theta.shape
        width = min(max(1, BLOCK // M), P)
        scratch = np.empty((M, width), theta.dtype)
        self.blocks = []
        for start in range(0, P, width):
            part = slice(start, start + width)
            block = theta[:, part]
            room = scratch[:, : block.shape[1]]
            self.blocks.append((block, gradient[:, part], list(slots[:, :, part]), room, decays[part]))

    def __call__(self, t: int, eta: Rate) -> None:
        for theta, gradient, slots, scratch, decays in self.blocks:
            self.rule(theta, gradient, slots, scratch, decays, t, eta)


def decaying(network: Network, dtype: np.dtype[Any]) -> Array:
    """1 for every weight of θ and 0 for every bias, (P,)."""
    decays: Array = np.ones(network.P, dtype)
    for Theta in views(network, decays[None]):
        Theta[:, :, 0] = 0
    return decays


def fit(
    network: Network,
    state: State,
    examples: Examples,
    plan: Plan,
    seeds: Sequence[int],
    rows: Sequence[Rows] = (),
    stop: Sequence[object] = (),
    only: int | None = None,
) -> Iterator[Epoch]:
    """Train from a state, in place, up to the plan's epochs, yielding after each.

    With `rows`, one array of row numbers for each member, every member learns from its own. What is drawn in epoch e
    comes from streams of its own, of default_rng([*seeds, e, …]), so a state says all that is needed to go on, and a
    member is the same with others and alone: the state of one member is trained as number `only` of those of `rows`.
    Before each step `stop` is looked at: as soon as there is anything in it, training ends. The peak of memory is the
    examples, the gradient, the optimizer's slots and the buffers of one batch. A cost or a weight that is not finite
    raises Diverged.
    """
    optimizer = plan.optimizer
    assert not isinstance(optimizer, LBFGS)  # lbfgs.py, which needs more than a gradient
    theta, C = state.theta, state.cost
    n = min(map(len, rows)) if rows else len(examples.X)
    members = range(len(theta))
    if only is not None:
        members, rows = range(only, only + 1), rows[only : only + 1]
    orders, masks = Streams(members if rows else [0]), Streams(members)
    m = min(plan.batch_size, n)
    per_epoch = -(-n // m)
    mean = LOSSES[network.loss].mean
    gradient = np.empty_like(theta)
    passes = {size: Pass(network, theta, size, gradient, plan.dropout) for size in {m, n % m or m}}
    gradients = {size: gradient_of(run, size / m if mean else 1.0, plan.dropout, masks) for size, run in passes.items()}
    penalised = plan.l2 or plan.l1 or hasattr(optimizer, "weight_decay")
    decays = decaying(network, theta.dtype) if penalised else np.empty(0, theta.dtype)
    shaping = shapers(theta, gradient, decays, plan)
    rates = (len(theta), 1) if isinstance(plan.schedule, Plateau) and len(theta) > 1 else ()
    update = Update(theta, gradient, state.slots, decays, optimizer, rates)
    after_update, after_epoch = averagers(state, gradient, plan)
    for number in range(state.epochs + 1, plan.epochs + 1):
        orders.restart([*seeds, number, 0])
        order = shuffled(n, m, rows, orders)
        if plan.dropout:
            masks.restart([*seeds, number, 1])
            for _ in range(state.steps):  # those of a run that was stopped; only the last may be smaller
                passes[m].draw(masks.generators)
        eta = learning_rate(optimizer.learning_rate, plan, plan.epochs * per_epoch, state, rates)
        t = state.updates
        # An overflow on the way to divergence is reported once, below.
        with np.errstate(all="ignore"):
            for x, y, s in minibatches(examples, m, mean, order, state.steps):
                if stop:
                    break
                C += gradients[x.shape[-2]](x, y, s)
                for shape in shaping:
                    shape()
                rate, t = eta(t), t + 1
                update(t, rate)
                for average in after_update:
                    average(t)
        state.steps += t - state.updates
        state.updates = t
        if state.steps < per_epoch:
            return
        refuse_divergence(network, theta, C, number)
        for average in after_epoch:
            average(number)
        epoch = Epoch(number, C * (m / n) if mean else C.copy())
        state.epochs, state.steps = number, 0
        C.fill(0)
        yield epoch


def gradient_of(run: Pass, share: float, dropout: float, masks: Streams) -> Gradient:
    """C of a batch, as a share of that of a whole batch; before it, each member draws the units it leaves out."""
    found: Gradient = run.gradient_of_cost
    if dropout:

        def dropped(x: Array, y: Array, s: Array) -> Array:
            run.draw(masks.generators)
            return run.gradient_of_cost(x, y, s)

        found = dropped
    if share == 1:
        return found
    return lambda x, y, s: found(x, y, s) * share


def learning_rate(base: float, plan: Plan, updates: int, state: State, rates: Rates) -> Callable[[int], Rate]:
    """η after t of so many updates: a number, or (M, 1) as `rates` says, from the schedule and each member's factor."""
    highest: Rate = base * state.factor[:, None] if rates else base * float(state.factor[0])
    if isinstance(plan.schedule, Constant | Plateau) and not plan.schedule.warmup:
        return lambda t: highest
    return lambda t: highest * factor(plan.schedule, t / updates)


def shapers(theta: Array, gradient: Array, decays: Array, plan: Plan) -> list[Callable[[], object]]:
    """What is done to the gradient before the update, in place: penalties first, then clipping."""
    found: list[Callable[[], object]] = []
    if plan.l2:
        weights = decays * theta.dtype.type(plan.l2)
        found.append(lambda: np.add(gradient, weights * theta, gradient))
    if plan.l1:
        sizes = decays * theta.dtype.type(plan.l1)
        found.append(lambda: np.add(gradient, sizes * np.sign(theta), gradient))
    if plan.clip_value is not None:
        bound = theta.dtype.type(plan.clip_value)
        found.append(lambda: np.clip(gradient, -bound, bound, gradient))
    if plan.clip_norm is not None:
        longest = theta.dtype.type(plan.clip_norm)

        def shorten() -> None:
            length = np.sqrt(np.vecdot(gradient, gradient))[:, None]
            np.multiply(gradient, np.minimum(1, longest / np.maximum(length, longest)), gradient)

        found.append(shorten)
    return found


def averagers(
    state: State, scratch: Array, plan: Plan
) -> tuple[list[Callable[[int], object]], list[Callable[[int], object]]]:
    """What moves the average of the weights after update t, and after epoch e; nothing without an average."""
    average, theta, kind = state.used, state.theta, plan.average
    after_update: list[Callable[[int], object]] = []
    after_epoch: list[Callable[[int], object]] = []
    if isinstance(kind, EMA):
        after_update.append(lambda t: kind.after_update(average, theta, scratch, t))
    if isinstance(kind, SWA):
        after_epoch.append(lambda number: kind.after_epoch(average, theta, number, plan.epochs))
    return after_update, after_epoch


def refuse_divergence(network: Network, theta: Array, C: Array, epoch: int) -> None:
    """Raise Diverged if a weight or a cost is not finite."""
    if np.isfinite(C).all() and np.isfinite(theta).all():
        return
    layers = [i for i, Theta in enumerate(views(network, theta), 1) if not np.isfinite(Theta).all()]
    raise Diverged(epoch, layers[0] if layers else None)
