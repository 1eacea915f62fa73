"""Pictures: functions that take what they show and return a matplotlib Figure, to save, show or change.

Each names its axes, takes names from files as plain text, and draws the same bytes of the same data.
"""

from nnfit.report.figures.against import against, leaders, medians
from nnfit.report.figures.cells import cells, plane
from nnfit.report.figures.classes import calibration, confusion, precision_recall, probabilities, roc, thresholds
from nnfit.report.figures.explanations import dependence, importance, predicted
from nnfit.report.figures.networks import network, weights
from nnfit.report.figures.numbers import residuals
from nnfit.report.figures.parallel import parallel
from nnfit.report.figures.rows import profile
from nnfit.report.figures.sigma import activations
from nnfit.report.figures.surface import decision
from nnfit.report.figures.training import curves

__all__ = [
    "activations",
    "against",
    "calibration",
    "cells",
    "confusion",
    "curves",
    "decision",
    "dependence",
    "importance",
    "leaders",
    "medians",
    "network",
    "parallel",
    "plane",
    "precision_recall",
    "predicted",
    "probabilities",
    "profile",
    "residuals",
    "roc",
    "thresholds",
    "weights",
]
