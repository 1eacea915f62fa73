"""A small network as formulas with its numbers: how columns become x, each layer's z and a, and the prediction.

    x₁ = (petal_length − 3.758) / 1.7594        z₁⁽²⁾ = 0.1 + 0.2 x₁ − 0.3 x₂        aₖ⁽²⁾ = tanh zₖ⁽²⁾, k = 1 … 4

Numbers have five significant digits. A name that is no plain word, or is a word of the formulas, stands in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from math import floor, log10
from typing import NamedTuple

from nnfit.core.activations import SELU_ALPHA, SELU_SCALE, Activation
from nnfit.core.network import Group, views
from nnfit.core.parameter import Array
from nnfit.data import dates, numeric
from nnfit.data.columns import Date, Numeric
from nnfit.data.feature import Categories, Feature
from nnfit.data.target import Target
from nnfit.errors import Problem, UsageError
from nnfit.model.model import Model
from nnfit.model.remarks import stand_in
from nnfit.words import count, indexed, of_layer, short

MOST = 100  # parameters of a member whose formulas anybody reads
WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# Words that mean something in a formula, so that a column of that name stands in quotes.
TAKEN = {
    *("if", "else", "is", "one", "of", "missing", "true", "where", "max", "min", "tanh", "log", "sign", "sin", "cos"),
    *("year", "month", "weekday", "days", "e", "k", "u", "the", "greatest"),
}
# Formulas of activations that the table tells in words.
EXPLICIT = {
    "gelu": "z / (1 + e^−(1.5958 (z + 0.044715 z^3)))",
    "selu": f"{SELU_SCALE:.5g} z if z > 0 else {SELU_SCALE * SELU_ALPHA:.5g} (e^z − 1)",
}


class Section(NamedTuple):
    """Formulas under a title, one a line."""

    title: str
    formulas: tuple[str, ...]


def equations(model: Model) -> tuple[Section, ...]:
    """The formulas that lead from the cells of a row to its prediction, section by section.

    A UsageError if a member has more than `MOST` parameters.
    """
    network, target = model.network, model.target
    if network.P > MOST:
        message = f"a network of {count(network.P, 'parameter')} is not read as formulas, only one of {MOST} at most"
        raise UsageError(Problem("too-large", message, "nnfit inspect shows its layers and inputs"))
    members = len(model.theta)
    sections = [Section("Inputs", tuple(inputs(model.features)))]
    for member in range(members):
        Theta = views(network, model.theta[member : member + 1])
        for i, (groups, matrix) in enumerate(zip(network.layers, Theta, strict=True), 2):
            last = i == len(network.layers) + 1
            title = f"Layer {i}" + " (output)" * last + f" of member {member + 1}" * (members > 1)
            sections.append(Section(title, tuple(layer(i, groups, matrix[0], last))))
    output = [f"{y_hat('k')} = the mean of {y_hat('k')} over the {members} members"] if members > 1 else []
    certain = all(
        target.low <= group.sigma.traits.range.low and group.sigma.traits.range.high <= 1
        for group in network.layers[-1]
    )
    simplex = network.layers[-1][0].sigma.traits.range.simplex
    output += regression(target) if target.task == "regression" else classes(target, certain, simplex)
    return (*sections, Section("Prediction", tuple(output)))


# --- words ---------------------------------------------------------------------------------------------------------


def number(value: float, unit: float = 0.0) -> str:
    """A number with five significant digits and a proper minus; with so many more that a unit has five, too."""
    more = floor(log10(abs(value))) - floor(log10(unit)) if value and unit else 0
    return f"{value:.{min(17, 5 + max(0, more))}g}".replace("-", "−")


def name(text: str) -> str:
    """A column as a formula has it: a plain word as it is, anything else quoted, escaped and shortened."""
    if WORD.fullmatch(text) and len(text) <= 40 and text not in TAKEN:
        return text
    return label(text)


def label(text: str) -> str:
    """A category or class, quoted, escaped and shortened."""
    return '"' + short(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def symbol(letter: str, index: int | str, layer: int | None = None) -> str:
    """A letter with its index below and the layer above: z₁⁽²⁾."""
    own = indexed(letter, index)
    return own if layer is None else of_layer(own, layer)


def y_hat(index: int | str) -> str:
    """ŷ with its index."""
    return symbol("ŷ", index)


def terms(bias: float, weights: Sequence[float], symbols: Sequence[str]) -> str:
    """bias + Σ weight · symbol; what has the weight 0 is left out."""
    text = number(bias) if bias or not any(weights) else ""
    for weight, each in zip(weights, symbols, strict=True):
        if weight:
            sign = ("−" if weight < 0 else "") if not text else " − " if weight < 0 else " + "
            text += f"{sign}{number(abs(weight))} {each}"
    return text


def scaled(text: str, away: float, unit: float) -> str:
    """(text − away) / unit."""
    return f"({text} {'−' if away >= 0 else '+'} {number(abs(away), unit)}) / {number(unit)}"


# --- the inputs ----------------------------------------------------------------------------------------------------


def inputs(features: Sequence[Feature]) -> Iterator[str]:
    """The formula of each input, x₁ to x_N₁, and what stands in for missing cells."""
    i = 1
    for feature in features:
        found = [*encoded(feature, i), *([f"1 if {name(feature.name)} is missing else 0"] * feature.indicator)]
        for text in found:
            yield f"{symbol('x', i)} = {text}"
            i += 1
        # Elsewhere no training row misses the column, and `predict` tells where a cell is filled.
        if feature.options.type != "categorical" and (feature.indicator or feature.options.indicator != "auto"):
            yield f"where {name(feature.name)} is missing it is {stand_in(feature)}"


def encoded(feature: Feature, first: int) -> Iterator[str]:
    """The inputs of a column, its indicator aside; the first is x_first."""
    own = name(feature.name)
    if isinstance(feature.fitted, Categories):
        yield from one_hot(own, feature.fitted)
    elif isinstance(feature.options, Date):
        assert isinstance(feature.fitted, dates.Fitted)
        scales = zip(feature.fitted.moments[::2], feature.fitted.moments[1::2], strict=True)
        for part, (mean, sd) in zip(dates.NAMES, scales, strict=False):
            yield scaled(f"{part}({own})", mean, sd)
        for angle in (f"2 π (month({own}) − 1) / 12", f"2 π weekday({own}) / 7"):
            yield from (f"{wave}({angle})" for wave in ("sin", "cos"))
    elif isinstance(feature.options, Numeric):
        assert isinstance(feature.fitted, numeric.Fitted)
        yield from of_number(own, feature.options, feature.fitted, first)
    else:
        yield f"1 if {own} is true else 0"


def one_hot(own: str, categories: Categories) -> Iterator[str]:
    """1 for each category."""
    for category in categories.own:
        yield f"1 if {own} = {label(category)} else 0" if category else f"1 if {own} is missing else 0"
    if categories.merged:
        some = [label(category) if category else "missing" for category in categories.merged]
        yield f"1 if {own} is one of {', '.join(some)} else 0"


def of_number(own: str, options: Numeric, fitted: numeric.Fitted, first: int) -> Iterator[str]:
    """A number, its logarithm if wanted, scaled, and its powers or bins; then what stands beside these."""
    x = f"sign({own}) log(1 + |{own}|)" if options.log1p else own
    if options.bins:
        for low, high in pairwise(fitted.edges):
            inside = f"min(1, max(0, {scaled(x, low, high - low)}))" if high > low else ""
            yield inside or f"1 if {x} ≥ {high!r} else 0"
        return
    yield value(x, options, fitted)
    z = symbol("x", first)
    for power in range(2, options.degree + 1):
        yield f"{z}^{power}"
    beside = numeric.expansion(options, fitted)
    factor = "" if beside.amplitude == 1 else f"{number(beside.amplitude)} "
    for t, (low, high) in enumerate(pairwise(beside.knots), 1):
        least, most = "0" if t > 1 else "−1", "1" if t < beside.steps else "2"
        yield f"{factor}(min({most}, max({least}, {scaled(z, low, high - low)})) − 0.5)"
    for wave in ("cos", "sin"):
        yield from (f"{factor}{wave}(2 π {number(f)} {z})" for f in beside.frequencies)


def value(x: str, options: Numeric, fitted: numeric.Fitted) -> str:
    """The scaled value of x."""
    if options.scale == "quantile":
        ends = f"from {number(fitted.scale[0])} to {number(fitted.scale[-1])}"
        knots = f"between the {len(fitted.scale)} quantiles of the training rows, {ends}"
        return f"the normal score of the rank of {x} {knots}"
    if options.scale == "none":
        return x
    z = scaled(x, *fitted.scale)
    return f"u / √(1 + (u / 3)^2), u = {z}" if options.scale in ("robust", "clipped") else z


# --- the layers ----------------------------------------------------------------------------------------------------


def layer(i: int, groups: Sequence[Group], Theta: Array, last: bool) -> Iterator[str]:
    """z⁽ⁱ⁾ neuron by neuron, from Θ⁽ⁱ⁻¹⁾ with the biases in column 0, and a⁽ⁱ⁾, or ŷ, group by group."""
    below = range(1, Theta.shape[1])
    symbols = [symbol("x", j) if i == 2 else symbol("a", j, i - 1) for j in below]
    for k, (bias, *weights) in enumerate(Theta.tolist(), 1):
        yield f"{symbol('z', k, i)} = {terms(bias, weights, symbols)}"
    start = 1
    for size, sigma in groups:
        end = start + size - 1
        index: int | str = start if size == 1 else "k"
        a = y_hat(index) if last else symbol("a", index, i)
        of_all = f", k = {start} … {end}" if size > 1 else ""
        yield f"{a} = {activation(sigma, index, i)}{of_all}"
        start = end + 1


def activation(sigma: Activation, index: int | str, i: int) -> str:
    """The formula of σ in the symbols of layer i, with the values of its parameters."""
    text = EXPLICIT.get(sigma.name, sigma.traits.formula)
    values = {each.name: getattr(sigma, each.name) for each in fields(sigma)}
    if sigma.name == "linear" and values["k"] == 1:
        text = "z"
    if sigma.name == "step":
        text = "1 if z ≥ k else 0"
    for key, letter in (("k", "k"), ("alpha", "α")):
        if key in values:
            text = re.sub(rf"(?<![\w_]){letter}(?!\w)", number(values[key]), text)
    text = re.sub(r"Σ_(\w)", lambda found: indexed("Σ", found[1]), text)
    return re.sub(r"z(?:_([jk]))?(?![a-z])", lambda found: symbol("z", found[1] or index, i), text)


# --- the prediction ------------------------------------------------------------------------------------------------


def regression(target: Target) -> Iterator[str]:
    """Real targets in their own unit."""
    for k, (column, mean, sd) in enumerate(zip(target.columns, target.mean, target.sd, strict=True)):
        text = y_hat(k + 1)
        if (mean, sd) != (0, 1):
            text = f"{number(mean, sd)} + {number(sd)} {text}"
        if target.bounds:
            low, high = (number(bound, sd) for bound in target.bounds[k])
            text = f"min({high}, max({low}, {text}))"
        yield f"{name(column)} = {text}"


def classes(target: Target, certain: bool, simplex: bool) -> Iterator[str]:
    """Probabilities of the outputs, with the temperature, and the class that is predicted."""
    K, single = target.outputs, target.task == "binary"
    indices: list[int | str] = [1] if K == 1 else ["k"]
    of_all = f", k = 1 … {K}" if K > 1 else ""
    number_of = number(1 / target.temperature)
    warm = target.temperature != 1
    for k in indices:
        q = y_hat(k) if target.low == 0 else f"({y_hat(k)} + 1) / 2"
        if not certain:
            q = f"min(1, max(0, {q}))"
        normal = target.task == "multinomial" and (warm or not simplex)
        if warm or normal:
            yield f"{symbol('q', k)} = {q}{of_all}"
            own, other = symbol("q", k), symbol("q", "j")
            power = f"^{number_of}" if warm else ""
            total = f"Σⱼ {other}{power}" if normal else f"({own}{power} + (1 − {own}){power})"
            q = f"{own}{power} / {total}"
        yield f"{symbol('p', k)} = {q}{of_all}"
    limit = number(target.threshold)
    if target.task == "multilabel":
        for k, column in enumerate(target.columns, 1):
            yield f"{name(column)} = {label('1')} if {symbol('p', k)} ≥ 0.5 else {label('0')}"
        return
    (column,), (first, *rest) = target.columns, map(label, target.classes)
    if single or target.threshold != 0.5:
        yield f"{name(column)} = {rest[0]} if {symbol('p', 1 if single else 2)} ≥ {limit} else {first}"
        return
    which = [f"{each} if {symbol('p', k)} is the greatest" for k, each in enumerate((first, *rest), 1)]
    yield f"{name(column)} = {', '.join(which)}"
