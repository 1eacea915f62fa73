"""What `nnfit init` says that training takes, beside what it takes, on tables drawn from a fixed seed.

    python benchmarks/budget.py [--time SECONDS] [--old PYTHON] [NAME ...]

Seconds are those of the processor, of the whole process of `nnfit train` with one thread. --old names a Python that has
nnfit 0.1.0, whose own proposal is then trained as well.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

ONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Table(NamedTuple):
    """Rows, numbers, the categories of each text, and the target: a number, or so many classes."""

    rows: int
    numbers: int
    texts: tuple[int, ...] = ()
    classes: int = 0


TABLES = {
    "200 × 4, 2 classes": Table(200, 4, (), 2),
    "300 × 100, 20 classes": Table(300, 100, (), 20),
    "1,000 × 10": Table(1000, 10),
    "1,000 × 300, 2 classes": Table(1000, 300, (), 2),
    "5,000 × 10, 2 classes": Table(5000, 10, (), 2),
    "10,000 × 10": Table(10_000, 10),
    "10,000 × 30": Table(10_000, 30),
    "20,000 × 8 with 200 texts, 2 classes": Table(20_000, 5, (10, 200, 3), 2),
    "30,000 × 5 with 2 × 10,000 texts, 2 classes": Table(30_000, 3, (10_000, 10_000), 2),
    "30,000 × 99": Table(30_000, 99),
    "50,000 × 10": Table(50_000, 10),
    "50,000 × 10, 7 classes": Table(50_000, 10, (), 7),
    "100,000 × 20, 2 classes": Table(100_000, 20, (), 2),
    "100,000 × 300, 2 classes": Table(100_000, 300, (), 2),
    "500,000 × 8, 2 classes": Table(500_000, 8, (), 2),
}


def drawn(table: Table) -> pd.DataFrame:
    """A table whose target bends with its numbers and depends on its texts, with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(table.rows, table.numbers)).round(3)
    texts = [rng.integers(0, count, table.rows) for count in table.texts]
    y = np.sin(2 * X[:, :10]).sum(axis=1) + sum(np.cos(each) for each in texts) + rng.normal(0, 0.5, table.rows)
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(table.numbers)])
    for k, each in enumerate(texts):
        frame[f"t{k}"] = [f"v{code}w" for code in each]
    if table.classes:
        cuts = np.quantile(y, np.linspace(0, 1, table.classes + 1)[1:-1])
        return frame.assign(y=[f"c{code}" for code in np.searchsorted(cuts, y)])
    return frame.assign(y=y.round(4))


def nnfit(*arguments: str, python: str = sys.executable) -> float:
    """Run a command; the seconds that it takes of a processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-P", "-m", "nnfit", *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def before(python: str, data: str, spec: str, model: str) -> str:
    """What 0.1.0 takes for what it proposes."""
    nnfit("init", data, "--target", "y", "--force", "-o", spec, python=python)
    return f" {nnfit('train', spec, '-o', model, '--quiet', python=python):.2g} s |"


def main(names: Sequence[str], budget: float | None, old: str | None) -> None:
    """A line for each table."""
    print(
        f"| table | told | taken | told / taken |{' 0.1.0 |' if old else ''}\n|---|---|---|---|{'---|' if old else ''}"
    )
    time = [] if budget is None else ["--time", str(budget)]
    with tempfile.TemporaryDirectory() as folder:
        data, spec, model = (str(Path(folder) / name) for name in ("data.csv", "spec.yaml", "model.npz"))
        for name in names or TABLES:
            drawn(TABLES[name]).to_csv(data, index=False)
            nnfit("init", data, "--target", "y", "--quick", "--force", "-o", spec, *time)
            found = re.search(r"Training takes about ([\d.,]+) s", Path(spec).read_text())
            assert found is not None
            told = float(found[1].replace(",", ""))
            taken = nnfit("train", spec, "-o", model, "--threads", "1", "--quiet")
            print(f"| {name} | {told:g} s | {taken:.2g} s | {told / taken:.2f} |", end="", flush=True)
            print(before(old, data, spec, model) if old else "", flush=True)


if __name__ == "__main__":
    os.environ.update(ONE)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--time", type=float, help="the budget, in seconds")
    parser.add_argument("--old", metavar="PYTHON", help="a Python that has nnfit 0.1.0")
    options = parser.parse_args()
    main(options.names, options.time, options.old)
