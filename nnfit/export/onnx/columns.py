"""The columns as operators: the cells of a row in, the inputs of the network out. One entry of TYPES for each type.

A column is an input of the graph by its name, (n, 1): numbers as double, NaN where they are missing, all others as
text, empty where they are missing. What means a missing cell in the training file means it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from nnfit.data.dialect import Dialect
from nnfit.data.encoding import FALSE, TRUE
from nnfit.data.feature import Feature, Truth
from nnfit.export.onnx.dates import dates
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.numbers import Bent, Block, expanded, numbers
from nnfit.export.onnx.target import zero_or_nan


class Inputs(NamedTuple):
    """All inputs of the network (n, N₁), of which column k is input places[k], and the doubt of each row.

    That is 0, or NaN where a cell is none that `predict` takes.
    """

    tensor: str
    places: list[int]
    doubt: str


def encoded(g: Graph, features: Sequence[Feature], dialect: Dialect, dtype: str) -> Inputs:
    """The inputs of the network, as `encode` and `expanded` in data/encoding.py make them, as double.

    In the dtype of the spec they are what `predict` takes: numbers are rounded to it.
    """
    widths = [len(feature.inputs) for feature in features]
    starts = [0, *np.cumsum(widths).tolist()]
    blocks: list[Block] = []
    bent: list[Bent] = []
    doubts = []
    for type_, make in TYPES.items():
        chosen = [k for k, feature in enumerate(features) if feature.options.type == type_]
        if not chosen:
            continue
        found = make(g, [features[k] for k in chosen], [starts[k] for k in chosen], dialect)
        blocks += found.blocks
        bent += found.bent
        doubts += found.doubts
    order = {feature.name: k for k, feature in enumerate(features)}
    g.inputs.sort(key=lambda value: order[value.name])
    kept = Block(g.side_by_side([block.tensor for block in blocks]), [p for block in blocks for p in block.places])
    if dtype == "float32":
        kept = kept._replace(tensor=g.cast(kept.tensor, "float"))
    blocks = [kept, *expanded(g, kept, bent, dtype)]
    X = g.side_by_side([block.tensor for block in blocks])
    if dtype == "float32":
        # The sum of one tensor parts the casts: runtimes before 1.17 undo one by the other, and nothing is rounded.
        X = g.cast(g.add("Sum", X) if len(blocks) == 1 else X, "double")
    # What a scale bends to a finite number would not show in X.
    doubt = zero_or_nan(g, g.side_by_side([*doubts, X]))
    return Inputs(X, [place for block in blocks for place in block.places], doubt)


class Made(NamedTuple):
    """What becomes of the columns of one type: inputs, numbers to be expanded, and what may be no number."""

    blocks: list[Block]
    bent: list[Bent]
    doubts: list[str]


Columns = Callable[[Graph, Sequence[Feature], Sequence[int], Dialect], Made]


def of_numbers(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> Made:
    """Columns of numbers."""
    found = numbers(g, features, starts, dialect)
    return Made(found.blocks, found.bent, [found.filled])


def of_dates(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> Made:
    """Columns of dates."""
    return Made(dates(g, features, starts, dialect), [], [])


def of_truths(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> Made:
    """Columns of true and false: 0, 1, what stands in for a missing cell, or NaN for another text."""
    codes, values = [], []
    for k, feature in enumerate(features):
        assert isinstance(feature.fitted, Truth)
        words = {spelling: 4 * k + (word in TRUE) for word in sorted(TRUE | FALSE) for spelling in spellings(word)}
        codes.append(
            g.codes(g.input(feature.name, "string"), words | dict.fromkeys(dialect.gaps, 4 * k + 2), 4 * k + 3)
        )
        values += [0.0, 1.0, feature.fitted.fill, np.nan]
    code = g.side_by_side(codes)
    blocks = [Block(g.add("Gather", np.array(values), code, axis=0), list(starts))]
    told = [k for k, feature in enumerate(features) if feature.indicator]
    if told:
        own = g.columns(code, told, len(features))
        flags = g.add("Equal", own, np.array([[4 * k + 2 for k in told]], np.int64))
        blocks.append(Block(g.cast(flags, "double"), [starts[k] + 1 for k in told]))
    return Made(blocks, [], [])


def spellings(word: str) -> list[str]:
    """A word in small and capital letters, mixed in every way."""
    return ["".join(letters) for letters in product(*({letter, letter.upper()} for letter in word))]


def of_categories(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> Made:
    """Columns of texts, one input for each category; zeros for one that no training row has."""
    codes: list[str] = []
    of: list[int] = []
    places: list[int] = []
    for k, (feature, first) in enumerate(zip(features, starts, strict=True)):
        own, merged = feature.categories
        place = {category: len(of) + i for i, category in enumerate(own)}
        place |= dict.fromkeys(merged, len(of) + len(own))
        gap = place.get("", -1)
        codes.append(g.codes(g.input(feature.name, "string"), place | dict.fromkeys(dialect.gaps, gap), -1))
        count = len(feature.inputs)
        of += [k] * count
        places += range(first, first + count)
    each = g.columns(g.side_by_side(codes), of, len(features))
    hot = g.cast(g.add("Equal", each, np.arange(len(of), dtype=np.int64)[None]), "double")
    return Made([Block(hot, places)], [], [])


TYPES: dict[str, Columns] = {
    "numeric": of_numbers,
    "boolean": of_truths,
    "date": of_dates,
    "categorical": of_categories,
}
