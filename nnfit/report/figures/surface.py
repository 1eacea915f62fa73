"""The picture of what a model decides: its prediction over two columns, the others at rest, and the rows on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data import numeric
from nnfit.data.cells import Text
from nnfit.data.feature import Feature
from nnfit.data.scales import Floats
from nnfit.data.table import Table
from nnfit.data.target import decide, decode, truth
from nnfit.errors import Place, Problem, UsageError
from nnfit.report import style
from nnfit.report.figures.rows import labelled
from nnfit.words import count, nearest, quoted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from nnfit.model.model import Model

GRID = 101  # points along each axis
STEPS = 11  # places along a column that are tried, to see how far it moves the prediction
POINTS = 600  # rows that are drawn, at most


@style.drawn
def decision(model: Model, rows: Table | pd.DataFrame, columns: Sequence[str] | None = None) -> Figure:
    """The prediction over two numeric columns as a surface, and labelled rows as points on it.

    The other columns stand still: numbers at the median of the training rows (or what fills their missing cells),
    others at the value that is most frequent in the rows. Without `columns`, those two are taken along which the
    prediction moves most. Classes: the colour is that of the predicted class, the stronger the more probable it is; of
    several targets each has its own picture. A UsageError for columns that the model does not read, or not as numbers.
    """
    table, _ = labelled(model, rows)
    x, y = chosen(model, table, columns)
    seen = {name: finite(table.numbers(name)) for name in (x, y)}
    (low, high), (bottom, top) = (bounds(values) for values in seen.values())
    across, up = np.meshgrid(np.linspace(low, high, GRID), np.linspace(bottom, top, GRID))
    surface = prediction(model, still(model, table, {x: across.ravel(), y: up.ravel()}))
    target = model.target
    several = target.columns if len(target.columns) > 1 else ()
    K = max(len(several), 1)
    width = min(3, K)
    high_up = -(-K // width)
    figure, axes = style.canvas(1.0 + 3.9 * width, 0.7 + 3.3 * high_up, high_up, width)
    place = (low, high, bottom, top)
    shown = sample(table.n)
    points = [table.numbers(name)[shown] for name in (x, y)]
    true = truth(target, table)[shown]
    for k, axis in enumerate(axes[:K]):
        if target.task == "regression":
            real(figure, axis, surface[:, k].reshape(across.shape), place, points, true[:, k], target.columns[k])
        else:
            p = surface if not several else np.column_stack([1 - surface[:, k], surface[:, k]])
            label = decide(target, surface)
            own = label[:, k] if several else label
            regions(axis, p, own.reshape(across.shape), place, target.threshold)
            scatter(axis, points, true[:, k] if several else true, target.classes)
        axis.set_xlim(low, high)
        axis.set_ylim(bottom, top)
        axis.set_xlabel(style.name(x, 40))
        axis.set_ylabel(style.name(y, 40))
        axis.grid(False)
        if several:
            axis.set_title(style.name(several[k]))
    for axis in axes[K:]:
        axis.set_axis_off()
    if target.classes:
        style.legend(figure, *axes[0].get_legend_handles_labels())
    style.title(figure, told(model, table, len(shown)))
    return figure


def told(model: Model, table: Table, shown: int) -> str:
    """What the picture is of."""
    others = len(model.features) - 2
    rest = f", {count(others, 'other column')} at the median or the most frequent value" if others else ""
    rows = f"{shown:,} of {count(table.n, 'row')}" if shown < table.n else count(table.n, "row")
    names = ", ".join(style.name(name) for name in model.target.columns[:3])
    return f"Prediction of {names}{rest}; points: {rows}"


# --- which columns, and where the others are -------------------------------------------------------------------------


def chosen(model: Model, table: Table, columns: Sequence[str] | None) -> tuple[str, str]:
    """The two columns of the picture: those that are asked for, or along which the prediction moves most."""
    numbers = [f.name for f in model.features if f.kind == "numeric"]
    place = Place("--columns" if columns else "plot decision")
    if columns:
        for name in columns:
            if name not in numbers:
                read = any(f.name == name for f in model.features)
                message = f"the column {quoted(name)} is not {'numeric' if read else 'one that the model reads'}"
                raise UsageError(Problem("wrong-column", message, nearest(name, numbers), place))
        if len(set(columns)) != 2 or len(columns) != 2:
            message = f"the surface is over two columns, not {len(columns)}"
            if len(columns) == 2:
                message = f"the surface is over two columns, and {quoted(columns[0])} is the same twice"
            raise UsageError(Problem("wrong-column", message, "name two: --columns a,b", place))
        return columns[0], columns[1]
    if len(numbers) < 2:
        message = f"the surface is over two numeric columns, and the model reads {len(numbers) or 'none'}"
        raise UsageError(Problem("wrong-column", message, place=place))
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    reach = [moved(model, table, name) for name in numbers]
    first, second = sorted(np.argsort([-each for each in reach], kind="stable")[:2].tolist())
    return numbers[first], numbers[second]


def moved(model: Model, table: Table, name: str) -> float:
    """How far a column, from its 2nd to its 98th percentile, moves the prediction, the others standing still."""
    places = np.quantile(finite(table.numbers(name)), np.linspace(0.02, 0.98, STEPS))
    found = prediction(model, still(model, table, {name: places}))
    if model.target.task == "regression":
        found = found / np.array(model.target.sd)
    return float(np.abs(np.diff(found, axis=0)).sum())


def still(model: Model, table: Table, moving: dict[str, Floats]) -> Table:
    """Rows in which some columns move, and the others do not."""
    n = len(next(iter(moving.values())))
    columns: dict[str, Floats | Text] = {}
    for feature in model.features:
        if feature.name in moving:
            columns[feature.name] = moving[feature.name]
        elif feature.kind == "numeric":
            columns[feature.name] = np.full(n, at_rest(feature, table))
        else:
            text = table.text(feature.name)
            label = text.labels[int(np.bincount(text.codes, minlength=len(text.labels)).argmax())]
            columns[feature.name] = Text(np.zeros(n, np.int32), (label,))
    return Table(table.file, columns, range(1, n + 1), table.dialect)


def at_rest(feature: Feature, table: Table) -> float:
    """The median of the training rows where it is what fills missing cells; else that of the table."""
    known = isinstance(feature.fitted, numeric.Fitted) and getattr(feature.options, "missing", "") == "median"
    return float(feature.fitted.flat[0]) if known else float(np.median(finite(table.numbers(feature.name))))


def prediction(model: Model, table: Table) -> Floats:
    """What the model predicts, members averaged: probabilities (n, K), or real values in their own unit."""
    with np.errstate(all="ignore"):
        y_hat: Array = model.outputs(table, "zero").mean(axis=0, dtype=np.float64)
    return decode(model.target, y_hat)


def finite(values: Floats) -> Floats:
    """The values that are there, or 0 if none is."""
    known = values[np.isfinite(values)]
    return known if len(known) else np.zeros(1)


def bounds(values: Floats) -> tuple[float, float]:
    """The range of values, with some room around it."""
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or max(abs(low), 1.0) / 2
    return low - room, high + room


def sample(n: int) -> np.ndarray:
    """The rows that are drawn: all, or so many as can be told apart, always the same."""
    if n <= POINTS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, POINTS, replace=False))


# --- drawing -------------------------------------------------------------------------------------------------------


def regions(axis: Axes, p: Floats, label: np.ndarray, place: tuple[float, ...], threshold: float) -> None:
    """The predicted class of each place, stronger where it is more probable, with lines between the classes."""
    from matplotlib.colors import to_rgb

    K = p.shape[1]
    colours = np.array([to_rgb(style.fill(k)) for k in range(K)])
    own = np.take_along_axis(p, label.reshape(-1, 1), axis=1)[:, 0].reshape(label.shape)
    image = np.empty((*label.shape, 4))
    image[..., :3] = colours[label]
    image[..., 3] = 0.12 + 0.48 * np.clip((own - 1 / K) / (1 - 1 / K), 0, 1)
    axis.imshow(image, origin="lower", extent=place, aspect="auto", interpolation="none")  # type: ignore[arg-type]
    side = [np.linspace(low, high, GRID) for low, high in (place[:2], place[2:])]
    for k in range(1, K) if K == 2 else range(K):
        others = np.delete(p, k, axis=1).max(axis=1)
        margin = (p[:, 1] - threshold if K == 2 else p[:, k] - others).reshape(label.shape)
        if margin.min() < 0 < margin.max():
            axis.contour(*side, margin, levels=[0.0], colors=style.INK, linewidths=0.8, linestyles="solid")


def scatter(axis: Axes, points: list[Floats], true: np.ndarray, classes: Sequence[str]) -> None:
    """The rows, in the colour and with the mark of their true class."""
    for k, name in enumerate(classes):
        own = true == k
        look: dict[str, Any] = {"edgecolors": style.INK, "linewidths": 0.5, "marker": style.MARKS[k % len(style.MARKS)]}
        look |= {"s": 22, "color": style.fill(k), "label": style.name(name)}
        axis.scatter(points[0][own], points[1][own], **look)


def real(
    figure: Figure, axis: Axes, surface: Floats, place: tuple[float, ...], points: list[Floats], true: Floats, name: str
) -> None:
    """The predicted value of each place as filled contours, and the rows in the colour of their true value."""
    import matplotlib
    from matplotlib.colors import Normalize

    low, high = float(np.min([surface.min(), true.min()])), float(np.max([surface.max(), true.max()]))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    norm = Normalize(low, high)
    colours: Colormap = matplotlib.colormaps["cividis"]  # Nuñez, Anderton and Renslow 2018: alike to all eyes
    side = [np.linspace(first, last, GRID) for first, last in (place[:2], place[2:])]
    if surface.max() > surface.min():
        levels = np.linspace(low, high, 25)
        axis.contourf(*side, surface, levels=levels, cmap=colours, norm=norm)
    else:
        axis.imshow(surface, cmap=colours, norm=norm, origin="lower", extent=place, aspect="auto")  # type: ignore[arg-type]
    look: dict[str, Any] = {"s": 22, "edgecolors": style.INK, "linewidths": 0.5}
    drawn = axis.scatter(points[0], points[1], c=true, cmap=colours, norm=norm, **look)
    figure.colorbar(drawn, ax=axis, label=f"{style.name(name)} (surface: predicted, points: true)")
