"""The page on exporting: its commands print what it shows, and its example in Python runs on the file they write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ended
from documents import hold, workplace

PAGE = "docs/export.md"


def test_every_command_prints_what_the_page_shows_and_the_example_runs(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace(tmp_path))
    hold(run, PAGE)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / PAGE).read_text("utf-8"), re.S | re.M)
    for block in (each for each in blocks if "onnxruntime" in each):
        exec(compile(block, PAGE, "exec"), {})
        assert [f"# {line}" for line in capsys.readouterr().out.splitlines()] == re.findall("# .*", block)
