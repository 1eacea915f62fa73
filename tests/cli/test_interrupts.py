"""Ctrl-C or a termination in any phase of any command: its exit code, outputs old or new and whole, nothing else."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ended

import nnfit
from nnfit.cli import signals

pytestmark = pytest.mark.process

Run = Callable[..., Ended]

# The function in which the signal comes, as what uses it knows it, and how often it has been called before.
PHASES: dict[str, list[tuple[str, int]]] = {
    "train": [
        ("nnfit.config.loader.read", 0),
        ("nnfit.config.loader.validate", 0),
        ("nnfit.storage.files.check_outputs", 0),
        ("nnfit.storage.locks.take", 0),
        ("nnfit.storage.locks.take", 3),
        ("nnfit.fit.train.prepare", 0),
        ("nnfit.fit.prepare.read_table", 0),
        ("nnfit.fit.prepare.split", 0),
        ("nnfit.fit.prepare.fit_feature", 1),
        ("nnfit.fit.sets.encode", 0),
        ("nnfit.fit.train.start", 0),
        ("nnfit.cli.screen.show_network", 0),
        ("nnfit.core.training.refuse_divergence", 0),
        ("nnfit.core.training.refuse_divergence", 2),
        ("nnfit.fit.checkpoint.to_bytes", 0),
        ("nnfit.fit.checkpoint.to_bytes", 1),
        ("nnfit.fit.train.score", 0),
        ("nnfit.fit.baseline.linear", 0),
        ("nnfit.fit.train.stuck", 0),
        ("nnfit.model.model.Model.to_bytes", 0),
        ("nnfit.cli.results.report", 0),
        ("nnfit.cli.results.costs", 0),
        ("nnfit.storage.files.sweep", 4),
        ("nnfit.storage.files.Output.write", 2),
        ("nnfit.storage.files.Output.finish", 3),
        ("nnfit.storage.files.Output.place", 3),
        ("nnfit.storage.files.Output.settle", 4),
        ("nnfit.storage.files.remove", 0),
        ("nnfit.cli.screen.show_training", 0),
    ],
    "predict": [
        ("nnfit.model.loading.assemble", 0),
        ("nnfit.data.reader.Reader.blocks", 0),
        ("nnfit.storage.files.Output.open", 0),
        ("nnfit.storage.files.Output.begin", 0),
        ("nnfit.storage.files.Output.write", 0),
        ("nnfit.storage.files.Output.finish", 0),
        ("nnfit.storage.files.Output.place", 0),
    ],
    "init": [
        ("nnfit.config.proposal.looked_at", 0),
        ("nnfit.config.proposal.written", 0),
        ("nnfit.storage.files.Output.open", 0),
        ("nnfit.storage.files.Output.write", 0),
        ("nnfit.storage.files.Output.place", 0),
    ],
    "evaluate": [
        ("nnfit.model.loading.assemble", 0),
        ("nnfit.data.table.read_table", 0),
        ("nnfit.model.model.evaluate", 0),
        ("nnfit.model.model.intervals", 0),
    ],
    "compare": [
        ("nnfit.model.loading.assemble", 1),
        ("nnfit.model.compare.read_table", 0),
        ("nnfit.model.model.evaluate", 1),
        ("nnfit.scoring.pairs.resampled", 0),
    ],
    "check": [
        ("nnfit.config.loader.validate", 0),
        ("nnfit.fit.prepare.read_table", 0),
        ("nnfit.fit.examination.gradient_check", 0),
        ("nnfit.fit.examination.examine", 0),
    ],
    "verify": [
        ("nnfit.model.loading.assemble", 0),
        ("nnfit.fit.prepare.read_table", 0),
        ("nnfit.core.training.refuse_divergence", 2),
        ("nnfit.fit.train.score", 0),
        ("nnfit.model.model.Model.to_bytes", 0),
    ],
}
OUTPUTS = ("out.npz", "r.json", "h.csv", "d.d", "out.yaml", "out.csv")
COMMANDS = {
    "train": (
        *("train", "flowers.yaml", "-o", "out.npz", "--json", "r.json", "--history", "h.csv", "--depfile", "d.d"),
        *("--set", "training.epochs=4", "--set", "training.checkpoint={every: 2}"),
    ),
    "predict": ("predict", "flowers.npz", "flowers.csv", "-o", "out.csv"),
    "init": ("init", "flowers.csv", "--target", "species", "-o", "out.yaml", "--force"),
    "evaluate": ("evaluate", "flowers.npz", "flowers.csv"),
    "compare": ("compare", "flowers.npz", "flowers.npz", "--data", "flowers.csv"),
    "check": ("check", "flowers.yaml"),
    "verify": ("verify", "flowers.npz"),
}


def owner_of(path: str) -> tuple[Any, str]:
    """The module or class in which a name stands."""
    front, _, name = path.rpartition(".")
    try:
        return importlib.import_module(front), name
    except ModuleNotFoundError:
        module, _, kind = front.rpartition(".")
        return getattr(importlib.import_module(module), kind), name


def contents() -> dict[str, bytes]:
    """The outputs that are there."""
    return {name: Path(name).read_bytes() for name in OUTPUTS if Path(name).exists()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "termination"])
@pytest.mark.parametrize(
    ("command", "phase", "before"), [(command, *phase) for command, phases in PHASES.items() for phase in phases]
)
def test_a_signal_in_any_phase_ends_the_command_and_leaves_outputs_whole(
    run: Run,
    flower_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    phase: str,
    before: int,
    number: signal.Signals,
) -> None:
    monkeypatch.chdir(flower_model.parent)
    monkeypatch.setattr(signals, "pending", [])
    for name in OUTPUTS:
        Path(name).write_bytes(b"old")
    owner, name = owner_of(phase)
    real, calls = getattr(owner, name), 0

    def interrupted(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == before + 1:
            signal.raise_signal(number)
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        ended = run(*COMMANDS[command])
    assert calls > before, "the phase was not reached"
    assert ended.code == 128 + number, ended.err
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1].startswith(
        f"nnfit: {'interrupted' if number == signal.SIGINT else 'terminated'}; "
    )
    left = {path.name for path in Path().iterdir()} - {"flowers.yaml", "flowers.csv", "flowers.npz"}
    assert left - {*OUTPUTS, "out.checkpoint.npz", ".nnfit.schema.json"} == set()
    found = contents()
    new = {name for name, data in found.items() if data != b"old"}
    assert not new or " written before" in ended.err
    if "out.npz" in new:
        assert np.isfinite(nnfit.load("out.npz").theta).all()
    if command != "train":
        return
    assert new in (set(), {"out.npz", "r.json", "h.csv", "d.d"})  # all of them, or none
    monkeypatch.setattr(signals, "pending", [])
    again = run(*COMMANDS["train"], "--resume")
    assert again.code == 0, again.err
    assert not Path("out.checkpoint.npz").exists()
    reached = phase.startswith(("nnfit.core.training", "nnfit.fit.baseline", "nnfit.model", "nnfit.cli.results"))
    assert ("going on after epoch" in again.err) >= (reached and not new)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "termination"])
@pytest.mark.parametrize("module", ["typer", "numpy", "yaml", "pandas"])
def test_so_does_one_while_modules_are_loaded(flowers: Path, module: str, number: signal.Signals) -> None:
    large = "from nnfit.data import reader; reader.SMALL = 0" if module == "pandas" else ""  # which others do without
    code = f"""\
import builtins, os, sys
from nnfit.__main__ import run
{large}
real, sent = builtins.__import__, []

def load(name, *arguments, **more):
    if name == {module!r} and not sent:
        sent.append(name)
        os.kill(os.getpid(), {int(number)})
    return real(name, *arguments, **more)

builtins.__import__ = load
sys.argv = ["nnfit", "train", "flowers.yaml"]
run()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=flowers, capture_output=True, text=True, timeout=60)
    what = "interrupted" if number == signal.SIGINT else "terminated"
    assert (ended.returncode, ended.stdout) == (128 + number, "")
    assert ended.stderr == f"\nnnfit: {what}; output files are as they were\n"
    assert {path.name for path in flowers.iterdir()} == {"flowers.yaml", "flowers.csv"}
