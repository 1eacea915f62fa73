"""The network: layout of θ, its views Θ⁽ⁱ⁾, forward pass and back-propagation, for M members at once.

    M   members: networks trained together, one row of θ each        m   examples of a batch
    L   layers, hidden and output (the input is layer 1)             K   outputs, N_{L+1}
    N_i neurons of layer i, i = 1 … L + 1                            P   parameters of one member

    θ       (M, P)                  all parameters; Θ⁽ⁱ⁾ (M, N_{i+1}, N_i + 1) are views on it, biases in column 0
    x       (m, N₁ + 1)             a batch of rows, ones in column 0, so that xᵀ = a⁽¹⁾ with the bias unit
    a⁽ⁱ⁾    (N_i + 1, M, m)         outputs of layer i, row 0 the bias unit 1; the output layer has none: (K, M, m)
    δ⁽ⁱ⁾    (N_i, M, m)             ∂C/∂z⁽ⁱ⁾
    y, s    (K, 1 or M, m)          targets and scaled weights of the examples, see losses.py

θ is updated in place only: `theta = theta - …` would detach the views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy import matmul

from nnfit.core.activations import Activation
from nnfit.core.expansion import Encoded
from nnfit.core.losses import LOSSES, OverOutputs, total
from nnfit.core.members import buffer, by_member, matrix, times
from nnfit.core.parameter import Array
from nnfit.progress import tracked
from nnfit.workers.threads import spread

SMALL = 1 << 12  # numbers of a matrix of which a row more costs less than a call
CACHE = 5 << 19  # bytes that members who learn together work on in a step, more or less: what a core has near it


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
    """One group of neurons with the buffers it works on, each (group size, M, m)."""

    sigma: Activation
    a: Array
    delta: Array
    rooms: tuple[Array, ...]  # of the activation: the first is kept from the way up to the way back


class Batch(NamedTuple):
    """The examples of a step as a pass takes them, made before the loop; `Pass.batch` makes one."""

    x: Array  # of all members, (m, N₁ + 1), or of each, (M, m, N₁ + 1)
    x_transposed: Array
    y: Array  # like ŷ, (K, M, m), so that NumPy has nothing to broadcast
    s: Array  # likewise
    start: Array  # (K, M, m): what the loss starts from, z⁽ᴸ⁺¹⁾ or ŷ, is left here
    z: Array  # where the weighted sums of the output layer go, by member


class Dropout:
    """Units of one hidden layer that are left out of a pass (Srivastava et al. 2014, inverted).

    a ← a · mask / (1 − p), where mask is 0 with probability p; the way back takes the same factor. `chance` holds
    numbers in [0, 1), of the shape of a. p is a number, or one of each member, (M, 1).
    """

    def __init__(self, a: Array, p: float | Array, chance: Array) -> None:
        self.a, self.chance = a, chance
        self.p, self.kept = np.array(p, np.float32)[()], np.array(1 - p, a.dtype)
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


def value_of(neurons: Neurons, backward: bool) -> Callable[[], None]:
    """What makes σ(z) of z in place, and keeps σ′(z) where the way back needs it."""
    sigma, a, _, rooms = neurons
    value: Any = sigma.value
    return partial(value, a, *rooms, slope=backward) if sigma.traits.keeps_slope else partial(value, a, *rooms)


def back(Theta: Array, below: Array) -> tuple[Callable[[Array, Array], object], Array]:
    """What makes Θ[:, 1:]ᵀ δ of δ, of each member, and where it goes in a buffer, whose row 0 is that of the bias unit.

    That row is computed too where Θ is small: `dot` would copy a part of Θ, which takes longer.
    """
    place = by_member(below)
    if Theta.shape[-1] * Theta.shape[-2] <= SMALL:
        return times(Theta.mT), place
    return partial(matmul, Theta[..., 1:].mT), place[..., 1:, :]


class Pass:
    """Forward and backward passes of one network over m examples, in buffers allocated once.

    Every step is then a fixed sequence of matrix products and in-place functions. All that is called, and what it is
    called with, is put together before: looking up and cutting arrays takes NumPy as long as multiplying small ones.
    In the buffers neurons come first, (N_i, M, m): a function of all neurons is a function of one contiguous array.
    Where the examples are some `among` a number of them, units that are left out are drawn for all, and theirs taken.
    """

    def __init__(
        self,
        network: Network,
        theta: Array,
        m: int,
        gradient: Array | None = None,
        dropout: float | Array = 0.0,
        among: tuple[int, slice] | None = None,
    ) -> None:
        M, N, dtype = len(theta), network.N, theta.dtype
        self.M, self.K, self.m = M, N[-1], m
        self.Theta = views(network, theta)
        self.gradient = [] if gradient is None else views(network, gradient)
        self.loss = LOSSES[network.loss]
        last = network.layers[-1]
        self.fused = self.loss.fused.get(last[0].sigma.name) if len(last) == 1 else None
        self.slope = (self.fused or self.loss).slope
        self.direct = self.fused is not None and (m > 1 or M == 1)  # whether z of the outputs may go where it is kept
        # Row 0 of a hidden layer is its bias unit; z and then σ(z) fill the rows below.
        above = [buffer(n + 1, M, m, dtype, apart=after == 1) for n, after in pairwise(N[1:])]
        for ones in above:
            ones[0] = 1
        self.z = [*(a[1:] for a in above), buffer(self.K, M, m, dtype)]
        self.a = [each.swapaxes(0, 1) for each in (*above, self.z[-1])]  # by member
        self.outputs = self.a[-1]  # ŷ (M, K, m) of the last pass but `gradient_of_cost`
        # Without a way back there is only the δ that a loss writes.
        backward = gradient is not None
        below = [buffer(n + 1 if backward else 1, M, m, dtype) for n in N[1:-1]]
        self.delta = [*(delta[1:] for delta in below), buffer(self.K, M, m, dtype)]
        self.over = OverOutputs(self.delta[-1][..., : m * (self.K > 1)])  # a single output needs nothing of it
        self.neurons = self._neurons(network, backward)
        activate = [[value_of(n, backward) for n in groups] for groups in self.neurons]
        pull_back = [[partial(n.sigma.vjp, n.a, n.delta, n.rooms[0]) for n in groups] for groups in self.neurons]
        # The last σ comes before the loss, and its way back after it; a loss that starts from z leaves it for the end.
        self.activate_last, self.pull_back_last = activate[-1], pull_back[-1]
        self.before, self.after, self.back = activate[-1], [], pull_back[-1]
        if self.fused is not None:
            self.before, self.after, self.back = [], activate[-1], []
        self.drops: list[Dropout] = []
        if np.any(dropout) and len(N) > 2:
            # The numbers of one member lie side by side, so that it can draw them all at once.
            size, own = among or (m, slice(m))
            self.chances = np.empty((M, sum(N[1:-1]) * size), np.float32)
            parts = np.split(self.chances, np.cumsum([n * size for n in N[1:-1]])[:-1], axis=1)
            chances = [part.reshape(M, -1, size)[..., own].swapaxes(0, 1) for part in parts]
            self.drops = [Dropout(z, dropout, chance) for z, chance in zip(self.z, chances, strict=False)]
        dropped: list[Dropout | None] = [*self.drops] or [None] * len(above)
        # What each step of the way up and down calls, and with what.
        Theta, a = [matrix(each) for each in self.Theta], [by_member(each) for each in above]
        self.top = times(Theta[-1])
        self.up = [(times(Theta[i]), by_member(self.z[i]), a[i], activate[i], dropped[i]) for i in range(len(above))]
        self.own = by_member(self.z[-1])
        if backward:
            delta = [by_member(each) for each in self.delta]
            of_layer = [(times(each), matrix(self.gradient[i])) for i, each in enumerate(delta)]
            self.bottom, self.first = of_layer[0]
            self.down = [
                (
                    *(*of_layer[i], a[i - 1].mT),
                    *(*back(Theta[i], below[i - 1]), delta[i]),
                    *(self.delta[i - 1], pull_back[i - 1], dropped[i - 1]),
                )
                for i in range(len(above), 0, -1)
            ]

    def _neurons(self, network: Network, backward: bool) -> list[list[Neurons]]:
        """Each layer's groups, on its buffers; they share the rooms of their activations as far as these allow."""
        M, m, dtype = self.M, self.m, self.z[0].dtype
        most = max(group.sigma.traits.rooms for layer in network.layers for group in layer)
        shared = np.empty((most, M * max(network.N[1:]) * m), dtype)
        found = []
        for layer, z, delta in zip(network.layers, self.z, self.delta, strict=True):
            groups, start = [], 0
            for size, sigma in layer:
                rows = slice(start, start + size)
                rooms = [part[: size * M * m].reshape(size, M, m) for part in shared[: sigma.traits.rooms]]
                if backward and sigma.traits.keeps_slope:
                    rooms[0] = np.empty((size, M, m), dtype)
                groups.append(Neurons(sigma, z[rows], delta[rows], tuple(rooms)))
                start += size
            found.append(groups)
        return found

    def batch(self, x: Array, y: Array, s: Array, start: Array) -> Batch:
        """Examples as this pass takes them, all as in Batch; `start` is to be contiguous."""
        x = matrix(x)
        return Batch(x, x.mT, y, s, start, by_member(start) if self.direct else self.own)

    def forward(self, x: Array) -> Array:
        """ŷ (M, K, m) of the batch x; the buffer is overwritten by the next pass.

        z⁽ⁱ⁺¹⁾ = Θ⁽ⁱ⁾ a⁽ⁱ⁾,   a⁽ⁱ⁺¹⁾ = σ(z⁽ⁱ⁺¹⁾),   ŷ = a⁽ᴸ⁺¹⁾
        """
        self._weighted_sums(matrix(x).mT, self.own)
        each(self.activate_last)
        return self.outputs

    def _weighted_sums(self, a: Array, last: Array) -> None:
        """z⁽ⁱ⁺¹⁾ = Θ⁽ⁱ⁾ a⁽ⁱ⁾ for i = 1 … L, with a⁽ⁱ⁺¹⁾ = σ(z⁽ⁱ⁺¹⁾) below the output layer."""
        for theta_times, z, above, activate, dropped in self.up:
            theta_times(a, z)
            for call in activate:
                call()
            if dropped is not None:
                dropped.apply()
            a = above
        self.top(a, last)

    def costs(self, start: Array, y: Array, s: Array) -> Array:
        """The cost C of batches, (…, M), from what the loss starts from there, (…, K, M, m); s is (…, 1, M, m)."""
        return total((self.fused or self.loss).cost(start, y), s[..., 0, :, :])

    def cost_of(self, x: Array, y: Array, s: Array) -> Array:
        """The cost C of a batch, (M,), without its gradient; y (K, m) or (M, K, m), s (1 or M, 1, m)."""
        self._weighted_sums(matrix(x).mT, self.own)
        each(self.before)
        C = self.costs(self.z[-1], outputs_first(y), outputs_first(s))
        each(self.after)
        return C

    def cost_and_gradient(self, x: Array, y: Array, s: Array) -> Array:
        """The cost C of a batch, (M,), as `cost_of` has it; ∂C/∂θ is left in the gradient."""
        z = self.z[-1]
        y, s = (np.broadcast_to(outputs_first(values), z.shape) for values in (y, s))
        self.gradient_of_cost(self.batch(x, y, s, z))
        C = self.costs(z, y, s)
        each(self.after)
        return C

    def draw(self, generators: Sequence[np.random.Generator]) -> None:
        """Choose the units that the next passes leave out, each member's with a generator of its own."""
        if not self.drops:
            return
        for generator, chances in zip(generators, self.chances, strict=True):
            generator.random(dtype=np.float32, out=chances)
        for dropped in self.drops:
            dropped.draw()

    def gradient_of_cost(self, batch: Batch) -> None:
        """Leave ∂C/∂θ of the batch in the gradient (notes, "Back-propagation"; errata); C is that of `costs`.

        δ⁽ᴸ⁺¹⁾   = ∂C/∂z⁽ᴸ⁺¹⁾                     from the loss
        ∂C/∂Θ⁽ⁱ⁾ = δ⁽ⁱ⁺¹⁾ a⁽ⁱ⁾ᵀ                   weights and biases together
        δ⁽ⁱ⁾     = J_σᵀ (Θ⁽ⁱ⁾[:, 1:]ᵀ δ⁽ⁱ⁺¹⁾)      the bias unit passes nothing back
        """
        x, x_transposed, y, s, start, z = batch
        self._weighted_sums(x_transposed, z)
        for call in self.before:
            call()
        if not self.direct:
            np.copyto(start, self.z[-1])
        delta = self.delta[-1]
        self.slope(start, y, delta, self.over)
        np.multiply(delta, s, delta)
        for call in self.back:
            call()
        for delta_times, gradient, a_transposed, theta_times, below, delta, inner, pull_back, dropped in self.down:
            delta_times(a_transposed, gradient)
            theta_times(delta, below)
            if dropped is not None:
                dropped.pull_back(inner)
            for call in pull_back:
                call()
        self.bottom(x, self.first)

    def gradient_of_inputs(self, of_outputs: Array) -> Array:
        """∂F/∂x (M, N₁, m) at the batch of the last `forward`, of any F of the outputs, from ∂F/∂ŷ (M, K, m) or (K, m).

        δ⁽ⁱ⁾ as in `gradient_of_cost`, from δ⁽ᴸ⁺¹⁾ = J_σᵀ ∂F/∂ŷ;   ∂F/∂x = Θ⁽¹⁾[:, 1:]ᵀ δ⁽²⁾
        """
        np.copyto(self.delta[-1], outputs_first(of_outputs))
        each(self.pull_back_last)
        for _, _, _, theta_times, below, delta, _, pull_back, _ in self.down:
            theta_times(delta, below)
            each(pull_back)
        of_inputs: Array = matmul(self.Theta[0][:, :, 1:].mT, self.delta[0].swapaxes(0, 1))
        return of_inputs


def together(network: Network, m: int, itemsize: int) -> int:
    """How many members pass m examples best at once: small ones share every call of NumPy, a cache holds few large."""
    each = (3 * sum(network.N) * m + 5 * network.P) * itemsize
    return max(1, CACHE // each)


def outputs_first(values: Array) -> Array:
    """Targets or weights (K, m) of all members, or (M, K, m), as (K, 1 or M, m)."""
    return values[:, None] if values.ndim == 2 else values.swapaxes(0, 1)


def each(calls: Sequence[Callable[[], object]]) -> None:
    """Call them: σ or its vector-Jacobian product, in place, group by group."""
    for call in calls:
        call()


CHUNK = 1024  # examples that `predict` takes at once: large enough for speed, small enough for constant memory
CHUNKS, WORK = 16, 1 << 32  # chunks of one piece, at most; and multiplications, some tenths of a second


def predict(network: Network, theta: Array, X: Encoded, empty: Callable[..., Array] = np.empty) -> Array:
    """ŷ (M, K, n), float64, for the rows X (n, N₁ + 1), ones in column 0.

    All is computed in float64, also for weights in float32: how a matrix product rounds depends on its size, and a
    softmax makes 10⁻⁵ of it, so in float32 a prediction would depend on the rows that are predicted with it. Member
    after member, piece after piece of the rows: so the buffers stay in a core's cache, and pieces go to all cores.
    `empty` makes the array of the result.
    """
    n, rows = len(X), CHUNK * max(1, min(CHUNKS, WORK // (CHUNK * network.P)))
    theta = theta.astype(np.float64, copy=False)
    result = empty((len(theta), network.N[-1], n), np.float64)

    def piece(place: tuple[int, int]) -> None:
        """The outputs of one member for the rows from a first one on."""
        k, first = place
        end = min(n, first + rows)
        own = theta[k : k + 1]
        whole = Pass(network, own, min(CHUNK, end - first))
        for start in range(first, end, CHUNK):
            x = X[start : min(end, start + CHUNK)].astype(np.float64, copy=False)
            batch = whole if len(x) == whole.m else Pass(network, own, len(x))
            result[k, :, start : start + len(x)] = batch.forward(x)[0]

    places = [(k, first) for k in range(len(theta)) for first in range(0, n, rows)]
    for _ in tracked((spread if len(places) > 1 else map)(piece, places), "predicting", len(places)):
        pass
    return result
