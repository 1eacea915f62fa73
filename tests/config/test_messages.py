"""A mistake in a spec is told in the words of the spec: its place, its key, what was expected and what was found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.config.build import dump
from nnfit.config.check import violations
from nnfit.config.document import parse
from nnfit.config.loader import validate
from nnfit.config.schema import json_schema
from nnfit.config.spec import Spec
from nnfit.errors import SpecError

WHOLE = """\
data:
  train: t.csv
  target: y
network:
  layers:
    - {size: 4, activation: tanh}
    - {size: auto, activation: softmax}
training:
  epochs: 5
"""
SIGMAS = (
    "linear, identity, step, logistic, sigmoid, tanh, relu, leaky_relu, elu, selu, gelu, silu, swish, mish, "
    "softplus, softmax"
)

# what is written instead of a part of the spec above, and what nnfit says to it
MISTAKES = [
    (
        "  train: t.csv\n",
        "",
        "1:1: data: the key train is missing (the file to learn from, CSV, Parquet or Arrow, or several that are one "
        "table, as a list or a glob)",
    ),
    (
        "train: t.csv",
        "train: 12",
        "2:3: data.train: expected text or a list of text, got 12; put it in quotes to make it text",
    ),
    ("  target: y", "  target: y\n  trian: t.csv", '4:3: data.trian: there is no such key; did you mean "train"?'),
    (
        "train: t.csv",
        "train: []",
        "2:3: data.train: expected text or a list of text, got []; put at least one item in it",
    ),
    ("train: t.csv", "train: [t.csv, t.csv]", '2:3: data.train: "t.csv" stands there twice'),
    (
        "target: y",
        "target: []",
        "3:3: data.target: expected text or a list of text, got []; put at least one item in it",
    ),
    (
        "target: y",
        "target: 2",
        "3:3: data.target: expected text or a list of text, got 2; put it in quotes to make it text",
    ),
    ("target: y", "target: [y, no, 1]", "3:19: data.target[2]: expected text, got 1; put it in quotes to make it text"),
    (
        "target: y",
        "target: y\n  test: 1.5",
        "4:3: data.test: expected a number above 0 and below 1 or text or a list of text or nothing, got 1.5",
    ),
    (
        "target: y",
        "target: y\n  validation: true",
        "4:3: data.validation: expected a number above 0 and below 1 or text or a list of text or nothing, got true",
    ),
    ("target: y", "target: y\n  ignore: id", '4:3: data.ignore: expected a list of text, got "id"'),
    (
        "target: y",
        "target: y\n  separator: ', '",
        '4:3: data.separator: expected one ASCII character or nothing, got ", "',
    ),
    (
        "target: y",
        "target: y\n  columns: {x: {missing: medium}}",
        "4:17: data.columns.x.missing: expected one of median, mean, category or a number, "
        'got "medium"; did you mean "median"?',
    ),
    (
        "target: y",
        "target: y\n  columns: {x: {scaling: none}}",
        '4:17: data.columns.x.scaling: there is no such key; did you mean "scale"?',
    ),
    ("size: 4", "size: 0", "6:8: network.layers[0].size: expected a whole number of at least 1 or auto, got 0"),
    ("size: 4", "size: 2.5", "6:8: network.layers[0].size: expected a whole number of at least 1 or auto, got 2.5"),
    ("size: 4", "size: '4'", '6:8: network.layers[0].size: expected a whole number of at least 1 or auto, got "4"'),
    (
        "size: 4, ",
        "",
        "6:7: network.layers[0]: the key size is missing "
        "(its number of neurons; auto in the output layer fits the target)",
    ),
    (
        "activation: tanh",
        "activation: tanhh",
        f'6:17: network.layers[0].activation: expected one of {SIGMAS}, got "tanhh"; did you mean "tanh"?',
    ),
    (
        "activation: tanh",
        "activation: {name: lineal}",
        f'6:30: network.layers[0].activation.name: expected one of {SIGMAS}, got "lineal"; did you mean "linear"?',
    ),
    (
        "activation: tanh",
        "activation: 5",
        f"6:17: network.layers[0].activation: expected one of {SIGMAS} or a mapping or a list of mappings, got 5",
    ),
    (
        "activation: tanh",
        "activation: {name: linear, k: steep}",
        '6:44: network.layers[0].activation.k: expected a number, got "steep"',
    ),
    (
        "activation: tanh",
        "activation: {name: tanh, k: 1}",
        "6:42: network.layers[0].activation.k: there is no such key; known here: name",
    ),
    (
        "activation: tanh",
        "activation: {name: step, gradient: through}",
        "6:42: network.layers[0].activation.gradient: expected one of none, straight_through, "
        'got "through"; did you mean "straight_through"?',
    ),
    (
        "activation: tanh",
        "activation: [{name: tanh}]",
        "6:30: network.layers[0].activation[0]: the key size is missing",
    ),
    ("training:", "trainig:", '8:1: trainig: there is no such key; did you mean "training"?'),
    ("epochs: 5", "epochs: -1", "9:3: training.epochs: expected a whole number of at least 0, got -1"),
    ("epochs: 5", "epochs: many", '9:3: training.epochs: expected a whole number of at least 0, got "many"'),
    ("epochs: 5", "batch_size: 0", "9:3: training.batch_size: expected a whole number of at least 1 or full, got 0"),
    (
        "epochs: 5",
        "optimizer: adamm",
        '9:3: training.optimizer: expected one of sgd, adagrad, rmsprop, adam, adamw, lbfgs, got "adamm"; '
        'did you mean "adam"?',
    ),
    (
        "epochs: 5",
        "optimizer: {name: sgd, learning_rate: fast}",
        '9:26: training.optimizer.learning_rate: expected a number above 0, got "fast"',
    ),
    (
        "epochs: 5",
        "optimizer: {name: sgd, momentum: 1}",
        "9:26: training.optimizer.momentum: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "epochs: 5",
        "optimizer: {name: sgd, nesterov: yes}",
        '9:26: training.optimizer.nesterov: expected true or false, got "yes"',
    ),
    (
        "epochs: 5",
        "optimizer: {name: adam, momentum: 0}",
        "9:27: training.optimizer.momentum: there is no such key; "
        "known here: name, learning_rate, beta1, beta2, epsilon",
    ),
    ("epochs: 5", "epochs: 5\nseed: -1", "10:1: seed: expected a whole number of at least 0, got -1"),
    (
        "epochs: 5",
        "epochs: 5\noutput: 3",
        "10:1: output: expected text or nothing, got 3; put it in quotes to make it text",
    ),
    ("training:\n  epochs: 5", "training: []", "8:1: training: expected a mapping, got []"),
    (
        "training:\n  epochs: 5",
        "loss: mes",
        "8:1: loss: expected one of mse, rss, mae, huber, bce, cross_entropy, CE, multinomial_ce, "
        'categorical_crossentropy or nothing, got "mes"; did you mean "mse"?',
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES, ids=[new or old for old, new, _ in MISTAKES])
def test_a_mistake_is_named_with_its_place_key_and_remedy(
    refused: Callable[..., str], old: str, new: str, expected: str
) -> None:
    assert WHOLE.count(old) >= 1
    assert refused(WHOLE.replace(old, new, 1)) == f"spec.yaml:{expected}"


def test_what_is_no_mapping_is_refused(refused: Callable[..., str]) -> None:
    for text in ("", "- data", "data", "3"):
        assert refused(text).endswith("expected a mapping with the keys data and network")


def test_a_long_value_is_shortened(refused: Callable[..., str]) -> None:
    expected = 'spec.yaml:9:3: training.epochs: expected a whole number of at least 0, got "' + "x" * 56 + "…"
    assert refused(WHOLE.replace("epochs: 5", "epochs: " + "x" * 1000)) == expected


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 399, "9" * 500, "0x" + "f" * 4000], ids=lambda n: n[:3])
@pytest.mark.parametrize("key", ["seed", "network: {members", "training: {optimizer: {name: sgd, learning_rate"])
def test_a_number_too_large_for_any_use_is_refused(refused: Callable[..., str], key: str, number: str) -> None:
    head = "data: {train: t.csv, target: y}\n"
    text = head + f"{key}: {number}" + "}" * key.count("{")
    assert refused(text).count("\n") <= 1  # beside the number, the key network is missing or incomplete


def test_all_mistakes_are_listed_at_once_in_the_order_of_the_file(refused: Callable[..., str]) -> None:
    text = """\
data: {train: t.csv, target: 3}
network:
  layers:
    - {size: -1, activation: tahn}
    - {size: auto, activation: softmax}
seed: x
"""
    assert refused(text).splitlines() == [
        "spec.yaml:1:22: data.target: expected text or a list of text, got 3; put it in quotes to make it text",
        "spec.yaml:4:8: network.layers[0].size: expected a whole number of at least 1 or auto, got -1",
        f'spec.yaml:4:18: network.layers[0].activation: expected one of {SIGMAS}, got "tahn"; did you mean "tanh"?',
        'spec.yaml:6:1: seed: expected a whole number of at least 0, got "x"',
    ]


def test_a_mistake_in_an_anchored_value_is_named_where_it_is_used(refused: Callable[..., str]) -> None:
    text = """\
data: {train: &name 7, target: y}
network:
  layers:
    - {size: auto, activation: linear}
output: *name
"""
    assert refused(text).splitlines() == [
        "spec.yaml:1:8: data.train: expected text or a list of text, got 7; put it in quotes to make it text",
        "spec.yaml:5:1: output: expected text or nothing, got 7; put it in quotes to make it text",
    ]


def test_a_word_is_never_proposed_for_itself(refused: Callable[..., str]) -> None:
    found = refused(WHOLE.replace("activation: tanh", "activation: [tanh]"))
    assert found.startswith("spec.yaml:6:30: network.layers[0].activation[0]: expected a mapping")
    assert "did you mean" not in found


@pytest.mark.parametrize("entry", ["activation: {k: 2}", "activation: {}"])
def test_an_entry_without_a_name_is_told_that_the_name_is_missing(refused: Callable[..., str], entry: str) -> None:
    found = refused(WHOLE.replace("activation: tanh", entry))
    assert found.startswith("spec.yaml:6:")
    assert "name" in found


FULL = dump(validate(parse(WHOLE.replace("epochs: 5", "epochs: 5\nseed: 3").encode(), "spec.yaml")))
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.sampled_from(["", "auto", "full", "relu", "softmax", "step", "mse", "bce", "adam", "none", "numeric", "é"])
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "size", "k", "type", "x", "0"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@given(st.sampled_from(list(places(FULL))), VALUES, st.booleans())
def test_any_value_in_any_place_makes_a_spec_or_a_spec_error_with_places(
    path: tuple[Any, ...], value: Any, without_loss: bool
) -> None:
    changed = copy.deepcopy(FULL)
    if without_loss:
        changed["loss"] = None
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    try:
        assert isinstance(validate(parse(json.dumps(changed).encode(), "spec.yaml")), Spec)
    except SpecError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message
            assert (problem.place.file, problem.place.line) == ("spec.yaml", 1)
            assert problem.place.column is not None


ORACLE = jsonschema.Draft202012Validator(json_schema())


@given(st.sampled_from(list(places(FULL))), VALUES)
def test_the_check_accepts_what_any_validator_of_the_schema_accepts(path: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(FULL)
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    schema = json_schema()
    assert ORACLE.is_valid(changed) == (next(violations(schema, schema, changed), None) is None)
