"""What the tests of the estimators share: tables as people have them, and estimators that are quick."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnfit.sklearn import NNClassifier, NNRegressor

QUICK: dict[str, Any] = {"layers": (8,), "members": 2, "epochs": 3}


@pytest.fixture
def people() -> pd.DataFrame:
    """Sixty rows of every kind of column, with missing cells; y is yes where the number is above its middle."""
    draw = np.random.default_rng(0)
    number = draw.normal(size=60).round(3)
    frame = pd.DataFrame(
        {
            "number": number,
            "town": draw.choice(["Bonn", "Köln", "Ulm"], 60),
            "size": pd.Categorical(draw.choice(["s", "m"], 60)),
            "member": draw.random(60) > 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, 60), "D"),
            "price": [f"{value:.2f} €" for value in draw.uniform(1, 9, 60)],
            "y": np.where(number > 0, "yes", "no"),
        }
    )
    frame.loc[[3, 9], "number"] = np.nan
    frame.loc[4, ["town", "since"]] = None
    return frame


@pytest.fixture
def classifier() -> NNClassifier:
    return NNClassifier(**QUICK)


@pytest.fixture
def regressor() -> NNRegressor:
    return NNRegressor(**QUICK)
