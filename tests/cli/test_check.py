"""nnfit check: everything that can be known about a spec before training it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nnfit.diagnostics.gradcheck import GradientCheck
from nnfit.fit import examination as fitting

Run = Callable[..., Any]

KEYS = {"ok", "errors", "warnings", "network", "gradient_check"}
PROBLEM = {"code", "file", "line", "column", "key", "message", "remedy"}


@pytest.fixture
def spec(flowers: Path) -> Path:
    return flowers / "flowers.yaml"


@pytest.mark.process
def test_a_spec_that_is_fine_is_shown_with_its_network_and_its_gradients(spawn: Run, flowers: Path) -> None:
    before = sorted(flowers.iterdir())
    ended = spawn("check", "flowers.yaml", cwd=flowers)
    assert (ended.code, ended.err) == (0, "")
    for text in ("45 rows", "length", "one-hot: blue, red", "4 × 4", "3 × 5", "largest relative error", "0 errors"):
        assert text in ended.out
    assert "\x1b" not in ended.out
    assert sorted(flowers.iterdir()) == before


def test_json_of_a_spec_that_is_fine(run: Run, spec: Path) -> None:
    ended = run("check", spec, "--json")
    assert (ended.code, ended.err) == (0, "")
    report = json.loads(ended.out)
    assert set(report) == KEYS
    assert (report["ok"], report["errors"], report["warnings"]) == (True, [], [])
    assert report["network"] == {
        "layers": [
            {"size": 4, "activation": "tanh", "theta_shape": [4, 4], "parameters": 16},
            {"size": 3, "activation": "softmax", "theta_shape": [3, 5], "parameters": 15},
        ],
        "parameters": 31,
    }
    assert report["gradient_check"]["checked"] == 31
    assert 0 < report["gradient_check"]["max_relative_error"] < report["gradient_check"]["tolerance"] <= 1e-5


def test_steps_and_waves_are_told_and_their_gradients_checked(run: Run, spec: Path) -> None:
    options = (
        *("--set", "data.columns={length: {piecewise: 5, periodic: 2, amplitude: 0.5}}"),
        *("--set", "network.initialization={data_driven: true, bias: 0, output_gain: 0.1}"),
        *("--set", "network.members=3"),
        *("--set", "training.resample=folds"),
    )
    ended = run("check", spec, *options)
    assert (ended.code, ended.err) == (0, "")
    assert "5 steps and 2 waves" in " ".join(ended.out.split())
    report = json.loads(run("check", spec, "--json", *options).out)
    assert (report["ok"], report["warnings"]) == (True, [])
    assert report["network"]["layers"][0]["theta_shape"] == [4, 1 + 1 + 5 + 4 + 2]
    assert report["gradient_check"]["checked"] == 3 * (4 * 13 + 3 * 5)
    assert report["gradient_check"]["max_relative_error"] < 1e-8


def test_warnings_are_listed_and_do_not_fail(run: Run, spec: Path) -> None:
    options = ("--set", "training.batch_size=99")
    report = json.loads(run("check", spec, "--json", *options).out)
    assert report["ok"]
    assert [set(warning) for warning in report["warnings"]] == [PROBLEM]
    assert report["warnings"][0]["key"] == "training.batch_size"
    ended = run("check", spec, *options)
    assert ended.code == 0
    assert "99 is more than the 45 training rows" in ended.out
    assert "1 warning, 0 errors" in ended.out


def test_the_health_of_the_initial_weights_is_a_warning_at_the_layer(run: Run, spec: Path) -> None:
    spec.write_text(spec.read_text().replace("network:", "network:\n  initialization: {bias: 50}"))
    report = json.loads(run("check", spec, "--json").out)
    assert report["ok"]
    (warning, *others) = report["warnings"]
    assert (warning["file"], warning["line"], warning["key"]) == (str(spec), 9, "network.layers[0]")
    assert warning["message"].startswith("layer 2: 4 of 4 tanh units are saturated: on all 45 rows looked at ")
    assert [other["message"].split(":")[1] for other in others] == [" the gradient vanishes"]
    assert "⚠" in run("check", spec).out


def test_every_error_of_a_spec_is_listed_and_the_exit_code_is_3(run: Run, spec: Path) -> None:
    text = spec.read_text().replace("size: 4", "size: 0").replace("softmax", "sofmax")
    spec.write_text(text)
    ended = run("check", spec, "--json")
    assert (ended.code, ended.err) == (3, "")
    report = json.loads(ended.out)
    assert set(report) == KEYS
    assert report["ok"] is False
    assert (report["network"], report["gradient_check"]) == (None, None)
    assert report["errors"] == [
        {
            "file": str(spec),
            "line": 8,
            "column": 8,
            "key": "network.layers[0].size",
            "message": "expected a whole number of at least 1 or auto, got 0",
            "code": "wrong-value",
            "remedy": None,
        },
        {
            "file": str(spec),
            "line": 9,
            "column": 20,
            "key": "network.layers[1].activation",
            "message": "expected one of linear, identity, step, logistic, sigmoid, tanh, relu, leaky_relu, elu, "
            'selu, gelu, silu, swish, mish, softplus, softmax, got "sofmax"; did you mean "softmax"?',
            "code": "wrong-value",
            "remedy": 'did you mean "softmax"?',
        },
    ]
    ended = run("check", spec)
    assert ended.code == 3
    for problem in report["errors"]:
        assert f"{spec}:{problem['line']}:{problem['column']}: {problem['key']}: {problem['message']}" in ended.out
    assert "2 errors" in ended.out


def test_a_contradiction_is_an_error_of_the_spec(run: Run, spec: Path) -> None:
    ended = run("check", spec, "--json", "--set", "loss=bce", "--set", "network.layers[1].activation=tanh")
    assert ended.code == 3
    assert "bce cannot follow tanh" in json.loads(ended.out)["errors"][0]["message"]


def test_an_error_of_the_data_exits_with_4(run: Run, spec: Path, flowers: Path) -> None:
    (flowers / "flowers.csv").write_text("id,species\n1,a\n2\n")
    ended = run("check", spec, "--json")
    assert (ended.code, ended.err) == (4, "")
    assert json.loads(ended.out)["errors"] == [
        {
            "file": str(flowers / "flowers.csv"),
            "line": 3,
            "column": None,
            "key": None,
            "message": "1 cell, but the header has 2 columns; write a separator for every empty cell too",
            "code": "ragged-row",
            "remedy": "write a separator for every empty cell too",
        }
    ]
    assert run("check", spec).code == 4


def test_warnings_are_shown_beside_errors(run: Run, spec: Path) -> None:
    options = ("--set", "training.batch_size=99", "--set", "network.layers[1].size=5")
    ended = run("check", spec, *options)
    assert ended.code == 3
    assert "so the output layer needs 3 neurons, not 5" in ended.out
    assert "99 is more than the 45 training rows" in ended.out
    assert "1 warning, 1 error" in ended.out
    report = json.loads(run("check", spec, "--json", *options).out)
    assert [len(report[kind]) for kind in ("errors", "warnings")] == [1, 1]


def test_gradients_that_disagree_fail(run: Run, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (1e-3, float("nan")):
        wrong = GradientCheck(error, 31, 0, 2, 0.5, 0.25)
        monkeypatch.setattr(fitting, "gradient_check", lambda prepared, wrong=wrong: wrong)
        ended = run("check", spec)
        assert ended.code == 1
        assert "back-propagation 0.5, numerically 0.25" in ended.out
        ended = run("check", spec, "--json")
        assert ended.code == 1
        assert json.loads(ended.out)["ok"] is False


def test_weights_below_a_surrogate_gradient_are_not_checked(run: Run, spec: Path) -> None:
    step = "network.layers[0].activation={name: step, gradient: straight_through}"
    report = json.loads(run("check", spec, "--json", "--set", step).out)
    assert report["ok"]
    assert report["gradient_check"]["checked"] == 15  # of the layer above the steps


def test_of_several_specs_each_is_checked_and_the_first_that_is_not_fine_gives_the_code(
    run: Run, flowers: Path
) -> None:
    good, broken = flowers / "flowers.yaml", flowers / "broken.yaml"
    broken.write_text(good.read_text().replace("epochs: 30", "epochs: many"))
    (flowers / "lost.yaml").write_text(good.read_text().replace("flowers.csv", "lost.csv"))
    assert run("check", good, good).code == 0
    ended = run("check", good, flowers / "lost.yaml", broken, good)
    assert (ended.code, ended.err) == (4, "")
    headings = [line for line in ended.out.splitlines() if line.startswith("── ")]
    assert headings == [f"── {path}" for path in (good, flowers / "lost.yaml", broken, good)]
    assert ended.out.count("0 errors") == 2
    assert re.search(rf"{broken}:\d+:\d+: training.epochs: expected", ended.out)
    assert "lost.csv: cannot be read" in ended.out
    assert run("check", broken, flowers / "lost.yaml").code == 3


def test_of_several_specs_the_last_line_says_which_are_not_fine(run: Run, spec: Path, flowers: Path) -> None:
    (flowers / "bad.yaml").write_text("data: {}\n")
    ended = run("check", spec, flowers / "bad.yaml", spec)
    assert ended.out.replace("\n", " ").rstrip().endswith(f"3 specs checked, 2 fine; not: {flowers / 'bad.yaml'}")
    assert run("check", spec, spec).out.endswith("2 specs checked, 2 fine\n")
    assert "specs checked" not in run("check", spec).out


def test_a_key_that_another_name_in_an_option_makes_unknown_names_the_option(run: Run, spec: Path) -> None:
    beta = spec.read_text().replace("name: adam,", "name: adam, beta2: 0.9,", 1)
    spec.write_text(beta)
    told = " ".join(run("check", spec, "--set", "training.optimizer.name=sgd").out.split())
    assert 'there is no such key for "sgd", as --set training.optimizer.name=sgd says; known here' in told


def test_json_is_of_one_spec(run: Run, spec: Path) -> None:
    ended = run("check", spec, spec, "--json")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "nnfit: --json is of one SPEC, not of 2; check each alone\n"


def test_the_hook_of_pre_commit_checks_the_specs_that_it_is_given(run: Run, root: Path, flowers: Path) -> None:
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text("utf-8"))
    taken = ["configs/a.yaml", "specs/b.yml", "configs/of/parent.yaml", "configs/c.csv", "d.yaml"]
    assert [path for path in taken if re.search(hook["files"], path)] == ["configs/a.yaml", "specs/b.yml"]
    program, *words = hook["entry"].split()
    assert (program, hook["language"], hook["require_serial"]) == ("nnfit", "python", True)
    broken = flowers / "broken.yaml"
    broken.write_text("data: 3\n")
    ended = run(*words, flowers / "flowers.yaml", broken)
    assert ended.code == 3
    assert f"{broken}:1:1: data: expected a mapping, got 3" in ended.out
    assert run(*words, flowers / "flowers.yaml", flowers / "flowers.yaml").code == 0


def test_a_value_that_is_no_yaml_and_a_mark_that_is_empty_are_told_what_to_write(run: Run, spec: Path) -> None:
    told = " ".join(run("check", spec, "--set", "data.decimal=,").out.split())
    assert """for text, quotes within quotes: --set 'data.decimal="TEXT"'""" in told
    ended = run("init", spec.with_name("flowers.csv"), "--target", "species", "--decimal", "")
    assert ended.err == (
        "nnfit: --decimal '': expected one printable ASCII character, or a tab; a decimal mark is . or ,\n"
    )
