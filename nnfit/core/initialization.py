"""The weights before training: random, so that neurons differ, and scaled, so that signals keep their size.

Every scheme fills the weights of one group of neurons, (neurons, N_i), from a generator; biases are a constant.
A scheme is one entry of INITIALIZATIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.network import Network, views
from nnfit.core.parameter import Array, Parameter

Fill = Callable[[np.random.Generator, tuple[int, int], int, dict[str, float]], Array]


class Initialization(NamedTuple):
    """One row of the table: formula and the function (generator, shape, N_{i+1}, parameters) → weights."""

    formula: str
    fill: Fill
    parameters: tuple[Parameter, ...] = ()


def he(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """Normal with variance 2 / N_i (He et al. 2015, eq. 10)."""
    return rng.normal(0, np.sqrt(2 / shape[1]), shape)


def glorot(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """Uniform on ±√(6 / (N_i + N_{i+1})) (Glorot and Bengio 2010, eq. 16)."""
    bound = np.sqrt(6 / (shape[1] + outputs))
    return rng.uniform(-bound, bound, shape)


def lecun(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """Normal with variance 1 / N_i (LeCun et al. 1998, "Efficient BackProp", eq. 16)."""
    return rng.normal(0, np.sqrt(1 / shape[1]), shape)


def normal(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """Normal with mean 0 and the given standard deviation."""
    return rng.normal(0, p["sd"], shape)


def uniform(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """Uniform on ± the given bound."""
    return rng.uniform(-p["bound"], p["bound"], shape)


def zeros(rng: np.random.Generator, shape: tuple[int, int], outputs: int, p: dict[str, float]) -> Array:
    """All weights 0: fine for one layer; with hidden layers all neurons of a layer stay alike."""
    return np.zeros(shape)


INITIALIZATIONS: dict[str, Initialization] = {
    "he": Initialization("normal, variance 2 / N_i", he),
    "glorot": Initialization("uniform on ±√(6 / (N_i + N_{i+1}))", glorot),
    "lecun": Initialization("normal, variance 1 / N_i", lecun),
    "normal": Initialization(
        "normal, standard deviation sd",
        normal,
        (Parameter("sd", 0.1, "the standard deviation", above=0),),
    ),
    "uniform": Initialization(
        "uniform on ±bound",
        uniform,
        (Parameter("bound", 0.1, "the largest weight", above=0),),
    ),
    "zeros": Initialization("0", zeros),
}


def initialize(
    network: Network,
    members: int,
    dtype: str,
    generators: list[np.random.Generator],
    weights: str = "auto",
    parameters: dict[str, float] | None = None,
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
                scheme = ACTIVATIONS[group.activation].initialization if weights == "auto" else weights
                rows = slice(start, start + group.size)
                shape = (group.size, Theta.shape[2] - 1)
                Theta[0, rows, 1:] = INITIALIZATIONS[scheme].fill(rng, shape, Theta.shape[1], parameters or {})
                start += group.size
    return theta
