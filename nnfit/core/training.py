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

from nnfit.core import averaging
from nnfit.core.batches import Examples, Rows, Streams, minibatches, shuffled
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass, views
from nnfit.core.optimizers import OPTIMIZERS, Rate, Rates
from nnfit.core.parameter import Array
from nnfit.core.schedules import SCHEDULES, factor
from nnfit.errors import TrainingError

BLOCK = 131_072  # parameters an optimizer updates at once, so that its scratch array stays small


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
    optimizer: str
    parameters: dict[str, Any]
    schedule: str = "constant"
    schedule_parameters: dict[str, Any] = {"warmup": 0.0}
    dropout: float = 0.0
    l2: float = 0.0
    l1: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    average: str = "none"
    average_parameters: dict[str, Any] = {}


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


def begin(theta: Array, optimizer: str, parameters: dict[str, Any], averaged: bool = False) -> State:
    """The state before the first update; it keeps θ (M, P) itself, not a copy."""
    slots = np.zeros((OPTIMIZERS[optimizer].slots(parameters), *theta.shape), theta.dtype)
    return State(theta, slots, np.zeros(len(theta)), np.ones(len(theta)), average=theta.copy() if averaged else None)


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
        optimizer: str,
        parameters: dict[str, Any],
        rates: Rates = (),
    ) -> None:
        make = OPTIMIZERS[optimizer].rule
        assert make is not None
        self.rule = make(parameters, theta.dtype, rates)
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
    raises a TrainingError that says where, and what to try.
    """
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
    penalised = "weight_decay" in plan.parameters or plan.l2 or plan.l1
    decays = decaying(network, theta.dtype) if penalised else np.empty(0, theta.dtype)
    own = decays if "weight_decay" in plan.parameters else decays[:0]
    rates = (len(theta), 1) if SCHEDULES[plan.schedule].follows_cost and len(theta) > 1 else ()
    update = Update(theta, gradient, state.slots, own, plan.optimizer, plan.parameters, rates)
    passes = {size: Pass(network, theta, size, gradient, plan.dropout) for size in {m, n % m or m}}
    shaping = shapers(theta, gradient, decays, plan)
    base = plan.parameters["learning_rate"]
    steady = plan.schedule in ("constant", "plateau") and not plan.schedule_parameters["warmup"]
    for number in range(state.epochs + 1, plan.epochs + 1):
        orders.restart([*seeds, number, 0])
        order = shuffled(n, m, rows, orders)
        highest: Rate = base * state.factor[:, None] if rates else base * float(state.factor[0])
        eta = highest
        t = state.updates
        if plan.dropout:
            masks.restart([*seeds, number, 1])
            for _ in range(state.steps):  # those of a run that was stopped; only the last may be smaller
                passes[m].draw(masks.generators)
        # An overflow on the way to divergence is reported once, below, in words.
        with np.errstate(all="ignore"):
            for x, y, s in minibatches(examples, m, mean, order, state.steps):
                if stop:
                    break
                size = x.shape[-2]
                run = passes[size]
                if plan.dropout:
                    run.draw(masks.generators)
                cost = run.gradient_of_cost(x, y, s)
                C += cost if size == m or not mean else cost * (size / m)
                for shape in shaping:
                    shape()
                if not steady:
                    eta = highest * factor(plan.schedule, t / (plan.epochs * per_epoch), plan.schedule_parameters)
                t += 1
                update(t, eta)
                if plan.average == "ema":
                    averaging.after_update(state.used, theta, gradient, t, plan.average_parameters)
        state.steps += t - state.updates
        state.updates = t
        if state.steps < per_epoch:
            return
        finite(network, theta, C, number)
        if plan.average == "swa":
            averaging.after_epoch(state.used, theta, number, plan.epochs, plan.average_parameters)
        epoch = Epoch(number, C * (m / n) if mean else C.copy())
        state.epochs, state.steps = number, 0
        C.fill(0)
        yield epoch


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


def finite(
    network: Network,
    theta: Array,
    C: Array,
    number: int,
    remedy: str = "try a smaller training.optimizer.learning_rate, or look",
) -> None:
    """Raise a TrainingError if training has diverged."""
    if np.isfinite(C).all() and np.isfinite(theta).all():
        return
    layers = [i for i, Theta in enumerate(views(network, theta), 1) if not np.isfinite(Theta).all()]
    where = f"Θ⁽{layers[0]}⁾ holds values that are not finite" if layers else "the cost is not finite"
    raise TrainingError(
        f"training diverged in epoch {number}: {where}; {remedy} for extreme values in columns with scale: none"
    )
