"""Averages of the weights on their way: smoother than where the last step happened to end.

    ema   θ̄ ← θ̄ + max(1 − β, 1/t) (θ − θ̄)   after update t: exponential, and even while t ≤ 1 / (1 − β)
    swa   θ̄ ← θ̄ + (θ − θ̄) / k              after the k-th epoch from `start` on; before it, θ̄ = θ

Sources: Polyak and Juditsky 1992; Izmailov et al. 2018 (swa). Training goes on from θ; θ̄ is what is watched, kept by
early stopping, and saved.
"""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.parameter import Array, Parameter


class Averaging(NamedTuple):
    """One row of the table."""

    parameters: tuple[Parameter, ...]


AVERAGES: dict[str, Averaging] = {
    "ema": Averaging((Parameter("decay", 0.99, "β, the memory of the average", least=0, below=1),)),
    "swa": Averaging(
        (Parameter("start", 0.75, "the share of the epochs before the average begins", least=0, below=1),)
    ),
}


def after_update(average: Array, theta: Array, scratch: Array, t: int, p: dict[str, Any]) -> None:
    """Move the exponential average towards θ after update t = 1, 2, …"""
    np.subtract(theta, average, scratch)
    np.multiply(scratch, theta.dtype.type(max(1 - p["decay"], 1 / t)), scratch)
    np.add(average, scratch, average)


def after_epoch(average: Array, theta: Array, number: int, epochs: int, p: dict[str, Any]) -> None:
    """Take the weights at the end of an epoch, of so many, into the even average."""
    # A share is rarely exact in binary: 0.55 · 100 is a little above 55.
    k = number - ceil(p["start"] * epochs - 1e-9)
    average += (theta - average) / theta.dtype.type(max(1, k))
