"""Pictures of predicted numbers: true values beside predictions, and what is left between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnfit.report import style
from nnfit.scoring.profile import Profile, TargetProfile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.drawn
def residuals(profile: Profile, of: str = "") -> Figure:
    """Of each real target: predicted by true values, residuals (true − predicted) by predictions, and their histogram.

    The first is a density of rows with the diagonal on which predictions are right; the second shows, of rows alike in
    their prediction, the median residual and between which bounds 80 % of them lie. `of` says which rows these are.
    """
    targets = profile.targets
    figure, axes = style.canvas(9.6, 3.0 * max(len(targets), 1) + 0.3 * bool(of), max(len(targets), 1), 3)
    for k, found in enumerate(targets):
        density(figure, axes[3 * k], found)
        band(axes[3 * k + 1], found)
        histogram(axes[3 * k + 2], found)
    style.title(figure, of)
    return figure


def density(figure: Figure, axis: Axes, found: TargetProfile) -> None:
    """Rows by true value and prediction; a cell without a row is paper."""
    counts = np.array(found.density, np.float64)
    low, high = found.edges[0], found.edges[-1]
    shown = np.where(counts > 0, np.sqrt(counts), np.nan)
    most = float(counts.max(initial=1))
    image = axis.imshow(
        shown,
        style.tints(style.BLUE, 1.0, least=0.15),
        origin="lower",
        extent=(low, high, low, high),
        vmin=0,
        vmax=max(np.sqrt(most), 1),
        aspect="auto",
        interpolation="none",
    )
    axis.plot([low, high], [low, high], color=style.VERMILLION, linewidth=1)
    axis.set_xlabel(f"Predicted {style.name(found.name)}")
    axis.set_ylabel(f"True {style.name(found.name)}")
    ticks = sorted({1, round(most / 4), round(most)} - {0})
    bar = figure.colorbar(image, ax=axis, label="Rows", ticks=list(np.sqrt(ticks)), aspect=25, pad=0.02)
    bar.ax.set_yticklabels([f"{tick:,}" for tick in ticks])


def band(axis: Axes, found: TargetProfile) -> None:
    """The residuals of rows alike in their prediction."""
    x = np.array(found.band_mean)
    low, high = found.band_low, found.band_high
    axis.axhline(0, color=style.INK, linewidth=0.8)
    marker = "o" if len(x) < 3 else None
    if len(x) == 1:
        axis.margins(y=0.4)  # room for the legend
        axis.errorbar(x, found.band_middle, [[found.band_middle[0] - low[0]], [high[0] - found.band_middle[0]]],
                      color=style.BLUE, capsize=4, label="80 % of the rows")  # fmt: skip
    else:
        axis.fill_between(x, low, high, color=style.BLUE, alpha=0.25, linewidth=0, label="80 % of the rows")
    axis.plot(x, found.band_middle, color=style.BLUE, marker=marker, label="median")
    axis.set_xlabel(f"Predicted {style.name(found.name)}")
    axis.set_ylabel("Residual (true − predicted)")
    axis.locator_params(axis="x", nbins=6)
    axis.legend(loc="upper left")


def histogram(axis: Axes, found: TargetProfile) -> None:
    """How many rows have which residual."""
    axis.stairs(found.residuals, found.residual_edges, color=style.BLUE, fill=True, alpha=0.8)
    axis.axvline(0, color=style.INK, linewidth=0.8)
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel(f"Residual of {style.name(found.name)}\n(true − predicted)")
    axis.set_ylabel("Rows")
