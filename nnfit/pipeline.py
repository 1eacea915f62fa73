"""Training a prepared network: θ at the start, the epochs, and the model with its metrics at the end.

Nothing here prints: the caller iterates over `epochs` and shows what it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfit.core.gradcheck import GradientCheck, check_gradient
from nnfit.core.initialization import initialize
from nnfit.core.network import Network, predict
from nnfit.core.parameter import Array
from nnfit.core.training import Examples, fit
from nnfit.evaluation import cost, evaluate, trivial
from nnfit.model import Model, versions
from nnfit.preparation import Prepared, Stream
from nnfit.spec.loader import LoadedSpec


class Progress(NamedTuple):
    """One epoch: its number, the training cost and that of the validation rows, if there are any; each (M,)."""

    number: int
    cost: Array
    validation: Array | None


def initial(prepared: Prepared) -> Array:
    """θ before training; member k draws from a stream of its own."""
    keys = prepared.spec["network"]
    generators = [np.random.default_rng([prepared.spec["seed"], Stream.INITIAL, k]) for k in range(keys["members"])]
    scheme = dict(keys["initialization"]["weights"])
    return initialize(
        prepared.network,
        keys["members"],
        keys["dtype"],
        generators,
        scheme.pop("name"),
        scheme,
        keys["initialization"]["bias"],
    )


def epochs(prepared: Prepared, theta: Array) -> Iterator[Progress]:
    """Train θ in place, epoch after epoch."""
    keys = prepared.spec["training"]
    training = prepared.parts["train"].examples
    validation = prepared.parts["validation"].examples if "validation" in prepared.parts else None
    parameters = dict(keys["optimizer"])
    size = len(training.X) if keys["batch_size"] == "full" else keys["batch_size"]
    rng = np.random.default_rng([prepared.spec["seed"], Stream.SHUFFLE])
    name = parameters.pop("name")
    for epoch in fit(prepared.network, theta, training, keys["epochs"], size, name, parameters, rng):
        yield Progress(
            epoch.number, epoch.cost, None if validation is None else costs(prepared.network, theta, validation)
        )


def costs(network: Network, theta: Array, examples: Examples) -> Array:
    """The cost of each member on some rows, (M,)."""
    y_hat = predict(network, theta, examples.X)
    w = examples.w[0, 0].astype(np.float64)
    return np.array([cost(network.loss, member, examples.Y.astype(np.float64), w) for member in y_hat])


def finish(prepared: Prepared, theta: Array, history: list[Progress], threads: int) -> Model:
    """The model, with its metrics on every set beside those of the trivial predictor."""
    measured, constant = {}, {}
    prior = prepared.parts["train"].examples.Y.mean(axis=1, dtype=np.float64)
    for name, part in prepared.parts.items():
        w = part.examples.w[0, 0].astype(np.float64)
        with np.errstate(all="ignore"):
            y_hat = predict(prepared.network, theta, part.examples.X)
        measured[name] = evaluate(prepared.target, prepared.network.loss, y_hat, part.truth, w)
        constant[name] = trivial(prepared.target, prior, part.truth)
    record = {
        "rows": {name: part.n for name, part in prepared.parts.items()},
        "metrics": measured,
        "prior": prior.tolist(),
        "trivial": constant,
        "history": {
            "cost": [float(epoch.cost.mean()) for epoch in history],
            "validation": [float(epoch.validation.mean()) for epoch in history if epoch.validation is not None],
        },
        "versions": versions(),
        "threads": threads,
        "seed": prepared.spec["seed"],
        "data_sha256": prepared.sha256,
    }
    return Model(prepared.spec, theta, prepared.features, prepared.target, prepared.dialect, record)


def gradient_check(prepared: Prepared) -> GradientCheck:
    """The gradients of this network, at its initial weights, on its own training rows."""
    rng = np.random.default_rng([prepared.spec["seed"], Stream.CHECK])
    X, Y, w = prepared.parts["train"].examples
    rows = rng.permutation(len(X))[:32]
    few = Examples(X[rows], np.ascontiguousarray(Y[:, rows]), np.ascontiguousarray(w[:, :, rows]))
    return check_gradient(prepared.network, initial(prepared), few, rng)


def output_path(loaded: LoadedSpec, spec_path: Path, option: Path | None) -> Path:
    """Where the model goes: the option, else the spec's `output`, else beside the spec with the ending .npz."""
    if option is not None:
        return option
    return loaded.folder / loaded.spec.output if loaded.spec.output else spec_path.with_suffix(".npz")
