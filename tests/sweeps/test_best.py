"""best.yaml is the spec of the sweep with the best values: comments stay, and paths lead where they led."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
