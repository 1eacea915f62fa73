"""The types of columns: what a user may say of a column of each type, and what holds where nothing is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nnfit.core.parameter import Parameter, parameter
from nnfit.data.scales import SCALES
from nnfit.data.spelling import DECIMALS, GROUP_ALIASES, GROUPS

Indicator = bool | Literal["auto"]


def typed(name: str) -> Any:
    """The field `type`, which nobody sets."""
    return field(default=name, init=False, metadata={"parameter": Parameter("its type")})


def indicator() -> Any:
    """The parameter of every type but categorical, where a missing cell is a category."""
    return parameter("auto", "an input that is 1 where the cell is missing; auto: if a training row misses it")


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """Numbers: filled, scaled and expanded as numeric.py says."""

    type: Literal["numeric"] = typed("numeric")
    scale: str = parameter(
        "standard",
        "numeric: " + "; ".join(f"{name}: {scale.formula}" for name, scale in SCALES.items()),
        words=SCALES,
    )
    log1p: bool = parameter(False, "numeric: sign(x) log(1 + |x|) before the scale")
    degree: int = parameter(1, "numeric: the scaled value and its powers up to this", least=1, most=10)
    bins: int | None = parameter(
        None,
        "numeric: the piecewise-linear encoding over this many quantile bins, in place of the value",
        least=2,
        most=1000,
    )
    piecewise: int | None = parameter(
        None,
        "numeric: beside the value, one input for each of so many quantile bins, which rises within it",
        least=2,
        most=1000,
    )
    periodic: int | None = parameter(
        None,
        "numeric: beside the value, cosine and sine of so many frequencies of the scaled value",
        most=500,
    )
    frequency: float = parameter(
        0.3, "numeric: the spread of these frequencies, in turns per unit of the scaled value", above=0, most=1e6
    )
    amplitude: float = parameter(
        1.0,
        "numeric: a factor on the inputs of piecewise and periodic: the smaller, the less they are trusted",
        above=0,
        most=1e6,
    )
    missing: Literal["median", "mean", "category"] | float = parameter(
        "median",
        "numeric: what stands in for a missing number; category: the median, always with indicator",
        least=-1e300,
        most=1e300,
    )
    thousands: str | None = parameter(
        None,
        "numeric: what stands between groups of three digits, as in 1,234.5; the blank is any of its kinds",
        words=GROUPS,
        aliases=GROUP_ALIASES,
    )
    decimal: str | None = parameter(
        None, "numeric: what stands before the decimals; without it data.decimal", words=DECIMALS
    )
    prefix: str | None = parameter(None, "numeric: the text before every number, as $")
    suffix: str | None = parameter(None, "numeric: the text behind every number, as % or kg; 12 % is 12")
    indicator: Indicator = indicator()


@dataclass(frozen=True, kw_only=True)
class Boolean:
    """True and false, in one of the spellings of encoding.py."""

    type: Literal["boolean"] = typed("boolean")
    indicator: Indicator = indicator()


@dataclass(frozen=True, kw_only=True)
class Date:
    """Dates, which become the inputs of dates.py."""

    type: Literal["date"] = typed("date")
    format: str | None = parameter(
        None,
        "date: as in strptime, %d.%m.%Y (of %d %m %Y %y %b %B %j %a %A %H %M %S %f %z, and %I with %p); else ISO 8601",
    )
    indicator: Indicator = indicator()


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """Any texts, one input for each."""

    type: Literal["categorical"] = typed("categorical")
    min_count: int = parameter(1, "categorical: categories with fewer training rows than this share one input")
    max_categories: int = parameter(1000, "categorical: more categories than this are an error")
    unknown: Literal["error", "zero"] = parameter(
        "error", "categorical: for predict, a category that no training row has is an error, or zeros"
    )


ColumnType = Numeric | Boolean | Date | Categorical
TYPES: dict[str, type[ColumnType]] = {kind.type: kind for kind in (Numeric, Boolean, Date, Categorical)}
