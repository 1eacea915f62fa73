"""From an estimator's parameters to a spec: flat words, each for one key of it.

A parameter that is None says nothing: what holds then is what `nnfit init` proposes for the table, or, with `spec=`,
what that spec says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnfit.config.budget import Fitted
from nnfit.config.findings import Findings
from nnfit.config.proposed import proposed
from nnfit.errors import Place, Problem, SpecError

# Each parameter and its key; layers and activation say together what the hidden layers are.
KEYS = {
    "layers": "network.layers",
    "activation": "network.layers",
    "members": "network.members",
    "dtype": "network.dtype",
    "loss": "loss",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "optimizer": "training.optimizer",
    "learning_rate": "training.optimizer.learning_rate",
    "weight_decay": "training.optimizer.weight_decay",
    "schedule": "training.schedule",
    "dropout": "training.dropout",
    "early_stopping": "training.early_stopping",
    "validation": "data.validation",
    "resample": "training.resample",
    "class_weight": "training.class_weight",
    "random_state": "seed",
}
Given = Mapping[str, Any]  # parameters that are not None, by name


def suited(found: Findings, fit: Fitted, given: Given) -> dict[str, Any]:
    """What is proposed for a table, as what is given allows it: without rows held out nothing is watched."""
    recipe = fit.recipe
    folds = recipe.folds and given.get("resample") != "none" and given.get("members") != 1
    spec = proposed(found, recipe._replace(folds=folds))
    if recipe.folds and not folds and "validation" in given:
        spec["training"]["early_stopping"] = {"patience": recipe.patience}
    return spec


def overrides(given: Given, spec: Any) -> dict[str, Any]:
    """What the parameters say, by key, of a spec that says other things; the more general key first."""
    said = {name: given[name] for name in KEYS if name in given}
    found: dict[str, Any] = {}
    sizes, activation = said.pop("layers", None), said.pop("activation", None)
    present = part(spec, "network", "layers")
    asked = [name for name, value in (("layers", sizes), ("activation", activation)) if value is not None]
    if asked and present in (None, []):
        message = f"{' and '.join(asked)} say what the hidden layers are, and the spec has no network.layers"
        remedy = 'give it the last one, as {"network": {"layers": [{"size": "auto", "activation": "softmax"}]}}'
        raise SpecError(Problem("missing-key", message, remedy, Place(key=asked[0])))
    if asked and isinstance(present, list):
        found["network.layers"] = layers(present, sizes, activation)
    stopping = said.pop("early_stopping", None)
    if stopping is not None and not (stopping is True and part(spec, "training", "early_stopping")):
        found["training.early_stopping"] = patience(stopping)
    return found | {KEYS[name]: value for name, value in said.items()}


def part(spec: Any, *path: str) -> Any:
    """What a spec says at a path of keys; None where it says nothing."""
    for key in path:
        spec = spec.get(key) if isinstance(spec, Mapping) else None
    return spec


def patience(stopping: Any) -> Any:
    """What early_stopping says: whether at all, after how many epochs, or its keys."""
    if isinstance(stopping, bool):
        return {} if stopping else None
    return stopping if isinstance(stopping, Mapping) else {"patience": stopping}


def layers(present: Sequence[Any], sizes: Any, activation: Any) -> list[Any]:
    """The layers with other hidden ones: of these sizes (or mappings, as in a spec), with this activation."""
    *hidden, output = present
    if sizes is None:
        return [*({**layer, "activation": activation} for layer in hidden if isinstance(layer, Mapping)), output]
    usual = activation or part(hidden[0] if hidden else None, "activation") or "mish"
    sizes = sizes.tolist() if hasattr(sizes, "tolist") else sizes
    several = sizes if isinstance(sizes, list | tuple) else [sizes]
    own = (layer if isinstance(layer, Mapping) else {"size": layer} for layer in several)
    return [*({"activation": usual, **layer} for layer in own), output]
