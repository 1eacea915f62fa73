"""Why a row got its prediction: what each column adds to it, by integrated gradients through the encoding.

    c_j = (x_j − x̄_j) ∫₀¹ ∂F/∂x_j (x̄ + t (x − x̄)) dt        Σ_j c_j = F(x) − F(x̄)

x are the encoded inputs of the row and x̄ the baseline, their means over the training rows: of a number its mean, of a
category its share. F is a real target in its own unit, before it is cut at its bounds, or the probability of the
predicted class, of the mean of the members and with the temperature, as `decode` gives it. A column's contribution is
the sum over its inputs. Source: Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks".

The integral is taken piece by piece, and a piece is halved until F itself says that its part is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.activations import Activation, Step
from nnfit.core.expansion import means
from nnfit.core.losses import clipped
from nnfit.core.network import CHUNK, Network, Pass, predict
from nnfit.core.parameter import Array
from nnfit.data.cells import Rows
from nnfit.data.encoding import encoded
from nnfit.data.scales import Floats
from nnfit.data.table import Table
from nnfit.data.target import Labels, Target, decide, decode
from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.model.model import Model
from nnfit.model.remarks import Remarks
from nnfit.words import count

NODES, WEIGHTS = (each / 2 for each in np.polynomial.legendre.leggauss(5))
# A second rule of the outer nodes ±u and the one in the middle, right for cubics: w (2u)² = 1/6 of each outer one.
OUTER = 1 / (24 * NODES[0] ** 2)
THREE = np.array([OUTER, 0, 1 - 2 * OUTER, 0, OUTER])
PIECES = 4  # of a path, to begin with
HALVINGS = 40  # of a piece, at most: a step is a jump however short the piece
MOST_PIECES = 4096  # of a path, where rounding alone keeps the parts from being right
SUM, EACH = 1e-8, 1e-6  # how far the parts of a piece may be off, their sum and each, in units of the scale of F
TOLD = 1e-3  # an error from which on it is told
ROOM = 1 << 22  # numbers of a batch of points, at most


class Contributions(NamedTuple):
    """What each column adds to the output of one row and target; their sum is output − baseline but for the error.

    `row` counts from 1. `prediction` is as `predict` gives it. `output` and `baseline` are F at the row and where all
    inputs are as the mean row has them. `values` are the cells of the row, "" where one is missing; `contributions`
    (C,), in the unit of the target or as a probability, belong to the columns, in the order of the model.
    """

    row: int
    target: str
    prediction: str | float
    output: float
    baseline: float
    columns: tuple[str, ...]
    values: tuple[str, ...]
    contributions: Floats
    error: float


def contributions(
    model: Model, table: Table, rows: Sequence[int], unknown: str | None = None, remarks: Remarks | None = None
) -> tuple[Contributions, ...]:
    """What each column adds to the prediction of some rows of a table, numbered from 1; of a row, target by target.

    The baseline is that of the model's record; without one (`has_baseline`), the mean of the table's rows. A UsageError
    for a row that is not there, a DataError where `predict` raises one, or where a gradient is no finite number.
    """
    part = table.rows(places(table, rows))
    predicted = model.predictions(part, unknown=unknown, remarks=remarks)
    X = np.asarray(model.encoded(part, unknown), np.float64)
    baseline = baseline_of(model, table)
    network = differentiable(model.network)
    theta = model.theta.astype(np.float64, copy=False)
    target = model.target._replace(bounds=())
    names = tuple(feature.name for feature in model.features)
    starts = np.cumsum([0, *(len(feature.inputs) for feature in model.features)])[:-1]
    cells = [tuple(part.written(name, i) for name in names) for i in range(part.n)]
    with np.errstate(all="ignore"):
        y_hat = predict(network, theta, X).mean(axis=0)
        classes = (
            decide(target, decode(target, y_hat))
            if target.classes
            else np.zeros((part.n, len(target.columns)), np.intp)
        )
        of_targets = []
        for k, prediction in enumerate(predicted.values()):
            labels = classes if classes.ndim == 1 else classes[:, k]
            F = Explained(network, theta, target, k)
            found = integrated(F, baseline, X[:, 1:], labels, scale_of(target, k))
            found = found._replace(output=F.read(y_hat, labels))  # to the last bit what is predicted
            refuse_infinite(part, found)
            by_column = np.add.reduceat(found.parts, starts, axis=1) + 0.0
            error = np.abs(by_column.sum(axis=1) - (found.output - found.baseline))
            each = zip(rows, prediction.tolist(), found.output, found.baseline, by_column, error.tolist(), strict=True)
            of_targets.append(
                [
                    Contributions(row, target.columns[k], said, float(output), float(base), names, cells[i], *parts)
                    for i, (row, said, output, base, *parts) in enumerate(each)
                ]
            )
    return tuple(each for of_row in zip(*of_targets, strict=True) for each in of_row)


def places(table: Table, rows: Sequence[int]) -> Rows:
    """Where rows numbered from 1 stand in a table; a UsageError for one that is not there."""
    for row in rows:
        if not 1 <= row <= table.n:
            message = f"there is no row {row:,}: the table has {count(table.n, 'row')}, numbered from 1"
            raise UsageError(Problem("no-such-row", message, place=Place(table.file)))
    return np.array(rows, np.intp) - 1


def has_baseline(model: Model) -> bool:
    """Whether a model has recorded the means of its inputs; older ones and those of very many inputs have not."""
    return bool(model.record.get("input_mean"))


def baseline_of(model: Model, table: Table) -> Floats:
    """x̄ (N₁,): the means of the inputs over the training rows, or else over the rows of the table."""
    if has_baseline(model):
        return np.array(model.record["input_mean"], np.float64)
    return means(encoded(model.features, table, model.spec.network.dtype, {}))


def doubts(model: Model, found: Sequence[Contributions]) -> list[Problem]:
    """What is to be said of contributions: that they are not complete, and that the baseline is not the training's."""
    problems = []
    if not has_baseline(model):
        message = "the model has no means of its inputs, so the baseline is the mean of the rows given"
        problems.append(Problem("baseline-of-data", message, "nnfit of today records them, up to 2,000 inputs"))
    scales = {name: scale_of(model.target, k) for k, name in enumerate(model.target.columns)}
    off = [each for each in found if each.error > TOLD * (scales[each.target] or moved(each))]
    if off:
        worst = max(off, key=lambda each: each.error)
        which = f"the contributions to {count(len(off), 'prediction')} do not sum to output − baseline"
        message = f"{which}, but for {worst.error:.3g} in row {worst.row}"
        steps = any(isinstance(group.sigma, Step) for layer in model.network.layers for group in layer)
        message += ": a step jumps, and no gradient divides its jumps among the columns" if steps else ""
        problems.append(Problem("incomplete", message))
    return problems


def moved(found: Contributions) -> float:
    """How far the output has moved from the baseline, or has been moved by the columns, in whatever direction."""
    return max(abs(found.output - found.baseline), float(np.abs(found.contributions).sum()))


# --- the explained output ------------------------------------------------------------------------------------------


def differentiable(network: Network) -> Network:
    """The network without surrogate gradients, which are not the derivative of anything."""

    def plain(sigma: Activation) -> Activation:
        return replace(sigma, gradient="none") if isinstance(sigma, Step) else sigma

    layers = tuple(tuple(group._replace(sigma=plain(group.sigma)) for group in layer) for layer in network.layers)
    return network._replace(layers=layers)


def scale_of(target: Target, k: int) -> float | None:
    """What an error is measured by: 1 of a probability, the deviation of a standardised target; None of another one."""
    if target.task != "regression":
        return 1.0
    return None if (target.mean[k], target.sd[k]) == (0, 1) else target.sd[k]


class Explained(NamedTuple):
    """F of target k: a real target, or the probability of a class that differs from point to point."""

    network: Network
    theta: Array  # (M, P), float64
    target: Target  # without bounds
    k: int

    def value(self, X: Floats, labels: Labels) -> Floats:
        """F (n,) at the points X (n, N₁ + 1), of the classes `labels` (n,)."""
        return self.read(predict(self.network, self.theta, X).mean(axis=0), labels)

    def read(self, y_hat: Floats, labels: Labels) -> Floats:
        """F (n,) of the mean outputs (K, n)."""
        decoded = decode(self.target, y_hat)
        if self.target.task == "multilabel":
            decoded = np.stack([1 - decoded[:, self.k], decoded[:, self.k]], axis=1)
        own: Floats = decoded[np.arange(len(labels)), labels if self.target.classes else self.k]
        return own

    def gradient(self, X: Floats, labels: Labels) -> Floats:
        """∂F/∂x (n, N₁): the gradient of the mean output is the mean of the members' gradients."""
        n, inputs = len(X), self.network.inputs
        m = min(n, CHUNK, max(1, ROOM // (max(self.network.N) * len(self.theta))))
        found = np.empty((n, inputs))
        unused = np.empty_like(self.theta)
        whole = Pass(self.network, self.theta, m, unused)
        for start in range(0, n, m):
            x, own = X[start : start + m], labels[start : start + m]
            batch = whole if len(x) == m else Pass(self.network, self.theta, len(x), unused)
            y_hat = batch.forward(x)
            slope = self.slope(y_hat.mean(axis=0), own) / len(y_hat)
            found[start : start + m] = batch.gradient_of_inputs(slope).sum(axis=0).T
        return found

    def slope(self, y_hat: Floats, labels: Labels) -> Floats:
        """∂F/∂ŷ (K, n) at the mean outputs (K, n), of what `decode` does.

        q = (ŷ − low) / (1 − low), cut to [0, 1];  p = q, or (1 − q, q);  F = g_c / Σ_j g_j with g = p^(1/T)
        """
        target, found = self.target, np.zeros_like(y_hat)
        if target.task == "regression":
            found[self.k] = target.sd[self.k]
            return found
        q = (y_hat - target.low) / (1 - target.low)
        inside = ((q >= 0) & (q <= 1)) / (1 - target.low)
        q = np.clip(q, 0, 1)
        p = q if target.task == "multinomial" else np.stack([1 - q[self.k], q[self.k]])
        g, slope = p, np.ones_like(p)
        if target.temperature != 1:
            beta, kept = 1 / target.temperature, clipped(p)
            g, slope = kept**beta, beta * kept ** (beta - 1) * (kept == p)
        total = g.sum(axis=0)
        own = np.arange(len(p))[:, None] == labels
        slope *= np.divide(
            own - g[labels, np.arange(len(labels))] / total, total, out=np.zeros_like(p), where=total > 0
        )
        if target.task == "multinomial":
            return np.asarray(slope * inside, np.float64)
        found[self.k] = (slope[1] - slope[0]) * inside[self.k]
        return found


# --- the integral --------------------------------------------------------------------------------------------------


class Integrated(NamedTuple):
    """Of n paths the parts of the inputs (n, N₁), and F at their ends, (n,) each."""

    parts: Floats
    output: Floats
    baseline: Floats


class Pieces(NamedTuple):
    """Pieces of paths: which path, from which t to which, and F there; (p,) each."""

    path: NDArray[np.intp]
    low: Floats
    high: Floats
    F_low: Floats
    F_high: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Pieces:
        """Some of them."""
        low, high, F_low, F_high = (each[chosen] for each in self[1:])
        return Pieces(self.path[chosen], low, high, F_low, F_high)


def integrated(F: Explained, start: Floats, X: Floats, labels: Labels, scale: float | None) -> Integrated:
    """The integrals of `of_block`, for so many rows at once as have room."""
    rows = max(1, ROOM // (4 * PIECES * (len(start) + 1)))
    blocks = [slice(at, at + rows) for at in range(0, max(1, len(X)), rows)]
    found = [of_block(F, start, X[block], labels[block], scale) for block in blocks]
    return Integrated(*(np.concatenate(each) for each in zip(*found, strict=True)))


def of_block(F: Explained, start: Floats, X: Floats, labels: Labels, scale: float | None) -> Integrated:
    """Integrate ∂F/∂x along the straight lines from `start` (N₁,) to the rows of X (n, N₁), by Gauss and Legendre.

    A piece is halved until the parts of all inputs together are the change of F over it, and each of them is the same
    by a second rule. So a kink, which no rule takes well, ends in a piece too short to matter. Errors are measured by
    the scale, or else by how far the inputs move F, in whatever direction.
    """
    n, d = len(X), X - start
    spent, parts = np.zeros(n, np.intp), np.zeros_like(d)

    def points(path: NDArray[np.intp], t: Floats) -> Floats:
        x = np.ones((len(path), 1 + len(start)))
        x[:, 1:] = start + t[:, None] * d[path]
        return x

    t = np.linspace(0, 1, PIECES + 1)
    everyone = np.repeat(np.arange(n), PIECES + 1)
    ends = F.value(points(everyone, np.tile(t, n)), labels[everyone]).reshape(n, -1)
    within = np.full(n, scale or 0.0)
    path = np.repeat(np.arange(n), PIECES)
    pieces = Pieces(path, np.tile(t[:-1], n), np.tile(t[1:], n), ends[:, :-1].ravel(), ends[:, 1:].ravel())
    for halving in range(HALVINGS + 1):
        own, other = parts_of(F, pieces, labels, points, d)
        if not scale and not halving:
            within = np.bincount(path, np.abs(own).sum(axis=1), n)
        change = pieces.F_high - pieces.F_low
        right = np.abs(own.sum(axis=1) - change) <= SUM * within[pieces.path]
        right &= np.abs(own - other).max(axis=1, initial=0) <= EACH * within[pieces.path]
        spent += np.bincount(pieces.path, minlength=n)
        right |= (halving == HALVINGS) | (spent > MOST_PIECES)[pieces.path] | ~np.isfinite(change)
        np.add.at(parts, pieces.path[right], own[right])
        left = pieces.where(~right)
        if not len(left.path):
            break
        middle = (left.low + left.high) / 2
        F_middle = F.value(points(left.path, middle), labels[left.path])
        halves = left._replace(high=middle, F_high=F_middle), left._replace(low=middle, F_low=F_middle)
        pieces = Pieces(*(np.concatenate(pair) for pair in zip(*halves, strict=True)))
    return Integrated(parts, ends[:, -1], ends[:, 0])


def parts_of(
    F: Explained,
    pieces: Pieces,
    labels: Labels,
    points: Callable[[NDArray[np.intp], Floats], Floats],
    d: Floats,
) -> tuple[Floats, Floats]:
    """The part of every input on every piece, (p, N₁), by the rule of all nodes and by that of three of them."""
    p, inputs, nodes = len(pieces.path), d.shape[1], len(NODES)
    own, other = np.empty((p, inputs)), np.empty((p, inputs))
    most = max(1, ROOM // (nodes * (inputs + 1)))
    for start in range(0, p, most):
        some = slice(start, start + most)
        path, low, high = pieces.path[some], pieces.low[some], pieces.high[some]
        t = (low + high)[:, None] / 2 + (high - low)[:, None] * NODES
        repeated = np.repeat(path, nodes)
        gradient = F.gradient(points(repeated, t.ravel()), labels[repeated]).reshape(-1, nodes, inputs)
        way = (high - low)[:, None] * d[path]
        own[some] = np.einsum("q,pqj->pj", WEIGHTS, gradient) * way
        other[some] = np.einsum("q,pqj->pj", THREE, gradient) * way
    return own, other


def refuse_infinite(table: Table, found: Integrated) -> None:
    """A DataError for a row along whose path F or its gradient is beyond all numbers."""
    fine = np.isfinite(found.parts).all(axis=1) & np.isfinite(found.output) & np.isfinite(found.baseline)
    bad = np.flatnonzero(~fine)
    if len(bad):
        message = "the output, or its gradient, is not finite between the baseline and this row"
        place = table.place(int(bad[0]))
        raise DataError(Problem("overflow", message, "are the values of this row far too large?", place))
