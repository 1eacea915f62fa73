"""A model from its file: read within bounds, checked part against part, and put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from nnfit.errors import ModelFileError, Place, Problem
from nnfit.model.layout import dialect_of, network_of
from nnfit.model.metadata import check_record, described, features_of, target_of
from nnfit.model.model import Model, path_of
from nnfit.storage import json_text, npz
from nnfit.storage.paths import what

# The arrays of the file, beside its weights theta_1 … theta_L.
PLAIN = {
    "input_fitted": npz.Form(("<f8",), 1),
    "target_mean": npz.Form(("<f8",), 1),
    "target_sd": npz.Form(("<f8",), 1),
    json_text.MEMBER: npz.Form(("|u1",), 1),
}
BEST = "best.npz"  # in the folder of a sweep
FORMS = {"theta_[1-9][0-9]{0,3}": npz.Form(("<f4", "<f8"), 3), **PLAIN}


def load(path: Path | str) -> Model:
    """Read a model file; ModelFileError if it is not one, or one that this nnfit cannot honour.

        >>> load("iris.npz").classes
        ('setosa', 'versicolor', 'virginica')

    Models of every released version are read, and predict what they predicted. Nothing in a file is run.
    """
    path = path_of(path, "a model")
    try:
        arrays = npz.read(path, FORMS)
    except ModelFileError as error:
        if error.code == "damaged-model" and "slots" in npz.names(path):
            message = "is a checkpoint, where a training stands that was stopped, and no model"
            remedy = "go on with nnfit train --resume, which makes the model"
            raise ModelFileError(Problem("a-checkpoint", message, remedy, Place(str(path)))) from None
        if error.code == "unreadable" and what(path / BEST) == "file":
            message, remedy = "is the folder of a sweep, and no model", f"name its best, {path / BEST}"
            raise ModelFileError(Problem("a-sweep", message, remedy, Place(str(path)))) from None
        raise
    return replace(assemble(arrays, str(path)), home=path.parent)


def assemble(arrays: npz.Arrays, file: str) -> Model:
    """The model of the arrays of a file; ModelFileError where they and the metadata do not agree."""

    def fail(message: str, member: str | None = None) -> NoReturn:
        raise ModelFileError(Problem("damaged-model", message, place=Place(file, key=member)))

    def wrong(message: str, remedy: str = "", code: str = "damaged-model") -> NoReturn:
        raise ModelFileError(Problem(code, message, remedy, Place(file, key=json_text.MEMBER)))

    for name in ("theta_1", *PLAIN):
        if name not in arrays:
            fail("is missing", name)
    value = json_text.read(arrays.pop(json_text.MEMBER).tobytes(), file)
    known = described(value, arrays["theta_1"].shape[2] - 1, wrong)
    spec, network = known.spec, network_of(known.spec)
    stored = {f"theta_{i}": shape for i, shape in enumerate(network.shapes, 1)}
    if list(arrays) != [*stored, *list(PLAIN)[:-1]]:
        wrong(f"the spec has {len(stored)} layers, and the file not the arrays of these in their order")
    members, dtype = spec.network.members, np.dtype(spec.network.dtype)
    for name, shape in stored.items():
        if arrays[name].shape != (members, *shape) or arrays[name].dtype != dtype:
            fail(f"is {arrays[name].dtype} {arrays[name].shape}, not {dtype} {(members, *shape)}", name)
    features = features_of(known, arrays["input_fitted"].tolist(), wrong)
    target = target_of(known, arrays["target_mean"].tolist(), arrays["target_sd"].tolist(), wrong)
    if sum(len(feature.inputs) for feature in features) != network.inputs or target.outputs != network.N[-1]:
        wrong("the columns do not fit the network")
    check_record(known, target, wrong)
    theta = np.concatenate([arrays[name].reshape(members, -1) for name in stored], axis=1)
    return Model(spec, theta, features, target, dialect_of(spec), known.record)
