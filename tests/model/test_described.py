"""A model in words."""

from __future__ import annotations

from nnfit.data.columns import Numeric
from nnfit.data.numeric import Fitted
from nnfit.model.described import of_numbers


def test_a_column_is_scaled_by_one_sign_only() -> None:
    for mean, text in ((0.009658, "(x − 0.009658) / 2"), (-0.009658, "(x + 0.009658) / 2")):
        assert of_numbers(Numeric(), Fitted(0.0, -1.0, 1.0, (mean, 2.0), ())) == text
