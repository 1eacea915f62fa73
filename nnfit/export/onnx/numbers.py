"""Columns of numbers as operators: filled, scaled and expanded as data/numeric.py and core/expansion.py do it.

All columns with the same scale are one matrix (n, C), so that a table of hundreds takes no more operators than one of a
few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, zip_longest
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.core.expansion import Expansion
from nnfit.data import cells, numeric
from nnfit.data.columns import Numeric
from nnfit.data.dialect import Dialect
from nnfit.data.feature import Feature
from nnfit.data.scales import FAR
from nnfit.export.onnx.graph import Graph

Floats = NDArray[np.float64]

SLACK = 4e-15  # of a logarithm, which two libraries round differently; it is on a knot where it is so near to one


class Block(NamedTuple):
    """Some inputs of the network, a tensor (n, W): its column k is input places[k]."""

    tensor: str
    places: list[int]


class Bent(NamedTuple):
    """A number that becomes more beside itself: its input, where the expansion begins, and what it is."""

    place: int
    first: int
    expansion: Expansion


class Numbers(NamedTuple):
    """What becomes of all numbers: their inputs, those to be expanded, and the numbers themselves, filled."""

    blocks: list[Block]
    bent: list[Bent]
    filled: str


def numbers(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> Numbers:
    """The inputs of columns of numbers, each of which begins at a place among all inputs."""
    raw = g.side_by_side([g.input(feature.name, "double") for feature in features])
    missing = g.missing(raw)
    for token in tokens(features, dialect):
        missing = g.add("Or", missing, g.add("Equal", raw, token))
    x = g.add("Where", missing, row(fitted(feature).fill for feature in features), raw)
    blocks, bent, C = [], [], len(features)
    for (log1p, scale), chosen in alike(features).items():
        own = g.columns(x, chosen, C)
        own = logarithm(g, own) if log1p else own
        few = [features[k] for k in chosen]
        begin = [starts[k] for k in chosen]
        if not scale:
            blocks.append(bins(g, own, few, begin, SLACK if log1p else 0.0))
            continue
        z = SCALES[scale](g, own, np.array([fitted(feature).scale for feature in few]), SLACK if log1p else 0.0)
        blocks += powers(g, z, [options(feature).degree for feature in few], begin)
        for feature, first in zip(few, begin, strict=True):
            if feature.beside:
                bent.append(Bent(first, first + options(feature).degree, feature.expansion))
    told = [k for k, feature in enumerate(features) if feature.indicator]
    if told:
        flags = g.cast(g.columns(missing, told, C), "double")
        blocks.append(Block(flags, [starts[k] + len(features[k].inputs) - 1 for k in told]))
    return Numbers(blocks, bent, x)


def options(feature: Feature) -> Numeric:
    """What the spec says of a column of numbers."""
    assert isinstance(feature.options, Numeric)
    return feature.options


def fitted(feature: Feature) -> numeric.Fitted:
    """What was fitted to a column of numbers."""
    assert isinstance(feature.fitted, numeric.Fitted)
    return feature.fitted


def row(values: Iterable[float]) -> Floats:
    """Values of the columns, (1, C)."""
    return np.array([list(values)], np.float64)


def alike(features: Sequence[Feature]) -> dict[tuple[bool, str], list[int]]:
    """The columns by whether they are taken as logarithms and by their scale, or "" if they are cut into bins."""
    found: dict[tuple[bool, str], list[int]] = {}
    for k, feature in enumerate(features):
        own = options(feature)
        found.setdefault((own.log1p, "" if own.bins else own.scale), []).append(k)
    return found


def tokens(features: Sequence[Feature], dialect: Dialect) -> list[Floats]:
    """The numbers that mean a missing cell, one of each column at a time, (1, C); NaN for a column without."""
    own = [sorted(cells.tokens(dialect, feature.name)) for feature in features]
    return [row(values) for values in zip_longest(*own, fillvalue=np.nan)]


def logarithm(g: Graph, x: str) -> str:
    """sign(x) log(1 + |x|), to the last digits also near 0, where 1 + |x| has lost them.

    log(1 + a) = a log(u) / (u − 1) with u = 1 + a as it is rounded, or a where u is 1 (Goldberg 1991, theorem 4).
    """
    a = g.add("Abs", x)
    u = g.add("Add", a, 1.0)
    bent = g.add("Mul", g.add("Log", u), g.add("Div", a, g.add("Sub", u, 1.0)))
    return g.add("Mul", g.add("Sign", x), g.add("Where", g.add("Equal", u, 1.0), a, bent))


# --- scales, each of values (n, C) by what was fitted, (C, …) -------------------------------------------------------


def linear(g: Graph, x: str, scale: Floats, slack: float) -> str:
    """(x − a) / b."""
    return g.add("Div", g.add("Sub", x, scale[None, :, 0]), scale[None, :, 1])


def clipped(g: Graph, x: str, scale: Floats, slack: float) -> str:
    """z / √(1 + (z/3)²) of z = (x − a) / b."""
    z = g.add("Min", g.add("Max", linear(g, x, scale, slack), -FAR), FAR)
    third = g.add("Div", z, 3.0)
    return g.add("Div", z, g.add("Sqrt", g.add("Add", g.add("Mul", third, third), 1.0)))


def normal_scores(g: Graph, x: str, scale: Floats, slack: float) -> str:
    """The normal score between the quantiles that the knots are; of equal knots the middle of theirs.

    Each x is looked for among the knots of its column by halves. At and behind knot t the score is a line, but for x on
    the knot itself, up to a slack in proportion to it. Line 0 stands before the first knot.
    """
    lines = [pieces(knots) for knots in scale]
    size = 1 << (max(len(own[0]) for own in lines) - 1).bit_length()
    knots, at, score, slope = (
        np.array([np.pad(own[k], (0, size - len(own[k])), constant_values=np.inf if k == 0 else 0) for own in lines])
        for k in range(4)
    )
    place = np.arange(len(scale), dtype=np.int64)[None] * size
    found: Any = place
    near = above(g, x, slack)
    step = size // 2
    while step:
        further = g.add("Add", found, np.array(step, np.int64))
        there = g.cast(g.add("LessOrEqual", g.add("Gather", knots.ravel(), further), near), "int64")
        found = g.add("Add", found, g.add("Mul", there, np.array(step, np.int64)))
        step //= 2
    known = g.add("Gather", knots.ravel(), found)
    start, rise, exact = (g.add("Gather", values.ravel(), found) for values in (score, slope, at))
    finite = g.add("Max", known, -np.finfo(np.float64).max)
    between = g.add("Add", start, g.add("Mul", g.add("Sub", x, finite), rise))
    on = g.add("GreaterOrEqual", known, g.add("Sub", x, g.add("Sub", near, x))) if slack else g.add("Equal", x, known)
    return g.add("Where", on, exact, between)


def above(g: Graph, x: str, slack: float) -> str:
    """x and as much more as its logarithm may be rounded in another way."""
    return g.add("Add", x, g.add("Mul", g.add("Abs", x), slack)) if slack else x


def pieces(knots: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """From each knot on: the score at it, the score that the line behind it starts with, and the slope of that."""
    p = np.clip(np.linspace(0, 1, len(knots)), 1e-3, 1 - 1e-3)
    scores = np.array([NormalDist().inv_cdf(float(q)) for q in p])
    values, first, counts = np.unique(knots, return_index=True, return_counts=True)
    low, high = scores[first], scores[first + counts - 1]
    with np.errstate(over="ignore"):
        slope = np.append((low[1:] - high[:-1]) / np.diff(values), 0.0)
    before = np.array([-np.inf]), np.array([scores[0]]), np.array([scores[0]]), np.array([0.0])
    return tuple(  # type: ignore[return-value]
        np.concatenate([a, b]) for a, b in zip(before, (values, (low + high) / 2, high, slope), strict=True)
    )


def plain(g: Graph, x: str, scale: Floats, slack: float) -> str:
    """x."""
    return x


SCALES: dict[str, Callable[[Graph, str, Floats, float], str]] = {
    "standard": linear,
    "minmax": linear,
    "robust": clipped,
    "clipped": clipped,
    "quantile": normal_scores,
    "none": plain,
}


# --- what a number becomes -----------------------------------------------------------------------------------------


def powers(g: Graph, z: str, degrees: list[int], starts: list[int]) -> list[Block]:
    """z, z², z³, … of columns of one scale, each up to its degree."""
    blocks, last, C = [Block(z, list(starts))], z, list(range(len(degrees)))
    base = z
    for power in range(2, max(degrees) + 1):
        higher = [k for k in C if degrees[k] >= power]
        kept = [C.index(k) for k in higher]
        base, last = (g.columns(each, kept, len(C)) for each in (base, last))
        last, C = g.add("Mul", last, base), higher
        blocks.append(Block(last, [starts[k] + power - 1 for k in C]))
    return blocks


def bins(g: Graph, x: str, features: Sequence[Feature], starts: list[int], slack: float) -> Block:
    """clip((x − b_{t−1}) / (b_t − b_{t−1}), 0, 1) of each bin; one without width is 1 from its edge on."""
    of = [k for k, feature in enumerate(features) for _ in pairwise(fitted(feature).edges)]
    low, high = (row(pair[end] for f in features for pair in pairwise(fitted(f).edges)) for end in (0, 1))
    width, flat = high - low, low >= high
    x = g.columns(x, of, len(features))
    made = g.add("Div", g.add("Sub", x, low), np.where(flat, 1.0, width))
    made = g.add("Min", g.add("Max", made, 0.0), 1.0)
    if flat.any():
        made = g.add("Where", flat, g.cast(g.add("GreaterOrEqual", above(g, x, slack), high), "double"), made)
    places = [first + t for f, first in zip(features, starts, strict=True) for t in range(len(fitted(f).edges) - 1)]
    return Block(made, places)


def expanded(g: Graph, kept: Block, bent: Sequence[Bent], dtype: str) -> list[Block]:
    """Steps and waves beside numbers, from the kept inputs, in the precision of the spec as these are."""
    column = {place: k for k, place in enumerate(kept.places)}
    width, blocks, precision = len(kept.places), [], np.dtype(dtype)
    steps = [each for each in bent if each.expansion.steps]
    if steps:
        knots = [np.array(each.expansion.knots) for each in steps]
        z = g.columns(kept.tensor, [column[e.place] for e in steps for _ in range(e.expansion.steps)], width)
        low, across = (
            np.concatenate(part)[None].astype(precision) for part in ([k[:-1] for k in knots], [*map(np.diff, knots)])
        )
        least, most = (
            np.concatenate(
                [np.where(np.arange(len(k) - 1) == (0 if end < 0 else len(k) - 2), end, rest) for k in knots]
            )
            for end, rest in ((-1, 0), (2, 1))
        )
        made = g.add("Div", g.add("Sub", z, low), across)
        made = g.add("Min", g.add("Max", made, least[None].astype(precision)), most[None].astype(precision))
        made = g.add("Sub", made, np.array(0.5, precision))
        places = [each.first + t for each in steps for t in range(each.expansion.steps)]
        blocks.append(amplified(g, Block(made, places), [(e, e.expansion.steps) for e in steps], precision))
    waves = [each for each in bent if each.expansion.frequencies]
    if waves:
        counts = [(each, len(each.expansion.frequencies)) for each in waves]
        z = g.columns(kept.tensor, [column[each.place] for each, K in counts for _ in range(K)], width)
        turns = np.concatenate([2 * np.pi * np.array(each.expansion.frequencies) for each in waves])
        angle = g.add("Mul", z, turns[None].astype(precision))
        angle = angle if precision == np.float64 else g.cast(angle, "double")
        half = g.add("Sin", g.add("Mul", angle, 0.5))
        # cos u = 1 − 2 sin² u/2, as some runtimes know no cosine of doubles
        cosine = g.add("Sub", 1.0, g.add("Mul", g.add("Mul", half, half), 2.0))
        for k, made in enumerate((cosine, g.add("Sin", angle))):
            made = made if precision == np.float64 else g.cast(made, "float")
            places = [each.first + each.expansion.steps + k * K + t for each, K in counts for t in range(K)]
            blocks.append(amplified(g, Block(made, places), counts, precision))
    return blocks


def amplified(g: Graph, block: Block, counts: list[tuple[Bent, int]], precision: np.dtype[Any]) -> Block:
    """The inputs times the amplitude of their column."""
    A = np.concatenate([np.repeat(each.expansion.amplitude, count) for each, count in counts])[None].astype(precision)
    return block if (A == 1).all() else Block(g.add("Mul", block.tensor, A), block.places)
