"""The sweep that `nnfit init --sweep` proposes: valid, for this spec, with few parameters and a reason for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnfit.config import loader
from nnfit.config.document import parse
from nnfit.errors import SpecError
from nnfit.sweeps import proposal
from nnfit.sweeps.proposal import Proposal, propose
from nnfit.sweeps.reading import load_sweep

from .conftest import BASE

Written = Callable[..., Path]
RATE, DECAY = "training.optimizer.learning_rate", "training.optimizer.weight_decay"
OPTIMIZER = "  optimizer: {name: adam, learning_rate: 0.01}\n"
HIDDEN = "    - {size: 4, activation: relu}     # hidden\n"


def proposed(place: Path, base: str, output: str = "base.sweep.yaml") -> tuple[Proposal, dict[str, Any]]:
    """What is proposed for a spec, written where it is to lie; and its values, which nnfit check takes."""
    (place / "base.yaml").write_text(base)
    path = place / output
    found = propose(*loader.read(place / "base.yaml"), place / "base.yaml", path)
    path.write_text(found.text)
    sweep = load_sweep(path)
    assert len(sweep.points) == found.trials == sweep.keys.search.trials
    assert 1 <= len(sweep.parameters) <= 4
    value: dict[str, Any] = parse(found.text.encode(), "x").value
    return found, value


def test_it_is_made_for_the_spec_and_every_parameter_has_its_reason_above(place: Path) -> None:
    found, value = proposed(place, BASE)
    assert value["spec"] == "base.yaml"
    assert value["parameters"] == {
        RATE: {"min": 0.001, "max": 0.1, "scale": "log"},
        "network.layers.0.size": [2, 4, 8],
        "training.l2": [0, 1e-5, 1e-4, 1e-3],
    }
    lines = found.text.splitlines()
    for key in value["parameters"]:
        at = next(k for k, line in enumerate(lines) if line.startswith(f"  {key}:"))
        assert lines[at - 1].startswith("  # ")
    assert value["search"] == {"method": "random", "trials": 20, "seed": 0}
    assert "# Of 20 points at random, one is of the best 5 % with a chance of 64 %" in found.text
    assert lines[1].startswith("# 20 trials, each with 3 seeds, about ")
    assert value["metric"] == "log_loss"
    assert "data.test in base.yaml would keep rows for it alone" in lines[-2]
    assert lines[-1].endswith("that is a file, or a share with data.split_seed.")
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("optimizer", "key", "values"),
    [
        ("adam", RATE, {"min": 0.0001, "max": 0.01, "scale": "log"}),
        ("{name: sgd, learning_rate: 0.5}", RATE, {"min": 0.05, "max": 1.5, "scale": "log"}),
        ("{name: adam, learning_rate: 0.05}", RATE, {"min": 0.005, "max": 0.15, "scale": "log"}),
        ("{name: sgd, learning_rate: 0.01}", RATE, {"min": 0.001, "max": 0.1, "scale": "log"}),
        ("{name: rmsprop, learning_rate: 1.0e-06}", RATE, {"min": 1e-7, "max": 1e-5, "scale": "log"}),
        ("{name: adamw, weight_decay: 0.02}", DECAY, {"min": 0.002, "max": 0.2, "scale": "log"}),
        ("{name: adamw, weight_decay: 0}", DECAY, [0, 0.001, 0.01, 0.1]),
        ("{name: adam}\n  l2: 0.001", "training.l2", {"min": 0.0001, "max": 0.01, "scale": "log"}),
    ],
)
def test_values_lie_around_those_of_the_spec_within_sane_limits(
    place: Path, optimizer: str, key: str, values: Any
) -> None:
    _, found = proposed(place, BASE.replace("{name: adam, learning_rate: 0.01}", optimizer))
    assert found["parameters"][key] == values
    assert (DECAY in found["parameters"]) is ("adamw" in optimizer)


def test_lbfgs_has_neither_a_rate_nor_dropout(place: Path) -> None:
    base = BASE.replace(OPTIMIZER, "  optimizer: lbfgs\n  batch_size: full\n").replace("size: 4", "size: 40")
    _, found = proposed(place, base)
    assert list(found["parameters"]) == ["network.layers.0.size", "training.l2"]
    assert (found["search"]["trials"], found["repeat"]) == (13, 3)


def test_several_hidden_layers_are_made_wider_together(place: Path) -> None:
    second = "    - {size: 6, activation: tanh}\n"
    _, found = proposed(place, BASE.replace(HIDDEN, HIDDEN + second))
    alternatives = found["parameters"]["network.layers"]
    assert [[layer["size"] for layer in each] for each in alternatives] == [
        [2, 3, "auto"],
        [4, 6, "auto"],
        [8, 12, "auto"],
    ]
    assert all([layer["activation"] for layer in each] == ["relu", "tanh", "softmax"] for each in alternatives)


@pytest.mark.parametrize(
    "hidden",
    ["", "    - {size: 4, activation: [{name: tanh, size: 2}, {name: relu, size: 2}]}\n"],
    ids=["none", "mixed"],
)
def test_layers_that_have_no_width_to_vary_are_left_alone(place: Path, hidden: str) -> None:
    _, found = proposed(place, BASE.replace(HIDDEN, hidden))
    assert list(found["parameters"]) == [RATE, "training.l2"]


def test_a_large_layer_is_not_made_larger(place: Path) -> None:
    _, found = proposed(place, BASE.replace("size: 4", "size: 800"))
    assert found["parameters"]["network.layers.0.size"] == [200, 400, 800]


def test_dropout_is_proposed_where_there_is_more_to_learn_than_rows(place: Path) -> None:
    assert "training.dropout" not in proposed(place, BASE)[1]["parameters"]
    found, value = proposed(place, BASE.replace("size: 4", "size: 16"))
    assert value["parameters"]["training.dropout"] == [0, 0.1, 0.3]
    assert "the network has 82 parameters and learns from 30 rows" in found.text
    given = BASE.replace("size: 4", "size: 16").replace("  epochs: 2\n", "  epochs: 2\n  dropout: 0.2\n")
    assert proposed(place, given)[1]["parameters"]["training.dropout"] == [0, 0.1, 0.2, 0.3]


def test_a_spec_that_inherits_says_what_it_is_not_where(place: Path) -> None:
    (place / "parent.yaml").write_text(BASE)
    _, found = proposed(place, "extends: parent.yaml\ntraining: {optimizer: {learning_rate: 0.02}}\n")
    assert found["parameters"][RATE] == {"min": 0.002, "max": 0.1, "scale": "log"}


def test_paths_and_names_are_those_of_the_place_where_it_lies(place: Path) -> None:
    (place / "in").mkdir()
    _, found = proposed(place, BASE, "in/s.yaml")
    assert found["spec"] == "../base.yaml"
    name = 'a "b"\n\x1b: #.yaml'
    (place / name).write_text(BASE)
    text = propose(*loader.read(place / name), place / name, place / "s.yaml").text
    (place / "s.yaml").write_text(text)
    assert load_sweep(place / "s.yaml").keys.spec == name
    assert "\x1b" not in text


def test_real_targets_and_validation_rows_have_their_metric(place: Path) -> None:
    base = BASE.replace("target: kind", "target: width\n  test: 0.2\n  validation: 0.2").replace(
        "  resample: folds\n", ""
    )
    base = base.replace("{size: auto, activation: softmax}", "{size: 1, activation: linear}")
    found, value = proposed(place, base)
    assert value["metric"] == "rmse"
    assert "on validation rows" in found.text
    assert "data.test" not in found.text


def test_a_spec_that_holds_no_rows_out_is_told_what_to_add(place: Path) -> None:
    with pytest.raises(SpecError, match=r"base.yaml:10:1: training: holds no rows out.*set data.validation: 0.2, or"):
        proposed(place, BASE.replace("  resample: folds\n", ""))


def test_of_few_rows_three_seeds_are_proposed_in_the_same_time_unless_each_would_draw_test_rows(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, value = proposed(place, BASE)
    assert (few.trials, value["repeat"]) == (20, 3)
    assert "With 30 rows to learn from, luck of the seed and of the rows held out decides much" in few.text
    tested = BASE.replace("target: kind", "target: kind\n  test: 0.2")
    found, value = proposed(place, tested)
    assert (found.trials, "repeat" in value) == (60, False)
    assert "once base.yaml has data.split_seed: else each seed draws other test rows" in found.text
    found, value = proposed(place, tested.replace("test: 0.2", "test: 0.2\n  split_seed: 1"))
    assert (found.trials, value["repeat"]) == (20, 3)
    monkeypatch.setattr(proposal, "FEW_ROWS", 30)
    many, value = proposed(place, BASE)
    assert (many.trials, "repeat" in value, "luck" in many.text) == (60, False, False)
    assert many.seconds == pytest.approx(few.seconds, rel=1e-3)


def test_what_would_take_long_has_fewer_trials(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = proposed(place, BASE)
    for most, trials in ((whole.seconds / 2, 10), (whole.seconds / 100, 6)):
        monkeypatch.setattr(proposal, "LONG", most)
        found, value = proposed(place, BASE)
        assert found.trials == value["search"]["trials"] == trials
        assert f"\n# {trials} trials, each with 3 seeds, about " in found.text
        assert f"with a chance of {100 * (1 - 0.95**trials):.0f} %" in found.text
