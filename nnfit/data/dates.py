"""How a column of dates becomes inputs: year, month, day of the week, days elapsed, and two pairs on the circle."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnfit.data.numeric import Floats, moments

NAMES = ("year", "month", "weekday", "days", "sin month", "cos month", "sin weekday", "cos weekday")
STRAIGHT = 4  # the first four are standardised, the pairs lie on the circle already


def parse(text: str, form: str | None) -> float:
    """Days since 1970-01-01, times counted as UTC where they name no zone; ValueError for what is no date."""
    try:
        moment = datetime.fromisoformat(text.strip()) if form is None else datetime.strptime(text, form)
    except re.error as error:  # a format that names a part twice
        raise ValueError(str(error)) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() / 86_400


def parts(days: Floats) -> Floats:
    """The eight inputs before standardising, (n, 8), of days since 1970-01-01."""
    whole = np.floor(days).astype("datetime64[D]")
    months = whole.astype("datetime64[M]").astype(np.int64)
    year, month = months // 12 + 1970, months % 12
    weekday = (whole.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    circle = [2 * np.pi * month / 12, 2 * np.pi * weekday / 7]
    pairs = [wave(angle) for angle in circle for wave in (np.sin, np.cos)]
    return np.column_stack([year, month + 1, weekday, days, *pairs]).astype(np.float64)


def fit(days: Floats) -> tuple[float, ...]:
    """Fill (the median), minimum, maximum, then mean and deviation of each of the straight parts."""
    known = days[~np.isnan(days)]
    fill = float(np.median(known)) if len(known) else 0.0
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    straight = parts(np.where(np.isnan(days), fill, days))[:, :STRAIGHT]
    return (fill, low, high, *(value for column in straight.T for value in moments(column)))


def apply(days: Floats, fitted: tuple[float, ...], out: NDArray[Any]) -> None:
    """Write the eight inputs of days (n,), missing ones as NaN, to out (n, 8)."""
    values = parts(np.where(np.isnan(days), fitted[0], days))
    scale = np.array(fitted[3:]).reshape(STRAIGHT, 2)
    values[:, :STRAIGHT] = (values[:, :STRAIGHT] - scale[:, 0]) / scale[:, 1]
    out[:] = values
