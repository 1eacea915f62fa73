"""The network as operators: one entry for each activation of core/activations.py, and the layers of all members.

Everything is computed in double precision, as in `predict`. Elu, Selu, LeakyRelu and Softplus of ONNX are written out,
as onnxruntime computes these in single precision only.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from nnfit.core.activations import BEYOND, CUBE, FAR, LOW, SELU_ALPHA, SELU_SCALE, STEEP, selu_most
from nnfit.core.network import Network, views
from nnfit.core.parameter import Array
from nnfit.errors import Problem, UsageError
from nnfit.export.onnx.graph import Graph
from nnfit.words import quoted


def linear(g: Graph, z: str, sigma: Any) -> str:
    """k z."""
    return z if sigma.k == 1 else g.add("Mul", z, float(sigma.k))


def step(g: Graph, z: str, sigma: Any) -> str:
    """1 where z ≥ k, else 0."""
    return g.cast(g.add("GreaterOrEqual", z, float(sigma.k)), "double")


def logistic(g: Graph, z: str, sigma: Any) -> str:
    """1 / (1 + e^−z)."""
    return g.add("Sigmoid", z)


def tanh(g: Graph, z: str, sigma: Any) -> str:
    """tanh z."""
    return g.add("Tanh", z)


def relu(g: Graph, z: str, sigma: Any) -> str:
    """max(0, z)."""
    return g.add("Relu", z)


def leaky_relu(g: Graph, z: str, sigma: Any) -> str:
    """max(z, k z), as k < 1."""
    return g.add("Max", z, g.add("Mul", z, float(sigma.k)))


def exponential_below(g: Graph, z: str, alpha: float) -> str:
    """z where z > 0, else α (e^z − 1)."""
    below = g.add("Sub", g.add("Exp", g.add("Min", z, 0.0)), 1.0)
    return g.add("Add", g.add("Relu", z), below if alpha == 1 else g.add("Mul", below, float(alpha)))


def elu(g: Graph, z: str, sigma: Any) -> str:
    """z where z > 0, else α (e^z − 1)."""
    return exponential_below(g, z, sigma.alpha)


def selu(g: Graph, z: str, sigma: Any) -> str:
    """λ z where z > 0, else λ α (e^z − 1); z is kept where λ z is a number."""
    return g.add(
        "Mul", exponential_below(g, g.add("Min", z, float(selu_most(np.dtype(np.float64)))), SELU_ALPHA), SELU_SCALE
    )


def gelu(g: Graph, z: str, sigma: Any) -> str:
    """z s(u), u = √(8/π) (z + 0.044715 z³), with z kept within ±10 in u."""
    z = g.add("Max", z, -BEYOND)
    near = g.add("Min", z, BEYOND)
    bent = g.add("Add", g.add("Mul", g.add("Mul", near, near), CUBE), 1.0)
    return g.add("Mul", z, g.add("Sigmoid", g.add("Mul", g.add("Mul", near, STEEP), bent)))


def silu(g: Graph, z: str, sigma: Any) -> str:
    """z / (1 + e^−z); some runtimes make z s(z) an operator of theirs, which they have for floats only.

    As in the core z is kept above −80, below which a runtime may know no exponential.
    """
    z = g.add("Max", z, LOW)
    return g.add("Div", z, g.add("Add", g.add("Exp", g.add("Neg", z)), 1.0))


def mish(g: Graph, z: str, sigma: Any) -> str:
    """z n / (n + 2) with n = e^z (e^z + 2), and z kept above −80."""
    z = g.add("Max", z, LOW)
    e = g.add("Exp", g.add("Min", z, FAR))
    n = g.add("Mul", e, g.add("Add", e, 2.0))
    return g.add("Mul", z, g.add("Div", n, g.add("Add", n, 2.0)))


def softplus(g: Graph, z: str, sigma: Any) -> str:
    """max(0, z) + log(1 + e^−|z|)."""
    small = g.add("Exp", g.add("Neg", g.add("Abs", z)))
    return g.add("Add", g.add("Relu", z), g.add("Log", g.add("Add", small, 1.0)))


def softmax(g: Graph, z: str, sigma: Any) -> str:
    """e^z_k / Σ_j e^z_j over the neurons, the last axis."""
    return g.add("Softmax", z, axis=-1)


SIGMAS: dict[str, Callable[[Graph, str, Any], str]] = {
    form.__name__: form
    for form in (*(linear, step, logistic, tanh, relu, leaky_relu, elu, selu, gelu, silu, mish, softplus, softmax),)
}


def activated(g: Graph, z: str, sigma: Any) -> str:
    """σ(z); a UsageError for an activation that has no form here."""
    form = SIGMAS.get(sigma.name)
    if form is None:
        message = f"the activation {quoted(sigma.name)} has no form in ONNX"
        raise UsageError(Problem("no-onnx-form", message, "train with another one"))
    return form(g, z, sigma)


def outputs(g: Graph, network: Network, theta: Array, X: str, places: list[int]) -> str:
    """ŷ (n, K), the mean over the members, of inputs (n, N₁) of which column k is input places[k] of the network.

    Weights stand in the file in the precision in which they were trained. Of several members everything is
    (members, n, neurons); one member has no axis of its own.
    """
    M, a = len(theta), X
    for number, (Theta, layer) in enumerate(zip(views(network, theta), network.layers, strict=True), 1):
        bias, W = Theta[:, None, :, 0], Theta[:, :, 1:].mT
        if number == 1:
            W = W[:, places]
        if M == 1:
            bias, W = bias[0], W[0]
        product = g.add("MatMul", a, weights(g, W, f"theta_{number}"))
        z = g.add("Add", product, weights(g, bias, f"theta_{number}_bias"))
        if len(layer) == 1:
            a = activated(g, z, layer[0].sigma)
            continue
        ends = np.cumsum([0, *(group.size for group in layer)])
        parts = [g.add("Slice", z, *(np.array([k], np.int64) for k in (*between, -1))) for between in pairwise(ends)]
        a = g.side_by_side([activated(g, part, group.sigma) for part, group in zip(parts, layer, strict=True)])
    if M == 1:
        return a
    return g.add("Div", g.add("ReduceSum", a, np.array([0], np.int64), keepdims=0), float(M))


def weights(g: Graph, values: Array, name: str) -> str:
    """Weights, as double."""
    stored = g.constant(np.ascontiguousarray(values), name)
    return stored if values.dtype == np.float64 else g.cast(stored, "double")
