"""Averages of the weights on their way: smoother than where the last step happened to end.

    ema   θ̄ ← θ̄ + max(1 − β, 1/t) (θ − θ̄)   after update t: exponential, and even while t ≤ 1 / (1 − β)
    swa   θ̄ ← θ̄ + (θ − θ̄) / k              after the k-th epoch from `start` on; before it, θ̄ = θ

Sources: Polyak and Juditsky 1992; Izmailov et al. 2018 (swa). Training goes on from θ; θ̄ is what is watched, kept by
early stopping, and saved. An average is one class of the union Average.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from nnfit.core.parameter import Array, named, parameter, table


@dataclass(frozen=True, kw_only=True)
class NoAverage:
    """θ itself is watched, kept and saved."""

    name: Literal["none"] = named("none")


@dataclass(frozen=True, kw_only=True)
class EMA:
    """The exponential moving average over the updates."""

    name: Literal["ema"] = named("ema")
    decay: float = parameter(0.99, "β, the memory of the average", least=0, below=1)

    def after_update(self, average: Array, theta: Array, scratch: Array, t: int) -> None:
        """Move the average towards θ after update t = 1, 2, …"""
        np.subtract(theta, average, scratch)
        np.multiply(scratch, theta.dtype.type(max(1 - self.decay, 1 / t)), scratch)
        np.add(average, scratch, average)


@dataclass(frozen=True, kw_only=True)
class SWA:
    """The even average of the weights at the ends of the last epochs (stochastic weight averaging)."""

    name: Literal["swa"] = named("swa")
    start: float = parameter(0.75, "the share of the epochs before the average begins", least=0, below=1)

    def after_epoch(self, average: Array, theta: Array, number: int, epochs: int) -> None:
        """Take the weights at the end of an epoch, of so many, into the average."""
        # A share is rarely exact in binary: 0.55 · 100 is a little above 55.
        k = number - ceil(self.start * epochs - 1e-9)
        average += (theta - average) / theta.dtype.type(max(1, k))


Average = NoAverage | EMA | SWA
AVERAGES: dict[str, type[Average]] = table(Average)
NO_AVERAGE = NoAverage()
