"""What docs/install.md promises: its commands, the image, and a file system that nothing can be written to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import smoke
from conftest import ROOT, Ended
from documents import assert_same, commands, ended, workplace

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_page_shows_what_its_commands_print(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace(tmp_path))
    shown = dict(commands("docs/install.md"))
    assert len(shown) == 2
    for command, text in shown.items():
        if command.startswith("nnfit "):
            assert_same(ended(run, command).out, text)
        else:
            assert (command, Path("diabetes.yaml").read_text("utf-8").splitlines()[0]) == (
                "head -n 1 diabetes.yaml",
                text.strip(),
            )


def test_every_command_of_the_page_is_one_of_nnfit(run: Callable[..., Ended]) -> None:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs/install.md").read_text("utf-8"), re.S | re.M)
    blocks = [text for language, text in fences if not language]
    named = re.findall(r"^nnfit (--[\w-]+|\w+)", "\n".join(blocks), re.M)
    assert {"check", "schema"} <= set(named)
    text = run("--help").out
    for name in named:
        assert re.search(rf"^  {name} ", text, re.M), name


def test_every_extra_is_installed_and_used_by_the_smoke_test() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(smoke.EXTRAS) == set(extras) - {"all", "dev", "bench"}
    for name, extra in smoke.EXTRAS.items():
        assert extra.works, name
    assert {name for name, _ in smoke.requirements()} >= {"numpy", "pandas", "typer", "matplotlib"}


def test_the_image_runs_as_nobody_and_is_built_of_what_the_package_needs() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.M)
    assert 'ENTRYPOINT ["nnfit"]' in last
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    shared = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    needed = [*shared, *PROJECT["project"]["license-files"], PROJECT["project"]["readme"], "nnfit", "pyproject.toml"]
    for name in [*needed, *re.findall(r"--constraint (\S+)", DOCKERFILE)]:
        assert any(fnmatch(name, pattern) for pattern in let_in), name
        assert (ROOT / name).exists()


def test_the_sdist_names_what_is_there() -> None:
    named = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert [name for name in named if not (ROOT / name).exists()] == []


READ_ONLY = """\
set -e
mount --bind "$1" /mnt
awk '$2 != "/mnt" && $2 !~ "^/proc" {print $2}' /proc/mounts | while read -r place; do
    mount -o remount,bind,ro "$place" || true
done 2>/dev/null
cd /mnt
if touch /tmp/anything || touch /dev/shm/anything; then exit 99; fi 2>/dev/null
shift
exec "$@"
"""


def apart() -> bool:
    """Whether this user may have mounts of its own."""
    if not shutil.which("unshare") or os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


@pytest.mark.process
def test_nothing_is_written_but_the_outputs_and_there_is_no_home(tmp_path: Path) -> None:
    if not apart():
        pytest.skip("needs a user who may mount")
    place = workplace(tmp_path)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    train: list[Any] = ["train", "configs/iris.yaml", "-o", "iris.npz", "--report", "iris.html", "--quiet"]
    predict = ["predict", "iris.npz", "datasets/iris.csv", "-o", "predicted.csv"]
    for command in (train, predict):
        words = ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(place), sys.executable, "-m", "nnfit", *command]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert {"iris.npz", "iris.html", "predicted.csv"} <= {path.name for path in place.iterdir()}
