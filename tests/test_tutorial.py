"""The commands of the tutorial, one after the other, print what it shows, numbers too, and draw its pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ended
from documents import assert_same, commands, ended, workplace

PAGE = "docs/tutorial.md"
REFUSED = "activation: step}"  # in the command that shows why a step cannot learn


def test_every_command_prints_what_the_tutorial_shows(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace(tmp_path))
    told = list(commands(PAGE))
    assert len(told) >= 15
    for command, text in told:
        done = ended(run, command)
        assert done.code == (3 if REFUSED in command else 0), command
        assert_same(done.out, text)
    drawn = {path.stem: path.read_text("utf-8") for path in Path("models").glob("*.svg")}
    page = (ROOT / PAGE).read_text("utf-8")
    assert set(drawn) == set(re.findall(r"^!\[[^]]+\]\(pictures/(\w+)\.svg\)$", page, re.M))
    for name, picture in drawn.items():
        kept = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text("utf-8")
        assert texts(picture) == texts(kept), f"{name}: make pictures"


def texts(picture: str) -> list[str]:
    """What is written in a picture."""
    return re.findall(r"<text[^>]*>(.*?)</text>", picture)
