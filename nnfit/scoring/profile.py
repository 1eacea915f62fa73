"""The profile of predictions on a set of rows: the counts that ROC, calibration, residuals and the like are made of.

A profile holds aggregates alone, so that a model may carry that of the rows it did not learn from: points of curves,
bins and counts, and no row of anybody's data. Rows count by their weights where metrics do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.room import lay
from nnfit.data.scales import FAR, Floats
from nnfit.data.target import Target
from nnfit.progress import tracked
from nnfit.scoring.ranking import Ranking
from nnfit.workers.threads import spread

LEVELS = np.linspace(0, 1, 101)  # thresholds at which rows are counted
BINS = np.linspace(0, 1, 11)  # of the calibration curve
FINE = np.linspace(0, 1, 21)  # of the distribution of probabilities
CELLS = 30  # about as many intervals of a real target's range
BANDS = 12  # groups of rows alike in their prediction, at most
LEAST = 20  # rows of such a group, and of all that a model carries of a real target, at least
FIRM = 5  # rows of which a mean is carried, at least
POINTS = 80  # of a curve, about
SHOWN = 12  # classes or targets, at most
COUNTED = 2**53  # rows, at most: a double counts no further
WIDE = 10 * FAR  # edges of numbers that have a square, and of their differences, are within it
ROUNDING = 1e-4  # of counts by weights, which have five digits
NARROW = 1e-300  # an interval as wide has ends that a double tells apart, and a power of ten


class ClassProfile(NamedTuple):
    """One class, or one of several 0/1 targets, against the rest, by its probability p.

    `tp`, `fp` (T,) are the rows of the class and the others at or above each threshold, from the highest on; of
    `tp_at`, `fp_at` (101,) these are LEVELS, where there are two classes, which a threshold tells apart. The
    calibration has 10 bins of p: rows, mean p, share of the class; no mean where rows are few. `own`, `others` (20,)
    are the rows by p.
    """

    name: str
    positives: float
    negatives: float
    tp: tuple[float, ...]
    fp: tuple[float, ...]
    tp_at: tuple[float, ...]
    fp_at: tuple[float, ...]
    rows_in_bin: tuple[float, ...]
    mean_in_bin: tuple[float | None, ...]
    share_in_bin: tuple[float | None, ...]
    own: tuple[float, ...]
    others: tuple[float, ...]

    @property
    def roc(self) -> tuple[Floats, Floats]:
        """The false and the true positive rate at each threshold, from (0, 0) on."""
        tp, fp = np.array([0.0, *self.tp]), np.array([0.0, *self.fp])
        return fp / max(self.negatives, 1e-300), tp / max(self.positives, 1e-300)

    @property
    def precision_recall(self) -> tuple[Floats, Floats]:
        """Recall and precision at each threshold, from the highest on; before it recall is 0 and precision 1."""
        tp, fp = np.array(self.tp), np.array(self.fp)
        precision = tp / np.maximum(tp + fp, 1e-300)
        return np.r_[0.0, tp / max(self.positives, 1e-300)], np.r_[1.0, precision]


class TargetProfile(NamedTuple):
    """One real target: how true values lie beside predicted ones, in its own unit.

    `density` (C, C) counts the rows by true value (first axis) and prediction, both within `edges` (C + 1,); what lies
    beyond is counted at the ends. `residuals` are true − predicted, by `residual_edges`. Rows alike in their prediction
    make a band: how many, the mean prediction, and the residuals' 10th, 50th and 90th percentile.
    """

    name: str
    edges: tuple[float, ...]
    density: tuple[tuple[float, ...], ...]
    residual_edges: tuple[float, ...]
    residuals: tuple[float, ...]
    band_rows: tuple[float, ...]
    band_mean: tuple[float, ...]
    band_low: tuple[float, ...]
    band_middle: tuple[float, ...]
    band_high: tuple[float, ...]


class Profile(NamedTuple):
    """What was predicted for a set of rows, and how often it was so: of classes, or of real targets."""

    rows: int
    classes: tuple[ClassProfile, ...] = ()
    targets: tuple[TargetProfile, ...] = ()


def profile(
    target: Target,
    truth: NDArray[Any],
    prediction: Floats,
    w: Floats | None = None,
    points: int = POINTS,
    cells: int = CELLS,
    least: int = LEAST,
) -> Profile:
    """The profile of predictions in the user's terms, as `decode` gives them: of the classes that are most, or targets.

    Of two classes the second alone: what holds of it holds, mirrored, of the first. Of fewer than `least` rows nothing
    is told of real targets, nor of those with a number that has no square. `points` and `cells` are about how many a
    curve and a range get.
    """
    n = len(truth)
    if target.task == "regression":
        pairs = [(name, truth[:, k], prediction[:, k]) for k, name in enumerate(target.columns[:SHOWN])]
        near = [each for each in pairs if all((np.abs(values) <= FAR).all() for values in each[1:])]
        several = tracked(spread(lambda each: of_target(*each, cells), near), "profile of the predictions", len(near))
        return Profile(n, targets=tuple(several if n >= least else ()))
    if target.task == "multilabel":
        names, positive, shown = target.columns, truth.astype(bool), list(range(min(SHOWN, len(target.columns))))
    else:
        names, positive = target.classes, None
        most = np.argsort(-np.bincount(truth, minlength=len(names)), kind="stable")[:SHOWN]
        shown = [1] if len(names) == 2 else sorted(most.tolist())
    firm = min(FIRM, least)

    def one(k: int) -> ClassProfile:
        """The profile of a class."""
        rows = truth == k if positive is None else positive[:, k]
        return of_class(names[k], rows, prediction[:, k], w, points, firm)

    found = list(tracked(spread(one, shown), "profile of the predictions", len(shown)))
    if len(names) > 2 or target.task == "multilabel":
        found = [each._replace(tp_at=(), fp_at=()) for each in found]
    return Profile(n, tuple(found))


def of_class(
    name: str,
    positive: NDArray[np.bool_],
    p: Floats,
    w: Floats | None = None,
    points: int | None = POINTS,
    firm: int = 1,
) -> ClassProfile:
    """The profile of one class against the rest; its curves have about so many points, or all of them.

    A bin of fewer than `firm` rows has no mean.
    """
    weights = lay(np.ones(len(p))) if w is None else w
    ranking = Ranking(positive, p)
    tp, fp = map(lay, ranking.curve(w))
    at = np.searchsorted(-ranking.scores, -LEVELS, side="right")  # scores of at least each level
    summed = [np.r_[0.0, each][at] for each in (tp, fp)]
    chosen = np.arange(len(tp)) if points is None else spaced(tp, fp, points)
    cell = np.clip(np.searchsorted(BINS, p, side="left") - 1, 0, len(BINS) - 2)
    size = np.bincount(cell, weights, len(BINS) - 1)
    mean, share = (np.bincount(cell, weights * each, len(BINS) - 1) for each in (p, positive))
    whole, known = size > 0, np.bincount(cell, minlength=len(BINS) - 1) >= firm
    means, shares = (np.divide(each, size, out=np.zeros_like(size), where=whole) for each in (mean, share))
    fine = np.clip(np.searchsorted(FINE, p, side="right") - 1, 0, len(FINE) - 2)
    own, others = (np.bincount(fine[rows], weights[rows], len(FINE) - 1) for rows in (positive, ~positive))
    return ClassProfile(
        name,
        tidy(weights[positive].sum()),
        tidy(weights[~positive].sum()),
        rounded(tp[chosen]),
        rounded(fp[chosen]),
        rounded(summed[0]),
        rounded(summed[1]),
        rounded(size),
        tuple(digits(v) if some else None for v, some in zip(means, whole & known, strict=True)),
        tuple(digits(v) if some else None for v, some in zip(shares, whole, strict=True)),
        rounded(own),
        rounded(others),
    )


def spaced(tp: Floats, fp: Floats, points: int) -> NDArray[np.intp]:
    """About so many of the points of a curve: the first ones, where precision jumps, and others as far from each other.

    The last is always among them.
    """
    if len(tp) <= points:
        return np.arange(len(tp))
    way = tp / max(tp[-1], 1e-300) + fp / max(fp[-1], 1e-300)
    even = np.searchsorted(way, np.linspace(way[0], way[-1], points * 2 // 3))
    first = np.geomspace(1, len(tp), points // 3).astype(np.intp) - 1
    return np.unique(np.minimum(np.r_[even, first, len(tp) - 1], len(tp) - 1))


def of_target(name: str, y: Floats, y_hat: Floats, cells: int = CELLS) -> TargetProfile:
    """The profile of one real target; its edges are round numbers, so that none is a row's own value."""
    edges = round_edges(*ends(np.concatenate([y, y_hat])), cells)
    at = [np.clip(np.searchsorted(edges, each, side="right") - 1, 0, len(edges) - 2) for each in (y, y_hat)]
    C = len(edges) - 1
    density = np.bincount(at[0] * C + at[1], minlength=C * C).reshape(C, C)
    del at
    r = y - y_hat
    r_edges = round_edges(*ends(r.copy()), cells)
    place = np.clip(np.searchsorted(r_edges, r, side="right") - 1, 0, len(r_edges) - 2)
    groups = np.array_split(np.argsort(y_hat, kind="stable"), max(1, min(BANDS, len(y) // LEAST)))
    middle = [np.quantile(r[rows], [0.1, 0.5, 0.9]) for rows in groups]
    return TargetProfile(
        name,
        tuple(edges.tolist()),
        tuple(tuple(row) for row in density.tolist()),
        tuple(r_edges.tolist()),
        tuple(np.bincount(place, minlength=len(r_edges) - 1).tolist()),
        tuple(len(rows) for rows in groups),
        tuple(digits(y_hat[rows].mean()) for rows in groups),
        *(tuple(map(digits, each)) for each in np.transpose(middle)),
    )


def ends(values: Floats) -> tuple[float, float]:
    """Between which all but a few far values lie; they are put in another order."""
    low, high = np.quantile(values, [0.002, 0.998], overwrite_input=True)
    return float(low), float(high)


def round_edges(low: float, high: float, cells: int = CELLS) -> Floats:
    """About so many intervals of 1, 2 or 5 times a power of ten that cover the range from low to high."""
    if high - low < NARROW * cells:  # of next to no range, and of none
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    step = max((high - low) / cells, 1e-9 * max(abs(low), abs(high)))  # a double tells apart no less
    power = 10.0 ** np.floor(np.log10(step))
    step = next(k * power for k in (1, 2, 5, 10, 20) if k * power >= step)
    first, last = np.floor(low / step), np.ceil(high / step)
    return np.array([float(f"{k * step:.12g}") for k in np.arange(first, last + 1)])


def rounded(values: NDArray[Any]) -> tuple[float, ...]:
    """Numbers with five digits, those that count rows as whole ones."""
    return tuple(tidy(value) for value in np.asarray(values, np.float64).tolist())


def tidy(value: float) -> float:
    """A whole number as it is, any other with five digits."""
    return int(value) if float(value).is_integer() and abs(value) < COUNTED else digits(value)


def digits(value: float) -> float:
    """A measure with five digits, so that none is a row's own number to the last."""
    return float(f"{value:.5g}")


# --- in the record of a model --------------------------------------------------------------------------------------


def as_json(found: Profile, names: Sequence[str]) -> dict[str, Any]:
    """The profile as the record of a training holds it: classes or targets by their place among the names."""

    def entry(each: ClassProfile | TargetProfile) -> dict[str, Any]:
        values = each._asdict()
        return {"index": names.index(values.pop("name")), **values}

    return {
        "rows": found.rows,
        "classes": [entry(each) for each in found.classes],
        "targets": [entry(each) for each in found.targets],
    }


def of_json(value: Any, names: Sequence[str]) -> Profile:
    """The profile that a record holds; a ValueError for what is not one."""
    try:
        classes = tuple(class_of(each, names) for each in value["classes"])
        targets = tuple(target_of(each, names) for each in value["targets"])
        rows = value["rows"]
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError):
        raise ValueError("is not a profile of predictions") from None
    if type(rows) is not int or not 0 <= rows <= COUNTED or len(classes) > SHOWN or len(targets) > SHOWN:
        raise ValueError("is not a profile of predictions")
    return Profile(rows, classes, targets)


def class_of(value: dict[str, Any], names: Sequence[str]) -> ClassProfile:
    """The profile of one class."""
    B, F, T = len(BINS) - 1, len(FINE) - 1, len(value["tp"])
    if not 1 <= T <= 2 * POINTS:
        raise ValueError("a curve has no points, or too many")
    L = len(LEVELS) if value["tp_at"] else 0
    counts = {"tp": T, "fp": T, "tp_at": L, "fp_at": L, "rows_in_bin": B, "own": F, "others": F}
    lists = {key: numbers(value[key], size, 0, COUNTED) for key, size in counts.items()}
    shares = {key: numbers(value[key], B, 0, 1, gaps=True) for key in ("mean_in_bin", "share_in_bin")}
    positives, negatives = numbers([value["positives"], value["negatives"]], 2, 0, COUNTED)
    for key, line, most in (
        ("tp", lists["tp"], positives),
        ("fp", lists["fp"], negatives),
        ("tp_at", lists["tp_at"][::-1], positives),
        ("fp_at", lists["fp_at"][::-1], negatives),
    ):
        if not all(a <= b * (1 + ROUNDING) for a, b in pairwise((*line, most))):
            raise ValueError(f"{key} falls, or counts more rows than there are")
    bins = zip(lists["rows_in_bin"], shares["mean_in_bin"], shares["share_in_bin"], strict=True)
    if any((share is None) != (size == 0) or (mean is not None and not size) for size, mean, share in bins):
        raise ValueError("the bins of the calibration do not fit each other")
    return ClassProfile(name_of(value, names), positives, negatives, **lists, **shares)


def target_of(value: dict[str, Any], names: Sequence[str]) -> TargetProfile:
    """The profile of one real target."""
    edges, residual_edges = (numbers(value[key], len(value[key]), -WIDE, WIDE) for key in ("edges", "residual_edges"))
    C, R, B = len(edges) - 1, len(residual_edges) - 1, len(value["band_rows"])
    if not all(1 <= size <= 4 * CELLS for size in (C, R, B)) or len(value["density"]) != C:
        raise ValueError("is not the profile of a target")
    if not all(apart(each) for each in (edges, residual_edges)):
        raise ValueError("edges do not rise by what can be told apart")
    density = tuple(numbers(row, C, 0, COUNTED) for row in value["density"])
    counts = {key: numbers(value[key], size, 0, COUNTED) for key, size in (("residuals", R), ("band_rows", B))}
    bands = {key: numbers(value[key], B, -WIDE, WIDE) for key in ("band_mean", "band_low", "band_middle", "band_high")}
    if not all(
        a <= b <= c for a, b, c in zip(bands["band_low"], bands["band_middle"], bands["band_high"], strict=True)
    ):
        raise ValueError("the percentiles of a band do not rise")
    return TargetProfile(name_of(value, names), edges, density, residual_edges, **counts, **bands)


def name_of(value: dict[str, Any], names: Sequence[str]) -> str:
    """The class or target that is meant."""
    index = value["index"]
    if type(index) is not int or not 0 <= index < len(names):
        raise ValueError("there is no class or target of that number")
    return names[index]


def apart(edges: Sequence[float]) -> bool:
    """Whether edges rise, by no less than those of `round_edges`."""
    least = max(NARROW, 1e-10 * max(map(abs, edges)))
    return all(b - a >= least for a, b in pairwise(edges))


def numbers(values: Any, size: int, least: float, most: float, gaps: bool = False) -> tuple[float, ...]:
    """So many numbers between these; with gaps, None is one."""
    if not isinstance(values, list | tuple) or len(values) != size:
        raise ValueError("numbers are missing")
    if not all((type(v) in (int, float) and least <= v <= most) or (gaps and v is None) for v in values):
        raise ValueError("a number is not what it counts or measures")
    return tuple(values)
