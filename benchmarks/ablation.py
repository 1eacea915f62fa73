"""What each choice of `nnfit init` is worth: the proposed spec with one thing changed, on held-out rows of real tables.

    python benchmarks/ablation.py FOLDER [--target target] [--splits 2] [--few 5] [--jobs 2] [--only proposed,...]

Every CSV in FOLDER that has the target column is split at random, a fifth of the rows kept for the score; tables below
3,000 rows are split more often, `--few` times. Where a NAME.json lies beside it, its "task" says whether the target is
a number. A row of the result is a variant: the mean difference from what is proposed over the tables, of the accuracy
and the area under the ROC curve as it is, of the log-loss (tables where it is above 0.01) and of the root mean squared
error in percent; and the seconds of one core for all trainings, against the proposal's. --only takes some of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import log
from pathlib import Path
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import pandas as pd  # noqa: E402

import nnfit  # noqa: E402
from nnfit.config.proposal import fitted_to, looked_at, written  # noqa: E402
from nnfit.data.table import read_table  # noqa: E402
from nnfit.fit import choosing  # noqa: E402

Change = Callable[[str], str]
FEW = 3000  # rows, below which a table is split more often


def put(pattern: str, text: str) -> Change:
    """Every match of a pattern replaced."""
    return lambda spec: re.sub(pattern, text, spec)


def times(key: str, factor: float, most: float = 1e9) -> Change:
    """A number of the spec multiplied."""
    return lambda spec: re.sub(
        rf"({key}: )([0-9.]+)", lambda m: f"{m[1]}{type_of(m[2])(min(most, float(m[2]) * factor))}", spec
    )


def widths(factor: float) -> Change:
    """The size of the hidden layers multiplied."""
    return lambda spec: re.sub(
        r"size: ([0-9]+), activation: mish", lambda m: f"size: {int(int(m[1]) * factor)}, activation: mish", spec
    )


def type_of(text: str) -> type:
    return float if "." in text else int


def training(line: str) -> Change:
    """A key added to the training."""
    return put("\ntraining:\n", f"\ntraining:\n  {line}\n")


def of_classes(change: Change) -> Change:
    """A change where the target is classes."""
    return lambda spec: spec if "loss: mse" in spec else change(spec)


def together(*changes: Change) -> Change:
    """One change after the other."""

    def all_of_them(spec: str) -> str:
        for change in changes:
            spec = change(spec)
        return spec

    return all_of_them


HIDDEN = r"    - \{size: [0-9]+, activation: mish\}[^\n]*\n"
NO_WAVES = put(", periodic: 4", "")
NO_STEPS = together(
    put(", piecewise: 16", ""), put(r"(\{type: numeric(?:(?!periodic)[^}])*), amplitude: [0-9.]+", r"\1")
)
NO_BEND = put(r", (piecewise|periodic|amplitude): [0-9.]+", "")
NO_START = put(", data_driven: true", "")
BEFORE = together(  # the lengths and widths that 0.1.0 proposed
    put(r"size: [0-9]+, activation: mish", "size: 128, activation: mish"),
    times("epochs", 2, 60),
    put(r"patience: [0-9]+", "patience: 60"),
)
CHOSEN = "expansions chosen by folds"
VARIANTS: dict[str, Change] = {
    "proposed": lambda spec: spec,
    CHOSEN: lambda spec: spec,
    "as 0.1.0 proposed": together(BEFORE, NO_BEND, NO_START),
    "0.1.0 + steps and waves": together(BEFORE, NO_START),
    "0.1.0 + data-driven weights": together(BEFORE, NO_BEND),
    "0.1.0 + both": BEFORE,
    "neither steps nor waves": NO_BEND,
    "no data-driven weights": NO_START,
    "no waves": NO_WAVES,
    "no waves of classes": of_classes(NO_WAVES),
    "no steps": NO_STEPS,
    "no waves and amplitude × 2": together(NO_WAVES, times("amplitude", 2, 1)),
    "no waves of classes and amplitude × 2": of_classes(together(NO_WAVES, times("amplitude", 2, 1))),
    "8 steps": put("piecewise: 16", "piecewise: 8"),
    "32 steps": put("piecewise: 16", "piecewise: 32"),
    "8 waves": put("periodic: 4", "periodic: 8"),
    "frequency 0.15": put("periodic: 4", "periodic: 4, frequency: 0.15"),
    "frequency 0.6": put("periodic: 4", "periodic: 4, frequency: 0.6"),
    "amplitude 1": put(r"amplitude: [0-9.]+", "amplitude: 1"),
    "amplitude 0.1": put(r"amplitude: [0-9.]+", "amplitude: 0.1"),
    "amplitude / 4": times("amplitude", 0.25),
    "widths / 2": widths(0.5),
    "widths × 2": widths(2),
    "a third hidden layer": put(rf"({HIDDEN})(?={HIDDEN})", r"\1\1"),
    "one hidden layer": put(rf"({HIDDEN})(?={HIDDEN})", ""),
    "relu": put("activation: mish", "activation: relu"),
    "silu": put("activation: mish", "activation: silu"),
    "scale robust": put("scale: clipped", "scale: robust"),
    "scale quantile": put("scale: clipped", "scale: quantile"),
    "rate / 2": put("learning_rate: 0.01", "learning_rate: 0.005"),
    "rate × 2": put("learning_rate: 0.01", "learning_rate: 0.02"),
    "beta2 0.999": put("beta2: 0.95", "beta2: 0.999"),
    "half the epochs": times("epochs", 0.5),
    "twice the epochs": together(times("epochs", 2), times("patience", 2)),
    "constant rate": put("schedule: cosine", "schedule: constant"),
    "coslog4": put("schedule: cosine", "schedule: coslog4"),
    "dropout 0.1": training("dropout: 0.1"),
    "label smoothing 0.02": of_classes(training("label_smoothing: 0.02")),
    "weight decay × 5": times("weight_decay", 5),
    "averaged weights (ema)": training("average: ema"),
    "4 members": put("members: 8", "members: 4"),
    "2 members": put("members: 8", "members: 2"),
    "16 members": put("members: 8", "members: 16"),
    "all rows for each member": put(r"  (resample|early_stopping|calibration):[^\n]*\n", ""),
    "temperature": of_classes(training("calibration: temperature")),
    "output gain 1": put("output_gain: 0.1", "output_gain: 1"),
}


def score(variant: str, path: Path, target: str, seed: int) -> dict[str, Any]:
    """The metrics on a fifth of the rows, and the seconds of a core for the training."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    test = table.sample(frac=0.2, random_state=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "train.csv"
        table.drop(test.index).to_csv(file, index=False)
        test.to_csv(folder / "test.csv", index=False)
        found = looked_at(file, target, task_of(path))
        fit = fitted_to(found)
        if variant == CHOSEN and choosing.seconds_to_try(fit) is not None:
            fit, _ = choosing.tuned(found, fit, file)
        spec = training("baseline: false")(written(found, fit, file, folder).text)
        (folder / "spec.yaml").write_text(VARIANTS[variant](spec))
        start = time.process_time()
        model = nnfit.train(folder / "spec.yaml").model
        seconds = time.process_time() - start
        kinds = model.kinds | model.target.kinds
        held_out = read_table(str(folder / "test.csv"), model.dialect, kinds, others=False)
        return model.evaluation(held_out, "zero").metrics | {"seconds": seconds}


def task_of(path: Path) -> str | None:
    """Whether the target of a table is a number, where a file beside it says so."""
    beside = path.with_suffix(".json")
    if not beside.exists():
        return None
    return "regression" if json.loads(beside.read_text())["task"] == "regression" else "classification"


def run(job: tuple[str, Path, int], target: str) -> dict[str, Any]:
    return score(job[0], job[1], target, job[2])


def compared(means: dict[str, dict[str, float]], base: dict[str, dict[str, float]]) -> list[str]:
    """The cells of a variant: its mean differences from the proposal."""

    def mean(values: Iterable[float], form: str) -> str:
        found = list(values)
        return format(statistics.mean(found), form) if found else ""

    def of(key: str) -> list[tuple[float, float]]:
        return [(means[name][key], base[name][key]) for name in base if key in base[name]]

    return [
        mean((a - b for a, b in of("accuracy")), "+.4f"),
        mean((100 * log(a / b) for a, b in of("log_loss") if b > 0.01), "+.1f") + " %",
        mean((a - b for a, b in of("roc_auc")), "+.4f"),
        mean((100 * log(a / b) for a, b in of("rmse")), "+.1f") + " %",
        f"{sum(a for a, _ in of('seconds')) / sum(b for _, b in of('seconds')):.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="target")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--few", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    paths = {path.stem: path for path in sorted(options.folder.glob("*.csv"))}
    rows = {name: pd.read_csv(path, dtype=str, keep_default_na=False) for name, path in paths.items()}
    paths = {name: path for name, path in paths.items() if options.target in rows[name]}
    splits = {name: range(options.few if len(rows[name]) < FEW else options.splits) for name in paths}
    print(f"{len(paths)} tables: {', '.join(paths)}\n")
    print("| changed | accuracy | log-loss | ROC area | RMSE | time |\n|---|---|---|---|---|---|")
    base: dict[str, dict[str, float]] = {}
    chosen = options.only.split(",") if options.only else list(VARIANTS)
    with ProcessPoolExecutor(options.jobs) as pool:
        for variant in ["proposed", *(each for each in chosen if each != "proposed")]:
            jobs = [(variant, path, seed) for name, path in paths.items() for seed in splits[name]]
            found: dict[str, list[dict[str, Any]]] = {}
            for (_, path, _), metrics in zip(jobs, pool.map(partial(run, target=options.target), jobs), strict=True):
                found.setdefault(path.stem, []).append(metrics)
            means = {
                name: {key: statistics.mean(each[key] for each in runs) for key in runs[0] if of_number(runs[0][key])}
                for name, runs in found.items()
            }
            base = base or means
            print(f"| {variant} | {' | '.join(compared(means, base))} |", flush=True)


def of_number(value: object) -> bool:
    return isinstance(value, float)


if __name__ == "__main__":
    main()
