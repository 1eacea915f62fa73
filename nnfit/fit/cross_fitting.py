"""Outputs for the rows held out, each from an epoch that other rows chose: how good early stopping is on new rows.

Early stopping keeps the weights of the epoch that did best on the rows held out, and so looks better on these than on
others: of many epochs the luckiest is taken. Here the rows are cut into parts, the folds or else PARTS alike in their
target, and a part is seen with the weights of the epoch that the same rule chooses on all the other parts:

    e_f = the last e of those with the least  mean_k C_k(e; the rows held out from member k that are not in part f)

The part itself has no say in the choice, but that training ends when all members have stopped and that the members of
other folds have learnt from it. Of bootstraps and validation rows, C_k is pooled over the members. What is kept is
one output for each row that is held out, whatever the number of epochs. Source: Varma and Simon 2006, on the bias of a
score that has chosen something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnfit.core.batches import Rows
from nnfit.core.losses import LOSSES, of_rows
from nnfit.core.parameter import Array
from nnfit.core.stopping import HeldOut, Rule, Watch, nothing_seen
from nnfit.data.scales import Floats
from nnfit.data.seeds import Purpose, generator
from nnfit.data.split import folds, strata
from nnfit.data.target import Labels
from nnfit.fit.prepare import Prepared
from nnfit.scoring.watched import WatchedMetric

PARTS = 5  # that rows are cut into where no folds do
WORST = 1e300  # a cost beyond all others
NONE = -1  # the part of a place that is only there to fill up


@dataclass
class CrossFitted:
    """For each place of the rows held out its part, (M, n), and the outputs (M, K, n) at the epoch of that part.

    `watch` (F,) is what the other parts see, by the rule of early stopping: when they would stop, so does the part.
    """

    part: NDArray[np.intp]
    y_hat: Array
    watch: Watch

    def keep(self, y_hat: Array, cost: Floats, epoch: int, updates: int, rule: Rule) -> None:
        """Take over the outputs (M, K, n) of the parts whose others are at their best."""
        better = self.watch.look(cost, epoch, updates, rule)
        if better.any():
            np.copyto(self.y_hat, y_hat, where=(better[self.part] & (self.part != NONE))[:, None, :])


def before_training(prepared: Prepared, kept: tuple[Rows, ...], held_out: HeldOut) -> CrossFitted:
    """The outputs at the weights as they are; `kept` are the training rows that each member does not learn from."""
    held_out.costs()
    part = parts(prepared, kept, len(held_out.y_hat))
    return CrossFitted(part, held_out.y_hat.copy(), nothing_seen(int(part.max()) + 1))


def parts(prepared: Prepared, kept: tuple[Rows, ...], M: int) -> NDArray[np.intp]:
    """The part of each place of the rows held out, (M, n): its fold, or one drawn for its row."""
    if not kept:
        return np.tile(drawn(prepared, prepared.sets["validation"].truth), (M, 1))
    found = np.full((M, max(map(len, kept))), NONE)
    in_folds = prepared.spec.training.resample == "folds"
    of_row = None if in_folds else drawn(prepared, prepared.sets["train"].truth)
    for k, rows in enumerate(kept):
        found[k, : len(rows)] = k if of_row is None else of_row[rows]
    return found


def drawn(prepared: Prepared, truth: Floats | Labels) -> NDArray[np.intp]:
    """The part of each row (n,): at most PARTS, alike in the target."""
    rng = generator(prepared.spec.split_seed, Purpose.EPOCH)
    return folds(strata(truth), min(PARTS, len(truth)), rng)


# What each member watches on its rows (M,) → the same on all rows but a part's (F,).
Others = Callable[[Floats], Floats]


def of_others(
    prepared: Prepared, kept: tuple[Rows, ...], held_out: HeldOut, part: NDArray[np.intp], monitor: str
) -> Others:
    """What the rows that are not in a part say of the weights as they are, for each part: the lower, the better."""
    F = int(part.max()) + 1
    if kept and prepared.spec.training.resample == "folds":
        index = np.array([np.flatnonzero(np.arange(F) != f) for f in range(F)])
        return lambda seen: np.asarray(seen[index].mean(axis=1))
    outside = [(part != f) & (part != NONE) for f in range(F)]
    if monitor == "loss":
        share = shares(prepared.spec.loss, held_out, outside)
        return lambda seen: costs(prepared.spec.loss, held_out, share)
    watched = [watched_metric(prepared, kept, monitor, len(part), rows) for rows in outside]
    return lambda seen: np.array([defined_mean(each(held_out.y_hat)) for each in watched])


def shares(loss: str, held_out: HeldOut, outside: Sequence[NDArray[np.bool_]]) -> Floats:
    """How much the cost of each row of each member counts in what is seen outside of a part, (F, M n)."""
    w = np.array([(held_out.w[:, 0] * rows).ravel() for rows in outside], np.float64)
    total = w.sum(axis=1, keepdims=True) if LOSSES[loss].mean else np.full((len(w), 1), float(len(held_out.y_hat)))
    found: Floats = np.divide(w, total, out=np.zeros_like(w), where=total > 0)
    return found


def costs(loss: str, held_out: HeldOut, share: Floats) -> Floats:
    """The cost of all members on their rows outside of each part, (F,): one pass over the rows serves all parts.

    A cost that is no number is WORST, so that it adds nothing where its row does not count.
    """
    with np.errstate(all="ignore"):
        each: Floats = np.nan_to_num(of_rows(loss, held_out.y_hat, held_out.Y), nan=WORST, posinf=WORST)
        found: Floats = share @ each.ravel()
    return found


def defined_mean(values: Floats) -> float:
    """The mean over the members whose rows have the metric; 0 if there is none: all epochs are alike."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else 0.0


def watched_metric(
    prepared: Prepared, kept: tuple[Rows, ...], metric: str, M: int, places: NDArray[np.bool_] | None = None
) -> WatchedMetric:
    """A metric of each member on the rows held out from it, or on those at some of their places (M, n)."""
    rows_of = prepared.sets["train" if kept else "validation"]
    w = rows_of.weights if prepared.spec.training.weighted_metrics else None
    members = kept or [np.arange(rows_of.n)] * M
    rows = []
    for k, own in enumerate(members):
        chosen = np.arange(len(own)) if places is None else np.flatnonzero(places[k, : len(own)])
        rows.append((chosen, rows_of.truth[own[chosen]], None if w is None else w[own[chosen]]))
    return WatchedMetric(prepared.target, metric, rows)
