"""The weights before training: random, so that neurons differ, and scaled, so that signals keep their size.

Every scheme fills the weights of one group of neurons, (neurons, N_i), from a generator, where the layer has N_{i+1}
neurons in all; biases are a constant. A scheme is one class of the union Scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from nnfit.core.activations import Activation
from nnfit.core.batches import Rows
from nnfit.core.expansion import Encoded
from nnfit.core.network import Network, views
from nnfit.core.parameter import Array, named, parameter, table

Shape = tuple[int, int]

LOOKED_AT = 1000  # rows, from which a standard deviation is known to some percent
FLAT = 1e-6  # of its size; a weighted sum that varies less is constant up to rounding


@dataclass(frozen=True, kw_only=True)
class Auto:
    """For each group the scheme that suits its activation."""

    name: Literal["auto"] = named("auto")
    formula: ClassVar[str] = "as the activation asks for"


@dataclass(frozen=True, kw_only=True)
class He:
    """Normal with variance 2 / N_i (He et al. 2015, eq. 10)."""

    name: Literal["he"] = named("he")
    formula: ClassVar[str] = "normal, variance 2 / N_i"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        return rng.normal(0, np.sqrt(2 / shape[1]), shape)


@dataclass(frozen=True, kw_only=True)
class Glorot:
    """Uniform on ±√(6 / (N_i + N_{i+1})) (Glorot and Bengio 2010, eq. 16)."""

    name: Literal["glorot"] = named("glorot")
    formula: ClassVar[str] = "uniform on ±√(6 / (N_i + N_{i+1}))"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        bound = np.sqrt(6 / (shape[1] + outputs))
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True, kw_only=True)
class LeCun:
    """Normal with variance 1 / N_i (LeCun et al. 1998, "Efficient BackProp", eq. 16)."""

    name: Literal["lecun"] = named("lecun")
    formula: ClassVar[str] = "normal, variance 1 / N_i"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        return rng.normal(0, np.sqrt(1 / shape[1]), shape)


@dataclass(frozen=True, kw_only=True)
class Normal:
    """Normal with mean 0 and the given standard deviation."""

    name: Literal["normal"] = named("normal")
    sd: float = parameter(0.1, "the standard deviation", above=0)
    formula: ClassVar[str] = "normal, standard deviation sd"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        return rng.normal(0, self.sd, shape)


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Uniform on ± the given bound."""

    name: Literal["uniform"] = named("uniform")
    bound: float = parameter(0.1, "the largest weight", above=0)
    formula: ClassVar[str] = "uniform on ±bound"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        # The generator refuses a range that is no finite number, 2 · bound.
        return rng.uniform(-self.bound, self.bound, shape) if isfinite(2 * self.bound) else np.full(shape, np.inf)


@dataclass(frozen=True, kw_only=True)
class Zeros:
    """All weights 0: fine for one layer; with hidden layers all neurons of a layer stay alike."""

    name: Literal["zeros"] = named("zeros")
    formula: ClassVar[str] = "0"

    def fill(self, rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
        """The weights of a group."""
        return np.zeros(shape)


Scheme = He | Glorot | LeCun | Normal | Uniform | Zeros
Initialization = Auto | Scheme
INITIALIZATIONS: dict[str, type[Initialization]] = table(Initialization)
AUTO = Auto()


def initialize(
    network: Network,
    members: int,
    dtype: str,
    generators: list[np.random.Generator],
    weights: Initialization = AUTO,
    bias: float = 1.0,
) -> Array:
    """θ (M, P): weights by the scheme (`auto`: the one that suits each activation), biases at a constant.

    Each member draws from its own generator, so member k is the same whatever the number of members.
    """
    theta = np.empty((members, network.P), dtype)
    for k, rng in enumerate(generators):
        for Theta, layer in zip(views(network, theta[k : k + 1]), network.layers, strict=True):
            Theta[0, :, 0] = bias
            start = 0
            for group in layer:
                scheme = suited(group.sigma) if isinstance(weights, Auto) else weights
                rows = slice(start, start + group.size)
                shape = (group.size, Theta.shape[2] - 1)
                Theta[0, rows, 1:] = scheme.fill(rng, shape, Theta.shape[1])
                start += group.size
    return theta


def fit_to_rows(
    network: Network, theta: Array, X: Encoded, rows: Sequence[Rows], generators: Sequence[np.random.Generator]
) -> None:
    """Scale the weights of each hidden neuron, in place, so that its weighted sum varies by 1 over training rows.

        Θ_j ← Θ_j / sd(Σ_{i ≥ 1} Θ_ji a_i),   one layer after the other

    However many inputs there are and however they are spread, neurons then begin where their activation bends, and none
    is asleep. Each member (M, P) looks at some of its own `rows` (of all of X without) that its generator draws. What
    does not vary is left as it is. Sources: Krähenbühl, Doersch, Donahue and Darrell 2016, "Data-dependent
    initializations of convolutional neural networks", section 3.1; Holzmüller et al. 2024 (RealMLP), appendix A.
    """
    for k, rng in enumerate(generators):
        own = rows[k] if rows else np.arange(len(X))
        chosen = own if len(own) <= LOOKED_AT else rng.choice(own, LOOKED_AT, replace=False)
        a = np.ascontiguousarray(X[chosen].T, np.float64)
        for Theta, layer in zip(views(network, theta[k : k + 1])[:-1], network.layers[:-1], strict=True):
            z = Theta[0, :, 1:] @ a[1:]
            size = np.abs(z).max(axis=1)
            unit = np.ldexp(1.0, np.frexp(size)[1] - 1)  # squares of very large or small sums are no numbers
            sd = (z / unit[:, None]).std(axis=1) * unit
            factor = np.divide(1, sd, out=np.ones(len(z)), where=sd > FLAT * size)[:, None]
            Theta[0, :, 1:] *= factor
            a = np.ones((len(z) + 1, len(chosen)))
            np.add(z * factor, Theta[0, :, :1], a[1:])
            start = 1
            for group in layer:
                part = a[start : start + group.size, None]
                group.sigma.value(part, np.empty_like(part))
                start += group.size


def suited(sigma: Activation) -> Scheme:
    """The scheme that an activation names."""
    scheme = INITIALIZATIONS[sigma.traits.initialization]()
    assert not isinstance(scheme, Auto)
    return scheme
