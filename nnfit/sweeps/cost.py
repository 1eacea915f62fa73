"""About how long a sweep takes, from the sizes of its networks and tables; nothing is timed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnfit.config.budget import CELL, FIXED
from nnfit.core import cost
from nnfit.errors import SpecError
from nnfit.fit.ends import resolve
from nnfit.fit.prepare import Prepared
from nnfit.model.layout import network_of
from nnfit.sweeps.halving import Rung
from nnfit.sweeps.trials import Trial

LOOKED_AT = 200  # trials, evenly from all, that stand for them
TRIAL = 0.01  # seconds of a trial beside its steps and its rows


def seconds(trials: Sequence[Trial], prepared: Prepared, jobs: int, epochs: int | None = None) -> float:
    """The seconds that the trials take so many processes; `prepared` is the first of them before its first epoch.

    With `epochs` these are of so many, and else of all that they have.
    """
    usable = [trial for trial in trials if trial.spec is not None]
    if not usable:
        return FIXED
    chosen = {round(k) for k in np.linspace(0, len(usable) - 1, min(len(usable), LOOKED_AT))}
    mean = float(np.mean([of_trial(usable[k], prepared, epochs) for k in chosen]))
    return FIXED * 2 + len(usable) * mean / min(jobs, len(usable))


def of_rungs(rungs: Sequence[Rung], trials: Sequence[Trial], prepared: Prepared, jobs: int) -> float:
    """The seconds that a sweep takes by its rungs, on each of which as many of all trials are as it has points."""
    share = [rung.points / rungs[0].points for rung in rungs]
    each = [seconds(trials, prepared, jobs, rung.epochs - rung.before) for rung in rungs]
    return 2 * FIXED + sum(part * (took - 2 * FIXED) for part, took in zip(share, each, strict=True))


def of_trial(trial: Trial, prepared: Prepared, epochs: int | None) -> float:
    """The seconds of one trial; none of one that its data refuse."""
    try:
        spec = resolve(trial.loaded, prepared.features, prepared.target)
    except SpecError:
        return 0.0
    network, members = network_of(spec), spec.network.members
    rows = prepared.sets["train"].n
    learnt_from = rows * (members - 1) // members if spec.training.resample == "folds" else rows
    m = learnt_from if spec.training.batch_size == "full" else min(spec.training.batch_size, learnt_from)
    itemsize = np.dtype(spec.network.dtype).itemsize
    steps = (epochs or spec.training.epochs) * -(-learnt_from // m)
    return TRIAL + CELL * rows * network.inputs + steps * cost.step(network, members, m, itemsize)
