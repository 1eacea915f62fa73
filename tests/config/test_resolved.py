"""What a spec means when nothing is left out: defaults, aliases, and the loss that follows from the output."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from nnfit.config.schema import Spec, _entry
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.schedules import SCHEDULES

Read = Callable[..., Spec]

LEAST = "data: {train: t.csv, target: y}\nnetwork: {layers: [{size: auto, activation: softmax}]}\n"


def test_every_default_is_filled_in(read: Read) -> None:
    assert read(LEAST).model_dump(mode="json") == {
        "data": {
            "train": "t.csv",
            "target": ["y"],
            "validation": None,
            "test": None,
            "features": None,
            "ignore": [],
            "weight": None,
            "missing": [],
            "separator": ",",
            "encoding": "utf-8",
            "decimal": ".",
            "columns": {},
        },
        "network": {
            "input": "auto",
            "layers": [{"size": "auto", "activation": {"name": "softmax"}}],
            "initialization": {"weights": {"name": "auto"}, "bias": 1.0, "output_gain": 1.0},
            "dtype": "float32",
            "members": 1,
        },
        "loss": "cross_entropy",
        "training": {
            "epochs": 200,
            "batch_size": 32,
            "optimizer": {"name": "adam", "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
            "schedule": {"name": "constant", "warmup": 0.0},
            "resample": "none",
            "early_stopping": None,
            "calibration": "none",
            "dropout": 0.0,
            "label_smoothing": 0.0,
            "l2": 0.0,
            "l1": 0.0,
            "threshold": 0.5,
            "average": {"name": "none"},
            "clamp": False,
            "clip_norm": None,
            "clip_value": None,
            "class_weight": None,
            "weighted_metrics": False,
            "baseline": True,
            "checkpoint": None,
        },
        "seed": 0,
        "output": None,
    }


def test_the_resolved_spec_is_a_spec_that_means_the_same(read: Read) -> None:
    text = LEAST + "training: {optimizer: {name: sgd, momentum: 0.5}}\nseed: 1e3\n"
    resolved = read(text).model_dump(mode="json")
    assert read(json.dumps(resolved)).model_dump(mode="json") == resolved


@pytest.mark.parametrize(
    ("alias", "name"), [("sigmoid", "logistic"), ("identity", "linear"), ("ReLU", "relu"), ("swish", "silu")]
)
@pytest.mark.parametrize("written", ["{}", "{{name: {}}}", "[{{name: {}, size: 4}}]"])
def test_an_alias_of_an_activation_becomes_its_name(read: Read, alias: str, name: str, written: str) -> None:
    layer = f"{{size: 4, activation: {written.format(alias)}}}"
    text = LEAST.replace("[{size: auto", f"[{layer}, {{size: auto")
    assert read(text) == read(text.replace(alias, name))
    activation = read(text).network.layers[0].activation
    assert (activation[0] if isinstance(activation, tuple) else activation).name == name


@pytest.mark.parametrize(
    ("alias", "name", "output"),
    [
        ("MSE", "mse", "linear"),
        ("RSS", "rss", "linear"),
        ("MAE", "mae", "linear"),
        ("BCE", "bce", "logistic"),
        ("CE", "cross_entropy", "softmax"),
        ("multinomial_ce", "cross_entropy", "softmax"),
        ("categorical_crossentropy", "cross_entropy", "softmax"),
    ],
)
def test_an_alias_of_a_loss_becomes_its_name(read: Read, alias: str, name: str, output: str) -> None:
    assert read(LEAST.replace("softmax", output) + f"loss: {alias}\n").loss == name


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES])
def test_every_activation_and_loss_of_the_tables_is_a_word_of_the_spec(read: Read, name: str) -> None:
    if name in ACTIVATIONS:
        text = LEAST.replace("[{size: auto", f"[{{size: 4, activation: {name}}}, {{size: auto")
        assert read(text + "training: {epochs: 0}").network.layers[0].activation.name == name
    else:
        legal = next(key for key, sigma in ACTIVATIONS.items() if sigma.range.within(LOSSES[name].accepts))
        assert read(LEAST.replace("softmax", legal) + f"loss: {name}").loss == name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_named_alone_has_the_defaults_of_the_table(read: Read, name: str) -> None:
    found = read(LEAST + f"training: {{optimizer: {name}, batch_size: full}}").training.optimizer.model_dump()
    assert found == {"name": name} | {p.name: p.default for p in OPTIMIZERS[name].parameters}


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_an_initialization_named_alone_has_the_defaults_of_the_table(read: Read, name: str) -> None:
    text = LEAST.replace("{layers:", f"{{initialization: {{weights: {name}}}, layers:")
    found = read(text).network.initialization.weights.model_dump()
    assert found == {"name": name} | {p.name: p.default for p in INITIALIZATIONS[name].parameters}


@pytest.mark.parametrize(
    ("output", "loss"),
    [("softmax", "cross_entropy"), ("logistic", "bce"), ("linear", "mse"), ("tanh", "mse"), ("relu", "mse")],
)
def test_the_loss_that_is_not_written_follows_from_the_output_layer(read: Read, output: str, loss: str) -> None:
    assert read(LEAST.replace("softmax", output)).loss == loss


def test_whole_numbers_may_be_written_with_an_exponent(read: Read) -> None:
    spec = read(LEAST + "training: {epochs: 1e3, batch_size: 2.0}\nseed: 4e0\n")
    assert (spec.training.epochs, spec.training.batch_size, spec.seed) == (1000, 2, 4)
    assert type(spec.training.epochs) is int


def test_a_spec_never_changes(read: Read) -> None:
    spec = read(LEAST)
    with pytest.raises(ValueError, match="frozen"):
        spec.seed = 3
    assert spec.seed == 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_can_be_an_entry_of_a_spec(name: str) -> None:
    entry: TypeAdapter[Any] = TypeAdapter(_entry(SCHEDULES, {}))
    assert entry.validate_python(name).model_dump() == {"name": name} | {
        p.name: p.default for p in SCHEDULES[name].parameters
    }
    assert entry.validate_python({"name": name, "warmup": 0.1}).warmup == 0.1
    with pytest.raises(ValidationError):
        entry.validate_python({"name": name, "warmup": 1.0})


def test_a_whole_number_of_a_table_is_one_in_the_spec() -> None:
    entry: TypeAdapter[Any] = TypeAdapter(_entry(SCHEDULES, {}))
    assert entry.validate_python({"name": "plateau", "patience": 3}).patience == 3
    for patience in (0, 2.5, True):
        with pytest.raises(ValidationError):
            entry.validate_python({"name": "plateau", "patience": patience})
