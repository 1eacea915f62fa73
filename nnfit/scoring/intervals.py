"""Bootstrap intervals: how far a metric would move if other rows had been drawn from the same source.

Rows are drawn from the rows, with replacement, as many as there are; the metric of the drawn rows is one resample.
The 2.5th and the 97.5th percentile of many resamples are a 95 % interval (Efron 1979; Efron and Tibshirani 1993,
chapter 13). A row that is drawn twice is a row of weight 2, so a resample is nothing but weights, and a metric works on
many resamples in one call. The interval tells of the rows alone, not of another training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95
MOST = 4_000  # rows that are drawn from; more are scaled from this many
FEWEST = 10  # rows below which resampling says nothing
AT_ONCE = 1 << 16  # weights held at once: they stay in cache


def bootstrap(
    metrics: Mapping[str, Callable[..., Any]],
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
    n = len(rows[0])
    if n < FEWEST:
        return dict.fromkeys(metrics, (math.nan, math.nan))
    m, w = min(n, MOST), np.ones(n) if w is None else w
    part = rng.permutation(n)[:m] if m < n else np.arange(n)
    few, few_w = [each[part] for each in rows], w[part]
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in metrics}
    size = max(1, AT_ONCE // m)
    for start in range(0, resamples, size):
        B = min(size, resamples - start)
        drawn = rng.integers(m, size=(B, m)) + m * np.arange(B)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=B * m).reshape(B, m)
        weights = np.multiply(counts.T, few_w[:, None], order="C").T  # row by row in memory, for metrics that sort rows
        for name, metric in metrics.items():
            found[name].append(metric(*few, weights))
    result = {}
    for name, parts in found.items():
        values = np.concatenate(parts)
        values = values[~np.isnan(values)]
        ends = np.full(2, np.nan)
        if len(values) and np.ptp(values) > 0:
            ends = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        if m < n:
            ends = metrics[name](*rows, w) + np.sqrt(m / n) * (ends - metrics[name](*few, few_w))
        result[name] = (float(ends[0]), float(ends[1]))
    return result


def wilson(share: float, w: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a share of n rows, (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.

    Unlike resampling it has a width where all rows agree, and holds for two rows as for many. Of weighted rows
    n = (Σ w)² / Σ w². Source: Wilson 1927.
    """
    n, z = float(w.sum() ** 2 / (w**2).sum()), 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
