"""The network without hidden layers at its optimum: all members at once, by L-BFGS on inputs that are made white.

    C_k(Θ) = 1/n_k Σ_i w_i c(y⁽ⁱ⁾, σ(Θ x⁽ⁱ⁾)) + λ_k/2 Σ θ²,   λ_k = 1/n_k (of rss, whose c is twice that of mse, 2/n_k)

over the n_k rows of member k, biases free of the penalty: with mse that of scikit-learn's Ridge(alpha=1), with
bce and cross_entropy of its LogisticRegression(C=1). The members share the inputs and differ in the weights of their
rows, so one product serves all of them, and Σ_k C_k is minimised as one function. In the coordinates φ of

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
from nnfit.core.lbfgs import Floats, Point, remember, stepped
from nnfit.core.losses import LOSSES
from nnfit.core.network import Network, Pass, views
from nnfit.core.training import decaying
from nnfit.progress import phase

CHUNK = 2048  # examples that are passed together
WIDE = 1024  # inputs; of more the matrix A would take long, and they are only scaled
NEARLY = 1e-12  # for each input, of the diagonal: what rounding may take from a matrix without an inverse
HISTORY = 10  # steps that are remembered
STEPS = 1000  # at most
TOLERANCE = 1e-9  # of the cost: what a step may still promise


class Optimum(NamedTuple):
    """θ (M, P), the cost C of each member (M,), and the steps that led there."""

    theta: Floats
    costs: Floats
    steps: int


class Whitening(NamedTuple):
    """Φ → Θ = Φ Rᵀ, and the gradient ∂C/∂Θ → ∂C/∂Φ = ∂C/∂Θ R, of arrays (…, N₁ + 1)."""

    weights: Callable[[Floats], Floats]
    gradient: Callable[[Floats], Floats]


def minimised(
    network: Network, examples: Examples, rows: Sequence[Rows] = (), inputs: Rows | None = None
) -> Optimum:
    """The weights of a network without hidden layers at the least cost, in float64, of a member for each of `rows`.

    Without `rows` there is one member, which learns from all. Of `inputs`, numbers from 0, the others have the weight
    0; without, all are taken. Nothing is drawn. Where numbers go beyond float64, it ends with a cost that is no number.
    """
    with np.errstate(all="ignore"), phase("linear model") as now:
        columns = np.arange(network.inputs + 1) if inputs is None else np.concatenate([[0], inputs + 1])
        cost = Cost(network, examples, rows, columns)
        at, steps = cost(np.zeros(cost.theta.size)), 0
        S, Y = np.zeros((2, HISTORY, cost.theta.size))
        while steps < STEPS and not cost.least(at):
            move = stepped(cost, at, S, Y, longest=math.inf)
            if move is None:
                break
            remember(at, move, S, Y)
            at, steps = move.to, steps + 1
            now.step()
        cost(at.theta)  # the last step that was tried may have been another
        theta = np.zeros((len(cost.costs), network.P))
        views(network, theta)[0][:, :, columns] = cost.theta.reshape(cost.shape)
        return Optimum(theta, cost.costs, steps)


class Cost:
    """Σ_k C_k as a function of φ, which leaves θ (M, P) and the cost of each member (M,) beside it."""

    dtype = np.dtype(np.float64)

    def __init__(self, network: Network, examples: Examples, rows: Sequence[Rows], columns: Rows) -> None:
        X, _, w = self.examples = examples
        self.columns = columns
        self.network = network = network._replace(inputs=len(columns) - 1)
        M = len(rows) or 1
        self.n, self.w = np.full((M, 1), len(X), self.dtype), np.repeat(w[:1], M, 0)
        for k, own in enumerate(rows):
            self.n[k], self.w[k] = len(own), w[0] * np.bincount(own, minlength=len(X))
        self.passes: dict[int, Pass] = {}
        self.shape = M, network.N[-1], len(columns)
        self.theta, self.gradient = np.empty((2, M, network.P))
        self.costs = np.empty(M)
        twice = 1 if LOSSES[network.loss].mean else 2
        self.penalty = twice / self.n * decaying(network, self.dtype)
        self.white = whitening(self, curvature(network, examples), twice / len(X))

    def x(self, start: int) -> Floats:
        """The inputs from an example on, (m, N₁ + 1), in float64."""
        found: Floats = self.examples.X[start : start + CHUNK].take(self.columns, 1).astype(self.dtype)
        return found

    def __call__(self, phi: Floats) -> Point:
        """The point at φ (M · P,)."""
        Y = self.examples.Y
        self.theta[:] = self.white.weights(phi.reshape(self.shape)).reshape(self.theta.shape)
        self.costs[:] = np.vecdot(self.penalty, self.theta**2) / 2
        gradient = self.penalty * self.theta
        for start in range(0, Y.shape[1], CHUNK):
            x, y = self.x(start), Y[:, start : start + CHUNK].astype(self.dtype)
            s = self.w[..., start : start + CHUNK] / self.n[:, None]
            self.costs += self.over(len(x)).cost_and_gradient(x, y, s)
            gradient += self.gradient
        found = self.white.gradient(gradient.reshape(self.shape))
        return Point(phi, float(self.costs.sum()), found.ravel())

    def over(self, m: int) -> Pass:
        """The pass over m examples."""
        if m not in self.passes:
            self.passes[m] = Pass(self.network, self.theta, m, self.gradient)
        return self.passes[m]

    def least(self, at: Point) -> bool:
        """Whether no member's cost can fall much: in white coordinates a step promises about ½ ‖∂C/∂φ‖²."""
        g = at.gradient.reshape(len(self.theta), -1)
        return bool((np.vecdot(g, g) / 2 <= TOLERANCE * self.costs).all())


def curvature(network: Network, examples: Examples) -> float:
    """κ, the mean over the outputs of ∂²c/∂z² where each is the mean of its targets: p (1 − p) of classes."""
    loss = LOSSES[network.loss]
    if loss.accepts.high == 1:
        p = np.average(examples.Y, axis=1, weights=examples.w[0, 0])
        return float(np.mean(p * (1 - p)))
    return 1.0 if loss.mean else 2.0


def whitening(cost: Cost, kappa: float, l2: float) -> Whitening:
    """The coordinates in which A is the unit matrix, or, of very many inputs, has a diagonal of ones."""
    w, N = cost.examples.w[0, 0], len(cost.columns)
    A = np.zeros(N if N > WIDE else (N, N))
    for start in range(0, len(w), CHUNK):
        x = cost.x(start)
        x *= np.sqrt(w[start : start + CHUNK, None] * (kappa / len(w)))
        A += np.vecdot(x, x, axis=0) if N > WIDE else x.T @ x
    if N > WIDE:
        scale = 1 / np.sqrt(A + l2)
        return Whitening(lambda phi: phi * scale, lambda gradient: gradient * scale)
    scale = 1 / np.sqrt(A.diagonal() + l2)
    A *= scale[:, None] * scale
    A[np.diag_indices(N)] = 1 + N * NEARLY
    if not np.isfinite(A).all():
        return Whitening(np.asarray, np.asarray)  # nor will the cost be
    R = scale[:, None] * np.linalg.inv(np.linalg.cholesky(A)).T
    return Whitening(lambda phi: phi @ R.T, lambda gradient: gradient @ R)
