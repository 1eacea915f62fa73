"""Rows in memory, on disk and from the cache: memory of a training, and the seconds until its first epoch.

    python benchmarks/disk.py [--rows 1000000 3000000] [--columns 20] [--rounds 3] [--folder FOLDER]

Tables of numbers drawn from a fixed seed, each training in a process of its own, the ways in turn. Memory is the peak
of what the process has for itself (RssAnon), looked at a hundred times a second from the start to the model: pages of
files, which the system may take back, are not in it. Seconds pass from the spec to the first epoch; those of a table of
100 rows every training takes. That all ways gave the same model is checked. The folder needs room for three times as
much as the table has, on a disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BLOCK = 100_000  # rows that are written at once
FEW = 100
WAYS = ("memory", "disk", "first", "again")  # without the cache; with it, empty and full
SPEC = {"layers": [{"size": 16, "activation": "relu"}, {"size": "auto", "activation": "linear"}]}


def write(path: Path, rows: int, columns: int) -> None:
    """A table of numbers, and a target that bends with them."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        X = rng.normal(size=(min(BLOCK, rows - start), columns)).round(4)
        y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(0, 0.3, len(X))).round(4)
        frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(columns)]).assign(y=y)
        frame.to_csv(path, mode="w" if start == 0 else "a", header=start == 0, index=False)


def child(data: str, storage: str, cache: bool) -> None:
    """Train, and print how long it was until the first epoch, and what came out."""
    from nnfit.workers.blas import set_blas_threads

    set_blas_threads()
    from nnfit.config.loader import load_spec
    from nnfit.fit.train import begin

    spec = {"data": {"train": data, "target": "y"}, "network": SPEC, "training": {"epochs": 1, "batch_size": 4096}}
    start = time.perf_counter()
    trainer = begin(load_spec(spec, {"data.storage": storage, "data.cache": cache}))
    seconds = time.perf_counter() - start
    for _ in trainer.epochs():
        pass
    model = trainer.result().model.to_bytes()
    print(json.dumps({"seconds": seconds, "model": hashlib.sha256(model).hexdigest()}))


def measured(data: Path, storage: str, cache: bool) -> dict[str, Any]:
    """What a training says of itself, and its peak of memory in MB."""
    command = [sys.executable, __file__, "--child", str(data), storage, str(int(cache))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        peak = 0
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))])
            time.sleep(0.01)
        assert process.returncode == 0
        assert process.stdout is not None
        return {**json.loads(process.stdout.read()), "peak": peak / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000])
    for name, default in (("columns", 20), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--only", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        data, storage, cache = options.child
        child(data, storage, cache == "1")
        return
    print("| rows | way | peak of memory | until the first epoch | more than of 100 rows |")
    print("|---|---|---|---|---|")
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            data, few = Path(folder) / "data.csv", Path(folder) / "few.csv"
            write(data, rows, options.columns)
            write(few, FEW, options.columns)
            found: dict[str, list[dict[str, Any]]] = {way: [] for way in options.only}
            least = []
            for _ in range(options.rounds):
                least.append(measured(few, "auto", True)["seconds"])
                for path in Path(folder).glob("nnfit/*"):
                    path.unlink()
                for way in options.only:
                    storage = "memory" if way == "memory" else "disk"
                    found[way].append(measured(data, storage, way in ("first", "again")))
        assert len({run["model"] for runs in found.values() for run in runs}) == 1
        for way, runs in found.items():
            seconds = min(run["seconds"] for run in runs)
            peak = max(run["peak"] for run in runs)
            print(f"| {rows:,} | {way} | {peak:,.0f} MB | {seconds:.2f} s | {seconds - min(least):.2f} s |", flush=True)


if __name__ == "__main__":
    main()
