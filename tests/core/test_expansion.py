"""What stands beside a number, each input held against its formula in plain Python."""

from __future__ import annotations

from itertools import pairwise
from math import cos, erf, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.core import expansion
from nnfit.core.expansion import Expansion, frequencies

KNOTS = (-1.5, -0.25, 0.0, 2.0)  # numbers of float32 as they stand
WAVES = (0.125, 0.5)


def expanded(z: object, knots: tuple[float, ...], waves: tuple[float, ...] = (), A: float = 1.0, dtype: str = "f8"):
    own = np.asarray(z, dtype)
    beside = Expansion(knots, waves, A)
    out = np.full((len(own), beside.width), np.nan, dtype)
    with np.errstate(all="raise", under="ignore", over="ignore"):
        beside.apply(own, out)
    return out


def by_hand(z: float, knots: tuple[float, ...], waves: tuple[float, ...], A: float) -> list[float]:
    steps = []
    for t, (low, high) in enumerate(pairwise(knots)):
        least, most = (-1 if t == 0 else 0), (2 if t == len(knots) - 2 else 1)
        steps.append(A * (min(most, max(least, (z - low) / (high - low))) - 0.5))
    return steps + [A * cos(2 * pi * f * z) for f in waves] + [A * sin(2 * pi * f * z) for f in waves]


@pytest.mark.parametrize(("dtype", "near"), [("f8", 1e-14), ("f4", 2e-6)])
@pytest.mark.parametrize("A", [1.0, 0.3, 100.0])
def test_every_input_is_its_formula(dtype: str, near: float, A: float) -> None:
    z = [-40.0, -2.75, -1.5, -1.0, -0.25, -0.125, 0.0, 0.6, 2.0, 3.5, 4.0, 77.0]
    expected = [by_hand(each, KNOTS, WAVES, A) for each in np.asarray(z, dtype).tolist()]
    far = 40 if dtype == "f4" else 1  # an angle of 40 turns has so many digits fewer
    np.testing.assert_allclose(expanded(z, KNOTS, WAVES, A, dtype), expected, rtol=0, atol=near * A * far)


def test_a_step_rises_between_its_knots_and_only_the_outermost_go_on_for_their_own_width() -> None:
    low, middle, high = expanded([-1e30, -2.75, -1.5, -0.25, 0.0, 2.0, 4.0, 1e30], KNOTS).T
    assert low.tolist() == [-1.5, -1.5, -0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert middle.tolist() == [-0.5, -0.5, -0.5, -0.5, 0.5, 0.5, 0.5, 0.5]
    assert high.tolist() == [-0.5, -0.5, -0.5, -0.5, -0.5, 0.5, 1.5, 1.5]


def test_a_single_step_goes_on_at_both_ends() -> None:
    assert expanded([-9.0, -1.0, 0.0, 1.0, 2.0, 9.0], (0.0, 1.0))[:, 0].tolist() == [-1.5, -1.5, -0.5, 0.5, 1.5, 1.5]


@pytest.mark.parametrize("knots", [(), (0.5,)])
def test_knots_that_are_one_or_none_make_no_step(knots: tuple[float, ...]) -> None:
    assert Expansion(knots, (), 1.0).width == 0
    assert expanded([1.0, 2.0], knots).shape == (2, 0)
    assert expanded([1.0], knots, (0.25,)).shape == (1, 2)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_knots_next_to_each_other_in_float32_give_finite_steps(dtype: str) -> None:
    for at in (0.0, 1.0, -1e30, 3e38):
        knots = [np.float32(at)]
        for _ in range(3):
            knots.append(np.nextafter(knots[-1], np.float32(np.inf)))
        z = np.array([*knots, 0, 1e-45, -3e38, 3e38], dtype)
        out = expanded(z, tuple(map(float, knots)), dtype=dtype)
        assert np.isfinite(out).all()
        assert ((out >= -1.5) & (out <= 1.5)).all()
        np.testing.assert_array_equal(np.diag(out[1:4]), 0.5)  # of each its upper knot


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=6, unique=True),
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20),
)
def test_steps_never_fall_and_stay_in_their_bounds(knots: list[float], z: list[float]) -> None:
    ordered = tuple(sorted({each + 0.0 for each in knots}))
    for dtype in ("f4", "f8"):
        out = expanded(np.sort(z), ordered, A=0.5, dtype=dtype)
        assert (np.diff(out, axis=0) >= 0).all()
        assert (np.abs(out) <= 0.75).all()


def test_a_block_of_any_size_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    z = np.random.default_rng(0).normal(size=100)
    whole = [expanded(z, KNOTS, WAVES, 0.7, dtype) for dtype in ("f4", "f8")]
    for piece in (1, 7, 99, 100):
        monkeypatch.setattr(expansion, "PIECE", piece, raising=True)
        for dtype, expected in zip(("f4", "f8"), whole, strict=True):
            assert expanded(z, KNOTS, WAVES, 0.7, dtype).tobytes() == expected.tobytes()
            one = np.vstack([expanded(z[i : i + 1], KNOTS, WAVES, 0.7, dtype) for i in range(100)])
            np.testing.assert_allclose(one, expected, rtol=1e-5 if dtype == "f4" else 1e-14, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 500])
@pytest.mark.parametrize("spread", [0.3, 1e-6, 1e6])
def test_frequencies_halve_equally_likely_parts_of_a_normal_number(count: int, spread: float) -> None:
    found = frequencies(count, spread)
    assert len(found) == count
    for k, f in enumerate(found):
        assert erf(f / spread / sqrt(2)) == pytest.approx((k + 0.5) / count, abs=1e-12)
