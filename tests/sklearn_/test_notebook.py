"""What a notebook shows of an estimator: scikit-learn's own block and, once it is fitted, the network."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import sklearn

from nnfit.sklearn import NNClassifier, NNRegressor

pytestmark = pytest.mark.filterwarnings("ignore:the network:nnfit.NnfitWarning")


def drawing(estimator: Any) -> list[str]:
    """The words of the drawing, read as XML."""
    (svg,) = re.findall(r"<svg xmlns.*?</svg>$", estimator._repr_html_(), re.DOTALL)
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_the_network_is_drawn_once_it_is_fitted(people: pd.DataFrame) -> None:
    estimator = NNClassifier((8, 20), members=2, epochs=1)
    assert "The network" not in estimator._repr_html_()
    estimator.fit(people.drop(columns="y"), people["y"])
    assert drawing(estimator) == [
        *("number", "town", "size", "member", "since", "price", "6 columns", "51 inputs"),
        *("⋮", "8", "mish", "⋮", "20", "mish", "yes", "1", "logistic", "y"),
        f"{estimator.model_.network.P} parameters in each of 2 members",
    ]
    assert estimator._repr_mimebundle_()["text/html"].endswith("</svg>")


def test_of_many_columns_and_layers_the_first_and_the_last_are_drawn() -> None:
    X = np.random.default_rng(0).normal(size=(30, 9))
    words = drawing(NNRegressor((2,) * 12, members=2, epochs=1).fit(X, X @ np.ones((9, 2))))
    assert words[:8] == ["x0", "x1", "x2", "x6", "x7", "x8", "⋮", "9 columns"]
    assert "6 layers more" in words
    assert "target_1" in words
    assert "target_2" in words


def test_names_of_columns_are_text_whatever_they_hold(people: pd.DataFrame) -> None:
    names = ["<script>alert(1)</script>", 'a" onload="x', "&amp;\x1b[31m\n", "</svg>"]
    X = people[["number", "town", "size", "member"]].set_axis(names, axis=1)
    estimator = NNClassifier((8,), members=2, epochs=1).fit(X, people["y"].replace("yes", "yes<b>").rename("<i>"))
    words = drawing(estimator)
    assert words[:4] == ["<script>alert(1)</s…", 'a" onload="x', r"&amp;\x1b[31m\n", "</svg>"]
    assert "yes<b>" in words
    html = estimator._repr_html_()
    for hostile in ("<script>alert", 'a" onload', "\x1b", "yes<b>", "</svg></"):
        assert hostile not in html


def test_as_text_there_is_no_drawing(people: pd.DataFrame) -> None:
    estimator = NNClassifier((8,), members=2, epochs=1).fit(people[["number"]], people["y"])
    with sklearn.config_context(display="text"):
        assert not hasattr(estimator, "_repr_html_")
        assert list(estimator._repr_mimebundle_()) == ["text/plain"]
    assert repr(estimator) == "NNClassifier(epochs=1, layers=(8,), members=2)"
