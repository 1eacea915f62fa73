"""The README's commands do what it shows: numbers may differ between machines, words and lines may not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ended
from documents import masked, shown, workplace

ROOT = Path(__file__).parent.parent


@pytest.mark.process
def test_training_and_evaluating_iris_prints_what_the_readme_shows(tmp_path: Path) -> None:
    command = ".venv/bin/nnfit train configs/iris.yaml -o models/iris.npz --depfile models/iris.d"
    done = finished(workplace(tmp_path), command)
    assert masked(done.stdout) == masked(shown("README.md", command))
    for text in (
        done.stdout,
        shown("README.md", command),
    ):  # of one run: the last epoch's validation cost is that of the table
        validation = re.search(r"epoch 100/100 .*validation ([\d.]+)", text)
        loss = re.search(r"^ log_loss +(.*)$", text, re.M)
        assert validation
        assert loss
        assert abs(float(loss[1].split()[3]) - float(validation[1])) < 1e-4
    command = ".venv/bin/nnfit evaluate models/iris.npz datasets/iris.csv"
    assert masked(finished(tmp_path, command).stdout) == masked(shown("README.md", command))


def finished(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command of the README that ended well, with its two streams in one."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "nnfit", *command.split()[1:]],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0
    return done


def test_the_demo_says_that_it_evaluates_rows_that_were_learnt_from() -> None:
    """What `make demo` evaluates is what the README shows, with the warning."""
    demo = re.search(r"^demo:.*?^$", (ROOT / "Makefile").read_text(), re.S | re.M)
    assert demo
    command = re.search(r"\.venv/bin/nnfit evaluate .*", demo[0])
    assert command
    assert "rows were learnt from" in shown("README.md", command[0])
    assert "95 %, not of new rows" in shown("README.md", command[0])


def test_every_command_of_the_readme_is_one_of_nnfit(run: Callable[..., Ended]) -> None:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.S | re.M)
    blocks = [text for language, text in fences if language in ("", "console")]
    named = set(re.findall(r"^(?:\$ )?(?:\.venv/bin/)?nnfit (\w+)", "\n".join(blocks), re.M))
    for command in named:
        assert run(command, "--help").code == 0, command
    assert named == {
        *("init", "check", "train", "predict", "evaluate", "compare", "inspect", "explain", "report", "plot"),
        *("schema", "sweep", "trace", "verify", "export"),
    }
