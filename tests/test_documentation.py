"""What the documentation mentions exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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


def test_every_test_that_holds_a_promise_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "trust.md").read_text())
    assert len(named) > 50
    assert len(set(named)) == len(named)
    tests = {path: {node.name for node in functions(ROOT / path)} for path, _ in named}
    assert [f"{path}::{name}" for path, name in named if name not in tests[path]] == []


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
