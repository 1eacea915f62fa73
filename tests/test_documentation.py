"""What the documentation mentions exists."""

from __future__ import annotations

import ast
import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
import yaml

import nnfit
from nnfit.model.model import Model
from nnfit.report.extra import load_alone

load_alone()  # left to itself, matplotlib starts a program that lists the fonts

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MENTIONED = re.compile(r"(?<![\w./-])(?:\.\./)?((?:configs|docs)/[\w./-]*\w)")


def test_the_readme_is_there_and_not_empty() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.startswith("# nnfit\n")
    assert MENTIONED.search(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_and_page_that_is_mentioned_exists(page: Path) -> None:
    mentioned = set(MENTIONED.findall(page.read_text()))
    assert sorted(path for path in mentioned if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert sorted(link for link in links if not (page.parent / link).exists()) == []


CODE = re.compile(r"`(nnfit/[\w/]+\.py)`")
NAMED = re.compile(r"((?:`\w+`(?:, | and ))*`\w+`)(?: of| gives)?[^`|.]* in `(nnfit/[\w/]+\.py)`")


def defined(path: Path) -> set[str]:
    """The names that a file defines, methods too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_code_that_is_mentioned_exists(page: Path) -> None:
    mentioned = set(CODE.findall(page.read_text("utf-8")))
    assert sorted(path for path in mentioned if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_that_is_said_to_stand_in_a_file_stands_there(page: Path) -> None:
    wrong = [
        f"{name} in {file}"
        for names, file in NAMED.findall(page.read_text("utf-8"))
        for name in re.findall(r"`(\w+)`", names)
        if name not in defined(ROOT / file)
    ]
    assert wrong == []


def test_the_map_of_the_code_names_every_room_and_the_functions_on_the_way_of_the_data() -> None:
    text = (ROOT / "docs/code.md").read_text("utf-8")
    rooms = {path.name for path in (ROOT / "nnfit").iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(re.findall(r"`nnfit/(\w+)/`", text))
    assert len(NAMED.findall(text)) > 15
    loose = {path.name for path in (ROOT / "nnfit").glob("*.py")} - {"__init__.py", "__main__.py", "version.py"}
    assert loose == set(re.findall(r"`nnfit/(\w+\.py)`", text))


def names_of(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the examples of a page leave, run one after the other."""
    for folder in ("configs", "datasets"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL):
        exec(compile(block, page, "exec"), names)
    return names


# Rows of the table lie outside the range of the training rows; that any was learnt from would be an error.
@pytest.mark.filterwarnings("ignore:values outside the range:nnfit.NnfitWarning")
def test_the_examples_of_the_library_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb, board = trackers(monkeypatch)
    names = names_of("docs/python.md", tmp_path, monkeypatch)
    assert str(names["model"]) == "<nnfit.Model: species (multinomial) from 4 columns, 4 → 16 → 3 neurons, 1 member>"
    assert [call.kwargs["step"] for call in wandb.init().log.call_args_list] == list(range(1, 31))
    assert wandb.init().log_artifact.call_args.args == ("penguins.npz",)
    drawn = [call.args for call in board.SummaryWriter().__enter__().add_scalar.call_args_list]
    assert [number for name, _, number in drawn if name == "cost"] == list(range(1, 31))
    results: dict[str, Any] = names
    assert np.array_equal(results["same"].model.theta, results["drawn"].model.theta)


def trackers(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Stand-ins for Weights & Biases and TensorBoard, which write down how they are called."""
    wandb, board = MagicMock(), MagicMock()
    for name in ("torch", "torch.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name, module in (("wandb", wandb), ("torch.utils.tensorboard", board)):
        monkeypatch.setitem(sys.modules, name, module)
    return wandb, board


@pytest.mark.filterwarnings("ignore:the network is worse than the linear model:nnfit.NnfitWarning")
def test_the_examples_of_the_page_of_scikit_learn_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = names_of("docs/sklearn.md", tmp_path, monkeypatch)
    assert names["regressor"].model_.spec.seed == 1
    assert str(names["search"].best_estimator_[-1].model_).startswith(
        "<nnfit.Model: species (multinomial) from 7 columns, "
    )
    assert nnfit.load("penguins.npz").classes == ("Adelie", "Chinstrap", "Gentoo")


@pytest.mark.filterwarnings("ignore:values outside the range:nnfit.NnfitWarning")
@pytest.mark.parametrize("documented", [nnfit.train, nnfit.load, Model.predict, Model.predict_proba, Model.evaluate])
def test_the_example_in_a_docstring_of_the_library_runs(
    documented: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flowers = pd.read_csv(ROOT / "datasets/iris.csv")
    spec = yaml.safe_load((ROOT / "configs/iris.yaml").read_text("utf-8"))
    spec["data"] = {"target": "species", "test": 0.2}
    model = nnfit.train(spec, flowers, overrides={"training.epochs": 5}).model
    model.save(tmp_path / "iris.npz")
    monkeypatch.chdir(tmp_path)
    new_flowers = flowers.assign(sepal_length=flowers["sepal_length"] + 0.05)
    names = {"train": nnfit.train, "load": nnfit.load, "spec": spec, "flowers": flowers, "model": model}
    names["new_flowers"] = new_flowers
    (test,) = doctest.DocTestFinder(recurse=False).find(documented, documented.__name__, globs=names)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_every_public_function_and_class_has_a_docstring() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "nnfit").rglob("*.py"))
        for node in public(ast.parse(path.read_text("utf-8")))
        if not ast.get_docstring(node)
    ]
    assert bare == []


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions, classes and methods of a module whose names do not begin with an underscore.

    What @overload declares has the docstring of the function itself.
    """
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if named and "overload" not in map(ast.unparse, node.decorator_list):
            yield node
        if isinstance(node, ast.ClassDef):
            waiting += node.body


def test_every_test_that_holds_a_promise_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "trust.md").read_text())
    assert len(named) > 50
    assert len(set(named)) == len(named)
    tests = {path: {node.name for node in functions(ROOT / path)} for path, _ in named}
    assert [f"{path}::{name}" for path, name in named if name not in tests[path]] == []


def test_no_text_of_the_package_points_at_a_file_that_a_wheel_lacks() -> None:
    # What a reader of the code sees, the first lines of a module, may; what a user sees may not.
    found = []
    for path in sorted((ROOT / "nnfit").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        inside = ast.get_docstring(tree, clean=False) if path.name != "__init__.py" else None
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        found += [(path.name, text) for text in texts if text != inside and re.search(r"(docs|configs)/|README", text)]
    assert found == []


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
