"""The members of a training, epoch after epoch: all of them here, or each worker some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core import lbfgs
from nnfit.core.batches import Examples, Rows
from nnfit.core.network import Network
from nnfit.core.optimizers import LBFGS
from nnfit.core.stopping import HeldOut
from nnfit.core.training import Plan, State, fit


class Job(NamedTuple):
    """All that the members of a training learn from, and what becomes of them; `held_out` is looked at every epoch."""

    network: Network
    state: State
    examples: Examples
    plan: Plan
    seeds: Sequence[int]
    rows: Sequence[Rows]
    held_out: HeldOut | None


class Report(NamedTuple):
    """Of an epoch, of each member (M,), the training cost, and that on the rows held out; the last says `over`."""

    costs: NDArray[np.float64]
    validations: NDArray[np.float64] | None
    over: bool = False  # nothing moves any more


def learn(job: Job, members: slice, stop: Sequence[object]) -> Iterator[Report]:
    """Train some of the members, in place; an epoch is reported before its end in their state."""
    network, whole, examples, plan, seeds, rows, held_out = job
    state, first = whole.of(members), members.start or 0
    watched = None if held_out is None else held_out.of(members, state.used)
    if isinstance(plan.optimizer, LBFGS):
        trained = lbfgs.fit(network, state, examples, plan, rows, stop, first)
    else:
        trained = fit(network, state, examples, plan, seeds, rows, stop, first)
    for epoch in trained:
        yield Report(epoch.cost, None if watched is None else watched.costs())
    if not stop and state.epochs < plan.epochs:
        yield Report(state.cost.copy(), None if watched is None else watched.costs(), over=True)
