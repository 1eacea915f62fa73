"""Dates as inputs, held against Python's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data import dates


@given(st.dates(date(1, 1, 2), date(9998, 12, 31)))
def test_the_parts_of_a_date_are_those_of_the_calendar(day: date) -> None:
    year, month, weekday, days, sin_month, cos_month, sin_weekday, _ = dates.parts(
        np.array([dates.parse(day.isoformat(), None)])
    )[0]
    assert (year, month, weekday) == (day.year, day.month, day.weekday())
    assert days == (day - date(1970, 1, 1)).days
    assert (sin_month, cos_month) == pytest.approx(
        (np.sin(2 * np.pi * (day.month - 1) / 12), np.cos(2 * np.pi * (day.month - 1) / 12)), abs=1e-12
    )
    assert sin_weekday == pytest.approx(np.sin(2 * np.pi * day.weekday() / 7), abs=1e-12)


def test_times_and_zones_count() -> None:
    noon = dates.parse("2024-05-01T12:00:00Z", None)
    assert noon == dates.parse("2024-05-01 14:00:00+02:00", None) == dates.parse("2024-05-01T12:00", None)
    assert noon % 1 == 0.5


def test_a_format_is_followed() -> None:
    assert dates.parse("31.12.1999", "%d.%m.%Y") == dates.parse("1999-12-31", None)
    with pytest.raises(ValueError, match="does not match"):
        dates.parse("1999-12-31", "%d.%m.%Y")
    with pytest.raises(ValueError, match="redefinition of group name"):
        dates.parse("1999 1999", "%Y %Y")


def test_the_straight_parts_are_standardised_and_a_missing_date_is_the_median() -> None:
    first = datetime(2020, 1, 1, tzinfo=UTC)
    days = np.array([(first + timedelta(days=17 * i)).timestamp() / 86400 for i in range(60)] + [np.nan])
    fitted, out = dates.fit(days), np.empty((61, 8))
    dates.apply(days, fitted, out)
    np.testing.assert_allclose(out[:, :4].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(out[:, :4].std(axis=0), 1)
    assert fitted.fill == np.nanmedian(days)
    assert np.isfinite(out).all()
