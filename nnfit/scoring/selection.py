"""The best of many is too good by chance: how much of its score, and of its lead, the choice alone has made.

Of T trials that are all equally good, each scored with an error of standard deviation s, the best looks better than it
is by s e(T), e(T) the expected largest of T standard normal numbers: 1.5 s of ten, 2.5 s of a hundred. Where the scores
of single rows are known, rows are resampled instead, which needs neither normal errors nor equally good trials, and
sees that rows that are hard for one trial are hard for all: the best is chosen on the rows drawn, and scored on those
left out, which had no say. Source: Tsamardinos, Greasidou and Borboudakis 2018, "Bootstrapping the out-of-sample
predictions for efficient and accurate cross-validation", Machine Learning 107, algorithm 5 (BBC-CV); Efron and
Tibshirani 1993, "An Introduction to the Bootstrap", chapter 17.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decide
from nnfit.scoring.comparison import Outcome, values

RESAMPLES = 1000
FEWEST = 5  # groups below which resampling says nothing
AT_ONCE = 1 << 22  # numbers held at once
MEANS = {False: ("accuracy", "log_loss", "brier"), True: ("mae", "rmse")}  # over rows, of classes and of numbers
REACH = 3.0  # standard errors of a difference from the best beyond which a trial is not in the running


class Scores(NamedTuple):
    """What each of T trials scores on each of G groups of rows, the same rows for all: `values` (T, G).

    A group is a row, a fold, or some rows drawn together at random (`grouped`); a value is the mean over its rows, and
    `sizes` (G,) are the sums of their weights. The metric is the mean over the groups, weighted by `sizes`; its root if
    `root`, for a metric as the RMSE, whose values are squared errors.
    """

    values: Floats
    sizes: Floats
    root: bool = False

    def of(self, weights: Floats) -> Floats:
        """The metric of every trial, of groups that count (B, G) times: (B, T)."""
        w = weights * self.sizes
        mean: Floats = w @ self.values.T / w.sum(axis=1, keepdims=True)
        return np.sqrt(mean) if self.root else mean


class Selection(NamedTuple):
    """What resampling says of the best of T trials.

    `score` is what the best has on all groups, `corrected` what the best of a resample has, in the mean, on the groups
    left out, `chosen` (T,) the share of the resamples in which each trial is the best, and `error` (T,) the standard
    error of its difference to the best.
    """

    best: int
    score: float
    corrected: float
    chosen: Floats
    error: Floats
    higher: bool

    @property
    def optimism(self) -> float:
        """How much better than it is the best looks, whichever way is better; below 0 where resampling finds none."""
        return self.score - self.corrected if self.higher else self.corrected - self.score


def grouped(values: Floats, w: Floats | None = None, most: int = 200, root: bool = False) -> Scores:
    """The scores of T trials on n rows, (T, n), in at most `most` groups drawn once: as good, and small for any n.

    Groups of rows drawn at random are themselves a sample, so resampling them says what resampling the rows does.
    """
    T, n = values.shape
    w = np.ones(n) if w is None else np.asarray(w, np.float64)
    place = np.random.default_rng(0).permutation(np.arange(n) % most)
    sizes: Floats = np.bincount(place, w).astype(np.float64)
    sums = np.stack([np.bincount(place, w * line) for line in values]) if T else np.empty((0, len(sizes)))
    counted = sizes > 0
    return Scores(sums[:, counted] / sizes[counted], sizes[counted], root)


def of_rows(
    metric: str,
    target: Target,
    each: Outcome,
    truth: Floats | Labels,
    w: Floats | None = None,
    thresholds: Floats | None = None,
    most: int = 100,
) -> Scores | None:
    """The scores of one trial on its rows, (1, G): the groups are the same for all trials of as many rows.

    Of accuracy, log_loss, brier, mae, and of one target rmse; None of a metric that is no mean over rows. Weights
    w (n,) and `thresholds` (n,) as in `evaluate`.
    """
    root, several = metric == "rmse", len(target.columns) > 1
    if metric not in MEANS[target.task == "regression"] or (root and several):
        return None
    with np.errstate(all="ignore"):
        if metric == "accuracy":
            own = truth == decide(target, each.prediction, thresholds)
        else:
            own = values(metric, target, "", each, truth, w)
    own = own.reshape(len(truth), -1).mean(axis=1)
    return grouped(own[None], w, most, root)


def selection(
    scores: Scores, higher: bool, resamples: int = RESAMPLES, seed: int = 0, best: int | None = None
) -> Selection | None:
    """The choice of the best, made again on `resamples` draws of the G groups with replacement.

        optimism = mean_b metric(best of b, groups left out of b) − metric(best, all groups)      (the lower the better)

    On trials that differ by nothing the groups left out are new to the choice, so their mean is the trials' true score.
    What is drawn are rows: the luck of a seed is a part of the trial. `best` is the trial that was chosen, by default
    the best on all groups. None of fewer than FEWEST groups.
    """
    T, G = scores.values.shape
    if G < FEWEST or not T:
        return None
    rng, sign = np.random.default_rng(seed), -1.0 if higher else 1.0
    whole = scores.of(np.ones((1, G)))[0]
    best = int(np.argmin(sign * whole)) if best is None else best
    chosen, first, second, outside = np.zeros(T), np.zeros(T), np.zeros(T), []
    size = max(1, AT_ONCE // (T + G))
    for start in range(0, resamples, size):
        B = min(size, resamples - start)
        drawn = rng.integers(G, size=(B, G))
        counts = np.bincount((drawn + G * np.arange(B)[:, None]).ravel(), minlength=B * G).reshape(B, G)
        seen = scores.of(counts.astype(np.float64))
        winner = np.argmin(sign * seen, axis=1)
        left = (counts == 0).astype(np.float64)
        some = left.any(axis=1)  # few groups may all be drawn
        w = left[some] * scores.sizes
        mean = (w * scores.values[winner[some]]).sum(axis=1) / w.sum(axis=1)
        outside.append(np.sqrt(mean) if scores.root else mean)
        chosen += np.bincount(winner, minlength=T)
        behind = seen - seen[:, [best]]
        first += behind.sum(axis=0)
        second += (behind**2).sum(axis=0)
    variance = np.maximum(second / resamples - (first / resamples) ** 2, 0.0)
    return Selection(
        best,
        float(whole[best]),
        float(np.concatenate(outside).mean()),
        chosen / resamples,
        np.sqrt(variance * G / (G - 1)),
        higher,
    )


@lru_cache
def expected_best(n: int) -> float:
    """The expected largest of n independent standard normal numbers, e(n) = ∫ z n φ(z) Φ(z)ⁿ⁻¹ dz.

    e(1) = 0, e(2) = 1/√π = 0.564, e(10) = 1.539, e(100) = 2.508. Source: Harter 1961, Biometrika 48, table 1.
    """
    z = np.linspace(-9.0, 9.0, 6001)
    below = np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in z])
    density = n * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * below ** (n - 1)
    return float(np.sum(z * density) * (z[1] - z[0]))


def noise(scores: Scores) -> float:
    """The standard error of one trial's score, without what all trials have in common: NaN of one trial or group.

        s² = Σ_tg w_g² (d_tg − d̄_t)² / ((T − 1) (1 − Σ_g w_g²)),   d_tg = x_tg − mean_t x_tg,   Σ_g w_g = 1

    Groups that are hard for every trial do not decide which is the best. Of a root, by the delta method, s / 2√x̄.
    """
    T, G = scores.values.shape
    if T < 2 or G < 2:
        return math.nan
    w = scores.sizes / scores.sizes.sum()
    d = scores.values - scores.values.mean(axis=0)
    d = d - (d @ w)[:, None]
    s = math.sqrt(float(((w * d) ** 2).sum() / ((T - 1) * (1 - (w**2).sum()))))
    return s / (2 * math.sqrt(float((scores.values @ w).mean()))) if scores.root else s


def by_noise(values: Floats, s: float, higher: bool) -> tuple[float, int]:
    """What the best of T scores (T,) would gain by chance if those in the running were equally good, and how many are.

    s e(k) of the k trials that are no further from the best than REACH standard errors of a difference, √2 s: those
    further away never win by luck. It is the most that chance gives in the mean, less where the k are not equally good;
    of one sweep it may be more.
    """
    values = values[np.isfinite(values)]
    if not len(values) or not math.isfinite(s):
        return math.nan, 0
    behind = values.max() - values if higher else values - values.min()
    k = int((behind <= REACH * math.sqrt(2) * s).sum())
    return s * expected_best(k), k
