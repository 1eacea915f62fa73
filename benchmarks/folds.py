"""What eight members with folds cost beside one network that learns from all rows: 4-16-3, batches of 16.

    python benchmarks/folds.py

Both are trained through the whole pipeline but reading: initial weights, epochs, and the metrics at the end. The eight
leave out a fold each, look at it after every epoch and keep their best weights. The ratio is one of medians over
interleaved rounds, in one thread.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402
from rounds import interleave, timed  # noqa: E402

from nnfit.config.loader import load_spec  # noqa: E402
from nnfit.fit import run as fitting  # noqa: E402
from nnfit.fit.prepare import Prepared, prepare  # noqa: E402
from nnfit.fit.train import finished  # noqa: E402
from nnfit.model.model import Model  # noqa: E402

ROUNDS, ROWS, TARGET = 9, 1_600, 3
SPEC = """
data: {train: data.csv, target: y}
network: {layers: [{size: 16, activation: relu}, {size: auto, activation: softmax}]}
training: {epochs: 30, batch_size: 16, baseline: false}
"""
FOLDS = ["network.members=8", "training.resample=folds", "training.early_stopping={patience: 30}"]


def write(path: Path) -> None:
    """Four normal inputs and three classes by a random linear map."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, 4))
    y = (X @ rng.standard_normal((4, 3))).argmax(axis=1)
    lines = [",".join([*map(repr, map(float, x)), "abc"[k]]) for x, k in zip(X, y, strict=True)]
    path.write_text("\n".join(["x1,x2,x3,x4,y", *lines]) + "\n")


def epochs(prepared: Prepared) -> fitting.Run:
    """The epochs alone, with what is looked at after each."""
    run = fitting.start(prepared)
    for _ in fitting.epochs(run):
        pass
    return run


def whole(prepared: Prepared) -> Model:
    """The epochs, and the metrics at the end."""
    return finished(epochs(prepared), 1)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name, "data.csv"))
        Path(name, "spec.yaml").write_text(SPEC)
        one, eight = (prepare(load_spec(Path(name, "spec.yaml"), changes)) for changes in ([], FOLDS))
    runs = {f"{part} {k}": timed(partial(run, p)) for k, p in (("1", one), ("8", eight)) for part, run in PARTS.items()}
    timings = interleave(runs, ROUNDS)
    for part in PARTS:
        alone, together = timings[f"{part} 1"], timings[f"{part} 8"]
        print(
            f"4-16-3, batch 16, {part}: 1 member {alone.median:.3f} s, 8 members with folds {together.median:.3f} s; "
            f"{together.median / alone.median:.2f} times as long (at most {TARGET}; spread {together.spread:.0%})"
        )


PARTS = {"the epochs": epochs, "the whole training": whole}

if __name__ == "__main__":
    main()
