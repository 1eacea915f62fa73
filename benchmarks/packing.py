"""What many trainings cost in one array, beside one after the other: 48 trials in 5 folds of a 10-32-3 network.

    python benchmarks/packing.py [EPOCHS [ROWS [TRIALS]]]

The trials differ in learning rate, weight decay and seed, and are trained through the whole pipeline: the table read,
the epochs, and the metrics at the end. `train_together` gives all of them at once; beside it each is trained alone, as
`nnfit train` does, and three of them, as a measure of how little the others cost. One thread; the bytes are compared.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402

from nnfit.config.loader import LoadedSpec, load_spec  # noqa: E402
from nnfit.fit.packing import train_together  # noqa: E402
from nnfit.fit.train import Result, trained  # noqa: E402

SPEC = """
data: {train: data.csv, target: y, split_seed: 0}
network: {layers: [{size: 32, activation: relu}, {size: auto, activation: softmax}], members: 5}
training:
  batch_size: 32
  resample: folds
  optimizer: adamw
  early_stopping: {patience: 1000}
"""


def write(path: Path, rows: int) -> None:
    """Ten normal inputs and three classes by a random map with a bend."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 10))
    y = (np.tanh(X @ rng.standard_normal((10, 8))) @ rng.standard_normal((8, 3))).argmax(axis=1)
    lines = [",".join([*map(repr, map(float, x)), "abc"[k]]) for x, k in zip(X, y, strict=True)]
    path.write_text("\n".join([",".join([*(f"x{i}" for i in range(10)), "y"]), *lines]) + "\n")


def specs(folder: Path, epochs: int, trials: int) -> list[LoadedSpec]:
    """The trials: rates and decays on a logarithmic scale, each with a seed of its own."""
    rng = np.random.default_rng(1)
    keys = "training.optimizer.learning_rate", "training.optimizer.weight_decay"
    found = []
    for k in range(trials):
        drawn = (10 ** rng.uniform([-4, -4], [-2, -1])).tolist()
        own = {"training.epochs": epochs, "seed": k, **dict(zip(keys, drawn, strict=True))}
        found.append(load_spec(folder / "spec.yaml", own))
    return found


def alone(each: Sequence[LoadedSpec]) -> list[Result]:
    """One after the other."""
    return [trained(spec, {}) for spec in each]


def timed(run: Callable[[Sequence[LoadedSpec]], Any], each: Sequence[LoadedSpec]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    start = time.perf_counter()
    found = run(each)
    return time.perf_counter() - start, found


def main() -> None:
    epochs, rows, trials = (int(given) for given in [*sys.argv[1:], *["500", "1000", "48"][len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as name:
        write(Path(name, "data.csv"), rows)
        Path(name, "spec.yaml").write_text(SPEC)
        each = specs(Path(name), epochs, trials)
        timed(alone, [*specs(Path(name), 1, 1)])  # what is loaded when it is first needed
        three, _ = timed(alone, each[:3])
        packed, together = timed(train_together, each)
        whole, apart = timed(alone, each)
    same = [one.model.to_bytes() == other.model.to_bytes() for one, other in zip(together, apart, strict=True)]
    print(
        f"{trials} trials, 5 folds, 10-32-3, {rows:,} rows, {epochs} epochs: packed {packed:.2f} s, "
        f"one after the other {whole:.2f} s, {whole / packed:.1f} times as long; three alone {three:.2f} s, "
        f"packed {packed / three:.1f} times that; {sum(same)} of {trials} models have the same bytes"
    )


if __name__ == "__main__":
    main()
