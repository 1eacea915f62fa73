"""Metadata that contradict themselves, the schema of specs or the arrays are refused; so are those out of bounds."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import trained_bytes
from model_files import RICH_CSV, closed, loaded, opened, refused, seconds, within_limits

from nnfit.model.model import Model
from nnfit.version import __version__

Change = Callable[[dict[str, Any], dict[str, Any]], object]


def put(*path: Any) -> Change:
    """A change of one value of the metadata: the last of the path, at the place that the others lead to."""
    *keys, key, value = path

    def change(arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
        place = metadata
        for part in keys:
            place = place[part]
        place[key] = value

    return change


def drop(*path: Any) -> Change:
    *keys, key = path

    def change(arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
        place = metadata
        for part in keys:
            place = place[part]
        del place[key]

    return change


def array(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda arrays, metadata: arrays.update({name: change(arrays[name])})


LAYERS = ("spec", "network", "layers")
CHANGES: list[tuple[str, Change, str]] = [
    ("no weights", lambda a, m: [a.pop("theta_1"), a.pop("theta_2")], "theta_1: is missing"),
    ("no means", lambda a, m: a.pop("target_mean"), "target_mean: is missing"),
    ("a layer of weights too few", lambda a, m: a.pop("theta_2"), "the spec has 2 layers"),
    ("a layer of weights too many", lambda a, m: a.update(theta_3=a["theta_2"]), "the spec has 2 layers"),
    ("another order", lambda a, m: a.update(theta_1=a.pop("theta_1")), "the spec has 2 layers"),
    ("other shape", array("theta_1", lambda x: x[:, :, :-1]), "theta_1: is float32 (2, 5, 18), not"),
    ("weights turned round", array("theta_2", lambda x: x.transpose(0, 2, 1)), "theta_2: is float32"),
    ("another type", array("theta_1", lambda x: x.astype(float)), "theta_1: is float64"),
    ("fewer members", array("theta_1", lambda x: x[:1]), "theta_1: is float32 (1, 5, "),
    ("a weight that is not finite", array("theta_2", lambda x: x + np.inf), "theta_2: holds values that"),
    ("a value fitted too many", array("input_fitted", lambda x: np.append(x, 1.0)), "fitted values, the file"),
    ("a value fitted too few", array("input_fitted", lambda x: x[:-1]), "fitted values, not"),
    ("a deviation of 0", array("input_fitted", lambda x: x * 0), "a deviation is not above 0"),
    ("a date that is none", array("input_fitted", lambda x: np.where(np.arange(len(x)) == 14, 1e9, x)), "is no date"),
    ("a deviation of dates of 0", array("input_fitted", lambda x: np.where(np.arange(len(x)) == 18, 0, x)),
        'column "day": a deviation is not above 0'),
    ("a format in floats", put("format", 1.0), "not given as nnfit writes it"),
    ("another format in floats", put("format", 2.0), "not given as nnfit writes it"),
    ("a count in floats", put("columns", 0, "fitted", 5.0), "not given as nnfit writes it"),
    ("a prior beyond floats", put("prior", 0, 10**400), "prior.0: is not what nnfit writes"),
    ("a cost beyond floats", put("history", "cost", 0, 10**400), "history.cost.0: is not what nnfit writes"),
    ("bounds beyond floats", put("target", "bounds", [[0, 10**400]]), "target.bounds.0.1: is not what nnfit writes"),
    ("a mean for classes", array("target_mean", lambda x: np.ones(1)), "must hold 0 values"),
    ("no spec", drop("spec"), "spec: is missing"),
    ("no data in the spec", drop("spec", "data"), "spec.data: is missing"),
    ("a list for the spec", put("spec", []), "spec: is not what nnfit writes"),
    ("such a key in the spec", put("spec", "training", "class", "os.system"), 'training.class: there is no "class"'),
    ("a number as text", put("spec", "network", "members", "2"), "spec.network.members: is not what nnfit writes"),
    ("a whole number as another", put("spec", "network", "members", 2.0), "given as nnfit writes it"),
    ("a switch as a number", put("spec", "data", "columns", "x", "log1p", 0), "log1p: is not what nnfit writes"),
    ("an alias", put("spec", "loss", "CE"), "given as nnfit writes it"),
    ("no loss", put("spec", "loss", None), "the size of every layer must be given"),
    ("an unknown loss", put("spec", "loss", "hinge"), 'spec.loss: there is no "hinge"'),
    ("a loss that does not fit", put(*LAYERS, 1, "activation", {"name": "linear", "k": 1.0}), "cannot follow linear"),
    ("an unknown activation", put(*LAYERS, 1, "activation", "name", "sine"), 'activation: there is no "sine"'),
    ("a class as activation", put(*LAYERS, 1, "activation", "name", "os.system"), 'there is no "os.system"'),
    ("a parameter of another", put(*LAYERS, 1, "activation", "k", 2.0), 'there is no "k"'),
    ("groups that do not fill a layer", put(*LAYERS, 0, "activation", 0, "size", 1), "4 neurons together"),
    ("very many members", put("spec", "network", "members", 10**12), "theta_1: is float32"),
    ("a very large layer", put(*LAYERS, 0, "activation", 0, "size", 2**52), "neurons together"),
    ("a very large input", put("spec", "network", "input", 2**52), "theta_1: is float32"),
    ("an input beyond all bounds", put("spec", "network", "input", 10**30), "spec.network.input"),
    ("auto for the inputs", put("spec", "network", "input", "auto"), "must be given"),
    ("no layers", put(*LAYERS, []), "spec.network.layers"),
    ("a spec that is too large", put("spec", "data", "missing", ["a"] * 100_000), "larger than any spec can be"),
    ("too many columns in the spec", lambda a, m: m["spec"]["data"]["columns"].update(
        {f"c{i}": {} for i in range(30_000)}), "larger than any spec can be"),
    ("a column too few", drop("columns", 1), "is neither 0 nor 1"),
    ("a column too many", lambda a, m: m["columns"].append(m["columns"][2] | {"name": "more"}), "are not those of"),
    ("a column twice", lambda a, m: m["columns"].append(m["columns"][2]), "a text is there twice"),
    ("very many columns", lambda a, m: m["columns"].extend(m["columns"][2:3] * 1000), "1,005 columns for 18 inputs"),
    ("a column of another type", put("columns", 0, "type", "date"), "are not those of the spec"),
    ("a type that is none", put("columns", 0, "type", "text"), 'columns.0.type: there is no "text"'),
    ("an option of another type", put("columns", 0, "options", "format", "%Y"), "are not those of the spec"),
    ("another option", put("columns", 0, "options", "scale", "minmax"), "are not those of the spec"),
    ("options of both that do not exist", lambda a, m: [
        m["columns"][0]["options"].update(scale="max"), m["spec"]["data"]["columns"]["x"].update(scale="max")],
        'scale: there is no "max"'),
    ("a negative count", put("columns", 0, "fitted", -1), "columns.0.fitted"),
    ("counts that change places", lambda a, m: [
        m["columns"][0].update(fitted=4), m["columns"][1].update(fitted=10)], "4 fitted values, not 5"),
    ("no indicator", put("columns", 2, "indicator", True), "its indicator is not"),
    ("categories of a number", put("columns", 0, "categories", ["a"]), "its categories do not suit it"),
    ("a category twice", put("columns", 2, "categories", ["0", "0", "2"]), "a text is there twice"),
    ("a category that is rare too", put("columns", 2, "merged", ["0"]), "its categories do not suit it"),
    ("a category that is a number", put("columns", 2, "categories", ["0", 1, "2"]), "categories.1: is not what"),
    ("a category too few", put("columns", 2, "categories", ["0", "1"]), "the columns do not fit the network"),
    ("a name that is a number", put("columns", 0, "name", 7), "columns.0.name: is not what nnfit writes"),
    ("another target", put("target", "columns", ["z"]), "not the target of the spec"),
    ("a target that is an input", lambda a, m: [
        m["target"].update(columns=["x"]), m["spec"]["data"].update(target=["x"])], "or an input"),
    ("another task", put("target", "task", "binary"), "3 classes in 1 columns are not a binary target"),
    ("a task that is none", put("target", "task", "ranking"), "target.task"),
    ("another least output", put("target", "low", -1.0), "target.low"),
    ("class weights not of the spec", put("target", "class_weights", [1.0, 1.0, 1.0]), "target.class_weights: not"),
    ("class weights missing", put("spec", "training", "class_weight", "balanced"), "target.class_weights: not"),
    ("a class weight of 0", put("target", "class_weights", [1.0, 0.0, 1.0]), "class_weights.1: is not what"),
    ("a class too few", drop("classes", 0), "the columns do not fit the network"),
    ("a class twice", put("classes", ["p", "p", "q"]), "a text is there twice"),
    ("a class that is a number", put("classes", [1, 2, 3]), "classes.0: is not what nnfit writes"),
    ("a metric that is a text", put("metrics", "test", "accuracy", "1"), "metrics.test.accuracy"),
    ("a confusion of two", put("metrics", "test", "confusion", [[1, 2], [3, 4]]), "not a table of the classes"),
    ("a confusion of texts", put("metrics", "test", "confusion", ["abc", "abc", "abc"]), "not a table of the classes"),
    ("classes of another", put("trivial", "test", "classes", ["p", "q", "s"]), "not the classes of the model"),
    ("a prior too few", drop("prior", 0), "prior: 2 values for 3 outputs"),
    ("a mean of inputs too few", drop("input_mean", 0), "input_mean: 17 values for 18 inputs"),
    ("a mean that is a text", put("input_mean", 3, "0"), "input_mean.3: is not what nnfit writes"),
    ("a mean beyond floats", put("input_mean", 0, 10**400), "input_mean.0: is not what nnfit writes"),
    ("a mean that is missing", put("input_mean", 0, None), "input_mean.0: is not what nnfit writes"),
    ("more epochs than the spec says", put("history", "cost", [1.0] * 4), "not one cost for each epoch"),
    ("another seed", put("seed", 7), "seed: not that of the spec"),
    ("no thread", put("blas_threads", 0), "blas_threads"),
    ("no thread of 0.1.0", put("threads", 0), "threads"),
    ("a checksum that is none", put("data_sha256", "0" * 63 + "\n"), "data_sha256"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_file_whose_parts_do_not_agree_is_refused(rich: bytes, change: Change, message: str) -> None:
    arrays, metadata = opened(rich)
    change(arrays, metadata)
    start = time.process_time()
    assert message in refused(closed(arrays, metadata))
    assert time.process_time() - start < 1


OPEN: list[tuple[str, Change]] = [
    ("a key that nobody knows", put("url", "http://example.org")),
    ("a default left out", drop("spec", "seed")),
    ("no metrics", drop("metrics")),
    ("metrics of no rows", put("rows", "validation", 3)),
    ("a metric that nobody knows", put("metrics", "train", "luck", 1.0)),
    ("a metric too few", drop("metrics", "test", "accuracy")),
    ("members of no metric", put("metrics", "test", "members", {"luck": {"mean": 1.0, "sd": 1.0}})),
    ("a linear model of other rows", drop("linear", "test")),
    ("a linear model that is not wanted", put("spec", "training", "baseline", False)),
    ("a metric of it too few", drop("linear", "test", "loss")),
    ("no history", drop("history")),
    ("a part that nobody knows yet", put("curves", {"roc": [[0.0, 1.0]]})),
    ("a history that nobody knows yet", put("history", "rate", [0.1])),
    ("no threads", drop("blas_threads")),
    ("no seed", drop("seed")),
    ("no checksum", drop("data_sha256")),
    ("no rows", drop("rows")),
    ("a set that nobody knows yet", put("metrics", "holdout", {"loss": 1.0, "accuracy": 0.5})),
    ("a linear model of other sets", put("linear", {"test": {"loss": 1.0}})),
    ("no prior", drop("prior")),
    ("no means of the inputs", drop("input_mean")),
]  # fmt: skip


@pytest.mark.parametrize("change", [case[1] for case in OPEN], ids=[case[0] for case in OPEN])
def test_the_record_of_a_training_is_open_and_is_kept_as_it_is(rich: bytes, change: Change) -> None:
    arrays, metadata = opened(rich)
    change(arrays, metadata)
    model = loaded(closed(arrays, metadata))
    frame = pd.read_csv(io.StringIO(RICH_CSV))
    pd.testing.assert_frame_equal(model.predict_proba(frame), loaded(rich).predict_proba(frame))
    again = opened(model.to_bytes())[1]
    assert {key: again[key] for key in metadata if key != "spec"} == {k: v for k, v in metadata.items() if k != "spec"}
    assert set(model.evaluate(frame)) >= {"loss", "accuracy"}


@pytest.mark.parametrize("change", [case[1] for case in OPEN], ids=[case[0] for case in OPEN])
def test_whatever_is_recorded_the_commands_show_what_is_there(
    rich: bytes, change: Change, tmp_path: Path, run: Callable[..., Any]
) -> None:
    arrays, metadata = opened(rich)
    change(arrays, metadata)
    (tmp_path / "m.npz").write_bytes(closed(arrays, metadata))
    (tmp_path / "data.csv").write_text(RICH_CSV)
    for arguments in (["inspect"], ["inspect", "--json"]):
        assert run(*arguments, tmp_path / "m.npz").code == 0
    for command in ("evaluate", "predict"):
        assert run(command, tmp_path / "m.npz", tmp_path / "data.csv").code == 0


def test_the_format_of_another_version_is_named(rich: bytes) -> None:
    arrays, metadata = opened(rich)
    assert (
        refused(closed(arrays, metadata | {"format": 2}))
        == f"m.npz: metadata: model format 2; this nnfit, {__version__}, reads 1"
    )


ROWS = "x,q,day,open,name,u,v,a,b,w\n" + "".join(
    f"{'' if i % 7 == 0 else i % 6},{i * i},2024-{i % 12 + 1:02}-03,{i % 2 > 0},{'é🎈 '[i % 3]},"
    f"{i / 3},{-i},{i % 2},{i // 2 % 2},{i % 4 + 1}\n"
    for i in range(40)
)
KINDS = [
    ("{size: auto, activation: linear}", "data.target=[u, v]", "network.dtype=float64", "training.epochs=0"),
    ("{size: auto, activation: tanh}", "data.target=u", "data.columns={u: {scale: none}, x: {scale: quantile}}"),
    ("{size: auto, activation: logistic}", "data.target=[a, b]", "data.validation=0.2", "network.members=2"),
    ("{size: auto, activation: tanh}", "data.target=name", "loss=mse", "data.weight=w"),
    ("{size: 2, activation: softmax}", "data.target=a", "data.columns={x: {missing: -1, indicator: false}}"),
    ("{size: 1, activation: sigmoid}", "data.target=a", "data.columns={x: {scale: robust, degree: 3, log1p: true}}"),
    (
        "{size: auto, activation: softmax}",
        "data.target=name",
        "data.columns={q: {bins: 4, scale: minmax}}",
    ),
    ("{size: auto, activation: {name: linear, k: 2}}", "data.target=u", "loss=rss", "data.features=[x, open, name]"),
    ("{size: auto, activation: {name: step, gradient: straight_through}}", "data.target=a", "loss=mse"),
    (
        "{size: auto, activation: logistic}",
        "data.target=a",
        "data.columns={x: {missing: category}, v: {degree: 2}}",
    ),
    (
        "{size: auto, activation: logistic}",
        "data.target=a",
        "data.columns={name: {min_count: 14}, day: {indicator: true}}",
    ),
    ("{size: auto, activation: linear}", "data.target=u", "data.missing=['16']", "data.ignore=[a, b, w]", "seed=9"),
    (
        "{size: auto, activation: softmax}",
        "data.target=name",
        "network.members=3",
        "training={resample: folds, early_stopping: {patience: 1}, calibration: temperature, label_smoothing: 0.1}",
    ),
    (
        "{size: auto, activation: logistic}",
        "data.target=[a, b]",
        "network.members=3",
        "data.test=0.2",
        "training={resample: bootstrap, calibration: temperature, dropout: 0.5, schedule: one_cycle}",
    ),
    (
        "{size: auto, activation: linear}",
        "data.target=[u, v]",
        "data.validation=0.2",
        "training={early_stopping: {}, schedule: plateau, l1: 0.1, l2: 0.1, clip_norm: 1, clip_value: 1}",
    ),
]


@pytest.mark.parametrize(("output", "more"), [(kind[0], kind[1:]) for kind in KINDS])
def test_a_model_of_any_kind_is_read_as_it_was_written(
    trained: Callable[..., Model], output: str, more: tuple[str, ...]
) -> None:
    spec = f"data: {{train: data.csv, target: u}}\nnetwork: {{layers: [{output}]}}\n"
    settings = ("training.epochs=2", "training.optimizer={name: adam, learning_rate: 0.001}")
    model = trained(spec, ROWS, *more, *settings)
    assert loaded(model.to_bytes()).to_bytes() == model.to_bytes()


FOLDS = """\
data: {train: data.csv, target: y}
network: {layers: [{size: auto, activation: softmax}], members: 3}
training: {epochs: 3, resample: folds, early_stopping: {patience: 2}, calibration: temperature}
"""
FOLDS_CSV = "x,y\n" + "".join(f"{i % 7},{'pqr'[i % 3]}\n" for i in range(30))
CROSSED: list[tuple[str, Change, str]] = [
    ("a best epoch too few", put("best_epochs", [1, 1]), "best_epochs: not one epoch for each member"),
    ("a best epoch after the last", put("best_epochs", 0, 4), "best_epochs: not one epoch for each member"),
    ("a best epoch before the first", put("best_epochs", 0, -1), "best_epochs.0"),
    ("half a best epoch", put("best_epochs", 0, 1.5), "not given as nnfit writes it"),
    ("best epochs of no early stopping", put("spec", "training", "early_stopping", None), "best_epochs: not one"),
    ("bounds that the spec does not ask for", put("target", "bounds", [[0.0, 1.0]]), "target.bounds: not the ranges"),
    ("a threshold of 0", put("target", "threshold", 0.0), "target.threshold"),
    ("a threshold that the spec does not give", put("target", "threshold", 0.25), "target.threshold: "),
    ("a temperature of 0", put("target", "temperature", 0.0), "target.temperature"),
    ("a temperature too high", put("target", "temperature", 5.0), "target.temperature"),
    ("a temperature that is a text", put("target", "temperature", "1"), "target.temperature"),
    ("a temperature of no calibration", put("spec", "training", "calibration", "none"), "target.temperature: "),
]  # fmt: skip


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory, train: Callable[[Any], Model]) -> bytes:
    return trained_bytes(tmp_path_factory.mktemp("crossed"), train, FOLDS, FOLDS_CSV)


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in CROSSED], ids=[case[0] for case in CROSSED])
def test_what_folds_and_early_stopping_leave_must_agree_too(crossed: bytes, change: Change, message: str) -> None:
    arrays, metadata = opened(crossed)
    change(arrays, metadata)
    assert message in refused(closed(arrays, metadata))


def test_every_bit_flip_in_a_model_of_folds_is_noticed(crossed: bytes) -> None:
    rng = random.Random(1)
    for _ in range(300):
        place = rng.randrange(len(crossed))
        data = bytearray(crossed)
        data[place] ^= 1 << rng.randrange(8)
        refused(bytes(data))


# --- limits ---------------------------------------------------------------------------------------------------------

N = 300_000
BEGIN = b'{"format":1,"spec":'
TEXTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "a list": (b"[1]", "not a JSON object"),
    "a text that is not closed": (BEGIN + b'"abc', "not JSON"),
    "more behind it": (b"{} {}", "not JSON"),
    "not a number": (BEGIN + b"NaN}", "NaN is not a finite number"),
    "an infinity": (BEGIN + b"-Infinity}", "-Infinity is not a finite number"),
    "an infinity in digits": (BEGIN + b"1e999}", "1e999 is not a finite number"),
    "a number without end": (BEGIN + b"9" * 5000 + b"}", "not JSON"),
    "a key twice": (BEGIN + b'{},"format":1}', "a key is there twice"),
    "a key twice, spelled in two ways": (BEGIN + b'{"a":1,"\\u0061":1}}', "a key is there twice"),
    "not ASCII": ('{"é":1}'.encode(), "not ASCII"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not ASCII"),
    "33 lists": (BEGIN + b"[" * 32 + b"]" * 32 + b"}", "nested more than 32 deep"),
    "lists without end": (b"[" * 100_000, "nested more than 32 deep"),
    "objects without end": (b'{"a":' * (N // 4), "nested more than 32 deep"),
    "brackets behind a quote": (b'{"\\\\":' + b"[" * 100_000, "nested more than 32 deep"),
    "empty lists": (BEGIN + b"[" + b"[]," * 4_000_000 + b"[]]}", "too many values"),
    "empty objects": (BEGIN + b"[" + b"{}," * 4_000_000 + b"{}]}", "too many values"),
    "zeros": (BEGIN + b"[" + b"0," * 500_000 + b"0]}", "spec"),
    "many zeros": (BEGIN + b"[" + b"0," * 14_000_000 + b"0]}", "too many values"),
    "small floats": (BEGIN + b"[" + b"1.5," * 200_000 + b"0]}", "spec"),
    "short texts": (BEGIN + b"[" + b'"ab",' * 3_000_000 + b"0]}", "too many values"),
    "some short texts": (BEGIN + b"[" + b'"ab",' * N + b"0]}", "spec"),
    "nulls": (BEGIN + b"[" + b"null," * 1_000_000 + b"0]}", "spec"),
    "one object of many keys": (b"{" + b",".join(b'"%x":0' % i for i in range(N)) + b"}", "too many values"),
    "one object of some keys": (b"{" + b",".join(b'"%x":0' % i for i in range(N // 4)) + b"}", "format: is missing"),
    "one long text": (BEGIN + b'"' + b"a" * 20_000_000 + b'"}', "spec"),
    "more than 32 MiB": (BEGIN + b'"' + b"a" * (1 << 25) + b'"}', "more than 33,554,432 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_metadata_of_any_kind_are_refused_within_the_limits(tiny: bytes, tmp_path: Path, case: str) -> None:
    text, message = TEXTS[case]
    arrays, _ = opened(tiny)
    path = tmp_path / "m.npz"
    path.write_bytes(closed(arrays, text))
    assert message in within_limits(path)


def test_errors_without_end_are_told_as_one(tiny: bytes, tmp_path: Path) -> None:
    arrays, metadata = opened(tiny)
    path = tmp_path / "m.npz"
    for place in (("columns",), ("prior",), ("history", "cost"), ("classes",), ("metrics", "train", "confusion")):
        changed = json.loads(json.dumps(metadata))
        put(*place, [None] * 300_000)(arrays, changed)
        path.write_bytes(closed(arrays, changed))
        assert place[0] in within_limits(path)


def columns_of_a_kind(n: int) -> Change:
    def change(arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
        arrays["theta_1"] = np.zeros((1, 1, 2 * n), np.float32)
        metadata["spec"]["data"]["columns"] = {f"c{i}": {"type": "numeric"} for i in range(n)}

    return change


def targets_without_end(arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
    columns_of_a_kind(60_000)(arrays, metadata)
    metadata["spec"]["data"]["target"] = [f"t{i}" for i in range(60_000)]


@pytest.mark.parametrize(
    "change",
    [
        targets_without_end,
        columns_of_a_kind(20_000),
        put("best_epochs", [0] * 4_000_000),
        put("target", "class_weights", [1.0] * 3_000_000),
        put("history", "cost", [0.5] * 3_000_000),
    ],
    ids=["targets", "columns", "best epochs", "class weights", "costs"],
)
def test_long_lists_and_many_columns_are_refused_within_a_second(tiny: bytes, tmp_path: Path, change: Change) -> None:
    arrays, metadata = opened(tiny)
    change(arrays, metadata)
    path = tmp_path / "m.npz"
    path.write_bytes(closed(arrays, metadata))
    assert seconds(path)[0] < 1
