"""A model in words."""

from __future__ import annotations

from nnfit.data.columns import Numeric
from nnfit.data.numeric import Fitted
from nnfit.model.described import of_numbers


def test_a_column_is_scaled_by_one_sign_only() -> None:
    for mean, text in ((0.009658, "(x − 0.009658) / 2"), (-0.009658, "(x + 0.009658) / 2")):
        assert of_numbers(Numeric(), Fitted(0.0, -1.0, 1.0, (mean, 2.0), ())) == text


def test_steps_that_there_are_and_waves_are_told_with_their_factor() -> None:
    options = Numeric(scale="none", degree=2, piecewise=4, periodic=3, amplitude=0.25)
    fitted = Fitted(0.0, 0.0, 5.0, (), (), (0.0, 0.0, 1.0, 2.0, 5.0))
    assert of_numbers(options, fitted) == "x, powers to 2, and 3 steps and 3 waves × 0.25"
    alone = Numeric(scale="none", periodic=1)
    assert of_numbers(alone, Fitted(0.0, 0.0, 5.0, (), ())) == "x, and 1 wave"
    single = Numeric(scale="none", piecewise=2)
    assert of_numbers(single, Fitted(0.0, 0.0, 1.0, (), (), (0.0, 0.0, 1.0))) == "x, and 1 step"
    constant = Numeric(scale="none", piecewise=2)
    assert of_numbers(constant, Fitted(1.0, 1.0, 1.0, (), (), (1.0, 1.0, 1.0))) == "x"
