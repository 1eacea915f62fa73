"""The probability from which on the second of two classes is predicted, chosen on rows that were not learnt from."""

from __future__ import annotations

import numpy as np

from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decode
from nnfit.scoring.metrics import AIMS


def threshold(target: Target, y_hat: Array, expected: Labels, aim: str, w: Floats | None = None) -> float:
    """The threshold for the second of two classes that maximizes a metric of outputs (K, n).

    Tried are the middles between neighbouring probabilities, and ½; of equals the one nearest ½ is taken. `f1` is that
    of the second class. With w (n,) each row counts by its weight.
    """
    p = decode(target._replace(threshold=0.5), y_hat)[:, 1]
    order = np.argsort(p, kind="stable")
    p, positive = p[order], expected[order].astype(np.float64)
    weight = np.ones(len(p)) if w is None else w[order]
    # below[i] is what lies under a threshold between the probabilities i − 1 and i
    below_positive = np.concatenate([[0.0], np.cumsum(weight * positive)])
    below_negative = np.concatenate([[0.0], np.cumsum(weight * (1 - positive))])
    cuts = np.flatnonzero(np.diff(p)) + 1
    middle = (p[cuts - 1] + p[cuts]) / 2
    # Between two neighbouring floats there is no middle: the upper one itself parts them.
    levels = np.where(middle > p[cuts - 1], middle, p[cuts])
    inside = (levels > 0) & (levels < 1)
    levels = np.append(levels[inside], 0.5)
    places = np.append(cuts[inside], np.searchsorted(p, 0.5))
    fn, tn = below_positive[places], below_negative[places]
    with np.errstate(all="ignore"):
        reached = np.nan_to_num(AIMS[aim](below_positive[-1] - fn, below_negative[-1] - tn, fn, tn), nan=0.0)
    best = np.flatnonzero(reached >= reached.max() - 1e-12)
    return float(levels[best[np.argmin(np.abs(levels[best] - 0.5))]])
