"""Small networks, and data suited to each loss, for the tests of the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples, Rows
from nnfit.core.initialization import initialize
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group, Network, Pass
from nnfit.core.optimizers import OPTIMIZERS, GradientOptimizer
from nnfit.core.plan import Plan
from nnfit.core.schedules import SCHEDULES
from nnfit.core.training import begin, fit

LEGAL_PAIRS = [
    (sigma, loss)
    for sigma, activation in ACTIVATIONS.items()
    for loss, entry in LOSSES.items()
    if activation.traits.range.within(entry.accepts)
]
GRADIENT_OPTIMIZERS = [entry.name for entry in get_args(GradientOptimizer)]  # those with a rule: not lbfgs
MARGIN = 0.01  # further from 0 than the differences of the gradient check reach


def group(size: int, activation: str, **parameters: Any) -> Group:
    return Group(size, ACTIVATIONS[activation](**parameters))


def network(inputs: int, *layers: Group | tuple[Group, ...], loss: str) -> Network:
    return Network(inputs, tuple((layer,) if isinstance(layer, Group) else layer for layer in layers), loss)


def optimizer(name: str, **parameters: Any) -> Any:
    return OPTIMIZERS[name](**parameters)


def schedule(name: str, **parameters: Any) -> Any:
    return SCHEDULES[name](**parameters)


def inputs(rng: np.random.Generator, n: int, N: int, dtype: str = "float64") -> np.ndarray:
    """X (n, N + 1): ones in column 0, the rest uniform on ±1."""
    return np.column_stack([np.ones(n), rng.uniform(-1, 1, (n, N))]).astype(dtype)


def targets(rng: np.random.Generator, loss: str, K: int, n: int, dtype: str = "float64") -> np.ndarray:
    """Y (K, n) as the loss expects it: one-hot, 0 or 1, or any real number."""
    accepts = LOSSES[loss].accepts
    if accepts.simplex:
        return np.eye(K, dtype=dtype)[:, rng.integers(K, size=n)]
    if np.isfinite(accepts.high):
        return rng.choice([accepts.low, accepts.high], (K, n)).astype(dtype)
    return rng.normal(size=(K, n)).astype(dtype)


def weights(rng: np.random.Generator, n: int, members: int = 1) -> np.ndarray:
    """w (members, 1, n) with mean 1."""
    w = rng.uniform(0.2, 2, (members, 1, n))
    return w / w.mean(axis=-1, keepdims=True)


def examples(
    rng: np.random.Generator, net: Network, n: int, w: np.ndarray | None = None, dtype: str = "float64"
) -> Examples:
    X, Y = inputs(rng, n, net.inputs, dtype), targets(rng, net.loss, net.N[-1], n, dtype)
    return Examples(X, Y, np.ones((1, 1, n), dtype) if w is None else w.astype(dtype))


def start(net: Network, members: int = 1, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    """θ (members, P) as training starts with it."""
    return initialize(net, members, dtype, [np.random.default_rng([seed, k]) for k in range(members)])


def scaled(net: Network, data: Examples) -> np.ndarray:
    """s of losses.py for a batch of all rows."""
    return data.w / len(data.X) if LOSSES[net.loss].mean else data.w


def cost_and_gradient(net: Network, theta: np.ndarray, data: Examples) -> tuple[np.ndarray, np.ndarray]:
    """C (M,) and ∂C/∂θ (M, P) of all rows at once."""
    gradient = np.empty_like(theta)
    C = Pass(net, theta, len(data.X), gradient).cost_and_gradient(data.X, data.Y, scaled(net, data))
    return C, gradient


def weighted_sums(net: Network, Theta: list[np.ndarray], X: np.ndarray) -> list[np.ndarray]:
    """z of every layer, (N, n), of one member, whose matrices are Theta; written as the formula and no faster."""
    a, sums = X.T, []
    for matrix, layer in zip(Theta, net.layers, strict=True):
        z = matrix @ a
        sums.append(z.copy())
        first = 0
        for part in layer:
            rows = z[first : first + part.size, None]
            part.sigma.value(rows, np.empty_like(rows))
            first += part.size
        a = np.vstack([np.ones(len(X)), z])
    return sums


def split(net: Network, theta: np.ndarray) -> list[np.ndarray]:
    """Θ⁽¹⁾ … Θ⁽ᴸ⁾ of one parameter vector (P,), cut out by the notes' dimensions N_{i+1} × (N_i + 1)."""
    matrices = []
    for before, after in zip(net.N, net.N[1:], strict=False):
        matrix, theta = theta[: after * (before + 1)], theta[after * (before + 1) :]
        matrices.append(matrix.reshape(after, before + 1))
    return matrices


def away_from_kinks(rng: np.random.Generator, net: Network, X: np.ndarray, members: int = 1) -> np.ndarray:
    """Random θ (members, P) for which no sum is near 0, where ReLU has its kink and the step its jump.

    No neuron with a kink is dead, either: a gradient of 0 would be too easy to get right.
    """
    kinked = [
        np.repeat([part.sigma.traits.kinks is not None for part in layer], [part.size for part in layer])
        for layer in net.layers
    ]
    rows = []
    while len(rows) < members:
        theta = rng.normal(0, 0.9, net.P)
        sums = weighted_sums(net, split(net, theta), X)
        near = any(np.abs(z).min() < MARGIN for z in sums)
        dead = any((z[neurons] < 0).all(axis=1).any() for z, neurons in zip(sums, kinked, strict=True))
        if not near and not dead:
            rows.append(theta)
    return np.array(rows)


def follow(
    net: Network,
    theta: np.ndarray,
    data: Examples,
    plan: Plan,
    seed: int = 0,
    rows: Sequence[Rows] = (),
    first: int = 0,
) -> list[np.ndarray]:
    """The costs of the epochs of a plan, each (M,); θ is trained in place."""
    state = begin(theta, plan.optimizer, plan.average)
    return [epoch.cost for epoch in fit(net, state, data, plan, [seed], rows, first=first)]


def train(
    net: Network,
    theta: np.ndarray,
    data: Examples,
    epochs: int = 1,
    batch_size: int = 1 << 30,
    name: str = "sgd",
    seed: int = 0,
    **parameters: Any,
) -> list[np.ndarray]:
    """The costs of the epochs, each (M,); θ is trained in place. All rows at once unless batch_size says less."""
    return follow(net, theta, data, Plan(epochs, batch_size, optimizer(name, **parameters)), seed)
