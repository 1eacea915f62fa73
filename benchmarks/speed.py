"""The speed of nnfit beside scikit-learn and PyTorch, measured in one run in interleaved rounds.

A round times nnfit, scikit-learn and PyTorch one after the other; a first round warms up and is not counted. Every
time is the median over the rounds, and every ratio is a ratio of medians. Nothing is asserted: the targets, which
hold for one thread, stand beside what was measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from nnfit.cli.threads import set_threads

HERE = Path(__file__).parent
PAUSE = 0.05  # seconds before each timing, in which the threads of the one before fall asleep
WIDTH = 120  # of the report
WHOLE = "iris"  # the name of the whole process


class Case(NamedTuple):
    """One network, the size of its task, and how many times as fast as the others nnfit should be."""

    N: tuple[int, ...]
    batch: int
    rows: int
    epochs: int
    sklearn: float | None
    torch: float | None
    members: int = 1
    bare: float | None = None  # as a share of the speed of the bare matrix products


CASES = {
    "4-16-3": Case((4, 16, 3), 16, 1_600, 30, 7, 14),
    "4-16-3x8": Case((4, 16, 3), 16, 1_600, 30, 30, 60, members=8),
    "30-64-32-2": Case((30, 64, 32, 2), 32, 3_200, 15, 4, 7),
    "64-128-10": Case((64, 128, 10), 32, 3_200, 15, None, None),
    "50-256-256-2": Case((50, 256, 256, 2), 256, 20_000, 2, 1.6, 1.5),
    "784-512-256-10": Case((784, 512, 256, 10), 128, 12_000, 2, 1.4, 1.15, bare=0.8),
}

Runs = dict[str, Callable[[], object]]


class Timing(NamedTuple):
    """The seconds of one run in every counted round, and its result."""

    seconds: list[float]
    result: object

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range, relative to the median."""
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / self.median


def interleave(runs: Runs, rounds: int) -> dict[str, Timing]:
    timings = {name: Timing([], run()) for name, run in runs.items()}  # the warm-up
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            run()
            timings[name].seconds.append(time.perf_counter() - start)
    return timings


def runs_of(case: Case, epochs: int) -> Runs:
    """The fits of one case, on data that exist before the clock starts."""
    import fits
    import torch

    N, m = case.N, case.batch
    X, classes = fits.make_data(N, case.rows)
    examples = fits.to_examples(X, classes, N[-1])
    runs: Runs = {
        "nnfit": partial(fits.fit_nnfit, N, examples, m, epochs, case.members),
        "sklearn": partial(fits.fit_sklearn, N, X, classes, m, epochs),
        "torch": partial(fits.fit_torch, N, torch.from_numpy(X), torch.from_numpy(classes), m, epochs),
    }
    if case.bare is not None:
        runs["bare"] = partial(fits.multiply, fits.products_of_epoch(N, case.rows, m), epochs)
    return runs


def add_case(table: Table, name: str, case: Case, epochs: int, timings: dict[str, Timing]) -> None:
    """One line of the table: microseconds per step, of one member where there are several, and ratios."""
    steps = -(-case.rows // case.batch) * epochs
    step = {run: timing.median / steps * 1e6 for run, timing in timings.items()}
    step["nnfit"] /= case.members
    table.add_row(
        name,
        str(case.batch),
        *(f"{step[run]:.1f}" for run in ("nnfit", "sklearn", "torch")),
        beside(step["sklearn"] / step["nnfit"], case.sklearn),
        beside(step["torch"] / step["nnfit"], case.torch),
        beside(step["bare"] / step["nnfit"], case.bare) if "bare" in step else "",
        f"{max(timing.spread for timing in timings.values()):.0%}",
        " ".join(f"{timings[run].result:.2f}" for run in ("nnfit", "sklearn", "torch")),
    )


def beside(ratio: float, target: float | None) -> str:
    return f"{ratio:.2f}" if target is None else f"{ratio:.2f} ({target:g})"


def compare_fits(console: Console, names: list[str], quick: bool, rounds: int) -> None:
    title = "Training: µs per step, and how many times as fast nnfit is (target)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    for header in ("batch", "nnfit", "sklearn", "torch", "× sklearn", "× torch", "× bare", "spread"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("last cost", no_wrap=True)
    for name in names:
        case = CASES[name]
        epochs = max(1, case.epochs // 10) if quick else case.epochs
        add_case(table, name, case, epochs, interleave(runs_of(case, epochs), rounds))
    console.print(table)
    console.print("x8         8 members trained together; the time of one")
    console.print("bare       the matrix products of a step and nothing else")
    console.print("target     at least, on one thread")
    console.print("spread     interquartile range / median, the largest of the line")
    console.print("last cost  the mean training cost in the last epoch: nnfit, sklearn, torch")
    console.print("With two classes sklearn trains one logistic output, the others two softmax outputs.")


def show_memory(console: Console, name: str) -> None:
    import fits

    case = CASES[name]
    parts = {part: size / 1e6 for part, size in fits.peak_memory(case.N, case.rows, case.batch).items()}
    peak = parts.pop("peak")
    text = " + ".join(f"{part} {size:.1f}" for part, size in parts.items())
    bound = sum(parts.values()) + 60
    console.print(f"\nPeak memory of a fit, {name}: {peak:.1f} MB")
    console.print(f"target     at most {bound:.1f} MB = {text} + 60")


def compare_processes(console: Console, threads: int, rounds: int) -> None:
    """`nnfit train configs/iris.yaml` and the same with scikit-learn, from start to exit of the process."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {"nnfit": nnfit_command(folder, threads), "sklearn": sklearn_command(folder)}
        timings = interleave({name: partial(process, command) for name, command in commands.items()}, rounds)
    nnfit, sklearn = timings["nnfit"].median, timings["sklearn"].median
    spread = max(timing.spread for timing in timings.values())
    console.print(
        f"\nWhole process, configs/iris.yaml: nnfit {nnfit:.2f} s, sklearn {sklearn:.2f} s (spread {spread:.0%}); "
        f"share of the time {nnfit / sklearn:.2f}, target at most 0.5"
    )


def process(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(ended.stderr)


def nnfit_command(folder: str, threads: int) -> list[str]:
    program = shutil.which("nnfit", path=Path(sys.executable).parent)
    if program is None:
        raise SystemExit("nnfit is not installed beside this Python")
    return [program, "train", str(iris()), "-o", str(Path(folder, "iris.npz")), "--threads", str(threads)]


def sklearn_command(folder: str) -> list[str]:
    """The script with the values of configs/iris.yaml."""
    from nnfit.config.loader import load_spec

    loaded = load_spec(iris())
    data, training = loaded.spec.data, loaded.spec.training
    options = {
        "--target": data.target,
        "--validation": [data.validation],
        "--test": [data.test],
        "--hidden": [layer.size for layer in loaded.spec.network.layers[:-1]],
        "--epochs": [training.epochs],
        "--batch-size": [training.batch_size],
        "--learning-rate": [training.optimizer.learning_rate],
    }
    command = [sys.executable, HERE / "iris_sklearn.py", loaded.folder / data.train, Path(folder, "iris.joblib")]
    return [str(word) for word in command + [word for key, values in options.items() for word in (key, *values)]]


def iris() -> Path:
    return HERE.parent / "configs" / "iris.yaml"


def show_machine(console: Console, threads: int) -> None:
    import numpy as np
    import torch

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    console.print(f"{cpu()}, {os.cpu_count()} cores; threads: {threads}")
    console.print(
        f"Python {platform.python_version()}, NumPy {np.__version__} ({blas['name']} {blas['version']}), "
        f"torch {torch.__version__}, scikit-learn {version('scikit-learn')}\n"
    )


def cpu() -> str:
    """The model of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=1, help="threads for matrix products, in all of them")
    parser.add_argument("--quick", action="store_true", help="few epochs and rounds: to see that it runs")
    parser.add_argument("--only", metavar="NAME", choices=[*CASES, WHOLE], help=f"one of {', '.join([*CASES, WHOLE])}")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    set_threads(options.threads)  # before NumPy and torch are imported
    import torch

    torch.set_num_threads(options.threads)
    rounds = 2 if options.quick else 9
    names = [name for name in CASES if options.only in (None, name)]
    console = Console(width=WIDTH, highlight=False)
    show_machine(console, options.threads)
    if names:
        compare_fits(console, names, options.quick, rounds)
    for name in names:
        if CASES[name].bare is not None:
            show_memory(console, name)
    if options.only in (None, WHOLE):
        compare_processes(console, options.threads, rounds)


if __name__ == "__main__":
    main()
