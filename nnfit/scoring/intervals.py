"""Bootstrap intervals: how far a metric would move if other rows had been drawn from the same source.

Rows are drawn from the rows, with replacement, as many as there are; the metric of the drawn rows is one resample.
The 2.5th and the 97.5th percentile of many resamples are a 95 % interval (Efron 1979; Efron and Tibshirani 1993,
chapter 13). A row that is drawn twice is a row of weight 2, so a resample is nothing but weights, and a metric works on
many resamples in one call. The interval tells of the rows alone, not of another training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.progress import tracked
from nnfit.scoring.metrics import Judged, OfWeights, ready
from nnfit.workers.threads import spread

RESAMPLES = 1000
LEVEL = 0.95
MOST = 4_000  # rows that are drawn from; more are scaled from this many
FEWEST = 10  # rows below which resampling says nothing
AT_ONCE = 1 << 16  # weights held at once: they stay in cache

Metrics = Mapping[str, Callable[..., Any]]


class Sample(NamedTuple):
    """A metric of some rows, of the m of them that are drawn from, and of the resamples of these, (B,)."""

    whole: float
    few: float
    resampled: NDArray[np.float64]
    scale: float = 1.0  # √(m/n): how much nearer to each other the resamples of all n rows would lie

    def less(self, other: Sample) -> Sample:
        """The difference to another metric of the same rows, drawn in the same resamples."""
        difference = self.resampled - other.resampled
        return Sample(self.whole - other.whole, self.few - other.few, difference, self.scale)

    @property
    def values(self) -> NDArray[np.float64]:
        """The resamples for which the metric is defined; none if they are all alike."""
        defined = self.resampled[~np.isnan(self.resampled)]
        return defined if len(defined) and np.ptp(defined) > 0 else defined[:0]

    @property
    def interval(self) -> tuple[float, float]:
        """The percentile interval of the metric of all rows; NaN where the resamples do not have one."""
        if not len(self.values):
            return math.nan, math.nan
        ends = np.quantile(self.values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        if self.scale < 1:
            ends = self.whole + self.scale * (ends - self.few)
        return float(ends[0]), float(ends[1])

    @property
    def error(self) -> float:
        """The standard error of the metric of all rows; NaN where the resamples do not have one."""
        return float(self.values.std(ddof=1)) * self.scale if len(self.values) else math.nan


def bootstrap(
    metrics: Metrics,
    rows: Iterable[NDArray[Any]],
    rng: np.random.Generator,
    w: NDArray[np.float64] | None = None,
    resamples: int = RESAMPLES,
    whole: Mapping[str, float] | None = None,
) -> dict[str, tuple[float, float]]:
    """The percentile interval of every metric, called as metric(*rows, weights) with weights (…, n).

    Beyond MOST rows the resamples come from m = MOST of them, drawn once, and since the spread of a mean falls as 1/√n

        interval = metric + √(m/n) (percentiles − metric of the m rows)

    Resamples for which a metric is not defined are left out. NaN if it is for none, if the rows are fewer than FEWEST,
    and if all resamples are alike: without a mistake among the rows there is none to be drawn, and no width would say
    that there is no doubt. `whole` are the metrics of all rows, if they are known.
    """
    (found,) = resampled(metrics, [rows], rng, w, resamples, None if whole is None else [whole])
    return {name: sample.interval for name, sample in found.items()}


def resampled(
    metrics: Metrics,
    each: Sequence[Iterable[NDArray[Any]]],
    rng: np.random.Generator,
    w: NDArray[np.float64] | None = None,
    resamples: int = RESAMPLES,
    whole: Sequence[Mapping[str, float]] | None = None,
) -> list[dict[str, Sample]]:
    """Every metric of what several models say of the same rows, with the same resamples for all of them.

    Each of `each` is what the metrics take of one model; `whole` are its metrics of all rows, if they are known. Of
    fewer rows than FEWEST there are no resamples.
    """
    n = len(next(iter(each[0])))
    m = min(n, MOST)
    scale = math.sqrt(m / n)
    part = rng.permutation(n)[:m] if m < n else np.arange(n)
    few_w = np.ones(m) if w is None else w[part]
    of_few = [readied(metrics, some(rows, part)) for rows in each]
    if whole is None:
        whole = [{name: float(metric(w)) for name, metric in readied(metrics, rows).items()} for rows in each]
    size, left = max(1, AT_ONCE // m), resamples if n >= FEWEST else 0
    sizes = [min(size, left - start) for start in range(0, left, size)]

    def values(drawn: NDArray[np.int64]) -> list[list[NDArray[np.float64]]]:
        """Every metric of every model in some resamples: the rows that were drawn, (B, m)."""
        B = len(drawn)
        counts = np.bincount((drawn + m * np.arange(B)[:, None]).ravel(), minlength=B * m).reshape(B, m)
        weights = np.multiply(counts.T, few_w[:, None], order="C").T  # row by row in memory, for metrics that sort rows
        return [[metric(weights) for metric in own.values()] for own in of_few]

    drawn = (rng.integers(m, size=(B, m)) for B in sizes)  # by the caller's thread, in order
    blocks = list(tracked(spread(values, drawn), "bootstrap of the intervals", len(sizes)))
    parts = [{name: float(metric(few_w)) for name, metric in own.items()} for own in of_few]
    return [
        {
            name: Sample(
                own[name], part[name], np.concatenate([np.empty(0), *(block[i][j] for block in blocks)]), scale
            )
            for j, name in enumerate(metrics)
        }
        for i, (own, part) in enumerate(zip(whole, parts, strict=True))
    ]


def readied(metrics: Metrics, rows: Iterable[NDArray[Any]]) -> dict[str, OfWeights]:
    """Every metric of some rows, as a function of their weights."""
    return {name: ready(metric, rows) for name, metric in metrics.items()}


def some(rows: Iterable[NDArray[Any]], part: NDArray[np.intp]) -> Iterable[NDArray[Any]]:
    """Some of the rows, as metrics take them."""
    columns = [column[part] for column in rows]
    return Judged(*columns) if isinstance(rows, Judged) else columns


def level(n: int) -> str:
    """What an interval over n rows is called: where it comes from some of them, from how many."""
    return "95 %" if n <= MOST else f"95 %, from {MOST:,} rows"


def wilson(share: float, w: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a share of n rows, (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.

    Unlike resampling it has a width where all rows agree, and holds for two rows as for many. Of weighted rows
    n = (Σ w)² / Σ w². Source: Wilson 1927.
    """
    n, z = float(w.sum() ** 2 / (w**2).sum()), 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
