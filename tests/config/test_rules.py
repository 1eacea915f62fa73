"""Keys that are fine alone but not together: layers, sizes and the loss, targets and the split."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnfit.config.spec import Spec
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.losses import LOSSES

Read = Callable[..., Spec]
Refused = Callable[..., str]

HIDDEN = "{size: 4, activation: tanh}"
STEP = "the derivative of step is 0 wherever it exists, so the weights below it cannot learn; use "


def spec(*layers: str, more: str = "") -> str:
    lines = "".join(f"    - {layer}\n" for layer in layers)
    return f"data: {{train: t.csv, target: y}}\nnetwork:\n  layers:\n{lines}{more}"


@pytest.mark.parametrize(
    ("output", "loss", "expected"),
    [
        (
            "tanh",
            "bce",
            "bce cannot follow tanh, whose outputs lie in (−1, 1): it takes log ŷ and log(1 − ŷ), which exist only for "
            "ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
        ),
        (
            "step",
            "bce",
            "bce cannot follow step, whose outputs lie in {0, 1}: it takes log ŷ and log(1 − ŷ), which exist only for "
            "ŷ in (0, 1); use logistic or softmax in the output layer, or another loss",
        ),
        (
            "logistic",
            "cross_entropy",
            "cross_entropy cannot follow logistic, whose outputs lie in (0, 1): it needs one probability per class, "
            "and the probabilities must sum to one; use softmax in the output layer, or another loss",
        ),
        (
            "linear",
            "cross_entropy",
            "cross_entropy cannot follow linear, whose outputs lie in (−∞, ∞): it needs one probability per class, "
            "and the probabilities must sum to one; use softmax in the output layer, or another loss",
        ),
    ],
)
def test_a_loss_refuses_outputs_it_cannot_take_and_says_why(
    refused: Refused, output: str, loss: str, expected: str
) -> None:
    text = spec(HIDDEN, f"{{size: auto, activation: {output}}}", more=f"loss: {loss}\ntraining: {{epochs: 0}}\n")
    assert refused(text) == f"spec.yaml:6:1: loss: {expected}"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_a_pair_is_legal_exactly_where_the_ranges_agree(read: Read, refused: Refused, output: str, loss: str) -> None:
    text = spec(f"{{size: auto, activation: {output}}}", more=f"loss: {loss}\ntraining: {{epochs: 0}}\n")
    legal = {
        "bce": {"logistic", "softmax"},
        "cross_entropy": {"softmax"},
    }.get(loss, set(ACTIVATIONS))
    if output in legal:
        assert read(text).loss == loss
    else:
        assert f"{loss} cannot follow {output}" in refused(text)


def test_softmax_with_one_neuron_is_refused(refused: Refused) -> None:
    expected = "softmax with one neuron is always 1; use logistic, or as many neurons as classes"
    assert (
        refused(spec("{size: 1, activation: softmax}")) == f"spec.yaml:4:17: network.layers[0].activation: {expected}"
    )


def test_a_step_without_a_surrogate_cannot_be_trained(refused: Refused) -> None:
    hidden = spec("{size: 3, activation: step}", "{size: auto, activation: softmax}")
    assert refused(hidden) == (
        f"spec.yaml:4:17: network.layers[0].activation: {STEP}"
        "{name: step, gradient: straight_through}, or another activation"
    )
    output = spec("{size: 1, activation: {name: step, k: 0.5}}")
    assert refused(output) == (
        f"spec.yaml:4:17: network.layers[0].activation: {STEP}"
        "{name: step, gradient: straight_through}, or logistic, whose prediction is the decision p ≥ ½"
    )


def test_a_step_is_legal_with_a_surrogate_or_untrained(read: Read) -> None:
    surrogate = spec("{size: 1, activation: {name: step, gradient: straight_through}}")
    assert read(surrogate).network.layers[0].activation.gradient == "straight_through"
    assert read(spec("{size: 1, activation: step}", more="training: {epochs: 0}")).training.epochs == 0


def test_the_activations_of_a_mixed_layer_must_fill_it(read: Read, refused: Refused) -> None:
    mixed = "{{size: {}, activation: [{{name: tanh, size: 2}}, {{name: relu, size: 3}}]}}"
    assert refused(spec(mixed.format(6), "{size: auto, activation: softmax}")) == (
        "spec.yaml:4:8: network.layers[0].size: its activations have 5 neurons together, but the layer has 6"
    )
    layer = read(spec(mixed.format(5), "{size: auto, activation: softmax}")).network.layers[0]
    assert [(group.sigma.name, group.size) for group in layer.activation] == [("tanh", 2), ("relu", 3)]


def test_softmax_cannot_share_a_layer(refused: Refused) -> None:
    layer = "{size: 5, activation: [{name: tanh, size: 2}, {name: softmax, size: 3}]}"
    assert refused(spec(layer, "{size: auto, activation: linear}")) == (
        "spec.yaml:4:53: network.layers[0].activation[1]: "
        "softmax couples all neurons of a layer; give it a layer of its own"
    )


def test_every_group_of_a_mixed_output_must_suit_the_loss(refused: Refused) -> None:
    layer = "{size: 2, activation: [{name: logistic, size: 1}, {name: tanh, size: 1}]}"
    assert "bce cannot follow tanh" in refused(spec(layer, more="loss: bce\n"))


def test_auto_is_refused_in_a_hidden_layer(refused: Refused) -> None:
    assert refused(spec("{size: auto, activation: tanh}", "{size: auto, activation: softmax}")) == (
        "spec.yaml:4:8: network.layers[0].size: auto is for the output layer; give a hidden layer its size"
    )


@pytest.mark.parametrize("more", ["", "loss: mse\n"])
@pytest.mark.parametrize("size", ["4", "auto"])
def test_a_layer_without_any_activation_is_refused(refused: Refused, size: str, more: str) -> None:
    assert "network.layers[0]" in refused(spec(f"{{size: {size}, activation: []}}", more=more))


def test_a_network_without_layers_is_refused(refused: Refused) -> None:
    text = "data: {train: t.csv, target: y}\nnetwork: {layers: []}\n"
    assert (
        refused(text)
        == "spec.yaml:2:11: network.layers: expected a list of mappings, got []; put at least one item in it"
    )


def test_all_contradictions_are_listed_at_once(refused: Refused) -> None:
    text = spec("{size: auto, activation: step}", "{size: 1, activation: softmax}", more="loss: bce\n")
    assert [line.split(": ")[1] for line in refused(text).splitlines()] == [
        "network.layers[0].size",
        "network.layers[0].activation",
        "network.layers[1].activation",
    ]


LINEAR = "{size: 1, activation: linear}"


@pytest.mark.parametrize(
    ("data", "more", "expected"),
    [
        (", validation: 0.5, test: 0.5", "", "data.test: validation and test together leave no rows to train on"),
        (
            "",
            "training: {resample: folds}\n",
            "training.resample: folds needs several members, each with rows of its own; set network.members: 8",
        ),
        (
            "",
            "training: {early_stopping: {}}\n",
            "training.early_stopping: needs rows that are not learnt from; "
            "set data.validation, or training.resample: folds",
        ),
        (
            "",
            "training: {schedule: plateau}\n",
            "training.schedule: plateau follows the validation cost; set data.validation, or training.resample: folds",
        ),
        (
            "",
            "training: {optimizer: lbfgs, batch_size: full, dropout: 0.5}\n",
            "training.dropout: lbfgs takes whole steps on all rows; "
            "leave out dropout, which changes the cost at every step",
        ),
    ],
)
def test_what_a_training_asks_of_the_rows_is_told_where_they_are_not(
    refused: Refused, data: str, more: str, expected: str
) -> None:
    message = refused(spec(LINEAR, more=more).replace("target: y", f"target: y{data}"))
    assert message.partition(": ")[2] == expected


@pytest.mark.parametrize(("validation", "test"), [("0.5", "0.5"), ("0.6", "0.6"), ("0.9", "0.99")])
def test_a_split_that_leaves_no_training_row_is_refused(refused: Refused, validation: str, test: str) -> None:
    text = spec("{size: auto, activation: softmax}").replace("target: y", f"target: y, validation: {validation}")
    assert "validation and test together leave no rows to train on" in refused(text, f"data.test={test}")


def test_a_target_named_twice_is_refused(refused: Refused) -> None:
    assert '"a"' in refused(spec("{size: auto, activation: linear}").replace("target: y", "target: [a, a]"))


@pytest.mark.parametrize("decimal", [*"eEx5+-_'", " ", "\\t", '\\"'])
def test_a_decimal_mark_that_stands_in_numbers_or_words_anyway_is_refused(refused: Refused, decimal: str) -> None:
    text = spec(HIDDEN).replace("target: y", f'target: y, decimal: "{decimal}"')
    shown = {" ": "a space", "\\t": "a tab", '\\"': '"""'}.get(decimal, f'"{decimal}"')
    assert refused(text) == (
        f"spec.yaml:1:33: data.decimal: {shown} cannot be a decimal mark: it stands in numbers for other reasons, or "
        'in words; set "." or ","'
    )


@pytest.mark.parametrize(
    ("said", "key", "mark"),
    [
        ('decimal: ","', "decimal", ","),
        ('separator: "."', "separator", "."),
        ('decimal: ";", separator: ";"', "decimal", ";"),
    ],
)
def test_a_separator_that_is_the_decimal_mark_is_refused(refused: Refused, said: str, key: str, mark: str) -> None:
    assert refused(spec(HIDDEN).replace("target: y", f"target: y, {said}")) == (
        f'spec.yaml:1:33: data.{key}: "{mark}" is both the separator and the decimal mark; name both as the file has '
        'them, as in separator: ";" and decimal: ","'
    )


def test_a_quote_as_separator_is_refused(refused: Refused) -> None:
    assert refused(spec(HIDDEN).replace("target: y", "target: y, separator: '\"'")).startswith(
        "spec.yaml:1:33: data.separator: a quote cannot separate cells"
    )


@pytest.mark.parametrize("encoding", ["latin-17", "hex", "rot13", "undefined", "base64", ""])
def test_an_encoding_that_is_none_is_refused_with_its_line(refused: Refused, encoding: str) -> None:
    text = spec(HIDDEN).replace("{train: t.csv", f'\n  encoding: "{encoding}"\n  train: t.csv').replace("y}", "y")
    found = refused(text.replace(", target", "\n  target"))
    assert found.startswith("spec.yaml:2:3: data.encoding: ")
    assert encoding == "" or f'there is no text encoding "{encoding}"; utf-8, latin-1 and cp1252 are common' in found


def test_the_marks_of_german_files_are_fine(read: Read) -> None:
    data = read(spec(HIDDEN).replace("target: y", 'target: y, decimal: ",", separator: ";"')).data
    assert (data.decimal, data.separator) == (",", ";")
