"""The scales and expansions of numeric columns, each held against its formula."""

from __future__ import annotations

from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.config.loader import load_spec
from nnfit.data import numeric
from nnfit.data.columns import Numeric
from nnfit.data.scales import SCALES
from nnfit.errors import DataError
from nnfit.fit.prepare import prepare

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


# --- beside the value ----------------------------------------------------------------------------------------------


def inputs(x: np.ndarray, fitted_to: np.ndarray = X, dtype: str = "float64", **options: Any) -> np.ndarray:
    """The inputs (n, N) of a column with these options, as training makes them, all of them."""
    keys = {
        "data": {"target": "y", "columns": {"x": {"type": "numeric", "indicator": False, **options}}},
        "network": {"layers": [{"size": 1, "activation": "linear"}], "dtype": dtype},
    }
    tables = {"train": fitted_to, "validation": x}
    frames = {name: pd.DataFrame({"x": each, "y": np.arange(len(each)) % 7.0}) for name, each in tables.items()}
    found = prepare(load_spec(keys, frames=list(frames)), frames)
    names = found.features[0].inputs
    encoded = np.asarray(found.sets["validation"].examples.X)[:, 1:]
    assert len(set(names)) == len(names) == encoded.shape[1]
    assert encoded.dtype == dtype
    return encoded


SKEWED = np.round(np.random.default_rng(4).gamma(1.5, 2, 200), 2) - 1
AROUND = np.array([-1e6, -3.0, -1.0, 0.0, 0.7, 2.0, 4.5, 30.0, 1e6])


def knots_of(fitted_to: np.ndarray, parts: int, **options: Any) -> np.ndarray:
    """The quantiles of the numbers, scaled as these are, in float32; those that are one only once."""
    x = np.sort(fitted_to)
    places = [t * (len(x) - 1) / parts for t in range(parts + 1)]
    quantiles = [np.interp(place, np.arange(len(x)), x) for place in places]
    return np.unique(inputs(np.array(quantiles), fitted_to, **options)[:, 0].astype(np.float32)).astype(float)


@pytest.mark.parametrize("degree", [1, 3])
@pytest.mark.parametrize("scale", SCALES)
def test_steps_and_waves_of_the_scaled_value_stand_behind_it_and_its_powers(scale: str, degree: int) -> None:
    plain = inputs(AROUND, SKEWED, scale=scale, degree=degree)
    both = {"piecewise": 5, "periodic": 3, "frequency": 0.2, "amplitude": 0.4}
    found = inputs(AROUND, SKEWED, scale=scale, degree=degree, **both)
    z, knots = plain[:, 0], knots_of(SKEWED, 5, scale=scale)
    np.testing.assert_array_equal(found[:, :degree], plain)
    rises = [(z - low) / (high - low) for low, high in pairwise(knots)]
    ends = [(-1, 1)] + [(0, 1)] * (len(rises) - 2) + [(0, 2)]
    steps = [0.4 * (np.clip(rise, *end) - 0.5) for rise, end in zip(rises, ends, strict=True)]
    waves = [0.2 * NormalDist().inv_cdf((1 + share) / 2) for share in (1 / 6, 3 / 6, 5 / 6)]
    angles = [2 * np.pi * f * z for f in waves]
    expected = [*steps, *(0.4 * np.cos(angle) for angle in angles), *(0.4 * np.sin(angle) for angle in angles)]
    np.testing.assert_allclose(found[:, degree:].T, expected, rtol=1e-9, atol=1e-9)


def test_knots_of_a_number_on_the_log_scale_are_those_of_its_logarithm() -> None:
    logarithm = np.sign(SKEWED) * np.log1p(np.abs(SKEWED))
    options = {"piecewise": 4, "scale": "clipped", "periodic": 1}
    np.testing.assert_array_equal(
        inputs(SKEWED, SKEWED, log1p=True, **options), inputs(logarithm, logarithm, **options)
    )


@pytest.mark.parametrize(
    ("x", "steps"),
    [
        (np.full(50, 7.0), 0),
        (np.repeat([0.0, 1.0], [26, 25]), 1),
        (np.repeat([0.0, 1.0], 25), 1),  # of few values the knots are these, and not the median between them
        (np.array([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0]), 5),
        (np.array([0.0] * 89 + [*range(1, 12)]), 1),  # more values than knots: up to the eighth quantile all are 0
        (np.array([5.0]), 0),
        (1e16 + np.arange(50.0), 0),  # float32 does not tell them apart, but scaled
        (np.arange(50.0), 8),
    ],
)
def test_knots_that_are_one_make_no_step(x: np.ndarray, steps: int) -> None:
    for scale in ("none", "standard", "minmax"):
        if scale != "none" and x[0] == 1e16:
            continue  # once scaled they are apart
        options = Numeric(piecewise=8, scale=scale)
        names = numeric.names("x", options, numeric.fit(x, options))
        assert names == ["x", *(f"x step {t}" for t in range(1, steps + 1))]
        assert np.isfinite(inputs(np.array([*x, -1e9, 1e9]), x, piecewise=8, scale=scale)).all()


def test_a_filled_cell_counts_among_the_numbers_that_the_knots_divide() -> None:
    x = np.array([1.0, 2.0, 3.0, np.nan, np.nan, np.nan])
    options = Numeric(piecewise=2, scale="none", missing=10.0)
    assert numeric.fit(x, options).knots == (1.0, 6.5, 10.0)
    found = inputs(x, x, piecewise=2, scale="none", missing=10.0)
    np.testing.assert_allclose(found[3], [10, 0.5, 0.5])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", SCALES)
def test_numbers_of_any_size_beside_themselves_are_finite_wherever_they_are(scale: str, dtype: str) -> None:
    for unit in (1e-320, 1e-300, 1e-30, 1.0, 1e30, 1e280):
        x = np.random.default_rng(1).normal(size=30) * unit
        far = np.array([*x, x.min() - abs(x.min()), 2 * x.max()])
        options = {"piecewise": 4, "periodic": 2, "scale": scale, "amplitude": 3.0}
        if (scale == "quantile" and unit < 1e-300) or (scale == "none" and dtype == "float32" and unit > 1e38):
            with pytest.raises(DataError, match=rf"is beyond what {dtype} can hold once it is scaled"):
                inputs(far, x, dtype, **options)
            continue
        found = inputs(far, x, dtype, **options)
        assert np.isfinite(found).all(), unit
        assert np.abs(found[:, 1:]).max() <= 4.5


@pytest.mark.parametrize("scale", [name for name in SCALES if name not in ("robust", "clipped", "quantile")])
def test_a_number_that_the_precision_cannot_hold_is_an_error_of_its_cell(scale: str) -> None:
    for value in (1e300, -1e200):
        with pytest.raises(DataError, match=r"column \"x\": -?1e\+\d00 is beyond what float32 can hold") as caught:
            inputs(np.array([1.0, value]), X, "float32", piecewise=3, periodic=1, scale=scale)
        assert caught.value.problems[0].code == "overflow"


def test_an_angle_beyond_all_numbers_is_an_error_of_its_cell() -> None:
    with pytest.raises(DataError, match=r"1e\+308 is beyond what float64 can hold"):
        inputs(np.array([1.0, 1e308]), X, periodic=1, frequency=1e6, scale="none")
    with pytest.raises(DataError, match=r"1e\+35 is beyond what float32 can hold"):
        inputs(np.array([1.0, 1e35]), X, "float32", periodic=1, frequency=1e6, scale="none")


def test_a_training_cell_that_no_quantile_can_be_fitted_to_is_an_error_of_its_cell() -> None:
    for options in ({"piecewise": 3}, {"bins": 3}):
        with pytest.raises(DataError, match=r"1e\+300 is beyond ±1e\+290, and nothing can be fitted to it"):
            inputs(X, np.array([*X, 1e300]), scale="none", **options)


def test_the_names_of_the_inputs_are_apart() -> None:
    options = Numeric(piecewise=20, periodic=12, degree=10)
    names = numeric.names("x", options, numeric.fit(SKEWED, options))
    assert len(names) == len(set(names)) == 10 + 20 + 24
    assert names[9:12] == ["x^10", "x step 1", "x step 2"]
    assert names[-24:-22] + names[-12:-10] == ["x cos 1", "x cos 2", "x sin 1", "x sin 2"]
