"""What a sweep costs beside its trainings: 5,000 trials gone on with, in memory, for each trial, and until Ctrl-C ends.

    python benchmarks/sweeps.py [TRIALS [ROUNDS]]

Whole commands on the table of irises. Resumed: `nnfit sweep` where none of TRIALS trials of one epoch is missing.
Memory: the peak of its main process, while a tenth of them and all of them run, and while none is missing. Overhead:
trials of a network each of its own size, so that no two share an array, by the library in one process; its time less
that of the best, which is trained once more, and less what the trials take from their table to their scores, in ROUNDS.
Ctrl-C: from SIGINT to the end of a command whose two workers are at work.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

from nnfit.config.loader import load_spec  # noqa: E402
from nnfit.fit.train import trained  # noqa: E402
from nnfit.sweeps import sweep  # noqa: E402
from nnfit.sweeps.reading import load_sweep  # noqa: E402

ROOT = Path(__file__).parents[1]
SPEC = """\
data: {{train: iris.csv, target: species, validation: 0.2, split_seed: 0}}
network: {{layers: [{{size: 8, activation: relu}}, {{size: auto, activation: softmax}}]}}
training: {{epochs: {epochs}, optimizer: adam, baseline: false}}
"""
DRAWN = """\
spec: base.yaml
search: {{method: random, trials: {trials}}}
parameters:
  training.optimizer.learning_rate: {{min: 1e-4, max: 1e-1, scale: log}}
  network.layers.0.size: {{min: 2, max: 64, type: integer}}
"""
SIZES = """\
spec: base.yaml
parameters:
  network.layers.0.size: {{min: 8, max: {most}, step: 1, type: integer}}
"""
APART = 40  # trials that share no array
WITHOUT_END = 100_000  # epochs of trials that are interrupted


class Ended(NamedTuple):
    """A command: its seconds, those of its main process on a core, and the most memory of that, in MB."""

    seconds: float
    core: float
    peak: float


def place(folder: Path, epochs: int, text: str) -> Path:
    """A folder with the table, a spec of so many epochs and a sweep; its file."""
    folder.mkdir()
    shutil.copy(ROOT / "datasets/iris.csv", folder)
    (folder / "base.yaml").write_text(SPEC.format(epochs=epochs))
    (folder / "sweep.yaml").write_text(text)
    return folder / "sweep.yaml"


def started(file: Path, *options: str) -> subprocess.Popen[bytes]:
    """`nnfit sweep` of a file."""
    command = [sys.executable, "-m", "nnfit", "sweep", str(file), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ran(file: Path, *options: str) -> Ended:
    """The same, to its end."""
    begun = time.perf_counter()
    process = started(file, *options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, file
    return Ended(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def resumed(home: Path, trials: int) -> None:
    """Seconds and memory of so many trials, of a tenth of them, and of none that is missing."""
    for count in (trials // 10, trials):
        file = place(home / str(count), 1, DRAWN.format(trials=count))
        first, again = ran(file, "--jobs", "2"), min(ran(file) for _ in range(3))
        size = sum(path.stat().st_size for path in (file.parent / "sweep").rglob("*"))
        print(
            f"{count:,} trials of one epoch: {first.seconds:.1f} s by 2 jobs, main process {first.peak:.0f} MB; "
            f"again, none missing: {again.seconds:.2f} s ({again.core:.2f} s on a core), "
            f"{again.peak:.0f} MB; folder {size / 1e6:.1f} MB"
        )


def overhead(home: Path, rounds: int) -> None:
    """Milliseconds of a trial in a sweep beyond its training, which takes about 50."""
    file, beyond, alone = place(home / "apart", 150, SIZES.format(most=7 + APART)), [], []
    for k in range(rounds + 1):
        out = home / f"apart-{k}"
        begun = time.perf_counter()
        swept = sweep.carried_out(sweep.plan(load_sweep(file), out), out, jobs=1)
        whole = time.perf_counter() - begun
        begun = time.perf_counter()
        trained(load_spec(out / "best.yaml"), {})
        best = time.perf_counter() - begun
        own = sum(row.seconds for row in swept.rows)
        if k:  # the first loads what is loaded when it is first needed
            beyond.append(1e3 * (whole - best - own) / APART)
            alone.append(1e3 * own / APART)
    spread = f"{min(beyond):.2f} to {max(beyond):.2f} in {rounds} rounds"
    print(
        f"{APART} trials of {statistics.median(alone):.0f} ms, one process, none packed: "
        f"{statistics.median(beyond):.2f} ms more each in a sweep ({spread})"
    )


def interrupted(home: Path) -> None:
    """Seconds from Ctrl-C to the end, while two workers train."""
    seconds = []
    for k in range(5):
        file = place(home / f"interrupted-{k}", WITHOUT_END, SIZES.format(most=47))
        process = started(file, "--jobs", "2")
        time.sleep(3 + 0.2 * k)
        begun = time.perf_counter()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        seconds.append(time.perf_counter() - begun)
    print(f"Ctrl-C, two workers in long trainings: ended after {min(seconds):.2f} to {max(seconds):.2f} s")


def main() -> None:
    trials, rounds = (int(given) for given in [*sys.argv[1:], *["5000", "5"][len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        resumed(home, trials)
        overhead(home, rounds)
        interrupted(home)


if __name__ == "__main__":
    main()
