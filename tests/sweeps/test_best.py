"""best.yaml is the spec of the sweep with the best values: comments stay, and paths lead where they led."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.sweeps.best import spec_of
from nnfit.sweeps.reading import load_sweep
from nnfit.sweeps.trials import spec_of as spec_of_point

from .conftest import BASE

Written = Callable[..., Path]


def best(path: Path, values: dict[str, Any]) -> str:
    """The text of best.yaml in a folder beside the sweep, which is the spec of the point."""
    sweep, folder = load_sweep(path), path.parent / "out"
    folder.mkdir()
    found = spec_of(sweep, values, folder)
    (folder / "best.yaml").write_bytes(found.data)
    loaded = load_spec(folder / "best.yaml")
    assert loaded.spec == found.loaded.spec
    expected = spec_of_point(sweep.base, values)
    assert loaded.spec.network == expected.network
    assert loaded.spec.training == expected.training
    assert (folder / str(loaded.spec.data.train)).resolve() == (path.parent / "flowers.csv").resolve()
    assert loaded.spec.output == "best.npz"
    return found.data.decode()


def test_values_stand_where_the_old_ones_stood_and_comments_stay(written: Written) -> None:
    path = written(
        "spec: base.yaml\nparameters: {training.optimizer.learning_rate: [0.5], network.layers.0.size: [9]}\n"
    )
    values = {"training.optimizer.learning_rate": 0.5, "network.layers.0.size": 9}
    changed = BASE.replace("0.01", "0.5").replace("size: 4", "size: 9").replace("flowers.csv", "../flowers.csv")
    assert best(path, values) == changed + "output: best.npz\n"


def test_keys_that_were_not_there_are_added_to_their_mapping(written: Written) -> None:
    path = written("spec: base.yaml\nparameters: {training.l2: [0.5]}\n")
    found = best(path, {"training.l2": 0.5, "network.initialization.bias": 0, "training.schedule.name": "cosine"})
    assert "  optimizer: {name: adam, learning_rate: 0.01}\n  l2: 0.5\n  schedule: {name: cosine}\n" in found
    assert "    - {size: auto, activation: softmax}\n  initialization: {bias: 0}\n" in found
    assert "# what all trials share\n" in found


def test_whole_parts_of_a_spec_are_written_on_a_line(written: Written) -> None:
    layers = [{"size": 3, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}]
    path = written("spec: base.yaml\nparameters: {training.l2: [0]}\n")
    found = best(path, {"network.layers": [layers[0], *layers]})
    tanh = "{size: 3, activation: tanh}"
    assert f"  layers:\n    [{tanh}, {tanh}, {{size: auto, activation: softmax}}]\ntraining:\n" in found


@pytest.mark.parametrize(
    "base",
    [
        "extends: parent.yaml\ntraining:\n  epochs: 3\n",
        BASE.replace("kind\n", "&it kind\n  ignore: []\nx-a: *it\n"),
        BASE.replace("\n", "\r\n"),
        BASE.replace("seed: 0\n", "seed: 0   # last, without an end of the line").replace(
            "{name: adam,", "{ name: adam ,"
        ),
        BASE.replace("flowers.csv ", '"flowers.csv"').replace("  optimizer: {name: adam, learning_rate: 0.01}\n", ""),
    ],
    ids=["parent", "anchor", "crlf", "no-end", "quoted"],
)
def test_whatever_the_spec_is_written_like_the_best_is_the_same_spec(written: Written, base: str) -> None:
    path = written("spec: base.yaml\nparameters: {}\n")
    (path.parent / "parent.yaml").write_text(BASE)
    path = written("spec: base.yaml\nparameters: {}\n", base)
    best(path, {"training.optimizer.learning_rate": 0.25, "training.l2": 1e-5})


def test_the_line_for_editors_leads_to_the_same_schema(written: Written) -> None:
    base = "# yaml-language-server: $schema=.nnfit.schema.json\n" + BASE
    path = written("spec: base.yaml\nparameters: {}\n", base)
    assert best(path, {}).startswith("# yaml-language-server: $schema=../.nnfit.schema.json\n")


CHILD = """\
# a child with words of its own
extends: shared/parent.yaml      # what all have
training:
  epochs: 3                      # fewer
  optimizer: {learning_rate: 0.02}   # quicker
"""


@pytest.fixture
def child(written: Written) -> Path:
    """A sweep of a spec that extends one in another folder."""
    path = written("spec: base.yaml\nparameters: {}\n", CHILD)
    (path.parent / "shared").mkdir()
    (path.parent / "shared/parent.yaml").write_text(BASE.replace("flowers.csv", "../flowers.csv"))
    return path


def test_a_child_stays_one_and_says_what_changes(child: Path) -> None:
    moved = CHILD.replace("shared/parent.yaml", "../shared/parent.yaml")
    assert best(child, {"training.optimizer.learning_rate": 0.5}) == (
        moved.replace("learning_rate: 0.02", "learning_rate: 0.5") + "output: best.npz\n"
    )


def test_keys_that_its_parent_has_are_added_to_a_child_and_no_more(child: Path) -> None:
    found = best(child, {"training.l2": 0.5, "network.members": 4, "network.layers.0.size": 9})
    layers = "[{size: 9, activation: relu}, {size: auto, activation: softmax}]"
    assert found.endswith(
        "  optimizer: {learning_rate: 0.02}   # quicker\n  l2: 0.5\n"
        f"network: {{members: 4, layers: {layers}}}\noutput: best.npz\n"
    )
    assert "# a child with words of its own\n" in found


def test_another_kind_of_optimizer_replaces_that_of_the_parent_whole(child: Path) -> None:
    found = best(child, {"training.optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}})
    assert "  optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9}   # quicker\n" in found


def test_what_a_parent_says_and_the_best_does_not_is_written_out_from_the_values(child: Path) -> None:
    """Nothing takes a key away from a parent: the file stands for itself then."""
    parent = child.parent / "shared/parent.yaml"
    parent.write_text(parent.read_text().replace("learning_rate: 0.01", "learning_rate: 0.01, beta2: 0.9"))
    found = best(child, {"training.optimizer": {"name": "adam", "learning_rate": 0.1}})
    assert "extends" not in found
    assert "optimizer: {name: adam, learning_rate: 0.1}" in found


def test_the_best_is_trained_anew_when_its_parent_is_another(child: Path) -> None:
    """best.yaml is the same then, byte for byte."""
    first = nnfit.sweep(child).best
    before = (child.parent / "sweep/best.yaml").read_bytes()
    parent = child.parent / "shared/parent.yaml"
    parent.write_text(parent.read_text().replace("seed: 0", "seed: 5"))
    swept = nnfit.sweep(child)
    assert (child.parent / "sweep/best.yaml").read_bytes() == before
    assert first is not None
    assert swept.best is not None
    assert (first.spec.seed, swept.best.spec.seed) == (0, 5)
    again = nnfit.train(child.parent / "sweep/best.yaml").model
    assert again.to_bytes() == swept.best.to_bytes() == (child.parent / "sweep/best.npz").read_bytes()


ANCHORED = """\
x-hidden: &hidden {size: 4, activation: relu}   # twice
data:
  train: flowers.csv
  target: kind
network:
  members: 3
  layers: [*hidden, *hidden, {size: auto, activation: softmax}]   # a pair
training: &how
  epochs: 2       # few
  resample: folds
"""


def test_anchors_stay_where_what_they_stand_for_stays(written: Written) -> None:
    path = written("spec: base.yaml\nparameters: {}\n", ANCHORED)
    assert best(path, {"training.epochs": 5, "training.l2": 0.5}) == (
        ANCHORED.replace("flowers.csv", "../flowers.csv").replace("epochs: 2 ", "epochs: 5 ")
        + "  l2: 0.5\noutput: best.npz\n"
    )


def test_an_alias_that_becomes_another_value_is_replaced_by_it(written: Written) -> None:
    path = written("spec: base.yaml\nparameters: {}\n", ANCHORED)
    found = best(path, {"network.layers.1": {"size": 9, "activation": "tanh"}})
    assert "  layers: [*hidden, {size: 9, activation: tanh}, {size: auto, activation: softmax}]   # a pair\n" in found
    found = best_again(path, {"network.layers.1.size": 9})
    assert "[*hidden, {size: 9, activation: relu}, " in found


def test_an_anchor_is_not_changed_for_one_of_its_places(written: Written) -> None:
    base = BASE.replace("  epochs: 2\n", "  epochs: &n 2\n  averaging: *n\n").replace("averaging", "batch_size")
    path = written("spec: base.yaml\nparameters: {}\n", base)
    found = best(path, {"training.epochs": 5})
    assert "#" not in found
    assert "batch_size: 2" in found


def best_again(path: Path, values: dict[str, Any]) -> str:
    """The same, for other values of the sweep."""
    (path.parent / "out/best.yaml").unlink()
    (path.parent / "out").rmdir()
    return best(path, values)
