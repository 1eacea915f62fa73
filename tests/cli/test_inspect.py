"""nnfit inspect: what is in a model file."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.config.build import dump
from nnfit.core.network import views

Run = Callable[..., Any]


@pytest.mark.process
def test_everything_in_the_file_is_shown(spawn: Run, flower_model: Path) -> None:
    ended = spawn("inspect", "flowers.npz", cwd=flower_model.parent)
    assert (ended.code, ended.err) == (0, "")
    hashed = sha256(flower_model.with_suffix(".csv").read_bytes()).hexdigest()
    for text in (
        *("L = 2", "softmax", "one-hot: blue, red", "species", "setosa, versicolor, virginica", "accuracy"),
        *(f"nnfit {nnfit.__version__}", "BLAS threads 1", "seed 0", hashed, "beta1: 0.9", "bias: 1.0"),
    ):
        assert text in ended.out
    assert "\x1b" not in ended.out


def test_json_holds_spec_network_features_metrics_and_versions(run: Run, flower_model: Path) -> None:
    ended = run("inspect", flower_model, "--json")
    assert (ended.code, ended.err) == (0, "")
    report = json.loads(ended.out)
    model = nnfit.load(flower_model)
    assert report["model"] == str(flower_model)
    assert report["spec"] == dump(model.spec)
    assert report["spec"]["training"]["optimizer"] == {
        "name": "adam",
        "learning_rate": 0.05,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
    }
    assert [layer["theta_shape"] for layer in report["network"]["layers"]] == [[4, 4], [3, 5]]
    assert [feature["inputs"] for feature in report["features"]] == [
        ["length"],
        ["colour=blue", "colour=red"],
    ]
    assert report["metrics"] == model.record["metrics"]
    assert report["versions"]["nnfit"] == nnfit.__version__


def test_the_resolved_spec_that_is_shown_can_be_trained_again(run: Run, flower_model: Path) -> None:
    resolved = json.loads(run("inspect", flower_model, "--json").out)["spec"]
    again = flower_model.parent / "again.yaml"
    again.write_text(json.dumps(resolved))
    assert run("train", again).code == 0
    assert (flower_model.parent / "again.npz").read_bytes() == flower_model.read_bytes()


def test_the_weights_of_a_small_network_are_shown_by_neuron_and_input(run: Run, flower_model: Path) -> None:
    out = run("inspect", flower_model).out
    first, last = out.split("Θ⁽¹⁾, from layer 1 to layer 2")[1].split("Θ⁽²⁾, from layer 2 to layer 3")
    heads, _, *rows = (line.split() for line in first.splitlines() if line.strip())
    assert heads == ["neuron", "bias", "length", "colour=blue", "colour=red"]
    model = nnfit.load(flower_model)
    for k, (Theta, row) in enumerate(zip(views(model.network, model.theta)[0][0], rows, strict=True), 1):
        assert row == [str(k), *(f"{weight:.5f}" for weight in Theta)]
    heads, _, *rows = (line.split() for line in last.splitlines()[:7] if line.strip())
    assert heads == ["neuron", "bias", "a₁", "a₂", "a₃", "a₄"]
    assert [row[:2] for row in rows] == [["1:", "setosa"], ["2:", "versicolor"], ["3:", "virginica"]]


@pytest.mark.parametrize(("size", "members", "shown"), [(12, 1, True), (12, 3, True), (13, 1, False), (4, 4, False)])
def test_of_larger_networks_the_shapes_are_shown_alone(
    run: Run, trained: Callable[..., Any], tmp_path: Path, size: int, members: int, shown: bool
) -> None:
    layers = f"[{{size: {size}, activation: tanh}}, {{size: 1, activation: linear}}]"
    network = f"network: {{layers: {layers}, members: {members}}}\n"
    trained("data: {train: data.csv, target: y}\n" + network + "training: {epochs: 0}\n", "x,y\n1,2\n2,3\n3,1\n").save(
        tmp_path / "m.npz"
    )
    out = run("inspect", tmp_path / "m.npz").out
    assert f"{size} × 2" in out
    assert out.count(", from layer ") == (2 * members if shown else 0)
    assert ("Θ⁽¹⁾ of member 3" in out) == (shown and members == 3)
