"""A trained model: spec, encoding and θ together; predict, evaluate, save and load.

The file is one `.npz` of plain arrays, described in docs/model-format.md.
"""

from __future__ import annotations

import io
import json
import platform
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit import files
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group, Network, predict, views
from nnfit.core.parameter import Array
from nnfit.data.encoding import Feature, encode, join
from nnfit.data.reader import Dialect
from nnfit.data.table import Table, from_frame
from nnfit.data.target import Target, decide, decode, example_weights, truth
from nnfit.errors import DataError, ModelFileError, Problem
from nnfit.evaluation import evaluate, trivial
from nnfit.version import __version__

FORMAT = 1
# What zipfile, NumPy and json raise at bytes that are not what they should be.
DAMAGE: tuple[type[Exception], ...] = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, EOFError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
RECORD = ("rows", "metrics", "prior", "trivial", "history", "versions", "threads", "seed", "data_sha256")


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

    def outputs(self, table: Table, unknown: str = "error") -> Array:
        """ŷ of every member, (M, K, n), for the rows of a table."""
        table.require(list(self.kinds), "columns")
        strange: list[Problem] = []
        X = join(encode(self.features, table, self.spec["network"]["dtype"], strange))
        if strange and unknown == "error":
            raise DataError(*strange)
        with np.errstate(all="ignore"):
            y_hat = predict(self.network, self.theta, X)
        bad = np.flatnonzero(~np.isfinite(y_hat).all(axis=(0, 1)))
        if len(bad):
            message = "the network's output is not a finite number; are the values of this row far too large?"
            raise DataError(Problem(message, table.file, table.lines[int(bad[0])]))
        return y_hat

    def output_names(self, proba: bool) -> list[str]:
        """The columns of a prediction, and with `proba` those of the probabilities after them."""
        target = self.target
        several = len(target.columns) > 1
        names = [f"prediction_{name}" for name in target.columns] if several else ["prediction"]
        if proba and target.classes:
            names += [f"probability_{name}" for name in (target.columns if several else target.classes)]
        return names

    def predictions(self, table: Table, proba: bool = False, unknown: str = "error") -> dict[str, NDArray[Any]]:
        """The columns of the prediction, by name: members averaged, classes as they were spelled."""
        target = self.target
        result = decode(target, self.outputs(table, unknown).mean(axis=0, dtype=np.float64))
        columns = list(result.T)
        if target.classes:
            labels = np.array(target.classes, object)[decide(target, result)]
            columns = [*(labels.T if labels.ndim == 2 else [labels]), *columns]
        return dict(zip(self.output_names(proba), columns, strict=False))

    def predict(self, frame: pd.DataFrame, proba: bool = False, unknown: str = "error") -> pd.DataFrame:
        """Predictions for the rows of a DataFrame, in order, with its index.

        Columns are matched by name. Raises DataError for missing columns, cells that are not numbers, and categories
        that no training row had (unless unknown="zero").
        """
        columns = self.predictions(from_frame(frame, self.dialect, self.kinds), proba, unknown)
        return pd.DataFrame(columns, index=frame.index)

    def evaluate(self, table: Table) -> tuple[dict[str, Any], dict[str, Any]]:
        """The metrics on labelled rows, and those of the trivial predictor of the training rows."""
        name = self.spec["data"]["weight"]
        w = example_weights(table, name if name in table.columns else None)
        expected = truth(self.target, table)
        found = evaluate(self.target, self.spec["loss"], self.outputs(table), expected, w / w.mean())
        return found, trivial(self.target, np.array(self.record["prior"]), expected)

    def save(self, path: Path | str) -> None:
        """Write the model file; what was there before stays until the new file is complete."""
        files.write((Path(path), self.to_bytes()))

    def to_bytes(self) -> bytes:
        """The model file: stored `.npy` members with a fixed date, so that the same model gives the same bytes."""
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
            "target": {"task": self.target.task, "columns": self.target.columns, "low": self.target.low},
            "classes": self.target.classes,
            **self.record,
        }
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        arrays["metadata"] = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
        return buffer.getvalue()


def load(path: Path | str) -> Model:
    """Read a model file; ModelFileError if it is not one."""
    name = str(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        metadata = json.loads(bytes(arrays["metadata"]).decode("utf-8", "surrogatepass"))
        if metadata["format"] != FORMAT:
            raise ModelFileError(Problem(f"model format {metadata['format']}; this nnfit reads {FORMAT}", name))
        return assemble(arrays, metadata)
    except OSError as error:
        raise ModelFileError(Problem(f"cannot be read: {error.strerror or 'not an .npz file'}", name)) from None
    except DAMAGE as error:
        detail = "" if "pickle" in str(error) else f" ({type(error).__name__}: {error})"
        message = f"not a model that nnfit wrote, or damaged{detail}"
        raise ModelFileError(Problem(message, name)) from None


def assemble(arrays: dict[str, NDArray[Any]], metadata: dict[str, Any]) -> Model:
    """The model of the arrays and metadata of a file; ValueError or KeyError where they do not agree."""
    spec = metadata["spec"]
    network = network_of(spec)
    members = spec["network"]["members"]
    stored = [arrays[f"theta_{i}"] for i in range(1, len(network.layers) + 1)]
    for i, (Theta, shape) in enumerate(zip(stored, network.shapes, strict=True), 1):
        if Theta.shape != (members, *shape) or Theta.dtype != spec["network"]["dtype"]:
            raise ValueError(f"theta_{i} is {Theta.dtype} {Theta.shape}, not {spec['network']['dtype']} {shape}")
        if not np.isfinite(Theta).all():
            raise ValueError(f"theta_{i} holds values that are not finite")
    theta = np.concatenate([Theta.reshape(members, -1) for Theta in stored], axis=1)
    features, start = [], 0
    for column in metadata["columns"]:
        end = start + column["fitted"]
        column = column | {"fitted": tuple(arrays["input_fitted"][start:end].tolist())}
        features.append(Feature(**column | {key: tuple(column[key]) for key in ("categories", "merged")}))
        start = end
    described = metadata["target"] | {"columns": tuple(metadata["target"]["columns"])}
    mean, sd = tuple(arrays["target_mean"].tolist()), tuple(arrays["target_sd"].tolist())
    target = Target(**described, classes=tuple(metadata["classes"]), mean=mean, sd=sd)
    if 1 + sum(len(feature.inputs) for feature in features) != network.inputs + 1 or target.outputs != network.N[-1]:
        raise ValueError("the columns do not fit the network")
    data = spec["data"]
    dialect = Dialect(data["separator"], data["encoding"], data["decimal"], tuple(data["missing"]))
    record = {key: metadata[key] for key in RECORD}
    return Model(spec, theta, tuple(features), target, dialect, record)


def network_of(spec: dict[str, Any]) -> Network:
    """The network of a resolved spec."""
    layers = []
    for layer in spec["network"]["layers"]:
        entries = layer["activation"] if isinstance(layer["activation"], list | tuple) else [layer["activation"]]
        groups = []
        for entry in entries:
            parameters = {key: value for key, value in entry.items() if key not in ("name", "size")}
            if entry["name"] not in ACTIVATIONS:
                raise ValueError(f"unknown activation {entry['name']}")
            groups.append(Group(int(entry.get("size", layer["size"])), entry["name"], parameters))
        layers.append(tuple(groups))
    if spec["loss"] not in LOSSES:
        raise ValueError(f"unknown loss {spec['loss']}")
    return Network(int(spec["network"]["input"]), tuple(layers), spec["loss"])


def versions() -> dict[str, str]:
    """The versions on which the bytes of a model depend."""
    return {"nnfit": __version__, "python": platform.python_version(), "numpy": np.__version__}
