"""The words for what the core and the diagnostics found: what is wrong, where, and what would do."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from builders import examples, group, network, optimizer, start, train

from nnfit.config.document import parse
from nnfit.core.optimizers import LBFGS, SGD, Adam
from nnfit.core.training import Diverged
from nnfit.diagnostics.health import (
    DeadUnits,
    GradientExplodes,
    GradientNotFinite,
    GradientVanishes,
    SaturatedUnits,
    Units,
)
from nnfit.errors import Place
from nnfit.fit.advice import diverged, placed, worded

RATE = "try a smaller training.optimizer.learning_rate, or look for extreme values in columns with scale: none"
LOOK = "look for extreme values in columns with scale: none"
SCALED = "network.initialization: {weights: auto, bias: 1}, or scale: standard for the columns and the target"
FEWER = "network.initialization: {weights: auto, bias: 1}, relu in place of logistic or tanh, or fewer layers"


@pytest.mark.parametrize(("name", "remedy"), [("sgd", RATE), ("adam", RATE), ("lbfgs", LOOK)])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Diverged(1, 1), "training diverged in epoch 1: Θ⁽¹⁾ holds values that are not finite"),
        (Diverged(12, 3), "training diverged in epoch 12: Θ⁽³⁾ holds values that are not finite"),
        (Diverged(7, None), "training diverged in epoch 7: the cost is not finite"),
    ],
)
def test_divergence_names_the_epoch_the_matrix_and_what_to_try(error, message, name, remedy):
    for each in (error, pickle.loads(pickle.dumps(error))):
        told = diverged(each, optimizer(name))
        assert str(told) == f"{message}; {remedy}"
        assert (told.code, told.remedy, told.exit_code) == ("diverged", remedy, 6)


def test_a_training_that_diverges_is_told_so():
    net = network(3, group(3, "linear"), group(2, "linear"), loss="mse")
    with pytest.raises(Diverged) as caught:
        train(net, start(net), examples(np.random.default_rng(12), net, 10), 50, 4, learning_rate=3)
    message = str(diverged(caught.value, optimizer("sgd", learning_rate=3)))
    assert message.startswith(f"training diverged in epoch {caught.value.epoch}: Θ⁽¹⁾")
    assert "learning_rate" in message


@pytest.mark.parametrize("trained", [None, SGD(), Adam(), LBFGS()])
@pytest.mark.parametrize(
    ("finding", "message", "other"),
    [
        (
            DeadUnits(2, Units("relu", 16, 8, 0), 1024),
            "8 of 16 relu units are dead: on all 1,024 rows looked at they are on their flat side, and learn nothing",
            ", or leaky_relu",
        ),
        (
            DeadUnits(2, Units("gelu", 4096, 4000, 1), 50),
            "4,000 of 4,096 gelu units are dead: on all 50 rows looked at they are on their flat side, and learn "
            "nothing",
            "",
        ),
        (
            SaturatedUnits(3, Units("tanh", 4, 0, 4), 10),
            "4 of 4 tanh units are saturated: on all 10 rows looked at their output is next to an end of its range, "
            "and they hardly learn",
            "",
        ),
    ],
)
def test_units_that_learn_nothing_need_another_start_or_after_training_smaller_steps(finding, message, other, trained):
    told = worded(finding, trained)
    # L-BFGS has no learning rate to make smaller
    remedy = SCALED if trained in (None, LBFGS()) else "a smaller training.optimizer.learning_rate"
    assert told.sentence == f"{message}; try {remedy}{other}"
    assert told.code == ("dead-units" if isinstance(finding, DeadUnits) else "saturated-units")


@pytest.mark.parametrize("trained", [None, SGD(), Adam(), LBFGS()])
@pytest.mark.parametrize(
    ("finding", "code", "sentence"),
    [
        (
            GradientVanishes(2, 2e-7),
            "gradient-vanishes",
            f"the gradient vanishes: its RMS is 2e-07 times that of the output layer; try {FEWER}",
        ),
        (GradientVanishes(2, 0.0), "gradient-vanishes", f"the gradient vanishes: it is 0; try {FEWER}"),
        (
            GradientExplodes(3, 6e4, 3e4),
            "gradient-explodes",
            f"the gradient explodes: its RMS is 3e+04 times that of the output layer; try {SCALED}",
        ),
        (
            GradientExplodes(2, 2e5, None),
            "gradient-explodes",
            f"the gradient explodes: its RMS is 2e+05; try {SCALED}",
        ),
        (
            GradientNotFinite(3),
            "gradient-not-finite",
            f"its gradient is not a finite number; {LOOK}, or try {SCALED}",
        ),
    ],
)
def test_a_gradient_out_of_proportion_is_told_with_its_size_and_a_remedy(finding, code, sentence, trained):
    told = worded(finding, trained)
    assert (told.code, told.sentence) == (code, sentence)


SPEC = b"""\
network:
  layers:
    - {size: 4, activation: tanh}
    - {size: auto, activation: softmax}
"""


def test_a_finding_stands_at_the_line_of_its_layer_and_begins_with_its_number():
    findings = [GradientNotFinite(3), DeadUnits(2, Units("relu", 4, 4, 0), 10)]
    second, first = placed(parse(SPEC, "spec.yaml"), findings, SGD())
    assert first.place == Place("spec.yaml", 3, 7, "network.layers[0]")
    assert second.place == Place("spec.yaml", 4, 7, "network.layers[1]")
    assert str(first).startswith("spec.yaml:3:7: network.layers[0]: layer 2: 4 of 4 relu units are dead: ")
    assert second.message == "layer 3: its gradient is not a finite number"
    for problem, finding in zip((second, first), findings, strict=True):
        bare = worded(finding, SGD())
        assert (problem.code, problem.remedy) == (bare.code, bare.remedy)
