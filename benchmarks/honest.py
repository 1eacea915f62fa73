"""What the scores on rows that were not learnt from are worth: on noise, beside the same model on fresh rows.

The columns say nothing of the target, so a score of rows that had a say in the model looks better than that of fresh
ones. For every metric that early stopping may watch, every size of table and each way to hold rows out, the mean
difference over the seeds, with its standard error: above 0, the printed score is too good.

    python benchmarks/honest.py                       the noise of docs/trust.md
    python benchmarks/honest.py --seeds 5 --rows 60   a quick look
    python benchmarks/honest.py --tables FOLDER       real tables: out of fold beside a test on half of the rows

Of real tables, every CSV in FOLDER that has the target column; the spec is that of `nnfit init`.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import nnfit
from nnfit.config.proposal import propose
from nnfit.data.table import read_table
from nnfit.scoring.evaluation import higher
from nnfit.scoring.metrics import METRICS, MONITORS

FRESH = 3_000  # rows that the model has never seen
SIZES = (60, 200, 1_000)
HELD_OUT = {
    "out_of_fold": {"training.resample": "folds", "network.members": 5},
    "out_of_bag": {"training.resample": "bootstrap", "network.members": 5},
    "validation": {"data.validation": 0.3},
}
SPEC: dict[str, Any] = {
    "data": {"target": "y"},
    "network": {"layers": [{"size": 16, "activation": "relu"}, {"size": "auto", "activation": "linear"}]},
    "training": {
        "epochs": 100,
        "batch_size": 32,
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "early_stopping": {"patience": 20},
        "baseline": False,
    },
}


class Found(NamedTuple):
    """One training: what it watched, how many rows, what held rows out, and metrics there and on fresh rows."""

    watched: str
    n: int
    held_out: str
    printed: dict[str, float]
    fresh: dict[str, float]


def noise(n: int, seed: int, real: bool) -> pd.DataFrame:
    """Ten columns of normal numbers, and a target that has nothing to do with them.

    Both classes are equally frequent: folds are alike in the target, and so keep a share that a table has by chance.
    """
    rng = np.random.default_rng([seed, n])
    frame = pd.DataFrame(rng.normal(size=(n, 10)), columns=[f"x{k}" for k in range(10)])
    return frame.assign(y=rng.normal(size=n) if real else rng.permutation(np.array(["a", "b"])[np.arange(n) % 2]))


def found(watched: str, n: int, seed: int, held_out: str, more: dict[str, Any] | None = None) -> Found:
    """Train on noise, and score the model on fresh noise."""
    real = watched in METRICS["regression"]
    output, loss = ("linear", "mse") if real else ("logistic", "bce")
    overrides = {
        "network.layers.1.activation": output,
        "loss": loss,
        "training.early_stopping.monitor": watched,
        "seed": seed,
        **HELD_OUT[held_out],
        **(more or {}),
    }
    result = nnfit.train(SPEC, noise(n, seed, real), overrides=overrides)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nnfit.NnfitWarning)  # fresh rows reach further than few training rows
        fresh = result.model.evaluate(noise(FRESH, seed + 1000, real))
    return Found(watched, n, held_out, result.metrics[held_out], fresh)


def lead(each: list[Found], metric: str) -> tuple[float, float]:
    """How much better the printed metric is than on fresh rows: the mean over trainings, and its standard error."""
    sign = 1 if higher(metric) else -1
    gaps = [sign * (one.printed[metric] - one.fresh[metric]) for one in each]
    return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))


def shown(watched: str, held_out: str) -> tuple[str, ...]:
    """The metrics to look at: what was watched, and those that people read first.

    Of a few validation rows only the first: another metric than the one watched tells of its own noise.
    """
    first = ("rmse", "mae") if watched in METRICS["regression"] else ("accuracy", "log_loss")
    first = first[:1] if held_out == "validation" and watched != "loss" else first
    return tuple(dict.fromkeys((*([] if watched == "loss" else [watched]), *first)))


def tables(seeds: int, sizes: tuple[int, ...], held_out: tuple[str, ...]) -> Iterator[str]:
    """One line for each thing watched, size, and way to hold rows out."""
    for name in held_out:
        for watched in MONITORS:
            for n in sizes:
                each = [found(watched, n, seed, name) for seed in range(seeds)]
                cells = []
                for metric in shown(watched, name):
                    gap, error = lead(each, metric)
                    cells.append(f"{metric} {gap:+.4f} ± {error:.4f}{' !' if gap > 3 * error else ''}")
                yield f"{name:<12} {watched:<18} {n:>5}  " + "   ".join(cells)


def of_table(table: pd.DataFrame, target: str, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """The metrics out of fold of half of the rows, and those of the model on the other half."""
    test = table.sample(frac=0.5, random_state=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.drop(test.index).to_csv(folder / "train.csv", index=False)
        test.to_csv(folder / "test.csv", index=False)
        spec = propose(folder / "train.csv", target, folder).text
        (folder / "spec.yaml").write_text(spec.replace("\ntraining:\n", "\ntraining:\n  baseline: false\n"))
        result = nnfit.train(folder / "spec.yaml")
        held_out = read_table(str(folder / "test.csv"), result.model.dialect, result.model.labelled_kinds, others=False)
        return result.metrics["out_of_fold"], result.model.evaluation(held_out, "zero").metrics


def real(folder: Path, target: str, splits: int) -> Iterator[str]:
    """One line for each table: its metrics out of fold and on the other half, and the mean difference."""
    for path in sorted(folder.glob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if target not in table:
            continue
        pairs = [of_table(table, target, seed) for seed in range(splits)]
        each = [Found("", len(table), "", *pair) for pair in pairs]
        cells = []
        for metric in ("rmse",) if "rmse" in pairs[0][0] else ("accuracy", "log_loss"):
            gap, error = lead(each, metric)
            printed, fresh = (np.mean([pair[k][metric] for pair in pairs]) for k in (0, 1))
            cells.append(f"{metric} {printed:.4f} {fresh:.4f} {gap:+.4f} ± {error:.4f}")
        yield f"{path.stem:<24} {len(table):>6}  " + "   ".join(cells)


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--held-out", nargs="+", default=list(HELD_OUT), choices=list(HELD_OUT))
    parser.add_argument("--tables", type=Path, metavar="FOLDER")
    parser.add_argument("--target", default="target")
    parser.add_argument("--splits", type=int, default=5)
    options = parser.parse_args()
    if options.tables:
        print("out of fold, on the other half, and how much better the first is, over the splits")
        for line in real(options.tables, options.target, options.splits):
            print(line, flush=True)
        return
    print("printed score less that of 3,000 fresh rows, above 0 is too good; ! more than three standard errors")
    for line in tables(options.seeds, tuple(options.rows), tuple(options.held_out)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
