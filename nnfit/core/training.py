"""Training: one gradient and one update for each minibatch, epoch after epoch.

`fit` is a generator: what happens between epochs (the screen, validation, stopping) is ordinary code around a
`for`. It never prints and never opens a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.averaging import EMA, NO_AVERAGE, SWA, Average, NoAverage
from nnfit.core.batches import Block, Examples, Rows, Smoothing, Streams, shuffled
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.losses import LOSSES
from nnfit.core.members import Number, of_each, of_members
from nnfit.core.network import Batch, Network, Pass, together, views
from nnfit.core.optimizers import LBFGS, GradientOptimizer, Optimizer, Rate, Rates
from nnfit.core.parameter import Array
from nnfit.core.plan import Member, Plan, alike, shapers
from nnfit.core.schedules import Constant, Plateau, factor

GATHER = 1 << 19  # bytes of a block: small minibatches share the copying of their rows, and a block stays in cache
BLOCK = 131_072  # parameters an optimizer updates at once, so that its scratch array stays small


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
    cost: NDArray[np.float64]


@dataclass
class State:
    """Everything that training changes, and so all of it that a checkpoint has to hold.

    θ (M, P) and its average; the optimizer's memory, slots (S, M, P); how many epochs are complete, the steps that each
    member has done of the next one, (M,), and the sum of the costs of the last steps, those of one epoch, (M,).
    """

    theta: Array
    slots: Array
    cost: NDArray[np.float64]
    factor: NDArray[np.float64]  # on each member's learning rate, (M,), from a schedule that follows its cost
    steps: NDArray[np.int64]
    epochs: int = 0
    average: Array | None = None  # of the weights so far, (M, P), where the plan asks for one

    @property
    def used(self) -> Array:
        """The weights that are watched and kept: θ itself, or its average."""
        return self.theta if self.average is None else self.average

    def end_epoch(self, number: int) -> None:
        """All members have done the steps of this epoch."""
        self.epochs = number
        self.steps.fill(0)

    def of(self, members: slice) -> State:
        """The state of some of the members: views."""
        average = None if self.average is None else self.average[members]
        parts = self.cost[members], self.factor[members], self.steps[members]
        return State(self.theta[members], self.slots[:, members], *parts, self.epochs, average)


def begin(theta: Array, optimizer: Optimizer, average: Average = NO_AVERAGE) -> State:
    """The state before the first update; it keeps θ (M, P) itself, not a copy."""
    M = len(theta)
    slots = np.zeros((optimizer.slots, *theta.shape), theta.dtype)
    averaged = None if isinstance(average, NoAverage) else theta.copy()
    return State(theta, slots, np.zeros(M), np.ones(M), np.zeros(M, np.int64), average=averaged)


def updating(
    theta: Array,
    gradient: Array,
    slots: Array,
    decays: Array,
    optimizer: GradientOptimizer,
    rates: Rates = (),
    each: Sequence[Any] = (),
) -> Sequence[Callable[[int, Rate], None]]:
    """One optimizer on all of θ, block by block: functions of t and η, which is () or, one of each member, (M, 1).

    `slots` (S, M, P) is its memory, `decays` as `decaying` gives it, `each` the optimizer of every member.
    """
    rule = optimizer.rule(theta.dtype, rates, each)
    M, P = theta.shape
    width = min(max(1, BLOCK // M), P)
    scratch = np.empty((M, width), theta.dtype)
    blocks = []
    for start in range(0, P, width):
        part = slice(start, min(P, start + width))
        room = scratch[:, : part.stop - start]
        blocks.append(partial(rule, theta[:, part], gradient[:, part], list(slots[:, :, part]), room, decays[part]))
    return blocks


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
    first: int = 0,
    division: Division = UNDIVIDED,
) -> Iterator[Epoch]:
    """Train from a state, in place, up to the plan's epochs, yielding after each, before `state.end_epoch`.

    A cost or a weight that is not finite raises Diverged; for all else see `fit_each`.
    """
    members = alike(plan, seeds, first + len(state.theta))
    for epoch in fit_each(network, state, examples, members, rows, stop, first, division):
        refuse_divergence(network, state.theta, state.cost, epoch.number)
        yield epoch


def fit_each(
    network: Network,
    state: State,
    examples: Examples,
    members: Sequence[Member],
    rows: Sequence[Rows] = (),
    stop: Sequence[object] = (),
    first: int = 0,
    division: Division = UNDIVIDED,
) -> Iterator[Epoch]:
    """Train the members of one training or of several, each as it would be alone, whatever becomes of the others.

    With `rows`, one array of row numbers for each member, every member learns from its own. What is drawn in epoch e
    comes from streams of its own, of default_rng([*seeds, e, …]), so a state says all that is needed to go on, and a
    member is the same with others and alone: the state may be that of some of the members, from number `first` on.
    Before each step `stop` is looked at: as soon as there is anything in it, training ends. The peak of memory is the
    examples, the gradient, the optimizer's slots, a block of batches, and the buffers of one for each group. Of a
    `division` all parts go on from the same state, and come to the same.
    """
    plan = members[first].plan
    n, m = sizes(examples, plan, rows)
    if m == n and not rows:
        examples = examples._replace(X=np.asarray(examples.X))  # once for all groups
    groups = [
        Together(
            *(network, state.of(part), examples._replace(w=of_members(examples.w, part)), n, m),
            members[first + part.start : first + part.stop],
            rows[first + part.start : first + part.stop],
            division,
        )
        for part in groups_of(state.steps, together(network, -(-m // division.parts), state.theta.itemsize))
    ]
    for number in range(state.epochs + 1, plan.epochs + 1):
        # An overflow on the way to divergence is reported once, below.
        with np.errstate(all="ignore"):
            for group in groups:
                group.learn(number, stop)
        if (state.steps < -(-n // m)).any():
            return
        yield Epoch(number, state.cost * (m / n) if LOSSES[network.loss].mean else state.cost.copy())
        state.end_epoch(number)


def sizes(examples: Examples, plan: Plan, rows: Sequence[Rows]) -> tuple[int, int]:
    """The examples n of an epoch, the same for all members, and those of a batch, m."""
    n = min(map(len, rows)) if rows else len(examples.X)
    return n, min(plan.batch_size, n)


def groups_of(steps: NDArray[np.int64], size: int) -> list[slice]:
    """The members, (M,) with so many steps done, in groups of at most this size that have done equally many."""
    ends = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [
        slice(place, min(place + size, end))
        for start, end in zip([0, *ends], ends, strict=False)
        for place in range(start, end, size)
    ]


class Piece(NamedTuple):
    """Minibatches of an epoch that are gathered together: the number of the first, a pass, and its batches."""

    first: int
    run: Pass
    block: Block
    batches: list[Batch]
    share: float  # of a batch's cost in that of the epoch


class Together:
    """Members that learn together, each step of all in the same calls, and all that they need for it."""

    def __init__(
        self,
        network: Network,
        state: State,
        examples: Examples,
        n: int,
        m: int,
        members: Sequence[Member],
        rows: Sequence[Rows],
        division: Division = UNDIVIDED,
    ) -> None:
        plans, sources = [each.plan for each in members], [each.source for each in members]
        plan, optimizers = plans[0], [each.optimizer for each in plans]
        optimizer = plan.optimizer
        assert not isinstance(optimizer, LBFGS)  # lbfgs.py, which needs more than a gradient
        self.state, self.plan = state, plan
        self.n, self.m = n, m
        # Members that draw from one source draw once; those of a training without rows of their own have one order.
        orders = sources if rows else [each._replace(member=0) for each in sources]
        distinct = list(dict.fromkeys(orders))
        self.rows = [rows[orders.index(source)] for source in distinct] if rows else []
        own = bool(rows) or (m < n and len(distinct) > 1)
        shared = own and len(distinct) < len(members)
        self.whose = np.array([distinct.index(source) for source in orders]) if shared else None
        self.orders, self.masks = Streams(distinct), Streams(sources)
        theta = state.theta
        gradient = np.empty_like(theta)
        self.division = division
        # The costs of this epoch's steps: of all parts their sum, and so made apart where there are others.
        self.cost = np.zeros_like(state.cost) if division.parts > 1 else state.cost
        self.pieces = list(pieces(network, theta, gradient, examples, plans, n, m, own, division))
        penalised = any(each.l2 or each.l1 for each in plans) or hasattr(optimizer, "weight_decay")
        decays = decaying(network, theta.dtype) if penalised else np.empty(0, theta.dtype)
        self.shaping = shapers(theta, gradient, decays, *plans)
        if division.parts > 1:
            self.shaping.insert(0, partial(division.reduce, gradient))
        self.base = of_each([each.learning_rate for each in optimizers])
        apart = isinstance(plan.schedule, Plateau) or isinstance(self.base, np.ndarray)
        self.rates: Rates = (len(theta), 1) if apart and len(theta) > 1 else ()
        self.updates = updating(theta, gradient, state.slots, decays, optimizer, self.rates, optimizers)
        self.after_update, self.after_epoch = averagers(state, gradient, plan)

    def learn(self, number: int, stop: Sequence[object]) -> None:
        """The steps that are left of the epoch with this number, until there is anything in `stop`."""
        state, per_epoch = self.state, -(-self.n // self.m)
        done = int(state.steps[0])
        if done == per_epoch:
            return
        if not done:
            state.cost.fill(0)
        if self.division.parts > 1:
            self.cost.fill(0)
        self.orders.restart(number, 0)
        order = shuffled(self.n, self.m, self.rows, self.orders)
        order = order if self.whose is None else order[self.whose]
        if self.plan.dropout:
            self.masks.restart(number, 1)
            for _ in range(done):  # those of a run that was stopped; only the last may be smaller
                self.pieces[0].run.draw(self.masks.generators)
        t = (number - 1) * per_epoch + done
        eta = learning_rate(self.base, self.plan, self.plan.epochs * per_epoch, state, self.rates)
        for piece in self.pieces:
            done = max(0, int(state.steps[0]) - piece.first)
            if done >= len(piece.batches):
                continue
            begin = piece.first * self.m
            piece.block.gather(order[..., begin : begin + len(piece.batches) * piece.block.size])
            t = self.descend(piece, done, t, eta, stop)
            if state.steps[0] < piece.first + len(piece.batches):  # stopped
                break
        else:
            for average in self.after_epoch:
                average(number)
        if self.division.parts > 1:
            self.division.reduce(self.cost)
            state.cost += self.cost

    def descend(self, piece: Piece, done: int, t: int, eta: Callable[[int], Rate], stop: Sequence[object]) -> int:
        """A step for each batch of a piece, the first `done` aside; t counts the updates."""
        run, updates, shaping, after_update = piece.run, self.updates, self.shaping, self.after_update
        before, dropout = t, bool(run.drops)
        for batch in piece.batches[done:]:
            if stop:
                break
            if dropout:
                run.draw(self.masks.generators)
            run.gradient_of_cost(batch)
            for shape in shaping:
                shape()
            rate = eta(t)
            t += 1
            for update in updates:
                update(t, rate)
            for average in after_update:
                average(t)
        taken = slice(done, done + t - before)
        block, state = piece.block, self.state
        if t > before:
            costs = run.costs(block.start[taken], block.y[taken], block.s[taken]) * np.float64(piece.share)
            costs[0] += self.cost
            self.cost[:] = np.add.accumulate(costs)[-1]  # one after the other, however many were taken at once
        state.steps += t - before
        return t


def pieces(
    network: Network,
    theta: Array,
    gradient: Array,
    examples: Examples,
    plans: Sequence[Plan],
    n: int,
    m: int,
    own: bool,
    division: Division = UNDIVIDED,
) -> Iterator[Piece]:
    """The minibatches of an epoch of n rows: those of m, so many as a block holds at a time, and what is left."""
    dropout, share = of_each([plan.dropout for plan in plans]), of_each([plan.label_smoothing for plan in plans])
    smoothing = Smoothing(share, plans[0].middle) if np.any(share) else None
    M, mean = len(theta), LOSSES[network.loss].mean
    width = network.inputs * (M if own else 1) + 4 * network.N[-1] * M
    most = min(max(1, GATHER // (width * -(-m // division.parts) * theta.itemsize)), n // m)
    for first, batches, size in ((0, n // m, m), (n // m, 1, n % m)):
        if not size:
            continue
        block = Block(examples, min(most, batches), size, M, own, mean, smoothing, division)
        run = Pass(network, theta, block.m, gradient, dropout, (size, block.part))
        made = [run.batch(block.x(b), block.y[b], block.s[b], block.start[b]) for b in range(min(most, batches))]
        for start in range(0, batches, most):
            yield Piece(first + start, run, block, made[: batches - start], size / m if mean else 1.0)


def learning_rate(base: Number, plan: Plan, updates: int, state: State, rates: Rates) -> Callable[[int], Rate]:
    """η after t of so many updates: a number, or (M, 1) as `rates` says, from the schedule and each member's factor."""
    highest: Rate = base * state.factor[:, None] if rates else base * float(state.factor[0])
    if isinstance(plan.schedule, Constant | Plateau) and not plan.schedule.warmup:
        return lambda t: highest
    return lambda t: highest * factor(plan.schedule, t / updates)


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
