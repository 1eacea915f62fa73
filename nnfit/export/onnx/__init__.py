"""A model as ONNX, its preparation of the columns included, for runtimes in any language.

    from nnfit.export.onnx import to_onnx

    file = to_onnx(nnfit.load("iris.npz"))  # bytes

What stands in the file is said at `to_onnx`. It needs the extra `onnx`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from nnfit import extras
from nnfit.config.build import dump
from nnfit.data.columns import Date
from nnfit.errors import DataError, Place, Problem
from nnfit.export.onnx.columns import encoded
from nnfit.export.onnx.dates import as_number
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.network import outputs
from nnfit.export.onnx.target import predictions
from nnfit.version import __version__
from nnfit.words import encodable, quoted

if TYPE_CHECKING:
    from nnfit.data.feature import Feature
    from nnfit.model.model import Model


def to_onnx(model: Model, sha256: str | None = None) -> bytes:
    """The ONNX file of a model; the same model gives the same bytes.

    One input for each column that the model reads, by its name, (n, 1): numbers as double, NaN where they are missing,
    everything else as text, empty where it is missing. Outputs: `prediction`, (n,) or (n, targets), and of classes
    `probabilities`, (n, K). `sha256` is that of the model file, else of the one that `model.save` would write.
    A UsageError without the packages, for an activation that has no form in ONNX, and a DataError for a name of a
    column or class that is no Unicode text.
    """
    return written(model, sha256)[0]


def written(model: Model, sha256: str | None = None) -> tuple[bytes, Graph]:
    """The ONNX file of a model as `to_onnx` gives it, and the operators that are in it."""
    extras.require("onnx", "ONNX needs", "onnx")
    from nnfit.export.onnx import proto

    graph = graph_of(model)
    return proto.to_bytes(graph, metadata(model, graph, sha256)), graph


def graph_of(model: Model) -> Graph:
    """The operators of a model, its columns first."""
    names = [feature.name for feature in model.features]
    refuse_broken([*names, *model.classes, *model.target.columns])
    graph = Graph(names)
    inputs = encoded(graph, model.features, model.dialect, model.spec.network.dtype)
    with np.errstate(all="ignore"):
        y = outputs(graph, model.network, model.theta, inputs.tensor, inputs.places)
    predictions(graph, model.target, y, inputs.doubt)
    return graph


def refuse_broken(names: list[str]) -> None:
    """A DataError for names and labels that UTF-8 cannot hold."""
    for name in names:
        if not encodable(name):
            message = f"{quoted(name)} holds half of a character, which ONNX cannot hold"
            raise DataError(Problem("no-unicode", message, "correct it in the training file, and train again", Place()))


def notes(model: Model, graph: Graph) -> list[str]:
    """What a caller of the file may not expect of its inputs and outputs, in sentences."""
    found = []
    for feature in model.features:
        name = quoted(feature.name)
        if as_number(feature):
            assert isinstance(feature.options, Date)
            form = quoted(feature.options.format or "")
            found.append(f"column {name}: ONNX cannot read dates as {form}; the input is the days since 1970-01-01")
        spelling = model.dialect.spellings.get(feature.name)
        if feature.kind == "numeric" and spelling is not None and not spelling.plain:
            found.append(f"column {name}: the input is the number, 1234.5 where a cell is {quoted(spelling.example)}")
    plain = ("prediction", "probabilities")
    for name, value in zip(plain, graph.outputs, strict=False):
        if value.name != name:
            found.append(f"the output {name} is called {value.name}, as a column has its name")
    return found


def metadata(model: Model, graph: Graph, sha256: str | None) -> dict[str, str]:
    """What the file says of itself: version, hash, spec, classes, columns with their types, and outputs, as JSON."""
    said = {
        "classes": model.classes,
        "task": model.target.task,
        "targets": model.target.columns,
        "outputs": [value.name for value in graph.outputs],
        "columns": [column(feature) for feature in model.features],
        "spec": dump(model.spec),
    }
    found = {"nnfit_version": __version__, "model_sha256": sha256 or hashlib.sha256(model.to_bytes()).hexdigest()}
    return found | {key: json.dumps(value) for key, value in said.items()}


def column(feature: Feature) -> dict[str, str]:
    """What a caller needs to know of a column: its name, its type, and what its input holds."""
    numeric = feature.options.type == "numeric"
    holds = "number" if numeric else "days since 1970-01-01" if as_number(feature) else "text"
    return {"name": feature.name, "type": feature.options.type, "input": holds}
