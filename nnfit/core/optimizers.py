"""Each optimizer: how θ moves, given ∂C/∂θ.

An entry of OPTIMIZERS makes, from its parameters, a rule that updates one block of θ in place. The rule is given the
block of θ and of the gradient, blocks of its own memory (`slots`, zero at the start) and a scratch block, all of the
same shape; `decays`, 1 for a weight and 0 for a bias, which no decay may touch (empty unless the rule has a parameter
weight_decay); the number t = 1, 2, … of the update; and η, the learning rate, which may differ from update to update:
a number, or (M, 1), one for each member, as the shape `rates` that the rule was made for says.
Constants are made arrays once: NumPy takes longer to convert a Python number than to multiply a hundred parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.parameter import Array, Parameter

Rate = float | NDArray[np.float64]
Rates = tuple[int, ...]  # the shape of η: () or (M, 1)
Rule = Callable[[Array, Array, Sequence[Array], Array, Array, int, Rate], None]


class Optimizer(NamedTuple):
    """One row of the table: what makes the rule for a dtype, how many slots of memory it needs, its parameters."""

    rule: (
        Callable[[dict[str, Any], np.dtype[Any], Rates], Rule] | None
    )  # None: lbfgs.py, which needs more than a gradient
    slots: Callable[[dict[str, Any]], int]
    parameters: tuple[Parameter, ...]


def sgd(p: dict[str, Any], dtype: np.dtype[Any], rates: Rates = ()) -> Rule:
    """Gradient descent (notes), with momentum μ (Polyak 1964) and Nesterov's (Sutskever et al. 2013).

    μ = 0:  θ ← θ − η ∇C
    μ > 0:  v ← μ v + ∇C;  θ ← θ − η v,  with nesterov  θ ← θ − η (∇C + μ v)
    """
    mu, step = np.array(p["momentum"], dtype), np.empty(rates, dtype)

    def rule(
        theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
    ) -> None:
        direction = gradient
        if slots:
            v = direction = slots[0]
            np.multiply(v, mu, v)
            np.add(v, gradient, v)
            if p["nesterov"]:
                direction = scratch
                np.multiply(v, mu, scratch)
                np.add(scratch, gradient, scratch)
        step[...] = eta
        np.multiply(direction, step, scratch)
        np.subtract(theta, scratch, theta)

    return rule


def adam(p: dict[str, Any], dtype: np.dtype[Any], rates: Rates = ()) -> Rule:
    """Adam (Kingma and Ba 2015, algorithm 1).

        m ← β₁ m + (1 − β₁) ∇C;  v ← β₂ v + (1 − β₂) (∇C)²;  θ ← θ − η m̂ / (√v̂ + ε)

    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ). The slots hold m / (1 − β₁) and v / (1 − β₂), and the constant
    factors meet in one step size, which saves two passes over the parameters.
    """
    beta1, beta2, epsilon = p["beta1"], p["beta2"], p["epsilon"]
    keep1, keep2 = np.array(beta1, dtype), np.array(beta2, dtype)
    shift, step = np.empty((), dtype), np.empty(rates, dtype)

    def rule(
        theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
    ) -> None:
        m, v = slots
        np.multiply(m, keep1, m)
        np.add(m, gradient, m)
        np.multiply(gradient, gradient, scratch)
        np.multiply(v, keep2, v)
        np.add(v, scratch, v)
        scale = sqrt((1 - beta2**t) / (1 - beta2))
        shift.fill(epsilon * scale)
        step[...] = eta * scale * (1 - beta1) / (1 - beta1**t)
        np.sqrt(v, scratch)
        np.add(scratch, shift, scratch)
        np.divide(m, scratch, scratch)
        np.multiply(scratch, step, scratch)
        np.subtract(theta, scratch, theta)

    return rule


def adamw(p: dict[str, Any], dtype: np.dtype[Any], rates: Rates = ()) -> Rule:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2): weights shrink by ηλ of themselves, then Adam's step.

        θ ← θ − η λ θ  (weights, not biases);  θ ← θ − η m̂ / (√v̂ + ε)

    The decay does not pass through m and v (it is decoupled), so every weight feels the same share.
    """
    step = adam(p, dtype, rates)
    share = np.empty(rates, dtype)

    def rule(
        theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
    ) -> None:
        share[...] = eta * p["weight_decay"]
        np.multiply(theta, decays, scratch)
        np.multiply(scratch, share, scratch)
        np.subtract(theta, scratch, theta)
        step(theta, gradient, slots, scratch, decays, t, eta)

    return rule


def adagrad(p: dict[str, Any], dtype: np.dtype[Any], rates: Rates = ()) -> Rule:
    """AdaGrad (Duchi, Hazan and Singer 2011, diagonal form): each parameter's step shrinks with its past gradients.

    v ← v + (∇C)²;  θ ← θ − η ∇C / (√v + ε)
    """
    shift, step = np.array(p["epsilon"], dtype), np.empty(rates, dtype)

    def rule(
        theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
    ) -> None:
        v = slots[0]
        np.multiply(gradient, gradient, scratch)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, shift, scratch)
        np.divide(gradient, scratch, scratch)
        step[...] = eta
        np.multiply(scratch, step, scratch)
        np.subtract(theta, scratch, theta)

    return rule


def rmsprop(p: dict[str, Any], dtype: np.dtype[Any], rates: Rates = ()) -> Rule:
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5), with the momentum μ that PyTorch gives it.

        v ← α v + (1 − α) (∇C)²;  μ = 0:  θ ← θ − η ∇C / (√v + ε)
                                  μ > 0:  b ← μ b + ∇C / (√v + ε);  θ ← θ − η b

    The slots hold v / (1 − α) and b √(1 − α); the factor 1 / √(1 − α) joins η.
    """
    root = sqrt(1 - p["alpha"])
    keep, shift, mu = (np.array(x, dtype) for x in (p["alpha"], p["epsilon"] / root, p["momentum"]))
    step = np.empty(rates, dtype)

    def rule(
        theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
    ) -> None:
        v, *momentum = slots
        np.multiply(gradient, gradient, scratch)
        np.multiply(v, keep, v)
        np.add(v, scratch, v)
        np.sqrt(v, scratch)
        np.add(scratch, shift, scratch)
        np.divide(gradient, scratch, scratch)
        direction = scratch
        if momentum:
            direction = momentum[0]
            np.multiply(direction, mu, direction)
            np.add(direction, scratch, direction)
        step[...] = eta / root
        np.multiply(direction, step, scratch)
        np.subtract(theta, scratch, theta)

    return rule


def learning_rate(default: float) -> Parameter:
    return Parameter("learning_rate", default, "η, the step size", above=0)


def epsilon(default: float) -> Parameter:
    return Parameter("epsilon", default, "ε, keeps the division finite", above=0)


MOMENTS = (
    Parameter("beta1", 0.9, "β₁, the memory of the gradient's mean", least=0, below=1),
    Parameter("beta2", 0.999, "β₂, the memory of the squared gradient's mean", least=0, below=1),
)

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(
        sgd,
        lambda p: 1 if p["momentum"] else 0,
        (
            learning_rate(0.01),
            Parameter("momentum", 0.0, "μ, the share of the last step that is kept", least=0, below=1),
            Parameter("nesterov", False, "look ahead along the momentum"),
        ),
    ),
    "adagrad": Optimizer(adagrad, lambda p: 1, (learning_rate(0.01), epsilon(1e-10))),
    "rmsprop": Optimizer(
        rmsprop,
        lambda p: 2 if p["momentum"] else 1,
        (
            learning_rate(0.01),
            Parameter("alpha", 0.99, "α, the memory of the squared gradient's mean", least=0, below=1),
            Parameter("momentum", 0.0, "μ, the share of the last step that is kept", least=0, below=1),
            epsilon(1e-8),
        ),
    ),
    "adam": Optimizer(adam, lambda p: 2, (learning_rate(0.001), *MOMENTS, epsilon(1e-8))),
    "adamw": Optimizer(
        adamw,
        lambda p: 2,
        (
            learning_rate(0.001),
            *MOMENTS,
            epsilon(1e-8),
            Parameter(
                "weight_decay", 0.01, "λ: an update takes the share ηλ off every weight, not off biases", least=0
            ),
        ),
    ),
    "lbfgs": Optimizer(
        None,
        lambda p: 2 * p["history"],
        (
            Parameter("history", 10, "the number of past steps that the inverse Hessian is made of"),
            Parameter(
                "tolerance",
                1e-6,
                "a member is done once no entry of its gradient is above this; 0: once rounding is all that is left",
                least=0,
            ),
        ),
    ),
}
