"""A trained model: spec, encoding and θ together; predict, evaluate, save and load.

The file is one `.npz` of plain arrays, described in docs/model-format.md.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit.core.network import Group, Network, predict, views
from nnfit.core.parameter import Array
from nnfit.data.class_weights import of_rows
from nnfit.data.encoding import Feature, encode, join
from nnfit.data.reader import Dialect
from nnfit.data.table import Table, from_frame
from nnfit.data.target import Target, decide, decode, example_weights, truth
from nnfit.errors import DataError, ModelFileError, Problem
from nnfit.model.metadata import FORMAT, check_record, features_of, parsed, record_of, target_of
from nnfit.scoring.evaluation import evaluate, trivial
from nnfit.storage import files, json_text, npz
from nnfit.version import __version__

# The arrays of the file, beside its weights theta_1 … theta_L.
PLAIN = {
    "input_fitted": npz.Form(("<f8",), 1),
    "target_mean": npz.Form(("<f8",), 1),
    "target_sd": npz.Form(("<f8",), 1),
    json_text.MEMBER: npz.Form(("|u1",), 1),
}
FORMS = {"theta_[1-9][0-9]{0,3}": npz.Form(("<f4", "<f8"), 3), **PLAIN}


@dataclass(frozen=True)
class Model:
    """Everything a prediction needs, and where it came from.

    `spec` is the resolved spec; `record` holds metrics, history, versions, threads and the data's SHA-256.
    """

    spec: dict[str, Any]
    theta: Array
    features: tuple[Feature, ...]
    target: Target
    dialect: Dialect
    record: dict[str, Any]

    @property
    def network(self) -> Network:
        return network_of(self.spec)

    @property
    def kinds(self) -> dict[str, str]:
        """How each input column is read: numeric or text."""
        return {feature.name: feature.kind for feature in self.features}

    def outputs(self, table: Table, unknown: str | None = None) -> Array:
        """ŷ of every member, (M, K, n), for the rows of a table.

        A category that no training row has is an error or becomes zeros: `unknown`, else what the spec says.
        """
        table.require(list(self.kinds), "columns")
        strange: dict[str, Problem] = {}
        X = join(encode(self.features, table, self.spec["network"]["dtype"], strange))
        rules = {feature.name: unknown or feature.options.get("unknown") for feature in self.features}
        refused = [problem for name, problem in strange.items() if rules[name] == "error"]
        if refused:
            raise DataError(*refused)
        with np.errstate(all="ignore"):
            y_hat = predict(self.network, self.theta, X)
        bad = np.flatnonzero(~np.isfinite(y_hat).all(axis=(0, 1)))
        if len(bad):
            message = "the network's output is not a finite number; are the values of this row far too large?"
            raise DataError(Problem(message, table.file, table.lines[int(bad[0])]))
        return y_hat

    def output_names(self, proba: bool, uncertainty: bool = False) -> list[str]:
        """The columns of a prediction, with `proba` the probabilities after them, and last the members' spread."""
        target = self.target
        several = len(target.columns) > 1
        names = [f"prediction_{name}" for name in target.columns] if several else ["prediction"]
        if proba and target.classes:
            names += [f"probability_{name}" for name in (target.columns if several else target.classes)]
        if uncertainty:
            names += [f"uncertainty_{name}" for name in target.columns] if several else ["uncertainty"]
        return names

    def predictions(
        self, table: Table, proba: bool = False, unknown: str | None = None, uncertainty: bool = False
    ) -> dict[str, NDArray[Any]]:
        """The columns of the prediction, by name: members averaged, classes as they were spelled.

        The uncertainty is the standard deviation over the members, of a real prediction in its own unit, or of the
        probability of the predicted class.
        """
        target = self.target
        y_hat = self.outputs(table, unknown)
        result = decode(target, y_hat.mean(axis=0, dtype=np.float64))
        columns = list(result.T)
        if target.classes:
            decided = decide(target, result)
            labels = np.array(target.classes, object)[decided]
            columns = [*(labels.T if labels.ndim == 2 else [labels]), *(columns if proba else [])]
        if uncertainty:
            spread = np.std([decode(target, member) for member in y_hat], axis=0, ddof=1)
            if target.classes and spread.ndim == 2 and len(target.columns) == 1:
                spread = spread[np.arange(len(spread)), decided][:, None]
            columns += list(spread.T)
        return dict(zip(self.output_names(proba, uncertainty), columns, strict=True))

    def predict(self, frame: pd.DataFrame, proba: bool = False, unknown: str | None = None) -> pd.DataFrame:
        """Predictions for the rows of a DataFrame, in order, with its index.

        Columns are matched by name. Raises DataError for missing columns, cells that are not numbers, and categories
        that no training row had, unless unknown="zero" or the spec says so of their column.
        """
        columns = self.predictions(from_frame(frame, self.dialect, self.kinds), proba, unknown)
        return pd.DataFrame(columns, index=frame.index)

    def evaluate(self, table: Table, unknown: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The metrics on labelled rows, and those of the trivial predictor of the training rows."""
        expected = truth(self.target, table)
        w = self.weights(table)
        weighted = self.spec["training"]["weighted_metrics"]
        found = evaluate(self.target, self.spec["loss"], self.outputs(table, unknown), expected, w, weighted)
        return found, trivial(self.target, np.array(self.record["prior"]), expected, w if weighted else None)

    def weights(self, table: Table) -> NDArray[np.float64]:
        """The weights w (n,) of labelled rows in the cost, with mean 1: weight column times class weight."""
        name = self.spec["data"]["weight"]
        w = example_weights(table, name if name in table.columns else None)
        w = w * of_rows(self.target, truth(self.target, table))
        return np.asarray(w / w.mean())

    def save(self, path: Path | str) -> None:
        """Write the model file; what was there before stays until the new file is complete."""
        files.write((Path(path), self.to_bytes()))

    def to_bytes(self) -> bytes:
        """The model file; the same model gives the same bytes."""
        arrays: dict[str, NDArray[Any]] = {
            f"theta_{i}": Theta for i, Theta in enumerate(views(self.network, self.theta), 1)
        }
        arrays["input_fitted"] = np.array([value for f in self.features for value in f.fitted], np.float64)
        arrays["target_mean"] = np.array(self.target.mean, np.float64)
        arrays["target_sd"] = np.array(self.target.sd, np.float64)
        metadata = {
            "format": FORMAT,
            "spec": self.spec,
            "columns": [feature._asdict() | {"fitted": len(feature.fitted)} for feature in self.features],
            "target": {
                "task": self.target.task,
                "columns": self.target.columns,
                "low": self.target.low,
                "temperature": self.target.temperature,
                "threshold": self.target.threshold,
                "bounds": self.target.bounds,
                "class_weights": self.target.class_weights,
            },
            "classes": self.target.classes,
            **self.record,
        }
        arrays[json_text.MEMBER] = np.frombuffer(json_text.write(metadata), np.uint8)
        return npz.pack(arrays)


def load(path: Path | str) -> Model:
    """Read a model file; ModelFileError if it is not one."""
    return assemble(npz.read(path, FORMS), str(path))


def assemble(arrays: npz.Arrays, file: str) -> Model:
    """The model of the arrays of a file; ModelFileError where they and the metadata do not agree."""

    def fail(message: str, member: str | None = None) -> NoReturn:
        raise ModelFileError(Problem(message, file, key=member))

    for name in ("theta_1", *PLAIN):
        if name not in arrays:
            fail("is missing", name)
    value = json_text.read(arrays.pop(json_text.MEMBER).tobytes(), file)
    wrong = partial(fail, member=json_text.MEMBER)
    metadata, spec = parsed(value, arrays["theta_1"].shape[2] - 1, wrong)
    network = network_of(metadata.spec)
    stored = {f"theta_{i}": shape for i, shape in enumerate(network.shapes, 1)}
    if list(arrays) != [*stored, *list(PLAIN)[:-1]]:
        wrong(f"the spec has {len(stored)} layers, and the file not the arrays of these in their order")
    members, dtype = spec.network.members, np.dtype(spec.network.dtype)
    for name, shape in stored.items():
        if arrays[name].shape != (members, *shape) or arrays[name].dtype != dtype:
            fail(f"is {arrays[name].dtype} {arrays[name].shape}, not {dtype} {(members, *shape)}", name)
    features = features_of(metadata, arrays["input_fitted"].tolist(), wrong)
    target = target_of(metadata, spec, arrays["target_mean"].tolist(), arrays["target_sd"].tolist(), wrong)
    if sum(len(feature.inputs) for feature in features) != network.inputs or target.outputs != network.N[-1]:
        wrong("the columns do not fit the network")
    check_record(metadata, target, wrong)
    theta = np.concatenate([arrays[name].reshape(members, -1) for name in stored], axis=1)
    data = spec.data
    dialect = Dialect(data.separator, data.encoding, data.decimal, data.missing)
    return Model(metadata.spec, theta, features, target, dialect, record_of(value))


def network_of(spec: dict[str, Any]) -> Network:
    """The network of a resolved spec."""
    layers = []
    for layer in spec["network"]["layers"]:
        entries = layer["activation"] if isinstance(layer["activation"], list | tuple) else [layer["activation"]]
        groups = []
        for entry in entries:
            parameters = {key: value for key, value in entry.items() if key not in ("name", "size")}
            groups.append(Group(int(entry.get("size", layer["size"])), entry["name"], parameters))
        layers.append(tuple(groups))
    return Network(int(spec["network"]["input"]), tuple(layers), spec["loss"])


def versions() -> dict[str, str]:
    """The versions on which the bytes of a model depend."""
    return {"nnfit": __version__, "python": platform.python_version(), "numpy": np.__version__}
