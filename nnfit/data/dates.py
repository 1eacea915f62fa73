"""How a column of dates becomes inputs: year, month, day of the week, days elapsed, and two pairs on the circle."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.scales import Floats, moments

NAMES = ("year", "month", "weekday", "days", "sin month", "cos month", "sin weekday", "cos weekday")
DAYS = 4e6  # dates lie within this many days of 1970: the years 1 to 9999
STRAIGHT = 4  # the first four are standardised, the pairs lie on the circle already


UNPADDED = re.compile(r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])")  # as ISO 8601, but for the zeros in front
# The words of a format: of those of strptime, the ones that mean one thing in every place.
DIRECTIVES = "dmYybBjHIMSfpzaA%"
YEARS = {"%Y", "%y"}


def fault(form: str) -> str | None:
    """What is wrong with a format; None if dates can be read by it."""
    words = re.findall("%.?", form)
    unknown = [word for word in words if word[1:] not in set(DIRECTIVES)]
    if unknown:
        return f"{unknown[0]} is none of {' '.join('%' + letter for letter in DIRECTIVES)}"
    if not YEARS & {*words}:
        return "there is no year in it, %Y or %y"
    parts = [word for word in words if word != "%%"]
    if len({*parts}) < len(parts) or {*parts} >= YEARS:
        return "it names a part of the date twice"
    if ("%I" in words) != ("%p" in words) or {*words} >= {"%I", "%H"}:
        return "%I, hours to 12, and %p, AM or PM, need each other; %H counts hours to 23"
    return None


def parse(text: str, form: str | None) -> float:
    """Days since 1970-01-01, times counted as UTC where they name no zone; ValueError for what is no date.

    Without a format ISO 8601, months and days also as 2020-1-1.
    """
    try:
        if form is None:
            padded = UNPADDED.sub(lambda part: f"{part[1]}-{part[2]:0>2}-{part[3]:0>2}", text.strip(), count=1)
            moment = datetime.fromisoformat(padded)
        else:
            moment = datetime.strptime(text.strip(), form.strip())
    except re.error as error:  # a format that names a part twice
        raise ValueError(str(error)) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() / 86_400


def spelled(days: float) -> str:
    """A date as ISO 8601 has it, 2024-12-31, with the time of day if it is not midnight."""
    return str(np.datetime64(round(days * 86_400), "s")).removesuffix("T00:00:00")


def parts(days: Floats) -> Floats:
    """The eight inputs before standardising, (n, 8), of days since 1970-01-01."""
    whole = np.floor(days).astype("datetime64[D]")
    months = whole.astype("datetime64[M]").astype(np.int64)
    year, month = months // 12 + 1970, months % 12
    weekday = (whole.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    circle = [2 * np.pi * month / 12, 2 * np.pi * weekday / 7]
    pairs = [wave(angle) for angle in circle for wave in (np.sin, np.cos)]
    return np.column_stack([year, month + 1, weekday, days, *pairs]).astype(np.float64)


class Fitted(NamedTuple):
    """What the training rows say of a column: the median, the range, mean and deviation of each straight part."""

    fill: float
    low: float
    high: float
    moments: tuple[float, ...]

    @property
    def flat(self) -> tuple[float, ...]:
        """The values one after the other, as a model file has them."""
        return (self.fill, self.low, self.high, *self.moments)


SIZE = 3 + 2 * STRAIGHT  # how many values are fitted to a column


def restored(flat: tuple[float, ...]) -> Fitted:
    """What was fitted, from its values; ValueError if they could not be applied."""
    if max(map(abs, flat[:3])) > DAYS:
        raise ValueError("what stands for a missing cell is no date")
    if not all(deviation > 0 for deviation in flat[4::2]):
        raise ValueError("a deviation is not above 0")
    return Fitted(flat[0], flat[1], flat[2], flat[3:])


def fit(days: Floats) -> Fitted:
    """What the training rows (n,), missing cells as NaN, say of the column."""
    known = days[~np.isnan(days)]
    fill = float(np.median(known)) if len(known) else 0.0
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    straight = parts(np.where(np.isnan(days), fill, days))[:, :STRAIGHT]
    return Fitted(fill, low, high, tuple(value for column in straight.T for value in moments(column)))


def apply(days: Floats, fitted: Fitted, out: NDArray[Any]) -> None:
    """Write the eight inputs of days (n,), missing ones as NaN, to out (n, 8)."""
    values = parts(np.where(np.isnan(days), fitted.fill, days))
    scale = np.array(fitted.moments).reshape(STRAIGHT, 2)
    values[:, :STRAIGHT] = (values[:, :STRAIGHT] - scale[:, 0]) / scale[:, 1]
    out[:] = values
