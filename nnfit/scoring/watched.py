"""A metric that early stopping watches in place of the cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnfit.core.batches import Rows
from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decode
from nnfit.errors import DataError, Place, Problem
from nnfit.scoring.evaluation import compared, higher, scores
from nnfit.scoring.metrics import ready


class WatchedMetric:
    """A metric of each member on the rows that it does not learn from: the lower, the better.

    `rows` are, for each member, the places of its rows among its outputs, their truth and their weights; None in place
    of weights lets every row count alike.
    """

    def __init__(
        self, target: Target, metric: str, rows: Sequence[tuple[Rows, Floats | Labels, Floats | None]]
    ) -> None:
        self.target, self.name, self.rows = target, metric, rows
        self.metric, self.sign = scores(target)[metric], -1 if higher(metric) else 1

    def __call__(self, y_hat: Array) -> Floats:
        """The metric of each member for outputs (M, K, n), (M,), its sign turned if more is better.

        It is ∞ where an output is not finite, and not a number where the rows do not have it, as those of a single
        class have no ROC curve.
        """
        values = np.full(len(self.rows), np.nan)
        for k, (member, (places, truth, w)) in enumerate(zip(y_hat, self.rows, strict=True)):
            own = member[:, places]
            if not np.isfinite(own).all():
                values[k] = np.inf
            elif len(places):
                with np.errstate(all="ignore"):
                    found = ready(self.metric, compared(self.target, truth, decode(self.target, own)))(w)
                values[k] = self.sign * float(found)
        return values

    def everywhere(self, y_hat: Array) -> Floats:
        """The same; a DataError if the rows of a member do not have it."""
        values = self(y_hat)
        if np.isnan(values).any():
            k = int(np.argmax(np.isnan(values)))
            rows = f"the {len(self.rows[k][0])} rows that member {k + 1} does not learn from"
            message = f"{self.name} is not defined on {rows}: all are of one class"
            remedy = "watch loss, or let members be fewer or the validation rows more"
            raise DataError(Problem("undefined-metric", message, remedy, Place(key="training.early_stopping.monitor")))
        return values
