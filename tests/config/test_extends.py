"""`extends`: a parent's keys hold where its child says nothing; paths are relative to the file in which they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml
from conftest import Configs
from families import PARENT, child, complaint, spec_of

import nnfit
from nnfit.config.build import dump
from nnfit.config.loader import load_spec
from nnfit.config.schema import file_schema
from nnfit.config.spec import FILES, Spec
from nnfit.errors import SpecError
from nnfit.fit.prepare import Prepared, prepare
from nnfit.model.model import Model

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("here")


# --- what holds ----------------------------------------------------------------------------------------------------


def test_a_child_that_says_nothing_is_its_parent() -> None:
    assert spec_of("") == load_spec("parent.yaml").spec


@pytest.mark.parametrize(
    ("said", "path", "holds"),
    [
        ("seed: 3", ("seed",), 3),
        ("training: {epochs: 9}", ("training", "epochs"), 9),
        ("training: {epochs: 9}", ("training", "optimizer", "momentum"), 0.9),
        ("training: {optimizer: {momentum: 0.5}}", ("training", "optimizer", "learning_rate"), 0.1),
        ("training: {optimizer: {name: sgd}}", ("training", "optimizer", "momentum"), 0.9),
        ("training: {optimizer: {name: adam}}", ("training", "optimizer", "learning_rate"), 0.001),
        ("training: {optimizer: adam}", ("training", "optimizer", "learning_rate"), 0.001),
        ("training: {optimizer: sgd}", ("training", "optimizer", "momentum"), 0.0),
        ("training: {}", ("training", "epochs"), 7),
        ("data: {ignore: []}", ("data", "ignore"), []),
        ("data: {ignore: [colour]}", ("data", "ignore"), ["colour"]),
        ("network: {layers: [{size: auto, activation: softmax}]}", ("network", "layers", 0, "size"), "auto"),
        ("network: {dtype: float64}", ("network", "layers", 0, "size"), 4),
    ],
)
def test_mappings_are_merged_and_all_else_is_replaced(said: str, path: tuple[str | int, ...], holds: object) -> None:
    found = dump(spec_of(said))
    for part in path:
        found = found[part]
    assert found == holds


@pytest.mark.parametrize(
    ("above", "below", "holds"),
    [
        # null is a value
        ("data: {validation: null}", "data: {train: t, target: y, validation: 0.2}", ("data.validation", None)),
        (
            "training: {early_stopping: null}",
            "training: {early_stopping: {patience: 3}}",
            ("training.early_stopping", None),
        ),
        (
            "training: {checkpoint: {every: 3}}",
            "training: {checkpoint: null}",
            ("training.checkpoint.every", 3),
        ),
        # a name alone is short for a mapping with that name, where it names an entry, and there alone
        ("training: {average: {decay: 0.5}}", "training: {average: ema}", ("training.average.decay", 0.5)),
        ("training: {average: {decay: 0.5}}", "training: {average: ema}", ("training.average.name", "ema")),
        (
            "training: {class_weight: {a: 2}}",
            "training: {class_weight: balanced}",
            ("training.class_weight", {"a": 2.0}),
        ),
        ("training: {class_weight: {a: 2}}", "training: {class_weight: {b: 3}}", ("training.class_weight.b", 3.0)),
        # a column of another type takes nothing of the parent's; columns called name or type are columns
        (
            "data: {columns: {x: {type: categorical}}}",
            "data: {columns: {x: {type: numeric, scale: robust}}}",
            ("data.columns.x", {"type": "categorical"}),
        ),
        (
            "data: {columns: {x: {scale: none}}}",
            "data: {columns: {x: {type: numeric}}}",
            ("data.columns.x.type", "numeric"),
        ),
        (
            "data: {columns: {name: {scale: none}, type: {degree: 2}}}",
            "data: {columns: {name: {degree: 2}, type: {scale: none}, z: {bins: 3}}}",
            (
                "data.columns",
                {
                    "name": {"scale": "none", "degree": 2},
                    "type": {"scale": "none", "degree": 2},
                    "z": {"bins": 3},
                },
            ),
        ),
    ],
)
def test_each_kind_of_value_holds_as_documented(above: str, below: str, holds: tuple[str, Any]) -> None:
    base = yaml.safe_load(PARENT)
    for key, value in yaml.safe_load(below).items():
        base[key] |= value
    Path("parent.yaml").write_text(yaml.safe_dump(base))
    found: Any = dump(spec_of(above))
    for key in holds[0].split("."):
        found = found[key]
    assert ({key: found[key] for key in holds[1]} if isinstance(holds[1], dict) else found) == holds[1]
    if isinstance(holds[1], dict) and "class_weight" not in holds[0]:
        assert found.keys() <= holds[1].keys() | {"unknown", "min_count", "max_categories"}


def test_parents_have_parents_and_the_nearest_holds() -> None:
    child("training: {epochs: 8, optimizer: adam}\nseed: 5\n", "middle.yaml")
    Path("leaf.yaml").write_text("extends: middle.yaml\ntraining: {epochs: 9, optimizer: {learning_rate: 0.2}}\n")
    spec = load_spec("leaf.yaml").spec
    assert (spec.training.epochs, spec.seed, spec.training.optimizer.name) == (9, 5, "adam")
    assert spec.training.optimizer.learning_rate == 0.2  # type: ignore[union-attr]


def test_a_child_gives_the_bytes_of_the_spec_that_says_all_itself(run: Run) -> None:
    run("train", child("training: {epochs: 2}\n"), "-o", "a.npz")
    Path("whole.yaml").write_text(PARENT.replace("epochs: 7", "epochs: 2"))
    run("train", "whole.yaml", "-o", "b.npz")
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


def test_the_model_needs_no_parent_and_knows_nothing_of_it(run: Run) -> None:
    assert run("train", child("x-note: [1, {a: b}]\ntraining: {epochs: 2}\n"), "-o", "m.npz").code == 0
    Path("parent.yaml").unlink()
    spec = dump(nnfit.load("m.npz").spec)
    assert {"extends", "x-note"}.isdisjoint(spec)
    assert spec["training"]["epochs"] == 2
    ended = run("verify", "m.npz")
    assert ended.code == 0, ended.err
    assert run("inspect", "m.npz").code == 0


# --- paths ---------------------------------------------------------------------------------------------------------


def test_paths_in_a_parent_are_relative_to_its_folder(run: Run) -> None:
    Path("parents").mkdir()
    more = "  checkpoint: {every: 1, path: state.npz}\noutput: ../made.npz\n"
    text = PARENT.replace("flowers.csv, ", "../flowers.csv, validation: none, test: ../flowers.csv, ") + more
    Path("parents/base.yaml").write_text(text)
    Path("runs").mkdir()
    Path("runs/one.yaml").write_text("extends: ../parents/base.yaml\ntraining: {epochs: 1}\n")
    spec = load_spec("runs/one.yaml").spec
    assert (spec.data.train, spec.data.test, spec.data.validation) == ("../flowers.csv", "../flowers.csv", None)
    assert spec.output == "../made.npz"
    assert spec.training.checkpoint is not None
    assert spec.training.checkpoint.path == "../parents/state.npz"
    ended = run("train", "runs/one.yaml")
    assert ended.code == 0, ended.err
    assert Path("made.npz").exists()


def test_an_absolute_parent_gives_absolute_paths(flowers: Path) -> None:
    Path("other").mkdir()
    Path("other/one.yaml").write_text(f"extends: {flowers}/parent.yaml\n")
    assert load_spec("other/one.yaml").spec.data.train == f"{flowers}/flowers.csv"


def test_a_detour_stays_where_a_symbolic_link_makes_it_another_file(tmp_path: Path) -> None:
    (tmp_path / "far/deep").mkdir(parents=True)
    Path("link").symlink_to(tmp_path / "far/deep")
    Path("link/base.yaml").write_text(PARENT.replace("flowers.csv", "../flowers.csv"))
    Path("one.yaml").write_text("extends: link/base.yaml\n")
    assert load_spec("one.yaml").spec.data.train == "link/../flowers.csv"  # which is far/flowers.csv


def test_every_key_that_names_a_file_is_known_to_be_one() -> None:
    def texts(node: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        schema = file_schema()
        found = {path} if re.search(r"\bfile\b", node.get("description", "")) else set()
        for branch in [node, *node.get("anyOf", [])]:
            branch = schema["$defs"][branch["$ref"].rsplit("/")[-1]] if "$ref" in branch else branch
            for key, part in branch.get("properties", {}).items():
                found |= texts(part, (*path, key))
        return found

    found = {path for path in texts(file_schema()) if path != ("data", "encoding")}
    assert found | {("training", "checkpoint", "path")} == set(FILES)


def test_what_names_no_file_is_left_as_it_is() -> None:
    Path("parents").mkdir()
    Path("parents/base.yaml").write_text(PARENT.replace("flowers.csv", '"-", test: none'))
    Path("one.yaml").write_text("extends: parents/base.yaml\n")
    loaded = load_spec("one.yaml")
    assert (loaded.spec.data.train, loaded.spec.data.test) == ("-", None)
    with pytest.raises(SpecError, match=r"^parents/base\.yaml:1:8: data\.train: training reads files"):
        prepare(loaded)


# --- commands ------------------------------------------------------------------------------------------------------


def test_the_depfile_lists_every_file_and_no_output_replaces_one(run: Run) -> None:
    child("training: {epochs: 1}\n", "parents/middle.yaml").write_text("extends: ../parent.yaml\n")
    Path("one.yaml").write_text("extends: parents/middle.yaml\ntraining: {epochs: 1}\n")
    assert run("train", "one.yaml", "-o", "m.npz", "--depfile", "m.d", "--quiet").code == 0
    assert Path("m.d").read_text().splitlines()[0] == "m.npz: one.yaml parents/middle.yaml parent.yaml flowers.csv"
    for option in ("-o", "--json", "--history", "--depfile"):
        for file in ("parent.yaml", "parents/middle.yaml"):
            ended = run("train", "one.yaml", option, file)
            assert (ended.code, ended.err) == (7, f"nnfit: {file}: cannot be written: is also an input\n")
    assert Path("parent.yaml").read_text() == PARENT


def test_a_child_that_would_write_what_its_siblings_write_is_warned_of(run: Run) -> None:
    Path("parent.yaml").write_text(PARENT + "  checkpoint: {every: 50, path: c.npz}\noutput: all.npz\n")
    child("training: {epochs: 1}\n")
    said = "is inherited, and every spec that extends this one writes the same file; give each its own, or leave it out"
    inherited = {
        "output": f"warning: parent.yaml:10:1: output: {said} here",
        "path": f"warning: parent.yaml:9:27: training.checkpoint.path: {said} here",
    }

    def warned(*options: str) -> list[str]:
        ended = run("train", "child.yaml", "--quiet", *options)
        return [line for line in ended.err.splitlines() if "is inherited" in line]

    assert warned() == [inherited["output"], inherited["path"]]
    assert warned("-o", "mine.npz") == [inherited["path"]]
    assert warned("--set", "output=mine.npz", "--set", "training.checkpoint=null") == []
    child("training: {epochs: 1, checkpoint: null}\noutput: mine.npz\n")
    assert warned() == []


def test_a_mapping_extends_a_file_from_the_current_folder(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("parents").mkdir()
    Path("parents/base.yaml").write_text(PARENT.replace("flowers.csv", "../flowers.csv"))
    mapping: dict[str, Any] = {"extends": Path("parents/base.yaml"), "training": {"epochs": 2}, "x-note": object()}
    result = nnfit.train(mapping)
    assert len(result.history) == 2
    assert result.model.spec.data.train == "flowers.csv"
    assert mapping["extends"] == Path("parents/base.yaml")
    frame = pd.read_csv("flowers.csv")
    assert nnfit.train(mapping, frame).model.spec.data.train == "<DataFrame>"
    assert isinstance(result.model.spec, Spec)


def test_a_mistake_of_a_mapping_is_told_without_the_file_that_it_extends() -> None:
    mapping = {"extends": "parent.yaml", "training": {"epochs": -1, "optimizer": {"momentum": 2}}}
    with pytest.raises(SpecError) as caught:
        load_spec(mapping)
    assert [str(problem) for problem in caught.value.problems] == [
        "training.epochs: expected a whole number of at least 0, got -1",
        "training.optimizer.momentum: expected a number of at least 0 and below 1, got 2",
    ]
    with pytest.raises(SpecError, match=r"^parent\.yaml:7:3: training\.epochs: "):
        Path("parent.yaml").write_text(PARENT.replace("epochs: 7", "epochs: no"))
        load_spec({"extends": "parent.yaml", "seed": 1})


# --- the schema, and the shipped family ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (PARENT, True),
        ("x-a: [1]\n" + PARENT, True),
        ("extends: parent.yaml\n", True),
        ("extends: parent.yaml\ndata: {test: 0.2}\nnetwork: {dtype: float64}\n", True),
        ("extends: parent.yaml\ntraining: {optimizer: {momentum: 0.5}, threshold: {}, checkpoint: {path: c}}\n", True),
        ("extends: parent.yaml\nnetwork: {initialization: {weights: {sd: 1}}}\n", True),
        ("extends: parent.yaml\ntraining: {optimizer: {name: adam, momentum: 0.5}}\n", False),
        ("extends: parent.yaml\nnetwork: {layers: [{size: 3}]}\n", False),
        ("extends: parent.yaml\nnetwork: {layers: [{size: 3, activation: {k: 2}}]}\n", False),
        ("extends: 3\n", False),
        ("y-a: 1\n" + PARENT, False),
        ("seed: 1\n", False),
        ("data: {test: 0.2}\n" + PARENT[PARENT.index("network") :], False),
        (PARENT.replace("name: sgd, ", ""), False),
        (PARENT + "  checkpoint: {path: c}\n", False),
        (PARENT + "  threshold: {}\n", False),
        (PARENT + "  threshold: 0.3\n  checkpoint: null\n", True),
    ],
)
def test_an_editor_asks_a_child_for_nothing_that_a_parent_may_say(text: str, valid: bool) -> None:
    schema = file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text)) is valid


FAMILY = sorted((Path(__file__).parent.parent.parent / "configs/penguins").glob("*.yaml"))


def test_the_shipped_family_has_a_parent_that_is_none_by_itself(root: Path) -> None:
    assert [path.stem for path in FAMILY] == ["deep", "folds", "parent"]
    assert complaint(root / "configs/penguins/parent.yaml").endswith(
        "parent.yaml:3:1: the key network is missing (the layers from the input to the output)"
    )


@pytest.mark.parametrize("path", [path for path in FAMILY if path.stem != "parent"], ids=lambda path: path.stem)
def test_the_shipped_children_train_and_an_editor_finds_them_right(
    path: Path, train: Callable[[Prepared], Model], configs: Configs
) -> None:
    jsonschema.Draft202012Validator(file_schema()).validate(yaml.safe_load(path.read_text()))
    loaded = load_spec(path, ["training.epochs=25"])
    assert loaded.spec.output == f"../../models/penguins_{path.stem}.npz"
    assert loaded.document.parents == [str(path.with_name("parent.yaml"))]
    model = train(prepare(loaded))
    assert model.metrics["test"]["accuracy"] > 0.9
