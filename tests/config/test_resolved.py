"""What a spec means when nothing is left out: defaults, aliases, and the loss that follows from the output."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nnfit.config.build import dump
from nnfit.config.loader import load_spec
from nnfit.config.spec import Column, Data, Layer, NetworkKeys, Spec
from nnfit.core.activations import ACTIVATIONS, Linear
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.schedules import SCHEDULES
from nnfit.errors import SpecError

Read = Callable[..., Spec]

LEAST = "data: {train: t.csv, target: y}\nnetwork: {layers: [{size: auto, activation: softmax}]}\n"


def test_every_default_is_filled_in(read: Read) -> None:
    assert dump(read(LEAST)) == {
        "data": {
            "train": "t.csv",
            "target": ["y"],
            "validation": None,
            "test": None,
            "features": None,
            "ignore": [],
            "weight": None,
            "missing": [],
            "separator": None,
            "encoding": "utf-8",
            "decimal": ".",
            "missing_target": "error",
            "split_seed": None,
            "storage": "auto",
            "cache": True,
            "columns": {},
        },
        "network": {
            "input": "auto",
            "layers": [{"size": "auto", "activation": {"name": "softmax"}}],
            "initialization": {"weights": {"name": "auto"}, "bias": 1.0, "data_driven": False, "output_gain": 1.0},
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
    resolved = dump(read(text))
    assert dump(read(json.dumps(resolved))) == resolved


@pytest.mark.parametrize(
    ("alias", "name"), [("sigmoid", "logistic"), ("identity", "linear"), ("ReLU", "relu"), ("swish", "silu")]
)
@pytest.mark.parametrize("written", ["{}", "{{name: {}}}", "[{{name: {}, size: 4}}]"])
def test_an_alias_of_an_activation_becomes_its_name(read: Read, alias: str, name: str, written: str) -> None:
    layer = f"{{size: 4, activation: {written.format(alias)}}}"
    text = LEAST.replace("[{size: auto", f"[{layer}, {{size: auto")
    assert read(text) == read(text.replace(alias, name))
    activation = read(text).network.layers[0].activation
    assert (activation[0].sigma if isinstance(activation, tuple) else activation).name == name


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
        legal = next(key for key, sigma in ACTIVATIONS.items() if sigma.traits.range.within(LOSSES[name].accepts))
        assert read(LEAST.replace("softmax", legal) + f"loss: {name}").loss == name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_named_alone_has_the_defaults_of_the_table(read: Read, name: str) -> None:
    found = read(LEAST + f"training: {{optimizer: {name}, batch_size: full}}").training.optimizer
    assert found == OPTIMIZERS[name]()
    assert found.name == name


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_an_initialization_named_alone_has_the_defaults_of_the_table(read: Read, name: str) -> None:
    text = LEAST.replace("{layers:", f"{{initialization: {{weights: {name}}}, layers:")
    assert read(text).network.initialization.weights == INITIALIZATIONS[name]()


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
    with pytest.raises(FrozenInstanceError):
        spec.seed = 3
    assert spec.seed == 0


HELD_OUT = LEAST.replace("target: y", "target: y, validation: 0.2")


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_can_be_an_entry_of_a_spec(read: Read, name: str) -> None:
    assert read(HELD_OUT + f"training: {{schedule: {name}}}").training.schedule == SCHEDULES[name]()
    warm = read(HELD_OUT + f"training: {{schedule: {{name: {name}, warmup: 0.1}}}}").training.schedule
    assert warm == SCHEDULES[name](warmup=0.1)
    with pytest.raises(SpecError):
        read(HELD_OUT + f"training: {{schedule: {{name: {name}, warmup: 1.0}}}}")


def test_a_whole_number_of_a_table_is_one_in_the_spec(read: Read) -> None:
    def patience(value: object) -> Any:
        text = f"training: {{schedule: {{name: plateau, patience: {value}}}}}"
        return read(HELD_OUT + text).training.schedule

    assert patience(3).patience == 3
    for wrong in (0, 2.5, "true"):
        with pytest.raises(SpecError):
            patience(wrong)


RICH = """\
data:
  train: t.csv
  target: [y, z]
  test: 0.2
  columns: {x: {type: numeric, bins: 4}, c: {min_count: 3}, d: {scale: none, missing: -1}}
network:
  layers:
    - {size: 8, activation: [{name: tanh, size: 5}, {name: linear, size: 3, k: 2}]}
    - {size: auto, activation: linear}
  initialization: {weights: {name: normal, sd: 1}}
training:
  optimizer: {name: sgd, momentum: 0.9}
  average: {name: ema}
  schedule: {name: one_cycle, peak: 0.1}
  checkpoint: {every: 30s}
"""


def test_a_spec_is_a_value_that_can_be_compared_hashed_and_pickled(read: Read) -> None:
    spec, again, other = read(RICH), read(RICH), read(RICH, "training.optimizer.momentum=0.8")
    assert spec == again != other
    assert len({spec, again, other}) == 2
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_mapping_a_spec_and_a_text_come_in_by_one_door(read: Read) -> None:
    spec = read(RICH)
    assert load_spec(yaml.safe_load(RICH)).spec == load_spec(spec).spec == spec


def test_the_mistakes_of_a_mapping_are_told_in_the_same_words_at_their_key_paths() -> None:
    mapping = yaml.safe_load(RICH)
    mapping["training"]["optimizer"]["momentum"] = "fast"
    mapping["network"]["layers"][0]["sise"] = 1
    with pytest.raises(SpecError) as caught:
        load_spec(mapping)
    assert [str(problem) for problem in caught.value.problems] == [
        'network.layers[0].sise: there is no such key; did you mean "size"?',
        'training.optimizer.momentum: expected a number of at least 0 and below 1, got "fast"',
    ]
    assert caught.value.place.key == "network.layers[0].sise"


def test_a_mapping_is_not_changed_by_what_is_overridden() -> None:
    mapping = yaml.safe_load(RICH)
    kept = copy.deepcopy(mapping)
    assert load_spec(mapping, {"training.optimizer.momentum": 0.5}).spec.training.optimizer.momentum == 0.5
    assert mapping == kept


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"x", -1])
def test_values_that_yaml_does_not_know_are_refused_in_words(value: object) -> None:
    mapping = yaml.safe_load(RICH) | {"seed": value}
    with pytest.raises(SpecError, match=r"^seed: expected a "):
        load_spec(mapping)


def test_a_mapping_that_contains_itself_is_refused_with_its_place() -> None:
    mapping = yaml.safe_load(RICH)
    mapping["training"]["optimizer"] = mapping
    with pytest.raises(SpecError, match="nesting deeper than 16 levels is refused") as caught:
        load_spec(mapping)
    assert str(caught.value.place.key).startswith("training.optimizer.training.optimizer")


def test_a_number_without_end_is_refused_with_its_place() -> None:
    with pytest.raises(SpecError, match=r"^seed: a number of more than 400 digits is refused$"):
        load_spec(yaml.safe_load(RICH) | {"seed": 10**5000})


def test_numbers_of_numpy_and_paths_are_taken_as_they_are_meant(tmp_path: Path) -> None:
    mapping = yaml.safe_load(RICH) | {"seed": np.int64(3)}
    mapping["data"]["train"] = tmp_path / "t.csv"
    mapping["data"]["target"] = ("y", "z")
    mapping["data"]["ignore"] = np.array(["a", "b"])
    mapping["training"]["clamp"] = np.bool_(True)
    spec = load_spec(mapping).spec
    assert (spec.seed, spec.data.train, spec.data.target) == (3, str(tmp_path / "t.csv"), ("y", "z"))
    assert (spec.data.ignore, spec.training.clamp) == (("a", "b"), True)


def test_classes_may_be_numbers_of_python_but_not_the_same_text_twice() -> None:
    mapping = yaml.safe_load(LEAST) | {"training": {"class_weight": {1: 2.0, 0: 1.0}}}
    assert load_spec(mapping).spec.training.class_weight == {"1": 2.0, "0": 1.0}
    mapping["training"]["class_weight"]["1"] = 3.0
    with pytest.raises(SpecError, match=r'^training\.class_weight: two keys are the same text, as 1 and "1" are; '):
        load_spec(mapping)


def test_parts_of_a_spec_may_stand_in_a_mapping_and_lists_and_dicts_in_a_spec() -> None:
    layer = Layer(size=1, activation=Linear(k=2.0))
    mapping = {"data": Data(train="t.csv", target=("y",)), "network": {"layers": [layer]}}
    made = Spec(
        data=Data(train="t.csv", target=("y",), columns={"x": Column(bins=3)}),
        network=NetworkKeys(layers=[layer]),
    )
    assert load_spec(mapping).spec == load_spec(made, {"data.columns": {}}).spec
    assert load_spec(made).spec.data.columns == {"x": Column(bins=3)}
    assert hash(load_spec(made).spec) == hash(load_spec(load_spec(made).spec).spec)
