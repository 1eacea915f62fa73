"""Specs that mean something else to other readers of YAML, or nothing: each with the message it gets, whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from nnfit.config.spec import Training
from nnfit.core.activations import ACTIVATIONS, ALIASES
from nnfit.core.optimizers import OPTIMIZERS

Run = Callable[..., Any]

OPTIMIZER_NAMES = ", ".join(OPTIMIZERS)
SPELLED = {name: [name, *(alias for alias in ALIASES if ALIASES[alias] == name)] for name in ACTIVATIONS}
ACTIVATION_NAMES = ", ".join(word for words in SPELLED.values() for word in words if word != "ReLU")

TOP = """\
data: {train: data.csv, target: two}
network: {layers: [{size: 1, activation: logistic}]}
"""
CSV = "x,two,three\n" + "".join(f"{i * i % 7},{'ab'[i % 2]},{'abc'[i % 3]}\n" for i in range(40))


@pytest.fixture
def complaint(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What training says on standard error about a spec that is an error of the spec."""

    def complaint(spec: str | bytes, *options: str) -> str:
        monkeypatch.chdir(tmp_path)
        Path("data.csv").write_text(CSV)
        Path("spec.yaml").write_bytes(spec if isinstance(spec, bytes) else spec.encode())
        before = sorted(tmp_path.iterdir())
        ended = run("train", "spec.yaml", *options)
        assert (ended.code, ended.out) == (3, "")
        assert sorted(tmp_path.iterdir()) == before
        return ended.err

    return complaint


def said(expected: str) -> str:
    return "".join(f"nnfit: {line}\n" for line in expected.split("\n"))


# --- scalars: the message says what each was read as ---------------------------------------------------------------

NUMBERS = {
    "1e-3": "0.001", "1e3": "1000.0", "+.5": "0.5", "010": "10", "-0": "0", "0x1F": "31", "0o17": "15", "1.": "1.0"
}  # fmt: skip
TEXTS = ("no", "on", "off", "yes", "12:30", "2024-01-01", "1_000", "1e", "0b11", "190:20:30", "NO", "y")


@pytest.mark.parametrize("scalar", NUMBERS)
def test_a_number_is_a_number(complaint: Callable[..., str], scalar: str) -> None:
    expected = f"expected text or nothing, got {NUMBERS[scalar]}; put it in quotes to make it text"
    assert complaint(f"{TOP}output: {scalar}\n") == said(f"spec.yaml:3:1: output: {expected}")


@pytest.mark.parametrize("scalar", TEXTS)
def test_a_text_is_a_text(complaint: Callable[..., str], scalar: str) -> None:
    expected = f'expected a whole number of at least 0, got "{scalar}"'
    assert complaint(f"{TOP}seed: {scalar}\n") == said(f"spec.yaml:3:1: seed: {expected}")


# --- what may follow the first two lines of a spec -----------------------------------------------------------------

KEYS = [
    ("seed: 1\nseed: 2", 'spec.yaml:4:1: the key "seed" is given twice, first in line 3'),
    (
        "training: {epochs: 1,\n  batch_size: 2, epochs: 3}",
        'spec.yaml:4:18: the key "epochs" is given twice, first in line 3',
    ),
    ("1: a", "spec.yaml:3:1: a key must be text, not 1; put it in quotes"),
    ("true: a", "spec.yaml:3:1: a key must be text, not true; put it in quotes"),
    ("~: a", "spec.yaml:3:1: a key must be text, not ~; put it in quotes"),
    ("1.5: a", "spec.yaml:3:1: a key must be text, not 1.5; put it in quotes"),
    ("[a]: b", "spec.yaml:3:1: a key must be text, not a list, a mapping or an alias; write a name"),
    ("? {a: 1}\n: b", "spec.yaml:3:3: a key must be text, not a list, a mapping or an alias; write a name"),
    (
        '"1": a',
        "spec.yaml:3:1: 1: there is no such key; known here: data, network, loss, training, seed, output, extends",
    ),
    ("!!str a: b", "spec.yaml:3:1: the tag !!str is refused; write the value alone"),
    ("&a seed: 1\n*a : 2", "spec.yaml:4:1: a key must be text, not a list, a mapping or an alias; write a name"),
]
REFUSED = [
    ("seed: !!int 3", "spec.yaml:3:7: the tag !!int is refused; write the value alone"),
    ("seed: !mine 3", "spec.yaml:3:7: the tag !mine is refused; write the value alone"),
    (
        "seed: !!python/object/apply:os.system [ls]",
        "spec.yaml:3:7: the tag !!python/object/apply:os.system is refused; write the value alone",
    ),
    (
        "training:\n\tepochs: 1",
        "spec.yaml:4:1: not valid YAML: found character that cannot start any token; indent with spaces, not tabs",
    ),
    (
        "training:\n  epochs: 1\n\tbatch_size: 2",
        "spec.yaml:5:1: not valid YAML: found a tab character that violates indentation, while scanning a plain "
        "scalar that begins in line 4; indent with spaces, not tabs",
    ),
    ("seed: .inf", "spec.yaml:3:7: .inf is not a finite number; put it in quotes if it is text"),
    ("seed: .nan", "spec.yaml:3:7: .nan is not a finite number; put it in quotes if it is text"),
    ("seed: 1e400", "spec.yaml:3:7: 1e400 is not a finite number; put it in quotes if it is text"),
    (
        "seed: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "spec.yaml:3:22: nesting deeper than 16 levels is refused; no key of a spec lies that deep",
    ),
    ("seed: *s", "spec.yaml:3:7: the alias *s has no anchor &s before it"),
    ("seed: &s [*s]", "spec.yaml:3:11: the alias *s has no anchor &s before it"),
    (
        "a: &a {epochs: 1}\ntraining: {<<: *a}",
        "spec.yaml:4:12: merge keys (<<) are not part of YAML 1.2; write the keys out",
    ),
    ("---\nseed: 1", "spec.yaml:3:1: a spec is one YAML document; remove what follows ---"),
    (
        "seed: 'x",
        "spec.yaml:4:1: not valid YAML: found unexpected end of stream, while scanning a quoted scalar that "
        "begins in line 3",
    ),
    (
        "seed: {a: 1",
        "spec.yaml:4:1: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping that "
        "begins in line 3",
    ),
    (
        "seed: a: b",
        'spec.yaml:3:8: not valid YAML: mapping values are not allowed in this context; put text that holds ": " '
        "in quotes",
    ),
    ("seed: a\x00", "spec.yaml:3:8: the control character '\\x00' is not allowed in YAML; remove it"),
    (
        "seed: 9007199254740992",
        "spec.yaml:3:1: seed: expected a number below 9,007,199,254,740,992, got 9007199254740992",
    ),
    (
        "training: {batch_size: 1152921504606846976}",
        "spec.yaml:3:12: training.batch_size: expected a number below 9,007,199,254,740,992, got 1152921504606846976",
    ),
    ("network: {}", 'spec.yaml:3:1: the key "network" is given twice, first in line 2'),
]
NAMES = [
    ("sed: 1", 'spec.yaml:3:1: sed: there is no such key; did you mean "seed"?'),
    ("traning: {}", 'spec.yaml:3:1: traning: there is no such key; did you mean "training"?'),
    (
        "colour: 1",
        "spec.yaml:3:1: colour: there is no such key; known here: data, network, loss, training, seed, output, extends",
    ),
    ("training: {epoch: 1}", 'spec.yaml:3:12: training.epoch: there is no such key; did you mean "epochs"?'),
    (
        "training: {zzz: 1}",
        "spec.yaml:3:12: training.zzz: there is no such key; known here: "
        + ", ".join(key.name for key in fields(Training)),
    ),
    (
        "loss: cross_entopy",
        "spec.yaml:3:1: loss: expected one of mse, rss, mae, huber, bce, cross_entropy, CE, multinomial_ce, "
        'categorical_crossentropy or nothing, got "cross_entopy"; did you mean "cross_entropy"?',
    ),
    (
        "training: {optimizer: adem}",
        f'spec.yaml:3:12: training.optimizer: expected one of {OPTIMIZER_NAMES}, got "adem"; did you mean "adam"?',
    ),
    (
        "training: {optimizer: {name: adam, momentum: 0.9}}",
        "spec.yaml:3:36: training.optimizer.momentum: there is no such key; known here: name, learning_rate, "
        "beta1, beta2, epsilon",
    ),
    (
        "training: {optimizer: {learning_rate: 1}}",
        f"spec.yaml:3:12: training.optimizer: the key name is missing, one of {OPTIMIZER_NAMES}; add name: adam, which "
        "is the default",
    ),
    (
        "training: {optimizer: {name: sgd, learning_rate: fast}}",
        'spec.yaml:3:35: training.optimizer.learning_rate: expected a number above 0, got "fast"',
    ),
    (
        "training: {epochs: -1, batch_size: 0,\n  optimizer: {name: sgd, momentum: 1}}\nseed: 0.5",
        "spec.yaml:3:12: training.epochs: expected a whole number of at least 0, got -1\n"
        "spec.yaml:3:24: training.batch_size: expected a whole number of at least 1 or full, got 0\n"
        "spec.yaml:4:26: training.optimizer.momentum: expected a number of at least 0 and below 1, got 1\n"
        "spec.yaml:5:1: seed: expected a whole number of at least 0, got 0.5",
    ),
    ("output: ''", 'spec.yaml:3:1: output: expected text or nothing, got ""; give it a value, or leave the key out'),
    ("training: 3", "spec.yaml:3:1: training: expected a mapping, got 3"),
]


@pytest.mark.parametrize(("lines", "expected"), KEYS + REFUSED + NAMES)
def test_what_is_doubtful_in_a_spec_is_refused(complaint: Callable[..., str], lines: str, expected: str) -> None:
    assert complaint(f"{TOP}{lines}\n") == said(expected)


# --- specs that are wrong as a whole -------------------------------------------------------------------------------

WHOLE = [
    ("", "spec.yaml: expected a mapping with the keys data and network"),
    ("hello", "spec.yaml:1:1: expected a mapping with the keys data and network"),
    ("- a", "spec.yaml:1:1: expected a mapping with the keys data and network"),
    (
        "seed: 1",
        "spec.yaml:1:1: the key data is missing (the tables, and what their columns are for)\n"
        "spec.yaml:1:1: the key network is missing (the layers from the input to the output)",
    ),
    (
        "data: {train: t.csv, target: y}\nnetwork: {layers: [{size: 1, activation: sigmod}]}",
        "spec.yaml:2:30: network.layers[0].activation: expected one of "
        f'{ACTIVATION_NAMES}, got "sigmod"; did you mean "sigmoid"?',
    ),
    (
        "data: {train: t.csv, target: y,\n  columns: {x: {scale: standart, degree: 11}}}\nnetwork: {layers: []}",
        "spec.yaml:2:17: data.columns.x.scale: expected one of standard, robust, clipped, minmax, quantile, none, got "
        '"standart"; did you mean "standard"?\n'
        "spec.yaml:2:34: data.columns.x.degree: expected a whole number of at least 1 and at most 10, got 11\n"
        "spec.yaml:3:11: network.layers: expected a list of mappings, got []; put at least one item in it",
    ),
    (
        "data: {train: '', target: []}\nnetwork: {layers: [{size: auto, activation: tanh}]}",
        'spec.yaml:1:8: data.train: expected text or a list of text, got ""; give it a value\n'
        "spec.yaml:1:19: data.target: expected text or a list of text, got []; put at least one item in it",
    ),
    (b"data: \xff", "spec.yaml:1: not UTF-8 text: the byte 0xff at offset 6; save the file as UTF-8"),
    (
        b"\xff\xfed\x00a\x00t\x00a\x00:\x00 \x00\xe9\x00",
        "spec.yaml:1: not UTF-8 text: the byte 0xff at offset 0; save the file as UTF-8",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), WHOLE)
def test_what_is_no_spec_is_refused(complaint: Callable[..., str], spec: str | bytes, expected: str) -> None:
    assert complaint(spec) == said(expected)


def test_a_spec_may_have_64_kib_and_no_more(complaint: Callable[..., str]) -> None:
    filled = TOP + "seed: no #"
    largest = filled + "x" * (64 * 1024 - len(filled))
    assert complaint(largest).startswith("nnfit: spec.yaml:3:1: seed: expected")
    assert complaint(largest + "x") == said("spec.yaml: a spec of more than 64 KiB is refused; is this a spec?")


def bomb(item: str, first: str) -> str:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} " + item.format(", ".join([f"*a{i - 1}"] * 9)) for i in range(1, 20)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            bomb("[{}]", "[x, x, x, x, x, x, x, x, x]"),
            "spec.yaml:2:25: more than 20,000 values, aliases followed, are refused; write fewer",
        ),
        (
            bomb("{{<<: [{}]}}", "{x: 1}"),
            "spec.yaml:2:10: merge keys (<<) are not part of YAML 1.2; write the keys out",
        ),
        ("[" * 60_000, "spec.yaml:1:17: nesting deeper than 16 levels is refused; no key of a spec lies that deep"),
    ],
    ids=["aliases", "merges", "brackets"],
)
def test_a_bomb_is_refused_in_less_than_a_second(complaint: Callable[..., str], spec: str, expected: str) -> None:
    complaint("seed: 1")  # what is imported on first use is not counted
    start = time.perf_counter()
    assert complaint(spec) == said(expected)
    assert time.perf_counter() - start < 1


# --- layers, loss and data against each other ----------------------------------------------------------------------

CONTRADICTIONS = [
    (
        "three",
        "{size: 5, activation: softmax}",
        "CE",
        "spec.yaml:2:21: network.layers[0].size: the data have 3 classes, so the output layer needs 3 neurons, not 5",
    ),
    (
        "three",
        "{size: 1, activation: logistic}",
        "bce",
        "spec.yaml:2:21: network.layers[0].size: the data have 3 classes, so the output layer needs 3 neurons, not 1",
    ),
    (
        "two",
        "{size: 1, activation: softmax}",
        "CE",
        "spec.yaml:2:30: network.layers[0].activation: softmax with one neuron is always 1; use logistic, or as "
        "many neurons as classes",
    ),
    (
        "x",
        "{size: auto, activation: softmax}",
        "mse",
        "spec.yaml:2:33: network.layers[0].activation: softmax with one neuron is always 1; use linear for one "
        "real target, or, if its numbers are classes, the loss cross_entropy or data.columns: {x: {type: "
        "categorical}}",
    ),
    (
        "two",
        "{size: 1, activation: tanh}",
        "bce",
        "spec.yaml:3:1: loss: bce cannot follow tanh, whose outputs lie in (−1, 1): it takes log ŷ and log(1 − "
        "ŷ), which exist only for ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
    ),
    (
        "two",
        "{size: 1, activation: linear}",
        "bce",
        "spec.yaml:3:1: loss: bce cannot follow linear, whose outputs lie in (−∞, ∞): it takes log ŷ and log(1 − "
        "ŷ), which exist only for ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
    ),
    (
        "two",
        "{size: 1, activation: relu}",
        "BCE",
        "spec.yaml:3:1: loss: bce cannot follow relu, whose outputs lie in [0, ∞): it takes log ŷ and log(1 − "
        "ŷ), which exist only for ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
    ),
    (
        "two",
        "{size: 1, activation: logistic}",
        "CE",
        "spec.yaml:3:1: loss: cross_entropy cannot follow logistic, whose outputs lie in (0, 1): it needs one "
        "probability per class, and the probabilities must sum to one; use softmax in the output layer, or "
        "another loss",
    ),
    (
        "x",
        "{size: 2, activation: linear}",
        "mse",
        "spec.yaml:2:21: network.layers[0].size: the data have 1 real target, so the output layer needs 1 "
        "neuron, not 2",
    ),
    (
        "two",
        "{size: auto, activation: tanh},\n  {size: 1, activation: logistic}",
        "bce",
        "spec.yaml:2:21: network.layers[0].size: auto is for the output layer; give a hidden layer its size",
    ),
    (
        "two",
        "{size: 2, activation: step},\n  {size: 1, activation: logistic}",
        "bce",
        "spec.yaml:2:30: network.layers[0].activation: the derivative of step is 0 wherever it exists, so the "
        "weights below it cannot learn; use {name: step, gradient: straight_through}, or another activation",
    ),
    (
        "two",
        "{size: 4, activation: [{name: softmax, size: 2},\n  {name: tanh, size: 3}]}, {size: 1, activation: relu}",
        "bce",
        "spec.yaml:2:21: network.layers[0].size: its activations have 5 neurons together, but the layer has 4\n"
        "spec.yaml:2:43: network.layers[0].activation[0]: softmax couples all neurons of a layer; give it a "
        "layer of its own\n"
        "spec.yaml:4:1: loss: bce cannot follow relu, whose outputs lie in [0, ∞): it takes log ŷ and log(1 − "
        "ŷ), which exist only for ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
    ),
]


@pytest.mark.parametrize(("target", "layers", "loss", "expected"), CONTRADICTIONS)
def test_layers_that_cannot_be_are_refused(
    complaint: Callable[..., str], target: str, layers: str, loss: str, expected: str
) -> None:
    spec = f"data: {{train: data.csv, target: {target}}}\nnetwork: {{layers: [{layers}]}}\nloss: {loss}\n"
    assert complaint(spec) == said(expected)


# --- options: the option stands where the file, line and column do -------------------------------------------------

OPTIONS = [
    ("epochs", "expected KEY=VALUE, as in training.epochs=50"),
    ("=1", "expected KEY=VALUE, as in training.epochs=50"),
    ("training.epochs=-1", "training.epochs: expected a whole number of at least 0, got -1"),
    ("training.epoch=3", 'training.epoch: there is no such key; did you mean "epochs"?'),
    ("network.layers[1].size=1", "network.layers has 1 item, counted from 0"),
    ("training.epochs.x=1", "training.epochs is a value and has no keys"),
    (
        "training.epochs=[1",
        "not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that begins in line 1; "
        "for text, quotes within quotes: --set 'training.epochs=\"TEXT\"'",
    ),
    ("seed=!!int 3", "the tag !!int is refused; write the value alone"),
    ("seed=1e400", "1e400 is not a finite number; put it in quotes if it is text"),
    ("seed=no", 'seed: expected a whole number of at least 0, got "no"'),
    (
        "loss=CE",
        "loss: cross_entropy cannot follow logistic, whose outputs lie in (0, 1): it needs one "
        "probability per class, and the probabilities must sum to one; use softmax in the output layer, or "
        "another loss",
    ),
    (
        "data.columns.a.b.type=numeric",
        "data.columns.a.b: there is no such key; known here: type, scale, "
        "log1p, degree, bins, piecewise, periodic, frequency, amplitude, missing, thousands, decimal, prefix, suffix, "
        "indicator, min_count, max_categories, unknown, format",
    ),
    ('data.columns."a.b".typ=numeric', 'data.columns."a.b".typ: there is no such key; did you mean "type"?'),
    ('data.columns."a.b".type=numeric', 'data.columns."a.b": data.csv has no column "a.b"; it has x, two, three'),
    ("network.input=9", "network.input: N₁ is 4 after encoding, not 9; write 4 or auto"),
    ("data.target=tow", 'data.target: data.csv has no column "tow"; did you mean "two"?'),
]


@pytest.mark.parametrize(("option", "expected"), OPTIONS)
def test_a_mistake_in_an_option_names_the_option(complaint: Callable[..., str], option: str, expected: str) -> None:
    assert complaint(TOP + "training: {epochs: 1}\n", "--set", option) == said(f"--set {option}: {expected}")


def test_what_does_not_go_with_lbfgs_is_told_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("""\
data: {train: data.csv, target: y}
network: {layers: [{size: 1, activation: linear}]}
training:
  optimizer: lbfgs
  schedule: cosine
  dropout: 0.1
  l1: 0.1
  clip_norm: 1.0
  clip_value: 1.0
  average: swa
""")
    ended = run("train", tmp_path / "spec.yaml")
    remedies = {
        "3:1: training.batch_size": "set batch_size: full",
        "5:3: training.schedule": "leave out schedule",
        "6:3: training.dropout": "leave out dropout, which changes the cost at every step",
        "7:3: training.l1": "leave out l1, which has no gradient at 0, or use l2",
        "8:3: training.clip_norm": "leave out clip_norm",
        "9:3: training.clip_value": "leave out clip_value",
        "10:3: training.average": "leave out average",
    }
    expected = [f"lbfgs takes whole steps on all rows; {remedy}" for remedy in remedies.values()]
    assert ended.code == 3
    for line, place, message in zip(ended.err.splitlines(), remedies, expected, strict=True):
        assert line.removeprefix("nnfit: ").removeprefix("       ") == f"{tmp_path / 'spec.yaml'}:{place}: {message}"
