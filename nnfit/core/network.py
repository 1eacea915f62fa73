"""The network: layout of θ, its views Θ⁽ⁱ⁾, forward pass and back-propagation, for M members at once.

    M   members: networks trained together, one row of θ each        m   examples of a batch
    L   layers, hidden and output (the input is layer 1)             K   outputs, N_{L+1}
    N_i neurons of layer i, i = 1 … L + 1                            P   parameters of one member

    θ       (M, P)                  all parameters; Θ⁽ⁱ⁾ (M, N_{i+1}, N_i + 1) are views on it, biases in column 0
    x       (m, N₁ + 1)             a batch of rows, ones in column 0, so that xᵀ = a⁽¹⁾ with the bias unit
    a⁽ⁱ⁾    (M, N_i + 1, m)         outputs of layer i, row 0 the bias unit 1; the output layer has none: (M, K, m)
    δ⁽ⁱ⁾    (M, N_i, m)             ∂C/∂z⁽ⁱ⁾
    y, s    (K, m), (1 or M, 1, m)  targets and scaled weights of the examples, see losses.py

θ is updated in place only: `theta = theta - …` would detach the views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import matmul

from nnfit.core.activations import Activation
from nnfit.core.losses import LOSSES
from nnfit.core.parameter import Array
from nnfit.progress import tracked


class Group(NamedTuple):
    """Neighbouring neurons of one layer with the same σ."""

    size: int
    sigma: Activation


class Network(NamedTuple):
    """The symbol table of a network: N₁, the groups of neurons of layers 2 … L + 1, and the loss."""

    inputs: int
    layers: tuple[tuple[Group, ...], ...]
    loss: str

    @property
    def N(self) -> tuple[int, ...]:
        """N₁ … N_{L+1}, the neurons of each layer."""
        return (self.inputs, *(sum(group.size for group in layer) for layer in self.layers))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shapes N_{i+1} × (N_i + 1) of Θ⁽¹⁾ … Θ⁽ᴸ⁾."""
        return [(after, before + 1) for before, after in zip(self.N, self.N[1:], strict=False)]

    @property
    def P(self) -> int:
        """Parameters of one member."""
        return sum(rows * columns for rows, columns in self.shapes)


def views(network: Network, theta: Array) -> list[Array]:
    """Θ⁽¹⁾ … Θ⁽ᴸ⁾, each (M, N_{i+1}, N_i + 1), as views on θ (M, P)."""
    result, start = [], 0
    for rows, columns in network.shapes:
        end = start + rows * columns
        result.append(theta[:, start:end].reshape(len(theta), rows, columns))
        start = end
    return result


class Neurons(NamedTuple):
    """One group of neurons with the buffers it works on, each (M, group size, m)."""

    sigma: Activation
    a: Array
    delta: Array
    scratch: Array


class Dropout:
    """Units of one hidden layer that are left out of a pass (Srivastava et al. 2014, inverted).

    a ← a · mask / (1 − p), where mask is 0 with probability p; the way back takes the same factor. `chance` holds
    numbers in [0, 1), of the shape of a.
    """

    def __init__(self, a: Array, p: float, chance: Array) -> None:
        self.a, self.chance = a, chance
        self.p, self.kept = np.float32(p), np.array(1 - p, a.dtype)
        self.mask, self.whole = np.ones(a.shape, a.dtype), np.empty(a.shape, a.dtype)

    def draw(self) -> None:
        """The mask from the numbers in `chance`."""
        np.greater_equal(self.chance, self.p, out=self.mask)
        np.divide(self.mask, self.kept, self.mask)

    def apply(self) -> None:
        """Leave units out, on the way up."""
        np.copyto(self.whole, self.a)
        np.multiply(self.a, self.mask, self.a)

    def pull_back(self, delta: Array) -> None:
        """The way back; a is again as it was, since the derivative of σ is written in terms of it."""
        np.multiply(delta, self.mask, delta)
        np.copyto(self.a, self.whole)


class Pass:
    """Forward and backward passes of one network over m examples, in buffers allocated once.

    Every step is then a fixed sequence of matrix products and in-place functions.
    """

    def __init__(
        self, network: Network, theta: Array, m: int, gradient: Array | None = None, dropout: float = 0.0
    ) -> None:
        M, N, dtype = len(theta), network.N, theta.dtype
        self.Theta = views(network, theta)
        self.gradient = [] if gradient is None else views(network, gradient)
        loss = LOSSES[network.loss]
        last = network.layers[-1]
        self.fused = loss.fused.get(last[0].sigma.name) if len(last) == 1 else None
        self.cost = loss.cost
        # Row 0 of a hidden layer is its bias unit; z and then σ(z) fill the rows below, which are contiguous.
        self.a = [np.ones((M, n + 1, m), dtype) for n in N[1:-1]] + [np.empty((M, N[-1], m), dtype)]
        self.z = [a[:, 1:, :] for a in self.a[:-1]] + [self.a[-1]]
        backward = gradient is not None
        # Without a way back there is only the δ that a loss writes beside its cost.
        self.delta = [np.empty((M, n if backward else 0, m), dtype) for n in N[1:-1]] + [np.empty((M, N[-1], m), dtype)]
        scratch = np.empty(M * max(N[1:]) * m, dtype)
        self.neurons: list[list[Neurons]] = []
        for layer, z, delta in zip(network.layers, self.z, self.delta, strict=True):
            groups, start = [], 0
            for size, sigma in layer:
                rows = slice(start, start + size)
                # All groups share one scratch buffer, but for those that leave something there for the way back.
                own = backward and sigma.traits.keeps_slope
                room = np.empty((M, size, m), dtype) if own else scratch[: M * size * m].reshape(M, size, m)
                groups.append(Neurons(sigma, z[:, rows], delta[:, rows], room))
                start += size
            self.neurons.append(groups)
        # What each step of the way up and down needs, once and for all.
        self.drops: list[Dropout] = []
        if dropout and len(N) > 2:
            # The numbers of one member lie side by side, so that it can draw them all at once.
            self.chances = np.empty((M, sum(N[1:-1]) * m), np.float32)
            ends = np.cumsum([n * m for n in N[1:-1]])[:-1]
            chances = np.split(self.chances, ends, axis=1)
            self.drops = [Dropout(z, dropout, part.reshape(z.shape)) for z, part in zip(self.z, chances, strict=False)]
        dropped: list[Dropout | None] = [*self.drops] or [None] * len(self.z[:-1])
        self.up = list(zip(self.Theta[:-1], self.z, self.a, self.neurons[:-1], dropped, strict=False))
        self.down = [
            (
                *(self.gradient[i], self.a[i - 1].mT, self.Theta[i][:, :, 1:].mT, self.delta[i - 1]),
                *(self.neurons[i - 1], dropped[i - 1]),
            )
            for i in range(len(N) - 2, 0, -1)
            if backward
        ]

    def forward(self, x: Array) -> Array:
        """ŷ (M, K, m) of the batch x; the buffer is overwritten by the next pass.

        z⁽ⁱ⁺¹⁾ = Θ⁽ⁱ⁾ a⁽ⁱ⁾,   a⁽ⁱ⁺¹⁾ = σ(z⁽ⁱ⁺¹⁾),   ŷ = a⁽ᴸ⁺¹⁾
        """
        self._weighted_sums(x)
        activate(self.neurons[-1])
        return self.a[-1]

    def _weighted_sums(self, x: Array) -> None:
        """z⁽ⁱ⁺¹⁾ = Θ⁽ⁱ⁾ a⁽ⁱ⁾ for i = 1 … L, with a⁽ⁱ⁺¹⁾ = σ(z⁽ⁱ⁺¹⁾) below the output layer."""
        a = x.mT
        for Theta, z, above, groups, dropped in self.up:
            matmul(Theta, a, z)
            activate(groups)
            if dropped is not None:
                dropped.apply()
            a = above
        matmul(self.Theta[-1], a, self.z[-1])

    @property
    def outputs(self) -> Array:
        """ŷ (M, K, m) of the last batch; the buffer is overwritten by the next pass."""
        return self.a[-1]

    def cost_of(self, x: Array, y: Array, s: Array) -> Array:
        """The cost C of the batch, (M,), without its gradient."""
        self._weighted_sums(x)
        if self.fused is not None:
            return self.fused(self.z[-1], y, s, self.delta[-1])
        activate(self.neurons[-1])
        return self.cost(self.a[-1], y, s, self.delta[-1])

    def draw(self, generators: Sequence[np.random.Generator]) -> None:
        """Choose the units that the next passes leave out, each member's with a generator of its own."""
        if not self.drops:
            return
        for generator, chances in zip(generators, self.chances, strict=True):
            generator.random(dtype=np.float32, out=chances)
        for dropped in self.drops:
            dropped.draw()

    def gradient_of_cost(self, x: Array, y: Array, s: Array) -> Array:
        """The cost C of the batch, (M,); ∂C/∂θ is left in the gradient (notes, "Back-propagation"; errata).

        δ⁽ᴸ⁺¹⁾   = ∂C/∂z⁽ᴸ⁺¹⁾                     from the loss
        ∂C/∂Θ⁽ⁱ⁾ = δ⁽ⁱ⁺¹⁾ a⁽ⁱ⁾ᵀ                   weights and biases together
        δ⁽ⁱ⁾     = J_σᵀ (Θ⁽ⁱ⁾[:, 1:]ᵀ δ⁽ⁱ⁺¹⁾)      the bias unit passes nothing back
        """
        self._weighted_sums(x)
        delta = self.delta[-1]
        if self.fused is not None:
            C = self.fused(self.z[-1], y, s, delta)
        else:
            activate(self.neurons[-1])
            C = self.cost(self.a[-1], y, s, delta)
            pull_back(self.neurons[-1])
        for gradient, a_transposed, Theta_transposed, below, groups, dropped in self.down:
            matmul(delta, a_transposed, gradient)
            matmul(Theta_transposed, delta, below)
            if dropped is not None:
                dropped.pull_back(below)
            pull_back(groups)
            delta = below
        matmul(delta, x, self.gradient[0])
        return C

    def gradient_of_inputs(self, of_outputs: Array) -> Array:
        """∂F/∂x (M, N₁, m) at the batch of the last `forward`, of any F of the outputs, from ∂F/∂ŷ (M, K, m).

        δ⁽ⁱ⁾ as in `gradient_of_cost`, from δ⁽ᴸ⁺¹⁾ = J_σᵀ ∂F/∂ŷ;   ∂F/∂x = Θ⁽¹⁾[:, 1:]ᵀ δ⁽²⁾
        """
        delta = self.delta[-1]
        np.copyto(delta, of_outputs)
        pull_back(self.neurons[-1])
        for _, _, Theta_transposed, below, groups, _ in self.down:
            matmul(Theta_transposed, delta, below)
            pull_back(groups)
            delta = below
        of_inputs: Array = matmul(self.Theta[0][:, :, 1:].mT, delta)
        return of_inputs


def activate(groups: list[Neurons]) -> None:
    """a = σ(z) in place, group by group."""
    for sigma, a, _, scratch in groups:
        sigma.value(a, scratch)


def pull_back(groups: list[Neurons]) -> None:
    """∂C/∂a becomes ∂C/∂z in place, group by group."""
    for sigma, a, delta, scratch in groups:
        sigma.vjp(a, delta, scratch)


CHUNK = 1024  # examples that `predict` takes at once: large enough for speed, small enough for constant memory


def predict(network: Network, theta: Array, X: Array) -> Array:
    """ŷ (M, K, n), float64, for the rows X (n, N₁ + 1), ones in column 0.

    All is computed in float64, also for weights in float32: how a matrix product rounds depends on its size, and a
    softmax makes 10⁻⁵ of it, so in float32 a prediction would depend on the rows that are predicted with it.
    """
    n = len(X)
    theta = theta.astype(np.float64, copy=False)
    result = np.empty((len(theta), network.N[-1], n))
    whole = Pass(network, theta, min(CHUNK, n))
    for start in tracked(range(0, n, CHUNK), "predicting"):
        x = X[start : start + CHUNK].astype(np.float64, copy=False)
        batch = whole if len(x) == whole.a[-1].shape[-1] else Pass(network, theta, len(x))
        result[:, :, start : start + CHUNK] = batch.forward(x)
    return result
