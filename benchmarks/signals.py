"""How long nnfit goes on once it is asked to end: signals at random moments of train, predict and evaluate.

    python benchmarks/signals.py [--rows 400000] [--signals 60] [--seed 0]

Each command runs once as a whole; then again and again, with Ctrl-C or a termination at a random moment. It has to end
with 130 or 143, leave its outputs as they were, and, once its epochs have begun, a checkpoint from which `--resume`
goes on to the very bytes of the whole run. The slowest answer is told phase by phase; of the moments before the first
module is loaded nothing is asked.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

COLUMNS = 20
RESUMED = 4  # every so many trainings that left a checkpoint are gone on with
SPEC = """\
data: {{train: rows.csv, target: y{data}}}
network:
  layers: [{{size: 64, activation: mish}}, {{size: 64, activation: mish}}, {{size: 1, activation: logistic}}]
  members: 8
loss: bce
training: {{{training}}}
"""
ADAM = "optimizer: {name: adamw, learning_rate: 0.01}, batch_size: 512"
SPECS = {
    "folds": ("", f"epochs: 2, {ADAM}, resample: folds, early_stopping: {{patience: 5}}"),
    "held-out": (
        ", validation: 0.2, test: 0.2",
        f"epochs: 2, {ADAM}, early_stopping: {{patience: 5, monitor: roc_auc}}",
    ),
    "lbfgs": (", test: 0.2", "epochs: 2, batch_size: full, optimizer: lbfgs"),
}
COMMANDS = {
    **{f"train, {name}": ("train", f"{name}.yaml", "-o", "out.npz", "--quiet") for name in SPECS},
    "predict": ("predict", "model.npz", "rows.csv", "--proba", "-o", "out.csv"),
    "evaluate": ("evaluate", "model.npz", "rows.csv"),
}
# The command, which also says into a file what phase it is in.
CODE = """\
import sys
from nnfit.cli import signals
signals.install()
told = open("phases", "a", buffering=1)
print("loading", file=told)
try:
    from nnfit.cli import main, progress
except signals.Stopped as stopped:
    sys.exit(stopped.exit_code)
begin, end = progress.Shown.begin, progress.Shown.end
def began(self, phase):
    if not self.under_way:
        print(phase.name, file=told)
    begin(self, phase)
def ended(self, phase):
    end(self, phase)
    if not self.under_way:
        print(f"after {phase.name}", file=told)
progress.Shown.begin, progress.Shown.end = began, ended
try:
    main.main()
finally:
    print("ended", file=told)
"""


class Answer(NamedTuple):
    """What a signal led to: the phase that it came in, seconds to the end, and what was not as it has to be."""

    phase: str
    seconds: float
    wrong: str


def table(path: Path, n: int) -> None:
    """n rows of numbers, and two classes that depend on some of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, COLUMNS)).round(3)
    y = np.where(X[:, 0] - X[:, 1] * X[:, 2] + rng.normal(size=n) > 0, "yes", "no")
    with path.open("w") as file:
        file.write(",".join([*(f"x{i}" for i in range(COLUMNS)), "y"]) + "\n")
        file.writelines(f"{','.join(map(str, row))},{label}\n" for row, label in zip(X.tolist(), y, strict=True))


def begun(folder: Path, command: tuple[str, ...]) -> subprocess.Popen[str]:
    """The command, which has loaded its first module."""
    (folder / "phases").write_text("")
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that put this into the background has Ctrl-C ignored, which a command respects.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (folder / "phases").read_text() and process.poll() is None:
        time.sleep(0.002)
    return process


def whole(folder: Path, command: tuple[str, ...]) -> float:
    """Run the command to its end: the seconds it takes; a RuntimeError if it fails."""
    process = begun(folder, command)
    start = time.perf_counter()
    _, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {err}")
    return time.perf_counter() - start


def interrupted(folder: Path, command: tuple[str, ...], moment: float, number: int) -> Answer:
    """Send a signal that many seconds after the beginning, and look at what is left."""
    outputs = [folder / name for name in ("out.npz", "out.csv")]
    for path in outputs:
        path.write_bytes(b"old")
    (folder / "out.checkpoint.npz").unlink(missing_ok=True)
    process = begun(folder, command)
    time.sleep(moment)
    phases = (folder / "phases").read_text().split("\n")[:-1]
    process.send_signal(number)
    start = time.perf_counter()
    _, err = process.communicate()
    seconds, code, wrong = time.perf_counter() - start, process.returncode, []
    if phases[-1] == "ended" or any(path.read_bytes() != b"old" for path in outputs):
        right = code in (0, 128 + number, -number)  # Python at its own end has no handlers
        return Answer("after all", seconds, "" if right else f"exit code {code}: {err}")
    if code != 128 + number or "Traceback" in err:
        wrong.append(f"exit code {code}: {err}")
    if "epoch" in phases and command[0] == "train" and not (folder / "out.checkpoint.npz").exists():
        wrong.append("no checkpoint")
    left = {path.name for path in folder.iterdir()} - {path.name for path in outputs} - {"out.checkpoint.npz", "phases"}
    if stray := [name for name in left if not name.endswith((".csv", ".yaml")) and name != "model.npz"]:
        wrong.append(f"left behind: {', '.join(stray)}")
    return Answer(phases[-1], seconds, "; ".join(wrong))


def main() -> None:
    """Send the signals, and print the slowest answer of each phase."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--signals", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, slowest, wrong = random.Random(asked.seed), defaultdict[str, list[float]](list), 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table(folder / "rows.csv", asked.rows)
        for name, (data, training) in SPECS.items():
            (folder / f"{name}.yaml").write_text(SPEC.format(data=data, training=training))
        lengths, models = {}, {}
        for name, command in COMMANDS.items():
            lengths[name] = whole(folder, command)
            if command[0] == "train":
                models[name] = (folder / "out.npz").read_bytes()
                (folder / "model.npz").write_bytes(models[name])
            print(f"{name:16} {lengths[name]:6.1f} s as a whole", flush=True)
        left = 0
        for i in range(asked.signals):
            name = list(COMMANDS)[i % len(COMMANDS)]
            number, moment = rng.choice([signal.SIGINT, signal.SIGTERM]), rng.uniform(0, lengths[name])
            found = interrupted(folder, COMMANDS[name], moment, number)
            slowest[f"{name}: {found.phase}"].append(found.seconds)
            if (folder / "out.checkpoint.npz").exists():
                left += 1
                if left % RESUMED == 1:
                    whole(folder, (*COMMANDS[name], "--resume"))
                    if (folder / "out.npz").read_bytes() != models[name]:
                        found = found._replace(wrong="--resume led to another model")
            if found.wrong:
                wrong += 1
                print(f"{name} at {moment:.2f} s, {found.phase}: {found.wrong}", flush=True)
    print("\nslowest answer by phase, seconds (signals)")
    for phase, seconds in sorted(slowest.items(), key=lambda each: -max(each[1])):
        print(f"{max(seconds):6.2f}  {phase} ({len(seconds)})")
    most = max(map(max, slowest.values()))
    print(f"{asked.signals} signals, the slowest answer {most:.2f} s; {wrong} not as it has to be")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
