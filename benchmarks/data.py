"""Reading and predicting at scale, beside pandas: seconds and peak memory, each in a process of its own.

    python benchmarks/data.py [--rows 1000000] [--stream 5000000]

Reading for training, in as many threads as there are cores, is held against `pandas.read_csv` alone, which takes as
many; predicting against pandas reading and writing the same CSVs in chunks. Memory is the peak of the process above
that of one that has only done the imports.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PARTS = {
    "imports": "pass",
    "nnfit read": "read_table(path, Dialect(), {'y': 'text'})",
    "nnfit prepare": "prepare(load_spec(Path(folder, 'spec.yaml')))",
    "pandas read": "pd.read_csv(path)",
    "nnfit predict": """
with Reader(path, model.dialect) as reader, open(Path(folder, 'nnfit.csv'), 'wb') as out:
    out.writelines(csv_predictions(model, reader, False, [], 'error', print))""",
    "pandas predict": """
first = True
for chunk in pd.read_csv(path, chunksize=20_000):
    chunk[['y']].to_csv(Path(folder, 'pandas.csv'), mode='w' if first else 'a', header=first, index=False)
    first = False""",
}
PRELUDE = """
import sys, time, resource, json
from nnfit.workers.blas import set_blas_threads
set_blas_threads()
from pathlib import Path
import pandas as pd
import nnfit
from nnfit.data.dialect import Dialect
from nnfit.data.reader import Reader
from nnfit.data.table import read_table
from nnfit.model.prediction import csv_predictions
from nnfit.fit.prepare import prepare
from nnfit.config.loader import load_spec
from nnfit.workers.cores import available
from nnfit.workers.threads import threads
threads.set(available())
path, folder = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
pd.read_csv(Path(folder, 'tiny.csv'))
model = nnfit.load(Path(folder, 'tiny.npz'))
before, start = peak(), time.perf_counter()
"""
REPORT = "\nprint(json.dumps([time.perf_counter() - start, peak() - before]))"
SPEC = """
data: {train: NAME, target: y}
network: {layers: [{size: 16, activation: relu}, {size: 1, activation: logistic}]}
training: {epochs: 1, batch_size: 1024}
"""


def write_csv(path: Path, rows: int, texts: int = 0) -> None:
    """20 columns of numbers with six decimals, the last `texts` of them words, and a target of 0 and 1, in pieces."""
    import numpy as np

    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(30)], object)
    with path.open("w") as file:
        file.write(",".join([*(f"x{i}" for i in range(20)), "y"]) + "\n")
        for start in range(0, rows, 50_000):
            x = rng.standard_normal((min(50_000, rows - start), 20))
            y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
            columns = [x[:, : 20 - texts], words[rng.integers(0, 30, (len(x), texts))], y]
            form = ["%.6f"] * (20 - texts) + ["%s"] * texts + ["%d"]
            np.savetxt(file, np.column_stack([c.astype(object) for c in columns]), fmt=form, delimiter=",")


def run(part: str, path: Path, folder: Path, pinned: bool) -> tuple[float, float]:
    """Seconds and megabytes of one part, in a fresh process; pinned to one core, or on all."""
    pin = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" if pinned else ""
    code = pin + PRELUDE + PARTS[part] + REPORT
    done = subprocess.run([sys.executable, "-c", code, path, folder], check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def compare(
    title: str, parts: list[str], path: Path, folder: Path, rounds: int, pinned: bool = False
) -> dict[str, tuple[float, float]]:
    """The medians of interleaved rounds, the first of which is a warm-up."""
    results: dict[str, list[tuple[float, float]]] = {part: [] for part in parts}
    for turn in range(rounds + 1):
        for part in parts:
            found = run(part, path, folder, pinned)
            if turn:
                results[part].append(found)
    medians = {part: tuple(map(statistics.median, zip(*found, strict=True))) for part, found in results.items()}
    print(f"\n{title}")
    for part, (seconds, megabytes) in medians.items():
        print(f"  {part:15} {seconds:7.2f} s  {megabytes:7.0f} MB")
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows read for training")
    parser.add_argument("--stream", type=int, default=5_000_000, help="rows predicted")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_csv(folder / "tiny.csv", 200)
        (folder / "tiny.yaml").write_text(SPEC.replace("NAME", "tiny.csv"))
        nnfit = Path(sys.executable).with_name("nnfit")
        subprocess.run([nnfit, "train", folder / "tiny.yaml", "--quiet"], check=True)
        big = folder / "big.csv"
        write_csv(big, options.rows)
        (folder / "spec.yaml").write_text(SPEC.replace("NAME", "big.csv"))
        read = compare(
            f"Reading {options.rows:,} × 20 numbers for training",
            ["nnfit read", "nnfit prepare", "pandas read"],
            big,
            folder,
            options.rounds,
        )
        array = options.rows * 21 * 4 / 1e6
        alone = compare("The same on one core", ["nnfit read", "pandas read"], big, folder, options.rounds, pinned=True)
        for cores, found in (("all cores", read), ("one core", alone)):
            ratio = found["nnfit read"][0] / found["pandas read"][0]
            print(f"  time on {cores}: {ratio:.2f} × pandas.read_csv (at most 2)")
        for part in ("nnfit read", "nnfit prepare"):
            print(
                f"  memory of {part}: {read[part][1] / array:.2f} × the float32 array of {array:.0f} MB (at most 2.5)"
            )
        write_csv(big, options.rows, texts=10)
        title = f"Reading {options.rows:,} rows of 10 numbers and 10 texts"
        mixed = compare(title, ["nnfit read", "pandas read"], big, folder, options.rounds)
        ratio = mixed["nnfit read"][0] / mixed["pandas read"][0]
        print(f"  time on all cores: {ratio:.2f} × pandas.read_csv (at most 2)")
        write_csv(big, options.stream)
        streamed = compare(
            f"Predicting {options.stream:,} rows × 20 columns",
            ["nnfit predict", "pandas predict"],
            big,
            folder,
            1,
        )
        ratio = streamed["pandas predict"][0] / streamed["nnfit predict"][0]
        print(f"  speed: {ratio:.2f} of pandas reading and writing in chunks (at least 0.5)")
        print(f"  memory: {streamed['nnfit predict'][1]:.0f} MB above the empty process (at most 300)")


if __name__ == "__main__":
    main()
