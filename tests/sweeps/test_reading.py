"""A sweep file is strict: every mistake in it is told at its place, with what was meant, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from nnfit.config import loader
from nnfit.config.schema import json_schema as spec_schema
from nnfit.errors import SpecError
from nnfit.sweeps.keys import NAMES, json_schema
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.trials import spec_of

from .conftest import BASE

HALVING = "spec: base.yaml\nsearch: {method: halving"
RANDOM = "spec: base.yaml\nsearch: {method: random, trials: 2"
Written = Callable[..., Path]


def told(path: Path) -> list[str]:
    """What a sweep file is refused for, each without its folder."""
    with pytest.raises(SpecError) as caught:
        load_sweep(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_every_key_that_is_wrong_is_told_at_once_with_its_place(written: Written) -> None:
    path = written("""\
spec: base.yaml
search: {method: randm, trials: 0, sed: 1}
parametrs: {}
parameters:
  training.l2: 3
  training.epochs: {min: 1}
  training.dropout: {min: 0, max: 1, scal: log}
metric: logloss
repeat: 1.5
""")
    found = told(path)
    assert [line.split(": ")[0] for line in found] == [
        *("sweep.yaml:2:10", "sweep.yaml:2:25", "sweep.yaml:2:36", "sweep.yaml:3:1"),
        *("sweep.yaml:5:3", "sweep.yaml:6:3", "sweep.yaml:7:30", "sweep.yaml:7:38", "sweep.yaml:8:1", "sweep.yaml:9:1"),
    ]
    assert found[0].endswith('expected one of grid, random, halving, got "randm"; did you mean "random"?')
    assert found[3].endswith('parametrs: there is no such key; did you mean "parameters"?')
    assert found[4].endswith("expected a list of values or a mapping, got 3")
    assert found[7].endswith('there is no such key; did you mean "scale"?')
    assert found[8].endswith('did you mean "log_loss"?')


def test_no_mistake_hides_another(written: Written) -> None:
    path = written("""\
spec: base.yaml
search: {method: randm}
where:
  - network.layers.0.size > 99
  - foo.bar < 2
  - training.dropout ~ 1
  - network.layers.0.size < data.train
parameters:
  training.l2: []
  training.optimizer.learning_rat: [0.1]
  training.batch_size: [-3, 16, x]
  network.members: [1, 3]
  network.layers.0.size: [2, 4, 2]
metric: rmse
repeat: 0
""")
    found = told(path)
    assert [line.split(": ")[0] for line in found] == [
        *("sweep.yaml:2:10", "sweep.yaml:5:5", "sweep.yaml:6:5", "sweep.yaml:7:5", "sweep.yaml:9:3"),
        *("sweep.yaml:10:37", "sweep.yaml:11:25", "sweep.yaml:11:33", "sweep.yaml:12:21"),
        *("sweep.yaml:13:33", "sweep.yaml:14:1", "sweep.yaml:15:1"),
    ]
    assert "where[1]: foo.bar is neither a number, nor a parameter, nor a key that the spec has" in found[1]
    assert found[-2].startswith("sweep.yaml:14:1: metric: the target has no rmse, as its loss cross_entropy is of ")


def test_a_spec_that_cannot_be_read_hides_nothing_of_the_sweep(written: Written) -> None:
    text = "spec: none.yaml\nsearch: {method: halving, epochs: 3}\nparameters: {training.epochs: [1, 1]}\nrepet: 2\n"
    assert [line.split(": ")[0] for line in told(written(text))] == [
        *("sweep.yaml:1:1", "sweep.yaml:3:14", "sweep.yaml:3:35", "sweep.yaml:4:1"),
    ]


@pytest.mark.parametrize(
    "values", ["[0.15, 0.2, 0.150]", "[1, 2, 1.0]", "[{name: adam, beta1: 0.5}, sgd, {beta1: 0.5, name: adam}]"]
)
def test_the_same_value_twice_is_told_at_its_place(written: Written, values: str) -> None:
    key = "training.optimizer" if "adam" in values else "training.l2"
    (line,) = told(written(f"spec: base.yaml\nparameters:\n  {key}: {values}\n"))
    assert line.startswith("sweep.yaml:3:")
    assert line.endswith("[2]: value 3 of the list is the same as value 1; give each once")


def test_true_and_one_are_two_values(written: Written) -> None:
    text = "spec: base.yaml\nparameters:\n  training.baseline: [true, false]\n  training.l2: [0, 1]\n"
    assert len(load_sweep(written(text)).points) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "search: {method: random, trials: 1000000000}\nparameters: {}\n",
            "2:26: search.trials: these are 1000000000 trials, and more than 100,000 are refused; give fewer trials",
        ),
        (
            "parameters: {training.l2: {min: 0, max: 1, step: 1.0e-6}}\n",
            "2:1: parameters: these are 1,000,001 trials, and more than 100,000 are refused; give fewer values, or",
        ),
        ("repeat: 200000\nparameters: {}\n", "2:1: repeat: these are 200,000 trials, and more than 100,000"),
    ],
)
def test_too_many_trials_are_told_with_what_would_do_for_the_method(written: Written, text: str, words: str) -> None:
    (line,) = told(written(f"spec: base.yaml\n{text}"))
    assert words.replace("1000000000", "1,000,000,000") in line


def test_every_value_is_held_against_the_spec_and_told_where_it_stands(written: Written) -> None:
    path = written("""\
spec: base.yaml
search: {method: random}
parameters:
  training.optimizer.learning_rat: [0.1, 0.2]
  training.optimzer: [adam]
  training.batch_size: [16, -3, "x"]
  network.layers.7.size: [3]
  training.l2: {min: 0, max: 1, scale: log}
  training.epochs: {min: 10, max: 5.5, type: integer}
  network.layers: [[{size: auto, activation: softmax}], [{size: auto, activation: sftmax}]]
  output: [a.npz]
  data.test: [0.1]
  "a..b": [1]
""")
    found = told(path)
    assert [line.split(": ")[:2] for line in found] == [
        ["sweep.yaml:2:1", "search"],
        ["sweep.yaml:4:37", "training.optimizer.learning_rat"],
        ["sweep.yaml:5:23", "training.optimzer"],
        ["sweep.yaml:6:29", "training.batch_size"],
        ["sweep.yaml:6:33", "training.batch_size"],
        ["sweep.yaml:7:3", "network.layers.7.size"],
        ["sweep.yaml:8:17", 'parameters."training.l2".min'],
        ["sweep.yaml:9:30", 'parameters."training.epochs".max'],
        ["sweep.yaml:9:30", 'parameters."training.epochs".max'],
        ["sweep.yaml:10:57", "network.layers[0].activation"],
        ["sweep.yaml:11:3", "parameters.output"],
        ["sweep.yaml:12:3", 'parameters."data.test"'],
        ["sweep.yaml:13:3", 'parameters."a..b"'],
    ]
    assert found[1].endswith('there is no such key; did you mean "learning_rate"?')


def test_what_contradicts_another_key_of_the_spec_is_told_at_the_value(written: Written) -> None:
    path = written("spec: base.yaml\nparameters:\n  network.members: [3, 1]\n")
    (line,) = told(path)
    assert line.startswith("sweep.yaml:3:24: network.members: with this value, base.yaml:12:3: training.resample: ")


def test_a_mistake_of_the_spec_itself_is_told_in_the_spec(written: Written) -> None:
    path = written("spec: base.yaml\nparameters:\n  training.l2: [0, 1]\n", BASE.replace("relu", "rely"))
    assert [line.split(": ")[0] for line in told(path)] == ["base.yaml:8:17"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spec: none.yaml\nparameters: {}\n", "sweep.yaml:1:1: spec: none.yaml: cannot be read: No such file"),
        ("- 1\n", "sweep.yaml:1:1: expected a mapping with the keys spec and parameters"),
        ("spec: base.yaml\nparameters:\n  training.l2: {min: 0, max: 1}\n", "a grid has no value of a range"),
        ("spec: base.yaml\nsearch: {trials: 3}\nparameters: {}\n", "a grid has as many trials as its values make"),
        ("spec: base.yaml\nsearch: {method: halving}\nparameters: {training.l2: {min: 0, max: 1}}\n", "a grid has no"),
        (
            f"{HALVING}, epochs: 2}}\nparameters: {{}}\n",
            "sweep.yaml:2:27: search.epochs: the first rung has 2 epochs, and",
        ),
        (
            f"{HALVING}, factor: 1}}\nparameters: {{}}\n",
            "sweep.yaml:2:27: search.factor: expected a whole number of at",
        ),
        (
            "spec: base.yaml\nsearch: {factor: 3}\nparameters: {}\n",
            "sweep.yaml:2:10: search.factor: grid drops no trial",
        ),
        (f"{RANDOM}, epochs: 2}}\nparameters: {{}}\n", "sweep.yaml:2:37: search.epochs: random drops no trial on its"),
        (
            f"{HALVING}}}\nparameters: {{training.epochs: [1, 2]}}\n",
            'sweep.yaml:3:14: parameters."training.epochs": halving',
        ),
        (
            f"{HALVING}}}\nparameters: {{'\"training\".epochs': [1, 2]}}\n",
            '.epochs": halving gives trials more and more epochs',
        ),
        (
            f"{HALVING}}}\nparameters: {{training: [{{epochs: 3}}]}}\n",
            "sweep.yaml:3:14: parameters.training: halving gives",
        ),
        ("spec: base.yaml\nrepeat: 200000\nparameters: {}\n", "these are 200,000 trials"),
        ("spec: base.yaml\nparameters: {training.resample: [none, folds]}\n", "trials of different rows"),
        ("spec: base.yaml\nparameters: {extends: [x.yaml]}\n", "parameters.extends: no score depends on it"),
        ("spec: base.yaml\nparameters:\n", "2:1: parameters: there are none; write keys of the spec with their values"),
        ("spec: sweep.yaml\nparameters: {}\n", "sweep.yaml:1:1: this is a sweep file, and no spec"),
        (BASE, "sweep.yaml:2:1: this is a spec, and no sweep file; train it by nnfit train"),
        ("extends: base.yaml\n", "sweep.yaml:1:1: this is a spec, and no sweep file; train it by nnfit train"),
    ],
)
def test_so_is_what_makes_no_sweep(written: Written, text: str, words: str) -> None:
    assert words in "\n".join(told(written(text)))


def test_a_key_is_given_once_however_it_is_spelled(written: Written) -> None:
    text = "spec: base.yaml\nparameters:\n  network.layers.0.size: [1]\n  network.layers[0].size: [2]\n"
    (line,) = told(written(text))
    assert line.startswith("sweep.yaml:4:3: ")
    assert line.endswith('"network.layers.0.size" is the same key; give it once')


def test_a_whole_part_stands_before_what_changes_it_further(written: Written) -> None:
    whole, part = "  network.layers.0: [{size: 1}, {size: 2}]\n", "  network.layers.0.activation: [relu, tanh]\n"
    text = "spec: base.yaml\nparameters:\n"
    (line,) = told(written(text + part + whole))
    assert line.startswith("sweep.yaml:4:3: ")
    assert '"network.layers.0.activation" is a part of it, and would be lost' in line
    assert len(load_sweep(written(text + whole + part)).points) == 4


def test_no_parameter_has_the_name_of_another_column_of_the_table() -> None:
    """A path of one part is a key at the top of a spec: no metric is called so, nor what stands beside it."""
    beside = {"trial", "sd", "epochs", "seconds", "status", "message"}
    assert not spec_schema()["properties"].keys() & (beside | NAMES.keys())


def test_a_spec_that_holds_no_rows_out_has_no_honest_score(written: Written) -> None:
    base = BASE.replace("  resample: folds\n", "")
    (line,) = told(written("spec: base.yaml\nparameters: {}\n", base))
    assert line.startswith("sweep.yaml:1:1: spec: holds no rows out, and a score of rows learnt from says nothing")


def test_seeds_that_would_draw_other_rows_to_score_are_refused_as_a_parameter(written: Written) -> None:
    text = "spec: base.yaml\nparameters: {seed: [1, 2]}\n"
    base = BASE.replace("  target: kind\n", "  target: kind\n  validation: 0.3\n").replace("  resample: folds\n", "")
    assert "it changes the rows that the metric is on" in told(written(text, base))[0]
    assert len(load_sweep(written(text)).points) == 2  # of folds all rows are scored, whatever the seed


def test_the_schema_is_one_and_takes_what_is_read(written: Written) -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    good = {
        "spec": "base.yaml",
        "search": {"method": "halving", "trials": 3, "seed": 0, "factor": 2, "epochs": 4},
        "parameters": {"training.l2": {"min": 1e-5, "max": 1, "scale": "log"}, "network.layers": [[{"size": 1}]]},
        "repeat": 2,
        "metric": "accuracy",
    }
    validator = Draft202012Validator(schema)
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"parameters": {"training.l2": 1}})
    assert not validator.is_valid(good | {"trials": 1})
    assert not validator.is_valid({"parameters": {}})


def test_a_sweep_is_told_from_a_spec() -> None:
    assert loader.is_sweep({"spec": "a.yaml", "parameters": {}})
    assert loader.is_sweep({"parameters": {}})
    assert not loader.is_sweep({"data": {}, "network": {}})
    assert not loader.is_sweep(["spec"])
    assert not loader.is_sweep({"extends": "a.yaml"})


SIZES = "parameters: {network.layers.0.size: [1, 2, 3, 4], training.l2: [0, 1]}\n"


def test_what_points_have_to_keep_leaves_the_others_out(written: Written) -> None:
    sizes = [point["network.layers.0.size"] for point in load_sweep(written(f"""\
spec: base.yaml
where: [network.layers.0.size > 1.5, "network.layers.0.size <= network.members", training.l2 != 1]
{SIZES}""")).points]  # fmt: skip
    assert sizes == [2, 3]
    path = written(f"""\
spec: base.yaml
search: {{method: random, trials: 20}}
where: network.layers.0.size >= 3
{SIZES}""")
    assert {point["network.layers.0.size"] for point in load_sweep(path).points} == {3, 4}
    few = written(path.read_text().replace("trials: 20", "trials: 5"))
    assert load_sweep(few).points == load_sweep(written(path.read_text().replace("trials: 5", "trials: 20"))).points[:5]


LAYER = "[{{size: {}, activation: relu}}, {{size: auto, activation: softmax}}]"


@pytest.mark.parametrize(
    "parameters",
    [
        f"  network.layers: [{LAYER.format(3)}, {LAYER.format(9)}]",
        "  network.layers[0].size: [3, 9]",
        f"  network.layers: [{LAYER.format(5)}]\n  network.layers.0.size: [3, 9]",
    ],
)
def test_a_condition_is_of_the_points_however_a_parameter_says_it(written: Written, parameters: str) -> None:
    for condition, numbers in (("<= 4", [3]), ("> 4", [9])):
        path = written(f"spec: base.yaml\nwhere: network.layers.0.size {condition}\nparameters:\n{parameters}\n")
        points = load_sweep(path).points
        assert [spec_of(load_sweep(path).base, each).network.layers[0].size for each in points] == numbers


@pytest.mark.parametrize(
    ("parameter", "base"),
    [
        ("data.train.0: [flowers.csv, other.csv]", BASE.replace("flowers.csv ", "[flowers.csv] ")),
        ("data.target: [kind, width]", BASE),
        ("data.target.0: [kind, width]", BASE.replace("target: kind", "target: [kind]")),
        ("data.weight: [null, width]", BASE),
        ("training: [{resample: folds}, {resample: bootstrap}]", BASE),
        ("network.members: [2, 8]", BASE.replace("folds", "bootstrap")),
        ("seed: [1, 2]", BASE.replace("folds", "bootstrap")),
    ],
)
def test_whatever_changes_what_the_metric_is_of_is_refused(written: Written, parameter: str, base: str) -> None:
    (line,) = told(written(f"spec: base.yaml\nparameters:\n  {parameter}\n", base))
    assert "it changes " in line
    assert "are not compared" in line


@pytest.mark.parametrize(
    ("parameter", "base"),
    [
        ("network.members: [2, 8]", BASE),
        ("training: [{resample: folds, epochs: 1}, {resample: folds, epochs: 2}]", BASE),
        ("seed: [1, 2]", BASE.replace("folds", "bootstrap").replace("data:", "data:\n  split_seed: 0")),
    ],
)
def test_what_leaves_the_rows_as_they_are_is_not(written: Written, parameter: str, base: str) -> None:
    assert len(load_sweep(written(f"spec: base.yaml\nparameters:\n  {parameter}\n", base)).points) == 2


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("network.layers.0.size > 9", "sweep.yaml:2:1: where: no point keeps it"),
        ("network.layers.0.size", "expected two keys or numbers, and one of >=, "),
        ("network.layers.9.size > 1", "network.layers.9.size is neither a number, nor a parameter, nor a key"),
        ("data.train > 1", "data.train and 1 are not compared by >"),
        ("__import__('os') > 1", "is neither a number, nor a parameter, nor a key"),
    ],
)
def test_a_condition_that_cannot_be_kept_is_told(written: Written, where: str, words: str) -> None:
    assert words in told(written(f'spec: base.yaml\nwhere: "{where}"\n{SIZES}'))[0]
