"""Pictures of predicted classes: confusion, ROC, precision–recall, calibration, probabilities, thresholds.

Each but the first takes a Profile: of two classes it shows the second, of more each against the rest. Rows count by
their weights where metrics do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.data.scales import Floats
from nnfit.errors import Problem, UsageError
from nnfit.report import style
from nnfit.scoring.profile import BINS, FINE, LEVELS, ClassProfile, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MATRIX = 12  # classes of a matrix that can be read
FIRM = 5  # rows of a bin through which the calibration curve goes
WORST = 15  # confusions that are shown of more classes


@style.drawn
def roc(profile: Profile, of: str = "", threshold: float | None = None) -> Figure:
    """The receiver operating characteristic: the share of a class that is found, by the share of others taken for it.

    `of` says which rows these are; the decision threshold of two classes is marked.
    """
    figure, (axis,) = style.canvas(4.6, 4.0)
    axis.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8, linestyle=":", label="by chance")
    for k, found in enumerate(profile.classes):
        if found.positives and found.negatives:
            axis.plot(*found.roc, **style.line(k), label=labelled(found))
            mark(axis, k, found, threshold, *at(found, threshold)[:2])
        else:
            axis.plot([], [], **style.line(k), label=f"{labelled(found)}: no curve")
    axis.set_xlabel("False positive rate")
    axis.set_ylabel(f"True positive rate{of_class(profile)}")
    return finished(figure, [axis], profile, of, threshold)


@style.drawn
def precision_recall(profile: Profile, of: str = "", threshold: float | None = None) -> Figure:
    """Precision, how much of what is taken for a class is right, by recall, how much of the class is found.

    `of` and `threshold` as for `roc`; dotted is what chance would do, the share of the class.
    """
    figure, (axis,) = style.canvas(4.6, 4.0)
    for k, found in enumerate(profile.classes):
        if found.positives:
            recall, precision = found.precision_recall
            look = style.line(k)
            axis.plot(recall, precision, **look, drawstyle="steps-pre", label=labelled(found))
            share = found.positives / (found.positives + found.negatives)
            axis.axhline(share, color=look["color"], linewidth=0.8, linestyle=":")
            _, recall_at, precision_at = at(found, threshold)
            mark(axis, k, found, threshold, recall_at, precision_at)
        else:
            axis.plot([], [], **style.line(k), label=f"{labelled(found)}: no curve")
    axis.plot([], [], color=style.INK, linewidth=0.8, linestyle=":", label="by chance")
    axis.set_xlabel(f"Recall{of_class(profile)}")
    axis.set_ylabel("Precision")
    return finished(figure, [axis], profile, of, threshold)


@style.drawn
def calibration(profile: Profile, of: str = "") -> Figure:
    """How often a class is true where it was given a probability, in ten bins, and how many rows each bin has.

    Points on the diagonal mean what they say; above it the class is more frequent than was said. Points are the larger
    the more rows they are of, and the line leaves out those of fewer than five. Where a model tells of so few rows, the
    point stands in the middle of its bin.
    """
    figure, axes = style.canvas(4.6, 4.8, 2, 1, sharex=True, height_ratios=[3, 1])
    curve, rows = axes
    curve.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8, linestyle=":", label="perfectly calibrated")
    for k, found in enumerate(profile.classes):
        look = style.line(k)
        some = [i for i, share in enumerate(found.share_in_bin) if share is not None]
        share, middle = np.array([found.share_in_bin[i] for i in some], np.float64), (BINS[:-1] + BINS[1:])[some] / 2
        known = np.array([found.mean_in_bin[i] for i in some], np.float64)  # NaN where a model keeps none of few rows
        mean = np.where(np.isnan(known), middle, known)
        size = np.array(found.rows_in_bin)[some]
        firm = size >= FIRM if (size >= FIRM).any() else size > 0
        curve.plot(mean[firm], share[firm], **look, linewidth=1.6 if len(profile.classes) == 1 else 1)
        curve.plot([], [], **look, label=labelled(found))
        curve.scatter(mean, share, s=6 + 54 * size / max(size.max(initial=0), 1e-300), color=look["color"])
        rows.stairs(found.rows_in_bin, BINS, color=look["color"], fill=len(profile.classes) == 1, alpha=0.8)
    curve.set_ylabel(f"Share{of_class(profile)}")
    rows.set_ylabel("Rows")
    rows.set_xlabel(f"Predicted probability{of_class(profile)}")
    rows.set_xlim(-0.02, 1.02)
    return finished(figure, [curve], profile, of, None)


@style.drawn
def probabilities(profile: Profile, of: str = "", threshold: float | None = None) -> Figure:
    """The distribution of the predicted probability of each class, in rows of the class and in the others."""
    figure, axes = multiples(profile, 1.9)
    for found, axis in zip(profile.classes, axes, strict=False):
        sides = ((found.own, style.BLUE, "rows of the class"), (found.others, style.ORANGE, "other rows"))
        for counts, colour, label in sides:
            share = np.array(counts) / max(sum(counts), 1e-300)
            axis.stairs(share, FINE, color=colour, fill=True, alpha=0.35)
            axis.stairs(share, FINE, color=colour, linewidth=1.3, label=label)
        level(axis, threshold)
        axis.set_title(style.name(found.name))
        axis.set_xlabel("Predicted probability")
        axis.set_ylabel("Share of rows")
        axis.set_xlim(-0.02, 1.02)
    return beside(figure, axes, of)


@style.drawn
def thresholds(profile: Profile, of: str = "", threshold: float | None = None) -> Figure:
    """Precision, recall, F1 and accuracy by the threshold from which on the second of two classes is predicted.

    A UsageError for more classes, which no threshold tells apart.
    """
    if not all(found.tp_at for found in profile.classes):
        raise UsageError(Problem("wrong-target", "a threshold tells two classes apart, and there are more"))
    figure, axes = multiples(profile, 2.2)
    for found, axis in zip(profile.classes, axes, strict=False):
        for index, (label, values) in enumerate(by_threshold(found).items()):
            axis.plot(LEVELS, values, **style.line(index), label=label)
        level(axis, threshold)
        axis.set_title(style.name(found.name))
        axis.set_xlabel("Threshold of its probability")
        axis.set_ylabel("Metric")
        axis.set_ylim(-0.03, 1.03)
        axis.set_xlim(-0.02, 1.02)
    return beside(figure, axes, of)


def by_threshold(found: ClassProfile) -> dict[str, Floats]:
    """Metrics of a class against the rest at each of LEVELS; precision is not defined where nothing is predicted."""
    tp, fp = np.array(found.tp_at), np.array(found.fp_at)
    P, N = found.positives, found.negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "precision": tp / (tp + fp),
            "recall": tp / P if P else np.full_like(tp, np.nan),
            "F1": 2 * tp / (P + tp + fp),
            "accuracy": (tp + N - fp) / (P + N),
        }


@style.drawn
def confusion(
    table: Sequence[Sequence[Any]], classes: Sequence[str], of: str = "", targets: Sequence[str] = ()
) -> Figure:
    """How many rows of each true class are predicted as which: counts, and shares of the true class by colour.

    `table` (K, K) and `classes` as metrics have them; (T, K, K) of several 0/1 `targets`, a picture each. Of more than
    twelve classes the fifteen most frequent confusions, as bars.
    """
    counts = np.array(table, np.float64)
    if len(classes) > MATRIX:
        return worst(counts, classes, of)
    tables = counts[None] if counts.ndim == 2 else counts
    K, columns = len(classes), min(3, len(tables))
    rows = -(-len(tables) // columns)
    figure, axes = style.canvas(1.2 + (1.0 + 0.55 * K) * columns, 0.6 + (0.9 + 0.45 * K) * rows, rows, columns)
    for k, (axis, each) in enumerate(zip(axes, tables, strict=False)):
        image = matrix(axis, each, [style.name(label, 18) for label in classes])
        if counts.ndim == 3:
            axis.set_title(style.name(targets[k]))
    for axis in axes[len(tables) :]:
        axis.set_axis_off()
    bar = figure.colorbar(image, ax=axes, label="Share of the true class", ticks=[0, 0.5, 1], aspect=30)
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
    style.title(figure, of)
    return figure


def matrix(axis: Axes, counts: Floats, names: list[str]) -> AxesImage:
    """The counts (K, K) as coloured cells."""
    K, total = len(names), counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    image = axis.imshow(share, style.tints(style.BLUE, 0.6), vmin=0, vmax=1, aspect="auto", interpolation="none")
    for i in range(K):
        for j in range(K):
            shown = f"{counts[i, j]:,.6g}\n{100 * share[i, j]:.0f} %" if counts[i, j] else "0"
            axis.text(j, i, shown, ha="center", va="center", fontsize=8 if K <= 6 else 6.5)
    slanted = max(map(len, names)) > 7
    axis.set_xticks(range(K), names)
    if slanted:
        axis.set_xticks(range(K), names, rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(K), names)
    axis.grid(False)
    axis.set_xlabel("Predicted class")
    axis.set_ylabel("True class")
    return image


def worst(counts: Floats, classes: Sequence[str], of: str) -> Figure:
    """The most frequent confusions, as bars."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = [i for i in np.argsort(-wrong, axis=None, kind="stable")[:WORST] if wrong.flat[i] > 0]
    pairs = [np.unravel_index(i, wrong.shape) for i in order]
    figure, (axis,) = style.canvas(5.6, max(2.8, 1.4 + 0.25 * len(pairs)))
    size = np.array([wrong[pair] for pair in pairs])
    shares = [wrong[i, j] / counts[i].sum() for i, j in pairs]
    bars = axis.barh(range(len(pairs)), size, color=style.BLUE, height=0.7)
    axis.bar_label(
        bars, [f" {n:,.6g} ({100 * share:.0f} %)" for n, share in zip(size, shares, strict=True)], fontsize=8
    )
    names = [f"{style.name(classes[i], 18)} → {style.name(classes[j], 18)}" for i, j in pairs]
    axis.set_yticks(range(len(pairs)), names)
    axis.set_ylim(max(len(pairs), 1) - 0.4, -0.6)
    axis.margins(x=0.25)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("Rows (share of the true class)")
    axis.set_ylabel("True class → predicted class")
    right = f"{np.trace(counts):,.6g} of {counts.sum():,.6g} rows are right"
    axis.set_title(f"The most frequent confusions; {right}" if pairs else f"No confusion: {right}", loc="left")
    style.title(figure, of)
    return figure


# --- in common -----------------------------------------------------------------------------------------------------


def labelled(found: ClassProfile) -> str:
    """A class as the legend has it, with its rows, or their weight."""
    return f"{style.name(found.name)} ({found.positives:,.6g} of {found.positives + found.negatives:,.6g})"


def of_class(profile: Profile) -> str:
    """` of "yes"`, where there is one class to speak of."""
    return f' of "{style.name(profile.classes[0].name)}"' if len(profile.classes) == 1 else ""


def at(found: ClassProfile, threshold: float | None) -> tuple[float, float, float]:
    """False positive rate, recall and precision at a threshold, between the levels beside it; NaN where not known."""
    if threshold is None or not found.tp_at:
        return np.nan, np.nan, np.nan
    tp, fp = (float(np.interp(threshold, LEVELS, each)) for each in (found.tp_at, found.fp_at))
    return fp / max(found.negatives, 1e-300), tp / max(found.positives, 1e-300), tp / max(tp + fp, 1e-300)


def mark(axis: Axes, k: int, found: ClassProfile, threshold: float | None, x: float, y: float) -> None:
    """Mark the point of a curve at the decision threshold."""
    if threshold is not None and found.tp_at:
        look: dict[str, Any] = {"color": style.line(k)["color"], "markeredgecolor": style.INK, "linestyle": "none"}
        axis.plot([x], [y], marker="o", markersize=7, clip_on=False, zorder=5, **look)


def level(axis: Axes, threshold: float | None) -> None:
    """Mark the decision threshold as a line across."""
    if threshold is not None:
        told = f"decision threshold {threshold:.3g}"
        axis.axvline(threshold, color=style.INK, linewidth=1, linestyle="--", label=told)


def finished(figure: Figure, axes: list[Axes], profile: Profile, of: str, threshold: float | None) -> Figure:
    """The figure with limits for shares, the legend (beside it where there are many classes), and its title."""
    for axis in axes:
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
    if threshold is not None and all(found.tp_at for found in profile.classes):
        told = f"decision threshold {threshold:.3g}"
        first = style.line(0)["color"] if len(profile.classes) == 1 else style.PAPER  # the points have each its own
        look: dict[str, Any] = {"markeredgecolor": style.INK, "linestyle": "none", "color": first}
        axes[0].plot([], [], marker="o", markersize=7, label=told, **look)
    handles, labels = axes[0].get_legend_handles_labels()
    if len(profile.classes) > 3:
        figure.set_size_inches(figure.get_figwidth() + 1.8, figure.get_figheight())
        figure.legend(handles, labels, loc="outside right upper")
    else:
        axes[0].legend(handles, labels, loc="best")
    style.title(figure, of)
    return figure


def multiples(profile: Profile, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with a small picture of each class."""
    K = max(len(profile.classes), 1)
    columns = min(K, 3)
    rows = -(-K // columns)
    return style.canvas(max(4.6, 2.5 * columns), height * rows + 0.7 + 0.6 * (rows == 1), rows, columns)


def beside(figure: Figure, axes: list[Axes], of: str) -> Figure:
    """The figure of small pictures with one legend, its title, and no axes without a class."""
    style.legend(figure, *axes[0].get_legend_handles_labels())
    for axis in axes:
        if not axis.has_data():
            axis.set_axis_off()
    style.title(figure, of)
    return figure
