"""A metric that early stopping watches in place of the cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnfit.core.stopping import HeldOut
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decode
from nnfit.errors import DataError, Place, Problem
from nnfit.scoring.evaluation import compared, higher, scores


class WatchedMetric:
    """A metric of each member on the rows that it does not learn from: the lower, the better.

    `rows` are, for each member, the truth of its rows, the first ones that `held_out` has for it, and their weights;
    None in place of weights lets every row count alike.
    """

    def __init__(
        self, held_out: HeldOut, target: Target, metric: str, rows: Sequence[tuple[Floats | Labels, Floats | None]]
    ) -> None:
        self.held_out, self.target, self.name, self.rows = held_out, target, metric, rows
        self.metric, self.sign = scores(target)[metric], -1 if higher(metric) else 1

    def __call__(self) -> NDArray[np.float64]:
        """The metric of each member at the weights as they are, (M,), its sign turned if more is better.

        It is ∞ where an output is not finite. A DataError if the rows of a member do not have it, as those of a single
        class have no ROC curve.
        """
        values = []
        for k, (y_hat, (truth, w)) in enumerate(zip(self.held_out.outputs(), self.rows, strict=True)):
            own = y_hat[:, : len(truth)]
            if not np.isfinite(own).all():
                values.append(np.inf)
                continue
            with np.errstate(all="ignore"):
                value = float(self.metric(*compared(self.target, truth, decode(self.target, own)), w))
            if np.isnan(value):
                rows = f"the {len(truth)} rows that member {k + 1} does not learn from"
                message = f"{self.name} is not defined on {rows}: all are of one class"
                remedy = "watch loss, or let members be fewer or the validation rows more"
                place = Place(key="early_stopping.monitor")
                raise DataError(Problem("undefined-metric", message, remedy, place))
            values.append(self.sign * value)
        return np.array(values)
