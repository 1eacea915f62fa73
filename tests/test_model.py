"""A model file holds everything a prediction needs, opens with plain NumPy, and damage never passes for a model."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnfit
from nnfit.data.reader import Reader
from nnfit.errors import DataError, ModelFileError
from nnfit.model import Model
from nnfit.prediction import stream

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
    pd.testing.assert_frame_equal(first.predict(frame, proba=True), second.predict(frame, proba=True))


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
    training = nnfit.load(path).features[0]
    mean, sd = training.fitted[3], training.fitted[4]
    with np.load(path) as archive:
        theta_1, theta_2 = archive["theta_1"].astype(float), archive["theta_2"].astype(float)
    x = np.array([[1, (v - mean) / sd, 0, c == "1", c == "2"] for v, c in frame.to_numpy()], float)
    probabilities = []
    for first, second in zip(theta_1, theta_2, strict=True):
        z = x @ first.T
        a = np.hstack([np.ones((2, 1)), np.tanh(z[:, :2]), np.maximum(z[:, 2:], 0)])
        e = np.exp(a @ second.T)
        probabilities.append(e / e.sum(axis=1, keepdims=True))
    found = nnfit.load(path).predict(frame, proba=True)
    np.testing.assert_allclose(found.iloc[:, 1:].astype(float), np.mean(probabilities, axis=0), atol=1e-6)


def test_the_metadata_say_where_the_model_comes_from(path: Path, tmp_path: Path) -> None:
    with np.load(path, allow_pickle=False) as archive:
        assert archive["metadata"].dtype == np.uint8
        metadata = json.loads(archive["metadata"].tobytes())
    assert {
        *("format", "spec", "classes", "columns", "metrics", "history", "versions", "threads", "seed", "data_sha256")
    } <= set(metadata)
    assert metadata["spec"]["training"]["optimizer"]["beta1"] == 0.9  # a default, filled in
    assert metadata["spec"]["network"]["input"] == 4
    assert metadata["classes"] == ["p", "q", "r"]
    assert [column["name"] for column in metadata["columns"]] == ["x", "code"]
    assert set(metadata["metrics"]) == {"train", "test"}
    assert len(metadata["history"]["cost"]) == 20
    assert metadata["versions"]["nnfit"] == nnfit.__version__
    assert metadata["versions"]["numpy"] == np.__version__
    assert (metadata["threads"], metadata["seed"]) == (1, 4)
    assert metadata["data_sha256"] == sha256(CSV.encode()).hexdigest()


def test_a_model_that_cannot_be_saved_leaves_the_old_file(model: Model, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(nnfit.NnfitError, match="cannot be written"):
        model.save(path.parent / "none" / "m.npz")
    with pytest.raises(ValueError, match="JSON"):
        Model(**{**vars(model), "record": {"metrics": float("nan")}}).save(path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["data.csv", "m.npz", "spec.yaml"]


# --- damage --------------------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        nnfit.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_what_is_no_model_file_is_refused(path: Path, tmp_path: Path) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("hello.txt", "hello")
    array, arrays = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(3))
    np.savez(arrays, theta_1=np.zeros((1, 2, 3)), metadata=np.frombuffer(b"{}", np.uint8))
    for data in (
        *(b"", b"\n", b"x,y\n1,2\n", bytes(range(256)) * 20, b"PK\x03\x04", SPEC.encode()),
        *(other.getvalue(), array.getvalue(), arrays.getvalue()),
    ):
        path.write_bytes(data)
        refused(path)


def test_a_folder_and_a_file_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert refused(tmp_path / "none.npz") == f"{tmp_path / 'none.npz'}: cannot be read: No such file or directory"


def test_a_truncated_file_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for size in {*range(0, len(data), 97), len(data) - 1}:
        path.write_bytes(data[:size])
        refused(path)


@pytest.fixture(scope="session")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "m.npz"


@given(data=st.data(), value=st.sampled_from([0, 1, 9, 63, 99, 255]))
def test_a_damaged_file_is_refused_or_gives_the_same_weights(
    flower_model_bytes: bytes, damaged: Path, data: st.DataObject, value: int
) -> None:
    start = flower_model_bytes.find(b"PK\x01\x02")  # the zip directory, where damage has the oddest effects
    place = data.draw(st.integers(0, len(flower_model_bytes) - 1) | st.integers(start, len(flower_model_bytes) - 1))
    damaged.write_bytes(flower_model_bytes)
    whole = nnfit.load(damaged)
    damaged.write_bytes(flower_model_bytes[:place] + bytes([value]) + flower_model_bytes[place + 1 :])
    try:
        found = nnfit.load(damaged)
    except ModelFileError:
        return
    np.testing.assert_array_equal(found.theta, whole.theta)


class Trap:
    """An object whose pickle makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_a_pickle_in_the_file_is_refused_and_not_run(path: Path, tmp_path: Path) -> None:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(path, **{**arrays, "theta_1": np.array([Trap(tmp_path / "sprung")], object)}, allow_pickle=True)
    refused(path)
    assert not (tmp_path / "sprung").exists()


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Change the arrays and the metadata of a model file."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    metadata = json.loads(arrays["metadata"].tobytes())
    change(arrays, metadata)
    if "metadata" in arrays:
        arrays["metadata"] = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    np.savez(path, **arrays)


CHANGES: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "an array is missing": lambda arrays, metadata: arrays.pop("theta_2"),
    "the metadata are missing": lambda arrays, metadata: arrays.pop("metadata"),
    "the weights have another shape": lambda arrays, metadata: arrays.update(theta_1=arrays["theta_1"][:, :, :-1]),
    "the weights have another type": lambda arrays, metadata: arrays.update(theta_1=arrays["theta_1"].astype(float)),
    "the weights belong to fewer members": lambda arrays, metadata: arrays.update(theta_1=arrays["theta_1"][:1]),
    "the format is of another time": lambda arrays, metadata: metadata.update(format=2),
    "the spec is missing": lambda arrays, metadata: metadata.pop("spec"),
    "a column is missing": lambda arrays, metadata: metadata["columns"].pop(),
    "a class is missing": lambda arrays, metadata: metadata["classes"].pop(),
    "the activation is unknown": lambda arrays, metadata: metadata["spec"]["network"]["layers"][1].update(
        activation={"name": "sine"}
    ),
    "the loss is unknown": lambda arrays, metadata: metadata["spec"].update(loss="hinge"),
    "there are very many members": lambda arrays, metadata: metadata["spec"]["network"].update(members=10**12),
    "a layer is very large": lambda arrays, metadata: metadata["spec"]["network"].update(input=10**30),
    "the metrics are missing": lambda arrays, metadata: metadata.pop("metrics"),
    "the history is missing": lambda arrays, metadata: metadata.pop("history"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_whose_parts_do_not_agree_is_refused(path: Path, change: str) -> None:
    rewritten(path, CHANGES[change])
    refused(path)


def test_the_format_of_another_version_is_named(path: Path) -> None:
    rewritten(path, CHANGES["the format is of another time"])
    assert refused(path) == f"{path}: model format 2; this nnfit reads 1"


# --- predictions ---------------------------------------------------------------------------------------------------


def test_columns_are_matched_by_name_and_others_ignored(path: Path) -> None:
    model = nnfit.load(str(path))
    frame = pd.DataFrame({"x": [1.0, 2.0, 5.0], "code": ["1", "2", "1"]})
    expected = model.predict(frame, proba=True)
    extra = frame.assign(y="nonsense", note=[[1, 2], {}, None], other=object())
    pd.testing.assert_frame_equal(model.predict(extra[["note", "code", "other", "y", "x"]], proba=True), expected)
    twice = pd.concat([frame, pd.DataFrame({"z": [1, 2, 3]}), pd.DataFrame({"z": [4, 5, 6]})], axis=1)
    pd.testing.assert_frame_equal(model.predict(twice, proba=True), expected)


def test_every_missing_column_is_listed(path: Path) -> None:
    model = nnfit.load(path)
    for frame in (pd.DataFrame({"y": [1]}), pd.DataFrame({"y": []})):
        with pytest.raises(DataError) as caught:
            model.predict(frame)
        assert "columns missing: x, code" in str(caught.value)


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
    with_gap = model.predict(pd.DataFrame({"x": [missing, 3], "code": ["1", "1"]}, dtype=object), proba=True)
    theta_1 = model.theta[:, :25].reshape(3, 5, 5)
    assert (theta_1[:, :, 2] != 0).all()  # the weights of the indicator
    filled = model.predict(pd.DataFrame({"x": [model.features[0].fitted[0], 3], "code": ["1", "1"]}), proba=True)
    assert not np.allclose(with_gap.iloc[0, 1:].astype(float), filled.iloc[0, 1:].astype(float))
    pd.testing.assert_series_equal(with_gap.iloc[1], filled.iloc[1])


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "Int64", "object", "string"])
def test_the_type_of_a_numeric_column_does_not_matter(path: Path, kind: str) -> None:
    model = nnfit.load(path)
    frame = pd.DataFrame({"x": [1, 4], "code": ["1", "2"]})
    found = model.predict(frame.astype({"x": kind}), proba=True)
    pd.testing.assert_frame_equal(found, model.predict(frame, proba=True))


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
    written = b"".join(stream(model, reader, True, [], "error", lambda text: None))
    reader.close()
    found = model.predict(pd.read_csv(tmp_path / "data.csv"), proba=True)
    pd.testing.assert_frame_equal(found, pd.read_csv(io.BytesIO(written)), check_dtype=False)


def test_members_are_averaged(path: Path) -> None:
    model = nnfit.load(path)
    frame = pd.DataFrame({"x": [1, 4], "code": ["1", "2"]})
    alone = []
    for member in range(3):
        spec = {**model.spec, "network": {**model.spec["network"], "members": 1}}
        single = Model(**{**vars(model), "spec": spec, "theta": model.theta[member : member + 1]})
        alone.append(single.predict(frame, proba=True).iloc[:, 1:].astype(float))
    assert not np.allclose(alone[0], alone[1])
    found = model.predict(frame, proba=True).iloc[:, 1:].astype(float)
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-6)
