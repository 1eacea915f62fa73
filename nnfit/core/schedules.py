"""Each schedule: the factor on the learning rate as training goes on.

    η(t) = η · factor(t),   t = updates done / all updates, in [0, 1)

A schedule is one class of the union Schedule, a pure function of t and its parameters. Every one may begin with a
warm-up, the share w of the run in which the factor rises from 0 in proportion; the schedule then runs over the rest:

    t < w:  factor = t/w · shape(0),   else  factor = shape((t − w) / (1 − w))

`plateau` alone looks at the validation cost: its shape is 1, and `after_epoch` lowers a second factor, one for each
member, from stage to stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, inf, isfinite, log2, pi
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array, named, parameter, table


def warmup() -> Any:
    """The parameter that every schedule has."""
    return parameter(0.0, "the share of the run in which the rate first rises from 0", least=0, below=1)


def half_cosine(t: float, final: float) -> float:
    """final + (1 − final) ½ (1 + cos πt)."""
    return float(final + (1 - final) * (1 + cos(pi * t)) / 2)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """1."""

    name: Literal["constant"] = named("constant")
    warmup: float = warmup()
    formula: ClassVar[str] = "1"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """γ^⌊t / every⌋: γ times the rate after each such share of the run."""

    name: Literal["step"] = named("step")
    every: float = parameter(0.25, "the share of the run between two steps", above=0, below=1)
    gamma: float = parameter(0.1, "γ, the factor of a step", above=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "γ^⌊t / every⌋"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        # t and `every` are rarely exact in binary: 0.6 / 0.2 is a little below 3.
        steps = t / self.every + 1e-9
        try:
            return float(self.gamma ** (floor(steps) if isfinite(steps) else steps))
        except OverflowError:
            return inf


@dataclass(frozen=True, kw_only=True)
class Exponential:
    """final^t: the same share is lost in every equal part of the run."""

    name: Literal["exponential"] = named("exponential")
    final: float = parameter(0.01, "the factor at the end", above=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "final^t"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return float(self.final**t)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """1 − (1 − final) t."""

    name: Literal["linear"] = named("linear")
    final: float = parameter(0.0, "the factor at the end", least=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "1 − (1 − final) t"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return float(1 - (1 - self.final) * t)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """final + (1 − final) ½ (1 + cos πt) (Loshchilov and Hutter 2017, "SGDR", eq. 5, without restarts)."""

    name: Literal["cosine"] = named("cosine")
    final: float = parameter(0.0, "the factor at the end", least=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "final + (1 − final) ½ (1 + cos πt)"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return half_cosine(t, self.final)


@dataclass(frozen=True, kw_only=True)
class FlatCosine:
    """1 for the share `flat` of the run, then the cosine from 1 to final."""

    name: Literal["flat_cosine"] = named("flat_cosine")
    flat: float = parameter(0.5, "the share of the run at the full rate", above=0, below=1)
    final: float = parameter(0.0, "the factor at the end", least=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "1 until flat, then cosine"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return half_cosine(max(0.0, t - self.flat) / (1 - self.flat), self.final)


@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """Up from `initial` to 1 over the share `peak` of the run, then down to `final`, each half a cosine.

    Source: Smith and Topin 2018, "Super-convergence", with the cosines of PyTorch's OneCycleLR.
    """

    name: Literal["one_cycle"] = named("one_cycle")
    peak: float = parameter(0.3, "the share of the run in which the rate rises", above=0, below=1)
    initial: float = parameter(0.04, "the factor at the start", least=0)
    final: float = parameter(4e-6, "the factor at the end", least=0)
    warmup: float = warmup()
    formula: ClassVar[str] = "half a cosine up from initial to 1 at peak, and one down to final"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        if t < self.peak:
            return half_cosine(1 - t / self.peak, self.initial)
        return half_cosine((t - self.peak) / (1 - self.peak), self.final)


@dataclass(frozen=True, kw_only=True)
class CosLog4:
    """Four waves, each twice as long as the one before, from 0 to 1 and to 0 again.

    Source: Holzmüller, Grinsztajn and Steinwart 2024, "Better by default" (RealMLP).
    """

    name: Literal["coslog4"] = named("coslog4")
    warmup: float = warmup()
    formula: ClassVar[str] = "½ (1 − cos(2π log₂(1 + 15 t)))"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return (1 - cos(2 * pi * log2(1 + 15 * t))) / 2


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """γ for every time that a member's validation cost stood still for longer than `patience`."""

    name: Literal["plateau"] = named("plateau")
    gamma: float = parameter(0.1, "γ, the factor of a step", above=0, below=1)
    patience: int = parameter(10, "the epochs without a lower validation cost that are waited for")
    threshold: float = parameter(1e-4, "the share by which a cost must be lower to count", least=0, below=1)
    warmup: float = warmup()
    formula: ClassVar[str] = "γ^(how often the validation cost stood still for longer than patience)"

    def shape(self, t: float) -> float:
        """The factor after the share t of the run, the warm-up aside."""
        return 1.0


Schedule = Constant | Step | Exponential | Linear | Cosine | FlatCosine | OneCycle | CosLog4 | Plateau
SCHEDULES: dict[str, type[Schedule]] = table(Schedule)
CONSTANT = Constant()


def factor(schedule: Schedule, t: float) -> float:
    """The factor on the learning rate when the share t of all updates is done."""
    w = schedule.warmup
    if t < w:
        return float(t / w * schedule.shape(0.0))
    return schedule.shape((t - w) / (1 - w))


class Stage(NamedTuple):
    """Where each member stands on its plateau: least cost so far, epochs since, and the factor, each (M,)."""

    best: Array
    since: NDArray[np.intp]
    factor: Array


def first_stage(members: int) -> Stage:
    """The stage before the first epoch."""
    return Stage(np.full(members, np.inf), np.zeros(members, np.intp), np.ones(members))


def after_epoch(stage: Stage, cost: Array, plateau: Plateau) -> Stage:
    """The stage after an epoch with this validation cost, (M,).

        cost < (1 − threshold) best:   best ← cost, since ← 0;   else since ← since + 1
        since > patience:              factor ← γ factor, since ← 0

    Source: PyTorch's ReduceLROnPlateau. A cost that is not a number is no improvement.
    """
    better = cost < (1 - plateau.threshold) * stage.best
    since = np.where(better, 0, stage.since + 1)
    stuck = since > plateau.patience
    return Stage(
        np.where(better, cost, stage.best),
        np.where(stuck, 0, since),
        np.where(stuck, stage.factor * plateau.gamma, stage.factor),
    )
