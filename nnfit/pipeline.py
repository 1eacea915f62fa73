"""Training a prepared network: θ at the start, the epochs, and the model with its metrics at the end.

Nothing here prints: the caller iterates over `epochs` and shows what it likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnfit.core.gradcheck import GradientCheck, check_gradient
from nnfit.core.initialization import initialize
from nnfit.core.network import Network, predict
from nnfit.core.parameter import Array
from nnfit.core.training import Examples, State, begin, fit
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


@dataclass
class Run:
    """A training under way: what is trained, how far it is, and its history."""

    prepared: Prepared
    state: State
    history: list[Progress] = field(default_factory=list)


def start(prepared: Prepared) -> Run:
    """A training before its first epoch."""
    name, parameters = optimizer(prepared)
    return Run(prepared, begin(initial(prepared), name, parameters))


def optimizer(prepared: Prepared) -> tuple[str, dict[str, Any]]:
    """The name of the optimizer and its parameters."""
    parameters = dict(prepared.spec["training"]["optimizer"])
    return parameters.pop("name"), parameters


def batch_size(prepared: Prepared) -> int:
    """Examples per update: at most all of them."""
    n, size = prepared.parts["train"].n, prepared.spec["training"]["batch_size"]
    return n if size == "full" else min(n, size)


def steps(prepared: Prepared) -> int:
    """Updates per epoch; the last may be of fewer examples."""
    return -(-prepared.parts["train"].n // batch_size(prepared))


def epochs(run: Run, stop: Sequence[object] = ()) -> Iterator[Progress]:
    """Train epoch after epoch, from where the run is; it ends before the next step once there is anything in `stop`."""
    prepared, state = run.prepared, run.state
    keys = prepared.spec["training"]
    training = prepared.parts["train"].examples
    validation = prepared.parts["validation"].examples if "validation" in prepared.parts else None
    size = batch_size(prepared)
    seeds = prepared.spec["seed"], Stream.SHUFFLE
    for epoch in fit(
        prepared.network, state, training, keys["epochs"], size, *optimizer(prepared), seeds=seeds, stop=stop
    ):
        held_out = None if validation is None else costs(prepared.network, state.theta, validation)
        run.history.append(Progress(epoch.number, epoch.cost, held_out))
        yield run.history[-1]


def costs(network: Network, theta: Array, examples: Examples) -> Array:
    """The cost of each member on some rows, (M,)."""
    y_hat = predict(network, theta, examples.X)
    w = examples.w[0, 0].astype(np.float64)
    return np.array([cost(network.loss, member, examples.Y.astype(np.float64), w) for member in y_hat])


def finish(run: Run, threads: int) -> Model:
    """The model, with its metrics on every set beside those of the trivial predictor."""
    prepared, theta, history = run.prepared, run.state.theta, run.history
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
        "data_sha256": prepared.sha256["train"],
    }
    return Model(prepared.spec, theta, prepared.features, prepared.target, prepared.dialect, record)


def train(prepared: Prepared, threads: int) -> Model:
    """The model of a prepared spec, trained from the beginning to the end."""
    run = start(prepared)
    for _ in epochs(run):
        pass
    return finish(run, threads)


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


def checkpoint_path(loaded: LoadedSpec, model: Path) -> Path:
    """Where the checkpoint goes: as the spec says, else beside the model with the ending .checkpoint.npz."""
    keys = loaded.spec.training.checkpoint
    if keys is not None and keys.path is not None:
        return loaded.folder / keys.path
    return model.with_name(model.name.removesuffix(".npz") + ".checkpoint.npz")
