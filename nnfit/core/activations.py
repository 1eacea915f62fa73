"""Each activation σ: its value, its vector-Jacobian product and the range of its outputs.

Both functions work in place on one group of neurons, feature-major, shape (N, M, m): N neurons, M members, m
examples. `value` turns z into a = σ(z); `vjp` turns ∂C/∂a into ∂C/∂z = J_σᵀ ∂C/∂a, written in terms of a alone,
so that z is never kept. `scratch` is a buffer of the same shape. Where a does not tell σ′ (a falls and rises again),
the entry says `keeps_slope`: `value` leaves σ′(z) in the scratch buffer, which is then the group's own until `vjp`,
unless there is no way back (`slope=False`).
Some functions need more `rooms` of that shape; memory that is asked for in every step costs more than what is computed.
An activation is one class of the union Activation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.members import sum_of_rows
from nnfit.core.parameter import Array, named, parameter, table

INF = float("inf")
# Constants as arrays: NumPy takes longer to convert a Python number than to work on a small layer.
ZERO, ONE = (np.array(constant, np.float32) for constant in (0, 1))
LOW, FAR = -80.0, 20.0
FEW = 3000  # numbers
STEEP, CUBE, BEYOND = 1.5957691216057308, 0.044715, 10.0  # of gelu: √(8/π), its cubic term, where it is z or 0


class Range(NamedTuple):
    """The outputs an activation produces, or a loss accepts; `simplex`: the outputs of a layer sum to one."""

    text: str
    low: float
    high: float
    closed: bool = False
    simplex: bool = False

    def within(self, other: Range) -> bool:
        """Whether every value of this range lies in the other."""
        inside = other.low < self.low and self.high < other.high
        touching = other.low <= self.low and self.high <= other.high
        return (inside or (touching and not self.closed)) and (self.simplex or not other.simplex)


REAL = Range("(−∞, ∞)", -INF, INF)
UNIT = Range("(0, 1)", 0, 1)
SIMPLEX = Range("probabilities that sum to one", 0, 1, simplex=True)


class Traits(NamedTuple):
    """What an activation says beside its functions: formula, range, and the initialization that suits it."""

    formula: str
    range: Range
    initialization: str
    whole_layer: bool = False  # its neurons depend on each other, so it cannot share a layer
    kinks: Callable[[Array], NDArray[np.bool_]] | None = None  # which side of its kinks each output lies on
    keeps_slope: bool = False  # vjp finds σ′(z), which a does not tell, where value left it: in scratch
    rooms: int = 1  # buffers that value works in: scratch, and those after it


def positive(a: Array) -> NDArray[np.bool_]:
    """On which side of 0 each output lies, and with it each z, for the activations whose pieces meet at 0."""
    return a > 0


def at_least(z: Array, bound: float, room: Array) -> None:
    """z ← max(z, bound). NumPy's maximum is three to five times as fast against an array as against a number."""
    room.fill(bound)
    np.maximum(z, room, out=z)


def logistic(z: Array, room: Array) -> None:
    """σ(z) = 1 / (1 + e^−z); z is kept above −80, where σ is 10⁻³⁵, so that the exponential cannot overflow."""
    at_least(z, LOW, room)
    logistic_above(z)


def logistic_above(z: Array) -> None:
    """σ(z) = 1 / (1 + e^−z) for z of at least −80."""
    np.negative(z, z)
    np.exp(z, z)
    np.add(z, ONE, z)
    np.reciprocal(z, z)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A line through 0; with k = 1 the identity."""

    name: Literal["linear"] = named("linear")
    k: float = parameter(1.0, "the slope")
    traits: ClassVar[Traits] = Traits("k z", REAL, "lecun")

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = k z."""
        if self.k != 1:
            np.multiply(z, self.k, out=z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = k ∂C/∂a."""
        if self.k != 1:
            np.multiply(delta, self.k, out=delta)


@dataclass(frozen=True, kw_only=True)
class Step:
    """The notes' threshold function."""

    name: Literal["step"] = named("step")
    k: float = parameter(0.0, "the threshold")
    gradient: Literal["none", "straight_through"] = parameter(
        "none", "the derivative is 0 wherever it exists (none), or taken as 1 (straight_through)"
    )
    traits: ClassVar[Traits] = Traits("1 if z ≥ k else 0", Range("{0, 1}", 0, 1, closed=True), "lecun", kinks=positive)

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = 1 where z ≥ k, else 0 (the notes' threshold function)."""
        np.greater_equal(z, self.k, out=z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """0, the derivative wherever it exists; or the surrogate J = 1 of the straight-through estimator.

        Source: Bengio, Léonard, Courville 2013, "Estimating or propagating gradients through stochastic neurons".
        With mse and one layer the surrogate is Rosenblatt's perceptron rule Δθ = η (y − ŷ) x.
        """
        if self.gradient == "none":
            delta.fill(0)


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """The logistic function (sigmoid): a probability."""

    name: Literal["logistic"] = named("logistic")
    traits: ClassVar[Traits] = Traits("1 / (1 + e^−z)", UNIT, "glorot")

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = 1 / (1 + e^−z)."""
        logistic(z, scratch)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = a (1 − a) ∂C/∂a."""
        np.multiply(delta, a, delta)
        np.subtract(ONE, a, scratch)
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class Tanh:
    """The hyperbolic tangent."""

    name: Literal["tanh"] = named("tanh")
    traits: ClassVar[Traits] = Traits("tanh z", Range("(−1, 1)", -1, 1), "glorot")

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = tanh z."""
        np.tanh(z, z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = (1 − a²) ∂C/∂a."""
        np.multiply(a, a, scratch)
        np.subtract(ONE, scratch, scratch)
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class ReLU:
    """The rectified linear unit (Nair and Hinton 2010)."""

    name: Literal["relu"] = named("relu")
    traits: ClassVar[Traits] = Traits("max(0, z)", Range("[0, ∞)", 0, INF), "he", kinks=positive)

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = max(0, z)."""
        scratch.fill(0)
        np.maximum(z, scratch, out=z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = ∂C/∂a where a > 0, else 0."""
        if a.size < FEW:  # the sign is a slow function; a comparison, whose result is of another type, is slow to begin
            np.sign(a, scratch)
        else:
            np.greater(a, ZERO, out=scratch)
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class LeakyReLU:
    """ReLU with a slope below 0 (Maas, Hannun and Ng 2013)."""

    name: Literal["leaky_relu"] = named("leaky_relu")
    k: float = parameter(0.01, "the slope below 0", least=0, below=1)
    traits: ClassVar[Traits] = Traits("z if z > 0 else k z", REAL, "he", kinks=positive)

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = z where z > 0, else k z (Maas, Hannun and Ng 2013)."""
        np.multiply(z, self.k, out=scratch)
        np.maximum(z, scratch, out=z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = ∂C/∂a where a > 0, else k ∂C/∂a."""
        np.greater(a, ZERO, out=scratch)
        np.maximum(scratch, self.k, out=scratch)
        np.multiply(delta, scratch, delta)


def exponential_below(z: Array, scratch: Array, alpha: float) -> None:
    """z where z > 0, else α (e^z − 1)."""
    np.minimum(z, ZERO, out=scratch)
    np.expm1(scratch, scratch)
    np.multiply(scratch, alpha, out=scratch)
    np.maximum(z, ZERO, out=z)
    np.add(z, scratch, z)


@dataclass(frozen=True, kw_only=True)
class ELU:
    """The exponential linear unit (Clevert, Unterthiner and Hochreiter 2016)."""

    name: Literal["elu"] = named("elu")
    alpha: float = parameter(1.0, "α, the depth below 0", above=0)
    traits: ClassVar[Traits] = Traits("z if z > 0 else α (e^z − 1)", Range("(−α, ∞)", -INF, INF), "he", kinks=positive)

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = z where z > 0, else α (e^z − 1) (Clevert, Unterthiner and Hochreiter 2016, eq. 15)."""
        exponential_below(z, scratch, self.alpha)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = ∂C/∂a where a > 0, else (a + α) ∂C/∂a."""
        np.add(a, self.alpha, out=scratch)
        np.copyto(scratch, ONE, where=a > 0)
        np.multiply(delta, scratch, delta)


# With these the mean 0 and the variance 1 of normal inputs are a fixed point from layer to layer.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu_most(dtype: np.dtype[Any]) -> Any:
    """About the largest z for which λ z is a float."""
    return np.finfo(dtype).max / dtype.type(1.06)


@dataclass(frozen=True, kw_only=True)
class SELU:
    """The self-normalising ELU (Klambauer et al. 2017)."""

    name: Literal["selu"] = named("selu")
    traits: ClassVar[Traits] = Traits(
        "λ z if z > 0 else λ α (e^z − 1)", Range("(−1.758…, ∞)", -1.7581, INF), "lecun", kinks=positive
    )

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = λ z where z > 0, else λ α (e^z − 1) (Klambauer et al. 2017, eq. 2); z is kept where λ z is a float."""
        np.minimum(z, selu_most(z.dtype), out=z)
        exponential_below(z, scratch, SELU_ALPHA)
        np.multiply(z, SELU_SCALE, out=z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = λ ∂C/∂a where a > 0, else (a + λ α) ∂C/∂a."""
        np.add(a, SELU_SCALE * SELU_ALPHA, out=scratch)
        np.copyto(scratch, SELU_SCALE, where=a > 0)
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class GELU:
    """The Gaussian error linear unit (Hendrycks and Gimpel 2016)."""

    name: Literal["gelu"] = named("gelu")
    traits: ClassVar[Traits] = Traits(
        "z Φ(z), in the form with tanh", Range("[−0.170…, ∞)", -0.1701, INF), "he", keeps_slope=True, rooms=4
    )

    def value(self, z: Array, scratch: Array, *rooms: Array, slope: bool = True) -> None:
        """σ(z) = z s(u), u = √(8/π) (z + 0.044715 z³), s the logistic function; σ′ = s + a (1 − s) ∂u/∂z.

        The tanh form of z Φ(z) with Φ the normal distribution, since ½ (1 + tanh u/2) = s(u).
        """
        near, square, s = rooms or np.empty((3, *z.shape), z.dtype)
        at_least(z, -BEYOND, scratch)
        near.fill(BEYOND)
        np.minimum(z, near, out=near)  # σ is z, or 0, to the last digit outside
        np.multiply(near, near, square)
        np.multiply(near, STEEP, scratch)
        np.multiply(square, CUBE, s)
        np.add(s, ONE, s)
        np.multiply(scratch, s, s)
        logistic(s, scratch)
        np.multiply(z, s, z)
        if not slope:
            return
        np.multiply(near, s, near)
        np.multiply(square, 3 * CUBE, scratch)
        np.add(scratch, ONE, scratch)
        np.multiply(scratch, STEEP, scratch)
        np.subtract(ONE, s, square)
        np.multiply(near, square, near)
        np.multiply(scratch, near, scratch)
        np.add(scratch, s, scratch)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = σ′(z) ∂C/∂a, with σ′(z) as `value` left it in scratch."""
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class SiLU:
    """The sigmoid-weighted linear unit, swish (Elfwing, Uchibe and Doya 2018)."""

    name: Literal["silu"] = named("silu")
    traits: ClassVar[Traits] = Traits(
        "z / (1 + e^−z)", Range("[−0.278…, ∞)", -0.2785, INF), "he", keeps_slope=True, rooms=2
    )

    def value(self, z: Array, scratch: Array, *rooms: Array, slope: bool = True) -> None:
        """σ(z) = z s(z) with s the logistic function (Elfwing, Uchibe and Doya 2018); σ′ = s + a (1 − s)."""
        (s,) = rooms or np.empty((1, *z.shape), z.dtype)
        at_least(z, LOW, scratch)
        np.copyto(s, z)
        logistic_above(s)
        np.multiply(z, s, z)
        if not slope:
            return
        np.subtract(ONE, s, scratch)
        np.multiply(scratch, z, scratch)
        np.add(scratch, s, scratch)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = σ′(z) ∂C/∂a, with σ′(z) as `value` left it in scratch."""
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class Mish:
    """Mish (Misra 2019)."""

    name: Literal["mish"] = named("mish")
    traits: ClassVar[Traits] = Traits(
        "z tanh log(1 + e^z)", Range("[−0.308…, ∞)", -0.3089, INF), "he", keeps_slope=True, rooms=4
    )

    def value(self, z: Array, scratch: Array, *rooms: Array, slope: bool = True) -> None:
        """σ(z) = z T, T = tanh log(1 + e^z) (Misra 2019); σ′ = T + z s (1 − T²), s the logistic function.

        With n = e^z (e^z + 2), T = n / (n + 2) and s (1 − T²) = 4 (n − e^z) / (n + 2)²: no difference of like
        numbers is taken, as n is at least 2 e^z.
        """
        near, n, r = rooms or np.empty((3, *z.shape), z.dtype)
        at_least(z, LOW, scratch)
        near.fill(FAR)
        np.minimum(z, near, out=near)  # T = 1 to the last digit beyond
        np.exp(near, scratch)
        np.add(scratch, 2, n)
        np.multiply(n, scratch, n)
        np.add(n, 2, r)
        np.reciprocal(r, r)
        if slope:
            np.subtract(n, scratch, scratch)
            np.multiply(scratch, r, scratch)
            np.multiply(scratch, r, scratch)
            np.multiply(near, 4, near)
            np.multiply(scratch, near, scratch)
        np.multiply(n, r, n)  # T
        if slope:
            np.add(scratch, n, scratch)
        np.multiply(z, n, z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = σ′(z) ∂C/∂a, with σ′(z) as `value` left it in scratch."""
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class Softplus:
    """A smooth ReLU (Dugas et al. 2001)."""

    name: Literal["softplus"] = named("softplus")
    traits: ClassVar[Traits] = Traits("log(1 + e^z)", Range("(0, ∞)", 0, INF), "lecun")

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z) = log(1 + e^z) (Dugas et al. 2001)."""
        np.logaddexp(z, ZERO, z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z = (1 − e^−a) ∂C/∂a, which is the logistic function of z."""
        np.negative(a, scratch)
        np.expm1(scratch, scratch)
        np.negative(scratch, scratch)
        np.multiply(delta, scratch, delta)


@dataclass(frozen=True, kw_only=True)
class Softmax:
    """Probabilities of all the neurons of a layer."""

    name: Literal["softmax"] = named("softmax")
    traits: ClassVar[Traits] = Traits("e^z_k / Σ_j e^z_j", SIMPLEX, "glorot", whole_layer=True)

    def value(self, z: Array, scratch: Array) -> None:
        """σ(z)_k = e^z_k / Σ_j e^z_j over the neurons of the layer, from z − max z, so that nothing overflows."""
        with np.errstate(over="ignore"):  # near the largest floats z − max z is −∞, and e^z is 0 as it should be
            np.subtract(z, np.maximum.reduce(z, 0), z)
        np.exp(z, z)
        np.divide(z, sum_of_rows(z), z)

    def vjp(self, a: Array, delta: Array, scratch: Array) -> None:
        """∂C/∂z_k = a_k (∂C/∂a_k − Σ_j a_j ∂C/∂a_j)."""
        np.multiply(a, delta, scratch)
        np.subtract(delta, sum_of_rows(scratch), delta)
        np.multiply(delta, a, delta)


Activation = Linear | Step | Logistic | Tanh | ReLU | LeakyReLU | ELU | SELU | GELU | SiLU | Mish | Softplus | Softmax
ACTIVATIONS: dict[str, type[Activation]] = table(Activation)

ALIASES: dict[str, str] = {"sigmoid": "logistic", "identity": "linear", "ReLU": "relu", "swish": "silu"}
