"""A model file holds everything a prediction needs and opens with plain NumPy."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.data.reader import Reader
from nnfit.data.writing import Form, write
from nnfit.errors import DataError, UsageError
from nnfit.model.model import Model
from nnfit.model.prediction import predictions

Train = Callable[..., Model]

SPEC = """\
data: {train: data.csv, target: y, test: 0.2, columns: {code: {type: categorical}}}
network:
  layers:
    - {size: 5, activation: [{name: tanh, size: 2}, {name: relu, size: 3}]}
    - {size: auto, activation: softmax}
  members: 3
training: {epochs: 20, batch_size: 8, optimizer: {name: adam, learning_rate: 0.03}}
seed: 4
"""
CSV = "x,code,y\n" + "".join(f"{'' if i % 7 == 0 else i % 6},{i % 2 + 1},{'pqr'[i % 3]}\n" for i in range(40))


@pytest.fixture
def model(trained: Train) -> Model:
    return trained(SPEC, CSV)


@pytest.fixture
def path(model: Model, tmp_path: Path) -> Path:
    model.save(tmp_path / "m.npz")
    return tmp_path / "m.npz"


# --- the file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "more"),
    [
        ("softmax", ()),
        ("logistic", ("data.columns={y: {type: categorical}, code: {type: categorical}}",)),
        ("{name: linear, k: 2}", ("loss=mse", "network.dtype=float64", "data.missing=[NA]")),
        ("tanh", ("loss=mse", "training.epochs=0")),
    ],
)
def test_a_model_that_is_read_back_writes_the_same_bytes(
    trained: Train, tmp_path: Path, output: str, more: tuple[str, ...]
) -> None:
    text = SPEC.replace("softmax", output)
    first = trained(text, CSV, *more)
    first.save(tmp_path / "first.npz")
    second = nnfit.load(tmp_path / "first.npz")
    second.save(str(tmp_path / "second.npz"))
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    frame = pd.read_csv(tmp_path / "data.csv")
    pd.testing.assert_frame_equal(first.predict_proba(frame), second.predict_proba(frame))


def test_plain_numpy_opens_the_file_and_finds_the_weights_with_the_bias_first(trained: Train, tmp_path: Path) -> None:
    spec = SPEC.replace("members: 3", "members: 3\n  initialization: {bias: 0.25}")
    trained(spec, CSV, "training.epochs=0").save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as archive:
        theta_1, theta_2 = archive["theta_1"], archive["theta_2"]
        assert "theta_3" not in archive.files
    assert theta_1.shape == (3, 5, 4 + 1)  # x, whether x is missing, and two codes
    assert theta_2.shape == (3, 3, 5 + 1)
    assert theta_1.dtype == np.float32
    for theta in (theta_1, theta_2):
        assert (theta[:, :, 0] == 0.25).all()
        assert (theta[:, :, 1:] != 0.25).all()


def test_the_weights_of_the_file_are_those_of_the_prediction(path: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [2.0, 4.0], "code": ["1", "2"]})
    mean, sd = nnfit.load(path).features[0].fitted.scale
    with np.load(path) as archive:
        theta_1, theta_2 = archive["theta_1"].astype(float), archive["theta_2"].astype(float)
    x = np.array([[1, (v - mean) / sd, 0, c == "1", c == "2"] for v, c in frame.to_numpy()], float)
    probabilities = []
    for first, second in zip(theta_1, theta_2, strict=True):
        z = x @ first.T
        a = np.hstack([np.ones((2, 1)), np.tanh(z[:, :2]), np.maximum(z[:, 2:], 0)])
        e = np.exp(a @ second.T)
        probabilities.append(e / e.sum(axis=1, keepdims=True))
    found = nnfit.load(path).predict_proba(frame)
    np.testing.assert_allclose(found.astype(float), np.mean(probabilities, axis=0), atol=1e-6)


def test_the_metadata_say_where_the_model_comes_from(path: Path, tmp_path: Path) -> None:
    with np.load(path, allow_pickle=False) as archive:
        assert archive["metadata"].dtype == np.uint8
        metadata = json.loads(archive["metadata"].tobytes())
    assert {
        *(
            "format",
            "spec",
            "classes",
            "columns",
            "metrics",
            "history",
            "versions",
            "blas_threads",
            "seed",
            "data_sha256",
        )
    } <= set(metadata)
    assert metadata["spec"]["training"]["optimizer"]["beta1"] == 0.9  # a default, filled in
    assert metadata["spec"]["network"]["input"] == 4
    assert metadata["classes"] == ["p", "q", "r"]
    assert [column["name"] for column in metadata["columns"]] == ["x", "code"]
    assert set(metadata["metrics"]) == {"train", "test"}
    assert len(metadata["history"]["cost"]) == 20
    assert metadata["versions"]["nnfit"] == nnfit.__version__
    assert metadata["versions"]["numpy"] == np.__version__
    assert (metadata["blas_threads"], metadata["seed"]) == (1, 4)
    assert metadata["data_sha256"] == sha256(CSV.encode()).hexdigest()


def test_a_model_that_cannot_be_saved_leaves_the_old_file(model: Model, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(nnfit.NnfitError, match="cannot be written"):
        model.save(path.parent / "none" / "m.npz")
    with pytest.raises(ValueError, match="JSON"):
        Model(**{**vars(model), "record": {"metrics": float("nan")}}).save(path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["data.csv", "m.npz", "spec.yaml"]


# --- predictions ---------------------------------------------------------------------------------------------------


def test_columns_are_matched_by_name_and_others_ignored(path: Path) -> None:
    model = nnfit.load(str(path))
    frame = pd.DataFrame({"x": [1.0, 2.0, 5.0], "code": ["1", "2", "1"]})
    expected = model.predict_proba(frame)
    extra = frame.assign(y="nonsense", note=[[1, 2], {}, None], other=object())
    pd.testing.assert_frame_equal(model.predict_proba(extra[["note", "code", "other", "y", "x"]]), expected)
    twice = pd.concat([frame, pd.DataFrame({"z": [1, 2, 3]}), pd.DataFrame({"z": [4, 5, 6]})], axis=1)
    pd.testing.assert_frame_equal(model.predict_proba(twice), expected)


def test_every_missing_column_is_listed(path: Path) -> None:
    model = nnfit.load(path)
    for frame in (pd.DataFrame({"y": [1]}), pd.DataFrame({"y": []})):
        with pytest.raises(DataError) as caught:
            model.predict(frame)
        assert str(caught.value) == "frame: columns missing: x, code"


def test_a_column_that_is_there_twice_is_refused(path: Path) -> None:
    frame = pd.DataFrame([[1, 2, "1"]], columns=["x", "x", "code"])
    with pytest.raises(DataError, match="x"):
        nnfit.load(path).predict(frame)


def test_the_index_is_kept(path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2], "code": ["1", "2"]}, index=pd.Index(["u", "v"], name="who"))
    pd.testing.assert_index_equal(nnfit.load(path).predict(frame).index, frame.index)


def test_a_frame_without_rows_has_no_predictions_or_is_refused(path: Path) -> None:
    frame = pd.DataFrame({"x": [], "code": []})
    try:
        found = nnfit.load(path).predict(frame)
    except DataError:
        return
    assert found.shape == (0, 1)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, ""])
def test_what_is_missing_in_a_frame_is_missing(path: Path, missing: object) -> None:
    model = nnfit.load(path)
    with_gap = model.predict_proba(pd.DataFrame({"x": [missing, 3], "code": ["1", "1"]}, dtype=object))
    theta_1 = model.theta[:, :25].reshape(3, 5, 5)
    assert (theta_1[:, :, 2] != 0).all()  # the weights of the indicator
    filled = model.predict_proba(pd.DataFrame({"x": [model.features[0].fitted.fill, 3], "code": ["1", "1"]}))
    assert not np.allclose(with_gap.iloc[0].astype(float), filled.iloc[0].astype(float))
    pd.testing.assert_series_equal(with_gap.iloc[1], filled.iloc[1])


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "Int64", "object", "string"])
def test_the_type_of_a_numeric_column_does_not_matter(path: Path, kind: str) -> None:
    model = nnfit.load(path)
    frame = pd.DataFrame({"x": [1, 4], "code": ["1", "2"]})
    found = model.predict_proba(frame.astype({"x": kind}))
    pd.testing.assert_frame_equal(found, model.predict_proba(frame))


@pytest.mark.parametrize("value", ["many", np.inf, "inf", True])
def test_what_is_no_number_in_a_frame_is_refused(path: Path, value: object) -> None:
    frame = pd.DataFrame({"x": [1, value], "code": ["1", "2"]}, dtype=object)
    with pytest.raises(DataError, match='column "x": expected'):
        nnfit.load(path).predict(frame)


@pytest.mark.parametrize(
    ("x", "code"),
    [("{i}", "{two}"), ("{half}", "a{two}"), ("{gap}", "{two}"), ("{marker}", "{two}"), ("{i}", "{gaps}")],
    ids=["whole numbers", "halves", "numbers with gaps", "a number that means missing", "coded categories with gaps"],
)
def test_a_frame_that_pandas_reads_gets_the_predictions_of_the_command(
    trained: Train, tmp_path: Path, x: str, code: str
) -> None:
    rows = "x,code,y\n" + "".join(
        f"{x},{code},{'pqr'[i % 3]}\n".format(
            i=i,
            half=i / 2,
            two=i % 2,
            gap="" if i % 5 == 0 else i,
            gaps="" if i % 5 == 0 else i % 2,
            marker=-999 if i % 5 == 0 else i / 2,
        )
        for i in range(40)
    )
    model = trained(SPEC, rows, 'data.missing=["-999"]')
    reader = Reader(str(tmp_path / "data.csv"), model.dialect)
    written: list[bytes] = []
    write(predictions(model, reader, True, [], "error", lambda text: None), Form(), written.append)
    reader.close()
    frame = pd.read_csv(tmp_path / "data.csv")
    found = pd.concat([model.predict(frame), model.predict_proba(frame)], axis=1)
    pd.testing.assert_frame_equal(found, pd.read_csv(io.BytesIO(b"".join(written))), check_dtype=False)


def test_members_are_averaged(path: Path) -> None:
    model = nnfit.load(path)
    frame = pd.DataFrame({"x": [1, 4], "code": ["1", "2"]})
    alone = []
    for member in range(3):
        spec = replace(model.spec, network=replace(model.spec.network, members=1))
        single = Model(**{**vars(model), "spec": spec, "theta": model.theta[member : member + 1]})
        alone.append(single.predict_proba(frame).astype(float))
    assert not np.allclose(alone[0], alone[1])
    found = model.predict_proba(frame).astype(float)
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-6)


# --- as an object --------------------------------------------------------------------------------------------------


def test_a_model_round_trips_through_pickle(model: Model) -> None:
    assert pickle.loads(pickle.dumps(model)).to_bytes() == model.to_bytes()


def test_a_model_is_shown_in_a_line(model: Model) -> None:
    assert repr(model) == "<nnfit.Model: y (multinomial) from 2 columns, 4 → 5 → 3 neurons, 3 members>"


def test_probabilities_have_their_columns_and_the_index_of_the_frame(model: Model) -> None:
    frame = pd.DataFrame({"x": [1, 4], "code": ["1", "2"]}, index=["one", "two"])
    found = model.predict_proba(frame)
    assert found.columns.tolist() == ["probability_p", "probability_q", "probability_r"]
    assert model.predict(frame).columns.tolist() == ["prediction"]
    assert found.index.tolist() == model.predict(frame).index.tolist() == ["one", "two"]
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_real_target_has_no_probabilities(trained: Train, tmp_path: Path) -> None:
    model = trained(SPEC.replace("softmax", "linear").replace("target: y", "target: x"), CSV.replace("\n,", "\n7,"))
    with pytest.raises(DataError, match="no probabilities"):
        model.predict_proba(pd.read_csv(tmp_path / "data.csv"))


def test_evaluate_gives_the_metrics_that_the_command_prints(
    run: Callable[..., Any], model: Model, path: Path, tmp_path: Path
) -> None:
    found = model.evaluate(pd.read_csv(tmp_path / "data.csv"))
    assert found == json.loads(run("evaluate", path, tmp_path / "data.csv", "--json").out)["metrics"]["data"]


def test_evaluate_computes_the_outputs_once(
    model: Model, path: Path, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, own = [], Model.outputs
    monkeypatch.setattr(Model, "outputs", lambda self, *a: calls.append(a) or own(self, *a))
    model.evaluate(pd.read_csv(tmp_path / "data.csv"))
    assert len(calls) == 1
    assert run("evaluate", path, tmp_path / "data.csv").code == 0  # with the intervals
    assert len(calls) == 2


@pytest.mark.parametrize("what", [np.ones((2, 2)), [[1, 2]], None])
def test_what_is_no_frame_is_refused_in_words(model: Model, what: object) -> None:
    for method in (model.predict, model.predict_proba, model.evaluate):
        with pytest.raises(DataError, match="expected a pandas DataFrame, got "):
            method(what)


@pytest.mark.parametrize("what", [None, 3, io.BytesIO()])
def test_what_is_no_path_is_refused_in_words(model: Model, what: object) -> None:
    for act in (nnfit.load, model.save):
        with pytest.raises(UsageError, match="a model is named by its path, not by "):
            act(what)


def test_unknown_categories_are_refused_with_a_remedy_for_python(model: Model) -> None:
    frame = pd.DataFrame({"x": [1.0], "code": ["7"]})
    with pytest.raises(DataError) as caught:
        model.predict(frame)
    assert caught.value.remedy == 'correct the cells, or take them as zeros with unknown="zero"'
    with pytest.warns(nnfit.NnfitWarning, match="taken as zeros"):
        assert len(model.predict(frame, unknown="zero")) == 1
    with pytest.raises(UsageError, match='unknown must be "error" or "zero", not \'bogus\''):
        model.predict(frame, unknown="bogus")
