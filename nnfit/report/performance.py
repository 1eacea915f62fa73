"""How good the predictions are, to be seen: of classes confusions and curves, of real targets residuals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnfit.model.model import Model
from nnfit.report import figures
from nnfit.report.figures.classes import MATRIX
from nnfit.report.parts import Cells, Section, Shown, Slider, percent, table
from nnfit.report.svg import svg
from nnfit.report.told import Told, threshold_of
from nnfit.scoring.intervals import level
from nnfit.scoring.profile import BINS, FINE, ClassProfile, Profile, TargetProfile
from nnfit.words import count, short

FEW = 4  # classes of one that is small


def performance(model: Model, told: Told | None) -> Section | None:
    """The section of the predictions; None where nothing is known of them."""
    if told is None or told.profile is None or not (told.profile.classes or told.profile.targets):
        return None
    shown = of_targets(told) if told.profile.targets else of_classes(model, told)
    title = "Predictions and residuals" if told.profile.targets else "Classes and probabilities"
    return Section(
        "predictions", title, (f"All of this is of {told.words}.",), shown=tuple(shown), slider=slider(model, told)
    )


# --- classes -------------------------------------------------------------------------------------------------------


def of_classes(model: Model, told: Told) -> Iterator[Shown]:
    """The pictures of classes, each with its numbers."""
    assert told.profile is not None
    found, target, level = told.profile, model.target, threshold_of(model)
    yield from confusions(model, told)
    which = kinds_of(found, several=len(target.columns) > 1)
    marked = f" The dot is the decision, from the probability {level:.4g} on." if level is not None else ""
    yield Shown(
        "roc",
        "ROC",
        f"How much of {which} is found, against how much else is taken for it, as the threshold falls from 1 to 0. "
        f"The diagonal is chance.{marked}",
        svg(figures.roc(found, threshold=level), "roc", f"ROC of {told.label}"),
        (areas(told), *(points(each, roc=True) for each in found.classes)),
    )
    yield Shown(
        "precision-recall",
        "Precision and recall",
        f"Of all that is taken for {which}, how much is right, against how much of it is found. Dotted is chance: the "
        f"share of the rows.{marked}",
        svg(
            figures.precision_recall(found, threshold=level), "precision-recall", f"Precision by recall of {told.label}"
        ),
        tuple(points(each, roc=False) for each in found.classes),
    )
    if level is not None:
        yield Shown(
            "thresholds",
            "Metrics by threshold",
            f"What would be, were {short(target.classes[1])} predicted from another probability on. A threshold that "
            "is chosen by looking at these rows looks better on them than on new ones.",
            svg(figures.thresholds(found, threshold=level), "thresholds", f"Metrics by threshold of {told.label}"),
        )
    yield Shown(
        "calibration",
        "Calibration",
        "Of the rows with about such a probability, how many are of the class: on the diagonal, a probability means "
        "what it says. Bars count the rows.",
        svg(figures.calibration(found), "calibration", f"Calibration curve of {told.label}"),
        tuple(bins(each) for each in found.classes),
    )
    yield Shown(
        "probabilities",
        "Probabilities by class",
        "The rows of a class, and the others, by the probability that the model gives to the class: the further apart, "
        "the better it tells them.",
        svg(
            figures.probabilities(found, threshold=level),
            "probabilities",
            f"Distribution of probabilities, {told.label}",
        ),
        tuple(spread(each) for each in found.classes),
    )


def kinds_of(found: Profile, several: bool) -> str:
    """What a curve is of."""
    if len(found.classes) == 1:
        return short(found.classes[0].name)
    return "a target" if several else "a class"


def confusions(model: Model, told: Told) -> Iterator[Shown]:
    """The confusion matrix, or of many classes the largest confusions."""
    target, tables = model.target, told.metrics.get("confusion")
    if not tables:
        return
    classes, several = list(target.classes), len(target.columns) > 1
    text = "Rows by their true class and the predicted one; colour is the share of the true class."
    if len(classes) > MATRIX:
        text = f"Of {len(classes)} classes, the confusions that are most frequent."
    picture = figures.confusion(tables, classes, targets=target.columns if several else ())
    named = zip(target.columns, tables, strict=True) if several else [("", tables)]
    cells = [cells_of(np.array(each, np.float64), classes, name) for name, each in named]
    per_class = [] if several else [by_class(told, classes)]
    drawn = svg(picture, "confusion", f"Confusions of {told.label}")
    yield Shown("confusion", "Confusions", text, drawn, (*cells, *per_class), len(classes) > FEW)


def cells_of(counts: Any, classes: list[str], name: str) -> Cells:
    """The confusion matrix in numbers; of many classes a line for each confusion."""
    of = f" of {short(name)}" if name else ""
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    labels = [short(label) for label in classes]
    if len(classes) > MATRIX:
        wrong = counts * (1 - np.eye(len(counts)))
        order = [divmod(int(k), len(counts)) for k in np.argsort(-wrong, axis=None, kind="stable")[:50]]
        rows = [
            (labels[i], labels[j], f"{counts[i, j]:,.6g}", percent(shares[i, j])) for i, j in order if wrong[i, j] > 0
        ]
        return table(
            f"The largest confusions{of}",
            ("true class", "predicted as", "rows", "of the true class"),
            rows,
            sortable=True,
        )
    body = [
        [
            labels[i],
            *(f"{counts[i, j]:,.6g} ({percent(shares[i, j])})" for j in range(len(labels))),
            f"{total[i, 0]:,.6g}",
        ]
        for i in range(len(labels))
    ]
    title = f"True class (rows) by predicted class{of}"
    return table(title, ("true class", *labels, "all"), body, folded=len(classes) > FEW)


def by_class(told: Told, classes: list[str]) -> Cells:
    """Precision, recall and F1 of each class."""
    found = told.metrics.get("per_class", {})
    rows = [
        (short(name), *(found.get(key, [None] * len(classes))[k] for key in ("precision", "recall", "f1")), sum(line))
        for k, (name, line) in enumerate(zip(classes, told.metrics["confusion"], strict=True))
    ]
    header = ("class", "precision", "recall", "F1", "rows")
    return table("Class by class", header, rows, sortable=True, folded=len(classes) > MATRIX)


def areas(told: Told) -> Cells:
    """The areas under the curves."""
    rows = [
        (text, told.metrics.get(key), *(told.intervals.get(key) or (None, None)))
        for key, text in (("roc_auc", "area under the ROC"), ("average_precision", "average precision"))
    ]
    return table("Areas under the curves", ("", "value", f"{level(told.n)}: from", "to"), rows)


def points(found: ClassProfile, roc: bool) -> Cells:
    """The points of a curve."""
    name = short(found.name)
    x, y = found.roc if roc else found.precision_recall
    header = ("false positive rate", "true positive rate") if roc else ("recall", "precision")
    rows = [(float(f"{a:.4g}"), float(f"{b:.4g}")) for a, b in zip(x, y, strict=True)]
    rows_of = f"{found.positives:,.6g} rows of it, {found.negatives:,.6g} others"
    title = f"{'ROC' if roc else 'Precision by recall'} of {name}: {rows_of}"
    return table(title, header, rows, folded=True)


def bins(found: ClassProfile) -> Cells:
    """The bins of a calibration curve."""
    columns = zip(BINS, BINS[1:], found.rows_in_bin, found.mean_in_bin, found.share_in_bin, strict=False)
    rows = [(f"{low:.1f} to {high:.1f}", n, mean, share) for low, high, n, mean, share in columns]
    header = ("probability", "rows", "mean probability", f"share of {short(found.name)}")
    return table(f"Calibration of {short(found.name)}", header, rows, folded=True)


def spread(found: ClassProfile) -> Cells:
    """The histogram of the probabilities."""
    columns = zip(FINE, FINE[1:], found.own, found.others, strict=False)
    rows = [(f"{low:.2f} to {high:.2f}", own, others) for low, high, own, others in columns]
    return table(
        f"Rows by the probability of {short(found.name)}",
        ("probability", short(found.name), "others"),
        rows,
        folded=True,
    )


def slider(model: Model, told: Told) -> Slider | None:
    """What the threshold slider needs, where a threshold decides."""
    level = threshold_of(model)
    if level is None or told.profile is None:
        return None
    (found,) = told.profile.classes
    other = short(model.target.classes[0])
    return Slider(short(found.name), other, level, found.tp_at, found.fp_at, found.positives, found.negatives)


# --- real targets --------------------------------------------------------------------------------------------------


def of_targets(told: Told) -> Iterator[Shown]:
    """The pictures of the residuals, each with its numbers."""
    assert told.profile is not None
    for k, found in enumerate(told.profile.targets):
        name = f"residuals-{k + 1}" if len(told.profile.targets) > 1 else "residuals"
        yield Shown(
            name,
            short(found.name),
            "Left, true values against predicted ones: on the diagonal they agree. Middle, what is left, true − "
            "predicted, against the prediction: the middle one and the band of eight in ten rows. Right, how often "
            "which is left. Colour counts rows; what lies beyond the edges is counted at them.",
            svg(
                figures.residuals(Profile(told.n, targets=(found,))),
                name,
                f"Residuals of {short(found.name)}, {told.label}",
            ),
            (bands(found), histogram(found)),
        )


def bands(found: TargetProfile) -> Cells:
    """The residuals by the prediction."""
    rows = list(zip(found.band_mean, found.band_rows, found.band_low, found.band_middle, found.band_high, strict=True))
    header = ("mean prediction", "rows", "10 % are below", "half are below", "90 % are below")
    return table(f"Residuals of {short(found.name)} in groups alike in their prediction", header, rows, folded=True)


def histogram(found: TargetProfile) -> Cells:
    """The histogram of the residuals."""
    columns = zip(found.residual_edges, found.residual_edges[1:], found.residuals, strict=False)
    rows = [(f"{low:g} to {high:g}", n) for low, high, n in columns]
    return table(
        f"Residuals of {short(found.name)}: {count(int(sum(found.residuals)), 'row')}",
        ("residual", "rows"),
        rows,
        folded=True,
    )
