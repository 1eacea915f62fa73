"""Pictures: functions that take what they show and return a matplotlib Figure, to save, show or change.

Each names its axes, takes names from files as plain text, and draws the same bytes of the same data.
"""

from nnfit.report.figures.activations import activations

__all__ = ["activations"]
