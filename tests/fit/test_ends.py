"""Both ends of the network against the data: the target that a loss can have, and the output layer that suits it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Complaint = Callable[..., str]

NUMBERS = "x,y\n1,1\n2,2\n3,3\n"
BOTH = "x,a,b\n" + "0,0,0\n1,0,1\n2,1,1\n3,1,1\n" * 3


def spec(activation: str, more: str = "", target: str = "y", data: str = "") -> str:
    return (
        f"data: {{train: data.csv, target: {target}{data}}}\n"
        f"network: {{layers: [{{size: auto, activation: {activation}}}]}}\n{more}"
    )


def test_a_single_class_is_refused(complaint: Complaint) -> None:
    found = complaint(spec("softmax"), "x,y\n0,a\n0,a\n0,a\n")
    assert found == 'data.csv: the target "y" has a single class, "a"; there is nothing to learn'


@pytest.mark.parametrize(("activation", "task"), [("linear", "1 real target"), ("softmax", "3 classes")])
def test_an_output_layer_of_another_size_is_refused(complaint: Complaint, activation: str, task: str) -> None:
    needed = "1 neuron" if task.startswith("1") else "3 neurons"
    assert complaint(spec(activation).replace("auto", "2"), NUMBERS) == (
        f"spec.yaml:2:21: network.layers[0].size: the data have {task}, so the output layer needs {needed}, not 2"
    )


def test_softmax_is_refused_for_one_real_target(complaint: Complaint) -> None:
    found = complaint(spec("softmax", "loss: mse\n"), NUMBERS)
    assert "softmax with one neuron is always 1; use linear for one real target" in found


def test_several_targets_of_classes_must_be_0_and_1(complaint: Complaint) -> None:
    found = complaint(spec("logistic", target="[a, b]"), "x,a,b\n1,0,0\n2,1,1\n3,0,2\n")
    assert found == 'data.csv:4:3: column "b": several targets with bce must be 0 or 1, got "2"'


def test_several_targets_of_0_and_1_do_not_fit_softmax_whose_outputs_sum_to_one(complaint: Complaint) -> None:
    assert "softmax" in complaint(spec("softmax", target="[a, b]"), BOTH)


@pytest.mark.parametrize("key", ["log1p: true", "bins: 5", "missing: mean", "degree: 2"])
def test_a_target_refuses_the_keys_of_an_input(complaint: Complaint, key: str) -> None:
    rows = "x,y\n" + "".join(f"{i},{i * i}\n" for i in range(30))
    assert "a real target does not take this key" in complaint(
        spec("linear", data=f", columns: {{y: {{{key}}}}}"), rows
    )
