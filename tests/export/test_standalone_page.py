"""The page on the standalone file: its commands print what it shows, and its example runs on the file they write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ended
from documents import hold, workplace

PAGE = "docs/standalone.md"


def test_every_command_prints_what_the_page_shows_and_the_example_runs(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace(tmp_path))
    hold(run, PAGE)
    monkeypatch.syspath_prepend(tmp_path / "models")
    (example,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / PAGE).read_text("utf-8"), re.S | re.M)
    names: dict[str, object] = {}
    exec(compile(example.replace("predict({", "found = predict({"), PAGE, "exec"), names)
    shown = re.search("# (.*)", example)
    assert shown is not None
    told = re.sub(r"\d\.\d+(e-\d+)?", "…", str(names["found"]))
    assert told == re.sub(r"\d\.\d+…", "…", shown[1])
