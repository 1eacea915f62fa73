"""What each choice of `nnfit init` is worth: the proposed spec with one thing changed, on held-out rows of real tables.

    python benchmarks/ablation.py FOLDER [--target target] [--seeds 3] [--only base,...]

Every CSV in FOLDER that has the target column is split at random, a fifth of the rows kept for the score, once for each
seed. A row of the result is a variant: mean accuracy, log-loss and area under the ROC curve over the classification
tables, the root mean squared error over the regression tables as a share of the base's, and seconds per fit.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import pandas as pd  # noqa: E402

import nnfit  # noqa: E402
from nnfit.config.proposal import propose  # noqa: E402
from nnfit.data.table import read_table  # noqa: E402

Change = Callable[[str], str]


def put(pattern: str, text: str) -> Change:
    """Every match of a pattern replaced."""
    return lambda spec: re.sub(pattern, text, spec)


def times(key: str, factor: float) -> Change:
    """A number of the spec multiplied."""
    return lambda spec: re.sub(rf"({key}: )([0-9.]+)", lambda m: f"{m[1]}{type_of(m[2])(float(m[2]) * factor)}", spec)


def type_of(text: str) -> type:
    return float if "." in text else int


def training(line: str) -> Change:
    """A key added to the training."""
    return put("\ntraining:\n", f"\ntraining:\n  {line}\n")


def of_classes(change: Change) -> Change:
    """A change where the target is classes."""
    return lambda spec: spec if "loss: mse" in spec else change(spec)


HIDDEN = r"    - \{size: 128, activation: mish\}[^\n]*\n"
VARIANTS: dict[str, Change] = {
    "base": lambda spec: spec,
    "widths 64": put("size: 128", "size: 64"),
    "widths 256": put("size: 128", "size: 256"),
    "a third hidden layer": put(rf"({HIDDEN})(?!    - {{size: 128)", r"\1\1"),
    "one hidden layer": put(rf"({HIDDEN}){{2}}", r"\1"),
    "relu": put("activation: mish", "activation: relu"),
    "silu": put("activation: mish", "activation: silu"),
    "tanh": put("activation: mish", "activation: tanh"),
    "scale standard": put("scale: clipped", "scale: standard"),
    "scale robust": put("scale: clipped", "scale: robust"),
    "16 quantile bins": put("scale: clipped", "bins: 16"),
    "rate 0.003": put("learning_rate: 0.01", "learning_rate: 0.003"),
    "rate 0.02": put("learning_rate: 0.01", "learning_rate: 0.02"),
    "twice the epochs": times("epochs", 2),
    "half the batch": times("batch_size", 0.5),
    "constant rate": put("schedule: cosine", "schedule: constant"),
    "flat then cosine": put("schedule: cosine", "schedule: flat_cosine"),
    "coslog4": put("schedule: cosine", "schedule: coslog4"),
    "dropout 0.1": training("dropout: 0.1"),
    "label smoothing 0.02": of_classes(training("label_smoothing: 0.02")),
    "weight decay × 10": times("weight_decay", 10),
    "averaged weights (ema)": training("average: ema"),
    "averaged weights (swa)": training("average: swa"),
    "16 members": put("members: 8", "members: 16"),
    "all rows for each member": put(r"  (resample|early_stopping|calibration):[^\n]*\n", ""),
    "bootstrap": put("resample: folds", "resample: bootstrap"),
    "temperature": of_classes(training("calibration: temperature")),
    "output gain 1": put("output_gain: 0.1", "output_gain: 1"),
}


def score(table: pd.DataFrame, target: str, seed: int, change: Change) -> dict[str, Any]:
    """The metrics on a fifth of the rows, and the seconds of the training."""
    test = table.sample(frac=0.2, random_state=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.drop(test.index).to_csv(folder / "train.csv", index=False)
        test.to_csv(folder / "test.csv", index=False)
        spec = training("baseline: false")(propose(folder / "train.csv", target, folder).text)
        (folder / "spec.yaml").write_text(change(spec))
        start = time.perf_counter()
        model = nnfit.train(folder / "spec.yaml").model
        seconds = time.perf_counter() - start
        kinds = model.kinds | model.target.kinds
        held_out = read_table(str(folder / "test.csv"), model.dialect, kinds, others=False)
        return model.evaluation(held_out, "zero").metrics | {"seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="target")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tables = {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in options.folder.glob("*.csv")}
    tables = {name: table for name, table in sorted(tables.items()) if options.target in table}
    print(f"{len(tables)} tables: {', '.join(tables)}; {options.seeds} splits of each\n")
    print("| variant | accuracy | log-loss | ROC area | RMSE | seconds |\n|---|---|---|---|---|---|")
    base: dict[str, float] = {}
    for variant in options.only.split(",") if options.only else VARIANTS:
        found = {
            name: [score(table, options.target, seed, VARIANTS[variant]) for seed in range(options.seeds)]
            for name, table in tables.items()
        }
        means = {
            name: {key: statistics.mean(run[key] for run in runs) for key in runs[0] if isinstance(runs[0][key], float)}
            for name, runs in found.items()
        }
        base = base or {name: mean["rmse"] for name, mean in means.items() if "rmse" in mean}
        cells = []
        for key in ("accuracy", "log_loss", "roc_auc"):
            values = [mean[key] for mean in means.values() if key in mean]
            cells.append(f"{statistics.mean(values):.4f}" if values else "")
        ratios = [means[name]["rmse"] / rmse for name, rmse in base.items()]
        cells.append(f"{statistics.mean(ratios):.4f}" if ratios else "")
        cells.append(f"{statistics.mean(mean['seconds'] for mean in means.values()):.2f}")
        print(f"| {variant} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
