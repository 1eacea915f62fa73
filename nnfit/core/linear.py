"""The network without hidden layers at its optimum: all members at once, by L-BFGS on inputs that are made white.

    C_k(Θ) = 1/n_k Σ_i w_i c(y⁽ⁱ⁾, σ(Θ x⁽ⁱ⁾)) + λ_k/2 Σ θ²,   λ_k = strength / n_k

over the n_k rows of member k, biases free of the penalty. Its strength is 1 with linear outputs and mse, the cost of
scikit-learn's Ridge(alpha=1), and of classes with bce or cross_entropy, that of its LogisticRegression(C=1). The
members share the inputs and differ in the weights of their rows, so one product serves all of them, and Σ_k C_k is
minimised as one function. In the coordinates Φ of

    Θ = Φ Rᵀ,   Rᵀ A R = I,   A = κ/n Σ_i w_i x xᵀ + λ I,   κ the curvature of c at the mean of the targets

its second derivatives are near the unit matrix, so that some ten steps do, whatever the scale of the inputs and however
they depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nnfit.core.batches import Examples, Rows
from nnfit.core.expansion import columns
from nnfit.core.lbfgs import Floats, Point, remember, stepped
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass, views
from nnfit.core.training import decaying
from nnfit.progress import phase

CHUNK = 2048  # examples that are passed together
WIDE = 2048  # inputs; of more A would take long and much memory, and they are only scaled
NEARLY = 1e-12  # for each input, of A's diagonal: what rounding may take from one without an inverse
HISTORY = 10  # steps that are remembered
STEPS = 1000  # at most
DIGITS = 9  # a step may still promise 10⁻⁹ of the cost
FLOOR = 1e-4  # of the cost at the start: where all rows are of one class, its bias would go on for ever
PATIENCE, SLOW = 10, 1e-6  # so many steps that take off less than this share of the cost are the last


class Optimum(NamedTuple):
    """θ (M, P), the cost C of each member (M,), and the steps that led there."""

    theta: Floats
    costs: Floats
    steps: int


class Whitening(NamedTuple):
    """Φ → Θ = Φ Rᵀ, and the gradient ∂C/∂Θ → ∂C/∂Φ = ∂C/∂Θ R, of arrays (…, N₁ + 1)."""

    weights: Callable[[Floats], Floats]
    gradient: Callable[[Floats], Floats]


def minimised(network: Network, examples: Examples, rows: Sequence[Rows] = (), inputs: Rows | None = None) -> Optimum:
    """The weights of a network without hidden layers at the least cost, in float64, of a member for each of `rows`.

    Without `rows` there is one member, which learns from all. Of `inputs`, numbers from 0, the others have the weight
    0; without, all are taken. Nothing is drawn. Where numbers go beyond float64, it ends with a cost that is no number.
    """
    with np.errstate(all="ignore"), phase("linear model", DIGITS) as now:
        cost = Cost(network, examples, rows, inputs)
        phi = np.zeros(cost.shape)
        at = cost(phi.ravel())
        if not at.gradient.any():  # as below relu, which is flat at 0
            phi[..., 0] = 1
            at = cost(phi.ravel())
        S, Y = np.zeros((2, HISTORY, phi.size))
        first, values = cost.costs.copy(), [math.inf] * PATIENCE + [at.value]
        while (left := cost.left(at, first)) and len(values) < STEPS:
            now.reach(max(now.done, DIGITS - left))
            move = stepped(cost, at, S, Y, longest=math.inf)
            if move is None:
                break
            remember(at, move, S, Y)
            at = move.to
            values.append(at.value)
            if values[-1 - PATIENCE] - at.value <= SLOW * at.value:
                break
        now.reach(DIGITS)
        cost(at.theta)  # the last step that was tried may have been another
        theta = np.zeros((len(cost.costs), network.P))
        views(network, theta)[0][:, :, slice(None) if cost.places is None else cost.places] = cost.theta.reshape(
            cost.shape
        )
        return Optimum(theta, cost.costs, len(values) - 1 - PATIENCE)


class Cost:
    """Σ_k C_k as a function of Φ, which leaves θ (M, P) and the cost of each member (M,) beside it."""

    dtype = np.dtype(np.float64)

    def __init__(self, network: Network, examples: Examples, rows: Sequence[Rows], inputs: Rows | None) -> None:
        X, _, w = self.examples = examples
        self.places = None if inputs is None else np.concatenate([[0], inputs + 1])
        self.network = network if inputs is None else network._replace(inputs=len(inputs))
        M = len(rows) or 1
        self.n, self.w = np.full((M, 1), len(X), self.dtype), np.repeat(w[:1], M, 0)
        for k, own in enumerate(rows):
            self.n[k], self.w[k] = len(own), w[0] * np.bincount(own, minlength=len(X))
        self.passes: dict[int, Pass] = {}
        self.shape = M, self.network.N[-1], self.network.inputs + 1
        self.theta, self.gradient = np.empty((2, M, self.network.P))
        self.costs = np.empty(M)
        l2 = strength(self.network)
        self.penalty = l2 / self.n * decaying(self.network, self.dtype)
        self.white = whitening(self, l2 / len(X), curvature(self.network, examples))

    def x(self, start: int) -> Floats:
        """The inputs of the examples from one on, (m, N₁ + 1)."""
        X, rows = self.examples.X, slice(start, start + CHUNK)
        found = X[rows] if self.places is None else columns(X, rows, self.places)
        return found.astype(self.dtype)

    def __call__(self, theta: Floats) -> Point:
        """The point at Φ, (M · P,), which is what the search takes for its θ."""
        Y = self.examples.Y
        self.theta[:] = self.white.weights(theta.reshape(self.shape)).reshape(self.theta.shape)
        self.costs[:] = np.vecdot(self.penalty, self.theta**2) / 2
        gradient = self.penalty * self.theta
        for start in range(0, Y.shape[1], CHUNK):
            x, y = self.x(start), Y[:, start : start + CHUNK].astype(self.dtype)
            s = self.w[..., start : start + CHUNK] / self.n[:, None]
            self.costs += self.over(len(x)).cost_and_gradient(x, y, s)
            gradient += self.gradient
        found = self.white.gradient(gradient.reshape(self.shape))
        return Point(theta, float(self.costs.sum()), found.ravel())

    def over(self, m: int) -> Pass:
        """The pass over m examples."""
        if m not in self.passes:
            self.passes[m] = Pass(self.network, self.theta, m, self.gradient)
        return self.passes[m]

    def left(self, at: Point, first: Floats) -> float:
        """By how many digits a step promises too much for the end to any member, whose cost was `first`; else 0.

        In white coordinates it promises about ½ ‖∂C/∂Φ‖².
        """
        g = at.gradient.reshape(len(self.theta), -1)
        excess = np.vecdot(g, g) / 2 / (np.maximum(self.costs, FLOOR * first) + np.finfo(self.dtype).tiny)
        most = float(excess.max())
        return DIGITS + math.log10(most) if math.isfinite(most) and most > 10**-DIGITS else 0.0


def curvature(network: Network, examples: Examples) -> float:
    """κ, the mean over the outputs of ∂²c/∂z² where each is the mean of its targets: p (1 − p) of classes."""
    loss = LOSSES[network.loss]
    if loss.accepts.high != 1:
        return strength(network)
    p = np.average(examples.Y, axis=1, weights=examples.w[0, 0])
    return float(np.mean(p * (1 - p)))


def strength(network: Network) -> float:
    """How many rows the penalty weighs: 1, or what is one row for a cost of any outputs ŷ ≈ σ(0) + σ′ z.

    That is σ′², the mean over the outputs, and of rss, whose c is twice that of mse, 2 σ′². σ′ is the mean between
    z = −½ and ½.
    """
    loss, K = LOSSES[network.loss], network.N[-1]
    if loss.accepts.high == 1:
        return 1.0
    theta = np.concatenate([np.eye(K), -np.eye(K)]) / 2  # of biases alone, one output up or down
    y_hat = Pass(Network(0, network.layers[-1:], network.loss), theta, 1).forward(np.ones((1, 1)))[..., 0]
    slope = np.diagonal(y_hat[:K] - y_hat[K:])
    return float(np.mean(slope**2)) * (1 if loss.mean else 2) or 1.0


def whitening(cost: Cost, l2: float, kappa: float) -> Whitening:
    """The coordinates in which A, of all rows, is the unit matrix, or, of very many inputs, has a diagonal of ones."""
    w, N = cost.examples.w[0, 0], cost.shape[-1]
    share = np.sqrt(w[:, None] * (kappa / len(w)))
    A = np.zeros(N if N > WIDE else (N, N))
    for start in range(0, len(w), CHUNK):
        x = cost.x(start) * share[start : start + CHUNK]
        A += (x * x).sum(axis=0) if N > WIDE else x.T @ x
    diagonal = (A if N > WIDE else A.diagonal()) + l2
    scale = np.where(np.isfinite(diagonal), 1 / np.sqrt(diagonal), np.nan)
    if N > WIDE or not np.isfinite(diagonal).all():
        return Whitening(lambda phi: phi * scale, lambda gradient: gradient * scale)
    A *= scale[:, None] * scale
    A[np.diag_indices(N)] = 1 + N * NEARLY
    R = scale[:, None] * np.linalg.inv(np.linalg.cholesky(A)).T
    return Whitening(lambda phi: phi @ R.T, lambda gradient: gradient @ R)
