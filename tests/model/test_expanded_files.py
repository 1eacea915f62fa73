"""Model files with columns that stand beside steps and waves of themselves: read as written, or refused."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import trained_bytes
from model_files import closed, loaded, opened, refused, within_limits

import nnfit
from nnfit.errors import ModelFileError, NnfitError
from nnfit.model.model import Model

SPEC = """\
data:
  train: data.csv
  target: y
  columns:
    x: {piecewise: 4, periodic: 2, amplitude: 0.5}
    z: {piecewise: 3, degree: 2, scale: robust, log1p: true}
    q: {periodic: 1, frequency: 2, scale: none}
network: {layers: [{size: 3, activation: tanh}, {size: auto, activation: linear}], initialization: {data_driven: true}}
training: {epochs: 3, batch_size: 8}
"""
CSV = "x,z,q,y\n" + "".join(f"{i * 7 % 23},{'' if i % 9 == 2 else i * i},{i % 2},{i % 11}\n" for i in range(40))
FIRST = 5  # of input_fitted the knots of x begin here: behind fill, range, mean and deviation


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, train: Callable[..., Model]) -> bytes:
    return trained_bytes(tmp_path_factory.mktemp("expanded"), train, SPEC, CSV)


def changed(data: bytes, *places: tuple[int, float]) -> bytes:
    """The file with other numbers fitted."""
    arrays, metadata = opened(data)
    fitted = arrays["input_fitted"].copy()
    for at, value in places:
        fitted[at] = value
    return closed({**arrays, "input_fitted": fitted}, metadata)


def said(data: bytes, name: str, **keys: Any) -> bytes:
    """The file with other options of a column, in the spec and beside what is fitted; None takes a key away."""
    arrays, metadata = opened(data)
    entry = next(each for each in metadata["columns"] if each["name"] == name)
    for options in (entry["options"], metadata["spec"]["data"]["columns"][name]):
        options.update(keys)
    return closed(arrays, metadata)


FRAME = pd.read_csv(io.StringIO(CSV))
FAR = pd.DataFrame({"x": [-1e9, 5.5, 1e30], "z": [1e300, np.nan, -1e12], "q": [0.5, -3, 7.0]})


@pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")
def test_a_model_that_is_saved_and_read_again_predicts_the_same_bits(data: bytes, tmp_path: Path) -> None:
    model = loaded(data)
    model.save(tmp_path / "m.npz")
    again = nnfit.load(tmp_path / "m.npz")
    assert again.to_bytes() == data
    assert [feature.inputs for feature in again.features] == [feature.inputs for feature in model.features]
    for rows in (FRAME, FAR):
        found = model.predict(rows).to_numpy()
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(again.predict(rows).to_numpy(), found)


def test_what_is_fitted_are_the_quantiles_as_they_are_in_the_table(data: bytes) -> None:
    arrays, metadata = opened(data)
    assert [column["fitted"] for column in metadata["columns"]] == [3 + 2 + 5, 3 + 2 + 4, 3]
    np.testing.assert_allclose(
        arrays["input_fitted"][FIRST : FIRST + 5], np.quantile(FRAME["x"], [0, 0.25, 0.5, 0.75, 1])
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: changed(data, (FIRST, 9.0), (FIRST + 1, 3.0)), 'column "x": the knots do not rise'),
        (lambda data: changed(data, (FIRST + 4, -1e9)), 'column "x": the knots do not rise'),
        (lambda data: changed(data, (FIRST + 1, np.nan)), "input_fitted: holds values that"),
        (lambda data: changed(data, (FIRST + 4, np.inf)), "input_fitted: holds values that"),
        # Of knots that are one there are fewer steps, and the weights are of more inputs.
        (lambda data: changed(data, (FIRST + 1, 0.0)), "the columns do not fit the network"),
        (lambda data: changed(data, (FIRST + 4, 1e300)), "the columns do not fit the network"),
        (lambda data: said(data, "x", piecewise=5), 'column "x": it has 10 fitted values, not 11'),
        (lambda data: said(data, "x", piecewise=None), 'column "x": it has 10 fitted values, not 5'),
        (lambda data: said(data, "x", periodic=3), "the columns do not fit the network"),
        (lambda data: said(data, "q", periodic=None), "the columns do not fit the network"),
        (lambda data: said(data, "q", periodic=10**6), "spec.data.columns.q.periodic: is not what nnfit writes"),
        (lambda data: said(data, "q", periodic=500), "the columns do not fit the network"),
        (lambda data: said(data, "x", piecewise=1), "spec.data.columns.x.piecewise: is not what nnfit writes"),
        (lambda data: said(data, "x", piecewise=4.0), "is not"),
        (lambda data: said(data, "x", amplitude=0.0), "spec.data.columns.x.amplitude: is not what nnfit writes"),
        (lambda data: said(data, "x", amplitude=1e300), "spec.data.columns.x.amplitude: is not what nnfit writes"),
        (lambda data: said(data, "x", frequency=-1.0), "spec.data.columns.x.frequency: is not what nnfit writes"),
        (lambda data: said(data, "x", amplitude=10**400), "amplitude: is not what nnfit writes"),
        (lambda data: said(data, "x", piecewise=None, bins=4), 'column "x": bins stand in place of the value'),
        (lambda data: said(data, "q", bins=2), 'column "q": it has 3 fitted values, not 6'),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(data: bytes, change: Callable[[bytes], bytes], message: str) -> None:
    assert message in refused(change(data))


def test_a_file_that_asks_for_very_many_waves_is_refused_before_they_are_made(
    train: Callable[..., Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{i}" for i in range(1500)]
    spec = (
        "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: 1, activation: linear}]}\n"
        "training: {epochs: 0, baseline: false}\n"
    )
    rows = ["".join(f"{(i * k) % 17}," for i in range(1, 1501)) + f"{k}\n" for k in range(1, 6)]
    arrays, metadata = opened(trained_bytes(tmp_path, train, spec, ",".join([*names, "y\n"]) + "".join(rows)))
    for column in metadata["columns"]:
        asked = {"periodic": 500, "frequency": 0.3 + len(column["name"]) / 7}
        column["options"].update(asked)
        metadata["spec"]["data"]["columns"][column["name"]].update(asked)
    path = tmp_path / "m.npz"
    path.write_bytes(closed(arrays, metadata))
    monkeypatch.setattr("nnfit.data.numeric.frequencies", lambda *_: pytest.fail("waves were made"))
    assert "the columns do not fit the network" in within_limits(path)


def test_a_file_of_the_same_shape_with_other_knots_predicts_by_those(data: bytes) -> None:
    other = loaded(changed(data, (FIRST + 1, 6.0)))
    assert not np.allclose(other.predict(FRAME), loaded(data).predict(FRAME), atol=1e-9)


@pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")
def test_numbers_of_any_kind_in_a_file_end_in_a_prediction_or_in_words(data: bytes) -> None:
    rng = random.Random(0)
    kinds = [0.0, -0.0, 5e-324, -1e-310, 1e-30, 1.0, 1e30, -1e38, 1e39, 1e150, 1e300, -1.7e308]
    size = len(opened(data)[0]["input_fitted"])
    predicted = 0
    for _ in range(400):
        places = [(rng.randrange(size), rng.choice(kinds)) for _ in range(rng.randint(1, 4))]
        try:
            model = loaded(changed(data, *places))
            predicted += bool(np.isfinite(model.predict(FRAME).to_numpy()).all())
            model.predict(FAR)
        except NnfitError as error:
            assert str(error)
            assert isinstance(error, ModelFileError) or "beyond what float32 can hold" in str(error)
    assert predicted > 50
