"""What a report takes: seconds, peak memory and bytes, of a whole process, for a table of many rows.

    python benchmarks/report.py --rows 100000 --columns 30

Two thirds of the columns are numbers, a third has categories, a twentieth of the cells is missing. The network is of
the kind that `nnfit init` proposes: eight members of two hidden layers, trained for a few epochs with folds. It is
measured how long `nnfit train` takes with and without --report, `nnfit report` with and without --data, and
`nnfit explain`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SPEC = """\
data:
  train: table.csv
  target: y
network:
  layers:
    - {size: 64, activation: mish}
    - {size: 32, activation: mish}
    - {size: auto, activation: logistic}
  members: 8
loss: bce
training:
  epochs: 3
  batch_size: 512
  resample: folds
  early_stopping: {patience: 2}
"""


def table(rows: int, columns: int) -> pd.DataFrame:
    """Numbers and categories, some cells missing, and a class that follows some of them."""
    rng = np.random.default_rng(0)
    frame = {}
    logit = np.zeros(rows)
    for k in range(columns):
        if k % 3 < 2:
            x = rng.normal(size=rows)
            logit += x * (k < 9)
            frame[f"number_{k}"] = np.where(rng.random(rows) < 0.05, np.nan, x.round(4))
        else:
            index = rng.integers(0, 6, rows)
            logit += (index - 2.5) * (k < 9)
            frame[f"text_{k}"] = np.where(
                rng.random(rows) < 0.05, "", np.array([f"level {i}" for i in range(6)])[index]
            )
    frame["y"] = np.where(rng.random(rows) < 1 / (1 + np.exp(-logit)), "yes", "no")
    return pd.DataFrame(frame)


def measured(*words: str) -> tuple[float, float, float]:
    """Wall and processor seconds of a command, and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "nnfit", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"nnfit {' '.join(words)} ended with {status}")
    scale = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6


def main() -> None:
    """Print the table of the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(options.rows, options.columns).to_csv(folder / "table.csv", index=False)
        (folder / "spec.yaml").write_text(SPEC)
        spec, model, data = (str(folder / file) for file in ("spec.yaml", "model.npz", "table.csv"))
        pages = {kind: folder / f"{kind}.html" for kind in ("train", "without", "with")}
        commands = {
            "`nnfit train`": ("train", spec, "-o", model, "--quiet"),
            "`nnfit train --report`": ("train", spec, "-o", model, "--quiet", "--report", str(pages["train"])),
            "`nnfit report`": ("report", model, "-o", str(pages["without"])),
            "`nnfit report --data`": ("report", model, "--data", data, "-o", str(pages["with"])),
            "`nnfit explain`": ("explain", model, data),
        }
        print(f"{options.rows:,} rows, {options.columns} columns, 8 members of 64-32\n")
        print("| command | seconds | processor seconds | peak MB | bytes of the page |\n|---|---|---|---|---|")
        for (command, words), page in zip(commands.items(), [None, *pages.values(), None], strict=True):
            seconds, used, peak = measured(*words)
            size = "" if page is None else f"{page.stat().st_size:,}"
            print(f"| {command} | {seconds:.1f} | {used:.1f} | {peak:.0f} | {size} |", flush=True)
        print(f"\nThe model file has {Path(model).stat().st_size:,} bytes.")


if __name__ == "__main__":
    main()
