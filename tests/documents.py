"""What a page shows after its commands, and the comparison with what they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Ended

NUMBER = re.compile(r"(?<![\w.])-?\d[\d.,]*(?:e[+-]?\d+)?(?![\w.⁾])")


def shown(page: str, command: str) -> str:
    """What a page shows after a command."""
    found = [text for name, text in commands(page) if name == command]
    assert len(found) == 1, command
    return found[0]


def commands(page: str) -> Iterator[tuple[str, str]]:
    """Every command of a page, from `$` to the end of its line, and what the page shows after it."""
    for block in re.findall(r"^```console\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.S | re.M):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, text = part.partition("\n")
            yield command, text


def masked(text: str) -> list[str]:
    """The words of every line, numbers and empty lines left out."""
    lines = [re.sub(r"[\d.]+(e-\d+)?", "0", line).split() for line in text.splitlines()]
    return [" ".join(line) for line in lines if line]


def numbers(text: str) -> list[float]:
    """All numbers of a text but those of seconds, which no two runs have in common."""
    text = re.sub(r"in [\d.]+ s;", "", text)
    return [float(number.replace(",", "")) for number in NUMBER.findall(text) if number.strip("-.,")]


def assert_same(found: str, page: str) -> None:
    """The same words, and numbers that are as near as different processors let them be."""
    assert masked(found) == masked(page)
    assert numbers(found) == pytest.approx(numbers(page), rel=0.02, abs=1e-6)


def ended(run: Callable[..., Ended], command: str) -> Ended:
    """A command of a page, run in this process; behind a pipe may stand the head or the tail of its output."""
    words = shlex.split(command)
    assert words[0] == "nnfit"
    pipe = words.index("|") if "|" in words else len(words)
    done = run(*words[1:pipe], together=pipe == len(words))
    if pipe == len(words):
        return done
    name, option, n = words[pipe + 1 :]
    assert (name, option) in {("head", "-n"), ("tail", "-n")}
    lines = done.out.splitlines(keepends=True)
    kept = lines[: int(n)] if name == "head" else lines[-int(n) :]
    return Ended(done.code, done.err + "".join(kept), "")


def hold(run: Callable[..., Ended], page: str) -> None:
    """Every command of a page ends well, and prints what the page shows."""
    for command, text in commands(page):
        done = ended(run, command)
        assert done.code == 0, command
        assert masked(done.out) == masked(text)


def workplace(folder: Path) -> Path:
    """A folder in which the commands of the pages work: configs, datasets, and a place for models."""
    for name in ("configs", "datasets"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "models").mkdir()
    return folder
