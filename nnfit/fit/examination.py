"""What the diagnostics find on training rows of a prepared spec: the proof of its gradients, and its health."""

from __future__ import annotations

import numpy as np

from nnfit.core.batches import Examples
from nnfit.core.parameter import Array
from nnfit.data.seeds import Purpose, generator
from nnfit.diagnostics import health
from nnfit.diagnostics.gradcheck import GradientCheck, check_gradient
from nnfit.diagnostics.health import Health
from nnfit.fit.prepare import Prepared
from nnfit.fit.resampling import resampled
from nnfit.fit.run import initial


def gradient_check(prepared: Prepared) -> GradientCheck:
    """The gradients of this network, at its initial weights, on its own training rows."""
    few, rng = some(prepared, 32)
    return check_gradient(prepared.network, initial(prepared, resampled(prepared)[0]), few, rng)


def some(prepared: Prepared, most: int) -> tuple[Examples, np.random.Generator]:
    """Training rows to look at, always the same ones, and the generator that drew them."""
    rng = generator(prepared.spec.seed, Purpose.CHECK)
    X, Y, w = prepared.sets["train"].examples
    rows = rng.permutation(len(X))[:most]
    return Examples(X[rows], np.ascontiguousarray(Y[:, rows]), np.ascontiguousarray(w[:, :, rows])), rng


def examine(prepared: Prepared, theta: Array) -> Health:
    """The health of the network with these weights, on some of its training rows."""
    return health.examine(prepared.network, theta, some(prepared, health.ROWS)[0])
