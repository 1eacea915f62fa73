"""Rows in memory, on disk and from the cache: memory of a training, and the seconds until its first epoch.

    python benchmarks/disk.py [--rows 1000000 3000000] [--columns 20] [--mixed] [--rounds 3] [--folder FOLDER]
    python benchmarks/disk.py --pieces [--folder FOLDER]

Tables of numbers drawn from a fixed seed, each training in a process of its own, the ways in turn. Memory is the peak
of what the process has for itself (RssAnon), looked at a hundred times a second from the start to the model: pages of
files, which the system may take back, are not in it. Seconds pass from the spec to the first epoch; those of a table of
100 rows every training takes. That all ways gave the same model is checked. A mixed table has numbers with gaps, a
fifth of its columns are texts, the target has two classes, and rows are held out. The folder needs room for three times
as much as the table has, on a disk.

The pieces are what single steps take: hashing and checking of bytes, a row in random order from memory and from a disk,
and the order of an epoch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BLOCK = 100_000  # rows that are written at once
FEW = 100
WAYS = ("memory", "disk", "first", "again")  # without the cache; with it, empty and full
MB = 1 << 20


def write(path: Path, rows: int, columns: int, mixed: bool) -> None:
    """A table of numbers, and a target that bends with them."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        X = rng.normal(size=(min(BLOCK, rows - start), columns)).round(4)
        y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(0, 0.3, len(X))).round(4)
        frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(columns)]).assign(y=y)
        if mixed:
            for k in range(columns):
                if k % 5 == 4:
                    frame[f"x{k}"] = np.array(["low", "middle", "high", "top"])[rng.integers(4, size=len(X))]
                else:
                    frame.loc[rng.random(len(X)) < 0.05, f"x{k}"] = np.nan
            frame["y"] = np.where(y > 0, "yes", "no")
        frame.to_csv(path, mode="w" if start == 0 else "a", header=start == 0, index=False)


def child(data: str, storage: str, cache: bool, mixed: bool) -> None:
    """Train, and print how long it was until the first epoch and to the end, and what came out."""
    from nnfit.workers.blas import set_blas_threads

    set_blas_threads()
    from nnfit.config.loader import load_spec
    from nnfit.fit.train import begin

    layers = [{"size": 16, "activation": "relu"}, {"size": "auto", "activation": "logistic" if mixed else "linear"}]
    training = {"epochs": 1, "batch_size": 4096}
    shares = {"validation": 0.1, "test": 0.1} if mixed else {}
    spec = {"data": {"train": data, "target": "y", **shares}, "network": {"layers": layers}, "training": training}
    start = time.perf_counter()
    trainer = begin(load_spec(spec, {"data.storage": storage, "data.cache": cache}))
    seconds = time.perf_counter() - start
    for _ in trainer.epochs():
        pass
    model = trainer.result().model.to_bytes()
    whole = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "whole": whole, "model": hashlib.sha256(model).hexdigest()}))


def pieces(folder: str | None) -> None:
    """Print what single steps take, the least of some times."""

    def least(work: Callable[[], object], times: int = 5) -> float:
        found = []
        for _ in range(times):
            start = time.perf_counter()
            work()
            found.append(time.perf_counter() - start)
        return min(found)

    data, n, rows = np.random.default_rng(0).bytes(100 * MB), 10_000_000, 2_000_000
    print(f"SHA-256 of 100 MB: {1e3 * least(lambda: hashlib.sha256(data)):.0f} ms")
    print(f"CRC-32 of 100 MB: {1e3 * least(lambda: zlib.crc32(data)):.0f} ms")
    drawing = least(lambda: np.random.default_rng(0).permutation(n), 3) / n
    print(f"the order of an epoch of {n:,} rows: {1e9 * drawing:.0f} ns a row")
    order = np.random.default_rng(0).permutation(rows)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(bytes(84 * rows))
        file.flush()
        os.fsync(file.fileno())
        X = np.memmap(file.name, np.float32, "r", shape=(rows, 21))
        print(f"a row of 84 bytes from memory: {1e9 * least(lambda: X.take(order, 0)) / rows:.0f} ns")
        del X
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        X = np.memmap(file.name, np.float32, "r", shape=(rows, 21))
        X._mmap.madvise(mmap.MADV_RANDOM)  # of a file larger than memory, what is read beside a row is soon gone
        some = order[:2000]
        print(f"from the disk: {1e3 * least(lambda: X.take(some, 0), 1) / len(some):.3f} ms")


def measured(data: Path, storage: str, cache: bool, mixed: bool) -> dict[str, Any]:
    """What a training says of itself, and its peak of memory in MB."""
    command = [sys.executable, __file__, "--child", str(data), storage, str(int(cache)), *["--mixed"] * mixed]
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
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--pieces", action="store_true")
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    mixed = options.mixed
    if options.child:
        data, storage, cache = options.child
        child(data, storage, cache == "1", mixed)
        return
    if options.pieces:
        pieces(options.folder)
        return
    print("| rows | way | peak of memory | until the first epoch | more than of 100 rows | the whole training |")
    print("|---|---|---|---|---|---|")
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            data, few = Path(folder) / "data.csv", Path(folder) / "few.csv"
            write(data, rows, options.columns, mixed)
            write(few, FEW, options.columns, mixed)
            found: dict[str, list[dict[str, Any]]] = {way: [] for way in options.only}
            least = []
            for _ in range(options.rounds):
                least.append(measured(few, "auto", True, mixed)["seconds"])
                if "first" in options.only:
                    for path in Path(folder).glob("nnfit/*"):
                        path.unlink()
                for way in options.only:
                    storage = "memory" if way == "memory" else "disk"
                    found[way].append(measured(data, storage, way in ("first", "again"), mixed))
        assert len({run["model"] for runs in found.values() for run in runs}) == 1
        for way, runs in found.items():
            seconds = min(run["seconds"] for run in runs)
            peak = max(run["peak"] for run in runs)
            more, whole = seconds - min(least), min(run["whole"] for run in runs)
            line = f"| {rows:,} | {way} | {peak:,.0f} MB | {seconds:.2f} s | {more:.2f} s | {whole:.1f} s |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
