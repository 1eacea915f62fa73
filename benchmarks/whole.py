"""Whole commands, each in a process of its own: this nnfit beside an older one, and beside a script of scikit-learn.

Where eight members are trained they have two cores; everything else has the machine. The tables are drawn from a fixed
seed, and the spec is what `nnfit init` of 0.1.0 writes for such a table: with the older nnfit at hand, its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rounds import Lap, Timing, interleave, timed

HERE = Path(__file__).parent
IRIS = HERE.parent / "configs" / "iris.yaml"
TABLE = HERE.parent / "datasets" / "iris.csv"
COLUMNS = 20

Start = Callable[..., subprocess.Popen[str]]

# What 0.1.0's init writes for 60,000 rows, without its comments.
INIT = """\
data:
  train: table.csv
  target: y
  columns: {COLUMNS}
network:
  layers:
    - {size: 128, activation: mish}
    - {size: 128, activation: mish}
    - {size: 1, activation: logistic}
  initialization: {bias: 0, output_gain: 0.1}
  members: 8
loss: bce
training:
  epochs: 58
  batch_size: 512
  optimizer: {name: adamw, learning_rate: 0.01, beta2: 0.95, weight_decay: 0.02}
  schedule: cosine
  resample: folds
  early_stopping: {patience: 58}
seed: 0
""".replace("COLUMNS", ", ".join(f"x{i}: {{type: numeric, scale: clipped}}" for i in range(COLUMNS)))

EIGHT = """\
data: {train: table.csv, target: y}
network:
  layers:
    - {size: 128, activation: mish}
    - {size: 128, activation: mish}
    - {size: 2, activation: softmax}
  members: 8
loss: cross_entropy
training: {epochs: 4, batch_size: 512, baseline: false}
"""


# --- commands --------------------------------------------------------------------------------------------------------


def environment_of_old() -> dict[str, str]:
    """That of this process, but for where this nnfit may lie."""
    return {name: value for name, value in environment().items() if name != "PYTHONPATH"}


def environment() -> dict[str, str]:
    """That of this process; modules are compiled once, as they are for a user."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def programs(old: str | None) -> dict[str, Start]:
    """How to start each nnfit that there is."""
    pythons = {"nnfit": (sys.executable, environment())} | ({"old": (old, environment_of_old())} if old else {})
    found = {}
    for name, (python, variables) in pythons.items():
        program = Path(python).with_name("nnfit")
        if not program.exists():
            raise SystemExit(f"nnfit is not installed beside {python}")
        found[name] = partial(started, program, environment=variables)
    return found


def started(*command: object, environment: dict[str, str], folder: Path, cores: int = 0) -> subprocess.Popen[str]:
    """A command that runs, on so many cores, or on all."""
    chosen = sorted(os.sched_getaffinity(0))[-cores:]
    return subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for a command, which is to end well."""
    _, told = process.communicate()
    if process.returncode:
        raise SystemExit(told)


def whole(start: Start, *words: object, folder: Path, cores: int = 0) -> Callable[[], Lap]:
    """A command as a run: its time is that from start to exit of the process."""
    return timed(lambda: ended(start(*words, folder=folder, cores=cores)))


def python() -> Start:
    """This Python."""
    return partial(started, sys.executable, environment=environment())


def write_table(path: Path, rows: int) -> None:
    """20 columns of normal numbers with six decimals, and a target of 0 and 1."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join([*(f"x{i}" for i in range(COLUMNS)), "y"]) + "\n")
        for start in range(0, rows, 50_000):
            x = rng.standard_normal((min(50_000, rows - start), COLUMNS))
            y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
            np.savetxt(file, np.column_stack([x, y]), fmt=["%.6f"] * COLUMNS + ["%d"], delimiter=",")


# --- what is measured, with the older nnfit at the Python `old` if there is one, in so many rounds ------------------


def eight(old: str | None, quick: bool, rounds: int) -> dict[str, Timing]:
    """The epochs of eight members of mish units, as the command tells them, on two cores."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "table.csv", 2_000 if quick else 20_000)
        (folder / "spec.yaml").write_text(EIGHT)
        runs = {who: partial(epochs, start, folder) for who, start in programs(old).items()}
        return interleave(runs, min(rounds, 5))


def epochs(start: Start, folder: Path) -> Lap:
    ended(start("train", "spec.yaml", "-o", "m.npz", "--json", "m.json", "--quiet", folder=folder, cores=2))
    return Lap(json.loads((folder / "m.json").read_text())["seconds"], None)


def proposed(old: str | None, quick: bool, rounds: int) -> dict[str, Timing]:
    """The spec of `init` for 60,000 rows, as it is, on two cores; once, since it takes a minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_spec(folder, 2_000 if quick else 60_000, old)
        words = ("train", "spec.yaml", "-o", "m.npz", "--quiet")
        starts = programs(old).items()
        return interleave({who: whole(start, *words, folder=folder, cores=2) for who, start in starts}, 1, warm=False)


def write_spec(folder: Path, rows: int, old: str | None) -> None:
    """The table, and what `init` of 0.1.0 writes for 60,000 rows."""
    write_table(folder / "table.csv", rows)
    (folder / "spec.yaml").write_text(INIT)
    if old and rows == 60_000:
        ended(programs(old)["old"]("init", "table.csv", "--target", "y", "-o", "own.yaml", folder=folder))
        (folder / "own.yaml").replace(folder / "spec.yaml")


def after(old: str | None, quick: bool, rounds: int) -> dict[str, Timing]:
    """The same spec on a million rows, one epoch: from the line of the epoch to the end; once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_spec(folder, 20_000 if quick else 1_000_000, None)
        runs = {who: partial(rest, start, folder) for who, start in programs(old).items()}
        return interleave(runs, 1, warm=False)


def rest(start: Start, folder: Path) -> Lap:
    one = [word for key in ("epochs", "early_stopping.patience") for word in ("--set", f"training.{key}=1")]
    process = start("train", "spec.yaml", "-o", "m.npz", *one, folder=folder, cores=2)
    assert process.stderr
    told = ""
    while not told.startswith("epoch 1/1 "):
        told = process.stderr.readline()
        if not told:
            raise SystemExit("the training said nothing of its epoch")
    begun = time.perf_counter()
    ended(process)
    return Lap(time.perf_counter() - begun, None)


def iris(old: str | None, quick: bool, rounds: int) -> dict[str, Timing]:
    """`nnfit train configs/iris.yaml` and the same with scikit-learn, from start to exit of the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = {
            who: whole(start, "train", IRIS, "-o", f"{who}.npz", folder=folder) for who, start in programs(old).items()
        }
        return interleave({**runs, "sklearn": whole(python(), *training(), folder=folder)}, rounds)


def predict(old: str | None, quick: bool, rounds: int) -> dict[str, Timing]:
    """The 150 rows predicted by the models of both, from start to exit of the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ended(python()(*training(), folder=folder))
        words = (HERE / "iris_sklearn_predict.py", "iris.joblib", TABLE, "sklearn.csv")
        runs = {"sklearn": whole(python(), *words, folder=folder)}
        for who, start in programs(old).items():
            ended(start("train", IRIS, "-o", f"{who}.npz", folder=folder))
            runs[who] = whole(start, "predict", f"{who}.npz", TABLE, "-o", f"{who}.csv", folder=folder)
        return interleave(runs, rounds)


def training() -> tuple[object, ...]:
    """The script of scikit-learn, with the values of configs/iris.yaml."""
    from nnfit.config.loader import load_spec

    spec = load_spec(IRIS).spec
    data, training = spec.data, spec.training
    options = {
        "--target": data.target,
        "--validation": [data.validation],
        "--test": [data.test],
        "--hidden": [layer.size for layer in spec.network.layers[:-1]],
        "--epochs": [training.epochs],
        "--batch-size": [training.batch_size],
        "--learning-rate": [training.optimizer.learning_rate],
    }
    words = [word for key, values in options.items() for word in (key, *values)]
    return HERE / "iris_sklearn.py", TABLE, "iris.joblib", *words


class Row(NamedTuple):
    """What is measured of what; the goals: seconds, times as fast as the older nnfit, share of scikit-learn's time."""

    what: str
    of: str
    measure: Callable[[str | None, bool, int], dict[str, Timing]]
    seconds: float | None = None
    faster: float | None = None
    share: float | None = None


ROWS = {
    "eight": Row("8 members, 20-128-128-2 mish, batch 512, 20,000 rows", "4 epochs", eight, faster=3.5),
    "init": Row("the spec of 0.1.0's init, 60,000 × 20", "all", proposed, seconds=28),
    "after": Row("the same on 1,000,000 × 20, one epoch", "after it", after, seconds=5),
    "iris": Row("train configs/iris.yaml", "all", iris, share=0.42),
    "predict": Row("predict 150 rows of iris", "all", predict, share=0.42),
}
