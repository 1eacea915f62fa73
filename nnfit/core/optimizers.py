"""Each optimizer: how θ moves, given ∂C/∂θ.

A class of the union Optimizer holds its parameters. `rule` makes of them what updates one block of θ in place. The rule
is given the block of θ and of the gradient, blocks of its own memory (`slots`, zero at the start) and a scratch block,
all of the same shape; `decays`, 1 for a weight and 0 for a bias, which no decay may touch (empty unless the optimizer
has a weight_decay); the number t = 1, 2, … of the update; and η, the learning rate, which may differ from update to
update: a number, or (M, 1), one for each member, as the shape `rates` that the rule was made for says. Where members
have other constants than each other, `each` has the optimizer of every one: of one class, with as many slots.
Constants are made arrays once: NumPy takes longer to convert a Python number than to multiply a hundred parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Literal

import numpy as np

from nnfit.core.members import Number, of_each
from nnfit.core.parameter import Array, named, parameter, table

Rate = Number
Rates = tuple[int, ...]  # the shape of η: () or (M, 1)
Rule = Callable[[Array, Array, Sequence[Array], Array, Array, int, Rate], None]


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Gradient descent (notes), with momentum μ (Polyak 1964) and Nesterov's (Sutskever et al. 2013).

    μ = 0:  θ ← θ − η ∇C
    μ > 0:  v ← μ v + ∇C;  θ ← θ − η v,  with nesterov  θ ← θ − η (∇C + μ v)
    """

    name: Literal["sgd"] = named("sgd")
    learning_rate: float = parameter(0.01, "η, the step size", above=0)
    momentum: float = parameter(0.0, "μ, the share of the last step that is kept", least=0, below=1)
    nesterov: bool = parameter(False, "look ahead along the momentum")

    @property
    def slots(self) -> int:
        """How many arrays like θ its memory takes."""
        return 1 if self.momentum else 0

    def rule(self, dtype: np.dtype[Any], rates: Rates = (), each: Sequence[SGD] = ()) -> Rule:
        """What updates a block of θ."""
        mu = np.array(of_each([p.momentum for p in each or [self]]), dtype)
        step = np.empty(rates, dtype)

        def rule(
            theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
        ) -> None:
            direction = gradient
            if slots:
                v = direction = slots[0]
                np.multiply(v, mu, v)
                np.add(v, gradient, v)
                if self.nesterov:
                    direction = scratch
                    np.multiply(v, mu, scratch)
                    np.add(scratch, gradient, scratch)
            step[...] = eta
            np.multiply(direction, step, scratch)
            np.subtract(theta, scratch, theta)

        return rule


@dataclass(frozen=True, kw_only=True)
class AdaGrad:
    """AdaGrad (Duchi, Hazan and Singer 2011, diagonal form): each parameter's step shrinks with its past gradients.

    v ← v + (∇C)²;  θ ← θ − η ∇C / (√v + ε)
    """

    name: Literal["adagrad"] = named("adagrad")
    learning_rate: float = parameter(0.01, "η, the step size", above=0)
    epsilon: float = parameter(1e-10, "ε, keeps the division finite", above=0)

    slots: ClassVar[int] = 1  # arrays like θ that its memory takes

    def rule(self, dtype: np.dtype[Any], rates: Rates = (), each: Sequence[AdaGrad] = ()) -> Rule:
        """What updates a block of θ."""
        shift = np.array(of_each([p.epsilon for p in each or [self]]), dtype)
        step = np.empty(rates, dtype)

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


@dataclass(frozen=True, kw_only=True)
class RMSprop:
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5), with the momentum μ that PyTorch gives it.

        v ← α v + (1 − α) (∇C)²;  μ = 0:  θ ← θ − η ∇C / (√v + ε)
                                  μ > 0:  b ← μ b + ∇C / (√v + ε);  θ ← θ − η b

    The slots hold v / (1 − α) and b √(1 − α); the factor 1 / √(1 − α) joins η.
    """

    name: Literal["rmsprop"] = named("rmsprop")
    learning_rate: float = parameter(0.01, "η, the step size", above=0)
    alpha: float = parameter(0.99, "α, the memory of the squared gradient's mean", least=0, below=1)
    momentum: float = parameter(0.0, "μ, the share of the last step that is kept", least=0, below=1)
    epsilon: float = parameter(1e-8, "ε, keeps the division finite", above=0)

    @property
    def slots(self) -> int:
        """How many arrays like θ its memory takes."""
        return 2 if self.momentum else 1

    def rule(self, dtype: np.dtype[Any], rates: Rates = (), each: Sequence[RMSprop] = ()) -> Rule:
        """What updates a block of θ."""
        own = each or [self]
        root = of_each([sqrt(1 - p.alpha) for p in own])
        keep = np.array(of_each([p.alpha for p in own]), dtype)
        shift = np.array(of_each([p.epsilon / sqrt(1 - p.alpha) for p in own]), dtype)
        mu = np.array(of_each([p.momentum for p in own]), dtype)
        step = np.empty(np.broadcast_shapes(rates, np.shape(root)), dtype)

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


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1).

        m ← β₁ m + (1 − β₁) ∇C;  v ← β₂ v + (1 − β₂) (∇C)²;  θ ← θ − η m̂ / (√v̂ + ε)

    with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ). The slots hold m / (1 − β₁) and v / (1 − β₂), and the constant
    factors meet in one step size, which saves two passes over the parameters.
    """

    name: Literal["adam"] = named("adam")
    learning_rate: float = parameter(0.001, "η, the step size", above=0)
    beta1: float = parameter(0.9, "β₁, the memory of the gradient's mean", least=0, below=1)
    beta2: float = parameter(0.999, "β₂, the memory of the squared gradient's mean", least=0, below=1)
    epsilon: float = parameter(1e-8, "ε, keeps the division finite", above=0)

    slots: ClassVar[int] = 2  # arrays like θ that its memory takes

    def rule(self, dtype: np.dtype[Any], rates: Rates = (), each: Sequence[Adam] = ()) -> Rule:
        """What updates a block of θ."""
        return adam(self, dtype, rates)


def adam(p: Adam | AdamW, dtype: np.dtype[Any], rates: Rates) -> Rule:
    """The rule of Adam, which AdamW shares."""
    beta1, beta2, epsilon = p.beta1, p.beta2, p.epsilon
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


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2): weights shrink by ηλ of themselves, then Adam's step.

        θ ← θ − η λ θ  (weights, not biases);  θ ← θ − η m̂ / (√v̂ + ε)

    The decay does not pass through m and v (it is decoupled), so every weight feels the same share.
    """

    name: Literal["adamw"] = named("adamw")
    learning_rate: float = parameter(0.001, "η, the step size", above=0)
    beta1: float = parameter(0.9, "β₁, the memory of the gradient's mean", least=0, below=1)
    beta2: float = parameter(0.999, "β₂, the memory of the squared gradient's mean", least=0, below=1)
    epsilon: float = parameter(1e-8, "ε, keeps the division finite", above=0)
    weight_decay: float = parameter(0.01, "λ: an update takes the share ηλ off every weight, not off biases", least=0)

    slots: ClassVar[int] = 2  # arrays like θ that its memory takes

    def rule(self, dtype: np.dtype[Any], rates: Rates = (), each: Sequence[AdamW] = ()) -> Rule:
        """What updates a block of θ."""
        step = adam(self, dtype, rates)
        decay = of_each([p.weight_decay for p in each or [self]])
        share = np.empty(np.broadcast_shapes(rates, np.shape(decay)), dtype)

        def rule(
            theta: Array, gradient: Array, slots: Sequence[Array], scratch: Array, decays: Array, t: int, eta: Rate
        ) -> None:
            share[...] = eta * decay
            np.multiply(theta, decays, scratch)
            np.multiply(scratch, share, scratch)
            np.subtract(theta, scratch, theta)
            step(theta, gradient, slots, scratch, decays, t, eta)

        return rule


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """Limited-memory BFGS, which needs more than a gradient: lbfgs.py."""

    name: Literal["lbfgs"] = named("lbfgs")
    history: int = parameter(10, "the number of past steps that the inverse Hessian is made of")
    tolerance: float = parameter(
        1e-6,
        "a member is done once no entry of its gradient is above this; 0: once rounding is all that is left",
        least=0,
    )
    learning_rate: ClassVar[float] = 1.0  # the step along a direction that is tried first; the search finds the others

    @property
    def slots(self) -> int:
        """How many arrays like θ its memory takes: the pairs (s, y)."""
        return 2 * self.history


GradientOptimizer = SGD | AdaGrad | RMSprop | Adam | AdamW
Optimizer = GradientOptimizer | LBFGS
OPTIMIZERS: dict[str, type[Optimizer]] = table(Optimizer)
