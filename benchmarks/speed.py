"""The speed of nnfit beside scikit-learn, PyTorch and an older nnfit, measured in one run in interleaved rounds.

    python benchmarks/speed.py [--old PYTHON] [--only NAME] [--quick]

A round times all of them one after the other; a first round warms up and is not counted. Every time is the median over
the rounds, and every ratio is a ratio of medians. Nothing is asserted: the goals stand in brackets beside what was
measured. An older version is timed beside this one if the Python of an environment that has it is named. Whole commands
are in whole.py, reading and predicting at scale in data.py, which is run by itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from nnfit.workers.blas import set_blas_threads

set_blas_threads()  # here, and in every process that is started

import numpy as np  # noqa: E402
import whole  # noqa: E402
from fits import Other, Task  # noqa: E402
from rich import box  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from rounds import Timing, interleave  # noqa: E402

WIDTH = 140  # of the report


class Case(NamedTuple):
    """One network, the size of its task, and the goals: µs per step and member, and times as fast as the others."""

    task: Task
    step: float | None = None
    sklearn: float | None = None
    torch: float | None = None
    bare: float | None = None  # as a share of the speed of the bare matrix products


CASES = {
    "4-16-3": Case(Task((4, 16, 3), 16, 1_600, 30), 11, 10, 20),
    "4-16-3x8": Case(Task((4, 16, 3), 16, 1_600, 30, members=8), 3),
    "30-64-32-2": Case(Task((30, 64, 32, 2), 32, 3_200, 15), 26),
    "64-128-10": Case(Task((64, 128, 10), 32, 3_200, 15)),
    "50-256-256-2": Case(Task((50, 256, 256, 2), 256, 20_000, 2)),
    "784-512-256-10": Case(Task((784, 512, 256, 10), 128, 12_000, 2), bare=0.85),
}


# --- the epochs of fits ----------------------------------------------------------------------------------------------


def contestants(names: list[str], old: str | None) -> dict[str, Other]:
    """A process for each that the cases need: nnfit, the older nnfit, scikit-learn, PyTorch, the bare products."""
    mine = dict(os.environ)
    found = {"old": Other("nnfit", old, whole.environment_of_old())} if old else {}
    bare = ["bare"] * any(CASES[name].bare is not None for name in names)
    return found | {name: Other(name, sys.executable, mine) for name in ("nnfit", "sklearn", "torch", *bare)}


def compare_fits(console: Console, names: list[str], old: str | None, quick: bool, rounds: int) -> None:
    others = contestants(names, old)
    columns = [name for name in others if name != "bare"]
    heads = {**{name: name for name in columns}, "old": others["old"].version if old else ""}
    title = "Training: µs per step, and how many times as fast nnfit is (goals in brackets)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    ratios = [f"× {heads[name]}" for name in columns if name != "nnfit"]
    for head in ("batch", *(heads[name] for name in columns), *ratios, "× bare", "spread"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("last cost", no_wrap=True)
    memory = {}
    for name in names:
        case = CASES[name]
        task = case.task._replace(epochs=max(1, case.task.epochs // 10)) if quick else case.task
        running = {who: other for who, other in others.items() if who != "bare" or case.bare is not None}
        for other in running.values():
            other.take(task)
        timings = interleave({who: other.run for who, other in running.items()}, rounds)
        table.add_row(name, *cells(case, task, columns, timings))
        if case.bare is not None:
            memory[name] = others["nnfit"].ask("memory", *task)
    for other in others.values():
        other.end()
    console.print(table)
    console.print("The processor's time for the epochs alone, one thread: data, networks and weights are made before.")
    console.print("x8         8 members trained together; the time of one; the others train one")
    console.print("bare       the matrix products of a step and nothing else")
    console.print("spread     interquartile range / median, the largest of the line")
    console.print(f"last cost  the mean training cost in the last epoch: {', '.join(heads[name] for name in columns)}")
    console.print(
        "sklearn    its checks of the data are counted, and one epoch before is not; two classes are one output"
    )
    for name, parts in memory.items():
        show_memory(console, name, parts)


def cells(case: Case, task: Task, columns: list[str], timings: dict[str, Timing]) -> list[str]:
    """One line of the table."""
    steps = -(-task.rows // task.m) * task.epochs
    step = {who: timing.median / steps * 1e6 for who, timing in timings.items()}
    for who in {"nnfit", "old"} & step.keys():
        step[who] /= task.members
    goals = {"nnfit": case.step, "sklearn": case.sklearn, "torch": case.torch, "bare": case.bare}
    shown = {who: beside(f"{step[who]:.1f}", goals["nnfit"] if who == "nnfit" else None) for who in columns}
    ratio = {who: beside(f"{step[who] / step['nnfit']:.2f}", goals.get(who)) for who in step}
    return [
        str(task.m),
        *shown.values(),
        *(ratio[who] for who in columns if who != "nnfit"),
        ratio.get("bare", ""),
        f"{max(timing.spread for timing in timings.values()):.0%}",
        " ".join(f"{timings[who].result:.2f}" for who in columns),
    ]


def beside(figure: str, goal: float | None) -> str:
    return figure if goal is None else f"{figure} ({goal:g})"


def show_memory(console: Console, name: str, parts: dict[str, int]) -> None:
    size = {part: value / 1e6 for part, value in parts.items()}
    peak = size.pop("peak")
    text = " + ".join(f"{part} {value:.1f}" for part, value in size.items())
    console.print(f"\nPeak memory of a fit, {name}: {peak:.1f} MB")
    console.print(f"goal       at most {sum(size.values()) + 60:.1f} MB = {text} + 60")


# --- whole commands --------------------------------------------------------------------------------------------------


def compare_commands(console: Console, names: list[str], old: str | None, quick: bool, rounds: int) -> None:
    title = "Whole commands: seconds, and their ratio (goals in brackets)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("what")
    table.add_column("measured", no_wrap=True)
    for head in ("old", "nnfit", "sklearn", "× old", "of sklearn", "spread"):
        table.add_column(head, justify="right", no_wrap=True)
    for name in names:
        row = whole.ROWS[name]
        timings = row.measure(old, quick, rounds)
        seconds = {who: f"{timing.median:.2f}" for who, timing in timings.items()}
        now = timings["nnfit"].median
        ratio = beside(f"{timings['old'].median / now:.2f}", row.faster) if old else ""
        share = beside(f"{now / timings['sklearn'].median:.2f}", row.share) if "sklearn" in timings else ""
        mine = beside(seconds["nnfit"], row.seconds)
        once = len(timings["nnfit"].seconds) == 1
        spread = "one run" if once else f"{max(timing.spread for timing in timings.values()):.0%}"
        table.add_row(row.what, row.of, seconds.get("old", ""), mine, seconds.get("sklearn", ""), ratio, share, spread)
    console.print(table)
    console.print("Trainings of eight members have two cores, where there are two.")
    console.print("Reading and predicting at scale, and the memory of both: python benchmarks/data.py")


# --- the machine, and the options ------------------------------------------------------------------------------------


def show_machine(console: Console) -> None:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    console.print(f"{cpu()}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    console.print(
        f"nnfit {version('nnfit')}, Python {platform.python_version()}, NumPy {np.__version__} ({blas['name']} "
        f"{blas['version']}), torch {version('torch')}, scikit-learn {version('scikit-learn')}\n"
    )


def cpu() -> str:
    """The model of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def arguments() -> argparse.Namespace:
    names = [*CASES, *whole.ROWS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--old", metavar="PYTHON", help="the Python of an environment with an older nnfit")
    parser.add_argument("--quick", action="store_true", help="few epochs, rows and rounds: to see that it runs")
    parser.add_argument("--only", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rounds = 2 if options.quick else 9
    console = Console(width=WIDTH, highlight=False)
    show_machine(console)
    fits, commands = ([name for name in table if options.only in (None, name)] for table in (CASES, whole.ROWS))
    if fits:
        compare_fits(console, fits, options.old, options.quick, rounds)
    if commands:
        compare_commands(console, commands, options.old, options.quick, rounds)


if __name__ == "__main__":
    main()
