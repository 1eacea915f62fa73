"""Several models on the same rows, each against each: how far apart they are, and whether that is more than chance.

The rows are drawn again in pairs, one resample for all models: what makes a row hard for all of them does not count,
and any metric can be compared, a mean over the rows or not. The interval of a difference tells of these rows alone. But
two trainings that differ in nothing but their seed do differ, and enough rows tell so for certain. So a word asks more:

    |d| > t √(s² + v_a + v_b)

with s the standard error of d over the rows, t that of Student at 95 % for all pairs together, and v the variance that
another seed brings to a model. Members that each learn from other rows (folds, bootstrap) show it; of other models it
is taken to be n s² / 2m, as if the rows told no more than m rows do: `seed_rows` of the metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array
from nnfit.data.target import Target, decode
from nnfit.progress import tracked
from nnfit.scoring.comparison import LEAST, sure
from nnfit.scoring.evaluation import averaged, compared, row_of, scores
from nnfit.scoring.intervals import Sample, readied, resampled
from nnfit.scoring.metrics import Judged
from nnfit.workers.threads import spread

FEWEST_MEMBERS = 5  # whose spread says something

BETTER, WORSE, LEVEL = "better", "worse", "not told apart"
OTHER_WAY = {BETTER: WORSE, WORSE: BETTER, LEVEL: LEVEL}


class Said(NamedTuple):
    """What a model says of some rows: its target, and outputs y_hat (M, K, n); the truth as of `data.target.truth`.

    `apart` says whether its members have learnt from rows of their own, and so show what another seed would bring.
    """

    target: Target
    y_hat: Array
    truth: NDArray[Any]
    apart: bool = False


class Paired(NamedTuple):
    """A metric of one model less that of another on the same rows, with its 95 % interval over the rows, if it has one.

    `models` are their positions; the `word` is of the first: better, worse, or not told apart.
    """

    metric: str
    models: tuple[int, int]
    difference: float
    low: float | None
    high: float | None
    word: str

    def of(self, first: int) -> Paired:
        """The same difference, seen from one of the two models."""
        if self.models[0] == first:
            return self
        low, high = (None if end is None else 0.0 - end for end in (self.high, self.low))
        return Paired(self.metric, self.models[::-1], 0.0 - self.difference, low, high, OTHER_WAY[self.word])


class Scored(NamedTuple):
    """Each metric of one model: on all rows, in the resamples, and how another seed would move it, as a variance.

    `n` is how many rows there are, or of rows that count by weights, how many alike would tell as much; `members` how
    many the variance is from.
    """

    n: int
    members: int
    whole: dict[str, float]
    samples: dict[str, Sample]
    seeds: dict[str, float]


def differences(each: Sequence[Said], w: NDArray[np.float64] | None = None, seed: int = 0) -> tuple[Paired, ...]:
    """Every pair of models in every metric that both have, pair after pair; rows count by their weights w (n,)."""
    pairs = list(combinations(range(len(each)), 2))
    found = scored(each, w, seed)
    return tuple(difference for a, b in pairs for difference in told((a, b), found[a], found[b], len(pairs)))


def scored(each: Sequence[Said], w: NDArray[np.float64] | None = None, seed: int = 0) -> list[Scored]:
    """The metrics of each model, with the same resamples for all."""
    with np.errstate(all="ignore"):
        metrics = scores(each[0].target)
        rows = [taken(said, averaged(said.y_hat)) for said in each]
        samples = resampled(metrics, rows, np.random.default_rng(seed), w)
        n = len(each[0].truth)
        if w is not None and w.any():
            n = max(2, int(w.sum() ** 2 / (w**2).sum()))  # so many that count alike would tell as much
        return [
            Scored(n, len(said.y_hat), {name: one.whole for name, one in own.items()}, own, over_members(said, w))
            for said, own in zip(each, samples, strict=True)
        ]


def told(models: tuple[int, int], own: Scored, other: Scored, pairs: int = 1) -> tuple[Paired, ...]:
    """The difference of two models, of so many pairs, in every metric that both have."""
    both = [name for name in own.whole if np.isfinite([own.whole[name], other.whole[name]]).all()]
    with np.errstate(all="ignore"):  # of values near the ends of what a float can be, no square is
        return tuple(judged(name, models, own, other, pairs) for name in both)


def taken(said: Said, y_hat: Array) -> Judged | tuple[NDArray[Any], ...]:
    """What the metrics take of outputs (K, n) for the rows of a model."""
    return compared(said.target, said.truth, decode(said.target, y_hat))


def over_members(said: Said, w: NDArray[np.float64] | None) -> dict[str, float]:
    """The variance of each metric over other members, by the jackknife; nothing where members do not show it.

        v = (M − 1)/M Σ_j (metric without member j − their mean)²

    Source: Efron and Tibshirani 1993, equation 11.5.
    """
    M = len(said.y_hat)
    if not said.apart or M < FEWEST_MEMBERS:
        return {}
    total = said.y_hat.sum(axis=0, dtype=np.float64)

    def without(own: Array) -> dict[str, float]:
        """The metrics without one of the members."""
        rows = taken(said, (total - own) / (M - 1))
        return {name: float(metric(w)) for name, metric in readied(scores(said.target), rows).items()}

    each = list(tracked(spread(without, said.y_hat), "leaving out every member", M))
    found = {name: np.array([one[name] for one in each]) for name in each[0]}
    return {name: float((M - 1) * values.var()) for name, values in found.items() if np.isfinite(values).all()}


def judged(name: str, models: tuple[int, int], own: Scored, other: Scored, pairs: int) -> Paired:
    """The difference of two models in one metric, and the word for it."""
    d = own.whole[name] - other.whole[name]
    sample = own.samples[name].less(other.samples[name])
    low, high = sample.interval
    if np.isnan(low):
        return Paired(name, models, d, None, None, LEVEL)
    row, rows = row_of(name), np.square(sample.error)
    # Each variance, and the degrees of freedom that it is from: together those of Welch and Satterthwaite.
    parts = [(rows, own.n - 1)]
    for one in (own, other):
        shown = one.seeds.get(name)
        parts.append((own.n * rows / (2 * row.seed_rows), own.n - 1) if shown is None else (shown, one.members - 1))
    variance = sum(v for v, _ in parts)
    freedom = 1 / sum((v / variance) ** 2 / f for v, f in parts)
    least = max(sure(freedom + 1, pairs) * np.sqrt(variance), LEAST * max(abs(own.whole[name]), abs(other.whole[name])))
    apart = abs(d) > least and (low > 0 or high < 0)
    word = (BETTER if (d > 0) == row.higher else WORSE) if apart else LEVEL
    return Paired(name, models, d, low, high, word)
