"""Inputs of steps and waves stored as they are, or made where rows are read: memory and seconds of a training.

    python benchmarks/expansion.py [--rows 500000] [--columns 10] [--epochs 2] [--rounds 3]

The spec is that of `nnfit init --quick` on a table drawn from a fixed seed, trained with one thread, each time in a
process of its own, both in turn. Seconds are those of the processor, of the epochs alone; memory is the whole process's
peak. That both gave the same weights is checked.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

WAYS = {"stored": 1 << 50, "made where they are read": 0}  # bytes below which inputs are stored


def table(rows: int, columns: int) -> pd.DataFrame:
    """Numbers, and a target that bends with them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).round(3)
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(columns)])
    return frame.assign(y=(np.sin(2 * X).sum(axis=1) + rng.normal(0, 0.5, rows)).round(4))


def child(spec: str, least: int) -> None:
    """Train, and print what it took."""
    from nnfit.core import expansion
    from nnfit.workers.blas import set_blas_threads

    set_blas_threads()
    import nnfit

    expansion.STORED = least
    begun: list[float] = []
    result = nnfit.train(spec, on_epoch=lambda _: begun.append(time.process_time()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theta = float(np.abs(result.model.theta).sum(dtype=np.float64))
    print(json.dumps({"seconds": begun[-1] - begun[0], "peak": peak, "theta": theta}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 500_000), ("columns", 10), ("epochs", 2), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], int(options.child[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        data, spec = Path(folder) / "data.csv", Path(folder) / "spec.yaml"
        table(options.rows, options.columns).to_csv(data, index=False)
        nnfit = [sys.executable, "-m", "nnfit", "init", str(data), "--target", "y", "--quick", "-o", str(spec)]
        subprocess.run(nnfit, check=True, capture_output=True)
        lines = spec.read_text().splitlines()
        lines = [f"  epochs: {options.epochs + 1}" if line.startswith("  epochs:") else line for line in lines]
        lines = [line for line in lines if not line.startswith("  early_stopping:")]
        spec.write_text("\n".join([*lines, ""]))
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way, least in WAYS.items():
                command = [sys.executable, __file__, "--child", str(spec), str(least)]
                found[way].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    assert len({run["theta"] for runs in found.values() for run in runs}) == 1
    print(
        f"| {options.rows:,} rows × {options.columns} numbers | peak of memory | seconds of {options.epochs} epochs |"
    )
    print("|---|---|---|")
    for way, runs in found.items():
        print(f"| {way} | {max(run['peak'] for run in runs):,.0f} MB | {median(run['seconds'] for run in runs):.3g} |")


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    main()
