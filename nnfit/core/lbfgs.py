"""L-BFGS: full-batch training with an approximate inverse Hessian from the last few steps.

    d = −H ∇C;  θ ← θ + α d,  H from the pairs s = θ′ − θ, y = ∇C′ − ∇C by the two-loop recursion

Sources: Nocedal 1980; Liu and Nocedal 1989; Nocedal and Wright 2006, algorithms 7.4 and 7.5 (Byrd, Lu, Nocedal and
Zhu 1995, the other well-known form, is for bounds, and θ has none). The step α fulfils the
Wolfe conditions, or the approximate ones of Hager and Zhang 2005, which compare slopes: near the minimum the cost
changes by less than its rounding, and a search that compares costs alone ends with half of the digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnfit.core.batches import Examples, Rows, Smoothing
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass
from nnfit.core.optimizers import LBFGS
from nnfit.core.parameter import Array
from nnfit.core.plan import Plan
from nnfit.core.training import Epoch, State, decaying, refuse_divergence

Floats = NDArray[np.float64]

CHUNK = 2048  # examples whose gradient is taken together
DELTA, SIGMA = 0.1, 0.9  # how much of the promised descent is asked for, and how flat the end of a step may stay steep
NOISE = 1e-12  # of the cost: a rise that may be rounding
TRIES = 40  # steps along one direction


class Point(NamedTuple):
    """θ of one member (P,), the cost with its penalty, and its gradient (P,)."""

    theta: Floats
    value: float
    gradient: Floats


class Function(Protocol):
    """What is minimised: the point at θ (P,), which may be rounded to `dtype`."""

    dtype: np.dtype[Any]

    def __call__(self, theta: Floats) -> Point:
        """The point at θ."""


class Move(NamedTuple):
    """The point that a step leads to, and whether the memory of the steps before it is to be forgotten."""

    to: Point
    anew: bool


class Stopped(Exception):  # noqa: N818
    """There is something in `stop`: the step under way is given up."""


class Work:
    """θ and gradient (1, P) of the member at hand, and the buffers that all members share."""

    def __init__(
        self, network: Network, dtype: DTypeLike, stop: Sequence[object] = (), division: Division = UNDIVIDED
    ) -> None:
        self.network, self.stop, self.division = network, stop, division
        self.theta, self.gradient = np.empty((2, 1, network.P), dtype)
        self.passes: dict[int, Pass] = {}

    def over(self, m: int) -> Pass:
        """The pass over m examples."""
        if m not in self.passes:
            self.passes[m] = Pass(self.network, self.theta, m, self.gradient)
        return self.passes[m]


class Cost:
    """The cost of one member on its rows, with the penalty λ/2 Σ θ² on weights; `bare` is the last one without.

    Of rows of its own only their numbers are kept, and each part is gathered anew: of many members, copies would take
    many times the memory of the data.
    """

    def __init__(self, examples: Examples, rows: Rows | None, plan: Plan, work: Work) -> None:
        self.examples, self.work, self.dtype = examples, work, work.theta.dtype
        self.rows, self.n = rows, len(examples.X) if rows is None else len(rows)
        w = examples.w if rows is None else examples.w[:, :, rows]
        self.s = w / self.n if LOSSES[work.network.loss].mean else w
        self.penalty = plan.l2 * decaying(work.network, np.dtype(np.float64))
        self.bare = math.nan

    def __call__(self, theta: Floats) -> Point:
        """The point at θ, which is first rounded to what the network computes in."""
        X, Y, _ = self.examples
        work, n = self.work, self.n
        work.theta[0] = theta
        theta = work.theta[0].astype(np.float64)
        divided, mine = work.division.parts > 1, work.division.part(n)
        self.bare, gradient = 0.0, np.zeros(len(theta)) if divided else self.penalty * theta  # which is added once
        if work.stop:
            raise Stopped
        for start in range(mine.start, mine.stop, CHUNK):
            if work.stop:
                raise Stopped
            part = slice(start, min(mine.stop, start + CHUNK))
            own = part if self.rows is None else self.rows[part]
            s = np.ascontiguousarray(self.s[..., part])
            self.bare += float(work.over(part.stop - start).cost_and_gradient(X[own], Y[:, own], s)[0])
            gradient += work.gradient[0]
        if divided:
            sums = np.append(gradient, self.bare)
            work.division.reduce(sums)
            gradient, self.bare = self.penalty * theta + sums[:-1], float(sums[-1])
        return Point(theta, self.bare + float(self.penalty @ theta**2) / 2, gradient)


def fit(
    network: Network,
    state: State,
    examples: Examples,
    plan: Plan,
    rows: Sequence[Rows] = (),
    stop: Sequence[object] = (),
    first: int = 0,
    division: Division = UNDIVIDED,
) -> Iterator[Epoch]:
    """Train from a state, in place, one step of every member in an epoch; each member has a direction of its own.

    The slots of the state hold the pairs (s, y) of each member, the newest last: (2 · history, M, P). The cost of an
    epoch is that at its end. A member stays where it is once no entry of its gradient is above `tolerance`, or no step
    along the gradient brings it lower; training ends when all do, or as soon as there is anything in `stop`: a step
    that is under way is then given up, and the state is that between two steps of its member. The state may be that of
    some of the members, from number `first` on. Of a `division` each part takes its rows of all.
    """
    optimizer = plan.optimizer
    assert isinstance(optimizer, LBFGS)
    if plan.label_smoothing:
        examples = examples._replace(Y=examples.Y.copy())
        Smoothing(plan.label_smoothing, plan.middle).apply(examples.Y)
    theta, half = state.theta, optimizer.history
    members = range(len(theta))
    work = Work(network, theta.dtype, stop, division)
    costs = [Cost(examples, rows[first + k] if rows else None, plan, work) for k in members]
    try:
        with np.errstate(all="ignore"):
            points = [cost(theta[k].astype(np.float64)) for k, cost in enumerate(costs)]
        state.cost[:] = [cost.bare for cost in costs]
        refuse_divergence(network, theta, state.cost, state.epochs + 1)
        waiting = set(members)
        for number in range(state.epochs + 1, plan.epochs + 1):
            moved = set(np.flatnonzero(state.steps).tolist())  # in this epoch, before it was stopped
            for k in sorted(waiting - moved):
                S, Y = state.slots[:half, k], state.slots[half:, k]
                with np.errstate(all="ignore"):
                    found = None
                    if np.abs(points[k].gradient).max() > optimizer.tolerance:
                        found = stepped(costs[k], points[k], S, Y)
                if found is None:
                    waiting.remove(k)
                    continue
                remember(points[k], found, S, Y)
                points[k] = found.to
                theta[k], state.cost[k], state.steps[k] = found.to.theta, costs[k].bare, 1
                moved.add(k)
            if not moved:
                return
            refuse_divergence(network, theta, state.cost, number)
            yield Epoch(number, state.cost.copy())
            state.end_epoch(number)
    except Stopped:
        return


def stepped(cost: Function, at: Point, S: Array, Y: Array, longest: float = 1.0) -> Move | None:
    """One step with the memory S, Y (history, P), which stays as it is; None if no step leads lower.

    `longest` is the length of the first step that is tried without a memory, at most.
    """
    d = direction(at.gradient, S, Y)
    known = bool(Y[-1].any())
    found = search(cost, at, d, LBFGS.learning_rate) if known and at.gradient @ d < 0 else None
    if found is not None:
        return Move(found, anew=False)
    # No memory yet, or a bad one: down the gradient.
    found = search(cost, at, -at.gradient, min(1.0, longest / float(np.abs(at.gradient).sum())))
    return None if found is None else Move(found, anew=True)


def remember(at: Point, move: Move, S: Array, Y: Array) -> None:
    """Take the pair of a step into the memory S, Y (history, P), in place of the oldest, or of all."""
    if move.anew:
        S[:], Y[:] = 0, 0
    s, y = move.to.theta - at.theta, move.to.gradient - at.gradient
    if s @ y > np.finfo(np.float64).eps * float(y @ y):  # else the pair says nothing of a curvature
        S[:-1], Y[:-1] = S[1:].copy(), Y[1:].copy()
        S[-1], Y[-1] = s, y


def direction(gradient: Floats, S: Array, Y: Array) -> Floats:
    """−H ∇C by the two-loop recursion; H is sᵀy / yᵀy times the unit matrix before the pairs, newest last, are used."""
    q = -gradient
    pairs = [(s.astype(np.float64), y.astype(np.float64)) for s, y in zip(S, Y, strict=True) if y.any()]
    shares: list[float] = []
    for s, y in reversed(pairs):
        shares.append(float(s @ q) / float(s @ y))
        q = q - shares[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = q * (float(s @ y) / float(y @ y))
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        q = q + (share - float(y @ q) / float(s @ y)) * s
    return q


def search(cost: Function, at: Point, d: Floats, alpha: float) -> Point | None:
    """The first point along d that goes down enough and is flat enough, between brackets that secants narrow.

    None if there is no such, or it is so near that no weight moves by more than the rounding of the largest.
    """
    least = float(np.finfo(cost.dtype).eps) * float(np.abs(at.theta).max())
    slope = float(at.gradient @ d)
    noise = max(NOISE, 10 * float(np.finfo(cost.dtype).eps))
    highest = at.value + noise * abs(at.value)
    low, low_slope, high, high_slope = 0.0, slope, math.inf, math.nan
    for _ in range(TRIES):
        new = cost(at.theta + alpha * d)
        here = float(new.gradient @ d)
        sound = math.isfinite(new.value) and math.isfinite(here)
        down = new.value <= at.value + DELTA * alpha * slope
        level = new.value <= highest and here <= (2 * DELTA - 1) * slope
        if sound and here >= SIGMA * slope and (down or level):
            return new if np.abs(new.theta - at.theta).max() > least else None
        if sound and here < 0 and new.value <= highest:
            grown = alpha - here * (alpha - low) / (here - low_slope) if here > low_slope else math.inf
            low, low_slope = alpha, here
            if high == math.inf:
                alpha = min(max(grown, 2 * alpha), 10 * alpha)
                continue
        else:
            high, high_slope = alpha, here if sound else math.nan
        middle = low - low_slope * (high - low) / (high_slope - low_slope)
        room = (high - low) / 10
        alpha = min(max(middle, low + room), high - room) if math.isfinite(middle) else low + room
    return None
