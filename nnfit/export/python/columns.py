"""What the columns of a row become, as a function of a Python file: read, filled, scaled and expanded line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnfit.core.expansion import Expansion
from nnfit.data import dates, numeric
from nnfit.data.cells import tokens
from nnfit.data.columns import Boolean, Categorical, Date, Numeric
from nnfit.data.dialect import Dialect
from nnfit.data.feature import Categories, Feature, Truth
from nnfit.data.spelling import BLANKS, GROUPS
from nnfit.export.python.code import Code, assigned, call, function, refuse
from nnfit.model.model import Model
from nnfit.words import quoted

# Scales by name: the scaled value, from the value and what was fitted.
LINEAR = "(value - {0!r}) / {1!r}"
SCALED: dict[str, Callable[[Sequence[float]], str]] = {
    "standard": lambda fitted: LINEAR.format(*fitted),
    "minmax": lambda fitted: LINEAR.format(*fitted),
    "robust": lambda fitted: f"clipped({LINEAR.format(*fitted)})",
    "clipped": lambda fitted: f"clipped({LINEAR.format(*fitted)})",
    "quantile": lambda fitted: "normal_score(value, quantiles)",
    "none": lambda fitted: "value",
}


def single_precision(model: Model) -> bool:
    """Whether the network has learnt from numbers of 32 bits."""
    return model.spec.network.dtype == "float32"


def inputs(model: Model) -> str:
    """The function `inputs`: what each column of a row becomes, column by column."""
    single = single_precision(model)
    lines: list[str] = []
    for feature in model.features:
        lines += of_column(feature, model.dialect, single)
    lines.append("x = [float32(each) for each in x]" if single else "")
    return function(
        "inputs(row)",
        "x: what the columns of a row become, as fitted to the training rows.",
        "lost = [column for column in COLUMNS if column not in row]",
        "if lost:",
        "    raise ValueError(f\"columns are missing: {', '.join(map(repr, lost))}\")",
        "x = []",
        *filter(None, lines),
        "if not all(map(isfinite, x)):",
        "    raise OverflowError",
        "return x",
    )


def of_column(feature: Feature, dialect: Dialect, single: bool) -> Iterator[str]:
    """The lines that add what one column becomes."""
    name, fitted = feature.name, feature.fitted
    match feature.options:
        case Categorical() as options if isinstance(fitted, Categories):
            yield call("x += one_hot(row, ", name, list(fitted.own), *rest_of(fitted, options.unknown))
            return
        case Numeric() as options if isinstance(fitted, numeric.Fitted):
            gaps = sorted(tokens(dialect, name))
            also = [f"gaps={gaps!r}"] if gaps else []
            yield call(
                "value, missing = number(row, ", name, fitted.fill, Code(reading(dialect, name)), *map(Code, also)
            )
            yield from of_number(options, fitted, single)
        case Boolean() if isinstance(fitted, Truth):
            yield call("value, missing = truth(row, ", name, fitted.fill)
            yield "x += [value]"
        case Date() as options if isinstance(fitted, dates.Fitted):
            form = options.format
            read = "iso" if form is None else f"lambda text: datetime.strptime(text.strip(), {form.strip()!r})"
            yield call("value, missing = days(row, ", name, fitted.fill, Code(read))
            pairs = list(zip(fitted.moments[::2], fitted.moments[1::2], strict=True))
            yield call("x += calendar(", Code("value"), pairs)
        case other:
            refuse(f"a column of type {quoted(other.type)}")
    if feature.indicator:
        yield "x += [missing]"


def rest_of(fitted: Categories, unknown: str) -> list[Any]:
    """What else `one_hot` is told: the rare categories, and what becomes of one that no training row has."""
    found: list[Any] = [Code(f"rare={list(fitted.merged)!r}")] if fitted.merged else []
    return [*found, Code(f"unknown={unknown!r}")] if unknown != "error" else found


def of_number(options: Numeric, fitted: numeric.Fitted, single: bool) -> Iterator[str]:
    """The lines that add what a number becomes: scaled, with its powers, or bins; then steps and waves."""
    if options.log1p:
        yield "value = logarithm(value)"
    if options.bins:
        yield call("x += bins(", Code("value"), list(fitted.edges))
        return
    if options.scale not in SCALED:
        refuse(f"the scale {quoted(options.scale)}")
    scaled = SCALED[options.scale](fitted.scale)
    if options.scale == "quantile":
        yield assigned("quantiles", fitted.scale)
    beside = numeric.expansion(options, fitted)
    if options.degree == 1 and not beside.width:
        yield f"x += [{scaled}]"
        return
    yield f"z = {scaled}"
    yield f"x += [{', '.join(['z', *(f'z ** {power}' for power in range(2, options.degree + 1))])}]"
    if beside.width:
        yield from of_expansion(beside, single)


def of_expansion(beside: Expansion, single: bool) -> Iterator[str]:
    """The lines that add the steps and waves beside a number z."""
    z, amplitude = Code("float32(z)" if single else "z"), Code(repr(precise(beside.amplitude, single)))
    if beside.steps:
        yield call("x += steps(", z, list(beside.knots), amplitude)
    if beside.frequencies:
        yield call("x += waves(", z, list(beside.frequencies), amplitude)


def precise(value: float, single: bool) -> float:
    """A number in the precision of the inputs."""
    return float(np.float32(value)) if single else value


def reading(dialect: Dialect, name: str) -> str:
    """What reads the texts of a column of numbers."""
    own = dialect.spellings.get(name)
    if own is None:
        return "plain"
    if own.plain:
        return "plain" if own.decimal == dialect.decimal else f"lambda text: plain(text, {own.decimal!r})"
    marks = GROUPS[own.thousands] if own.thousands else ""
    words = (marks, own.decimal, own.prefix.strip(BLANKS), own.suffix.strip(BLANKS))
    return f"lambda text: spelled(text, {', '.join(map(repr, words))})"
