"""How θ is trained, of all members or of each: for how long, in which steps, and what becomes of a gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.averaging import NO_AVERAGE, Average
from nnfit.core.batches import Source
from nnfit.core.members import of_each
from nnfit.core.optimizers import Optimizer
from nnfit.core.parameter import Array
from nnfit.core.schedules import CONSTANT, Schedule


class Plan(NamedTuple):
    """How θ is trained: for how long, in which steps, and what is done to the gradient on the way.

    The penalties l2 and l1, on weights and never on biases, add λ θ and λ sign θ to the gradient, those of
    λ/2 Σ θ² and λ Σ |θ|. `clip_value` bounds each of its entries, `clip_norm` its length for each member. Targets go
    the share `label_smoothing` towards `middle`.
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
    label_smoothing: float = 0.0
    middle: float = 0.0


class Member(NamedTuple):
    """How one of several networks is trained, and where its random numbers come from.

    What is trained together may differ in the rates, decays and constants of optimizers of one class with as many slots
    (but for β and ε of Adam), in penalties, clipping and smoothing, and in a dropout that is not 0.
    """

    plan: Plan
    source: Source


def alike(plan: Plan, seeds: Sequence[int], count: int) -> list[Member]:
    """The members of one training."""
    return [Member(plan, Source(tuple(seeds), k)) for k in range(count)]


def shapers(theta: Array, gradient: Array, decays: Array, *plans: Plan) -> list[Callable[[], object]]:
    """What is done to the gradient before the update, in place: penalties first, then clipping.

    The plans are one of all members, or one of each. What only some members have leaves the others as they are: adding
    a 0 to −0 would be seen.
    """
    dtype = theta.dtype
    found: list[Callable[[], object]] = []
    if any(plan.l2 for plan in plans):
        weights = decays * np.array(of_each([plan.l2 for plan in plans]), dtype)
        decay = only(np.add, [bool(plan.l2) for plan in plans])
        found.append(lambda: decay(gradient, weights * theta, gradient))
    if any(plan.l1 for plan in plans):
        sizes = decays * np.array(of_each([plan.l1 for plan in plans]), dtype)
        shrink = only(np.add, [bool(plan.l1) for plan in plans])
        found.append(lambda: shrink(gradient, sizes * np.sign(theta), gradient))
    if any(plan.clip_value is not None for plan in plans):
        values = [np.inf if plan.clip_value is None else plan.clip_value for plan in plans]
        bound = np.array(of_each(values), dtype)[()]
        found.append(lambda: np.clip(gradient, -bound, bound, gradient))
    if any(plan.clip_norm is not None for plan in plans):
        longest = np.array(of_each([plan.clip_norm or 1.0 for plan in plans]), dtype)[()]
        multiply = only(np.multiply, [plan.clip_norm is not None for plan in plans])

        def shorten() -> None:
            length = np.sqrt(np.vecdot(gradient, gradient))[:, None]
            multiply(gradient, np.minimum(1, longest / np.maximum(length, longest)), gradient)

        found.append(shorten)
    return found


def only(function: Any, members: Sequence[bool]) -> Any:
    """A function of NumPy, for those of the members alone, where it is not for all."""
    return function if all(members) else partial(function, where=np.array(members)[:, None])
