"""The text of the standalone Python file: no name is code, nothing is in it for nothing; its errors name the value."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from standalone import Row, assert_same, every_type, rich, standalone, table, trained

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.columns import TYPES
from nnfit.data.scales import SCALES
from nnfit.errors import NnfitError, UsageError
from nnfit.export import python
from nnfit.export.python import columns, network, to_python

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

# --- hostile names -------------------------------------------------------------------------------------------------

HOSTILE = [
    *("'", '"', "'''", '"""', "\\", "\\'", "a\nb", "a\r\nb", "\x00", "\x1b[31m", "ü ✓ 𝜃", "\u202e", "{x}", "\x85"),
    *("%s", "# no", "'; import os #", "x", "tanh", "THETA", "__import__('os')", " ", "\t", "\u2028", "\N{BOM}".strip()),
]


def test_names_and_labels_are_never_code() -> None:
    names = [name for name in dict.fromkeys(HOSTILE) if name]
    frame = pd.DataFrame({name: np.arange(30) % (2 + i % 3) for i, name in enumerate(names)})
    labels = np.array(names, object)
    frame["c"] = labels[np.arange(30) % len(labels)]
    frame["t\"'\n"] = labels[1 + np.arange(30) // 10]
    spec = {
        "data": {"target": "t\"'\n", "missing": ["'", "never\\"], "columns": {"c": {"type": "categorical"}}},
        "network": {"layers": [{"size": "auto", "activation": "softmax"}]},
        "training": {"epochs": 1, "baseline": False, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
    }
    model = nnfit.train(spec, frame).model
    text = to_python(model)
    allowed = {ast.dump(node) for node in ast.walk(ast.parse(to_python(trained()))) if isinstance(node, ast.Import)}
    assert {ast.dump(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)} <= allowed
    assert text.encode("utf-8")  # no half of a character stands in it
    expected = model.predict_proba(frame)
    predict = standalone(model)
    for i, row in enumerate(frame.to_dict("records")):
        found = predict(row)
        assert found.pop("prediction") in model.classes
        assert_same(found, expected.iloc[i].to_dict())


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": "much"}, "column 'x': expected a number, got 'much'"),
        ({"x": "1e999"}, "column 'x': expected a number, got '1e999'"),
        ({"x": "nan"}, "column 'x': expected a number, got 'nan'"),
        ({"x": "٣"}, "column 'x': expected a number, got '٣'"),
        ({"x": math.inf}, "column 'x': expected a number, got inf"),
        ({"x": True}, "column 'x': expected a number, got True"),
        ({"x": [1]}, "column 'x': expected a number, got [1]"),
        ({"x": 10**400}, "column 'x': expected a number, got 1"),
        ({"x": 1e300}, "the numbers of this row are far too large"),
        ({"c": "purple"}, "column 'c': the training rows have no 'purple'"),
        ({"b": "maybe"}, "column 'b': expected true or false, got 'maybe'"),
        ({"d": "yesterday"}, "column 'd': expected a date, got 'yesterday'"),
        ({"d": "2024-02-30"}, "column 'd': expected a date, got '2024-02-30'"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_is_told_with_its_column(changed: Row, message: str) -> None:
    predict = standalone(every_type())
    row = {"x": 1, "u": 2, "c": "red", "b": "no", "d": "2020-01-01"}
    assert predict(row)
    with pytest.raises(ValueError) as caught:
        predict({**row, **changed})
    assert str(caught.value).startswith(message)
    with pytest.raises(NnfitError):
        every_type().predict(pd.DataFrame([{**row, **changed}], dtype=object))


def test_all_missing_columns_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"^columns are missing: 'u', 'b', 'd'$"):
        standalone(every_type())({"x": 1, "c": "red"})


# --- the text ------------------------------------------------------------------------------------------------------


def test_a_file_has_what_its_model_needs_and_no_more() -> None:
    for model in (rich(), every_type(), trained("y", table()[["x", "y"]])):
        text = to_python(model)
        tree = ast.parse(text)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} - {"predict"}
        imported = {
            alias.name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
        }
        constants = {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
        assert (defined | imported | constants) <= used
        assert {module.split(".")[0] for module in modules(tree)} <= sys.stdlib_module_names
        assert max(map(len, text.splitlines())) <= 120
    assert "float32" in to_python(rich())
    assert "float32" not in to_python(trained("y", table()[["x", "y"]], network__dtype="float64"))


def modules(tree: ast.Module) -> Iterator[str]:
    """What a file imports from."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("large", [False, True])
def test_the_weights_are_those_of_the_model_to_the_last_bit(
    large: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(network__dtype=dtype, network__members=2)
    if large:
        monkeypatch.setattr(python, "LARGE", 1)
    names: dict[str, Any] = {"__name__": "standalone"}
    exec(to_python(model), names)
    flat = [[w for Theta in member for neuron in Theta for w in neuron] for member in names["THETA"]]
    assert np.array_equal(np.array(flat), model.theta.astype(np.float64))


def test_the_same_model_gives_the_same_text() -> None:
    assert to_python(every_type()) == to_python(every_type())


@pytest.mark.parametrize(("table_of", "name"), [(network.SIGMAS, "tanh"), (columns.SCALED, "standard")])
def test_what_has_no_form_in_python_is_refused(
    table_of: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(table_of, name)
    with pytest.raises(UsageError, match=f'"{name}" has no form in a Python file; export the model as ONNX'):
        to_python(every_type())


def test_everything_that_a_spec_may_name_has_a_form_in_python() -> None:
    assert {*network.SIGMAS, *network.WHOLE_LAYERS} == {*ACTIVATIONS}
    assert {*columns.SCALED} == {*SCALES}
    assert {feature.options.type for feature in every_type().features} == {*TYPES}
