"""The scales and expansions of numeric columns, each held against its formula."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data import numeric
from nnfit.data.columns import Numeric
from nnfit.data.scales import SCALES

X = np.array([3.0, -1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])


def encoded(x: np.ndarray, fitted_to: np.ndarray = X, **options: Any) -> np.ndarray:
    chosen = Numeric(**options)
    fitted = numeric.fit(fitted_to, chosen)
    out = np.empty((len(x), len(numeric.names("x", chosen, fitted))))
    numeric.apply(x, chosen, fitted, out)
    assert len(set(numeric.names("x", chosen, fitted))) == out.shape[1]
    return out


def test_robust_is_the_median_and_the_quartiles_softly_clipped() -> None:
    q1, q2, q3 = np.quantile(X, [0.25, 0.5, 0.75])
    z = (X - q2) / (q3 - q1)
    np.testing.assert_allclose(encoded(X, scale="robust")[:, 0], z / np.sqrt(1 + (z / 3) ** 2))
    assert abs(encoded(np.array([1e12]), scale="robust")[0, 0] - 3) < 1e-6


def test_robust_takes_half_the_range_where_the_quartiles_meet() -> None:
    x = np.array([0.0] * 9 + [10.0])
    assert encoded(x, x, scale="robust")[-1, 0] == pytest.approx(2 / np.sqrt(1 + (2 / 3) ** 2))


def test_minmax_maps_the_training_range_to_0_and_1_and_goes_on_beyond() -> None:
    np.testing.assert_allclose(encoded(np.array([-1.0, 9.0, 4.0, 19.0]), scale="minmax")[:, 0], [0, 1, 0.5, 2])


def test_quantile_gives_the_normal_score_of_the_rank() -> None:
    x = np.arange(1001.0)
    z = encoded(x, x, scale="quantile")[:, 0]
    assert z[500] == pytest.approx(0, abs=1e-9)
    assert z[900] == pytest.approx(NormalDist().inv_cdf(0.9), abs=1e-6)
    assert (np.diff(z) > 0).all()
    assert z[0] == -z[-1] == pytest.approx(NormalDist().inv_cdf(1e-3))


def test_quantile_gives_ties_the_middle_of_their_ranks() -> None:
    x = np.array([0.0] * 50 + [1.0] * 50)
    low, high = encoded(np.array([0.0, 1.0]), x, scale="quantile")[:, 0]
    assert low == pytest.approx(-high, abs=0.1)
    assert low < 0


def test_none_leaves_the_number_as_it_is() -> None:
    np.testing.assert_array_equal(encoded(X, scale="none")[:, 0], X)


def test_log1p_is_taken_before_the_scale_and_keeps_the_sign() -> None:
    x = np.array([-np.e + 1, 0.0, np.e - 1])
    np.testing.assert_allclose(encoded(x, scale="none", log1p=True)[:, 0], [-1, 0, 1])


def test_degree_gives_the_powers_of_the_scaled_value() -> None:
    z = encoded(X)[:, 0]
    np.testing.assert_allclose(encoded(X, degree=3), np.column_stack([z, z**2, z**3]))


def test_bins_are_the_piecewise_linear_encoding() -> None:
    x = np.arange(9.0)  # the edges of 4 bins are 0, 2, 4, 6, 8
    np.testing.assert_allclose(encoded(np.array([3.0]), x, bins=4), [[1, 0.5, 0, 0]])
    np.testing.assert_allclose(encoded(np.array([-5.0, 50.0]), x, bins=4), [[0] * 4, [1] * 4])


def test_bins_of_equal_edges_are_steps() -> None:
    x = np.array([0.0] * 8 + [1.0, 2.0])
    out = encoded(np.array([-1.0, 0.0, 2.0]), x, bins=4)
    assert np.isfinite(out).all()
    assert (np.diff(out.sum(axis=1)) > 0).all()


@pytest.mark.parametrize(("missing", "fill"), [("median", 3.5), ("mean", 3.625), (-7.0, -7.0), ("category", 3.5)])
def test_a_missing_number_is_filled(missing: object, fill: float) -> None:
    x = np.append(X, np.nan)
    assert encoded(x, x, scale="none", missing=missing)[-1, 0] == fill


@pytest.mark.parametrize("scale", SCALES)
@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=30))
def test_every_scale_gives_finite_numbers_for_any_column(scale: str, values: list[float]) -> None:
    x = np.array([*values, 1e15, -1e15])
    assert np.isfinite(encoded(x, np.array(values), scale=scale)).all() or scale == "minmax"
    assert np.isfinite(encoded(np.array(values), np.array(values), scale=scale)).all()


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_fits_as_many_values_as_it_says(scale: str) -> None:
    assert len(SCALES[scale].fit(X)) == SCALES[scale].size
