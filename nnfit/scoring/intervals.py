"""Bootstrap intervals: how far a metric would move if other rows had been drawn from the same source.

Rows are drawn from the rows, with replacement, as many as there are; the metric of the drawn rows is one resample.
The 2.5th and the 97.5th percentile of many resamples are a 95 % interval (Efron 1979; Efron and Tibshirani 1993,
chapter 13). A row that is drawn twice is a row of weight 2, so a resample is nothing but weights, and a metric works on
many resamples in one call. The interval tells of the rows alone, not of another training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.progress import tracked

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
    rows: Sequence[NDArray[Any]],
    rng: np.random.Generator,
    w: NDArray[np.float64] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """The percentile interval of every metric, called as metric(*rows, weights) with weights (…, n).

    Beyond MOST rows the resamples come from m = MOST of them, drawn once, and since the spread of a mean falls as 1/√n

        interval = metric + √(m/n) (percentiles − metric of the m rows)

    Resamples for which a metric is not defined are left out. NaN if it is for none, if the rows are fewer than FEWEST,
    and if all resamples are alike: without a mistake among the rows there is none to be drawn, and no width would say
    that there is no doubt.
    """
    (found,) = resampled(metrics, [rows], rng, w, resamples)
    return {name: sample.interval for name, sample in found.items()}


def resampled(
    metrics: Metrics,
    each: Sequence[Sequence[NDArray[Any]]],
    rng: np.random.Generator,
    w: NDArray[np.float64] | None = None,
    resamples: int = RESAMPLES,
) -> list[dict[str, Sample]]:
    """Every metric of what several models say of the same rows, with the same resamples for all of them.

    Each of `each` is what the metrics take of one model. Of fewer rows than FEWEST there are no resamples.
    """
    n = len(each[0][0])
    m, w = min(n, MOST), np.ones(n) if w is None else w
    part = rng.permutation(n)[:m] if m < n else np.arange(n)
    few, few_w = [[column[part] for column in rows] for rows in each], w[part]
    found: list[dict[str, list[NDArray[np.float64]]]] = [{name: [np.empty(0)] for name in metrics} for _ in each]
    size, left = max(1, AT_ONCE // m), resamples if n >= FEWEST else 0
    for start in tracked(range(0, left, size), "bootstrap of the intervals"):
        B = min(size, left - start)
        drawn = rng.integers(m, size=(B, m)) + m * np.arange(B)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=B * m).reshape(B, m)
        weights = np.multiply(counts.T, few_w[:, None], order="C").T  # row by row in memory, for metrics that sort rows
        for own, rows in zip(found, few, strict=True):
            for name, metric in metrics.items():
                own[name].append(metric(*rows, weights))
    scale = math.sqrt(m / n)
    return [
        {
            name: Sample(float(metric(*rows, w)), float(metric(*drawn_from, few_w)), np.concatenate(own[name]), scale)
            for name, metric in metrics.items()
        }
        for rows, drawn_from, own in zip(each, few, found, strict=True)
    ]


def wilson(share: float, w: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a share of n rows, (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.

    Unlike resampling it has a width where all rows agree, and holds for two rows as for many. Of weighted rows
    n = (Σ w)² / Σ w². Source: Wilson 1927.
    """
    n, z = float(w.sum() ** 2 / (w**2).sum()), 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
