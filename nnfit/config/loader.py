"""From the bytes of a spec to a Spec: parse, override, validate, and hold the layers against the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from nnfit.config import document as yaml_document
from nnfit.config.document import Document
from nnfit.config.messages import problems
from nnfit.config.schema import Spec
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.losses import LOSSES
from nnfit.errors import Problem, SpecError


class LoadedSpec(NamedTuple):
    """A spec, where its keys were written (for later errors), and the folder its paths are relative to."""

    spec: Spec
    document: Document
    folder: Path


def load_spec(path: Path, overrides: list[str] | None = None) -> LoadedSpec:
    """Read a spec file; every mistake in it is listed in one SpecError."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise SpecError(Problem("this is a folder; expected a spec file", str(path))) from None
    except OSError as error:
        raise SpecError(Problem(f"cannot be read: {error.strerror}", str(path))) from None
    document = yaml_document.parse(data, str(path))
    for option in overrides or []:
        yaml_document.override(document, option)
    return LoadedSpec(validate(document), document, path.parent)


def stored_spec(value: dict[str, Any], file: str) -> LoadedSpec:
    """The spec that a model holds; its paths are relative to the current folder."""
    document = Document(file, value)
    return LoadedSpec(validate(document), document, Path())


def validate(document: Document) -> Spec:
    """The Spec of a document, with the loss filled in."""
    if not isinstance(document.value, dict):
        raise SpecError(document.problem((), "expected a mapping with the keys data and network"))
    try:
        spec = Spec.model_validate(document.value)
    except ValidationError as error:
        raise SpecError(*problems(error, document, Spec)) from None
    if spec.loss is None:
        output = activations(spec)[-1][0].name
        loss = {"softmax": "cross_entropy", "logistic": "bce"}.get(output, "mse")
        spec = spec.model_copy(update={"loss": loss})
    found = list(contradictions(spec, document))
    if found:
        raise SpecError(*found)
    return spec


def activations(spec: Spec) -> list[tuple[Any, ...]]:
    """The groups of each layer: one entry, or several in a mixed layer."""
    return [
        layer.activation if isinstance(layer.activation, tuple) else (layer.activation,)
        for layer in spec.network.layers
    ]


def contradictions(spec: Spec, document: Document) -> list[Problem]:
    """What the keys say against each other, layer after layer."""
    found = []
    shares = [share for share in (spec.data.validation, spec.data.test) if isinstance(share, float)]
    if sum(shares) >= 1:
        found.append(document.problem(("data", "test"), "validation and test together leave no rows to train on"))
    training = spec.training
    if training.resample != "none" and spec.network.members < 2:
        message = f"{training.resample} needs several members, each with rows of its own; set network.members: 8"
        found.append(document.problem(("training", "resample"), message))
    held_out = training.resample != "none" or spec.data.validation is not None
    for key, wanted in (
        ("early_stopping", training.early_stopping),
        ("calibration", training.calibration != "none"),
        ("threshold", not isinstance(training.threshold, float)),
    ):
        if wanted and not held_out:
            message = "needs rows that are not learnt from; set data.validation, or training.resample: folds"
            found.append(document.problem(("training", key), message))
    if training.schedule.name == "plateau" and not held_out:
        message = "plateau follows the validation cost; set data.validation, or training.resample: folds"
        found.append(document.problem(("training", "schedule"), message))
    if training.optimizer.name == "lbfgs":
        found += [
            document.problem(("training", key), f"lbfgs takes whole steps on all rows; {remedy}")
            for key, fits, remedy in (
                ("batch_size", training.batch_size == "full", "set batch_size: full"),
                (
                    "schedule",
                    training.schedule.name == "constant" and not training.schedule.warmup,
                    "leave out schedule",
                ),
                ("dropout", not training.dropout, "leave out dropout, which changes the cost at every step"),
                ("l1", not training.l1, "leave out l1, which has no gradient at 0, or use l2"),
                ("clip_norm", training.clip_norm is None, "leave out clip_norm"),
                ("clip_value", training.clip_value is None, "leave out clip_value"),
                ("average", training.average.name == "none", "leave out average"),
            )
            if not fits
        ]
    layers = spec.network.layers
    groups_of = activations(spec)
    for i, (layer, groups) in enumerate(zip(layers, groups_of, strict=True)):
        at = ("network", "layers", i)
        output = i == len(layers) - 1
        if layer.size == "auto" and not output:
            found.append(document.problem((*at, "size"), "auto is for the output layer; give a hidden layer its size"))
        if len(groups) > 1 or isinstance(layer.activation, tuple):
            total = sum(group.size for group in groups)
            if layer.size != total:
                message = f"its activations have {total} neurons together, but the layer has {layer.size}"
                found.append(document.problem((*at, "size"), message))
        for j, group in enumerate(groups):
            where = (*at, "activation", j) if isinstance(layer.activation, tuple) else (*at, "activation")
            if ACTIVATIONS[group.name].whole_layer and isinstance(layer.activation, tuple):
                found.append(
                    document.problem(where, f"{group.name} couples all neurons of a layer; give it a layer of its own")
                )
            if ACTIVATIONS[group.name].whole_layer and layer.size == 1:
                message = f"{group.name} with one neuron is always 1; use logistic, or as many neurons as classes"
                found.append(document.problem(where, message))
            if group.name == "step" and group.gradient == "none" and spec.training.epochs:
                message = (
                    "the derivative of step is 0 wherever it exists, so the weights below it cannot learn; use "
                    "{name: step, gradient: straight_through}, or logistic, whose prediction is the decision p ≥ ½"
                    if output
                    else "the derivative of step is 0 wherever it exists, so the weights below it cannot learn; use "
                    "{name: step, gradient: straight_through}, or another activation"
                )
                found.append(document.problem(where, message))
            assert spec.loss is not None
            loss = LOSSES[spec.loss]
            produced = ACTIVATIONS[group.name].range
            if output and not produced.within(loss.accepts):
                legal = " or ".join(name for name, sigma in ACTIVATIONS.items() if sigma.range.within(loss.accepts))
                message = (
                    f"{spec.loss} cannot follow {group.name}, whose outputs lie in {produced.text}: "
                    f"{loss.reason}; use {legal} in the output layer, or another loss"
                )
                found.append(document.problem(("loss",) if "loss" in document.value else where, message))
    return found
