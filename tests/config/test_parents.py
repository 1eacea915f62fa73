"""Problems of specs that extend another: each names the file in which its key stands; and what is no parent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families import PARENT, child, complaint, spec_of

from nnfit.config import extends
from nnfit.config.document import MAX_BYTES, MAX_NODES
from nnfit.config.loader import load_spec
from nnfit.errors import SpecError
from nnfit.fit.prepare import prepare

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("here")


# --- places --------------------------------------------------------------------------------------------------------


def test_all_mistakes_of_all_files_are_listed_at_their_places() -> None:
    Path("parent.yaml").write_text(PARENT.replace("epochs: 7", "epoch: 7").replace("0.9", "fast"))
    path = child("training:\n  batch_size: 0\nnetwork: {dtype: float16}\n")
    assert complaint(path).splitlines() == [
        "child.yaml:3:3: training.batch_size: expected a whole number of at least 1 or full, got 0",
        'child.yaml:4:11: network.dtype: expected one of float32, float64, got "float16"; did you mean "float32"?',
        'parent.yaml:7:3: training.epoch: there is no such key; did you mean "epochs"?',
        'parent.yaml:8:46: training.optimizer.momentum: expected a number of at least 0 and below 1, got "fast"',
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # rules between keys, and rules against the table
        ("training: {resample: folds}", "child.yaml:2:12: training.resample: folds needs several members"),
        (
            "network: {layers: [{size: 3, activation: logistic}]}",
            "parent.yaml:9:1: loss: cross_entropy cannot follow logistic, ",
        ),
        ("network: {input: 9}", "child.yaml:2:11: network.input: N₁ is 3 after encoding, not 9"),
        ("data: {features: [lenght]}", 'child.yaml:2:8: data.features: flowers.csv has no column "lenght"'),
        ("data: {columns: {colour: {degree: 2}}}", "child.yaml:2:27: data.columns.colour.degree: is for numeric"),
        # a list replaces, with its places
        (
            "network: {layers: [{size: 3, activation: relu}, {size: 2, activation: softmax}]}",
            "child.yaml:2:50: network.layers[1].size: the data have 3 classes",
        ),
        # a parent's name that became a mapping
        ("training: {schedule: {gamma: 0.5}}", "parent.yaml:9:3: training.schedule.name: expected one of constant"),
        # what is missing is missing in the child's mapping, if it has one
        ("data: {target: null}", "child.yaml:2:8: data.target: expected text or a list of text, got null"),
    ],
)
def test_a_problem_that_arises_from_the_whole_names_the_file_of_its_key(said: str, expected: str) -> None:
    more = {"schedule": "  schedule: stepp\n", "logistic": "loss: cross_entropy\n"}
    Path("parent.yaml").write_text(PARENT + "".join(text for word, text in more.items() if word in said))
    with pytest.raises(SpecError) as caught:
        prepare(load_spec(child(said)))
    assert str(caught.value).startswith(expected)


def test_a_column_that_the_parent_names_and_the_table_lacks_is_told_at_the_parent() -> None:
    Path("parent.yaml").write_text(PARENT.replace("ignore: [id]", "ignore: [idd]"))
    with pytest.raises(SpecError, match=r'^parent\.yaml:1:45: data\.ignore: flowers\.csv has no column "idd"'):
        prepare(load_spec(child("seed: 1\n")))


def test_a_warning_names_the_file_of_its_key() -> None:
    found = prepare(load_spec(child("training: {batch_size: 1000}\n"))).warnings
    assert [str(each.place) for each in found if each.code == "large-batch"] == ["child.yaml:2:12: training.batch_size"]
    Path("parent.yaml").write_text(PARENT + "  batch_size: 1000\n")
    found = prepare(load_spec(child("training: {epochs: 1}\n"))).warnings
    assert [str(each.place) for each in found if each.code == "large-batch"] == ["parent.yaml:9:3: training.batch_size"]


def test_an_override_of_what_is_inherited_is_told_at_the_option() -> None:
    path = child("training: {batch_size: 8}\n")
    assert load_spec(path, ["training.optimizer.momentum=0.5"]).spec.training.optimizer.momentum == 0.5  # type: ignore[union-attr]
    wrong = '--set training.epochs=no: training.epochs: expected a whole number of at least 0, got "no"'
    assert complaint(path, "training.epochs=no") == wrong


@pytest.mark.parametrize("key", ["extends", "x-lr"])
def test_what_was_read_with_the_file_is_not_overridden_in_silence(key: str) -> None:
    assert complaint(child(""), f"{key}=other.yaml") == (
        f"--set {key}=other.yaml: {key}: is read with the file, before anything is overridden, and would change "
        "nothing now; write it in the spec"
    )


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("3", "expected the path of a spec, got 3"),
        ("null", "expected the path of a spec, got null"),
        ('""', 'expected the path of a spec, got ""'),
        (
            "[a.yaml, b.yaml]",
            'expected the path of a spec, got ["a.yaml", "b.yaml"]; a spec has one parent, which may ',
        ),
        ("none.yaml", '"none.yaml" cannot be read: No such file or directory'),
        ("child.yaml/x", '"child.yaml/x" cannot be read: Not a directory'),
        (".", '"." this is a folder; expected a spec file'),
        ('"a\\0b"', '"a\\x00b" cannot be read: '),
        ("large.yaml", f'"large.yaml" a spec of more than {MAX_BYTES // 1024} KiB is refused'),
    ],
)
def test_what_is_no_spec_is_refused_where_it_is_named(parent: str, expected: str) -> None:
    Path("large.yaml").write_text("#" * MAX_BYTES + "\n")
    Path("child.yaml").write_text(f"seed: 1\nextends: {parent}\n")
    assert complaint(Path("child.yaml")).startswith(f"child.yaml:2:1: extends: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "parent.yaml: expected a mapping, got null"),
        ("- a\n", 'parent.yaml:1:1: expected a mapping, got ["a"]'),
        ("a: [1\n", "parent.yaml:2:1: not valid YAML: "),
        ("seed: 1\nseed: 2\n", 'parent.yaml:2:1: the key "seed" is given twice, first in line 1'),
        ("network: *hidden\n", "parent.yaml:1:10: the alias *hidden has no anchor &hidden before it"),
    ],
)
def test_a_parent_is_read_as_strictly_as_a_spec_and_anchors_end_with_their_file(text: str, expected: str) -> None:
    Path("parent.yaml").write_text(text)
    assert complaint(child("x-hidden: &hidden {size: 2}\n")).startswith(expected)


def test_a_circle_is_refused_with_its_places() -> None:
    Path("a.yaml").write_text("extends: b.yaml\n")
    Path("b.yaml").write_text("seed: 1\nextends: ./c.yaml\n")
    Path("c.yaml").write_text("seed: 1\n\nextends: b.yaml\n")
    circle = "a circle, in which each extends the next: b.yaml, c.yaml; remove this key"
    assert complaint(Path("a.yaml")).splitlines() == [
        f"b.yaml:2:1: extends: {circle}",
        f"c.yaml:3:1: extends: {circle}",
    ]
    Path("d.yaml").write_text("extends: d.yaml\n")
    assert complaint(Path("d.yaml")) == "d.yaml:1:1: extends: extends itself; remove this key"


def test_a_chain_has_an_end() -> None:
    Path("0.yaml").write_text(PARENT)
    for number in range(1, extends.MOST + 2):
        Path(f"{number}.yaml").write_text(f"extends: {number - 1}.yaml\n")
    assert load_spec(f"{extends.MOST}.yaml").spec.training.epochs == 7
    message = f"1.yaml:1:1: extends: more than {extends.MOST} parents, one behind the other, are refused"
    assert complaint(Path(f"{extends.MOST + 1}.yaml")) == message


def test_a_family_has_no_more_values_than_a_spec_may_have() -> None:
    many = ", ".join("1" for _ in range(MAX_NODES * 2 // 3))
    for name in ("parent.yaml", "child.yaml"):
        key = "features" if name == "parent.yaml" else "ignore"
        Path(name).write_text(f"data: {{{key}: [{many}]}}\n" + "extends: parent.yaml\n" * (name == "child.yaml"))
    expected = "child.yaml:2:1: extends: more than 20,000 values, those of its parents included, are refused"
    assert complaint(Path("child.yaml")).startswith(expected)


# --- anchors -------------------------------------------------------------------------------------------------------


def test_keys_of_the_top_level_that_begin_with_x_hold_anchors_and_anything_else() -> None:
    text = PARENT.replace("- {size: 4, activation: tanh}", "- *h\n    - *h")
    Path("parent.yaml").write_text("x-h: &h {size: 3, activation: relu}\nx-: null\nx-any: [1, {a: [b]}]\n" + text)
    spec = load_spec("parent.yaml").spec
    assert [layer.size for layer in spec.network.layers] == [3, 3, "auto"]
    assert spec_of("x-h: 7\n") == spec  # a key of the parent's and one of the child's mean nothing to each other


@pytest.mark.parametrize("key", ["training: {x-a: 1}", "data: {x-a: 1}", "network: {extends: a.yaml}", "X-a: 1"])
def test_elsewhere_there_is_no_such_key(key: str) -> None:
    assert "there is no such key" in complaint(child(key + "\n"))


def test_a_mistake_under_an_alias_is_told_where_it_is_written() -> None:
    Path("parent.yaml").write_text("x-o: &o {name: adamm}\n" + PARENT.replace("{name: sgd,", "*o #"))
    assert complaint(child("")).startswith("parent.yaml:1:10: training.optimizer.name: expected one of ")
