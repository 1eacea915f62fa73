"""The names of the library: what `import nnfit` offers, and what it does not load before it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from walk import SPEC, table

import nnfit
from nnfit.errors import DataError, UsageError

# Tables of a few rows have values outside of the range of fewer, and holes of their own.
pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")


def test_the_public_names_are_there_and_listed() -> None:
    assert dir(nnfit) == sorted(nnfit.__all__)
    assert {
        name: getattr(nnfit, name).__name__ for name in ("train", "load", "Model", "Spec", "Result", "NnfitError")
    } == {name: name for name in ("train", "load", "Model", "Spec", "Result", "NnfitError")}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nnfit' has no attribute 'fit_transform'"):
        nnfit.fit_transform  # noqa: B018


@pytest.mark.process
def test_importing_nnfit_loads_neither_numpy_nor_pandas() -> None:
    code = "import nnfit, sys; print(sorted({'numpy', 'pandas', 'yaml', 'rich', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


# --- wrong types ---------------------------------------------------------------------------------------------------

WRONG: dict[str, Any] = {
    "nothing": None,
    "a number": 5,
    "a float": float("nan"),
    "a truth value": True,
    "a text": "text",
    "an empty text": "",
    "NUL in a text": "a\0b",
    "bytes": b"bytes",
    "a list": [1],
    "a mapping": {"a": 1},
    "a set": {1},
    "an object": object(),
    "an array": np.zeros((3, 2)),
    "a flat array": np.array([1, 2]),
    "a type": int,
    "a series": pd.Series([1, 2]),
    "a frame of nothing": pd.DataFrame(),
    "a frame of numbers": pd.DataFrame(np.zeros((2, 2))),
    "a frame with a column twice": pd.DataFrame([[1, 2]], columns=["x", "x"]),
    "a frame of two levels": pd.DataFrame({("a", "b"): [1]}),
}
CALLS: dict[str, Callable[[nnfit.Model, Any], object]] = {
    "train(spec)": lambda model, x: nnfit.train(x, table()),
    "train(data)": lambda model, x: nnfit.train(SPEC, x),
    "train(validation)": lambda model, x: nnfit.train(SPEC, table(), validation=x),
    "train(test)": lambda model, x: nnfit.train(SPEC, table(), test=x),
    "train(overrides)": lambda model, x: nnfit.train(SPEC, table(), overrides=x),
    "train(an override)": lambda model, x: nnfit.train(SPEC, table(), overrides={"training.epochs": x}),
    "train(an option)": lambda model, x: nnfit.train(SPEC, table(), overrides=[x]),
    "train(threads)": lambda model, x: nnfit.train(SPEC, table(), threads=x),
    "train(resume)": lambda model, x: nnfit.train(SPEC, table(), resume=x),
    "load": lambda model, x: nnfit.load(x),
    "predict": lambda model, x: model.predict(x),
    "predict_proba": lambda model, x: model.predict_proba(x),
    "evaluate": lambda model, x: model.evaluate(x),
    "predict(unknown)": lambda model, x: model.predict(table(), x),
    "evaluate(unknown)": lambda model, x: model.evaluate(table(), x),
    "a spec of it": lambda model, x: nnfit.train(nnfit.Spec(data=x, network=x), table()),
    "a seed of it": lambda model, x: nnfit.train(replace(model.spec, seed=x), table()),
}


@pytest.fixture(scope="module")
def result() -> nnfit.Result:
    return nnfit.train(SPEC, table())


@pytest.mark.parametrize("call", CALLS)
def test_whatever_stands_for_an_argument_is_taken_or_told_in_a_sentence(
    result: nnfit.Result, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = 0
    for name, value in WRONG.items():
        try:
            CALLS[call](result.model, value)
        except nnfit.NnfitError as error:
            refused += 1
            assert error.exit_code > 1, name
            assert 10 < len(str(error)) < 1000, name
    assert refused >= 10


@pytest.mark.parametrize("name", [name for name, value in WRONG.items() if not isinstance(value, str)])
def test_a_model_is_saved_to_a_path_alone(result: nnfit.Result, name: str) -> None:
    with pytest.raises(UsageError, match="a model is named by its path, not by "):
        result.model.save(WRONG[name])


def test_an_array_in_place_of_a_frame_is_told_so(result: nnfit.Result) -> None:
    for method in (result.model.predict, result.model.predict_proba, result.model.evaluate):
        with pytest.raises(
            DataError, match=r"expected a pandas DataFrame, got ndarray; pandas.DataFrame\(…\) makes one"
        ):
            method(np.zeros((3, 4)))  # type: ignore[operator]


def test_a_model_a_spec_and_a_result_are_shown_in_a_line(result: nnfit.Result) -> None:
    model = "<nnfit.Model: y (binary) from 4 columns, 14 → 3 → 2 → 1 neurons, 2 members>"
    assert repr(result.model) == model
    assert repr(result.model.spec) == "<nnfit.Spec: y from <DataFrame>, 3 → 2 → 1 neurons>"
    doubts = f"{len(result.warnings)} warning{'s' * (len(result.warnings) != 1)}"
    assert repr(result) == f"<nnfit.Result: {model} after 2 epochs, metrics of train, validation, test; {doubts}>"
    spec = result.model.spec
    layers = spec.network.layers[:1] * 3000
    hostile = replace(
        spec,
        data=replace(spec.data, target=("\x1b[31m" + "x" * 999,) * 999, train="\n" * 999),
        network=replace(spec.network, layers=layers),
    )
    assert repr(hostile).isprintable()
    assert len(repr(hostile)) < 900
    assert repr(nnfit.Spec(data=5, network=None)) == "<nnfit.Spec: not checked>"  # type: ignore[arg-type]
