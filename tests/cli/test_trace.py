"""nnfit trace: one row up the network and back, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from model_files import RICH, RICH_CSV

import nnfit
from nnfit.cli.matrices import name
from nnfit.core.network import views
from nnfit.model.model import Model

Run = Callable[..., Any]
DATA = ROOT / "datasets" / "notes_example.csv"


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notes' worked example as training begins with it."""
    path = tmp_path_factory.mktemp("notes") / "notes.npz"
    nnfit.train(ROOT / "configs" / "notes_example.yaml", overrides={"training.epochs": 0}).model.save(path)
    return path


def saved(folder: Path, model: Model) -> Path:
    model.save(folder / "m.npz")
    return folder / "m.npz"


def test_the_notes_worked_example_is_printed_layer_by_layer(run: Run, notes: Path) -> None:
    ended = run("trace", notes, DATA, "--row", "2")
    assert (ended.code, ended.err) == (0, "")
    titles = [line.split(":")[0] for line in ended.out.splitlines() if line.startswith(("Row", "Up", "Back", "A step"))]
    assert titles == [
        *("Row 2", "Up to layer 2 (2 neurons, logistic)", "Up to layer 3 (3 neurons, logistic)"),
        *("Up to layer 4 (1 neuron, logistic)", "Back to Θ⁽³⁾", "Back to Θ⁽²⁾", "Back to Θ⁽¹⁾"),
        "A step of plain gradient descent, θ ← θ − η ∂C/∂θ with η = 0.5 (training.optimizer.learning_rate),",
    ]
    model = nnfit.load(notes)
    row = json.loads(run("trace", notes, DATA, "--row", "2", "--json").out)["rows"][0]
    lines = [line.split() for line in ended.out.splitlines()]
    (member,) = row["members"]
    came_in = row["x"]
    for layer, Theta in zip(member["layers"], views(model.network, model.theta), strict=True):
        assert any(words[-len(came_in) :] == five(came_in) for words in lines)
        for k, (z, a, delta) in enumerate(zip(layer["z"], layer["a"], layer["delta"], strict=True)):
            assert any(
                words[1:] == five([*Theta[0, k], z, a]) or words[2:] == five([*Theta[0, k], z, a]) for words in lines
            )
            back = five([delta, *layer["gradient"][k]])
            assert any(words[1:] == back or words[2:] == back for words in lines)
        came_in = layer["a"]
    assert f"C = {member['cost']:.5f} (mse of y = 0.35000 and ŷ = {row['prediction']:.5f})" in ended.out
    assert f"C = {member['cost_after_step']:.5f} after it" in ended.out
    assert member["cost_after_step"] < member["cost"]


def five(values: list[float]) -> list[str]:
    """Numbers as the table has them."""
    return [f"{v:.5f}" if abs(v) >= 1e-3 else f"{v:.3e}".replace("e-0", "e-") for v in values]


def test_json_has_the_keys_of_the_contract_and_all_rows(run: Run, notes: Path) -> None:
    ended = run("trace", notes, DATA, "--json")
    assert (ended.code, ended.err) == (0, "")
    report = json.loads(ended.out)
    assert {"model", "data", "inputs", "learning_rate", "learning_rate_from", "theta", "rows"} == set(report)
    assert [row["row"] for row in report["rows"]] == list(range(1, 9))
    assert (report["inputs"], report["learning_rate"]) == (["x1", "x2", "x3", "x4"], 0.5)
    for row in report["rows"]:
        assert set(row) == {"row", "x", "y", "target", "prediction", "members"}
        (member,) = row["members"]
        assert set(member) == {"cost", "cost_after_step", "layers"}
        assert [layer["layer"] for layer in member["layers"]] == [2, 3, 4]
        below = [1.0, *row["x"]]
        for layer, Theta in zip(member["layers"], report["theta"][0], strict=True):
            assert set(layer) == {"layer", "activation", "z", "a", "delta", "gradient"}
            assert layer["activation"] == "logistic"
            np.testing.assert_allclose(layer["z"], np.array(Theta) @ below, rtol=1e-12)
            np.testing.assert_allclose(layer["gradient"], np.outer(layer["delta"], below), rtol=1e-12)
            below = [1.0, *layer["a"]]
        assert row["prediction"] == pytest.approx(layer["a"][0], rel=1e-12)
        assert member["cost"] == pytest.approx((row["target"] - row["prediction"]) ** 2 / 2, rel=1e-9)


def test_a_row_is_numbered_as_in_the_file_and_is_that_of_all_rows(run: Run, notes: Path) -> None:
    every = json.loads(run("trace", notes, DATA, "--json").out)["rows"]
    for n in (1, 8):
        (row,) = json.loads(run("trace", notes, DATA, "--row", n, "--json").out)["rows"]
        assert row.pop("prediction") == pytest.approx(every[n - 1].pop("prediction"), rel=1e-14)  # of a batch of one
        assert row == every[n - 1]


@pytest.mark.parametrize("n", [9, 10**30])
def test_a_row_beyond_the_file_is_told_with_how_many_there_are(run: Run, notes: Path, n: int) -> None:
    ended = run("trace", notes, DATA, "--row", n)
    assert ended == (2, "", f"nnfit: --row {n}: {DATA} has 8 rows; name one from 1 to 8\n")


@pytest.mark.parametrize("n", ["0", "-1", "1.5", "x"])
def test_what_is_no_row_number_is_a_usage_error(run: Run, notes: Path, n: str) -> None:
    ended = run("trace", notes, DATA, "--row", n)
    assert (ended.code, ended.out) == (2, "")
    assert "--row" in ended.err


def test_without_a_row_the_first_are_shown_and_the_others_counted(run: Run, notes: Path) -> None:
    ended = run("trace", notes, DATA)
    assert [line.split(":")[0] for line in ended.out.splitlines() if line.startswith("Row ")] == [
        "Row 1",
        "Row 2",
        "Row 3",
    ]
    assert ended.out.endswith("… 5 more rows: --row N shows one, --json has them all\n")


def test_rows_come_from_standard_input_too(run: Run, notes: Path) -> None:
    ended = run("trace", notes, "-", "--row", "2", stdin=DATA.read_text())
    assert ended.out == run("trace", notes, DATA, "--row", "2").out


NOTE = "without its target (y), {} can be followed up alone: the way back begins with C\n"


@pytest.mark.parametrize("header", ["x1,x2,x3,x4", "x1,x2,x3,x4,y"])
def test_a_row_without_its_target_is_followed_up_alone(run: Run, notes: Path, header: str) -> None:
    text = f"{header}\n0.2,0.8,0.4,0.6{',' * (header.count(',') - 3)}\n"
    ended = run("trace", notes, "-", "--row", "1", stdin=text)
    assert (ended.code, ended.err) == (0, NOTE.format("this row"))
    labelled = run("trace", notes, DATA, "--row", "2").out
    up = labelled[labelled.index("Up") : labelled.index("C = ")]
    assert ended.out == f"Row 1: y is predicted 0.748102\n\n{up}"
    ended = run("trace", notes, "-", "--json", stdin=text)
    assert ended.err == NOTE.format("1 row")
    (row,) = json.loads(ended.out)["rows"]
    (member,) = row["members"]
    assert (row["y"], row["target"], member["cost"], member["cost_after_step"]) == (None, None, None, None)
    assert all(layer["delta"] is layer["gradient"] is None for layer in member["layers"])


def test_rows_with_and_without_a_target_stand_side_by_side(run: Run, notes: Path) -> None:
    ended = run("trace", notes, "-", "--json", stdin="x1,x2,x3,x4,y\n1,1,1,1,\n0.2,0.8,0.4,0.6,0.35\n")
    assert ended.err.endswith(NOTE.format("1 row"))
    first, second = json.loads(ended.out)["rows"]
    assert first["members"][0]["cost"] is None
    (same,) = json.loads(run("trace", notes, DATA, "--row", "2", "--json").out)["rows"]
    assert second["members"] == same["members"]


def test_an_unknown_class_is_told_where_its_row_is_traced(run: Run, flower_model: Path) -> None:
    text = "length,colour,species\n1,red,setosa\n2,red,rose\n"
    ended = run("trace", flower_model, "-", "--json", stdin=text)
    assert (ended.code, ended.out) == (4, "")
    assert ':3:3: the target "species" is "rose", a class that no training row has' in ended.err
    assert run("trace", flower_model, "-", "--row", "1", stdin=text).code == 0


def test_classes_members_and_mixed_layers_are_traced_by_name(
    run: Run, trained: Callable[..., Model], tmp_path: Path
) -> None:
    path = saved(tmp_path, trained(RICH, RICH_CSV))
    ended = run("trace", path, tmp_path / "data.csv", "--row", "2")
    assert ended.code == 0
    assert "Member 1 of 2; C of each: " in ended.out
    assert "(5 neurons, 2 tanh + 3 relu)" in ended.out
    for label in ("1: p", "2: q", "3: r"):
        assert f"\n {label} " in ended.out
    (row,) = json.loads(run("trace", path, tmp_path / "data.csv", "--row", "2", "--json").out)["rows"]
    assert row["target"] == "q"
    assert row["y"] == [0, 1, 0]
    assert set(row["probabilities"]) == {"p", "q", "r"}
    assert row["prediction"] == max(row["probabilities"], key=row["probabilities"].__getitem__)
    assert len(row["members"]) == 2
    mean = np.mean([member["layers"][-1]["a"] for member in row["members"]], axis=0)
    np.testing.assert_allclose(list(row["probabilities"].values()), mean, rtol=1e-9)
    for member in row["members"]:
        assert member["cost"] == pytest.approx(-np.log(member["layers"][-1]["a"][1]), rel=1e-9)
        np.testing.assert_allclose(member["layers"][-1]["delta"], np.array(member["layers"][-1]["a"]) - row["y"])


SEVERAL = """\
data: {train: data.csv, target: [u, v]}
network: {layers: [{size: auto, activation: LAST}]}
training: {epochs: 1, optimizer: {name: lbfgs}, batch_size: full}
"""


@pytest.mark.parametrize(
    ("last", "rows"), [("linear", "1,2,30\n2,3,50\n4,1,20\n"), ("logistic", "1,0,1\n2,1,1\n4,1,0\n")]
)
def test_several_targets_are_told_by_name_and_lbfgs_has_an_eta_of_its_own(
    run: Run, trained: Callable[..., Model], tmp_path: Path, last: str, rows: str
) -> None:
    path = saved(tmp_path, trained(SEVERAL.replace("LAST", last), "x,u,v\n" + rows))
    (row,) = json.loads(run("trace", path, tmp_path / "data.csv", "--row", "3", "--json").out)["rows"]
    assert set(row["prediction"]) == set(row["target"]) == {"u", "v"}
    assert ("probabilities" in row) == (last == "logistic")
    y, y_hat = np.array(row["y"]), np.array(row["members"][0]["layers"][0]["a"])
    if last == "linear":
        assert row["target"] == {"u": 1.0, "v": 20.0}
        assert row["members"][0]["cost"] == pytest.approx(((y - y_hat) ** 2).sum() / 2, rel=1e-9)
    ended = run("trace", path, tmp_path / "data.csv", "--row", "3")
    assert "with η = 0.01 (chosen here, as lbfgs has none)" in ended.out
    assert ended.out.startswith("Row 3: u is ")
    assert "\n 2: v " in ended.out


def test_a_real_target_is_told_in_its_own_unit_and_y_as_the_network_learns_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x,y\n1,100\n2,300\n3,500\n")
    spec = {"data": {"train": str(tmp_path / "data.csv"), "target": "y"}, "training": {"epochs": 0, "baseline": False}}
    spec["network"] = {"layers": [{"size": 1, "activation": "linear"}]}
    path = saved(tmp_path, nnfit.train(spec).model)
    (row,) = json.loads(run("trace", path, tmp_path / "data.csv", "--row", "1", "--json").out)["rows"]
    sd = np.std([100, 300, 500])
    assert row["target"] == 100
    np.testing.assert_allclose(row["y"], [(100 - 300) / sd])
    assert row["prediction"] == pytest.approx(300 + sd * row["members"][0]["layers"][0]["a"][0])


def test_a_step_and_its_surrogate_are_told(run: Run, trained: Callable[..., Model], tmp_path: Path) -> None:
    text = (ROOT / "configs" / "perceptron.yaml").read_text().replace("../datasets/perceptron.csv", "data.csv")
    model = trained(text.replace("test: 0.2", ""), "petal_length,species\n1,a\n2,b\n1.5,a\n", "training.epochs=0")
    path = saved(tmp_path, model)
    ended = run("trace", path, tmp_path / "data.csv", "--row", "1")
    assert "species is a, predicted b" in ended.out
    assert "Below a step δ is no derivative: straight_through takes σ′ as 1" in ended.out
    (row,) = json.loads(run("trace", path, tmp_path / "data.csv", "--row", "1", "--json").out)["rows"]
    (layer,) = row["members"][0]["layers"]
    assert layer["delta"] == [1]  # ŷ − y
    assert layer["gradient"] == [[1, *row["x"]]]  # the perceptron rule


def wide(trained: Callable[..., Model], folder: Path, names: list[str]) -> Path:
    csv = (
        ",".join(names)
        + ",y\n"
        + "".join(",".join(str((i * j) % 7) for j in range(len(names))) + f",{i}\n" for i in range(5))
    )
    layers = "[{size: 20, activation: tanh}, {size: 1, activation: linear}]"
    return saved(
        folder,
        trained(f"data: {{train: data.csv, target: y}}\nnetwork: {{layers: {layers}}}\ntraining: {{epochs: 0}}\n", csv),
    )


def test_long_layers_are_cut_with_a_count(run: Run, trained: Callable[..., Model], tmp_path: Path) -> None:
    path = wide(trained, tmp_path, [f"c{j}" for j in range(30)])
    out = run("trace", path, tmp_path / "data.csv", "--row", "1").out
    assert out.count("… 8 more \n") + out.count(" … 8 more  ") >= 4  # of 20 neurons, down and across
    assert "… 18 more" in out  # of the bias and 30 inputs, 13 are shown
    assert "c11" in out
    assert "c12" not in out
    assert max(map(len, out.splitlines())) <= 200


@pytest.mark.parametrize("name", ["\x1b[31m" + "x" * 2000, "<script>alert(1)</script>", "[bold]", "שלום" * 500])
def test_names_from_a_file_are_shown_literally_and_short(
    run: Run, trained: Callable[..., Model], tmp_path: Path, name: str
) -> None:
    path = wide(trained, tmp_path, [name, "other"])
    for ended in (run("trace", path, tmp_path / "data.csv", "--row", "1"), run("inspect", path)):
        assert ended.code == 0
        assert "\x1b" not in ended.out
    out = run("trace", path, tmp_path / "data.csv", "--row", "1").out
    assert max(map(len, out.splitlines())) <= 200
    (row,) = json.loads(run("trace", path, tmp_path / "data.csv", "--row", "1", "--json").out)["rows"]
    assert len(row["x"]) == 2


def test_what_is_outside_the_range_of_the_training_rows_is_warned_of(run: Run, flower_model: Path) -> None:
    ended = run("trace", flower_model, "-", stdin="length,colour,species\n1e6,red,setosa\n")
    assert ended.code == 0
    assert ended.err == "warning: values outside the range of the training rows: length (1 row)\n"


def test_a_network_whose_numbers_are_not_finite_is_told_as_predict_tells_it(run: Run, flower_model: Path) -> None:
    text = "length,colour,species\n1e300,red,setosa\n"
    said = [run(command, flower_model, "-", stdin=text) for command in ("trace", "predict")]
    assert said[0].code == said[1].code == 4
    assert said[0].err == said[1].err


def test_inputs_of_one_column_have_different_heads() -> None:
    heads = [name(f"bill_length_mm step {k}") for k in range(1, 17)]
    assert heads[:2] == ["bill_l…tep 1", "bill_l…tep 2"]
    assert len(set(heads)) == 16
    assert {len(head) for head in heads} == {12}
