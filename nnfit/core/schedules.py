"""Each schedule: the factor on the learning rate as training goes on.

    η(t) = η · factor(t),   t = updates done / all updates, in [0, 1)

A schedule is one entry of SCHEDULES, a pure function of t and its parameters. Every one may begin with a warm-up, the
share w of the run in which the factor rises from 0 in proportion; the schedule then runs over the rest:

    t < w:  factor = t/w · shape(0),   else  factor = shape((t − w) / (1 − w))

`plateau` alone looks at the validation cost: its shape is 1, and `after_epoch` lowers a second factor, one for each
member, from state to state.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, floor, log2, pi
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array, Parameter


class Schedule(NamedTuple):
    """One row of the table: formula, shape (t without the warm-up, parameters) → factor, and its parameters."""

    formula: str
    shape: Callable[[float, dict[str, Any]], float]
    parameters: tuple[Parameter, ...]
    follows_cost: bool = False  # its factor is to be multiplied with that of the Plateau


def factor(schedule: str, t: float, p: dict[str, Any]) -> float:
    """The factor on the learning rate when the share t of all updates is done."""
    shape, w = SCHEDULES[schedule].shape, p["warmup"]
    if t < w:
        return float(t / w * shape(0.0, p))
    return shape((t - w) / (1 - w), p)


def constant(t: float, p: dict[str, Any]) -> float:
    """1."""
    return 1.0


def step(t: float, p: dict[str, Any]) -> float:
    """γ^⌊t / every⌋: γ times the rate after each such share of the run."""
    # t and `every` are rarely exact in binary: 0.6 / 0.2 is a little below 3.
    return float(p["gamma"] ** floor(t / p["every"] + 1e-9))


def exponential(t: float, p: dict[str, Any]) -> float:
    """final^t: the same share is lost in every equal part of the run."""
    return float(p["final"] ** t)


def linear(t: float, p: dict[str, Any]) -> float:
    """1 − (1 − final) t."""
    return float(1 - (1 - p["final"]) * t)


def cosine(t: float, p: dict[str, Any]) -> float:
    """final + (1 − final) ½ (1 + cos πt) (Loshchilov and Hutter 2017, "SGDR", eq. 5, without restarts)."""
    return float(p["final"] + (1 - p["final"]) * (1 + cos(pi * t)) / 2)


def flat_cosine(t: float, p: dict[str, Any]) -> float:
    """1 for the share `flat` of the run, then the cosine from 1 to final."""
    return cosine(max(0.0, t - p["flat"]) / (1 - p["flat"]), p)


def one_cycle(t: float, p: dict[str, Any]) -> float:
    """Up from `initial` to 1 over the share `peak` of the run, then down to `final`, each half a cosine.

    Source: Smith and Topin 2018, "Super-convergence", with the cosines of PyTorch's OneCycleLR.
    """
    if t < p["peak"]:
        return cosine(1 - t / p["peak"], {"final": p["initial"]})
    return cosine((t - p["peak"]) / (1 - p["peak"]), p)


def coslog4(t: float, p: dict[str, Any]) -> float:
    """½ (1 − cos(2π log₂(1 + 15 t))): four waves, each twice as long as the one before, from 0 to 1 and to 0 again.

    Source: Holzmüller, Grinsztajn and Steinwart 2024, "Better by default" (RealMLP).
    """
    return (1 - cos(2 * pi * log2(1 + 15 * t))) / 2


class Plateau(NamedTuple):
    """Where each member stands: the least cost so far, the epochs since, and the factor, each (M,)."""

    best: Array
    since: NDArray[np.intp]
    factor: Array


def plateau(members: int) -> Plateau:
    """The state before the first epoch."""
    return Plateau(np.full(members, np.inf), np.zeros(members, np.intp), np.ones(members))


def after_epoch(state: Plateau, cost: Array, p: dict[str, Any]) -> Plateau:
    """The state after an epoch with this validation cost, (M,).

        cost < (1 − threshold) best:   best ← cost, since ← 0;   else since ← since + 1
        since > patience:              factor ← γ factor, since ← 0

    Source: PyTorch's ReduceLROnPlateau. A cost that is not a number is no improvement.
    """
    better = cost < (1 - p["threshold"]) * state.best
    since = np.where(better, 0, state.since + 1)
    stuck = since > p["patience"]
    return Plateau(
        np.where(better, cost, state.best),
        np.where(stuck, 0, since),
        np.where(stuck, state.factor * p["gamma"], state.factor),
    )


WARMUP = Parameter("warmup", 0.0, "the share of the run in which the rate first rises from 0", least=0, below=1)


def share(name: str, default: float, text: str) -> Parameter:
    """A share of the run, between 0 and 1."""
    return Parameter(name, default, text, above=0, below=1)


def final(default: float, text: str = "the factor at the end") -> Parameter:
    return Parameter("final", default, text, least=0)


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule("1", constant, (WARMUP,)),
    "step": Schedule(
        "γ^⌊t / every⌋",
        step,
        (
            share("every", 0.25, "the share of the run between two steps"),
            Parameter("gamma", 0.1, "γ, the factor of a step", above=0),
            WARMUP,
        ),
    ),
    "exponential": Schedule(
        "final^t", exponential, (Parameter("final", 0.01, "the factor at the end", above=0), WARMUP)
    ),
    "linear": Schedule("1 − (1 − final) t", linear, (final(0.0), WARMUP)),
    "cosine": Schedule("final + (1 − final) ½ (1 + cos πt)", cosine, (final(0.0), WARMUP)),
    "flat_cosine": Schedule(
        "1 until flat, then cosine",
        flat_cosine,
        (share("flat", 0.5, "the share of the run at the full rate"), final(0.0), WARMUP),
    ),
    "one_cycle": Schedule(
        "half a cosine up from initial to 1 at peak, and one down to final",
        one_cycle,
        (
            share("peak", 0.3, "the share of the run in which the rate rises"),
            Parameter("initial", 0.04, "the factor at the start", least=0),
            final(4e-6),
            WARMUP,
        ),
    ),
    "coslog4": Schedule("½ (1 − cos(2π log₂(1 + 15 t)))", coslog4, (WARMUP,)),
    "plateau": Schedule(
        "γ^(how often the validation cost stood still for longer than patience)",
        constant,
        (
            Parameter("gamma", 0.1, "γ, the factor of a step", above=0, below=1),
            Parameter("patience", 10, "the epochs without a lower validation cost that are waited for"),
            Parameter("threshold", 1e-4, "the share by which a cost must be lower to count", least=0, below=1),
            WARMUP,
        ),
        follows_cost=True,
    ),
}
