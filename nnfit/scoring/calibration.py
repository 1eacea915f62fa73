"""The temperature of probabilities, fitted to rows that were not learnt from."""

from __future__ import annotations

import numpy as np

from nnfit.core.losses import clipped
from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.target import Labels, Target, decode, tempered
from nnfit.progress import tracked


def temperature(target: Target, y_hat: Array, expected: Labels) -> float:
    """The T in [¼, 4] with the lowest log-loss of outputs (K, n) on rows that were not learnt from.

    Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks", section 4.2. The log-loss is
    convex in β = 1/T, with the derivative mean Σ_k q_k log p_k − log p_y for q = p^β normalised; its zero is found by
    bisection.
    """
    p = decode(target._replace(temperature=1.0), y_hat)
    if target.task == "multilabel":
        expected = expected.reshape(-1)
        p = np.column_stack([1 - p.reshape(-1), p.reshape(-1)])
    logs: Floats = np.log(clipped(p))
    right = float(logs[np.arange(len(p)), expected].mean())
    low, high = 0.25, 4.0
    for _ in tracked(range(40), "bisection"):
        beta = (low + high) / 2
        slope = float((tempered(p, None, beta) * logs).sum(axis=1).mean()) - right
        low, high = (beta, high) if slope < 0 else (low, beta)
    return 2 / (low + high)
